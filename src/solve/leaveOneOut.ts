/** Tangent leave-one-out: what every row's error would be without it, link and directions refitted to first order. */
import { tangentLeverages } from "../kernel/tangent.js";
import type { Workspace } from "../kernel/workspace.js";
import { symmetricEigen } from "../math/dense.js";
import { complementOf, innerProduct } from "../math/grassmann.js";
import { type InputMap, toColumns } from "./inputMap.js";
import type { FlowPoint } from "./objective.js";

export interface LeaveOneOut {
  /** eᵢ, n numbers in the units of the standardized response. */
  readonly errors: Float64Array;
  /** tr of the hat matrix. */
  readonly degreesOfFreedom: number;
}

/** 1 − h never counts as less than this: a row that is fitted whatever it says. */
const LEAST_FREEDOM = 1e-3;
/** The least denominator of the factor for the search over subspaces. */
const LEAST_FACTOR = 0.02;
/** Part by which the search over basins makes the degrees of freedom of the directions larger than their number. */
const SEARCH = 0.2;
/** Least curvature along the motions of the directions; only keeps S regular. */
const FLOOR = 1e-10;
/** Tangent spaces wider than this, or costing more flops, get the leverage of directions that whitened inputs imply. */
const WIDEST = 400;
const DEAREST = 6e8;

/** Directions outside the basis whose motion is worth its 2n·q² flops: all of them, or none. */
export function tangentDirections(samples: number, features: number, rank: number, dim: number): number {
  const q = features + rank * (dim - rank);
  return rank > 0 && q <= WIDEST && 2 * samples * q * q <= DEAREST ? dim - rank : 0;
}

/**
 * Leave-one-out errors at the current point of a workspace,
 *
 *     eᵢ = ρᵢ/(1 − hᵢ) · (1 − h̄)/(1 − h̄ − 0.2 h̄ᵂ),
 *
 * h from the normal equations of link features and direction motions together, h̄ᵂ the mean leverage of the motions.
 * A workspace opened without room for the motions gives them the leverage that is theirs for whitened inputs of many
 * dimensions (`addMotions`).
 *
 * @returns undefined when S is singular to working precision
 * Source: `math/learner` §4.
 */
export async function leaveOneOut(
  workspace: Workspace,
  inputs: InputMap,
  point: FlowPoint,
  penalty: Float64Array,
): Promise<LeaveOneOut | undefined> {
  const { rank, degree, complement = 0 } = workspace.layout.shape;
  const columns =
    complement > 0 ? toColumns(inputs, complementOf(point.basis, inputs.dim, rank), complement) : new Float64Array(0);
  const curvature = curvatureOf(point, rank, rank === 1 && degree === 1);
  const leverages = await tangentLeverages(workspace, columns, penalty, curvature);
  if (!leverages) return undefined;
  const { link, total } = leverages;
  if (complement === 0 && rank > 0) await addMotions(workspace, point, curvature, inputs.dim - rank, total);
  return errorsOf(workspace, link, total);
}

/**
 * Curvature K, r×r, along motions of the directions that AᵀA lacks: a floor, and for a linear link −Wᵀ∇_W J = mean ρᵢgᵢzᵢᵀ,
 * which is what its ridge takes from the slope. With it the leverages are those of ridge regression.
 * Source: second order of W ↦ W + Ξ − ½WΞᵀΞ in the loss.
 */
function curvatureOf({ basis, euclidean }: FlowPoint, r: number, isLinear: boolean): Float64Array {
  const out = new Float64Array(r * r);
  for (let k = 0; k < r; k++) out[k * r + k] = FLOOR;
  if (isLinear) out[0] += Math.max(0, -innerProduct(basis, euclidean));
  return out;
}

/** Steps of the fixed point below, and the relative change at which it ends. */
const MOTION_STEPS = 60;
const MOTION_TOLERANCE = 1e-4;

