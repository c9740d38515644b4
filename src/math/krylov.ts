/** A few leading eigenpairs of a large symmetric operator by block Krylov iteration. */
import { createRng } from "../base/rng.js";
import { multiply, multiplyTransposed, symmetricEigen } from "./dense.js";
import { orthonormalize } from "./grassmann.js";

/** A symmetric operator on columns: n×b row-major in, n×b out. */
export type SymmetricOperator = (block: Float64Array, b: number) => Float64Array;

export interface LeadingPairs {
  /** `count` eigenvalues in the order asked for. */
  readonly values: Float64Array;
  /** n×count, orthonormal columns. */
  readonly vectors: Float64Array;
}

export interface KrylovOptions {
  /** Largest residual, relative to |λ₁|; default 1e-6. */
  readonly tolerance?: number;
  /**
   * After so many the pairs are returned as they are: eigenvectors inside a bulk, as those of noise, take hundreds of steps
   * to tell apart. Default 12.
   */
  readonly restarts?: number;
  /** Called after every application of a large operator; lets other tasks run. */
  readonly breathe?: () => Promise<void>;
}

/** Up to this size the whole matrix is built and solved: exact, ties included. */
const DENSE_SIZE = 128;
const EXTRA_COLUMNS = 3;
/** Columns that `multiply` takes at once. */
const BLOCK = 4;
const STEPS = 8;
const MAX_RESTARTS = 12;

/**
 * The `count` eigenpairs of largest |λ| (`"magnitude"`) or largest λ (`"value"`), in that order.
 *
 * Small operators are written out and solved densely. Large ones: Rayleigh–Ritz on span{Q, AQ, …, A⁸Q} with full
 * orthogonalization, restarted from the Ritz vectors until ‖Av − λv‖ ≤ tolerance·|λ₁|. The block has more columns than
 * pairs, so that ties up to that number are found. Deterministic: the first block comes from a fixed seed.
 *
 * Source: Golub & Underwood (1977), block Lanczos. Cost: a few dozen applications to count + 3 columns or a few more.
 */
export async function leadingEigenpairs(
  apply: SymmetricOperator,
  n: number,
  count: number,
  by: "magnitude" | "value",
  { tolerance = 1e-6, restarts = MAX_RESTARTS, breathe }: KrylovOptions = {},
): Promise<LeadingPairs> {
  const wanted = Math.min(count, n);
  const rank = (values: Float64Array): number[] => {
    const key = (k: number): number => (by === "magnitude" ? Math.abs(values[k]) : values[k]);
    return Array.from(values.keys()).sort((a, b) => key(b) - key(a) || a - b);
  };
  if (n <= DENSE_SIZE) {
    const identity = new Float64Array(n * n);
    for (let i = 0; i < n; i++) identity[i * n + i] = 1;
    const { values, vectors } = symmetricEigen(apply(identity, n), n);
    const order = rank(values).slice(0, wanted);
    return { values: Float64Array.from(order, (k) => values[k]), vectors: pickColumns(vectors, n, n, order) };
  }
  const b = Math.min(n, BLOCK * Math.ceil((wanted + EXTRA_COLUMNS) / BLOCK));
  const rng = createRng(0, "krylov", n, b);
  let block = orthonormalize(
    Float64Array.from({ length: n * b }, () => rng.normal()),
    n,
    b,
  ).basis;
  for (let restart = 0; ; restart++) {
    const { basis, image, size } = await krylovSpace(apply, block, n, breathe);
    const { values, vectors } = symmetricEigen(multiplyTransposed(basis, image, n, size, size), size);
    const order = rank(values).slice(0, b);
    const turn = pickColumns(vectors, size, size, order);
    const ritz = multiply(basis, turn, n, size, order.length);
    const moved = multiply(image, turn, n, size, order.length);
    const residual = worstResidual(
      ritz,
      moved,
      order.map((k) => values[k]),
      n,
      wanted,
    );
    if (residual <= tolerance * Math.abs(values[order[0]]) || restart >= restarts) {
      const first = Array.from({ length: wanted }, (_, k) => k);
      return {
        values: Float64Array.from(order.slice(0, wanted), (k) => values[k]),
        vectors: pickColumns(ritz, n, order.length, first),
      };
    }
    block = ritz;
  }
}

/** Orthonormal basis of span{Q, AQ, …} and A times it, both n×size. */
async function krylovSpace(
  apply: SymmetricOperator,
  start: Float64Array,
  n: number,
  breathe: (() => Promise<void>) | undefined,
) {
  const columns: Float64Array[] = [];
  const images: Float64Array[] = [];
  let block = start;
  let width = start.length / n;
  for (let step = 0; step <= STEPS && width > 0; step++) {
    const image = apply(block, width);
    await breathe?.();
    for (let c = 0; c < width; c++) {
      columns.push(column(block, n, width, c));
      images.push(column(image, n, width, c));
    }
    if (step === STEPS) break;
    const next: Float64Array[] = [];
    for (let c = 0; c < width; c++) {
      const v = column(image, n, width, c);
      if (orthogonalize(v, columns) && orthogonalize(v, next)) next.push(v);
    }
    width = next.length;
    block = new Float64Array(n * width);
    for (let c = 0; c < width; c++) for (let i = 0; i < n; i++) block[i * width + c] = next[c][i];
  }
  const size = columns.length;
  const basis = new Float64Array(n * size);
  const image = new Float64Array(n * size);
  for (let c = 0; c < size; c++) {
    for (let i = 0; i < n; i++) {
      basis[i * size + c] = columns[c][i];
      image[i * size + c] = images[c][i];
    }
  }
  return { basis, image, size };
}

/** Removes the columns from v, twice, and normalizes it; false when nothing is left. */
function orthogonalize(v: Float64Array, columns: readonly Float64Array[]): boolean {
  const before = length(v);
  if (!(before > 0)) return false;
  for (let pass = 0; pass < 2; pass++) {
    for (const q of columns) {
      let overlap = 0;
      for (let i = 0; i < v.length; i++) overlap += q[i] * v[i];
      for (let i = 0; i < v.length; i++) v[i] -= overlap * q[i];
    }
  }
  const left = length(v);
  if (!(left > 1e-10 * before)) return false;
  for (let i = 0; i < v.length; i++) v[i] /= left;
  return true;
}

function length(v: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i] * v[i];
  return Math.sqrt(sum);
}

const column = (a: Float64Array, n: number, width: number, c: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => a[i * width + c]);

function pickColumns(a: Float64Array, rows: number, width: number, picked: readonly number[]): Float64Array {
  const out = new Float64Array(rows * picked.length);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < picked.length; c++) out[i * picked.length + c] = a[i * width + picked[c]];
  }
  return out;
}

/** Largest ‖Av − λv‖ over the first `wanted` Ritz pairs. */
function worstResidual(
  ritz: Float64Array,
  moved: Float64Array,
  values: readonly number[],
  n: number,
  wanted: number,
): number {
  const b = values.length;
  let most = 0;
  for (let c = 0; c < wanted; c++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (moved[i * b + c] - values[c] * ritz[i * b + c]) ** 2;
    most = Math.max(most, Math.sqrt(sum));
  }
  return most;
}
