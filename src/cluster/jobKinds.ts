/** What a job can be: the fixed list of computations that a message may ask for, each run from plain options. */
import { checkNumber } from "../base/assert.js";
import { fitMultiIndex, Link, rSquared, splitRows } from "../index.js";
import { dmft, sampleComplexityStudy, scalingStudy, trapStudy } from "../theory/index.js";
import type { Job } from "./jobs.js";
import type { RowData } from "./rowData.js";

/** Figures of a job: numbers, and lists of them. */
export type Metrics = Readonly<Record<string, unknown>>;
type Run = (job: Job, data: RowData | undefined, signal: AbortSignal) => Promise<Metrics>;

/** Every computation by name. */
export const JOB_KINDS = {
  fit: runFit,
  trap: study((link, options) => trapStudy(link as never, options as never)),
  scaling: study((link, options) => scalingStudy(link as never, options as never)),
  "sample-complexity": study((link, options) => sampleComplexityStudy(link as never, options as never)),
  /** One job of an experiment of `leapflow/studies`: { study, kind, seed, options }. */
  experiment: async ({ all }, _, signal) => {
    const { runStudyJob } = await import("../studies/index.js");
    return { result: await runStudyJob(all as never, { signal }) };
  },
  "mean-field": async ({ all }, _, signal) => plain(await dmft({ ...all, signal } as never)) as Metrics,
} as const satisfies Record<string, Run>;
export type JobKind = keyof typeof JOB_KINDS;

/** Runs a job. @throws what the computation throws, or the signal's reason */
export const runJob = (job: Job, data: RowData | undefined, signal: AbortSignal): Promise<Metrics> =>
  (JOB_KINDS[job.kind] as Run)(job, data, signal);

/** @throws {OptionError} `TYPE`, `RANGE` */
export function readTestFraction(value: unknown): number | undefined {
  return value === undefined ? undefined : checkNumber(value, "testFraction", { above: 0, below: 1 });
}

async function runFit(
  { all, testFraction, seed }: Job,
  rows: RowData | undefined,
  signal: AbortSignal,
): Promise<Metrics> {
  if (!rows) throw new Error("a fit needs rows");
  const split = testFraction === undefined ? undefined : splitRows(rows.rows, testFraction, seed);
  const train = split ? take(rows, split.train) : rows;
  const fit = await fitMultiIndex(train, train.y, { ...all, signal } as never);
  const inside = qualityOf(fit.model.predict(train), train.y);
  const test = split && take(rows, split.test);
  const outside = test && qualityOf(fit.model.predict(test), test.y);
  return {
    r2Train: inside.r2,
    r2Test: outside?.r2 ?? null,
    rmseTrain: inside.rmse,
    rmseTest: outside?.rmse ?? null,
    r2HeldOut: fit.diagnostics.heldOut.r2,
    rank: fit.model.rank,
    degree: fit.model.degree,
    iterations: fit.stop.iterations,
    stop: fit.stop.reason,
  };
}

/** A study of a link given as an expression. */
function study(run: (link: Link, options: Record<string, unknown>) => Promise<unknown>): Run {
  return async ({ all }, _, signal) => {
    const { link, degree, ...options } = all as { link?: unknown; degree?: unknown };
    const parsed = Link.parse(link as string, degree === undefined ? undefined : ({ degree } as never));
    return plain(await run(parsed, { ...options, signal })) as Metrics;
  };
}

function take({ data, columns, names, y }: RowData, chosen: Int32Array): RowData {
  const out = new Float64Array(chosen.length * columns);
  chosen.forEach((row, i) => {
    out.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return {
    data: out,
    rows: chosen.length,
    columns,
    ...(names ? { names } : {}),
    y: Float64Array.from(chosen, (row) => y[row]),
  };
}

function qualityOf(predicted: Float64Array, actual: Float64Array): { r2: number; rmse: number } {
  let sum = 0;
  for (let i = 0; i < actual.length; i++) sum += (actual[i] - predicted[i]) ** 2;
  return { r2: rSquared(predicted, actual), rmse: Math.sqrt(sum / actual.length) };
}

/** Results as JSON can say them. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (typeof (value as { to2DArray?: unknown }).to2DArray === "function")
    return (value as { to2DArray(): unknown }).to2DArray();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}
