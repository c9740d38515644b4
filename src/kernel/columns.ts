/** Statistics of the columns of X: sums, second moments, weighted sums of rows. */
import type { Workspace } from "./workspace.js";

/** Largest |x| of every raw column, d numbers. */
export async function columnLargest(workspace: Workspace): Promise<Float64Array> {
  const d = workspace.layout.shape.columns;
  const found = (await workspace.everywhere("columnLargest")) as Float64Array;
  const out = new Float64Array(d);
  for (let k = 0; k < found.length; k++) out[k % d] = Math.max(out[k % d], found[k]);
  return out;
}

/** Σ wᵢx̃ᵢ or Σ wᵢx̃ᵢ² (elementwise), d numbers. */
export async function columnSums(workspace: Workspace, power: 1 | 2): Promise<Float64Array> {
  await workspace.everywhere("columnSums", power);
  return workspace.copy(workspace.tenant.enter(), "columnSums", workspace.layout.shape.columns);
}

/**
 * Σ τᵢ x̃ᵢx̃ᵢᵀ over all rows, or over the rows listed in `subset` (then τ has the subset's length and order).
 * @param tau - all 1 when absent
 * @returns d×d row-major, symmetric. Cost: n·d² flops
 */
export async function secondMoment(
  workspace: Workspace,
  tau?: Float64Array,
  subset?: Int32Array,
): Promise<Float64Array> {
  await workspace.everywhere("secondMoment", tau, subset);
  const { stride, shape } = workspace.layout;
  const square = workspace.view(workspace.tenant.enter(), "square", stride * stride);
  const d = shape.columns;
  const out = new Float64Array(d * d);
  for (let a = 0; a < d; a++) {
    for (let b = a; b < d; b++) out[a * d + b] = out[b * d + a] = square[a * stride + b];
  }
  return out;
}

/** Σ τᵢx̃ᵢ, d numbers. */
export async function weightedSum(workspace: Workspace, tau: Float64Array): Promise<Float64Array> {
  await workspace.everywhere("weightedSum", tau);
  return workspace.readPaired(1);
}
