/** Rows 1–28 of the list of bad inputs: data. */
import { Matrix, MatrixTransposeView } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { type FitOptions, fitMultiIndex } from "../../src/index.js";
import { columns, errorOf, expectFinite, OPTIONS, sameFit, X, y } from "./problem.js";

const learn = (input: unknown, response: unknown = y, options: object = {}) =>
  fitMultiIndex(input as never, response as never, { ...OPTIONS, ...options });
const refusal = (input: unknown, response: unknown = y, options: object = {}) =>
  errorOf(() => learn(input, response, options));
/** X with one entry replaced. */
const put = (i: number, j: number, value: unknown) =>
  X.map((row, k) => (k === i ? row.map((x, l) => (l === j ? value : x)) : row));
const flat = () => Float64Array.from(X.flat());
const n = X.length;
const d = X[0].length;

describe("row 1: not data at all", () => {
  test.each([[undefined], [null], ["abc"], [{ a: 1 }], [3], [() => 1], [new Map()], [new Date()]])(
    "row 1: X is %s",
    async (value) => {
      const error = await refusal(value);
      expect([error.name, error.code]).toEqual(["InputError", "TYPE"]);
      expect(error.message).toMatch(
        /^X is .*expected an array of rows, an ml-matrix Matrix, \{ data, rows, columns \}/,
      );
    },
  );
  test.each([[undefined], [null], ["abc"], [{ a: 1 }], [new Float64Array(3).buffer]])(
    "row 1: y is %s",
    async (value) => {
      const error = await errorOf(() => fitMultiIndex(X, value as never, OPTIONS));
      expect([error.name, error.code]).toEqual(["InputError", "TYPE"]);
      expect(error.message).toMatch(/^y is /);
    },
  );
});

test.each([
  ["no rows", []],
  ["rows of length 0", [[], []]],
  ["a flat matrix of no rows", { data: new Float64Array(0), rows: 0, columns: 4 }],
])("row 2: %s is EMPTY", async (_, value) => {
  expect(await refusal(value, [])).toMatchObject({ name: "InputError", code: "EMPTY" });
});

test("row 3: ragged rows name the first bad row and both lengths", async () => {
  const error = await refusal(X.map((row, i) => (i >= 7 ? row.slice(0, 3) : row)));
  expect(error).toMatchObject({ name: "InputError", code: "SHAPE", details: { row: 7, length: 3, expected: d } });
  expect(error.message).toContain("X[7] has 3 entries but X[0] has 4");
});

test("row 4: X and y that disagree name both counts", async () => {
  const error = await refusal(X, y.slice(1));
  expect(error).toMatchObject({ name: "InputError", code: "SHAPE", details: { entries: n - 1, rows: n } });
});

test.each([
  [11, 2, Number.NaN],
  [79, 0, Number.NEGATIVE_INFINITY],
  [0, 3, Number.POSITIVE_INFINITY],
])("row 5: X[%i][%i] = %d is NOT_FINITE in every form", async (i, j, value) => {
  const bad = put(i, j, value) as number[][];
  for (const form of [
    bad,
    new Matrix(bad),
    { data: Float64Array.from(bad.flat()), rows: n, columns: d },
    { data: bad.flat(), shape: [n, d] },
  ]) {
    const error = await refusal(form);
    expect(error).toMatchObject({ name: "InputError", code: "NOT_FINITE", details: { row: i, column: j } });
    expect(error.message).toContain(`X[${i}][${j}] is ${value}`);
  }
});

test("row 6: NaN in y is NOT_FINITE with its index", async () => {
  const error = await refusal(
    X,
    y.map((v, i) => (i === 13 ? Number.NaN : v)),
  );
  expect(error).toMatchObject({ name: "InputError", code: "NOT_FINITE" });
  expect(error.message).toContain("y[13] is NaN");
});

describe("row 7: entries that are not numbers are never converted", () => {
  test.each([[null], [undefined], ["3"], [true], [3n], [{}], [[1]]])("row 7: %s", async (value) => {
    for (const form of [put(5, 1, value), { data: put(5, 1, value).flat(0), rows: n, columns: d }].slice(0, 1)) {
      const error = await refusal(form);
      expect(error).toMatchObject({ name: "InputError", code: "TYPE" });
      expect(error.message).toContain("X[5][1]");
    }
    const error = await refusal(
      X,
      y.map((v, i) => (i === 4 ? value : v)),
    );
    expect(error).toMatchObject({ name: "InputError", code: "TYPE" });
    expect(error.message).toContain("y[4]");
  });
  test("row 7: a null in an Arrow-like column is found by name", async () => {
    const error = await refusal(columns(X.map((row, i) => (i === 6 ? [1, null as never, 1, 1] : row))));
    expect(error).toMatchObject({ name: "InputError", code: "TYPE" });
    expect(error.message).toMatch(/X\[6\]\[1\].*"c1"/);
  });
  test("row 7: 64-bit integer arrays are TYPE", async () => {
    expect(await refusal({ data: new BigInt64Array(n * d), rows: n, columns: d })).toMatchObject({ code: "TYPE" });
    expect(await refusal(X, new BigInt64Array(n))).toMatchObject({ code: "TYPE" });
  });
});

