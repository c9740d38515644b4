/** What every way of fitting must do, in the manner of scikit-learn's estimator checks. */
import { describe, expect, test } from "vitest";
import { fitMultiIndex, MultiIndexModel } from "../../src/index.js";
import { errorOf, expectFinite, sameFit, X, y } from "../faults/problem.js";

const variants: [string, Record<string, unknown>][] = [
  ["gauss-newton", {}],
  ["lbfgs", { method: "lbfgs" }],
  ["preconditioned-gradient", { method: "preconditioned-gradient" }],
  ["gradient-flow", { method: "gradient-flow", maxIterations: 60 }],
  ["start slices", { start: "slices" }],
  ["start linear-hessian", { start: "linear-hessian" }],
  ["start spectral", { start: "spectral" }],
  ["start random", { start: "random", restarts: 1 }],
  [
    "a given start",
    {
      start: [
        [1, 0],
        [0, 1],
        [0, 0],
        [0, 0],
      ],
    },
  ],
  ["whiten full", { whiten: "full" }],
  ["whiten scale", { whiten: "scale" }],
  ["whiten none", { whiten: "none" }],
  ["ridge given", { ridge: 1e-4 }],
  ["ridge 0", { ridge: 0 }],
  ["weights", { weights: X.map((_, i) => 1 + (i % 3)) }],
  ["restarts", { restarts: 3 }],
  ["reference kernel", { kernel: "reference" }],
];

describe.each(variants)("fitMultiIndex, %s", (_, options) => {
  const all = { rank: 2, degree: 2, seed: 5, restarts: 0, ...options };
  // Weights belong to the rows of X; cases with other rows go without.
  const { weights: _weights, ...rowless } = all as Record<string, unknown>;
  const learn = (inputs: unknown, response: unknown, given: object = all) =>
    fitMultiIndex(inputs as never, response as never, given as never);

  test("explains a response that has this structure, with finite numbers only", async () => {
    const fit = await learn(X, y);
    expect(fit.model.score(X, y)).toBeGreaterThan(0.9);
    expectFinite(fit);
    expectFinite(fit.model.toJSON());
    expect(fit.toString()).not.toMatch(/NaN|undefined|\[object|Infinity/);
    expect(fit.history.loss.length).toBe(fit.history.gradientNorm.length);
    expect(fit.history.loss.at(-1)).toBeLessThanOrEqual(fit.history.loss[0]);
  });

  test("leaves inputs and options alone, frozen or not", async () => {
    const before = JSON.stringify([X, y, all]);
    const data = Float64Array.from(X.flat());
    const kept = data.slice();
    await learn({ data, rows: X.length, columns: 4 }, y);
    expect(data).toEqual(kept);
    await learn(
      Object.freeze(X.map((row) => Object.freeze(row.slice()))),
      Object.freeze(y.slice()),
      Object.freeze(structuredClone(all)),
    );
    expect(JSON.stringify([X, y, all])).toBe(before);
  });

  test("gives the same bits twice", async () => {
    sameFit(await learn(X, y), await learn(X, y));
  });

  test("survives JSON and a structured clone with the same bits", async () => {
    const { model } = await learn(X, y);
    const wanted = Array.from(model.predict(X));
    for (const data of [JSON.parse(JSON.stringify(model)), structuredClone(model), structuredClone(model.toJSON())]) {
      expect(Array.from(MultiIndexModel.fromJSON(data).predict(X))).toEqual(wanted);
    }
  });

  test("refuses NaN, Infinity, nothing and disagreeing lengths with its own errors, and works afterwards", async () => {
    const reference = await learn(X, y);
    const spoil = (value: number) => X.map((row, i) => (i === 3 ? [value, ...row.slice(1)] : row));
    for (const [inputs, response, code] of [
      [spoil(Number.NaN), y, "NOT_FINITE"],
      [spoil(Number.POSITIVE_INFINITY), y, "NOT_FINITE"],
      [X, y.map((v, i) => (i === 2 ? Number.NaN : v)), "NOT_FINITE"],
      [[], [], "EMPTY"],
      [X, y.slice(1), "SHAPE"],
      [X, null, "TYPE"],
    ] as const) {
      expect((await errorOf(() => learn(inputs, response))).code).toBe(code);
    }
    sameFit(await learn(X, y), reference);
  });

  test("takes one row and one input", async () => {
    const { start: _start, ...startless } = rowless;
    const single = {
      ...startless,
      rank: 1,
      degree: 1,
      ridge: 0.1,
      start: Array.isArray(rowless.start) ? "auto" : (rowless.start ?? "auto"),
    };
    expectFinite(await learn([[1, 2, 3, 4]], [5], single));
    const column = X.map((row) => [row[0]]);
    const fit = await learn(
      column,
      X.map((row) => 2 * row[0]),
      { ...single, ridge: 1e-8 },
    );
    expect(
      fit.model.score(
        column,
        X.map((row) => 2 * row[0]),
      ),
    ).toBeGreaterThan(0.99);
  });

  test("scaling the response scales the model", async () => {
    const small = await learn(X, y);
    const large = await learn(
      X,
      y.map((v) => 1024 * v),
    );
    const a = small.model.predict(X);
    large.model.predict(X).forEach((value, i) => {
      expect(Math.abs(value - 1024 * a[i])).toBeLessThan(1e-6 * 1024 * Math.max(1, Math.abs(a[i])));
    });
  });
});
