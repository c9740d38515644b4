/** Mean-field trajectories: golden equations and simulations, exact steps, wrong variants, limits, kernels, faults. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gaussHermite } from "../../src/math/quadrature.js";
import { parseChannel } from "../../src/single/channel.js";
import { parseLoss } from "../../src/single/losses.js";
import { responseLaw } from "../../src/single/responseLaw.js";
import { type DmftResult, dmft } from "../../src/theory/dmft.js";
import type { DmftOptions, StartLike } from "../../src/theory/meanFieldOptions.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/single-index/${name}.json`, import.meta.url), "utf8"));
const error = (code: string) => expect.objectContaining({ code });

type Curves = Record<"m" | "q" | "train" | "m_se" | "q_se" | "train_se", number[]>;
interface Setting {
  readonly link: { readonly name: "square"; readonly sigma: number };
  readonly loss: { readonly name: string; readonly param: number | null };
  readonly delta: number;
  readonly eta: number;
  readonly lam: number;
  readonly T: number;
  readonly init: {
    kind: string;
    T: string;
    param: number | null;
    kappa: number;
    scale: number;
    m0: number;
    q0: number;
  };
}

function optionsOf(s: Setting): DmftOptions {
  const { init } = s;
  const start: StartLike =
    init.kind === "spectral" || init.kind === "linear" ? init.kind : { overlap: init.m0, normSquared: init.q0 };
  return {
    channel: { link: s.link.name, noiseStd: s.link.sigma },
    loss: s.loss.param === null ? s.loss.name : `${s.loss.name}(${s.loss.param})`,
    ratio: s.delta,
    ridge: s.lam,
    stepSize: s.eta,
    steps: s.T,
    start,
    preprocess: init.kind !== "spectral" ? undefined : init.T === "mm" ? "mm" : `${init.T}(${init.param})`,
    startScale: init.kappa ?? init.scale ?? 1,
    paths: 8192,
    replicates: 4,
    seed: 1,
  };
}

/** The setting of most golden values: spectral start on noiseless phase retrieval at δ = 5. */
const BASE = {
  channel: "square",
  loss: "rational(1)",
  ratio: 5,
  ridge: 0.05,
  stepSize: 0.5,
  start: "spectral",
  preprocess: "trim(9)",
  seed: 1,
} as const satisfies DmftOptions;

/** Largest deviation in units of what is allowed: a share of the value (at least 2 % of the peak) or four errors. */
function deviation(
  got: Float64Array,
  wanted: number[],
  wantedErrors: number[],
  own: Float64Array,
  share: number,
): number {
  expect(got.length).toBe(wanted.length);
  const least = 0.02 * Math.max(...wanted.map(Math.abs));
  return Math.max(
    ...wanted.map((x, t) => {
      const four = 4 * Math.hypot(wantedErrors[t], own[t]);
      return Math.abs(got[t] - x) / Math.max(share * Math.max(Math.abs(x), least), four, 1e-9);
    }),
  );
}

function expectCurves(got: DmftResult, wanted: Curves, shares: Record<"m" | "q" | "train", number>): void {
  const errors = got.standardErrors as NonNullable<DmftResult["standardErrors"]>;
  expect(deviation(got.overlap, wanted.m, wanted.m_se, errors.overlap, shares.m)).toBeLessThan(1);
  expect(deviation(got.normSquared, wanted.q, wanted.q_se, errors.normSquared, shares.q)).toBeLessThan(1);
  expect(deviation(got.trainLoss, wanted.train, wanted.train_se, errors.trainLoss, shares.train)).toBeLessThan(1);
}

/** Simulated curves lie within these shares, and within four standard errors (and the digits that are printed). */
const SIMULATION = { m: 0.015, q: 0.02, train: 0.08 };
function expectSimulated(got: DmftResult, sim: Curves): void {
  const errors = got.standardErrors as NonNullable<DmftResult["standardErrors"]>;
  for (const [name, key] of [
    ["m", "overlap"],
    ["q", "normSquared"],
    ["train", "trainLoss"],
  ] as const) {
    sim[name].forEach((wanted, t) => {
      const gap = Math.abs(got[key][t] - wanted);
      expect(gap, `${key}(${t})`).toBeLessThanOrEqual(SIMULATION[name] * Math.abs(wanted) + 1e-8);
      expect(gap, `${key}(${t})`).toBeLessThanOrEqual(4 * Math.hypot(sim[`${name}_se`][t], errors[key][t]) + 1e-8);
    });
  }
}
const EQUATIONS = { m: 0.003, q: 0.004, train: 0.012 };

