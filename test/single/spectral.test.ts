/** The spectral start: Lanczos against dense matrices, overlaps and eigenvalues against the predicted ones. */
import { describe, expect, test } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { createRng } from "../../src/base/rng.js";
import { fitSingleIndex, simulateSingleIndex } from "../../src/index.js";
import { symmetricEigen } from "../../src/math/dense.js";
import { parseChannel } from "../../src/single/channel.js";
import { parseLoss } from "../../src/single/losses.js";
import { parsePreprocess } from "../../src/single/preprocess.js";
import { RowProducts } from "../../src/single/rowProducts.js";
import { spectralDirection, spectralStart } from "../../src/single/spectral.js";
import { spectralTransition } from "../../src/theory/index.js";
import { dot, flatRows, meanAndError, planted } from "./problem.js";

const products = (X: readonly (readonly number[])[], kernel: "auto" | "reference" = "auto") =>
  RowProducts.create(
    { data: Float64Array.from(X.flat()), rows: X.length, columns: X[0].length },
    new Float64Array(X[0].length).fill(1),
    kernel,
    new RunControl(),
  );

describe("products over rows", () => {
  // More rows than a block, an odd number of columns.
  const { X } = planted(211, 7, 1);
  const rng = createRng(2, "weights");
  const w = Float64Array.from(X, () => rng.normal());
  const v = Float64Array.from({ length: 7 }, rng.normal);

  test.each(["auto", "reference"] as const)("are those of the matrix (%s)", async (kernel) => {
    const rows = await products(X, kernel);
    const xi = X.map((row) => dot(row, v));
    const wanted = (c: readonly number[]): number[] =>
      Array.from(v, (_, j) => X.reduce((sum, row, i) => sum + row[j] * c[i], 0) / X.length);
    const close = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
      expect(a.length).toBe(b.length);
      for (let j = 0; j < b.length; j++) expect(Math.abs(a[j] - b[j])).toBeLessThan(1e-13);
    };
    close(await rows.fields(v), xi);
    close(await rows.transposed(w), wanted(Array.from(w)));
    close(await rows.sandwich(v, w), wanted(xi.map((x, i) => x * w[i])));
    expect(rows.passes).toBe(3);
    rows.dispose();
    expect(() => rows.storePaired(v)).toThrow(/disposed/);
  });

  test.each(["rational(0.7)", "wf"])("losses in the kernel are those of plain sums: %s", async (name) => {
    const loss = parseLoss(name);
    const rows = await products(X);
    const y = Float64Array.from(X, (_, i) => (i % 5) / 2);
    const fields = new Float64Array(X.length);
    const { sum, gradient } = await rows.rationalPass(v, y, loss.parameter, fields);
    X.forEach((row, i) => {
      expect(Math.abs(fields[i] - dot(row, v))).toBeLessThan(1e-13);
    });
    const plain = fields.reduce((total, xi, i) => total + loss.value(xi, y[i]), 0);
    expect(Math.abs(sum / plain - 1)).toBeLessThan(1e-13);
    gradient.forEach((g, j) => {
      const wanted = X.reduce((total, row, i) => total + row[j] * loss.derivative(fields[i], y[i]), 0);
      expect(Math.abs(g - wanted)).toBeLessThan(1e-11);
    });
    const reference = await products(X, "reference");
    expect(await reference.rationalPass(v, y, loss.parameter, fields)).toEqual({ sum, gradient });
    rows.dispose();
    reference.dispose();
  });

  test("both kernels give the same bits", async () => {
    const [a, b] = await Promise.all([products(X), products(X, "reference")]);
    expect(await a.sandwich(v, w)).toEqual(await b.sandwich(v, w));
    a.dispose();
    b.dispose();
  });
});

test("an X too large to be held is streamed from the caller's array", async () => {
  const [n, d] = [8705, 501];
  const { data } = flatRows(n, d, 5);
  const scale = Float64Array.from({ length: d }, (_, j) => 1 + (j % 3));
  const rows = await RowProducts.create({ data, rows: n, columns: d }, scale, "auto", new RunControl());
  expect(rows.layout.resident).toBe(false);
  const v = scale.map((s) => 1 / s);
  const got = await rows.sandwich(v, new Float64Array(n).fill(1));
  rows.dispose();
  const wanted = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    let xi = 0;
    for (let j = 0; j < d; j++) xi += data[i * d + j];
    for (let j = 0; j < d; j++) wanted[j] += (xi * data[i * d + j] * scale[j]) / n;
  }
  for (let j = 0; j < d; j++) expect(Math.abs(got[j] - wanted[j])).toBeLessThan(1e-11);
});

