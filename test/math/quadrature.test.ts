/** Quadrature, closed forms and projections: golden rules and coefficients, exactness, honesty about errors. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { LeapflowError } from "../../src/base/errors.js";
import { NAMED_FUNCTIONS, type NamedFunction, namedCoefficients } from "../../src/math/closedForms.js";
import { hermite } from "../../src/math/hermite.js";
import { featureCount, multiIndices } from "../../src/math/multiIndex.js";
import { projectFunction } from "../../src/math/projection.js";
import { gaussHermite, gaussLegendre, type QuadratureRule, splitGaussHermite } from "../../src/math/quadrature.js";
import { codeOf as code } from "../support/errors.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/multi-index/${name}.json`, import.meta.url), "utf8"));
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
const integrate = ({ nodes, weights }: QuadratureRule, g: (x: number) => number): number =>
  nodes.reduce((sum, x, i) => sum + weights[i] * g(x), 0);

describe("Gauss–Hermite", () => {
  const golden = read("hermite").quadrature as Record<string, { nodes: number[]; weights: number[] }>;
  it.each(Object.entries(golden))("golden %s-point rule", (n, rule) => {
    const { nodes, weights } = gaussHermite(Number(n));
    expect(difference(nodes, rule.nodes)).toBeLessThan(1e-11);
    expect(Math.max(...rule.weights.map((w, i) => Math.abs(weights[i] / w - 1)))).toBeLessThan(1e-10);
  });

  it.each([1, 2, 5, 16, 63, 64, 65, 128, 199, 200])("%d points: ascending, symmetric, orthonormal polynomials", (n) => {
    const rule = gaussHermite(n);
    for (let i = 0; i < n; i++) {
      expect(rule.nodes[i] + rule.nodes[n - 1 - i]).toBe(0);
      expect(rule.weights[i]).toBe(rule.weights[n - 1 - i]);
      expect(rule.weights[i]).toBeGreaterThan(0);
      if (i > 0) expect(rule.nodes[i]).toBeGreaterThan(rule.nodes[i - 1]);
    }
    const degree = Math.min(n - 1, 25);
    const h = Array.from(rule.nodes, (x) => hermite(x, degree));
    for (let a = 0; a <= degree; a++) {
      for (let b = 0; b <= a; b++) {
        const product = h.reduce((sum, values, i) => sum + rule.weights[i] * values[a] * values[b], 0);
        expect(Math.abs(product - (a === b ? 1 : 0))).toBeLessThan(5e-14);
      }
    }
    // The nodes are the zeros of h_n: moving on by a few units in the last place changes its sign.
    rule.nodes.forEach((x) => {
      const [left, right] = [
        hermite(x - 1e-13 * (1 + Math.abs(x)), n)[n],
        hermite(x + 1e-13 * (1 + Math.abs(x)), n)[n],
      ];
      expect(left * right).toBeLessThanOrEqual(0);
    });
  });

  it("is exact up to degree 2n − 1 and not beyond", () => {
    const fourth = (x: number) => x ** 4;
    expect(Math.abs(integrate(gaussHermite(3), fourth) - 3)).toBeLessThan(1e-14);
    expect(Math.abs(integrate(gaussHermite(2), fourth) - 3)).toBeGreaterThan(1);
  });

  it("hands out copies, and refuses other counts", () => {
    gaussHermite(5).nodes[0] = 7;
    expect(gaussHermite(5).nodes[0]).toBeLessThan(0);
    for (const n of [0, 201, 1.5, NaN]) expect(code(() => gaussHermite(n))).toBe("RANGE");
    expect(code(() => gaussHermite("4" as never))).toBe("TYPE");
  });
});

describe("other rules", () => {
  it("Gauss–Legendre integrates polynomials over (−1, 1)", () => {
    for (const n of [1, 2, 3, 10, 33, 64]) {
      const rule = gaussLegendre(n);
      expect(rule.nodes.length).toBe(n);
      for (let k = 0; k < 2 * n; k++) {
        expect(Math.abs(integrate(rule, (x) => x ** k) - (k % 2 === 0 ? 2 / (k + 1) : 0))).toBeLessThan(1e-14);
      }
      for (let i = 1; i < n; i++) expect(rule.nodes[i]).toBeGreaterThan(rule.nodes[i - 1]);
    }
    // n = 3: 0 and ±√(3/5).
    expect(Array.from(gaussLegendre(3).nodes)).toEqual([-Math.sqrt(0.6), 0, Math.sqrt(0.6)]);
  });

  it.each([1, 3, 12, 40, 64])("the split rule of 2·%d nodes is exact on each half-line", (half) => {
    const rule = splitGaussHermite(half);
    const top = Math.min(2 * half - 1, 30);
    // ∫₀^∞ x^k φ by recurrence from ½ and 1/√(2π).
    const moments = [0.5, 1 / Math.sqrt(2 * Math.PI)];
    for (let k = 2; k <= top; k++) moments.push((k - 1) * moments[k - 2]);
    for (let k = 0; k <= top; k++) {
      const right = integrate(rule, (x) => (x > 0 ? x ** k : 0));
      const left = integrate(rule, (x) => (x < 0 ? (-x) ** k : 0));
      expect(Math.abs(right / moments[k] - 1)).toBeLessThan(1e-12);
      expect(Math.abs(left / right - 1)).toBeLessThan(1e-14);
    }
  });
});

interface Coefficients {
  function: string;
  parameter: number | null;
  coefficients: number[];
  norm2: number;
}
const NAMES: Record<string, NamedFunction> = { "sin(a x)": "sin", "exp(a x)": "exp", "step(x > b)": "step" };
const FUNCTIONS: Record<string, (z: number, a: number) => number> = {
  relu: (z) => Math.max(0, z),
  abs: (z) => Math.abs(z),
  sign: (z) => Math.sign(z),
  "sin(a x)": (z, a) => Math.sin(a * z),
  "exp(a x)": (z, a) => Math.exp(a * z),
  "step(x > b)": (z, b) => (z > b ? 1 : 0),
  tanh: (z) => Math.tanh(z),
};

describe("coefficients of one-variable functions", () => {
  const cases = read("coefficients").cases as Coefficients[];
  it.each(cases.filter((c) => c.function !== "tanh"))("closed form of $function, $parameter", (c) => {
    const name = NAMES[c.function] ?? (c.function as NamedFunction);
    const got = namedCoefficients(name, c.coefficients.length - 1, c.parameter ?? undefined);
    expect(difference(got, c.coefficients)).toBeLessThan(1e-15);
  });

  it.each(cases)("projection of $function, $parameter, kinks and jumps included", (c) => {
    const f = FUNCTIONS[c.function];
    const got = projectFunction(([z]) => f(z, c.parameter ?? 0), 1, c.coefficients.length - 1);
    expect(difference(got.coefficients, c.coefficients)).toBeLessThan(1e-13);
    expect(got.error).toBeLessThan(1e-12);
  });

  it("closed forms agree with projections to degree 20, cos and gauss included", () => {
    const parameters: Partial<Record<NamedFunction, number>> = { step: -1.3, exp: -0.8, sin: 2.5, cos: 1.7 };
    const functions: Record<NamedFunction, (z: number, a: number) => number> = {
      relu: FUNCTIONS.relu,
      abs: FUNCTIONS.abs,
      sign: FUNCTIONS.sign,
      step: FUNCTIONS["step(x > b)"],
      exp: FUNCTIONS["exp(a x)"],
      sin: FUNCTIONS["sin(a x)"],
      cos: (z, a) => Math.cos(a * z),
      gauss: (z) => Math.exp(-z * z),
    };
    for (const name of NAMED_FUNCTIONS) {
      const a = parameters[name];
      const projected = projectFunction(([z]) => functions[name](z, a ?? 1), 1, 20);
      expect(difference(namedCoefficients(name, 20, a), projected.coefficients), name).toBeLessThan(1e-12);
    }
  });

  it("have the norm of the function in the limit", () => {
    for (const c of cases) {
      const inside = c.coefficients.reduce((sum, x) => sum + x * x, 0);
      expect(inside).toBeLessThanOrEqual(c.norm2 + 1e-12);
    }
    const exponential = namedCoefficients("exp", 60, 0.5).reduce((sum, x) => sum + x * x, 0);
    expect(Math.abs(exponential / Math.exp(0.5) - 1)).toBeLessThan(1e-14);
  });

  it("defaults: a = 1, b = 0; degree 0 works; bad parameters are refused", () => {
    expect(namedCoefficients("sin", 5)).toEqual(namedCoefficients("sin", 5, 1));
    expect(namedCoefficients("step", 5)).toEqual(namedCoefficients("step", 5, 0));
    expect(namedCoefficients("relu", 0).length).toBe(1);
    expect(code(() => namedCoefficients("relu", 3, 1))).toBe("RANGE");
    expect(code(() => namedCoefficients("exp", 3, NaN))).toBe("RANGE");
    expect(code(() => namedCoefficients("exp", 3, 60))).toBe("RANGE");
    expect(code(() => namedCoefficients("tan" as never, 3))).toBe("RANGE");
    expect(namedCoefficients("step", 3, 100).every((x) => x === 0 || Math.abs(x) < 1e-300)).toBe(true);
  });
});

describe("projections of functions of several variables", () => {
  it("recovers polynomials of the degree, all indices in place", () => {
    for (const [rank, degree] of [
      [0, 2],
      [1, 7],
      [2, 5],
      [3, 4],
      [4, 3],
      [6, 2],
    ]) {
      const wanted = Float64Array.from({ length: featureCount(rank, degree) }, (_, j) => Math.cos(1 + 3 * j));
      const all = multiIndices(rank, degree);
      const f = (z: number[]) => {
        const h = z.map((x) => hermite(x, degree));
        return all.reduce((sum, beta, j) => sum + wanted[j] * beta.reduce((product, b, k) => product * h[k][b], 1), 0);
      };
      const got = projectFunction(f, rank, degree);
      expect(difference(got.coefficients, wanted)).toBeLessThan(1e-12);
      expect(got.error).toBeLessThan(1e-12);
    }
  });

  it("leaves out what is above the degree", () => {
    const got = projectFunction(([a, b]) => a + (b ** 5 - 10 * b ** 3 + 15 * b), 2, 3);
    expect(difference(got.coefficients, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0])).toBeLessThan(1e-12);
  });

  it("is exact with kinks on the coordinate planes and says so otherwise", () => {
    const planes = projectFunction(([a, b]) => Math.abs(a) * Math.sign(b), 2, 4);
    const [one, two] = [namedCoefficients("abs", 4), namedCoefficients("sign", 4)];
    expect(
      difference(
        planes.coefficients,
        multiIndices(2, 4).map(([i, j]) => one[i] * two[j]),
      ),
    ).toBeLessThan(1e-13);
    expect(planes.error).toBeLessThan(1e-12);
    const slanted = projectFunction(([a, b]) => Math.abs(a - b), 2, 2);
    const truth = [2 / Math.sqrt(Math.PI), 0, 0]; // E|a − b|, and its odd part
    const error = difference(slanted.coefficients.subarray(0, 3), truth);
    expect(error).toBeGreaterThan(1e-8);
    expect(slanted.error).toBeGreaterThan(error);
  });

  it("refuses functions that throw, give no number or overflow, and hopeless sizes", () => {
    const cause = new Error("no");
    try {
      projectFunction(
        () => {
          throw cause;
        },
        1,
        2,
      );
      expect.unreachable();
    } catch (error) {
      expect((error as LeapflowError).code).toBe("CALLBACK");
      expect((error as LeapflowError).cause).toBe(cause);
    }
    expect(code(() => projectFunction(([z]) => Math.log(z), 1, 2))).toBe("NOT_FINITE");
    expect(code(() => projectFunction(() => "3" as never, 1, 2))).toBe("TYPE");
    expect(code(() => projectFunction(() => 1, 9, 8))).toBe("TOO_LARGE");
  });

  it("gives the function an array of its own", () => {
    const got = projectFunction(
      (z) => {
        const value = z[0] * z[1];
        z.fill(99);
        return value;
      },
      2,
      2,
    );
    expect(difference(got.coefficients, [0, 0, 0, 0, 1, 0])).toBeLessThan(1e-13);
  });
});
