/** A fit whose rows are worked on by the members of a cluster. */
import { checkInteger, checkObject, checkOptions } from "../base/assert.js";
import { ClusterError, OptionError } from "../base/errors.js";
import { VERSION } from "../base/version.js";
import { type Fit, type FitOptions, type FitStep, fitMultiIndex } from "../index.js";
import { openBroker } from "./connection.js";
import { identityOf } from "./identity.js";
import { Journal } from "./journal.js";
import { type ClusterData, shareRows } from "./rowData.js";
import { Session } from "./session.js";
import { checkLimit, ShardCrew } from "./shardCrew.js";

/** How a fit deals with its cluster. */
export interface ClusterOptions {
  /** Equal runs of rows that the data are cut into; by default their number depends on the rows alone. */
  readonly shards?: number;
  /**
   * Name of the fit: two of one name cannot run at once, and one that was interrupted goes on where it was when it is started
   * again with the same name, data and options. Drawn when not given.
   */
  readonly name?: string;
  /** How long broker or members may be away, default 30 s. */
  readonly graceMs?: number;
  /** Told of members that come, go or are refused, one line at a time. */
  readonly onNotice?: (text: string) => void;
}

/** A fit's hold on a cluster: to be closed when the fit has ended. */
export interface ClusterCrew {
  /** For `fitMultiIndex`: these options with these very X and y. */
  readonly options: FitOptions;
  readonly data: ClusterData;
  /** Members that took part so far, shards, and rounds of questions asked. */
  readonly figures: { readonly members: number; readonly shards: number; readonly rounds: number };
  /** @param isDone - the fit came to its end, so there is nothing to go on with */
  close(isDone: boolean): Promise<void>;
}

const CLUSTER_KEYS = ["shards", "name", "graceMs", "onNotice"] as const;
const DEFAULT_GRACE_MS = 30_000;

/**
 * `fitMultiIndex` with the work on the rows done by members: the same bits as with `shards` in one process, whoever the members
 * are, whichever of them are lost, and if the broker restarts within the grace time.
 *
 * @param url - of the broker, `nats://host:port`
 * @param data - the rows; members must hold the same
 * @param options - of `fitMultiIndex`, and `ClusterOptions`
 * @throws as `fitMultiIndex`; {ClusterError} `CLUSTER_UNREACHABLE`, `SHARD_LOST` (no member for the grace time), `NAME_TAKEN`; its
 * `details.model` is the last model there was
 */
export async function fitOnCluster(
  url: string,
  data: ClusterData,
  options: FitOptions & ClusterOptions = {},
): Promise<Fit> {
  checkObject(options, "rank", "fitOnCluster");
  const { name, graceMs, onNotice, ...fitOptions } = options;
  const given = Object.fromEntries(Object.entries({ name, graceMs, onNotice }).filter(([, v]) => v !== undefined));
  const cluster = await joinCluster(url, data, fitOptions, given);
  let isDone = false;
  let last: FitStep | undefined;
  try {
    const { X, y } = cluster.data;
    const steps = fitMultiIndex.steps(X, y, cluster.options);
    for (;;) {
      const { done, value } = await steps.next();
      if (done) {
        isDone = true;
        return value;
      }
      last = value;
    }
  } catch (error) {
    if (!(error instanceof ClusterError) || !last) throw error;
    // What was reached is worth keeping.
    const { iteration, loss } = last;
    const details = { ...error.details, iteration, loss, model: last.model() };
    throw new ClusterError(error.code, error.message, { cause: error, details });
  } finally {
    await cluster.close(isDone);
  }
}

/**
 * Takes a name and members for a fit with these options.
 * @throws as `fitOnCluster`
 */
export async function joinCluster(
  url: string,
  data: ClusterData,
  fitOptions: FitOptions,
  options?: ClusterOptions,
): Promise<ClusterCrew> {
  checkObject(fitOptions, "rank", "joinCluster");
  const { shards } = fitOptions;
  const given = checkOptions(options, CLUSTER_KEYS, "fitOnCluster") as ClusterOptions;
  const name = given.name === undefined ? `fit-${crypto.randomUUID()}` : checkName(given.name);
  const graceMs = given.graceMs === undefined ? DEFAULT_GRACE_MS : checkInteger(given.graceMs, "graceMs", { min: 0 });
  if (shards !== undefined) checkInteger(shards, "shards", { min: 1 });
  if (fitOptions.weights !== undefined && !ArrayBuffer.isView(fitOptions.weights)) {
    throw new OptionError("TYPE", "weights of a fit on a cluster must be a typed array.", {
      details: { option: "weights" },
    });
  }
  const rows = await shareRows(data);
  const identity = await identityOf(rows);
  // A fit that goes on must draw what it drew before.
  const seed = fitOptions.seed ?? Number.parseInt(digest(name).slice(0, 8), 16);
  const broker = await openBroker(url, `leapflow fit ${name}`);
  let session: Session | undefined;
  try {
    checkLimit(broker.messageLimit);
    const journal = await Journal.open(broker, name, contentOf(identity.checksum, { ...fitOptions, seed }));
    if (journal.length > 0) given.onNotice?.(`${name} goes on after ${journal.length} rounds of an earlier run`);
    session = new Session(broker, identity, { graceMs, onNotice: given.onNotice ?? (() => undefined) });
    const open = session;
    const run = `${name}-${crypto.randomUUID().slice(0, 8)}`;
    const crew = new ShardCrew(open, journal, rows, run, shards);
    const close = async (isDone: boolean): Promise<void> => {
      crew.close();
      open.close();
      await Promise.race([journal.close(isDone), new Promise((resolve) => setTimeout(resolve, 3000).unref())]);
      await broker.close();
    };
    try {
      await open.gather();
    } catch (error) {
      await close(false);
      throw error;
    }
    const { y, ...X } = rows;
    return {
      options: { ...fitOptions, seed, crew },
      data: { X, y },
      get figures() {
        return { members: open.served, shards: crew.parts, rounds: crew.rounds };
      },
      close,
    };
  } catch (error) {
    session?.close();
    await broker.close();
    throw error;
  }
}

function checkName(name: unknown): string {
  if (typeof name === "string" && /^[\w-]{1,60}$/.test(name)) return name;
  throw new OptionError("RANGE", `name is ${JSON.stringify(name)}; expected up to 60 letters, digits, - and _.`, {
    details: { option: "name" },
  });
}

/** What the answers to a fit's passes depend on, in few letters. */
function contentOf(checksum: string, options: FitOptions): string {
  const { signal, onProgress, crew, threads, deadlineMs, ...rest } = options;
  const plain = JSON.stringify(
    [VERSION, checksum, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))],
    (_, value) => (ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value),
  );
  return digest(plain);
}

const digest = (text: string): string =>
  process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex");
