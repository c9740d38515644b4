/** One-sided Jacobi: residuals on every kind of matrix, relative accuracy of tiny values, complete V. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { createRng } from "../../src/base/rng.js";
import { jacobiSvd } from "../../src/math/jacobi.js";

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error.code;
    throw error;
  }
  return "nothing thrown";
};

const gaussian = (m: number, n: number, seed: number): Float64Array => {
  const rng = createRng(seed, "jacobi");
  return Float64Array.from({ length: m * n }, () => rng.normal());
};
const largest = (a: ArrayLike<number>): number => Array.from(a).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Residual and loss of orthogonality over (size · norm · ε). */
function ratios(a: Float64Array, m: number, n: number) {
  const { u, values, v } = jacobiSvd(a, m, n);
  const k = Math.min(m, n);
  const scale = largest(a) || 1;
  const size = Math.max(m, n);
  let residual = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = a[i * n + j] / scale;
      for (let l = 0; l < k; l++) sum -= u[i * k + l] * (values[l] / scale) * v[j * n + l];
      residual = Math.max(residual, Math.abs(sum));
    }
  }
  let bent = 0;
  const gap = (x: Float64Array, rows: number, columns: number): void => {
    for (let a = 0; a < columns; a++) {
      for (let b = 0; b <= a; b++) {
        let sum = a === b ? -1 : 0;
        for (let i = 0; i < rows; i++) sum += x[i * columns + a] * x[i * columns + b];
        bent = Math.max(bent, Math.abs(sum));
      }
    }
  };
  gap(u, m, k);
  gap(v, n, n);
  return { residual: residual / (size * Number.EPSILON), bent: bent / (size * Number.EPSILON), values };
}

describe("residuals", () => {
  const cases: [string, number, number, Float64Array][] = [
    ["square", 4, 4, gaussian(4, 4, 1)],
    ["tall", 6, 3, gaussian(6, 3, 2)],
    ["wide", 2, 5, gaussian(2, 5, 3)],
    ["one row", 1, 4, gaussian(1, 4, 4)],
    ["one column", 4, 1, gaussian(4, 1, 5)],
    ["1×1", 1, 1, Float64Array.of(-3)],
    ["zero", 3, 3, new Float64Array(9)],
    ["zero, wide", 2, 4, new Float64Array(8)],
    ["rank 1", 4, 4, Float64Array.from({ length: 16 }, (_, i) => (1 + Math.floor(i / 4)) * (2 - (i % 4)))],
    ["equal columns", 3, 3, Float64Array.of(1, 1, 0, 2, 2, 0, 3, 3, 1)],
    ["orthogonal", 3, 3, Float64Array.of(0, 1, 0, -1, 0, 0, 0, 0, 1)],
    ["near overflow", 4, 4, gaussian(4, 4, 6).map((x) => (x / 4) * 1.7e308)],
    ["near underflow", 4, 4, gaussian(4, 4, 7).map((x) => x * 1e-300)],
    ["graded", 4, 4, gaussian(4, 4, 8).map((x, i) => x * 10 ** (-12 * (i % 4)))],
    ["graded rows", 4, 4, gaussian(4, 4, 9).map((x, i) => x * 10 ** (-12 * Math.floor(i / 4)))],
    ["20×12", 20, 12, gaussian(20, 12, 10)],
  ];
  it.each(cases)("%s", (_, m, n, a) => {
    const before = a.slice();
    const { residual, bent, values } = ratios(a, m, n);
    expect(residual).toBeLessThan(30);
    expect(bent).toBeLessThan(30);
    expect(values.length).toBe(n);
    for (let j = 1; j < n; j++) expect(values[j]).toBeLessThanOrEqual(values[j - 1]);
    for (let j = Math.min(m, n); j < n; j++) expect(values[j]).toBe(0);
    expect(a).toEqual(before);
  });

  it("hold for random shapes and scales", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(),
        fc.integer({ min: -250, max: 250 }),
        (m, n, seed, e) => {
          const { residual, bent } = ratios(
            gaussian(m, n, seed).map((x) => x * 10 ** e),
            m,
            n,
          );
          expect(residual).toBeLessThan(30);
          expect(bent).toBeLessThan(30);
        },
      ),
    );
  });
});

describe("relative accuracy", () => {
  it("of each value when columns differ by powers of ten: the product is |det|", () => {
    for (let seed = 0; seed < 20; seed++) {
      const b = gaussian(3, 3, 100 + seed);
      const det = Math.abs(
        b[0] * (b[4] * b[8] - b[5] * b[7]) - b[1] * (b[3] * b[8] - b[5] * b[6]) + b[2] * (b[3] * b[7] - b[4] * b[6]),
      );
      if (det < 0.05) continue;
      const scales = [1, 1e-9, 1e-30];
      const { values } = jacobiSvd(
        b.map((x, i) => x * scales[i % 3]),
        3,
        3,
      );
      expect(Math.abs((values[0] * values[1] * values[2]) / (det * 1e-39) - 1)).toBeLessThan(1e-13);
      // The largest is the first column's length but for 1e-18.
      expect(Math.abs(values[0] / Math.hypot(b[0], b[3], b[6]) - 1)).toBeLessThan(1e-15);
    }
  });

  it("of 2×2 overlaps with one direction learnt: σ_min = |det|/σ_max, far below ε", () => {
    const m = Float64Array.of(1, 3e-20, -2e-20, 1e-18);
    const { values } = jacobiSvd(m, 2, 2);
    expect(values[0]).toBe(1);
    expect(Math.abs(values[1] / 1e-18 - 1)).toBeLessThan(1e-15);
  });

  it("does not lose what the Gram matrix would: σ = 1e-10 beside 1", () => {
    // Columns (1, 1)/√2 and almost the same: forming MᵀM would leave 1e-20 below ε.
    const { values } = jacobiSvd(Float64Array.of(1, 1, 0, 1e-10), 2, 2);
    expect(Math.abs(values[1] / (1e-10 / Math.SQRT2) - 1)).toBeLessThan(1e-14);
  });
});

it("gives the same bits again, and the transpose the same values", () => {
  const a = gaussian(4, 3, 77);
  const one = jacobiSvd(a, 4, 3);
  const two = jacobiSvd(a, 4, 3);
  expect(one).toEqual(two);
  const t = Float64Array.from({ length: 12 }, (_, i) => a[(i % 4) * 3 + Math.floor(i / 4)]);
  const wide = jacobiSvd(t, 3, 4).values;
  for (let j = 0; j < 3; j++) expect(Math.abs(wide[j] - one.values[j])).toBeLessThan(1e-14);
});

it("refuses what is no matrix of finite numbers", () => {
  expect(code(() => jacobiSvd([1, 2, 3], 2, 2))).toBe("SHAPE");
  expect(code(() => jacobiSvd([1, 2, NaN, 3], 2, 2))).toBe("NOT_FINITE");
  expect(code(() => jacobiSvd([1, Infinity, 2, 3], 2, 2))).toBe("NOT_FINITE");
});
