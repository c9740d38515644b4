/** Small matrices that studies need beside the public API: row-major arrays, a few columns. */
import type { Rng } from "../base/rng.js";

/** Gram–Schmidt, twice, of the columns of a d×r matrix of full rank. */
export function orthonormal(given: ArrayLike<number>, d: number, r: number): Float64Array {
  const a = Float64Array.from(given);
  for (let k = 0; k < r; k++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += a[i * r + j] * a[i * r + k];
        for (let i = 0; i < d; i++) a[i * r + k] -= dot * a[i * r + j];
      }
    }
    let square = 0;
    for (let i = 0; i < d; i++) square += a[i * r + k] * a[i * r + k];
    const norm = Math.sqrt(square);
    for (let i = 0; i < d; i++) a[i * r + k] /= norm;
  }
  return a;
}

/** A Haar frame, d×r. */
export function haar(d: number, r: number, rng: Rng): Float64Array {
  return orthonormal(
    Float64Array.from({ length: d * r }, () => rng.normal()),
    d,
    r,
  );
}

/** The same as nested rows, which every function of the package takes. */
export const rowsOf = (a: ArrayLike<number>, d: number, r: number): number[][] =>
  Array.from({ length: d }, (_, i) => Array.from({ length: r }, (_, j) => a[i * r + j]));

/** AᵀB for A d×r and B d×s, as rows. */
export function overlapOf(a: ArrayLike<number>, b: ArrayLike<number>, d: number, r: number, s: number): number[][] {
  return Array.from({ length: r }, (_, j) =>
    Array.from({ length: s }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += a[i * r + j] * b[i * s + k];
      return sum;
    }),
  );
}

/** Lower Cholesky factor of a symmetric positive definite n×n matrix. */
export function cholesky(given: ArrayLike<number>, n: number): Float64Array {
  const l = Float64Array.from(given);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < j; i++) l[i * n + j] = 0;
    for (let k = 0; k < j; k++) for (let i = j; i < n; i++) l[i * n + j] -= l[i * n + k] * l[j * n + k];
    const pivot = Math.sqrt(l[j * n + j]);
    for (let i = j; i < n; i++) l[i * n + j] /= pivot;
  }
  return l;
}

/** Solves L v = b in place for one vector. */
export function forwardSolve(l: ArrayLike<number>, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) b[i] -= l[i * n + k] * b[k];
    b[i] /= l[i * n + i];
  }
}

/** Inverse of a small symmetric positive definite matrix. */
export function inverse(a: ArrayLike<number>, n: number): Float64Array {
  const l = cholesky(a, n);
  const out = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    const e = new Float64Array(n);
    e[j] = 1;
    forwardSolve(l, n, e);
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) e[i] -= l[k * n + i] * e[k];
      e[i] /= l[i * n + i];
    }
    for (let i = 0; i < n; i++) out[i * n + j] = e[i];
  }
  return out;
}
