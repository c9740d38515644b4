/** Polynomials in the Hermite basis, beside their values at points. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { multiIndexTable } from "../../src/math/multiIndex.js";
import {
  addHermiteCoefficients,
  addScaled,
  checkDegree,
  constant,
  constantOf,
  degreeOf,
  fromHermiteCoefficients,
  hermiteOfPolynomial,
  inverseRootFactorial,
  mapCoefficients,
  multiplyPolynomials,
  type Polynomial,
  powerOfPolynomial,
  variable,
} from "../../src/math/polynomial.js";
import { codeOf } from "../support/errors.js";

/** He_n(x), by the recurrence. */
function he(n: number, x: number): number {
  let [below, at] = [1, x];
  if (n === 0) return 1;
  for (let k = 1; k < n; k++) [below, at] = [at, x * at - k * below];
  return at;
}
const valueAt = (a: Polynomial, z: readonly number[]): number =>
  Array.from(a).reduce(
    (sum, [key, c]) => sum + (key === "" ? c : key.split(",").reduce((p, m, k) => p * he(Number(m), z[k]), c)),
    0,
  );
const entries = (a: Polynomial) => Object.fromEntries(a);
const [x, y] = [variable(0), variable(1)];

/** Whole polynomials of at most degree 4 in three variables. */
const polynomials = fc
  .array(
    fc.tuple(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 3 }), fc.integer({ min: -5, max: 5 })),
    {
      maxLength: 4,
    },
  )
  .map((terms) =>
    terms.reduce((sum: Polynomial, [index, c]) => {
      const term = index.reduce(
        (p: Polynomial, m, k) => multiplyPolynomials(p, powerOfPolynomial(variable(k), m)),
        constant(1),
      );
      return addScaled(sum, term, c);
    }, constant(0)),
  );
const POINTS = [
  [0, 1, 2],
  [-1, 3, 0],
  [2, -2, 1],
];

describe("the ring", () => {
  it("adds and multiplies exactly: values at whole points agree", () => {
    fc.assert(
      fc.property(polynomials, polynomials, fc.integer({ min: -3, max: 3 }), (a, b, factor) => {
        const [sum, product] = [addScaled(a, b, factor), multiplyPolynomials(a, b)];
        for (const z of POINTS) {
          expect(valueAt(sum, z) - (valueAt(a, z) + factor * valueAt(b, z))).toBe(0);
          expect(valueAt(product, z) - valueAt(a, z) * valueAt(b, z)).toBe(0);
        }
        for (const c of [...sum.values(), ...product.values()]) expect(c).not.toBe(0);
        if (a.size > 0 && b.size > 0) expect(degreeOf(product)).toBe(degreeOf(a) + degreeOf(b));
      }),
    );
  });

  it("names terms by their exponents without trailing zeros, and drops what cancels", () => {
    expect(entries(x)).toEqual({ "1": 1 });
    expect(entries(variable(2))).toEqual({ "0,0,1": 1 });
    expect(entries(constant(3))).toEqual({ "": 3 });
    expect(entries(constant(0))).toEqual({});
    expect(entries(multiplyPolynomials(x, y))).toEqual({ "1,1": 1 });
    // x² = He₂ + 1.
    expect(entries(multiplyPolynomials(x, x))).toEqual({ "2": 1, "": 1 });
    expect(entries(addScaled(x, x, -1))).toEqual({});
    expect(entries(mapCoefficients(addScaled(x, y, 3), (c) => c / 3))).toEqual({ "1": 1 / 3, "0,1": 1 });
  });

  it("knows degrees and constants", () => {
    expect([constant(0), constant(2), x, multiplyPolynomials(x, multiplyPolynomials(x, y))].map(degreeOf)).toEqual([
      0, 0, 1, 3,
    ]);
    expect(constantOf(constant(0))).toBe(0);
    expect(constantOf(constant(7))).toBe(7);
    expect(constantOf(x)).toBeUndefined();
    expect(constantOf(addScaled(x, constant(1), 1))).toBeUndefined();
  });

  it("leaves terms above a degree out", () => {
    const square = powerOfPolynomial(addScaled(x, constant(1), 1), 2); // x² + 2x + 1 = He₂ + 2He₁ + 2
    expect(entries(multiplyPolynomials(square, square, 2))).toEqual(
      Object.fromEntries(Array.from(multiplyPolynomials(square, square)).filter(([key]) => Number(key || 0) <= 2)),
    );
    expect(degreeOf(multiplyPolynomials(square, square, 3))).toBe(3);
  });
});

