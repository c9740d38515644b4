/** Standard errors of the directions, from the tangent space at the end of a fit. */
import { tangentSandwich } from "../kernel/tangent.js";
import type { Workspace } from "../kernel/workspace.js";
import { type Matrix, multiply, multiplyTransposed, qr, toMatrix } from "../math/dense.js";
import { complementOf } from "../math/grassmann.js";
import { type InputMap, toRawDirections } from "./inputMap.js";

/** Standard errors, entry by entry. */
export interface DirectionErrors {
  /** Of `model.directions`, d×r, in the frame of the model. */
  readonly directions: Matrix;
  /** Of `model.basis`, d×r, as it moves away from its own span. */
  readonly basis: Matrix;
}

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
  const { complement: c = 0, rank: r } = workspace.layout.shape;
  const d = inputs.columns;
  if (c === 0 || r === 0) return undefined;
  const covariance = await tangentSandwich(workspace, errors);
  const moves = toRawDirections(inputs, complementOf(basis, inputs.dim, r), c);
  const directions = toRawDirections(inputs, basis, r);
  const { q, r: upper } = qr(directions, d, r);
  const outside = projectOut(q, moves, d, r, c);
  const identity = new Float64Array(r * r);
  for (let k = 0; k < r; k++) identity[k * r + k] = 1;
  return {
    directions: toMatrix(spread(moves, covariance, identity, d, c, r), d, r),
    basis: toMatrix(spread(outside, covariance, inverseUpper(upper, r), d, c, r), d, r),
  };
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
