/** Singular values of small matrices to high relative accuracy: one-sided Jacobi. */
import { InputError, NumericalError } from "../base/errors.js";
import { checkFinite } from "./dense.js";

/** Columns count as orthogonal when |aᵀb| ≤ this·‖a‖‖b‖. */
const ORTHOGONAL = 4.440892098500626e-16;
const MAX_SWEEPS = 60;

/** A = U·diag(values)·Vᵀ with V complete. */
export interface JacobiSvd {
  /** min(m, n) columns, m×k row-major, orthonormal. */
  readonly u: Float64Array;
  /** n values, descending, those beyond min(m, n) exactly 0. */
  readonly values: Float64Array;
  /** n×n row-major, orthogonal, also when m < n or values are 0. */
  readonly v: Float64Array;
}

/**
 * Singular value decomposition of a small m×n matrix by one-sided Jacobi rotations, V complete.
 *
 * Every singular value has its own relative accuracy when the columns (rows, if m < n) of A are well conditioned up to their
 * lengths; methods that form AᵀA or bidiagonalize have the absolute accuracy ε‖A‖ only. + − × ÷ √ in a fixed order, so the same
 * bits everywhere.
 *
 * @param a - m×n row-major, not written
 * @throws {InputError} `SHAPE` if `a` has not m·n entries; @throws {NumericalError} `NOT_FINITE`
 * Source: Demmel & Veselić, SIAM J. Matrix Anal. Appl. 13 (1992). Cost: about 6mn² flops a sweep, 3 to 6 sweeps.
 */
export function jacobiSvd(a: ArrayLike<number>, m: number, n: number): JacobiSvd {
  if (a.length !== m * n) {
    throw new InputError("SHAPE", `a has ${a.length} entries; ${m}×${n} needs ${m * n}.`, {
      details: { length: a.length, rows: m, columns: n },
    });
  }
  checkFinite("a", a, n);
  const solver = new JacobiSolver(m, n);
  solver.decompose(a);
  const k = Math.min(m, n);
  const u = new Float64Array(m * k);
  for (let i = 0; i < m; i++) for (let j = 0; j < k; j++) u[i * k + j] = solver.u[j * m + i];
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) v[i * n + j] = solver.v[j * n + i];
  return { u, values: solver.values.slice(), v };
}

/**
 * The same for many matrices of one shape, in buffers that each call overwrites. Vectors are stored one after another:
 * `u` has min(m, n) of length m, `v` has n of length n. Nothing is checked.
 */
export class JacobiSolver {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
  readonly u: Float64Array;
  readonly v: Float64Array;
  /** Vectors that are made orthogonal, by rows: those of the longer side. */
  readonly #long: Float64Array;
  /** The rotations so far, by rows. */
  readonly #short: Float64Array;
  readonly #size: Float64Array;

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    const k = Math.min(rows, columns);
    this.values = new Float64Array(columns);
    this.u = new Float64Array(k * rows);
    this.v = new Float64Array(columns * columns);
    const tall = rows >= columns;
    this.#long = tall ? this.u : this.v;
    this.#short = tall ? this.v : this.u;
    this.#size = new Float64Array(k);
  }

  /** @param a - m×n row-major, finite, not written */
  decompose(a: ArrayLike<number>): void {
    const { rows, columns, values } = this;
    const tall = rows >= columns;
    const k = Math.min(rows, columns);
    const length = Math.max(rows, columns);
    const long = this.#long;
    const short = this.#short;
    const size = this.#size;
    let largest = 0;
    for (let i = 0; i < rows * columns; i++) largest = Math.max(largest, Math.abs(a[i]));
    // Powers of two are exact; scaling keeps squares in range.
    let scale = 1;
    if (largest > 0 && (largest > 1e100 || largest < 1e-100)) {
      while (largest * scale >= 2) scale /= 2;
      while (largest * scale < 1 && scale < 1e300) scale *= 2;
    }
    for (let j = 0; j < k; j++) {
      for (let i = 0; i < length; i++) long[j * length + i] = a[tall ? i * columns + j : j * columns + i] * scale;
      for (let i = 0; i < k; i++) short[j * k + i] = i === j ? 1 : 0;
    }
    orthogonalize(long, short, k, length);
    for (let j = 0; j < k; j++) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += long[j * length + i] * long[j * length + i];
      size[j] = Math.sqrt(sum);
    }
    for (let j = 0; j < k; j++) {
      let best = j;
      for (let l = j + 1; l < k; l++) if (size[l] > size[best]) best = l;
      if (best === j) continue;
      swap(size, j, best, 1);
      swap(long, j, best, length);
      swap(short, j, best, k);
    }
    for (let j = 0; j < k; j++) {
      values[j] = size[j] / scale;
      if (size[j] > 0) for (let i = 0; i < length; i++) long[j * length + i] /= size[j];
    }
    let known = k;
    while (known > 0 && !(size[known - 1] > 0)) known--;
    // What is missing: columns of zero length, and for a wide matrix the vectors beyond the k-th.
    completeBasis(long, known, tall ? k : length, length);
    for (let j = k; j < columns; j++) values[j] = 0;
  }
}

