/** Experiments of `leapflow/studies` in threads of this process or on a cluster: their jobs are jobs of a sweep. */
import { checkInteger, checkOptions } from "../base/assert.js";
import type { JobSpec, StudyCrew } from "../studies/index.js";
import { errorOf } from "./failure.js";
import { jobOf } from "./jobs.js";
import { type JobOptions, runJobs, type SweepOptions } from "./sweep.js";

/** Where the jobs of an experiment run. */
export type StudyCrewOptions = Pick<SweepOptions, "cluster" | "threads" | "graceMs">;

/**
 * The `crew` of `runStudy` that runs its jobs in threads of this process, or on the members of a cluster; results are the same bits
 * wherever they come from. On a cluster finished jobs are kept by the broker and not computed again. Members need no rows.
 *
 * The crew rejects with what the first failed job threw, with {ClusterError} `CLUSTER_UNREACHABLE`, `NO_MEMBER`, or with the signal's
 * own reason; results that were there before it are told.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export function studyCrew(options: StudyCrewOptions = {}): StudyCrew {
  const given = checkOptions(options, ["cluster", "threads", "graceMs"], "studyCrew") as StudyCrewOptions;
  if (given.threads !== undefined) checkInteger(given.threads, "threads", { min: 1 });
  return async (specs, { signal, onResult }) => {
    if (specs.length === 0) return;
    const jobs = specs.map((spec) => jobOf("experiment", {}, { ...(spec as JobSpec) }));
    const failed = new AbortController();
    const onVerdict: JobOptions["onVerdict"] = (job, verdict) => {
      const at = jobs.findIndex((one) => one.job === job);
      if ("error" in verdict) failed.abort(errorOf(verdict.error));
      else if (at >= 0) onResult(at, verdict.metrics.result);
    };
    const stop = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
    await runJobs(`study-${specs[0].study}`, jobs, {}, { ...given, signal: stop, onVerdict });
    failed.signal.throwIfAborted();
  };
}
