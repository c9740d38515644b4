/** The algebraically largest eigenpair of a large symmetric operator: Lanczos with full reorthogonalization. */
import { symmetricEigen } from "./dense.js";
import { tridiagonalEigenvalue, tridiagonalEigenvector } from "./tridiagonal.js";

/** v → Av for a symmetric A; a new array each time, or a promise of one. */
export type LargeOperator = (v: Float64Array) => Float64Array | Promise<Float64Array>;

/** How `largestEigenpair` iterates. */
export interface LanczosOptions {
  /** Stops when ‖Av − λv‖ ≤ tolerance·max(|λ|, ‖A‖/100); default 1e-6. */
  readonly tolerance?: number;
  /** Products with A at most; default 300. */
  readonly maxProducts?: number;
  /** Basis vectors kept before a restart; default 64. */
  readonly basisSize?: number;
  /** Asked after every product; true ends the iteration with the best pair so far. */
  readonly isOver?: () => boolean;
  /** Vectors are [real parts | imaginary parts] and A is Hermitian. */
  readonly complex?: boolean;
}

/** The largest eigenvalue, its vector and what was found beside it. */
export interface LargestPair {
  readonly value: number;
  /** Unit vector. */
  readonly vector: Float64Array;
  /** Second largest Ritz value, a lower bound of the second eigenvalue; undefined in one dimension. */
  readonly second: number | undefined;
  /** ‖Av − λv‖. */
  readonly residual: number;
  /** Products with A. */
  readonly products: number;
  readonly converged: boolean;
}

const DEFAULT_TOLERANCE = 1e-6;
const DEFAULT_PRODUCTS = 300;
const DEFAULT_BASIS = 64;
/** Ritz vectors kept at a restart: enough to hold the edge of the spectrum below the pair. */
const KEPT = 12;
const CHECK_EVERY = 4;
const BREAKDOWN = 1e-13;

/**
 * The eigenpair of largest λ (not of largest |λ|: A may be indefinite).
 *
 * The basis is orthogonalized twice against all of itself, so no copies of converged pairs appear; when it is full it is
 * restarted from its leading Ritz vectors (thick restart). The projected matrix is filled from the orthogonalization
 * coefficients, which makes a restart no special case.
 *
 * @param n - length of vectors (twice the dimension when `complex`)
 * @param start - any vector with a part along the wanted one; a zero or non-finite one gives NaN
 * Source: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000). Cost: `products` applications and 4·n·basisSize flops each.
 */
export async function largestEigenpair(
  apply: LargeOperator,
  n: number,
  start: Float64Array,
  options: LanczosOptions = {},
): Promise<LargestPair> {
  const { tolerance = DEFAULT_TOLERANCE, maxProducts = DEFAULT_PRODUCTS, complex = false } = options;
  const room = Math.min(options.basisSize ?? DEFAULT_BASIS, complex ? n / 2 : n);
  const kept = Math.max(1, Math.min(KEPT, room - 2));
  const basis: Float64Array[] = [];
  const projected = new Float64Array(room * room);
  let next = Float64Array.from(start);
  scale(next, 1 / length(next));
  let largest = 0;
  let restarted = false;
  for (let products = 1; ; products++) {
    basis.push(next);
    const size = basis.length;
    next = Float64Array.from(await apply(next));
    const before = length(next);
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < size; i++) {
        const along = removeFrom(next, basis[i], complex);
        projected[i * room + size - 1] += along;
        if (i < size - 1) projected[(size - 1) * room + i] = projected[i * room + size - 1];
      }
    }
    const left = length(next);
    const complete = !(left > BREAKDOWN * before) || size === (complex ? n / 2 : n);
    const last = complete || products >= maxProducts || options.isOver?.() === true;
    if (!last && size < room && size % CHECK_EVERY !== 0) {
      scale(next, 1 / left);
      continue;
    }

    const pair = restarted ? densePair(projected, room, size) : tridiagonalPair(projected, room, size);
    largest = Math.max(largest, pair.largest);
    const residual = complete ? 0 : left * Math.abs(pair.vector[size - 1]);
    const scaleOfPair = Math.max(Math.abs(pair.value), 0.01 * largest);
    const converged = residual <= Math.max(tolerance * scaleOfPair, 4 * Number.EPSILON * largest);
    if (converged || last) {
      const vector = combine(basis, pair.vector, 1, 0);
      scale(vector, 1 / length(vector));
      return { value: pair.value, vector, second: pair.second, residual, products, converged };
    }
    scale(next, 1 / left);
    if (size < room) continue;

    const { values, vectors } = ritz(projected, room, size);
    const top = size - 1;
    const leading = Array.from({ length: kept }, (_, k) => combine(basis, vectors, size, top - k));
    restarted = true;
    basis.length = 0;
    basis.push(...leading);
    projected.fill(0);
    for (let k = 0; k < kept; k++) projected[k * room + k] = values[top - k];
  }
}

