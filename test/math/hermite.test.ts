/** Hermite expansions: golden values, derivatives, block evaluation, the rotation group. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { evaluateBlocks } from "../../src/math/blocks.js";
import { multiply, transpose } from "../../src/math/dense.js";
import { randomBasis } from "../../src/math/grassmann.js";
import {
  checkPoint,
  Expansion,
  hermite,
  hermiteBasis,
  hermiteDerivative,
  rotateExpansion,
} from "../../src/math/hermite.js";
import { featureCount, multiIndices } from "../../src/math/multiIndex.js";
import { codeOf as code } from "../support/errors.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/multi-index/${name}.json`, import.meta.url), "utf8"));
const TOLERANCE = 1e-12;
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
/** Largest relative error; entries below the rounding of the largest one are compared with it. */
const relative = (a: ArrayLike<number>, b: number[]): number => {
  const floor = 1e-14 * Math.max(...b.map(Math.abs));
  expect(a.length).toBe(b.length);
  return Math.max(...b.map((x, i) => Math.abs(a[i] - x) / Math.max(Math.abs(x), floor, 1e-300)));
};

/** A random expansion with coefficients of norm 1. */
function randomExpansion(rank: number, degree: number, seed: number) {
  const rng = createRng(seed, "expansion");
  const c = Float64Array.from({ length: featureCount(rank, degree) }, rng.normal);
  const size = Math.sqrt(c.reduce((sum, x) => sum + x * x, 0));
  return { rng, c: c.map((x) => x / size), point: () => Float64Array.from({ length: rank }, rng.normal) };
}
const shape = fc.record({
  rank: fc.integer({ min: 0, max: 4 }),
  degree: fc.integer({ min: 0, max: 7 }),
  seed: fc.nat(),
});

describe("one variable", () => {
  const golden = read("hermite") as { s: number; x: number[]; values: number[][]; derivatives: number[][] };
  it.each(golden.x.map((x, i) => [x, i] as const))("golden values and derivatives at %d", (x, i) => {
    expect(relative(hermite(x, golden.s), golden.values[i])).toBeLessThan(TOLERANCE);
    expect(relative(hermiteDerivative(x, golden.s), golden.derivatives[i])).toBeLessThan(TOLERANCE);
  });

  it("multiplies by x as x·h_k = √(k+1)·h_{k+1} + √k·h_{k−1}, to degree 200", () => {
    for (const x of [-3, 0.1, 1, 25]) {
      const h = hermite(x, 200);
      const size = Math.max(...h.map(Math.abs));
      for (let k = 1; k < 200; k++) {
        const right = Math.sqrt(k + 1) * h[k + 1] + Math.sqrt(k) * h[k - 1];
        expect(Math.abs(x * h[k] - right) / size).toBeLessThan(30 * Number.EPSILON * (1 + Math.abs(x)) * Math.sqrt(k));
      }
    }
  });

  it("degree 0 is the constant", () => {
    expect(hermite(3, 0)).toEqual(Float64Array.of(1));
    expect(hermiteDerivative(3, 0)).toEqual(Float64Array.of(0));
    expect(hermiteDerivative(3, 1)).toEqual(Float64Array.of(0, 1));
  });

  it("refuses what it cannot give", () => {
    expect(code(() => hermite(NaN, 2))).toBe("NOT_FINITE");
    expect(code(() => hermite(Infinity, 2))).toBe("NOT_FINITE");
    expect(code(() => hermite("1" as never, 2))).toBe("TYPE");
    expect(code(() => hermite(1, -1))).toBe("RANGE");
    expect(code(() => hermite(1, 1.5))).toBe("RANGE");
    expect(code(() => hermite(1e200, 3))).toBe("OVERFLOW");
    expect(code(() => hermiteDerivative(1e200, 3))).toBe("OVERFLOW");
  });
});

