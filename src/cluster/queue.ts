/** The durable queue of sweep jobs and the bucket of their results, on JetStream. */
import type { Consumer } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { FormatError } from "../base/errors.js";
import { decode, encode, type Wire } from "./codec.js";
import type { Broker } from "./connection.js";
import type { ThreadFailure } from "./failure.js";
import { JOB_KINDS, type JobKind, type Metrics } from "./jobKinds.js";
import type { Job, PlainOptions } from "./jobs.js";
import { count, fields, identifier, NO_DATA, SUBJECTS, text } from "./protocol.js";

const STREAM = "LEAPFLOW_JOBS";
const BUCKET = "leapflow-sweeps";
/** A job whose member was not heard of for this long goes to another one. */
export const ACK_WAIT_MS = 5000;
/** Deliveries after which a job that was never finished is given up. */
export const MAX_DELIVERIES = 3;

/** A job on its way, with the sweep that it belongs to. */
export interface QueuedJob {
  readonly sweep: string;
  readonly job: Job;
}

/** What became of a job: figures, or why there are none. */
export type Verdict = { readonly metrics: Metrics } | { readonly error: ThreadFailure };

export const encodeJob = ({ sweep, job }: QueuedJob): Uint8Array => encode({ sweep, job } as unknown as Wire);

/** @throws {FormatError} `MESSAGE` */
export function decodeJob(bytes: Uint8Array): QueuedJob {
  const message = fields(decode(bytes), "a job");
  const job = fields(message.job, "a job");
  const kind = text(job.kind, "job.kind");
  if (!Object.hasOwn(JOB_KINDS, kind)) throw new FormatError("MESSAGE", `a job of unknown kind "${kind}" came in.`);
  if (job.testFraction !== undefined && typeof job.testFraction !== "number")
    throw new FormatError("MESSAGE", "a job came in whose testFraction is no number.");
  return {
    sweep: identifier(message.sweep, "sweep"),
    job: {
      job: identifier(job.job, "job.job"),
      kind: kind as JobKind,
      options: fields(job.options, "job.options") as PlainOptions,
      all: fields(job.all, "job.all") as PlainOptions,
      seed: count(job.seed, "job.seed"),
      ...(job.testFraction === undefined ? {} : { testFraction: job.testFraction }),
    },
  };
}

/** The queue and the results of all sweeps on a broker. */
export class Queue {
  readonly #broker: Broker;
  readonly #bucket: KV;

  private constructor(broker: Broker, bucket: KV) {
    this.#broker = broker;
    this.#bucket = bucket;
  }

  static async open(broker: Broker): Promise<Queue> {
    const { jsm } = broker;
    const known = await jsm.streams.info(STREAM).catch(() => undefined);
    if (!known) {
      await jsm.streams.add({ name: STREAM, subjects: ["leapflow.jobs.>"], retention: "workqueue", storage: "file" });
    }
    return new Queue(broker, await broker.bucket(BUCKET));
  }

  /** The consumer shared by all members that can run jobs on these data. */
  async consumer(data: string): Promise<Consumer> {
    const { jsm, js } = this.#broker;
    const name = `data_${data}`;
    await jsm.consumers.add(STREAM, {
      durable_name: name,
      filter_subject: SUBJECTS.jobs(data, "*"),
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_MS * 1e6,
      max_deliver: -1,
    });
    return js.consumers.get(STREAM, name);
  }

  /** Puts a job in the queue; the same job of the same epoch is taken once. */
  async add(data: string, queued: QueuedJob, epoch: number): Promise<void> {
    const msgID = `${queued.sweep}.${queued.job.job}.${epoch}`;
    await this.#broker.js.publish(SUBJECTS.jobs(data, queued.sweep), encodeJob(queued), { msgID });
  }

