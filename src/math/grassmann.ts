/**
 * Grassmannian geometry: project, retract, transport, principal angles, random point.
 *
 * Bases are d×r row-major with orthonormal columns; every function returns new arrays. Nothing here knows of solvers.
 */
import { InputError, NumericalError } from "../base/errors.js";
import { multiply, multiplyTransposed, svd, symmetricEigen, transpose } from "./dense.js";

/** Where `randomBasis` takes its numbers from; `base/rng` has it. */
export interface NormalSource {
  normal(): number;
}

/**
 * Tangent part (I − WWᵀ)G of a d×r matrix at the basis W.
 *
 * Applied twice: one pass leaves Wᵀξ at rounding of ‖G‖, which is not small beside a small ξ.
 * Cost: 8dr² flops.
 */
export function projectTangent(w: ArrayLike<number>, g: ArrayLike<number>, d: number, r: number): Float64Array {
  const out = new Float64Array(d * r);
  for (let i = 0; i < out.length; i++) out[i] = g[i];
  return toTangent(w, out, d, r);
}

/** The same in place; returns `out`. */
export function toTangent(w: ArrayLike<number>, out: Float64Array, d: number, r: number): Float64Array {
  const overlap = new Float64Array(r * r);
  for (let pass = 0; pass < 2; pass++) {
    for (let l = 0; l < r; l++) {
      for (let k = 0; k < r; k++) {
        let sum = 0;
        for (let i = 0, at = 0; i < d; i++, at += r) sum += w[at + l] * out[at + k];
        overlap[l * r + k] = sum;
      }
    }
    for (let i = 0, at = 0; i < d; i++, at += r) {
      for (let k = 0; k < r; k++) {
        let value = out[at + k];
        for (let l = 0; l < r; l++) value -= w[at + l] * overlap[l * r + k];
        out[at + k] = value;
      }
    }
  }
  return out;
}

/** Frobenius inner product of two d×r matrices, the metric of the Grassmannian on tangents. */
export function innerProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Frobenius norm. */
export function norm(a: ArrayLike<number>): number {
  return Math.sqrt(innerProduct(a, a));
}

/** W + tξ. */
function move(w: ArrayLike<number>, xi: ArrayLike<number>, t: number): Float64Array {
  const out = new Float64Array(w.length);
  for (let i = 0; i < out.length; i++) out[i] = w[i] + t * xi[i];
  return out;
}

/**
 * QR retraction: orthonormal factor of W + tξ with positive diagonal of R; Gram–Schmidt twice, so ‖WᵀW − I‖ stays at
 * rounding however often it is applied.
 *
 * @throws {NumericalError} `NOT_FINITE` when W + tξ is not finite
 * Cost: 4dr² flops. Source: [MI §7.2].
 */
export function retractQr(w: ArrayLike<number>, xi: ArrayLike<number>, t: number, d: number, r: number): Float64Array {
  // For tangent ξ, (W+tξ)ᵀ(W+tξ) = I + t²ξᵀξ, so the columns are never dependent.
  const { basis, rank } = gramSchmidt(move(w, xi, t), d, r, 0);
  if (rank === r) return basis;
  throw new NumericalError(
    "NOT_FINITE",
    `W + tξ at t = ${t} has only ${rank} usable columns of ${r}; W, ξ and t must be finite.`,
    {
      details: { t, rank, wanted: r },
    },
  );
}

/** Condition number up to which a Gram matrix gives its inverse root to 1e-10, the square of which is nothing. */
const FAITHFUL_GRAM = 1e5;

/**
 * Polar retraction: the orthonormal matrix (W + tξ)((W+tξ)ᵀ(W+tξ))^{−1/2} nearest to W + tξ.
 *
 * The Gram matrix is formed from W + tξ, not as I + t²ξᵀξ, and one Newton–Schulz step follows: departures from
 * orthonormality are removed, not carried along. Of a long step some columns can be nearly dependent, so that rounding of
 * the Gram matrix is more than one step removes: there the polar factor is taken of the triangle in W + tξ = QR.
 *
 * @throws {NumericalError} `NOT_FINITE`
 * Cost: 8dr² flops and one r×r eigenproblem. Source: [MI §7.2].
 */
