/** Where bytes come from: a path, a URL, a Blob or bytes in memory. */
import { describe, formatBytes } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { type ByteReader, type ByteSource, changedError, type FileLike, memorySource } from "./byteSource.js";
import { fileError, nodeModules } from "./files.js";
import { httpSource } from "./httpSource.js";

/**
 * The source of a file. Sizes and modification times are noted here, and every later pass is held against them.
 * @throws {FormatError} `FILE`; {InputError} `TYPE` for anything that is not a `FileLike`
 */
export async function openSource(file: FileLike, name?: string): Promise<ByteSource> {
  if (typeof file === "string") {
    return /^https?:\/\//i.test(file) ? httpSource(file, name ?? file) : pathSource(file, name ?? file);
  }
  if (file instanceof URL) {
    if (/^https?:$/.test(file.protocol)) return httpSource(file.href, name ?? file.href);
    if (file.protocol === "file:") {
      const path = nodeModules("read", file.href).urls.fileURLToPath(file);
      return pathSource(path, name ?? path);
    }
    throw fileError("read", file.href, new Error("only http, https and file URLs can be read"));
  }
  if (isBlob(file)) return blobSource(file, name ?? (file as { name?: string }).name ?? "the blob");
  const bytes = bytesOf(file);
  if (bytes !== undefined) return memorySource(bytes, name ?? "the data");
  throw new InputError("TYPE", `file is ${describe(file)}; expected a path, a URL, a Blob or bytes.`);
}

function blobSource(blob: Blob, name: string): ByteSource {
  const reader: ByteReader = {
    name,
    size: blob.size,
    async read(start, end) {
      try {
        // Copied, because the buffer of a Blob from another window is not this window's ArrayBuffer.
        return new Uint8Array(new Uint8Array(await blob.slice(start, end).arrayBuffer()));
      } catch (cause) {
        // A File is a reference: the disk may have moved on since it was chosen.
        throw fileError("read", name, cause);
      }
    },
    check: async () => undefined,
    close: async () => undefined,
  };
  return { name, open: async () => reader };
}

async function pathSource(path: string, name: string): Promise<ByteSource> {
  const { fs } = nodeModules("read", path);
  const first = await fs.stat(path).catch((cause: unknown) => {
    throw fileError("read", name, cause);
  });
  if (first.isDirectory()) throw fileError("read", name, { code: "EISDIR" });
  // Pipes and devices can be read once, from front to end.
  if (!first.isFile()) {
    try {
      return memorySource(await fs.readFile(path), name);
    } catch (cause) {
      throw fileError("read", name, cause);
    }
  }
  const compare = (now: { size: number; mtimeMs: number }): void => {
    if (now.size !== first.size)
      throw changedError(name, `it had ${formatBytes(first.size)} and has ${formatBytes(now.size)} now`);
    if (now.mtimeMs !== first.mtimeMs) throw changedError(name, "it was modified since it was opened");
  };
  return {
    name,
    async open() {
      const handle = await fs.open(path, "r").catch((cause: unknown) => {
        throw fileError("read", name, cause);
      });
      const check = async (): Promise<void> => compare(await handle.stat());
      try {
        await check();
      } catch (error) {
        await handle.close();
        throw error;
      }
      return {
        name,
        size: first.size,
        check,
        close: () => handle.close(),
        async read(start, end) {
          const bytes = new Uint8Array(end - start);
          for (let at = 0; at < bytes.length; ) {
            const { bytesRead } = await handle
              .read(bytes, at, bytes.length - at, start + at)
              .catch((cause: unknown) => {
                throw fileError("read", name, cause);
              });
            if (bytesRead === 0) throw changedError(name, `it ends after ${formatBytes(start + at)} now`);
            at += bytesRead;
          }
          return bytes;
        },
      };
    },
  };
}

function isBlob(file: unknown): file is Blob {
  const blob = file as Partial<Blob> | null;
  return typeof blob === "object" && blob !== null && typeof blob.arrayBuffer === "function" && "size" in blob;
}

function bytesOf(file: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const tag = Object.prototype.toString.call(file);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]"
    ? new Uint8Array(file as ArrayBuffer)
    : undefined;
}
