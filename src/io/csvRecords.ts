/** Records of CSV text: streamed in batches that papaparse splits into cells. */
import { formatError } from "./cells.js";
import { countLines, wholeRecords } from "./text.js";

export interface RecordBatch {
  /** At least one record; none of them blank. */
  readonly cells: readonly (readonly string[])[];
  readonly delimiter: string;
  /** Line on which a record of this batch starts, from 1; cells may hold line ends. */
  lineOf(record: number): number;
}

const DELIMITERS = [",", ";", "\t"] as const;

/**
 * The records of a text in batches, the header first. Blank lines at the end are left out.
 * @param delimiter - found from the first line when not given
 * @throws {FormatError} `FORMAT` with the line, for quotes that are not closed and blank lines inside
 */
export async function* recordsOf(
  pieces: AsyncIterable<string>,
  name: string,
  delimiter: string | undefined,
): AsyncGenerator<RecordBatch> {
  const { default: Papa } = await import("papaparse");
  let separator = delimiter ?? "";
  let blank: number | undefined;
  const endOf = (text: string): number => {
    if (separator === "") separator = findDelimiter(text);
    return endOfRecords(text, separator);
  };
  for await (const { text, line } of wholeRecords(pieces, name, endOf)) {
    // A text of one line ends before it was looked at.
    if (separator === "") separator = findDelimiter(text);
    const { data, errors } = Papa.parse<string[]>(text, { delimiter: separator, newline: "\n", skipEmptyLines: false });
    // Of a text that is one blank line papaparse makes no record.
    if (text === "") data.push([""]);
    const lineOf = (record: number): number => line + linesBefore(data, record);
    for (const error of errors) {
      if (error.type !== "Quotes") continue;
      throw formatError(
        name,
        { line: lineOf(error.row ?? 0) },
        error.code === "MissingQuotes"
          ? "a quoted cell is never closed."
          : "a quoted cell has text after its closing quote.",
      );
    }
    const cells: string[][] = [];
    const from: number[] = [];
    for (let i = 0; i < data.length; i++) {
      if (isBlank(data[i])) {
        blank ??= lineOf(i);
        continue;
      }
      if (blank !== undefined) throw formatError(name, { line: blank }, "the line is empty.");
      cells.push(data[i]);
      from.push(i);
    }
    if (cells.length > 0) yield { cells, delimiter: separator, lineOf: (record) => lineOf(from[record]) };
  }
}

const isBlank = (record: readonly string[]): boolean => record.length === 1 && record[0].trim() === "";

function linesBefore(records: readonly (readonly string[])[], index: number): number {
  let lines = 0;
  for (let i = 0; i < Math.min(index, records.length); i++) {
    lines++;
    for (const cell of records[i]) lines += countLines(cell);
  }
  return lines;
}

/** The index after the last line end outside quotes; 0 when there is none. */
function endOfRecords(text: string, delimiter: string): number {
  const last = text.lastIndexOf("\n") + 1;
  if (!text.includes('"')) return last;
  let end = 0;
  // Line ends before `at` are counted or quoted.
  for (let at = 0; ; ) {
    // A quote opens only at the start of a cell; elsewhere it is a character like any other.
    let open = text.indexOf('"', at);
    while (open > 0 && text[open - 1] !== delimiter && text[open - 1] !== "\n") open = text.indexOf('"', open + 1);
    if (open < 0) return last > at ? last : end;
    const before = text.lastIndexOf("\n", open) + 1;
    if (before > at) end = before;
    let close = text.indexOf('"', open + 1);
    while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
    if (close < 0) return end;
    at = close + 1;
  }
}

/** The separator that occurs most often in the header line, outside quotes; a comma when none does. */
function findDelimiter(text: string): string {
  const end = text.indexOf("\n");
  const header = (end < 0 ? text : text.slice(0, end)).replace(/"[^"]*"/g, "");
  let best = ",";
  let most = 0;
  for (const delimiter of DELIMITERS) {
    const count = header.split(delimiter).length - 1;
    if (count > most) {
      best = delimiter;
      most = count;
    }
  }
  return best;
}
