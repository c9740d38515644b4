/** Every accepted form gives the same doubles; errors are covered row by row in test/faults. */
import * as fc from "fast-check";
import { Matrix, MatrixColumnSelectionView, MatrixTransposeView, WrapperMatrix1D } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { readMatrix, readMatrixAsync, readVector } from "../../src/data/input.js";
import { rowsInBlocks } from "../../src/data/rows.js";
import { processorWatch } from "../support/processor.js";

const nested = [
  [1, 2, 3],
  [4, 5, 6],
];
const flat = Float64Array.of(1, 2, 3, 4, 5, 6);
const expected = { rows: 2, columns: 3, data: flat };

/** An Arrow-like vector. */
const vector = (values: readonly (number | bigint | null)[], extra: object = {}) => ({
  length: values.length,
  get: (i: number) => values[i],
  ...extra,
});
/** An Arrow-like table. */
const table = (columns: Record<string, ReturnType<typeof vector>>) => ({
  numRows: Object.values(columns)[0].length,
  numCols: Object.keys(columns).length,
  schema: { fields: Object.keys(columns).map((name) => ({ name })) },
  getChildAt: (j: number) => Object.values(columns)[j] ?? null,
});

describe("readMatrix", () => {
  const forms: [string, unknown][] = [
    ["nested arrays", nested],
    ["an array of typed arrays", nested.map((row) => Float32Array.from(row))],
    ["a Matrix", new Matrix(nested)],
    [
      "a transposed view",
      new MatrixTransposeView(
        new Matrix([
          [1, 4],
          [2, 5],
          [3, 6],
        ]),
      ),
    ],
    [
      "a column selection",
      new MatrixColumnSelectionView(
        new Matrix([
          [9, 1, 2, 3],
          [9, 4, 5, 6],
        ]),
        [1, 2, 3],
      ),
    ],
    ["a one-dimensional wrapper", new WrapperMatrix1D([1, 2, 3, 4, 5, 6], { rows: 2 })],
    ["flat doubles", { data: flat, rows: 2, columns: 3 }],
    ["a flat array", { data: [1, 2, 3, 4, 5, 6], rows: 2, columns: 3 }],
    ["flat bytes", { data: Uint8Array.from(flat), rows: 2, columns: 3 }],
    ["strides, row-major", { data: flat, shape: [2, 3] }],
    ["strides, column-major", { data: [1, 4, 2, 5, 3, 6], shape: [2, 3], stride: [1, 2], offset: 0 }],
    ["strides, offset and a gap", { data: [0, 1, 2, 3, 9, 4, 5, 6], shape: [2, 3], stride: [4, 1], offset: 1 }],
    ["strides, reversed rows", { data: [4, 5, 6, 1, 2, 3], shape: [2, 3], stride: [-3, 1], offset: 3 }],
    ["a table", table({ a: vector([1, 4]), b: vector([2, 5]), c: vector([3, 6]) })],
    [
      "a table with fast columns",
      table({
        a: vector([1, 4], { nullCount: 0, toArray: () => Float64Array.of(1, 4) }),
        b: vector([2, 5], { nullCount: 0, toArray: () => Uint16Array.of(777, 888) }),
        c: vector([3, 6]),
      }),
    ],
  ];
  test.each(forms)("%s", (_, X) => {
    expect(readMatrix(X, "X")).toMatchObject(expected);
  });

  test("names come from a table's schema and from flat matrices", () => {
    expect(readMatrix(table({ a: vector([1]), b: vector([2]) }), "X").names).toEqual(["a", "b"]);
    expect(readMatrix({ data: [1, 2], rows: 1, columns: 2, names: ["p", "q"] }, "X").names).toEqual(["p", "q"]);
  });

  test("flat doubles are used in place, everything else is copied", () => {
    expect(readMatrix({ data: flat, rows: 2, columns: 3 }, "X").data).toBe(flat);
    expect(readMatrix({ data: flat, shape: [2, 3] }, "X").data).toBe(flat);
    const M = new Matrix(nested);
    readMatrix(M, "X").data.fill(0);
    expect(M.to2DArray()).toEqual(nested);
  });

  test("views that may lose their buffer are copied", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const view = new Float64Array(memory.buffer, 64, 6);
    view.set(flat);
    const read = readMatrix({ data: view, rows: 2, columns: 3 }, "X");
    memory.grow(1);
    expect(view.length).toBe(0);
    expect(read.data).toEqual(flat);
  });

  test("allowEmpty takes a matrix without rows, never one without columns", () => {
    expect(readMatrix([], "X", { allowEmpty: true }).rows).toBe(0);
    expect(readMatrix({ data: [], rows: 0, columns: 4 }, "X", { allowEmpty: true })).toMatchObject({
      rows: 0,
      columns: 4,
    });
    expect(() => readMatrix([[], []], "X", { allowEmpty: true })).toThrow(/2×0/);
  });

  test("any shape through any stride equals the dense copy", () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 6 }),
      columns: fc.integer({ min: 1, max: 6 }),
      gap: fc.integer({ min: 0, max: 3 }),
      offset: fc.integer({ min: 0, max: 5 }),
      transposed: fc.boolean(),
    });
    fc.assert(
      fc.property(shapes, ({ rows, columns, gap, offset, transposed }) => {
        const stride = transposed ? [1, rows + gap] : [columns + gap, 1];
        const data = Array.from({ length: offset + (rows + gap) * (columns + gap) + 1 }, () => -1);
        const X = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => 10 * i + j));
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) data[offset + i * stride[0] + j * stride[1]] = X[i][j];
        expect(readMatrix({ data, shape: [rows, columns], stride, offset }, "X").data).toEqual(readMatrix(X, "X").data);
      }),
    );
  });
});

