/** Leaps: golden links plain and rotated, cutoffs, constants, fitted links. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { toMatrix } from "../../src/math/dense.js";
import { randomBasis } from "../../src/math/grassmann.js";
import { fittedLeaps, type Leaps, leapExponents } from "../../src/model/exponents.js";
import { Link } from "../../src/model/link.js";
import { codeOf as code } from "../support/errors.js";

interface Case {
  name: string;
  r: number;
  s: number;
  tol: number;
  alpha: number[];
  alpha_rotated: number[];
  leaps: [number, number][];
  information_exponent: number;
  leap_exponent: number;
  intrinsic_dimension: number;
  subspace_projector: number[][];
  subspace_projector_rotated: number[][];
  Q: number[][];
}
const golden = JSON.parse(readFileSync(new URL("../golden/multi-index/leaps.json", import.meta.url), "utf8")) as {
  cases: Case[];
};
const pairs = (leaps: Leaps) => leaps.steps.map((step) => [step.exponent, step.dimensions]);

function checkAgainst(c: Case, leaps: Leaps, projector: number[][]): void {
  expect(pairs(leaps)).toEqual(c.leaps);
  expect(leaps.informationExponent).toBe(c.information_exponent);
  expect(leaps.leap).toBe(c.leap_exponent);
  expect(leaps.intrinsicDimension).toBe(c.intrinsic_dimension);
  const columns = leaps.steps.flatMap((step) => step.basis.transpose().to2DArray());
  columns.forEach((a, i) => {
    columns.forEach((b, j) => {
      expect(Math.abs(a.reduce((sum, x, k) => sum + x * b[k], 0) - (i === j ? 1 : 0))).toBeLessThan(1e-13);
    });
  });
  for (let i = 0; i < c.r; i++) {
    for (let j = 0; j < c.r; j++) {
      const entry = columns.reduce((sum, v) => sum + v[i] * v[j], 0);
      expect(Math.abs(entry - projector[i][j])).toBeLessThan(1e-6);
    }
  }
  for (const { margin } of leaps.steps) {
    expect(margin.kept).toBeGreaterThan(margin.cutoff);
    expect(margin.dropped).toBeLessThanOrEqual(margin.cutoff);
  }
}

describe("golden links", () => {
  it.each(golden.cases)("$name", (c) => {
    checkAgainst(
      c,
      leapExponents(Link.fromCoefficients(c.alpha, { rank: c.r, degree: c.s }), { tolerance: c.tol }),
      c.subspace_projector,
    );
  });
  it.each(golden.cases)("$name, rotated", (c) => {
    const link = Link.fromCoefficients(c.alpha_rotated, { rank: c.r, degree: c.s });
    checkAgainst(c, leapExponents(link, { tolerance: c.tol }), c.subspace_projector_rotated);
    const own = Link.fromCoefficients(c.alpha, { rank: c.r, degree: c.s }).rotate(c.Q).coefficients;
    expect(Math.max(...c.alpha_rotated.map((x, j) => Math.abs(x - own[j])))).toBeLessThan(1e-10);
  });
  it("do not change under any rotation", () => {
    fc.assert(
      fc.property(fc.constantFrom(...golden.cases), fc.nat(), (c, seed) => {
        const q = toMatrix(randomBasis(c.r, c.r, createRng(seed)), c.r, c.r);
        const leaps = leapExponents(Link.fromCoefficients(c.alpha, { rank: c.r, degree: c.s }).rotate(q), {
          tolerance: c.tol,
        });
        expect(pairs(leaps)).toEqual(c.leaps);
      }),
    );
  });
});

describe("links from functions use their quadrature error", () => {
  it.each([
    ["abs(z1)", 1, 6, ([a]: number[]) => Math.abs(a), [[2, 1]]],
    [
      "relu + relu",
      2,
      6,
      ([a, b]: number[]) => Math.max(0, a) + Math.max(0, b),
      [
        [1, 1],
        [2, 1],
      ],
    ],
    [
      "cos·sin",
      2,
      8,
      ([a, b]: number[]) => Math.cos(a) * Math.sin(b),
      [
        [1, 1],
        [2, 1],
      ],
    ],
    [
      "z1 + z1z2z3",
      3,
      4,
      ([a, b, c]: number[]) => a + a * b * c,
      [
        [1, 1],
        [2, 2],
      ],
    ],
    ["|z1 − z2|, slow quadrature", 2, 6, ([a, b]: number[]) => Math.abs(a - b), [[2, 1]]],
  ] as const)("%s", (_, rank, degree, f, leaps) => {
    const link = Link.fromFunction(f, { rank, degree });
    const got = leapExponents(link);
    expect(pairs(got)).toEqual(leaps);
    expect(got.tolerance).toBeGreaterThanOrEqual(1e-8);
  });
});

describe("constants and cutoffs", () => {
  it("row 52: a zero or constant link has no exponent, and says why", () => {
    for (const link of [
      Link.fromCoefficients([1, 0, 0], { rank: 1, degree: 2 }),
      Link.fromCoefficients([0, 0, 0], { rank: 1, degree: 2 }),
      Link.fromCoefficients([5], { rank: 0, degree: 3 }),
      Link.fromCoefficients([5], { rank: 2, degree: 0 }),
      Link.fromCoefficients([1, 1e-17, 0], { rank: 1, degree: 2 }),
    ]) {
      const got = leapExponents(link);
      expect([got.informationExponent, got.leap, got.intrinsicDimension]).toEqual([undefined, undefined, 0]);
      expect(got.steps).toEqual([]);
      expect(got.reason).toMatch(/constant/);
    }
  });

  it("row 53: the stated relative cutoff decides and is reported", () => {
    const link = Link.fromCoefficients([0, 1e-15, 1], { rank: 1, degree: 2 });
    expect(leapExponents(link).informationExponent).toBe(2);
    expect(leapExponents(link).tolerance).toBe(1e-8);
    expect(leapExponents(link).steps[0].margin.dropped).toBeCloseTo(1e-15, 18);
    expect(leapExponents(link, { tolerance: 1e-16 }).informationExponent).toBe(1);
    expect(leapExponents(link, { tolerance: 1e-16 }).tolerance).toBe(1e-16);
    // Relative to the norm without the mean: scale and mean do not matter.
    const scaled = Link.fromCoefficients([7e200, 1e185, 1e200], { rank: 1, degree: 2 });
    expect(leapExponents(scaled).informationExponent).toBe(2);
  });

  it("row 53: two-dimensional ties are one step of two dimensions", () => {
    const product = Link.fromCoefficients([0, 0, 0, 0, 1, 0], { rank: 2, degree: 2 });
    expect(pairs(leapExponents(product))).toEqual([[2, 2]]);
    const nearly = Link.fromCoefficients([0, 0, 0, 1, 1e-9, 1 - 1e-9], { rank: 2, degree: 2 });
    expect(pairs(leapExponents(nearly))).toEqual([[2, 2]]);
  });

  it("leaves out directions that the link does not have", () => {
    const link = Link.fromCoefficients([0, 1, 0, 0], { rank: 3, degree: 1 });
    expect(pairs(leapExponents(link))).toEqual([[1, 1]]);
    expect(leapExponents(link).intrinsicDimension).toBe(1);
    const nothing = leapExponents(Link.fromCoefficients([0, 1, 1, 1, 0, 0], { rank: 2, degree: 2 }), {
      tolerance: 0.99,
    });
    expect(nothing.informationExponent).toBeUndefined();
    expect(nothing.reason).toMatch(/No part of degree 1 to 2/);
  });

  it("refuses other tolerances", () => {
    const link = Link.named("sin", { degree: 3 });
    for (const tolerance of [-1, NaN, 1, Infinity])
      expect(code(() => leapExponents(link, { tolerance }))).toBe("RANGE");
    expect(code(() => leapExponents(link, { tol: 1e-3 } as never))).toBe("UNKNOWN");
  });
});

describe("fitted links", () => {
  it("a part counts when it exceeds three standard errors", () => {
    const error = 0.01;
    const rng = createRng(2, "noise");
    // h2(z1) + h3(z2) with noise on every coefficient.
    const clean = Link.fromFunction(([a, b]) => (a * a - 1) / Math.SQRT2 + (b ** 3 - 3 * b) / Math.sqrt(6), {
      rank: 2,
      degree: 4,
    });
    let right = 0;
    for (let trial = 0; trial < 20; trial++) {
      const noisy = Link.fromCoefficients(
        clean.coefficients.map((x) => x + error * rng.normal()),
        { rank: 2, degree: 4 },
      );
      expect(leapExponents(noisy).informationExponent).toBe(1);
      if (JSON.stringify(pairs(fittedLeaps(noisy, error))) === "[[2,1],[3,1]]") right++;
    }
    expect(right).toBeGreaterThanOrEqual(18);
  });

  it("takes one error per coefficient as well, and none means the exact cutoff", () => {
    const link = Link.fromCoefficients([0, 0.02, 1], { rank: 1, degree: 2 });
    expect(fittedLeaps(link, 0.01).informationExponent).toBe(2);
    expect(fittedLeaps(link, [0.5, 0.01, 0.01]).informationExponent).toBe(2);
    expect(fittedLeaps(link, 0.001).informationExponent).toBe(1);
    expect(fittedLeaps(link, 0).informationExponent).toBe(leapExponents(link).informationExponent);
    expect(code(() => fittedLeaps(link, [1, 2]))).toBe("SHAPE");
    expect(code(() => fittedLeaps(link, -1))).toBe("NOT_FINITE");
  });
});