describe("golden trajectories", () => {
  const settings = Object.entries<{ setting: Setting; dmft: never; sim: never }>(read("dmft").settings);
  it.each(settings)("%s", async (_, c) => {
    const got = await dmft(optionsOf(c.setting));
    const wanted = c.dmft as Curves & {
      test: number[];
      C: number[][];
      C_times: number[];
      R_first12: number[][];
      Gamma_first12: number[][];
      Gamma_se_max: number;
    };
    expectCurves(got, wanted, EQUATIONS);
    expectSimulated(got, c.sim as Curves);
    wanted.test.forEach((x, t) => {
      expect(Math.abs(got.testLoss[t] / x - 1)).toBeLessThan(0.01);
    });
    const { C: simulated, C_se: errors } = c.sim as Record<"C" | "C_se", number[][]>;
    wanted.C_times.forEach((t, i) => {
      wanted.C_times.forEach((s, j) => {
        expect(Math.abs(got.correlation.get(t, s) - wanted.C[i][j])).toBeLessThan(0.006);
        expect(Math.abs(got.correlation.get(t, s) - simulated[i][j])).toBeLessThan(4 * errors[i][j] + 1e-12);
      });
    });
    const { spectral } = c as { spectral?: Record<"overlap2" | "lam" | "eig1" | "edge", number> };
    if (spectral !== undefined) {
      // Eight digits; with noise the fixture's quadrature runs over the kink of the clipped response and errs by 3e-7.
      const tolerance = c.setting.link.sigma > 0 ? 1e-6 : 6e-8;
      const found = got.spectral as NonNullable<DmftResult["spectral"]>;
      expect(Math.abs(found.overlap ** 2 - spectral.overlap2)).toBeLessThan(c.setting.link.sigma > 0 ? 1e-6 : 1e-8);
      expect(Math.abs((found.multiplier as number) / spectral.lam - 1)).toBeLessThan(tolerance);
      expect(Math.abs(found.eigenvalue / spectral.eig1 - 1)).toBeLessThan(tolerance);
      expect(Math.abs(found.edge / spectral.edge - 1)).toBeLessThan(tolerance);
    }
    wanted.R_first12.forEach((row, t) => {
      row.forEach((x, j) => {
        expect(Math.abs(got.response.get(t, j) - x)).toBeLessThan(0.001);
      });
    });
    wanted.Gamma_first12.forEach((row, t) => {
      row.forEach((x, s) => {
        expect(Math.abs(got.gradientResponse.get(t, s) - x)).toBeLessThan(0.002 + 4 * wanted.Gamma_se_max);
      });
    });
  });

  it("complex phase retrieval", async () => {
    const c = read("dmft-complex").case;
    const s = c.setting;
    const got = await dmft({
      channel: "square",
      complex: true,
      loss: "rational(1)",
      ratio: s.delta,
      ridge: s.lam,
      stepSize: s.eta,
      steps: s.T,
      start: "spectral",
      preprocess: "mm",
      startScale: s.kappa,
      paths: 8192,
      replicates: 4,
      seed: 1,
    });
    expect(Math.abs((got.spectral?.overlap as number) ** 2 - c.spectral.overlap2)).toBeLessThan(1e-8);
    expectCurves(got, c.dmft, { ...EQUATIONS, train: 0.02 });
    expectSimulated(got, c.sim);
  });

  it("measured responses of the algorithm itself", async () => {
    const { kernels } = read("kernels");
    const got = await dmft({ ...BASE, steps: 12, paths: 16384 });
    const close = (value: (t: number) => number, [golden, sim, se]: [number[], number[], number[]]): void => {
      sim.forEach((x, t) => {
        expect(Math.abs(value(t) - golden[t])).toBeLessThan(6e-4);
        expect(Math.abs(value(t) - x)).toBeLessThan(4 * se[t] + 2e-4);
      });
    };
    close((t) => got.response.get(t, 1), kernels.R_v0);
    close((t) => got.response.get(t, 4), kernels.R_v3);
    close((t) => got.response.get(t, 0), kernels.R_sp);
    close((t) => (t >= 3 ? got.gradientResponse.get(t, 3) : 0), kernels.Gamma_3);
  });

  it("a hundred steps, into the long-time limit", async () => {
    const { case: c } = read("longtime");
    const got = await dmft({ ...BASE, steps: 100, paths: 8192, replicates: 2 });
    [20, 40, 60, 80, 100].forEach((t, i) => {
      expect(Math.abs(got.overlap[t] - c.m[i])).toBeLessThan(4e-4);
      expect(Math.abs(got.normSquared[t] - c.q[i])).toBeLessThan(8e-4);
    });
    let chi = 0;
    for (let s = 0; s < 100; s++) chi += got.response.get(100, 1 + s);
    expect(Math.abs(chi - c.chi_dmft)).toBeLessThan(0.002);
    expect(Math.abs(got.response.get(100, 0))).toBeLessThan(2e-5);
  });
});

