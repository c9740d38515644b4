/** What the reader of a format provides. Types only. */
import type { ByteReader } from "./byteSource.js";

/** A column of a table file. */
export interface TableColumn {
  readonly name: string;
  /** As the format calls it; `unknown` where only the cells tell (CSV, JSON). */
  readonly type: string;
  /** Undefined where only the cells tell. */
  readonly numeric: boolean | undefined;
}

/** Some rows of the chosen columns, row-major. */
export interface TableBlock {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

export interface TableReader {
  readonly columns: readonly TableColumn[];
  readonly rows?: number;
  /**
   * One pass from the first row.
   * @param chosen - column numbers, in the order wanted
   * @param every - nothing was left out by choice: rows with more than the header names are refused
   */
  pass(bytes: ByteReader, chosen: readonly number[], every: boolean): AsyncGenerator<TableBlock>;
}

export interface OpenOptions {
  readonly format: string;
  readonly delimiter?: "," | ";" | "\t";
  readonly names?: readonly string[];
}

/** Reads what comes before the rows. */
export type OpenReader = (bytes: ByteReader, options: OpenOptions) => Promise<TableReader>;
