/** Two ends of a wire that may lose, double, reorder and delay what goes over it. */

type Listener = (message: unknown) => void;

/** One end, as Node's ports look. */
export class FakePort {
  readonly #listeners = new Map<string, Set<Listener>>();
  send: (message: unknown, transfer: readonly ArrayBuffer[]) => void = () => {};
  /** Everything that this end posted. */
  readonly posted: unknown[] = [];

  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    const copy = structuredClone(message, { transfer: [...transfer] });
    this.posted.push(copy);
    this.send(copy, transfer);
  }
  on(name: string, listener: Listener): void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
  }
  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }
  emit(name: string, value?: unknown): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(value);
  }
  get listening(): number {
    let count = 0;
    for (const all of this.#listeners.values()) count += all.size;
    return count;
  }
}

/** Milliseconds after which a message arrives, once for each time it does. */
export type Fate = (message: Record<string, unknown>, index: number) => readonly number[];

const faithful: Fate = () => [0];

/** A page's end and a worker's end. */
export function wire(toWorker: Fate = faithful, fromWorker: Fate = faithful): { page: FakePort; worker: FakePort } {
  const page = new FakePort();
  const worker = new FakePort();
  const connect = (from: FakePort, to: FakePort, fate: Fate): void => {
    let index = 0;
    from.send = (message) => {
      for (const delay of fate(message as Record<string, unknown>, index++)) {
        setTimeout(() => to.emit("message", structuredClone(message)), delay);
      }
    };
  };
  connect(page, worker, toWorker);
  connect(worker, page, fromWorker);
  return { page, worker };
}
