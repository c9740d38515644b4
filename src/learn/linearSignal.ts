/** Permutation test of the linear regression on all inputs: sees faint linear signals that a search over ranks cannot. */
import { createRng } from "../base/rng.js";
import { secondMoment, weightedSum } from "../kernel/columns.js";
import { cholesky } from "../math/dense.js";
import { type Study, withWorkspace } from "./study.js";

const DRAWS = 999;
const LEAST_DRAWS = 49;
/** A level below that of the search's own test: both together still take noise for noise in 19 cases of 20. */
const LEVEL = 0.005;
/** Pivots below this part of their diagonal entry count as zero: the inputs are dependent. */
const PIVOT_TOLERANCE = 1e-12;

/**
 * Whether the linear regression of y explains more than the same regression of y in another order, in 199 of 200 orders.
 *
 * A search over ranks, degrees and basins finds so much in noise that a linear signal of R² = d/n drowns in it; one
 * statistic fixed in advance has no such search to pay for. After a deadline it is none of 49 orders.
 * Cost: n·k² + k³/3 flops, and up to 999 times 2n·k + k², five times for noise.
 */
export async function hasLinearSignal(study: Study): Promise<boolean> {
  const { rows, y, weights, seed, control } = study;
  const { rows: n, columns: k } = rows;
  if (k + 1 >= n) return false;
  return withWorkspace(study, 1, 1, async (workspace) => {
    const total = workspace.weightSum;
    const ones = weights ?? new Float64Array(n).fill(1);
    const mean = (await weightedSum(workspace, ones)).map((v) => v / total);
    const spread = await secondMoment(workspace, weights);
    for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) spread[a * k + b] -= total * mean[a] * mean[b];
    const factored = cholesky(spread, k, PIVOT_TOLERANCE);
    if (!factored.ok) return false;
    /** Sum of squares that the regression explains, bᵀS⁻¹b for the sums b of inputs times centred responses. */
    const explained = async (order?: ArrayLike<number>): Promise<number> => {
      const response = Float64Array.from({ length: n }, (_, i) => ones[i] * y[order ? order[i] : i]);
      const level = response.reduce((sum, v) => sum + v, 0) / total;
      for (let i = 0; i < n; i++) response[i] -= ones[i] * level;
      const b = await weightedSum(workspace, response);
      return energy(factored.lower, k, b);
    };
    const own = await explained();
    const rng = createRng(seed, "linear signal");
    const allowed = Math.floor(LEVEL * (DRAWS + 1)) - 1;
    let above = 0;
    for (let draw = 0; draw < DRAWS && above <= allowed; draw++) {
      if (control.expired && draw >= LEAST_DRAWS) return above === 0;
      if ((await explained(rng.permutation(n))) >= own) above++;
    }
    return above <= allowed;
  });
}

/** ‖L⁻¹b‖² for a lower triangular k×k matrix; b is overwritten. */
function energy(lower: Float64Array, k: number, b: Float64Array): number {
  let out = 0;
  for (let i = 0; i < k; i++) {
    let sum = b[i];
    for (let j = 0; j < i; j++) sum -= lower[i * k + j] * b[j];
    b[i] = sum / lower[i * k + i];
    out += b[i] * b[i];
  }
  return out;
}
