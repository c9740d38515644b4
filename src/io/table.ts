/** A file of any format as a table: its columns, chosen by name, as rows that can be streamed again and again. */
import { allocateDoubles, checkOptions } from "../base/assert.js";
import { FormatError, LeapflowError, OptionError } from "../base/errors.js";
import type { RowSource } from "../base/types.js";
import type { ByteReader, ByteSource, FileLike } from "./byteSource.js";
import { columnName, formatError, reasonOf } from "./cells.js";
import { type ColumnChoice, type Columns, checkKnown, checkNames, inputNames, type NumericTable } from "./columns.js";
import { detectFormat, FORMATS, type TableFormat } from "./format.js";
import { openSource } from "./openSource.js";
import type { TableBlock, TableColumn, TableReader } from "./reader.js";

export interface TableOptions {
  /** Default: by the extension of the name, else by the first bytes. */
  readonly format?: TableFormat;
  /** Of CSV text; found from its header line when not given. */
  readonly delimiter?: "," | ";" | "\t";
  /** Names for the columns of a format that has none (NPY); default x1, x2, … */
  readonly names?: readonly string[];
  /** Name of the file for messages, and for its extension; default: its path, URL or own name. */
  readonly name?: string;
  /** Ends a pass between two blocks, with the signal's own reason. */
  readonly signal?: AbortSignal;
}

const OPTIONS = ["format", "delimiter", "names", "name", "signal"];

/** Rows of named columns, in blocks that are the consumer's own. */
export interface TableRows extends RowSource {
  readonly names: readonly string[];
  [Symbol.asyncIterator](): AsyncGenerator<TableBlock>;
}

/** A table file, opened: its first lines or its index were read, not its rows. Nothing stays open between passes. */
export interface TableFile {
  readonly name: string;
  readonly format: TableFormat;
  readonly columns: readonly TableColumn[];
  /** Undefined where only reading all of it tells (CSV, JSON). */
  readonly rows: number | undefined;
  /**
   * The rows of these columns, in this order (default: all of them), as a source that `fitMultiIndex` takes. Every iteration
   * opens the file, reads it in ranges, block by block, and closes it, also when it is left early; two iterations may run at
   * once.
   *
   * Iterating throws {FormatError} `FORMAT` with line or row and column for a cell that is not a finite number, `CHANGED` when
   * size or modification time are not what they were at opening, `FILE` when it cannot be read.
   *
   * @throws {OptionError} `UNKNOWN`, `RANGE` for names; {FormatError} `FORMAT` for a column whose type is not numeric
   * Memory: one block (about 1 MiB) and what it is made from: 1 MiB of text; a page of each chosen Parquet column; 64 MiB of the
   * chosen Arrow columns, or a whole record batch of them when it is compressed; only a .json array is parsed as a whole.
   * 1.5·10⁶ rows of 50 columns take 260 MB in all, from Parquet as from Arrow as pyarrow writes them. Cost per value: about 10 ns from NPY, 15 ns from Arrow, 20 to
   * 40 ns from Parquet (100 and more with Zstandard where the engine has none), 0.1 to 0.7 µs from text.
   */
  select(names?: readonly string[]): TableRows;
  /**
   * Reads inputs and response into memory: X as row-major doubles, y apart.
   * @throws as `select`; {MemoryError} `TOO_LARGE`
   */
  read(choice: ColumnChoice & { readonly target: string }): Promise<Required<Columns>>;
  read(choice?: ColumnChoice): Promise<Columns>;
}

class OpenTable implements TableFile {
  readonly name: string;
  readonly format: TableFormat;
  readonly columns: readonly TableColumn[];
  readonly rows: number | undefined;
  readonly #header: readonly string[];
  readonly #source: ByteSource;
  readonly #reader: TableReader;
  readonly #signal: AbortSignal | undefined;

  constructor(source: ByteSource, format: TableFormat, reader: TableReader, signal: AbortSignal | undefined) {
    this.name = source.name;
    this.format = format;
    this.columns = reader.columns;
    this.rows = reader.rows;
    this.#header = reader.columns.map(({ name }) => name);
    this.#source = source;
    this.#reader = reader;
    this.#signal = signal;
  }

  select(names?: readonly string[]): TableRows {
    return this.#rows(names ?? this.#header, names === undefined);
  }

