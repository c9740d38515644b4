/** Entry of a compute thread: works on the rows it was given, off the thread that owns the connection. */

import { runJob } from "./jobKinds.js";
import type { Job } from "./jobs.js";
import type { RowData } from "./rowData.js";

/** What a thread is asked. */
export type ThreadRequest = { readonly id: number; readonly job: Job } | { readonly cancel: number };
/** What it answers; `ready` once, when it can be asked. */
export type ThreadReply =
  | { readonly ready: true }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ThreadFailure };

/** An error on its way between threads and machines. */
export interface ThreadFailure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

export interface ThreadData {
  readonly rows: RowData | undefined;
}

export const failureOf = (error: unknown): ThreadFailure => {
  const { name, code, message } = (error ?? {}) as Partial<ThreadFailure>;
  return { name: name ?? "Error", code: code ?? "", message: message ?? String(error) };
};

/** Answers requests until the thread is ended. */
function answer(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  if (!parentPort) return;
  const { rows } = workerData as ThreadData;
  const running = new Map<number, AbortController>();
  const reply = (message: ThreadReply): void => parentPort.postMessage(message);
  parentPort.on("message", async (request: ThreadRequest) => {
    if ("cancel" in request) {
      running.get(request.cancel)?.abort(new Error("canceled"));
      return;
    }
    const { id, job } = request;
    const controller = new AbortController();
    running.set(id, controller);
    try {
      reply({ id, result: await runJob(job, rows, controller.signal) });
    } catch (error) {
      reply({ id, error: failureOf(error) });
    } finally {
      running.delete(id);
    }
  });
  reply({ ready: true });
}

// Loaded as a thread of its own; anywhere else importing it does nothing.
if (process.getBuiltinModule("node:worker_threads").workerData?.leapflow === "compute") answer();