/** What one look at the projected matrix tells. */
interface RitzPair {
  readonly value: number;
  readonly second: number | undefined;
  /** Coordinates of the Ritz vector in the basis. */
  readonly vector: Float64Array;
  /** Largest |eigenvalue|. */
  readonly largest: number;
}

/** Before the first restart the projected matrix is tridiagonal up to rounding, and a look costs next to nothing. */
function tridiagonalPair(projected: Float64Array, room: number, size: number): RitzPair {
  const diagonal = Float64Array.from({ length: size }, (_, i) => projected[i * room + i]);
  const beside = Float64Array.from({ length: size - 1 }, (_, i) => projected[i * room + i + 1]);
  const value = tridiagonalEigenvalue(diagonal, beside, 0);
  const vector = tridiagonalEigenvector(diagonal, beside, value);
  const second = size > 1 ? tridiagonalEigenvalue(diagonal, beside, 1) : undefined;
  const smallest = size > 1 ? tridiagonalEigenvalue(diagonal, beside, size - 1) : value;
  return { value, second, vector, largest: Math.max(Math.abs(value), Math.abs(smallest)) };
}

function densePair(projected: Float64Array, room: number, size: number): RitzPair {
  const { values, vectors } = ritz(projected, room, size);
  const top = size - 1;
  return {
    value: values[top],
    second: values[top - 1],
    vector: Float64Array.from({ length: size }, (_, i) => vectors[i * size + top]),
    largest: Math.max(Math.abs(values[0]), Math.abs(values[top])),
  };
}

function ritz(projected: Float64Array, room: number, size: number): { values: Float64Array; vectors: Float64Array } {
  const square = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) square[i * size + j] = projected[i * room + j];
  return symmetricEigen(square, size);
}

/** w −= q⟨q, w⟩; returns the real part of ⟨q, w⟩ (the imaginary one is rounding for a Hermitian operator). */
function removeFrom(w: Float64Array, q: Float64Array, complex: boolean): number {
  const n = w.length;
  if (!complex) {
    let along = 0;
    for (let i = 0; i < n; i++) along += q[i] * w[i];
    for (let i = 0; i < n; i++) w[i] -= along * q[i];
    return along;
  }
  const m = n / 2;
  let re = 0;
  let im = 0;
  for (let i = 0; i < m; i++) {
    re += q[i] * w[i] + q[m + i] * w[m + i];
    im += q[i] * w[m + i] - q[m + i] * w[i];
  }
  for (let i = 0; i < m; i++) {
    w[i] -= re * q[i] - im * q[m + i];
    w[m + i] -= re * q[m + i] + im * q[i];
  }
  return re;
}

/** Σ basis[i]·vectors(i, column). */
function combine(basis: readonly Float64Array[], vectors: Float64Array, width: number, column: number): Float64Array {
  const out = new Float64Array(basis[0].length);
  for (let i = 0; i < basis.length; i++) {
    const factor = vectors[i * width + column];
    const q = basis[i];
    for (let j = 0; j < out.length; j++) out[j] += factor * q[j];
  }
  return out;
}

function length(v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i] * v[i];
  return Math.sqrt(sum);
}

function scale(v: Float64Array, factor: number): void {
  for (let i = 0; i < v.length; i++) v[i] *= factor;
}
