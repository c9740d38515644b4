/** NPY as rows: a vector, a matrix in either order, or a vector of records, read in ranges. */
import type { ByteReader } from "./byteSource.js";
import {
  asIs,
  blockRowsFor,
  columnName,
  describeCell,
  exactInteger,
  fillColumn,
  firstNotFinite,
  formatError,
  type ToNumber,
  toDoubles,
} from "./cells.js";
import { type NpyField, type NpyHeader, readNpyHeader } from "./npyHeader.js";
import type { OpenReader, TableBlock, TableColumn, TableReader } from "./reader.js";

// Written by hand because the readers on the registry load whole files and know neither order nor records.

type Numbers = { readonly length: number; readonly [index: number]: number | bigint };
interface Type {
  readonly make: new (buffer: ArrayBuffer, offset: number, length: number) => Numbers;
  readonly bytes: number;
  readonly toNumber: ToNumber;
}

const type = (make: unknown, bytes: number, toNumber: ToNumber = asIs): Type => ({
  make: make as Type["make"],
  bytes,
  toNumber,
});
const TYPES: ReadonlyMap<string, Type> = new Map([
  ["<f8", type(Float64Array, 8)],
  ["<f4", type(Float32Array, 4)],
  ["<i8", type(BigInt64Array, 8, exactInteger)],
  ["<u8", type(BigUint64Array, 8, exactInteger)],
  ["<i4", type(Int32Array, 4)],
  ["<u4", type(Uint32Array, 4)],
  ["<i2", type(Int16Array, 2)],
  ["<u2", type(Uint16Array, 2)],
  ["|i1", type(Int8Array, 1)],
  ["|u1", type(Uint8Array, 1)],
  ["|b1", type(Uint8Array, 1)],
]);

const KINDS: Readonly<Record<string, string>> = {
  c: "complex numbers",
  S: "byte strings",
  U: "text",
  V: "raw bytes",
  M: "dates",
  m: "durations",
};

/** Opens an NPY file: reads its header. Columns are named by the fields of records, by `names`, or x1, x2, … */
export const openNpy: OpenReader = async (bytes, options) => {
  const header = await readNpyHeader(bytes);
  const { fields, itemBytes, shape, start } = header;
  const fail = (reason: string) => formatError(bytes.name, {}, reason);
  const isRecords = fields[0]?.name !== "";
  const dimensions = isRecords ? "1 dimension of records" : "1 or 2 dimensions";
  if (shape.length < 1 || shape.length > (isRecords ? 1 : 2))
    throw fail(`has the shape (${shape.join(", ")}); expected ${dimensions}.`);
  const rows = shape[0];
  const width = isRecords ? fields.length : (shape[1] ?? 1);
  if (width === 0) throw fail("has no columns.");
  const wanted = start + rows * (isRecords ? 1 : width) * itemBytes;
  if (wanted > bytes.size) throw fail(`is cut short: it has ${bytes.size} bytes of ${wanted}.`);
  const names = isRecords ? fields.map(({ name }) => name) : namesOf(width, options.names, fail);
  const columns: TableColumn[] = names.map((name, j) => {
    const code = fields[isRecords ? j : 0].type;
    return { name, type: code, numeric: isNumeric(code, fail) };
  });
  return { columns, rows, pass: (from, chosen) => rowsOf(from, header, columns, chosen) } satisfies TableReader;
};

/** @throws for numbers that could be read wrongly; other kinds of values are no numbers */
function isNumeric(code: string, fail: (reason: string) => Error): boolean {
  if (TYPES.has(code)) return true;
  const kind = code.replace(/^[<>|=]/, "")[0];
  if (code.startsWith(">"))
    throw fail(`holds big-endian numbers (${code}); save it with the type ${code.replace(">", "<")}.`);
  if (kind in KINDS) return false;
  throw fail(`holds numbers of the type ${code}; save it as float64, float32 or integers of at most 64 bits.`);
}

function namesOf(
  width: number,
  names: readonly string[] | undefined,
  fail: (reason: string) => Error,
): readonly string[] {
  if (names === undefined) return Array.from({ length: width }, (_, j) => `x${j + 1}`);
  if (names.length !== width) throw fail(`has ${width} columns; ${names.length} names were given.`);
  return names;
}

async function* rowsOf(
  bytes: ByteReader,
  header: NpyHeader,
  columns: readonly TableColumn[],
  chosen: readonly number[],
): AsyncGenerator<TableBlock> {
  const { fields, isFortran, itemBytes, shape, start } = header;
  const rows = shape[0];
  const isRecords = fields[0].name !== "";
  /** Items in a row as it is stored. */
  const stored = isRecords ? 1 : (shape[1] ?? 1);
  const byColumns = isFortran && stored > 1;
  const asStored =
    !isRecords && !byColumns && fields[0].type === "<f8" && chosen.length === stored && chosen.every((j, k) => j === k);
  const read = async (item: number, items: number) =>
    (await bytes.read(start + item * itemBytes, start + (item + items) * itemBytes)).buffer;
  const refuse = (row: number, j: number, value: unknown): never => {
    const { name } = columns[j];
    throw formatError(bytes.name, { row: row + 1, column: name }, `${columnName(name, j)} ${describeCell(value)}`);
  };
  const step = blockRowsFor(stored);
  for (let from = 0; from < rows; from += step) {
    const count = Math.min(step, rows - from);
    const whole = byColumns ? undefined : await read(from * stored, count * stored);
    if (asStored && whole !== undefined) {
      const data = new Float64Array(whole);
      const bad = firstNotFinite(data);
      if (bad >= 0) refuse(from + Math.floor(bad / stored), bad % stored, data[bad]);
      yield { data, rows: count, columns: stored };
      continue;
    }
    const block = { data: new Float64Array(count * chosen.length), rows: count, columns: chosen.length };
    for (let k = 0; k < chosen.length; k++) {
      const j = chosen[k];
      const field = isRecords ? fields[j] : { ...fields[0], offset: byColumns ? 0 : j * itemBytes };
      const stride = byColumns ? itemBytes : stored * itemBytes;
      const values = valuesOf(whole ?? (await read(j * rows + from, count)), field, stride, count);
      const { toNumber } = TYPES.get(field.type) as Type;
      const doubles = toDoubles(values, toNumber);
      const bad = firstNotFinite(doubles);
      if (bad >= 0) refuse(from + bad, j, values[bad]);
      fillColumn(block, k, doubles, 0, 0, count);
    }
    yield block;
  }
}

/** `count` values that lie `stride` bytes apart, from the offset of their field on. */
function valuesOf(buffer: ArrayBuffer, field: NpyField, stride: number, count: number): Numbers {
  const { make, bytes } = TYPES.get(field.type) as Type;
  if (stride === bytes) return new make(buffer, 0, count);
  const picked = new make(new ArrayBuffer(count * bytes), 0, count) as { [index: number]: number | bigint } & Numbers;
  if (stride % bytes === 0 && field.offset % bytes === 0) {
    const all = new make(buffer, 0, buffer.byteLength / bytes);
    const [step, from] = [stride / bytes, field.offset / bytes];
    for (let i = 0; i < count; i++) picked[i] = all[from + i * step];
    return picked;
  }
  // The fields of a packed record are not aligned.
  const target = new Uint8Array((picked as unknown as Uint8Array).buffer);
  for (let i = 0; i < count; i++) target.set(new Uint8Array(buffer, i * stride + field.offset, bytes), i * bytes);
  return picked;
}
