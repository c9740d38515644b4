/** Rows set aside, and the comparison of two fits by their errors. */
import { describe, expect, it } from "vitest";
import { calibrated, setAside } from "../../src/solve/calibration.js";
import { compare } from "../../src/solve/compareFits.js";
import type { Fit } from "../../src/solve/report.js";
import { codeOf } from "../support/errors.js";

describe("setAside", () => {
  const rows = (n: number) => ({
    rows: { data: Float64Array.from({ length: 2 * n }, (_, i) => i), rows: n, columns: 2 },
    y: Float64Array.from({ length: n }, (_, i) => 100 + i),
    weights: undefined as Float64Array | undefined,
  });

  it.each([
    [2, 1],
    [3, 1],
    [4, 1],
    [5, 1],
    [6, 2],
    [40, 10],
  ])("of %i rows %i, all others kept, in order", (n, count) => {
    const { kept, aside } = setAside(rows(n), 7);
    expect(aside.rows.rows).toBe(count);
    expect(kept.rows.rows).toBe(n - count);
    const first = (part: { rows: { data: ArrayLike<number>; rows: number } }) =>
      Array.from({ length: part.rows.rows }, (_, i) => part.rows.data[2 * i] / 2);
    for (const part of [kept, aside]) {
      expect(first(part)).toEqual([...first(part)].sort((a, b) => a - b));
      expect(Array.from(part.y, (v) => v - 100)).toEqual(first(part));
    }
    expect([...first(kept), ...first(aside)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    expect(kept.weights).toBeUndefined();
  });

  it("is the seed's, takes rows with a weight only, and keeps weights beside their rows", () => {
    const one = setAside(rows(40), 1);
    expect(setAside(rows(40), 1).aside.y).toEqual(one.aside.y);
    expect(setAside(rows(40), 2).aside.y).not.toEqual(one.aside.y);
    const weights = Float64Array.from({ length: 40 }, (_, i) => (i < 20 ? 0 : i));
    const { kept, aside } = setAside({ ...rows(40), weights }, 3);
    expect(aside.rows.rows).toBe(5);
    expect(aside.y.every((v) => v >= 120)).toBe(true);
    expect(Array.from(kept.weights as Float64Array)).toEqual(Array.from(kept.y, (v) => (v - 100 < 20 ? 0 : v - 100)));
  });

  it("needs two rows with a weight", () => {
    expect(codeOf(() => setAside(rows(1), 1))).toBe("EMPTY");
    expect(codeOf(() => setAside({ ...rows(3), weights: Float64Array.of(0, 1, 0) }, 1))).toBe("EMPTY");
    expect(codeOf(() => setAside({ ...rows(3), weights: Float64Array.of(0, 1, 1) }, 1))).toBe("nothing thrown");
    expect(() => setAside(rows(1), 1)).toThrow(/split.*X has 1\./);
  });

  it("leaves a fit without rows aside as it is, and calibrates with those there are", () => {
    const model = { calibrated: (...given: unknown[]) => given };
    const fit = { model } as unknown as Fit;
    expect(calibrated(fit, undefined)).toBe(fit);
    const aside = { rows: rows(2).rows, y: Float64Array.of(1, 2) };
    expect(calibrated(fit, aside)).toMatchObject({ model: [aside.rows, aside.y] });
  });
});

describe("compare", () => {
  const fitOf = (errors: number[] | undefined, r2 = 0.5, dim = 3, rank = 0): Fit =>
    ({
      model: { dim, rank, basis: [[1], [0], [0]] },
      diagnostics: { heldOut: { errors: errors && Float64Array.from(errors), r2 } },
    }) as unknown as Fit;

  it("is the mean difference of squared errors with its paired standard error", () => {
    const found = compare(fitOf([1, 2, 3, 0], 0.9), fitOf([1, 1, 1, 0], 0.8));
    // Differences 0, 3, 8, 0: mean 11/4, squares about it sum to 73 − 121/4 = 42.75.
    expect(found.difference).toBeCloseTo(11 / 4, 14);
    expect(found.standardError).toBeCloseTo(Math.sqrt(42.75) / 4, 14);
    expect(found.r2).toEqual([0.9, 0.8]);
    expect(found.better).toBeUndefined();
    expect(found.distance).toBe(0);
  });

  it("names the better one beyond two standard errors", () => {
    expect(compare(fitOf([2, 2.1, 2]), fitOf([1, 1, 1])).better).toBe("b");
    expect(compare(fitOf([1, 1, 1]), fitOf([2, 2.1, 2])).better).toBe("a");
    expect(compare(fitOf([1, 1, 1]), fitOf([1, 1, 1])).better).toBeUndefined();
    // Differences 1 and 0: mean ½, standard error √½/2 ≈ 0.354 > ½/2.
    expect(compare(fitOf([1, 1]), fitOf([0, 1])).better).toBeUndefined();
  });

  it("has a distance for equal ranks only", () => {
    expect(compare(fitOf([1, 1], 0, 3, 1), fitOf([1, 1], 0, 3, 1)).distance).toBeCloseTo(0, 12);
    expect("distance" in compare(fitOf([1, 1], 0, 3, 1), fitOf([1, 1], 0, 3, 0))).toBe(false);
  });

  it("refuses fits of other rows, and those without errors by their place", () => {
    expect(codeOf(() => compare(fitOf([1, 1]), fitOf([1, 1, 1])))).toBe("SHAPE");
    expect(codeOf(() => compare(fitOf([1, 1], 0, 3), fitOf([1, 1], 0, 4)))).toBe("SHAPE");
    expect(() => compare(fitOf([1, 1]), fitOf([1, 1, 1]))).toThrow(/2 rows of 3 inputs and 3 rows of 3 inputs/);
    expect(codeOf(() => compare(fitOf(undefined), fitOf([1])))).toBe("UNAVAILABLE");
    expect(() => compare(fitOf(undefined), fitOf([1]))).toThrow(/The first fit has no/);
    expect(() => compare(fitOf([1]), fitOf(undefined))).toThrow(/The second fit has no/);
  });
});
