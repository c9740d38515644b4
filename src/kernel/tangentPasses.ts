/** Passes over the tangent space of a fit, for the rows held here: A = [Φ | (XW⊥)_a g_k], row by row. */
import { BLOCK_BYTES } from "./blocks.js";
import type { Machine } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import type { Points } from "./points.js";

/** Columns of X·W⊥ computed by one call of the projection. */
const GROUP = 4;

/** AᵀA at the current point; W⊥ as weights of the standardized columns, d×c row-major. */
export function tangentGram(rows: Points, complement: Float64Array): Promise<void> | undefined {
  const q = rows.layout.tangentCount;
  storeComplement(rows, complement);
  return rows.summed(BLOCK_ROWS * q * (q + 1), [["tangentGram", (q * (q + 1)) / 2]], (m, b) => {
    tangentRows(rows, m, b);
    m.ops.accumulateGram(rows.at(m, "tangent"), q, rows.at(m, "tangentGram"));
  });
}

/**
 * aᵢᵀS⁻¹aᵢ, for the features alone and for all of A: two numbers a row.
 * @param factor - of S, packed; where it is absent it stands in "tangentGram"
 */
export async function leverages(rows: Points, factor: Float64Array | undefined): Promise<Float64Array> {
  const { layout } = rows;
  const p = layout.shape.featureCount;
  const q = layout.tangentCount;
  if (factor) rows.store(rows.tenant.enter(), "tangentGram", factor);
  const out = new Float64Array(2 * layout.rows);
  const pause = rows.summed(BLOCK_ROWS * q * (q + 1), [], (m, b) => {
    solvedRows(rows, m, b);
    const v = rows.view(m, "tangent", q * BLOCK_ROWS);
    const first = b * BLOCK_ROWS;
    const count = Math.min(BLOCK_ROWS, layout.rows - first);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let j = 0, at = i; j < p; j++, at += BLOCK_ROWS) sum += v[at] * v[at];
      out[2 * (first + i)] = sum;
      for (let j = p, at = p * BLOCK_ROWS + i; j < q; j++, at += BLOCK_ROWS) sum += v[at] * v[at];
      out[2 * (first + i) + 1] = sum;
    }
  });
  if (pause) await pause;
  return out;
}

/** The direction block of U⁻ᵀ(Aᵀ diag(e²) A)U⁻¹ with the factor U that `leverages` left; e without weights. */
export function sandwich(rows: Points, errors: Float64Array): Promise<void> | undefined {
  const { layout } = rows;
  const p = layout.shape.featureCount;
  const q = layout.tangentCount;
  const moving = q - p;
  return rows.summed(BLOCK_ROWS * q * (q + 1), [["sandwich", (moving * (moving + 1)) / 2]], (m, b) => {
    solvedRows(rows, m, b);
    const v = rows.view(m, "tangent", q * BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) {
      const row = b * BLOCK_ROWS + i;
      const e = row < layout.rows ? errors[row] : 0;
      for (let at = p * BLOCK_ROWS + i; at < v.length; at += BLOCK_ROWS) v[at] *= e;
    }
    m.ops.accumulateGram(rows.at(m, "tangent") + p * BLOCK_BYTES, moving, rows.at(m, "sandwich"));
  });
}

/** W⊥ in paired layout, in groups of columns. */
function storeComplement(rows: Points, complement: Float64Array): void {
  const { stride, shape } = rows.layout;
  const c = shape.complement ?? 0;
  const out = rows.view(rows.tenant.enter(), "complement", stride * c);
  out.fill(0);
  for (let from = 0; from < c; from += GROUP) {
    const width = Math.min(GROUP, c - from);
    for (let j = 0; j < shape.columns; j++) {
      const at = from * stride + (j >> 1) * 2 * width + (j & 1);
      for (let k = 0; k < width; k++) out[at + 2 * k] = complement[j * c + from + k];
    }
  }
}

/** Rows of A of one block, feature-major, into "tangent". */
function tangentRows(rows: Points, m: Machine, b: number): void {
  const { stride, shape } = rows.layout;
  const { rank: r, featureCount: p, complement: c = 0 } = shape;
  const x = rows.block(m, b);
  const z = rows.at(m, "complementZ");
  for (let from = 0; from < c; from += GROUP) {
    const w: Address = rows.at(m, "complement") + from * stride * 8;
    m.ops.project(x, stride, Math.min(GROUP, c - from), w, z + from * BLOCK_BYTES);
  }
  const a = rows.at(m, "tangent");
  rows.featuresOfPoint(m, b, a);
  const g = rows.fieldsOfPoint(m, b) + BLOCK_BYTES;
  for (let k = 0; k < r; k++) m.ops.scaleFields(g + k * BLOCK_BYTES, z, c, a + (p + k * c) * BLOCK_BYTES);
}

function solvedRows(rows: Points, m: Machine, b: number): void {
  tangentRows(rows, m, b);
  m.ops.solveRows(rows.at(m, "tangentGram"), rows.layout.tangentCount, rows.at(m, "tangent"));
}
