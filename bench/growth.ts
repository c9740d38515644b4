/** How the time of an iteration grows with n, d and p: exponents by least squares through logarithms. */
import { profiledLoss } from "../src/theory/index.js";
import { indices } from "./naive.js";
import { PENALTY, problemOf, type Size } from "./problem.js";
import { type Contender, contender, interleaved } from "./timing.js";

export interface Growth {
  /** What grows, and what stays. */
  readonly what: string;
  readonly values: readonly number[];
  /** CPU milliseconds. */
  readonly times: readonly number[];
  readonly exponent: number;
}

const BASE: Size = { n: 20_000, d: 64, r: 3, degree: 4 };
const STEPS: readonly { what: string; sizes: readonly Size[]; value(size: Size): number }[] = [
  {
    what: "n, from 20 000 on (d 64, r 3, degree 4)",
    sizes: [1, 2, 4, 8].map((k) => ({ ...BASE, n: BASE.n * k })),
    value: ({ n }) => n,
  },
  {
    what: "d, from 64 on (n 20 000, r 3, degree 4)",
    sizes: [1, 2, 4, 8].map((k) => ({ ...BASE, d: BASE.d * k })),
    value: ({ d }) => d,
  },
  {
    what: "p, by degree 2 to 6 (n 20 000, d 64, r 3)",
    sizes: [2, 3, 4, 5, 6].map((degree) => ({ ...BASE, degree })),
    value: ({ r, degree }) => indices(r, degree).length,
  },
  {
    what: "the number of moments, by degree 2 to 6 (the same sizes)",
    sizes: [2, 3, 4, 5, 6].map((degree) => ({ ...BASE, degree })),
    value: ({ r, degree }) => indices(r, 2 * degree).length,
  },
];

export async function benchGrowth(runs: number): Promise<Growth[]> {
  const out: Growth[] = [];
  for (const { what, sizes, value } of STEPS) {
    const contenders: Contender[] = sizes.map((size, k) => {
      const { n, d, r, degree } = size;
      const { X, y, W } = problemOf(size);
      const [rows, basis] = [
        { data: X, rows: n, columns: d },
        { data: W, rows: d, columns: r },
      ];
      const options = { degree, penalty: PENALTY, kernel: "wasm", threads: 1 } as const;
      return contender(String(k), runs, () => profiledLoss(rows, y, basis, options));
    });
    const medians = await interleaved(contenders);
    const times = sizes.map((_, k) => medians.get(String(k)) as number);
    const values = sizes.map(value);
    out.push({ what, values, times, exponent: slope(values.map(Math.log), times.map(Math.log)) });
  }
  return out;
}

function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (v: readonly number[]): number => v.reduce((s, a) => s + a, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  let above = 0;
  let below = 0;
  for (const [k, v] of x.entries()) {
    above += (v - mx) * (y[k] - my);
    below += (v - mx) ** 2;
  }
  return above / below;
}
