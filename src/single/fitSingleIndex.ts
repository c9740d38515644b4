/** fitSingleIndex, the two-stage algorithm: start, then gradient descent. */
import { RunControl } from "../base/control.js";
import { InputError, LeapflowError } from "../base/errors.js";
import type { KernelReport, MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { VERSION } from "../base/version.js";
import { readMatrixAsync, readVector } from "../data/input.js";
import { scaleOf } from "../math/dense.js";
import type { StopReason } from "../solve/stopping.js";
import { defaultLoss } from "./defaultLoss.js";
import { type DescentEnd, type DescentProblem, type DescentState, descend, topEigenvalue } from "./descent.js";
import type { Loss } from "./losses.js";
import { zeroTruth } from "./phaseMethods.js";
import { defaultPreprocess } from "./preprocess.js";
import { RowProducts } from "./rowProducts.js";
import { checkResponses, type InputScale, inputScaleOf, type ResponseScale, responseScaleOf } from "./scaling.js";
import {
  type FilledSingleIndexOptions,
  fillSingleIndexOptions,
  type SingleIndexOptions,
} from "./singleIndexOptions.js";
import { linearStart, type SpectralReport, spectralStart } from "./spectral.js";
import type { SingleIndexWarning } from "./warnings.js";

/** One entry per iterate of the descent; entry 0 is the start. */
export interface SingleIndexHistory {
  /** m = ⟨θ, θ⋆⟩/‖θ⋆‖², if `truth` was given; up to a common sign for even links. */
  readonly overlap?: Float64Array;
  /** ‖θ‖, in the user's coordinates. */
  readonly norm: Float64Array;
  /** Mean loss without ridge, in the units of [SI §a] (responses over those of a unit signal). */
  readonly trainLoss: Float64Array;
  /** η of the step that led to this iterate; 0 at the start. */
  readonly stepSize: Float64Array;
}

/** What `fitSingleIndex` gives. */
export interface SingleIndexFit {
  /** d numbers with y ≈ φ(⟨x, θ⟩) for raw rows x; for even links up to sign. */
  readonly theta: Float64Array;
  readonly history: SingleIndexHistory;
  /** The spectral stage, measured and predicted; undefined for other starts and without a signal. */
  readonly spectral: SpectralReport | undefined;
  readonly stop: { readonly reason: StopReason; readonly converged: boolean; readonly iterations: number };
  /** Name of the loss in use. */
  readonly loss: string;
  readonly warnings: readonly SingleIndexWarning[];
  readonly seed: number;
  readonly version: string;
  readonly kernel: KernelReport;
  readonly elapsedMs: number;
}

/** Column means this many standard errors off zero are no sampling noise. */
const MEAN_LIMIT = 6;
const CORRELATION_EXCESS = 1.5;
/** A noiseless model that fits has a loss far below this part of the loss at θ = 0. */
const EXACT_LOSS = 1e-6;
const SCALES = [0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1, 1.25, 1.6, 2.5, 4];

/** What `fitSingleIndex` of onDemand.ts runs. */
export async function fitSingleIndex(
  X: MatrixLike | RowSource,
  y: VectorLike,
  options: SingleIndexOptions,
): Promise<SingleIndexFit> {
  const filled = fillSingleIndexOptions(options);
  const control = new RunControl({
    ...(filled.signal ? { signal: filled.signal } : {}),
    ...(filled.deadlineMs === undefined ? {} : { deadlineMs: filled.deadlineMs }),
  });
  control.throwIfAborted();
  const dense = await readMatrixAsync(X, "X", control);
  const responses = readVector(y, "y", dense.rows);
  const truth = filled.truth === undefined ? undefined : readLength(filled.truth, "truth", dense.columns);
  if (truth?.every((value) => value === 0)) throw zeroTruth("truth");
  const given = typeof filled.start === "string" ? undefined : readLength(filled.start, "start", dense.columns);
  checkResponses(responses, filled.channel, filled.loss?.nonnegative === true);
  const inputs = inputScaleOf(dense);
  const rows = await RowProducts.create(dense, inputs.inverseScale, filled.kernel, control);
  try {
    const problem = new SingleIndexProblem(rows, responses, inputs, filled, control, truth);
    return await problem.solve(given);
  } finally {
    rows.dispose();
  }
}

function readLength(given: VectorLike, name: string, d: number): Float64Array {
  const out = readVector(given, name);
  if (out.length === d) return out;
  throw new InputError("SHAPE", `${name} has ${out.length} entries; expected ${d}, one per column of X.`, {
    details: { entries: out.length, columns: d },
  });
}

class SingleIndexProblem {
  readonly #warnings: SingleIndexWarning[] = [];
  readonly #scale: ResponseScale;
  readonly #loss: Loss;
  /** A loss of the user's own sees raw responses: it knows its units. */
  readonly #unit: number;
  readonly #responseUnit: number;
  #spectral: SpectralReport | undefined;

  constructor(
    readonly rows: RowProducts,
    readonly responses: Float64Array,
    readonly inputs: InputScale,
    readonly options: FilledSingleIndexOptions,
    readonly control: RunControl,
    readonly truth: Float64Array | undefined,
  ) {
    this.#scale = responseScaleOf(responses, options.channel, options.channelLike);
    const own = options.loss?.kind === "custom";
    this.#unit = own ? 1 : this.#scale.unit;
    this.#responseUnit = own ? 1 : this.#scale.responseUnit;
    this.#loss = options.loss ?? defaultLoss(this.#scale.channel);
  }

  async solve(given: Float64Array | undefined): Promise<SingleIndexFit> {
    const { rows, inputs, options, control } = this;
    const isSilent = this.responses.every((v) => v === 0) && options.channel.name !== "He2";
    const nothing = inputs.dim === 0 || (isSilent && given === undefined && options.channel.even);
    if (nothing) return this.#finish([zeroState(rows)], { ...zeroState(rows), stop: STATIONARY });

    const ones = new Float64Array(rows.samples).fill(1);
    const { value: inputCurvature } = await topEigenvalue(rows, ones, undefined);
    this.#warnAboutInputs(inputCurvature);
    const descentProblem: DescentProblem = {
      rows,
      loss: this.#loss,
      responses: divided(this.responses, this.#responseUnit),
      ridge: options.ridge,
      inputCurvature,
    };
    const start = given === undefined ? await this.#start(descentProblem) : this.#fromUser(given);
    const trace: Trace[] = [];
    const end = await descend(descentProblem, start, options, control, (state) => {
      if (Number.isFinite(state.point.objective)) trace.push(this.#traceOf(state));
      this.#report(state);
    });
    this.#warnAboutEnd(end, descentProblem);
    return this.#finish(trace, end);
  }

  /** θ⁰ in the units of the descent. */
  async #start(problem: DescentProblem): Promise<Float64Array> {
    const { rows, inputs, options } = this;
    const { start, startScale, seed } = options;
    if (start === "zero") return new Float64Array(rows.dim);
    if (start === "linear") {
      const direction = await linearStart(rows, problem.responses);
      return scaled(direction, startScale ?? 1);
    }
    const unitResponses = divided(this.responses, this.#scale.responseUnit);
    const { channel, norm } = this.#scale;
    const preprocess = options.preprocess ?? defaultPreprocess(channel);
    const found = await spectralStart(rows, unitResponses, channel, preprocess, inputs.dim, seed, this.control);
    this.#spectral = found.report;
    this.#warnings.push(...found.warnings);
    const isSized = channel.name !== "custom" && channel.name !== "tanh" && channel.name !== "logit";
    const size = startScale ?? (isSized ? norm / this.#unit : undefined);
    if (size !== undefined && this.#loss.even) return scaled(found.direction, size);
    const fields = await rows.fields(found.direction);
    return scaled(found.direction, bestFactor(problem, fields, size));
  }

  #fromUser(theta: Float64Array): Float64Array {
    const { inverseScale } = this.inputs;
    return theta.map((t, j) => (inverseScale[j] === 0 ? 0 : t / inverseScale[j] / this.#unit));
  }
  #toUser(u: Float64Array): Float64Array {
    return u.map((value, j) => value * this.#unit * this.inputs.inverseScale[j]);
  }

  #traceOf({ point, stepSize }: DescentState): Trace {
    const theta = this.#toUser(point.u);
    // θ of inputs near 1e-200 is finite where its square is not.
    const size = scaleOf("theta", theta, 1);
    const near = theta.map((value) => value / size);
    const norm = size * Math.sqrt(dot(near, near));
    return { norm, trainLoss: point.trainLoss, stepSize, overlap: this.#overlapOf(near, size) };
  }

  /** ⟨size·θ, θ⋆⟩/‖θ⋆‖², 0 without a truth. */
  #overlapOf(theta: Float64Array, size: number): number {
    if (this.truth === undefined) return 0;
    const unit = scaleOf("truth", this.truth, 1);
    const truth = this.truth.map((value) => value / unit);
    return (dot(theta, truth) / dot(truth, truth)) * (size / unit);
  }

  #report({ point, iteration, stepSize }: DescentState): void {
    const { onProgress } = this.options;
    if (onProgress === undefined) return;
    const { trainLoss: loss, gradientNorm } = point;
    const { elapsedMs } = this.control;
    try {
      onProgress({ phase: "descent", iteration, loss, gradientNorm, stepSize, elapsedMs });
    } catch (cause) {
      throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
    }
  }

  #warnAboutInputs(curvature: number): void {
    const { samples } = this.rows;
    const bound = (1 + Math.sqrt(this.inputs.dim / samples)) * (1 + Math.sqrt(this.inputs.dim / samples));
    const { byColumn, meanExcess } = this.inputs;
    const isShifted = meanExcess > MEAN_LIMIT;
    if (!byColumn && !isShifted && !(curvature > CORRELATION_EXCESS * bound)) return;
    const why = byColumn
      ? "columns differ in size and were scaled one by one"
      : isShifted
        ? "a column has a mean far from 0"
        : `columns are correlated (largest eigenvalue ${(curvature / bound).toPrecision(3)} times that of independent ones)`;
    this.#warnings.push({
      code: "NOT_WHITENED",
      message: `The theory assumes independent standard normal inputs, but ${why}: predictions need not hold, and the spectral start may fail. Center and whiten X if the model allows it.`,
    });
  }

  #warnAboutEnd(end: DescentEnd, problem: DescentProblem): void {
    const { options } = this;
    if (this.#scale.isNoise) {
      this.#warnings.push({
        code: "SIGNAL_BELOW_NOISE",
        message: "The responses are no larger than the noise of the channel alone would make them.",
      });
    }
    if (end.stop.reason === "saddle") {
      this.#warnings.push({
        code: "SADDLE",
        message: 'The gradient vanishes at θ = 0, which is a saddle of an even loss. Use start: "spectral".',
      });
    }
    const { channel } = options;
    const isExact = channel.law === "exact" && options.ridge === 0 && (channel.even || channel.name === "cubic");
    if (!isExact || !end.stop.converged || options.loss?.kind === "custom") return;
    let atZero = 0;
    for (const y of problem.responses) atZero += problem.loss.value(0, y) / problem.responses.length;
    if (end.point.trainLoss <= EXACT_LOSS * Math.abs(atZero)) return;
    this.#warnings.push({
      code: "LOCAL_MINIMUM",
      message: `The channel has no noise, yet the fit leaves a loss of ${end.point.trainLoss.toExponential(1)}: a local minimum (use more rows), or responses that do not follow the channel (give its noiseStd).`,
    });
  }

  #finish(trace: readonly Trace[], end: Pick<DescentEnd, "point" | "iteration" | "stop">): SingleIndexFit {
    const { rows, options, control, truth } = this;
    const { report } = rows;
    if (report.reason !== undefined) this.#warnings.push({ code: "REFERENCE_KERNEL", message: report.reason });
    const sign = options.channel.even && (trace.at(-1)?.overlap ?? 0) < 0 ? -1 : 1;
    return {
      theta: this.#toUser(end.point.u),
      history: {
        ...(truth === undefined ? {} : { overlap: Float64Array.from(trace, (t) => sign * t.overlap) }),
        norm: Float64Array.from(trace, (t) => t.norm),
        trainLoss: Float64Array.from(trace, (t) => t.trainLoss),
        stepSize: Float64Array.from(trace, (t) => t.stepSize),
      },
      spectral: this.#spectral,
      stop: { ...end.stop, iterations: end.iteration },
      loss: this.#loss.name,
      warnings: this.#warnings,
      seed: options.seed,
      version: VERSION,
      kernel: report,
      elapsedMs: control.elapsedMs,
    };
  }
}

