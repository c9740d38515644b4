/** Eigenvectors in steps: closed forms, another library, and matrices that are hard on QL sweeps. */
import fc from "fast-check";
import { EVD, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { largeEigen } from "../../src/math/largeEigen.js";

const EPS = Number.EPSILON;

function solve(a: Float64Array, n: number) {
  const steps = largeEigen(a.slice(), n);
  for (let count = 0; ; count++) {
    const { done, value } = steps.next();
    if (done) return { ...value, count };
  }
}

/** Largest |AV − VΛ| beside the largest eigenvalue, and |VᵀV − 1|; values must ascend. */
function errors(a: Float64Array, n: number) {
  const { values, vectors } = solve(a, n);
  let size = 0;
  let residual = 0;
  let overlap = 0;
  for (const value of values) size = Math.max(size, Math.abs(value));
  for (let k = 0; k < n; k++) {
    if (k > 0) expect(values[k]).toBeGreaterThanOrEqual(values[k - 1]);
    for (let i = 0; i < n; i++) {
      let rest = -values[k] * vectors[i * n + k];
      for (let j = 0; j < n; j++) rest += a[i * n + j] * vectors[j * n + k];
      residual = Math.max(residual, Math.abs(rest));
    }
    for (let l = 0; l <= k; l++) {
      let dot = k === l ? -1 : 0;
      for (let i = 0; i < n; i++) dot += vectors[i * n + k] * vectors[i * n + l];
      overlap = Math.max(overlap, Math.abs(dot));
    }
  }
  return { residual: residual / (size || 1), overlap };
}

const symmetric = (n: number, entry: (i: number, j: number) => number): Float64Array => {
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = entry(i, j);
  return a;
};

describe("largeEigen", () => {
  it("values and vectors of second differences, which are known: 2 − 2cos(kπ/(n + 1)) and sines", () => {
    const n = 150;
    const a = symmetric(n, (i, j) => (i === j ? 2 : i - j === 1 ? -1 : 0));
    const { values, vectors } = solve(a, n);
    const angle = Math.PI / (n + 1);
    for (let k = 0; k < n; k++) {
      expect(Math.abs(values[k] - 4 * Math.sin(((k + 1) * angle) / 2) ** 2)).toBeLessThan(40 * EPS);
      let along = 0;
      for (let i = 0; i < n; i++) {
        along += vectors[i * n + k] * Math.sqrt(2 / (n + 1)) * Math.sin((i + 1) * (k + 1) * angle);
      }
      expect(Math.abs(along)).toBeCloseTo(1, 11);
    }
  });

  it.each<[string, number, (u: () => number, i: number, j: number) => number]>([
    ["random", 90, (u) => u()],
    ["correlations that fall off", 120, (_, i, j) => 0.9 ** (i - j)],
    ["all one", 40, () => 1],
    ["diagonal, unordered, with ties", 30, (_, i, j) => (i === j ? (i * 7) % 5 : 0)],
    ["graded over twelve digits, large at the top", 60, (u, i, j) => u() * 10 ** ((-6 * (i + j)) / 60)],
    ["graded, large at the bottom", 60, (u, i, j) => u() * 10 ** ((-6 * (118 - i - j)) / 60)],
    ["two blocks without a bridge", 50, (u, i, j) => (i < 20 === j < 20 ? u() : 0)],
    ["zero", 12, () => 0],
    ["a row of zeros in the middle", 25, (u, i, j) => (i === 12 || j === 12 ? 0 : u())],
    ["one row beside subnormal ones", 20, (_, i, j) => (j > 0 ? 5e-324 : i === 0 ? 1 : 1e-320 * i)],
  ])("%s: A·V = V·Λ, VᵀV = 1", (_, n, entry) => {
    const { uniform } = createRng(3, "largeEigen", n);
    const a = symmetric(n, (i, j) => entry(() => 2 * uniform() - 1, i, j));
    const { residual, overlap } = errors(a, n);
    expect(residual).toBeLessThan(n * EPS);
    expect(overlap).toBeLessThan(2 * n * EPS);
  });

  it("any matrix: the values of ml-matrix", () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.constantFrom(0, 0.5, 0.9), (n, seed, zeros) => {
        const { uniform } = createRng(seed, "largeEigen");
        const a = symmetric(n, () => (uniform() < zeros ? 0 : 2 * uniform() - 1));
        const { residual, overlap } = errors(a, n);
        expect(residual).toBeLessThan(20 * n * EPS);
        expect(overlap).toBeLessThan(20 * n * EPS);
        const known = new EVD(Matrix.from1DArray(n, n, Array.from(a)), { assumeSymmetric: true }).realEigenvalues;
        const wanted = known.sort((x, y) => x - y);
        solve(a, n).values.forEach((value, k) => {
          expect(Math.abs(value - wanted[k])).toBeLessThan(20 * n * EPS * Math.max(1, wanted[n - 1], -wanted[0]));
        });
      }),
    );
  });

  it("comes in steps, two for nearly every row and one for every batch of rotations", () => {
    const n = 80;
    const { uniform } = createRng(1, "largeEigen");
    expect(
      solve(
        symmetric(n, () => uniform()),
        n,
      ).count,
    ).toBeGreaterThanOrEqual(2 * (n - 2));
  });
});