describe("several variables", () => {
  const golden = read("basis");
  it.each(golden.cases as { r: number; s: number; points: number[][]; values: number[][]; gradients: number[][][] }[])(
    "golden basis: r $r, degree $s",
    (c) => {
      c.points.forEach((z, i) => {
        const { values, gradients } = hermiteBasis(z, c.s);
        const scale = (x: number) => Math.max(1, Math.abs(x));
        c.values[i].forEach((x, j) => {
          expect(Math.abs(values[j] - x) / scale(x)).toBeLessThan(TOLERANCE);
        });
        gradients.to2DArray().forEach((row, j) => {
          row.forEach((x, k) => {
            expect(Math.abs(x - c.gradients[i][j][k]) / scale(c.gradients[i][j][k])).toBeLessThan(TOLERANCE);
          });
        });
      });
    },
  );

  it("rank 0 has the one constant", () => {
    const { values, gradients } = hermiteBasis([], 3);
    expect(values).toEqual(Float64Array.of(1));
    expect([gradients.rows, gradients.columns]).toEqual([1, 0]);
  });

  it("refuses points that are not finite or overflow", () => {
    expect(code(() => hermiteBasis([1, NaN], 2))).toBe("NOT_FINITE");
    expect(code(() => hermiteBasis([1, "2" as never], 2))).toBe("TYPE");
    expect(code(() => hermiteBasis([1e200, 1], 2))).toBe("OVERFLOW");
  });

  it("refuses points of another length, and says both", () => {
    expect(code(() => checkPoint([1, 2], 3, "z"))).toBe("SHAPE");
    expect(() => checkPoint([1, 2], 3, "z")).toThrow(/^z has 2 entries; 3 are needed/);
    expect(code(() => checkPoint([1, 2, 3], 3, "z"))).toBe("nothing thrown");
    expect(() => checkPoint([1, Number.POSITIVE_INFINITY], 2, "z")).toThrow(/^z\[1\] is Infinity/);
  });
});

describe("expansions", () => {
  it("value is the sum of coefficients times basis; gradient and Hessian agree with differences", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree, seed }) => {
        const { c, point } = randomExpansion(rank, degree, seed);
        const f = new Expansion(c, rank, degree);
        const [z, u] = [point(), point()];
        const { values } = hermiteBasis(z, degree);
        const terms = values.map((x, j) => Math.abs(x * c[j])).reduce((sum, x) => sum + x, 0);
        expect(Math.abs(f.value(z) - values.reduce((sum, x, j) => sum + x * c[j], 0)) / terms).toBeLessThan(1e-14);
        const [g, bend] = [f.gradient(z), f.hessianTimes(z, u)];
        const step = 1e-4;
        const shifted = (t: number) => z.map((x, k) => x + t * u[k]);
        // Fourth-order differences along u.
        const slope =
          (8 * (f.value(shifted(step)) - f.value(shifted(-step))) -
            (f.value(shifted(2 * step)) - f.value(shifted(-2 * step)))) /
          (12 * step);
        const scale = 1 + terms * (1 + degree ** 2);
        expect(Math.abs(g.reduce((sum, x, k) => sum + x * u[k], 0) - slope) / scale).toBeLessThan(1e-8);
        const [after, before] = [f.gradient(shifted(step)), f.gradient(shifted(-step))];
        const [after2, before2] = [f.gradient(shifted(2 * step)), f.gradient(shifted(-2 * step))];
        for (let k = 0; k < rank; k++) {
          const turn = (8 * (after[k] - before[k]) - (after2[k] - before2[k])) / (12 * step);
          expect(Math.abs(bend[k] - turn) / (scale * (1 + degree))).toBeLessThan(1e-8);
        }
      }),
    );
  });

  it("blocks of rows give the same bits as single points", () => {
    for (const [rank, degree, n] of [
      [0, 2, 5],
      [1, 0, 3],
      [1, 9, 97],
      [2, 5, 200],
      [3, 4, 96],
    ]) {
      const { rng, c } = randomExpansion(rank, degree, 8);
      const f = new Expansion(c, rank, degree);
      const Z = Float64Array.from({ length: n * rank }, rng.normal);
      const values = new Float64Array(n);
      const gradients = new Float64Array(n * rank);
      evaluateBlocks(f, c, Z, n, values, gradients);
      for (let i = 0; i < n; i++) {
        const z = Z.subarray(i * rank, (i + 1) * rank);
        expect(Object.is(values[i], f.value(z))).toBe(true);
        expect(gradients.subarray(i * rank, (i + 1) * rank)).toEqual(f.gradient(z));
      }
      const again = new Float64Array(n);
      evaluateBlocks(f, c, Z, n, again);
      expect(again).toEqual(values);
    }
  });
});

