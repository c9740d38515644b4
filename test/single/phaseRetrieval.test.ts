/** retrievePhase: exact up to a global phase for every method and operator; noise, scale, ends, refusals. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import {
  type ComplexVector,
  codedDiffraction,
  gaussianOperator,
  type MeasurementOperator,
  phaseDistance,
  retrievePhase,
} from "../../src/index.js";
import { ContractionRule } from "../../src/single/contraction.js";
import { squaredNorm } from "../../src/single/operators.js";
import { PHASE_METHODS, type PhaseData, phaseUpdate } from "../../src/single/phaseMethods.js";
import { longTimeFixedPoint, spectralTransition } from "../../src/theory/index.js";
import { errorOf, expectFinite } from "../faults/problem.js";

const COMPLEX = { channel: "square", complex: true, preprocess: "mm" } as const;

function random(n: number, seed: number): ComplexVector {
  const rng = createRng(seed, "signal", n);
  return { re: Float64Array.from({ length: n }, rng.normal), im: Float64Array.from({ length: n }, rng.normal) };
}
const intensities = (operator: MeasurementOperator, x: ComplexVector): Float64Array => {
  const { re, im } = operator.forward(x) as ComplexVector;
  return re.map((a, i) => a * a + im[i] * im[i]);
};

describe("exact up to a global phase", () => {
  const gaussian = gaussianOperator({ dim: 48, measurements: 48 * 7, seed: 1 });
  test.each(PHASE_METHODS)("Gaussian rows, %s", async (method) => {
    const x = random(48, 2);
    const got = await retrievePhase(gaussian, intensities(gaussian, x), { method, seed: 1, tolerance: 1e-8, truth: x });
    expect(phaseDistance(got.signal, x)).toBeLessThan(3e-8);
    expect(got.stop).toEqual({ reason: "converged", converged: true, iterations: got.iterations });
    expect(got.history.residual.length).toBe(got.iterations + 1);
    expect(got.history.error!.at(-1)).toBeCloseTo(phaseDistance(got.signal, x), 15);
    expect(got.spectral).toMatchObject({ threshold: 1, aboveThreshold: true, ratio: 7, preprocess: "mm" });
    expect(got.method).toBe(method);
    expectFinite(got);
  });

  // [SI §g]: the start of complex mm has error √(2 − 2m₀); iterations of the table to 1e-5 at six masks.
  test.each([
    ["twf", 149],
    ["rwf", 188],
    ["rational", 274],
    ["wf", 383],
  ] as const)("six octanary masks of 64×64, %s, in the iterations of the page within 20 %%", async (method, wanted) => {
    const operator = codedDiffraction({ rows: 64, columns: 64, masks: 6, seed: 3 });
    const x = random(4096, 4);
    const got = await retrievePhase(operator, intensities(operator, x), { method, seed: 1, tolerance: 5e-6, truth: x });
    expect(got.history.error!.at(-1)).toBeLessThan(1e-5);
    const reached = got.history.error!.findIndex((error) => error <= 1e-5);
    expect(Math.abs(reached / wanted - 1)).toBeLessThan(0.2);
    expect(got.history.error![0]).toBeGreaterThan(0.45);
    expect(got.history.error![0]).toBeLessThan(0.65);
  });

  test("sizes that are no powers of two, other preprocessing", async () => {
    const operator = codedDiffraction({ rows: 9, columns: 14, masks: 8, seed: 5 });
    const x = random(126, 6);
    for (const preprocess of ["mm", "opt(20)", "optimal(5)", { value: (y: number) => Math.min(y, 3), supremum: 3 }]) {
      const got = await retrievePhase(operator, intensities(operator, x), { preprocess, seed: 1 });
      expect(phaseDistance(got.signal, x)).toBeLessThan(1e-6);
    }
  });

  test.each([1e-5, 1e5])("an operator scaled by %d needs no other settings", async (scale) => {
    const times = ({ re, im }: ComplexVector, by: number): ComplexVector => ({
      re: re.map((v) => v * by),
      im: im.map((v) => v * by),
    });
    const operator: MeasurementOperator = {
      dim: 48,
      measurements: gaussian.measurements,
      forward: (v) => times(gaussian.forward(v), scale),
      adjoint: (u) => times(gaussian.adjoint(u), scale),
    };
    const x = random(48, 7);
    for (const method of PHASE_METHODS) {
      const got = await retrievePhase(operator, intensities(operator, x), { method, seed: 1 });
      expect(phaseDistance(got.signal, x)).toBeLessThan(1e-6);
    }
  });

  test("the same bits twice, and any start of one's own", async () => {
    const x = random(48, 8);
    const y = intensities(gaussian, x);
    const first = await retrievePhase(gaussian, y);
    const again = await retrievePhase(gaussian, y, { seed: first.seed });
    expect(again.signal).toEqual(first.signal);
    const start = { re: Array.from(x.re, (v) => 1.3 * v), im: Array.from(x.im) };
    const given = await retrievePhase(gaussian, y, { seed: 1, start });
    expect(phaseDistance(given.signal, x)).toBeLessThan(1e-6);
    expect(given.spectral).toBeUndefined();
  });
});

test("noise of five per cent leaves an error of that order", async () => {
  const operator = gaussianOperator({ dim: 64, measurements: 640, seed: 11 });
  const x = random(64, 12);
  const rng = createRng(13, "noise");
  const clean = intensities(operator, x);
  const mean = clean.reduce((a, b) => a + b, 0) / clean.length;
  const y = clean.map((v) => Math.max(v + 0.05 * mean * rng.normal(), 0));
  for (const method of PHASE_METHODS) {
    const got = await retrievePhase(operator, y, { method, seed: 1 });
    expect(phaseDistance(got.signal, x)).toBeLessThan(0.06);
  }
});

describe("updates", () => {
  const xi: ComplexVector = { re: Float64Array.of(3, 0, -1), im: Float64Array.of(4, 0, 1) };
  const data: PhaseData = { y: Float64Array.of(16, 2, 2), meanIntensity: 20 / 3, operatorNorm: 2 };
  test("are the formulas at three points by hand", () => {
    const wf = phaseUpdate("wf", data, xi, 2, 0);
    expect(Array.from(wf.field.re)).toEqual([27 / (20 / 3), -0, -0].map((v) => expect.closeTo(v, 14)));
    expect(wf.field.im[0]).toBeCloseTo(36 / (20 / 3), 14);
    expect(wf.step).toBeCloseTo(1 - Math.exp(-1 / 30), 15);
    expect(phaseUpdate("wf", data, xi, 2, 100).step).toBeCloseTo(0.2, 15);
    const rwf = phaseUpdate("rwf", data, xi, 2, 0);
    expect(rwf.field.re[0]).toBeCloseTo(3 * (1 - 4 / 5), 15);
    expect(rwf.field.re[1]).toBe(0);
    expect(rwf.step).toBe(0.6);
    const rational = phaseUpdate("rational", data, xi, 2, 0);
    expect(rational.field.im[0]).toBeCloseTo((9 * 4) / (20 / 3 + 25 + 16), 15);
    expect(rational.step).toBe(0.9);
    // K = (9 + 2 + 0)/3; |ξ₀|/‖z‖ = 2.5 within [0.3, 5], 9 ≤ 5K·2.5: kept; ξ₁ = 0 is cut.
    const twf = phaseUpdate("twf", data, xi, 2, 0);
    expect(twf.field.re[0]).toBeCloseTo((9 * 3) / 25, 15);
    expect(twf.field.re[1]).toBe(0);
    expect(phaseUpdate("twf", data, xi, 0.9, 0).field.re[0]).toBe(0);
  });
});

test("the stopping rule estimates what is left of a geometric sequence", () => {
  for (const rate of [0.5, 0.9, 0.99]) {
    const rule = new ContractionRule(1e-6);
    let step = 1;
    while (!rule.isReached) {
      rule.add(step);
      step *= rate;
    }
    // The step just made was step/rate, and what is left is the geometric series from `step` on.
    const left = step / (1 - rate);
    expect(left).toBeLessThanOrEqual(1e-6 * (1 + 1e-9));
    expect(left / rate).toBeGreaterThan(1e-6);
  }
  const stuck = new ContractionRule(1e-6);
  for (let k = 0; k < 50; k++) stuck.add(1e-3);
  expect(stuck.isReached).toBe(false);
  const still = new ContractionRule(0);
  still.add(0);
  expect(still.isReached).toBe(true);
});

describe("noise that is known, and a ridge", () => {
  const dim = 150;
  const operator = gaussianOperator({ dim, measurements: 5 * dim, seed: 31 });
  const x = random(dim, 32);
  const exact = intensities(operator, x);
  const size = squaredNorm(x);

  test("the norm of the start is that of the signal, not of signal and clipped noise", async () => {
    const rng = createRng(33, "noise");
    const noiseStd = size;
    const y = exact.map((v) => Math.max(v + noiseStd * rng.normal(), 0));
    const norm = async (given: number): Promise<number> =>
      squaredNorm((await retrievePhase(operator, y, { noiseStd: given, maxIterations: 0, seed: 1 })).signal) / size;
    // Clipping adds σ(e^{½}Φ(−1) + φ(0)) − σ/2 = 0.16 σ at σ = ‖x‖².
    expect(Math.abs((await norm(noiseStd)) - 1)).toBeLessThan(0.12);
    expect(await norm(0)).toBeGreaterThan(1.1);
    const predicted = async (given: number): Promise<number> =>
      (await retrievePhase(operator, y, { noiseStd: given, maxIterations: 0, seed: 1 })).spectral!.predictedOverlap;
    expect(await predicted(noiseStd)).toBeLessThan((await predicted(0)) - 0.05);
    expect(await predicted(0)).toBeCloseTo((await spectralTransition({ ...COMPLEX, ratio: 5 })).overlap, 10);
  });

  test("intensities below the noise are reported", async () => {
    const y = exact.map((_, i) => 1e-3 * (i % 2));
    const got = await retrievePhase(operator, y, { noiseStd: 1, maxIterations: 3, seed: 1 });
    expect(got.warnings.map(({ code }) => code)).toEqual(["BELOW_THRESHOLD", "SIGNAL_BELOW_NOISE"]);
    expectFinite(got.signal);
  });

  test("with the rational loss the end is the stationary point, where theory says", async () => {
    const ridge = 0.03;
    const options = { method: "rational", ridge, seed: 1, tolerance: 1e-9, maxIterations: 5000 } as const;
    const got = await retrievePhase(operator, exact, options);
    expect(got.stop.reason).toBe("converged");
    const mean = exact.reduce((a, b) => a + b, 0) / exact.length;
    const xi = operator.forward(got.signal);
    const weighed = { re: xi.re.slice(), im: xi.im.slice() };
    exact.forEach((y, i) => {
      const s = xi.re[i] ** 2 + xi.im[i] ** 2;
      const rho = (s - y) / (mean + s + y) / exact.length;
      weighed.re[i] *= rho;
      weighed.im[i] *= rho;
    });
    const gradient = operator.adjoint(weighed);
    const rest = gradient.re.map((v, k) =>
      Math.hypot(v + ridge * got.signal.re[k], gradient.im[k] + ridge * got.signal.im[k]),
    );
    expect(Math.max(...rest)).toBeLessThan(1e-7);
    // c = mean y is rational(1) for a unit signal.
    const model = { channel: "square", complex: true, loss: "rational(1)", ratio: 5, ridge, stepSize: 0.5 } as const;
    const limit = await longTimeFixedPoint(model);
    expect(Math.abs(squaredNorm(got.signal) / size / limit.normSquared - 1)).toBeLessThan(0.03);
  });
});

describe("ends and refusals", () => {
  const operator = gaussianOperator({ dim: 20, measurements: 120, seed: 21 });
  const x = random(20, 22);
  const y = intensities(operator, x);

  test("row 56: zero intensities give the zero signal, negative ones are refused", async () => {
    const got = await retrievePhase(operator, new Float64Array(120), { seed: 1 });
    expect(squaredNorm(got.signal)).toBe(0);
    expect(got.stop).toMatchObject({ reason: "stationary", converged: true });
    const error = await errorOf(() =>
      retrievePhase(
        operator,
        y.map((v, i) => (i === 7 ? -v : v)),
        { seed: 1 },
      ),
    );
    expect(error).toMatchObject({ name: "InputError", code: "RANGE" });
    expect(error.message).toMatch(/y\[7\]/);
  });
  test("row 56: too few measurements are a warning with the ratio n/d", async () => {
    for (const measurements of [1, 10, 20]) {
      const few = gaussianOperator({ dim: 20, measurements, seed: 24 });
      const got = await retrievePhase(few, intensities(few, x), { seed: 1, maxIterations: 50 });
      expect(got.warnings.map(({ code }) => code)).toContain("BELOW_THRESHOLD");
      expect(got.warnings[0].message).toContain(`n/d = ${(measurements / 20).toFixed(3)}`);
      expect(got.signal.re.every(Number.isFinite)).toBe(true);
    }
    const silent = gaussianOperator({ dim: 20, measurements: 3, seed: 24 });
    expect(squaredNorm((await retrievePhase(silent, [0, 0, 0], { seed: 1 })).signal)).toBe(0);
  });
  test("row 40: an operator that never answers does not hold up an abort", async () => {
    const control = new AbortController();
    const reason = new Error("enough");
    const never = { dim: 20, measurements: 120, forward: () => new Promise(() => {}), adjoint: operator.adjoint };
    const error = errorOf(() => retrievePhase(never as never, y, { seed: 1, signal: control.signal }));
    control.abort(reason);
    expect(await error).toBe(reason);
  });
  test("iterations, deadline, abort, callbacks", async () => {
    const none = await retrievePhase(operator, y, { seed: 1, maxIterations: 0 });
    expect(none.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 0 });
    // The start has the norm that the mean intensity tells.
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    expect(squaredNorm(none.signal) / mean).toBeGreaterThan(0.8);
    expect(squaredNorm(none.signal) / mean).toBeLessThan(1.25);
    expect((await retrievePhase(operator, y, { seed: 1, deadlineMs: 0 })).stop.reason).toBe("deadline");
    const reason = new Error("enough");
    expect(await errorOf(() => retrievePhase(operator, y, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const control = new AbortController();
    const onProgress = (): void => control.abort(reason);
    expect(await errorOf(() => retrievePhase(operator, y, { signal: control.signal, onProgress }))).toBe(reason);
    const cause = new Error("from the callback");
    const error = await errorOf(() =>
      retrievePhase(operator, y, {
        onProgress() {
          throw cause;
        },
      }),
    );
    expect(error).toMatchObject({ code: "CALLBACK", cause });
  });
  test("a start far too large diverges or recovers, and is finite either way", async () => {
    const start = { re: x.re.map((v) => 50 * v), im: x.im };
    for (const method of PHASE_METHODS) {
      const got = await retrievePhase(operator, y, { method, seed: 1, start, maxIterations: 300 });
      expectFinite(got);
      expect(["converged", "diverged", "iteration-limit"]).toContain(got.stop.reason);
    }
  });
  test.each([
    ["an option misspelled", { metod: "wf" }, "UNKNOWN"],
    ["another method", { method: "hio" }, "RANGE"],
    ["another preprocess", { preprocess: "nn" }, "RANGE"],
    ["iterations", { maxIterations: 1.5 }, "RANGE"],
    ["tolerance", { tolerance: -1 }, "RANGE"],
    ["a start of another length", { start: random(3, 1) }, "SHAPE"],
    ["a truth that is real", { truth: [1, 2] }, "TYPE"],
    ["checkAdjoint", { checkAdjoint: 1 }, "TYPE"],
  ])("%s is refused", async (_, options, code) => {
    expect(await errorOf(() => retrievePhase(operator, y, options as never))).toMatchObject({ code });
  });
  test("intensities of another length, and mm without enough of them", async () => {
    expect(await errorOf(() => retrievePhase(operator, y.slice(1)))).toMatchObject({ code: "SHAPE" });
    const few = gaussianOperator({ dim: 20, measurements: 20, seed: 1 });
    expect(await errorOf(() => retrievePhase(few, intensities(few, x), { preprocess: "mm" }))).toMatchObject({
      code: "RANGE",
    });
  });
});