describe("spectralStart", () => {
  test.each(["opt(20)", "mm", "trim(9)", "subset(1.5)", "optimal(10)"])(
    "%s: top eigenpair and edge of the matrix written out",
    async (name) => {
      const d = 60;
      const { X, z } = planted(400, d, 3);
      const y = Float64Array.from(z, (t) => t * t);
      const channel = parseChannel("square");
      const rows = await products(X);
      const { direction, report } = await spectralStart(rows, y, channel, name, d, 5);
      rows.dispose();
      const T = parsePreprocess(name, { channel, ratio: 400 / d, complex: false });
      const matrix = new Float64Array(d * d);
      X.forEach((row, i) => {
        const t = T.value(y[i]) / X.length;
        for (let a = 0; a < d; a++) for (let b = 0; b < d; b++) matrix[a * d + b] += t * row[a] * row[b];
      });
      const { values, vectors } = symmetricEigen(matrix, d);
      expect(Math.abs(report.eigenvalue - values[d - 1])).toBeLessThan(1e-9);
      const top = Float64Array.from({ length: d }, (_, j) => vectors[j * d + d - 1]);
      expect(Math.abs(dot(direction, top))).toBeGreaterThan(1 - 1e-10);
      expect(report.edge).toBeLessThanOrEqual(values[d - 2] + 1e-12);
      expect(report.edge).toBeGreaterThan(values[d - 2] - 0.05 * (values[d - 1] - values[0]));
      expect(report.gap).toBe(report.eigenvalue - report.edge);
      expect(report.matvecs).toBeLessThan(70);
      expect(report.predicted.eigenvalue - report.predicted.edge).toBeCloseTo(report.predicted.gap, 14);
      expect(report.preprocess).toBe(name);
    },
  );

  test("the vector's lead is positive and does not depend on the seed", async () => {
    const { X, z } = planted(300, 40, 4);
    const y = Float64Array.from(z, (t) => t * t);
    const found = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const rows = await products(X);
        const { direction } = await spectralStart(rows, y, parseChannel("square"), "opt(20)", 40, seed);
        rows.dispose();
        return direction;
      }),
    );
    for (const v of found) {
      expect(Math.max(...v)).toBeGreaterThan(-Math.min(...v));
      expect(dot(v, found[0])).toBeGreaterThan(1 - 1e-9);
    }
  });

  test("measured eigenvalue and edge scatter around the predicted ones", async () => {
    const [d, ratio] = [300, 5];
    const [top, edge] = [[] as number[], [] as number[]];
    let predicted = { eigenvalue: 0, edge: 0 };
    for (let seed = 0; seed < 6; seed++) {
      const { data, z } = flatRows(ratio * d, d, seed);
      const { spectral } = await fitSingleIndex(
        { data, rows: ratio * d, columns: d },
        z.map((t) => t * t),
        { channel: "square", preprocess: "trim(9)", seed, maxIterations: 0 },
      );
      expect(spectral!.threshold).toBeCloseTo(1.63256, 4);
      top.push(spectral!.eigenvalue);
      edge.push(spectral!.edge);
      predicted = spectral!.predicted;
    }
    const outlier = meanAndError(top);
    expect(Math.abs(outlier.mean - predicted.eigenvalue)).toBeLessThan(4 * outlier.error);
    // A soft edge lies below its limit by about d^(−2/3).
    const bulk = meanAndError(edge);
    expect(Math.abs(bulk.mean - predicted.edge)).toBeLessThan(4 * bulk.error + predicted.edge * d ** (-2 / 3));
  });
});

describe("transition: overlaps of five preprocessing functions against the predicted ones", () => {
  const d = 300;
  const trials = 6;
  const channel = parseChannel("square");
  const overlapsOf = async (name: string, ratio: number): Promise<number[]> => {
    const T = parsePreprocess(name, { channel, ratio, complex: false });
    const overlaps: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const n = Math.round(ratio * d);
      const { data, z } = flatRows(n, d, 1000 * trial + Math.round(10 * ratio));
      const ones = new Float64Array(d).fill(1);
      const rows = await RowProducts.create({ data, rows: n, columns: d }, ones, "auto", new RunControl());
      const y = z.map((t) => t * t);
      const { vector } = await spectralDirection(rows, T, y, createRng(trial, "transition"));
      rows.dispose();
      overlaps.push(Math.abs(vector[0]));
    }
    return overlaps;
  };

  // Ratios at least 1.6 times the threshold of each; closer by, samples of this size scatter too widely to say anything.
  test.each([
    ["trim(9)", 3],
    ["trim(9)", 6],
    ["subset(1.5)", 2],
    ["subset(1.5)", 4],
    ["opt(20)", 1],
    ["opt(20)", 3],
    ["mm", 1],
    ["mm", 4],
    ["optimal(5)", 1.5],
  ])("%s at n/d = %d", async (name, ratio) => {
    const { mean, error } = meanAndError(await overlapsOf(name, ratio));
    const { overlap } = await spectralTransition({ channel: "square", preprocess: name, ratio });
    // Trial error, with a floor for an error that itself comes from six numbers.
    expect(Math.abs(mean - overlap)).toBeLessThan(4 * Math.max(error, 0.01 / Math.sqrt(trials)));
  });

  test("far below the threshold there is no overlap beyond chance", async () => {
    const { mean } = meanAndError(await overlapsOf("opt(20)", 0.15));
    expect(mean).toBeLessThan(3 / Math.sqrt(d));
  });
});

