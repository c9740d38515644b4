/**
 * The only file importing ml-matrix: guarded QR, SVD, Cholesky and least squares; the symmetric eigenproblem.
 *
 * Convention: flat row-major Float64Array in and out, shape beside it. ml-matrix's SVD and QR were read for this: they use
 * + − × ÷ √ and |·| only (its `hypotenuse` is √(1+q²) scaled, not Math.hypot), in a fixed order, so results have the same
 * bits on every platform. Its symmetric eigensolver runs in one go, which of hundreds of rows keeps a page waiting.
 */
import { Matrix, QrDecomposition, SingularValueDecomposition } from "ml-matrix";
import { InputError, NumericalError } from "../base/errors.js";
import { largeEigen } from "./largeEigen.js";
import { SMALL, smallEigen } from "./smallEigen.js";

export { Matrix };

/** Copies a row-major array into an ml-matrix `Matrix`; 0 rows or columns are allowed. */
export function toMatrix(data: ArrayLike<number>, rows: number, columns: number): Matrix {
  checkLength("data", data, rows, columns);
  const out = new Matrix(rows, columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out.set(i, j, data[i * columns + j]);
  return out;
}

/** Copies anything with `rows`, `columns` and `get` into a row-major array. */
export function fromMatrix(matrix: {
  rows: number;
  columns: number;
  get(row: number, column: number): number;
}): Float64Array {
  const { rows, columns } = matrix;
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[i * columns + j] = matrix.get(i, j);
  return out;
}

/** Product of row-major a (m×k) and b (k×n): m×n. Sums run over k in ascending order. */
export function multiply(a: ArrayLike<number>, b: ArrayLike<number>, m: number, k: number, n: number): Float64Array {
  const out = new Float64Array(m * n);
  let j = 0;
  // Four sums in registers, of as many columns or rows: large matrices times narrow blocks are what takes time.
  for (; j + 4 <= n; j += 4) {
    for (let i = 0, at = 0; i < m; i++) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let l = 0, from = j; l < k; l++, from += n) {
        const factor = a[at++];
        s0 += factor * b[from];
        s1 += factor * b[from + 1];
        s2 += factor * b[from + 2];
        s3 += factor * b[from + 3];
      }
      const to = i * n + j;
      out[to] = s0;
      out[to + 1] = s1;
      out[to + 2] = s2;
      out[to + 3] = s3;
    }
  }
  for (; j < n; j++) {
    let i = 0;
    for (; i + 4 <= m; i += 4) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let at = i * k, end = at + k, from = j; at < end; at++, from += n) {
        const factor = b[from];
        s0 += a[at] * factor;
        s1 += a[at + k] * factor;
        s2 += a[at + 2 * k] * factor;
        s3 += a[at + 3 * k] * factor;
      }
      const to = i * n + j;
      out[to] = s0;
      out[to + n] = s1;
      out[to + 2 * n] = s2;
      out[to + 3 * n] = s3;
    }
    for (; i < m; i++) {
      let sum = 0;
      for (let at = i * k, end = at + k, from = j; at < end; at++, from += n) sum += a[at] * b[from];
      out[i * n + j] = sum;
    }
  }
  return out;
}

/** Product aᵀb of row-major a (m×k) and b (m×n): k×n. Sums run over m in ascending order. */
export function multiplyTransposed(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  m: number,
  k: number,
  n: number,
): Float64Array {
  const out = new Float64Array(k * n);
  let i = 0;
  // Four rows at a time, so that a sum is fetched and put back once for four terms.
  for (; i + 4 <= m; i += 4) {
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      const b0 = b[at];
      const b1 = b[at + n];
      const b2 = b[at + 2 * n];
      const b3 = b[at + 3 * n];
      for (let from = i * k, end = from + k, to = j; from < end; from++, to += n) {
        out[to] = out[to] + a[from] * b0 + a[from + k] * b1 + a[from + 2 * k] * b2 + a[from + 3 * k] * b3;
      }
    }
  }
  for (; i < m; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l];
      for (let j = 0; j < n; j++) out[l * n + j] += factor * b[i * n + j];
    }
  }
  return out;
}

/** Transpose of row-major a (rows×columns). */
export function transpose(a: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  return out;
}

/** A = V·diag(values)·Vᵀ of a symmetric matrix. */
export interface SymmetricEigen {
  /** Eigenvalues, ascending. */
  readonly values: Float64Array;
  /** Orthonormal eigenvectors in the columns, n×n row-major, in the order of `values`. */
  readonly vectors: Float64Array;
}

