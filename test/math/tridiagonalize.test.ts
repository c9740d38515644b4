/** Tridiagonal reduction: the same spectrum, resolvent and trace as the matrix it came from. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { symmetricEigen } from "../../src/math/dense.js";
import { inverseTrace, solveShifted, timesTridiagonal, tridiagonalize } from "../../src/math/tridiagonalize.js";

/** A random Gram matrix of `rank` rows, n×n, and a moment vector: like Φᵀy, a combination of the rows. */
function problem(n: number, rank: number, seed: number) {
  const rng = createRng(seed, "tridiagonalize", n);
  const rows = Array.from({ length: rank }, () => Float64Array.from({ length: n }, () => rng.normal()));
  const a = new Float64Array(n * n);
  for (const row of rows) for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) a[i * n + j] += row[i] * row[j];
  const b = new Float64Array(n);
  for (const row of rows) {
    const y = rng.normal();
    for (let i = 0; i < n; i++) b[i] += y * row[i];
  }
  return { a, b };
}

/** Packed upper by columns. */
const packed = (a: ArrayLike<number>, n: number): Float64Array =>
  Float64Array.from(Array.from({ length: n }, (_, j) => Array.from({ length: j + 1 }, (__, i) => a[i * n + j])).flat());

describe("tridiagonalize", () => {
  it.each([
    [1, 1],
    [2, 5],
    [3, 1],
    [7, 9],
    [20, 4],
    [41, 60],
  ])("n = %i of rank at most %i: resolvent energies and traces are those of the eigenvalues", (n, rank) => {
    const { a, b } = problem(n, rank, n + rank);
    const { values, vectors } = symmetricEigen(a, n);
    const form = tridiagonalize(packed(a, n), b);
    for (const mu of [1e-3, 0.1, 10]) {
      let energy = 0;
      let square = 0;
      let trace = 0;
      for (let k = 0; k < n; k++) {
        let overlap = 0;
        for (let i = 0; i < n; i++) overlap += vectors[i * n + k] * b[i];
        const share = overlap / (values[k] + mu);
        energy += values[k] * share * share;
        square += share * share;
        trace += 1 / (values[k] + mu);
      }
      const x = solveShifted(form, mu, form.rotated);
      const tx = timesTridiagonal(form, x);
      expect(x.reduce((sum, v, k) => sum + v * tx[k], 0) / energy).toBeCloseTo(1, 8);
      expect(x.reduce((sum, v) => sum + v * v, 0) / square).toBeCloseTo(1, 8);
      expect(inverseTrace(form, mu) / trace).toBeCloseTo(1, 9);
    }
  });

  it("keeps a matrix that is tridiagonal already", () => {
    const a = Float64Array.of(4, 1, 3, 0, -2, 5);
    const { diagonal, beside, rotated } = tridiagonalize(a, Float64Array.of(1, 2, 3));
    expect([...diagonal]).toEqual([4, 3, 5].map((v) => expect.closeTo(v, 12)));
    expect([...beside].map(Math.abs)).toEqual([1, 2].map((v) => expect.closeTo(v, 12)));
    expect(rotated.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(14, 12);
  });

  it("nothing at all", () => {
    expect(tridiagonalize(new Float64Array(0), new Float64Array(0)).diagonal).toHaveLength(0);
  });
});
