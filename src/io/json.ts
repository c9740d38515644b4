/** JSON as rows: lines of records (JSON lines), or one array of records. */
import { MemoryError } from "../base/errors.js";
import type { ByteReader } from "./byteSource.js";
import { columnName, describeCell, formatError, type Place, quote } from "./cells.js";
import type { OpenReader, TableBlock, TableReader } from "./reader.js";
import { textOf, wholeRecords } from "./text.js";

/** Records of a block. */
const BLOCK = 8192;
/** Longest text that is parsed at once: strings end there in every engine. */
const MAX_TEXT = 0x1fffffe8;

type JsonRecord = Readonly<Record<string, unknown>>;
/** A record and where it is: its line, or its number in the array. */
type Placed = readonly [record: JsonRecord, place: Place];
type Records = (bytes: ByteReader) => AsyncIterable<Placed>;

/** Opens JSON lines: reads the first line, whose keys are the columns. */
export const openJsonLines: OpenReader = (bytes) => openRecords(bytes, linesOf);

/** Opens a JSON array of records, or JSON lines under that name. An array is parsed as a whole. */
export const openJson: OpenReader = async (bytes) => {
  for await (const text of textOf(bytes)) {
    const first = text.trimStart()[0];
    if (first !== undefined) return openRecords(bytes, first === "[" ? arrayOf : linesOf);
  }
  throw formatError(bytes.name, {}, "is empty; expected records of numbers.");
};

async function openRecords(bytes: ByteReader, records: Records): Promise<TableReader> {
  for await (const [record] of records(bytes)) {
    const header = Object.keys(record);
    if (header.length === 0)
      throw formatError(bytes.name, {}, "has a first record without keys; its keys name the columns.");
    const columns = header.map((name) => ({ name, type: "unknown", numeric: undefined }));
    return { columns, pass: (from, chosen, every) => rowsOf(records(from), header, chosen, every, from.name) };
  }
  throw formatError(bytes.name, {}, "has no records; expected at least one object of numbers.");
}

async function* rowsOf(
  records: AsyncIterable<Placed>,
  header: readonly string[],
  chosen: readonly number[],
  every: boolean,
  name: string,
): AsyncGenerator<TableBlock> {
  const width = chosen.length;
  let data = new Float64Array(BLOCK * width);
  let rows = 0;
  for await (const [record, place] of records) {
    if (every) checkKeys(record, header, place, name);
    for (let k = 0; k < width; k++) {
      const column = header[chosen[k]];
      // A key such as __proto__ is an own property of what JSON.parse makes, and only then is it a cell.
      const value = Object.hasOwn(record, column) ? record[column] : undefined;
      if (typeof value !== "number" || !Number.isFinite(value)) {
        throw formatError(name, { ...place, column }, `${columnName(column, chosen[k])} ${describeCell(value)}`);
      }
      data[rows * width + k] = value;
    }
    if (++rows < BLOCK) continue;
    yield { data, rows, columns: width };
    data = new Float64Array(BLOCK * width);
    rows = 0;
  }
  if (rows > 0) yield { data: data.slice(0, rows * width), rows, columns: width };
}

/** A key that the first record lacks would be a column that is silently left out. */
function checkKeys(record: JsonRecord, header: readonly string[], place: Place, name: string): void {
  const keys = Object.keys(record);
  if (keys.length <= header.length && keys.every((key, k) => key === header[k])) return;
  const known = new Set(header);
  const extra = keys.find((key) => !known.has(key));
  if (extra !== undefined)
    throw formatError(
      name,
      { ...place, column: extra },
      `the key ${quote(extra)} is not in the first record, whose keys are the columns.`,
    );
}

async function* linesOf(bytes: ByteReader): AsyncGenerator<Placed> {
  for await (const { text, line } of wholeRecords(textOf(bytes), bytes.name, (all) => all.lastIndexOf("\n") + 1)) {
    const lines = text.split("\n");
    for (let i = 0; i < lines.length; i++) {
      if (lines[i].trim() === "") continue;
      const place = { line: line + i };
      yield [recordOf(parsed(lines[i], bytes.name, place), bytes.name, place), place];
    }
  }
}

async function* arrayOf(bytes: ByteReader): AsyncGenerator<Placed> {
  const parts: string[] = [];
  let length = 0;
  for await (const text of textOf(bytes)) {
    parts.push(text);
    length += text.length;
    if (length > MAX_TEXT)
      throw new MemoryError(
        "TOO_LARGE",
        `${bytes.name} is one JSON array of more than ${MAX_TEXT} characters; write JSON lines instead, which are streamed.`,
        {
          details: { source: bytes.name },
        },
      );
  }
  const list = parsed(parts.join(""), bytes.name, {});
  if (!Array.isArray(list)) throw formatError(bytes.name, {}, "is not an array of records.");
  for (let i = 0; i < list.length; i++) {
    const place = { row: i + 1 };
    yield [recordOf(list[i], bytes.name, place), place];
  }
}

function parsed(text: string, name: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw place.line === undefined
      ? formatError(name, place, `is not complete JSON (${reason}).`, cause)
      : formatError(name, place, `not one complete JSON record (${reason}).`, cause);
  }
}

function recordOf(value: unknown, name: string, place: Place): JsonRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonRecord;
  const what = Array.isArray(value) ? "a list" : typeof value === "string" ? quote(value) : String(value);
  throw formatError(name, place, `${what}; expected a record such as {"a": 1, "b": 2}.`);
}