/**
 * Eigenvalues (ascending) and eigenvectors of the symmetric part (A+Aᵀ)/2 of an n×n matrix.
 *
 * Scaled by a power of two first, so entries up to the overflow threshold are fine.
 *
 * @throws {NumericalError} `NOT_FINITE` with the row and column of the first bad entry; `NOT_CONVERGED`
 * @throws {InputError} `SHAPE` if `a` has not n² entries
 * Source: Jacobi rotations for n ≤ 8; Householder tridiagonalisation and implicit QL. Cost: about 8n³ flops.
 */
export function symmetricEigen(a: ArrayLike<number>, n: number): SymmetricEigen {
  const steps = symmetricEigenSteps(a, n);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in steps of some milliseconds, for hundreds of rows: between them a page or a signal can have its turn. */
export function* symmetricEigenSteps(a: ArrayLike<number>, n: number): Generator<undefined, SymmetricEigen> {
  checkLength("a", a, n, n);
  if (n === 0) return { values: new Float64Array(0), vectors: new Float64Array(0) };
  const scale = scaleOf("a", a, n);
  const symmetric = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) symmetric[i * n + j] = 0.5 * (a[i * n + j] / scale) + 0.5 * (a[j * n + i] / scale);
  }
  const { values, vectors } = n <= SMALL ? smallEigen(symmetric, n) : yield* largeEigen(symmetric, n);
  for (let k = 0; k < n; k++) values[k] *= scale;
  return { values, vectors };
}

/** A = U·diag(values)·Vᵀ, thin. */
export interface Svd {
  /** m×k row-major, k = min(m, n); orthonormal columns. */
  readonly u: Float64Array;
  /** k singular values, descending. */
  readonly values: Float64Array;
  /** n×k row-major; orthonormal columns. */
  readonly v: Float64Array;
  /** Number of singular values above tolerance·values[0]. */
  readonly rank: number;
}

/**
 * Thin singular value decomposition A = U·diag(values)·Vᵀ of an m×n matrix; wide matrices are transposed first.
 *
 * @param tolerance - relative cutoff of `rank`; default max(m, n)·ε
 * @throws {NumericalError} `NOT_FINITE` with the row and column of the first bad entry
 * @throws {InputError} `SHAPE` if `a` has not m·n entries
 * Source: ml-matrix (Golub–Kahan). Cost: O(m·n·min(m, n)).
 */
export function svd(
  a: ArrayLike<number>,
  m: number,
  n: number,
  tolerance: number = Math.max(m, n) * Number.EPSILON,
): Svd {
  checkLength("a", a, m, n);
  const k = Math.min(m, n);
  if (k === 0) return { u: new Float64Array(0), values: new Float64Array(0), v: new Float64Array(0), rank: 0 };
  if (m < n) {
    const { u, values, v, rank } = svd(transpose(a, m, n), n, m, tolerance);
    return { u: v, values, v: u, rank };
  }
  const scale = scaleOf("a", a, n);
  const matrix = new Matrix(m, n);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) matrix.set(i, j, a[i * n + j] / scale);
  const solved = new SingularValueDecomposition(matrix);
  const values = Float64Array.from(solved.diagonal.slice(0, k), (value) => value * scale);
  let rank = 0;
  while (rank < k && values[rank] > tolerance * values[0]) rank++;
  return { u: fromMatrix(solved.leftSingularVectors), values, v: fromMatrix(solved.rightSingularVectors), rank };
}

/** A = QR, thin. */
export interface Qr {
  /** m×n row-major, orthonormal columns. */
  readonly q: Float64Array;
  /** n×n row-major, upper triangular, diagonal ≥ 0. */
  readonly r: Float64Array;
}

/**
 * Thin QR factorisation A = QR of an m×n matrix, m ≥ n, with non-negative diagonal of R.
 *
 * @throws {NumericalError} `NOT_FINITE`
 * @throws {InputError} `SHAPE` if m < n or `a` has not m·n entries
 * Source: ml-matrix (Householder). Cost: 2mn² flops.
 */
export function qr(a: ArrayLike<number>, m: number, n: number): Qr {
  checkLength("a", a, m, n);
  if (m < n) throw new InputError("SHAPE", `a is ${m}×${n}; a thin QR needs at least as many rows as columns.`);
  if (n === 0) return { q: new Float64Array(0), r: new Float64Array(0) };
  checkFinite("a", a, n);
  const solved = new QrDecomposition(toMatrix(a, m, n));
  const q = fromMatrix(solved.orthogonalMatrix);
  const r = fromMatrix(solved.upperTriangularMatrix);
  for (let k = 0; k < n; k++) {
    if (!(r[k * n + k] < 0)) continue;
    for (let j = k; j < n; j++) r[k * n + j] = -r[k * n + j];
    for (let i = 0; i < m; i++) q[i * n + k] = -q[i * n + k];
  }
  return { q, r };
}

