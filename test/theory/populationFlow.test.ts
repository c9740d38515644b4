/** Two-timescale flows: golden trajectories, time scales over five decades of d, ranks above and below, stopping, refusals. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { createRng } from "../../src/base/rng.js";
import { Link } from "../../src/model/link.js";
import { type Flow, type FlowOptions, populationFlow } from "../../src/theory/index.js";

interface Case {
  name: string;
  r: number;
  r_star: number;
  s: number;
  alpha: number[];
  M0: number[][];
  times: number[];
  M: number[][][];
  loss: number[];
}
const golden = (
  JSON.parse(readFileSync(new URL("../golden/multi-index/flow.json", import.meta.url), "utf8")) as { cases: Case[] }
).cases;
const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => "fulfilled",
    (error: unknown) => (error instanceof LeapflowError ? error.code : `${error}`),
  );
const gram = (m: number[][]): number[][] =>
  m[0].map((_, j) => m[0].map((_, l) => m.reduce((sum, row) => sum + row[j] * row[l], 0)));
const worst = (a: number[][], b: number[][]): number =>
  Math.max(...b.flatMap((row, i) => row.map((x, j) => Math.abs(x - a[i][j]))));
const slope = (x: number[], y: number[]): number => {
  const [a, b] = [x, y].map((v) => v.reduce((sum, t) => sum + t, 0) / v.length);
  return x.reduce((sum, t, i) => sum + (t - a) * (y[i] - b), 0) / x.reduce((sum, t) => sum + (t - a) ** 2, 0);
};
const median = (x: number[]): number => x.slice().sort((a, b) => a - b)[Math.floor(x.length / 2)];
const DIMS = [1e2, 1e3, 1e4, 1e5, 1e6];
const STAIRCASE = "z1 + z1*z2 + z1*z2*z3";

/** Median over trials of an escape's time at each dimension. */
const times = (
  text: string,
  options: FlowOptions & { which?: number; trials?: number; startOf?: (d: number) => number[][] } = {},
) => {
  const { which = 0, trials = 5, startOf, ...rest } = options;
  const link = Link.parse(text);
  return Promise.all(
    DIMS.map(async (dim) => {
      const found: number[] = [];
      for (let trial = 0; trial < (startOf ? 1 : trials); trial++) {
        const start = startOf ? { start: startOf(dim) } : { dim, trial, seed: 4 };
        const { escapes, stop } = await populationFlow(link, { ...rest, ...start, times: [] });
        expect(stop).toMatchObject({ reason: "converged", converged: true });
        found.push(escapes[which].time);
      }
      return median(found);
    }),
  );
};
const exponent = (t: number[]): number => slope(DIMS.map(Math.log), t.map(Math.log));
const logSlope = (t: number[]): number => slope(DIMS.map(Math.log), t);

/** Of the integrator, where none is given. */
const TOLERANCE = 1e-9;

/** @param slack - by how much the loss may rise at a saddle, where it stands still and the integrator's error shows */
function checkLaws(flow: Flow, slack = 1e-12): void {
  flow.loss.forEach((x, i) => {
    if (i > 0) expect(x).toBeLessThanOrEqual(flow.loss[i - 1] + slack);
  });
  const logs = flow.singularValues.map((row) => row.reduce((sum, s) => sum + 2 * Math.log(s), 0));
  for (let i = 1; i < logs.length; i++) expect(logs[i]).toBeGreaterThanOrEqual(logs[i - 1] - 1e-8);
  for (const row of flow.singularValues) {
    row.forEach((s, j) => {
      expect(s).toBeGreaterThanOrEqual(0);
      expect(s).toBeLessThanOrEqual(1);
      if (j > 0) expect(s).toBeLessThanOrEqual(row[j - 1]);
    });
  }
  for (let i = 1; i < flow.escapes.length; i++) expect(flow.escapes[i].time).toBeGreaterThan(flow.escapes[i - 1].time);
}

