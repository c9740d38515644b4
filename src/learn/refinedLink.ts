/** What the fit of a link beyond polynomials takes and gives. */
import type { RunControl } from "../base/control.js";
import { createRng } from "../base/rng.js";
import type { KernelChoice } from "../base/types.js";
import type { RowData } from "../kernel/featureRows.js";
import { leastSquares, multiply, multiplyTransposed, symmetricEigen } from "../math/dense.js";
import { complementOf } from "../math/grassmann.js";
import type { ModelLink } from "../model/modelLink.js";
import { type LinkScore, motionsOutside } from "./tangentScore.js";

/** A problem whose directions are known well: rows in whitened coordinates, responses of mean 0 and variance 1. */
export interface LinkProblem extends RowData {
  /** W, k×r with orthonormal columns. */
  readonly w0: Float64Array;
  /** Mean of ∇f∇fᵀ of the link found so far, r×r; says how much each direction matters. */
  readonly slopes: Float64Array;
  readonly seed: number;
  readonly kernel: KernelChoice;
  readonly control: RunControl;
}

/** A link with the directions it was fitted with, and how well it predicts. */
export interface RefinedLink<L extends ModelLink = ModelLink> extends Omit<LinkScore, "covariance"> {
  /** W, k×r, orthonormal; steepest direction of the link first, unless the link is custom and its frame the user's. */
  readonly basis: Float64Array;
  /** A function of z = Wᵀx in the units of the standardized response; `link.scaled` brings it to others. */
  readonly link: L;
  /** Mean of ρᵢ², weighted. */
  readonly meanSquare: number;
  /** ρᵢ, n numbers. */
  readonly residuals: Float64Array;
  /** Mean of ∇f∇fᵀ, weighted, r×r; diagonal in the principal frame. */
  readonly gradientMoment: Float64Array;
  /**
   * Covariance of the motion of `basis` outside its span, (c·r)², c = k − r: motion (a, l) of `complementOf(basis)` at
   * a + l·c. Jackknife sandwich, as `tangentSandwich`; absent where the directions were too many to be looked at.
   */
  readonly covariance?: Float64Array;
  /** Standard deviation of the noise as the fit sees it. */
  readonly noise: number;
  /** Evaluations of the objective that it took. */
  readonly evaluations: number;
}

/** Rows that directions are refined on; the final link uses all of them. */
const SAMPLE_ROWS = 3000;

/** The problem on its rows with a weight, drawn at random when there are more than 3000, in their order. */
export function sampled(problem: LinkProblem, label: string): LinkProblem {
  const { n, k, x, y, weights, seed } = problem;
  let rows = Int32Array.from({ length: n }, (_, i) => i).filter((i) => weights === undefined || weights[i] > 0);
  if (rows.length === n && n <= SAMPLE_ROWS) return problem;
  if (rows.length > SAMPLE_ROWS) {
    const order = createRng(seed, "rows", label).permutation(rows.length);
    const all = rows;
    rows = order
      .slice(0, SAMPLE_ROWS)
      .sort()
      .map((i) => all[i]);
  }
  return {
    ...problem,
    n: rows.length,
    x: gather(x, k, rows),
    y: gather(y, 1, rows),
    ...(weights === undefined ? {} : { weights: gather(weights, 1, rows) }),
  };
}

/** The listed rows of a row-major array. */
export function gather(values: Float64Array, width: number, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    out.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}

/** The score as a part of the result: the covariance of B = basis·M turned into that of `basis`. */
export function scored(
  { covariance, ...score }: LinkScore,
  basis: Float64Array,
  m: Float64Array,
  k: number,
  r: number,
): Omit<LinkScore, "covariance"> & Pick<RefinedLink, "covariance"> {
  if (covariance === undefined || r === k) return score;
  const { solution, rank } = leastSquares(m, r, r, identity(r), r);
  if (rank < r) return score;
  return { ...score, covariance: motionsOutside(covariance, complementOf(basis, k, r), solution, k, r) };
}

function identity(r: number): Float64Array {
  const out = new Float64Array(r * r);
  for (let i = 0; i < r; i++) out[i * r + i] = 1;
  return out;
}

/** A turn of r variables, r×r row-major: its columns are eigenvectors of a mean of ∇f∇fᵀ, steepest first. */
export function principalTurn(moment: Float64Array, r: number): Float64Array {
  const { vectors } = symmetricEigen(moment, r);
  const turn = new Float64Array(r * r);
  for (let i = 0; i < r; i++) for (let k = 0; k < r; k++) turn[i * r + k] = vectors[i * r + (r - 1 - k)];
  return turn;
}

/** QᵀHQ. */
export function turned(moment: Float64Array, turn: Float64Array, r: number): Float64Array {
  return multiplyTransposed(turn, multiply(moment, turn, r, r, r), r, r, r);
}

/** Mean ∇f∇fᵀ from its sum. */
export const meanOf = (sum: Float64Array, weightSum: number): Float64Array => sum.map((v) => v / weightSum);
