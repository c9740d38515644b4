/** What a fit says about itself, from numbers that are known. */
import { describe, expect, it } from "vitest";
import { conditionWarning, gaussianityOf, inputWarnings, principalValuesOf } from "../../src/solve/diagnostics.js";
import type { InputMap } from "../../src/solve/inputMap.js";

describe("gaussianityOf", () => {
  it("of ±1 in one variable: fourth moments are off by one, nothing is skewed", () => {
    const { deviation, gaussianLevel, skewness, excessKurtosis } = gaussianityOf(Float64Array.of(1, -1, 1, -1), 4, 1);
    // h₂(±1) = 0, so its square is 0 where the normal law has 1.
    expect(deviation).toBeCloseTo(1, 14);
    expect(gaussianLevel).toBeCloseTo(3 * Math.sqrt(14 / 4), 14);
    expect(skewness).toBe(0);
    expect(excessKurtosis).toBeCloseTo(2, 14);
  });

  it("of a skewed variable beside one that is constant", () => {
    // z₁ = −1, −1, −1, 3: squares 12/4 = 3, cubes 24/4 = 6, fourth powers 84/4 = 21.
    const z = Float64Array.of(-1, 0, -1, 0, -1, 0, 3, 0);
    const { deviation, skewness, excessKurtosis } = gaussianityOf(z, 4, 2);
    expect(skewness).toBeCloseTo(6 / (3 * Math.sqrt(3)), 14);
    expect(excessKurtosis).toBeCloseTo(3 - 21 / 9, 14);
    // ⟨h₂²⟩ = (0 + 0 + 0 + 64)/2/4 = 8 is the worst: off by 7.
    expect(deviation).toBeCloseTo(7, 13);
    expect(gaussianityOf(Float64Array.of(0, 3, 0, -1, 0, -1, 0, -1), 4, 2)).toMatchObject({ skewness, excessKurtosis });
  });

  it("sees dependence of two variables that are normal by themselves", () => {
    // z₁z₂ = 1 always: the product of the two is no feature of mean 0 any more.
    const s = Math.sqrt(0.5);
    const z = Float64Array.of(s, 1 / s, -s, -1 / s);
    expect(gaussianityOf(z, 2, 2).deviation).toBeCloseTo(1, 12);
  });

  it("of four points on the corners of a square: products have mean 0 and variance 1", () => {
    const { deviation } = gaussianityOf(Float64Array.of(1, 1, 1, -1, -1, 1, -1, -1), 4, 2);
    expect(deviation).toBeCloseTo(1, 14);
  });
});

it("principal values descend", () => {
  const values = Array.from(principalValuesOf(Float64Array.of(2, 0, 0, 5), 2));
  expect(values[0]).toBeCloseTo(5, 14);
  expect(values[1]).toBeCloseTo(2, 14);
});

it("the condition number is told beyond 1e10", () => {
  expect(conditionWarning(1e10)).toEqual([]);
  expect(conditionWarning(Number.NaN)).toEqual([]);
  const [warning, ...more] = conditionWarning(1.1e10);
  expect(more).toEqual([]);
  expect(warning).toMatchObject({
    code: "ILL_CONDITIONED",
    message: expect.stringMatching(/condition number 1\.1e\+10/),
  });
});

describe("inputWarnings", () => {
  const inputs = (more: Partial<InputMap>): InputMap => ({
    kind: "none",
    columns: 3,
    dim: 3,
    center: new Float64Array(3),
    inverseScale: Float64Array.of(1, 1, 1),
    columnScale: Float64Array.of(1, 1, 1),
    correlationExcess: 1,
    ...more,
  });
  const codes = (map: InputMap, rank = 1, wanted = 1, n = 1000, features = 5) =>
    inputWarnings(map, rank, wanted, n, features).map(({ code }) => code);

  it("spreads that differ by more than ten, unless the columns were scaled", () => {
    expect(codes(inputs({ columnScale: Float64Array.of(1, 10, 0) }))).toEqual([]);
    expect(codes(inputs({ columnScale: Float64Array.of(10.1, 1, 0) }))).toEqual(["NOT_WHITENED"]);
    expect(codes(inputs({ columnScale: Float64Array.of(1, 10.1, 5), kind: "scale" }))).toEqual([]);
    expect(codes(inputs({ columnScale: new Float64Array(3) }))).toEqual([]);
    const [{ message }] = inputWarnings(inputs({ columnScale: Float64Array.of(1, 20, 1) }), 1, 1, 1000, 5);
    expect(message).toMatch(/by a factor of 20\.0.*whiten: "full"/);
  });

  it("correlated columns, unless they were whitened", () => {
    expect(codes(inputs({ correlationExcess: 1.5 }))).toEqual([]);
    for (const kind of ["none", "scale"] as const)
      expect(codes(inputs({ kind, correlationExcess: 1.51 }))).toEqual(["NOT_WHITENED"]);
    expect(codes(inputs({ kind: "full", correlationExcess: 9 }))).toEqual([]);
  });

  it("a rank that the inputs do not span", () => {
    expect(codes(inputs({ dim: 2 }), 2, 3)).toEqual(["RANK_DEFICIENT"]);
    expect(inputWarnings(inputs({ dim: 2 }), 2, 3, 1000, 5)[0].message).toMatch(/only 2 dimensions.*2 instead of 3/);
    expect(codes(inputs({ dim: 2 }), 2, 2)).toEqual([]);
  });

  it("fewer than two rows a parameter: features and r(k − r) directions", () => {
    // 5 + 1·(3 − 1) = 7 parameters.
    expect(codes(inputs({}), 1, 1, 14)).toEqual([]);
    expect(codes(inputs({}), 1, 1, 13)).toEqual(["FEW_ROWS"]);
    expect(inputWarnings(inputs({}), 1, 1, 13, 5)[0].message).toMatch(
      /^13 rows for 7 free parameters \(5 link coefficients and 2 for the directions\)/,
    );
    expect(codes(inputs({ dim: 1 }), 3, 3, 10)).toEqual([]);
    expect(codes(inputs({ dim: 1 }), 3, 3, 9)).toEqual(["FEW_ROWS"]);
  });
});
