/** fitInWorker: the caller's side. */
import { checkFunction, checkSignal, describe } from "../base/assert.js";
import { KernelError, LeapflowError, OptionError } from "../base/errors.js";
import { errorFrom, isPort, type Port, portOf } from "../base/port.js";
import {
  type DenseRows,
  Fit,
  type FitOptions,
  type FitProgress,
  type MatrixLike,
  ownRows,
  ownVector,
  type RowSource,
  type VectorLike,
} from "../index.js";
import {
  type FromWorker,
  isAboutFits,
  isOurs,
  notOfTheProtocol,
  PROTOCOL,
  readFromWorker,
  type SentOptions,
  type ToWorker,
} from "./protocol.js";

/** How data reach the worker, and how long silence is borne. */
export interface WorkerOptions {
  /**
   * Give X and y themselves instead of copies where they are flat Float64Arrays over buffers of their own: nothing is
   * copied, and the caller's arrays are empty afterwards. Arrays over a SharedArrayBuffer are never copied nor lost.
   */
  readonly transfer?: boolean;
  /** Milliseconds of silence after which the worker is asked how it is, and after which again it counts as lost; default 20 000. */
  readonly graceMs?: number;
}

const GRACE_MS = 20_000;

/**
 * `fitMultiIndex` in a worker: the same result, to the bit, while the caller's thread stays free.
 *
 * The worker's file calls `serveFits()`; it may run several fits at once and stays the caller's to end. Rows are copied
 * once and the copy is moved, unless `transfer` gives them away.
 *
 * @param worker - a Web Worker, a worker of `node:worker_threads`, or a MessagePort to one
 * @param options - as for `fitMultiIndex`; feature maps are functions and cannot travel
 * @throws as `fitMultiIndex`; {OptionError} `TYPE` for an option that cannot travel; {KernelError} `WORKER_LOST` when the
 * worker ends, fails or falls silent; {FormatError} `MESSAGE` when it posts what is not of leapflow, `VERSION` when it runs
 * another release. An abort rejects at once with the signal's own reason.
 * @example
 * ```ts
 * import { Worker } from "node:worker_threads";
 * import { fitInWorker } from "leapflow/worker";
 * // A file of your own that says: import { serveFits } from "leapflow/worker"; serveFits();
 * const worker = new Worker('import("leapflow/worker").then(({ serveFits }) => serveFits())', { eval: true });
 * const X = Array.from({ length: 100 }, (_, i) => [Math.sin(i), Math.cos(i * 1.7)]);
 * const fit = await fitInWorker(worker, X, X.map(([a, b]) => a + b), { rank: 1, degree: 1, seed: 1 });
 * console.log(fit.model.rank); // 1
 * await worker.terminate();
 * ```
 */
export async function fitInWorker(
  worker: object,
  X: MatrixLike | RowSource,
  y: VectorLike,
  options: FitOptions = {},
  { transfer = false, graceMs = GRACE_MS }: WorkerOptions = {},
): Promise<Fit> {
  if (!isPort(worker)) {
    throw new OptionError("TYPE", `worker is ${describe(worker)}; expected a Worker or a MessagePort.`);
  }
  const { signal: given, onProgress, crew, ...rest } = checkRecord(options);
  const signal = given === undefined ? undefined : checkSignal(given);
  if (onProgress !== undefined) checkFunction(onProgress, "onProgress");
  if (crew !== undefined) throw new OptionError("TYPE", "crew cannot be sent to a worker; give threads there.");
  signal?.throwIfAborted();
  const port = portOf(worker);
  // Listening comes first: a worker may end while rows are read.
  const conversation = new Conversation(port, signal, onProgress as FitOptions["onProgress"], graceMs);
  try {
    const rows = await ownRows(X, { transfer, ...(signal ? { signal } : {}) });
    const target = ownVector(y, rows.rows, { transfer });
    conversation.start(rows, target, sendable(rest));
  } catch (error) {
    conversation.fail(error);
  }
  return conversation.end;
}

function checkRecord(options: unknown): FitOptions {
  if (typeof options === "object" && options !== null && !Array.isArray(options)) return options as FitOptions;
  throw new OptionError("TYPE", `options is ${describe(options)}; expected an object.`);
}