describe("powers and Hermite polynomials", () => {
  it("powers are repeated products", () => {
    const a = addScaled(addScaled(x, y, 2), constant(1), -1);
    let product = constant(1);
    for (let n = 0; n <= 7; n++) {
      expect(entries(powerOfPolynomial(a, n))).toEqual(entries(product));
      product = multiplyPolynomials(product, a);
    }
  });

  it("He_n of a variable is one term, of anything else its recurrence", () => {
    expect(entries(hermiteOfPolynomial(y, 5))).toEqual({ "0,5": 1 });
    expect(entries(hermiteOfPolynomial(y, 0))).toEqual({ "": 1 });
    for (const a of [mapCoefficients(x, () => 2), multiplyPolynomials(x, y), addScaled(x, y, 1), constant(3)]) {
      for (let n = 0; n <= 5; n++) {
        for (const z of POINTS) expect(valueAt(hermiteOfPolynomial(a, n), z) - he(n, valueAt(a, z))).toBe(0);
      }
    }
  });

  it("stop at degree 100, and before a second's worth of terms", () => {
    expect(() => checkDegree(100)).not.toThrow();
    expect(codeOf(() => checkDegree(101))).toBe("TOO_LARGE");
    expect(() => checkDegree(101)).toThrow(/degree 101; at most 100/);
    expect(codeOf(() => powerOfPolynomial(x, 101))).toBe("TOO_LARGE");
    expect(codeOf(() => hermiteOfPolynomial(x, 101))).toBe("TOO_LARGE");
    expect(degreeOf(powerOfPolynomial(x, 100))).toBe(100);
    const half = powerOfPolynomial(x, 51);
    expect(codeOf(() => multiplyPolynomials(half, half))).toBe("TOO_LARGE");
    expect(degreeOf(multiplyPolynomials(half, half, 102))).toBe(102);
    let all = constant(1);
    for (let k = 0; k < 8; k++) all = addScaled(all, variable(k), 1);
    expect(codeOf(() => powerOfPolynomial(all, 30))).toBe("TOO_LARGE");
    expect(() => powerOfPolynomial(all, 30)).toThrow(/too many terms/);
  });
});

describe("normalised coefficients", () => {
  it("1/√n!", () => {
    expect([0, 1, 2, 3, 4].map(inverseRootFactorial)).toEqual([
      1,
      1,
      1 / Math.sqrt(2),
      1 / Math.sqrt(6),
      1 / Math.sqrt(24),
    ]);
  });

  it("h_β comes back as exactly 1, in the order of the table", () => {
    const [rank, degree] = [3, 4];
    const { size } = multiIndexTable(rank, degree);
    for (let j = 0; j < size; j++) {
      const unit = new Float64Array(size);
      unit[j] = 1;
      const a = fromHermiteCoefficients(unit, rank, degree);
      expect(a.size).toBe(1);
      const out = new Float64Array(size);
      addHermiteCoefficients(a, rank, degree, out);
      expect(out).toEqual(unit);
    }
  });

  it("adds into what is there, terms above the degree left out", () => {
    // x²y + 3 = (He₂ + 1)·He₁(y) + 3.
    const a = addScaled(multiplyPolynomials(multiplyPolynomials(x, x), y), constant(3), 1);
    const out = new Float64Array(3).fill(10);
    addHermiteCoefficients(a, 2, 1, out);
    expect(Array.from(out)).toEqual([13, 10, 11]);
    const whole = new Float64Array(10);
    addHermiteCoefficients(a, 2, 3, whole);
    // x²y is He₂He₁ = √2·h₂h₁, position 7 of [000 | 10 01 | 20 11 02 | 30 21 12 03].
    expect(whole[7]).toBeCloseTo(Math.SQRT2, 15);
    expect([whole[0], whole[2]]).toEqual([3, 1]);
  });
});
