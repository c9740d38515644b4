/** `fit` of a table too large for memory: when it streams, and how it tells. */
import { OptionError } from "../base/errors.js";
import type { StreamedFit, StreamedProgress } from "../index.js";
import type { TableFile } from "../io/index.js";
import { figure, progressLine } from "./print.js";

/** Tables larger than this as doubles are streamed. */
const STREAM_ABOVE_MIB = 512;
const MIB = 2 ** 20;

export interface StreamFlags {
  readonly memory?: number;
}

/** Bytes that a table takes in memory; text takes about as many as it has. */
async function bytesOf(table: TableFile, path: string, columns: number): Promise<number> {
  if (table.rows !== undefined) return 8 * table.rows * columns;
  const { stat } = process.getBuiltinModule("node:fs/promises");
  return stat(path).then(
    ({ size }) => (/\.gz$/i.test(path) ? 4 * size : size),
    () => 0,
  );
}

/**
 * The fit of a table that is streamed because of its size; undefined for one that is read into memory.
 * @param others - flags that need all rows in memory
 */
export async function fitLarge(
  path: string,
  choice: { readonly target: string; readonly columns?: readonly string[] | undefined },
  { memory = STREAM_ABOVE_MIB }: StreamFlags,
  options: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<{ fit: StreamedFit; columns: readonly string[] } | undefined> {
  const { openTable, spooled } = await import("../io/index.js");
  const table = await openTable(path, { signal });
  const names = table.columns.map(({ name }) => name);
  const inputs = choice.columns ?? names.filter((name) => name !== choice.target);
  const bytes = await bytesOf(table, path, inputs.length + 1);
  if (bytes <= memory * MIB) return undefined;
  const used = Object.keys(others).find((key) => others[key] !== undefined);
  if (used !== undefined) {
    throw new OptionError(
      "RANGE",
      `${path} takes ${Math.round(bytes / MIB)} MiB and is streamed, which ${used} does not go with. Raise --memory, or leave it out.`,
    );
  }
  process.stderr.write(
    `leapflow: ${path} takes ${Math.round(bytes / MIB)} MiB: its rows are streamed (--memory ${memory}).\n`,
  );
  const { fitStreamed } = await import("../index.js");
  const rows = table.select([...inputs, choice.target]);
  // Everything but NPY is dearer to decode than to read back as doubles.
  const source = table.format === "npy" ? rows : spooled(rows);
  const progress = progressLine();
  try {
    const fit = await fitStreamed(source, {
      ...options,
      target: choice.target,
      memoryBytes: (Math.max(memory, 1) * MIB) / 4,
      signal,
      onRows: ({ pass, rows: done, total, secondsLeft }: StreamedProgress) =>
        progress.say(
          `pass ${pass}, row ${done}${total === undefined ? "" : ` of ${total}`}${secondsLeft === undefined ? "" : `, ${figure(Math.ceil(secondsLeft))} s left`}`,
        ),
    } as never);
    return { fit, columns: inputs };
  } finally {
    progress.clear();
    if ("dispose" in source) await source.dispose();
  }
}
