/** A problem from its folder: train.csv, test.csv and, where the response is not y, meta.json (`response`). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCsv } from "../src/io/index.js";
import type { Problem } from "./peers.js";

export async function readProblem(folder: string, name: string): Promise<Problem> {
  const read = async (file: string) => await readCsv(join(folder, name, file));
  const [train, test] = [await read("train.csv"), await read("test.csv")];
  const meta = join(folder, name, "meta.json");
  const response = existsSync(meta) ? (JSON.parse(readFileSync(meta, "utf8")) as { response: string }).response : "y";
  const names = [...train.columns];
  const target = names.includes(response) ? response : "y";
  const inputs = names.filter((column) => column !== target);
  const pick = (table: typeof train, columns: readonly string[]) => {
    const at = columns.map((column) => table.columns.indexOf(column));
    const data = new Float64Array(table.rows * at.length);
    for (let i = 0; i < table.rows; i++)
      for (let k = 0; k < at.length; k++) data[i * at.length + k] = table.data[i * table.columns.length + at[k]];
    return data;
  };
  const matrix = (table: typeof train) => ({ data: pick(table, inputs), rows: table.rows, columns: inputs.length });
  return {
    name,
    X: matrix(train),
    y: pick(train, [target]),
    fresh: matrix(test),
    truth: pick(test, [test.columns.includes("f") ? "f" : target]),
  };
}
