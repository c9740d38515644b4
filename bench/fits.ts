/** Whole fits with rank and degree given, one and two threads, and one of a million rows with the memory it takes. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { fitMultiIndex } from "../src/index.js";
import { configureThreads } from "../src/kernel/threadPool.js";
import { labelOf } from "./iterations.js";
import { problemOf, type Size } from "./problem.js";

export interface FitTiming {
  readonly label: string;
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
];
const LARGE: Size = { n: 1_000_000, d: 100, r: 3, degree: 4 };

async function timeFit(size: Size, threads: number): Promise<FitTiming> {
  const { n, d, r, degree } = size;
  // Threads read the rows where they are when the buffer is shared.
  const { X, y } = problemOf(size, threads > 1 && typeof SharedArrayBuffer === "function");
  const before = process.cpuUsage();
  const started = performance.now();
  const options = { rank: r, degree, seed: 1, threads, start: "slices", restarts: 0 } as const;
  const fit = await fitMultiIndex({ data: X, rows: n, columns: d }, y, options);
  const clock = (performance.now() - started) / 1e3;
  const { user, system } = process.cpuUsage(before);
  const memory = (process.resourceUsage().maxRSS * 1024) / (8 * n * d);
  return {
    label: labelOf(size),
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
 * The large one runs once, on two threads.
 */
export function benchFits(quick: boolean): FitTiming[] {
  const run = (size: Size, threads: number, times: number): FitTiming => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify({ size, threads, times })];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as FitTiming;
  };
  const sizes = quick ? SIZES.slice(0, 2) : SIZES;
  const out = sizes.flatMap((size) => [run(size, 1, 2), run(size, 2, 2)]);
  return quick ? out : [...out, run(LARGE, 2, 1)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  configureThreads({ worker: () => new Worker(new URL("../dist/kernel/threadEntry.js", import.meta.url)) });
  const { size, threads, times } = JSON.parse(process.argv[2]) as { size: Size; threads: number; times: number };
  let timing: FitTiming | undefined;
  for (let k = 0; k < times; k++) timing = await timeFit(size, threads);
  process.stdout.write(JSON.stringify(timing), () => process.exit(0));
}
