/** Rows 29–44 of the list of bad inputs: options and use. */
import { describe, expect, test } from "vitest";
import { fitMultiIndex, Link, MultiIndexModel } from "../../src/index.js";
import { processorWatch } from "../support/processor.js";
import { errorOf, expectFinite, OPTIONS, sameFit, X, y } from "./problem.js";

const learn = (options: object = {}) => fitMultiIndex(X, y, { ...OPTIONS, ...options } as never);
const refusal = (options: object) => errorOf(() => learn(options));
const mean = y.reduce((a, b) => a + b) / y.length;

test("row 29: a misspelled option is UNKNOWN with the nearest name", async () => {
  const error = await refusal({ degre: 3 });
  expect(error).toMatchObject({ name: "OptionError", code: "UNKNOWN" });
  expect(error.message).toMatch(/"degre".*Did you mean "degree"\?/);
  expect((await refusal({ banana: 1 })).message).toContain("Known options");
});

test.each([
  [-1, "RANGE"],
  [1.5, "RANGE"],
  [Number.NaN, "RANGE"],
  ["2", "TYPE"],
  [2n, "TYPE"],
  [null, "TYPE"],
])("row 30: rank %s is %s", async (rank, code) => {
  const error = await refusal({ rank });
  expect(error).toMatchObject({ name: "OptionError", code });
  expect(error.message).toMatch(/^rank is /);
});

test("row 30: rank 0 is the constant", async () => {
  const fit = await learn({ rank: 0 });
  expect(fit.model.rank).toBe(0);
  for (const value of fit.model.predict(X)) expect(value).toBeCloseTo(mean, 9);
  expectFinite(fit);
});

test("row 31: degree 0 is the constant link, −1 and 2.5 are RANGE", async () => {
  const fit = await learn({ degree: 0 });
  for (const value of fit.model.predict(X)) expect(value).toBeCloseTo(mean, 9);
  expectFinite(fit);
  for (const degree of [-1, 2.5])
    expect(await refusal({ degree })).toMatchObject({ name: "OptionError", code: "RANGE" });
});

test("row 32: too many features are TOO_LARGE with the count and the largest degree", async () => {
  const wide = Array.from({ length: 50 }, (_, i) => Array.from({ length: 30 }, (_, j) => Math.sin(31 * i + j)));
  const error = await errorOf(() =>
    fitMultiIndex(
      wide,
      wide.map((row) => row[0]),
      { ...OPTIONS, rank: 20, degree: 20 },
    ),
  );
  expect(error.code).toBe("TOO_LARGE");
  // C(40, 20)
  expect(error.message.replace(/[ ,_]/g, "")).toContain("137846528820");
  expect(error.message).toMatch(/largest degree|degree of at most|degree ≤|at most \d+/);
});

test.each([
  ["ridge", -1],
  ["ridge", Number.NaN],
  ["tolerance", -1],
  ["tolerance", Number.POSITIVE_INFINITY],
  ["deadlineMs", -5],
  ["maxIterations", -1],
  ["restarts", -1],
])("row 33: %s %d is RANGE", async (name, value) => {
  const error = await refusal({ [name]: value });
  expect(error).toMatchObject({ name: "OptionError", code: "RANGE" });
  expect(error.message).toContain(name);
});

test("row 34: maxIterations 0 gives the start point", async () => {
  const fit = await learn({ maxIterations: 0 });
  expect(fit.stop).toMatchObject({ reason: "iteration-limit", converged: false, iterations: 0 });
  expectFinite(fit);
});

describe("row 35: seeds", () => {
  test("row 35: a missing seed is drawn and repeats the run", async () => {
    const first = await learn({ seed: undefined, start: "random" });
    expect(Number.isSafeInteger(first.seed) && first.seed >= 0).toBe(true);
    sameFit(await learn({ seed: first.seed, start: "random" }), first);
  });
  test.each([-1, 1.5, 2 ** 64])("row 35: seed %d is RANGE", async (seed) => {
    const error = await refusal({ seed });
    expect(error).toMatchObject({ name: "OptionError", code: "RANGE" });
    expect(error.message).toContain("seed");
  });
});

test("row 36: the same seed gives the same bits, on both kernels", async () => {
  const options = { start: "random", restarts: 2 };
  const first = await learn(options);
  sameFit(await learn(options), first);
  sameFit(await learn({ ...options, kernel: "reference" }), first);
});

