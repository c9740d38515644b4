/** The automatic fit on generated problems of every kind that the recipe names (golden/learner/synthetic.json). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createRng, type Rng } from "../../src/base/rng.js";
import { fitMultiIndex, rSquared } from "../../src/index.js";
import { randomBasis } from "../../src/math/grassmann.js";

interface Case {
  readonly name: string;
  readonly rows: number;
  readonly inputs: number;
  readonly noiseStd?: number;
  readonly noiseShareOfSd?: number;
  readonly accept: {
    readonly rank: readonly number[];
    readonly r2TestMin?: number;
    readonly share: number;
    readonly linkFamily?: readonly string[];
    readonly whiten?: string;
  };
}

const golden = JSON.parse(readFileSync(new URL("../golden/learner/synthetic.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

/** The links of the file, which gives them as text. */
const LINKS: Readonly<Record<string, (z: readonly number[]) => number>> = {
  noise: () => 0,
  cubic: ([a]) => a ** 3 - 3 * a,
  triple: ([a, b, c]) => a * b * c,
  steps: ([a, b, c]) => a + a * b + a * b * c,
  lognormal: ([a, b]) => Math.log(1 + Math.abs(a)) + Math.tanh(b),
  "collinear curves": ([a, b]) => a + 0.5 * a * b,
};
const RANKS: Readonly<Record<string, number>> = { noise: 0, cubic: 1, triple: 3, steps: 3, lognormal: 2 };
const FRESH = 1000;

const scaled = (values: Float64Array): Float64Array => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const sd = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return values.map((v) => (v - mean) / sd);
};

/** Rows of independent columns and their projections on a Haar basis. */
function independent({ name, inputs }: Case, n: number, rng: Rng) {
  const r = RANKS[name];
  const w = r > 0 ? randomBasis(inputs, r, rng) : new Float64Array(0);
  const draw = name === "lognormal" ? () => Math.exp(rng.normal()) : () => rng.normal();
  const x = Float64Array.from({ length: n * inputs }, draw);
  const z = Array.from({ length: r }, (_, k) => {
    const column = Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < inputs; j++) sum += w[j * r + k] * x[i * inputs + j];
      return sum;
    });
    return name === "lognormal" ? scaled(column) : column;
  });
  return { x, z };
}

/** Ordinates of smooth curves: twelve bumps with decaying random weights. */
function curves({ inputs: d }: Case, n: number, rng: Rng) {
  const centres = Array.from({ length: 12 }, () => rng.uniform());
  const x = new Float64Array(n * d);
  const bump = (t: number, c: number, width: number): number => Math.exp(-((t - c) ** 2) / (2 * width * width));
  for (let i = 0; i < n; i++) {
    const weights = centres.map((_, k) => Math.exp(-k / 2) * rng.normal());
    for (let j = 0; j < d; j++) {
      const t = j / (d - 1);
      x[i * d + j] = 2 + 0.002 * rng.normal() + centres.reduce((sum, c, k) => sum + weights[k] * bump(t, c, 0.08), 0);
    }
  }
  const z = [0.3, 0.7].map((c) =>
    scaled(
      Float64Array.from({ length: n }, (_, i) => {
        let sum = 0;
        for (let j = 0; j < d; j++) sum += bump(j / (d - 1), c, 0.1) * x[i * d + j];
        return sum;
      }),
    ),
  );
  return { x, z };
}

function generate(problem: Case, seed: number) {
  const rng = createRng(seed, "learner", problem.name);
  const { rows, inputs: d } = problem;
  const n = rows + FRESH;
  const { x, z } = problem.name === "collinear curves" ? curves(problem, n, rng) : independent(problem, n, rng);
  const f = Float64Array.from({ length: n }, (_, i) => LINKS[problem.name](z.map((column) => column[i])));
  const mean = f.reduce((a, b) => a + b, 0) / n;
  const sd = Math.sqrt(f.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
  const noise = problem.name === "noise" ? 1 : (problem.noiseStd ?? (problem.noiseShareOfSd as number) * sd);
  const y = f.map((v) => v + noise * rng.normal());
  const part = (from: number, to: number) => ({ data: x.slice(from * d, to * d), rows: to - from, columns: d });
  return { X: part(0, rows), y: y.slice(0, rows), fresh: part(rows, n), f: f.slice(rows) };
}

describe("fitMultiIndex(X, y) with nothing chosen", () => {
  it.each(golden.cases)("$name", { timeout: 240_000 }, async (problem) => {
    const { accept } = problem;
    const seeds = problem.name === "noise" ? 8 : 3;
    const verdicts: boolean[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const { X, y, fresh, f } = generate(problem, seed);
      const fit = await fitMultiIndex(X, y, { seed });
      const { selection } = fit.diagnostics;
      const r2 = accept.r2TestMin === undefined ? 1 : rSquared(fit.model.predict(fresh), f);
      verdicts.push(
        accept.rank.includes(fit.model.rank) &&
          r2 >= (accept.r2TestMin ?? 0) &&
          (accept.linkFamily?.includes(selection.family) ?? true) &&
          (accept.whiten === undefined || accept.whiten === selection.whiten),
      );
    }
    const share = verdicts.filter(Boolean).length / seeds;
    expect(share, verdicts.join(" ")).toBeGreaterThanOrEqual(accept.share);
  });
});
