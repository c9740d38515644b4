/** Text of a file in pieces: unzipped, decoded, with plain line ends. */

import type { ByteReader } from "./byteSource.js";
import { formatError } from "./cells.js";

/** Bytes read at once, and characters of a piece at least (but for the last). */
const PIECE = 1 << 20;
/** The longest line, in characters. */
export const MAX_RECORD = 1 << 26;

/**
 * The text of a file, UTF-8, in pieces of about a million characters. The byte order mark is gone, and every line ends with a
 * line feed. Files that begin as gzip does are unzipped.
 * @throws {FormatError} `FORMAT` for UTF-16 and for a broken archive
 */
export async function* textOf(bytes: ByteReader): AsyncGenerator<string> {
  const first = await bytes.read(0, Math.min(2, bytes.size));
  const zipped = first[0] === 0x1f && first[1] === 0x8b;
  yield* plainLines(decoded(zipped ? unzipped(bytes) : ranges(bytes), bytes.name));
}

async function* ranges(bytes: ByteReader): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.size; at += PIECE) {
    yield (await bytes.read(at, Math.min(at + PIECE, bytes.size))) as Uint8Array<ArrayBuffer>;
  }
}

async function* unzipped(bytes: ByteReader): AsyncGenerator<Uint8Array> {
  const source = ranges(bytes);
  let failure: unknown;
  const zipped = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await source.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        failure = error;
        controller.error(error);
      }
    },
  });
  const reader = zipped.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        // Engines differ in how they wrap the error of the source.
        throw failure ?? formatError(bytes.name, {}, "is a damaged or incomplete gzip archive.", cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function* decoded(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && ((chunk[0] === 0xff && chunk[1] === 0xfe) || (chunk[0] === 0xfe && chunk[1] === 0xff)))
      throw formatError(name, {}, "is UTF-16 text; save it as UTF-8.");
    isFirst = false;
    const text = decoder.decode(chunk, { stream: true });
    parts.push(text);
    length += text.length;
    if (length < PIECE) continue;
    yield parts.join("");
    parts = [];
    length = 0;
  }
  yield parts.join("") + decoder.decode();
}

/** CRLF and CR become LF; a CR at the end of a piece waits for what follows it. */
export async function* plainLines(pieces: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let held = "";
  for await (const piece of pieces) {
    const text = held + piece;
    held = text.endsWith("\r") ? "\r" : "";
    const whole = held === "" ? text : text.slice(0, -1);
    yield whole.includes("\r") ? whole.replace(/\r\n?/g, "\n") : whole;
  }
  if (held !== "") yield "\n";
}

/** Some whole lines (without the last line end), and the number of the first, from 1. */
export interface Lines {
  readonly text: string;
  readonly line: number;
}

/**
 * Text regrouped so that every piece ends where a record does.
 * @param endOf - the index after the last complete record of a text, 0 when there is none
 * @throws {FormatError} `FORMAT` for a record longer than 64 Mi characters
 */
export async function* wholeRecords(
  pieces: AsyncIterable<string>,
  name: string,
  endOf: (text: string) => number,
): AsyncGenerator<Lines> {
  let rest = "";
  let line = 1;
  for await (const piece of pieces) {
    const text = rest + piece;
    // What was searched in vain is not searched again for every small piece.
    const end = text.length === 0 ? 0 : endOf(text);
    rest = text.slice(end);
    if (rest.length > MAX_RECORD)
      throw formatError(
        name,
        { line: line + countLines(text.slice(0, end)) },
        "a record that begins here does not end within 64 MiB; is a quote not closed?",
      );
    if (end === 0) continue;
    yield { text: text.slice(0, end - 1), line };
    line += countLines(text.slice(0, end));
  }
  if (rest !== "") yield { text: rest, line };
}

export function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