describe("rotation", () => {
  it("is the link of the rotated variables: (A_Q f)(z) = f(Qᵀz), reflections included", () => {
    fc.assert(
      fc.property(shape, fc.boolean(), ({ rank, degree, seed }, mirror) => {
        const { rng, c, point } = randomExpansion(rank, degree, seed);
        const q = randomBasis(rank, rank, rng);
        if (mirror) for (let i = 0; i < rank; i++) q[i * rank] = -q[i * rank];
        const z = point();
        const turned = multiply(transpose(q, rank, rank), z, rank, rank, 1);
        const left = new Expansion(rotateExpansion(c, rank, degree, q), rank, degree).value(z);
        const size = hermiteBasis(z, degree).values.reduce((sum, x) => sum + Math.abs(x), 0);
        expect(Math.abs(left - new Expansion(c, rank, degree).value(turned)) / size).toBeLessThan(1e-13);
      }),
    );
  });

  it("is a group: A_N A_M = A_NM, A_I = id, and keeps the norm of every degree", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree, seed }) => {
        const { rng, c } = randomExpansion(rank, degree, seed);
        const [a, b] = [randomBasis(rank, rank, rng), randomBasis(rank, rank, rng)];
        const twice = rotateExpansion(rotateExpansion(c, rank, degree, b), rank, degree, a);
        expect(difference(twice, rotateExpansion(c, rank, degree, multiply(a, b, rank, rank, rank)))).toBeLessThan(
          1e-13,
        );
        const back = rotateExpansion(rotateExpansion(c, rank, degree, a), rank, degree, transpose(a, rank, rank));
        expect(difference(back, c)).toBeLessThan(1e-13);
        const identity = Float64Array.from({ length: rank * rank }, (_, i) => (i % (rank + 1) === 0 ? 1 : 0));
        expect(rotateExpansion(c, rank, degree, identity)).toEqual(c);
        const totals = multiIndices(rank, degree).map((beta) => beta.reduce((sum, x) => sum + x, 0));
        const energy = (of: Float64Array, k: number) =>
          of.reduce((sum, x, j) => (totals[j] === k ? sum + x * x : sum), 0);
        for (let k = 0; k <= degree; k++) expect(Math.abs(energy(twice, k) - energy(c, k))).toBeLessThan(1e-13);
      }),
    );
  });

  it("stays accurate at degree 40", () => {
    const { rng, c } = randomExpansion(2, 40, 1);
    const q = randomBasis(2, 2, rng);
    const back = rotateExpansion(rotateExpansion(c, 2, 40, q), 2, 40, transpose(q, 2, 2));
    expect(difference(back, c)).toBeLessThan(1e-13);
  });

  it("exchanging two variables exchanges their exponents", () => {
    const all = multiIndices(3, 4);
    const c = Float64Array.from(all, (_, j) => j + 1);
    const swapped = rotateExpansion(c, 3, 4, [0, 1, 0, 1, 0, 0, 0, 0, 1]);
    all.forEach(([a, b, e], j) => {
      const other = all.findIndex((beta) => beta.join() === [b, a, e].join());
      expect(Math.abs(swapped[j] - c[other])).toBeLessThan(1e-13 * c[other]);
    });
  });

  it("refuses matrices that are not orthogonal or not of the link's size", () => {
    expect(code(() => rotateExpansion([1, 2, 3], 2, 1, [1, 0, 0, 2]))).toBe("NOT_ORTHONORMAL");
    expect(code(() => rotateExpansion([1, 2, 3], 2, 1, [NaN, 0, 0, 1]))).toBe("NOT_ORTHONORMAL");
    expect(code(() => rotateExpansion([1, 2, 3], 2, 1, [1, 0, 0]))).toBe("SHAPE");
  });
});
