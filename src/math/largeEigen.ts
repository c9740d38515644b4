/** Eigenvalues and eigenvectors of symmetric matrices of many rows, in steps between which a page or a signal gets its turn. */
import { NumericalError } from "../base/errors.js";
import { addScaled, dotByFour } from "../kernel/sums.js";

const EPS = Number.EPSILON;
/** Beside entries of about 1 nothing, wherever it stands. */
const NOTHING = 1e-300;
/** QL sweeps for one eigenvalue; two or three are usual. */
const MAX_SWEEPS = 60;
/** Columns that all rotations of a batch run through before the next ones: of 1000 rows they fit into a near cache. */
const TILE = 32;
/** Entries that one batch of rotations changes before other tasks can have a turn. */
const BATCH = 4_000_000;

/**
 * A = V·diag(values)·Vᵀ by Householder reflections to tridiagonal form and implicit QL sweeps; values ascending, vectors in
 * columns, row-major. + − × ÷ √ in a fixed order, so the same bits everywhere.
 *
 * Rows of Vᵀ are kept, not columns of V, so that rotations run along them; they wait in batches and pass over a few columns
 * at a time.
 *
 * @param a - symmetric n×n row-major, of which the lower triangle is read; largest entry about 1; destroyed
 * @throws {NumericalError} `NOT_CONVERGED`
 * Source: Golub & Van Loan, §8.3. Cost: about 8n³ flops, in steps of some milliseconds; two more matrices of n².
 */
export function* largeEigen(
  a: Float64Array,
  n: number,
): Generator<undefined, { values: Float64Array; vectors: Float64Array }> {
  const { diagonal, beside, betas } = yield* reduce(a, n);
  const rows = yield* accumulate(a, betas, n);
  yield* diagonalize(diagonal, beside, rows, n);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[i] - diagonal[j] || i - j);
  for (let k = 0; k < n; k++) for (let i = 0; i < n; i++) a[i * n + k] = rows[order[k] * n + i];
  return { values: Float64Array.from(order, (k) => diagonal[k]), vectors: a };
}

/** T = QᵀAQ. Reflection i, I − betas[i]·vvᵀ, has its v in the first i entries of row i of A. */
function* reduce(f: Float64Array, n: number) {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const betas = new Float64Array(n);
  const image = new Float64Array(n);
  for (let i = n - 1; i >= 1; i--) {
    const v = i * n;
    diagonal[i] = f[v + i];
    let size = 0;
    for (let k = 0; k < i; k++) size = Math.max(size, Math.abs(f[v + k]));
    if (i === 1 || size === 0) {
      beside[i - 1] = f[v + i - 1];
      continue;
    }
    for (let k = 0; k < i; k++) f[v + k] /= size;
    const norm = Math.sqrt(dotByFour(f, v, v, i));
    const last = f[v + i - 1];
    f[v + i - 1] = last + (last < 0 ? -norm : norm);
    beside[i - 1] = (last < 0 ? norm : -norm) * size;
    // 2/‖v‖² with ‖v‖² = 2·norm·(norm + |last|)
    const beta = 1 / (norm * (norm + Math.abs(last)));
    betas[i] = beta;
    for (let j = 0; j < i; j++) {
      const row = j * n;
      const vj = f[v + j];
      image[j] = dotByFour(f, row, v, j) + f[row + j] * vj;
      for (let k = 0; k < j; k++) image[k] += vj * f[row + k];
    }
    let along = 0;
    for (let k = 0; k < i; k++) {
      image[k] *= beta;
      along += image[k] * f[v + k];
    }
    for (let k = 0; k < i; k++) image[k] -= 0.5 * beta * along * f[v + k];
    for (let j = 0; j < i; j++) {
      const row = j * n;
      const vj = f[v + j];
      const wj = image[j];
      for (let k = 0; k <= j; k++) f[row + k] -= vj * image[k] + wj * f[v + k];
    }
    yield;
  }
  if (n > 0) diagonal[0] = f[0];
  return { diagonal, beside, betas };
}

