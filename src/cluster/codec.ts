/** Values of messages ↔ bytes: plain data and typed arrays, every double with its bits. */
import { FormatError } from "../base/errors.js";

/** Plain data, with typed arrays anywhere in it. */
export type Wire =
  | number
  | string
  | boolean
  | null
  | undefined
  | Float64Array
  | Int32Array
  | Uint8Array
  | readonly Wire[]
  | { readonly [key: string]: Wire };

const MAGIC = 0x3143464c;
const ARRAYS = { f: Float64Array, i: Int32Array, b: Uint8Array } as const;
type ArrayTag = keyof typeof ARRAYS;
/** Numbers that JSON cannot carry. */
const STRANGE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  ninf: Number.NEGATIVE_INFINITY,
  nzero: -0,
};
/** Keys that a message must not set on an object. */
const FORBIDDEN = ["__proto__", "constructor", "prototype"];
const MAX_DEPTH = 32;

/**
 * Bytes of a value:
 *
 *     magic | length of head | head: JSON, arrays by number | padding to 8 | arrays, each padded to 8
 *
 * little-endian throughout.
 */
export function encode(value: Wire): Uint8Array {
  const arrays: (Float64Array | Int32Array | Uint8Array)[] = [];
  const head = JSON.stringify({ value: flatten(value, arrays), arrays: arrays.map((a) => [tagOf(a), a.length]) });
  const text = new TextEncoder().encode(head);
  let length = padded(8 + text.length);
  for (const array of arrays) length += padded(array.byteLength);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, text.length, true);
  bytes.set(text, 8);
  let at = padded(8 + text.length);
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  return bytes;
}

/**
 * The value of a message; its arrays are copies.
 * @throws {FormatError} `MESSAGE` for anything that `encode` did not make
 */
export function decode(bytes: Uint8Array): Wire {
  if (bytes.length < 8) throw malformed(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw malformed("it does not begin as one");
  const length = view.getUint32(4, true);
  if (length > bytes.length - 8) throw malformed("its head is cut short");
  let head: { value?: unknown; arrays?: unknown };
  try {
    head = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (cause) {
    throw malformed("its head is not JSON", cause);
  }
  if (typeof head !== "object" || head === null || !Array.isArray(head.arrays)) throw malformed("its head is odd");
  const arrays: (Float64Array | Int32Array | Uint8Array)[] = [];
  let at = padded(8 + length);
  for (const entry of head.arrays as unknown[]) {
    const [tag, count] = Array.isArray(entry) ? (entry as [unknown, unknown]) : [];
    if (typeof tag !== "string" || !Object.hasOwn(ARRAYS, tag)) throw malformed("it has an array of no known kind");
    if (!Number.isSafeInteger(count) || (count as number) < 0) throw malformed("it has an array of no length");
    const Kind = ARRAYS[tag as ArrayTag];
    const size = (count as number) * Kind.BYTES_PER_ELEMENT;
    if (size > bytes.length - at) throw malformed("its arrays are cut short");
    // A copy by hand: slice() of a Node Buffer is a view, and its bytes need not be aligned.
    arrays.push(new Kind(new Uint8Array(bytes.subarray(at, at + size)).buffer));
    at += padded(size);
  }
  return unfold(head.value, arrays, 0);
}

const malformed = (why: string, cause?: unknown): FormatError =>
  new FormatError("MESSAGE", `a message of the cluster could not be read: ${why}.`, { cause });

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

const tagOf = (array: Float64Array | Int32Array | Uint8Array): ArrayTag =>
  array instanceof Float64Array ? "f" : array instanceof Int32Array ? "i" : "b";

function flatten(value: Wire, arrays: (Float64Array | Int32Array | Uint8Array)[]): unknown {
  if (typeof value === "number") {
    if (Number.isFinite(value) && !Object.is(value, -0)) return value;
    return { $number: Object.keys(STRANGE).find((key) => Object.is(STRANGE[key], value)) };
  }
  if (value === undefined) return { $number: "none" };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float64Array || value instanceof Int32Array || value instanceof Uint8Array) {
    return { $array: arrays.push(value) - 1 };
  }
  if (Array.isArray(value)) return value.map((entry: Wire) => flatten(entry, arrays));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, flatten(entry, arrays)]));
}

function unfold(value: unknown, arrays: readonly (Float64Array | Int32Array | Uint8Array)[], depth: number): Wire {
  if (depth > MAX_DEPTH) throw malformed("it is nested too deeply");
  if (typeof value !== "object" || value === null) return value as Wire;
  if (Array.isArray(value)) return value.map((entry) => unfold(entry, arrays, depth + 1));
  const { $array, $number } = value as { $array?: unknown; $number?: unknown };
  if ($array !== undefined) {
    const array = arrays[$array as number];
    if (array === undefined) throw malformed("it names an array that it does not have");
    return array;
  }
  if ($number !== undefined) {
    if ($number === "none") return undefined;
    if (typeof $number === "string" && Object.hasOwn(STRANGE, $number)) return STRANGE[$number];
    throw malformed("it has a number of no known kind");
  }
  const out: Record<string, Wire> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (FORBIDDEN.includes(key)) throw malformed(`it has a key "${key}"`);
    out[key] = unfold(entry, arrays, depth + 1);
  }
  return out;
}
