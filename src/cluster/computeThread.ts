/** Entry of a compute thread: works on the rows it was given, off the thread that owns the connection. */

import { failureOf, type ThreadFailure } from "./failure.js";
import { runJob } from "./jobKinds.js";
import type { Job } from "./jobs.js";
import type { RowData } from "./rowData.js";
import { ShardHost } from "./shardHost.js";

/** What a thread is asked. */
export type ThreadRequest =
  | { readonly id: number; readonly job: Job }
  | { readonly cancel: number }
  | { readonly id: number; readonly exchange: Uint8Array }
  | { readonly forget: { readonly fit: string; readonly problem?: number } };
/** What an exchange comes back as, with the shards that are held after it. */
export interface Exchanged {
  readonly bytes: Uint8Array;
  readonly shards: readonly string[];
}
/** What it answers; `ready` once, when it can be asked. */
export type ThreadReply =
  | { readonly ready: true }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ThreadFailure };

export interface ThreadData {
  readonly rows: RowData | undefined;
}

/** Answers requests until the thread is ended. */
function answer(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  if (!parentPort) return;
  const { rows } = workerData as ThreadData;
  const running = new Map<number, AbortController>();
  const shards = rows && new ShardHost(rows);
  let turn: Promise<unknown> = Promise.resolve();
  const reply = (message: ThreadReply): void => parentPort.postMessage(message);
  const respond = async (id: number, work: () => Promise<unknown>): Promise<void> => {
    try {
      reply({ id, result: await work() });
    } catch (error) {
      reply({ id, error: failureOf(error) });
    }
  };
  const runOne = async ({ id, job }: { id: number; job: Job }): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    await respond(id, () => runJob(job, rows, controller.signal));
    running.delete(id);
  };
  const exchange = async (bytes: Uint8Array): Promise<Exchanged> => {
    if (!shards) throw new Error("this thread has no rows");
    return { bytes: await shards.exchange(bytes), shards: shards.names };
  };
  parentPort.on("message", (request: ThreadRequest) => {
    if ("cancel" in request) running.get(request.cancel)?.abort(new Error("canceled"));
    else if ("forget" in request) turn = turn.then(() => shards?.close(request.forget.fit, request.forget.problem));
    else if ("job" in request) void runOne(request);
    else turn = turn.then(() => respond(request.id, () => exchange(request.exchange)));
  });
  reply({ ready: true });
}

// Loaded as a thread of its own; anywhere else importing it does nothing.
if (process.getBuiltinModule("node:worker_threads").workerData?.leapflow === "compute") answer();
