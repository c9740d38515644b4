/** Columns of an Arrow schema: which hold numbers, and which of a batch's buffers are theirs. */
import { asIs, decimal, exactInteger, halfFloat, type ToNumber, truth } from "./cells.js";
import type { FlatTable } from "./flatbuffer.js";

/** How the values of a column of numbers lie in their buffer. */
export interface ArrowValues {
  /** Bits of a value. */
  readonly bits: number;
  /** The first `count` values in the bytes. */
  view(bytes: ArrayBuffer, count: number): ArrayLike<unknown>;
  readonly toNumber: ToNumber;
}

export interface ArrowField {
  readonly name: string;
  readonly type: string;
  /** Undefined for a column that holds no numbers; of a dictionary, its indices. */
  readonly values: ArrowValues | undefined;
  /** Number of the dictionary, and how its entries lie. */
  readonly dictionary: { readonly id: number; readonly values: ArrowValues | undefined } | undefined;
  /** Nodes and buffers of a batch that belong to the column, its children included. */
  readonly nodes: number;
  readonly buffers: number;
  /** Parts with as many more buffers as the batch says. */
  readonly views: number;
}

/** Type codes of the format, with the number of buffers of each, its children's not counted. */
const TYPES: readonly (readonly [name: string, buffers: number])[] = [
  ["", 0],
  ["Null", 0],
  ["Int", 2],
  ["Float", 2],
  ["Binary", 3],
  ["Utf8", 3],
  ["Bool", 2],
  ["Decimal", 2],
  ["Date", 2],
  ["Time", 2],
  ["Timestamp", 2],
  ["Interval", 2],
  ["List", 2],
  ["Struct", 1],
  ["Union", 1],
  ["FixedSizeBinary", 2],
  ["FixedSizeList", 1],
  ["Map", 2],
  ["Duration", 2],
  ["LargeBinary", 3],
  ["LargeUtf8", 3],
  ["LargeList", 2],
  ["RunEndEncoded", 0],
  ["BinaryView", 2],
  ["Utf8View", 2],
  ["ListView", 3],
  ["LargeListView", 3],
];

/**
 * The columns of a schema message.
 * @throws {RangeError} for a damaged message; {Error} for types that nobody knows
 * Source: Apache Arrow Schema.fbs and Message.fbs.
 */
export function fieldsOf(message: FlatTable): { fields: readonly ArrowField[]; isBigEndian: boolean } {
  // Message { version, header type, header: Schema { endianness, fields } }; from version 5 (4) on unions have no validity.
  const schema = message.table(2);
  const isOld = message.int16(0) < 4;
  const fields = schema?.tables(1).map((field) => fieldOf(field, isOld, 0)) ?? [];
  return { fields, isBigEndian: (schema?.int16(0) ?? 0) !== 0 };
}

/** Field { name, nullable, type code, type, dictionary { id, index type }, children }. */
function fieldOf(field: FlatTable, isOld: boolean, depth: number): ArrowField {
  if (depth > 64) throw new RangeError("its columns are nested too deeply");
  const code = field.uint8(2);
  const [known, own] = TYPES[code] ?? ["", 0];
  if (known === "") throw new RangeError(`a column has the unknown type ${code}`);
  const type = field.table(3);
  const name = field.string(0);
  const values = type === undefined ? undefined : valuesOf(known, type);
  const encoding = field.table(4);
  if (encoding !== undefined) {
    const index = encoding.table(1);
    // Indices are 32-bit integers unless something else is said.
    const indices = index === undefined ? integers(32, true) : integers(index.int32(0), index.uint8(1) !== 0);
    const dictionary = { id: encoding.int64(0), values };
    return {
      name,
      type: `Dictionary of ${known}`,
      values: values && indices,
      dictionary,
      nodes: 1,
      buffers: 2,
      views: 0,
    };
  }
  const children = field.tables(5).map((child) => fieldOf(child, isOld, depth + 1));
  const sum = (key: "nodes" | "buffers" | "views") => children.reduce((total, child) => total + child[key], 0);
  // A dense union (mode 1) has offsets beside its type codes.
  const union = known === "Union" ? (type?.int16(0) === 1 ? 1 : 0) + (isOld ? 1 : 0) : 0;
  return {
    name,
    type: known,
    values,
    dictionary: undefined,
    nodes: 1 + sum("nodes"),
    buffers: own + union + sum("buffers"),
    views: (known.endsWith("View") && !known.includes("List") ? 1 : 0) + sum("views"),
  };
}

function valuesOf(known: string, type: FlatTable): ArrowValues | undefined {
  if (known === "Int") return integers(type.int32(0), type.uint8(1) !== 0);
  if (known === "Bool") return { bits: 1, view: bitsOf, toNumber: truth };
  if (known === "Float") {
    const precision = type.int16(0);
    if (precision === 0) return { bits: 16, view: (bytes) => new Uint16Array(bytes), toNumber: half };
    if (precision === 1) return { bits: 32, view: (bytes) => new Float32Array(bytes), toNumber: asIs };
    return { bits: 64, view: (bytes) => new Float64Array(bytes), toNumber: asIs };
  }
  if (known !== "Decimal") return undefined;
  // Its width is 128 bits unless something else is said.
  const width = type.int32(2) || 128;
  const toNumber = decimal(type.int32(1));
  if (width === 32) return { bits: 32, view: (bytes) => new Int32Array(bytes), toNumber };
  return width === 64 || width === 128 || width === 256
    ? { bits: width, view: (bytes) => wideIntegers(bytes, width / 64), toNumber }
    : undefined;
}

const half: ToNumber = (value: unknown) => halfFloat(value as number);

function integers(width: number, isSigned: boolean): ArrowValues | undefined {
  const Signed = { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array }[width];
  const Unsigned = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array }[width];
  const Values = isSigned ? Signed : Unsigned;
  if (Values === undefined) return undefined;
  return { bits: width, view: (bytes) => new Values(bytes), toNumber: width === 64 ? exactInteger : asIs };
}

/** Truth values, eight in a byte, the lowest bit first. */
export function bitsOf(bytes: ArrayBuffer, count: number): readonly boolean[] {
  const packed = new Uint8Array(bytes);
  return Array.from({ length: count }, (_, i) => ((packed[i >> 3] >> (i & 7)) & 1) === 1);
}

/** Two's complement integers of several 64-bit words, the lowest word first. */
function wideIntegers(bytes: ArrayBuffer, words: number): ArrayLike<unknown> {
  const parts = new BigUint64Array(bytes);
  return Array.from({ length: parts.length / words }, (_, i) => {
    let value = 0n;
    for (let k = words - 1; k >= 0; k--) value = (value << 64n) | parts[i * words + k];
    return BigInt.asIntN(64 * words, value);
  });
}
