/** A crew of threads: which parts of a problem they serve, and the rows they are sent for that. */
import type { DenseRows } from "../base/types.js";
import { firstRow, type Opening } from "./parts.js";
import type { Crew, PartServer } from "./passes.js";
import { lackOfThreads, processors, type Thread, threadsOf } from "./threadPool.js";

/** Flops of a pass below which another thread costs more than it does: a message and back is some 0.05 ms. */
const FLOPS_PER_THREAD = 1e7;
/** More threads than this never paid: there are no more parts. */
const MOST_THREADS = 32;
/** Matrices that stay with the threads when no problem is open on them. */
const KEPT = 2;

let ids = 0;

/** The rows of one matrix from `from` on, as they were sent. */
interface Sent {
  readonly id: number;
  readonly from: number;
  /** Where memory is shared there is one copy, or the caller's own array; elsewhere every thread has one. */
  readonly shared: Float64Array | undefined;
  readonly receivers: Set<Thread>;
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
    const own = cut(1);
    const sent = this.#send(rows, firstRow(problem.starts, own, problem.shape.samples));
    const servers = threadsOf(count - 1).map((thread, k) =>
      this.#serve(thread, { ...problem, first: cut(k + 1), last: cut(k + 2) }, rows, sent),
    );
    return { own, servers };
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
    const { columns } = rows;
    let base = sent.from;
    let id = sent.id;
    if (sent.shared) {
      if (!sent.receivers.has(thread)) {
        thread.tell({ leapflow: "parts", do: "rows", rows: id, data: sent.shared, columns });
        sent.receivers.add(thread);
      }
    } else {
      // A copy of these rows only, for this problem only.
      id = ids++;
      base = from;
      const data = rows.data.slice(from * columns, to * columns);
      thread.tell({ leapflow: "parts", do: "rows", rows: id, data, columns }, [data.buffer]);
    }
    thread.tell({ leapflow: "parts", do: "open", problem, opening, rows: id, from: from - base, to: to - base });
    if (!sent.shared) thread.tell({ leapflow: "parts", do: "forget", rows: id });
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

  /** Rows from `from` on where threads can read them; copied once, unless the caller's own array is shared memory. */
  #send({ data, columns }: DenseRows, from: number): Sent {
    const before = this.#sent.get(data);
    if (before && before.from <= from) return before;
    if (before) this.#forget(data);
    const isShared = typeof SharedArrayBuffer === "function" && data.buffer instanceof SharedArrayBuffer;
    const sent: Sent = {
      id: ids++,
      from: isShared ? 0 : from,
      shared: isShared ? data : sharedCopy(data.subarray(from * columns)),
      receivers: new Set(),
      open: 0,
    };
    for (const [other, { open }] of this.#sent) {
      if (this.#sent.size < KEPT) break;
      if (open === 0) this.#forget(other);
    }
    this.#sent.set(data, sent);
    return sent;
  }

  #forget(data: Float64Array): void {
    const sent = this.#sent.get(data);
    for (const thread of sent?.receivers ?? []) thread.tell({ leapflow: "parts", do: "forget", rows: sent?.id ?? 0 });
    this.#sent.delete(data);
  }
}

/** Pages have shared memory only when they are isolated; elsewhere undefined. */
function sharedCopy(data: Float64Array): Float64Array | undefined {
  if (typeof SharedArrayBuffer !== "function") return undefined;
  const out = new Float64Array(new SharedArrayBuffer(data.byteLength));
  out.set(data);
  return out;
}

/** Threads that a problem keeps busy. */
function worthwhile({ samples, columns, rank, featureCount }: Opening["shape"]): number {
  return Math.floor((samples * (2 * columns * Math.max(rank, 1) + featureCount * featureCount)) / FLOPS_PER_THREAD);
}