/** Outcome of a Cholesky factorisation: the factor, or the pivot that stopped it. */
export type Cholesky =
  | { readonly ok: true; readonly lower: Float64Array }
  | { readonly ok: false; readonly pivot: number };

/**
 * Cholesky factor L of the symmetric part of an n×n matrix, A = LLᵀ.
 *
 * A pivot ≤ tolerance·(its diagonal entry) stops it: a value, not an exception.
 *
 * @throws {NumericalError} `NOT_FINITE`
 * Cost: n³/3 flops. For the large Gram matrices of a fit use the kernel's packed one.
 */
export function cholesky(a: ArrayLike<number>, n: number, tolerance = 0): Cholesky {
  checkLength("a", a, n, n);
  checkFinite("a", a, n);
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0.5 * a[i * n + j] + 0.5 * a[j * n + i];
      for (let k = 0; k < j; k++) sum -= lower[i * n + k] * lower[j * n + k];
      if (i !== j) lower[i * n + j] = sum / lower[j * n + j];
      else if (!(sum > tolerance * a[i * n + i]) || !(sum > 0)) return { ok: false, pivot: i };
      else lower[i * n + i] = Math.sqrt(sum);
    }
  }
  return { ok: true, lower };
}

/** Solves LLᵀX = B for row-major B (n×columns); returns a new n×columns array. */
export function choleskySolve(lower: ArrayLike<number>, n: number, b: ArrayLike<number>, columns = 1): Float64Array {
  const x = Float64Array.from({ length: n * columns }, (_, i) => b[i]);
  for (let c = 0; c < columns; c++) {
    for (let i = 0; i < n; i++) {
      let sum = x[i * columns + c];
      for (let k = 0; k < i; k++) sum -= lower[i * n + k] * x[k * columns + c];
      x[i * columns + c] = sum / lower[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[i * columns + c];
      for (let k = i + 1; k < n; k++) sum -= lower[k * n + i] * x[k * columns + c];
      x[i * columns + c] = sum / lower[i * n + i];
    }
  }
  return x;
}

/**
 * Shortest least-squares solution of A X ≈ B, A m×n, B m×columns, through the SVD.
 *
 * Singular values ≤ tolerance·largest are dropped, so rank-deficient systems have an answer and say their rank.
 *
 * @returns `solution` n×columns row-major and the numerical `rank`
 * @throws {NumericalError} `NOT_FINITE`
 */
export function leastSquares(
  a: ArrayLike<number>,
  m: number,
  n: number,
  b: ArrayLike<number>,
  columns = 1,
  tolerance?: number,
): { solution: Float64Array; rank: number } {
  checkLength("b", b, m, columns);
  checkFinite("b", b, columns);
  const { u, values, v, rank } = svd(a, m, n, tolerance);
  const k = Math.min(m, n);
  const projected = multiplyTransposed(u, b, m, k, columns);
  for (let i = 0; i < k; i++) {
    for (let c = 0; c < columns; c++)
      projected[i * columns + c] = i < rank ? projected[i * columns + c] / values[i] : 0;
  }
  return { solution: multiply(v, projected, n, k, columns), rank };
}

/**
 * Refuses NaN and infinities.
 *
 * @throws {NumericalError} `NOT_FINITE`; ml-matrix's iterations need not end on such numbers
 */
export function checkFinite(name: string, a: ArrayLike<number>, columns: number): void {
  for (let i = 0; i < a.length; i++) {
    if (Number.isFinite(a[i])) continue;
    const [row, column] = [Math.floor(i / columns), i % columns];
    throw new NumericalError(
      "NOT_FINITE",
      `${name}[${row}][${column}] is ${a[i]}; a decomposition needs finite numbers.`,
      {
        details: { name, row, column, value: String(a[i]) },
      },
    );
  }
}

/** A power of two near the largest magnitude, 1 for a zero matrix: dividing by it is exact and keeps squares in range. */
export function scaleOf(name: string, a: ArrayLike<number>, columns: number): number {
  checkFinite(name, a, columns);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]));
  if (largest === 0 || (largest > 1e-60 && largest < 1e60)) return 1;
  let scale = 1;
  while (largest / scale >= 2) scale *= 2;
  // Stops at the last normal power of two; subnormals are still brought up to ≥ 2⁻⁵², without a rounding.
  while (largest / scale < 1 && scale > 2.2250738585072014e-308) scale /= 2;
  return scale;
}

function checkLength(name: string, a: ArrayLike<number>, rows: number, columns: number): void {
  if (a.length === rows * columns) return;
  throw new InputError("SHAPE", `${name} has ${a.length} entries; ${rows}×${columns} needs ${rows * columns}.`, {
    details: { name, length: a.length, rows, columns },
  });
}
