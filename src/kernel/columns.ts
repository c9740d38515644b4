/** Passes over the columns of X: sums, second moments, weighted sums of rows. */
import type { Blocks } from "./blocks.js";
import type { Machine } from "./machine.js";
import { BLOCK_ROWS } from "./ops.js";

/** Largest |x| of every raw column, d numbers. */
export function columnLargest({ rows: { data, rows, columns } }: Blocks): Float64Array {
  const out = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      const size = Math.abs(data[at]);
      if (size > out[j]) out[j] = size;
    }
  }
  return out;
}

/** Σ wᵢx̃ᵢ or Σ wᵢx̃ᵢ² (elementwise), d numbers. */
export async function columnSums(blocks: Blocks, power: 1 | 2): Promise<Float64Array> {
  const { stride, shape } = blocks.layout;
  blocks.view(blocks.tenant.enter(), "columnSums", stride).fill(0);
  await blocks.pass(2 * BLOCK_ROWS * stride, (m, b) => {
    const x = blocks.block(m, b);
    blocks.weightsOfBlock(m, b);
    const op = power === 1 ? m.ops.columnSums : m.ops.columnSquares;
    op(x, stride, blocks.at(m, "rowWeights"), blocks.at(m, "columnSums"));
  });
  return blocks.view(blocks.tenant.enter(), "columnSums", shape.columns).slice();
}

/**
 * Σ τᵢ x̃ᵢx̃ᵢᵀ over all rows, or over the rows listed in `subset` (then τ has the subset's length and order).
 * @param tau - all 1 when absent
 * @returns d×d row-major, symmetric. Cost: n·d² flops
 */
export async function secondMoment(blocks: Blocks, tau?: Float64Array, subset?: Int32Array): Promise<Float64Array> {
  const { stride, shape } = blocks.layout;
  const count = subset ? subset.length : shape.samples;
  blocks.view(blocks.tenant.enter(), "square", stride * stride).fill(0);
  const visit = (m: Machine, b: number): void => {
    const first = b * BLOCK_ROWS;
    const rows = Math.min(BLOCK_ROWS, count - first);
    const x = subset ? blocks.gather(m, subset, first, rows) : blocks.block(m, b);
    const weights = blocks.view(m, "rowWeights", BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) weights[i] = i < rows ? (tau ? tau[first + i] : 1) : 0;
    m.ops.secondMoment(x, stride, blocks.at(m, "rowWeights"), blocks.at(m, "scratch"), blocks.at(m, "square"));
  };
  await blocks.pass(BLOCK_ROWS * stride * stride, visit, Math.ceil(count / BLOCK_ROWS));
  const square = blocks.view(blocks.tenant.enter(), "square", stride * stride);
  const d = shape.columns;
  const out = new Float64Array(d * d);
  for (let a = 0; a < d; a++) {
    for (let b = a; b < d; b++) out[a * d + b] = out[b * d + a] = square[a * stride + b];
  }
  return out;
}

/** Σ τᵢx̃ᵢ, d numbers. */
export async function weightedSum(blocks: Blocks, tau: Float64Array): Promise<Float64Array> {
  const { stride, shape } = blocks.layout;
  blocks.clearPaired(1);
  await blocks.pass(2 * BLOCK_ROWS * stride, (m, b) => {
    const first = b * BLOCK_ROWS;
    const c = blocks.view(m, "c", BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) c[i] = first + i < shape.samples ? tau[first + i] : 0;
    m.ops.accumulateTransposed(blocks.block(m, b), stride, 1, blocks.at(m, "c"), blocks.at(m, "pairedSum"));
  });
  return blocks.readPaired(1);
}
