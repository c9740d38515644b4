/** Complex Wirtinger-type flows over an operator: retrievePhase. */
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
} from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { LeapflowError } from "../base/errors.js";
import { checkSeed, createRng, drawSeed } from "../base/rng.js";
import type { VectorLike } from "../base/types.js";
import { VERSION } from "../base/version.js";
import { readVector } from "../data/input.js";
import type { StopReason } from "../solve/stopping.js";
import { parseChannel } from "./channel.js";
import { ContractionRule } from "./contraction.js";
import {
  type CheckedOperator,
  type ComplexLike,
  type ComplexVector,
  checkOperator,
  complexZeros,
  copyComplex,
  type MeasurementOperator,
  squaredNorm,
} from "./operators.js";
import {
  modulusResidual,
  needsOperatorNorm,
  PHASE_METHODS,
  type PhaseData,
  type PhaseMethod,
  phaseDistance,
  phaseUpdate,
  zeroTruth,
} from "./phaseMethods.js";
import { operatorNorm, operatorScale, phaseStart } from "./phaseStart.js";
import { type PreprocessLike, parsePreprocess } from "./preprocess.js";
import { checkResponses, clippedScale } from "./scaling.js";
import type { SpectralReport } from "./spectral.js";
import type { SingleIndexWarning } from "./warnings.js";

/** How far a retrieval has come; a copy for the caller. */
export interface PhaseProgress {
  readonly iteration: number;
  /** √(Σ(|ξ| − √y)²/Σy). */
  readonly residual: number;
  readonly elapsedMs: number;
  /** The signal as it is now, copied when asked for. */
  signal(): ComplexVector;
}

/** Options of `retrievePhase`. */
export interface PhaseOptions {
  /** Default `"twf"`. */
  readonly method?: PhaseMethod;
  /** T of the spectral start in its complex form; default `"mm"`, `"opt(20)"` for no more rows than entries. */
  readonly preprocess?: PreprocessLike;
  /** Standard deviation of the noise in y before it was clipped at 0; norm, T and predictions take it into account. Default 0. */
  readonly noiseStd?: number;
  /** λ ≥ 0, default 0: updates stop where (1/n)Aᴴg + λz = 0; for rows of mean square 1 the λ of [SI §a]. */
  readonly ridge?: number;
  /** A signal to start from instead of the spectral start. */
  readonly start?: ComplexLike;
  /** Default 2000. */
  readonly maxIterations?: number;
  /** Stops when the relative error that is left, estimated from how fast steps shrink, is below; default 1e-7. */
  readonly tolerance?: number;
  readonly deadlineMs?: number;
  readonly seed?: number;
  /** Whether ⟨Av, u⟩ = ⟨v, Aᴴu⟩ is tried on a random pair; default true. */
  readonly checkAdjoint?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PhaseProgress) => void;
  /** The true signal, if known: `history.error` is recorded against it. */
  readonly truth?: ComplexLike;
}

/** One entry per iterate; entry 0 is the start. */
export interface PhaseHistory {
  /** √(Σ(|ξ| − √y)²/Σy). */
  readonly residual: Float64Array;
  /** Relative error up to a global phase, if `truth` was given. */
  readonly error?: Float64Array;
}

/** What `retrievePhase` gives. */
export interface PhaseResult {
  /** Up to a global phase. */
  readonly signal: ComplexVector;
  readonly iterations: number;
  readonly stop: { readonly reason: StopReason; readonly converged: boolean; readonly iterations: number };
  readonly history: PhaseHistory;
  readonly method: PhaseMethod;
  /** The spectral stage, measured and predicted for Gaussian measurements; undefined for a given start. */
  readonly spectral: SpectralReport | undefined;
  readonly warnings: readonly SingleIndexWarning[];
  /** Applications of the operator and of its adjoint. */
  readonly products: number;
  readonly seed: number;
  readonly version: string;
  readonly elapsedMs: number;
}

