/** Leading eigenpairs: against operators with known spectra, small and large, with ties. */
import { describe, expect, it } from "vitest";
import { leadingEigenpairs, type SymmetricOperator } from "../../src/math/krylov.js";
import { generator } from "../support/problems.js";

/** H diag(values) H with a Householder reflection H, so that eigenvectors are known columns of H. */
function reflected(values: Float64Array): { apply: SymmetricOperator; vector: (k: number) => Float64Array } {
  const n = values.length;
  const { normal } = generator(n);
  const u = Float64Array.from({ length: n }, normal);
  const norm2 = u.reduce((s, v) => s + v * v, 0);
  const reflect = (block: Float64Array, b: number): Float64Array => {
    const out = block.slice();
    for (let c = 0; c < b; c++) {
      let overlap = 0;
      for (let i = 0; i < n; i++) overlap += u[i] * block[i * b + c];
      for (let i = 0; i < n; i++) out[i * b + c] -= (2 * overlap * u[i]) / norm2;
    }
    return out;
  };
  const apply: SymmetricOperator = (block, b) =>
    reflect(
      reflect(block, b).map((v, at) => v * values[Math.floor(at / b)]),
      b,
    );
  const vector = (k: number): Float64Array => {
    const e = new Float64Array(n);
    e[k] = 1;
    return reflect(e, 1);
  };
  return { apply, vector };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((s, v, i) => s + v * b[i], 0);

describe.each([20, 128, 129, 300])("n = %i", (n) => {
  const values = Float64Array.from({ length: n }, (_, k) => Math.cos(3 * k) / (1 + 0.05 * k));
  values[7] = -3;
  values[4] = 2.5;
  values[11] = 2;
  const { apply, vector } = reflected(values);

  it("finds the largest by magnitude, in order, with their vectors", async () => {
    const { values: found, vectors } = await leadingEigenpairs(apply, n, 3, "magnitude", { tolerance: 1e-10 });
    [-3, 2.5, 2].forEach((value, c) => {
      expect(found[c]).toBeCloseTo(value, 9);
      const v = Float64Array.from({ length: n }, (_, i) => vectors[i * 3 + c]);
      expect(Math.abs(dot(v, vector([7, 4, 11][c])))).toBeCloseTo(1, 9);
    });
  });

  it("finds the largest by value", async () => {
    expect(
      Array.from((await leadingEigenpairs(apply, n, 2, "value", { tolerance: 1e-10 })).values, (v) =>
        Number(v.toFixed(9)),
      ),
    ).toEqual([2.5, 2]);
  });

  it("gives the same bits twice", async () => {
    const once = await leadingEigenpairs(apply, n, 2, "magnitude");
    expect(Array.from((await leadingEigenpairs(apply, n, 2, "magnitude")).vectors)).toEqual(Array.from(once.vectors));
  });
});

it("finds tied eigenvalues and spans their space", async () => {
  const n = 200;
  const values = new Float64Array(n).fill(0.1);
  for (const k of [3, 50, 120]) values[k] = 1;
  const { apply, vector } = reflected(values);
  const { values: found, vectors } = await leadingEigenpairs(apply, n, 3, "magnitude", { tolerance: 1e-10 });
  for (const value of found) expect(value).toBeCloseTo(1, 12);
  for (const k of [3, 50, 120]) {
    const v = vector(k);
    const inside = [0, 1, 2].map((c) =>
      dot(
        v,
        Float64Array.from({ length: n }, (_, i) => vectors[i * 3 + c]),
      ),
    );
    expect(dot(inside, inside)).toBeCloseTo(1, 10);
  }
});

it("handles the zero operator and more pairs than dimensions", async () => {
  const zero: SymmetricOperator = (block) => new Float64Array(block.length);
  expect(Array.from((await leadingEigenpairs(zero, 150, 2, "magnitude")).values)).toEqual([0, 0]);
  expect((await leadingEigenpairs((block) => block.slice(), 2, 5, "value")).values.length).toBe(2);
});
