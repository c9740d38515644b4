/**
 * Overlap of the spectral start against the predicted one, for five preprocessing functions over a lattice of n/d at d = 2000.
 *
 *     npx tsx bench/transition.ts [dim] [trials] [function]
 *
 * Rows are shared between the functions of one trial. The last column is the gap in standard errors of the mean; lines
 * within 20 % of a threshold are marked, since samples of any practical size scatter there.
 */
import { RunControl } from "../src/base/control.js";
import { createRng } from "../src/base/rng.js";
import { parseChannel } from "../src/single/channel.js";
import { parsePreprocess } from "../src/single/preprocess.js";
import { RowProducts } from "../src/single/rowProducts.js";
import { spectralDirection } from "../src/single/spectral.js";
import { predictSpectral } from "../src/single/spectralTransition.js";

const dim = Number(process.argv[2] ?? 2000);
const trials = Number(process.argv[3] ?? 8);
const only = process.argv[4];
const FUNCTIONS = ["trim(9)", "subset(1.5)", "opt(20)", "mm", "optimal(5)"].filter(
  (name) => only === undefined || name === only,
);
const RATIOS = [0.65, 0.8, 1, 1.3, 1.7, 2.2, 3, 4, 6, 9];
/** At d = 2000 this is n = 10⁵; fewer trials, since one takes 1.6 GB. */
const LARGE = { ratio: 50, trials: 3 };
const channel = parseChannel("square");

const found = new Map<string, number[]>();
const key = (name: string, ratio: number): string => `${name} ${ratio}`;
const started = process.cpuUsage();
for (const { ratio, count } of [
  ...RATIOS.map((ratio) => ({ ratio, count: trials })),
  ...(dim <= 2000 && only === undefined ? [{ ratio: LARGE.ratio, count: LARGE.trials }] : []),
]) {
  const samples = Math.round(ratio * dim);
  for (let trial = 0; trial < count; trial++) {
    const { normal } = createRng(trial, "transition-bench", samples);
    const data = new Float64Array(samples * dim);
    for (let k = 0; k < data.length; k++) data[k] = normal();
    // The truth is the first unit vector: the law of the rows does not know directions.
    const y = Float64Array.from({ length: samples }, (_, i) => data[i * dim] * data[i * dim]);
    const ones = new Float64Array(dim).fill(1);
    const rows = await RowProducts.create({ data, rows: samples, columns: dim }, ones, "auto", new RunControl());
    for (const name of FUNCTIONS) {
      const T = parsePreprocess(name, { channel, ratio, complex: false });
      const { vector } = await spectralDirection(rows, T, y, createRng(trial, "transition-start"));
      const list = found.get(key(name, ratio)) ?? [];
      list.push(Math.abs(vector[0]));
      found.set(key(name, ratio), list);
    }
    rows.dispose();
  }
  process.stderr.write(`n/d = ${ratio} done\n`);
}

console.log(`d = ${dim}, ${trials} trials`);
console.log("function      n/d    threshold  predicted  measured             gap");
for (const name of FUNCTIONS) {
  for (const ratio of [...RATIOS, LARGE.ratio]) {
    const values = found.get(key(name, ratio));
    if (values === undefined) continue;
    const T = parsePreprocess(name, { channel, ratio, complex: false });
    const { overlap, threshold } = predictSpectral(channel, T, ratio, false);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    const error = Math.sqrt(square / (values.length - 1) / values.length);
    const near = Math.abs(ratio / threshold - 1) < 0.2 ? "near the threshold" : ratio < threshold ? "below" : "";
    const gap = near === "" ? `${((mean - overlap) / error).toFixed(1)} standard errors` : near;
    console.log(
      `${name.padEnd(12)}  ${String(ratio).padEnd(5)}  ${threshold.toFixed(4).padEnd(9)}  ${overlap.toFixed(4).padEnd(9)}  ${`${mean.toFixed(4)} ± ${error.toFixed(4)}`.padEnd(19)}  ${gap}`,
    );
  }
}
const { user, system } = process.cpuUsage(started);
console.log(`${((user + system) / 1e6).toFixed(0)} s of CPU`);
