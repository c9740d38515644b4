/** Plateaus and predicted times beside measured ones; which degree acts first. */
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { Link } from "../../src/model/link.js";
import { effectiveExponent, saddleReport } from "../../src/theory/index.js";

describe("saddleReport", () => {
  it("single directions: level, coefficient and time as in theory", async () => {
    for (const [s, d] of [
      [2, 1e4],
      [3, 1e4],
      [4, 1e3],
    ]) {
      const { plateaus, finalLevel, flow } = await saddleReport(Link.parse(`2*h${s}(z1) + 1`), {
        start: [[d ** -0.5]],
      });
      expect(plateaus.length).toBe(1);
      const [{ level, observedLevel, coefficient, exponent, predictedTime, escapeTime, startCosine }] = plateaus;
      expect([level, coefficient, exponent]).toEqual([2, 2, s]);
      expect(observedLevel).toBeCloseTo(2, 4);
      expect(startCosine).toBeCloseTo(d ** -0.5, 15);
      expect(predictedTime / (d ** (s - 1) / (2 * s * (s - 1) * 4))).toBeCloseTo(1, 12);
      expect(Math.abs((escapeTime as number) / predictedTime - 1)).toBeLessThan(0.05);
      expect(finalLevel).toBe(0);
      expect(flow.stop.converged).toBe(true);
    }
  });

  it("saddle to saddle: levels fall by what each leap explains, times within the order-1 corrections", async () => {
    const link = Link.parse("z1 + h3(z2)");
    const { plateaus, flow } = await saddleReport(link, { dim: 1e5, seed: 5 });
    expect(plateaus.map((p) => [p.exponent, p.count])).toEqual([
      [1, 1],
      [3, 1],
    ]);
    expect(plateaus.map((p) => p.level)).toEqual([1, 0.5]);
    expect(plateaus[1].observedLevel).toBeCloseTo(0.5, 6);
    expect(plateaus.map((p) => p.escapeTime)).toEqual(flow.escapes.map((e) => e.time));
    // log-times are right up to a constant; the second stage to a percent.
    expect(Math.abs(plateaus[0].predictedTime - flow.escapes[0].time)).toBeLessThan(1);
    expect(Math.abs(plateaus[1].predictedTime / flow.escapes[1].time - 1)).toBeLessThan(0.01);
    expect(Math.abs(plateaus[1].directions.get(1, 0))).toBeCloseTo(1, 12);
  });

  it("the staircase: three plateaus at 3/2, 1 and ½", async () => {
    const { plateaus } = await saddleReport(Link.parse("z1 + z1*z2 + z1*z2*z3"), { dim: 1e6, seed: 1 });
    plateaus.forEach(({ level, predictedTime, escapeTime }, i) => {
      expect(level).toBeCloseTo([1.5, 1, 0.5][i], 12);
      expect(Math.abs(predictedTime - (escapeTime as number))).toBeLessThan(2.5);
    });
    expect(plateaus.length).toBe(3);
  });

  it("does not depend on the coordinates of the link", async () => {
    const q = [
      [0.6, -0.8],
      [0.8, 0.6],
    ];
    const link = Link.parse("h2(z1) + h4(z2)");
    const start = [
      [0.02, 0.01],
      [-0.01, 0.03],
    ];
    const turned = start.map((row) => [0, 1].map((i) => row[0] * q[i][0] + row[1] * q[i][1]));
    const one = await saddleReport(link, { start });
    const two = await saddleReport(link.rotate(q), { start: turned });
    one.plateaus.forEach((p, i) => {
      expect(two.plateaus[i].predictedTime / p.predictedTime).toBeCloseTo(1, 9);
      expect((two.plateaus[i].escapeTime as number) / (p.escapeTime as number)).toBeCloseTo(1, 6);
    });
    expect(Math.abs((one.plateaus[1].escapeTime as number) / one.plateaus[1].predictedTime - 1)).toBeLessThan(0.02);
  });

  it("several directions at once, fewer directions than the link, starts past ½, horizons", async () => {
    const product = await saddleReport(Link.parse("z1*z2"), {
      start: [
        [0.01, 0],
        [0, 0.01],
      ],
    });
    expect(product.plateaus[0]).toMatchObject({ count: 2, exponent: 2 });
    expect(product.plateaus[0].predictedTime).toBeCloseTo(5000, 6);
    expect(Math.abs((product.plateaus[0].escapeTime as number) / 5000 - 1)).toBeLessThan(0.05);

    const few = await saddleReport(Link.parse("z1 + z1*z2 + z1*z2*z3"), { dim: 1e3, rank: 2, seed: 1 });
    expect([few.plateaus.length, few.finalLevel]).toEqual([2, undefined]);
    const part = await saddleReport(Link.parse("z1*z2*z3"), { dim: 100, rank: 2, seed: 1, horizon: 1e5 });
    expect(part.plateaus.map((p) => p.count)).toEqual([2]);

    const late = await saddleReport(Link.parse("z1 + h2(z2)"), {
      start: [
        [0.8, 0],
        [0, 0.1],
      ],
    });
    expect(late.plateaus[0].escapeTime).toBeUndefined();
    expect(late.plateaus[1].escapeTime).toBe(late.flow.escapes[0].time);

    const cut = await saddleReport(Link.parse("z1 + h3(z2)"), { dim: 1e4, seed: 1, horizon: 50 });
    expect(cut.plateaus[0].escapeTime).toBeGreaterThan(0);
    expect(cut.plateaus[1].escapeTime).toBeUndefined();
    expect(cut.plateaus[1].observedLevel).toBeCloseTo(0.5, 3);

    const constant = await saddleReport(Link.fromCoefficients([1, 0], { rank: 1, degree: 1 }), { dim: 9 });
    expect(constant.plateaus).toEqual([]);
    expect(constant.finalLevel).toBe(0);
  });
});

