/** fitSingleIndex: exact recovery, the iterates of the paper written out again, scales, channels, refusals. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { fitSingleIndex, rowsInBlocks } from "../../src/index.js";
import { errorOf, expectFinite } from "../faults/problem.js";
import { dot, gap, gradient, length, planted, rationalSlope, signGap } from "./problem.js";

const squares = (z: readonly number[]): number[] => z.map((v) => v * v);

describe("phase retrieval without noise", () => {
  test.each([
    [300, 1],
    [300, 2],
    [350, 3],
    [450, 4],
    [600, 5],
  ])("is exact up to sign from %i rows of 100 inputs (data %i)", async (n, seed) => {
    const { X, z, theta } = planted(n, 100, seed);
    const fit = await fitSingleIndex(X, squares(z), { channel: "square", seed });
    expect(signGap(fit.theta, theta)).toBeLessThan(1e-6);
    expect(fit.stop).toMatchObject({ reason: "converged", converged: true });
    expect(fit.warnings).toEqual([]);
    expect(fit.history.trainLoss.at(-1)).toBeLessThan(1e-12);
    expect(fit.history.trainLoss.every((v, t, all) => t === 0 || v <= all[t - 1] + 1e-13)).toBe(true);
    expect(fit.history.norm.length).toBe(fit.stop.iterations + 1);
    expectFinite(fit);
  });

  test.each([
    [1, 1.5],
    [1e-6, 1],
    [1e6, 3],
    [1e150, 1e-3],
    [3, 1e-80],
    [1e-200, 1],
  ])("rows times %d and a signal of norm %d give θ in the units of the data", async (scale, norm) => {
    const { X, theta } = planted(300, 50, 6, norm);
    const scaled = X.map((row) => row.map((x) => x * scale));
    const wanted = theta.map((t) => t / scale);
    const fit = await fitSingleIndex(scaled, squares(X.map((row) => dot(row, theta))), { channel: "square", seed: 1 });
    expect(
      signGap(
        fit.theta.map((t) => t * scale),
        wanted.map((t) => t * scale),
      ),
    ).toBeLessThan(1e-6);
    expect(Math.abs(fit.history.norm.at(-1)! / Math.hypot(...fit.theta) - 1)).toBeLessThan(1e-12);
  });

  test("columns of different sizes are scaled one by one, with a warning; empty ones get 0", async () => {
    const { X, theta } = planted(300, 40, 7);
    const size = theta.map((_, j) => (j === 5 ? 0 : 10 ** ((j % 5) - 2)));
    const scaled = X.map((row) => row.map((x, j) => x * size[j]));
    const z = scaled.map((row) => row.reduce((s, x, j) => s + (size[j] === 0 ? 0 : (x / size[j]) * theta[j]), 0));
    const fit = await fitSingleIndex(scaled, squares(z), { channel: "square", seed: 1 });
    const wanted = theta.map((t, j) => (size[j] === 0 ? 0 : t));
    expect(
      signGap(
        Array.from(fit.theta, (t, j) => t * size[j]),
        wanted,
      ),
    ).toBeLessThan(1e-6);
    expect(fit.theta[5]).toBe(0);
    expect(fit.warnings.map(({ code }) => code)).toEqual(["NOT_WHITENED"]);
  });

  test("below the threshold the report says so, near it too", async () => {
    const few = planted(30, 100, 8);
    const low = await fitSingleIndex(few.X, squares(few.z), { channel: "square", seed: 1, maxIterations: 5 });
    expect(low.spectral).toMatchObject({ aboveThreshold: false, predictedOverlap: 0 });
    expect(low.warnings.map(({ code }) => code)).toContain("BELOW_THRESHOLD");
    const some = planted(55, 100, 8);
    const near = await fitSingleIndex(some.X, squares(some.z), { channel: "square", seed: 1, maxIterations: 5 });
    expect(near.spectral?.aboveThreshold).toBe(true);
    expect(near.warnings.map(({ code }) => code)).toContain("NEAR_THRESHOLD");
  });
});

describe("the descent is that of the paper", () => {
  const { X, z, theta } = planted(250, 50, 11);
  const y = squares(z);
  const start = theta.map((t, j) => 0.6 * t + 0.1 * Math.sin(j));

  test("every iterate of a given step and ridge, to rounding", async () => {
    const [stepSize, ridge] = [0.5, 0.05];
    const fit = await fitSingleIndex(X, y, {
      channel: "square",
      loss: "rational(1)",
      start,
      stepSize,
      ridge,
      maxIterations: 12,
      tolerance: 0,
      seed: 1,
      truth: theta,
    });
    let u = start;
    for (let t = 0; ; t++) {
      expect(Math.abs(fit.history.norm[t] - length(u))).toBeLessThan(1e-12);
      expect(Math.abs(fit.history.overlap![t] - dot(u, theta))).toBeLessThan(1e-12);
      const loss = X.reduce((sum, row, i) => {
        const s = dot(row, u) ** 2;
        return sum + (s - y[i] - (2 * y[i] + 1) * Math.log((1 + s + y[i]) / (1 + 2 * y[i]))) / 2;
      }, 0);
      expect(Math.abs(fit.history.trainLoss[t] - loss / X.length)).toBeLessThan(1e-12);
      if (t === 12) break;
      const g = gradient(X, y, u, rationalSlope, ridge);
      u = u.map((v, j) => v - stepSize * g[j]);
    }
    expect(gap(fit.theta, u)).toBeLessThan(1e-12);
    expect(fit.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 12 });
    expect(Array.from(fit.history.stepSize)).toEqual([0, ...new Array(12).fill(stepSize)]);
  });

  test("an automatic step ends where the gradient of the ridged loss vanishes", async () => {
    const fit = await fitSingleIndex(X, y, {
      channel: "square",
      loss: "rational(1)",
      ridge: 0.05,
      tolerance: 1e-11,
      seed: 1,
    });
    expect(fit.stop.reason).toBe("converged");
    expect(length(gradient(X, y, fit.theta, rationalSlope, 0.05))).toBeLessThan(1e-10);
    expect(length(fit.theta)).toBeLessThan(0.95);
  });

  test("the linear start is scale·Xᵀy/n", async () => {
    const labels = z.map((v) => Math.tanh(v));
    const { theta: got } = await fitSingleIndex(X, labels, {
      channel: "tanh",
      start: "linear",
      startScale: 0.7,
      maxIterations: 0,
      seed: 1,
    });
    const wanted = theta.map((_, j) => (0.7 * X.reduce((s, row, i) => s + row[j] * labels[i], 0)) / X.length);
    expect(gap(got, wanted)).toBeLessThan(1e-13);
  });

  test("a convex loss ends at one place from every start, and is that of the normal equations", async () => {
    const rng = createRng(12, "labels");
    const y1 = z.map((v) => (rng.uniform() < 1 / (1 + Math.exp(-v)) ? 1 : -1));
    const options = { channel: "logit", ridge: 0.05, seed: 1, tolerance: 1e-12 } as const;
    const fits = await Promise.all(
      [{ start: "zero" as const }, { start: "linear" as const }, { start }].map((s) =>
        fitSingleIndex(X, y1, { ...options, ...s }),
      ),
    );
    const slope = (xi: number, v: number): number => -v / (1 + Math.exp(v * xi));
    for (const fit of fits) {
      expect(length(gradient(X, y1, fit.theta, slope, 0.05))).toBeLessThan(1e-11);
      expect(gap(fit.theta, fits[0].theta)).toBeLessThan(1e-9);
      expect(fit.spectral).toBeUndefined();
    }
  });
});

describe("channels", () => {
  const { X, z, theta } = planted(1500, 60, 21);
  const noise = createRng(22, "noise");
  const w = z.map(() => noise.normal());
  const noisy = (f: (v: number) => number, sigma: number): number[] => z.map((v, i) => f(v) + sigma * w[i]);
  const cases: [string, Record<string, unknown>, number[], number][] = [
    [
      "square with noise",
      { channel: { link: "square", noiseStd: 0.3 } },
      noisy((v) => v * v, 0.3).map((v) => Math.max(v, 0)),
      0.06,
    ],
    ["abs", { channel: "abs" }, noisy(Math.abs, 0), 1e-6],
    ["abs with noise", { channel: { link: "abs", noiseStd: 0.1 } }, noisy(Math.abs, 0.1), 0.05],
    ["He2", { channel: "He2" }, noisy((v) => (v * v - 1) / Math.SQRT2, 0), 1e-6],
    ["cubic", { channel: "cubic" }, noisy((v) => v ** 3, 0), 1e-6],
    ["tanh", { channel: "tanh" }, noisy(Math.tanh, 0), 1e-5],
    ["tanh with noise", { channel: { link: "tanh", noiseStd: 0.2 } }, noisy(Math.tanh, 0.2), 0.12],
    [
      "tanh from a spectral start",
      { channel: { link: "tanh", noiseStd: 0.1 }, start: "spectral" },
      noisy(Math.tanh, 0.1),
      0.08,
    ],
    ["relu with noise", { channel: { link: "relu", noiseStd: 0.1 } }, noisy((v) => Math.max(v, 0), 0.1), 0.1],
    ["relu of another size", { channel: "relu" }, noisy((v) => 30 * Math.max(v, 0), 0).map((v) => v / 30), 0.08],
    ["a function", { channel: (v: number) => v + Math.sin(v) }, noisy((v) => v + Math.sin(v), 0), 1e-5],
    [
      "an even function",
      { channel: (v: number) => Math.cosh(v) - 1, preprocess: "trim(9)" },
      noisy((v) => Math.cosh(v) - 1, 0),
      1e-4,
    ],
    [
      "slope 3 of labels",
      { channel: { link: "logit", noiseStd: 3 } },
      z.map((v, i) => (1 / (1 + Math.exp(-3 * v)) > 0.5 * (1 + Math.tanh(w[i])) ? 1 : -1)),
      0.35,
    ],
  ];
  test.each(cases)("%s", async (_, options, y, bound) => {
    const fit = await fitSingleIndex(X, y, { seed: 1, ...options } as never);
    const isEven = /square|abs|He2|even/.test(_);
    expect((isEven ? signGap : gap)(fit.theta, theta)).toBeLessThan(bound);
    expectFinite({ ...fit, spectral: fit.spectral && { ...fit.spectral, threshold: 0 } });
  });

  test("intensities, moduli and half lines of any size are measured in their own unit", async () => {
    for (const [channel, f] of [
      ["square", (v: number) => v * v],
      ["abs", Math.abs],
      ["relu", (v: number) => Math.max(v, 0)],
      ["cubic", (v: number) => v ** 3],
    ] as const) {
      const small = await fitSingleIndex(
        X,
        z.map((v) => f(0.01 * v)),
        { channel, seed: 1 },
      );
      const large = await fitSingleIndex(
        X,
        z.map((v) => f(100 * v)),
        { channel, seed: 1 },
      );
      const norms = [100 * length(small.theta), length(large.theta) / 100];
      expect(
        gap(
          small.theta.map((t) => t * 1e4),
          large.theta,
        ),
      ).toBeLessThan(1e-6);
      expect(Math.abs(norms[0] - 1)).toBeLessThan(channel === "relu" ? 0.1 : 1e-5);
    }
  });

  test("losses and preprocessing of one's own", async () => {
    const y = squares(z);
    const fit = await fitSingleIndex(X, y, {
      channel: "square",
      loss: {
        value: (xi, v) => (xi * xi - v) ** 2 / 4,
        derivative: (xi, v) => (xi * xi - v) * xi,
        secondDerivative: (xi, v) => 3 * xi * xi - v,
      },
      preprocess: { value: (v) => Math.min(v, 4), supremum: 4 },
      seed: 1,
    });
    expect(signGap(fit.theta, theta)).toBeLessThan(1e-6);
    expect(fit.spectral?.preprocess).toBe("custom");
    const builtIn = await fitSingleIndex(X, y, { channel: "square", loss: "wf", seed: 1 });
    expect(signGap(builtIn.theta, theta)).toBeLessThan(1e-6);
  });
});

describe("reproducible everywhere", () => {
  const { X, z } = planted(200, 30, 31);
  const y = squares(z);
  const same = (a: Awaited<ReturnType<typeof fitSingleIndex>>, b: typeof a): void => {
    expect(a.theta).toEqual(b.theta);
    expect(a.history).toEqual(b.history);
    expect({ ...a.spectral }).toEqual({ ...b.spectral });
  };

  test("same bits twice, on both kernels, from a stream and for any seed reported", async () => {
    const first = await fitSingleIndex(X, y, { channel: "square" });
    const again = { channel: "square", seed: first.seed } as const;
    same(first, await fitSingleIndex(X, y, again));
    const reference = await fitSingleIndex(X, y, { ...again, kernel: "reference" });
    same(first, reference);
    expect(reference.kernel).toMatchObject({ name: "reference" });
    const data = Float64Array.from(X.flat());
    same(first, await fitSingleIndex({ data, rows: 200, columns: 30 }, y, again));
    same(first, await fitSingleIndex(rowsInBlocks({ data, rows: 200, columns: 30 }, 17) as never, y, again));
  });

  test("two at once, and nothing given is changed", async () => {
    const data = Float64Array.from(X.flat());
    const kept = data.slice();
    const options = Object.freeze({ channel: "square", seed: 4 } as const);
    const frozen = Object.freeze(y.slice());
    const [a, b] = await Promise.all(
      [0, 1].map(() => fitSingleIndex({ data, rows: 200, columns: 30 }, frozen, options)),
    );
    same(a, b);
    expect(data).toEqual(kept);
  });
});

describe("bad inputs", () => {
  const { X, z } = planted(80, 5, 41);
  const y = squares(z);
  const learn = (input: unknown, response: unknown = y, options: object = {}) =>
    fitSingleIndex(input as never, response as never, { channel: "square", seed: 1, ...options } as never);
  const put = (i: number, j: number, value: unknown) =>
    X.map((r, k) => r.map((x, l) => (k === i && l === j ? value : x)));
  const refusals: [string, unknown, unknown, string, RegExp][] = [
    ["row 1: X undefined", undefined, y, "TYPE", /^X is undefined/],
    ["row 1: y null", X, null, "TYPE", /^y is null/],
    ["row 2: no rows", [], [], "EMPTY", /X is 0×0/],
    ["row 3: ragged", X.map((r, i) => (i === 7 ? r.slice(1) : r)), y, "SHAPE", /X\[7\] has 4 entries but X\[0\] has 5/],
    ["row 4: lengths", X, y.slice(1), "SHAPE", /79.*80/],
    ["row 5: NaN in X", put(3, 2, Number.NaN), y, "NOT_FINITE", /X\[3\]\[2\]/],
    ["row 6: Infinity in y", X, y.map((v, i) => (i === 5 ? Infinity : v)), "NOT_FINITE", /y\[5\]/],
    ["row 7: a string inside X", put(1, 1, "3"), y, "TYPE", /X\[1\]\[1\]/],
    ["row 8: holes in y", X, Object.assign(y.slice(), { length: 81 }).slice(1), "TYPE", /y\[79\]/],
    ["row 9: length against shape", { data: new Float64Array(9), rows: 80, columns: 5 }, y, "SHAPE", /9 entries/],
    ["row 10: flat without shape", Float64Array.from(X.flat()), y, "SHAPE", /rows, columns/],
    ["row 15: y as n×2", X, y.map((v) => [v, v]), "SHAPE", /80×2/],
    ["row 56: negative intensities", X, y.map((v, i) => (i === 9 ? -1 : v)), "RANGE", /y\[9\] is -1/],
  ];
  test.each(refusals)("%s", async (_, input, response, code, message) => {
    const error = await errorOf(() => learn(input, response));
    expect(error).toMatchObject({ name: "InputError", code });
    expect(error.message).toMatch(message);
  });
  test("row 11: detached", async () => {
    const data = Float64Array.from(X.flat());
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(await errorOf(() => learn({ data, rows: 80, columns: 5 }))).toMatchObject({ code: "DETACHED" });
  });
  test("rows 13–16: other forms of the same numbers give the same bits", async () => {
    const wanted = (await learn(X)).theta;
    const column = Float64Array.from({ length: 400 }, (_, k) => X[k % 80][Math.floor(k / 80)]);
    const shared = new Float64Array(new SharedArrayBuffer(400 * 8));
    shared.set(X.flat());
    for (const form of [
      { data: column, shape: [80, 5], stride: [1, 80] },
      { data: shared, rows: 80, columns: 5 },
      Object.freeze(X.map((row) => Object.freeze(row.slice()))),
    ]) {
      expect((await learn(form)).theta).toEqual(wanted);
    }
    expect(
      (
        await learn(
          X,
          y.map((v) => [v]),
        )
      ).theta,
    ).toEqual(wanted);
  });
  test("row 20: all-zero X gives the zero signal", async () => {
    const fit = await learn(X.map((row) => row.map(() => 0)));
    expect(Array.from(fit.theta)).toEqual([0, 0, 0, 0, 0]);
    expect(fit.stop.reason).toBe("stationary");
  });
  test("row 56: all-zero intensities give the zero signal", async () => {
    const fit = await learn(
      X,
      y.map(() => 0),
      { start: "spectral" },
    );
    expect(length(fit.theta)).toBe(0);
    expect(fit.stop).toMatchObject({ reason: "stationary", converged: true });
    expectFinite(fit);
  });
  test("other responses that a channel cannot give", async () => {
    expect(await errorOf(() => learn(X, z, { channel: "logit" }))).toMatchObject({ name: "InputError", code: "RANGE" });
    expect(await errorOf(() => learn(X, z, { channel: "abs" }))).toMatchObject({ name: "InputError", code: "RANGE" });
    expect(await errorOf(() => learn(X, z, { channel: "tanh", loss: "rational(1)" }))).toMatchObject({ code: "RANGE" });
  });
  test.each([
    ["row 29", { chanel: "square" }, "UNKNOWN", /channel/],
    ["no channel", { channel: undefined }, "TYPE", /channel/],
    ["another channel", { channel: "squared" }, "RANGE", /square/],
    ["another loss", { loss: "rationale(1)" }, "RANGE", /rational/],
    ["another start", { start: "spectrl" }, "RANGE", /spectral/],
    ["row 33: ridge", { ridge: -1 }, "RANGE", /ridge/],
    ["row 33: step", { stepSize: 0 }, "RANGE", /stepSize/],
    ["row 33: tolerance", { tolerance: Number.NaN }, "RANGE", /tolerance/],
    ["row 35: seed", { seed: 1.5 }, "RANGE", /seed/],
    ["iterations", { maxIterations: -1 }, "RANGE", /maxIterations/],
    ["signal", { signal: 1 }, "TYPE", /signal/],
    ["mm below its pole", { preprocess: "mm" }, "RANGE", /mm/],
  ])("%s is an OptionError", async (_, options, code, message) => {
    const rows = _ === "mm below its pole" ? [X.slice(0, 2), y.slice(0, 2)] : [X, y];
    const error = await errorOf(() => learn(rows[0], rows[1], options));
    expect(error).toMatchObject({ name: "OptionError", code });
    expect(error.message).toMatch(message);
  });
  test("a start of another length is SHAPE", async () => {
    expect(await errorOf(() => learn(X, y, { start: [1, 2] }))).toMatchObject({ code: "SHAPE" });
    expect(await errorOf(() => learn(X, y, { truth: [1, 2] }))).toMatchObject({ code: "SHAPE" });
  });
});

describe("how it ends", () => {
  const { X, z } = planted(300, 40, 51);
  const y = squares(z);
  const run = (options: object) => fitSingleIndex(X, y, { channel: "square", seed: 1, ...options } as never);

  test("row 34: no iterations give the start", async () => {
    const fit = await run({ maxIterations: 0 });
    expect(fit.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 0 });
    expect(fit.history.norm.length).toBe(1);
  });
  test("row 47: a step that is far too long diverges and gives the best iterate", async () => {
    const fit = await run({ loss: "wf", stepSize: 50, maxIterations: 200 });
    expect(fit.stop).toMatchObject({ reason: "diverged", converged: false });
    expectFinite(fit);
    expect(fit.history.trainLoss.length).toBeGreaterThan(0);
  });
  test("row 48: a zero start of an even loss is a saddle", async () => {
    const fit = await run({ start: "zero" });
    expect(fit.stop).toMatchObject({ reason: "saddle", converged: false });
    expect(fit.warnings.map(({ code }) => code)).toContain("SADDLE");
  });
  test("a deadline is a stop reason", async () => {
    const fit = await run({ deadlineMs: 0 });
    expect(fit.stop).toMatchObject({ reason: "deadline", converged: false });
    expectFinite(fit.theta);
  });
  test("row 40: aborts reject with the signal's reason, before and during the fit", async () => {
    const reason = new Error("enough");
    expect(await errorOf(() => run({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    const control = new AbortController();
    const onProgress = ({ iteration }: { iteration: number }): void => {
      if (iteration === 3) control.abort(reason);
    };
    expect(await errorOf(() => run({ signal: control.signal, onProgress }))).toBe(reason);
  });
  test("rows 38, 39: callbacks that throw reject with their error; edits of what they get change nothing", async () => {
    const cause = new Error("from the callback");
    const error = await errorOf(() =>
      run({
        onProgress() {
          throw cause;
        },
      }),
    );
    expect(error).toMatchObject({ code: "CALLBACK", cause });
    const wanted = await run({});
    const got = await run({
      onProgress(p: Record<string, unknown>) {
        for (const key of Object.keys(p)) p[key] = 0;
      },
    });
    expect(got.theta).toEqual(wanted.theta);
  });
  test("responses that do not follow a noiseless channel are a local minimum with a warning", async () => {
    const rng = createRng(52, "wrong");
    const fit = await fitSingleIndex(
      X,
      y.map((v) => v + 0.5 * Math.abs(rng.normal())),
      { channel: "square", seed: 1 },
    );
    expect(fit.warnings.map(({ code }) => code)).toContain("LOCAL_MINIMUM");
  });
});
