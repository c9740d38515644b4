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
 * A workspace opened without room for the motions gives them the leverage (gᵢᵀ(H + K)⁻¹gᵢ)(k − r)/n, which is theirs for
 * whitened inputs of many dimensions as n grows.
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

/** Adds wᵢ(gᵢᵀ(H + K)⁻¹gᵢ)·outside/n to the leverages of the link. */
async function addMotions(
  workspace: Workspace,
  point: FlowPoint,
  curvature: Float64Array,
  outside: number,
  total: Float64Array,
): Promise<void> {
  const { rank: r, samples: n } = workspace.layout.shape;
  const { values, vectors } = symmetricEigen(
    point.gradientMoment.map((v, at) => v + curvature[at]),
    r,
  );
  const floor = 1e-12 * Math.max(values[r - 1], 0);
  const g = await workspace.linkGradients();
  for (let i = 0; i < n; i++) {
    let used = 0;
    for (let k = 0; k < r; k++) {
      if (!(values[k] > floor)) continue;
      let along = 0;
      for (let l = 0; l < r; l++) along += vectors[l * r + k] * g[i * r + l];
      used += (along * along) / values[k];
    }
    total[i] = Math.min(1, total[i] + (used * outside) / workspace.weightSum);
  }
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