describe("effectiveExponent", () => {
  it("a tiny linear part loses against h2 until d is large", () => {
    const link = Link.parse("0.02*z1 + h2(z1)");
    expect(effectiveExponent(link, 100).exponent).toBe(2);
    expect(effectiveExponent(link, 1e7).exponent).toBe(1);
    const { candidates, time } = effectiveExponent(link, 100);
    expect(candidates.map((c) => c.exponent)).toEqual([1, 2]);
    expect(candidates[0].coefficient).toBeCloseTo(0.02, 14);
    expect(candidates[1].coefficient).toBeCloseTo(1, 14);
    expect(time).toBeCloseTo(25, 10);
    expect(candidates[0].time).toBeCloseTo(Math.log(100) / (2 * 4e-4), 6);
  });
  it("goes by the strongest direction of a degree, in any coordinates", () => {
    const link = Link.parse("z1*z2*z3 + 0.1*h2(z1)");
    const q = [
      [0.36, 0.48, -0.8],
      [-0.8, 0.6, 0],
      [0.48, 0.64, 0.6],
    ];
    const [one, two] = [effectiveExponent(link, 1e4), effectiveExponent(link.rotate(q), 1e4)];
    expect(one.candidates[1].coefficient).toBeCloseTo(1 / Math.sqrt(3), 12);
    one.candidates.forEach((c, i) => {
      expect(two.candidates[i].time / c.time).toBeCloseTo(1, 10);
    });
  });
  it("constants have none; dimensions must be above 1", () => {
    for (const link of [
      Link.fromCoefficients([4, 0, 1e-17], { rank: 1, degree: 2 }),
      Link.fromCoefficients([4], { rank: 0, degree: 0 }),
    ]) {
      expect(effectiveExponent(link, 10)).toEqual({ exponent: undefined, time: undefined, candidates: [] });
    }
    for (const dim of [1, 0, NaN]) expect(() => effectiveExponent(Link.parse("z1"), dim)).toThrow(LeapflowError);
  });
});