export function retractPolar(
  w: ArrayLike<number>,
  xi: ArrayLike<number>,
  t: number,
  d: number,
  r: number,
): Float64Array {
  const moved = move(w, xi, t);
  const { values, vectors } = symmetricEigen(multiplyTransposed(moved, moved, d, r, r), r);
  if (values[r - 1] > FAITHFUL_GRAM * values[0]) {
    const q = retractQr(w, xi, t, d, r);
    const { u, v } = svd(multiplyTransposed(q, moved, d, r, r), r, r);
    return multiply(q, multiply(u, transpose(v, r, r), r, r, r), d, r, r);
  }
  const inverseRoot = new Float64Array(r * r);
  for (let l = 0; l < r; l++) {
    const factor = 1 / Math.sqrt(values[l]);
    for (let i = 0; i < r; i++) {
      for (let j = 0; j < r; j++) inverseRoot[i * r + j] += vectors[i * r + l] * factor * vectors[j * r + l];
    }
  }
  const q = multiply(moved, inverseRoot, d, r, r);
  const correction = multiplyTransposed(q, q, d, r, r);
  for (let i = 0; i < r * r; i++) correction[i] *= -0.5;
  for (let k = 0; k < r; k++) correction[k * r + k] += 1.5;
  return multiply(q, correction, d, r, r);
}

/** Transport of a tangent ξ to the tangent space at `wNew`, by projection. */
export function transport(wNew: ArrayLike<number>, xi: ArrayLike<number>, d: number, r: number): Float64Array {
  return projectTangent(wNew, xi, d, r);
}

/** An orthonormal basis of a span, and its dimension. */
export interface Orthonormalized {
  /** d×rank row-major with orthonormal columns. */
  readonly basis: Float64Array;
  readonly rank: number;
}

/**
 * Orthonormal basis of the span of the columns of a d×r matrix: modified Gram–Schmidt with reorthogonalisation.
 *
 * A column is dropped as dependent when what is left of it is ≤ tolerance·(its own norm); columns keep their order and
 * a full-rank input gives the Q of the QR factorisation with positive diagonal.
 * Cost: 4dr² flops.
 */
export function orthonormalize(a: ArrayLike<number>, d: number, r: number, tolerance = 1e-12): Orthonormalized {
  return gramSchmidt(
    Float64Array.from({ length: d * r }, (_, i) => a[i]),
    d,
    r,
    tolerance,
  );
}

function gramSchmidt(a: Float64Array, d: number, r: number, tolerance: number): Orthonormalized {
  const columns: Float64Array[] = [];
  for (let k = 0; k < r; k++) {
    const v = new Float64Array(d);
    let largest = 0;
    for (let i = 0; i < d; i++) {
      v[i] = a[i * r + k];
      largest = Math.max(largest, Math.abs(v[i]));
    }
    if (!(largest > 0)) continue;
    // Scaling the column first keeps its norm from overflowing or underflowing.
    for (let i = 0; i < d; i++) v[i] /= largest;
    const size = norm(v);
    for (let i = 0; i < d; i++) v[i] /= size;
    for (let pass = 0; pass < 2; pass++) {
      for (const q of columns) {
        const overlap = innerProduct(q, v);
        for (let i = 0; i < d; i++) v[i] -= overlap * q[i];
      }
      const left = norm(v);
      if (!(left > (pass === 0 ? tolerance : 0.5))) {
        largest = 0;
        break;
      }
      for (let i = 0; i < d; i++) v[i] /= left;
    }
    if (largest > 0) columns.push(v);
  }
  const rank = columns.length;
  const basis = new Float64Array(d * rank);
  for (let k = 0; k < rank; k++) for (let i = 0; i < d; i++) basis[i * rank + k] = columns[k][i];
  return { basis, rank };
}

/**
 * W⊥: d×(d−r) row-major with orthonormal columns that complete a basis W (d×r, orthonormal), by Householder reflections.
 * Cost: 4d²r flops.
 */
export function complementOf(w: ArrayLike<number>, d: number, r: number): Float64Array {
  const a = Float64Array.from({ length: d * r }, (_, i) => w[i]);
  const reflectors: Float64Array[] = [];
  for (let k = 0; k < r; k++) {
    const v = new Float64Array(d);
    for (let i = k; i < d; i++) v[i] = a[i * r + k];
    v[k] += v[k] < 0 ? -norm(v) : norm(v);
    const size = norm(v);
    for (let i = k; i < d; i++) v[i] /= size;
    reflectors.push(v);
    reflect(v, a, d, r, k);
  }
  const c = d - r;
  const out = new Float64Array(d * c);
  for (let k = 0; k < c; k++) out[(r + k) * c + k] = 1;
  for (let k = r - 1; k >= 0; k--) reflect(reflectors[k], out, d, c, k);
  return out;
}

