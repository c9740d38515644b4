/** One fit's dealings with the members: who holds which shard, who answers, who is lost, slow or late. */
import { ClusterError, type LeapflowError } from "../base/errors.js";
import { type Broker, unreachable } from "./connection.js";
import { decodeReply, type ShardReply } from "./exchange.js";
import type { DataIdentity } from "./identity.js";
import { cut, Parcels } from "./parcels.js";
import { SUBJECTS } from "./protocol.js";
import { refusalOf, rollCall } from "./roster.js";

export interface SessionOptions {
  /** Broker or members may be away for this long. */
  readonly graceMs: number;
  readonly onNotice: (text: string) => void;
}

/** A question about a shard that waits for its answer. */
interface Question {
  readonly shard: number;
  /** The exchange, whole for a member that holds nothing of it. */
  readonly bytes: (isFresh: boolean) => Uint8Array;
  readonly isAnswer: (reply: ShardReply) => boolean;
  readonly resolve: (reply: ShardReply) => void;
  readonly reject: (error: unknown) => void;
  member: string | undefined;
  askedAt: number;
  sentAt: number;
}

interface Standing {
  /** Pings in a row that were not answered. */
  missed: number;
  lost: boolean;
}

/** Questions are looked after this often. */
const TICK_MS = 100;
/** A question this old is a reason to ask its member for a sign of life. */
const DOUBT_MS = 300;
/** A question is put again after this time: it, or its answer, may have been lost. */
const AGAIN_MS = 2000;
const PING_MS = 1000;
/** Unanswered pings after which a member counts as lost. */
const MISSES = 5;
/** A shard moves away from a member that took this much longer than is usual, when another one is free. */
const SLOW = { leastMs: 3000, factor: 10 };
/** Members that come are looked for this often. */
const ROLL_CALL_EVERY_MS = 2000;

export class Session {
  readonly broker: Broker;
  readonly #inbox = `_INBOX.leapflow.${crypto.randomUUID()}`;
  readonly #data: DataIdentity;
  readonly #options: SessionOptions;
  readonly #parcels = new Parcels();
  readonly #members = new Map<string, Standing>();
  readonly #refused = new Set<string>();
  /** Which member holds a shard. */
  readonly #holder = new Map<number, string>();
  readonly #questions = new Set<Question>();
  /** Members that gave an answer. */
  readonly #served = new Set<string>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isLooking = false;
  #emptySince: number | undefined;
  #lastRollCall = Number.NEGATIVE_INFINITY;
  #usualMs = 0;
  #returns: number;
  #failure: LeapflowError | undefined;