describe("simulateSingleIndex", () => {
  const base = { channel: "square", loss: "rational(1)", ratio: 5, ridge: 0.05, stepSize: 0.5, seed: 2 } as const;

  test("starts where it was told and repeats itself bit for bit", async () => {
    const options = { ...base, steps: 6, dim: 60, trials: 3, start: { overlap: 0.5, normSquared: 1.2 } };
    const a = await simulateSingleIndex(options);
    expect(a.overlap[0]).toBeCloseTo(0.5, 12);
    expect(a.normSquared[0]).toBeCloseTo(1.2, 12);
    expect(a.standardErrors.overlap[0]).toBeLessThan(1e-12);
    expect([a.overlap.length, a.samples, a.dim, a.trials]).toEqual([7, 300, 60, 3]);
    expect(await simulateSingleIndex(options)).toEqual(a);
    expect((await simulateSingleIndex({ ...options, kernel: "reference" })).overlap).toEqual(a.overlap);
  });

  test("agrees with golden mean-field values within its errors: spectral start, real and complex", async () => {
    // [SI §d]: m(t) of pr_spectral_trim_d5 from the full equations.
    const real = await simulateSingleIndex({ ...base, steps: 10, preprocess: "trim(9)", dim: 400, trials: 6 });
    for (const [t, m] of [
      [0, 0.6939],
      [1, 0.5918],
      [2, 0.5976],
      [5, 0.6816],
      [10, 0.7935],
    ]) {
      expect(Math.abs(real.overlap[t] - m)).toBeLessThan(4 * real.standardErrors.overlap[t] + 0.015 * m);
    }
    // Complex mm at ratio 8: overlap² 0.7855.
    const complex = await simulateSingleIndex({
      ...base,
      ratio: 8,
      steps: 2,
      preprocess: "mm",
      dim: 120,
      trials: 4,
      complex: true,
    });
    expect(Math.abs(complex.overlap[0] - Math.sqrt(0.7855))).toBeLessThan(4 * complex.standardErrors.overlap[0] + 0.01);
  });

  test("a zero start of a convex loss and the exact linear start", async () => {
    const logistic = await simulateSingleIndex({
      ...base,
      channel: { link: "logit", noiseStd: 2 },
      loss: "logistic",
      ratio: 4,
      start: "zero",
      steps: 3,
      dim: 200,
      trials: 3,
    });
    expect(logistic.overlap[0]).toBe(0);
    expect(logistic.trainLoss[0]).toBeCloseTo(Math.LN2, 12);
    expect(logistic.trainLoss[3]).toBeLessThan(logistic.trainLoss[0]);
    const linear = await simulateSingleIndex({
      ...base,
      channel: { link: "tanh", noiseStd: 0.2 },
      loss: "sqtanh",
      ratio: 3,
      start: "linear",
      steps: 0,
      dim: 300,
      trials: 6,
    });
    // m(0) = E[z·tanh z] = 0.605706.
    expect(Math.abs(linear.overlap[0] - 0.605706)).toBeLessThan(4 * linear.standardErrors.overlap[0]);
  });

  test("a step that diverges and settings without sense are errors", async () => {
    await expect(
      simulateSingleIndex({ ...base, loss: "wf", stepSize: 30, steps: 60, dim: 40, trials: 2 }),
    ).rejects.toMatchObject({ name: "NumericalError", code: "NOT_CONVERGED" });
    await expect(simulateSingleIndex({ ...base, steps: 2, dim: 40, trials: 1 })).rejects.toMatchObject({
      code: "RANGE",
    });
    await expect(
      simulateSingleIndex({ ...base, steps: 2, dim: 40, trials: 2, complex: true, start: "linear" }),
    ).rejects.toMatchObject({ code: "RANGE" });
    await expect(
      simulateSingleIndex({ ...base, steps: 2, dim: 40, trials: 2, start: { overlap: 2, normSquared: 1 } }),
    ).rejects.toMatchObject({ code: "RANGE" });
    const reason = new Error("enough");
    await expect(
      simulateSingleIndex({ ...base, steps: 2, dim: 40, trials: 2, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});
