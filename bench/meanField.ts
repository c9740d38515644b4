/** Mean-field predictions on both kernels: CPU seconds of one replicate. */
import { type DmftOptions, dmft } from "../src/theory/index.js";

export interface PredictionTiming {
  readonly name: string;
  /** CPU seconds a replicate; the best of the runs. */
  readonly wasm: number;
  readonly reference: number;
}

const MODEL = {
  channel: "square",
  loss: "rational(1)",
  ratio: 5,
  ridge: 0.05,
  stepSize: 0.5,
  start: "spectral",
  replicates: 1,
  seed: 1,
} as const satisfies DmftOptions;
const CASES: readonly { readonly name: string; readonly options: DmftOptions }[] = [
  { name: "real, 40 steps, 16384 paths", options: { ...MODEL, preprocess: "trim(9)", steps: 40, paths: 16384 } },
  { name: "real, 100 steps, 8192 paths", options: { ...MODEL, preprocess: "trim(9)", steps: 100, paths: 8192 } },
  {
    name: "complex, 40 steps, 8192 paths",
    options: { ...MODEL, complex: true, preprocess: "mm", steps: 40, paths: 8192 },
  },
];
/** Runs on WASM and on the reference kernel; the first ones also compile. */
const RUNS = [6, 3] as const;

/** Spectral start, trajectory, losses and responses of phase retrieval, kernels taking turns. */
export async function benchMeanField(quick: boolean): Promise<PredictionTiming[]> {
  const timings: PredictionTiming[] = [];
  for (const { name, options } of quick ? CASES.slice(0, 1) : CASES) {
    const best = { wasm: Infinity, reference: Infinity };
    for (let run = 0; run < RUNS[0]; run++) {
      for (const kernel of run < RUNS[1] ? (["wasm", "reference"] as const) : (["wasm"] as const)) {
        const before = process.cpuUsage();
        await dmft({ ...options, kernel });
        const { user, system } = process.cpuUsage(before);
        best[kernel] = Math.min(best[kernel], (user + system) / 1e6);
      }
    }
    timings.push({ name, ...best });
  }
  return timings;
}
