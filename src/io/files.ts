/** Reading and writing whole files, with errors of this package; Node only, and harmless to bundle for browsers. */
import { FormatError, LeapflowError, MemoryError } from "../base/errors.js";

/** Longest text the engine can hold, in bytes of UTF-8 that are sure to fit. */
const MAX_TEXT_BYTES = 0x1fffffe8;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the disk is read-only",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many symbolic links",
};

/** The error for a file that could not be read or written. */
export function fileError(action: "read" | "write", path: string, cause: unknown): FormatError {
  const code = (cause as { code?: unknown } | null)?.code;
  const reason =
    (typeof code === "string" ? REASONS[code] : undefined) ?? (cause instanceof Error ? cause.message : String(cause));
  return new FormatError("FILE", `Cannot ${action} ${String(path)}: ${reason}.`, {
    cause,
    details: { path, action, code },
  });
}

/**
 * Node's modules, asked of the running process: an import of them, even a lazy one, would stop bundlers for browsers.
 * @internal The declarations of Node are no part of this package's.
 * @throws {FormatError} `FILE` where there are no files
 */
export function nodeModules(action: "read" | "write", path: string) {
  const getBuiltin = typeof process === "object" ? process.getBuiltinModule : undefined;
  if (typeof getBuiltin !== "function")
    throw fileError(action, path, new Error("paths need Node; pass a Blob or the bytes"));
  return { fs: getBuiltin("node:fs/promises"), paths: getBuiltin("node:path"), urls: getBuiltin("node:url") };
}

/**
 * The text of a file, UTF-8.
 * @throws {FormatError} `FILE`; {MemoryError} `TOO_LARGE` for a file longer than any string
 */
export async function readText(path: string): Promise<string> {
  const { fs } = nodeModules("read", path);
  try {
    const { size } = await fs.stat(path);
    if (size > MAX_TEXT_BYTES) {
      throw new MemoryError(
        "TOO_LARGE",
        `${path} has ${size} bytes; a text file may have at most ${MAX_TEXT_BYTES} bytes.`,
        { details: { path, size } },
      );
    }
    return await fs.readFile(path, "utf8");
  } catch (cause) {
    throw cause instanceof MemoryError ? cause : fileError("read", path, cause);
  }
}

/**
 * Writes a file, text, bytes or text in pieces, completely or not at all: a temporary file beside it is flushed and then renamed. Pipes and
 * devices are written directly, and a symbolic link keeps pointing at the file it names.
 * @throws {FormatError} `FILE`; the temporary file is gone and an earlier file of this name is untouched
 */
export async function writeText(path: string, text: string | Uint8Array | AsyncIterable<string>): Promise<void> {
  const { fs, paths } = nodeModules("write", path);
  let temporary: string | undefined;
  try {
    const existing = await fs.stat(path).catch(() => undefined);
    if (existing !== undefined && !existing.isFile()) {
      await fs.writeFile(path, text);
      return;
    }
    const target = existing === undefined ? path : await fs.realpath(path);
    temporary = paths.join(paths.dirname(target), `.leapflow-${process.pid}-${Date.now().toString(36)}.tmp`);
    const handle = await fs.open(temporary, "wx");
    try {
      const pieces = typeof text === "string" || text instanceof Uint8Array ? [text] : text;
      for await (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) await fs.rm(temporary, { force: true }).catch(() => undefined);
    // Pieces come from somewhere, and that may be what failed.
    throw cause instanceof LeapflowError ? cause : fileError("write", path, cause);
  }
}

/**
 * Refuses a path that `writeText` could not write, before any work is done.
 * @throws {FormatError} `FILE`
 */
export async function checkWritable(path: string): Promise<void> {
  const { fs, paths } = nodeModules("write", path);
  try {
    const existing = await fs.stat(path).catch(() => undefined);
    if (existing?.isDirectory() === true) throw { code: "EISDIR" };
    if (existing === undefined || existing.isFile()) {
      const folder = paths.dirname(existing === undefined ? path : await fs.realpath(path));
      if (!(await fs.stat(folder)).isDirectory()) throw { code: "ENOTDIR" };
      await fs.access(folder, fs.constants.W_OK | fs.constants.X_OK);
    } else {
      await fs.access(path, fs.constants.W_OK);
    }
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}