/** Rotates the k vectors until they are orthogonal, and the rows of `short` with them. */
function orthogonalize(long: Float64Array, short: Float64Array, k: number, length: number): void {
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let rotated = false;
    for (let p = 0; p < k - 1; p++) {
      for (let q = p + 1; q < k; q++) {
        const at = p * length;
        const bt = q * length;
        let aa = 0;
        let bb = 0;
        let ab = 0;
        for (let i = 0; i < length; i++) {
          const x = long[at + i];
          const y = long[bt + i];
          aa += x * x;
          bb += y * y;
          ab += x * y;
        }
        if (!(Math.abs(ab) > ORTHOGONAL * Math.sqrt(aa) * Math.sqrt(bb))) continue;
        rotated = true;
        const zeta = (bb - aa) / (2 * ab);
        const size = Math.abs(zeta);
        const tangent = (size > 1e8 ? 0.5 / size : 1 / (size + Math.sqrt(1 + size * size))) * (zeta < 0 ? -1 : 1);
        const cosine = 1 / Math.sqrt(1 + tangent * tangent);
        const sine = cosine * tangent;
        rotate(long, at, bt, length, cosine, sine);
        rotate(short, p * k, q * k, k, cosine, sine);
      }
    }
    if (!rotated) return;
  }
  throw new NumericalError(
    "NOT_CONVERGED",
    `Jacobi rotations of ${k} vectors did not settle in ${MAX_SWEEPS} sweeps.`,
    {
      details: { sweeps: MAX_SWEEPS, size: k },
    },
  );
}

function rotate(x: Float64Array, at: number, bt: number, length: number, cosine: number, sine: number): void {
  for (let i = 0; i < length; i++) {
    const a = x[at + i];
    const b = x[bt + i];
    x[at + i] = cosine * a - sine * b;
    x[bt + i] = sine * a + cosine * b;
  }
}

function swap(x: Float64Array, a: number, b: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const kept = x[a * length + i];
    x[a * length + i] = x[b * length + i];
    x[b * length + i] = kept;
  }
}

/** Extends the first `known` orthonormal vectors of `length` to `wanted`: each time the unit vector with most left over. */
function completeBasis(x: Float64Array, known: number, wanted: number, length: number): void {
  for (let j = known; j < wanted; j++) {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      let covered = 0;
      for (let l = 0; l < j; l++) covered += x[l * length + i] * x[l * length + i];
      if (covered < least - 1e-12) {
        least = covered;
        best = i;
      }
    }
    for (let i = 0; i < length; i++) x[j * length + i] = i === best ? 1 : 0;
    for (let pass = 0; pass < 2; pass++) {
      for (let l = 0; l < j; l++) {
        let dot = 0;
        for (let i = 0; i < length; i++) dot += x[l * length + i] * x[j * length + i];
        for (let i = 0; i < length; i++) x[j * length + i] -= dot * x[l * length + i];
      }
      let sum = 0;
      for (let i = 0; i < length; i++) sum += x[j * length + i] * x[j * length + i];
      const size = Math.sqrt(sum);
      for (let i = 0; i < length; i++) x[j * length + i] /= size;
    }
  }
}
