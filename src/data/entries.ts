/** The entries of an input: kind, finiteness, widening to doubles. */
import { allocateDoubles, describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { RealArray, VectorView } from "../base/types.js";

/** A list whose entries should be numbers; those of a plain array have not been looked at yet. */
export type Numbers = RealArray | readonly unknown[];

/** True for arrays and for typed arrays of real numbers (not BigInt, not DataView). */
export function isNumbers(value: unknown): value is Numbers {
  if (Array.isArray(value)) return true;
  return (
    ArrayBuffer.isView(value) &&
    !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array)
  );
}

/** @throws {InputError} `TYPE` unless a list of numbers, `DETACHED` when its buffer is gone */
export function checkNumbers(data: unknown, name: string): asserts data is Numbers {
  if (!isNumbers(data))
    throw new InputError("TYPE", `${name} is ${describe(data)}; expected a typed array or an array of numbers.`);
  if (ArrayBuffer.isView(data)) checkAttached(data, name);
}

/** @throws {InputError} `DETACHED` when the view lost its buffer */
export function checkAttached(view: ArrayBufferView, name: string): void {
  if (view.byteLength > 0 || view instanceof DataView) return;
  try {
    // Methods of typed arrays refuse a detached or out-of-bounds view; reading `length` only gives 0.
    (view as Uint8Array).indexOf(0);
  } catch {
    throw new InputError(
      "DETACHED",
      `${name} is a ${describe(view).slice(2)} over a buffer that was transferred away or resized; pass an array that still owns its data.`,
    );
  }
}

/** The data themselves when they are doubles nobody else can resize, else a widened copy. */
export function toDoubles(data: Numbers, what: string, position: (index: number) => string): Float64Array {
  if (data instanceof Float64Array && !isUnstable(data)) return data;
  const copy = allocateDoubles(data.length, what);
  copyNumbers(data, copy, 0, position);
  return copy;
}

/**
 * True for views whose buffer may move under us: resizable buffers, and pieces of a buffer of whole 64 KiB pages, which may be
 * WebAssembly memory (ours, for instance) that a later growth detaches.
 */
function isUnstable(view: Float64Array): boolean {
  const buffer = view.buffer as ArrayBufferLike & { resizable?: boolean; growable?: boolean };
  return (
    buffer.resizable === true ||
    buffer.growable === true ||
    (view.byteLength < buffer.byteLength && buffer.byteLength % 65536 === 0)
  );
}

/** Copies numbers to `target` from position `at`; `position` names an entry in an error. */
export function copyNumbers(
  source: Numbers,
  target: Float64Array,
  at: number,
  position: (index: number) => string,
): void {
  if (ArrayBuffer.isView(source)) {
    target.set(source as RealArray, at);
    return;
  }
  for (let j = 0; j < source.length; j++) {
    const value = source[j];
    if (typeof value !== "number") throw notANumber(value, position(j));
    target[at + j] = value;
  }
}

/** Copies an Arrow-like vector to every `step`-th place of `target`, from place `at`. */
export function copyVectorView(
  source: VectorView,
  target: Float64Array,
  at: number,
  step: number,
  position: (index: number) => string,
): void {
  // toArray() of an Arrow vector ignores nulls and gives raw bits for half floats and dates: only floats without nulls are safe.
  const fast =
    (source as { nullCount?: unknown }).nullCount === 0 && typeof source.toArray === "function"
      ? source.toArray()
      : undefined;
  const isFast = (fast instanceof Float64Array || fast instanceof Float32Array) && fast.length === source.length;
  for (let i = 0; i < source.length; i++) {
    const value: unknown = isFast ? fast[i] : source.get(i);
    if (typeof value !== "number") throw notANumber(value, position(i));
    target[at + i * step] = value;
  }
}

/** The error for an entry that is not a number. */
export function notANumber(value: unknown, position: string): InputError {
  return new InputError(
    "TYPE",
    `${position} is ${describe(value)}; every entry must be a number. Drop or convert it first.`,
    {
      details: { position, value: describe(value) },
    },
  );
}

/** Throws `NOT_FINITE` at the first NaN or infinity. */
export function checkFinite(
  data: Float64Array,
  columns: number,
  position: (row: number, column: number) => string,
  names?: readonly string[],
): void {
  // v·0 is 0 for finite v and NaN otherwise, so four running sums tell in one fast pass whether to look closer.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = data.length - (data.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += data[i] * 0;
    b += data[i + 1] * 0;
    c += data[i + 2] * 0;
    d += data[i + 3] * 0;
  }
  for (let i = whole; i < data.length; i++) a += data[i] * 0;
  if (a + b + c + d === 0) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  const row = Math.floor(at / columns);
  const column = at % columns;
  const label = names === undefined ? "" : ` (column "${names[column]}")`;
  throw new InputError(
    "NOT_FINITE",
    `${position(row, column)}${label} is ${data[at]}; all entries must be finite. Drop or impute the row first.`,
    {
      details: { row, column, value: String(data[at]) },
    },
  );
}