/** Options without their classes. @throws {OptionError} `TYPE` naming one that cannot be copied */
function sendable({ start, weights, ...rest }: FitOptions): SentOptions {
  const out: Record<string, unknown> = { ...rest };
  if (weights !== undefined) out.weights = ownVector(weights, undefined, { name: "weights" });
  if (start !== undefined) out.start = isMatrix(start) ? start.to2DArray() : start;
  for (const [name, value] of Object.entries(out)) {
    try {
      structuredClone(value);
    } catch (cause) {
      throw new OptionError(
        "TYPE",
        `${name} cannot be sent to a worker: functions and live objects stay in their thread. Run fitMultiIndex in the worker itself, or leave ${name} out.`,
        { details: { option: name }, cause },
      );
    }
  }
  return out;
}

const isMatrix = (value: unknown): value is { to2DArray(): number[][] } =>
  typeof (value as { to2DArray?: unknown }).to2DArray === "function";

/** One fit as the caller's side sees it. `end` settles once, whatever messages are lost, late, doubled or out of order. */
class Conversation {
  readonly end: Promise<Fit>;
  readonly #id = newId();
  readonly #port: Port;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: FitOptions["onProgress"];
  readonly #graceMs: number;
  readonly #stopListening: () => void;
  readonly #onAbort = (): void => this.fail(this.#signal?.reason, "abort");
  #resolve: (fit: Fit) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #isOver = false;
  #isStarted = false;
  #latest = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(port: Port, signal: AbortSignal | undefined, onProgress: FitOptions["onProgress"], graceMs: number) {
    this.#port = port;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#graceMs = graceMs;
    this.end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#stopListening = port.listen(
      (message) => this.#receive(message),
      (cause) => this.fail(lost(cause)),
    );
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The data belong to the worker from here on. */
  start(X: DenseRows, y: Float64Array, options: SentOptions): void {
    if (this.#isOver) return;
    const transfer = [X.data, y].map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
    const progress = this.#onProgress !== undefined;
    const id = this.#id;
    const message: ToWorker = { leapflow: "fit", id, do: "start", protocol: PROTOCOL, X, y, options, progress };
    this.#port.post(message, [...new Set(transfer)]);
    this.#isStarted = true;
    this.#watch(false);
  }

  /** Ends the conversation with an error; the worker hears of it. */
  fail(error: unknown, tell: "abort" | "done" = "abort"): void {
    if (this.#isOver) return;
    this.#close(tell);
    this.#reject(error);
  }

  #receive(message: unknown): void {
    if (this.#isOver) return;
    if (!isAboutFits(message)) {
      if (!isOurs(message)) this.fail(notOfTheProtocol(message));
      return;
    }
    if ((message as { id: string }).id !== this.#id) return;
    try {
      this.#heard(readFromWorker(message));
    } catch (error) {
      this.fail(error);
    }
  }

  #heard(message: FromWorker): void {
    // No sign of life of this fit: unless one follows, its start was lost.
    if (message.did === "unknown") return;
    this.#watch(false);
    switch (message.did) {
      case "progress":
        if (message.number <= this.#latest) return;
        this.#latest = message.number;
        this.#tell(message.progress);
        return;
      case "fit": {
        const fit = Fit.fromData(message.fit);
        this.#close("done");
        this.#resolve(fit);
        return;
      }
      case "fail":
        this.fail(errorFrom(message.error), "done");
    }
  }

  #tell(progress: FitProgress): void {
    try {
      this.#onProgress?.(progress);
    } catch (cause) {
      throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
    }
  }

  /** Waits for a sign of life; asks once, then gives up. */
  #watch(hasAsked: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // Messages that arrived while this thread was busy come before the verdict.
      setTimeout(() => {
        if (this.#isOver || this.#timer === undefined) return;
        if (hasAsked) return this.fail(lost(new Error(`nothing was heard of it for ${2 * this.#graceMs} ms`)));
        this.#port.post({ leapflow: "fit", id: this.#id, do: "ask" } satisfies ToWorker);
        this.#watch(true);
      }, 0);
    }, this.#graceMs);
  }

  #close(tell: "abort" | "done"): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopListening();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#isStarted) this.#port.post({ leapflow: "fit", id: this.#id, do: tell } satisfies ToWorker);
  }
}

let fits = 0;
/** Unique among all that talk to one worker, also where two copies of this package do. */
const newId = (): string => globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${fits++}`;

function lost(cause: unknown): KernelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KernelError("WORKER_LOST", `the worker of this fit was lost: ${why}. Start it again and repeat the fit.`, {
    cause,
  });
}
