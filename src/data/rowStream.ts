/** A table too large for memory: sampled once, then passed over window by window, always the same rows. */
import type { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { DenseRows, RowSource } from "../base/types.js";
import { RowReader } from "./rows.js";

/** Rows in a window: small enough for caches, large enough that a window's own costs vanish. */
const WINDOW_ROWS = 16384;

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
    let kept = new Float64Array(Math.min(size, WINDOW_ROWS) * d);
    const y = new Float64Array(size);
    const from = new Float64Array(size);
    let seen = 0;
    let squares = 0;
    await this.#pass((x, target) => {
      const place = seen < size ? seen : rng.integer(seen + 1);
      if (place < size) {
        if ((place + 1) * d > kept.length) kept = grown(kept, Math.min(2 * kept.length, size * d));
        for (let j = 0, at = place * d; j < d; j++) kept[at + j] = x[j];
        y[place] = target;
        from[place] = seen;
      }
      seen++;
      const step = target - this.mean;
      this.mean += step / seen;
      squares += step * (target - this.mean);
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
    const { X, y, rows: room } = this.window;
    const d = this.columns;
    let filled = 0;
    await this.#pass((x, target) => {
      const at = filled * d;
      for (let j = 0; j < d; j++) X[at + j] = x[j];
      y[filled++] = (target - mean) / scale;
      if (filled < room) return undefined;
      filled = 0;
      return visit(room);
    });
    if (filled > 0) {
      y.fill(0, filled);
      await visit(filled);
    }
    return this.rows as number;
  }

  /** One pass; `row` may ask to be waited for. */
  async #pass(row: (x: Float64Array, target: number) => Promise<void> | undefined | void): Promise<void> {
    const width = this.columns + 1;
    const target = this.#target;
    const x = new Float64Array(this.columns);
    let count = 0;
    let checksum = 0;
    for await (const { data, rows } of this.#reader.pass(this.#control)) {
      for (let i = 0, at = 0; i < rows; i++, at += width) {
        let sum = 0;
        for (let j = 0, k = 0; j < width; j++) {
          const value = data[at + j];
          sum += value;
          if (j !== target) x[k++] = value;
        }
        if (!Number.isFinite(sum)) this.#findStrange(data, at, count + i);
        checksum = (checksum + sum * ((count + i) % 1021)) % 1e9;
        const pause = row(x, data[at + target]);
        if (pause) await pause;
      }
      count += rows;
      this.#onRows({ rows: count, total: this.rows });
    }
    if (this.#checksum !== undefined && !Object.is(this.#checksum, checksum)) {
      throw new InputError(
        "CHANGED",
        "the table gave other numbers than on the pass before; every pass must give the same rows.",
      );
    }
    this.#checksum = checksum;
  }

  #findStrange(data: ArrayLike<number>, at: number, row: number): void {
    for (let j = 0; j <= this.columns; j++) {
      if (Number.isFinite(data[at + j])) continue;
      const name = this.#names?.[j] ?? `column ${j + 1}`;
      throw new InputError(
        "NOT_FINITE",
        `row ${row} of the table has ${data[at + j]} in ${name}; all entries must be finite.`,
        {
          details: { row, column: j },
        },
      );
    }
  }
}

function grown(old: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(length);
  out.set(old);
  return out;
}
