/** Predicted spectral starts against the golden values, limits, and refusals. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { spectralTransition } from "../../src/single/spectralTransition.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/single-index/${name}.json`, import.meta.url), "utf8"));
interface Case {
  readonly field: string;
  readonly T: string;
  readonly param: number | null;
  readonly delta: number;
  readonly above: boolean;
  readonly overlap2: number;
  readonly edge: number;
  readonly eig1: number;
  readonly lam: number;
  readonly sim: Record<"overlap2" | "eig1", readonly [number, number]>;
}
interface LinkCheck {
  readonly link: string;
  readonly sigma: number;
  readonly delta: number;
  readonly overlap2: number;
  readonly sim: readonly [number, number];
}
const golden = read("spectral");
const cases = (golden.cases as Case[]).map((c): [string, Case] => [`${c.field} ${c.T} ${c.delta}`, c]);
const checks = (read("links").checks as LinkCheck[]).map((c): [string, LinkCheck] => [c.link, c]);
const nameOf = (name: string, parameter: number | null): string =>
  name === "mm" || name === "mmc" ? "mm" : `${name}(${parameter})`;
const error = (code: string) => expect.objectContaining({ name: "OptionError", code });
/** The fixtures print eight digits. */
const digits = (wanted: number): number => 6e-8 * Math.max(1, Math.abs(wanted));

