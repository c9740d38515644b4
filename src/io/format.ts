/** Formats of table files: told by extension or first bytes, each loaded on use. */
import { checkChoice } from "../base/assert.js";
import { formatError } from "./cells.js";
import type { OpenReader } from "./reader.js";

export type TableFormat = "csv" | "tsv" | "npy" | "parquet" | "arrow" | "jsonl" | "json";

/** The readers; a dynamic import each, so that a program pays for the formats that it reads. */
export const FORMATS: Readonly<Record<TableFormat, () => Promise<OpenReader>>> = {
  csv: async () => (await import("./csvTable.js")).openCsv,
  tsv: async () => (await import("./csvTable.js")).openCsv,
  npy: async () => (await import("./npy.js")).openNpy,
  parquet: async () => (await import("./parquet.js")).openParquet,
  arrow: async () => (await import("./arrow.js")).openArrow,
  jsonl: async () => (await import("./json.js")).openJsonLines,
  json: async () => (await import("./json.js")).openJson,
};

const EXTENSIONS: ReadonlyMap<string, TableFormat> = new Map([
  ["csv", "csv"],
  ["txt", "csv"],
  ["tsv", "tsv"],
  ["tab", "tsv"],
  ["npy", "npy"],
  ["parquet", "parquet"],
  ["pq", "parquet"],
  ["arrow", "arrow"],
  ["arrows", "arrow"],
  ["feather", "arrow"],
  ["ipc", "arrow"],
  ["jsonl", "jsonl"],
  ["ndjson", "jsonl"],
  ["json", "json"],
]);

/** First bytes of files, and what they are; a null is a kind of file that is not read. */
const MAGIC: readonly (readonly [bytes: string, format: TableFormat | null, words: string])[] = [
  ["PAR1", "parquet", "a Parquet file"],
  ["PARE", null, "an encrypted Parquet file"],
  ["ARROW1", "arrow", "an Arrow file"],
  ["\xff\xff\xff\xff", "arrow", "an Arrow stream"],
  ["FEA1", null, "a Feather file of version 1"],
  ["\x93NUMPY", "npy", "an NPY file"],
  ["PK\x03\x04", null, "a zip archive (as .xlsx and .npz are)"],
];

/**
 * The format of a file: the one asked for, else by the extension of its name (before `.gz`), else by its first bytes, else CSV.
 * @throws {OptionError} for an unknown format; {FormatError} when the first bytes are those of another kind of file
 */
export function detectFormat(name: string, first: Uint8Array, asked?: string): TableFormat {
  const named =
    asked === undefined
      ? EXTENSIONS.get(/\.(\w+?)(\.gz)?([?#].*)?$/i.exec(name)?.[1].toLowerCase() ?? "")
      : checkChoice(asked, "format", Object.keys(FORMATS) as TableFormat[]);
  if (first.length === 0) throw formatError(name, {}, "is empty; expected a table of numbers.");
  const start = String.fromCharCode(...first);
  // The header of a CSV file may well begin with PAR1 or FEA1; text has no control characters.
  const binary = /[^\t\n\r\x20-\x7e]/.test(start);
  const known = MAGIC.find(([bytes]) => binary && start.startsWith(bytes));
  if (known === undefined) return named ?? (/^\s*[[{]/.test(start) ? "json" : "csv");
  const [, format, words] = known;
  if (format === null || (named !== undefined && named !== format)) {
    const expected = named === undefined ? "CSV, TSV, NPY, Parquet, Arrow or JSON" : NAMES[named];
    throw formatError(name, {}, `is ${words} by its first bytes; expected ${expected}.`);
  }
  return format;
}

const NAMES: Readonly<Record<TableFormat, string>> = {
  csv: "CSV",
  tsv: "TSV",
  npy: "NPY",
  parquet: "Parquet",
  arrow: "Arrow IPC",
  jsonl: "JSON lines",
  json: "JSON",
};
