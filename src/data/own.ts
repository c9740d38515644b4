/** Data as flat arrays that nobody else holds, to be given away. */
import { RunControl } from "../base/control.js";
import type { DenseRows, MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { readMatrixAsync, readVector } from "./input.js";

export interface OwnOptions {
  /** Take flat doubles over a whole buffer as they are instead of copying them. */
  readonly transfer?: boolean;
  readonly signal?: AbortSignal;
  /** Name for messages. */
  readonly name?: string;
}

/**
 * Row-major doubles of any accepted matrix, in an array of their own; entries are not looked at. Doubles in shared memory
 * stay where they are.
 * @throws {InputError} as `fitMultiIndex` for X
 */
export async function ownRows(X: MatrixLike | RowSource, options: OwnOptions = {}): Promise<DenseRows> {
  const { signal, name = "X" } = options;
  const control = new RunControl(signal ? { signal } : {});
  const rows = await readMatrixAsync(X, name, control, { unchecked: true });
  return { ...rows, data: own(rows.data, X, options) };
}

/** The same for a vector. @param rows - entries wanted; any number when undefined */
export function ownVector(y: VectorLike, rows: number | undefined, options: OwnOptions = {}): Float64Array {
  return own(readVector(y, options.name ?? "y", rows), y, options);
}

/** Only flat doubles are used as they are, so everything else is new already. */
function own(data: Float64Array, given: unknown, { transfer = false }: OwnOptions): Float64Array {
  const isShared = typeof SharedArrayBuffer === "function" && data.buffer instanceof SharedArrayBuffer;
  if (isShared) return data;
  const held = ArrayBuffer.isView(given) ? given : (given as { data?: unknown } | null)?.data;
  const isWhole = data.byteLength === data.buffer.byteLength;
  const isCallers = ArrayBuffer.isView(held) && held.buffer === data.buffer;
  return isWhole && (transfer || !isCallers) ? data : data.slice();
}