  /** Number of times that a sweep was started anew: part of the names under which its jobs are taken once. */
  async epoch(sweep: string): Promise<number> {
    return Number((await this.#bucket.get(`${sweep}.epoch`))?.string() ?? 0);
  }

  /** Takes the jobs of a sweep that nobody has begun out of the queue. */
  async cancel(sweep: string): Promise<void> {
    await this.#bucket.put(`${sweep}.epoch`, String((await this.epoch(sweep)) + 1));
    await this.#broker.jsm.streams.purge(STREAM, { filter: SUBJECTS.jobs("*", sweep) });
    this.#broker.nc.publish(SUBJECTS.cancel, sweep);
  }

  /** Stores what became of a job, once: a second verdict changes nothing. */
  async store(sweep: string, job: string, verdict: Verdict): Promise<void> {
    const key = `${sweep}.${"error" in verdict ? "dead" : "row"}.${job}`;
    try {
      await this.#bucket.create(key, encode(verdict as unknown as Wire));
    } catch (error) {
      if ((await this.#bucket.get(key)) === null) throw error;
    }
  }

  async verdict(sweep: string, job: string): Promise<Verdict | undefined> {
    for (const kind of ["row", "dead"]) {
      const entry = await this.#bucket.get(`${sweep}.${kind}.${job}`);
      if (entry && entry.operation === "PUT") return readVerdict(entry.value);
    }
    return undefined;
  }

  /** Lets the verdicts of failed jobs go, so that they can be tried again. */
  async revive(sweep: string, jobs: Iterable<string>): Promise<void> {
    for (const job of jobs) await this.#bucket.purge(`${sweep}.dead.${job}`);
    await this.#bucket.put(`${sweep}.epoch`, String((await this.epoch(sweep)) + 1));
  }

  /** Every verdict of a sweep, those there are first, then new ones as they come, until `stop`. */
  async watch(
    sweep: string,
    seen: (job: string, verdict: Verdict) => void,
  ): Promise<{ stop(): void; ended: Promise<void> }> {
    const watch = await this.#bucket.watch({ key: `${sweep}.*.*` });
    const ended = (async () => {
      for await (const { key, value, operation } of watch) {
        if (operation === "PUT") seen(key.slice(key.lastIndexOf(".") + 1), readVerdict(value));
      }
    })();
    return { stop: () => watch.stop(), ended };
  }

  /** The verdicts that are stored now. */
  async verdicts(sweep: string): Promise<Map<string, Verdict>> {
    const out = new Map<string, Verdict>();
    for await (const key of await this.#bucket.keys(`${sweep}.*.*`)) {
      const entry = await this.#bucket.get(key);
      if (entry?.operation === "PUT") out.set(key.slice(key.lastIndexOf(".") + 1), readVerdict(entry.value));
    }
    return out;
  }

  /** Jobs waiting, jobs at work, and dead letters by sweep. */
  async status(): Promise<{ waiting: number; running: number; dead: { sweep: string; job: string; error: string }[] }> {
    const info = await this.#broker.jsm.streams.info(STREAM);
    let running = 0;
    for await (const consumer of this.#broker.jsm.consumers.list(STREAM)) running += consumer.num_ack_pending;
    const dead: { sweep: string; job: string; error: string }[] = [];
    for await (const key of await this.#bucket.keys("*.dead.*")) {
      const entry = await this.#bucket.get(key);
      if (entry?.operation !== "PUT") continue;
      const verdict = readVerdict(entry.value);
      const [sweep, , job] = key.split(".");
      if ("error" in verdict) dead.push({ sweep, job, error: verdict.error.message });
    }
    return { waiting: info.state.messages - running, running, dead };
  }
}

function readVerdict(bytes: Uint8Array): Verdict {
  const { metrics, error } = fields(decode(bytes), "a result");
  if (metrics !== undefined) return { metrics: fields(metrics, "metrics") as Metrics };
  const { name, code, message } = fields(error, "error");
  return { error: { name: text(name, "name"), code: text(code, "code"), message: text(message, "message") } };
}

export { NO_DATA };
