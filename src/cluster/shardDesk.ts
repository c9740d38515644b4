/** Where a member takes questions about shards: it passes them to a thread and sends the answers back. */
import type { Msg } from "@nats-io/transport-node";
import { decode } from "./codec.js";
import { ComputeThread, RemoteFailure } from "./compute.js";
import type { Broker } from "./connection.js";
import { cut, Parcels } from "./parcels.js";
import { count, fields, identifier, SUBJECTS } from "./protocol.js";
import type { RowData } from "./rowData.js";

/** A member whose thread dies this often is of no use to a fit. */
const MOST_LOSSES = 3;

export class ShardDesk {
  readonly #broker: Broker;
  readonly #thread: ComputeThread;
  readonly #parcels = new Parcels();
  readonly #notice: (text: string) => void;
  readonly #giveUp: () => void;
  #losses = 0;
  /** Shards held, "fit/problem/shard". */
  names: readonly string[] = [];
  /** Exchanges answered. */
  calls = 0;

  constructor(
    broker: Broker,
    member: string,
    rows: RowData | undefined,
    notice: (text: string) => void,
    giveUp: () => void,
  ) {
    this.#broker = broker;
    this.#thread = new ComputeThread(rows);
    this.#notice = notice;
    this.#giveUp = giveUp;
    const { nc } = broker;
    nc.subscribe(SUBJECTS.call(member), { callback: (error, message) => void (error ?? this.#answer(message)) });
    nc.subscribe(SUBJECTS.forget(member), { callback: (error, message) => void (error ?? this.#forget(message)) });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  async #answer(message: Msg): Promise<void> {
    const { reply } = message;
    try {
      const question = this.#parcels.take(message.data);
      if (!question || !reply) return;
      // The thread gets a copy of its own: this one may be part of a larger buffer.
      const { bytes, shards } = await this.#thread.exchange(new Uint8Array(question));
      this.calls++;
      this.names = shards;
      const { nc, messageLimit } = this.#broker;
      for (const part of cut(bytes, messageLimit)) nc.publish(reply, part);
    } catch (error) {
      if (this.#broker.nc.isClosed()) return;
      this.#notice(`a question about a shard was not answered: ${(error as Error).message}`);
      if (!(error instanceof RemoteFailure) && ++this.#losses >= MOST_LOSSES) this.#giveUp();
    }
  }

  #forget(message: Msg): void {
    try {
      const told = fields(decode(message.data), "what to forget");
      const fit = identifier(told.fit, "fit");
      const problem = told.problem === undefined ? {} : { problem: count(told.problem, "problem") };
      this.#thread.forget({ fit, ...problem });
      const prefix = "problem" in problem ? `${fit}/${problem.problem}/` : `${fit}/`;
      this.names = this.names.filter((name) => !name.startsWith(prefix));
    } catch (error) {
      this.#notice((error as Error).message);
    }
  }
}
