/** A dozen small noisy tables as they are met in practice, with the response without noise on fresh rows. */
import { createRng, type Rng } from "../src/base/rng.js";
import type { Problem } from "./peers.js";

const FRESH = 2000;

interface Recipe {
  readonly name: string;
  readonly rows: number;
  readonly inputs: number;
  /** Correlation of neighbouring columns. */
  readonly rho: number;
  /** Columns that take few values. */
  readonly discrete: number;
  /** Standard deviation of the noise over that of the signal. */
  readonly noise: number;
  /** Share of rows whose response is far off. */
  readonly outliers: number;
  readonly signal: (x: ArrayLike<number>) => number;
}

const RECIPES: readonly Recipe[] = [
  {
    name: "linear",
    rows: 150,
    inputs: 8,
    rho: 0.5,
    discrete: 2,
    noise: 1,
    outliers: 0,
    signal: (x) => x[0] + 0.5 * x[3] - x[6],
  },
  {
    name: "weak",
    rows: 200,
    inputs: 12,
    rho: 0.3,
    discrete: 3,
    noise: 3,
    outliers: 0,
    signal: (x) => x[0] - x[1] + x[4],
  },
  {
    name: "saturating",
    rows: 250,
    inputs: 6,
    rho: 0.6,
    discrete: 1,
    noise: 0.5,
    outliers: 0.01,
    signal: (x) => Math.tanh(1.5 * (x[0] + x[2])),
  },
  {
    name: "threshold",
    rows: 400,
    inputs: 10,
    rho: 0.4,
    discrete: 2,
    noise: 0.7,
    outliers: 0,
    signal: (x) => (x[0] + x[1] > 0.5 ? 1 : 0),
  },
  {
    name: "valley",
    rows: 300,
    inputs: 8,
    rho: 0.2,
    discrete: 0,
    noise: 0.6,
    outliers: 0.01,
    signal: (x) => Math.abs(x[0] - x[3]),
  },
  {
    name: "interaction",
    rows: 500,
    inputs: 9,
    rho: 0.3,
    discrete: 2,
    noise: 0.8,
    outliers: 0,
    signal: (x) => x[0] + x[1] * x[2],
  },
  {
    name: "two bumps",
    rows: 600,
    inputs: 7,
    rho: 0.1,
    discrete: 1,
    noise: 0.6,
    outliers: 0,
    signal: (x) => Math.exp(-x[0] * x[0]) + 0.8 * Math.exp(-((x[1] + x[2]) ** 2)),
  },
  {
    name: "additive",
    rows: 450,
    inputs: 10,
    rho: 0.5,
    discrete: 3,
    noise: 0.7,
    outliers: 0.02,
    signal: (x) => Math.sin(2 * x[0]) + 0.5 * x[1] * x[1] + x[4],
  },
  {
    name: "collinear",
    rows: 350,
    inputs: 15,
    rho: 0.97,
    discrete: 0,
    noise: 0.8,
    outliers: 0,
    signal: (x) => x[0] + x[7] + 0.3 * x[14] * x[14],
  },
  {
    name: "counts",
    rows: 700,
    inputs: 8,
    rho: 0.3,
    discrete: 5,
    noise: 1,
    outliers: 0,
    signal: (x) => Math.exp(0.5 * (x[0] + x[1] - x[2])),
  },
  {
    name: "heavy outliers",
    rows: 400,
    inputs: 6,
    rho: 0.4,
    discrete: 1,
    noise: 0.5,
    outliers: 0.04,
    signal: (x) => x[0] - x[1] + 0.5 * x[0] * x[0],
  },
  { name: "nothing", rows: 300, inputs: 10, rho: 0.4, discrete: 3, noise: 1, outliers: 0.01, signal: () => 0 },
];

/** The dozen tables above, the same at every call. */
export const smallTables = (): Problem[] =>
  RECIPES.map((recipe) => drawTable(recipe, createRng(1, "small table", recipe.name)));

const SHAPES: readonly ((z: number, w: number) => number)[] = [
  (z) => z,
  (z) => Math.tanh(1.5 * z),
  (z) => z * z,
  (z) => Math.abs(z),
  (z) => (z > 0.5 ? 1 : 0),
  (z) => Math.exp(0.6 * z),
  (z) => Math.sin(2 * z),
  (z, w) => z * w,
];

/** Tables first to last, counted from 0: size, correlations, noise, outliers and signal are all drawn. */
export function drawnTables(first: number, last: number): Problem[] {
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const k = first + at;
    const rng = createRng(k, "drawn table");
    const between = (low: number, high: number) => low + (high - low) * rng.uniform();
    const inputs = Math.floor(between(5, 16));
    const terms = Array.from({ length: 1 + Math.floor(between(0, 2.5)) }, () => ({
      weights: [0, 1].map(() => Float64Array.from({ length: inputs }, () => (rng.uniform() < 0.4 ? rng.normal() : 0))),
      shape: SHAPES[Math.floor(rng.uniform() * SHAPES.length)],
      size: between(0.4, 1),
    }));
    const along = (x: ArrayLike<number>, w: Float64Array) => w.reduce((sum, v, j) => sum + v * x[j], 0);
    const recipe: Recipe = {
      name: `drawn ${k + 1}`,
      rows: Math.floor(150 * (800 / 150) ** rng.uniform()),
      inputs,
      rho: between(0, 0.9),
      discrete: Math.floor(between(0, inputs / 2)),
      noise: 0.4 * 6 ** rng.uniform(),
      outliers: rng.uniform() < 0.5 ? 0 : between(0, 0.03),
      signal: (x) =>
        terms.reduce((sum, { weights: [u, v], shape, size }) => sum + size * shape(along(x, u), along(x, v)), 0),
    };
    return drawTable(recipe, rng);
  });
}

function drawTable(recipe: Recipe, rng: Rng): Problem {
  const { name, rows, inputs: d, rho, discrete, noise, outliers, signal } = recipe;
  const n = rows + FRESH;
  const data = new Float64Array(n * d);
  const f = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let before = rng.normal();
    for (let j = 0; j < d; j++) {
      before = rho * before + Math.sqrt(1 - rho * rho) * rng.normal();
      data[i * d + j] = j >= d - discrete ? Math.max(-1, Math.min(2, Math.round(before))) : before;
    }
    f[i] = signal(data.subarray(i * d, (i + 1) * d));
  }
  const mean = f.reduce((a, b) => a + b, 0) / n;
  const sd = Math.sqrt(f.reduce((a, b) => a + (b - mean) ** 2, 0) / n) || 1;
  const y = Float64Array.from({ length: rows }, (_, i) => {
    const far = rng.uniform() < outliers ? 8 * sd * rng.normal() : 0;
    return f[i] + noise * sd * rng.normal() + far;
  });
  return {
    name,
    X: { data: data.slice(0, rows * d), rows, columns: d },
    y,
    fresh: { data: data.slice(rows * d), rows: FRESH, columns: d },
    truth: f.slice(rows),
  };
}
