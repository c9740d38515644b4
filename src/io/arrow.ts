/** Arrow IPC, file (Feather 2) or stream, as rows: the buffers of the chosen columns, in ranges unless compressed. */
import { formatBytes } from "../base/assert.js";
import { LeapflowError, MemoryError } from "../base/errors.js";
import { type ArrowMessage, findMessages, readHeader } from "./arrowMessages.js";
import { type ArrowField, type ArrowValues, bitsOf, fieldsOf } from "./arrowSchema.js";
import type { ByteReader } from "./byteSource.js";
import {
  blockRowsFor,
  columnName,
  describeCell,
  fillColumn,
  firstNotFinite,
  formatError,
  reasonOf,
  toDoubles,
} from "./cells.js";
import { type Decompress, decompressors } from "./decompress.js";
import type { FlatTable } from "./flatbuffer.js";
import { decodeLz4Frame } from "./lz4Frame.js";
import type { OpenReader, TableBlock } from "./reader.js";

// The readers on the registry take whole record batches, all columns of them, and decode every dictionary again for each; a
// batch is often the whole file. Columns of numbers are plain memory, and finding them takes no more than what is here.

/** Rows that are read at once: at most 1 MiB of doubles of a column, 64 MiB of all; whole bytes of truth values. */
const readRowsFor = (columns: number): number => 8 * Math.max(1024, Math.min(1 << 14, Math.floor((1 << 20) / columns)));

/** Largest buffer that is decompressed. */
const MAX_BUFFER = 2 ** 30;

/** Opens an Arrow file or stream: steps through its message headers and reads the schema. */
export const openArrow: OpenReader = async (bytes) => {
  const { messages, isFile } = await findMessages(bytes);
  const schema = messages.find(({ kind }) => kind === "schema");
  if (schema === undefined)
    throw formatError(bytes.name, {}, "is not a complete Arrow file or stream: it has no schema.");
  const { fields, isBigEndian } = await readHeader(bytes, schema, "schema", fieldsOf);
  if (isBigEndian) throw formatError(bytes.name, {}, "holds big-endian numbers; write it in little-endian order.");
  const columns = fields.map(({ name, type, values }) => ({ name, type, numeric: values !== undefined }));
  const rows = messages.reduce((sum, message) => sum + message.rows, 0);
  return { columns, rows, pass: (from, chosen) => new ArrowPass(from, fields, chosen).rows(messages, isFile) };
};

/** A dictionary of numbers: its entries as they are stored, null where there is none, and as doubles. */
interface Dictionary {
  readonly stored: readonly unknown[];
  readonly doubles: Float64Array;
}

/** RecordBatch { length, nodes, buffers, compression { codec }, counts of extra buffers }. */
interface Batch {
  readonly message: ArrowMessage;
  readonly part: string;
  readonly rows: number;
  /** Length and nulls of each node. */
  readonly nodes: readonly number[];
  /** Offset in the body and length of each buffer. */
  readonly buffers: readonly number[];
  readonly extra: readonly number[];
  readonly codec: number | undefined;
  /** Buffers that were decompressed. */
  readonly unpacked: Map<number, Promise<Uint8Array>>;
}

function batchOf(table: FlatTable | undefined, message: ArrowMessage, part: string): Batch {
  if (table === undefined) throw new RangeError("a batch is empty");
  const codec = table.table(3)?.uint8(0);
  const [nodes, buffers, extra] = [table.integers(1, 2), table.integers(2, 2), table.integers(4, 1)];
  return { message, part, rows: table.int64(0), nodes, buffers, extra, codec, unpacked: new Map() };
}

/** One pass over the rows. */
class ArrowPass {
  readonly #bytes: ByteReader;
  readonly #fields: readonly ArrowField[];
  readonly #chosen: readonly number[];
  readonly #dictionaries = new Map<number, Dictionary>();
  #zstd: Decompress | undefined;

  constructor(bytes: ByteReader, fields: readonly ArrowField[], chosen: readonly number[]) {
    this.#bytes = bytes;
    this.#fields = fields;
    this.#chosen = chosen;
  }

