/** Every accepted input → row-major Float64Array and shape, or an error. */
import { allocateDoubles, describe } from "../base/assert.js";
import type { RunControl } from "../base/control.js";
import { InputError } from "../base/errors.js";
import type {
  DenseRows,
  FlatMatrix,
  MatrixView,
  RowSource,
  StridedMatrix,
  TableView,
  VectorView,
} from "../base/types.js";
import {
  checkAttached,
  checkFinite,
  checkNumbers,
  copyNumbers,
  copyVectorView,
  isNumbers,
  type Numbers,
  notANumber,
  toDoubles,
} from "./entries.js";
import { isRowSource, RowReader } from "./rows.js";

const MATRIX_FORMS =
  "an array of rows, an ml-matrix Matrix, { data, rows, columns }, { data, shape, stride, offset }, an Arrow-like table or a row source";
const VECTOR_FORMS = "an array of numbers, a typed array, an n×1 matrix or an Arrow-like vector";

/** Options of `readMatrix`. */
export interface ReadOptions {
  /** Accept a matrix without rows (as `predict` does) instead of refusing it. */
  readonly allowEmpty?: boolean;
  /** Leave the entries unread; the caller looks at them with `assertFinite` once its own sums are not finite. */
  readonly unchecked?: boolean;
}

/**
 * Reads a matrix that is in memory.
 *
 * Flat Float64Array data in row order are used as they are, without a copy, and must never be written; every other form is
 * widened into a new array. All entries of the result are finite.
 *
 * @param name - argument name for messages, e.g. `X`
 * @throws {InputError} `TYPE`, `EMPTY`, `SHAPE`, `NOT_FINITE` or `DETACHED`, with the position
 * @throws {MemoryError} `TOO_LARGE` before anything is allocated
 * Cost: one pass over the entries.
 */
export function readMatrix(X: unknown, name: string, options: ReadOptions = {}): DenseRows {
  const dense = toDense(X, name);
  if (dense.rows === 0 || dense.columns === 0) {
    if (options.allowEmpty === true && dense.rows === 0) return dense;
    throw new InputError(
      "EMPTY",
      `${name} is ${dense.rows}×${dense.columns}; at least one row and one column are needed.`,
    );
  }
  if (options.unchecked !== true) assertFinite(dense, name);
  return dense;
}

/** @throws {InputError} `NOT_FINITE` with row and column of the first entry that is not finite */
export function assertFinite(dense: DenseRows, name: string): void {
  checkFinite(dense.data, dense.columns, (row, column) => `${name}[${row}][${column}]`, dense.names);
}

/**
 * Reads a matrix in memory or a `RowSource`, which is read once from its start into one array.
 *
 * @param control - asked before each block, so that an abort ends the reading
 * @throws {InputError} as `readMatrix`; also `SHAPE` with the block number when a source changes its width or ends early,
 * and `SOURCE` with the original error as `cause` when it throws
 */
export async function readMatrixAsync(
  X: unknown,
  name: string,
  control?: RunControl,
  options: ReadOptions = {},
): Promise<DenseRows> {
  if (!isRowSource(X)) return readMatrix(X, name, options);
  const reader = new RowReader(X, name);
  let data = allocateDoubles((X.rows ?? 0) * X.columns, `${name} (${X.rows}×${X.columns})`);
  let used = 0;
  for await (const block of reader.pass(control)) {
    if (used + block.data.length > data.length) {
      const grown = allocateDoubles(Math.max(2 * data.length, used + block.data.length), name);
      grown.set(data.subarray(0, used));
      data = grown;
    }
    data.set(block.data, used);
    used += block.data.length;
  }
  return readMatrix(
    { data: data.subarray(0, used), rows: used / X.columns, columns: X.columns, names: X.names },
    name,
    options,
  );
}

/**
 * The blocks of a `RowSource` as row-major doubles, one at a time; data of a block are the source's own where they are
 * doubles already.
 *
 * @throws {InputError} as `readMatrixAsync`; `NOT_FINITE` and `TYPE` with the row counted from the first block on
 */
