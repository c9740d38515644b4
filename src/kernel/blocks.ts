/** The rows of one problem inside a kernel: arena, addresses, blocks of X, and the loop over blocks. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelReport } from "../base/types.js";
import { copyPhase } from "./copyPhase.js";
import type { Machine, Tenant } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import { type Layout, RESIDENT_BYTES, type SlotName } from "./shape.js";

/** How raw columns enter the kernel: x̃ = (x − center)·inverseScale. */
export interface Standardization {
  readonly center: Float64Array;
  readonly inverseScale: Float64Array;
}

/** Work on one block; the machine is good until the visit returns. */
export type Visit = (m: Machine, block: number) => void;

export const F64 = 8;
export const BLOCK_BYTES = BLOCK_ROWS * F64;
/** Work between two looks at the clock: a few milliseconds of the slower kernel. */
const FLOPS_PER_BREATH = 4e6;
/** What a pass costs beside its operations, in flops of the slower kernel. */
const FLOPS_PER_PASS = 4e4;
/**
 * Blocks of a held X beyond this size are copied before they are used. Tiles that read from a third-level cache or from
 * memory wait for one line after the other; copies do not. Well below this size a copy costs more than the waiting.
 */
const NEAR_BYTES = 4 * 2 ** 20;

/**
 * One reservation: all memory of some rows of a fit, and their X in standardized blocks, held or streamed from the caller's array.
 *
 * Views are good until the next `await`: passes give way to the event loop between blocks, when another fit may take the
 * machine. Addresses stay what they are. After `dispose` everything throws KernelError `DISPOSED`.
 */
export class Blocks {
  readonly layout: Layout;
  readonly tenant: Tenant;
  readonly rows: DenseRows;
  readonly #control: RunControl;
  #plain = false;
  #loaded = false;
  /** Place in a cache line where copies of raw blocks begin, bytes. */
  #phase = 0;
  /** Flops since the last look at the clock. */
  #spent = 0;

  protected constructor(tenant: Tenant, layout: Layout, rows: DenseRows, control: RunControl) {
    this.tenant = tenant;
    this.layout = layout;
    this.rows = rows;
    this.#control = control;
  }

  get report(): KernelReport {
    return { ...this.tenant.report, threads: 1 };
  }

  dispose(): void {
    this.tenant.release();
  }
  /** @internal declared only inside: older `lib` settings do not know the symbol */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Sets responses and square roots of row weights; the kernels see √w·y. */
  setTarget(y: Float64Array, rootWeights?: Float64Array): void {
    const m = this.tenant.enter();
    const n = this.layout.rows;
    const target = this.view(m, "target", this.layout.paddedRows);
    const root = this.view(m, "rootWeights", this.layout.paddedRows);
    target.set(y);
    target.fill(0, n);
    root.fill(0, n);
    if (!rootWeights) {
      root.fill(1, 0, n);
      return;
    }
    root.set(rootWeights);
    for (let i = 0; i < n; i++) target[i] *= rootWeights[i];
  }

  /** Sets how raw rows are centred and scaled, and loads them if X is small enough to be held. */
  async standardize({ center, inverseScale }: Standardization): Promise<void> {
    const { shape, stride, resident } = this.layout;
    this.#plain = center.every((c) => c === 0) && inverseScale.every((s) => s === 1) && stride === shape.columns;
    this.#loaded = false;
    const m = this.tenant.enter();
    this.store(m, "center", center);
    this.store(m, "inverseScale", inverseScale);
    if (!resident) {
      this.#phase = this.#choosePhase(m);
      return;
    }
    const held = this.at(m, "x");
    const block = this.at(m, "xBlock");
    await this.pass(2 * BLOCK_ROWS * stride, (machine, b) => {
      if (!shape.single) return this.fetch(machine, b, held + b * stride * BLOCK_BYTES);
      this.fetch(machine, b, block);
      const doubles = machine.f64.subarray(block / F64, block / F64 + BLOCK_ROWS * stride);
      floatsOf(machine, held + b * stride * (BLOCK_BYTES / 2), doubles.length).set(doubles);
    });
    this.#loaded = true;
  }

  /** Gives way to the event loop when it is time. @throws the signal's own reason when it has been aborted */
  breathe(): Promise<void> {
    return this.#control.breathe();
  }