describe("exact values", () => {
  it("the first step from the spectral start, by quadrature and by paths", async () => {
    const got = await dmft({ ...BASE, steps: 20, paths: 16384 });
    const lambda = got.spectral?.multiplier as number;
    const m0 = got.spectral?.overlap as number;
    const loss = parseLoss("rational(1)");
    const law = responseLaw(parseChannel("square"), false, [9]);
    const normal = gaussHermite(80);
    let [signal, train] = [0, 0];
    law.z.forEach((z, i) => {
      normal.nodes.forEach((e, k) => {
        const y = law.y[i];
        const xi = (m0 * z + Math.sqrt(1 - m0 * m0) * e) / (1 - (y <= 9 ? y : 0) / lambda);
        const weight = law.weights[i] * normal.weights[k];
        signal += weight * z * loss.derivative(xi, y);
        train += weight * loss.value(xi, y);
      });
    });
    // The values of the page, exact.
    const { exact_one_step: wanted } = read("dmft");
    expect(Math.abs(lambda / wanted.lam_s - 1)).toBeLessThan(6e-8);
    expect(Math.abs((1 - m0 * m0) * (lambda / 5) ** 2 - wanted.Sigma_spsp)).toBeLessThan(6e-8);
    expect([m0, train]).toEqual([expect.closeTo(wanted.m0, 8), expect.closeTo(wanted.train0, 8)]);
    expect(m0).toBeCloseTo(0.69392885, 8);
    expect(train).toBeCloseTo(0.1557379878, 8);
    const m1 = (1 - 0.5 * 0.05) * m0 - 0.5 * signal;
    expect(m1).toBeCloseTo(0.5915917337, 8);
    expect(got.overlap[0]).toBe(m0);
    const errors = got.standardErrors as NonNullable<DmftResult["standardErrors"]>;
    expect(Math.abs(got.overlap[1] - m1)).toBeLessThan(5 * errors.overlap[1] + 1e-5);
    expect(Math.abs(got.overlap[1] - m1)).toBeLessThan(4e-4);
    expect(Math.abs(got.trainLoss[0] / train - 1)).toBeLessThan(0.002);

    const { ablation } = read("kernels");
    for (const [name, variant] of Object.entries<number[]>(ablation)) {
      const most = Math.max(...variant.map((x, t) => Math.abs(got.overlap[t] / x - 1)));
      if (name === "full") expect(most, name).toBeLessThan(0.002);
      else expect(most, name).toBeGreaterThan(0.015);
    }
  });

  it("the truth stays where it is when there is neither noise nor ridge", async () => {
    const start = { overlap: 1, normSquared: 1 };
    const got = await dmft({ ...BASE, start, preprocess: undefined, ridge: 0, steps: 6, paths: 512, replicates: 2 });
    for (let t = 0; t <= 6; t++) {
      expect(got.overlap[t]).toBeCloseTo(1, 12);
      expect(got.normSquared[t]).toBeCloseTo(1, 12);
      expect(got.trainLoss[t]).toBeLessThan(1e-12);
      expect(got.testLoss[t]).toBeLessThan(1e-12);
    }
  });

  it("squares of a linear link: the ridge regression that it is", async () => {
    // l = (ξ − y)²/2, y = z + σw from zero: θ¹ = (η/δ)Xᵀy, so m = η and q = η²(1 + (1 + σ²)/δ).
    const loss = {
      value: (xi: number, y: number) => 0.5 * (xi - y) ** 2,
      derivative: (xi: number, y: number) => xi - y,
      secondDerivative: () => 1,
    };
    const channel = { link: (z: number) => z, noiseStd: 0.5 };
    const [ratio, eta] = [3, 0.2];
    const got = await dmft({ channel, loss, ratio, stepSize: eta, steps: 2, start: "zero", paths: 8192, seed: 4 });
    expect(got.overlap[1]).toBeCloseTo(eta, 3);
    expect(got.normSquared[1]).toBeCloseTo(eta * eta * (1 + 1.25 / ratio), 3);
    // θ² = 2ηb − η²Hb with b = (1/δ)Xᵀy, H = (1/δ)XᵀX and tr H²/d = 1 + 1/δ (Marchenko–Pastur).
    expect(got.overlap[2]).toBeCloseTo(2 * eta - eta * eta * (1 + 1 / ratio), 4);
    // The linear start of scale η is that first step.
    const linear = await dmft({
      channel,
      loss,
      ratio,
      stepSize: eta,
      steps: 1,
      start: "linear",
      startScale: eta,
      paths: 8192,
      seed: 4,
    });
    expect(linear.overlap[0]).toBeCloseTo(eta, 12);
    expect(linear.normSquared[0]).toBeCloseTo(eta * eta * (1 + 1.25 / ratio), 12);
    expect(linear.overlap[1]).toBeCloseTo(got.overlap[2], 3);
    expect(linear.normSquared[1]).toBeCloseTo(got.normSquared[2], 3);
    expect(linear.trainLoss[0]).toBeCloseTo(got.trainLoss[1], 3);
  });
});