test("row 8: holes count as undefined", async () => {
  const holes = y.slice();
  delete holes[9];
  expect(await refusal(X, holes)).toMatchObject({ name: "InputError", code: "TYPE" });
  const rows = X.slice();
  delete rows[3];
  const error = await refusal(rows);
  expect(error).toMatchObject({ name: "InputError", code: "TYPE" });
  expect(error.message).toContain("X[3] is undefined");
});

test("row 9: a flat array of another length is SHAPE with length and shape", async () => {
  const error = await refusal({ data: flat().slice(1), rows: n, columns: d });
  expect(error).toMatchObject({ name: "InputError", code: "SHAPE" });
  expect(error.message).toContain("319 entries, but 80 rows × 4 columns need 320");
  expect(await refusal({ data: flat(), shape: [n, d], stride: [d, 1], offset: 1 })).toMatchObject({ code: "SHAPE" });
  expect(await refusal({ data: flat(), shape: [n, d], stride: [-d, 1] })).toMatchObject({ code: "SHAPE" });
});

test.each([[flat()], [{ data: flat() }], [[1, 2, 3, 4]]])(
  "row 10: a flat array without a shape is told how to pass it",
  async (value) => {
    const error = await refusal(value);
    expect(error).toMatchObject({ name: "InputError", code: "SHAPE" });
    expect(error.message).toMatch(/rows, columns/);
  },
);

test("row 11: detached and resized buffers are DETACHED, in X, in a row and in y", async () => {
  const detached = (length: number) => {
    const data = new Float64Array(length);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    return data;
  };
  expect(await refusal({ data: detached(n * d), rows: n, columns: d })).toMatchObject({
    name: "InputError",
    code: "DETACHED",
  });
  expect(await refusal([new Float64Array(d), detached(d)], [1, 2])).toMatchObject({ code: "DETACHED" });
  expect(await refusal(X, detached(n))).toMatchObject({ code: "DETACHED" });
  // The type library of the target does not know resizable buffers yet; Node 20 does.
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(bytes: number): void };
  const buffer = new Resizable(n * d * 8, { maxByteLength: n * d * 16 });
  const view = new Float64Array(buffer, 0, n * d);
  buffer.resize(8);
  expect(await refusal({ data: view, rows: n, columns: d })).toMatchObject({ code: "DETACHED" });
});

test("row 12: a view into WebAssembly memory is copied first", async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const view = new Float64Array(memory.buffer, 1024, n * d);
  view.set(X.flat());
  const promise = learn({ data: view, rows: n, columns: d });
  memory.grow(1);
  sameFit(await promise, await learn(X));
});

test.each([Float32Array, Int32Array, Uint8Array, Int16Array])("row 13: %o is widened", async (Kind) => {
  const data = Kind.from(X.flat().map((x) => (Kind === Float32Array ? x : Math.abs(x * 40) & 127)));
  sameFit(
    await learn({ data, rows: n, columns: d }),
    await learn({ data: Float64Array.from(data), rows: n, columns: d }),
  );
});

test("row 14: matrices, views, strides and tables equal the dense copy", async () => {
  const transposed = X[0].map((_, j) => X.map((row) => row[j]));
  const reference = await learn(X);
  const forms = [
    new Matrix(X),
    new MatrixTransposeView(new Matrix(transposed)),
    { data: transposed.flat(), shape: [n, d], stride: [1, n], offset: 0 },
    { data: Float64Array.from([9, 9, ...X.flat()]), shape: [n, d], stride: [d, 1], offset: 2 },
    columns(X),
  ];
  for (const form of forms) sameFit(await learn(form), reference);
});

test("row 15: y as n×1 is the vector, n×2 is SHAPE", async () => {
  const reference = await learn(X);
  for (const form of [y.map((v) => [v]), Matrix.columnVector(y), { data: y, rows: n, columns: 1 }])
    sameFit(await learn(X, form), reference);
  const error = await refusal(
    X,
    y.map((v) => [v, v]),
  );
  expect(error).toMatchObject({ name: "InputError", code: "SHAPE" });
  expect(error.message).toContain("80×2");
});

