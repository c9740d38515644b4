/** What machines say to each other: subjects, and messages checked before they are believed. */
import { FormatError } from "../base/errors.js";
import { VERSION } from "../base/version.js";
import { decode, encode, type Wire } from "./codec.js";
import type { DataIdentity } from "./identity.js";

/** Number of this protocol; another one is refused. */
export const PROTOCOL = 1;

export const SUBJECTS = {
  /** "Who is there?", answered by every member. */
  who: "leapflow.who",
  /** Stop working on a sweep. */
  cancel: "leapflow.cancel",
  ping: (member: string) => `leapflow.member.${member}.ping`,
  /** Asked to run passes on a shard. */
  call: (member: string) => `leapflow.member.${member}.call`,
  /** Told that a fit, or one of its problems, has ended. */
  forget: (member: string) => `leapflow.member.${member}.forget`,
  /** Told why a fit does not take this member. */
  refuse: (member: string) => `leapflow.member.${member}.refuse`,
  /** Answered by the coordinator of a fit as long as it lives. */
  owner: (fit: string) => `leapflow.fit.${fit}.owner`,
  jobs: (data: string, sweep: string) => `leapflow.jobs.${data}.${sweep}`,
} as const;

/** Stands for the checksum in the subject of jobs that need no data. */
export const NO_DATA = "any";

/** How a member introduces itself. */
export interface Introduction {
  readonly member: string;
  readonly protocol: number;
  readonly version: string;
  readonly data: DataIdentity;
  /** Shards it holds, as "fit/shard". */
  readonly shards: readonly string[];
  /** Job it is running, if any. */
  readonly job: string | null;
  readonly jobsDone: number;
  readonly calls: number;
  readonly upMs: number;
}

export const introduce = (about: Omit<Introduction, "protocol" | "version">): Uint8Array =>
  encode({ ...about, protocol: PROTOCOL, version: VERSION } as unknown as Wire);

/** @throws {FormatError} `MESSAGE` */
export function readIntroduction(bytes: Uint8Array): Introduction {
  const message = fields(decode(bytes), "an introduction");
  const data = fields(message.data, "an introduction");
  const columns = list(data.columns, "data.columns").map((name) => text(name, "data.columns"));
  return {
    member: identifier(message.member, "member"),
    protocol: count(message.protocol, "protocol"),
    version: text(message.version, "version"),
    data: { rows: count(data.rows, "data.rows"), columns, checksum: identifier(data.checksum, "data.checksum") },
    shards: list(message.shards, "shards").map((shard) => text(shard, "shards")),
    job: message.job === null ? null : text(message.job, "job"),
    jobsDone: count(message.jobsDone, "jobsDone"),
    calls: count(message.calls, "calls"),
    upMs: count(message.upMs, "upMs"),
  };
}

// ------------------------------------------------------------------ checks

export type Fields = Readonly<Record<string, Wire>>;

export function fields(value: Wire, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value))
    return value as Fields;
  throw wrong(what, "an object");
}
export function text(value: Wire, name: string): string {
  if (typeof value === "string") return value;
  throw wrong(name, "text");
}
/** Part of a subject or key: letters, digits, - and _ only. */
export function identifier(value: Wire, name: string): string {
  if (typeof value === "string" && /^[\w-]{1,100}$/.test(value)) return value;
  throw wrong(name, "a short name");
}
export function count(value: Wire, name: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong(name, "a count");
}
export function list(value: Wire, name: string): readonly Wire[] {
  if (Array.isArray(value)) return value;
  throw wrong(name, "a list");
}

const wrong = (name: string, wanted: string): FormatError =>
  new FormatError("MESSAGE", `a message of the cluster has no proper ${name}; expected ${wanted}.`, {
    details: { field: name },
  });