describe("the population map", () => {
  const options = { ...BASE, ratio: Number.POSITIVE_INFINITY, preprocess: undefined, steps: 20 } as const;

  it("has the golden trajectory as far as that is exact, and that of plain sums to 1e-8", async () => {
    const { population } = read("sgd-population");
    const got = await dmft({ ...options, start: { overlap: 0.5, normSquared: 1 } });
    // z and ξ are exchangeable at q = 1, so that E[z l′] = 0 and m(1) = (1 − ηλ)/2 exactly; the fixture has 0.4874901.
    expect(got.overlap[1]).toBeCloseTo(0.4875, 10);
    const exact = populationByGrid(20);
    let [gapOfOverlap, gapOfNorm] = [0, 0];
    for (let t = 0; t <= 20; t++) {
      expect(Math.abs(got.overlap[t] - exact.overlap[t])).toBeLessThan(1e-8);
      expect(Math.abs(got.normSquared[t] - exact.normSquared[t])).toBeLessThan(1e-8);
      gapOfOverlap = Math.max(gapOfOverlap, Math.abs(got.overlap[t] - population.m[t]));
      gapOfNorm = Math.max(gapOfNorm, Math.abs(got.normSquared[t] - population.q[t]));
    }
    // By that much the fixture errs.
    expect(gapOfOverlap).toBeLessThan(3.9e-5);
    expect(gapOfNorm).toBeLessThan(5.4e-5);
    expect(Array.from(got.standardErrors?.overlap ?? [1])).toEqual(new Array(21).fill(0));
    expect(got.trainLoss).toEqual(got.testLoss);
  });

  /** θ → Aθ + Bθ* with trapezoidal sums over (z, e): faster than any power for functions analytic near the real line. */
  function populationByGrid(steps: number): { overlap: number[]; normSquared: number[] } {
    const loss = parseLoss("rational(1)");
    const h = 0.06;
    const nodes = Array.from({ length: 301 }, (_, i) => h * (i - 150));
    const weights = nodes.map((x) => (h * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI));
    const [overlap, normSquared] = [[0.5], [1]];
    for (let t = 0; t < steps; t++) {
      const [m, q] = [overlap[t], normSquared[t]];
      const s = Math.sqrt(q - m * m);
      let [signal, curvature] = [0, 0];
      nodes.forEach((z, i) => {
        nodes.forEach((e, k) => {
          const w = weights[i] * weights[k];
          signal += w * z * loss.derivative(m * z + s * e, z * z);
          curvature += w * loss.secondDerivative(m * z + s * e, z * z);
        });
      });
      const a = 1 - 0.5 * (0.05 + curvature);
      const b = -0.5 * (signal - curvature * m);
      overlap.push(a * m + b);
      normSquared.push(a * a * q + 2 * a * b * m + b * b);
    }
    return { overlap, normSquared };
  }

  it.each([false, true])("is the limit of many rows (complex: %s)", async (complex) => {
    const start = { overlap: 0.5, normSquared: 1 };
    const limit = await dmft({ ...options, start, complex, steps: 12 });
    const many = await dmft({ ...options, start, complex, steps: 12, ratio: 1e5, paths: 16384 });
    const errors = many.standardErrors as NonNullable<DmftResult["standardErrors"]>;
    for (const key of ["overlap", "normSquared", "trainLoss", "testLoss"] as const) {
      for (let t = 0; t <= 12; t++) {
        expect(Math.abs(many[key][t] - limit[key][t])).toBeLessThan(6 * errors[key][t] + 3e-5);
      }
    }
    for (let t = 0; t <= 12; t++) {
      expect(Math.abs(many.correlation.get(t, 3) - limit.correlation.get(t, 3))).toBeLessThan(5e-4);
      for (let j = 0; j < 13; j++) {
        expect(Math.abs(many.response.get(t, j) - limit.response.get(t, j))).toBeLessThan(5e-4);
      }
    }
  });

  it("starts at the truth from a spectral start, and on its line from a linear one", async () => {
    const spectral = await dmft({ ...options, steps: 1, startScale: 0.8 });
    expect([spectral.overlap[0], spectral.normSquared[0]]).toEqual([0.8, 0.8 * 0.8]);
    const linear = await dmft({ channel: "tanh", ratio: Number.POSITIVE_INFINITY, steps: 1, seed: 1 });
    expect(linear.normSquared[0]).toBeCloseTo(linear.overlap[0] ** 2, 14);
    // E[z tanh z] = E[1 − tanh²].
    expect(linear.overlap[0]).toBeCloseTo(0.6057, 4);
  });
});

