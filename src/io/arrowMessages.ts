/** Messages of an Arrow IPC file or stream: where each begins and ends, what it is, how many rows it has. */
import type { ByteReader } from "./byteSource.js";
import { formatError } from "./cells.js";
import { type FlatTable, rootTable } from "./flatbuffer.js";

export interface ArrowMessage {
  readonly kind: "schema" | "dictionary" | "batch";
  /** First byte of the header and of the body, and the one after the last. */
  readonly header: number;
  readonly body: number;
  readonly end: number;
  /** Of a batch. */
  readonly rows: number;
}

const KINDS = ["", "schema", "dictionary", "batch"] as const;
const MAGIC = "ARROW1";

/**
 * Finds all messages; bodies are stepped over. A file is a stream between two marks, so one walk serves both.
 * @throws {FormatError} `FORMAT` for anything that is not a complete Arrow file or stream
 * Source: Apache Arrow columnar format, "Encapsulated message format". Cost: one small read per message.
 */
export async function findMessages(
  bytes: ByteReader,
): Promise<{ readonly messages: readonly ArrowMessage[]; readonly isFile: boolean }> {
  const isFile = ascii(await bytes.read(0, Math.min(6, bytes.size))) === MAGIC;
  const stop = isFile ? await footerStart(bytes) : bytes.size;
  const messages: ArrowMessage[] = [];
  for (let at = isFile ? 8 : 0; at + 4 <= stop; ) {
    const message = await messageAt(bytes, at, stop, messages.length + 1);
    if (message === undefined) break;
    messages.push(message);
    at = message.end;
  }
  return { messages, isFile };
}

/**
 * Reads the header of a message again and gives what `read` makes of it.
 * @throws {FormatError} `FORMAT` for a header that points outside itself
 */
export async function readHeader<T>(
  bytes: ByteReader,
  { header, body }: Pick<ArrowMessage, "header" | "body">,
  part: string,
  read: (message: FlatTable) => T,
): Promise<T> {
  const view = new DataView((await bytes.read(header, body)).buffer);
  try {
    return read(rootTable(view));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw formatError(bytes.name, { part }, "its header is damaged.", cause);
  }
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
  const part = `message ${number}`;
  const fail = (reason: string) => formatError(bytes.name, { part }, reason);
  const prefix = new DataView((await bytes.read(start, Math.min(start + 8, stop))).buffer);
  // Files of before 2019 lack the mark of continuation.
  const isMarked = prefix.getInt32(0, true) === -1;
  if (isMarked && prefix.byteLength < 8) throw fail("it is cut short.");
  const length = prefix.getInt32(isMarked ? 4 : 0, true);
  if (length === 0) return undefined;
  const header = start + (isMarked ? 8 : 4);
  const body = header + length;
  if (length < 0 || body > stop) throw fail("it is cut short.");
  // Message { version, header type, header, body length }
  const { kind, end, rows } = await readHeader(bytes, { header, body }, part, (message) => {
    const kind = KINDS[message.uint8(1)];
    return { kind, end: body + message.int64(3), rows: kind === "batch" ? (message.table(2)?.int64(0) ?? 0) : 0 };
  });
  if (kind === undefined || kind === "") throw fail("it is of an unknown kind.");
  if (!(end >= body && end <= stop)) throw fail("it is cut short.");
  if (!(rows >= 0)) throw fail("its header is damaged.");
  return { kind, header, body, end, rows };
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
