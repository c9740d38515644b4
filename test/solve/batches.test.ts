/** Batches of rows: where they decide the answer is that of all rows, where they leave doubt all rows decide. */
import { describe, expect, it } from "vitest";
import { type Fit, type FitOptions, type FitProgress, fitMultiIndex, subspaceDistance } from "../../src/index.js";
import { batchSizes, effectiveRows, isPositive } from "../../src/solve/batches.js";
import { generator, type LinkFunction, sample } from "../support/problems.js";

const N = 20_000;
const staircase: LinkFunction = ([a, b]) => a + a * b;
const { X, y } = sample(staircase, 2, N, 8, 0.5, 5);
const OPTIONS = { rank: 2, degree: 3, seed: 1 } as const;

const bitsOf = ({ model, history, diagnostics }: Fit): number[] => [
  ...model.basis.to1DArray(),
  ...model.link.coefficients,
  ...history.loss,
  ...diagnostics.selection.starts.map(({ loss }) => loss),
];
const last = (values: Float64Array): number => values[values.length - 1];

/** The fit with batches beside that of all rows: within the tolerance of both, the same subspace, link and error. */
async function expectSameAnswer(rows: typeof X, responses: Float64Array, options: FitOptions): Promise<Fit> {
  const [growing, all] = [
    await fitMultiIndex(rows, responses, options),
    await fitMultiIndex(rows, responses, { ...options, batches: "none" }),
  ];
  expect(growing.stop.converged).toBe(true);
  expect(all.stop.converged).toBe(true);
  expect(all.diagnostics.selection.batches).toEqual([]);
  const { tolerance = 1e-6 } = options;
  // ‖grad J‖ ≤ tolerance·√(2J) at both ends; the curvature of J is that of the link, which is not small here.
  expect(subspaceDistance(growing.model.basis, all.model.basis)).toBeLessThan(10 * tolerance);
  expect(Math.abs(last(growing.history.loss) - last(all.history.loss))).toBeLessThan(1e-9);
  expect(Math.abs(growing.r2Train - all.r2Train)).toBeLessThan(1e-9);
  const [one, two] = [growing, all].map(({ model }) => model.predict(rows));
  const apart = Math.max(...one.map((v, i) => Math.abs(v - two[i])));
  expect(apart).toBeLessThan(1e4 * tolerance);
  return growing;
}

describe("sizes", () => {
  it("begin with the parameters, grow, and stay a part of the rows", () => {
    expect(batchSizes(1_000_000, 35, 300)).toEqual([15_000, 120_000]);
    expect(batchSizes(1_000_000, 462, 300)).toEqual([23_100, 184_800]);
    expect(batchSizes(16_000, 10, 16)).toEqual([4000]);
    expect(batchSizes(15_999, 10, 16)).toEqual([]);
  });
});

describe("doubt", () => {
  it("a mean is positive from three standard errors on", () => {
    // Mean m and standard error √(Σ(v − m)²)/n = 1/√n of n numbers m ± 1.
    for (const n of [4, 100, 2500]) {
      const around = (mean: number) => Float64Array.from({ length: n }, (_, i) => mean + (i % 2 === 0 ? 1 : -1));
      const error = 1 / Math.sqrt(n);
      expect(isPositive(around(2.99 * error))).toBe(false);
      expect(isPositive(around(3.01 * error))).toBe(true);
      expect(isPositive(around(-3.01 * error))).toBe(false);
    }
    expect(isPositive(new Float64Array(5))).toBe(false);
    expect(isPositive(new Float64Array(5).fill(1e-9))).toBe(true);
    expect(isPositive(Float64Array.of(1, Number.NaN))).toBe(false);
  });

  it("rows of unequal weight tell less, whatever the unit", () => {
    expect(effectiveRows(new Float64Array(7).fill(3))).toBeCloseTo(7, 12);
    expect(effectiveRows(Float64Array.of(0, 1, 0, 1))).toBeCloseTo(2, 12);
    // (1 + 2 + 3)²/(1 + 4 + 9)
    expect(effectiveRows(Float64Array.of(1e-6, 2e-6, 3e-6))).toBeCloseTo(36 / 14, 12);
  });
});

