/** Tridiagonal eigenpairs against the dense solver. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { symmetricEigen } from "../../src/math/dense.js";
import { tridiagonalEigenvalue, tridiagonalEigenvector } from "../../src/math/tridiagonal.js";

function dense(a: Float64Array, b: Float64Array): Float64Array {
  const n = a.length;
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    out[i * n + i] = a[i];
    if (i + 1 < n) out[i * n + i + 1] = out[(i + 1) * n + i] = b[i];
  }
  return out;
}

describe("tridiagonal eigenpairs", () => {
  const rng = createRng(1, "tridiagonal");
  const cases: [string, Float64Array, Float64Array][] = [
    ["one entry", Float64Array.of(-2), new Float64Array(0)],
    ["two entries", Float64Array.of(1, 1), Float64Array.of(3)],
    ["zeros", new Float64Array(5), new Float64Array(4)],
    ["second differences", new Float64Array(40).fill(2), new Float64Array(39).fill(-1)],
    ["random", Float64Array.from({ length: 64 }, rng.normal), Float64Array.from({ length: 63 }, rng.normal)],
    ["huge", Float64Array.from({ length: 9 }, () => 1e200 * rng.normal()), new Float64Array(8).fill(1e200)],
    ["tiny", Float64Array.from({ length: 9 }, () => 1e-200 * rng.normal()), new Float64Array(8).fill(1e-200)],
    ["graded", Float64Array.from({ length: 20 }, (_, i) => 10 ** -i), new Float64Array(19).fill(1e-8)],
    [
      "an outlier at the end",
      Float64Array.from({ length: 30 }, (_, i) => (i === 29 ? 5 : 0)),
      new Float64Array(29).fill(1),
    ],
  ];
  it.each(cases)("%s", (_, a, b) => {
    const n = a.length;
    const matrix = dense(a, b);
    const { values } = symmetricEigen(matrix, n);
    const size = Math.max(...values.map(Math.abs), Number.MIN_VALUE);
    for (let k = 0; k < n; k++) {
      expect(Math.abs(tridiagonalEigenvalue(a, b, k) - values[n - 1 - k])).toBeLessThanOrEqual(
        8 * n * Number.EPSILON * size,
      );
    }
    const lambda = tridiagonalEigenvalue(a, b, 0);
    const v = tridiagonalEigenvector(a, b, lambda);
    expect(Math.abs(v.reduce((s, x) => s + x * x, 0) - 1)).toBeLessThan(1e-14);
    for (let i = 0; i < n; i++) {
      let sum = -lambda * v[i];
      for (let j = 0; j < n; j++) sum += matrix[i * n + j] * v[j];
      expect(Math.abs(sum)).toBeLessThanOrEqual(20 * n * Number.EPSILON * size);
    }
  });
});
