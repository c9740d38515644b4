/** RowSource: rows in memory or streamed in blocks. */
import { checkInteger, checkNumber, describe } from "../base/assert.js";
import type { RunControl } from "../base/control.js";
import { InputError } from "../base/errors.js";
import { createRng, drawSeed } from "../base/rng.js";
import type { DenseRows, RealArray, RowBlock, RowSource } from "../base/types.js";

/** True for anything that says how many columns it has and can be iterated asynchronously. */
export function isRowSource(value: unknown): value is RowSource {
  return (
    typeof value === "object" && value !== null && typeof (value as RowSource)[Symbol.asyncIterator] === "function"
  );
}

/**
 * A row source over rows in memory, in blocks of at most `blockRows`; blocks are views of the data, not copies.
 * @throws {InputError} `TYPE`; {OptionError} `TYPE`, `RANGE` for `blockRows`
 */
export function rowsInBlocks(dense: DenseRows, blockRows = 4096): RowSource {
  if (typeof dense?.data?.subarray !== "function")
    throw new InputError("TYPE", `rows are ${describe(dense)}; expected { data, rows, columns } with a typed array.`);
  checkInteger(blockRows, "blockRows", { min: 1 });
  const { data, rows, columns, names } = dense;
  return {
    rows,
    columns,
    names,
    async *[Symbol.asyncIterator]() {
      for (let from = 0; from < rows; from += blockRows) {
        const to = Math.min(rows, from + blockRows);
        yield { data: data.subarray(from * columns, to * columns), rows: to - from, columns };
      }
    },
  };
}

/** The chosen rows, copied in the order given. Indices are trusted. */
export function takeRows(dense: DenseRows, indices: ArrayLike<number>): DenseRows {
  const { data, columns, names } = dense;
  const taken = new Float64Array(indices.length * columns);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * columns;
    for (let j = 0; j < columns; j++) taken[i * columns + j] = data[from + j];
  }
  return { data: taken, rows: indices.length, columns, names };
}

/** Ascending seeded sample of `size` of n row numbers; samples of different sizes are independent. */
export function sampleRows(n: number, size: number, seed: number): Int32Array {
  const rng = createRng(seed, "rows", size);
  const all = new Int32Array(n);
  for (let i = 0; i < n; i++) all[i] = i;
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(rng.uniform() * (n - i));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, size).sort();
}

/** Two disjoint sets of row numbers, ascending. */
export interface RowSplit {
  readonly train: Int32Array;
  readonly test: Int32Array;
  readonly seed: number;
}

/** Row numbers are kept in 32 bits. */
const MOST_SPLIT = 2 ** 31 - 1;

/**
 * Sets a random part of n rows aside for testing: round(n · fraction) of them, at least one, and at least one is left.
 *
 * @param fraction - in (0, 1)
 * @param seed - drawn and returned when not given; the same seed gives the same rows
 * @throws {OptionError} `RANGE`, `TYPE`; {InputError} `EMPTY` when there are fewer than two rows
 */
export function splitRows(n: number, fraction: number, seed = drawSeed()): RowSplit {
  checkNumber(fraction, "testFraction", { above: 0, below: 1 });
  checkInteger(n, "n", { min: 0, max: MOST_SPLIT });
  if (!(n >= 2))
    throw new InputError("EMPTY", `${n} rows cannot be split into a training and a test part; at least 2 are needed.`);
  const count = Math.min(n - 1, Math.max(1, Math.round(n * fraction)));
  const order = createRng(seed, "test-split").permutation(n);
  return { test: order.slice(0, count).sort(), train: order.slice(count).sort(), seed };
}

/**
 * Passes over a row source, with every block checked: width, count of rows, kind and length of its data.
 *
 * The first complete pass fixes the number of rows; a later pass with another number is refused.
 */
export class RowReader {
  readonly #source: RowSource;
  readonly #name: string;
  #counted: number | undefined;