/** Qᵀ, whose leading block alone changes with every reflection. */
function* accumulate(a: Float64Array, betas: Float64Array, n: number) {
  // Sums take both their places from one array, so the reflection stands behind the rows.
  const rows = new Float64Array((n + 1) * n);
  const v = n * n;
  for (let k = 0; k < n; k++) rows[k * n + k] = 1;
  for (let i = 2; i < n; i++) {
    if (betas[i] === 0) continue;
    rows.set(a.subarray(i * n, i * n + i), v);
    for (let row = 0; row < i * n; row += n) addScaled(rows, -betas[i] * dotByFour(rows, row, v, i), v, row, i);
    yield;
  }
  return rows;
}

/** QL sweeps with Wilkinson's shift until nothing stands beside the diagonal; every rotation turns two rows. */
function* diagonalize(diagonal: Float64Array, beside: Float64Array, rows: Float64Array, n: number) {
  const room = Math.min(Math.ceil(BATCH / n), n * n);
  // Place, cosine and sine of every rotation that waits. A sweep is never cut.
  const turns = new Float64Array(3 * (room + n));
  let count = 0;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(beside[m]) > EPS * (Math.abs(diagonal[m]) + Math.abs(diagonal[m + 1])) + NOTHING)
        m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) {
        throw new NumericalError("NOT_CONVERGED", `Eigenvalue ${l} of ${n} was not found in ${MAX_SWEEPS} sweeps.`);
      }
      count = sweepUp(diagonal, beside, l, m, turns, count);
      if (count < 3 * room) continue;
      turn(rows, n, turns, count);
      count = 0;
      yield;
    }
  }
  turn(rows, n, turns, count);
}

/** One implicit sweep from row m to row l of a block without zeros beside the diagonal; returns where its rotations end. */
function sweepUp(
  diagonal: Float64Array,
  beside: Float64Array,
  l: number,
  m: number,
  turns: Float64Array,
  from: number,
): number {
  let at = from;
  const half = (diagonal[l + 1] - diagonal[l]) / (2 * beside[l]);
  const root = Math.sqrt(half * half + 1);
  const shift = diagonal[l] - beside[l] / (half + (half < 0 ? -root : root));
  let x = diagonal[m] - shift;
  let z = beside[m - 1];
  for (let k = m - 1; k >= l; k--) {
    const r = length(x, z);
    const c = r === 0 ? 1 : x / r;
    const s = r === 0 ? 0 : z / r;
    if (k < m - 1) beside[k + 1] = r;
    const b = beside[k];
    const w = (diagonal[k] - diagonal[k + 1]) * s + 2 * c * b;
    diagonal[k + 1] += s * w;
    diagonal[k] -= s * w;
    beside[k] = c * w - b;
    if (k > l) {
      x = beside[k];
      z = s * beside[k - 1];
      beside[k - 1] *= c;
    }
    turns[at++] = k;
    turns[at++] = c;
    turns[at++] = s;
  }
  return at;
}

function length(x: number, z: number): number {
  const [large, small] = Math.abs(x) > Math.abs(z) ? [Math.abs(x), Math.abs(z)] : [Math.abs(z), Math.abs(x)];
  if (large === 0) return 0;
  const ratio = small / large;
  return large * Math.sqrt(1 + ratio * ratio);
}

/** Rows k and k + 1 of every rotation that waits, turned. */
function turn(rows: Float64Array, n: number, turns: Float64Array, count: number): void {
  for (let tile = 0; tile < n; tile += TILE) {
    const wide = Math.min(TILE, n - tile);
    for (let t = 0; t < count; t += 3) {
      const c = turns[t + 1];
      const s = turns[t + 2];
      for (let i = turns[t] * n + tile, j = i + n, end = i + wide; i < end; i++, j++) {
        const x = rows[j];
        const y = rows[i];
        rows[j] = c * x + s * y;
        rows[i] = c * y - s * x;
      }
    }
  }
}
