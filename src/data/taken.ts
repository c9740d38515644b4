/** Data as they were when a call was made: code that loads on demand starts later, when buffers may have moved. */
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { readMatrix, readVector } from "./input.js";
import { isRowSource } from "./rows.js";

/**
 * Data of a call that goes on after an `await`: views of WebAssembly memory and other forms are copied, plain Float64Arrays
 * and row sources are passed on. A call that is aborted already rejects with the signal's reason before X is looked at.
 *
 * @param signal - as given, not checked yet
 * @throws {InputError} as `readMatrix` and `readVector`
 */
export function takeData(
  X: MatrixLike | RowSource,
  y: VectorLike,
  signal: unknown,
): { readonly X: MatrixLike | RowSource; readonly y: VectorLike } {
  throwIfAborted(signal);
  return { X: isRowSource(X) ? X : readMatrix(X, "X"), y: readVector(y, "y") };
}

/** The same for responses alone. */
export function takeResponses(y: VectorLike, signal: unknown): Float64Array {
  throwIfAborted(signal);
  return readVector(y, "y");
}

function throwIfAborted(signal: unknown): void {
  // Some hosts have no such class.
  if (typeof AbortSignal !== "undefined" && signal instanceof AbortSignal && signal.aborted) throw signal.reason;
}
