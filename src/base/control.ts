/** AbortSignal, deadline and yielding to the event loop, in one object. */

/** Milliseconds of uninterrupted work after which `breathe` lets other tasks run. */
const SLICE_MS = 12;

export interface RunControlOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds from construction after which `expired` is true. */
  readonly deadlineMs?: number;
  readonly sliceMs?: number;
  /** Milliseconds from any fixed origin; tests pass their own. */
  readonly clock?: () => number;
  /** Lets the event loop run other tasks; tests pass their own. */
  readonly yieldTask?: () => Promise<void>;
}

/**
 * Control of one long computation. An abort throws the signal's own reason; a deadline is a flag, never an exception.
 *
 * Loops call `await control.breathe()` once per small piece of work: it costs one clock reading unless the time slice
 * is over.
 */
export class RunControl {
  readonly #signal: AbortSignal | undefined;
  readonly #deadlineMs: number;
  readonly #sliceMs: number;
  readonly #clock: () => number;
  readonly #yieldTask: () => Promise<void>;
  readonly #started: number;
  #lastYield: number;

  constructor(options: RunControlOptions = {}) {
    this.#signal = options.signal;
    this.#deadlineMs = options.deadlineMs ?? Infinity;
    this.#sliceMs = options.sliceMs ?? SLICE_MS;
    this.#clock = options.clock ?? defaultClock();
    this.#yieldTask = options.yieldTask ?? yieldTask;
    this.#started = this.#clock();
    this.#lastYield = this.#started;
  }

  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /** Milliseconds since construction. */
  get elapsedMs(): number {
    return this.#clock() - this.#started;
  }

  /** True once the deadline has passed. */
  get expired(): boolean {
    return this.#deadlineMs !== Infinity && this.elapsedMs >= this.#deadlineMs;
  }

  /** True once the signal has been aborted; nothing is thrown. */
  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** @throws the signal's own reason when it has been aborted */
  throwIfAborted(): void {
    if (this.#signal?.aborted === true) throw this.#signal.reason;
  }

  /** Waits for work done elsewhere; an abort ends the waiting, not the work. @throws the signal's own reason */
  async race<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (signal === undefined) return work;
    this.throwIfAborted();
    let stop = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Gives other tasks a turn when the time slice is over; rejects with the signal's reason when it has been aborted.
   * Abort events, timers and messages arrive only in such a turn.
   */
  async breathe(): Promise<void> {
    if (this.#clock() - this.#lastYield >= this.#sliceMs) {
      await this.#yieldTask();
      this.#lastYield = this.#clock();
    }
    this.throwIfAborted();
  }
}

/** Milliseconds. `performance` is missing on a few server runtimes; Date.now() is not monotone, but a run survives that. */
export function defaultClock(): () => number {
  return typeof performance === "object" && typeof performance.now === "function" ? () => performance.now() : Date.now;
}

/** Resolves in a later task of the event loop (not a microtask), as soon as the engine allows. */
export function yieldTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
    } else if (typeof MessageChannel === "function") {
      // setTimeout is held to 4 ms when nested, and to 1 s in a hidden page; a message is not.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        channel.port1.close();
        resolve();
      };
      channel.port2.postMessage(0);
    } else {
      setTimeout(resolve, 0);
    }
  });
}