describe("golden trajectories", () => {
  it.each(golden)("$name", async (c) => {
    const link = Link.fromCoefficients(c.alpha, { rank: c.r_star, degree: c.s });
    const got = await populationFlow(link, { rank: c.r, start: c.M0, times: c.times, tolerance: 1e-11 });
    expect(Array.from(got.times)).toEqual(c.times);
    c.M.forEach((m, i) => {
      const own = got.overlaps[i].to2DArray();
      expect(worst(gram(own), gram(m))).toBeLessThan(1e-8);
      // W turns within its span as the flow says: M itself agrees, not only its Gram matrix.
      expect(worst(own, m)).toBeLessThan(1e-8);
      expect(Math.abs(got.loss[i] - c.loss[i])).toBeLessThan(1e-8);
    });
    checkLaws(got);
  });

  it("give an error in proportion to the tolerance", async () => {
    const c = golden[3];
    const link = Link.fromCoefficients(c.alpha, { rank: 3, degree: 3 });
    for (const tolerance of [1e-5, 1e-7, 1e-9]) {
      const got = await populationFlow(link, { start: c.M0, times: c.times, tolerance });
      c.M.forEach((m, i) => {
        expect(worst(got.overlaps[i].to2DArray(), m)).toBeLessThan(300 * tolerance);
      });
    }
  });
});

describe("time of one direction, exactly", () => {
  /** ∫ dm/(m Σ k α_k² m^{2k−2}(1−m²)) from m₀ to ½, by Gauss–Legendre in log m. */
  const exact = (coefficients: number[], m0: number): number => {
    let total = 0;
    const pieces = 4000;
    const length = Math.log(0.5 / m0) / pieces;
    for (let i = 0; i < pieces; i++) {
      for (const x of [-Math.sqrt(0.6), 0, Math.sqrt(0.6)]) {
        const m = m0 * Math.exp(length * (i + 0.5 + 0.5 * x));
        let rate = 0;
        coefficients.forEach((a, k) => {
          if (k > 0) rate += k * a * a * m ** (2 * k - 2);
        });
        total += ((x === 0 ? 8 : 5) / 18) * (length / (rate * (1 - m * m)));
      }
    }
    return total;
  };
  it.each([
    ["h1", [0, 1], 1e-3],
    ["h2", [0, 0, 1], 1e-3],
    ["h3", [0, 0, 0, 1], 1e-3],
    ["h4, 17 decades", [0, 0, 0, 0, 1], 1e-3],
    ["a tiny low degree", [0, 1e-4, 0, 1], 1e-2],
    ["relu to degree 8", Array.from(Link.named("relu", { degree: 8 }).coefficients), 1e-3],
  ] as [string, number[], number][])("%s", async (_, coefficients, m0) => {
    const link = Link.fromCoefficients(coefficients, { rank: 1, degree: coefficients.length - 1 });
    for (const sign of [1, -1]) {
      const flow = await populationFlow(link, { start: [[sign * m0]], tolerance: 1e-11 });
      expect(Math.abs(flow.escapes[0].time / exact(coefficients, m0) - 1)).toBeLessThan(1e-9);
      expect(flow.overlaps.at(-1)?.get(0, 0)).toBeCloseTo(sign, 12);
      checkLaws(flow);
    }
  });
});