describe("what a report holds besides", () => {
  it("cosine and error up to sign, with errors of their own, at the steps 0…T", async () => {
    const got = await dmft({ ...BASE, steps: 5, paths: 512, replicates: 3 });
    expect(Array.from(got.times)).toEqual([0, 1, 2, 3, 4, 5]);
    const errors = got.standardErrors as NonNullable<DmftResult["standardErrors"]>;
    for (let t = 0; t <= 5; t++) {
      const [m, q] = [got.overlap[t], got.normSquared[t]];
      expect(Math.abs(got.cosine[t] - m / Math.sqrt(q))).toBeLessThan(1e-4);
      expect(got.squaredError[t]).toBeCloseTo(1 + q - 2 * m, 12);
      if (t > 0) expect(Math.min(errors.cosine[t], errors.squaredError[t])).toBeGreaterThan(0);
    }
    const zero = await dmft({ channel: "tanh", ratio: 3, start: "zero", stepSize: 0.1, steps: 0, paths: 64 });
    expect([zero.cosine[0], zero.squaredError[0]]).toEqual([0, 1]);
    const opposite = await dmft({ ...BASE, preprocess: undefined, start: { overlap: -1, normSquared: 1 }, steps: 0 });
    expect(opposite.squaredError[0]).toBe(0);
  });

  it("a warning within 20 % of the threshold of the spectral start", async () => {
    const at = async (ratio: number) => (await dmft({ ...BASE, ratio, steps: 0, paths: 64 })).warnings;
    expect(await at(1.9)).toEqual([expect.objectContaining({ code: "NEAR_THRESHOLD" })]);
    expect(await at(2.1)).toEqual([]);
  });
});