describe("spectralTransition", () => {
  it.each(Object.entries<number>(golden.thresholds))("threshold %s", async (key, wanted) => {
    const [field, name, parameter] = key.split(":");
    const preprocess = nameOf(name, Number(parameter));
    const { threshold } = await spectralTransition({
      channel: "square",
      preprocess,
      ratio: 3,
      complex: field === "complex",
    });
    expect(Math.abs(threshold - wanted)).toBeLessThanOrEqual(digits(wanted));
  });

  it.each(cases)("%s", async (_, c) => {
    const preprocess = nameOf(c.T, c.param);
    const complex = c.field === "complex";
    const got = await spectralTransition({ channel: "square", preprocess, ratio: c.delta, complex });
    expect(got.aboveThreshold).toBe(c.above);
    expect(Math.abs(got.overlap ** 2 - c.overlap2)).toBeLessThanOrEqual(1e-8);
    // Where ψ is flat the fixture's own minimisation left some 1e-7.
    expect(Math.abs(got.edge - c.edge)).toBeLessThanOrEqual(5 * digits(c.edge));
    expect(Math.abs(got.eigenvalue - (c.above ? c.eig1 : c.edge))).toBeLessThanOrEqual(5 * digits(c.edge));
    if (c.above) expect(Math.abs((got.multiplier as number) - c.lam)).toBeLessThanOrEqual(digits(c.lam));
    else expect([got.overlap, got.gap, got.eigenvalue]).toEqual([0, 0, got.edge]);
    // Samples of d = 1500 scatter within 20 % of the threshold.
    if (c.delta < 1.2 * got.threshold) return;
    expect(Math.abs(got.overlap ** 2 - c.sim.overlap2[0])).toBeLessThan(4 * c.sim.overlap2[1]);
    expect(Math.abs(got.eigenvalue - c.sim.eig1[0])).toBeLessThan(4 * c.sim.eig1[1]);
  });

  it("warns below the threshold and within 20 % above it, and names T", async () => {
    const at = async (ratio: number) => await spectralTransition({ channel: "square", preprocess: "trim(9)", ratio });
    expect((await at(1.6)).warnings).toEqual([expect.objectContaining({ code: "BELOW_THRESHOLD" })]);
    expect((await at(1.9)).warnings[0].message).toMatch(/1\.900 is within 20 % .* trim\(9\) \(1\.633\)/);
    expect(await at(2)).toMatchObject({ warnings: [], preprocess: "trim(9)" });
  });

  it.each(checks)("optimal(10) of %s with noise", async (_, c) => {
    // The fixture's square is not clipped; its T is interpolated from a coarser table.
    const link = c.link === "square" ? (z: number) => z * z : c.link;
    const got = await spectralTransition({
      channel: { link: link as "tanh", noiseStd: c.sigma },
      preprocess: "optimal(10)",
      ratio: c.delta,
    });
    expect(Math.abs(got.overlap ** 2 - c.overlap2)).toBeLessThan(2e-5);
    expect(Math.abs(got.overlap ** 2 - c.sim[0])).toBeLessThan(4 * c.sim[1]);
  });

  it("unclipped optimal T reaches the information threshold", async () => {
    const at = async (preprocess: string, complex: boolean) =>
      (await spectralTransition({ channel: "square", preprocess, ratio: 3, complex })).threshold;
    expect(await at("opt(100000)", false)).toBeCloseTo(0.5, 5);
    expect(await at("opt(100000)", true)).toBeCloseTo(1, 5);
  });

  it("is continuous in the noise, from almost none on", async () => {
    const overlap = async (noiseStd: number, preprocess: string) =>
      (await spectralTransition({ channel: { link: "square", noiseStd }, preprocess, ratio: 3 })).overlap;
    for (const preprocess of ["trim(9)", "subset(1.5)", "opt(20)", "mm", "optimal(10)"]) {
      const [none, little, more] = [
        await overlap(0, preprocess),
        await overlap(1e-4, preprocess),
        await overlap(0.2, preprocess),
      ];
      expect(Math.abs(little - none)).toBeLessThan(1e-3);
      expect(Math.abs(more - none)).toBeLessThan(0.1);
    }
  });

  it("takes the threshold of mm with noise from the family", async () => {
    const channel = { link: "square", noiseStd: 0.5 } as const;
    const { threshold } = await spectralTransition({ channel, preprocess: "mm", ratio: 3 });
    expect(threshold).toBeGreaterThan(0.5);
    const near = (ratio: number) => spectralTransition({ channel, preprocess: "mm", ratio });
    expect((await near(threshold * 1.001)).aboveThreshold).toBe(true);
    expect((await near(threshold * 0.999)).aboveThreshold).toBe(false);
  });

  it("every threshold separates: no overlap below, a small one above", async () => {
    for (const [channel, preprocess] of [
      [{ link: "square", noiseStd: 0.4 }, "trim(9)"],
      [{ link: "relu", noiseStd: 0.2 }, "optimal(10)"],
      ["He2", "subset(1)"],
      [
        { link: "tanh", noiseStd: 0.1 },
        { value: (y: number) => (Math.abs(y) > 0.8 ? 1 : 0), supremum: 1 },
      ],
    ] as const) {
      const { threshold } = await spectralTransition({ channel, preprocess, ratio: 1 });
      const [below, above] = await Promise.all(
        [0.99, 1.01].map((f) => spectralTransition({ channel, preprocess, ratio: f * threshold })),
      );
      expect([below.aboveThreshold, below.overlap]).toEqual([false, 0]);
      expect(above.overlap).toBeGreaterThan(0.01);
      expect(above.overlap).toBeLessThan(0.3);
      expect(above.eigenvalue).toBeGreaterThanOrEqual(above.edge);
    }
  });

  it("labels have no spectral start", async () => {
    const got = await spectralTransition({ channel: "logit", preprocess: "optimal(10)", ratio: 5 });
    expect(got.threshold).toBe(Number.POSITIVE_INFINITY);
    expect([got.overlap, got.eigenvalue, got.edge, got.aboveThreshold]).toEqual([0, 0, 0, false]);
  });

  it("refuses bad options", async () => {
    await expect(spectralTransition({ channel: "square", ratio: 0 })).rejects.toThrowError(error("RANGE"));
    await expect(spectralTransition({ channel: "square", ratio: Number.NaN })).rejects.toThrowError(error("RANGE"));
    await expect(spectralTransition({ channel: "tanh", ratio: 2, complex: true })).rejects.toThrowError(error("RANGE"));
    await expect(spectralTransition({ channel: "square", ratio: 2, preproces: "mm" } as never)).rejects.toThrowError(
      error("UNKNOWN"),
    );
    await expect(
      spectralTransition({ channel: "square", ratio: 2, preprocess: { value: (y) => -y, supremum: 1e-9 } }),
    ).resolves.toMatchObject({ aboveThreshold: false });
    await expect(spectralTransition({ channel: "relu", preprocess: "trim(9)", ratio: Infinity })).rejects.toThrowError(
      error("RANGE"),
    );
  });
});
