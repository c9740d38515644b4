/** Multi-indices of total degree ≤ D: order, count, neighbours, and the tables that the kernels read. */
import { checkInteger } from "../base/assert.js";
import { OptionError } from "../base/errors.js";

/** Most Hermite features a table is built for: 8 MB of positions per variable. */
export const MAX_FEATURES = 1_000_000;

/**
 * Everything about the multi-indices β of r variables with |β| ≤ D, in the order of [MI §1.2]: total degree ascending,
 * inside a degree lexicographically descending. Shared and cached: never write into it.
 */
export interface MultiIndexTable {
  readonly rank: number;
  readonly degree: number;
  /** N(r, D) = C(r+D, D). */
  readonly size: number;
  /** β, size×r row-major. */
  readonly exponents: Int32Array;
  /** |β|, one per index. */
  readonly totals: Int32Array;
  /** prefix[k] is the number of indices with |β| < k, k = 0…D+1; the derivatives' basis has prefix[D] entries. */
  readonly prefix: Int32Array;
  /** Position of β − e_k at [j·r + k], −1 where β_k = 0; size×r. */
  readonly down: Int32Array;
  /** Position of β + e_k at [j·r + k] for |β| < D; prefix[D]×r. */
  readonly up: Int32Array;
  /** √(β_k + 1) at the same places. */
  readonly upRoots: Float64Array;
}

/**
 * Number of Hermite features N(r, D) = C(r+D, D) = C(r+D, r).
 *
 * @returns the exact count, or Infinity when it is above 2⁵³ − 1
 * @throws {OptionError} `TYPE`, `RANGE` unless both are integers ≥ 0
 * Cost: O(min(r, D)).
 */
