/** Standard errors of the directions, from the tangent space at the end of a fit. */
import { tangentSandwich } from "../kernel/tangent.js";
import type { Workspace } from "../kernel/workspace.js";
import { type Matrix, multiply, multiplyTransposed, qr, toMatrix } from "../math/dense.js";
import { complementOf } from "../math/grassmann.js";
import { type InputMap, toColumns, toRawDirections } from "./inputMap.js";

/** Standard errors, entry by entry. */
export interface DirectionErrors {
  /** Of `model.directions`, d×r, in the frame of the model. */
  readonly directions: Matrix;
  /**
   * Of `model.basis`, d×r, as it moves away from its own span; absent when the raw directions are dependent to working
   * precision, as for inputs of very different scale.
   */
  readonly basis?: Matrix;
}

/** Directions whose part outside the others is this much smaller than the first cannot be told apart in raw inputs. */
const DEPENDENT = 1e-10;

/**
 * Standard errors by the jackknife sandwich S⁻¹(Aᵀdiag(e²)A)S⁻¹/n² over link coefficients and directions together, so
 * right for unequal noise too. Called after `leaveOneOut`, whose factor it uses.
 *
 * @param errors - leave-one-out errors, n
 * @returns undefined where the motions of the directions were too many to be looked at
 * Source: `math/learner` §8. Cost: n·q² flops for q parameters.
 */
export async function directionErrors(
  workspace: Workspace,
  inputs: InputMap,
  basis: Float64Array,
  errors: Float64Array,
): Promise<DirectionErrors | undefined> {
  const { complement = 0, rank } = workspace.layout.shape;
  if (complement === 0) return undefined;
  return errorsFrom(inputs, basis, rank, await tangentSandwich(workspace, errors));
}

/**
 * Standard errors from the covariance of the motions of a basis.
 * @param covariance - cr×cr, motion (a, l) of `complementOf(basis)` at a + l·c
 */
export function errorsFrom(
  inputs: InputMap,
  basis: Float64Array,
  r: number,
  covariance: Float64Array,
): DirectionErrors | undefined {
  const c = inputs.dim - r;
  const d = inputs.columns;
  if (c === 0 || r === 0) return undefined;
  const moves = toColumns(inputs, complementOf(basis, inputs.dim, r), c);
  const identity = new Float64Array(r * r);
  for (let k = 0; k < r; k++) identity[k * r + k] = 1;
  const standardized = spread(moves, covariance, identity, d, c, r);
  const scaled = standardized.map((v, at) => v * inputs.inverseScale[Math.floor(at / r)]);
  const outside = basisErrors(inputs, basis, moves, covariance, c, r);
  return { directions: toMatrix(scaled, d, r), ...(outside ? { basis: toMatrix(outside, d, r) } : {}) };
}

/** The same for the orthonormal factor of the raw directions: their motion outside the span, in the units of the factor. */
function basisErrors(
  inputs: InputMap,
  basis: Float64Array,
  moves: Float64Array,
  covariance: Float64Array,
  c: number,
  r: number,
): Float64Array | undefined {
  const d = inputs.columns;
  const directions = toRawDirections(inputs, basis, r);
  // Directions of badly scaled inputs have entries near the ends of the doubles; only ratios matter.
  const largest = directions.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const scale = inputs.inverseScale.map((s) => s / largest);
  const { q, r: upper } = qr(
    directions.map((v) => v / largest),
    d,
    r,
  );
  for (let k = 0; k < r; k++) if (!(upper[k * r + k] > DEPENDENT * upper[0])) return undefined;
  const raw = moves.map((v, at) => v * scale[Math.floor(at / c)]);
  return spread(projectOut(q, raw, d, r, c), covariance, inverseUpper(upper, r), d, c, r);
}

/** Standard deviations of the entries of MΞN for Ξ (c×r) of this covariance, motion (a, k) at a + k·c. */
function spread(
  m: Float64Array,
  covariance: Float64Array,
  n: Float64Array,
  d: number,
  c: number,
  r: number,
): Float64Array {
  const out = new Float64Array(d * r);
  const size = c * r;
  for (let l = 0; l < r; l++) {
    const mixed = new Float64Array(c * c);
    for (let k = 0; k < r; k++) {
      for (let other = 0; other < r; other++) {
        const weight = n[k * r + l] * n[other * r + l];
        if (weight === 0) continue;
        for (let a = 0; a < c; a++) {
          for (let b = 0; b < c; b++) mixed[a * c + b] += weight * covariance[(k * c + a) * size + other * c + b];
        }
      }
    }
    const moved = multiply(m, mixed, d, c, c);
    for (let j = 0; j < d; j++) {
      let variance = 0;
      for (let a = 0; a < c; a++) variance += moved[j * c + a] * m[j * c + a];
      out[j * r + l] = Math.sqrt(Math.max(variance, 0));
    }
  }
  return out;
}

/** (I − QQᵀ)M for Q (d×r) with orthonormal columns, M d×c. */
function projectOut(q: Float64Array, m: Float64Array, d: number, r: number, c: number): Float64Array {
  const inside = multiply(q, multiplyTransposed(q, m, d, r, c), d, r, c);
  return m.map((v, i) => v - inside[i]);
}

/** Inverse of an upper triangular r×r matrix. */
function inverseUpper(upper: Float64Array, r: number): Float64Array {
  const out = new Float64Array(r * r);
  for (let l = 0; l < r; l++) {
    for (let i = l; i >= 0; i--) {
      let sum = i === l ? 1 : 0;
      for (let k = i + 1; k <= l; k++) sum -= upper[i * r + k] * out[k * r + l];
      out[i * r + l] = sum / upper[i * r + i];
    }
  }
  return out;
}
