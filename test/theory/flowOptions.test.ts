/** What a flow is asked for, filled in and refused. */
import { describe, expect, it } from "vitest";
import { type FlowOptions, readFlow } from "../../src/theory/flowOptions.js";
import { Link } from "../../src/theory/index.js";
import { codeOf } from "../support/errors.js";

const link = Link.parse("z1 + z1*z2"); // leaps: z1, then z2
const read = (options: FlowOptions) => readFlow(link, options, "populationFlow");

describe("readFlow", () => {
  it("fills in what was not given", () => {
    const { plan } = read({ dim: 100 });
    expect(plan).toMatchObject({
      rank: 2,
      rankStar: 2,
      times: undefined,
      horizon: Number.POSITIVE_INFINITY,
      tolerance: 1e-9,
      maxIterations: 100_000,
      monotone: false,
      onProgress: undefined,
    });
    expect(plan.start).toHaveLength(4);
  });

  it("takes what was given", () => {
    const onProgress = () => undefined;
    const { plan } = read({ dim: 9, rank: 3, times: [0, 1, 1, 4], tolerance: 1e-6, maxIterations: 7, onProgress });
    expect(plan).toMatchObject({ rank: 3, rankStar: 2, horizon: 4, tolerance: 1e-6, maxIterations: 7, onProgress });
    expect(Array.from(plan.times as Float64Array)).toEqual([0, 1, 1, 4]);
    expect(plan.start).toHaveLength(6);
    expect(read({ dim: 9, times: [1, 4], horizon: 4 }).plan.horizon).toBe(4);
    expect(read({ dim: 9, times: [1, 4], horizon: 9 }).plan.horizon).toBe(9);
    expect(read({ dim: 9, times: [1, 4], horizon: Number.POSITIVE_INFINITY }).plan.horizon).toBe(4);
    expect(read({ dim: 9, times: [] }).plan.horizon).toBe(Number.POSITIVE_INFINITY);
    expect(read({ dim: 9, horizon: 0 }).plan.horizon).toBe(0);
    const { signal } = new AbortController();
    expect(() => read({ dim: 9, signal })).not.toThrow();
    const aborted = AbortSignal.abort(new Error("enough"));
    expect(() => read({ dim: 9, signal: aborted }).control.throwIfAborted()).toThrow("enough");
  });

  it("random starts are those of seed, trial and dimension", () => {
    const start = (options: FlowOptions) => Array.from(read(options).plan.start);
    const one = start({ dim: 100 });
    expect(start({ dim: 100, seed: 0, trial: 0, start: "gaussian" })).toEqual(one);
    expect(start({ dim: 100, seed: 1 })).not.toEqual(one);
    expect(start({ dim: 100, trial: 1 })).not.toEqual(one);
    // The same g at every dimension, over √dim.
    start({ dim: 400 }).forEach((m, i) => {
      expect(m * 2).toBeCloseTo(one[i], 14);
    });
    const haar = start({ dim: 100, start: "haar" });
    expect(haar).not.toEqual(one);
    expect(start({ dim: 100, start: "haar" })).toEqual(haar);
    expect(start({ dim: 100, start: "haar", trial: 2 })).not.toEqual(haar);
    // A Haar frame in the plane has the whole plane as its span.
    const [a, b, c, d] = start({ dim: 2, start: "haar" });
    expect(Math.abs(a * d - b * c)).toBeCloseTo(1, 12);
  });

  it("a given start has its own rank", () => {
    const { plan } = read({ start: [[0.1, 0.2]] });
    expect(plan).toMatchObject({ rank: 1, start: Float64Array.of(0.1, 0.2) });
    expect(read({ start: [[0.1, 0.2]], rank: 1 }).plan.rank).toBe(1);
    expect(codeOf(() => read({ start: [[0.1, 0.2]], rank: 2 }))).toBe("SHAPE");
    expect(() => read({ start: [[0.1, 0.2]], rank: 2 })).toThrow(/start is 1×2, but rank is 2/);
    expect(codeOf(() => read({ start: [[0.1, 0.2, 0]] }))).toBe("SHAPE");
    expect(codeOf(() => read({ start: [[1, 0.2]] }))).toBe("RANGE");
  });

  it("watches for the leaps of the link, as many as the learner has directions", () => {
    const counts = (rank: number) => read({ dim: 50, rank }).plan.thresholds.map(({ count, leap }) => [leap, count]);
    expect(counts(2)).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(counts(1)).toEqual([[0, 1]]);
    expect(counts(5)).toEqual(counts(2));
    const [first] = read({ dim: 50 }).plan.thresholds;
    expect(first.exponent).toBe(1);
    expect(Array.from(first.directions, Math.abs)).toEqual([1, 0]);
    // z₁z₂ is one leap of two dimensions; a learner of one direction takes one of them.
    const both = Link.parse("z1*z2");
    const of = (rank: number) => readFlow(both, { dim: 50, rank }, "f").plan.thresholds.map(({ count }) => count);
    expect([of(1), of(2)]).toEqual([[1], [2]]);
  });

  it("leaves degrees out that the link has not", () => {
    const padded = Link.fromCoefficients([0, 1, 0, 0, 0, 0, 0, 0, 0, 0], { rank: 2, degree: 3 });
    const { link: used } = readFlow(padded, { dim: 9 }, "f");
    expect(used).toMatchObject({ degree: 1, rank: 2, intrinsicDimension: 1 });
    expect(Array.from(used.coefficients)).toEqual([0, 1, 0]);
    expect(readFlow(padded, { dim: 9 }, "f").link).toBe(used);
  });

  const refusals: readonly [FlowOptions, string, RegExp][] = [
    [{}, "TYPE", /^dim is undefined/],
    [{ dim: 0 }, "RANGE", /^dim/],
    [{ dim: 9, rank: 0 }, "RANGE", /^rank/],
    [{ dim: 9, rank: 10 }, "RANGE", /^dim is 9, but rank is 10/],
    [{ dim: 1 }, "RANGE", /the link has 2 variables/],
    [{ dim: 9, seed: -1 }, "RANGE", /^seed/],
    [{ dim: 9, trial: -1 }, "RANGE", /^trial/],
    [{ dim: 9, start: "uniform" as never }, "RANGE", /^start.*gaussian.*r×r⋆/],
    [{ dim: 9, times: [-1] }, "RANGE", /^times\[0\] is -1/],
    [{ dim: 9, times: [0, 2, 1] }, "RANGE", /^times\[2\] is 1; times must be ≥ 0 and ascending/],
    [{ dim: 9, times: [Number.NaN] }, "NOT_FINITE", /times/],
    [{ dim: 9, horizon: -1 }, "RANGE", /^horizon/],
    [{ dim: 9, times: [0, 5], horizon: 4 }, "RANGE", /^horizon is 4, before the last of the times, 5/],
    [{ dim: 9, tolerance: 1e-14 }, "RANGE", /^tolerance/],
    [{ dim: 9, tolerance: 0.011 }, "RANGE", /^tolerance/],
    [{ dim: 9, maxIterations: 0 }, "RANGE", /^maxIterations/],
    [{ dim: 9, signal: {} as never }, "TYPE", /^signal/],
    [{ dim: 9, onProgress: 1 as never }, "TYPE", /^onProgress/],
    [{ dimm: 9 } as never, "UNKNOWN", /populationFlow.*dimm.*dim|dimm.*dim/],
  ];
  it.each(refusals)("refuses %j as %s", (options, code, words) => {
    expect(codeOf(() => read(options))).toBe(code);
    expect(() => read(options)).toThrow(words);
  });

  it("refuses a link of no variables", () => {
    const none = Link.fromCoefficients([1], { rank: 0, degree: 0 });
    expect(codeOf(() => readFlow(none, { dim: 9 }, "f"))).toBe("RANK");
  });
});
