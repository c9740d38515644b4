/** Sweeps: many fits or studies from one specification, in threads of this process or over a cluster. */
import { checkFunction, checkInteger, checkNumber, checkOptions, checkSignal } from "../base/assert.js";
import { ClusterError } from "../base/errors.js";
import { ComputeThread, RemoteFailure } from "./compute.js";
import { type Broker, openBroker, unreachable } from "./connection.js";
import type { ThreadFailure } from "./failure.js";
import { type DataIdentity, identityOf } from "./identity.js";
import type { Metrics } from "./jobKinds.js";
import { type Job, jobsOf, type PlainOptions, readSpec, sweepId } from "./jobs.js";
import { NO_DATA, Queue, type Verdict } from "./queue.js";
import { refusalOf, rollCall } from "./roster.js";
import { type ClusterData, type RowData, shareRows } from "./rowData.js";

/** One job with its figures; `metrics` is null and `error` says why when it failed. */
export interface SweepRow {
  readonly job: string;
  readonly options: PlainOptions;
  readonly metrics: Metrics | null;
  readonly seed: number;
  readonly error?: ThreadFailure;
}

export interface SweepResult {
  readonly name: string;
  readonly jobs: number;
  /** In job order. */
  readonly rows: readonly SweepRow[];
}

export interface SweepProgress {
  readonly done: number;
  readonly jobs: number;
}

export interface SweepOptions {
  /** Address of the broker; in threads of this process when absent. */
  readonly cluster?: string;
  /** Threads of this process; default: one per processor. */
  readonly threads?: number;
  /** How long to wait for a member, or for the broker to come back; default 30 s. */
  readonly graceMs?: number;
  /** Calls the sweep off: jobs that nobody has begun leave the queue. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SweepProgress) => void;
}

const DEFAULT_GRACE_MS = 30_000;
const LOOK_MS = 1000;

/**
 * Runs every combination of a sweep. The same jobs give the same figures wherever they run; on a cluster they are computed
 * once, and asking again gives the stored rows. Jobs that failed before are tried again.
 *
 * @param data - the rows, for a sweep of fits; the members' must be the same
 * @throws {OptionError} for the specification; {ClusterError} `CLUSTER_UNREACHABLE`, `NO_MEMBER`; the signal's own reason.
 * A job that fails is a row with an `error`.
 */
export async function runSweep(given: unknown, data?: ClusterData, options?: SweepOptions): Promise<SweepResult> {
  const spec = readSpec(given);
  const filled = checkOptions(
    options,
    ["cluster", "threads", "graceMs", "signal", "onProgress"],
    "runSweep",
  ) as SweepOptions;
  if (filled.signal !== undefined) checkSignal(filled.signal);
  if (filled.onProgress !== undefined) checkFunction(filled.onProgress, "onProgress");
  if (filled.threads !== undefined) checkInteger(filled.threads, "threads", { min: 1 });
  if (filled.graceMs !== undefined) checkNumber(filled.graceMs, "graceMs", { min: 0 });
  filled.signal?.throwIfAborted();
  const rows = data && spec.study === undefined ? await shareRows(data) : undefined;
  const identity = rows && (await identityOf(rows));
  const jobs = jobsOf(spec, identity?.checksum ?? "");
  const verdicts = await runJobs(spec.name, jobs, { rows, identity }, filled);
  return { name: spec.name, jobs: jobs.length, rows: jobs.map((job) => rowOf(job, verdicts.get(job.job))) };
}

/** Rows that jobs need, if any. */
interface JobRows {
  readonly rows?: RowData;
  readonly identity?: DataIdentity;
}

/** What is told of jobs as they end. */
export interface JobOptions extends SweepOptions {
  readonly onVerdict?: (job: string, verdict: Verdict) => void;
}

/** Verdicts by job, from threads of this process or from a cluster. @throws as `runSweep` */
export function runJobs(
  name: string,
  jobs: readonly Job[],
  { rows, identity }: JobRows,
  options: JobOptions,
): Promise<Map<string, Verdict>> {
  return options.cluster === undefined
    ? runHere(jobs, () => new ComputeThread(rows), options)
    : runThere(options.cluster, name, jobs, identity, options);
}

function rowOf({ job, options, seed }: Job, verdict: Verdict | undefined): SweepRow {
  if (!verdict) throw new Error(`no verdict on job ${job}`);
  return "error" in verdict
    ? { job, options, metrics: null, seed, error: verdict.error }
    : { job, options, metrics: verdict.metrics, seed };
}

async function runHere(
  jobs: readonly Job[],
  open: () => ComputeThread,
  { threads, signal, onProgress, onVerdict }: JobOptions,
): Promise<Map<string, Verdict>> {
  const width = Math.max(1, threads ?? process.getBuiltinModule("node:os").availableParallelism());
  const out = new Map<string, Verdict>();
  let next = 0;
  const pool = Array.from({ length: Math.min(width, jobs.length) }, open);
  const lane = async (thread: ComputeThread): Promise<void> => {
    while (next < jobs.length) {
      signal?.throwIfAborted();
      const job = jobs[next++];
      const verdict = await verdictOf(thread, job, signal);
      out.set(job.job, verdict);
      onVerdict?.(job.job, verdict);
      onProgress?.({ done: out.size, jobs: jobs.length });
    }
  };
  // A thread in the middle of a computation hears no message; there is nothing in it to keep.
  const end = (): Promise<unknown> => Promise.all(pool.map((thread) => thread.close()));
  signal?.addEventListener("abort", end, { once: true });
  try {
    await Promise.all(pool.map(lane));
  } finally {
    signal?.removeEventListener("abort", end);
    await end();
  }
  return out;
}

/** What a job came to; failures of threads themselves are thrown. */
async function verdictOf(thread: ComputeThread, job: Job, signal?: AbortSignal): Promise<Verdict> {
  try {
    return { metrics: await thread.job(job, signal) };
  } catch (error) {
    if (error instanceof RemoteFailure) return { error: error.failure };
    throw error;
  }
}

async function runThere(
  url: string,
  name: string,
  jobs: readonly Job[],
  data: DataIdentity | undefined,
  options: JobOptions,
): Promise<Map<string, Verdict>> {
  const broker = await openBroker(url, "leapflow sweep");
  try {
    const queue = await Queue.open(broker);
    const sweep = sweepId(name, jobs);
    const stored = await queue.verdicts(sweep);
    const failed = jobs.filter(({ job }) => "error" in (stored.get(job) ?? {})).map(({ job }) => job);
    if (failed.length > 0) await queue.revive(sweep, failed);
    for (const job of failed) stored.delete(job);
    for (const [job, verdict] of stored) options.onVerdict?.(job, verdict);
    const missing = jobs.filter(({ job }) => !stored.has(job));
    if (missing.length === 0) return stored;
    const epoch = await queue.epoch(sweep);
    const checksum = data?.checksum ?? NO_DATA;
    // The consumer comes first: a job that no consumer waits for is kept, but nobody is told of it.
    await queue.consumer(checksum);
    for (const job of missing) await queue.add(checksum, { sweep, job }, epoch);
    const collected = new Collection(broker, queue, sweep, jobs, stored, data, options);
    try {
      await collected.finish();
    } catch (error) {
      if (options.signal?.aborted) await queue.cancel(sweep).catch(() => undefined);
      throw error;
    }
    return stored;
  } finally {
    await broker.close();
  }
}

/** Waits for the verdicts of a sweep, and looks after what could keep them from coming. */
class Collection {
  readonly #wanted: Set<string>;
  #lonelySince: number | undefined;

