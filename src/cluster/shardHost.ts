/** The shards that a member holds: each the rows of one part of one problem, its state as of the last exchange. */
import { RunControl } from "../base/control.js";
import { FormatError } from "../base/errors.js";
import { firstRow, type Opening, openParts, type PartHost, type PassAnswer, rowsOf } from "../index.js";
import { checkCall, decodeExchange, type Exchange, encodeReply, type ShardReply } from "./exchange.js";
import { failureOf } from "./failure.js";
import type { RowData } from "./rowData.js";

interface Held {
  readonly host: PartHost;
  readonly opening: Opening;
  readonly rows: number;
  /** The last exchange, and the answer that was given to it. */
  seq: number;
  reply: Uint8Array;
}

const NOTHING: PassAnswer = { nodes: [], results: undefined };

export class ShardHost {
  readonly #data: RowData;
  readonly #held = new Map<string, Held>();
  // A pass runs to its end: the connection is another thread's.
  readonly #control = new RunControl({ sliceMs: Number.POSITIVE_INFINITY });

  constructor(data: RowData) {
    this.#data = data;
  }

  /** Names of the shards held, "fit/problem/shard". */
  get names(): string[] {
    return [...this.#held.keys()];
  }

  /**
   * Does what an exchange asks for. One that was answered before is answered from memory, so that asking twice is harmless;
   * one that goes on from another state than the one here is told so.
   * @returns the reply, encoded
   * @throws {FormatError} `MESSAGE` for what is no exchange
   */
  async exchange(bytes: Uint8Array): Promise<Uint8Array> {
    const asked = decodeExchange(bytes);
    const { fit, problem, shard, seq } = asked;
    const name = `${fit}/${problem}/${shard}`;
    const held = this.#held.get(name);
    if (held?.seq === seq) return held.reply;
    const about = { fit, problem, shard, seq };
    const say = (reply: Omit<ShardReply, keyof typeof about>): Uint8Array =>
      encodeReply({ ...about, ...reply } as ShardReply);
    if (!asked.opening && held?.seq !== asked.after) return say({ stateless: true } as never);
    try {
      const now = asked.opening ? await this.#open(name, asked, asked.opening) : (held as Held);
      let answer = NOTHING;
      // Half an exchange is no state that another one could go on from.
      now.seq = -1;
      for (const call of asked.calls) {
        checkCall(call, now.opening, now.rows);
        answer = await now.host.call(call.name, call.args);
      }
      now.reply = say({ answer } as never);
      now.seq = seq;
      return now.reply;
    } catch (error) {
      this.#drop(name);
      return say({ error: failureOf(error) } as never);
    }
  }

  /** Lets the shards of a fit go, or of one of its problems. */
  close(fit: string, problem?: number): void {
    const prefix = problem === undefined ? `${fit}/` : `${fit}/${problem}/`;
    for (const name of this.#held.keys()) if (name.startsWith(prefix)) this.#drop(name);
  }

  async #open(name: string, { shard }: Exchange, opening: Opening): Promise<Held> {
    this.#drop(name);
    const { data } = this;
    const { shape, starts, first, last } = opening;
    if (shape.samples !== data.rows || shape.columns !== data.columns || first !== shard) {
      throw new FormatError(
        "MESSAGE",
        `a fit of ${shape.samples} rows of ${shape.columns} columns was asked of a member that has ${data.rows} of ${data.columns}.`,
      );
    }
    const rows = firstRow(starts, last, shape.samples) - firstRow(starts, first, shape.samples);
    const host = await openParts(opening, rowsOf(data, opening), this.#control);
    const held = { host, opening, rows, seq: -1, reply: new Uint8Array(0) };
    this.#held.set(name, held);
    return held;
  }

  get data(): RowData {
    return this.#data;
  }

  #drop(name: string): void {
    this.#held.get(name)?.host.close();
    this.#held.delete(name);
  }
}
