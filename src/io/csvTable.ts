/** CSV and TSV as rows: a header line, then one number per cell, read strictly. */
import type { ByteReader } from "./byteSource.js";
import { columnName, formatError, quote } from "./cells.js";
import { recordsOf } from "./csvRecords.js";
import type { OpenOptions, TableBlock, TableReader } from "./reader.js";
import { textOf } from "./text.js";

const DECIMAL_COMMA = /^[+-]?\d+,\d+([eE][+-]?\d+)?$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Opens CSV or TSV text: reads its header line. */
export async function openCsv(bytes: ByteReader, options: OpenOptions): Promise<TableReader> {
  const delimiter = options.delimiter ?? (options.format === "tsv" ? "\t" : undefined);
  const records = (from: ByteReader) => recordsOf(textOf(from), from.name, delimiter);
  const { name } = bytes;
  let header: readonly string[] | undefined;
  for await (const { cells } of records(bytes)) {
    header = readHeader(cells[0], name);
    break;
  }
  if (header === undefined) throw formatError(name, {}, "is empty; expected a header line and rows of numbers.");
  const columns = header.map((one) => ({ name: one, type: "unknown", numeric: undefined }));
  return { columns, pass: (from, chosen) => rowsOf(records(from), header, chosen, name) };
}

async function* rowsOf(
  batches: ReturnType<typeof recordsOf>,
  header: readonly string[],
  chosen: readonly number[],
  name: string,
): AsyncGenerator<TableBlock> {
  const width = chosen.length;
  let isFirst = true;
  for await (const { cells: all, lineOf, delimiter } of batches) {
    const from = isFirst ? 1 : 0;
    isFirst = false;
    const rows = all.length - from;
    if (rows === 0) continue;
    const data = new Float64Array(rows * width);
    for (let i = 0; i < rows; i++) {
      const cells = all[from + i];
      if (cells.length !== header.length) {
        const hint =
          delimiter === "," && cells.length === 2 * header.length
            ? " (Are there decimal commas? Write numbers with a decimal point.)"
            : "";
        const count = `${cells.length} cells, but the header has ${header.length}.${hint}`;
        throw formatError(name, { line: lineOf(from + i) }, count);
      }
      for (let k = 0; k < width; k++) {
        const value = toNumber(cells[chosen[k]]);
        if (!(value - value === 0)) {
          const column = header[chosen[k]];
          throw formatError(name, { line: lineOf(from + i), column }, describe(cells[chosen[k]], column, chosen[k]));
        }
        data[i * width + k] = value;
      }
    }
    yield { data, rows, columns: width };
  }
}

function readHeader(record: readonly string[], source: string): readonly string[] {
  const fail = (reason: string) => formatError(source, { line: 1 }, reason);
  const header = record.map((name) => name.trim());
  if (header.every((name) => NUMBER.test(name))) {
    throw fail(
      `the header consists of numbers (${header.slice(0, 3).join(", ")}${header.length > 3 ? ", …" : ""}); the first line must name the columns.`,
    );
  }
  const empty = header.indexOf("");
  if (empty >= 0) throw fail(`column ${empty + 1} of the header has no name.`);
  const twice = header.find((name, j) => header.indexOf(name) !== j);
  if (twice !== undefined) throw fail(`two columns are named "${twice}".`);
  return header;
}

/** The number in a cell; NaN for anything that is not plainly one (blank, hexadecimal, text). */
function toNumber(cell: string): number {
  const value = Number(cell);
  // Number("") is 0 and Number("0x10") is 16. Looking at the second character first keeps plain digits fast.
  if (value === 0 && cell.trim() === "") return Number.NaN;
  const second = cell.charCodeAt(1);
  return (second > 57 || second <= 32) && /^\s*[+-]?0[xbo]/i.test(cell) ? Number.NaN : value;
}

function describe(cell: string, name: string, index: number): string {
  const place = columnName(name, index);
  const text = cell.trim();
  if (text === "") return `${place} is empty; every cell must be a number. Drop or impute the row first.`;
  if (DECIMAL_COMMA.test(text))
    return `${place} is "${text}", with a decimal comma; write numbers with a decimal point.`;
  if (/^([+-]?inf(inity)?|nan|na|null)$/i.test(text))
    return `${place} is ${text}; all entries must be finite numbers. Drop or impute the row first.`;
  return `${place} is ${quote(text)}; expected a number.`;
}
