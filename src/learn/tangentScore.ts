/** Leave-one-out errors of a link that is linear in features of z = Bᵀx, its directions refitted to first order. */
import type { FeatureRows, LinkSums } from "../kernel/featureRows.js";
import { multiplyTransposed, symmetricEigen } from "../math/dense.js";

/** How well a fitted link predicts rows that it has not seen. */
export interface LinkScore {
  /** Mean of eᵢ², weighted. */
  readonly score: number;
  /** eᵢ, n numbers. */
  readonly errors: Float64Array;
  /** tr of the hat matrix. */
  readonly degreesOfFreedom: number;
  /** The part of it that belongs to the directions. */
  readonly directionFreedom: number;
  /**
   * Covariance of the directions as they were fitted (B, k×r, entry (a, j) at j·k + a) by the jackknife sandwich, kr×kr;
   * absent where they were too many to be looked at.
   */
  readonly covariance?: Float64Array;
}

/** 1 − h never counts as less than this: a row that is fitted whatever it says. */
const LEAST_FREEDOM = 1e-3;
/** The least denominator of the factor for the search over subspaces. */
const LEAST_FACTOR = 0.02;
/** Part by which the search over basins makes the degrees of freedom of the directions larger than their number. */
const SEARCH = 0.2;
/** Ridge on the directions relative to their mean diagonal; only keeps S regular. */
const FLOOR = 1e-8;
/** Tangent spaces wider than this, or costing more flops, get the leverage of directions that whitened inputs imply. */
const WIDEST = 400;
const DEAREST = 6e8;

/** Whether the leverages of the directions are worth their 2n·q² flops. */
export function hasTangent(n: number, features: number, rank: number, k: number): boolean {
  const q = features + rank * k;
  return rank > 0 && q <= WIDEST && 2 * n * q * q <= DEAREST;
}

/**
 * Leave-one-out errors at the coefficients that `rows.solve(penalty)` left,
 *
 *     eᵢ = ρᵢ/(1 − hᵢ) · (1 − h̄)/(1 − h̄ − 0.2 h̄ᵂ),
 *
 * h the leverages of A = [Φ | x_a·∂_jf] under AᵀWA + diag(penalty, ~0). Where A is too wide the directions get
 * wᵢ·gᵢᵀ(Σwgg ᵀ)⁻¹gᵢ·k, which is theirs for whitened inputs as n grows.
 *
 * @param sums - those of the same coefficients
 * @param gauge - adds what holds motions in place that are no freedom, to the packed S
 * @returns undefined when S is singular to working precision
 * Source: `math/learner` §4. Cost: 2n(p + kr)² flops.
 */
export async function scoreLink(
  rows: FeatureRows,
  penalty: Float64Array,
  sums: LinkSums,
  gauge: (s: Float64Array) => void = () => {},
): Promise<LinkScore | undefined> {
  const { k, weights } = rows.data;
  const p = rows.features.count;
  if (rows.rank === 0 || rows.tangentCount === 0) {
    const link = await rows.linkLeverages();
    const total = link.slice();
    addMotions(rows, sums, total);
    return errorsOf(sums.residuals, weights, link, total);
  }
  const { gram } = await rows.tangentEquations();
  addDiagonal(gram, penalty, p, p + k * rows.rank);
  gauge(gram);
  if (rows.tangentSolve(gram) === undefined) return undefined;
  const { link, total } = await rows.leverages();
  const score = errorsOf(sums.residuals, weights, link, total);
  return { ...score, covariance: await rows.sandwich(score.errors) };
}

/**
 * The covariance of the motion of W away from its own span, from that of B = WM: motion (a, l) of W⊥ᵀδB·M⁻¹ at a + l·c.
 *
 * @param outside - W⊥, k×c with orthonormal columns
 * @param inverse - M⁻¹, r×r
 * @returns (c·r)² numbers. Cost: 2c(kr)²·r flops
 */