describe("time scales over d = 10²…10⁶", () => {
  const alone = (d: number): number[][] => [[d ** -0.5]];
  it("one direction: exponents s − 1, prefactors 1/(2s(s−1)); s = 1 is ½ log d", async () => {
    for (const [s, tolerance] of [
      [2, 0.02],
      [3, 0.02],
      [4, 0.03],
    ]) {
      const t = await times(`h${s}(z1)`, { startOf: alone });
      expect(Math.abs(exponent(t) - (s - 1))).toBeLessThan(tolerance);
      DIMS.slice(1).forEach((d, i) => {
        expect(Math.abs((t[i + 1] / d ** (s - 1)) * 2 * s * (s - 1) - 1)).toBeLessThan(0.05);
      });
    }
    expect(Math.abs(logSlope(await times("h1(z1)", { startOf: alone })) - 0.5)).toBeLessThan(0.01);
  });
  it("x1x2: exponent 1 from random frames, prefactor ½ from d^{−1/2}·I", async () => {
    expect(Math.abs(exponent(await times("z1*z2")) - 1)).toBeLessThan(0.02);
    const t = await times("z1*z2", {
      startOf: (d) => [
        [d ** -0.5, 0],
        [0, d ** -0.5],
      ],
    });
    DIMS.slice(1).forEach((d, i) => {
      expect(Math.abs(t[i + 1] / d / 0.5 - 1)).toBeLessThan(0.05);
    });
  });
  it("x1x2x3: d², prefactor ¼", async () => {
    const t = await times("z1*z2*z3", {
      startOf: (d) => [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? d ** -0.5 : 0))),
    });
    DIMS.slice(1).forEach((d, i) => {
      expect(Math.abs(t[i + 1] / d ** 2 / 0.25 - 1)).toBeLessThan(0.05);
    });
  });
  it("the staircase: three stages of ½ log d", async () => {
    expect(Math.abs(logSlope(await times(STAIRCASE, { which: 2 })) - 1.5)).toBeLessThan(0.1);
  });
  it("second saddles: d² for x1 + h3(x2), d³ for h2(x1) + h4(x2), without a stall at 10⁶", async () => {
    expect(Math.abs(exponent(await times("z1 + h3(z2)", { which: 1 })) - 2)).toBeLessThan(0.02);
    expect(Math.abs(exponent(await times("h2(z1) + h4(z2)", { which: 1 })) - 3)).toBeLessThan(0.03);
  });
  it("starts share their frame: M(0)·√d is the same at every d, another for another trial or seed", async () => {
    const link = Link.parse(STAIRCASE);
    const first = async (options: FlowOptions): Promise<number[]> => {
      const { overlaps } = await populationFlow(link, { times: [0], ...options });
      return overlaps[0].to1DArray().map((x) => x * Math.sqrt(options.dim as number));
    };
    const base = await first({ dim: 100, seed: 1 });
    const far = await first({ dim: 1e6, seed: 1 });
    base.forEach((x, i) => {
      expect(Math.abs(x - far[i])).toBeLessThan(1e-13);
    });
    expect(await first({ dim: 100, seed: 1, trial: 1 })).not.toEqual(base);
    expect(await first({ dim: 100, seed: 2 })).not.toEqual(base);
  });
  it("a second saddle's time does not depend on the tolerance or on the integrator's choices", async () => {
    const link = Link.parse("h2(z1) + h4(0.6*z1 + 0.8*z2) + 0.5*h3(z2)");
    const late = await Promise.all(
      [1e-8, 1e-11].map(
        async (tolerance) => (await populationFlow(link, { dim: 1e4, seed: 2, tolerance })).escapes[1].time,
      ),
    );
    expect(Math.abs(late[0] / late[1] - 1)).toBeLessThan(1e-6);
  });
});

