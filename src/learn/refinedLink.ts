/** What the fit of a link beyond polynomials takes and gives. */
import type { RunControl } from "../base/control.js";
import type { KernelChoice } from "../base/types.js";
import type { RowData } from "../kernel/featureRows.js";
import { multiply, multiplyTransposed, symmetricEigen } from "../math/dense.js";
import type { ModelLink } from "../model/modelLink.js";
import type { LinkScore } from "./tangentScore.js";

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
export interface RefinedLink<L extends ModelLink = ModelLink> extends LinkScore {
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
  /** Standard deviation of the noise as the fit sees it. */
  readonly noise: number;
  /** Evaluations of the objective that it took. */
  readonly evaluations: number;
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
