/** The bound of a landmark Gaussian process: dense formula, gradient, weights, both kernels. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import type { ProcessRows } from "../../src/kernel/landmarkArena.js";
import { LandmarkProcess, type ProcessBound, type ProcessPoint } from "../../src/kernel/landmarkProcess.js";
import { RADIAL_KINDS } from "../../src/kernel/ops.js";
import { cholesky, choleskySolve } from "../../src/math/dense.js";
import { numbers } from "./harness.js";

const control = new RunControl();
const bumps = {
  gauss: (q: number) => Math.exp(-q / 2),
  matern52: (q: number) => (1 + Math.sqrt(5 * q) + (5 * q) / 3) * Math.exp(-Math.sqrt(5 * q)),
};
type Kind = keyof typeof bumps;

function problem(n: number, k: number, r: number, m: number, kind: Kind, seed = 1) {
  const random = numbers(seed);
  const x = random.array(n * k);
  const directions = random.array(k * r).map((v) => 0.4 * v);
  const y = Float64Array.from({ length: n }, (_, i) => Math.sin(2 * x[i * k]) + 0.2 * random.value());
  const landmarks = Int32Array.from({ length: m }, (_, j) => Math.floor((j * n) / m));
  const rows: ProcessRows = { x, n, k, y, rank: r, kind: RADIAL_KINDS[kind], landmarks };
  const point: ProcessPoint = { directions, bump: 0.3, slope: -1.5, noise: 0.07 };
  return { rows, point };
}

async function boundOf(rows: ProcessRows, point: ProcessPoint, kernel: "wasm" | "reference" = "wasm") {
  const process = await LandmarkProcess.create(rows, kernel, control);
  try {
    return (await process.at(point)) as ProcessBound;
  } finally {
    process.dispose();
  }
}

/** −ln N(y | 0, K + σ²W⁻¹) + ½Σ(w − 1) ln σ² − (n/2) ln 2π for the full kernel, from n×n matrices. */
function dense(rows: ProcessRows, { directions, bump, slope, noise }: ProcessPoint, kind: Kind): number {
  const { x, n, k, y, rank: r, weights } = rows;
  const z = Array.from({ length: n }, (_, i) =>
    Array.from({ length: r }, (_, c) => {
      let sum = 0;
      for (let a = 0; a < k; a++) sum += x[i * k + a] * directions[a * r + c];
      return sum;
    }),
  );
  const covariance = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const q = z[i].reduce((sum, v, c) => sum + (v - z[j][c]) ** 2, 0);
      const inner = z[i].reduce((sum, v, c) => sum + v * z[j][c], 0);
      covariance[i * n + j] = Math.exp(bump) * bumps[kind](q) + Math.exp(slope) * inner + 10;
    }
    covariance[i * n + i] += noise / (weights ? weights[i] : 1);
  }
  const factor = cholesky(covariance, n);
  if (!factor.ok) throw new Error("singular");
  const alpha = choleskySolve(factor.lower, n, y);
  let value = 0;
  for (let i = 0; i < n; i++) {
    const w = weights ? weights[i] : 1;
    value += Math.log(factor.lower[i * n + i]) + 0.5 * y[i] * alpha[i];
    value += 0.5 * (w - 1) * Math.log(noise) + 0.5 * Math.log(w);
  }
  return value;
}

