/**
 * Does the automatic fit do over and over what it does once? Pure noise, many inputs, few rows, and the coverage of its intervals and of
 * the standard errors of its directions.
 *
 *   npm run bench:replicates -- [folder] [--only noise,wide,few,coverage]
 *
 * `folder` holds the problems of `npm run bench:learner`; without it few rows are left out. Writes bench/README.md; `--dry`
 * only prints.
 */
import { createRng } from "../src/base/rng.js";
import { type Fit, fitMultiIndex, rSquared } from "../src/index.js";
import { readProblem } from "./readProblem.js";
import { writeSection } from "./section.js";

const option = process.argv.indexOf("--only");
const only = option > 0 ? process.argv[option + 1].split(",") : ["noise", "wide", "few", "coverage"];
const folder = process.argv.slice(2).find((arg, i, all) => !arg.startsWith("-") && all[i - 1] !== "--only");
const command = "npm run bench:replicates";

/** How often the constant is returned where y is noise. */
async function noise(): Promise<void> {
  const lines = [
    "| rows × inputs | seeds | constant returned | R² on fresh noise-free rows (0), worst |",
    "| --- | --- | --- | --- |",
  ];
  for (const [n, d] of [
    [200, 10],
    [150, 30],
    [400, 10],
  ]) {
    const seeds = 40;
    let constants = 0;
    let worst = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const rng = createRng(seed, "noise", n, d);
      const data = Float64Array.from({ length: n * d }, () => rng.normal());
      const y = Float64Array.from({ length: n }, () => rng.normal());
      const { model } = await fitMultiIndex({ data, rows: n, columns: d }, y, { seed });
      if (model.rank === 0) constants++;
      else {
        const fresh = Float64Array.from({ length: 1000 * d }, () => rng.normal());
        const values = model.predict({ data: fresh, rows: 1000, columns: d });
        worst = Math.max(worst, values.reduce((sum, v) => sum + v * v, 0) / 1000);
        console.log(`  ${n}x${d} seed ${seed}: rank ${model.rank} degree ${model.degree}`);
      }
    }
    lines.push(`| ${n} × ${d} | ${seeds} | ${constants} | variance of the predictions ${worst.toFixed(3)} |`);
    console.log(lines[lines.length - 1]);
  }
  writeSection("noise", "Pure noise", command, lines);
}

/** The first rows of a problem, over ten seeds of the search. */
async function few(from: string): Promise<void> {
  const lines = [
    "| problem | rows | seeds | ranks chosen | R² on fresh rows: least, median |",
    "| --- | --- | --- | --- | --- |",
  ];
  for (const [name, rows] of [
    ["phase_retrieval", 300],
    ["phase_retrieval", 400],
    ["phase_retrieval", 600],
    ["mim_quad", 100],
    ["mim_quad", 200],
    ["leap2_product", 300],
    ["leap2_product", 600],
    ["leap2_product", 150],
  ] as const) {
    const { X, y, fresh, truth } = await readProblem(from, name);
    const head = { data: X.data.subarray(0, rows * X.columns), rows, columns: X.columns };
    const ranks: number[] = [];
    const r2: number[] = [];
    for (let seed = 0; seed < 10; seed++) {
      const { model } = await fitMultiIndex(head, y.subarray(0, rows), { seed });
      ranks.push(model.rank);
      r2.push(rSquared(model.predict(fresh), truth));
    }
    r2.sort((a, b) => a - b);
    lines.push(`| ${name} | ${rows} | ${r2.length} | ${ranks.join(" ")} | ${r2[0].toFixed(5)}, ${r2[5].toFixed(5)} |`);
    console.log(lines[lines.length - 1]);
  }
  writeSection("few rows", "Few rows", command, lines);
}

const LINKS = {
  polynomial: (z: number) => z + 0.4 * (z * z - 1),
  saturating: (z: number) => Math.tanh(1.5 * z),
} as const;
const REPLICATES = 150;