describe("where a batch decides", () => {
  it.each([
    ["gauss-newton", 0.5],
    ["gauss-newton", 0],
    ["lbfgs", 0.5],
    ["preconditioned-gradient", 0.5],
  ] as const)("%s, noise %f: the answer is that of all rows", async (method, noise) => {
    const problem = noise === 0.5 ? { X, y } : sample(staircase, 2, N, 8, noise, 6);
    const fit = await expectSameAnswer(problem.X, problem.y, { ...OPTIONS, method });
    const { selection } = fit.diagnostics;
    expect(selection.batches).toEqual([4000]);
    expect(selection.starts.map(({ name }) => name).sort()).toEqual(
      ["linear-hessian", ...[1, 2, 3, 4, 5, 6].map((k) => `random ${k}`), "slices", "spectral"].sort(),
    );
    expect(selection.starts[0].name).toBe(selection.start);
    expect(fit.samples).toBe(N);
  });

  it("with weights, some of them 0, and correlated inputs", async () => {
    const data = X.data.slice();
    for (let i = 0; i < N; i++) data[8 * i + 3] += 2 * data[8 * i + 2] + 5;
    const weights = Float64Array.from(y, (_, i) => i % 8);
    const rows = { ...X, data };
    const fit = await expectSameAnswer(rows, y, { ...OPTIONS, weights });
    expect(fit.diagnostics.selection.batches).toEqual([4000]);
    expect(fit.diagnostics.selection.whiten).toBe("full");
  });

  it("with a line for a link", async () => {
    const { normal } = generator(21);
    const line = y.map((_, i) => X.data[8 * i] - X.data[8 * i + 1] + 0.5 * normal());
    const fit = await expectSameAnswer(X, line, { ...OPTIONS, rank: 1, degree: 1 });
    expect(fit.diagnostics.selection.batches).toEqual([4000]);
  });

  it("whatever the unit of the weights", async () => {
    for (const unit of [1e-6, 1e6]) {
      const weights = Float64Array.from(y, (_, i) => unit * (1 + (i % 3)));
      const fit = await fitMultiIndex(X, y, { ...OPTIONS, weights });
      expect(fit.diagnostics.selection.batches).toEqual([4000]);
      const noise = Float64Array.from(y, generator(12).normal);
      const doubtful = await fitMultiIndex(X, noise, { ...OPTIONS, weights, maxIterations: 2 });
      expect(doubtful.diagnostics.selection.batches).toEqual([]);
    }
  });

  it("gives the same bits again, on both kernels, and other bits for other seeds", async () => {
    const bits = bitsOf(await fitMultiIndex(X, y, OPTIONS));
    expect(bitsOf(await fitMultiIndex(X, y, { ...OPTIONS, kernel: "reference" }))).toEqual(bits);
    expect(bitsOf(await fitMultiIndex(X, y, { ...OPTIONS, seed: 2 }))).not.toEqual(bits);
  });

  it("takes rows from a source too", async () => {
    const source = {
      rows: N,
      columns: 8,
      async *[Symbol.asyncIterator]() {
        for (let from = 0; from < N; from += 3000) {
          const to = Math.min(N, from + 3000);
          yield { data: X.data.subarray(8 * from, 8 * to), rows: to - from, columns: 8 };
        }
      },
    };
    expect(bitsOf(await fitMultiIndex(source, y, OPTIONS))).toEqual(bitsOf(await fitMultiIndex(X, y, OPTIONS)));
  });
});

describe("where a batch leaves doubt", () => {
  const { normal } = generator(9);
  const cases: [string, Float64Array, FitOptions][] = [
    ["pure noise", Float64Array.from(y, normal), OPTIONS],
    ["a direction too many", y.map((_, i) => X.data[8 * i] + 0.5 * normal()), OPTIONS],
    ["a faint direction", y.map((_, i) => X.data[8 * i] * (1 + 0.05 * X.data[8 * i + 1]) + 0.5 * normal()), OPTIONS],
    [
      "equal losses at different angles",
      y.map((_, i) => X.data[8 * i] ** 2 + X.data[8 * i + 1] ** 2 + 0.5 * normal()),
      { ...OPTIONS, rank: 1, degree: 2 },
    ],
    ["one start", y, { ...OPTIONS, start: "slices", restarts: 0 }],
    ["the flow", y, { ...OPTIONS, method: "gradient-flow", maxIterations: 3 }],
    ["a ridge that was given", y, { ...OPTIONS, ridge: 1e-4 }],
    ["no step", y, { ...OPTIONS, maxIterations: 0 }],
  ];
  it.each(cases)("%s: all rows decide, bit for bit", async (_, responses, options) => {
    const fit = await fitMultiIndex(X, responses, options);
    const all = await fitMultiIndex(X, responses, { ...options, batches: "none" });
    expect(fit.diagnostics.selection.batches).toEqual([]);
    expect(bitsOf(fit)).toEqual(bitsOf(all));
  });
});

describe("two minima of nearly equal loss", () => {
  // r² of .447 and .431 on all rows: few rows cannot tell which is the lower one, and single starts end in either.
  const { normal } = generator(40);
  const responses = y.map((_, i) => {
    const [a, b, , c] = X.data.subarray(8 * i, 8 * i + 4);
    return 2.7 * a * b - 0.63 * b + 0.5 * Math.abs(c) + normal();
  });

  it.each([1, 2, 3, 4, 5, 6])("the fit ends in the lower one, seed %i", async (seed) => {
    const options = { rank: 1, degree: 3, seed } as const;
    const fit = await fitMultiIndex(X, responses, options);
    const all = await fitMultiIndex(X, responses, { ...options, batches: "none" });
    expect(fit.r2Train).toBeGreaterThan(all.r2Train - 1e-6);
  });
});

describe("time and progress", () => {
  it("tells of the comparison, and an abort in it ends the fit", async () => {
    const told: FitProgress[] = [];
    await fitMultiIndex(X, y, { ...OPTIONS, onProgress: (progress) => told.push(progress) });
    expect(new Set(told.map(({ phase }) => phase))).toEqual(new Set(["screening", "descent"]));
    const control = new AbortController();
    const reason = new Error("enough");
    const onProgress = (): void => control.abort(reason);
    await expect(fitMultiIndex(X, y, { ...OPTIONS, onProgress, signal: control.signal })).rejects.toBe(reason);
  });

  it("a deadline that passes in it gives the best start so far", async () => {
    const onProgress = ({ phase, elapsedMs }: FitProgress): void => {
      while (phase === "screening" && performance.now() - began < 400);
      void elapsedMs;
    };
    const began = performance.now();
    const fit = await fitMultiIndex(X, y, { ...OPTIONS, deadlineMs: 300, onProgress });
    expect(fit.stop).toMatchObject({ reason: "deadline", converged: false, iterations: 0 });
    expect(fit.r2Train).toBeGreaterThan(0.5);
    expect(fit.diagnostics.selection.batches).toEqual([4000]);
  });

  it("the search says on how many rows it looked", async () => {
    const fit = await fitMultiIndex(X, y, { seed: 1, link: "hermite" });
    expect(fit.diagnostics.selection.batches).toEqual([6000]);
  });
});