interface Trace {
  readonly overlap: number;
  readonly norm: number;
  readonly trainLoss: number;
  readonly stepSize: number;
}

const STATIONARY = { reason: "stationary", converged: true } as const;

/** θ = 0 where there is nothing to learn. */
function zeroState(rows: RowProducts) {
  const u = new Float64Array(rows.dim);
  const point = { u, fields: new Float64Array(0), gradient: u, gradientNorm: 0, norm: 0, trainLoss: 0, objective: 0 };
  return { point, iteration: 0, stepSize: 0, overlap: 0, norm: 0, trainLoss: 0 };
}

/** The multiple of a direction with the smallest mean loss, over signs and, where it is not known, sizes. */
function bestFactor({ loss, responses, rows }: DescentProblem, fields: Float64Array, size: number | undefined): number {
  let best = 0;
  let least = Infinity;
  for (const scale of size === undefined ? SCALES : [size]) {
    for (const factor of loss.even ? [scale] : [scale, -scale]) {
      let sum = 0;
      for (let i = 0; i < rows.samples; i++) sum += loss.value(factor * fields[i], responses[i]);
      if (!(sum < least)) continue;
      least = sum;
      best = factor;
    }
  }
  return best === 0 ? (size ?? 1) : best;
}

const divided = (v: Float64Array, by: number): Float64Array => (by === 1 ? v : v.map((value) => value / by));
const scaled = (v: Float64Array, by: number): Float64Array => v.map((value) => value * by);

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
}
