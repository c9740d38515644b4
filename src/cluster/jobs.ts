/** A sweep as a list of jobs: which combinations, under which names. */
import { checkOptions, describe } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { VERSION } from "../base/version.js";
import { JOB_KINDS, type JobKind, readTestFraction } from "./jobKinds.js";

/** Options of a fit or study as a file can say them. */
export type PlainOptions = Readonly<Record<string, unknown>>;

/**
 * What a sweep varies. A fit names `data` and `target` (and `columns`, `testFraction`) and has fixed options under `fit`; a
 * study of `leapflow/theory` is named by `study` and has them under `fixed`.
 */
export interface SweepSpec {
  readonly name: string;
  /** Path of the rows, read by whoever runs the sweep; members read their own. */
  readonly data?: string;
  readonly target?: string;
  readonly columns?: readonly string[];
  readonly testFraction?: number;
  readonly fit?: PlainOptions;
  readonly study?: Exclude<JobKind, "fit">;
  readonly fixed?: PlainOptions;
  /** Values of every varied option; the last key varies fastest. */
  readonly vary: Readonly<Record<string, readonly unknown[]>>;
}

/** One combination. Plain data. */
export interface Job {
  /** The same for the same combination, data and version. */
  readonly job: string;
  readonly kind: JobKind;
  /** The varied options. */
  readonly options: PlainOptions;
  /** Fixed and varied options together. */
  readonly all: PlainOptions;
  readonly testFraction?: number;
  readonly seed: number;
}

const KEYS = ["name", "data", "target", "columns", "testFraction", "fit", "study", "fixed", "vary"];
const MAX_JOBS = 100_000;

/**
 * Checks a specification that came from a file.
 * @throws {OptionError} `UNKNOWN`, `TYPE`, `RANGE`
 */
export function readSpec(given: unknown): SweepSpec {
  const spec = checkOptions(given, KEYS, "a sweep") as { [K in keyof SweepSpec]?: unknown };
  const { name, vary, study, data, target, columns } = spec;
  if (typeof name !== "string" || name.trim() === "") throw wrong("name", name, "a name that is not empty");
  if (!isRecord(vary)) throw wrong("vary", vary, "an object of lists, one per varied option");
  for (const [key, values] of Object.entries(vary)) {
    if (!Array.isArray(values) || values.length === 0) throw wrong(`vary.${key}`, values, "a list of values");
  }
  for (const key of ["fit", "fixed"] as const) {
    if (spec[key] !== undefined && !isRecord(spec[key])) throw wrong(key, spec[key], "an object of options");
  }
  if (study === undefined) {
    if (typeof data !== "string") throw wrong("data", data, "the path of a table");
    if (typeof target !== "string") throw wrong("target", target, "the name of the response");
    if (columns !== undefined && !(Array.isArray(columns) && columns.every((c) => typeof c === "string")))
      throw wrong("columns", columns, "a list of column names");
    readTestFraction(spec.testFraction);
  } else if (typeof study !== "string" || study === "fit" || !Object.hasOwn(JOB_KINDS, study)) {
    const known = Object.keys(JOB_KINDS).filter((kind) => kind !== "fit");
    throw wrong("study", study, `one of ${known.join(", ")}`);
  }
  return spec as unknown as SweepSpec;
}

/**
 * The jobs of a sweep, in order.
 * @param checksum - of the data; empty for a study
 * @throws {OptionError} `RANGE` for more than 100 000 combinations or one that occurs twice
 */
export function jobsOf(spec: SweepSpec, checksum: string): Job[] {
  const kind: JobKind = spec.study ?? "fit";
  const fixed = (spec.study === undefined ? spec.fit : spec.fixed) ?? {};
  let combinations: PlainOptions[] = [{}];
  for (const [key, values] of Object.entries(spec.vary)) {
    if (combinations.length * values.length > MAX_JOBS) {
      throw new OptionError("RANGE", `the sweep has more than ${MAX_JOBS} combinations; vary fewer options.`);
    }
    combinations = combinations.flatMap((options) => values.map((value) => ({ ...options, [key]: value })));
  }
  const seen = new Set<string>();
  return combinations.map((options) => {
    const job = jobOf(kind, options, { ...fixed, ...options }, checksum, spec.testFraction);
    if (seen.has(job.job)) {
      throw new OptionError("RANGE", `the sweep has the combination ${JSON.stringify(options)} twice.`);
    }
    seen.add(job.job);
    return job;
  });
}

/** A job with the name that its content gives it. */
export function jobOf(
  kind: JobKind,
  options: PlainOptions,
  all: PlainOptions,
  checksum = "",
  testFraction?: number,
): Job {
  const identity = [VERSION, kind, checksum, testFraction ?? null, sorted(all)];
  const digest = sha256(JSON.stringify(identity));
  // A job that names no seed gets one of its own that is the same wherever it runs.
  const seed = typeof all.seed === "number" ? all.seed : Number.parseInt(digest.slice(20, 28), 16);
  const split = testFraction === undefined ? {} : { testFraction };
  return { job: digest.slice(0, 20), kind, options, all: { ...all, seed }, seed, ...split };
}

/** Names a sweep on the broker: its name, and what its jobs are. */
export const sweepId = (name: string, jobs: readonly Job[]): string =>
  `${name.replace(/[^\w-]/g, "_").slice(0, 40)}-${sha256(jobs.map(({ job }) => job).join()).slice(0, 12)}`;

const sha256 = (text: string): string =>
  process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex");

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const sorted = (options: PlainOptions): [string, unknown][] =>
  Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));

const wrong = (key: string, value: unknown, wanted: string): OptionError =>
  new OptionError("TYPE", `${key} of the sweep is ${describe(value)}; expected ${wanted}.`, {
    details: { option: key },
  });
