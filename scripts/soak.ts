/**
 * Long runs, outside the suite: `npm run soak -- fits|workers|pool|page [--count n]`.
 *
 * `fits`: 10⁵ small fits on one engine; `workers`: 10³ workers started, each fits once and is ended; `pool`: 10⁴ fits on two threads;
 * `page`: 60 rounds through the views of the playground, with a fit in each.
 * Prints along the way the memory that is held, of heap and buffers, and that of the whole process; for `page`, the heap of the page.
 * Exits 1 when at the end the first is 16 MiB, or the second 64 MiB, more than at the first tenth. What came out is in test/README.md.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { configureThreads, type Fit, type FitOptions, fitMultiIndex } from "../src/index.js";
import { fitInWorker } from "../src/worker/index.js";
import { LongVisit } from "./soakPage.js";

const MEBIBYTE = 2 ** 20;
const inMebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
setFlagsFromString("--expose-gc");
const collectNow = runInNewContext("gc") as () => void;

const ROWS = Array.from({ length: 300 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i + 1)]);
const RESPONSE = ROWS.map(([a, b]) => a - b + (a + b) ** 2 / 2);
/** Few rows are not shared out among threads. */
const [X, y] = [ROWS.slice(0, 30), RESPONSE.slice(0, 30)];
const optionsOf = (index: number): FitOptions => ({
  rank: 1,
  degree: 2,
  restarts: 0,
  ridge: 1e-3,
  maxIterations: 3,
  seed: index % 1000,
  start: index % 2 === 0 ? "random" : "slices",
});

interface Soak {
  readonly count: number;
  once(index: number): Promise<unknown>;
  held(): Promise<Held>;
  end?(): Promise<void>;
}

/** In bytes; `resident` where it says something, which includes what engines keep outside their heaps. */
interface Held {
  readonly bytes: number;
  readonly resident?: number;
  readonly text: string;
}

/** In the heap of objects and outside it, after a collection. Buffers are freed a task later than their owners. */
async function heldHere(): Promise<Held> {
  for (let pass = 0; pass < 3; pass++) {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { external, heapUsed, rss } = process.memoryUsage();
  return { bytes: external + heapUsed, resident: rss, text: `${inMebibytes(rss)} resident` };
}

async function checked(run: Promise<Fit>, threads = 1): Promise<void> {
  const { history, kernel } = await run;
  const loss = history.loss.at(-1) as number;
  if (!Number.isFinite(loss)) throw new Error(`a fit ends at a loss of ${loss}`);
  if (kernel.threads !== threads) throw new Error(`a fit runs on ${kernel.threads} threads, not ${threads}`);
}

async function inWorker(index: number): Promise<void> {
  const entry = new URL("../dist/worker/index.js", import.meta.url).href;
  const worker = new Worker(`import(${JSON.stringify(entry)}).then(({ serveFits }) => serveFits());`, { eval: true });
  try {
    await checked(fitInWorker(worker, X, y, optionsOf(index)));
  } finally {
    await worker.terminate();
  }
}

const SOAKS: Record<string, () => Soak | Promise<Soak>> = {
  fits: () => ({ count: 100_000, held: heldHere, once: (k) => checked(fitMultiIndex(X, y, optionsOf(k))) }),
  workers: () => ({ count: 1000, held: heldHere, once: inWorker }),
  pool: () => {
    configureThreads({ worker: () => new Worker(new URL("../dist/kernel/threadEntry.js", import.meta.url)) });
    const once = (k: number) => checked(fitMultiIndex(ROWS, RESPONSE, { ...optionsOf(k), threads: 2 }), 2);
    return { count: 10_000, held: heldHere, once };
  },
  page: async () => {
    const visit = await LongVisit.begin();
    return { count: 60, once: () => visit.round(), held: () => visit.held(), end: () => visit.end() };
  },
};

const [kind = "fits", , given] = process.argv.slice(2);
if (!Object.hasOwn(SOAKS, kind)) throw new Error(`${kind} is no soak; known are ${Object.keys(SOAKS).join(", ")}`);
const soak = await SOAKS[kind]();
const count = given === undefined ? soak.count : Number(given);

const started = process.cpuUsage();
const marks: Held[] = [];
try {
  for (let i = 0; i < count; i++) {
    await soak.once(i);
    if ((i + 1) % Math.ceil(count / 10) !== 0) continue;
    const held = await soak.held();
    marks.push(held);
    console.log(`${i + 1} of ${kind}: ${inMebibytes(held.bytes)} held, ${held.text}`);
  }
} finally {
  await soak.end?.();
}
const [first, last] = [marks[0], marks.at(-1) as Held];
const grown = last.bytes - first.bytes;
const spread = (last.resident ?? 0) - (first.resident ?? 0);
const { user, system } = process.cpuUsage(started);
const seconds = ((user + system) / 1e6).toFixed(0);
console.log(`${kind}: ${count}, ${inMebibytes(grown)} more held at the end (${seconds} s of processor time)`);
process.exit(grown < 16 * MEBIBYTE && spread < 64 * MEBIBYTE ? 0 : 1);