export function motionsOutside(
  covariance: Float64Array,
  outside: Float64Array,
  inverse: Float64Array,
  k: number,
  r: number,
): Float64Array {
  const c = outside.length / k;
  const size = k * r;
  // Rows first, then columns by symmetry: each time δB ↦ W⊥ᵀδB·M⁻¹ on vectors with entries j·k + a.
  const half = mapRows(covariance, size, outside, inverse, k, r, c);
  const turned = new Float64Array(half.length);
  for (let i = 0; i < c * r; i++) for (let j = 0; j < size; j++) turned[j * c * r + i] = half[i * size + j];
  return mapRows(turned, c * r, outside, inverse, k, r, c);
}

/** T·A for the kr×columns matrix A, T the map above; cr×columns. */
function mapRows(
  a: Float64Array,
  columns: number,
  outside: Float64Array,
  inverse: Float64Array,
  k: number,
  r: number,
  c: number,
): Float64Array {
  const out = new Float64Array(c * r * columns);
  for (let j = 0; j < r; j++) {
    const block = multiplyTransposed(outside, a.subarray(j * k * columns, (j + 1) * k * columns), k, c, columns);
    for (let l = 0; l < r; l++) {
      const factor = inverse[j * r + l];
      if (factor === 0) continue;
      for (let i = 0; i < c * columns; i++) out[l * c * columns + i] += factor * block[i];
    }
  }
  return out;
}

/** Adds the penalty to the features and almost nothing to the q − p directions of a packed matrix. */
export function addDiagonal(s: Float64Array, penalty: Float64Array, p: number, q: number, floor = FLOOR): void {
  let trace = 0;
  for (let j = p; j < q; j++) trace += s[(j * (j + 1)) / 2 + j];
  const ridge = trace > 0 ? (floor * trace) / (q - p) : 1;
  for (let j = 0; j < q; j++) s[(j * (j + 1)) / 2 + j] += j < p ? penalty[j] : ridge;
}

function addMotions(rows: FeatureRows, { gradientMoment, gradients }: LinkSums, total: Float64Array): void {
  const { n, k, weights } = rows.data;
  const r = rows.rank;
  if (r === 0) return;
  const { values, vectors } = symmetricEigen(gradientMoment, r);
  const floor = 1e-12 * Math.max(values[r - 1], 0);
  for (let i = 0; i < n; i++) {
    let used = 0;
    for (let c = 0; c < r; c++) {
      if (!(values[c] > floor)) continue;
      let along = 0;
      for (let l = 0; l < r; l++) along += vectors[l * r + c] * gradients[i * r + l];
      used += (along * along) / values[c];
    }
    total[i] = Math.min(1, total[i] + (weights === undefined ? 1 : weights[i]) * used * k);
  }
}

function errorsOf(
  residuals: Float64Array,
  weights: Float64Array | undefined,
  link: Float64Array,
  total: Float64Array,
): LinkScore {
  const n = total.length;
  let all = 0;
  let ofLink = 0;
  let counted = 0;
  for (let i = 0; i < n; i++) {
    all += total[i];
    ofLink += link[i];
    if (weights === undefined || weights[i] > 0) counted++;
  }
  const mean = all / counted;
  const motion = (all - ofLink) / counted;
  const factor = Math.max(1, (1 - mean) / Math.max(1 - mean - SEARCH * motion, LEAST_FACTOR));
  const errors = new Float64Array(n);
  let score = 0;
  let weightSum = 0;
  for (let i = 0; i < n; i++) {
    errors[i] = (residuals[i] / Math.max(1 - total[i], LEAST_FREEDOM)) * factor;
    const w = weights === undefined ? 1 : weights[i];
    score += w * errors[i] * errors[i];
    weightSum += w;
  }
  return { score: score / weightSum, errors, degreesOfFreedom: all, directionFreedom: all - ofLink };
}
