/** Runs the jobs of a study, keeps what is done, and makes the report. */
import { checkCallback, checkChoice, checkFunction, checkOptions, checkSignal, describe } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { OptionError } from "../base/errors.js";
import { checkSeed } from "../base/rng.js";
import { VERSION } from "../base/version.js";
import type { StudyRecord } from "../plot/index.js";
import { openStore, writeStudy } from "./folder.js";
import { STUDIES } from "./registry.js";
import type { JobSpec, JobWatch, Outcome, Scale, Study, StudyCrew } from "./study.js";

/** How far a study is. */
export interface StudyRunProgress {
  /** What is being run, in words. */
  readonly phase: string;
  /** Jobs done, and all of them. */
  readonly done: number;
  readonly total: number;
}

/** How a study runs. */
export interface RunStudyOptions {
  /** Default "quick". */
  readonly scale?: Scale;
  /** Default 1, so that two readers get the same figures. */
  readonly seed?: number;
  /** Folder for data, figures and the page. Jobs that it holds from an interrupted run are not run again. */
  readonly out?: string;
  /** Also raster images of the figures; default true with `out`. Needs `@resvg/resvg-js`. */
  readonly png?: boolean;
  /**
   * Runs the jobs, by default one after another in this thread; `studyCrew` of `leapflow/cluster` runs them in threads or on a
   * cluster. The same jobs give the same results wherever they run.
   */
  readonly crew?: StudyCrew;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StudyRunProgress) => void;
}

/** A finished study. */
export interface StudyResult extends StudyRecord {
  /** Files written, relative to the folder. */
  readonly files: readonly string[];
  /** Jobs taken over from an earlier, interrupted run. */
  readonly resumed: number;
  readonly warnings: readonly string[];
}

/** Names that `runStudy` knows. */
export const STUDY_NAMES: readonly string[] = STUDIES.map((study) => study.name);

const OPTIONS = ["scale", "seed", "out", "png", "crew", "signal", "onProgress"];
const SCALES = ["tiny", "quick", "full"] as const;

function studyOf(name: unknown): Study {
  checkChoice(name, "name", STUDY_NAMES as readonly [string, ...string[]]);
  return STUDIES.find((study) => study.name === name) as Study;
}

/** The jobs of a study: independent of one another, for running elsewhere. @throws {OptionError} as `runStudy` */
export function studyJobs(name: string, scale: Scale = "quick", seed = 1): JobSpec[] {
  checkSeed(seed);
  return studyOf(name)
    .jobs(checkChoice(scale, "scale", SCALES), seed)
    .map((job) => ({ study: name, ...job }));
}

/** Runs one job of `studyJobs`. @throws {OptionError}; an abort rejects with the signal's own reason */
export async function runStudyJob(job: JobSpec, watch: JobWatch = {}): Promise<unknown> {
  if (typeof job !== "object" || job === null) {
    throw new OptionError("TYPE", `job is ${describe(job)}; expected one of studyJobs.`, {
      details: { option: "job" },
    });
  }
  return plain(await studyOf(job.study).run(job, watch));
}

/**
 * Runs one of the experiments of the papers: its jobs, each with a seed of its own, then the report that sets
 * measurements beside predictions.
 *
 * With `out`, every finished job is kept in `jobs.jsonl` of that folder, and a run of the same study, size, seed and version goes
 * on from there; the files are the same, bit for bit, as those of a run that was not interrupted.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; {FormatError} `FILE`; an abort rejects with the signal's own reason
 * Source: [MI], [SI]. Cost: "quick" some seconds to half a minute, "full" minutes.
 */
export async function runStudy(name: string, options: RunStudyOptions = {}): Promise<StudyResult> {
  const study = studyOf(name);
  const given = checkOptions(options, OPTIONS, "runStudy") as RunStudyOptions;
  const scale = given.scale === undefined ? "quick" : checkChoice(given.scale, "scale", SCALES);
  const seed = given.seed ?? 1;
  checkSeed(seed);
  const crew = given.crew ?? oneByOne;
  checkFunction(crew, "crew");
  const signal = given.signal === undefined ? undefined : checkSignal(given.signal);
  const tell: RunStudyOptions["onProgress"] =
    given.onProgress === undefined ? undefined : checkCallback(given.onProgress, "onProgress");
  const control = new RunControl({ signal, sliceMs: 0 });
  control.throwIfAborted();

  const jobs = studyJobs(name, scale, seed);
  const store = given.out === undefined ? undefined : await openStore(given.out);
  const results = jobs.map((job) => store?.get(job));
  const resumed = results.filter((result) => result !== undefined).length;
  let done = resumed;
  const report = (phase: string): void => tell?.({ phase, done, total: jobs.length });
  report("begin");
  const missing = jobs.flatMap((_, at) => (results[at] === undefined ? [at] : []));
  let kept = Promise.resolve();
  const onResult = (place: number, result: unknown): void => {
    const at = missing[place];
    results[at] = plain(result);
    done++;
    // One line after another, whoever is first.
    kept = kept.then(() => store?.put(jobs[at], results[at]));
    kept.catch(() => undefined);
    report(jobs[at].kind);
  };
  const onProgress: JobWatch["onProgress"] = ({ phase, done: part, total }) => report(`${phase} ${part} of ${total}`);
  const watch = signal === undefined ? { onResult, onProgress } : { onResult, onProgress, signal };
  try {
    await crew(
      missing.map((at) => jobs[at]),
      watch,
    );
  } finally {
    await kept;
  }
  control.throwIfAborted();

  const outcomes = jobs.map(({ kind, seed: own, options: set }, i): Outcome => {
    return { kind, seed: own, options: set as Outcome["options"], result: results[i] };
  });
  const { title, question } = study;
  const record: StudyRecord = {
    study: name,
    title,
    question,
    ...study.report(outcomes),
    scale,
    seed,
    version: VERSION,
  };
  if (store === undefined) return { ...record, files: [], resumed, warnings: [] };
  await store.close(jobs, results);
  report("figures");
  return { ...record, ...(await writeStudy(record, given.out as string, given.png ?? true)), resumed };
}

/** The jobs one after another in this thread. */
const oneByOne: StudyCrew = async (jobs, { signal, onProgress, onResult }) => {
  const control = new RunControl({ signal, sliceMs: 0 });
  const stop = signal === undefined ? {} : { signal };
  for (const [at, job] of jobs.entries()) {
    await control.breathe();
    const tell: JobWatch["onProgress"] = (part) => onProgress?.({ ...part, phase: `${job.kind}: ${part.phase}` });
    onResult(at, await runStudyJob(job, { ...stop, onProgress: tell }));
  }
};

/** What JSON keeps of a result, so that a job that was stored and one that was not give the same. */
function plain(result: unknown): unknown {
  return JSON.parse(
    JSON.stringify(result, (_, value) => (ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value)),
  );
}