export async function* readBlocks(X: RowSource, name: string): AsyncGenerator<DenseRows, undefined> {
  const { columns } = X;
  let first = 0;
  for await (const { data: given, rows } of new RowReader(X, name).pass()) {
    const place = (row: number, column: number): string => `${name}[${first + row}][${column}]`;
    const data = toDoubles(given, `${name} (${rows}×${columns})`, (at) =>
      place(Math.floor(at / columns), at % columns),
    );
    checkFinite(data, columns, place);
    yield { data, rows, columns };
    first += rows;
  }
}

/**
 * Reads a vector: array, typed array, n×1 matrix or Arrow-like vector. A plain Float64Array is used without a copy.
 *
 * @param rows - entries wanted (the rows of X); any number when undefined
 * @throws {InputError} `TYPE`, `SHAPE` (with both counts), `NOT_FINITE` or `DETACHED`, with the index
 */
export function readVector(y: unknown, name: string, rows?: number, matrixName = "X"): Float64Array {
  const data = toVector(y, name);
  if (rows !== undefined && data.length !== rows) {
    throw new InputError(
      "SHAPE",
      `${name} has ${data.length} entries but ${matrixName} has ${rows} rows; they must agree.`,
      {
        details: { entries: data.length, rows },
      },
    );
  }
  checkFinite(data, 1, (row) => `${name}[${row}]`);
  return data;
}

function toDense(X: unknown, name: string): DenseRows {
  if (Array.isArray(X)) return fromNested(X, name);
  if (ArrayBuffer.isView(X)) {
    checkAttached(X, name);
    throw flatWithoutShape(name, X);
  }
  if (typeof X === "object" && X !== null) {
    if (isTable(X)) return fromTable(X, name);
    if (isStrided(X)) return fromStrided(X, name);
    if (isMatrixView(X)) return fromView(X, name);
    if (isFlat(X)) return fromFlat(X, name);
    if (isNumbers((X as { data?: unknown }).data)) throw flatWithoutShape(name, (X as { data: unknown }).data);
    if (isRowSource(X))
      throw new InputError(
        "TYPE",
        `${name} is a row source; here it must be in memory: ${MATRIX_FORMS.replace(" or a row source", "")}.`,
      );
  }
  throw new InputError("TYPE", `${name} is ${describe(X)}; expected ${MATRIX_FORMS}.`);
}

function flatWithoutShape(name: string, data: unknown): InputError {
  if (!isNumbers(data)) return new InputError("TYPE", `${name} is ${describe(data)}; expected ${MATRIX_FORMS}.`);
  return new InputError(
    "SHAPE",
    `${name} is a flat list of ${data.length} numbers without a shape; pass { data: ${name}, rows, columns } (row-major) or { data: ${name}, shape: [rows, columns] }.`,
    { details: { length: data.length } },
  );
}

// ---------------------------------------------------------------- forms

function fromNested(X: readonly unknown[], name: string): DenseRows {
  const rows = X.length;
  if (rows === 0) return { data: new Float64Array(0), rows: 0, columns: 0 };
  if (typeof X[0] === "number") throw flatWithoutShape(name, X);
  const columns = rowOf(X, 0, name).length;
  const data = allocateDoubles(rows * columns, `${name} (${rows}×${columns})`);
  for (let i = 0; i < rows; i++) {
    const row = rowOf(X, i, name);
    if (row.length !== columns) {
      throw new InputError(
        "SHAPE",
        `${name}[${i}] has ${row.length} entries but ${name}[0] has ${columns}; all rows must have the same length.`,
        {
          details: { row: i, length: row.length, expected: columns },
        },
      );
    }
    copyNumbers(row, data, i * columns, (j) => `${name}[${i}][${j}]`);
  }
  return { data, rows, columns };
}

