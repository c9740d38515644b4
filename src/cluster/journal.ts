/** Checkpoints of a fit: the answers to its passes so far, in a bucket of the broker, and the lock on its name. */
import type { KV } from "@nats-io/kv";
import { ClusterError } from "../base/errors.js";
import type { PassAnswer } from "../index.js";
import { decode, encode, type Wire } from "./codec.js";
import type { Broker } from "./connection.js";
import { answerOf } from "./exchange.js";
import { cut, Parcels } from "./parcels.js";
import { fields, list, SUBJECTS } from "./protocol.js";

const BUCKET = "leapflow-fits";
/** Answers are written together, this often at most. */
const WRITE_EVERY_MS = 500;
/** Answers with a number a row are computed again rather than kept; nothing after them is kept either. */
const LARGEST_ANSWER = 1 << 16;
const ALIVE_MS = 3000;

/**
 * A fit is a function of its data, its options and the answers to its passes, in their order. So the answers are all there is
 * to keep: a coordinator that starts again runs the same fit, takes what it finds here for answers as long as there are any,
 * and goes on by itself from there, bit for bit.
 */
export class Journal {
  readonly #broker: Broker;
  readonly #bucket: KV;
  readonly #name: string;
  readonly #recorded: PassAnswer[];
  #next = 0;
  #pending: PassAnswer[] = [];
  #entry: number;
  #isFrozen = false;
  #writing: Promise<void> = Promise.resolve();
  #lastWrite = performance.now();

  private constructor(broker: Broker, bucket: KV, name: string, recorded: PassAnswer[], entry: number) {
    this.#broker = broker;
    this.#bucket = bucket;
    this.#name = name;
    this.#recorded = recorded;
    this.#entry = entry;
  }

  /**
   * Takes the name of a fit, and what an earlier run of the same fit left.
   * @param content - what the answers depend on: data, options, version
   * @throws {ClusterError} `NAME_TAKEN` while another coordinator runs a fit of this name
   */
  static async open(broker: Broker, name: string, content: string): Promise<Journal> {
    const bucket = await broker.bucket(BUCKET);
    await takeName(broker, bucket, name);
    const known = await bucket.get(`${name}.content`);
    const recorded: PassAnswer[] = [];
    let entry = 0;
    if (known?.operation === "PUT" && known.string() === content) {
      for (; ; entry++) {
        const answers = await readEntry(bucket, name, entry);
        if (!answers) break;
        recorded.push(...answers);
      }
    } else {
      await clear(bucket, name);
      await bucket.put(`${name}.content`, content);
    }
    return new Journal(broker, bucket, name, recorded, entry);
  }

  /** Passes that an earlier run left answers to. */
  get length(): number {
    return this.#recorded.length;
  }

  /** The answer to the next pass, if it is known. Its arrays are the caller's. */
  recall(): PassAnswer | undefined {
    const answer = this.#recorded[this.#next];
    if (answer) this.#next++;
    return answer;
  }

  /** Keeps the answer to a pass that was not known. */
  record(answer: PassAnswer): void {
    const size = answer.nodes.reduce((sum, { values }) => sum + values.length, answer.results?.length ?? 0);
    if (size > LARGEST_ANSWER) this.#isFrozen = true;
    if (this.#isFrozen) return;
    // The tree takes the arrays of an answer over and adds to them.
    const nodes = answer.nodes.map((node) => ({ ...node, values: node.values.slice() }));
    this.#pending.push({ nodes, results: answer.results?.slice() });
    if (performance.now() - this.#lastWrite > WRITE_EVERY_MS) this.#write();
  }

  /** Gives the name up; a fit that is done leaves nothing behind. */
  async close(isDone: boolean): Promise<void> {
    if (!isDone) this.#write();
    await this.#writing;
    if (isDone) await clear(this.#bucket, this.#name).catch(() => undefined);
    await this.#bucket.purge(`${this.#name}.lock`).catch(() => undefined);
  }

  #write(): void {
    if (this.#pending.length === 0 || this.#broker.offlineMs > 0) return;
    this.#lastWrite = performance.now();
    const bytes = encode({ answers: this.#pending } as unknown as Wire);
    this.#pending = [];
    const entry = this.#entry++;
    this.#writing = this.#writing.then(async () => {
      try {
        const parts = cut(bytes, this.#broker.messageLimit);
        for (let k = 0; k < parts.length; k++) await this.#bucket.put(`${this.#name}.log.${entry}.${k}`, parts[k]);
      } catch {
        // A gap ends what can be used; what comes after it would not be read.
        this.#isFrozen = true;
      }
    });
  }
}

/**
 * The name belongs to whoever made its lock first; one whose owner does not answer any more can be taken over.
 * @throws {ClusterError} `NAME_TAKEN`
 */
async function takeName(broker: Broker, bucket: KV, name: string): Promise<void> {
  const { nc } = broker;
  const owner = crypto.randomUUID();
  const key = `${name}.lock`;
  const taken = (): ClusterError =>
    new ClusterError(
      "NAME_TAKEN",
      `a fit named "${name}" is running on this cluster. Choose another --name, or wait.`,
      {
        details: { name },
      },
    );
  const current = await bucket.get(key);
  if (current?.operation === "PUT") {
    const isAlive = await nc.request(SUBJECTS.owner(name), undefined, { timeout: ALIVE_MS }).then(
      () => true,
      // Whoever listens but is too busy to answer is alive.
      (error: Error) => !/no ?responders/i.test(`${error.name} ${error.message} ${(error.cause as Error)?.name}`),
    );
    if (isAlive) throw taken();
    await bucket.update(key, owner, current.revision).catch(() => {
      throw taken();
    });
  } else {
    await bucket.create(key, owner).catch(() => {
      throw taken();
    });
  }
  nc.subscribe(SUBJECTS.owner(name), { callback: (_, message) => void message.respond(owner) });
  await nc.flush();
}

async function readEntry(bucket: KV, name: string, entry: number): Promise<PassAnswer[] | undefined> {
  const parcels = new Parcels();
  for (let k = 0; ; k++) {
    const part = await bucket.get(`${name}.log.${entry}.${k}`);
    if (part?.operation !== "PUT") return undefined;
    const bytes = parcels.take(part.value);
    if (bytes) return list(fields(decode(bytes), "a checkpoint").answers, "answers").map(answerOf);
  }
}

async function clear(bucket: KV, name: string): Promise<void> {
  const keys: string[] = [];
  for await (const key of await bucket.keys(`${name}.log.>`)) keys.push(key);
  for (const key of keys) await bucket.purge(key);
  await bucket.purge(`${name}.content`);
}
