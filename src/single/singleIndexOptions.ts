/** Options of a single-index fit, checked once into a filled record. */
import {
  checkChoice,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  describe,
} from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { checkSeed, drawSeed } from "../base/rng.js";
import type { KernelChoice, VectorLike } from "../base/types.js";
import { type Channel, type ChannelLike, parseChannel } from "./channel.js";
import { type Loss, type LossLike, parseLoss } from "./losses.js";
import type { PreprocessLike } from "./preprocess.js";

/** How far a single-index fit has come; a copy for the caller. */
export interface SingleIndexProgress {
  readonly phase: "descent";
  readonly iteration: number;
  /** Mean loss over the rows. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly stepSize: number;
  readonly elapsedMs: number;
}

export type SingleIndexStart = "spectral" | "linear" | "zero";

/** Options of `fitSingleIndex`. */
export interface SingleIndexOptions {
  /** How y comes from ⟨x, θ⟩: a name, a function, or `{ link, noiseStd }`. */
  readonly channel: ChannelLike;
  /** Default: `rational(1)` for links of |z|, otherwise the squared loss of the link, `logistic` for labels. */
  readonly loss?: LossLike;
  /** Default `"spectral"` for even links, otherwise `"linear"`; or θ⁰, d numbers. */
  readonly start?: SingleIndexStart | VectorLike;
  /** T of the spectral start; default `opt(20)` without noise, `optimal(10)` with. */
  readonly preprocess?: PreprocessLike;
  /** κ of the spectral start (its norm) or the scale of the linear one, in [SI §a]; estimated by default. */
  readonly startScale?: number;
  /** λ of [SI §a], ≥ 0; default 0. */
  readonly ridge?: number;
  /** η of [SI §a]; default `"auto"`, 1.7 over the top eigenvalue of the Hessian. */
  readonly stepSize?: number | "auto";
  readonly maxIterations?: number;
  /** Stops when ‖η∇F‖ ≤ tolerance·‖θ‖; default 1e-8. */
  readonly tolerance?: number;
  readonly deadlineMs?: number;
  readonly seed?: number;
  readonly kernel?: KernelChoice;
  readonly threads?: number | "auto";
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SingleIndexProgress) => void;
  /** The true θ, if known: `history.overlap` is recorded against it. */
  readonly truth?: VectorLike;
}

/** The same with everything decided that does not need the data. */
export interface FilledSingleIndexOptions {
  readonly channel: Channel;
  /** As given, to be parsed again at another noise level. */
  readonly channelLike: ChannelLike;
  readonly loss: Loss | undefined;
  readonly start: SingleIndexStart | VectorLike;
  readonly preprocess: PreprocessLike | undefined;
  readonly startScale: number | undefined;
  readonly ridge: number;
  readonly stepSize: number | "auto";
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly deadlineMs: number | undefined;
  readonly seed: number;
  readonly kernel: KernelChoice;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: SingleIndexProgress) => void) | undefined;
  readonly truth: VectorLike | undefined;
}

const NAMES: readonly (keyof SingleIndexOptions)[] = [
  "channel",
  "loss",
  "start",
  "preprocess",
  "startScale",
  "ridge",
  "stepSize",
  "maxIterations",
  "tolerance",
  "deadlineMs",
  "seed",
  "kernel",
  "threads",
  "signal",
  "onProgress",
  "truth",
];
const STARTS: readonly SingleIndexStart[] = ["spectral", "linear", "zero"];
const DEFAULT_ITERATIONS = 2000;
const DEFAULT_TOLERANCE = 1e-8;

/** @throws {OptionError} `UNKNOWN` with the nearest name, `TYPE`, `RANGE` */
export function fillSingleIndexOptions(options: unknown): FilledSingleIndexOptions {
  const given = checkOptions(options, NAMES, "fitSingleIndex") as {
    readonly [K in keyof SingleIndexOptions]?: unknown;
  };
  const optional = <T>(value: unknown, check: (value: unknown) => T): T | undefined =>
    value === undefined ? undefined : check(value);
  if (given.threads !== undefined && given.threads !== "auto")
    checkInteger(given.threads, "threads", { min: 1, or: '"auto"' });
  const channel = parseChannel(given.channel);
  return {
    channel,
    channelLike: given.channel as ChannelLike,
    loss: optional(given.loss, (v) => parseLoss(v)),
    start: optional(given.start, checkStart) ?? (channel.even ? "spectral" : "linear"),
    preprocess: given.preprocess as PreprocessLike | undefined,
    startScale: optional(given.startScale, (v) => checkNumber(v, "startScale", { above: 0 })),
    ridge: optional(given.ridge, (v) => checkNumber(v, "ridge", { min: 0 })) ?? 0,
    stepSize:
      optional(given.stepSize, (v) =>
        v === "auto" ? "auto" : checkNumber(v, "stepSize", { above: 0, or: '"auto"' }),
      ) ?? "auto",
    maxIterations:
      optional(given.maxIterations, (v) => checkInteger(v, "maxIterations", { min: 0 })) ?? DEFAULT_ITERATIONS,
    tolerance: optional(given.tolerance, (v) => checkNumber(v, "tolerance", { min: 0 })) ?? DEFAULT_TOLERANCE,
    deadlineMs: optional(given.deadlineMs, (v) => checkNumber(v, "deadlineMs", { min: 0 })),
    seed: optional(given.seed, readSeed) ?? drawSeed(),
    kernel: optional(given.kernel, (v) => checkChoice(v, "kernel", ["auto", "wasm", "reference"])) ?? "auto",
    signal: optional(given.signal, (v) => checkSignal(v)),
    onProgress: optional(
      given.onProgress,
      (v) => checkFunction(v, "onProgress") as (progress: SingleIndexProgress) => void,
    ),
    truth: given.truth as VectorLike | undefined,
  };
}

function readSeed(value: unknown): number {
  checkSeed(value);
  return value;
}

function checkStart(value: unknown): SingleIndexStart | VectorLike {
  if (typeof value === "string") return checkChoice(value, "start", STARTS, "θ as d numbers");
  if (typeof value === "object" && value !== null) return value as VectorLike;
  throw new OptionError("TYPE", `start is ${describe(value)}; expected a name or θ as d numbers.`, {
    details: { option: "start" },
  });
}