const NAMES: readonly (keyof PhaseOptions)[] = [
  "method",
  "preprocess",
  "noiseStd",
  "ridge",
  "start",
  "maxIterations",
  "tolerance",
  "deadlineMs",
  "seed",
  "checkAdjoint",
  "signal",
  "onProgress",
  "truth",
];
const DEFAULT_ITERATIONS = 2000;
const DEFAULT_TOLERANCE = 1e-7;
/** A residual this many times that of the start is no longer a search. */
const BLOWN_UP = 1e3;

/** What `retrievePhase` of onDemand.ts runs. */
export async function retrievePhase(
  operator: MeasurementOperator,
  y: VectorLike,
  options: PhaseOptions = {},
): Promise<PhaseResult> {
  const given = checkOptions(options, NAMES, "retrievePhase") as { readonly [K in keyof PhaseOptions]?: unknown };
  const optional = <T>(value: unknown, check: (value: unknown) => T): T | undefined =>
    value === undefined ? undefined : check(value);
  const method = optional(given.method, (v) => checkChoice(v, "method", PHASE_METHODS)) ?? "twf";
  const maxIterations =
    optional(given.maxIterations, (v) => checkInteger(v, "maxIterations", { min: 0 })) ?? DEFAULT_ITERATIONS;
  const tolerance = optional(given.tolerance, (v) => checkNumber(v, "tolerance", { min: 0 })) ?? DEFAULT_TOLERANCE;
  const deadlineMs = optional(given.deadlineMs, (v) => checkNumber(v, "deadlineMs", { min: 0 }));
  const noiseStd = optional(given.noiseStd, (v) => checkNumber(v, "noiseStd", { min: 0 })) ?? 0;
  const ridge = optional(given.ridge, (v) => checkNumber(v, "ridge", { min: 0 })) ?? 0;
  const seed = optional(given.seed, readSeed) ?? drawSeed();
  const testAdjoint = optional(given.checkAdjoint, (v) => checkBoolean(v, "checkAdjoint")) ?? true;
  const signal = optional(given.signal, (v) => checkSignal(v));
  const onProgress = optional(given.onProgress, (v) => checkFunction(v, "onProgress")) as PhaseOptions["onProgress"];
  const control = new RunControl({
    ...(signal ? { signal } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  control.throwIfAborted();
  const checked = await checkOperator(operator, testAdjoint, control);
  const { dim, measurements } = checked;
  const intensities = readVector(y, "y", measurements, "the operator");
  checkResponses(intensities, parseChannel("square"), true);
  const truth = optional(given.truth, (v) => copyComplex(v, dim, "truth"));
  if (truth !== undefined && squaredNorm(truth) === 0) throw zeroTruth("truth");
  let measured = 0;
  for (const v of intensities) measured += v / measurements;
  const estimate = noiseStd > 0 ? clippedScale(measured, noiseStd, true) : measured;
  // A signal below its noise still needs a unit; that of the intensities themselves keeps T and the loss in range.
  const meanIntensity = estimate > 0 ? estimate : measured;
  const isNoisy = noiseStd > 0 && meanIntensity > 0;
  const channel = parseChannel(isNoisy ? { link: "square", noiseStd: noiseStd / meanIntensity } : "square");
  // "mm" is defined above its threshold only; too few rows for it are told in a warning.
  const T = parsePreprocess(given.preprocess ?? (measurements > dim ? "mm" : "opt(20)"), {
    channel,
    ratio: measurements / dim,
    complex: true,
  });
  const finish = (
    z: ComplexVector,
    iterations: number,
    stop: { reason: StopReason; converged: boolean },
    residual: readonly number[],
    error: readonly number[],
    spectral?: SpectralReport,
    warnings: readonly SingleIndexWarning[] = [],
  ): PhaseResult => ({
    signal: z,
    iterations,
    stop: { ...stop, iterations },
    history: {
      residual: Float64Array.from(residual),
      ...(truth === undefined ? {} : { error: Float64Array.from(error) }),
    },
    method,
    spectral,
    warnings,
    products: checked.products,
    seed,
    version: VERSION,
    elapsedMs: control.elapsedMs,
  });
  if (meanIntensity === 0) return finish(complexZeros(dim), 0, { reason: "stationary", converged: true }, [0], [1]);

  const rng = createRng(seed, "phase-start", dim);
  const scale = await operatorScale(checked, rng.split("scale"), control);
  let z: ComplexVector;
  let report: Awaited<ReturnType<typeof phaseStart>> | undefined;
  if (given.start === undefined) {
    report = await phaseStart(checked, intensities, meanIntensity, T, channel, scale, rng, control);
    z = report.start;
  } else z = copyComplex(given.start, dim, "start");
  const data: PhaseData = {
    y: intensities,
    meanIntensity,
    operatorNorm: needsOperatorNorm(method) ? await operatorNorm(checked, scale, rng.split("norm"), control) : 1,
  };
  const run = await flow(
    checked,
    data,
    method,
    z,
    scale,
    { maxIterations, tolerance, ridge },
    control,
    (state) => {
      if (onProgress === undefined) return;
      try {
        onProgress({ ...state, elapsedMs: control.elapsedMs });
      } catch (cause) {
        throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
      }
    },
    truth,
  );
  const warnings = [...(report?.warnings ?? []), ...(estimate > 0 ? [] : [BELOW_NOISE])];
  return finish(run.z, run.iterations, run.stop, run.residual, run.error, report?.report, warnings);
}

const BELOW_NOISE: SingleIndexWarning = {
  code: "SIGNAL_BELOW_NOISE",
  message: "The intensities are no larger than clipped noise of this noiseStd alone would make them.",
};

interface FlowRun {
  readonly z: ComplexVector;
  readonly iterations: number;
  readonly stop: { readonly reason: StopReason; readonly converged: boolean };
  readonly residual: number[];
  readonly error: number[];
}

async function flow(
  operator: CheckedOperator,
  data: PhaseData,
  method: PhaseMethod,
  start: ComplexVector,
  scale: number,
  options: { readonly maxIterations: number; readonly tolerance: number; readonly ridge: number },
  control: RunControl,
  observe: (state: Omit<PhaseProgress, "elapsedMs">) => void,
  truth: ComplexVector | undefined,
): Promise<FlowRun> {
  const { dim, measurements } = operator;
  const residual: number[] = [];
  const error: number[] = [];
  const rule = new ContractionRule(options.tolerance);
  let z = start;
  let best = { z, residual: Infinity };
  for (let iteration = 0; ; iteration++) {
    const end = (reason: StopReason, of = z): FlowRun => ({
      z: of,
      iterations: iteration,
      stop: { reason, converged: reason === "converged" },
      residual,
      error,
    });
    const xi = await operator.forward(z);
    const here = modulusResidual(xi, data.y);
    if (!(here <= BLOWN_UP * (1 + (residual[0] ?? here)))) return end("diverged", best.z);
    residual.push(here);
    if (truth !== undefined) error.push(phaseDistance(z, truth));
    if (here < best.residual) best = { z, residual: here };
    const now = z;
    observe({ iteration, residual: here, signal: () => copyComplex(now, dim, "signal") });
    if (here === 0 || rule.isReached) return end("converged");
    if (iteration >= options.maxIterations) return end("iteration-limit");
    if (control.expired) return end("deadline");
    const size = scale * Math.sqrt(squaredNorm(z));
    const { field, step } = phaseUpdate(method, data, xi, size, iteration);
    const gradient = await operator.adjoint(field);
    const factor = step / (measurements * scale * scale);
    const next = complexZeros(dim);
    // The ridge is taken implicitly: same limit, and no step is too long for it.
    const keep = 1 / (1 + (step * options.ridge) / (scale * scale));
    let moved = 0;
    for (let k = 0; k < dim; k++) {
      next.re[k] = keep * (z.re[k] - factor * gradient.re[k]);
      next.im[k] = keep * (z.im[k] - factor * gradient.im[k]);
      const [re, im] = [next.re[k] - z.re[k], next.im[k] - z.im[k]];
      moved += re * re + im * im;
    }
    rule.add(Math.sqrt(moved / squaredNorm(z)));
    z = next;
    await control.breathe();
  }
}

function readSeed(value: unknown): number {
  checkSeed(value);
  return value;
}
