/** Rows and responses in memory that several threads can read at once. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";

/** X row-major with its response. */
export interface RowData {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly names?: readonly string[];
  readonly y: Float64Array;
}

/** What `fitOnCluster`, `serveMember` and a sweep take: inputs and responses as doubles, as `TableFile.read` gives them. */
export interface ClusterData {
  readonly X: {
    readonly data: Float64Array;
    readonly rows: number;
    readonly columns: number;
    readonly names?: readonly string[];
  };
  readonly y: Float64Array;
}

/**
 * A copy of the data in memory shared between threads.
 * @throws {InputError} `TYPE`, `SHAPE`
 */
export function shareRows(given: ClusterData): RowData {
  const { X, y } = given ?? {};
  for (const [name, array] of [
    ["X.data", X?.data],
    ["y", y],
  ] as const) {
    if (!(array instanceof Float64Array)) {
      throw new InputError(
        "TYPE",
        `data.${name} is ${describe(array)}; expected a Float64Array, as openTable reads it.`,
      );
    }
  }
  const { data, rows, columns, names } = X;
  if (data.length !== rows * columns || y.length !== rows || rows === 0) {
    throw new InputError(
      "SHAPE",
      `data.X has ${data.length} numbers and data.y ${y?.length}; ${rows} rows of ${columns} columns were announced.`,
    );
  }
  return { data: shared(data), rows, columns, ...(names ? { names: [...names] } : {}), y: shared(y) };
}

function shared(values: Float64Array): Float64Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const out = new Float64Array(new SharedArrayBuffer(values.byteLength));
  out.set(values);
  return out;
}
