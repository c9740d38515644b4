/** `leapflow bench`: one iteration of the solver on this machine against the reference kernel and ml-matrix. */
import { cpus } from "node:os";
import type { Command } from "commander";
import pc from "picocolors";
import { printJson, printText, tableLines } from "../print.js";

interface BenchFlags {
  readonly quick?: boolean;
  readonly json?: boolean;
}

interface BenchRow {
  readonly samples: number;
  readonly dim: number;
  readonly rank: number;
  readonly degree: number;
  readonly featureCount: number;
  /** CPU milliseconds of one iteration, medians of interleaved runs. */
  readonly milliseconds: { readonly wasm: number; readonly reference: number; readonly mlMatrix: number };
  /** Times over that of the kernel that "auto" chooses. */
  readonly ratios: { readonly reference: number; readonly mlMatrix: number };
}

const SIZES = [
  { samples: 2_000, dim: 20, rank: 2, degree: 4, runs: 15 },
  { samples: 10_000, dim: 50, rank: 2, degree: 6, runs: 9 },
  { samples: 50_000, dim: 100, rank: 3, degree: 5, runs: 3 },
] as const;
const QUICK_SIZES = 2;
const PENALTY = 1e-4;
/** Calls before the first sample: engines compile what they will. */
const WARM_UP_MS = 250;
/** A sample lasts at least about this long. */
const SAMPLE_MS = 10;

export function addBenchCommand(program: Command): void {
  program
    .command("bench")
    .option("--quick", "small sizes only, a few seconds")
    .option("--json", "print one JSON document instead of a table")
    .action((flags: BenchFlags) => bench(flags));
}

async function bench(flags: BenchFlags): Promise<void> {
  const { Link, sampleMultiIndex } = await import("../../index.js");
  const { multiIndices, profiledLoss } = await import("../../theory/index.js");
  const { mlMatrixIteration } = await import("../mlMatrixIteration.js");
  const rows: BenchRow[] = [];
  let kernel: Record<string, unknown> = {};
  for (const { samples, dim, rank, degree, runs } of flags.quick === true ? SIZES.slice(0, QUICK_SIZES) : SIZES) {
    const link = Link.parse(rank === 2 ? "z1*z2 + z1" : "z1*z2*z3 + z1*z2 + z1");
    const { X, y, basis } = sampleMultiIndex(link, { dim, samples, noiseStd: 0.1, seed: 1 });
    const ours = (choice: "auto" | "reference") => () =>
      profiledLoss(X, y, basis, { degree, penalty: PENALTY, kernel: choice, threads: 1 });
    const indices = multiIndices(rank, degree);
    const W = Float64Array.from(basis.to1DArray());
    const plain = mlMatrixIteration({ X: X.data, y, W, indices, penalty: PENALTY });
    const wanted = await ours("auto")();
    kernel = { ...wanted.kernel };
    const off = Math.abs(plain().loss / wanted.loss - 1);
    if (!(off < 1e-8)) throw new Error(`the loss by ml-matrix differs by ${off} of itself; the comparison is void`);
    const [wasm, reference, mlMatrix] = await medians([ours("auto"), ours("reference"), plain], runs);
    rows.push({
      samples,
      dim,
      rank,
      degree,
      featureCount: indices.length,
      milliseconds: { wasm, reference, mlMatrix },
      ratios: { reference: reference / wasm, mlMatrix: mlMatrix / wasm },
    });
    if (process.stderr.isTTY) process.stderr.write(pc.dim(`  ${samples} × ${dim} done\n`));
  }
  const ratios = {
    reference: geometricMean(rows.map((row) => row.ratios.reference)),
    mlMatrix: geometricMean(rows.map((row) => row.ratios.mlMatrix)),
  };
  const report = { machine: cpus()[0]?.model.trim() ?? "unknown", node: process.version, kernel, ratios, rows };
  if (flags.json === true) printJson(report);
  else printText(table(report));
}

/** CPU milliseconds of one call of each, taking turns so that a busy moment hits all of them. */
async function medians(works: readonly (() => unknown)[], runs: number): Promise<number[]> {
  const sample = async (work: () => unknown, calls: number): Promise<number> => {
    const before = process.cpuUsage();
    for (let k = 0; k < calls; k++) await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / calls;
  };
  const calls: number[] = [];
  for (const work of works) {
    const started = performance.now();
    let last = await sample(work, 1);
    while (performance.now() - started < WARM_UP_MS) last = await sample(work, 1);
    calls.push(Math.max(1, Math.round(SAMPLE_MS / Math.max(last, 1e-3))));
  }
  const times: number[][] = works.map(() => []);
  for (let k = 0; k < runs; k++) {
    for (const [w, work] of works.entries()) times[w].push(await sample(work, calls[w]));
  }
  return times.map((list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]);
}

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

function table(report: {
  readonly machine: string;
  readonly node: string;
  readonly kernel: Record<string, unknown>;
  readonly rows: readonly BenchRow[];
}): string {
  const name = String(report.kernel.name);
  const time = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(1));
  const beside = (ms: number, ratio: number): string => `${time(ms)} (${ratio.toFixed(1)}×)`;
  const lines = report.rows.map(({ samples, dim, rank, degree, featureCount, milliseconds, ratios }) => [
    `${samples} × ${dim}`,
    `rank ${rank}, degree ${degree}, ${featureCount} features`,
    time(milliseconds.wasm),
    beside(milliseconds.reference, ratios.reference),
    beside(milliseconds.mlMatrix, ratios.mlMatrix),
  ]);
  const reason = report.kernel.reason === undefined ? "" : ` (${report.kernel.reason})`;
  return [
    `${pc.bold("One iteration")}  CPU milliseconds, one thread; ${report.machine}, Node ${report.node}, kernel ${name}${reason}`,
    "",
    ...tableLines(["rows × inputs", "link", name, "reference kernel", "ml-matrix"], lines),
  ].join("\n");
}
