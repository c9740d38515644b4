/**
 * A streamed pass beside the same pass in memory: `tsx bench/streamed.ts big.parquet [rows in memory]`. Prints seconds a million rows
 * for the two passes of an iteration, streamed from the spooled file and over an array, and the process's peak memory so far.
 */
import { fitMultiIndex, fitStreamed } from "../src/index.js";
import { openTable, spooled } from "../src/io/index.js";

const [file, count = "1000000"] = process.argv.slice(2);
if (!file) throw new Error("usage: tsx bench/streamed.ts <file.parquet> [rows in memory]");
const options = { rank: 3, degree: 4, seed: 1, restarts: 0, start: "slices", whiten: "scale", ridge: 1e-6 } as const;
const table = await openTable(file);
const names = table.columns.map(({ name }) => name).filter((name) => name !== "y");
const source = spooled(table.select([...names, "y"]));
const peak = (): string => `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`;

const ends: { pass: number; at: number }[] = [];
let rows = 0;
const fit = await fitStreamed(source, {
  ...options,
  target: "y",
  memoryBytes: 2 ** 27,
  onRows: ({ pass, rows: done, elapsedMs }) => {
    rows = Math.max(rows, done);
    if (ends.at(-1)?.pass !== pass) ends.push({ pass, at: elapsedMs });
    ends[ends.length - 1] = { pass, at: elapsedMs };
  },
});
// Passes 2, 3 are the first point; what lies between is the sample's.
const passMs = ends.slice(2).map(({ at }, k) => at - ends[k + 1].at);
const best = (list: number[]): number => list.reduce((a, b) => Math.min(a, b));
const pairs = passMs.slice(1).map((ms, k) => ms + passMs[k]);
console.log(`node ${process.version}, ${rows} rows of ${names.length}, peak ${peak()} streamed`);
console.log(
  `${fit.passes} passes, ${(fit.elapsedMs / 1000).toFixed(1)} s in all, R² ${fit.r2Train}, ${fit.stop.reason}`,
);
const streamed = best(pairs) / rows;
await source.dispose();

const n = Math.min(rows, Number(count));
const X = new Float64Array(n * names.length);
const y = new Float64Array(n);
let at = 0;
for await (const block of table.select([...names, "y"])) {
  for (let i = 0; i < block.rows && at < n; i++, at++) {
    X.set(block.data.subarray(i * 21, i * 21 + 20), at * 20);
    y[at] = block.data[i * 21 + 20];
  }
  if (at === n) break;
}
const moments: number[] = [];
// The gradient flow evaluates loss and gradient afresh three times a step, and nothing else.
await fitMultiIndex({ data: X, rows: n, columns: names.length }, y, {
  ...options,
  start: fit.model.basis as never,
  method: "gradient-flow",
  maxIterations: 6,
  onProgress: ({ elapsedMs }) => moments.push(elapsedMs),
});
const steps = moments.slice(2).map((ms, k) => (ms - moments[k + 1]) / 3);
const memory = best(steps) / n;
console.log(
  `two passes over 10⁶ rows: ${(1e3 * streamed).toFixed(2)} s streamed, ${(1e3 * memory).toFixed(2)} s in memory`,
);
console.log(`speed of a streamed iteration: ${((100 * memory) / streamed).toFixed(0)} % of one in memory`);