  constructor(
    readonly broker: Broker,
    readonly queue: Queue,
    readonly sweep: string,
    readonly jobs: readonly Job[],
    readonly verdicts: Map<string, Verdict>,
    readonly data: DataIdentity | undefined,
    readonly options: JobOptions,
  ) {
    this.#wanted = new Set(jobs.map(({ job }) => job));
  }

  async finish(): Promise<void> {
    const { signal, onProgress, onVerdict } = this.options;
    let wake: () => void = () => undefined;
    const seen = (job: string, verdict: Verdict): void => {
      if (!this.#wanted.has(job) || this.verdicts.has(job)) return;
      this.verdicts.set(job, verdict);
      onVerdict?.(job, verdict);
      onProgress?.({ done: this.verdicts.size, jobs: this.jobs.length });
      if (this.#isDone) wake();
    };
    let watch: { stop(): void; ended: Promise<void> } | undefined;
    const abort = (): void => wake();
    signal?.addEventListener("abort", abort, { once: true });
    let { returns } = this.broker;
    try {
      while (!this.#isDone) {
        watch ??= await this.queue.watch(this.sweep, seen).catch(() => undefined);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, LOOK_MS);
        });
        signal?.throwIfAborted();
        if (this.#isDone) break;
        await this.#lookAfter();
        // A watch may not survive the broker; a new one begins with all that is stored.
        if (this.broker.returns === returns) continue;
        returns = this.broker.returns;
        watch?.stop();
        watch = undefined;
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      watch?.stop();
    }
  }

  get #isDone(): boolean {
    return this.verdicts.size >= this.jobs.length;
  }

  /** @throws {ClusterError} when there has been no broker, or nobody to do the work, for longer than the grace time */
  async #lookAfter(): Promise<void> {
    const grace = this.options.graceMs ?? DEFAULT_GRACE_MS;
    const { offlineMs, url } = this.broker;
    if (offlineMs > grace) throw unreachable(url, `it went away ${Math.round(offlineMs)} ms ago`);
    if (offlineMs > 0) return;
    const members = await rollCall(this.broker).catch(() => []);
    const { data } = this;
    const reasons = members.map((member) => ({ member, why: data && refusalOf(member, data) }));
    if (reasons.some(({ why }) => why === undefined)) {
      this.#lonelySince = undefined;
      return;
    }
    this.#lonelySince ??= performance.now();
    if (performance.now() - this.#lonelySince < grace) return;
    const others = reasons.map(({ member, why }) => `${member.member}: ${why}`).join("; ");
    throw new ClusterError(
      "NO_MEMBER",
      `no member that can run these jobs was there for ${grace} ms${others === "" ? "" : ` (${others})`}. Start one with leapflow member.`,
      { details: { refused: reasons.map(({ member, why }) => ({ member: member.member, why })) } },
    );
  }
}
