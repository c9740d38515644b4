/** Passes over scaled rows of X in the kernel: Xv and Xᵀ(c∘Xv), matrix-free. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { BLOCK_BYTES, Blocks, F64 } from "../kernel/blocks.js";
import { acquireTenant } from "../kernel/machine.js";
import { BLOCK_ROWS } from "../kernel/ops.js";
import { assertFits, COPY_ROOM, type Layout, layoutOf, RESIDENT_BYTES, type SlotName } from "../kernel/shape.js";

/** Fills c from ξ for rows first … first + rows − 1; both views belong to the kernel and die with the call. */
export type RowWeigher = (xi: Float64Array, c: Float64Array, first: number, rows: number) => void;

const ALIGN = 64;

/** The few slots of the kernel's arena that a single direction needs; the others stay empty. */
function directionLayout(samples: number, columns: number): Layout {
  const shape = { samples, columns, rank: 1, degree: 0, featureCount: 1, derivativeCount: 0 };
  const full = layoutOf(shape);
  const resident = full.paddedRows * full.stride * F64 <= RESIDENT_BYTES;
  const needed: Partial<Record<SlotName, number>> = {
    center: full.stride,
    inverseScale: full.stride,
    paired: full.stride,
    pairedSum: full.stride,
    staging: BLOCK_ROWS * columns + COPY_ROOM,
    xBlock: BLOCK_ROWS * full.stride + COPY_ROOM,
    rowWeights: BLOCK_ROWS,
    c: BLOCK_ROWS,
    target: BLOCK_ROWS,
    fields0: BLOCK_ROWS,
    fields1: BLOCK_ROWS,
    x: resident ? full.paddedRows * full.stride : 0,
  };
  const slots = { ...full.slots };
  let bytes = 0;
  for (const name of Object.keys(slots) as SlotName[]) {
    slots[name] = bytes;
    bytes += Math.ceil(((needed[name] ?? 0) * F64) / ALIGN) * ALIGN;
  }
  return { ...full, resident, slots, bytes };
}

/**
 * Rows x̃ᵢ = xᵢ·inverseScale, n×d, of which solvers ask for products only. The same bits on both kernels.
 *
 * X is read once per product: a block of rows is projected, weighed and summed while it is in the cache.
 */
export class RowProducts extends Blocks {
  /** Products made so far. */
  passes = 0;

  /**
   * @param inverseScale - d factors of the columns
   * @throws {MemoryError} `TOO_LARGE` before anything is allocated, `OUT_OF_MEMORY` if the machine has less
   */
  static async create(
    rows: DenseRows,
    inverseScale: Float64Array,
    choice: KernelChoice,
    control: RunControl,
  ): Promise<RowProducts> {
    const layout = directionLayout(rows.rows, rows.columns);
    assertFits(layout.bytes, 2 ** 32 - 2 ** 20);
    const tenant = await acquireTenant(choice, layout.bytes);
    const products = new RowProducts(tenant, layout, rows, control);
    try {
      await products.standardize({ center: new Float64Array(rows.columns), inverseScale });
    } catch (error) {
      products.dispose();
      throw error;
    }
    return products;
  }

  get samples(): number {
    return this.layout.shape.samples;
  }
  get dim(): number {
    return this.layout.shape.columns;
  }

  /**
   * Xᵀc with c made from ξ = Xv row by row, d numbers, in one pass over X.
   * Cost: 4nd flops.
   */
  async fused(v: Float64Array, weigh: RowWeigher): Promise<Float64Array> {
    const { stride, samples } = { stride: this.layout.stride, samples: this.samples };
    this.passes++;
    this.storePaired(v);
    this.clearPaired(1);
    await this.pass(4 * BLOCK_ROWS * stride, (m, b) => {
      const x = this.block(m, b);
      const z = this.at(m, "rowWeights");
      m.ops.project(x, stride, 1, this.at(m, "paired"), z);
      const c = this.view(m, "c", BLOCK_ROWS);
      const first = b * BLOCK_ROWS;
      const rows = Math.min(BLOCK_ROWS, samples - first);
      weigh(m.f64.subarray(z / F64, (z + BLOCK_BYTES) / F64), c, first, rows);
      c.fill(0, rows);
      m.ops.accumulateTransposed(x, stride, 1, this.at(m, "c"), this.at(m, "pairedSum"));
    });
    return this.readPaired(1);
  }