/** Shares of fresh responses inside 90 % intervals, and of entries of the true direction within 1.96 standard errors. */
async function coverage(): Promise<void> {
  const lines = [
    `${REPLICATES} replicates, one direction, noise whose standard deviation grows with |z| (from .2 to .2 + .2 |z|); nominal .90 and .95.`,
    "",
    "| link | rows × inputs | 90 % interval holds a fresh response | split conformal | entry of the direction within 1.96 standard errors | links |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  for (const [name, link] of Object.entries(LINKS)) {
    for (const [n, d] of [
      [200, 8],
      [400, 20],
      [1000, 20],
    ]) {
      const inside = { loo: [0, 0], split: [0, 0], direction: [0, 0] };
      const families: Record<string, number> = {};
      for (let seed = 0; seed < REPLICATES; seed++) {
        const rng = createRng(seed, "coverage", n, d);
        const w = Float64Array.from({ length: d }, () => rng.normal());
        const norm = Math.hypot(...w);
        const draw = (rows: number) => {
          const data = Float64Array.from({ length: rows * d }, () => rng.normal());
          const y = Float64Array.from({ length: rows }, (_, i) => {
            let z = 0;
            for (let j = 0; j < d; j++) z += (w[j] / norm) * data[i * d + j];
            return link(z) + 0.2 * (1 + Math.abs(z)) * rng.normal();
          });
          return { X: { data, rows, columns: d }, y };
        };
        const train = draw(n);
        const fresh = draw(500);
        const fit = await fitMultiIndex(train.X, train.y, { seed });
        count(inside.loo, fit, fresh);
        if (seed % 5 === 0)
          count(inside.split, await fitMultiIndex(train.X, train.y, { seed, intervals: "split" }), fresh);
        const family = fit.model.degree === null ? fit.model.link.family : `degree ${fit.model.degree}`;
        families[family] = (families[family] ?? 0) + 1;
        const errors = fit.diagnostics.standardErrors?.basis?.to1DArray();
        if (fit.model.rank !== 1 || !errors) continue;
        const data = fit.model.basis.to1DArray();
        let dot = 0;
        for (let j = 0; j < d; j++) dot += data[j] * w[j];
        for (let j = 0; j < d; j++) {
          inside.direction[1]++;
          if (Math.abs(data[j] - (Math.sign(dot) * w[j]) / norm) <= 1.96 * errors[j]) inside.direction[0]++;
        }
      }
      const share = ([hits, of]: readonly number[]): string => (of > 0 ? (hits / of).toFixed(3) : "–");
      const links = Object.entries(families).map(([family, times]) => `${family}: ${times}`);
      lines.push(
        `| ${name} | ${n} × ${d} | ${share(inside.loo)} | ${share(inside.split)} | ${share(inside.direction)} | ${links.join(", ")} |`,
      );
      console.log(lines[lines.length - 1]);
    }
  }
  writeSection("coverage", "Intervals and standard errors", command, lines);
}

function count(
  into: number[],
  { model }: Fit,
  { X, y }: { X: { data: Float64Array; rows: number; columns: number }; y: Float64Array },
): void {
  const { lower, upper } = model.predict(X, { interval: 0.9 });
  for (let i = 0; i < y.length; i++) {
    into[1]++;
    if (y[i] >= lower[i] && y[i] <= upper[i]) into[0]++;
  }
}

const WIDE_LINKS: Readonly<Record<string, (z: readonly number[]) => number>> = {
  "z₁": ([a]) => a,
  "tanh 2z₁": ([a]) => Math.tanh(2 * a),
  "|z₁|": ([a]) => Math.abs(a),
  "z₁z₂": ([a, b]) => a * b,
  "z₁ + z₂²": ([a, b]) => a + b * b,
  "z₁ + .4 z₂³ − z₁z₃": ([a, b, c]) => a + 0.4 * b ** 3 - a * c,
  "exp(−z₁²) + z₂": ([a, b]) => Math.exp(-a * a) + b,
};

/** Several hundred inputs, a few rows each: more motions of directions than leverages are computed for. */
async function wide(): Promise<void> {
  const sizes = [
    [2000, 250],
    [3000, 300],
    [6000, 150],
  ];
  const heads = sizes.map(([n, d]) => `${n} × ${d}`);
  const lines = [
    "Noise of standard deviation .2, two seeds: rank chosen and R² on 1000 fresh rows without noise.",
    "",
    `| link | ${heads.join(" | ")} |`,
    `| --- | ${heads.map(() => "---").join(" | ")} |`,
  ];
  for (const [name, link] of Object.entries(WIDE_LINKS)) {
    const cells: string[] = [];
    for (const [n, d] of sizes) {
      const found: string[] = [];
      for (const seed of [0, 1]) {
        const rng = createRng(seed, "wide", n, d);
        const draw = (rows: number) => {
          const data = Float64Array.from({ length: rows * d }, () => rng.normal());
          const f = Float64Array.from({ length: rows }, (_, i) => {
            const [a, b, c, e] = data.subarray(i * d, i * d + 4);
            return link([(a + b) / Math.SQRT2, c, e]);
          });
          return { X: { data, rows, columns: d }, f };
        };
        const train = draw(n);
        const fresh = draw(1000);
        const y = train.f.map((v) => v + 0.2 * rng.normal());
        const { model } = await fitMultiIndex(train.X, y, { seed });
        found.push(`${model.rank}: ${rSquared(model.predict(fresh.X), fresh.f).toFixed(3)}`);
      }
      cells.push(found.join(", "));
    }
    lines.push(`| ${name} | ${cells.join(" | ")} |`);
    console.log(lines[lines.length - 1]);
  }
  writeSection("wide", "Many inputs", command, lines);
}

if (only.includes("noise")) await noise();
if (only.includes("wide")) await wide();
if (only.includes("few") && folder) await few(folder);
if (only.includes("coverage")) await coverage();