describe("row 37: start bases", () => {
  test("row 37: rank-deficient is RANK, wrong shape is SHAPE", async () => {
    expect(
      await refusal({
        start: [
          [1, 1],
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      }),
    ).toMatchObject({ code: "RANK" });
    expect(
      await refusal({
        start: [
          [1, 0],
          [0, 1],
        ],
      }),
    ).toMatchObject({ code: "SHAPE" });
    expect(await refusal({ start: [[1], [0], [0], [0]] })).toMatchObject({ code: "SHAPE" });
  });
  test("row 37: one of full rank is orthonormalised with a warning", async () => {
    const fit = await learn({
      start: [
        [2, 1],
        [0, 3],
        [0, 0],
        [1, 0],
      ],
    });
    expect(fit.diagnostics.warnings.map((w) => w.code)).toContain("START_NOT_ORTHONORMAL");
  });
  test("row 37: an unknown name is RANGE with the nearest one", async () => {
    expect((await refusal({ start: "spectrall" })).message).toContain('"spectral"');
  });
});

test("row 38: an error of the progress callback is the cause of the rejection", async () => {
  const cause = new Error("from the callback");
  const error = await refusal({
    onProgress: () => {
      throw cause;
    },
  });
  expect(error.code).toBe("CALLBACK");
  expect(error.cause).toBe(cause);
  sameFit(await learn(), await learn());
});

test("row 39: a progress callback that edits its object changes nothing", async () => {
  const edited = await learn({
    onProgress: (progress: Record<string, unknown>) => {
      for (const key of Object.keys(progress)) progress[key] = 0;
    },
  });
  sameFit(edited, await learn());
});

describe("row 40: aborts", () => {
  test("row 40: an aborted signal rejects with its reason before any work", async () => {
    const reason = { why: "no" };
    let asked = 0;
    const untouched = new Proxy(X, {
      get: (target, key) => {
        asked++;
        return Reflect.get(target, key);
      },
    });
    const outcome = await fitMultiIndex(untouched, y, { ...OPTIONS, signal: AbortSignal.abort(reason) }).catch(
      (e) => e,
    );
    expect(outcome).toBe(reason);
    expect(asked).toBe(0);
  });
  test("row 40: an abort mid-fit rejects with the reason soon", async () => {
    const n = 20000;
    const d = 40;
    const data = Float64Array.from({ length: n * d }, (_, k) => Math.sin(k * 12.9898) * Math.cos(k * k * 0.317));
    const response = Float64Array.from({ length: n }, (_, i) => data[i * d] * data[i * d + 1] * data[i * d + 2]);
    const control = new AbortController();
    const reason = new Error("enough");
    let spent = processorWatch();
    setTimeout(() => {
      spent = processorWatch();
      control.abort(reason);
    }, 150);
    const options = { ...OPTIONS, rank: 3, degree: 6, restarts: 200, signal: control.signal };
    const outcome = await fitMultiIndex({ data, rows: n, columns: d }, response, options).catch((e) => e);
    expect(outcome).toBe(reason);
    expect(spent()).toBeLessThan(100);
  });
  test("row 40: an abort from the progress callback is seen", async () => {
    const control = new AbortController();
    const outcome = await learn({ signal: control.signal, onProgress: () => control.abort("stop") }).catch((e) => e);
    expect(outcome).toBe("stop");
  });
});

test("row 41: two fits at once equal themselves alone", async () => {
  const alone = [await learn({ degree: 3 }), await learn({ rank: 1 })];
  const together = await Promise.all([learn({ degree: 3 }), learn({ rank: 1 })]);
  together.forEach((fit, i) => {
    sameFit(fit, alone[i]);
  });
});

describe("row 42: predict", () => {
  const model = new MultiIndexModel(
    { center: [0, 0], directions: [1, 0], basis: [1, 0], gradientMoment: [1], columnScale: [1, 1] },
    Link.fromCoefficients([0, 1], { rank: 1, degree: 1 }),
  );
  test("row 42: wrong width names both, NaN is NOT_FINITE, nothing gives nothing", async () => {
    const wide = await errorOf(() => model.predict([[1, 2, 3]]));
    expect(wide).toMatchObject({ name: "InputError", code: "SHAPE" });
    expect(wide.message).toContain("X has 3 columns; the model takes 2");
    const bad = await errorOf(() =>
      model.predict([
        [1, 2],
        [Number.NaN, 4],
      ]),
    );
    expect(bad).toMatchObject({ name: "InputError", code: "NOT_FINITE", details: { row: 1, column: 0 } });
    expect(model.predict([]).length).toBe(0);
  });
});

describe("row 44: steps", () => {
  test("row 44: leaving the steps early releases the workspace for the next fit", async () => {
    const reference = await learn();
    for (let round = 0; round < 3; round++) {
      for await (const step of fitMultiIndex.steps(X, y, OPTIONS)) {
        if (step.iteration >= 1) break;
      }
    }
    sameFit(await learn(), reference);
  });
  test("row 44: the steps return what fitMultiIndex gives, and their models stay valid", async () => {
    const steps = fitMultiIndex.steps(X, y, OPTIONS);
    const models: (() => MultiIndexModel)[] = [];
    for (;;) {
      const next = await steps.next();
      if (next.done === true) {
        sameFit(next.value, await learn());
        break;
      }
      models.push(next.value.model);
    }
    for (const model of models) expectFinite(Array.from(model().predict(X)));
  });
});
