/** Columns of tables, chosen by name. */
import { describe, nearestName } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import type { FlatMatrix } from "../base/types.js";

/** A numeric table: `data` is row-major, rows × columns.length. */
export interface NumericTable {
  readonly columns: readonly string[];
  readonly rows: number;
  readonly data: Float64Array;
  /** All names of the file, also of columns that were not kept. */
  readonly header: readonly string[];
  /** Where it came from, for messages. */
  readonly source?: string;
}

/** Which columns of a table are the inputs and the response. */
export interface ColumnChoice {
  /** The response; no response when not given. */
  readonly target?: string;
  /** The inputs in the order wanted; all but the target when not given. */
  readonly columns?: readonly string[];
}

/** Row-major doubles with column names. */
export type NamedMatrix = FlatMatrix & { readonly data: Float64Array; readonly names: readonly string[] };

/** Inputs and, when a target was named, the response. */
export interface Columns {
  readonly X: NamedMatrix;
  readonly y?: Float64Array;
}

/**
 * Inputs and response of a table in memory, by column name.
 * @throws {OptionError} `UNKNOWN` for a name that the table lacks, with the nearest one; `RANGE` when the target is among the
 * inputs or no input is left
 */
export function selectColumns(
  table: NumericTable,
  choice: ColumnChoice & { readonly target: string },
): Required<Columns>;
export function selectColumns(table: NumericTable, choice: ColumnChoice): Columns;
export function selectColumns(table: NumericTable, choice: ColumnChoice): Columns {
  const { target } = choice;
  const source = table.source ?? "the table";
  const names = inputNames(table.columns, table.header, choice, source);
  const width = table.columns.length;
  const from = names.map((name) => table.columns.indexOf(name));
  const data = new Float64Array(table.rows * names.length);
  for (let i = 0; i < table.rows; i++) {
    for (let k = 0; k < from.length; k++) data[i * from.length + k] = table.data[i * width + from[k]];
  }
  const X = { data, rows: table.rows, columns: names.length, names };
  if (target === undefined) return { X };
  const index = table.columns.indexOf(target);
  return { X, y: Float64Array.from({ length: table.rows }, (_, i) => table.data[i * width + index]) };
}

/**
 * The names of the inputs that a choice asks for, all of them known.
 * @param columns - the columns there are to choose from
 * @param header - all names, to find the nearest one for a message
 * @throws {OptionError} `UNKNOWN`, `RANGE`
 */
export function inputNames(
  columns: readonly string[],
  header: readonly string[],
  choice: ColumnChoice,
  source: string,
): readonly string[] {
  const { target } = choice;
  if (target !== undefined) checkKnown([target], columns, header, "target", source);
  if (choice.columns !== undefined) checkNames(choice.columns);
  const names = choice.columns ?? columns.filter((name) => name !== target);
  if (target !== undefined && names.includes(target))
    throw new OptionError(
      "RANGE",
      `columns contains the target "${target}"; the inputs must not include the response.`,
    );
  if (names.length === 0) throw new OptionError("RANGE", `columns is empty: ${source} has no input beside the target.`);
  checkKnown(names, columns, header, "columns", source);
  return [...names];
}

/** @throws {OptionError} `TYPE` unless an array of names */
export function checkNames(columns: unknown): void {
  if (Array.isArray(columns) && columns.every((name) => typeof name === "string")) return;
  throw new OptionError("TYPE", `columns is ${describe(columns)}; expected an array of column names.`, {
    details: { option: "columns" },
  });
}

/** @throws {OptionError} `UNKNOWN` with the nearest name, `RANGE` for a name given twice */
export function checkKnown(
  names: readonly string[],
  columns: readonly string[],
  header: readonly string[],
  option: string,
  source: string,
): void {
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (twice !== undefined) throw new OptionError("RANGE", `${option} names "${twice}" twice.`);
  const name = names.find((one) => !columns.includes(one));
  if (name === undefined) return;
  const nearest = nearestName(name, header);
  const hint = nearest === undefined ? `Its columns: ${listOf(header)}.` : `Did you mean "${nearest}"?`;
  throw new OptionError("UNKNOWN", `${option} names a column "${name}" that ${source} does not have. ${hint}`, {
    details: { option, name, columns: [...header] },
  });
}

const listOf = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`;
