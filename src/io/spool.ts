/** Rows that are slow to read, written down as plain doubles while they are read for the first time. Node only. */
import { describe } from "../base/assert.js";
import { FormatError, InputError } from "../base/errors.js";
import type { RowBlock, RowSource } from "../base/types.js";
import { fileError, nodeModules } from "./files.js";

/** What is read in one piece: two of them, and what is made of one, stay in a processor's cache. */
const PIECE_BYTES = 1 << 20;

/** A row source whose later passes come from a temporary file. */
export interface SpooledRows extends RowSource {
  /** Gives the file up. */
  dispose(): Promise<void>;
}

/**
 * The same rows, decoded once: the first pass writes them to a temporary file as it goes, later ones read that file, ahead of
 * whoever works on them. A first pass that was left early is begun again. Blocks of later passes are overwritten once the next
 * one is asked for: copy what you keep.
 *
 * @param folder - for the file, default the system's folder for temporary files; 8 bytes a number
 * @throws {InputError} `TYPE`; {FormatError} `FILE` while iterating, as when the disk is full
 */
export function spooled(source: RowSource, folder?: string): SpooledRows {
  if (typeof source?.[Symbol.asyncIterator] !== "function")
    throw new InputError("TYPE", `rows are ${describe(source)}; expected a row source, such as what openTable gives.`);
  const { fs, paths } = nodeModules("write", folder ?? "a temporary file");
  type Handle = Awaited<ReturnType<typeof fs.open>>;
  const { columns } = source;
  let file: { handle: Handle; path: string; rows: number } | undefined;

  async function* first(): AsyncGenerator<RowBlock> {
    const { tmpdir } = process.getBuiltinModule("node:os");
    const path = paths.join(folder ?? tmpdir(), `leapflow-${process.pid}-${crypto.randomUUID()}.rows`);
    const handle = await fs.open(path, "wx+", 0o600).catch((cause: unknown) => {
      throw fileError("write", path, cause);
    });
    let rows = 0;
    let isWhole = false;
    try {
      for await (const block of source) {
        const doubles = block.data instanceof Float64Array ? block.data : Float64Array.from(block.data);
        const bytes = new Uint8Array(doubles.buffer, doubles.byteOffset, doubles.byteLength);
        await handle.writeFile(bytes).catch((cause: unknown) => {
          throw fileError("write", path, cause);
        });
        rows += block.rows;
        yield block;
      }
      isWhole = true;
      file = { handle, path, rows };
    } finally {
      if (!isWhole) await handle.close();
      if (!isWhole) await fs.rm(path, { force: true });
    }
  }

  async function* again({ handle, path, rows }: NonNullable<typeof file>): AsyncGenerator<RowBlock> {
    const piece = Math.max(1, Math.floor(PIECE_BYTES / (8 * columns)));
    // One is worked on while the other is filled; new ones for every piece would cost more than reading them.
    const buffers = [0, 1].map(() => new Float64Array(Math.min(piece, rows) * columns));
    const read = async (from: number): Promise<RowBlock | undefined> => {
      const count = Math.min(piece, rows - from);
      if (count <= 0) return undefined;
      const data = buffers[(from / piece) % 2].subarray(0, count * columns);
      const bytes = new Uint8Array(data.buffer, 0, data.byteLength);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from * columns * 8 + at);
        if (bytesRead === 0) throw new FormatError("CHANGED", `${path} was cut short while it was in use.`);
        at += bytesRead;
      }
      return { data, rows: count, columns };
    };
    let next = read(0);
    for (let from = 0; ; from += piece) {
      const block = await next;
      if (!block) return;
      next = read(from + piece);
      next.catch(() => undefined);
      yield block;
    }
  }

  return {
    ...(source.rows === undefined ? {} : { rows: source.rows }),
    columns,
    ...(source.names ? { names: source.names } : {}),
    [Symbol.asyncIterator]: () => (file ? again(file) : first()),
    async dispose() {
      const last = file;
      file = undefined;
      await last?.handle.close();
      if (last) await fs.rm(last.path, { force: true });
    },
  };
}