describe.each(["gauss", "matern52"] as const)("%s", (kind) => {
  it.each([
    [60, 3, 1],
    [110, 4, 2],
    [130, 5, 3],
  ])("with every row a landmark is the exact likelihood (n %i, k %i, r %i)", async (n, k, r) => {
    const { rows, point } = problem(n, k, r, n, kind);
    const { value } = await boundOf(rows, point);
    // The jitter of 1e-8 on K_uu is what is left.
    expect(Math.abs(value - dense(rows, point, kind))).toBeLessThan(1e-5 * n);
  });

  it("with fewer landmarks is above it, and falls as landmarks come", async () => {
    const { rows, point } = problem(120, 3, 2, 8, kind);
    const exact = dense(rows, point, kind);
    const few = (await boundOf(rows, point)).value;
    const all = Int32Array.from({ length: 60 }, (_, j) => (j < 8 ? rows.landmarks[j] : 0));
    let next = 1;
    for (let j = 8; j < 60; j++) {
      while (rows.landmarks.includes(next)) next++;
      all[j] = next++;
    }
    const more = (await boundOf({ ...rows, landmarks: all }, point)).value;
    expect(few).toBeGreaterThan(more);
    expect(more).toBeGreaterThan(exact);
  });

  it.each([
    [100, 3, 1, 12],
    [200, 5, 3, 40],
    [97, 2, 2, 97],
  ])("the gradient leaves a Taylor remainder of slope 2 (n %i, k %i, r %i, m %i)", async (n, k, r, m) => {
    const { rows, point } = problem(n, k, r, m, kind, 7);
    const random = numbers(3);
    const step = random.array(k * r + 3);
    const at = await boundOf(rows, point);
    let slope = step[0] * at.bump + step[1] * at.slope + step[2] * at.noise;
    for (let i = 0; i < k * r; i++) slope += step[3 + i] * at.directions[i];
    const remainder = async (t: number): Promise<number> => {
      const moved: ProcessPoint = {
        directions: point.directions.map((v, i) => v + t * step[3 + i]),
        bump: point.bump + t * step[0],
        slope: point.slope + t * step[1],
        noise: point.noise * Math.exp(t * step[2]),
      };
      return Math.abs((await boundOf(rows, moved)).value - at.value - t * slope);
    };
    const [coarse, fine] = [await remainder(1e-3), await remainder(1e-4)];
    expect(Math.log10(coarse / fine)).toBeCloseTo(2, 1);
  });

  it("gives the same bits on both kernels and every time", async () => {
    const { rows, point } = problem(150, 4, 2, 30, kind, 5);
    const weighted = { ...rows, weights: Float64Array.from({ length: 150 }, (_, i) => 1 + (i % 3)) };
    for (const given of [rows, weighted]) {
      const wasm = await boundOf(given, point, "wasm");
      expect(await boundOf(given, point, "reference")).toEqual(wasm);
      expect(await boundOf(given, point, "wasm")).toEqual(wasm);
    }
  });

  it("a weight of 2 is a row given twice", async () => {
    const { rows, point } = problem(70, 3, 2, 15, kind);
    const weights = Float64Array.from({ length: 70 }, (_, i) => 1 + (i % 2));
    const double = Array.from(weights).flatMap((w, i) => new Array<number>(w).fill(i));
    const twice: ProcessRows = {
      ...rows,
      n: double.length,
      x: Float64Array.from(double.flatMap((i) => Array.from(rows.x.subarray(3 * i, 3 * i + 3)))),
      y: Float64Array.from(double, (i) => rows.y[i]),
      landmarks: rows.landmarks.map((i) => double.indexOf(i)),
    };
    const [a, b] = [await boundOf({ ...rows, weights }, point), await boundOf(twice, point)];
    expect(a.value).toBeCloseTo(b.value, 9);
    for (const key of ["bump", "slope", "noise"] as const) expect(a[key]).toBeCloseTo(b[key], 8);
    a.directions.forEach((g, i) => {
      expect(g).toBeCloseTo(b.directions[i], 8);
    });
  });
});

it("a point where the arithmetic breaks down is refused, not NaN", async () => {
  const { rows, point } = problem(60, 3, 2, 20, "gauss");
  const process = await LandmarkProcess.create(rows, "wasm", control);
  expect(await process.at({ ...point, directions: point.directions.map(() => Number.NaN) })).toBeUndefined();
  expect(await process.at({ ...point, directions: point.directions.map(() => 1e200) })).toBeUndefined();
  expect((await process.at(point))?.value).toBe((await boundOf(rows, point)).value);
  process.dispose();
  await expect(process.at(point)).rejects.toMatchObject({ code: "DISPOSED" });
});