  /** @throws {InputError} `TYPE` or `SHAPE` when `columns` or `rows` of the source are not counts */
  constructor(source: RowSource, name: string) {
    for (const key of ["columns", "rows"] as const) {
      const value: unknown = source[key];
      if (key === "rows" && value === undefined) continue;
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= (key === "columns" ? 1 : 0)) continue;
      throw new InputError(
        typeof value === "number" ? "SHAPE" : "TYPE",
        `${name}.${key} of the row source is ${describe(value)}; expected a whole number.`,
      );
    }
    this.#source = source;
    this.#name = name;
  }

  /**
   * One pass from the first row. The source's iterator is closed when the consumer leaves early.
   * @throws {InputError} `SHAPE` with the block number, `CHANGED`, or `SOURCE` with the source's own error as `cause`
   */
  async *pass(control?: RunControl): AsyncGenerator<{ data: RealArray | readonly number[]; rows: number }> {
    const name = this.#name;
    const { rows: announced, columns } = this.#source;
    let count = 0;
    let blocks = 0;
    const iterator = this.#guard(blocks, () => this.#source[Symbol.asyncIterator]());
    let finished = false;
    try {
      for (;;) {
        await control?.breathe();
        const next = await this.#guardAsync(blocks, () => iterator.next());
        if (next.done === true) break;
        const block = this.#checkBlock(next.value, blocks, columns);
        count += block.rows;
        if (announced !== undefined && count > announced) {
          throw new InputError(
            "SHAPE",
            `${name} block ${blocks} brings the rows to ${count}; the source announced ${announced}.`,
            { details: { block: blocks } },
          );
        }
        blocks++;
        yield block;
      }
      finished = true;
    } finally {
      if (!finished) await iterator.return?.();
    }
    if (announced !== undefined && count < announced) {
      throw new InputError("SHAPE", `${name} ended after block ${blocks - 1} with ${count} of ${announced} rows.`, {
        details: { block: blocks - 1, rows: count, announced },
      });
    }
    if (this.#counted !== undefined && count !== this.#counted) {
      throw new InputError(
        "CHANGED",
        `${name} gave ${count} rows on a later pass and ${this.#counted} on the first; every iteration must start again with the same rows.`,
        {
          details: { rows: count, expected: this.#counted },
        },
      );
    }
    this.#counted = count;
  }

  #checkBlock(block: RowBlock, index: number, columns: number): RowBlock {
    const name = `${this.#name} block ${index}`;
    const data: unknown = block?.data;
    if (typeof block !== "object" || block === null || !(Array.isArray(data) || ArrayBuffer.isView(data))) {
      throw new InputError("TYPE", `${name} is ${describe(block)}; expected { data, rows, columns }.`, {
        details: { block: index },
      });
    }
    if (block.columns !== columns) {
      throw new InputError("SHAPE", `${name} has ${block.columns} columns; the source has ${columns}.`, {
        details: { block: index, columns: block.columns, expected: columns },
      });
    }
    if (block.data.length !== block.rows * columns) {
      throw new InputError(
        "SHAPE",
        `${name} has ${block.data.length} entries; ${block.rows} rows × ${columns} columns need ${block.rows * columns}.`,
        { details: { block: index } },
      );
    }
    const strange = Array.isArray(data)
      ? data.findIndex((value) => typeof value !== "number")
      : data instanceof BigInt64Array || data instanceof BigUint64Array
        ? 0
        : -1;
    if (strange >= 0) {
      const value = (data as ArrayLike<unknown>)[strange];
      throw new InputError(
        "TYPE",
        `${name} row ${Math.floor(strange / columns)} column ${strange % columns} is ${describe(value)}; every entry must be a number.`,
        { details: { block: index } },
      );
    }
    return block;
  }

  #guard<T>(block: number, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      throw this.#failed(block, cause);
    }
  }

  async #guardAsync<T>(block: number, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      throw this.#failed(block, cause);
    }
  }

  #failed(block: number, cause: unknown): InputError {
    const reason = cause instanceof Error ? cause.message : describe(cause);
    return new InputError("SOURCE", `Reading block ${block} of ${this.#name} failed: ${reason}`, {
      cause,
      details: { block },
    });
  }
}
