/** The files of test/golden/io, and the rules that their values follow (see make.py there), derived again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TableFile } from "../../src/io/index.js";

export const FOLDER = join(import.meta.dirname, "../golden/io");
export const golden = (name: string): string => join(FOLDER, name);
export const goldenBytes = (name: string): Uint8Array => new Uint8Array(readFileSync(golden(name)));

/** Rows of most of the files. */
export const N = 400;

/** Columns of numbers as functions of the row, from 0. Decimals are the doubles nearest to their text. */
export const RULES: Readonly<Record<string, (i: number) => number>> = {
  f64: (i) => Math.sqrt(i) - 3.25,
  f32: (i) => Math.fround(i * 0.1),
  f16: (i) => i / 64,
  i8: (i) => (i % 256) - 128,
  u8: (i) => i % 256,
  i16: (i) => i * 90 - 32000,
  i32: (i) => i * 3_000_000 - 2 ** 30,
  u32: (i) => i + 2 ** 32 - N,
  i64: (i) => i * 2 ** 43 - 2 ** 52,
  u64: (i) => (i + 1) * 2 ** 54,
  flag: (i) => (i % 3 === 0 ? 1 : 0),
  dec9: (i) => Number(`${i * 115}e-2`),
  dec18: (i) => Number(`${i * -1001}e-3`),
  dec38: (i) => Number(`${BigInt(i) * 10n ** 20n + 7n}e-19`),
  levels: (i) => [0.1, -2.5, 1e300][i % 3],
};

/** Reads chosen columns block by block, and gives their values and the rows of each block. */
export async function collect(
  table: TableFile,
  names?: readonly string[],
): Promise<{ values: Record<string, number[]>; blocks: number[] }> {
  const rows = table.select(names);
  const columns: number[][] = rows.names.map(() => []);
  const blocks: number[] = [];
  for await (const block of rows) {
    if (block.columns !== columns.length || block.data.length !== block.rows * block.columns)
      throw new Error(`a block of ${block.rows}×${block.columns} has ${block.data.length} entries`);
    blocks.push(block.rows);
    block.data.forEach((value, at) => {
      columns[at % columns.length].push(value);
    });
  }
  return { values: Object.fromEntries(rows.names.map((name, k) => [name, columns[k]])), blocks };
}

/** What the rules say for some columns. */
export function expected(names: readonly string[], rules = RULES): Record<string, number[]> {
  return Object.fromEntries(names.map((name) => [name, Array.from({ length: N }, (_, i) => rules[name](i))]));
}

/** A Blob that keeps a list of the ranges it was asked for. */
export function watchedBlob(bytes: Uint8Array, name = "watched"): { blob: Blob; ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  const blob = new Blob([new Uint8Array(bytes)]);
  const slice = (start = 0, end = blob.size) => {
    ranges.push([start, end]);
    return blob.slice(start, end);
  };
  return { blob: { name, size: blob.size, arrayBuffer: () => blob.arrayBuffer(), slice } as unknown as Blob, ranges };
}
