/** The page's side of its worker: jobs are asked for, watched and cancelled here; the page itself computes nothing. */
import type { JobName, Jobs } from "./jobs.js";

export interface Watch<K extends JobName> {
  readonly signal?: AbortSignal;
  readonly onNews?: (news: Jobs[K]["news"]) => void;
}

/** A failure that the worker told of. */
export class JobError extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
    this.name = "JobError";
  }
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  readonly watch: Watch<JobName>;
}

/** One worker, made when it is first needed. */
export class Desk {
  #worker: Worker | undefined;
  readonly #pending = new Map<number, Pending>();
  #jobs = 0;

  /** Runs a job; an abort rejects with the signal's reason. */
  run<K extends JobName>(name: K, input: Jobs[K]["input"], watch: Watch<K> = {}): Promise<Jobs[K]["output"]> {
    this.#worker ??= this.#open();
    const worker = this.#worker;
    const job = ++this.#jobs;
    return new Promise((resolve, reject) => {
      watch.signal?.throwIfAborted();
      this.#pending.set(job, { resolve, reject, watch: watch as Watch<JobName> });
      watch.signal?.addEventListener("abort", () => {
        worker.postMessage({ cancel: job });
        this.#settle(job)?.reject(watch.signal?.reason);
      });
      worker.postMessage({ job, name, input });
    });
  }

  /** Ends the worker and whatever it is doing. */
  dispose(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(new DOMException("The view was left.", "AbortError"));
  }

  #open(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      if ("news" in data) this.#pending.get(data.job)?.watch.onNews?.(data.news as never);
      else if ("error" in data) this.#settle(data.job)?.reject(new JobError(data.error.message, data.error.code));
      else this.#settle(data.job)?.resolve(data.output as never);
    });
    worker.addEventListener("error", (event) => {
      this.#worker = undefined;
      this.#fail(new JobError(`The worker ended: ${event.message ?? "it could not be loaded"}`, undefined));
    });
    return worker;
  }

  #settle(job: number): Pending | undefined {
    const found = this.#pending.get(job);
    this.#pending.delete(job);
    return found;
  }

  #fail(reason: unknown): void {
    for (const job of [...this.#pending.keys()]) this.#settle(job)?.reject(reason);
  }
}

/** Whether a job ended because it was asked to. */
export const isCancelled = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
