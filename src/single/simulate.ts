/** The real algorithm on fresh Gaussian data, many times, with the observables of the mean-field prediction. */
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
import { RunControl } from "../base/control.js";
import { OptionError } from "../base/errors.js";
import { checkSeed, createRng, drawSeed } from "../base/rng.js";
import type { KernelChoice } from "../base/types.js";
import { type Channel, type ChannelLike, checkComplexChannel, parseChannel } from "./channel.js";
import { defaultLoss } from "./defaultLoss.js";
import { checkComplexLoss, type Loss, type LossLike, parseLoss } from "./losses.js";
import { defaultPreprocess, type Preprocess, type PreprocessLike, parsePreprocess } from "./preprocess.js";
import { runComplexTrial, runRealTrial } from "./simulateTrial.js";
import { averageCurves, completeCurves, stepTimes, type Trajectory, type TrajectoryCurves } from "./trajectory.js";

/** Where gradient descent begins. */
export type SimulationStart =
  | "spectral"
  | "linear"
  | "zero"
  | { readonly overlap: number; readonly normSquared: number };

/** What is simulated: the settings of `dmft`, with a dimension and a number of trials. */
export interface SimulationOptions {
  readonly channel: ChannelLike;
  /** Default: the loss that fits the channel. */
  readonly loss?: LossLike;
  /** δ = n/d. */
  readonly ratio: number;
  /** λ; default 0. */
  readonly ridge?: number;
  /** η. */
  readonly stepSize: number;
  /** Default 40. */
  readonly steps?: number;
  /** Default `"spectral"` for even channels and `"linear"` for others. */
  readonly start?: SimulationStart;
  /** κ, or the scale of the linear start; default 1. */
  readonly startScale?: number;
  /** T of the spectral start; default `opt(20)` for y = z² without noise, else `optimal(10)`. */
  readonly preprocess?: PreprocessLike;
  readonly complex?: boolean;
  /** d. */
  readonly dim: number;
  /** Independent repetitions, ≥ 2. */
  readonly trials: number;
  readonly seed?: number;
  readonly kernel?: KernelChoice;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SimulationProgress) => void;
}

/** What `onProgress` is told after every trial. */
export interface SimulationProgress {
  readonly phase: "trial";
  readonly done: number;
  readonly total: number;
  /** Of the trial that has just ended. */
  readonly curves: SimulationCurves;
}

/** Curves over t = 0…steps; the sign (phase) of the overlap is that of the start. */
export type SimulationCurves = TrajectoryCurves;

/** Means over the trials, with standard errors. */
export interface Simulation extends Trajectory {
  readonly standardErrors: SimulationCurves;
  readonly dim: number;
  readonly samples: number;
  readonly trials: number;
  readonly seed: number;
}

/** The settings of one trial, checked. */
export interface TrialSetting {
  readonly channel: Channel;
  readonly loss: Loss;
  readonly preprocess: Preprocess | undefined;
  readonly ridge: number;
  readonly stepSize: number;
  readonly steps: number;
  readonly start: SimulationStart;
  readonly startScale: number;
  readonly dim: number;
  readonly samples: number;
  readonly kernel: KernelChoice;
}

const NAMES: readonly (keyof SimulationOptions)[] = [
  "channel",
  "loss",
  "ratio",
  "ridge",
  "stepSize",
  "steps",
  "start",
  "startScale",
  "preprocess",
  "complex",
  "dim",
  "trials",
  "seed",
  "kernel",
  "signal",
  "onProgress",
];

/** What `simulateSingleIndex` of onDemand.ts runs. */
export async function simulateSingleIndex(options: SimulationOptions): Promise<Simulation> {
  const given = checkOptions(options, NAMES, "simulateSingleIndex") as {
    readonly [K in keyof SimulationOptions]?: unknown;
  };
  const channel = parseChannel(given.channel);
  const loss = given.loss === undefined ? defaultLoss(channel) : parseLoss(given.loss);
  const complex = given.complex === undefined ? false : checkBoolean(given.complex, "complex");
  if (complex) {
    checkComplexChannel(channel);
    checkComplexLoss(loss);
  }
  const dim = checkInteger(given.dim, "dim", { min: 2 });
  const trials = checkInteger(given.trials, "trials", { min: 2 });
  const samples = Math.max(1, Math.round(checkNumber(given.ratio, "ratio", { above: 0 }) * dim));
  const seed = given.seed === undefined ? drawSeed() : readSeed(given.seed);
  const start = readStart(given.start ?? (channel.even ? "spectral" : "linear"));
  if (complex && start === "linear") {
    throw new OptionError("RANGE", 'start "linear" knows nothing about complex signals; use "spectral".', {
      details: { option: "start" },
    });
  }
  const ratio = samples / dim;
  const preprocess =
    start === "spectral"
      ? parsePreprocess(given.preprocess ?? defaultPreprocess(channel), { channel, ratio, complex })
      : undefined;
  const setting: TrialSetting = {
    channel,
    loss,
    preprocess,
    start,
    ridge: given.ridge === undefined ? 0 : checkNumber(given.ridge, "ridge", { min: 0 }),
    stepSize: checkNumber(given.stepSize, "stepSize", { above: 0 }),
    steps: given.steps === undefined ? 40 : checkInteger(given.steps, "steps", { min: 0 }),
    startScale: given.startScale === undefined ? 1 : checkNumber(given.startScale, "startScale", { above: 0 }),
    dim,
    samples,
    kernel: checkChoice(given.kernel ?? "auto", "kernel", ["auto", "wasm", "reference"] as const),
  };
  const onProgress: SimulationOptions["onProgress"] =
    given.onProgress === undefined ? undefined : checkCallback(given.onProgress, "onProgress");
  const control = new RunControl(given.signal === undefined ? {} : { signal: checkSignal(given.signal) });
  control.throwIfAborted();

  const runs: SimulationCurves[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const rng = createRng(seed, "simulate", trial);
    const run = complex ? runComplexTrial : runRealTrial;
    const curves = completeCurves(await run(setting, trial, rng, control));
    runs.push(curves);
    onProgress?.({ phase: "trial", done: trial + 1, total: trials, curves: completeCurves(curves) });
  }
  const { means, standardErrors } = averageCurves(runs);
  // At least two trials were asked for, so there are errors.
  const errors = standardErrors as SimulationCurves;
  return { times: stepTimes(setting.steps), ...means, standardErrors: errors, dim, samples, trials, seed };
}

function readStart(start: unknown): SimulationStart {
  if (start === "spectral" || start === "linear" || start === "zero") return start;
  if (typeof start === "object" && start !== null) {
    const given = checkOptions(start, ["overlap", "normSquared"], "start");
    const overlap = checkNumber(given.overlap, "start.overlap");
    const normSquared = checkNumber(given.normSquared, "start.normSquared", { min: 0 });
    if (overlap * overlap <= normSquared * (1 + 1e-12)) return { overlap, normSquared };
    throw new OptionError(
      "RANGE",
      `start has overlap ${overlap} and normSquared ${normSquared}; overlap² cannot exceed normSquared.`,
      { details: { option: "start" } },
    );
  }
  throw new OptionError(
    "TYPE",
    `start is ${describe(start)}; expected "spectral", "linear", "zero" or { overlap, normSquared }.`,
    { details: { option: "start" } },
  );
}

function readSeed(seed: unknown): number {
  checkSeed(seed);
  return seed;
}
