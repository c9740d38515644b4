/** Lanczos against dense decompositions: indefinite, degenerate, complex and restarted problems. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { symmetricEigen } from "../../src/math/dense.js";
import { largestEigenpair } from "../../src/math/lanczos.js";

/** Symmetric matrix with the given spectrum in a random basis, by Householder reflections. */
function withSpectrum(spectrum: readonly number[], seed: number): Float64Array {
  const n = spectrum.length;
  const rng = createRng(seed, "lanczos-test");
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) a[i * n + i] = spectrum[i];
  for (let turn = 0; turn < 3; turn++) {
    const v = Float64Array.from({ length: n }, rng.normal);
    const square = v.reduce((s, x) => s + x * x, 0);
    const reflect = (get: (k: number) => number, set: (k: number, x: number) => void): void => {
      let along = 0;
      for (let k = 0; k < n; k++) along += v[k] * get(k);
      for (let k = 0; k < n; k++) set(k, get(k) - (2 * along * v[k]) / square);
    };
    for (let i = 0; i < n; i++)
      reflect(
        (k) => a[i * n + k],
        (k, x) => {
          a[i * n + k] = x;
        },
      );
    for (let j = 0; j < n; j++)
      reflect(
        (k) => a[k * n + j],
        (k, x) => {
          a[k * n + j] = x;
        },
      );
  }
  return a;
}

const product =
  (a: Float64Array, n: number) =>
  (v: Float64Array): Float64Array => {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i] += a[i * n + j] * v[j];
    return out;
  };
const normals = (n: number, seed: number): Float64Array => {
  const rng = createRng(seed, "lanczos-start");
  return Float64Array.from({ length: n }, rng.normal);
};
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((s, x, i) => s + x * b[i], 0);

