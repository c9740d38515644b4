/** What a coordinator asks of a member about one shard, and what it answers; checked before it is believed. */
import { FormatError } from "../base/errors.js";
import type { Opening, PassAnswer, PassCall, PassName } from "../index.js";
import { decode, encode, type Wire } from "./codec.js";
import type { ThreadFailure } from "./failure.js";
import { count, type Fields, fields, identifier, list, text } from "./protocol.js";

/** Names a shard of a problem of a fit. */
export interface ShardKey {
  readonly fit: string;
  readonly problem: number;
  readonly shard: number;
}

/**
 * Some passes on a shard, answered with the sums or results of the last one. They go on from the state after exchange
 * `after`; with an opening, from nothing.
 */
export interface Exchange extends ShardKey {
  readonly seq: number;
  readonly after: number;
  readonly calls: readonly PassCall[];
  readonly opening?: Opening;
}

/** The answer, or that the state it goes on from is not here, or what went wrong. */
export type ShardReply = ShardKey & { readonly seq: number } & (
    | { readonly answer: PassAnswer }
    | { readonly stateless: true }
    | { readonly error: ThreadFailure }
  );

/** Problems whose memory would be out of all proportion are not even opened. */
const MOST_FEATURES = 1 << 16;

export const encodeExchange = (exchange: Exchange): Uint8Array => encode(exchange as unknown as Wire);
export const encodeReply = (reply: ShardReply): Uint8Array => encode(reply as unknown as Wire);

/** @throws {FormatError} `MESSAGE` */
export function decodeExchange(bytes: Uint8Array): Exchange {
  const message = fields(decode(bytes), "an exchange");
  const calls = list(message.calls, "calls").map((entry) => {
    const call = fields(entry, "a call");
    return { name: text(call.name, "name") as PassName, args: list(call.args, "args") };
  });
  return {
    ...keyOf(message),
    seq: count(message.seq, "seq"),
    after: count(message.after, "after"),
    calls,
    ...(message.opening === undefined ? {} : { opening: openingOf(fields(message.opening, "an opening")) }),
  };
}

/** @throws {FormatError} `MESSAGE` */
export function decodeReply(bytes: Uint8Array): ShardReply {
  const message = fields(decode(bytes), "a reply");
  const about = { ...keyOf(message), seq: count(message.seq, "seq") };
  if (message.stateless === true) return { ...about, stateless: true };
  if (message.error !== undefined) {
    const { name, code, message: words } = fields(message.error, "error");
    return { ...about, error: { name: text(name, "name"), code: text(code, "code"), message: text(words, "message") } };
  }
  return { ...about, answer: answerOf(message.answer) };
}

/** @throws {FormatError} `MESSAGE` */
export function answerOf(value: Wire): PassAnswer {
  const answer = fields(value, "an answer");
  const nodes = list(answer.nodes, "nodes").map((entry) => {
    const { part, level, values } = fields(entry, "a node");
    return { part: count(part, "part"), level: count(level, "level"), values: doubles(values, "values") };
  });
  return { nodes, results: answer.results === undefined ? undefined : doubles(answer.results, "results") };
}

const keyOf = (message: Fields): ShardKey => ({
  fit: identifier(message.fit, "fit"),
  problem: count(message.problem, "problem"),
  shard: count(message.shard, "shard"),
});

function openingOf(message: Fields): Opening {
  const given = fields(message.shape, "shape");
  const shape = {
    samples: count(given.samples, "samples"),
    columns: count(given.columns, "columns"),
    rank: count(given.rank, "rank"),
    degree: count(given.degree, "degree"),
    featureCount: count(given.featureCount, "featureCount"),
    derivativeCount: count(given.derivativeCount, "derivativeCount"),
    ...(given.complement === undefined ? {} : { complement: count(given.complement, "complement") }),
  };
  const { table, starts, kernel } = message;
  const [first, last] = [count(message.first, "first"), count(message.last, "last")];
  const isSound =
    shape.rank + (shape.complement ?? 0) <= shape.columns &&
    shape.featureCount >= 1 &&
    shape.featureCount <= MOST_FEATURES &&
    shape.derivativeCount <= shape.featureCount &&
    table instanceof Int32Array &&
    starts instanceof Int32Array &&
    first < last &&
    last < starts.length &&
    starts.every((start, k) => start >= 0 && (k === 0 || start > starts[k - 1])) &&
    (kernel === "auto" || kernel === "wasm" || kernel === "reference");
  if (!isSound) throw new FormatError("MESSAGE", "a message of the cluster opens a problem that cannot be.");
  return { shape, table, starts, kernel, hold: message.hold === true, first, last };
}

function doubles(value: Wire, name: string): Float64Array {
  if (value instanceof Float64Array) return value;
  throw new FormatError("MESSAGE", `a message of the cluster has no proper ${name}; expected doubles.`);
}

/** Whether arguments have the sizes that a pass on `rows` rows of this shape reads; others must not come near memory. */
export function checkCall({ name, args }: PassCall, { shape }: Opening, rows: number): void {
  const { columns: d, rank: r, featureCount: p, derivativeCount, complement = 0 } = shape;
  const q = p + complement * r;
  const floats = (at: number, length: number): boolean =>
    args[at] instanceof Float64Array && args[at].length === length;
  const none = (at: number): boolean => args[at] === undefined;
  const checks: Record<PassName, () => boolean> = {
    setTarget: () => floats(0, rows) && (none(1) || floats(1, rows)),
    standardize: () => {
      const { center, inverseScale } = (args[0] ?? {}) as { center?: unknown; inverseScale?: unknown };
      return [center, inverseScale].every((one) => one instanceof Float64Array && one.length === d);
    },
    acceptTrial: () => args.length === 0,
    quantity: () => ["projections", "directionProjections", "linkGradients", "residuals"].includes(args[0] as string),
    project: () => floats(0, d * r),
    place: () => floats(0, d * r),
    combine: () => typeof args[0] === "number" && floats(1, r * r),
    direct: () => args.length === 0,
    kept: () => args[0] instanceof Uint8Array && args[0].length === rows && typeof args[1] === "boolean",
    residuals: () => floats(0, p) && floats(1, derivativeCount * r) && typeof args[2] === "boolean",
    residualProduct: () => args.length === 0,
    direction: () => floats(0, d * r),
    motion: () => floats(0, d * r),
    projectedMotion: () => floats(0, p),
    columnLargest: () => args.length === 0,
    columnSums: () => args[0] === 1 || args[0] === 2,
    secondMoment: () => {
      const subset = args[1];
      if (subset === undefined) return none(0) || floats(0, rows);
      return (
        subset instanceof Int32Array &&
        subset.every((row) => row >= 0 && row < rows) &&
        (none(0) || floats(0, subset.length))
      );
    },
    weightedSum: () => floats(0, rows),
    tangentGram: () => floats(0, d * complement),
    leverages: () => none(0) || floats(0, (q * (q + 1)) / 2),
    sandwich: () => floats(0, rows),
  };
  if (Object.hasOwn(checks, name) && checks[name]()) return;
  throw new FormatError(
    "MESSAGE",
    `a message of the cluster asks for a pass "${name}" with arguments that it has not.`,
  );
}
