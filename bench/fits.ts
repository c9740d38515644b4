/**
 * Whole fits with rank and degree given, starts compared on batches of rows and on all of them, one and two threads; the largest
 * of a million rows with the memory it takes.
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { fitMultiIndex } from "../src/index.js";
import { configureThreads } from "../src/kernel/threadPool.js";
import { labelOf } from "./iterations.js";
import { problemOf, type Size } from "./problem.js";

type Batches = "auto" | "none";

export interface FitTiming {
  readonly label: string;
  readonly batches: Batches;
  readonly threads: number;
  readonly iterations: number;
  readonly r2: number;
  /** Seconds. */
  readonly cpu: number;
  readonly clock: number;
  /** Most memory of the process so far, over the size of X. */
  readonly memory: number;
}

const SIZES: readonly Size[] = [
  { n: 2_000, d: 20, r: 2, degree: 4 },
  { n: 20_000, d: 50, r: 2, degree: 6 },
  { n: 100_000, d: 100, r: 3, degree: 5 },
  { n: 200_000, d: 50, r: 2, degree: 6 },
];
const LARGE: Size = { n: 1_000_000, d: 100, r: 3, degree: 4 };

async function timeFit(size: Size, threads: number, batches: Batches): Promise<FitTiming> {
  const { n, d, r, degree } = size;
  // Threads read the rows where they are when the buffer is shared.
  const { X, y } = problemOf(size, threads > 1 && typeof SharedArrayBuffer === "function");
  const before = process.cpuUsage();
  const started = performance.now();
  const options = { rank: r, degree, seed: 1, threads, batches };
  const fit = await fitMultiIndex({ data: X, rows: n, columns: d }, y, options);
  const clock = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(before);
  const memory = (process.resourceUsage().maxRSS * 1024) / (8 * n * d);
  return {
    label: labelOf(size),
    batches,
    threads,
    iterations: fit.stop.iterations,
    r2: fit.r2Train,
    cpu: (user + system) / 1e6,
    clock,
    memory,
  };
}

/**
 * Every fit in a process of its own, so that its memory is its own; twice, and the second time counts, since the first compiles.
 * The large one runs once.
 */
export function benchFits(quick: boolean): FitTiming[] {
  const run = (size: Size, threads: number, batches: Batches, times: number): FitTiming => {
    const task = JSON.stringify({ size, threads, batches, times });
    const args = [...process.execArgv, fileURLToPath(import.meta.url), task];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as FitTiming;
  };
  const sizes = quick ? SIZES.slice(0, 2) : SIZES;
  const all = (size: Size, times: number): FitTiming[] => [
    run(size, 1, "none", times),
    run(size, 1, "auto", times),
    run(size, 2, "auto", times),
  ];
  return [...sizes.flatMap((size) => all(size, 2)), ...(quick ? [] : all(LARGE, 1))];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  configureThreads({ worker: () => new Worker(new URL("../dist/kernel/threadEntry.js", import.meta.url)) });
  const { size, threads, batches, times } = JSON.parse(process.argv[2]);
  let timing: FitTiming | undefined;
  for (let k = 0; k < times; k++) timing = await timeFit(size, threads, batches);
  process.stdout.write(JSON.stringify(timing), () => process.exit(0));
}
