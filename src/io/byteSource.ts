/** Bytes of a file, read in ranges, pass after pass. */
import { FormatError } from "../base/errors.js";

/** A path (Node), an http(s) or file URL, a `Blob` or `File`, or the bytes themselves. */
export type FileLike = string | URL | Blob | ArrayBufferLike | ArrayBufferView;

/** Bytes in memory of their own: `Uint8Array<ArrayBuffer>` in words that TypeScript 5.6 knows, too. */
export type OwnBytes = Uint8Array & { readonly buffer: ArrayBuffer };

/** One pass over the bytes of a file. */
export interface ByteReader {
  /** For messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes start ≤ i < end in an array of their own, aligned at its start.
   * @throws {FormatError} `FILE`, or `CHANGED` when the file ends before `end`
   */
  read(start: number, end: number): Promise<OwnBytes>;
  /** @throws {FormatError} `CHANGED` when the file is not the one that was opened any more */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Bytes that can be read many times; nothing stays open between passes. */
export interface ByteSource {
  readonly name: string;
  /** @throws {FormatError} `FILE`, or `CHANGED` when the file is not the one that the source was made from */
  open(): Promise<ByteReader>;
}

/** The error of a file that is not what it was. */
export function changedError(name: string, difference: string): FormatError {
  return new FormatError("CHANGED", `${name} changed while it was in use: ${difference}. Open it again.`, {
    details: { source: name },
  });
}

/** Bytes in memory, which nobody else changes. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  const reader: ByteReader = {
    name,
    size: bytes.length,
    // slice() of a view over shared memory would be shared again.
    read: async (start, end) => new Uint8Array(bytes.subarray(start, end)),
    check: async () => undefined,
    close: async () => undefined,
  };
  return { name, open: async () => reader };
}