function rowOf(X: readonly unknown[], i: number, name: string): Numbers {
  const row = X[i];
  if (ArrayBuffer.isView(row)) checkAttached(row, `${name}[${i}]`);
  if (isNumbers(row)) return row;
  throw new InputError("TYPE", `${name}[${i}] is ${describe(row)}; every row must be an array of numbers.`, {
    details: { row: i },
  });
}

function fromFlat(X: FlatMatrix, name: string): DenseRows {
  const { rows, columns } = X;
  checkNumbers(X.data, `${name}.data`);
  if (X.data.length !== rows * columns) {
    throw new InputError(
      "SHAPE",
      `${name}.data has ${X.data.length} entries, but ${rows} rows × ${columns} columns need ${rows * columns}.`,
      {
        details: { length: X.data.length, rows, columns },
      },
    );
  }
  const names = checkNames(X.names, columns, name);
  return { data: toDoubles(X.data, `${name} (${rows}×${columns})`, positionIn(name, columns)), rows, columns, names };
}

function fromStrided(X: StridedMatrix, name: string): DenseRows {
  const { shape, offset = 0 } = X;
  checkNumbers(X.data, `${name}.data`);
  const [rows, columns = 1] = shape;
  const stride = X.stride ?? (shape.length === 1 ? [1] : [columns, 1]);
  const [down, across = 1] = stride;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (
    shape.length < 1 ||
    shape.length > 2 ||
    !shape.every(isCount) ||
    stride.length !== shape.length ||
    ![...stride, offset].every(Number.isSafeInteger)
  ) {
    throw new InputError(
      "SHAPE",
      `${name} has shape [${shape.join(", ")}], stride [${stride.join(", ")}] and offset ${offset}; expected two whole numbers in shape and stride, and a whole offset.`,
    );
  }
  const reachDown = (rows - 1) * down;
  const reachAcross = (columns - 1) * across;
  const first = offset + Math.min(0, reachDown) + Math.min(0, reachAcross);
  const last = offset + Math.max(0, reachDown) + Math.max(0, reachAcross);
  if (rows * columns > 0 && (first < 0 || last >= X.data.length)) {
    throw new InputError(
      "SHAPE",
      `${name}.data has ${X.data.length} entries, but shape [${shape.join(", ")}] with stride [${stride.join(", ")}] and offset ${offset} reaches entries ${first} to ${last}.`,
      {
        details: { length: X.data.length, first, last },
      },
    );
  }
  const isPlain = across === 1 && down === columns && offset === 0 && X.data.length === rows * columns;
  if (isPlain) return { data: toDoubles(X.data, name, positionIn(name, columns)), rows, columns };
  const data = allocateDoubles(rows * columns, `${name} (${rows}×${columns})`);
  const source = X.data;
  for (let i = 0, k = 0; i < rows; i++) {
    for (let j = 0, from = offset + i * down; j < columns; j++, k++, from += across) {
      const value = source[from];
      if (typeof value !== "number") throw notANumber(value, `${name}[${i}][${j}]`);
      data[k] = value;
    }
  }
  return { data, rows, columns };
}

function fromView(X: MatrixView, name: string): DenseRows {
  const { rows, columns } = X;
  const data = allocateDoubles(rows * columns, `${name} (${rows}×${columns})`);
  // ml-matrix keeps a Matrix as a list of Float64Array rows; its views do not have such a list.
  const stored = (X as { data?: unknown }).data;
  const isRowList =
    Array.isArray(stored) &&
    stored.length === rows &&
    stored.every((row) => row instanceof Float64Array && row.length === columns);
  for (let i = 0; i < rows; i++) {
    if (isRowList) {
      data.set(stored[i], i * columns);
      continue;
    }
    for (let j = 0; j < columns; j++) {
      const value: unknown = X.get(i, j);
      if (typeof value !== "number") throw notANumber(value, `${name}[${i}][${j}]`);
      data[i * columns + j] = value;
    }
  }
  return { data, rows, columns };
}

