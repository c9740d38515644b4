/** A crew of threads: which parts of a problem they serve, and the rows they are sent for that. */
import type { DenseRows } from "../base/types.js";
import { firstRow } from "./partition.js";
import type { Opening } from "./parts.js";
import type { Crew, PartServer } from "./passes.js";
import { lackOfThreads, processors, type Thread, threadsOf } from "./threadPool.js";

/** Flops of a pass below which another thread costs more than it does: a message and back is some 0.05 ms. */
const FLOPS_PER_THREAD = 1e7;
/** More threads than this never paid: there are no more parts. */
const MOST_THREADS = 32;
/** Matrices that stay with the threads when no problem is open on them. */
const KEPT = 2;

let ids = 0;

/** What threads were sent of one matrix: rows from … to − 1, under a number. */
interface Sent {
  readonly held: Map<Thread, { readonly id: number; readonly from: number; readonly to: number }>;
  /** Problems open on them. */
  open: number;
}

/**
 * The crew that an option `threads` asks for; undefined for one thread. To be ended with the fit.
 *
 * A number is used as far as there are parts; "auto" uses as many processors as a problem keeps busy.
 */
export async function openCrew(threads: number | "auto" | undefined, shards?: number): Promise<ThreadCrew | undefined> {
  if (threads === undefined || threads === 1)
    return shards === undefined ? undefined : new ThreadCrew(1, false, shards);
  const lack = await lackOfThreads();
  const wanted = Math.min(threads === "auto" ? processors() : threads, MOST_THREADS);
  // Nobody asked for a certain number, so nothing is missing.
  if (threads === "auto" && (lack !== undefined || wanted === 1)) return openCrew(1, shards);
  return lack === undefined
    ? new ThreadCrew(wanted, threads === "auto", shards)
    : new ThreadCrew(1, false, shards, `one thread only: ${lack}`);
}

export class ThreadCrew implements Crew {
  readonly threads: number;
  readonly shards?: number;
  readonly reason?: string;
  readonly #byWork: boolean;
  readonly #sent = new Map<Float64Array, Sent>();

  constructor(threads: number, byWork: boolean, shards?: number, reason?: string) {
    this.threads = threads;
    this.#byWork = byWork;
    if (shards !== undefined) this.shards = shards;
    if (reason !== undefined) this.reason = reason;
  }

  open(problem: Omit<Opening, "first" | "last">, rows: DenseRows): { own: number; servers: readonly PartServer[] } {
    const parts = problem.starts.length - 1;
    const count = Math.min(this.threads, parts, this.#byWork ? worthwhile(problem.shape) : parts);
    if (count <= 1) return { own: parts, servers: [] };
    const cut = (k: number): number => Math.floor((k * parts) / count);
    const sent = this.#sentOf(rows.data);
    const servers = threadsOf(count - 1).map((thread, k) =>
      this.#serve(thread, { ...problem, first: cut(k + 1), last: cut(k + 2) }, rows, sent),
    );
    return { own: cut(1), servers };
  }

  /** Lets the threads forget the rows of this fit. */
  dispose(): void {
    for (const data of this.#sent.keys()) this.#forget(data);
  }
  /** @internal declared only inside: older `lib` settings do not know the symbol */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #serve(thread: Thread, opening: Opening, rows: DenseRows, sent: Sent): PartServer {
    const problem = ids++;
    const { starts, first, last, shape } = opening;
    const from = firstRow(starts, first, shape.samples);
    const to = firstRow(starts, last, shape.samples);
    const held = send(thread, rows, from, to, sent);
    const [start, end] = [from - held.from, to - held.from];
    thread.tell({ leapflow: "parts", do: "open", problem, opening, rows: held.id, from: start, to: end });
    sent.open++;
    return {
      first,
      last,
      call: (pass, args) => thread.ask({ leapflow: "parts", do: "call", problem, pass, args }),
      close: () => {
        thread.tell({ leapflow: "parts", do: "close", problem });
        sent.open--;
      },
    };
  }

  #sentOf(data: Float64Array): Sent {
    const before = this.#sent.get(data);
    if (before) return before;
    for (const [other, { open }] of this.#sent) {
      if (this.#sent.size < KEPT) break;
      if (open === 0) this.#forget(other);
    }
    const sent: Sent = { held: new Map(), open: 0 };
    this.#sent.set(data, sent);
    return sent;
  }

  #forget(data: Float64Array): void {
    for (const [thread, { id }] of this.#sent.get(data)?.held ?? []) {
      thread.tell({ leapflow: "parts", do: "forget", rows: id });
    }
    this.#sent.delete(data);
  }
}

/**
 * Makes a thread hold rows from … to − 1, unless it does. Shared memory is handed over as it is; other rows are copied and
 * the copy is moved, since engines read shared memory more slowly than their own.
 */
function send(thread: Thread, { data, columns }: DenseRows, from: number, to: number, sent: Sent) {
  const before = sent.held.get(thread);
  if (before && before.from <= from && to <= before.to) return before;
  if (before) thread.tell({ leapflow: "parts", do: "forget", rows: before.id });
  const id = ids++;
  if (typeof SharedArrayBuffer === "function" && data.buffer instanceof SharedArrayBuffer) {
    thread.tell({ leapflow: "parts", do: "rows", rows: id, data, columns });
    from = 0;
    to = data.length / columns;
  } else {
    const copy = data.slice(from * columns, to * columns);
    thread.tell({ leapflow: "parts", do: "rows", rows: id, data: copy, columns }, [copy.buffer]);
  }
  const held = { id, from, to };
  sent.held.set(thread, held);
  return held;
}

/** Threads that a problem keeps busy. */
function worthwhile({ samples, columns, rank, featureCount }: Opening["shape"]): number {
  return Math.floor((samples * (2 * columns * Math.max(rank, 1) + featureCount * featureCount)) / FLOPS_PER_THREAD);
}
