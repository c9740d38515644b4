/** Intervals, medians and lines that studies rest on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bootstrapHalfWidth, fitLine, median, quantile, wilsonInterval } from "../../src/base/statistics.js";

describe("Wilson's interval", () => {
  it("solves the score equation at both ends", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(500), (trials, some) => {
        const successes = Math.min(trials, some);
        const p = successes / trials;
        const [low, high] = wilsonInterval(successes, trials);
        expect(low).toBeLessThanOrEqual(p);
        expect(high).toBeGreaterThanOrEqual(p);
        for (const end of [low, high]) {
          const gap = Math.abs(p - end) - 1.959963984540054 * Math.sqrt((end * (1 - end)) / trials);
          expect(Math.abs(gap)).toBeLessThan(1e-12);
        }
      }),
    );
  });
  it.each([
    [0, 100, 0, 0.037],
    [33, 60, 0.4249, 0.6691],
    [10, 10, 0.7225, 1],
  ])("%d of %d: %d to %d", (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });
  it("covers the truth in 95 % of experiments, more or less", () => {
    let covered = 0;
    for (let k = 0, weight = 0.7 ** 40; k <= 40; k++) {
      const [low, high] = wilsonInterval(k, 40);
      if (low <= 0.3 && 0.3 <= high) covered += weight;
      weight *= ((40 - k) / (k + 1)) * (0.3 / 0.7);
    }
    expect(covered).toBeGreaterThan(0.93);
    expect(covered).toBeLessThan(0.98);
  });
});

describe("quantiles and lines", () => {
  it("medians and quartiles interpolate between order statistics", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quantile([5, 1, 4, 2, 3], 1)).toBe(5);
  });
  it("a line through points on a line is that line, with no width", () => {
    const line = fitLine([1, 2, 4, 7], [5, 7, 11, 17]);
    expect(line.slope).toBeCloseTo(2, 14);
    expect(line.intercept).toBeCloseTo(3, 13);
    expect(line.halfWidth).toBeLessThan(1e-12);
    expect(fitLine([0, 1], [3, 9])).toEqual({ slope: 6, intercept: 3, halfWidth: 0 });
  });
  it("Anscombe's first set: slope 0.5001, standard error 0.1179, nine degrees of freedom", () => {
    const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
    const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
    const { slope, intercept, halfWidth } = fitLine(x, y);
    expect(slope).toBeCloseTo(0.5001, 4);
    expect(intercept).toBeCloseTo(3.0001, 4);
    expect(halfWidth / 2.262).toBeCloseTo(0.1179, 4);
  });
  it("the bootstrap width of a mean is 1.96 standard errors", () => {
    const values = Array.from({ length: 200 }, (_, i) => (Math.sin(i * 12.9898) * 43758.5453) % 1);
    const mean = (drawn: Iterable<number>): number =>
      Array.from(drawn, (t) => values[t]).reduce((a, b) => a + b, 0) / 200;
    const whole = mean(values.keys());
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - whole) ** 2, 0) / 200);
    const width = bootstrapHalfWidth(200, 1, mean);
    expect(width / ((1.96 * deviation) / Math.sqrt(200))).toBeGreaterThan(0.85);
    expect(width / ((1.96 * deviation) / Math.sqrt(200))).toBeLessThan(1.15);
    expect(bootstrapHalfWidth(1, 1, () => 3)).toBe(0);
    expect(bootstrapHalfWidth(3, 1, () => undefined)).toBe(0);
  });
});