  /**
   * Runs `visit` over the blocks, giving way to the event loop (and to other fits) after every few milliseconds of work.
   * @returns a promise only when it had to: most passes of a small fit are over at once
   */
  pass(flopsPerBlock: number, visit: Visit, blocks = this.layout.blocks): Promise<void> | undefined {
    this.#control.throwIfAborted();
    this.#spent += FLOPS_PER_PASS;
    const done = this.#run(0, blocks, flopsPerBlock, visit);
    return done < blocks || this.#spent >= FLOPS_PER_BREATH
      ? this.#rest(done, blocks, flopsPerBlock, visit)
      : undefined;
  }

  /** Visits blocks until it is time to look at the clock. @returns the first block not visited */
  #run(first: number, blocks: number, flopsPerBlock: number, visit: Visit): number {
    const m = this.tenant.enter();
    let b = first;
    while (b < blocks) {
      visit(m, b++);
      this.#spent += flopsPerBlock;
      if (this.#spent >= FLOPS_PER_BREATH) break;
    }
    return b;
  }

  async #rest(first: number, blocks: number, flopsPerBlock: number, visit: Visit): Promise<void> {
    let next = first;
    for (;;) {
      this.#spent = 0;
      await this.#control.breathe();
      if (next === blocks) return;
      next = this.#run(next, blocks, flopsPerBlock, visit);
    }
  }

  at(m: Machine, slot: SlotName): Address {
    return m.base + this.layout.slots[slot];
  }
  /** Address of a block's part of an array with `width` rows of BLOCK_ROWS per block. */
  row(m: Machine, slot: SlotName, block: number, width: number): Address {
    return this.at(m, slot) + block * width * BLOCK_BYTES;
  }
  view(m: Machine, slot: SlotName, length: number): Float64Array {
    const first = this.at(m, slot) / F64;
    return m.f64.subarray(first, first + length);
  }
  copy(m: Machine, slot: SlotName, length: number): Float64Array {
    const first = this.at(m, slot) / F64;
    return m.f64.slice(first, first + length);
  }
  store(m: Machine, slot: SlotName, values: Float64Array): void {
    m.f64.set(values, this.at(m, slot) / F64);
  }

  /** For a pass over all blocks: z = X̃A of a block, r rows at `z`, with the A that `storePaired` stored. */
  projector(): (m: Machine, b: number, z: Address) => void {
    const { stride, shape } = this.layout;
    const r = shape.rank;
    const m0 = this.tenant.enter();
    if (this.#isSingle) {
      const [held, quads] = [this.at(m0, "x"), this.at(m0, "quads")];
      const near = this.#nearer(stride * (BLOCK_BYTES / 2), held);
      return (m, b, z) => m.ops.projectSingle(near(m, b), stride, r, quads, z);
    }
    const xOf = this.blocksOfX();
    const paired = this.at(m0, "paired");
    return (m, b, z) => m.ops.project(xOf(m, b), stride, r, paired, z);
  }

  /** For a pass over all blocks: adds X̃ᵀC of a block to "pairedSum", C being r rows at `c`. */
  transposer(): (m: Machine, b: number, c: Address) => void {
    const { stride, shape } = this.layout;
    const r = shape.rank;
    const m0 = this.tenant.enter();
    const out = this.at(m0, "pairedSum");
    if (this.#isSingle) {
      const held = this.at(m0, "x");
      const near = this.#nearer(stride * (BLOCK_BYTES / 2), held);
      return (m, b, c) => m.ops.transposeSingle(near(m, b), stride, r, c, out);
    }
    const xOf = this.blocksOfX();
    return (m, b, c) => m.ops.accumulateTransposed(xOf(m, b), stride, r, c, out);
  }

  get #isSingle(): boolean {
    return this.layout.shape.single === true && this.#loaded;
  }

  /** Address of a standardized block of X, in double precision. */
  block(m: Machine, b: number): Address {
    return this.blocksOfX()(m, b);
  }

  /** For a pass over all blocks: where to find a standardized block of X in double precision, fetched unless it is held. */
  blocksOfX(): (m: Machine, b: number) => Address {
    const { stride, resident, shape } = this.layout;
    const m0 = this.tenant.enter();
    if (resident && this.#loaded && !shape.single) return this.#nearer(stride * BLOCK_BYTES, this.at(m0, "x"));
    const at = this.at(m0, "xBlock") + (this.#plain ? this.#phase : 0);
    return (m, b) => {
      this.fetch(m, b, at);
      return at;
    };
  }

  /** Where a held block of `bytes` stands, or its copy. */
  #nearer(bytes: number, held: Address): (m: Machine, b: number) => Address {
    if (this.layout.blocks * bytes <= NEAR_BYTES) return (_, b) => held + b * bytes;
    const near = this.at(this.tenant.enter(), "xBlock");
    return ({ f64 }, b) => {
      const from = (held + b * bytes) / F64;
      f64.copyWithin(near / F64, from, from + bytes / F64);
      return near;
    };
  }

  /** Arrays that caches hold are copied as fast anywhere. */
  #choosePhase(m: Machine): number {
    const { data } = this.rows;
    if (data.byteLength <= RESIDENT_BYTES) return 0;
    const at = this.at(m, this.#plain ? "xBlock" : "staging");
    return copyPhase(data, BLOCK_ROWS * this.layout.shape.columns, (block, phase) => {
      m.f64.set(block, (at + phase) / F64);
    });
  }

  fetch(m: Machine, b: number, to: Address): void {
    const { stride, shape } = this.layout;
    const { data } = this.rows;
    const d = shape.columns;
    const first = b * BLOCK_ROWS;
    const rows = Math.min(BLOCK_ROWS, this.layout.rows - first);
    const block = data.subarray(first * d, (first + rows) * d);
    if (this.#plain) {
      m.f64.set(block, to / F64);
      if (rows < BLOCK_ROWS) m.f64.fill(0, to / F64 + rows * stride, to / F64 + BLOCK_ROWS * stride);
      return;
    }
    const staging = this.at(m, "staging") + this.#phase;
    m.f64.set(block, staging / F64);
    this.#spread(m, staging, to, rows);
  }

  gather(m: Machine, subset: Int32Array, first: number, rows: number): Address {
    const { data } = this.rows;
    const d = this.layout.shape.columns;
    const staging = this.at(m, "staging") / F64;
    for (let i = 0; i < rows; i++) {
      const row = subset[first + i];
      m.f64.set(data.subarray(row * d, (row + 1) * d), staging + i * d);
    }
    const to = this.at(m, "xBlock");
    this.#spread(m, this.at(m, "staging"), to, rows);
    return to;
  }

  #spread(m: Machine, from: Address, to: Address, rows: number): void {
    const { stride, shape } = this.layout;
    m.ops.standardize(from, to, rows, shape.columns, stride, this.at(m, "center"), this.at(m, "inverseScale"));
  }

  weightsOfBlock(m: Machine, b: number): void {
    const root = this.view(m, "rootWeights", this.layout.paddedRows);
    const weights = this.view(m, "rowWeights", BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) weights[i] = root[b * BLOCK_ROWS + i] ** 2;
  }

  /** d×r row-major → paired. */
  storePaired(a: Float64Array): void {
    const m = this.tenant.enter();
    const { stride, shape } = this.layout;
    const { rank: r, columns: d } = shape;
    const { f64 } = m;
    const first = this.at(m, "paired") / F64;
    f64.fill(0, first + (d >> 1) * 2 * r, first + stride * r);
    for (let j = 0; j < d; j++) {
      const to = first + (j >> 1) * 2 * r + (j & 1);
      for (let k = 0; k < r; k++) f64[to + 2 * k] = a[j * r + k];
    }
    if (!shape.single) return;
    const quads = floatsOf(m, this.at(m, "quads"), stride * r).fill(0);
    for (let j = 0; j < d; j++) {
      for (let k = 0; k < r; k++) quads[(j >> 2) * 4 * r + 4 * k + (j & 3)] = a[j * r + k];
    }
  }
  clearPaired(r: number): void {
    const m = this.tenant.enter();
    const first = this.at(m, "pairedSum") / F64;
    m.f64.fill(0, first, first + this.layout.stride * r);
  }
  readPaired(r: number): Float64Array {
    const m = this.tenant.enter();
    const { f64 } = m;
    const first = this.at(m, "pairedSum") / F64;
    const d = this.layout.shape.columns;
    const out = new Float64Array(d * r);
    for (let j = 0; j < d; j++) {
      const from = first + (j >> 1) * 2 * r + (j & 1);
      for (let k = 0; k < r; k++) out[j * r + k] = f64[from + 2 * k];
    }
    return out;
  }
}

/** A view of floats in a machine's memory. */
function floatsOf(m: Machine, at: Address, length: number): Float32Array {
  return new Float32Array(m.f64.buffer, m.f64.byteOffset + at, length);
}
