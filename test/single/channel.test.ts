/** Channels: the fixtures' conventions, means, posteriors, information, and refusals. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tanh } from "../../src/base/elementary.js";
import { createRng } from "../../src/base/rng.js";
import { checkComplexChannel, parseChannel } from "../../src/single/channel.js";
import { channelInformation } from "../../src/single/channelInformation.js";
import { posteriorOf } from "../../src/single/posterior.js";
import { responseLaw } from "../../src/single/responseLaw.js";

const links = JSON.parse(readFileSync(new URL("../golden/single-index/links.json", import.meta.url), "utf8"));
const NAMES = ["square", "abs", "He2", "tanh", "relu", "cubic", "logit"] as const;
const error = (code: string) => expect.objectContaining({ name: "OptionError", code });

describe("channels", () => {
  it("follow the conventions of the fixtures", () => {
    const value = (link: unknown, z: number, w: number): number => parseChannel(link).value(z, w);
    expect(value({ link: "square", noiseStd: 0.3 }, 1.2, 0.5)).toBeCloseTo(1.44 + 0.15, 15);
    expect(value({ link: "square", noiseStd: 0.3 }, 0.1, -2)).toBe(0);
    expect(value({ link: "tanh", noiseStd: 0.2 }, 0.7, 1)).toBe(tanh(0.7) + 0.2);
    expect(value({ link: "relu", noiseStd: 0.1 }, -3, -1)).toBe(-0.1);
    expect(value("abs", -3, 5)).toBe(3);
    expect(value("cubic", -2, 5)).toBe(-8);
    expect(value("He2", 2, 5)).toBeCloseTo(3 / Math.SQRT2, 15);
    expect(value({ link: "logit", noiseStd: 2 }, 0.5, -8)).toBe(1);
    expect(value({ link: "logit", noiseStd: 2 }, 0.5, 8)).toBe(-1);
    expect(value((z: number) => z ** 4, 2, 1)).toBe(16);
    expect(value({ link: (z: number) => z ** 4, noiseStd: 0.5 }, 2, 1)).toBe(16.5);
    expect(parseChannel("he2").name).toBe("He2");
  });

  it.each(NAMES)("%s: mean and law agree with samples", (link) => {
    const channel = parseChannel({ link, noiseStd: 0.8 });
    const rng = createRng(5, link);
    for (const z of [-1.1, 0.2, 0.9]) {
      let [sum, squares] = [0, 0];
      for (let i = 0; i < 20000; i++) {
        const y = channel.sample(z, rng);
        sum += y;
        squares += y * y;
      }
      const mean = sum / 20000;
      const se = Math.sqrt((squares / 20000 - mean * mean) / 20000);
      expect(Math.abs(mean - channel.mean(z))).toBeLessThan(4.5 * se);
    }
  });

  it("knows which links are even, functions included", () => {
    expect(NAMES.filter((name) => parseChannel(name).even)).toEqual(["square", "abs", "He2"]);
    expect(parseChannel((z: number) => Math.cos(z)).even).toBe(true);
    expect(parseChannel((z: number) => z * z + z).even).toBe(false);
    expect(() => checkComplexChannel(parseChannel("tanh"))).toThrowError(error("RANGE"));
    expect(() => checkComplexChannel(parseChannel("abs"))).not.toThrow();
  });

  it("refuses what is no channel", () => {
    expect(() => parseChannel(undefined)).toThrowError(error("TYPE"));
    expect(() => parseChannel("squares")).toThrowError(/Did you mean "square"/);
    expect(() => parseChannel({ link: "square", noiseStd: -1 })).toThrowError(error("RANGE"));
    expect(() => parseChannel({ link: "square", noisestd: 1 })).toThrowError(error("UNKNOWN"));
    expect(() => parseChannel({ link: "logit", noiseStd: 0 })).toThrowError(error("RANGE"));
    expect(() => parseChannel({ link: 3 })).toThrowError(error("TYPE"));
    expect(() => parseChannel(() => Number.NaN)).toThrowError(error("CALLBACK"));
    expect(() => parseChannel((z: number) => 1 / (z - 2)).value(2, 0)).toThrowError(/custom|channel\(2\)/);
  });
});

describe("the law of (z, y)", () => {
  it.each(NAMES)("%s: total mass, and moments of z untouched by y", (link) => {
    for (const noiseStd of link === "logit" ? [2] : [0, 0.01, 0.5]) {
      const { weights, z, isFolded } = responseLaw(parseChannel({ link, noiseStd }), false, [0.3, 1]);
      const moment = (k: number): number => weights.reduce((sum, w, i) => sum + w * z[i] ** k, 0);
      expect(moment(0)).toBeCloseTo(1, 12);
      expect(moment(2)).toBeCloseTo(1, 10);
      expect(moment(4)).toBeCloseTo(3, 9);
      if (!isFolded) expect(Math.abs(moment(1))).toBeLessThan(1e-12);
    }
  });

  it("complex: |z|² is exponential", () => {
    const { weights, y } = responseLaw(parseChannel("square"), true, []);
    const moment = (k: number): number => weights.reduce((sum, w, i) => sum + w * y[i] ** k, 0);
    [1, 1, 2, 6].forEach((wanted, k) => {
      expect(Math.abs(moment(k) / wanted - 1)).toBeLessThan(1e-12);
    });
  });
});

describe("posteriors", () => {
  it("without noise: the z that gave y", () => {
    expect(posteriorOf(parseChannel("square"), false)(1.69).square).toBeCloseTo(1.69, 10);
    expect(posteriorOf(parseChannel("tanh"), false)(tanh(0.8)).mean).toBeCloseTo(0.8, 10);
    const relu = posteriorOf(parseChannel("relu"), false);
    expect(relu(0).square).toBeCloseTo(1, 12);
    expect(relu(0).mean).toBeCloseTo(-Math.sqrt(2 / Math.PI), 10);
    expect(relu(2).square).toBeCloseTo(4, 9);
    const cubicPlus = posteriorOf(
      parseChannel((z: number) => z * z * z - z),
      false,
    )(0);
    // Roots −1, 0, 1 with slopes 2, −1, 2.
    const [at0, at1] = [1, Math.exp(-0.5) / 2];
    expect(cubicPlus.square).toBeCloseTo((2 * at1) / (at0 + 2 * at1), 7);
  });

  it("with noise: brute force over a fine grid", () => {
    for (const [link, sigma] of [
      ["square", 0.5],
      ["relu", 0.1],
      ["tanh", 0.3],
      ["cubic", 0.05],
    ] as const) {
      const channel = parseChannel({ link, noiseStd: sigma });
      const posterior = posteriorOf(channel, false);
      for (const y of [0.05, 0.4, 0.9, 2]) {
        let [mass, first, second] = [0, 0, 0];
        const h = 2e-4;
        for (let z = -9; z < 9; z += h) {
          const weight = Math.exp(-0.5 * z * z - 0.5 * ((channel.location(z) - y) / sigma) ** 2);
          mass += weight;
          first += weight * z;
          second += weight * z * z;
        }
        const got = posterior(y);
        expect(got.square).toBeCloseTo(second / mass, 7);
        expect(got.mean).toBeCloseTo(first / mass, 7);
      }
    }
  });

  it("labels say nothing about z²", () => {
    const { mean, square } = posteriorOf(parseChannel({ link: "logit", noiseStd: 2 }), false)(1);
    expect(square).toBeCloseTo(1, 12);
    expect(mean).toBeGreaterThan(0.4);
  });

  it("a response that the link does not reach counts as the nearest one", () => {
    expect(posteriorOf(parseChannel("square"), false)(-0.3).square).toBeCloseTo(0, 12);
    expect(posteriorOf(parseChannel("square"), false)(150).square).toBeCloseTo(121, 6);
    expect(posteriorOf(parseChannel("tanh"), false)(1.5).square).toBeGreaterThan(20);
    const step = posteriorOf(
      parseChannel((z: number) => (z < 1 ? z : z + 2)),
      false,
    );
    expect(step(1.2).square).toBeCloseTo(1, 6);
    expect(step(2.9).square).toBeCloseTo(1, 6);
  });
});

describe("information", () => {
  // The fixture's square is not clipped; its cubic quadrature has mass 1.0002 and 1.00003 instead of 1.
  const cases = Object.entries<{ mass: number; delta_c: number; E_post_mean_sq: number }>(links.thresholds);
  it.each(cases)("%s", async (key, wanted) => {
    const [name, sigma] = key.split(":");
    const link = name === "square" ? (z: number) => z * z : (name as "abs");
    const got = await channelInformation({ channel: { link, noiseStd: Number(sigma) } });
    const tolerance = 5e-6 + 2 * Math.abs(wanted.mass - 1);
    expect(Math.abs(got.spectralThreshold / wanted.delta_c - 1)).toBeLessThan(tolerance);
    expect(Math.abs(got.linearInformation - wanted.E_post_mean_sq)).toBeLessThan(tolerance);
  });

  type Check = { link: string; sigma: number; delta: number; linear_overlap2: number; linear_sim: [number, number] };
  it.each((links.checks as Check[]).map((c): [string, Check] => [c.link, c]))("linear start of %s", async (name, c) => {
    const link = name === "square" ? (z: number) => z * z : (name as "abs");
    const { linearInformation } = await channelInformation({ channel: { link, noiseStd: c.sigma } });
    const squared = (c.delta * linearInformation) / (1 + c.delta * linearInformation);
    expect(Math.abs(squared - c.linear_overlap2)).toBeLessThan(name === "cubic" ? 2e-5 : 5e-7);
    expect(Math.abs(squared - c.linear_sim[0])).toBeLessThan(4 * c.linear_sim[1]);
  });

  it.each([
    ["tanh", 0.1, -1, 1],
    ["tanh", 0.5, -1, 1],
    ["He2", 0.5, -0.71, 60],
  ] as const)("of %s with noise %f: plain sums over a grid of (z, y)", async (link, sigma, low, high) => {
    const f = parseChannel(link).location;
    // Trapezoidal sums of functions that die off at both ends converge faster than any power.
    const [hz, hy] = [0.02, sigma / 8];
    let [excess, linear] = [0, 0];
    for (let y = low - 9 * sigma; y < high + 9 * sigma; y += hy) {
      const sums = [0, 0, 0];
      for (let z = -10; z <= 10; z += hz) {
        const u = (y - f(z)) / sigma;
        const weight = (hz * Math.exp(-0.5 * (z * z + u * u))) / (2 * Math.PI * sigma);
        sums[0] += weight;
        sums[1] += weight * z;
        sums[2] += weight * z * z;
      }
      if (sums[0] < 1e-250) continue;
      excess += (hy * (sums[2] - sums[0]) ** 2) / sums[0];
      linear += (hy * sums[1] ** 2) / sums[0];
    }
    const got = await channelInformation({ channel: { link, noiseStd: sigma } });
    expect(Math.abs(got.spectralThreshold * excess - 1)).toBeLessThan(2e-8);
    expect(Math.abs(got.linearInformation - linear)).toBeLessThan(1e-8);
  });

  it("of labels: no spectral start, a linear one; of y = |z|² complex: threshold 1", async () => {
    const logit = await channelInformation({ channel: { link: "logit", noiseStd: 2 } });
    expect(logit.spectralThreshold).toBe(Number.POSITIVE_INFINITY);
    expect(logit.linearInformation).toBeGreaterThan(0.3);
    expect((await channelInformation({ channel: "square", complex: true })).spectralThreshold).toBeCloseTo(1, 10);
    expect((await channelInformation({ channel: "square" })).spectralThreshold).toBeCloseTo(0.5, 10);
    await expect(channelInformation({ channel: "tanh", complex: true })).rejects.toMatchObject({ code: "RANGE" });
    await expect(channelInformation({ chanel: "tanh" } as never)).rejects.toMatchObject({ code: "UNKNOWN" });
  });
});