  /**
   * Loss and gradient of the losses that the kernel knows, in one pass: fills ξ = Xv (n) and gives Σ l(ξᵢ; yᵢ) with Xᵀl′.
   *
   * @param rational - c of the rational loss; 0 is plain Wirtinger
   * Cost: 4nd flops and some 60 a row.
   */
  async rationalPass(
    v: Float64Array,
    y: Float64Array,
    rational: number,
    fields: Float64Array,
  ): Promise<{ readonly sum: number; readonly gradient: Float64Array }> {
    const { stride } = this.layout;
    this.passes++;
    this.storePaired(v);
    this.clearPaired(1);
    let sum = 0;
    await this.pass(4 * BLOCK_ROWS * stride, (m, b) => {
      const x = this.block(m, b);
      const first = b * BLOCK_ROWS;
      const rows = Math.min(BLOCK_ROWS, this.samples - first);
      const [z, c] = [this.at(m, "rowWeights"), this.at(m, "c")];
      m.ops.project(x, stride, 1, this.at(m, "paired"), z);
      // Rows beyond the last have ξ = y = 0, which costs nothing.
      const target = this.view(m, "target", BLOCK_ROWS);
      target.set(y.subarray(first, first + rows));
      target.fill(0, rows);
      // Nothing is ever written to fields0: the fields are not shifted.
      const [shift, bend] = [this.at(m, "fields0"), this.at(m, "fields1")];
      sum += m.ops.pathGradients(z, shift, this.at(m, "target"), rational, c, bend);
      fields.set(m.f64.subarray(z / F64, z / F64 + rows), first);
      m.ops.accumulateTransposed(x, stride, 1, c, this.at(m, "pairedSum"));
    });
    return { sum, gradient: this.readPaired(1) };
  }

  /** (1/n) Xᵀ(w∘Xv), d numbers. Cost: one pass of 4nd flops. */
  async sandwich(v: Float64Array, w: Float64Array): Promise<Float64Array> {
    const sum = await this.fused(v, (xi, c, first, rows) => {
      for (let i = 0; i < rows; i++) c[i] = w[first + i] * xi[i];
    });
    return divide(sum, this.samples);
  }

  /** (1/n) Xᵀw, d numbers. Cost: one pass of 2nd flops. */
  async transposed(w: Float64Array): Promise<Float64Array> {
    const { stride } = this.layout;
    this.passes++;
    this.clearPaired(1);
    await this.pass(2 * BLOCK_ROWS * stride, (m, b) => {
      const c = this.view(m, "c", BLOCK_ROWS);
      const first = b * BLOCK_ROWS;
      for (let i = 0; i < BLOCK_ROWS; i++) c[i] = first + i < this.samples ? w[first + i] : 0;
      m.ops.accumulateTransposed(this.block(m, b), stride, 1, this.at(m, "c"), this.at(m, "pairedSum"));
    });
    return divide(this.readPaired(1), this.samples);
  }

  /** Xv, n numbers. Cost: one pass of 2nd flops. */
  async fields(v: Float64Array): Promise<Float64Array> {
    const { stride } = this.layout;
    const out = new Float64Array(this.samples);
    this.passes++;
    this.storePaired(v);
    await this.pass(2 * BLOCK_ROWS * stride, (m, b) => {
      const z = this.at(m, "rowWeights");
      m.ops.project(this.block(m, b), stride, 1, this.at(m, "paired"), z);
      const first = b * BLOCK_ROWS;
      const rows = Math.min(BLOCK_ROWS, this.samples - first);
      out.set(m.f64.subarray(z / F64, z / F64 + rows), first);
    });
    return out;
  }
}

function divide(v: Float64Array, by: number): Float64Array {
  for (let k = 0; k < v.length; k++) v[k] /= by;
  return v;
}