describe("largestEigenpair", () => {
  it("finds the largest eigenvalue of an indefinite matrix whose smallest one is larger in size", async () => {
    const n = 150;
    const a = withSpectrum(
      Array.from({ length: n }, (_, k) => -20 + (20.5 * k) / (n - 1))
        .concat()
        .fill(1.3, n - 1),
      1,
    );
    const dense = symmetricEigen(a, n);
    const got = await largestEigenpair(product(a, n), n, normals(n, 2), { tolerance: 1e-10 });
    expect(got.converged).toBe(true);
    expect(Math.abs(got.value - dense.values[n - 1])).toBeLessThan(1e-12 * 20);
    const wanted = Float64Array.from({ length: n }, (_, i) => dense.vectors[i * n + n - 1]);
    expect(Math.abs(dot(got.vector, wanted))).toBeGreaterThan(1 - 1e-12);
    expect(got.residual).toBeLessThanOrEqual(1e-10 * got.value);
  });

  it("reports the residual it has, and a second Ritz value that never exceeds the second eigenvalue", async () => {
    for (const seed of [1, 2, 3]) {
      const n = 120;
      const rng = createRng(seed, "spectrum");
      const a = withSpectrum(
        Array.from({ length: n }, () => rng.normal()),
        seed,
      );
      const apply = product(a, n);
      const got = await largestEigenpair(apply, n, normals(n, seed), { tolerance: 1e-8 });
      const image = apply(got.vector);
      const residual = Math.hypot(...image.map((x, i) => x - got.value * got.vector[i]));
      expect(Math.abs(residual - got.residual)).toBeLessThan(1e-10);
      const second = symmetricEigen(a, n).values[n - 2];
      expect(got.second).toBeLessThanOrEqual(second + 1e-12);
      expect(got.second).toBeGreaterThan(second - 0.05);
    }
  });

  it("gets through restarts: a gap of 1e-3 with a basis of 20", async () => {
    const n = 400;
    const a = withSpectrum(
      Array.from({ length: n }, (_, k) => (k === n - 1 ? 1.001 : k / (n - 1))),
      4,
    );
    const got = await largestEigenpair(product(a, n), n, normals(n, 5), {
      tolerance: 1e-9,
      basisSize: 20,
      maxProducts: 2000,
    });
    expect(got.converged).toBe(true);
    expect(got.products).toBeGreaterThan(20);
    expect(Math.abs(got.value - 1.001)).toBeLessThan(1e-12);
  });

  it("handles one dimension, a zero operator, the identity and a start that is an eigenvector", async () => {
    const one = await largestEigenpair((v) => v.map((x) => -3 * x), 1, Float64Array.of(2));
    expect(one.value).toBeCloseTo(-3, 14);
    expect(one.second).toBeUndefined();
    const zero = await largestEigenpair((v) => v.map(() => 0), 7, normals(7, 1));
    expect(zero.value).toBe(0);
    expect(zero.converged).toBe(true);
    const identity = await largestEigenpair((v) => v, 7, normals(7, 1));
    expect(identity.value).toBeCloseTo(1, 14);
    expect(identity.products).toBe(1);
  });

  it("finds a double eigenvalue once and stays orthonormal", async () => {
    const n = 60;
    const a = withSpectrum(
      Array.from({ length: n }, (_, k) => (k > n - 3 ? 2 : k / n)),
      6,
    );
    const got = await largestEigenpair(product(a, n), n, normals(n, 7), { tolerance: 1e-10 });
    expect(got.value).toBeCloseTo(2, 12);
    expect(Math.abs(dot(got.vector, got.vector) - 1)).toBeLessThan(1e-14);
  });

  it("says so when products run out", async () => {
    const n = 300;
    const a = withSpectrum(
      Array.from({ length: n }, (_, k) => k / n),
      8,
    );
    const got = await largestEigenpair(product(a, n), n, normals(n, 9), { tolerance: 1e-12, maxProducts: 15 });
    expect(got.converged).toBe(false);
    expect(got.products).toBe(15);
    expect(got.residual).toBeGreaterThan(1e-6);
    let calls = 0;
    const over = await largestEigenpair(product(a, n), n, normals(n, 9), { isOver: () => ++calls === 7 });
    expect([over.products, over.converged]).toEqual([7, false]);
    expect(Math.abs(dot(over.vector, over.vector) - 1)).toBeLessThan(1e-14);
  });

  it("solves a Hermitian operator on split complex vectors without doubling its eigenvalues", async () => {
    // H = B + iC as the real symmetric [[B, −C], [C, B]]: every eigenvalue twice there, once for complex vectors.
    const m = 80;
    const rng = createRng(10, "hermitian");
    const n = 2 * m;
    const a = new Float64Array(n * n);
    for (let i = 0; i < m; i++) {
      for (let j = i; j < m; j++) {
        const re = rng.normal();
        const im = i === j ? 0 : rng.normal();
        a[i * n + j] = a[j * n + i] = a[(m + i) * n + m + j] = a[(m + j) * n + m + i] = re;
        a[i * n + m + j] = a[(m + j) * n + i] = -im;
        a[(m + i) * n + j] = a[j * n + m + i] = im;
      }
    }
    const { values } = symmetricEigen(a, n);
    expect(values[n - 1] - values[n - 2]).toBeLessThan(1e-10);
    const got = await largestEigenpair(product(a, n), n, normals(n, 11), { tolerance: 1e-11, complex: true });
    expect(Math.abs(got.value - values[n - 1])).toBeLessThan(1e-10);
    expect(got.second).toBeLessThanOrEqual(values[n - 3] + 1e-9);
    expect(got.second).toBeGreaterThan(values[n - 3] - 1e-3);
  });

  it("gives the same bits twice", async () => {
    const n = 100;
    const a = withSpectrum(
      Array.from({ length: n }, (_, k) => k * k),
      12,
    );
    const [x, y] = await Promise.all(
      [0, 1].map(() => largestEigenpair(product(a, n), n, normals(n, 13), { tolerance: 1e-9 })),
    );
    expect(x).toEqual(y);
  });
});