describe("implementations agree", () => {
  const small = { ...BASE, steps: 8, paths: 500, replicates: 2 } as const;
  const bits = ({ overlap, normSquared, trainLoss, testLoss, correlation, response }: DmftResult): number[] => [
    ...overlap,
    ...normSquared,
    ...trainLoss,
    ...testLoss,
    ...correlation.to1DArray(),
    ...response.to1DArray(),
  ];

  it.each([
    ["rational", {}],
    ["wf", { loss: "wf", stepSize: 0.05 }],
    ["noise", { channel: { link: "square", noiseStd: 0.4 }, preprocess: "optimal(10)" }],
    ["complex", { complex: true, preprocess: "mm" }],
    ["complex wf", { complex: true, preprocess: "mm", loss: "wf", stepSize: 0.05 }],
    [
      "tanh, linear",
      { channel: { link: "tanh", noiseStd: 0.2 }, loss: "sqtanh", start: "linear", preprocess: undefined },
    ],
  ] as [string, Partial<DmftOptions>][])("same bits on both kernels: %s", async (_, more) => {
    const wasm = await dmft({ ...small, ...more, kernel: "wasm" });
    const reference = await dmft({ ...small, ...more, kernel: "reference" });
    expect([wasm.kernel?.name, reference.kernel?.name]).toEqual(["wasm", "reference"]);
    const [a, b] = [bits(wasm), bits(reference)];
    expect(a.findIndex((v, i) => !Object.is(v, b[i]))).toBe(-1);
  });

  it("same seed, same bits; another seed, others", async () => {
    const [a, b, c] = [await dmft(small), await dmft(small), await dmft({ ...small, seed: 2 })];
    expect(bits(a)).toEqual(bits(b));
    expect(a.overlap[5]).not.toBe(c.overlap[5]);
    const drawn = await dmft({ ...small, seed: undefined });
    expect(bits(await dmft({ ...small, seed: drawn.seed }))).toEqual(bits(drawn));
  });

  it.each([false, true])("a loss of one's own is the built-in one (complex: %s)", async (complex) => {
    const loss = parseLoss("rational(1)");
    const { value, derivative, secondDerivative } = loss;
    const preprocess = complex ? "mm" : "trim(9)";
    const builtIn = await dmft({ ...small, complex, preprocess });
    const own = await dmft({ ...small, complex, preprocess, loss: { value, derivative, secondDerivative } });
    const [a, b] = [bits(builtIn), bits(own)];
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i])))).toBeLessThan(1e-11);
  });

  it("a link and a T of one's own are the named ones", async () => {
    const named = await dmft(small);
    const own = await dmft({
      ...small,
      channel: (z) => z * z,
      preprocess: { value: (y) => (y <= 9 ? y : 0), supremum: 9 },
    });
    const [a, b] = [bits(named), bits(own)];
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i])))).toBeLessThan(1e-8);
  });

  it("replicates differ, and their errors shrink with the paths", async () => {
    const few = await dmft({ ...small, paths: 256, replicates: 6 });
    const many = await dmft({ ...small, paths: 4096, replicates: 6 });
    const size = (r: DmftResult): number => r.standardErrors?.overlap.reduce((s, v) => s + v, 0) as number;
    expect(size(few)).toBeGreaterThan(3 * size(many));
    expect(size(many)).toBeGreaterThan(0);
    expect((await dmft({ ...small, replicates: 1 })).standardErrors).toBeUndefined();
  });
});