  read(choice: ColumnChoice & { readonly target: string }): Promise<Required<Columns>>;
  read(choice?: ColumnChoice): Promise<Columns>;
  async read(choice: ColumnChoice = {}): Promise<Columns> {
    const { target } = choice;
    const names = inputNames(this.#header, this.#header, choice, this.name);
    const source = this.#rows(target === undefined ? names : [...names, target], choice.columns === undefined);
    const width = names.length;
    const blocks: TableBlock[] = [];
    let rows = this.rows ?? 0;
    // Where the number of rows is known, blocks go straight to their place; else they wait until it is.
    if (this.rows === undefined) {
      for await (const block of source) {
        blocks.push(block);
        rows += block.rows;
      }
    }
    const data = allocateDoubles(rows * width, `${this.name} (${rows}×${width})`);
    const y = allocateDoubles(target === undefined ? 0 : rows, `${this.name} (${rows} responses)`);
    let at = 0;
    for await (const block of this.rows === undefined ? drained(blocks) : source) {
      if (target === undefined) data.set(block.data, at * width);
      else splitBlock(block, data, y, at);
      at += block.rows;
    }
    const X = { data, rows, columns: width, names };
    return target === undefined ? { X } : { X, y };
  }

  /** @param every - nothing was left out by choice, so the rows are held to the header */
  #rows(names: readonly string[], every: boolean): TableRows {
    if (names.length === 0) throw new OptionError("RANGE", "columns is empty; name at least one column.");
    checkKnown(names, this.#header, this.#header, "columns", this.name);
    const chosen = names.map((name) => this.#header.indexOf(name));
    for (const index of chosen) this.#checkNumeric(index);
    const blocks = (): AsyncGenerator<TableBlock> => this.#pass(chosen, every);
    return { names: [...names], rows: this.rows, columns: names.length, [Symbol.asyncIterator]: blocks };
  }

  #checkNumeric(index: number): void {
    const { name, type, numeric } = this.columns[index];
    if (numeric !== false) return;
    throw new FormatError(
      "FORMAT",
      `${this.name} has ${columnName(name, index)} of type ${type}; expected numbers. Choose the numeric columns by name.`,
      { details: { source: this.name, column: name, type } },
    );
  }

  async *#pass(chosen: readonly number[], every: boolean): AsyncGenerator<TableBlock> {
    const bytes = await this.#source.open();
    try {
      let rows = 0;
      for await (const block of guarded(bytes, this.#reader.pass(bytes, chosen, every))) {
        this.#signal?.throwIfAborted();
        rows += block.rows;
        yield block;
      }
      await bytes.check();
      if (rows === 0) throw formatError(this.name, {}, "has columns but no rows.");
    } finally {
      await bytes.close();
    }
  }
}

/**
 * Opens a table: CSV, TSV, NPY, Parquet, Arrow IPC (file or stream), JSON lines or a JSON array of records; text also gzipped.
 *
 * @param file - a path (Node), an http(s) or file URL, a `Blob` or `File`, or bytes
 * @throws {FormatError} `FILE` when it cannot be read, `FORMAT` when it is not what its name or its first bytes say;
 * {OptionError} `RANGE`, `UNKNOWN`; {InputError} `TYPE`
 * Cost: the header line of text, the footer or the message headers of a binary file; the reader of the format is loaded now.
 */
export async function openTable(file: FileLike, options: TableOptions = {}): Promise<TableFile> {
  checkOptions(options, OPTIONS, "openTable");
  options.signal?.throwIfAborted();
  const source = await openSource(file, options.name);
  const bytes = await source.open();
  try {
    const format = detectFormat(source.name, await bytes.read(0, Math.min(8, bytes.size)), options.format);
    const open = await FORMATS[format]();
    const reader = await opened(bytes, () => open(bytes, { ...options, format }));
    const names = reader.columns.map(({ name }) => name);
    if (names.length === 0) throw formatError(source.name, {}, "has no columns.");
    const twice = names.length === new Set(names).size ? undefined : names.find((one, j) => names.indexOf(one) !== j);
    if (twice !== undefined) throw formatError(source.name, {}, `has two columns named "${twice}".`);
    await bytes.check();
    return new OpenTable(source, format, reader, options.signal);
  } finally {
    await bytes.close();
  }
}

/**
 * Reads a table of numbers into memory.
 * @param options - of `openTable`, and `columns`: keep only these; names that the file lacks are passed over
 * @throws as `openTable` and `TableFile.select`; {MemoryError} `TOO_LARGE`
 */
export async function readTable(
  file: FileLike,
  options: TableOptions & { readonly columns?: readonly string[] } = {},
): Promise<NumericTable> {
  const { columns: wanted, ...rest } = options;
  if (wanted !== undefined) checkNames(wanted);
  const table = await openTable(file, rest);
  const header = table.columns.map(({ name }) => name);
  const columns = wanted === undefined ? undefined : header.filter((name) => wanted.includes(name));
  const { X } = await table.read({ columns });
  return { columns: X.names, rows: X.rows, data: X.data, header, source: table.name };
}

/** The blocks in order, each let go as soon as it was used. */
function* drained(blocks: TableBlock[]): Generator<TableBlock> {
  blocks.reverse();
  for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) yield block;
}

/** The last column of a block goes to y, the others to X. */
function splitBlock({ data, rows, columns }: TableBlock, X: Float64Array, y: Float64Array, at: number): void {
  const width = columns - 1;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) X[(at + i) * width + j] = data[i * columns + j];
    y[at + i] = data[i * columns + width];
  }
}

/** What a library throws at a broken file becomes an error that names the file. */
async function opened<T>(bytes: ByteReader, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw await explained(bytes, cause);
  }
}

async function* guarded<T>(bytes: ByteReader, blocks: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* blocks;
  } catch (cause) {
    throw await explained(bytes, cause);
  }
}

async function explained(bytes: ByteReader, cause: unknown): Promise<unknown> {
  // A file that changes under its reader looks broken; that it changed is the better news.
  await bytes.check();
  if (cause instanceof LeapflowError) return cause;
  return formatError(bytes.name, {}, `cannot be read: ${reasonOf(cause)}.`, cause);
}