/**
 * Leverages of link and motions together in place of those of the link alone, for whitened inputs of many dimensions.
 *
 * With rows x⊥ᵢ ⊗ gᵢ of the motions, x⊥ of c independent entries, (AᵀA)⁻¹ is close to I ⊗ M⁻¹. A row is left
 * 1/(1 + αoᵢ + ℓᵢ) of itself, which is more than nothing however large gᵢ is, where
 *
 *     ℓᵢ = c·gᵢᵀM⁻¹gᵢ,   M = nK + Σ gᵢgᵢᵀ/(1 + αoᵢ + ℓᵢ),   oᵢ = hᵢ/(1 − hᵢ),   Σ αoᵢ/(1 + αoᵢ + ℓᵢ) = Σ hᵢ,
 *
 * h the leverages of the link: every row counts less the more it determines itself, and the sums over the rows are the
 * degrees of freedom of the link and of the motions.
 *
 * Source: deterministic equivalents of sample covariances (Silverstein & Bai 1995), with a matrix in place of the scalar;
 * `math/learner` §4 has the first step, ℓᵢ with M = nH. Cost: up to 60 times 4n·r² flops.
 */
async function addMotions(
  workspace: Workspace,
  { gradientMoment }: FlowPoint,
  curvature: Float64Array,
  outside: number,
  total: Float64Array,
): Promise<void> {
  const { rank: r, samples: n } = workspace.layout.shape;
  const g = await workspace.linkGradients();
  const fixed = curvature.map((v) => v * workspace.weightSum);
  const odds = total.map((h) => h / Math.max(1 - h, LEAST_FREEDOM));
  const freedom = total.reduce((sum, h) => sum + h, 0);
  let m = gradientMoment.map((v, at) => v * workspace.weightSum + fixed[at]);
  let alpha = 1;
  for (let step = 0, change = 1; step < MOTION_STEPS && change > MOTION_TOLERANCE; step++) {
    const half = inverseRoot(m, r);
    const next = fixed.slice();
    let linkFreedom = 0;
    for (let i = 0; i < n; i++) {
      let motion = 0;
      for (let k = 0; k < r; k++) {
        let along = 0;
        for (let l = 0; l < r; l++) along += half[k * r + l] * g[i * r + l];
        motion += outside * along * along;
      }
      const left = 1 / (1 + alpha * odds[i] + motion);
      total[i] = 1 - left;
      linkFreedom += alpha * odds[i] * left;
      for (let k = 0; k < r; k++) for (let l = 0; l < r; l++) next[k * r + l] += left * g[i * r + k] * g[i * r + l];
    }
    const growth = linkFreedom > 0 ? freedom / linkFreedom : 1;
    change = Math.abs(growth - 1);
    for (let k = 0; k < r * r; k += r + 1) if (m[k] > 0) change = Math.max(change, Math.abs(next[k] / m[k] - 1));
    alpha *= growth;
    m = next;
  }
}

/** M^(−1/2) of a symmetric r×r matrix, zero along directions in which it vanishes. */
function inverseRoot(m: Float64Array, r: number): Float64Array {
  const { values, vectors } = symmetricEigen(m, r);
  const floor = 1e-12 * Math.max(values[r - 1], 0);
  const out = new Float64Array(r * r);
  for (let l = 0; l < r; l++) {
    if (!(values[l] > floor)) continue;
    const factor = 1 / Math.sqrt(values[l]);
    for (let i = 0; i < r; i++)
      for (let j = 0; j < r; j++) out[i * r + j] += vectors[i * r + l] * factor * vectors[j * r + l];
  }
  return out;
}

async function errorsOf(workspace: Workspace, link: Float64Array, total: Float64Array): Promise<LeaveOneOut> {
  const residuals = await workspace.residuals();
  const weights = workspace.rowWeights();
  const n = total.length;
  let all = 0;
  let motion = 0;
  for (let i = 0; i < n; i++) {
    all += total[i];
    motion += total[i] - link[i];
  }
  const mean = all / n;
  const factor = (1 - mean) / Math.max(1 - mean - SEARCH * (motion / n), LEAST_FACTOR);
  const errors = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const root = weights ? Math.sqrt(weights[i]) : 1;
    const residual = root > 0 ? residuals[i] / root : 0;
    errors[i] = (residual / Math.max(1 - total[i], LEAST_FREEDOM)) * Math.max(factor, 1);
  }
  return { errors, degreesOfFreedom: all };
}
