/** The crew of a fit on a cluster: every problem on its rows is served shard by shard, sums met in the fixed tree. */
import { OptionError } from "../base/errors.js";
import {
  argumentsFor,
  type Crew,
  firstRow,
  type Opening,
  type PartServer,
  type PassAnswer,
  type PassCall,
  PassLog,
  type PassName,
  SumTree,
} from "../index.js";
import { encode } from "./codec.js";
import { encodeExchange, type ShardReply } from "./exchange.js";
import { errorOf } from "./failure.js";
import type { Journal } from "./journal.js";
import { SUBJECTS } from "./protocol.js";
import type { RowData } from "./rowData.js";
import type { Session } from "./session.js";

/** Passes that are answered with nothing: they travel with the next one. */
const SILENT: readonly PassName[] = ["setTarget", "standardize", "acceptTrial"];

const NOTHING: PassAnswer = { nodes: [], results: undefined };

export class ShardCrew implements Crew {
  readonly shards?: number;
  readonly #session: Session;
  readonly #journal: Journal;
  readonly #rows: RowData;
  /** Names this run of the fit to the members, who may hold shards of an earlier one. */
  readonly #run: string;
  #problems = 0;
  /** Rounds of questions so far, and the number of shards asked. */
  rounds = 0;
  parts = 0;

  constructor(session: Session, journal: Journal, rows: RowData, run: string, shards: number | undefined) {
    this.#session = session;
    this.#journal = journal;
    this.#rows = rows;
    this.#run = run;
    if (shards !== undefined) this.shards = shards;
  }

  /** Problems on other rows than those of the members, such as a sample of them, are solved here. */
  open(
    problem: Omit<Opening, "first" | "last">,
    rows: { readonly data: Float64Array },
  ): { own: number; servers: readonly PartServer[] } {
    const parts = problem.starts.length - 1;
    if (rows.data !== this.#rows.data) return { own: parts, servers: [] };
    this.parts = Math.max(this.parts, parts);
    return {
      own: 0,
      servers: [new ShardServer(this, this.#session, this.#journal, this.#run, this.#problems++, problem)],
    };
  }

  /** Lets the members forget this fit. */
  close(): void {
    this.#session.tell(SUBJECTS.forget, encode({ fit: this.#run }));
  }
}

/** All parts of one problem: each on the member that holds its shard. */
class ShardServer implements PartServer {
  readonly first = 0;
  readonly last: number;
  readonly #log = new PassLog();
  readonly #cuts: readonly number[];
  /** Silent passes that were not sent yet. */
  #waiting: PassCall[] = [];
  #seq = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(
    readonly crew: ShardCrew,
    readonly session: Session,
    readonly journal: Journal,
    readonly run: string,
    readonly problem: number,
    readonly opening: Omit<Opening, "first" | "last">,
  ) {
    const { starts, shape } = opening;
    this.last = starts.length - 1;
    this.#cuts = Array.from(starts, (_, k) => firstRow(starts, k, shape.samples));
  }

  call(name: PassName, args: readonly unknown[]): Promise<PassAnswer> {
    // Arguments may be views of memory that the caller goes on to use.
    const call = { name, args: args.map(copied) };
    const answer = this.#turn.then(() => this.#answer(call));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.session.tell(SUBJECTS.forget, encode({ fit: this.run, problem: this.problem }));
  }

  async #answer(call: PassCall): Promise<PassAnswer> {
    if (SILENT.includes(call.name)) {
      this.#waiting.push(call);
      return NOTHING;
    }
    const calls = [...this.#waiting, call];
    this.#waiting = [];
    const seq = ++this.#seq;
    const known = this.journal.recall();
    if (!known) this.crew.rounds++;
    const answer = known ?? (await this.#ask(seq, calls));
    for (const one of calls) this.#log.record(one.name, one.args);
    if (!known) this.journal.record(answer);
    return answer;
  }

  async #ask(seq: number, calls: readonly PassCall[]): Promise<PassAnswer> {
    const replies = await Promise.all(
      Array.from({ length: this.last }, (_, shard) => this.#askShard(shard, seq, calls)),
    );
    const tree = new SumTree();
    const results: Float64Array[] = [];
    for (const { nodes, results: own } of replies) {
      for (const node of nodes) tree.add(node);
      if (own) results.push(own);
    }
    return { nodes: tree.take(), results: results.length > 0 ? joined(results) : undefined };
  }

  async #askShard(shard: number, seq: number, calls: readonly PassCall[]): Promise<PassAnswer> {
    const { run: fit, problem } = this;
    const cutFor = ({ name, args }: PassCall): PassCall => ({
      name,
      args: argumentsFor(name, args, this.#cuts[shard], this.#cuts[shard + 1]),
    });
    const about = { fit, problem, shard, seq };
    const bytes = (isFresh: boolean): Uint8Array =>
      isFresh || seq === 1
        ? encodeExchange({
            ...about,
            after: 0,
            calls: [...this.#log.calls, ...calls].map(cutFor),
            opening: { ...this.opening, first: shard, last: shard + 1 },
          })
        : encodeExchange({ ...about, after: seq - 1, calls: calls.map(cutFor) });
    const isAnswer = (reply: ShardReply): boolean =>
      reply.fit === fit && reply.problem === problem && reply.seq === seq;
    const reply = await this.session.ask(shard, bytes, isAnswer);
    if ("answer" in reply) return reply.answer;
    throw errorOf((reply as Extract<ShardReply, { error: unknown }>).error);
  }
}

/** @throws {OptionError} when no shard could be sent in parts */
export function checkLimit(limit: number): void {
  if (limit >= 4096) return;
  throw new OptionError(
    "RANGE",
    `the broker allows messages of ${limit} bytes; a fit needs at least 4096 (max_payload).`,
    {
      details: { limit },
    },
  );
}

const copied = (value: unknown): unknown => (ArrayBuffer.isView(value) ? (value as Float64Array).slice() : value);

function joined(arrays: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}
