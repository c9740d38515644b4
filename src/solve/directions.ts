/** Search directions on the Grassmannian: preconditioned gradient, Gauss–Newton, L-BFGS. */
import { symmetricEigen } from "../math/dense.js";
import { innerProduct, norm, transport } from "../math/grassmann.js";
import { type FlowPoint, type ProfiledLoss, slopeAlong } from "./objective.js";

/** Part of tr H that keeps H⁻¹ bounded along directions that the link does not use. */
const METRIC_FLOOR = 1e-6;

/** Δ ↦ Δ(H + 10⁻⁶ tr(H) I)⁻¹: the metric in which all directions of the link are learnt equally fast. */
export function inverseMetric(point: FlowPoint, rank: number): (delta: Float64Array) => Float64Array {
  const h = Float64Array.from(point.gradientMoment);
  let trace = 0;
  for (let k = 0; k < rank; k++) trace += h[k * rank + k];
  const floor = trace > 0 ? METRIC_FLOOR * trace : 1;
  const { values, vectors } = symmetricEigen(h, rank);
  const inverse = new Float64Array(rank * rank);
  for (let l = 0; l < rank; l++) {
    const factor = 1 / (Math.max(values[l], 0) + floor);
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j < rank; j++) inverse[i * rank + j] += vectors[i * rank + l] * factor * vectors[j * rank + l];
    }
  }
  return (delta) => timesSmall(delta, inverse, rank);
}

/** ΔS for a k×r matrix and a small r×r one. */
function timesSmall(delta: Float64Array, small: Float64Array, r: number): Float64Array {
  const out = new Float64Array(delta.length);
  for (let at = 0; at < delta.length; at += r) {
    for (let l = 0; l < r; l++) {
      const v = delta[at + l];
      for (let k = 0; k < r; k++) out[at + k] += v * small[l * r + k];
    }
  }
  return out;
}

function negated(a: Float64Array): Float64Array {
  const out = new Float64Array(a.length);
  for (let k = 0; k < out.length; k++) out[k] = -a[k];
  return out;
}

/** −grad J·H⁻¹, the gradient in the metric of the link ("AGOP step", [MI §7.5]). Equals Gauss–Newton in the population. */
export function preconditionedGradient(objective: ProfiledLoss, point: FlowPoint): Float64Array {
  return negated(inverseMetric(point, objective.rank)(point.gradient));
}

const DAMPING = 1e-3;
const MAX_INNER = 40;

/**
 * Solves the Gauss–Newton system of variable projection, (1/n)JacᵀJacΔ + λΔH = rhs, for a tangent rhs: conjugate
 * gradients preconditioned by Δ ↦ ΔH⁻¹, which is asymptotically the exact inverse for whitened Gaussian inputs.
 *
 * @param forcing - relative residual at which the inner iteration stops
 * Source: [MI §7.5]; Golub & Pereyra (1973), Kaufman (1975), Hokanson & Constantine (2018).
 * Cost: 2 to 6 inner steps when whitened, each two half passes over X.
 */
export async function gaussNewtonSolve(
  objective: ProfiledLoss,
  point: FlowPoint,
  rhs: Float64Array,
  forcing: number,
): Promise<Float64Array> {
  const precondition = inverseMetric(point, objective.rank);
  const target = forcing * norm(rhs);
  const solution = new Float64Array(rhs.length);
  const residual = Float64Array.from(rhs);
  let preconditioned = precondition(residual);
  const search = Float64Array.from(preconditioned);
  let energy = innerProduct(residual, preconditioned);
  for (let inner = 0; inner < MAX_INNER && energy > 0; inner++) {
    const product = await objective.gaussNewtonProduct(point, search);
    const damping = timesSmall(search, point.gradientMoment, objective.rank);
    for (let k = 0; k < product.length; k++) product[k] += DAMPING * damping[k];
    const curvature = innerProduct(search, product);
    if (!(curvature > 0)) break;
    const alpha = energy / curvature;
    for (let k = 0; k < solution.length; k++) {
      solution[k] += alpha * search[k];
      residual[k] -= alpha * product[k];
    }
    if (norm(residual) <= target) break;
    preconditioned = precondition(residual);
    const next = innerProduct(residual, preconditioned);
    const beta = next / energy;
    for (let k = 0; k < search.length; k++) search[k] = preconditioned[k] + beta * search[k];
    energy = next;
  }
  return solution;
}

/** One step of the past: s = tΔ and y = grad₊ − grad, both in the tangent space of the newest point. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** ⟨s, y⟩. */
  readonly curvature: number;
}
export type Pairs = readonly Pair[];

const MEMORY = 10;
const CURVATURE_FLOOR = 1e-12;

/** An approximate inverse of the Hessian of J on tangents; gives a new array. */
export type Metric = (rhs: Float64Array) => Float64Array | Promise<Float64Array>;

/**
 * Limited-memory BFGS by the two-loop recursion around any first metric. With no pairs it is −metric(grad J).
 * @param scaled - rescale the metric by the newest pair, for metrics that know directions but not lengths
 */
export async function quasiNewton(
  objective: ProfiledLoss,
  point: FlowPoint,
  pairs: Pairs,
  metric: Metric,
  scaled: boolean,
): Promise<Float64Array> {
  const q = point.gradient.slice();
  const alphas = new Float64Array(pairs.length);
  for (let l = pairs.length - 1; l >= 0; l--) {
    const { s, y, curvature } = pairs[l];
    alphas[l] = innerProduct(s, q) / curvature;
    for (let k = 0; k < q.length; k++) q[k] -= alphas[l] * y[k];
  }
  const out = await metric(q);
  const last = pairs[pairs.length - 1];
  if (scaled && last) {
    const size = last.curvature / innerProduct(last.y, await metric(last.y));
    for (let k = 0; k < out.length; k++) out[k] *= size;
  }
  for (let l = 0; l < pairs.length; l++) {
    const { s, y, curvature } = pairs[l];
    const change = alphas[l] - innerProduct(y, out) / curvature;
    for (let k = 0; k < out.length; k++) out[k] += change * s[k];
  }
  const direction = negated(out);
  return slopeAlong(point, direction) < 0 ? direction : preconditionedGradient(objective, point);
}

/** The pairs after a step from `from` to `to` by displacement tΔ: old ones carried along, bad curvature left out. */
export function rememberPair(
  objective: ProfiledLoss,
  pairs: Pairs,
  from: FlowPoint,
  displacement: Float64Array,
  to: FlowPoint,
): Pairs {
  const { dim, rank } = objective;
  const carry = (v: Float64Array): Float64Array => transport(to.basis, v, dim, rank);
  const kept: Pair[] = [];
  const keep = (s: Float64Array, y: Float64Array): void => {
    const curvature = innerProduct(s, y);
    if (curvature > CURVATURE_FLOOR * norm(s) * norm(y)) kept.push({ s, y, curvature });
  };
  for (const pair of pairs) keep(carry(pair.s), carry(pair.y));
  const y = carry(from.gradient);
  for (let k = 0; k < y.length; k++) y[k] = to.gradient[k] - y[k];
  keep(carry(displacement), y);
  return kept.slice(-MEMORY);
}