describe("faults", () => {
  const small = { ...BASE, steps: 8, paths: 500, replicates: 2 } as const;

  it("defaults fill in everything but channel and ratio", async () => {
    const got = await dmft({ channel: "square", ratio: 4, steps: 3, paths: 256 });
    expect(got.overlap.length).toBe(4);
    expect(got.stepSize).toBeCloseTo(1 / (1.25 * 1.5 ** 2), 12);
    const zero = await dmft({
      channel: { link: "logit", noiseStd: 2 },
      loss: "logistic",
      ratio: 4,
      start: "zero",
      steps: 0,
    });
    expect(Array.from(zero.overlap)).toEqual([0]);
    expect(zero.trainLoss[0]).toBeCloseTo(Math.LN2, 12);
  });

  it("refuses bad options", async () => {
    const refuse = (more: object, code: string) =>
      expect(dmft({ ...small, ...more } as DmftOptions)).rejects.toThrowError(error(code));
    await refuse({ ratio: 0 }, "RANGE");
    await refuse({ ratio: "5" }, "TYPE");
    await refuse({ ridge: -1 }, "RANGE");
    await refuse({ stepSize: Number.NaN }, "RANGE");
    await refuse({ steps: 1.5 }, "RANGE");
    await refuse({ paths: 0 }, "RANGE");
    await refuse({ replicates: 0 }, "RANGE");
    await refuse({ seed: -1 }, "RANGE");
    await refuse({ kernel: "gpu" }, "RANGE");
    await refuse({ pathes: 10 }, "UNKNOWN");
    await refuse({ start: "spectrum" }, "RANGE");
    await refuse({ start: { overlap: 2, normSquared: 1 } }, "RANGE");
    await refuse({ start: { overlap: 0.5 } }, "TYPE");
    await refuse({ loss: "wf", stepSize: undefined }, "TYPE");
    await refuse({ complex: true, loss: "sqtanh" }, "RANGE");
    await refuse({ complex: true, start: "linear" }, "RANGE");
    await refuse({ paths: 2 ** 26, steps: 100 }, "TOO_LARGE");
  });

  it("a spectral start below its threshold says so, with the threshold", async () => {
    await expect(dmft({ ...small, ratio: 1.5 })).rejects.toThrowError(
      /threshold of trim\(9\) on this channel is 1\.6326/,
    );
  });

  it("divergence is an error with the step, not NaN", async () => {
    const given = { ...small, loss: "wf", stepSize: 5, steps: 40 } as const;
    await expect(dmft(given)).rejects.toThrowError(error("OVERFLOW"));
    await expect(
      dmft({ ...given, ratio: Number.POSITIVE_INFINITY, start: { overlap: 0.5, normSquared: 1 } }),
    ).rejects.toThrowError(error("OVERFLOW"));
  });

  it("errors of one's own functions are the cause", async () => {
    const boom = new Error("boom");
    const loss = {
      value: () => 0,
      derivative: () => {
        throw boom;
      },
      secondDerivative: () => 0,
    };
    await expect(dmft({ ...small, loss, stepSize: 0.1 })).rejects.toMatchObject({ code: "CALLBACK", cause: boom });
    await expect(dmft({ ...small, loss: { ...loss, derivative: () => Number.NaN } })).rejects.toThrowError(
      error("CALLBACK"),
    );
  });

  it("an abort rejects with its reason, at once or midway", async () => {
    const reason = new Error("enough");
    await expect(dmft({ ...small, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const onProgress = (p: { step: number }): void => {
      if (p.step === 3) controller.abort(reason);
    };
    await expect(dmft({ ...small, signal: controller.signal, onProgress })).rejects.toBe(reason);
  });

  it("reports every step of every replicate; errors of the callback are the cause", async () => {
    const seen: string[] = [];
    await dmft({
      ...small,
      steps: 2,
      onProgress: (p) => seen.push(`${p.replicate}/${p.replicates} ${p.step}/${p.steps}`),
    });
    expect(seen).toEqual(["0/2 0/2", "0/2 1/2", "0/2 2/2", "1/2 0/2", "1/2 1/2", "1/2 2/2"]);
    const boom = new Error("boom");
    const onProgress = (): void => {
      throw boom;
    };
    await expect(dmft({ ...small, onProgress })).rejects.toMatchObject({ code: "CALLBACK", cause: boom });
  });

  it("two at once are each right", async () => {
    const [a, b] = await Promise.all([dmft(small), dmft({ ...small, seed: 9 })]);
    expect(a.overlap).toEqual((await dmft(small)).overlap);
    expect(b.overlap).toEqual((await dmft({ ...small, seed: 9 })).overlap);
  });
});