test("row 16: frozen arrays and shared buffers are accepted and unchanged", async () => {
  const reference = await learn(X);
  const frozen = Object.freeze(X.map((row) => Object.freeze(row.slice())));
  sameFit(
    await fitMultiIndex(frozen as never, Object.freeze(y.slice()) as never, Object.freeze({ ...OPTIONS })),
    reference,
  );
  const data = new Float64Array(new SharedArrayBuffer(n * d * 8));
  data.set(X.flat());
  const before = data.slice();
  sameFit(await learn({ data, rows: n, columns: d }), reference);
  expect(data).toEqual(before);
});

test("row 17: fewer samples than features need a ridge, and say so", async () => {
  const error = await refusal(X.slice(0, 5), y.slice(0, 5), { degree: 4, ridge: 0 });
  expect(error.code).toBe("UNDERDETERMINED");
  expect(error.message).toMatch(/5/);
  expect(error.message).toMatch(/15/);
  const some = await learn(X.slice(0, 8), y.slice(0, 8), { degree: 4, ridge: 0.01 });
  expect(some.diagnostics.warnings.map((w) => w.code)).toContain("FEW_ROWS");
  const one = await learn(X.slice(0, 1), y.slice(0, 1), { rank: 1, degree: 1, ridge: 0.1 });
  expect(one.diagnostics.warnings.length).toBeGreaterThan(0);
  expectFinite(one);
});

test("row 18: more directions than inputs are RANGE", async () => {
  expect(await refusal(X, y, { rank: 5 })).toMatchObject({ name: "OptionError", code: "RANGE" });
});

test("row 19: as many directions as inputs leave nothing to search", async () => {
  const full = await learn(X, y, { rank: 4 });
  expect(full.stop.reason).toBe("nothing-to-optimize");
  expectFinite(full);
});

describe("row 20: degenerate columns", () => {
  test("row 20: constant and duplicated columns", async () => {
    expectFinite(await learn(X.map((row) => [row[0], row[1], row[1], 5])));
  });
  test("row 20: all-zero X gives the constant link", async () => {
    const zero = await learn(X.map((row) => row.map(() => 0)));
    const mean = y.reduce((a, b) => a + b) / n;
    expect(zero.model.predict([[0, 0, 0, 0]])[0]).toBeCloseTo(mean, 6);
    expectFinite(zero);
  });
});

test.each([2.5, 0.1, 1e100 / 3])("row 21: constant y gives the constant link, %d itself", async (level) => {
  const constant = await learn(
    X,
    y.map(() => level),
  );
  expect(constant.stop.reason).toBe("stationary");
  for (const value of constant.model.predict(X)) expect(value).toBe(level);
  expectFinite(constant);
});

test.each([{}, { rank: 1 }, { degree: 3 }, { link: "kernel" }, { intervals: "split" }])(
  "row 21: so it does where %o leaves the rest to the data",
  async (options) => {
    const fit = await fitMultiIndex(X, new Float64Array(n).fill(2.5), { seed: 1, ...options } as FitOptions);
    expect(fit.stop).toMatchObject({ reason: "stationary", converged: true });
    for (const value of fit.model.predict(X)) expect(value).toBe(2.5);
    expectFinite(fit);
  },
);

test("weights that no number of rows could have are RANGE with the index", async () => {
  const weights = X.map((_, i) => (i === 5 ? 1e200 : 1));
  const error = await errorOf(() => fitMultiIndex(X, y, { seed: 1, weights }));
  expect(error).toMatchObject({ name: "InputError", code: "RANGE" });
  expect(error.message).toMatch(/^weights\[5\]/);
});

test.each([1e200, 1e-200, 1e300, 1e-300])("row 22: a column near %d is scaled inside", async (scale) => {
  const result = await learn(X.map((row) => [row[0] * scale, ...row.slice(1)]));
  expectFinite(result);
  const reference = await learn(X);
  const predicted = result.model.predict(X.map((row) => [row[0] * scale, ...row.slice(1)]));
  const wanted = reference.model.predict(X);
  for (let i = 0; i < n; i++) expect(predicted[i]).toBeCloseTo(wanted[i], 6);
});

test("row 23: column scales from 1e-8 to 1e8 complete; unwhitened they warn", async () => {
  const scales = [1e-8, 1, 1e8, 1e4];
  const scaled = X.map((row) => row.map((x, j) => x * scales[j]));
  const unwhitened = await learn(scaled, y, { whiten: "none" });
  const warning = unwhitened.diagnostics.warnings.find((w) => w.code === "NOT_WHITENED");
  expect(warning?.message).toMatch(/isotropic.*whiten/);
  expectFinite(unwhitened);
  expectFinite(await learn(scaled));
});

