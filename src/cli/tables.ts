/** Tables for commands: which columns of a file a fit or a model reads. */

import { FormatError, OptionError } from "../base/errors.js";
import type { FlatMatrix } from "../base/types.js";
import type { MultiIndexModel } from "../index.js";
import type { NumericTable } from "../io/index.js";

/** Inputs and response for `fit`; only the columns that are used must be numeric when `columns` are chosen. */
export async function readTraining(
  path: string,
  target: string,
  columns?: readonly string[],
): Promise<{ X: NamedMatrix; y: Float64Array }> {
  const { readCsv, selectColumns } = await import("../io/index.js");
  const table = await readCsv(path, columns === undefined ? {} : { columns: [...columns, target] });
  const { X, y = new Float64Array(0) } = selectColumns(table, { target, columns });
  return { X, y };
}

/** Row-major doubles with column names. */
export type NamedMatrix = FlatMatrix & { readonly data: Float64Array; readonly names: readonly string[] };

/**
 * The inputs of a model from a file, and the response when `target` is given: by name, or by position when the file and the
 * model share no name and the file has exactly as many columns as the model takes.
 */
export async function readForModel(
  path: string,
  model: MultiIndexModel,
  target?: string,
): Promise<{ X: NamedMatrix; y?: Float64Array }> {
  const { readCsv, selectColumns } = await import("../io/index.js");
  const names = model.columns;
  if (names !== undefined) {
    const table = await readCsv(path, { columns: target === undefined ? names : [...names, target] });
    const missing = names.filter((name) => !table.header.includes(name));
    if (missing.length < names.length) {
      if (missing.length === 0) return selectColumns(table, { target, columns: names });
      throw new FormatError(
        "FORMAT",
        `${path} lacks ${missing.length === 1 ? "the column" : "the columns"} ${quoted(missing)} that the model takes.`,
        { details: { missing } },
      );
    }
  }
  const table = await readCsv(path);
  const inputs = positional(table, target ?? model.target);
  if (inputs.length !== model.dim) {
    const wanted = names === undefined ? `${model.dim} inputs` : `${model.dim} inputs: ${quoted(names)}`;
    throw new FormatError(
      "FORMAT",
      `${path} has ${inputs.length} input columns (${quoted(inputs)}); the model takes ${wanted}.`,
      { details: { columns: inputs.length, dim: model.dim } },
    );
  }
  if (names !== undefined)
    process.stderr.write(`leapflow: ${path} has none of the model's column names; its columns are taken in order.\n`);
  return selectColumns(table, { target, columns: inputs });
}

const positional = (table: NumericTable, target?: string): readonly string[] =>
  table.columns.filter((name) => name !== target);

const quoted = (names: readonly string[]): string =>
  `${names
    .slice(0, 8)
    .map((name) => `"${name}"`)
    .join(", ")}${names.length > 8 ? ", …" : ""}`;

/** A comma-separated list of column names. */
export function parseColumns(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new OptionError("RANGE", `--columns is "${text}"; expected names separated by commas.`);
  return names;
}
