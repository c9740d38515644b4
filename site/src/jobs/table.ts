/** Opens data: a dropped file, a bundled table, or rows drawn from a known model. */
import { sampleMultiIndex } from "leapflow";
import { type NumericTable, openTable, type TableFile } from "leapflow/io";
import { Link } from "leapflow/theory";
import type { DataSource, Job } from "./jobs.js";

/** Inputs with names, and the response. */
export interface Rows {
  readonly X: {
    readonly data: Float64Array;
    readonly rows: number;
    readonly columns: number;
    readonly names: readonly string[];
  };
  readonly y: Float64Array;
}

type Opened = { readonly source: DataSource; readonly file?: TableFile; readonly drawn?: Rows };
let opened: Opened | undefined;

const HEAD_ROWS = 5;

export const open: Job<"open"> = async (source) => {
  if (source.kind === "planted") {
    const drawn = draw(source);
    opened = { source, drawn };
    const names = [...drawn.X.names, "y"];
    const head = Array.from({ length: HEAD_ROWS }, (_, i) => {
      const row = drawn.X.data.subarray(i * drawn.X.columns, (i + 1) * drawn.X.columns);
      return [...row, drawn.y[i]].map((v) => v.toFixed(3));
    });
    const columns = names.map((name) => ({ name, numeric: true }));
    return { name: `y = ${source.link} + noise`, rows: drawn.X.rows, columns, head };
  }
  const file =
    source.kind === "file"
      ? await openTable(source.file, { name: source.file.name })
      : await openTable(source.address, { name: source.name });
  opened = { source, file };
  const columns = file.columns.map(({ name, numeric }) => ({ name, numeric: numeric !== false }));
  return { name: file.name, rows: file.rows, columns, head: await headOf(file, columns) };
};

/** The first rows; text in the file is told of when it is read for a fit. */
async function headOf(file: TableFile, columns: readonly { name: string; numeric: boolean }[]): Promise<string[][]> {
  const names = columns.filter(({ numeric }) => numeric).map(({ name }) => name);
  if (names.length === 0) return [];
  try {
    for await (const { data, rows } of file.select(names)) {
      return Array.from({ length: Math.min(HEAD_ROWS, rows) }, (_, i) => {
        let at = 0;
        return columns.map(({ numeric }) => (numeric ? String(data[i * names.length + at++]) : "…"));
      });
    }
  } catch {
    // A cell that is no number may be in a column that will not be used.
  }
  return [];
}

/** Reads the chosen columns of what was opened last. */
export async function readRows(target: string, columns: readonly string[]): Promise<Rows> {
  if (opened === undefined) throw new Error("Choose data first.");
  if (opened.drawn !== undefined) return chosen(opened.drawn, columns);
  const table: Required<NumericTable> | Rows = (await (opened.file as TableFile).read({ target, columns })) as Rows;
  return table as Rows;
}

function draw({ link, dim, samples, noiseStd, seed }: Extract<DataSource, { kind: "planted" }>): Rows {
  const { X, y } = sampleMultiIndex(Link.parse(link), { dim, samples, noiseStd, seed });
  return { X: { ...X, names: Array.from({ length: dim }, (_, j) => `x${j + 1}`) }, y };
}

function chosen({ X, y }: Rows, columns: readonly string[]): Rows {
  const places = columns.map((name) => X.names.indexOf(name));
  if (places.length === X.columns && places.every((place, j) => place === j)) return { X, y };
  const data = new Float64Array(X.rows * places.length);
  for (let i = 0; i < X.rows; i++)
    for (let j = 0; j < places.length; j++) data[i * places.length + j] = X.data[i * X.columns + places[j]];
  return { X: { data, rows: X.rows, columns: places.length, names: columns }, y };
}