describe("readMatrixAsync", () => {
  test("a row source equals its rows in memory, with and without announced rows", async () => {
    const dense = { data: Float64Array.from({ length: 50 }, (_, k) => k), rows: 10, columns: 5 };
    const announced = rowsInBlocks(dense, 3);
    expect(await readMatrixAsync(announced, "X")).toMatchObject(dense);
    expect(
      await readMatrixAsync({ columns: 5, [Symbol.asyncIterator]: () => announced[Symbol.asyncIterator]() }, "X"),
    ).toMatchObject(dense);
  });
  test("blocks may be of any numeric kind", async () => {
    async function* blocks() {
      yield { data: [1, 2], rows: 1, columns: 2 };
      yield { data: Int8Array.of(3, 4, 5, 6), rows: 2, columns: 2 };
    }
    const read = await readMatrixAsync({ columns: 2, [Symbol.asyncIterator]: blocks }, "X");
    expect(read).toMatchObject({ rows: 3, columns: 2, data: flat });
  });
  test("matrices in memory pass through", async () => {
    expect(await readMatrixAsync(nested, "X")).toMatchObject(expected);
  });
});

describe("readVector", () => {
  const three = Float64Array.of(1, 2, 3);
  test.each([
    ["an array", [1, 2, 3]],
    ["bytes", Uint8Array.of(1, 2, 3)],
    ["an n×1 nested array", [[1], [2], [3]]],
    ["an n×1 Matrix", Matrix.columnVector([1, 2, 3])],
    ["an n×1 flat matrix", { data: [1, 2, 3], rows: 3, columns: 1 }],
    ["a strided vector", { data: [1, 0, 2, 0, 3], shape: [3], stride: [2] }],
    ["an Arrow-like vector", vector([1, 2, 3])],
  ])("%s", (_, y) => {
    expect(readVector(y, "y", 3)).toEqual(three);
  });
  test("doubles are used in place", () => {
    expect(readVector(three, "y", 3)).toBe(three);
  });
});

test("checking 8 million doubles stays a small cost", () => {
  const data = new Float64Array(8e6);
  readMatrix({ data, rows: 8e5, columns: 10 }, "X");
  const spent = processorWatch();
  readMatrix({ data, rows: 8e5, columns: 10 }, "X");
  // About 15 ms; the bound only catches a per-entry closure or a copy of boxed numbers.
  expect(spent()).toBeLessThan(400);
});
