/** Passes over the columns of the rows held here: sums, second moments, weighted sums of rows. */
import type { Visit } from "./blocks.js";
import { BLOCK_ROWS } from "./ops.js";
import type { Parts } from "./parts.js";

/** Largest |x| of every raw column, d numbers. */
export function columnLargest({ rows: { data, rows, columns } }: Parts): Float64Array {
  const out = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      const size = Math.abs(data[at]);
      if (size > out[j]) out[j] = size;
    }
  }
  return out;
}

/** Σ wᵢx̃ᵢ or Σ wᵢx̃ᵢ² (elementwise). */
export function columnSums(rows: Parts, power: 1 | 2): Promise<void> | undefined {
  const { stride } = rows.layout;
  return rows.summed(2 * BLOCK_ROWS * stride, [["columnSums", stride]], (m, b) => {
    const x = rows.block(m, b);
    rows.weightsOfBlock(m, b);
    const op = power === 1 ? m.ops.columnSums : m.ops.columnSquares;
    op(x, stride, rows.at(m, "rowWeights"), rows.at(m, "columnSums"));
  });
}

/** Σ τᵢ x̃ᵢx̃ᵢᵀ over all rows, or over those listed in `subset`. */
export function secondMoment(
  rows: Parts,
  tau: Float64Array | undefined,
  subset: Int32Array | undefined,
): Promise<void> | undefined {
  const { stride } = rows.layout;
  const flops = BLOCK_ROWS * stride * stride;
  const sums = [["square", stride * stride]] as const;
  if (!subset) {
    return rows.summed(flops, sums, (m, b) => {
      const weights = rows.view(m, "rowWeights", BLOCK_ROWS);
      const first = b * BLOCK_ROWS;
      for (let i = 0; i < BLOCK_ROWS; i++) {
        weights[i] = first + i < rows.layout.rows ? (tau ? tau[first + i] : 1) : 0;
      }
      const x = rows.block(m, b);
      m.ops.secondMoment(x, stride, rows.at(m, "rowWeights"), rows.at(m, "scratch"), rows.at(m, "square"));
    });
  }
  // Blocks of listed rows; those of different parts never share one.
  const chunks: Int32Array[] = [];
  const ends = rows.byPart(subset).map((places) => {
    for (let from = 0; from < places.length; from += BLOCK_ROWS) chunks.push(places.subarray(from, from + BLOCK_ROWS));
    return chunks.length;
  });
  const visit: Visit = (m, b) => {
    const places = chunks[b];
    const weights = rows.view(m, "rowWeights", BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) weights[i] = i < places.length ? (tau ? tau[places[i]] : 1) : 0;
    const x = rows.gather(
      m,
      Int32Array.from(places, (k) => subset[k]),
      0,
      places.length,
    );
    m.ops.secondMoment(x, stride, rows.at(m, "rowWeights"), rows.at(m, "scratch"), rows.at(m, "square"));
  };
  return rows.summed(flops, sums, visit, Int32Array.from(ends));
}

/** Σ τᵢx̃ᵢ. */
export function weightedSum(rows: Parts, tau: Float64Array): Promise<void> | undefined {
  const { stride } = rows.layout;
  return rows.summed(2 * BLOCK_ROWS * stride, [["pairedSum", stride]], (m, b) => {
    const first = b * BLOCK_ROWS;
    const c = rows.view(m, "c", BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) c[i] = first + i < rows.layout.rows ? tau[first + i] : 0;
    m.ops.accumulateTransposed(rows.block(m, b), stride, 1, rows.at(m, "c"), rows.at(m, "pairedSum"));
  });
}
