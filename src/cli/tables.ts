/** Tables for commands: which columns of a file a fit or a model reads. Every format of `leapflow/io` is accepted. */

import { FormatError, OptionError } from "../base/errors.js";
import type { MultiIndexModel } from "../index.js";
import type { NamedMatrix, TableFile } from "../io/index.js";

export type { NamedMatrix };

/** What the argument for a data file says in every help text. */
export const DATA_HELP = "CSV, TSV, NPY, Parquet, Arrow/Feather or JSON lines, by extension; text may be gzipped (.gz)";

/** Inputs and response for `fit`; only the columns that are used must be numeric when `columns` are chosen. */
export async function readTraining(
  path: string,
  target: string,
  columns?: readonly string[],
  signal?: AbortSignal,
): Promise<{ X: NamedMatrix; y: Float64Array }> {
  const { openTable } = await import("../io/index.js");
  const table = await openTable(path, { signal });
  return table.read({ target, columns });
}

/**
 * A file opened for a model, and the columns that are its inputs: by name, or by position when the file and the model share
 * no name and the file has exactly as many columns, beside `target`, as the model takes.
 */
export async function openForModel(
  path: string,
  model: MultiIndexModel,
  target?: string,
): Promise<{ table: TableFile; columns: readonly string[] }> {
  const { openTable } = await import("../io/index.js");
  const table = await openTable(path);
  const header = table.columns.map(({ name }) => name);
  const names = model.columns;
  if (names !== undefined) {
    const missing = names.filter((name) => !header.includes(name));
    if (missing.length === 0) return { table, columns: names };
    if (missing.length < names.length)
      throw new FormatError(
        "FORMAT",
        `${path} lacks ${missing.length === 1 ? "the column" : "the columns"} ${quoted(missing)} that the model takes.`,
        { details: { missing } },
      );
  }
  const inputs = header.filter((name) => name !== (target ?? model.target));
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
  return { table, columns: inputs };
}

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
