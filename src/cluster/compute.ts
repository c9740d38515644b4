/** The owner's side of a compute thread. */
import { LeapflowError } from "../base/errors.js";
import type { Exchanged, ThreadReply, ThreadRequest } from "./computeThread.js";
import type { ThreadFailure } from "./failure.js";
import type { Metrics } from "./jobKinds.js";
import type { Job } from "./jobs.js";
import type { RowData } from "./rowData.js";

/** An error that happened in a thread or on a member. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
  readonly failure: ThreadFailure;

  constructor(failure: ThreadFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

type Worker = InstanceType<typeof import("node:worker_threads").Worker>;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A thread over shared rows that runs one job after another, or several at once. */
export class ComputeThread {
  readonly #rows: RowData | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;
  #closed = false;

  constructor(rows: RowData | undefined) {
    this.#rows = rows;
  }

  /**
   * Runs a job; a thread that died before is replaced.
   * @throws {RemoteFailure} with what the job threw; {LeapflowError} `WORKER_LOST`; the signal's own reason
   */
  async job(job: Job, signal?: AbortSignal): Promise<Metrics> {
    signal?.throwIfAborted();
    const id = this.#next++;
    const cancel = (): void => this.#worker?.postMessage({ cancel: id } satisfies ThreadRequest);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return (await this.#ask({ id, job })) as Metrics;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Answers an exchange about a shard. @throws {RemoteFailure} for what is no exchange; {LeapflowError} `WORKER_LOST` */
  async exchange(bytes: Uint8Array): Promise<Exchanged> {
    return (await this.#ask({ id: this.#next++, exchange: bytes })) as Exchanged;
  }

  /** Lets the shards of a fit go, or those of one of its problems. */
  forget(forget: { readonly fit: string; readonly problem?: number }): void {
    this.#worker?.postMessage({ forget } satisfies ThreadRequest);
  }

  /** Ends the thread; what it was doing is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#lose(new Error("it was closed"));
  }

  #ask(request: Extract<ThreadRequest, { id: number }>): Promise<unknown> {
    const worker = this.#open();
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      worker.postMessage(request);
    });
  }

  #open(): Worker {
    if (this.#closed) throw new LeapflowError("DISPOSED", "this compute thread was closed.");
    if (this.#worker) return this.#worker;
    const threads = process.getBuiltinModule("node:worker_threads");
    // From a folder of the built package, whichever chunk this is in.
    const worker = new threads.Worker(new URL("../cluster/computeThread.js", import.meta.url), {
      workerData: { leapflow: "compute", rows: this.#rows },
    });
    worker.on("message", (reply: ThreadReply) => {
      if ("ready" in reply) return;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("error" in reply) waiting?.reject(new RemoteFailure(reply.error));
      else waiting?.resolve(reply.result);
    });
    worker.on("error", (error) => this.#lose(error));
    worker.on("exit", () => this.#lose(new Error("it ended")));
    this.#worker = worker;
    return worker;
  }

  #lose(cause: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) {
      reject(new LeapflowError("WORKER_LOST", `a compute thread was lost: ${cause.message}.`, { cause }));
    }
    this.#waiting.clear();
  }
}
