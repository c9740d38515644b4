/** The same work on WebAssembly and on plain TypeScript, turn by turn, on this machine. */
import { fitMultiIndex, sampleMultiIndex } from "leapflow";
import { dmft, Link } from "leapflow/theory";
import { whole } from "../ui/format.js";
import type { Job } from "./jobs.js";

type KernelName = "wasm" | "reference";

/** What one run leaves: numbers that must be the same on both kernels, bit by bit. */
interface Ran {
  readonly numbers: readonly number[];
  readonly kernel: string;
}

interface Task {
  readonly name: string;
  readonly detail: string;
  run(kernel: KernelName | "auto", signal: AbortSignal): Promise<Ran>;
}

function fitTask(name: string, samples: number, dim: number, rank: number, degree: number, iterations: number): Task {
  const variables = ["z1", "z1 + z1*z2", "z1 + z1*z2 + z1*z2*z3"][rank - 1];
  let rows: { X: ReturnType<typeof sampleMultiIndex>["X"]; y: Float64Array } | undefined;
  return {
    name,
    detail: `fit: ${whole(samples)} rows, ${dim} inputs, rank ${rank}, degree ${degree}, ${iterations} iterations`,
    async run(kernel, signal) {
      rows ??= sampleMultiIndex(Link.parse(variables), { dim, samples, noiseStd: 0.3, seed: 1 });
      const options = { rank, degree, kernel, signal, seed: 1, restarts: 0, start: "random", ridge: 1e-6 } as const;
      const fit = await fitMultiIndex(rows.X, rows.y, {
        ...options,
        whiten: "none",
        maxIterations: iterations,
        tolerance: 0,
      });
      return { numbers: Array.from(fit.history.loss), kernel: nameOf(fit.kernel) };
    },
  };
}

const TASKS: readonly Task[] = [
  fitTask("A small table", 1000, 10, 2, 4, 8),
  fitTask("A middling one", 5000, 30, 2, 6, 6),
  fitTask("A large one", 20_000, 50, 3, 5, 3),
  {
    name: "A prediction",
    detail: "mean field: 4096 paths, 30 steps",
    async run(kernel, signal) {
      const found = await dmft({
        channel: "square",
        ratio: 5,
        ridge: 0.05,
        stepSize: 0.5,
        steps: 30,
        paths: 4096,
        replicates: 1,
        seed: 1,
        kernel,
        signal,
      });
      return { numbers: Array.from(found.overlap), kernel: found.kernel === undefined ? "" : nameOf(found.kernel) };
    },
  },
];

const nameOf = ({ name, reason }: { name: string; reason?: string }): string =>
  name === "wasm" ? "WebAssembly" : `TypeScript: ${reason}`;

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];

export const speed: Job<"speed"> = async ({ repetitions }, { signal, tell }) => {
  for (const [done, task] of TASKS.entries()) {
    const times: Record<KernelName, number[]> = { wasm: [], reference: [] };
    const ran: Partial<Record<KernelName, Ran>> = {};
    // The first round warms both up and is not counted.
    for (let round = 0; round <= repetitions; round++) {
      for (const kernel of ["wasm", "reference"] as const) {
        const started = performance.now();
        // Where WebAssembly is not allowed, "auto" says why.
        ran[kernel] = await task.run(kernel === "wasm" ? "auto" : kernel, signal);
        if (round > 0) times[kernel].push(performance.now() - started);
      }
    }
    const [a, b] = [ran.wasm as Ran, ran.reference as Ran];
    tell({
      name: task.name,
      detail: task.detail,
      done: done + 1,
      total: TASKS.length,
      wasmMs: median(times.wasm),
      referenceMs: median(times.reference),
      sameBits: a.numbers.length === b.numbers.length && a.numbers.every((value, i) => Object.is(value, b.numbers[i])),
      kernel: a.kernel,
    });
  }
  return { done: true };
};
