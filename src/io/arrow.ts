/** Arrow IPC, file (Feather 2) or stream, as rows: one record batch at a time. */
import type { DataType, Table } from "@uwdata/flechette";
import { formatBytes } from "../base/assert.js";
import { LeapflowError, MemoryError } from "../base/errors.js";
import { type ArrowMessage, findMessages } from "./arrowMessages.js";
import type { ByteReader } from "./byteSource.js";
import {
  asIs,
  blockRowsFor,
  columnName,
  decimal,
  describeCell,
  exactInteger,
  fillColumn,
  firstNotFinite,
  formatError,
  type ToNumber,
  toDoubles,
  truth,
} from "./cells.js";
import { decodeLz4Frame } from "./lz4Frame.js";
import { decompressors } from "./parquetCodecs.js";
import type { OpenReader, TableBlock } from "./reader.js";

type Flechette = typeof import("@uwdata/flechette");

/** Largest message that is read at once. */
const MAX_MESSAGE = 2 ** 30;

/** Opens an Arrow file or stream: steps through its message headers and reads the schema. */
export const openArrow: OpenReader = async (bytes) => {
  const library = await import("@uwdata/flechette");
  const messages = await findMessages(bytes);
  const schema = messages.find(({ kind }) => kind === "schema");
  if (schema === undefined)
    throw formatError(bytes.name, {}, "is not a complete Arrow file or stream: it has no schema.");
  const schemaBytes = await bytes.read(schema.start, schema.end);
  const { fields, endianness } = decode(library, bytes.name, "its schema", [schemaBytes]).schema;
  if (endianness !== 0) throw formatError(bytes.name, {}, "holds big-endian numbers; write it in little-endian order.");
  const types = fields.map(({ type }) => toNumberOf(library, type));
  const columns = fields.map(({ name, type }, j) => ({
    name,
    type: nameOf(library, type),
    numeric: types[j] !== undefined,
  }));
  const rows = messages.reduce((sum, message) => sum + message.rows, 0);
  const plan = { library, messages, schemaBytes, isFile: schema.start === 8 };
  return { columns, rows, pass: (from, chosen) => rowsOf(from, plan, columns, types as ToNumber[], chosen) };
};

interface Plan {
  readonly library: Flechette;
  readonly messages: readonly ArrowMessage[];
  readonly schemaBytes: Uint8Array;
  readonly isFile: boolean;
}

async function* rowsOf(
  bytes: ByteReader,
  { library, messages, schemaBytes, isFile }: Plan,
  columns: readonly { readonly name: string }[],
  types: readonly ToNumber[],
  chosen: readonly number[],
): AsyncGenerator<TableBlock> {
  await addCodecs(library);
  const dictionaries = new Map<number, Uint8Array[]>();
  const add = async (message: ArrowMessage): Promise<void> => {
    const earlier = message.isDelta ? (dictionaries.get(message.id) ?? []) : [];
    dictionaries.set(message.id, [...earlier, await readMessage(bytes, message, "a dictionary")]);
  };
  // In a file a dictionary may come after its first use.
  if (isFile) for (const message of messages) if (message.kind === "dictionary") await add(message);
  const step = blockRowsFor(chosen.length);
  let first = 0;
  let number = 0;
  for (const message of messages) {
    if (message.kind === "dictionary" && !isFile) await add(message);
    if (message.kind !== "batch") continue;
    const part = `record batch ${++number}`;
    const all = [schemaBytes, ...[...dictionaries.values()].flat(), await readMessage(bytes, message, part)];
    const table = decode(library, bytes.name, part, all);
    const values = chosen.map((j) => {
      const { name } = columns[j];
      const stored = within(bytes.name, part, () => table.getChildAt(j).toArray()) as ArrayLike<unknown>;
      if (stored.length < message.rows)
        throw formatError(
          bytes.name,
          { part, column: name },
          `${columnName(name, j)} has ${stored.length} values of ${message.rows}.`,
        );
      const doubles = toDoubles(stored, types[j]);
      const bad = firstNotFinite(doubles);
      if (bad < 0) return doubles;
      const place = { row: first + bad + 1, part, column: name };
      throw formatError(bytes.name, place, `${columnName(name, j)} ${describeCell(stored[bad])}`);
    });
    for (let from = 0; from < message.rows; from += step) {
      const count = Math.min(step, message.rows - from);
      const block = { data: new Float64Array(count * chosen.length), rows: count, columns: chosen.length };
      for (let k = 0; k < values.length; k++) fillColumn(block, k, values[k], from, 0, count);
      yield block;
    }
    first += message.rows;
  }
}

async function readMessage(bytes: ByteReader, { start, end }: ArrowMessage, part: string): Promise<Uint8Array> {
  if (end - start <= MAX_MESSAGE) return bytes.read(start, end);
  throw new MemoryError(
    "TOO_LARGE",
    `${bytes.name}: ${part} has ${formatBytes(end - start)}; at most ${formatBytes(MAX_MESSAGE)} are read at once. Write smaller record batches.`,
    { details: { source: bytes.name, part, bytesWanted: end - start, bytesAllowed: MAX_MESSAGE } },
  );
}

/** Integers of 64 bits and decimals as bigints, so that nothing is rounded unseen. */
function decode(library: Flechette, source: string, part: string, messages: Uint8Array[]): Table {
  return within(source, part, () => library.tableFromIPC(messages, { useBigInt: true, useDecimalInt: true }));
}

function within<T>(source: string, part: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof LeapflowError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw formatError(source, { part }, `cannot be read: ${reason}.`, cause);
  }
}

function toNumberOf({ Type }: Flechette, type: DataType): ToNumber | undefined {
  switch (type.typeId) {
    case Type.Int:
      return exactInteger;
    case Type.Float:
      return asIs;
    case Type.Bool:
      return truth;
    case Type.Decimal:
      return decimal(type.scale);
    case Type.Dictionary: {
      const { dictionary } = type as { dictionary: DataType };
      return toNumberOf({ Type } as Flechette, dictionary);
    }
    case Type.RunEndEncoded:
      return toNumberOf({ Type } as Flechette, type.children[1].type);
    default:
      return undefined;
  }
}

/** `Float`, `Utf8`, `Dictionary of Utf8`. */
function nameOf(library: Flechette, type: DataType): string {
  const name = Object.entries(library.Type).find(([, id]) => id === type.typeId)?.[0] ?? "unknown";
  return type.typeId === library.Type.Dictionary
    ? `${name} of ${nameOf(library, (type as unknown as { dictionary: DataType }).dictionary)}`
    : name;
}

/** Codecs are registered with the library for the whole program; one that the program brought is kept. */
async function addCodecs({ CompressionType, getCompressionCodec, setCompressionCodec }: Flechette): Promise<void> {
  const encode = (): never => {
    throw new Error("nothing is written here");
  };
  const lz4 = CompressionType.LZ4_FRAME;
  const zstd = CompressionType.ZSTD;
  if (getCompressionCodec(lz4) === null) setCompressionCodec(lz4, { encode, decode: decodeLz4Frame as never });
  if (getCompressionCodec(zstd) !== null) return;
  const { ZSTD } = await decompressors(new Set(["ZSTD"]));
  if (ZSTD === undefined) return;
  // Doubles are looked at in place, so they have to begin where doubles may.
  const decode = (input: Uint8Array, length: number): Uint8Array => {
    const output = ZSTD(input, length);
    return output.byteOffset % 8 === 0 ? output : output.slice();
  };
  setCompressionCodec(zstd, { encode, decode: decode as never });
}
