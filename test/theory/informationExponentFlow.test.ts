/** One-pass SGD: golden values, closed forms, the stochastic algorithm itself, faults. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { hermiteInto } from "../../src/math/hermite.js";
import { informationExponentFlow } from "../../src/theory/informationExponentFlow.js";

const { sgd } = JSON.parse(
  readFileSync(new URL("../golden/single-index/sgd-population.json", import.meta.url), "utf8"),
);
const error = (code: string) => expect.objectContaining({ code });

describe("informationExponentFlow", () => {
  it.each(
    sgd.map((c: { s: number }) => [c.s, c]) as [
      number,
      Record<string, number> & { sim_mid: number[]; sim_end: number[] },
    ][],
  )("golden values, exponent %i", async (exponent, c) => {
    const { times, overlap } = await informationExponentFlow({
      exponent,
      overlap: c.m0,
      stepSize: c.gamma,
      times: [0, c.t_end / 2, c.t_end],
    });
    expect(Array.from(times)).toEqual([0, c.t_end / 2, c.t_end]);
    expect(overlap[0]).toBe(c.m0);
    expect(Math.abs(overlap[1] - c.ode_mid)).toBeLessThan(1e-8);
    expect(Math.abs(overlap[2] - c.ode_end)).toBeLessThan(1e-8);
    expect(Math.abs(overlap[1] - c.sim_mid[0])).toBeLessThan(4 * c.sim_mid[1]);
    expect(Math.abs(overlap[2] - c.sim_end[0])).toBeLessThan(4 * c.sim_end[1]);
  });

  it("has the report of the other trajectories", async () => {
    const got = await informationExponentFlow({ exponent: 3, overlap: -0.5, stepSize: 0.02, times: [0, 1] });
    got.overlap.forEach((m, i) => {
      expect([got.normSquared[i], got.cosine[i]]).toEqual([1, m]);
      expect(got.squaredError[i]).toBeCloseTo(2 - 2 * Math.abs(m), 14);
      // −E[h₃(z)h₃(ξ)] = −m³.
      expect([got.trainLoss[i], got.testLoss[i]]).toEqual([-(m ** 3), -(m ** 3)]);
    });
  });

  it("γ = 0: closed forms for s = 1, 2, and the integral of the field for s = 3", async () => {
    const times = [0, 0.1, 0.5, 2, 30];
    const one = await informationExponentFlow({ exponent: 1, overlap: -0.3, times });
    times.forEach((t, i) => {
      expect(one.overlap[i]).toBeCloseTo(Math.tanh(t + Math.atanh(-0.3)), 12);
    });
    const two = await informationExponentFlow({ exponent: 2, overlap: -0.1, times });
    times.forEach((t, i) => {
      expect(two.overlap[i]).toBeCloseTo(-1 / Math.sqrt(1 + 99 * Math.exp(-4 * t)), 12);
    });
    // dm/dt = 3m²(1 − m²): 3t = artanh m − 1/m, up to a constant.
    const three = await informationExponentFlow({ exponent: 3, overlap: 0.2, times: [1, 2, 3] });
    const clock = (m: number): number => (Math.atanh(m) - 1 / m) / 3;
    [1, 2, 3].forEach((t, i) => {
      expect(clock(three.overlap[i]) - clock(0.2)).toBeCloseTo(t, 8);
    });
  });

  it("a small step agrees with none, and the integrated flow with the closed one", async () => {
    for (const exponent of [1, 2]) {
      const [closed, tiny] = await Promise.all(
        [0, 1e-12].map((stepSize) => informationExponentFlow({ exponent, overlap: 0.2, stepSize, times: [0.3, 1, 4] })),
      );
      closed.overlap.forEach((m, i) => {
        expect(Math.abs(tiny.overlap[i] - m)).toBeLessThan(1e-9);
      });
    }
  });

  it("escapes later for higher exponents and from smaller overlaps", async () => {
    const escapeTime = async (exponent: number, overlap: number): Promise<number> => {
      const times = Float64Array.from({ length: 2001 }, (_, i) => i / 20);
      const flow = await informationExponentFlow({ exponent, overlap, times });
      return times[flow.overlap.findIndex((m) => m > 0.5)];
    };
    const at = await Promise.all([1, 2, 3, 4].map((s) => escapeTime(s, 0.1)));
    expect(at[0]).toBeLessThan(at[1]);
    expect(at[1]).toBeLessThan(at[2]);
    expect(at[2]).toBeLessThan(at[3]);
    expect(await escapeTime(3, 0.05)).toBeGreaterThan(1.5 * at[2]);
  });

  it("is the mean path of the algorithm itself", async () => {
    const [s, dim, gamma, horizon, m0] = [2, 400, 0.2, 1, 0.4];
    const steps = Math.round((horizon * dim) / gamma);
    const finals: number[] = [];
    const h = new Float64Array(s + 1);
    for (let run = 0; run < 8; run++) {
      const rng = createRng(3, "one-pass", run);
      let theta = Float64Array.from({ length: dim }, () => rng.normal());
      theta[0] = 0;
      const size = Math.hypot(...theta);
      theta = theta.map((v) => (v * Math.sqrt(1 - m0 * m0)) / size);
      theta[0] = m0;
      for (let k = 0; k < steps; k++) {
        const a = Float64Array.from({ length: dim }, () => rng.normal());
        const xi = a.reduce((sum, v, i) => sum + v * theta[i], 0);
        hermiteInto(a[0], s, h);
        const y = h[s];
        hermiteInto(xi, s, h);
        const step = (gamma / dim) * y * Math.sqrt(s) * h[s - 1];
        let norm = 0;
        for (let i = 0; i < dim; i++) {
          theta[i] += step * a[i];
          norm += theta[i] * theta[i];
        }
        norm = Math.sqrt(norm);
        for (let i = 0; i < dim; i++) theta[i] /= norm;
      }
      finals.push(theta[0]);
    }
    const mean = finals.reduce((a, b) => a + b, 0) / 8;
    const se = Math.sqrt(finals.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 56);
    const { overlap } = await informationExponentFlow({ exponent: s, overlap: m0, stepSize: gamma, times: [horizon] });
    expect(Math.abs(overlap[0] - mean)).toBeLessThan(4 * se + 3 / dim);
  });

  it("neither high exponents, large steps nor long times take long", async () => {
    // Values: Radau of SciPy at a relative tolerance of 1e-11, the noise by a product rule.
    const cases: readonly [number, number, number, number, number][] = [
      [4, -0.8, 0.01, 1, -0.7084192395571604],
      [5, 0.6, 0.01, 1, 0.37928181325516147],
      [10, 0.1, 0.01, 1, 0.0845965639642],
      [2, 0.5, 2, 100, 0.022338352580437468],
    ];
    for (const [exponent, overlap, stepSize, time, expected] of cases) {
      const flow = await informationExponentFlow({ exponent, overlap, stepSize, times: [time] });
      expect(Math.abs(flow.overlap[0] - expected)).toBeLessThan(1e-9);
    }
    const late = await informationExponentFlow({ exponent: 3, overlap: 1e-6, times: [1e15, 1e300] });
    expect(Array.from(late.overlap)).toEqual([1, 1]);
    const drowned = await informationExponentFlow({ exponent: 4, overlap: 0.5, stepSize: 1e12, times: [1] });
    expect(Math.abs(drowned.overlap[0])).toBeLessThan(1e-12);
  });

  it("stays put at 0 (s ≥ 2) and at ±1 without steps; no times give none", async () => {
    for (const overlap of [0, 1, -1]) {
      const flow = await informationExponentFlow({ exponent: 3, overlap, times: [0, 5] });
      expect(Array.from(flow.overlap)).toEqual([overlap, overlap]);
      expect((await informationExponentFlow({ exponent: 2, overlap, times: [5] })).overlap[0]).toBe(overlap);
    }
    expect((await informationExponentFlow({ exponent: 1, overlap: 1, times: [3] })).overlap[0]).toBe(1);
  });

  it("refuses bad options", async () => {
    const refuse = (more: object, code: string) =>
      expect(informationExponentFlow({ exponent: 2, overlap: 0.1, times: [1], ...more })).rejects.toThrowError(
        error(code),
      );
    await refuse({ exponent: 0 }, "RANGE");
    await refuse({ exponent: 1.5 }, "RANGE");
    await refuse({ overlap: 1.1 }, "RANGE");
    await refuse({ stepSize: -1 }, "RANGE");
    await refuse({ times: [2, 1] }, "RANGE");
    await refuse({ times: [-1] }, "RANGE");
    await refuse({ times: [Number.NaN] }, "NOT_FINITE");
    await refuse({ times: undefined }, "TYPE");
    await refuse({ exponents: 2 }, "UNKNOWN");
  });
});
