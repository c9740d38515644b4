/** A member: introduces itself, holds shards of its own rows, works on the queue. */
import { checkOptions, checkSignal } from "../base/assert.js";
import { ComputeThread } from "./compute.js";
import { type Broker, openBroker } from "./connection.js";
import { type DataIdentity, identityOf } from "./identity.js";
import { JobLoop } from "./jobLoop.js";
import { introduce, NO_DATA, SUBJECTS } from "./protocol.js";
import { type ClusterData, type RowData, shareRows } from "./rowData.js";
import { ShardDesk } from "./shardDesk.js";

export interface MemberOptions {
  /** Ends the member. */
  readonly signal?: AbortSignal;
  /** Told what an operator should know, one line at a time. */
  readonly onNotice?: (text: string) => void;
}

/** A member that has joined. */
export interface Member {
  readonly name: string;
  readonly data: DataIdentity;
  /** Leaves: a job at work goes back to the queue, shards go to other members. */
  stop(): Promise<void>;
  /** Resolves once it has left. */
  readonly ended: Promise<void>;
}

/**
 * Serves shards of fits and jobs of sweeps on these rows until it is stopped, without rows only jobs that need none: studies.
 * Computes in threads of its own; takes neither paths nor code from messages. Comes back by itself when the broker was away.
 *
 * @param url - of the broker, `nats://host:port`
 * @param data - the rows that it holds, `await (await openTable(file)).read({ target })`
 * @throws {ClusterError} `CLUSTER_UNREACHABLE`; {InputError} `TYPE`, `SHAPE`; {LeapflowError} `UNAVAILABLE`
 */
export async function serveMember(url: string, data?: ClusterData, options?: MemberOptions): Promise<Member> {
  const given = checkOptions(options, ["signal", "onNotice"], "serveMember") as MemberOptions;
  const signal = given.signal === undefined ? undefined : checkSignal(given.signal);
  signal?.throwIfAborted();
  const rows = data === undefined ? undefined : await shareRows(data);
  const identity = rows === undefined ? NO_ROWS : await identityOf(rows);
  const name = memberName();
  const broker = await openBroker(url, `leapflow member ${name}`);
  const member = new JoinedMember(name, identity, broker, rows, given.onNotice ?? (() => undefined));
  signal?.addEventListener("abort", () => void member.stop(), { once: true });
  await broker.nc.flush();
  return member;
}

const NO_ROWS: DataIdentity = { rows: 0, columns: [], checksum: NO_DATA };

class JoinedMember implements Member {
  readonly name: string;
  readonly data: DataIdentity;
  readonly ended: Promise<void>;
  readonly #broker: Broker;
  readonly #jobs: JobLoop;
  readonly #jobThread: ComputeThread;
  readonly #shards: ShardDesk;
  readonly #started = performance.now();
  #leaving: Promise<void> | undefined;
  #left: () => void = () => undefined;

  constructor(
    name: string,
    data: DataIdentity,
    broker: Broker,
    rows: RowData | undefined,
    notice: (text: string) => void,
  ) {
    this.name = name;
    this.data = data;
    this.#broker = broker;
    this.#jobThread = new ComputeThread(rows);
    this.#jobs = new JobLoop(broker, this.#jobThread, notice);
    this.#shards = new ShardDesk(broker, name, rows, notice, () => void this.stop());
    this.ended = new Promise((resolve) => {
      this.#left = resolve;
    });
    const { nc } = broker;
    nc.subscribe(SUBJECTS.who, { callback: (_, message) => void message.respond(this.#introduction()) });
    nc.subscribe(SUBJECTS.ping(name), { callback: (_, message) => void message.respond() });
    nc.subscribe(SUBJECTS.refuse(name), { callback: (_, message) => notice(`refused: ${message.string()}`) });
    void this.#jobs.run(data.checksum);
  }

  stop(): Promise<void> {
    this.#leaving ??= (async () => {
      this.#jobs.stop();
      // A moment for the job's return to the queue to go out; if it does not, the queue finds out by itself.
      await Promise.race([this.#broker.nc.flush().catch(() => undefined), new Promise((r) => setTimeout(r, 300))]);
      await Promise.all([this.#jobThread.close(), this.#shards.close()]);
      await this.#broker.close();
      this.#left();
    })();
    return this.#leaving;
  }

  #introduction(): Uint8Array {
    return introduce({
      member: this.name,
      data: this.data,
      shards: this.#shards.names,
      job: this.#jobs.job,
      jobsDone: this.#jobs.done,
      calls: this.#shards.calls,
      upMs: Math.round(performance.now() - this.#started),
    });
  }
}

/** Host, process and a little chance, in letters that subjects allow. */
function memberName(): string {
  const host = process
    .getBuiltinModule("node:os")
    .hostname()
    .replace(/[^\w-]/g, "_")
    .slice(0, 40);
  const [chance] = crypto.getRandomValues(new Uint32Array(1));
  return `${host}-${process.pid}-${chance.toString(36)}`;
}
