/** A table too large for memory: sampled once, then passed over window by window, always the same rows. */
import { describe } from "../base/assert.js";
import type { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { DenseRows, RowSource } from "../base/types.js";
import { isRowSource, RowReader } from "./rows.js";

/** Rows in a window: small enough for caches, large enough that a window's own costs vanish. */
const WINDOW_ROWS = 8192;

/** Where a pass over all rows is. */
export interface StreamProgress {
  readonly rows: number;
  /** Known after the first pass. */
  readonly total: number | undefined;
}

export class RowStream {
  readonly #reader: RowReader;
  readonly #target: number;
  readonly #control: RunControl;
  readonly #onRows: (progress: StreamProgress) => void;
  readonly #names: readonly string[] | undefined;
  /** Inputs of the window at hand, and its responses, standardized. */
  readonly window: {
    readonly X: Float64Array;
    readonly y: Float64Array;
    readonly rows: number;
    readonly columns: number;
  };
  readonly columns: number;
  /** Number of rows, once they were counted, with mean and variance of the responses. */
  rows: number | undefined;
  mean = 0;
  variance = 0;
  #checksum: number | undefined;

  /** @param target - name of the response, or its number */
  constructor(
    source: RowSource,
    target: string | number,
    control: RunControl,
    onRows: (progress: StreamProgress) => void,
  ) {
    if (!isRowSource(source)) {
      throw new InputError(
        "TYPE",
        `rows are ${describe(source)}; expected a row source, such as what openTable or rowsInBlocks gives.`,
      );
    }
    const { columns, names } = source;
    const index = typeof target === "number" ? target : (names?.indexOf(target) ?? -1);
    if (!Number.isInteger(index) || index < 0 || index >= columns || columns < 2) {
      throw new OptionError(
        "UNKNOWN",
        `target is ${JSON.stringify(target)}; the rows have no such column beside inputs.`,
        {
          details: { option: "target", value: target },
        },
      );
    }
    this.#reader = new RowReader(source, "the table");
    this.#target = index;
    this.#control = control;
    this.#onRows = onRows;
    this.#names = names;
    this.columns = columns - 1;
    this.window = {
      X: new Float64Array(WINDOW_ROWS * this.columns),
      y: new Float64Array(WINDOW_ROWS),
      rows: WINDOW_ROWS,
      columns: this.columns,
    };
  }

  /**
   * A uniform sample of `size` rows, or all when there are no more, in the order of the table; counts the rows on the way.
   * @throws {InputError} `NOT_FINITE` with row and column, and as `RowReader`
   * Source: reservoir sampling, Vitter (1985), algorithm R.
   */
  async sample(size: number, seed: number): Promise<{ X: DenseRows; y: Float64Array }> {
    const rng = createRng(seed, "reservoir");
    const d = this.columns;
    const { X: x, y: target } = this.window;
    let kept = new Float64Array(Math.min(size, WINDOW_ROWS) * d);
    const y = new Float64Array(size);
    const from = new Float64Array(size);
    let seen = 0;
    let squares = 0;
    await this.#pass(0, 1, (rows) => {
      for (let i = 0; i < rows; i++) {
        const place = seen < size ? seen : rng.integer(seen + 1);
        if (place < size) {
          if ((place + 1) * d > kept.length) kept = grown(kept, Math.min(2 * kept.length, size * d));
          for (let j = 0, at = place * d, row = i * d; j < d; j++) kept[at + j] = x[row + j];
          y[place] = target[i];
          from[place] = seen;
        }
        seen++;
        const step = target[i] - this.mean;
        this.mean += step / seen;
        squares += step * (target[i] - this.mean);
      }
    });
    this.rows = seen;
    this.variance = seen > 0 ? squares / seen : 0;
    const count = Math.min(seen, size);
    const order = Array.from({ length: count }, (_, k) => k).sort((a, b) => from[a] - from[b]);
    const data = new Float64Array(count * d);
    order.forEach((k, i) => {
      data.set(kept.subarray(k * d, (k + 1) * d), i * d);
    });
    const names = this.#names?.filter((_, j) => j !== this.#target);
    return {
      X: { data, rows: count, columns: d, ...(names ? { names } : {}) },
      y: Float64Array.from(order, (k) => y[k]),
    };
  }

  /**
   * All rows, window by window, responses brought to (y − mean)/scale.
   * @throws {InputError} `CHANGED` when they are not the rows of the pass before
   * @returns the number of rows
   */
  async windows(mean: number, scale: number, visit: (rows: number) => Promise<void>): Promise<number> {
    await this.#pass(mean, scale, visit);
    return this.rows as number;
  }

  async #pass(mean: number, scale: number, visit: (rows: number) => Promise<void> | void): Promise<void> {
    const room = this.window.rows;
    const scan = new RowScan();
    let count = 0;
    let filled = 0;
    for await (const { data, rows } of this.#reader.pass(this.#control)) {
      const values = data instanceof Float64Array ? data : Float64Array.from(data as ArrayLike<number>);
      for (let from = 0; from < rows; ) {
        const taken = Math.min(rows - from, room - filled);
        const strange = scan.copy(values, from, taken, this.window, filled, this.#target, mean, scale);
        if (strange >= 0) this.#findStrange(values, strange, count + strange);
        from += taken;
        filled += taken;
        if (filled === room) {
          await visit(room);
          filled = 0;
        }
      }
      count += rows;
      this.#onRows({ rows: count, total: this.rows });
    }
    if (filled > 0) {
      this.window.y.fill(0, filled);
      await visit(filled);
    }
    if (this.#checksum !== undefined && this.#checksum !== scan.checksum) {
      throw new InputError(
        "CHANGED",
        "the table gave other numbers than on the pass before; every pass must give the same rows.",
      );
    }
    this.#checksum = scan.checksum;
  }

  /** Refuses a row whose sum is not finite because one of its numbers is not; `at` is its place in the block. */
  #findStrange(data: Float64Array, at: number, row: number): void {
    const first = at * (this.columns + 1);
    for (let j = 0; j <= this.columns; j++) {
      if (Number.isFinite(data[first + j])) continue;
      const name = this.#names?.[j] ?? `column ${j + 1}`;
      throw new InputError(
        "NOT_FINITE",
        `row ${row} of the table has ${data[first + j]} in ${name}; all entries must be finite.`,
        {
          details: { row, column: j },
        },
      );
    }
  }
}

