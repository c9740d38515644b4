/** Permutation test of the linear regression on all inputs: sees faint linear signals that a search over ranks cannot. */
import { createRng } from "../base/rng.js";
import { multiplyTransposed, qr } from "../math/dense.js";
import type { Study } from "./study.js";

const DRAWS = 999;
/** A level below that of the search's own test: both together still take noise for noise in 19 cases of 20. */
const LEVEL = 0.005;

/**
 * Whether the linear regression of y explains more than the same regression of y in another order, in 199 of 200 orders.
 *
 * A search over ranks, degrees and basins finds so much in noise that a linear signal of R² = d/n drowns in it; one
 * statistic fixed in advance has no such search to pay for.
 * Cost: a QR factorization of the rows and up to 999 products of 2n·k flops, five for noise.
 */
export function hasLinearSignal({ rows, y, weights, seed }: Study): boolean {
  const { data, rows: n, columns: k } = rows;
  const q = k + 1;
  if (q >= n) return false;
  const root = weights?.map(Math.sqrt);
  const design = new Float64Array(n * q);
  for (let i = 0; i < n; i++) {
    const w = root ? root[i] : 1;
    design[i * q] = w;
    for (let j = 0; j < k; j++) design[i * q + 1 + j] = w * data[i * k + j];
  }
  const basis = qr(design, n, q).q;
  const explained = (order: ArrayLike<number> | undefined): number => {
    const response = Float64Array.from({ length: n }, (_, i) => (root ? root[i] : 1) * y[order ? order[i] : i]);
    const fitted = multiplyTransposed(basis, response, n, q, 1);
    // The first column is the constant's.
    return fitted.reduce((sum, v, j) => (j > 0 ? sum + v * v : 0), 0);
  };
  const own = explained(undefined);
  const rng = createRng(seed, "linear signal");
  const allowed = Math.floor(LEVEL * (DRAWS + 1)) - 1;
  let above = 0;
  for (let draw = 0; draw < DRAWS && above <= allowed; draw++) {
    if (explained(rng.permutation(n)) >= own) above++;
  }
  return above <= allowed;
}
