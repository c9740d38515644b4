/** A member at work on the queue: one job at a time, every outcome stored once. */
import type { Consumer, JsMsg } from "@nats-io/jetstream";
import { LeapflowError } from "../base/errors.js";
import { type ComputeThread, RemoteFailure } from "./compute.js";
import type { Broker } from "./connection.js";
import { SUBJECTS } from "./protocol.js";
import { ACK_WAIT_MS, decodeJob, MAX_DELIVERIES, NO_DATA, Queue, type QueuedJob, type Verdict } from "./queue.js";

/** Longest wait for a job in one request to the broker; the least that it allows. */
const PULL_MS = 1000;
/** Pause after a failed request, as when the broker is away. */
const RETRY_MS = 300;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class JobLoop {
  readonly #broker: Broker;
  readonly #thread: ComputeThread;
  readonly #notice: (text: string) => void;
  #running: { sweep: string; job: string; abort: AbortController } | undefined;
  #stopped = false;
  done = 0;

  constructor(broker: Broker, thread: ComputeThread, notice: (text: string) => void) {
    this.#broker = broker;
    this.#thread = thread;
    this.#notice = notice;
    broker.nc.subscribe(SUBJECTS.cancel, {
      callback: (_, message) => {
        if (this.#running?.sweep === message.string()) this.#running.abort.abort(new Error("canceled"));
      },
    });
  }

  /** Name of the job at work. */
  get job(): string | null {
    return this.#running ? `${this.#running.sweep}/${this.#running.job}` : null;
  }

  /** Ends the loop; a job at work goes back to the queue. */
  stop(): void {
    this.#stopped = true;
    this.#running?.abort.abort(new Error("the member is leaving"));
  }

  /** Takes jobs on the data of this checksum, and jobs that need none, until `stop`. */
  async run(checksum: string): Promise<void> {
    let turn = 0;
    let sources: { queue: Queue; consumers: Consumer[] } | undefined;
    while (!this.#stopped) {
      try {
        sources ??= await this.#open(checksum);
        // One kind of job until there is no more of it: an empty queue is only known by waiting.
        const message = await sources.consumers[turn % sources.consumers.length].next({ expires: PULL_MS });
        if (message) await this.#handle(sources.queue, message);
        else turn++;
      } catch (error) {
        if (this.#stopped || this.#broker.nc.isClosed()) return;
        // The broker is away or lost its streams; what was not acknowledged comes again.
        sources = undefined;
        if (this.#broker.offlineMs === 0 && !isTransient(error)) this.#notice(`queue: ${(error as Error).message}`);
        await pause(RETRY_MS);
      }
    }
  }

  async #open(checksum: string): Promise<{ queue: Queue; consumers: Consumer[] }> {
    const queue = await Queue.open(this.#broker);
    const wanted = [...new Set([checksum, NO_DATA])];
    return { queue, consumers: await Promise.all(wanted.map((data) => queue.consumer(data))) };
  }

  async #handle(queue: Queue, message: JsMsg): Promise<void> {
    let queued: QueuedJob;
    try {
      queued = decodeJob(message.data);
    } catch (error) {
      this.#notice(`a job was not taken: ${(error as Error).message}`);
      message.term();
      return;
    }
    const { sweep, job } = queued;
    if (this.#stopped) return message.nak();
    if (await queue.verdict(sweep, job.job)) return message.ack();
    if (message.info.deliveryCount > MAX_DELIVERIES) {
      const text = `the member that ran it was lost ${MAX_DELIVERIES} times.`;
      await queue.store(sweep, job.job, { error: { name: "ClusterError", code: "NO_MEMBER", message: text } });
      message.term();
      return;
    }
    const abort = new AbortController();
    this.#running = { sweep, job: job.job, abort };
    const beat = setInterval(() => message.working(), ACK_WAIT_MS / 4);
    try {
      const verdict = await this.#verdictOf(queued, abort.signal);
      if (verdict) {
        await queue.store(sweep, job.job, verdict);
        message.ack();
        this.done++;
      } else if (this.#stopped) message.nak();
      else message.term();
    } catch (error) {
      message.nak();
      throw error;
    } finally {
      clearInterval(beat);
      this.#running = undefined;
    }
  }

  /** @returns undefined when the job was called off */
  async #verdictOf({ job }: QueuedJob, signal: AbortSignal): Promise<Verdict | undefined> {
    try {
      return { metrics: await this.#thread.job(job, signal) };
    } catch (error) {
      if (signal.aborted) return undefined;
      // What the job itself throws, it would throw anywhere: no use in trying again.
      if (error instanceof RemoteFailure) return { error: error.failure };
      throw error;
    }
  }
}

/** Requests that ran out of time while the broker was coming back. */
const isTransient = (error: unknown): boolean =>
  !(error instanceof LeapflowError) && /timeout|no responders|disconnect|connection/i.test(String(error));