export function featureCount(rank: number, degree: number): number {
  checkInteger(rank, "rank", { min: 0 });
  checkInteger(degree, "degree", { min: 0 });
  const few = Math.min(rank, degree);
  const many = Math.max(rank, degree);
  let count = 1;
  for (let i = 1; i <= few; i++) {
    // count·(many+i)/i is an integer; dividing by the common factor first keeps every intermediate exact.
    const common = greatestCommonDivisor(count, i);
    count = (count / common) * ((many + i) / (i / common));
    if (count > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY;
  }
  return count;
}

/** Numbers of features of a link and of its derivatives, as a workspace needs them. */
export const featureShape = (rank: number, degree: number): { featureCount: number; derivativeCount: number } => ({
  featureCount: featureCount(rank, degree),
  derivativeCount: degree === 0 ? 0 : featureCount(rank, degree - 1),
});

/**
 * Largest degree at which `rank` variables have at most `limit` Hermite features; Infinity for rank 0.
 *
 * Cost: O(D·min(r, D)).
 */
export function largestDegree(rank: number, limit: number): number {
  checkInteger(rank, "rank", { min: 0 });
  if (rank === 0) return Number.POSITIVE_INFINITY;
  if (rank === 1) return Math.max(0, Math.floor(limit) - 1);
  let degree = 0;
  while (featureCount(rank, degree + 1) <= limit) degree++;
  return degree;
}

/**
 * Refuses counts of variables and degrees that have too many Hermite features.
 *
 * @returns N(r, D)
 * @throws {OptionError} `TYPE`, `RANGE` for a bad rank or degree; `TOO_LARGE` with `count`, `limit` and `largestDegree`
 */
export function checkFeatureCount(rank: number, degree: number, limit: number = MAX_FEATURES): number {
  const count = featureCount(rank, degree);
  if (count <= limit) return count;
  const allowed = largestDegree(rank, limit);
  const shown = Number.isFinite(count) ? String(count) : "more than 2^53";
  throw new OptionError(
    "TOO_LARGE",
    `rank ${rank} with degree ${degree} has ${shown} Hermite features; at most ${limit} are allowed. The largest degree at this rank is ${allowed}.`,
    { details: { rank, degree, count, limit, largestDegree: allowed } },
  );
}

/**
 * All multi-indices of `rank` variables of total degree ≤ `degree`, in the order of [MI §1.2].
 *
 * Rank 0 has one index, of length 0.
 *
 * @returns fresh arrays, the caller's to keep
 * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE`
 * Cost: O(r·N).
 */
export function multiIndices(rank: number, degree: number): number[][] {
  checkFeatureCount(rank, degree);
  const { exponents, size } = multiIndexTable(rank, degree);
  return Array.from({ length: size }, (_, j) => Array.from(exponents.subarray(j * rank, (j + 1) * rank)));
}

const cache = new Map<string, MultiIndexTable>();
const CACHED_TABLES = 64;

/**
 * The table of multi-indices of `rank` variables of total degree ≤ `degree`; cached.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE`
 * Cost: O(r²·N) the first time.
 */
export function multiIndexTable(rank: number, degree: number): MultiIndexTable {
  const key = `${rank},${degree}`;
  const known = cache.get(key);
  if (known) return known;
  const table = buildTable(rank, degree);
  if (cache.size >= CACHED_TABLES) cache.clear();
  cache.set(key, table);
  return table;
}

function buildTable(rank: number, degree: number): MultiIndexTable {
  const size = checkFeatureCount(rank, degree);
  const prefix = new Int32Array(degree + 2);
  for (let k = 0; k <= degree; k++) prefix[k + 1] = featureCount(rank, k);

  const exponents = new Int32Array(size * rank);
  const totals = new Int32Array(size);
  let j = 0;
  const beta = new Int32Array(rank);
  for (let total = 0; total <= degree && (rank > 0 || total === 0); total++) {
    beta.fill(0);
    if (rank > 0) beta[0] = total;
    do {
      exponents.set(beta, j * rank);
      totals[j++] = total;
    } while (advance(beta));
  }

  // counts[i·(D+2) + t] = C(t + i − 1, i), so that pos(β) = Σᵢ counts[(r−i), Tᵢ] with the tails Tᵢ of [MI §1.2].
  const stride = degree + 2;
  const counts = new Int32Array((rank + 1) * stride);
  for (let i = 1; i <= rank; i++) for (let t = 1; t <= degree; t++) counts[i * stride + t] = featureCount(i, t - 1);
  const position = (index: Int32Array): number => {
    let at = 0;
    let tail = 0;
    for (let i = rank - 1; i >= 0; i--) {
      tail += index[i];
      at += counts[(rank - i) * stride + tail];
    }
    return at;
  };

  const down = new Int32Array(size * rank);
  const up = new Int32Array(prefix[degree] * rank);
  for (let i = 0; i < size; i++) {
    beta.set(exponents.subarray(i * rank, (i + 1) * rank));
    for (let k = 0; k < rank; k++) {
      beta[k]--;
      down[i * rank + k] = beta[k] < 0 ? -1 : position(beta);
      beta[k] += 2;
      if (totals[i] < degree) up[i * rank + k] = position(beta);
      beta[k]--;
    }
  }
  const upRoots = Float64Array.from(up, (_, i) => Math.sqrt(exponents[i] + 1));
  return { rank, degree, size, exponents, totals, prefix, down, up, upRoots };
}

/** Next index of the same total degree in lexicographically descending order; false after the last one. */
function advance(beta: Int32Array): boolean {
  const last = beta.length - 1;
  for (let i = last - 1; i >= 0; i--) {
    if (beta[i] === 0) continue;
    beta[i]--;
    const rest = beta[last] + 1;
    beta[last] = 0;
    beta[i + 1] = rest;
    return true;
  }
  return false;
}

/**
 * The table that `KernelOps.features` reads: int32 pairs (parent, row), row = k·(degree+1) + m for the last non-zero
 * coordinate k of β_j, of exponent m, and parent the position of β_j with that coordinate set to 0, so that
 * φ_j = φ_parent · h_m(z_k). The pair of j = 0 is (0, 0) and is not read.
 *
 * @returns a fresh array of 2N
 * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE`
 */
export function featureTable(rank: number, degree: number): Int32Array {
  const { exponents, down, size } = multiIndexTable(rank, degree);
  const pairs = new Int32Array(2 * size);
  for (let j = 1; j < size; j++) {
    let k = rank - 1;
    while (exponents[j * rank + k] === 0) k--;
    const exponent = exponents[j * rank + k];
    let parent = j;
    for (let m = 0; m < exponent; m++) parent = down[parent * rank + k];
    pairs[2 * j] = parent;
    pairs[2 * j + 1] = k * (degree + 1) + exponent;
  }
  return pairs;
}

/**
 * Coefficients of all partial derivatives of a Hermite expansion, as `KernelOps.fields` wants them: entry j·r + k is
 * √(γ_k+1)·c[γ + e_k] for the j-th index γ of degree < D [MI §1.2].
 *
 * @returns N(r, D−1)×r row-major (length 0 at degree 0)
 */
export function derivativeCoefficients(coefficients: ArrayLike<number>, rank: number, degree: number): Float64Array {
  const { up, upRoots } = multiIndexTable(rank, degree);
  const out = new Float64Array(up.length);
  for (let i = 0; i < out.length; i++) out[i] = upRoots[i] * coefficients[up[i]];
  return out;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return x;
}
