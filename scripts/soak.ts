/**
 * Long runs, outside the suite: `npm run soak -- fits|workers|pool [--count n]`.
 *
 * `fits`: 10⁵ small fits on one engine; `workers`: 10³ workers started, each fits once and is ended; `pool`: 10⁴ fits on two threads.
 * Prints the memory outside the heap of objects along the way and exits 1 when the last tenth needs 16 MiB more than the first.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { type FitOptions, fitMultiIndex } from "../src/index.js";
import { fitInWorker } from "../src/worker/index.js";

const [kind = "fits", , given] = process.argv.slice(2);
const DEFAULTS: Record<string, number> = { fits: 100_000, workers: 1000, pool: 10_000 };
if (!(kind in DEFAULTS)) throw new Error(`${kind} is no soak; known are ${Object.keys(DEFAULTS).join(", ")}`);
const count = given === undefined ? DEFAULTS[kind] : Number(given);
const MEBIBYTE = 2 ** 20;

setFlagsFromString("--expose-gc");
const collectNow = runInNewContext("gc") as () => void;

const X = Array.from({ length: 30 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i + 1)]);
const y = X.map(([a, b]) => a - b + (a + b) ** 2 / 2);
const options: FitOptions = { rank: 1, degree: 2, seed: 5, restarts: 0, ridge: 1e-3, maxIterations: 3 };

async function once(index: number): Promise<number> {
  const all = { ...options, seed: index % 1000, start: index % 2 === 0 ? "random" : "slices" } as const;
  if (kind === "fits") return (await fitMultiIndex(X, y, all)).history.loss.at(-1)!;
  if (kind === "pool") return (await fitMultiIndex(X, y, { ...all, threads: 2 })).history.loss.at(-1)!;
  const entry = new URL("../dist/worker/index.js", import.meta.url).href;
  const worker = new Worker(`import(${JSON.stringify(entry)}).then(({ serveFits }) => serveFits());`, { eval: true });
  try {
    return (await fitInWorker(worker, X, y, all)).history.loss.at(-1)!;
  } finally {
    await worker.terminate();
  }
}

const started = process.cpuUsage();
const marks: number[] = [];
for (let i = 0; i < count; i++) {
  const loss = await once(i);
  if (!Number.isFinite(loss)) throw new Error(`fit ${i} ends at a loss of ${loss}`);
  if ((i + 1) % Math.ceil(count / 10) !== 0) continue;
  for (let pass = 0; pass < 3; pass++) {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { external, heapUsed } = process.memoryUsage();
  marks.push(external + heapUsed);
  console.log(`${i + 1} of ${kind}: ${((external + heapUsed) / MEBIBYTE).toFixed(1)} MiB held`);
}
const grown = (marks.at(-1)! - marks[0]) / MEBIBYTE;
const { user, system } = process.cpuUsage(started);
console.log(
  `${kind}: ${count}, ${grown.toFixed(1)} MiB more at the end (${((user + system) / 1e6).toFixed(0)} s of processor time)`,
);
process.exit(grown < 16 ? 0 : 1);
