/** The long-time limit: golden values, the dynamics it is the limit of, exact cases, spectra, faults. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dmft } from "../../src/theory/dmft.js";
import { type FixedPointOptions, longTimeFixedPoint } from "../../src/theory/fixedPoint.js";
import { bulkEdges, curvatureLaw } from "../../src/theory/hessianBulk.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/single-index/${name}.json`, import.meta.url), "utf8"));
const error = (code: string) => expect.objectContaining({ code });

interface Case {
  readonly setting: {
    readonly link: { readonly name: "square"; readonly sigma: number };
    readonly loss: { readonly name: string; readonly param: number | null };
    readonly delta: number;
    readonly lam: number;
  };
  readonly fp: Record<"m" | "q" | "gamma" | "Gamma" | "train", number>;
  readonly fp_se: Record<"m" | "q" | "gamma" | "Gamma" | "train", number>;
  readonly chi: number;
  readonly min_one_plus_gamma_d2: number;
  readonly hessian_bulk_edges: readonly [number, number];
  readonly sim: Record<"m" | "q" | "train", readonly [number, number]>;
}
const cases = Object.entries<Case>(read("fixed-points").cases);

function optionsOf({ setting: s }: Case): FixedPointOptions {
  const loss = s.loss.param === null ? s.loss.name : `${s.loss.name}(${s.loss.param})`;
  return { channel: { link: s.link.name, noiseStd: s.link.sigma }, loss, ratio: s.delta, ridge: s.lam, stepSize: 0.5 };
}

describe("longTimeFixedPoint", () => {
  it.each(cases)("%s", async (_, c) => {
    const got = await longTimeFixedPoint(optionsOf(c));
    expect(got.stop).toMatchObject({ reason: "converged", converged: true });
    expect(got.residual).toBeLessThan(1e-10);
    const values = { m: got.overlap, q: got.normSquared, gamma: got.gamma, Gamma: got.curvature, train: got.trainLoss };
    for (const key of ["m", "q", "gamma", "Gamma", "train"] as const) {
      // The golden values are means over a few scrambles of 2¹⁶ points; a relative 1e-4 covers their bias.
      const allowed = 4 * c.fp_se[key] + 1e-4 * c.fp[key];
      expect(Math.abs(values[key] - c.fp[key]), key).toBeLessThan(allowed);
    }
    for (const key of ["m", "q", "train"] as const) {
      expect(Math.abs(values[key] - c.sim[key][0]), key).toBeLessThan(4 * c.sim[key][1]);
    }
    expect(Math.abs(got.susceptibility / c.chi - 1)).toBeLessThan(4e-4);
    expect(got.susceptibility).toBeCloseTo(-got.gamma * c.setting.delta, 8);
    const [left, right] = got.spectrum;
    const [wantedLeft, wantedRight] = c.hessian_bulk_edges;
    // The left edge of pr_noisy_d3 sits where l″ is rarest and moves with the sample that is asked about it.
    expect(Math.abs(left - wantedLeft)).toBeLessThan(wantedLeft < 0 ? 3e-3 : 2e-4);
    expect(Math.abs(right - wantedRight)).toBeLessThan(2e-4);
    expect(got.stable).toBe(c.setting.lam + wantedLeft > 0);
    const rate = Math.max(Math.abs(1 - 0.5 * (c.setting.lam + left)), Math.abs(1 - 0.5 * (c.setting.lam + right)));
    expect(got.rate).toBe(rate);
    expect(got.stepsToConverge).toBe(Math.ceil(Math.log(1e-6) / Math.log(rate)));
    expect(got.minimumSlope).toBeGreaterThan(0);
    // The fixture's minimum is that of a sample; the rule sees rarer rows.
    expect(got.minimumSlope).toBeLessThan(c.min_one_plus_gamma_d2);
    expect(got.minimumSlope).toBeGreaterThan(c.min_one_plus_gamma_d2 - 0.07);
  });

  it("is where the dynamics go, at the rate it says", async () => {
    const options = { channel: "square", loss: "rational(1)", ratio: 5, ridge: 0.05, stepSize: 0.5 } as const;
    const limit = await longTimeFixedPoint(options);
    const path = await dmft({
      ...options,
      start: "spectral",
      preprocess: "trim(9)",
      steps: 100,
      replicates: 2,
      seed: 3,
    });
    expect(Math.abs(path.overlap[100] - limit.overlap)).toBeLessThan(1e-4);
    expect(Math.abs(path.normSquared[100] - limit.normSquared)).toBeLessThan(3e-4);
    expect(Math.abs(path.trainLoss[100] / limit.trainLoss - 1)).toBeLessThan(0.02);
    const step = (t: number): number =>
      (path.overlap[t + 1] - path.overlap[t]) / (path.overlap[t] - path.overlap[t - 1]);
    const { case: c } = read("longtime");
    for (const [i, t] of [20, 40].entries()) expect(Math.abs(step(t) - c.ratio[i])).toBeLessThan(0.02);
    expect(step(20)).toBeLessThan(limit.rate);
    expect(limit.rate).toBeCloseTo(c.edge_rate, 4);
    expect(c.ratio.at(-1)).toBeLessThan(limit.rate);
  });

  it("noisy and tanh trajectories end there too", async () => {
    for (const [more, start] of [
      [{ channel: { link: "square", noiseStd: 0.5 }, loss: "rational(1)", ratio: 8, ridge: 0.1 }, "spectral"],
      [{ channel: { link: "tanh", noiseStd: 0.2 }, loss: "sqtanh", ratio: 3, ridge: 0.05 }, "linear"],
      [{ channel: "square", complex: true, loss: "rational(1)", ratio: 5, ridge: 0.03 }, "spectral"],
    ] as const) {
      const stepSize = 0.7;
      const limit = await longTimeFixedPoint({ ...more, stepSize });
      const path = await dmft({ ...more, stepSize, start, steps: 70, paths: 2048, replicates: 2, seed: 5 });
      const last = Math.abs(path.overlap[70] - path.overlap[69]);
      // What a geometric tail would still add, and the error of the sample.
      const allowed = (2 * last) / (1 - limit.rate) + 2e-3;
      expect(Math.abs(path.overlap[70] - limit.overlap)).toBeLessThan(allowed);
      expect(Math.abs(path.normSquared[70] - limit.normSquared)).toBeLessThan(2 * allowed);
    }
  });

  it("without noise and ridge it is the truth", async () => {
    for (const complex of [false, true]) {
      const got = await longTimeFixedPoint({ channel: "square", complex, ratio: 5, stepSize: 0.5 });
      expect(got.overlap).toBeCloseTo(1, 8);
      expect(got.normSquared).toBeCloseTo(1, 8);
      expect(got.trainLoss).toBeLessThan(1e-12);
      // Complex: the phase is free, and directions along it cost nothing.
      if (!complex) expect(got.stable).toBe(true);
    }
  });

  it("least squares: the closed form of ridge regression", async () => {
    const loss = {
      value: (xi: number, y: number) => 0.5 * (xi - y) ** 2,
      derivative: (xi: number, y: number) => xi - y,
      secondDerivative: () => 1,
    };
    const [ratio, ridge] = [2, 0.3];
    const channel = { link: (z: number) => z, noiseStd: 0.5 };
    const got = await longTimeFixedPoint({ channel, loss, ratio, ridge, stepSize: 0.5 });
    // γ = 1/(δ(λ + 1/(1 + γ))): δλγ² + (δλ + δ − 1)γ − 1 = 0.
    const [a, b] = [ratio * ridge, ratio * ridge + ratio - 1];
    const gamma = (-b + Math.sqrt(b * b + 4 * a)) / (2 * a);
    expect(got.gamma).toBeCloseTo(gamma, 9);
    const curvature = 1 / (1 + gamma);
    expect(got.overlap).toBeCloseTo(curvature / (ridge + curvature), 9);
    // (1/δ)XᵀX: edges (1 ± 1/√δ)².
    expect(got.spectrum[0]).toBeCloseTo((1 - Math.SQRT1_2) ** 2, 8);
    expect(got.spectrum[1]).toBeCloseTo((1 + Math.SQRT1_2) ** 2, 8);
  });

  it("many rows: the fixed point of the population map", async () => {
    const options = { channel: "square", loss: "rational(1)", ridge: 0.05, stepSize: 0.5 } as const;
    const limit = await longTimeFixedPoint({ ...options, ratio: Number.POSITIVE_INFINITY });
    const map = await dmft({
      ...options,
      ratio: Number.POSITIVE_INFINITY,
      start: { overlap: 0.5, normSquared: 1 },
      steps: 200,
    });
    expect(limit.overlap).toBeCloseTo(map.overlap[200], 6);
    expect(limit.normSquared).toBeCloseTo(limit.overlap ** 2, 12);
    const many = await longTimeFixedPoint({ ...options, ratio: 1e6 });
    expect(many.overlap).toBeCloseTo(limit.overlap, 5);
    expect(many.gamma).toBeLessThan(1e-5);
  });

  it("row 55: an iteration that is cut short says so, with the residuals, and stays finite", async () => {
    const got = await longTimeFixedPoint({ channel: "square", ratio: 5, stepSize: 0.5, maxIterations: 3 });
    expect(got.stop).toEqual({ reason: "not-converged", converged: false, iterations: 3 });
    expect(got.residuals.length).toBe(3);
    expect(Number.isFinite(got.overlap + got.rate + got.spectrum[0] + got.residual)).toBe(true);
  });

  it("refuses bad options and follows the abort signal", async () => {
    const refuse = (options: object, code: string) =>
      expect(longTimeFixedPoint(options as FixedPointOptions)).rejects.toThrowError(error(code));
    await refuse({ channel: "square" }, "TYPE");
    await refuse({ channel: "square", ratio: -1 }, "RANGE");
    await refuse({ channel: "square", ratio: 3, step: 1 }, "UNKNOWN");
    await refuse({ channel: "square", ratio: 3, tolerance: 0 }, "RANGE");
    await refuse({ channel: "square", ratio: 3, maxIterations: 0 }, "RANGE");
    await refuse({ channel: "square", ratio: 3, start: { overlap: 1 } }, "TYPE");
    await refuse({ channel: "square", ratio: 3, loss: "wf" }, "TYPE");
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(longTimeFixedPoint({ channel: "square", ratio: 3, signal })).rejects.toBe(reason);
    const seen: number[] = [];
    await longTimeFixedPoint({ channel: "square", ratio: 5, onProgress: ({ iteration }) => seen.push(iteration) });
    expect(seen).toEqual(seen.map((_, i) => i));
  });
});

describe("bulk edges", () => {
  const edges = (values: number[], ratio: number) => {
    const weights = new Float64Array(values.length).fill(1 / values.length);
    return bulkEdges(curvatureLaw(weights, Float64Array.from(values)), ratio);
  };

  it("are those of Marchenko and Pastur for one value, of either sign", () => {
    for (const ratio of [1.5, 4, 50]) {
      const [low, high] = [(1 - 1 / Math.sqrt(ratio)) ** 2, (1 + 1 / Math.sqrt(ratio)) ** 2];
      const [a, b] = edges([2], ratio);
      expect(a).toBeCloseTo(2 * low, 9);
      expect(b).toBeCloseTo(2 * high, 9);
      const [c, d] = edges([-2], ratio);
      expect(c).toBeCloseTo(-2 * high, 9);
      expect(d).toBeCloseTo(-2 * low, 9);
    }
  });

  it("fewer rows than dimensions leave the eigenvalue 0", () => {
    const [low, high] = edges([1, 3], 0.5);
    expect(Math.abs(low)).toBeLessThan(1e-8);
    expect(high).toBeGreaterThan(3);
  });

  it("leave out extremes that no sample has", () => {
    const values = Float64Array.of(-100, 1, 1.2);
    const with_ = (rare: number) => bulkEdges(curvatureLaw(Float64Array.of(rare, 0.5, 0.5 - rare), values), 4);
    expect(with_(1e-9)[0]).toBeGreaterThan(0);
    expect(with_(1e-3)[0]).toBeLessThan(-1);
  });
});
