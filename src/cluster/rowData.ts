/** Rows and responses in memory that several threads can read at once. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { ownRows, ownVector } from "../index.js";

/** X row-major with its response. */
export interface RowData {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly names?: readonly string[];
  readonly y: Float64Array;
}

/** What `fitOnCluster`, `serveMember` and a sweep take: inputs and responses in any form that `fitMultiIndex` takes. */
export interface ClusterData {
  readonly X: MatrixLike | RowSource;
  readonly y: VectorLike;
}

/**
 * A copy of the data in memory shared between threads.
 * @throws {InputError} `TYPE`, `SHAPE`, `EMPTY`
 */
export async function shareRows(given: ClusterData): Promise<RowData> {
  if (typeof given !== "object" || given === null)
    throw new InputError("TYPE", `data is ${describe(given)}; expected { X, y }, as openTable reads it.`);
  const { data, rows, columns, names } = await ownRows(given.X, { name: "data.X", transfer: true });
  const y = ownVector(given.y, rows, { name: "data.y", transfer: true });
  if (rows === 0) throw new InputError("EMPTY", "data.X has no rows; at least one is needed.");
  return { data: shared(data), rows, columns, ...(names ? { names: [...names] } : {}), y: shared(y) };
}

function shared(values: Float64Array): Float64Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const out = new Float64Array(new SharedArrayBuffer(values.byteLength));
  out.set(values);
  return out;
}
