/** The sums of passes over the rows held here, taken part by part and added in the tree of partition.ts. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { Blocks, F64, type Visit } from "./blocks.js";
import { acquireTenant, type Machine, type Tenant } from "./machine.js";
import { firstRow, type SumNode, SumTree } from "./partition.js";
import { assertFits, type Layout, layoutOf, type ProblemShape, type SlotName } from "./shape.js";

/** A run of the parts of a problem, as it is opened somewhere. Structured-clonable. */
export interface Opening {
  readonly shape: ProblemShape;
  /** Feature table of (rank, degree), int32 pairs. */
  readonly table: Int32Array;
  readonly kernel: KernelChoice;
  /** Keep a small X in the kernel's memory; not worth it for one or two passes. */
  readonly hold: boolean;
  /** Of all parts, see `partition`. */
  readonly starts: Int32Array;
  /** The parts held here: first … last − 1. */
  readonly first: number;
  readonly last: number;
}

/** Slots that a pass adds to, with their lengths. */
export type Sums = readonly (readonly [slot: SlotName, length: number])[];

/**
 * Reserves the memory of a run of parts.
 * @throws {MemoryError} `TOO_LARGE` before anything is allocated, `OUT_OF_MEMORY` if the machine has less
 */
export async function reserve(opening: Opening): Promise<{ tenant: Tenant; layout: Layout }> {
  const { shape, starts, first, last, hold, kernel } = opening;
  const rows = firstRow(starts, last, shape.samples) - firstRow(starts, first, shape.samples);
  const layout = layoutOf(shape, hold, rows);
  assertFits(layout.bytes, 2 ** 32 - 2 ** 20);
  return { tenant: await acquireTenant(kernel, layout.bytes), layout };
}

export class Parts extends Blocks {
  /** Number of the first part held here. */
  readonly #first: number;
  /** Block after the last one of every part held here. */
  readonly #ends: Int32Array;
  /** First row of every part held here, counted from the first row held here; and the number of rows. */
  readonly #rows: Int32Array;
  /** Whether all sums are known here after a pass. */
  readonly #isAlone: boolean;
  readonly #tree = new SumTree();
  /** Where the sums of the last pass stand: first number and count of each. */
  readonly #runs: number[] = [];

  /** @param isAlone - these are all parts of the problem, and nobody else asks for their sums */
  constructor(
    tenant: Tenant,
    layout: Layout,
    rows: DenseRows,
    control: RunControl,
    opening: Opening,
    isAlone: boolean,
  ) {
    super(tenant, layout, rows, control);
    const { starts, first, last, shape } = opening;
    this.#first = first;
    this.#ends = starts.slice(first + 1, last + 1).map((end) => end - starts[first]);
    const from = firstRow(starts, first, shape.samples);
    this.#rows = Int32Array.from({ length: last - first + 1 }, (_, k) =>
      Math.max(0, firstRow(starts, first + k, shape.samples) - from),
    );
    this.#isAlone = isAlone;
  }

  /**
   * A pass that adds to `sums`. Afterwards they hold the sums over all rows of the problem, if these are all parts;
   * otherwise `takeNodes` gives what is known of them.
   * @param ends - block after the last one of every part, where the pass has other blocks than X
   */
  summed(flopsPerBlock: number, sums: Sums, visit: Visit, ends: Int32Array = this.#ends): Promise<void> | undefined {
    const m0 = this.tenant.enter();
    this.#runs.length = 0;
    for (let k = 0; k < sums.length; k++) this.#runs.push(this.at(m0, sums[k][0]) / F64, sums[k][1]);
    this.#clear(m0);
    const blocks = ends.length > 0 ? ends[ends.length - 1] : 0;
    if (sums.length === 0 || (this.#isAlone && ends.length === 1)) return this.pass(flopsPerBlock, visit, blocks);
    this.#tree.take(); // what an aborted pass left
    let part = 0;
    const close = (m: Machine, block: number): void => {
      while (part < ends.length && ends[part] === block) this.#close(m, part++);
    };
    close(m0, 0);
    const both: Visit = (m, b) => {
      visit(m, b);
      if (b + 1 === ends[part]) close(m, b + 1);
    };
    const pause = this.pass(flopsPerBlock, both, blocks);
    if (!this.#isAlone) return pause;
    if (pause) return pause.then(() => this.settle());
    this.settle();
    return undefined;
  }

  /** For every part held here the places in `subset` (rows by number, counted from the first one here) of its rows. */
  byPart(subset: Int32Array): Int32Array[] {
    const places = Int32Array.from(subset, (_, k) => k);
    if (this.#ends.length === 1) return [places];
    const rows = this.#rows;
    return Array.from(this.#ends, (_, k) => places.filter((at) => subset[at] >= rows[k] && subset[at] < rows[k + 1]));
  }

  /** Sums of the last pass over the parts held here. */
  takeNodes(): SumNode[] {
    return this.#tree.take();
  }

  /** Adds sums of the last pass over parts after those so far. */
  addNodes(nodes: readonly SumNode[]): void {
    for (const node of nodes) this.#tree.add(node);
  }

  /** Puts the sums over all parts into their slots. */
  settle(): void {
    const total = this.#tree.total();
    if (total === undefined) return;
    const { f64 } = this.tenant.enter();
    const runs = this.#runs;
    for (let k = 0, at = 0; k < runs.length; k += 2) {
      for (let from = runs[k], end = from + runs[k + 1]; from < end; from++) f64[from] = total[at++];
    }
  }

  /** Takes the sums of a part out of their slots. Loops, since most sums are few numbers, where typed arrays' methods cost more. */
  #close({ f64 }: Machine, part: number): void {
    const runs = this.#runs;
    let length = 0;
    for (let k = 1; k < runs.length; k += 2) length += runs[k];
    const values = this.#tree.leaf(length);
    for (let k = 0, at = 0; k < runs.length; k += 2) {
      for (let from = runs[k], end = from + runs[k + 1]; from < end; from++) {
        values[at++] = f64[from];
        f64[from] = 0;
      }
    }
    this.#tree.add({ part: this.#first + part, level: 0, values });
  }

  #clear({ f64 }: Machine): void {
    const runs = this.#runs;
    for (let k = 0; k < runs.length; k += 2) f64.fill(0, runs[k], runs[k] + runs[k + 1]);
  }
}