test("row 24: heavy tails overflow the features with a named degree, or are survived", async () => {
  const heavy = X.map((row, i) => (i === 3 ? row.map(() => 1e40) : row));
  try {
    expectFinite(await learn(heavy, y, { degree: 10, whiten: "none" }));
  } catch (error) {
    expect(error).toMatchObject({ code: "OVERFLOW" });
    expect((error as Error).message).toMatch(/degree/);
  }
});

test("row 25: more than memory is refused before allocating", async () => {
  const error = await refusal({ data: [1], shape: [1e7, 1e6], stride: [0, 0] }, [1]);
  expect(error).toMatchObject({ name: "MemoryError", code: "TOO_LARGE" });
  expect(error.message).toMatch(/72\.76 TiB .*8 GiB .*Stream/);
  const source = { rows: 1e7, columns: 1e6, [Symbol.asyncIterator]: () => expect.unreachable() };
  expect(await refusal(source, [1])).toMatchObject({ name: "MemoryError", code: "TOO_LARGE" });
});

describe("rows 26 and 27: row sources", () => {
  const block = (from: number, to: number, width = d) => ({
    data: Float64Array.from(X.slice(from, to).flatMap((row) => row.slice(0, width))),
    rows: to - from,
    columns: width,
  });
  const source = (blocks: () => AsyncGenerator) => ({
    rows: n,
    columns: d,
    [Symbol.asyncIterator]: blocks,
  });

  test("row 26: a row source gives the same fit as its rows", async () => {
    const good = source(async function* () {
      yield block(0, 33);
      yield block(33, n);
    });
    sameFit(await learn(good), await learn(X));
  });
  test("row 26: a block of another width is SHAPE with its number", async () => {
    const error = await refusal(
      source(async function* () {
        yield block(0, 40);
        yield block(40, n, 3);
      }),
    );
    expect(error).toMatchObject({ name: "InputError", code: "SHAPE", details: { block: 1 } });
    expect(error.message).toContain("block 1 has 3 columns");
  });
  test("row 26: an early end and too many rows are SHAPE with the block", async () => {
    const early = await refusal(
      source(async function* () {
        yield block(0, 40);
      }),
    );
    expect(early).toMatchObject({ code: "SHAPE", details: { block: 0, rows: 40, announced: n } });
    const late = await refusal(
      source(async function* () {
        yield block(0, n);
        yield block(0, 1);
      }),
    );
    expect(late).toMatchObject({ code: "SHAPE", details: { block: 1 } });
  });
  test("row 27: a source that throws keeps its error as cause", async () => {
    const cause = new Error("disk on fire");
    const error = await refusal(
      source(async function* () {
        yield block(0, 40);
        throw cause;
      }),
    );
    expect(error).toMatchObject({ name: "InputError", code: "SOURCE", details: { block: 1 } });
    expect(error.cause).toBe(cause);
  });
  test("row 27: other counts on a later pass are CHANGED", async () => {
    const { RowReader } = await import("../../src/data/rows.js");
    let pass = 0;
    const unannounced = {
      columns: d,
      async *[Symbol.asyncIterator]() {
        pass++;
        yield block(0, pass === 1 ? 40 : 39);
      },
    };
    const reader = new RowReader(unannounced, "X");
    const drain = async () => {
      for await (const _ of reader.pass());
    };
    await drain();
    expect(await errorOf(drain)).toMatchObject({
      name: "InputError",
      code: "CHANGED",
      details: { rows: 39, expected: 40 },
    });
  });
});

describe("row 28: order and repetition of rows", () => {
  const options = { whiten: "none", tolerance: 1e-12, ridge: 1e-6 };
  test("row 28: permuted rows change the answer by rounding only", async () => {
    const order = X.map((_, i) => (i * 37) % n);
    const a = await learn(X, y, options);
    const b = await learn(
      order.map((i) => X[i]),
      order.map((i) => y[i]),
      options,
    );
    const pa = a.model.predict(X);
    const pb = b.model.predict(X);
    for (let i = 0; i < n; i++) expect(Math.abs(pa[i] - pb[i])).toBeLessThan(1e-6 * Math.max(1, Math.abs(pa[i])));
  });
  test("row 28: a weight of 2 is a row given twice", async () => {
    const weights = X.map((_, i) => (i % 3 === 0 ? 2 : 1));
    const twice = X.flatMap((row, i) => Array.from({ length: weights[i] }, () => row));
    const response = y.flatMap((v, i) => Array.from({ length: weights[i] }, () => v));
    const a = await learn(X, y, { ...options, weights });
    const b = await learn(twice, response, options);
    const pa = a.model.predict(X);
    const pb = b.model.predict(X);
    for (let i = 0; i < n; i++) expect(Math.abs(pa[i] - pb[i])).toBeLessThan(1e-5 * Math.max(1, Math.abs(pa[i])));
  });
});
