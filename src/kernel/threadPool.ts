/** The threads of this process: started when first needed, kept, and shared by all fits. */
import { KernelError } from "../base/errors.js";
import { type ErrorData, errorFrom, isPort, nodeModule, type Port, portOf } from "../base/port.js";
import type { PassAnswer } from "./passes.js";
import type { ToThread } from "./threadServer.js";

/** Where threads come from instead of the library's own file. */
export interface ThreadSource {
  /** Makes a worker whose file calls `serveThreads()`: `() => new Worker(new URL("./thread.js", import.meta.url), { type: "module" })`. */
  readonly worker: () => object;
}

/** Not a name that bundlers can follow: in a bundle the module is missing, which is noticed below. */
const LOCATION = "../kernel/threadUrl.js";

let source: ThreadSource | undefined;
let pool: Thread[] = [];
/** The library's own thread file, once it was looked for. */
let own: Promise<URL | undefined> | undefined;
let ownUrl: URL | undefined;

/**
 * Lets threads be workers of the caller's own making, for pages and bundles, where a library cannot know the address of
 * its worker file. `undefined` restores the library's own, which exist in Node. Applies to fits that start afterwards.
 */
export function configureThreads(from: ThreadSource | undefined): void {
  source = from;
  pool = [];
}

/** Why there are no threads here, if so; to be asked before `threadsOf`. */
export async function lackOfThreads(): Promise<string | undefined> {
  if (source) return undefined;
  if (!nodeModule("worker_threads")) return "threads need configureThreads({ worker }) here";
  own ??= findEntry();
  ownUrl = await own;
  return ownUrl
    ? undefined
    : "the package's thread file is not beside its code (a bundle?); threads need configureThreads({ worker }) then";
}

/** Processors that this process may use. */
export function processors(): number {
  const os = nodeModule("os") as { availableParallelism?: () => number } | undefined;
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  return os?.availableParallelism?.() ?? navigator?.hardwareConcurrency ?? 1;
}

/** The first `count` threads of the pool; missing and dead ones are started. */
export function threadsOf(count: number): readonly Thread[] {
  for (let k = 0; k < count; k++) if (!pool[k] || pool[k].isLost) pool[k] = new Thread(startWorker());
  return pool.slice(0, count);
}

async function findEntry(): Promise<URL | undefined> {
  try {
    const { threadUrl } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ LOCATION)) as { threadUrl: URL };
    const files = nodeModule("fs") as typeof import("node:fs");
    return threadUrl.protocol === "file:" && files.existsSync(threadUrl) ? threadUrl : undefined;
  } catch {
    return undefined;
  }
}

function startWorker(): object {
  if (source) {
    const made = source.worker();
    if (!isPort(made)) throw new KernelError("UNAVAILABLE", "the worker of configureThreads is not a Worker.");
    return made;
  }
  const { Worker } = nodeModule("worker_threads") as typeof import("node:worker_threads");
  // Flags of the main program (loaders, an inspector) are not meant for it.
  return new Worker(ownUrl as URL, { name: "leapflow", execArgv: [] });
}

interface Waiting {
  resolve(answer: PassAnswer): void;
  reject(error: unknown): void;
}

/** One worker and the calls it still owes an answer. While it owes none it does not keep a process alive. */
export class Thread {
  readonly #port: Port;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #lost: KernelError | undefined;

  constructor(worker: object) {
    this.#port = portOf(worker);
    this.#port.listen(
      (message) => this.#receive(message),
      (cause) => this.#lose(cause),
    );
    this.#port.hold(false);
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Sends a message that is not answered. */
  tell(message: ToThread, transfer?: readonly ArrayBuffer[]): void {
    if (!this.#lost) this.#port.post(message, transfer);
  }

  /** @throws what the pass throws; {KernelError} `WORKER_LOST` */
  ask(message: Omit<ToThread & { do: "call" }, "call">): Promise<PassAnswer> {
    if (this.#lost) return Promise.reject(this.#lost);
    const call = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#port.hold(true);
      this.#port.post({ ...message, call });
    });
  }

  #receive(message: unknown): void {
    const { call, error, ...answer } = message as { call: number; error?: ErrorData } & PassAnswer;
    const waiting = this.#waiting.get(call);
    if (!waiting) return;
    this.#waiting.delete(call);
    if (this.#waiting.size === 0) this.#port.hold(false);
    if (error) waiting.reject(errorFrom(error));
    else waiting.resolve(answer);
  }

  #lose(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#lost ??= new KernelError("WORKER_LOST", `a thread of this fit was lost: ${why}. Run the fit again.`, {
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
    this.#port.hold(false);
  }
}
