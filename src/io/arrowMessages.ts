/** Messages of an Arrow IPC file or stream: where each begins and ends, and how many rows it has. */
import type { ByteReader } from "./byteSource.js";
import { formatError } from "./cells.js";

// A file is a stream between two marks, so one walk serves both. Only the envelope is read here; what is inside a message is
// left to the library, which wants whole messages.

export interface ArrowMessage {
  readonly kind: "schema" | "dictionary" | "batch";
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Of a batch. */
  readonly rows: number;
  /** Of a dictionary: its number, and whether it adds to the one before. */
  readonly id: number;
  readonly isDelta: boolean;
}

const KINDS = ["", "schema", "dictionary", "batch"] as const;
const MAGIC = "ARROW1";

/**
 * Finds all messages by their envelopes; bodies are stepped over.
 * @throws {FormatError} `FORMAT` for anything that is not a complete Arrow file or stream
 * Source: Apache Arrow columnar format, "Encapsulated message format". Cost: one small read per message.
 */
export async function findMessages(bytes: ByteReader): Promise<readonly ArrowMessage[]> {
  const isFile = ascii(await bytes.read(0, Math.min(6, bytes.size))) === MAGIC;
  const stop = isFile ? await footerStart(bytes) : bytes.size;
  const messages: ArrowMessage[] = [];
  for (let at = isFile ? 8 : 0; at + 4 <= stop; ) {
    const message = await messageAt(bytes, at, stop, messages.length + 1);
    if (message === undefined) return messages;
    messages.push(message);
    at = message.end;
  }
  return messages;
}

/** Where the footer of a file begins. */
async function footerStart(bytes: ByteReader): Promise<number> {
  const tail = bytes.size < 20 ? new Uint8Array(10) : await bytes.read(bytes.size - 10, bytes.size);
  const length = new DataView(tail.buffer).getInt32(0, true);
  const start = bytes.size - 10 - length;
  if (ascii(tail.subarray(4)) !== MAGIC || length <= 0 || start < 8)
    throw formatError(bytes.name, {}, "is not a complete Arrow file: its end is missing.");
  return start;
}

/** The message at a position, or undefined at the mark of the end. */
async function messageAt(
  bytes: ByteReader,
  start: number,
  stop: number,
  number: number,
): Promise<ArrowMessage | undefined> {
  const fail = (reason: string) => formatError(bytes.name, { part: `message ${number}` }, reason);
  const prefix = new DataView((await bytes.read(start, Math.min(start + 8, stop))).buffer);
  // Files of before 2019 lack the mark of continuation.
  const isMarked = prefix.getInt32(0, true) === -1;
  if (isMarked && prefix.byteLength < 8) throw fail("it is cut short.");
  const length = prefix.getInt32(isMarked ? 4 : 0, true);
  if (length === 0) return undefined;
  const body = start + (isMarked ? 8 : 4) + length;
  if (length < 0 || body > stop) throw fail("it is cut short.");
  let end: number;
  let message: Omit<ArrowMessage, "start" | "end">;
  try {
    const table = rootTable(new DataView((await bytes.read(body - length, body)).buffer));
    const kind = KINDS[table.uint8(6)];
    const header = table.table(8);
    if (kind === undefined || kind === "" || header === undefined) throw fail("it is of an unknown kind.");
    end = body + table.int64(10);
    const isDictionary = kind === "dictionary";
    const isDelta = isDictionary && header.uint8(8) !== 0;
    message = { kind, rows: kind === "batch" ? header.int64(4) : 0, id: isDictionary ? header.int64(4) : 0, isDelta };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw formatError(bytes.name, { part: `message ${number}` }, "its header is damaged.", cause);
  }
  if (!(end >= body && end <= stop)) throw fail("it is cut short.");
  if (!(message.rows >= 0)) throw fail("its header is damaged.");
  return { ...message, start, end };
}

/** Fields of a flatbuffer table, by their offset in its vtable; 0 when absent. Reads outside throw a RangeError. */
interface Table {
  uint8(field: number): number;
  int64(field: number): number;
  table(field: number): Table | undefined;
}

const rootTable = (view: DataView): Table => tableAt(view, view.getUint32(0, true));

function tableAt(view: DataView, position: number): Table {
  const vtable = position - view.getInt32(position, true);
  const size = view.getUint16(vtable, true);
  const at = (field: number): number => {
    const offset = field < size ? view.getUint16(vtable + field, true) : 0;
    return offset === 0 ? 0 : position + offset;
  };
  return {
    uint8: (field) => (at(field) === 0 ? 0 : view.getUint8(at(field))),
    int64: (field) => (at(field) === 0 ? 0 : Number(view.getBigInt64(at(field), true))),
    table: (field) => (at(field) === 0 ? undefined : tableAt(view, at(field) + view.getUint32(at(field), true))),
  };
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