/** A ← (I − 2vvᵀ)A for a d×c matrix; v vanishes before entry `from`. */
function reflect(v: Float64Array, a: Float64Array, d: number, c: number, from: number): void {
  const overlap = new Float64Array(c);
  for (let i = from; i < d; i++) for (let k = 0; k < c; k++) overlap[k] += v[i] * a[i * c + k];
  for (let i = from; i < d; i++) for (let k = 0; k < c; k++) a[i * c + k] -= 2 * v[i] * overlap[k];
}

/** Largest ‖AᵀA − I‖_F that the geometry accepts as orthonormal. */
export const ORTHONORMAL_TOLERANCE = 1e-8;

/** ‖AᵀA − I‖_F of a d×r matrix. */
export function orthonormalityError(a: ArrayLike<number>, d: number, r: number): number {
  const gram = multiplyTransposed(a, a, d, r, r);
  for (let k = 0; k < r; k++) gram[k * r + k] -= 1;
  return norm(gram);
}

/**
 * Principal angles between the spans of two orthonormal bases, ascending, in radians; min(ra, rb) of them.
 *
 * Each comes from its sine and cosine together: the sines are the singular values of B − A(AᵀB), since the arccosine of a
 * number near 1 keeps only half the digits. Angles are reports, not solver state, so the engine's atan2 is used although
 * engines may differ in its last bit.
 *
 * @param a - d×ra row-major
 * @param b - d×rb row-major
 * @throws {InputError} `NOT_ORTHONORMAL` if ‖AᵀA − I‖ or ‖BᵀB − I‖ > 1e-8
 * Source: Björck & Golub, Math. Comp. 27 (1973). Cost: O(d·(ra+rb)²).
 */
export function principalAngles(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  d: number,
  ra: number,
  rb: number,
): Float64Array {
  if (ra < rb) return principalAngles(b, a, d, rb, ra);
  for (const [name, basis, r] of [
    ["one basis", a, ra],
    ["other basis", b, rb],
  ] as const) {
    const error = orthonormalityError(basis, d, r);
    if (error <= ORTHONORMAL_TOLERANCE) continue;
    throw new InputError(
      "NOT_ORTHONORMAL",
      `The ${name} has ‖AᵀA − I‖ = ${error}; its columns must be orthonormal to 1e-8. Orthonormalise it first.`,
      {
        details: { error },
      },
    );
  }
  const overlap = multiplyTransposed(a, b, d, ra, rb);
  const inside = multiply(a, overlap, d, ra, rb);
  const outside = Float64Array.from({ length: d * rb }, (_, i) => b[i] - inside[i]);
  // Of single directions the singular values are lengths; searches compare many.
  if (ra === 1 && rb === 1) return Float64Array.of(Math.atan2(norm(outside), Math.abs(overlap[0])));
  const cosines = svd(overlap, ra, rb).values;
  const sines = svd(outside, d, rb).values;
  return Float64Array.from({ length: rb }, (_, k) => Math.atan2(sines[rb - 1 - k], cosines[k]));
}

/**
 * Distance between two subspaces: the 2-norm of their principal angles, in radians.
 *
 * @throws {InputError} `NOT_ORTHONORMAL`
 */
export function subspaceDistance(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  d: number,
  ra: number,
  rb: number,
): number {
  return norm(principalAngles(a, b, d, ra, rb));
}

/**
 * Haar-distributed basis of a random subspace: orthonormalised Gaussian matrix, filled row by row.
 *
 * @throws {InputError} `SHAPE` if r > d
 */
export function randomBasis(d: number, r: number, rng: NormalSource): Float64Array {
  if (r > d)
    throw new InputError("SHAPE", `No ${r} orthonormal columns exist in dimension ${d}.`, { details: { d, r } });
  for (;;) {
    const gaussian = new Float64Array(d * r);
    for (let i = 0; i < d * r; i++) gaussian[i] = rng.normal();
    const { basis, rank } = gramSchmidt(gaussian, d, r, 1e-8);
    // Dependent columns have probability ~1e-8; drawing again keeps the law that of a well-defined basis.
    if (rank === r) return basis;
  }
}