  async *rows(messages: readonly ArrowMessage[], isFile: boolean): AsyncGenerator<TableBlock> {
    // In a file a dictionary may come after its first use.
    if (isFile) for (const message of messages) if (message.kind === "dictionary") await this.#addDictionary(message);
    const step = readRowsFor(this.#chosen.length);
    let first = 0;
    let number = 0;
    for (const message of messages) {
      if (message.kind === "dictionary" && !isFile) await this.#addDictionary(message);
      if (message.kind !== "batch") continue;
      const part = `record batch ${++number}`;
      const batch = await readHeader(this.#bytes, message, part, (header) => batchOf(header.table(2), message, part));
      for (let from = 0; from < batch.rows; from += step) {
        const count = Math.min(step, batch.rows - from);
        // All at once: the requests of a remote file overlap.
        yield* blocksOf(await Promise.all(this.#chosen.map((j) => this.#column(batch, j, from, count, first))), count);
      }
      first += batch.rows;
    }
  }

  /** The rows from ≤ i < from + count of a column as finite doubles. */
  async #column(batch: Batch, j: number, from: number, count: number, first: number): Promise<Float64Array> {
    const { name, values, dictionary } = this.#fields[j];
    const place = { part: batch.part, column: name };
    const refuse = (row: number, value: unknown): never => {
      const at = { ...place, row: first + from + row + 1 };
      throw formatError(this.#bytes.name, at, `${columnName(name, j)} ${describeCell(value)}`);
    };
    try {
      const { node, buffer } = this.#whereIs(batch, j);
      if (batch.nodes[2 * node] !== batch.rows)
        throw new Error(`it has ${batch.nodes[2 * node]} values of ${batch.rows}`);
      const gap =
        batch.nodes[2 * node + 1] === 0 ? -1 : (await this.#present(batch, buffer, from, count)).indexOf(false);
      if (gap >= 0) refuse(gap, null);
      const stored = await this.#values(batch, buffer + 1, values as ArrowValues, from, count);
      if (dictionary === undefined) {
        const doubles = toDoubles(stored, (values as ArrowValues).toNumber);
        const bad = firstNotFinite(doubles);
        return bad < 0 ? doubles : refuse(bad, stored[bad]);
      }
      const entries = this.#dictionaries.get(dictionary.id);
      if (entries === undefined) throw new Error("its dictionary is missing");
      return Float64Array.from(stored, (index, row) => {
        const value = entries.doubles[Number(index)];
        if (value === undefined)
          throw new Error(`it refers to entry ${index} of a dictionary of ${entries.stored.length}`);
        return Number.isFinite(value) ? value : refuse(row, entries.stored[Number(index)]);
      });
    } catch (cause) {
      if (cause instanceof LeapflowError) throw cause;
      const reason = reasonOf(cause);
      throw formatError(this.#bytes.name, place, `${columnName(name, j)} cannot be read: ${reason}.`, cause);
    }
  }

  /** DictionaryBatch { id, data, is delta }; only dictionaries of chosen columns are read. */
  async #addDictionary(message: ArrowMessage): Promise<void> {
    const part = "a dictionary";
    const { id, isDelta, batch } = await readHeader(this.#bytes, message, part, (header) => {
      const table = header.table(2);
      const batch = batchOf(table?.table(1), message, part);
      return { id: table?.int64(0) ?? 0, isDelta: table?.uint8(2) === 1, batch };
    });
    const used = this.#chosen.map((j) => this.#fields[j]).find(({ dictionary }) => dictionary?.id === id);
    const values = used?.dictionary?.values;
    if (used === undefined || values === undefined) return;
    try {
      const { rows, nodes } = batch;
      const stored = Array.from(await this.#values(batch, 1, values, 0, rows));
      if (nodes[1] !== 0) {
        const present = await this.#present(batch, 0, 0, rows);
        for (let i = 0; i < rows; i++) if (!present[i]) stored[i] = null;
      }
      const earlier = isDelta ? (this.#dictionaries.get(id)?.stored ?? []) : [];
      const all = [...earlier, ...stored];
      this.#dictionaries.set(id, { stored: all, doubles: toDoubles(all, values.toNumber) });
    } catch (cause) {
      if (cause instanceof LeapflowError) throw cause;
      const reason = reasonOf(cause);
      throw formatError(this.#bytes.name, { part, column: used.name }, `it cannot be read: ${reason}.`, cause);
    }
  }

  /** The node of a column, and its first buffer, which says where values are present. */
  #whereIs(batch: Batch, j: number): { node: number; buffer: number } {
    let [node, buffer, view] = [0, 0, 0];
    for (const field of this.#fields.slice(0, j)) {
      node += field.nodes;
      buffer += field.buffers;
      for (let k = 0; k < field.views; k++) buffer += batch.extra[view++] ?? 0;
    }
    return { node, buffer };
  }

  async #present(batch: Batch, buffer: number, from: number, count: number): Promise<readonly boolean[]> {
    // A column without gaps may leave the buffer out, whatever its count of nulls says.
    if (batch.buffers[2 * buffer + 1] === 0) return [];
    return bitsOf(await this.#read(batch, buffer, from / 8, Math.ceil((from + count) / 8)), count);
  }

  async #values(
    batch: Batch,
    buffer: number,
    { bits, view }: ArrowValues,
    from: number,
    count: number,
  ): Promise<ArrayLike<unknown>> {
    return view(await this.#read(batch, buffer, (from * bits) / 8, Math.ceil(((from + count) * bits) / 8)), count);
  }

  /** Bytes of a buffer, from its start, in an array of their own. */
  async #read(batch: Batch, index: number, from: number, to: number): Promise<ArrayBuffer> {
    const { message, buffers, codec, unpacked } = batch;
    const [offset = Number.NaN, length = Number.NaN] = buffers.slice(2 * index, 2 * index + 2);
    const start = message.body + offset;
    if (!(offset >= 0 && length >= 0 && start + length <= message.end))
      throw new Error("its buffer lies outside the batch");
    if (codec === undefined) {
      if (to > length) throw new Error("its buffer is shorter than its values");
      return (await this.#bytes.read(start + from, start + to)).buffer;
    }
    let whole = unpacked.get(index);
    if (whole === undefined) {
      whole = this.#unpack(start, length, codec, to);
      unpacked.set(index, whole);
    }
    const bytes = await whole;
    if (to > bytes.length) throw new Error("its buffer is shorter than its values");
    return new Uint8Array(bytes.subarray(from, to)).buffer;
  }

  /** A compressed buffer begins with its length, or with −1 when it is not compressed after all. */
  async #unpack(start: number, length: number, codec: number, wanted: number): Promise<Uint8Array> {
    if (length < 8) return new Uint8Array(0);
    const bytes = await this.#bytes.read(start, start + length);
    const size = Number(new DataView(bytes.buffer).getBigInt64(0, true));
    const packed = bytes.subarray(8);
    if (size === -1) return packed;
    if (!(size >= wanted)) throw new Error("its buffer is shorter than its values");
    if (size > MAX_BUFFER)
      throw new MemoryError(
        "TOO_LARGE",
        `${this.#bytes.name} has a compressed buffer of ${formatBytes(size)}; at most ${formatBytes(MAX_BUFFER)} are read at once. Write smaller record batches.`,
        { details: { source: this.#bytes.name, bytesWanted: size, bytesAllowed: MAX_BUFFER } },
      );
    if (codec === 0) return decodeLz4Frame(packed, size);
    if (codec !== 1) throw new Error("its compression is unknown");
    this.#zstd ??= (await decompressors(new Set(["ZSTD"]))).ZSTD;
    const output = this.#zstd?.(packed, size);
    if (output?.length !== size) throw new Error(`its buffer has ${output?.length} bytes instead of ${size}`);
    return output;
  }
}

function* blocksOf(values: readonly Float64Array[], rows: number): Generator<TableBlock> {
  const step = blockRowsFor(values.length);
  for (let from = 0; from < rows; from += step) {
    const count = Math.min(step, rows - from);
    const block = { data: new Float64Array(count * values.length), rows: count, columns: values.length };
    for (let k = 0; k < values.length; k++) fillColumn(block, k, values[k], from, 0, count);
    yield block;
  }
}
