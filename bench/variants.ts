/** What the options of an iteration change: single precision, relaxed SIMD, threads. Ratios of interleaved runs. */
import { Worker } from "node:worker_threads";
import { configureKernel } from "../src/kernel/kernelSource.js";
import { relaxedSimd } from "../src/kernel/relaxed.js";
import { configureThreads } from "../src/kernel/threadPool.js";
import { type Evaluator, openEvaluator } from "./evaluator.js";
import { labelOf, SIZES } from "./iterations.js";
import { problemOf, type Size } from "./problem.js";
import { type Contender, contender, interleaved } from "./timing.js";

export interface VariantTiming {
  readonly what: string;
  readonly label: string;
  /** Milliseconds: CPU time, for threads that of the clock. */
  readonly plain: number;
  readonly variant: number;
}

const CASES: readonly { what: string; sizes: readonly Size[]; threads?: number; single?: true; relaxed?: true }[] = [
  { what: '`precision: "f32"`', sizes: SIZES.slice(2), single: true },
  { what: "relaxed SIMD", sizes: SIZES, relaxed: true },
  { what: "two threads (clock)", sizes: SIZES, threads: 2 },
];

/** Milliseconds of the clock, since two threads take more CPU time than one. */
function clocked(name: string, runs: number, work: () => Promise<unknown>): Contender {
  return {
    name,
    runs,
    async sample(calls) {
      const before = performance.now();
      for (let k = 0; k < calls; k++) await work();
      return (performance.now() - before) / calls;
    },
  };
}

/** Threads run the built code. @param quick - small sizes only */
export async function benchVariants(quick: boolean, runs: number): Promise<VariantTiming[]> {
  configureThreads({ worker: () => new Worker(new URL("../dist/kernel/threadEntry.js", import.meta.url)) });
  const out: VariantTiming[] = [];
  for (const { what, sizes, threads = 1, single = false, relaxed = false } of CASES) {
    for (const size of quick ? sizes.slice(0, 2) : sizes) {
      const problem = problemOf(size);
      const plain = await openEvaluator(size, problem, "wasm");
      if (relaxed) configureKernel(relaxedSimd);
      const variant = await openEvaluator(size, problem, "wasm", threads, single);
      if (relaxed) configureKernel(undefined);
      // A host without relaxed SIMD (Node 20) runs the usual binary.
      if (relaxed && !variant.isRelaxed) break;
      const { loss } = await plain.iterate();
      const other = await variant.iterate();
      if (!(Math.abs(other.loss / loss - 1) < 1e-6)) throw new Error(`${what} computes something else: ${other.loss}`);
      const timed = (name: string, { iterate }: Evaluator): Contender =>
        (threads > 1 ? clocked : contender)(name, runs, iterate);
      const times = await interleaved([timed("plain", plain), timed("variant", variant)]);
      plain.close();
      variant.close();
      const [a, b] = [times.get("plain") as number, times.get("variant") as number];
      out.push({ what, label: labelOf(size), plain: a, variant: b });
    }
  }
  return out;
}