  constructor(broker: Broker, data: DataIdentity, options: SessionOptions) {
    this.broker = broker;
    this.#data = data;
    this.#options = options;
    this.#returns = broker.returns;
    broker.nc.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!error) this.#receive(message.data);
      },
    });
    this.#timer = setInterval(() => void this.#look(), TICK_MS);
  }

  /** Members that have answered questions. */
  get served(): number {
    return this.#served.size;
  }

  /** Waits until a member is there. @throws {ClusterError} `SHARD_LOST` after the grace time */
  async gather(): Promise<void> {
    while (this.#present().length === 0) {
      if (this.#failure) throw this.#failure;
      await this.#callRoll();
      if (this.#present().length > 0) return;
      this.#checkEmpty();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  /**
   * Asks the holder of a shard until an answer comes, from whoever holds it then.
   * @throws {ClusterError} `SHARD_LOST`, `CLUSTER_UNREACHABLE`
   */
  ask(
    shard: number,
    bytes: (isFresh: boolean) => Uint8Array,
    isAnswer: (reply: ShardReply) => boolean,
  ): Promise<ShardReply> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const now = performance.now();
      const question: Question = {
        shard,
        bytes,
        isAnswer,
        resolve,
        reject,
        member: undefined,
        askedAt: now,
        sentAt: now,
      };
      this.#questions.add(question);
      this.#send(question, false);
    });
  }

  /** Tells all members something that needs no answer. */
  tell(subject: (member: string) => string, bytes: Uint8Array): void {
    for (const member of this.#members.keys()) this.broker.nc.publish(subject(member), bytes);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the session: every question, now and later, fails. */
  fail(error: LeapflowError): void {
    this.#failure ??= error;
    for (const { reject } of this.#questions) reject(this.#failure);
    this.#questions.clear();
  }

  #present(): string[] {
    return [...this.#members].filter(([, { lost }]) => !lost).map(([name]) => name);
  }

  #receive(payload: Uint8Array): void {
    let reply: ShardReply;
    try {
      const bytes = this.#parcels.take(payload);
      if (!bytes) return;
      reply = decodeReply(bytes);
    } catch (error) {
      this.#options.onNotice((error as Error).message);
      return;
    }
    // An answer to nothing that is being asked is late, or a double.
    const question = [...this.#questions].find((one) => one.shard === reply.shard && one.isAnswer(reply));
    if (!question) return;
    if (question.member !== undefined) this.#served.add(question.member);
    if ("stateless" in reply) {
      this.#send(question, true);
      return;
    }
    this.#questions.delete(question);
    this.#usualMs += (performance.now() - question.askedAt - this.#usualMs) / 20;
    question.resolve(reply);
  }

  /** @param isFresh - the member may know nothing of the shard */
  #send(question: Question, isFresh: boolean): void {
    const holder = this.#holderOf(question.shard);
    question.sentAt = performance.now();
    if (holder === undefined || this.broker.offlineMs > 0) {
      question.member = undefined;
      return;
    }
    const { nc, messageLimit } = this.broker;
    const bytes = question.bytes(isFresh || (question.member !== undefined && question.member !== holder));
    question.member = holder;
    for (const part of cut(bytes, messageLimit)) nc.publish(SUBJECTS.call(holder), part, { reply: this.#inbox });
  }

  /** The member that holds a shard; one with the fewest shards takes it over when nobody does. */
  #holderOf(shard: number): string | undefined {
    const holder = this.#holder.get(shard);
    if (holder !== undefined && this.#members.get(holder)?.lost === false) return holder;
    const [lightest] = this.#byLoad();
    if (lightest !== undefined) this.#holder.set(shard, lightest);
    return lightest;
  }

  #byLoad(): string[] {
    const load = new Map(this.#present().map((name) => [name, 0]));
    for (const name of this.#holder.values()) {
      const shards = load.get(name);
      if (shards !== undefined) load.set(name, shards + 1);
    }
    return [...load].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([name]) => name);
  }

  // ------------------------------------------------------------------ looking after

  async #look(): Promise<void> {
    if (this.#isLooking || this.#failure) return;
    this.#isLooking = true;
    try {
      const { broker } = this;
      if (broker.offlineMs > this.#options.graceMs) {
        this.fail(unreachable(broker.url, `it has been away for ${Math.round(broker.offlineMs)} ms`));
        return;
      }
      if (broker.offlineMs > 0) return;
      const now = performance.now();
      const isBack = broker.returns !== this.#returns;
      this.#returns = broker.returns;
      if (isBack || now - this.#lastRollCall > ROLL_CALL_EVERY_MS) {
        await this.#callRoll();
        this.#balance();
        // What was under way when the broker went is gone.
        if (isBack) for (const question of this.#questions) this.#send(question, false);
      }
      this.#checkEmpty();
      await this.#checkQuestions();
    } catch (error) {
      if (this.#failure === undefined && this.broker.offlineMs === 0 && error instanceof ClusterError) this.fail(error);
    } finally {
      this.#isLooking = false;
    }
  }

  async #checkQuestions(): Promise<void> {
    const doubtful = new Set<string>();
    for (const question of this.#questions) {
      const { member, sentAt } = question;
      if (member === undefined || this.#members.get(member)?.lost !== false) this.#send(question, true);
      else if (performance.now() - sentAt > DOUBT_MS) doubtful.add(member);
    }
    await Promise.all([...doubtful].map((member) => this.#ping(member)));
    for (const question of this.#questions) {
      const { member, sentAt, askedAt, shard } = question;
      const now = performance.now();
      if (member !== undefined && this.#members.get(member)?.lost !== false) this.#send(question, true);
      else if (now - askedAt > SLOW.leastMs + SLOW.factor * this.#usualMs && this.#moveFrom(shard, member))
        this.#send(question, true);
      else if (now - sentAt > AGAIN_MS) this.#send(question, false);
    }
  }

  /** Gives a shard to a member that nobody waits for. @returns false when there is none */
  #moveFrom(shard: number, slow: string | undefined): boolean {
    const busy = new Set([...this.#questions].map(({ member }) => member));
    const free = this.#byLoad().find((name) => name !== slow && !busy.has(name));
    if (free === undefined) return false;
    this.#options.onNotice(`shard ${shard} moves from ${slow}, which is slow, to ${free}`);
    this.#holder.set(shard, free);
    return true;
  }

  async #ping(member: string): Promise<void> {
    const standing = this.#members.get(member);
    if (!standing || standing.lost) return;
    try {
      await this.broker.nc.request(SUBJECTS.ping(member), undefined, { timeout: PING_MS });
      standing.missed = 0;
    } catch (error) {
      if (this.broker.offlineMs > 0) return;
      standing.missed += isNobodyThere(error) ? MISSES : 1;
      if (standing.missed < MISSES) return;
      standing.lost = true;
      this.#options.onNotice(`member ${member} is lost; others take over its shards`);
    }
  }

  async #callRoll(): Promise<void> {
    if (this.broker.offlineMs > 0) return;
    const present = await rollCall(this.broker);
    this.#lastRollCall = performance.now();
    for (const one of present) {
      const why = refusalOf(one, this.#data);
      if (why === undefined) {
        const standing = this.#members.get(one.member);
        if (!standing) this.#members.set(one.member, { missed: 0, lost: false });
        else standing.lost = false;
      } else if (!this.#refused.has(one.member)) {
        this.#refused.add(one.member);
        this.#options.onNotice(`member ${one.member} is refused: ${why}`);
        this.broker.nc.publish(SUBJECTS.refuse(one.member), why);
      }
    }
    if (this.#present().length > 0) this.#emptySince = undefined;
  }

  /** A member that came gets shards from those with most. */
  #balance(): void {
    for (;;) {
      const order = this.#byLoad();
      if (order.length < 2) return;
      const [least, most] = [order[0], order[order.length - 1]];
      const shardsOf = (name: string): number[] =>
        [...this.#holder].filter(([, one]) => one === name).map(([shard]) => shard);
      const [few, many] = [shardsOf(least), shardsOf(most)];
      const idle = many.find((shard) => ![...this.#questions].some((question) => question.shard === shard));
      if (many.length - few.length < 2 || idle === undefined) return;
      this.#holder.set(idle, least);
    }
  }

  /** @throws {ClusterError} `SHARD_LOST` once nobody was there for the grace time */
  #checkEmpty(): void {
    if (this.#present().length > 0) {
      this.#emptySince = undefined;
      return;
    }
    if (this.broker.offlineMs > 0) return;
    this.#emptySince ??= performance.now();
    const { graceMs } = this.#options;
    if (performance.now() - this.#emptySince < graceMs) return;
    const refused = this.#refused.size > 0 ? ` (${this.#refused.size} refused)` : "";
    throw new ClusterError(
      "SHARD_LOST",
      `SHARD_LOST: no member was there for ${graceMs} ms to hold the shards${refused}. Start members with leapflow member on the same data.`,
      { details: { graceMs, refused: [...this.#refused] } },
    );
  }
}

/** Whether the broker knows of nobody who listens. */
function isNobodyThere(error: unknown): boolean {
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { name?: string } };
  return /no ?responders/i.test(`${name} ${message} ${cause?.name}`);
}