/** Brings rows into the window and remembers, in a checksum, what they were. */
class RowScan {
  readonly #sums = new Float64Array(2);
  readonly #words = new Int32Array(this.#sums.buffer);
  checksum = 0;

  /**
   * Rows from … from + count − 1 of a block into the window, from row `at` on.
   *
   * The checksum mixes the bits of two sums of every row, over even and over odd columns: rows that changed places, and numbers
   * that changed by more than rounding hides in a sum, change it.
   * @returns the first row of the block whose sum is not finite, −1 if there is none
   */
  copy(
    data: Float64Array,
    from: number,
    count: number,
    { X, y, columns }: { readonly X: Float64Array; readonly y: Float64Array; readonly columns: number },
    at: number,
    target: number,
    mean: number,
    scale: number,
  ): number {
    const sums = this.#sums;
    const words = this.#words;
    const width = columns + 1;
    const end = (from + count) * width;
    let hash = this.checksum;
    let strange = -1;
    for (let row = from * width, to = at * columns, i = at; row < end; row += width, to += columns, i++) {
      let even = 0;
      let odd = 0;
      // The columns before the response, then those after it, which go one place to the left.
      for (let j = 0; j < target; j++) {
        const value = data[row + j];
        X[to + j] = value;
        const last = even;
        even = odd;
        odd = last + value;
      }
      const response = data[row + target];
      y[i] = (response - mean) / scale;
      for (let j = target; j < columns; j++) {
        const value = data[row + j + 1];
        X[to + j] = value;
        const last = even;
        even = odd;
        odd = last + value;
      }
      sums[0] = even + response;
      sums[1] = odd;
      if (strange < 0 && !Number.isFinite(sums[0] + odd)) strange = row / width;
      for (let k = 0; k < 4; k++) hash = Math.imul(hash ^ words[k], 0x9e3779b1) + (hash >>> 15);
    }
    this.checksum = hash | 0;
    return strange;
  }
}

function grown(old: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(length);
  out.set(old);
  return out;
}
