/** Shared types: accepted matrices and vectors, progress, run control. */

/** Any real typed array. */
export type RealArray =
  | Float64Array
  | Float32Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Flat row-major matrix. `names` are optional column names. */
export interface FlatMatrix {
  readonly data: RealArray | readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly names?: readonly string[];
}

/** Matrix read through strides (in elements). */
export interface StridedMatrix {
  readonly data: RealArray | readonly number[];
  readonly shape: readonly number[];
  readonly stride?: readonly number[];
  readonly offset?: number;
}

/** An ml-matrix `Matrix` or view: anything with `rows`, `columns` and `get`. */
export interface MatrixView {
  readonly rows: number;
  readonly columns: number;
  get(row: number, column: number): number;
}

/** Arrow-like vector: `length` and `get(i)`; `toArray()` is used when present. */
export interface VectorView {
  readonly length: number;
  get(index: number): number | null;
  toArray?(): ArrayLike<number>;
}

/** Arrow-like table of numeric columns. */
export interface TableView {
  readonly numRows: number;
  readonly numCols: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
  getChildAt(index: number): VectorView | null;
}

/** A block of rows, row-major. */
export interface RowBlock {
  readonly data: RealArray | readonly number[];
  readonly rows: number;
  readonly columns: number;
}

/** Rows that come in blocks; every iteration starts again from the first row. */
export interface RowSource {
  readonly rows?: number;
  readonly columns: number;
  readonly names?: readonly string[];
  [Symbol.asyncIterator](): AsyncIterator<RowBlock>;
}

export type MatrixLike =
  | readonly (readonly number[])[]
  | readonly RealArray[]
  | FlatMatrix
  | StridedMatrix
  | MatrixView
  | TableView;

export type VectorLike =
  | readonly number[]
  | RealArray
  | readonly (readonly number[])[]
  | MatrixView
  | VectorView
  | FlatMatrix;

/** What every accepted matrix becomes: row-major doubles. `data` may be the caller's own array and is never written. */
export interface DenseRows {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly names?: readonly string[];
}

export type KernelChoice = "auto" | "wasm" | "reference";

/** Which kernel ran, and why when it is not the one expected. */
export interface KernelReport {
  readonly name: "wasm" | "reference";
  readonly simd: boolean;
  /** Set with the binary of `leapflow/relaxed`: last digits depend on the processor. */
  readonly relaxedSimd?: boolean;
  readonly threads: number;
  readonly reason?: string;
}
