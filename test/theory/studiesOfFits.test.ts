/** Sample-complexity, landscape and stability studies. */
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { Link } from "../../src/model/link.js";
import { landscapeStudy } from "../../src/theory/landscape.js";
import { sampleComplexityStudy } from "../../src/theory/sampleComplexity.js";
import { stabilityStudy } from "../../src/theory/stability.js";

const refusal = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof LeapflowError) return `${error.name} ${error.code}`;
    throw error;
  }
  return "nothing thrown";
};

describe("samples needed", () => {
  it("h2 without noise needs a few samples per dimension, about d log d of them", async () => {
    const phases: string[] = [];
    const study = await sampleComplexityStudy(Link.parse("h2(z1)"), {
      dims: [8, 16, 32],
      seed: 5,
      onProgress: ({ phase }) => phases.push(phase),
    });
    expect(study.trials).toBe(12);
    const counts = study.samples.map((n) => n ?? 0);
    // [MI §8]: 54 at d = 16, 118 at 32; the growth factor and 12 runs leave a factor of two.
    expect(counts[1]).toBeGreaterThan(27);
    expect(counts[1]).toBeLessThan(108);
    expect(counts[2]).toBeGreaterThan(59);
    expect(counts[2]).toBeLessThan(236);
    expect(study.exponent ?? 0).toBeGreaterThan(0.6);
    expect(study.exponent ?? 9).toBeLessThan(2);
    const [low, high] = study.interval ?? [9, 0];
    expect(low).toBeLessThan(study.exponent ?? 0);
    expect(high).toBeGreaterThan(study.exponent ?? 0);
    for (const { half, tried } of study.needs) {
      const below = tried.filter(({ successes }) => successes < 6);
      expect(Math.max(...below.map(({ samples }) => samples))).toBeLessThan((half ?? 0) * 1.45);
      expect(tried.some(({ successes }) => successes >= 6)).toBe(true);
    }
    expect(phases[0]).toMatch(/d = 8 \(1 of 3\), n = /);
  });

  it("same seed, same counts; too few samples allowed give null, not a number", async () => {
    const link = Link.parse("h3(z1)");
    const options = { dims: [6, 24], trials: 4, seed: 2, maxSamples: 12 };
    const study = await sampleComplexityStudy(link, options);
    expect(study.samples[1]).toBeNull();
    expect(study.exponent).toBeNull();
    expect(await sampleComplexityStudy(link, options)).toEqual(study);
  });

  it.each([
    ["OptionError TYPE", {}],
    ["OptionError RANGE", { dims: [8, 4] }],
    ["OptionError RANGE", { dims: [8], growth: 1 }],
    ["OptionError RANGE", { dims: [8], distance: 0 }],
    ["OptionError RANGE", { dims: [8], method: "newton" }],
    ["OptionError RANGE", { dims: [8], noiseStd: -1 }],
    ["OptionError UNKNOWN", { dims: [8], noise: 1 }],
  ])("%s for %o", async (expected, options) => {
    expect(await refusal(sampleComplexityStudy(Link.parse("h2(z1)"), options as never))).toBe(expected);
  });

  it("row 40: an abort ends it with the signal's reason", async () => {
    const reason = new Error("enough");
    const control = new AbortController();
    setTimeout(() => control.abort(reason), 100);
    const run = sampleComplexityStudy(Link.parse("h3(z1)"), {
      dims: [64],
      trials: 500,
      seed: 1,
      signal: control.signal,
    });
    await expect(run).rejects.toBe(reason);
  });
});

describe("one Gauss–Newton step", () => {
  it.each([
    ["staircase", 0.01],
    ["harmonic", 0.01],
    ["product", 0.05],
    ["reluSum", 0.01],
  ] as const)("on the population loss of the %s lands on the target, whatever the start", async (name, smallest) => {
    const study = await landscapeStudy(Link.named(name), { dim: 60, trials: 30, seed: 1, smallest });
    expect(Math.min(...study.smallestCosine)).toBeCloseTo(smallest, 12);
    expect(Math.min(...study.before)).toBeGreaterThan(0.1);
    study.after.forEach((distance, i) => {
      // Rounding in H⁻¹ is amplified by its condition, the distance to the target by the smallest cosine.
      expect(distance).toBeLessThan((100 * Number.EPSILON * study.condition[i]) / study.smallestCosine[i]);
      expect(study.lossAfter[i]).toBeLessThan(1e-9);
    });
    expect(study.range[0]).toBeLessThanOrEqual(study.medianAfter);
    expect(study.range[1]).toBeGreaterThanOrEqual(study.medianAfter);
  });
  it("by default the starts reach down to 1/√d", async () => {
    const study = await landscapeStudy(Link.parse("h3(z1)"), { dim: 400, trials: 3, seed: 1 });
    for (const cosine of study.smallestCosine) expect(cosine).toBeCloseTo(1 / 20, 12);
    for (const angle of study.before) expect(angle).toBeCloseTo(Math.acos(1 / 20), 10);
  });
  it.each([
    ["OptionError RANGE", { dim: 3 }],
    ["OptionError RANGE", { dim: 10, smallest: 2 }],
    ["OptionError UNKNOWN", { dim: 10, dims: 3 }],
  ])("%s for %o", async (expected, options) => {
    expect(await refusal(landscapeStudy(Link.parse("z1*z2"), options as never))).toBe(expected);
  });
});

describe("conditioning", () => {
  it("of the averaging operator is the smallest cosine to the power −degree; of the Gram matrix it grows with the degree", async () => {
    const study = await stabilityStudy({ ranks: [1, 2], degrees: [2, 4, 6], trials: 5, seed: 3 });
    expect(study.rows.map(({ rank, degree, featureCount }) => [rank, degree, featureCount])).toEqual([
      [1, 2, 3],
      [1, 4, 5],
      [1, 6, 7],
      [2, 2, 6],
      [2, 4, 15],
      [2, 6, 28],
    ]);
    for (const row of study.rows) {
      expect(row.predictedOperatorCondition).toBe(2 ** row.degree);
      expect(Math.abs(row.operatorCondition.median / row.predictedOperatorCondition - 1)).toBeLessThan(1e-10);
      expect(row.operatorError.median).toBeLessThan(10);
      expect(row.gramCondition.median).toBeGreaterThanOrEqual(1);
      expect(row.gramCondition.interval[0]).toBeLessThanOrEqual(row.gramCondition.median);
      expect(row.samples).toBe(20 * row.featureCount);
    }
    for (const rank of [1, 2]) {
      const grams = study.rows.filter((row) => row.rank === rank).map((row) => row.gramCondition.median);
      expect(grams).toEqual([...grams].sort((a, b) => a - b));
    }
  });
  it("more samples bring the Gram matrix to the identity", async () => {
    const at = async (samplesPerFeature: number): Promise<number> => {
      const study = await stabilityStudy({ ranks: [2], degrees: [3], trials: 3, seed: 1, samplesPerFeature });
      return study.rows[0].gramCondition.median - 1;
    };
    const [few, many] = [await at(20), await at(2000)];
    expect(many).toBeLessThan(few / 5);
  });
  it.each([
    ["OptionError TOO_LARGE", { ranks: [6], degrees: [10] }],
    ["OptionError TYPE", { ranks: 2 }],
    ["OptionError RANGE", { degrees: [0] }],
    ["OptionError RANGE", { smallest: 0 }],
    ["OptionError UNKNOWN", { rank: 1 }],
  ])("%s for %o", async (expected, options) => {
    expect(await refusal(stabilityStudy(options as never))).toBe(expected);
  });
});
