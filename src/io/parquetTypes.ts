/** Types of Parquet columns: which hold numbers, and how their stored values become doubles. */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { asIs, decimal, exactInteger, halfFloat, type ToNumber, truth } from "./cells.js";

export interface ParquetType {
  /** As the format calls it: the logical type where there is one. */
  readonly type: string;
  /** Undefined for a column that holds no numbers. */
  readonly toNumber: ToNumber | undefined;
}

/** The type of a column of the table, that is, of a child of the schema's root. */
export function parquetType({ element, children }: SchemaTree): ParquetType {
  const { type = "", converted_type: converted, logical_type: logical, repetition_type: repetition } = element;
  if (children.length > 0) return { type: logical?.type ?? converted ?? "STRUCT", toNumber: undefined };
  if (repetition === "REPEATED") return { type: `repeated ${type}`, toNumber: undefined };
  if (logical?.type === "DECIMAL" || converted === "DECIMAL") return { type: "DECIMAL", toNumber: decimalOf(element) };
  if (logical?.type === "FLOAT16") return { type: "FLOAT16", toNumber: half };
  if (logical?.type === "INTEGER" || /^U?INT_/.test(converted ?? "")) {
    const isUnsigned = logical?.type === "INTEGER" ? !logical.isSigned : converted?.startsWith("U");
    const name = converted ?? type;
    if (type === "INT32") return { type: name, toNumber: isUnsigned ? unsigned32 : asIs };
    if (type === "INT64") return { type: name, toNumber: isUnsigned ? unsigned64 : exactInteger };
  }
  // Text, dates, times and the rest; their numbers would mean nothing to a fit.
  if (logical !== undefined || converted !== undefined)
    return { type: logical?.type ?? converted ?? "", toNumber: undefined };
  return { type, toNumber: PLAIN.get(type) };
}

const PLAIN: ReadonlyMap<string, ToNumber> = new Map([
  ["BOOLEAN", truth],
  ["INT32", asIs],
  ["INT64", exactInteger],
  ["FLOAT", asIs],
  ["DOUBLE", asIs],
]);

const unsigned32: ToNumber = (value: unknown) => (typeof value === "number" ? value >>> 0 : Number.NaN);
const unsigned64: ToNumber = (value: unknown) =>
  typeof value === "bigint" ? exactInteger(BigInt.asUintN(64, value) as never) : Number.NaN;

function decimalOf({ scale, logical_type: logical }: SchemaElement): ToNumber {
  const toNumber = decimal(scale ?? (logical?.type === "DECIMAL" ? logical.scale : 0));
  return (value: unknown) => toNumber((value instanceof Uint8Array ? bigEndian(value) : value) as never);
}

/** The two's complement integer in big-endian bytes. */
function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

const half: ToNumber = (bytes: unknown) =>
  bytes instanceof Uint8Array && bytes.length === 2 ? halfFloat(bytes[0] | (bytes[1] << 8)) : Number.NaN;
