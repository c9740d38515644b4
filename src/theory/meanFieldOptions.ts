/** Options of the mean-field predictions, checked once into a filled record. */
import {
  checkBoolean,
  checkCallback,
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  describe,
} from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { checkSeed, drawSeed } from "../base/rng.js";
import type { KernelChoice } from "../base/types.js";
import { type Channel, type ChannelLike, checkComplexChannel, parseChannel } from "../single/channel.js";
import { defaultLoss } from "../single/defaultLoss.js";
import { checkComplexLoss, type Loss, type LossLike, parseLoss } from "../single/losses.js";
import { defaultPreprocess, type PreprocessLike, parsePreprocess } from "../single/preprocess.js";
import { independentStart, linearMoments, linearStart, type MeanFieldStart, spectralStart } from "./meanFieldStart.js";

/** Where gradient descent starts; numbers mean a start that is independent of the data. */
export type StartLike = "spectral" | "linear" | "zero" | { readonly overlap: number; readonly normSquared: number };

/** The problem that gradient descent is run on. */
export interface ModelOptions {
  readonly channel: ChannelLike;
  /** Default: the loss that fits the channel. */
  readonly loss?: LossLike;
  /** δ = n/d; Infinity is the population map. */
  readonly ratio: number;
  /** λ ≥ 0, default 0. */
  readonly ridge?: number;
  /** η > 0; default: 1/(sup l″·(1 + 1/√δ)² + λ) where the loss has bounded curvature. */
  readonly stepSize?: number;
  readonly complex?: boolean;
}

export interface DmftOptions extends ModelOptions {
  /** Default 40. */
  readonly steps?: number;
  /** Default `"spectral"` for even channels and `"linear"` for others. */
  readonly start?: StartLike;
  /** κ of the spectral start, or the scale of the linear one; default 1. */
  readonly startScale?: number;
  /** T(y) of the spectral start; default as in `spectralTransition`. */
  readonly preprocess?: PreprocessLike;
  /** N, default 8192; powers of two suit the Sobol points. */
  readonly paths?: number;
  /** Independent scrambles, default 4; standard errors need at least 2. */
  readonly replicates?: number;
  readonly seed?: number;
  readonly kernel?: KernelChoice;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DmftProgress) => void;
}

export interface DmftProgress {
  readonly replicate: number;
  readonly replicates: number;
  readonly step: number;
  readonly steps: number;
}

/** Checked and filled {@link ModelOptions}. */
export interface Model {
  readonly channel: Channel;
  readonly loss: Loss;
  readonly ratio: number;
  readonly ridge: number;
  readonly stepSize: number;
  readonly complex: boolean;
}

/** Checked and filled {@link DmftOptions}. */
export interface MeanFieldProblem extends Model {
  readonly steps: number;
  readonly start: MeanFieldStart;
  readonly paths: number;
  readonly replicates: number;
  readonly seed: number;
  readonly kernel: KernelChoice;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DmftProgress) => void;
}

export const MODEL_OPTIONS = ["channel", "loss", "ratio", "ridge", "stepSize", "complex"];
const DMFT_OPTIONS = [
  ...MODEL_OPTIONS,
  "steps",
  "start",
  "startScale",
  "preprocess",
  "paths",
  "replicates",
  "seed",
  "kernel",
  "signal",
  "onProgress",
];
/** Sanity bound: the scalar recursions alone cost steps³/2. */
const MAX_STEPS = 2000;

/** @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN` */
export function readModel(given: Readonly<Record<string, unknown>>): Model {
  const channel = parseChannel(given.channel);
  const complex = given.complex === undefined ? false : checkBoolean(given.complex, "complex");
  if (complex) checkComplexChannel(channel);
  const loss = given.loss === undefined ? defaultLoss(channel) : parseLoss(given.loss);
  if (complex) checkComplexLoss(loss);
  const ratio =
    given.ratio === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : checkNumber(given.ratio, "ratio", { above: 0, or: "Infinity" });
  const ridge = given.ridge === undefined ? 0 : checkNumber(given.ridge, "ridge", { min: 0 });
  const stepSize =
    given.stepSize === undefined
      ? safeStep(loss, channel, ratio, ridge)
      : checkNumber(given.stepSize, "stepSize", { above: 0 });
  return { channel, loss, ratio, ridge, stepSize, complex };
}