function fromTable(X: TableView, name: string): DenseRows {
  const rows = X.numRows;
  const columns = X.numCols;
  const names = Array.from({ length: columns }, (_, j) => String(X.schema?.fields?.[j]?.name ?? `column ${j}`));
  const data = allocateDoubles(rows * columns, `${name} (${rows}×${columns})`);
  for (let j = 0; j < columns; j++) {
    const column = X.getChildAt(j);
    if (!isVectorView(column))
      throw new InputError(
        "TYPE",
        `${name} column "${names[j]}" is ${describe(column)}; expected a column of numbers.`,
        { details: { column: j } },
      );
    if (column.length !== rows)
      throw new InputError(
        "SHAPE",
        `${name} column "${names[j]}" has ${column.length} entries; the table has ${rows} rows.`,
        { details: { column: j } },
      );
    copyVectorView(column, data, j, columns, (i) => `${name}[${i}][${j}] (column "${names[j]}")`);
  }
  return { data, rows, columns, names };
}

function toVector(y: unknown, name: string): Float64Array {
  if (ArrayBuffer.isView(y)) {
    if (!isNumbers(y)) throw new InputError("TYPE", `${name} is ${describe(y)}; expected ${VECTOR_FORMS}.`);
    checkAttached(y, name);
    return toDoubles(y, name, (i) => `${name}[${i}]`);
  }
  if (Array.isArray(y)) {
    if (!isNumbers(y[0])) return toDoubles(y, name, (i) => `${name}[${i}]`);
    return asColumn(fromNested(y, name), name);
  }
  if (typeof y === "object" && y !== null) {
    if (isStrided(y) || isMatrixView(y) || isFlat(y)) return asColumn(toDense(y, name), name);
    if (isVectorView(y)) {
      const data = allocateDoubles(y.length, `${name} (${y.length})`);
      copyVectorView(y, data, 0, 1, (i) => `${name}[${i}]`);
      return data;
    }
  }
  throw new InputError("TYPE", `${name} is ${describe(y)}; expected ${VECTOR_FORMS}.`);
}

function asColumn(dense: DenseRows, name: string): Float64Array {
  if (dense.columns === 1 || dense.rows === 0) return dense.data;
  throw new InputError("SHAPE", `${name} is ${dense.rows}×${dense.columns}; expected a vector or an n×1 matrix.`, {
    details: { rows: dense.rows, columns: dense.columns },
  });
}

// ---------------------------------------------------------------- kinds

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const has = (value: object, key: string, type: string): boolean =>
  typeof (value as Record<string, unknown>)[key] === type;

function isTable(value: object): value is TableView {
  return has(value, "getChildAt", "function") && has(value, "numRows", "number") && has(value, "numCols", "number");
}
function isStrided(value: object): value is StridedMatrix {
  return "data" in value && Array.isArray((value as StridedMatrix).shape);
}
function isMatrixView(value: object): value is MatrixView {
  const { rows, columns } = value as MatrixView;
  return has(value, "get", "function") && isCount(rows) && isCount(columns);
}
function isVectorView(value: unknown): value is VectorView {
  return (
    typeof value === "object" &&
    value !== null &&
    has(value, "get", "function") &&
    isCount((value as VectorView).length)
  );
}
function isFlat(value: object): value is FlatMatrix {
  const { data, rows, columns } = value as FlatMatrix;
  return data !== undefined && isCount(rows) && isCount(columns);
}

function checkNames(names: unknown, columns: number, name: string): readonly string[] | undefined {
  if (names === undefined) return undefined;
  if (!Array.isArray(names) || !names.every((entry) => typeof entry === "string")) {
    throw new InputError("TYPE", `${name}.names is ${describe(names)}; expected one string per column.`);
  }
  if (names.length !== columns)
    throw new InputError("SHAPE", `${name}.names has ${names.length} entries but ${name} has ${columns} columns.`);
  return Object.freeze([...names]);
}

const positionIn =
  (name: string, columns: number) =>
  (index: number): string =>
    `${name}[${Math.floor(index / columns)}][${index % columns}]`;
