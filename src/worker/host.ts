/** serveFits: the worker's side. */
import { LeapflowError } from "../base/errors.js";
import { errorData, isPort, ownPort, type Port, portOf } from "../base/port.js";
import { type FitProgress, fitMultiIndex } from "../index.js";
import { type FromWorker, isAboutFits, readToWorker, type ToWorker } from "./protocol.js";

/** Ends of fits that are kept until the other side has them, in case a message is lost. */
const KEPT = 16;

type Start = ToWorker & { readonly do: "start" };

/**
 * Serves fits in this worker; to be called once in the worker's own file:
 *
 * ```js
 * import { serveFits } from "leapflow/worker";
 * serveFits();
 * ```
 *
 * Messages that are not of leapflow are left to the worker's other listeners.
 *
 * @param target - a MessagePort to serve instead of the port of this worker
 * @returns a function that ends the service and aborts what runs
 * @throws {LeapflowError} `UNAVAILABLE` outside of a worker
 */
export function serveFits(target?: object): () => void {
  const port = target === undefined ? ownPort() : isPort(target) ? portOf(target) : undefined;
  if (!port) {
    throw new LeapflowError("UNAVAILABLE", "serveFits() serves the worker that it is called in; this is not a worker.");
  }
  const host = new Host(port);
  const stop = port.listen(
    (message) => host.receive(message),
    () => host.abortAll(),
  );
  return () => {
    stop();
    host.abortAll();
  };
}

class Host {
  readonly #port: Port;
  readonly #running = new Map<string, AbortController>();
  /** How fits ended that nobody has confirmed yet; undefined for aborted ones, which stay unanswered. */
  readonly #ended = new Map<string, FromWorker | undefined>();

  constructor(port: Port) {
    this.#port = port;
  }

  receive(message: unknown): void {
    if (!isAboutFits(message)) return;
    const { id } = message as { id: string };
    try {
      const read = readToWorker(message);
      if (read.do === "start") this.#start(read);
      else if (read.do === "abort") this.#abort(id);
      else if (read.do === "ask") this.#answer(id);
      else this.#end(id, undefined);
    } catch (error) {
      this.#port.post({ leapflow: "fit", id, did: "fail", error: errorData(error) } satisfies FromWorker);
    }
  }

  abortAll(): void {
    for (const control of this.#running.values()) control.abort();
  }

  #start({ id, X, y, options, progress }: Start): void {
    if (this.#running.has(id) || this.#ended.has(id)) return; // a message that came twice
    const control = new AbortController();
    this.#running.set(id, control);
    this.#port.post({ leapflow: "fit", id, did: "alive" } satisfies FromWorker);
    let number = 0;
    const report = (state: FitProgress): void =>
      this.#port.post({ leapflow: "fit", id, did: "progress", number: number++, progress: state } satisfies FromWorker);
    const run = fitMultiIndex(X, y, {
      ...options,
      signal: control.signal,
      ...(progress ? { onProgress: report } : {}),
    });
    run
      .then(
        (fit): FromWorker => ({ leapflow: "fit", id, did: "fit", fit: fit.toData() }),
        (error): FromWorker => ({ leapflow: "fit", id, did: "fail", error: errorData(error) }),
      )
      .then((end) => {
        this.#running.delete(id);
        if (control.signal.aborted) return;
        this.#end(id, end);
        this.#port.post(end);
      });
  }

  #abort(id: string): void {
    this.#running.get(id)?.abort();
    // An abort that overtook its start.
    this.#end(id, undefined);
  }

  #answer(id: string): void {
    if (this.#running.has(id)) this.#port.post({ leapflow: "fit", id, did: "alive" } satisfies FromWorker);
    else this.#port.post(this.#ended.get(id) ?? ({ leapflow: "fit", id, did: "unknown" } satisfies FromWorker));
  }

  #end(id: string, end: FromWorker | undefined): void {
    this.#ended.delete(id);
    this.#ended.set(id, end);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= KEPT) break;
      this.#ended.delete(oldest);
    }
  }
}