function safeStep(loss: Loss, channel: Channel, ratio: number, ridge: number): number {
  // Where curvature grows with |y|, that of all but the rarest responses decides.
  const size = channel.law === "binary" ? 1 : 4 * Math.sqrt(linearMoments(channel).square);
  const bound = loss.curvatureBound(size);
  if (Number.isFinite(bound)) return 1 / (bound * (1 + 1 / Math.sqrt(ratio)) ** 2 + ridge);
  throw new OptionError(
    "TYPE",
    `stepSize is undefined; the loss ${loss.name} has no bounded curvature that a step could be taken from. Give stepSize.`,
    { details: { option: "stepSize" } },
  );
}

/** @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN` */
export function readDmftOptions(options: unknown): MeanFieldProblem {
  const given = checkOptions(options, DMFT_OPTIONS, "dmft");
  const model = readModel(given);
  const count = (key: string, fallback: number, max: number, min = 1): number =>
    given[key] === undefined ? fallback : checkInteger(given[key], key, { min, max });
  let seed: unknown = given.seed;
  if (seed === undefined) seed = drawSeed();
  checkSeed(seed);
  return {
    ...model,
    steps: count("steps", 40, MAX_STEPS, 0),
    paths: count("paths", 8192, 2 ** 26),
    replicates: count("replicates", 4, 10_000),
    seed,
    kernel: checkChoice(given.kernel ?? "auto", "kernel", ["auto", "wasm", "reference"] as const),
    signal: given.signal === undefined ? undefined : checkSignal(given.signal),
    onProgress:
      given.onProgress === undefined ? undefined : checkCallback<[DmftProgress]>(given.onProgress, "onProgress"),
    start: readStart(given, model),
  };
}

function readStart(given: Readonly<Record<string, unknown>>, model: Model): MeanFieldStart {
  const { channel, ratio, complex } = model;
  const start = given.start ?? (channel.even ? "spectral" : "linear");
  const scale = given.startScale === undefined ? 1 : checkNumber(given.startScale, "startScale", { above: 0 });
  if (typeof start === "object" && start !== null) {
    const { overlap, normSquared } = checkOptions(start, ["overlap", "normSquared"], "start");
    const q = checkNumber(normSquared, "start.normSquared", { min: 0 });
    const reach = Math.sqrt(q);
    return independentStart(checkNumber(overlap, "start.overlap", { min: -reach, max: reach }), q);
  }
  if (typeof start !== "string") {
    throw new OptionError(
      "TYPE",
      `start is ${describe(start)}; expected "spectral", "linear", "zero" or { overlap, normSquared }.`,
      { details: { option: "start" } },
    );
  }
  const word = checkChoice(start, "start", ["spectral", "linear", "zero"] as const, "{ overlap, normSquared }");
  if (word === "zero") return independentStart(0, 0);
  if (word === "linear") {
    if (complex) {
      throw new OptionError(
        "RANGE",
        'start "linear" says nothing about complex signals, whose phase is free. Use "spectral".',
        { details: { option: "start" } },
      );
    }
    if (ratio !== Number.POSITIVE_INFINITY) return linearStart(channel, ratio, scale);
    const overlap = scale * linearMoments(channel).signal;
    return independentStart(overlap, overlap * overlap);
  }
  const wanted = given.preprocess ?? defaultPreprocess(channel);
  // At δ = ∞ the eigenvector is the truth as soon as it carries any information, which a huge ratio decides.
  const finite = ratio === Number.POSITIVE_INFINITY ? 1e8 : ratio;
  const preprocess = parsePreprocess(wanted, { channel, ratio: finite, complex });
  const spectral = spectralStart(channel, preprocess, finite, complex, scale);
  return ratio === Number.POSITIVE_INFINITY ? independentStart(scale, scale * scale) : spectral;
}
