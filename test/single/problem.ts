/** Seeded single-index problems and brute-force formulas that the suites of this folder compare with. */
import { createRng } from "../../src/base/rng.js";

export interface Planted {
  readonly X: number[][];
  readonly z: number[];
  readonly theta: number[];
}

/** n standard normal rows and a θ of the given norm. */
export function planted(n: number, d: number, seed: number, norm = 1): Planted {
  const rng = createRng(seed, "single-test");
  const X = Array.from({ length: n }, () => Array.from({ length: d }, rng.normal));
  const v = Array.from({ length: d }, rng.normal);
  const size = Math.sqrt(v.reduce((s, x) => s + x * x, 0));
  const theta = v.map((x) => (norm * x) / size);
  return { X, theta, z: X.map((row) => dot(row, theta)) };
}

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
};
export const length = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

/** Relative distance. */
export const gap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  length(Array.from(a, (x, j) => x - b[j])) / length(b);

/** Relative distance up to sign. */
export const signGap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.min(
    gap(a, b),
    gap(
      Array.from(a, (x) => -x),
      b,
    ),
  );

/** l′ of `rational(c)`, written out again. */
export const rationalSlope = (xi: number, y: number, c = 1): number => ((xi * xi - y) * xi) / (c + xi * xi + y);

/** ∇ of (1/n)Σ l(⟨x, θ⟩; y) + (λ/2)‖θ‖², row by row. */
export function gradient(
  X: readonly (readonly number[])[],
  y: readonly number[],
  theta: ArrayLike<number>,
  slope: (xi: number, y: number) => number,
  ridge: number,
): number[] {
  const out = Array.from(theta, (t) => ridge * t);
  X.forEach((row, i) => {
    const g = slope(dot(row, theta), y[i]) / X.length;
    for (let j = 0; j < out.length; j++) out[j] += g * row[j];
  });
  return out;
}

/** The same in one array, with θ the first unit vector: for many rows. */
export function flatRows(n: number, d: number, seed: number): { data: Float64Array; z: Float64Array } {
  const { normal } = createRng(seed, "flat-rows");
  const data = new Float64Array(n * d);
  for (let k = 0; k < data.length; k++) data[k] = normal();
  return { data, z: Float64Array.from({ length: n }, (_, i) => data[i * d]) };
}

/** Mean and its standard error. */
export function meanAndError(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const square = values.reduce((s, v) => s + (v - mean) ** 2, 0);
  return { mean, error: Math.sqrt(square / (values.length - 1) / values.length) };
}
