/** Symmetric matrices of a few rows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smallEigen } from "../../src/math/smallEigen.js";

const EPS = Number.EPSILON;

describe("smallEigen", () => {
  it("A·V = V·diag(values), V orthonormal, values ascending", () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 8 })
          .chain((n) =>
            fc.tuple(
              fc.constant(n),
              fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n * n, maxLength: n * n }),
              fc.constantFrom(1, 1e-100, 1e100),
            ),
          ),
        ([n, entries, scale]) => {
          const a = new Float64Array(n * n);
          for (let i = 0; i < n; i++)
            for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = scale * entries[i * n + j];
          const size = Math.max(...a.map(Math.abs));
          const { values, vectors } = smallEigen(a.slice(), n);
          for (let k = 0; k < n; k++) {
            if (k > 0) expect(values[k]).toBeGreaterThanOrEqual(values[k - 1]);
            for (let l = 0; l < n; l++) {
              let dot = k === l ? -1 : 0;
              for (let i = 0; i < n; i++) dot += vectors[i * n + k] * vectors[i * n + l];
              expect(Math.abs(dot)).toBeLessThan(30 * EPS * n);
            }
            for (let i = 0; i < n; i++) {
              let rest = -values[k] * vectors[i * n + k];
              for (let j = 0; j < n; j++) rest += a[i * n + j] * vectors[j * n + k];
              // Below the normal range a rounding is a part of the smallest number, however small the matrix.
              expect(Math.abs(rest)).toBeLessThanOrEqual(30 * n * Math.max(EPS * size, Number.MIN_VALUE));
            }
          }
        },
      ),
    );
  });

  it("leaves diagonal matrices and zero as they are, but in order", () => {
    const { values, vectors } = smallEigen(Float64Array.of(3, 0, 0, 0, 1, 0, 0, 0, 2), 3);
    expect(Array.from(values)).toEqual([1, 2, 3]);
    expect(Array.from(vectors)).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0]);
    const zero = smallEigen(new Float64Array(4), 2);
    expect(Array.from(zero.values)).toEqual([0, 0]);
    expect(Array.from(zero.vectors)).toEqual([1, 0, 0, 1]);
  });

  it("finds eigenvalues that are far apart, and equal ones", () => {
    // Rotation by 45°: values 1 ∓ 1e-9 exactly, and 2 twice.
    const near = smallEigen(Float64Array.of(1, 1e-9, 1e-9, 1), 2);
    expect(near.values[1] - near.values[0]).toBeCloseTo(2e-9, 15);
    expect(Math.abs(near.vectors[0])).toBeCloseTo(Math.SQRT1_2, 12);
    const far = smallEigen(Float64Array.of(1e9, 1, 1, 0), 2);
    expect(far.values[0] * 1e9).toBeCloseTo(-1, 9);
    expect(far.values[1]).toBe(1e9);
    const tied = smallEigen(Float64Array.of(2, 0, 0, 0, 2.5, 0.5, 0, 0.5, 2.5), 3);
    expect(Array.from(tied.values, (v) => Math.round(v * 1e12) / 1e12)).toEqual([2, 2, 3]);
  });
});
