/** Cells of a table as doubles, and the words for cells that are none. */
import { FormatError } from "../base/errors.js";

/** Where a cell is: a line of a text file or a row of a binary one (both counted from 1), and its column. */
export interface Place {
  readonly line?: number;
  readonly row?: number;
  /** A part of a binary file that the row lies in, such as `row group 3`. */
  readonly part?: string;
  readonly column?: string;
}

/** `name line 7: reason`, `name row 12 (row group 3): reason`; for the file as a whole `name reason`. */
export function formatError(source: string, place: Place, reason: string, cause?: unknown): FormatError {
  const { line, row, part } = place;
  const position = line !== undefined ? ` line ${line}` : row !== undefined ? ` row ${row}` : "";
  const within = part === undefined ? "" : position === "" ? ` ${part}` : ` (${part})`;
  const where = `${position}${within}`;
  return new FormatError("FORMAT", `${source}${where === "" ? "" : `${where}:`} ${reason}`, {
    cause,
    details: { source, ...place },
  });
}

/**
 * What a decoder said about broken bytes. What it did not foresee ends as a TypeError or RangeError, whose words are about its own
 * variables: `otherwise` is said instead.
 */
export const reasonOf = (cause: unknown, otherwise = "its bytes do not fit together"): string =>
  cause instanceof Error && cause.constructor === Error ? cause.message : otherwise;

/** `column "b" (2)`; the index counts from 0, what is read from 1. */
export const columnName = (name: string, index: number): string => `column "${name}" (${index + 1})`;

/** What is wrong with a cell that `toNumber` did not accept, and what to do. */
export function describeCell(value: unknown): string {
  if (value === undefined) return "is missing; every row must have it. Drop or impute the row first.";
  if (value === null) return "is null; every cell must be a number. Drop or impute the row first.";
  if (typeof value === "number")
    return `is ${value}; all entries must be finite numbers. Drop or impute the row first.`;
  if (typeof value === "bigint")
    return `is ${value}, an integer that a double cannot hold; store the column as doubles, or leave it out.`;
  if (typeof value === "string") return `is ${quote(value)}; expected a number.`;
  if (typeof value === "boolean") return `is ${value}; expected a number.`;
  return `is ${Array.isArray(value) ? "a list" : "an object"}; expected a number.`;
}

/** Text in quotes, at most 30 characters of it. */
export const quote = (text: string): string => JSON.stringify(text.length > 30 ? `${text.slice(0, 30)}…` : text);

/** The double equal to a stored value; NaN when there is none. */
export type ToNumber = (value: never) => number;

/** Numbers as they are. */
export const asIs: ToNumber = (value: unknown) => (typeof value === "number" ? value : Number.NaN);

/** Integers of 64 bits, when a double holds them exactly. */
export const exactInteger: ToNumber = (value: unknown) => {
  if (typeof value !== "bigint") return asIs(value as never);
  const number = Number(value);
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER || BigInt(number) === value ? number : Number.NaN;
};

/** The truth values of a column of truth values, as 0 and 1. */
export const truth: ToNumber = (value: unknown) => (typeof value === "boolean" ? Number(value) : Number.NaN);

/** The smallest number of IEEE 754 binary16, 2⁻²⁴. */
const HALF_UNIT = 5.9604644775390625e-8;

/** The number with the bits of an IEEE 754 binary16. */
export function halfFloat(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction : (1024 + fraction) * (1 << (exponent - 1))) * HALF_UNIT;
}

/** Decimals given as integers · 10^−scale: the double nearest to their decimal text, as a CSV file would give. */
export function decimal(scale: number): ToNumber {
  // Numerals are rounded right everywhere; engines differ in their powers.
  const power = Number(`1e${scale}`);
  return (unscaled: unknown) => {
    if (typeof unscaled !== "bigint" && typeof unscaled !== "number") return Number.NaN;
    const number = Number(unscaled);
    // One rounding only: both parts of the quotient are exact. Other sizes are left to the parser of numbers.
    return Math.abs(number) <= Number.MAX_SAFE_INTEGER && scale >= 0 && scale <= 22
      ? number / power
      : Number(`${unscaled}e${-scale}`);
  };
}

/** Values of one column as doubles, NaN for what is no number; a Float64Array is used as it is. Cost: one pass. */
export function toDoubles(values: ArrayLike<unknown>, toNumber: ToNumber): Float64Array {
  if (values instanceof Float64Array) return values;
  if (toNumber === asIs && ArrayBuffer.isView(values)) return Float64Array.from(values as Float32Array);
  if (toNumber === exactInteger && values instanceof BigInt64Array) return fromInt64(values);
  const doubles = new Float64Array(values.length);
  for (let i = 0; i < doubles.length; i++) doubles[i] = toNumber(values[i] as never);
  return doubles;
}

/** The index of the first entry that is not finite; −1 when all are. */
export function firstNotFinite(values: Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!(values[i] - values[i] === 0)) return i;
  return -1;
}

/** Most integers are small, and the halves of a small one are cheaper than a bigint. */
function fromInt64(values: BigInt64Array): Float64Array {
  const doubles = new Float64Array(values.length);
  const halves = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let i = 0; i < doubles.length; i++) {
    const high = halves.getInt32(8 * i + 4, true);
    doubles[i] =
      high >= -0x200000 && high < 0x200000
        ? high * 0x100000000 + halves.getUint32(8 * i, true)
        : exactInteger(values[i] as never);
  }
  return doubles;
}

/** Writes `count` values from `values[from]` on into one column of a row-major block, from row `to` on. */
export function fillColumn(
  block: { readonly data: Float64Array; readonly columns: number },
  column: number,
  values: Float64Array,
  from: number,
  to: number,
  count: number,
): void {
  const { data, columns } = block;
  for (let i = 0, at = to * columns + column; i < count; i++, at += columns) data[at] = values[from + i];
}

/** Rows of a block about 1 MiB large: they stay in the cache while their columns are filled. */
export const blockRowsFor = (columns: number): number => Math.max(256, Math.min(8192, Math.floor(131072 / columns)));