describe("ranks other than the link's", () => {
  it("r < r⋆: the best subspace, not one of target axes: 7/16", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const flow = await populationFlow(Link.parse(STAIRCASE), { dim: 200, rank: 2, seed });
      expect(flow.stop).toMatchObject({ reason: "converged", converged: true });
      expect(Math.abs(flow.finalLoss - 7 / 16)).toBeLessThan(1e-12);
      expect(flow.escapes.map((e) => [e.count, e.predictedExponent])).toEqual([
        [1, 1],
        [1, 1],
      ]);
      checkLaws(flow);
    }
  });
  it("r > r⋆: loss 0; a surplus column cuts the slow tail of x1x2", async () => {
    const link = Link.parse("z1*z2");
    const slowest = async (rank: number): Promise<number> => {
      let most = 0;
      for (let trial = 0; trial < 40; trial++) {
        const flow = await populationFlow(link, { dim: 1e4, rank, trial, times: [] });
        expect(flow.finalLoss).toBeLessThan(1e-12);
        most = Math.max(most, flow.escapes[0].time);
      }
      return most;
    };
    expect(await slowest(4)).toBeLessThan(0.1 * (await slowest(2)));
  });
  it("escapes are those of the leap's own directions: a later leap may come first", async () => {
    const flow = await populationFlow(Link.parse("1e-6*z1 + h3(z2)"), { dim: 1e4 });
    expect(flow.escapes.map((e) => [e.leap, e.count, e.predictedExponent])).toEqual([
      [1, 1, 3],
      [0, 1, 1],
    ]);
  });
  it("variables that the link does not have stay unlearnt and do not matter", async () => {
    const flow = await populationFlow(Link.parse("h2(z1)", { rank: 3 }), { dim: 100, seed: 1 });
    expect(flow.stop.reason).toBe("converged");
    expect(flow.escapes.length).toBe(1);
    expect(flow.singularValues.at(-1)?.[1]).toBeLessThan(0.5);
  });
  it("random links at random ranks and dimensions all end at a minimum", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 100_000 }), async (seed) => {
        const rng = createRng(seed, "links");
        const rank = 1 + rng.integer(3);
        const degree = 1 + rng.integer(4);
        const low = rng.integer(Math.min(3, degree + 1));
        const link = Link.fromFunction(
          (z) => z.reduce((sum, x, k) => sum + x ** Math.max(low, 1) * (1 + 0.3 * k) + 0.2 * x ** degree, 0),
          { rank, degree },
        );
        const flow = await populationFlow(link, { dim: 10 ** (1 + rng.integer(6)), rank: 1 + rng.integer(4), seed });
        expect(flow.stop.reason).toBe("converged");
        checkLaws(flow, 10 * TOLERANCE * flow.loss[0]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("stopping", () => {
  const h3 = Link.parse("h3(z1)");
  it("row 54: a horizon before the escape gives the trajectory so far", async () => {
    const flow = await populationFlow(h3, { rank: 1, dim: 1e4, seed: 1, horizon: 5 });
    expect(flow.stop).toMatchObject({ reason: "horizon", converged: false });
    expect(flow.times.length).toBeGreaterThan(1);
    expect(flow.finalTime).toBe(5);
    expect(flow.times.at(-1)).toBe(5);
    expect(flow.escapes).toEqual([]);
  });
  it("a horizon inside a step cuts it exactly: the same state as a requested time", async () => {
    const link = Link.parse(STAIRCASE);
    const start = [
      [0.1, 0.02, -0.05],
      [0.03, 0.1, 0.01],
      [0, 0.02, 0.1],
    ];
    for (const horizon of [0, 0.7, 3.3]) {
      const cut = await populationFlow(link, { start, horizon });
      const asked = await populationFlow(link, { start, times: [horizon] });
      expect(cut.times.at(-1)).toBe(horizon);
      expect(worst(cut.overlaps.at(-1)?.to2DArray() ?? [], asked.overlaps[0].to2DArray())).toBeLessThan(1e-12);
    }
  });
  it("requested times after convergence get the last state; empty times record nothing", async () => {
    const flow = await populationFlow(h3, { start: [[0.3]], times: [0, 1e3, 1e9, 1e300] });
    expect(Array.from(flow.times)).toEqual([0, 1e3, 1e9, 1e300]);
    expect(flow.loss[3]).toBeLessThan(1e-12);
    const bare = await populationFlow(h3, { start: [[0.3]], times: [] });
    expect([bare.times.length, bare.overlaps.length, bare.escapes.length]).toEqual([0, 0, 1]);
    expect(bare.stop.converged).toBe(true);
  });
  it("a start without overlap is stationary, also when only one direction lacks it", async () => {
    expect((await populationFlow(h3, { start: [[0]] })).stop).toMatchObject({ reason: "stationary", converged: false });
    const flow = await populationFlow(Link.parse("z1 + h2(z2)"), {
      start: [
        [0.1, 0],
        [0, 0],
      ],
    });
    expect(flow.stop).toMatchObject({ reason: "stationary", converged: false });
    expect(flow.finalLoss).toBeCloseTo(0.5, 10);
  });
  it("a start at the minimum has converged; one past ½ has no escape; a constant link has nothing to do", async () => {
    expect((await populationFlow(h3, { start: [[-1]] })).stop).toMatchObject({ reason: "converged", iterations: 0 });
    const late = await populationFlow(h3, { start: [[0.7]] });
    expect([late.escapes.length, late.stop.reason]).toEqual([0, "converged"]);
    const constant = await populationFlow(Link.fromCoefficients([2, 0], { rank: 1, degree: 1 }), { dim: 10 });
    expect(constant.stop.reason).toBe("converged");
  });
  it("counts iterations and stops at their limit", async () => {
    const flow = await populationFlow(h3, { dim: 1e4, maxIterations: 3 });
    expect(flow.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 3 });
  });
  it("an abort rejects with its own reason, before and during", async () => {
    const reason = new Error("enough");
    await expect(populationFlow(h3, { dim: 10, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const run = populationFlow(h3, { dim: 1e6, signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(run).rejects.toBe(reason);
  });
  it("progress is told after every step; a callback that throws rejects with its error as cause", async () => {
    const seen: number[] = [];
    const flow = await populationFlow(h3, {
      dim: 100,
      onProgress: ({ time, loss, iteration, singularValues }) => {
        seen.push(time);
        expect(loss).toBeLessThanOrEqual(0.5);
        expect(iteration).toBe(seen.length);
        singularValues.fill(7);
      },
    });
    expect(seen.length).toBe(flow.stop.iterations);
    expect(Math.max(...flow.singularValues.map((row) => row[0]))).toBeLessThanOrEqual(1);
    const cause = new Error("mine");
    const failed = populationFlow(h3, {
      dim: 100,
      onProgress: () => {
        throw cause;
      },
    });
    await expect(failed).rejects.toMatchObject({ code: "CALLBACK", cause });
  });
});

describe("options", () => {
  const link = Link.parse("z1*z2");
  it.each([
    ["no dimension", {}, "TYPE"],
    ["a misspelled name", { dims: 3 }, "UNKNOWN"],
    ["a negative dimension", { dim: -1 }, "RANGE"],
    ["rank 0", { dim: 10, rank: 0 }, "RANGE"],
    ["a start of another width", { start: [[0.1]] }, "SHAPE"],
    ["a rank that is not the start's", { start: [[0.1, 0]], rank: 2 }, "SHAPE"],
    ["a start that is too long", { start: [[0.9, 0.9]] }, "RANGE"],
    ["a start with NaN", { start: [[NaN, 0]] }, "NOT_FINITE"],
    ["another word as start", { dim: 10, start: "cold" }, "RANGE"],
    ["times that go back", { dim: 10, times: [1, 0.5] }, "RANGE"],
    ["negative times", { dim: 10, times: [-1] }, "RANGE"],
    ["a horizon before the last time", { dim: 10, times: [0, 5], horizon: 1 }, "RANGE"],
    ["a horizon that is NaN", { dim: 10, horizon: NaN }, "RANGE"],
    ["tolerance 0", { dim: 10, tolerance: 0 }, "RANGE"],
    ["a seed that is none", { dim: 10, seed: -1 }, "RANGE"],
    ["a signal that is none", { dim: 10, signal: 3 }, "TYPE"],
    ["a callback that is none", { dim: 10, onProgress: 3 }, "TYPE"],
    ["Haar frames in too few dimensions", { dim: 1, start: "haar" }, "RANGE"],
  ] as [string, object, string][])("refuse %s", async (_, options, code) => {
    expect(await codeOf(populationFlow(link, options))).toBe(code);
  });
  it("refuse a link of no variables", async () => {
    expect(await codeOf(populationFlow(Link.fromCoefficients([1], { rank: 0, degree: 0 }), { dim: 3 }))).toBe("RANK");
  });
  it("same seed, same bits; recording does not change the course beyond rounding", async () => {
    const one = await populationFlow(Link.parse(STAIRCASE), { dim: 1e3, seed: 9 });
    const two = await populationFlow(Link.parse(STAIRCASE), { dim: 1e3, seed: 9 });
    expect(two).toEqual(one);
    const bare = await populationFlow(Link.parse(STAIRCASE), { dim: 1e3, seed: 9, times: [] });
    bare.escapes.forEach(({ time }, i) => {
      expect(Math.abs(time / one.escapes[i].time - 1)).toBeLessThan(1e-7);
    });
  });
  it("a dimension too small for g/√d still gives a start", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const flow = await populationFlow(Link.parse(STAIRCASE), { dim: 3, seed });
      expect(flow.singularValues[0][0]).toBeLessThan(1);
      expect(flow.stop.reason).toBe("converged");
    }
  });
});

it("a flow of high degree (the principal route) started again on its way goes on the same way", async () => {
  const link = Link.fromFunction(([a, b]) => Math.tanh(a) * (1 + 0.5 * b), { rank: 2, degree: 12 });
  const flow = await populationFlow(link, { dim: 100, seed: 1, times: [0, 0.5, 1, 1.5, 2, 3, 4, 5], tolerance: 1e-10 });
  const again = await populationFlow(link, { start: flow.overlaps[2], times: [0, 0.5, 1], tolerance: 1e-10 });
  expect(worst(again.overlaps[2].to2DArray(), flow.overlaps[4].to2DArray())).toBeLessThan(1e-8);
});
