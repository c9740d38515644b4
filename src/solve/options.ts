/** Options of a fit, checked once into a filled record. */
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
import type { KernelChoice, MatrixLike, VectorLike } from "../base/types.js";
import type { Crew } from "../kernel/passes.js";
import { checkFeatureCount } from "../math/multiIndex.js";
import type { FeatureMap } from "../model/customLink.js";
import { MOMENT_STARTS, type MomentStart } from "./initialize.js";
import type { Whitening } from "./inputMap.js";
import { METHODS, type MethodName } from "./methods.js";

/** A number or typed array copied for the caller; changing it changes nothing in the fit. */
export interface FitProgress {
  /**
   * `"search"`: rank and degree are being chosen, one report per pair. `"screening"`: starts are compared by a few steps
   * each. `"descent"`: the best one is run to its end.
   */
  readonly phase: "search" | "screening" | "descent";
  /** Name of the start that is running. */
  readonly start: string;
  /** Rank and degree that are being looked at. */
  readonly rank: number;
  readonly degree: number;
  readonly iteration: number;
  /** Profiled loss J in the units of y². */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly stepSize: number;
  readonly elapsedMs: number;
}

const INTERVALS = ["leave-one-out", "split"] as const;

/** Where prediction intervals come from. */
export type Intervals = (typeof INTERVALS)[number];

const PRECISIONS = ["f64", "f32"] as const;

/** Of the copy of X that the descent works on. */
export type Precision = (typeof PRECISIONS)[number];

const BATCHES = ["auto", "none"] as const;

/** Whether starts may be compared on a part of many rows. */
export type Batches = (typeof BATCHES)[number];

const LINK_FAMILIES = ["auto", "hermite", "kernel", "relu"] as const;

/** A family of links, or features z ↦ φ(z) with their derivatives. */
export type LinkFamily = (typeof LINK_FAMILIES)[number] | FeatureMap;

/** Options of `fitMultiIndex`. */
export interface FitOptions {
  /** Number of directions r, 0 ≤ r ≤ d; 0 is the constant. `"auto"` grows it while leave-one-out errors fall. */
  readonly rank?: number | "auto";
  /** Total degree of the Hermite link. A number means that the link is one. */
  readonly degree?: number | "auto";
  readonly method?: MethodName;
  /** `"auto"` tries all moment starts; or one of them, `"random"`, or a d×r basis in raw coordinates. */
  readonly start?: "auto" | MomentStart | "random" | MatrixLike;
  /** Extra seeded random starts; the best start is kept. */
  readonly restarts?: number;
  /**
   * Family of f: `"hermite"` (a polynomial), `"kernel"` (a landmark Gaussian process), `"relu"`, or a feature map of the
   * caller's. `"auto"` begins with a polynomial and lets leave-one-out errors decide; a given degree means a polynomial.
   */
  readonly link?: LinkFamily;
  /**
   * With rank and degree given and rows in plenty, `"auto"` compares the starts, and four random ones more, on a seeded batch
   * of them, and on larger ones while it leaves doubt which minimum is the lowest; the descent that follows is on all rows, so
   * at the same minimum the answer is the same to `tolerance`. `"none"`: all rows from the first step. A single start, a given
   * ridge > 0, `"gradient-flow"` and `maxIterations: 0` never use batches.
   */
  readonly batches?: Batches;
  /** Relative ridge of the link solve, ≥ 0, or `"auto"` (generalized cross-validation). */
  readonly ridge?: number | "auto";
  /** n row weights ≥ 0. */
  readonly weights?: VectorLike;
  readonly whiten?: "auto" | Whitening;
  /**
   * Where prediction intervals come from: `"leave-one-out"` errors (default; all rows are fitted, coverage right as rows
   * grow), or `"split"`: a quarter of the rows is set aside, and coverage is exact at any number of rows (split
   * conformal). `model.calibrated` does the same with rows of the caller's.
   */
  readonly intervals?: Intervals;
  readonly maxIterations?: number;
  /** Stops when ‖grad J‖ ≤ tolerance·√(2J) for y of variance 1. */
  readonly tolerance?: number;
  readonly deadlineMs?: number;
  readonly seed?: number;
  readonly kernel?: KernelChoice;
  /**
   * `"f32"` keeps X standardized in single precision beside the given one (4nd bytes) and takes the descent's products with
   * it in floats, which pays when X is larger than the caches; means, variances, normal equations and everything else stay
   * doubles. Projections are then right to about 10⁻⁶ of their size, and the fit is that of rows moved by so much.
   */
  readonly precision?: Precision;
  /** Threads that share the rows, `"auto"` for as many as they keep busy; default 1. The result is the same. */
  readonly threads?: number | "auto";
  /** Parts in which sums over the rows are taken, by default few for few rows; other parts, other last digits. */
  readonly shards?: number;
  /** Who works on parts of the rows, in place of threads. */
  readonly crew?: Crew;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FitProgress) => void;
}

/** The same with everything decided that does not need the data. */
export interface FilledOptions {
  readonly rank: number | "auto";
  readonly degree: number | "auto";
  readonly method: MethodName;
  readonly start: "auto" | MomentStart | "random" | MatrixLike;
  readonly restarts: number;
  readonly batches: Batches;
  readonly link: LinkFamily;
  readonly ridge: number | "auto";
  readonly weights: VectorLike | undefined;
  readonly whiten: "auto" | Whitening;
  readonly intervals: Intervals;
  readonly maxIterations: number | undefined;
  readonly tolerance: number;
  readonly deadlineMs: number | undefined;
  readonly seed: number;
  readonly kernel: KernelChoice;
  readonly precision: Precision;
  readonly threads: number | "auto";
  readonly shards: number | undefined;
  readonly crew: Crew | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: FitProgress) => void) | undefined;
}

const NAMES: readonly (keyof FitOptions)[] = [
  "rank",
  "degree",
  "method",
  "start",
  "restarts",
  "batches",
  "link",
  "ridge",
  "weights",
  "whiten",
  "intervals",
  "maxIterations",
  "tolerance",
  "deadlineMs",
  "seed",
  "kernel",
  "precision",
  "threads",
  "shards",
  "crew",
  "signal",
  "onProgress",
];
const DEFAULT_TOLERANCE = 1e-6;
const DEFAULT_RESTARTS = 2;

/**
 * @throws {OptionError} `UNKNOWN` with the nearest name, `TYPE`, `RANGE`, or `TOO_LARGE` with the feature count and the
 * largest degree at this rank
 */
export function fillOptions(options: unknown): FilledOptions {
  const given = checkOptions(options, NAMES, "fitMultiIndex") as { readonly [K in keyof FitOptions]?: unknown };
  const seed = given.seed === undefined ? drawSeed() : readSeed(given.seed);
  const count = (value: unknown, name: string): number | "auto" =>
    value === undefined || value === "auto" ? "auto" : checkInteger(value, name, { min: 0, or: '"auto"' });
  const rank = count(given.rank, "rank");
  const degree = count(given.degree, "degree");
  if (rank !== "auto" && degree !== "auto") checkFeatureCount(rank, degree);
  const optional = <T>(value: unknown, check: (value: unknown) => T): T | undefined =>
    value === undefined ? undefined : check(value);
  return {
    rank,
    degree,
    method: optional(given.method, (v) => checkChoice(v, "method", METHODS)) ?? "gauss-newton",
    start: optional(given.start, checkStart) ?? "auto",
    restarts: optional(given.restarts, (v) => checkInteger(v, "restarts", { min: 0, max: 1e6 })) ?? DEFAULT_RESTARTS,
    batches: optional(given.batches, (v) => checkChoice(v, "batches", BATCHES)) ?? "auto",
    link: optional(given.link, checkLink) ?? "auto",
    ridge:
      optional(given.ridge, (v) => (v === "auto" ? "auto" : checkNumber(v, "ridge", { min: 0, or: '"auto"' }))) ??
      "auto",
    weights: given.weights as VectorLike | undefined,
    whiten: optional(given.whiten, (v) => checkChoice(v, "whiten", ["auto", "full", "scale", "none"])) ?? "auto",
    intervals: optional(given.intervals, (v) => checkChoice(v, "intervals", INTERVALS)) ?? "leave-one-out",
    maxIterations: optional(given.maxIterations, (v) => checkInteger(v, "maxIterations", { min: 0 })),
    tolerance: optional(given.tolerance, (v) => checkNumber(v, "tolerance", { min: 0 })) ?? DEFAULT_TOLERANCE,
    deadlineMs: optional(given.deadlineMs, (v) => checkNumber(v, "deadlineMs", { min: 0 })),
    seed,
    kernel: optional(given.kernel, (v) => checkChoice(v, "kernel", ["auto", "wasm", "reference"])) ?? "auto",
    precision: optional(given.precision, (v) => checkChoice(v, "precision", PRECISIONS)) ?? "f64",
    threads:
      optional(given.threads, (v) => (v === "auto" ? v : checkInteger(v, "threads", { min: 1, or: '"auto"' }))) ?? 1,
    shards: optional(given.shards, (v) => checkInteger(v, "shards", { min: 1 })),
    crew: optional(given.crew, checkCrew),
    signal: optional(given.signal, (v) => checkSignal(v)),
    onProgress: optional(given.onProgress, (v) => checkFunction(v, "onProgress") as (progress: FitProgress) => void),
  };
}

/** Feature maps are checked where they are first called. */
function checkLink(value: unknown): LinkFamily {
  if (typeof value === "object" && value !== null) {
    const { value: of, derivative } = value as { value?: unknown; derivative?: unknown };
    checkFunction(of, "link.value");
    checkFunction(derivative, "link.derivative");
    return value as FeatureMap;
  }
  return checkChoice(value, "link", LINK_FAMILIES, "a feature map { value, derivative }");
}

function checkCrew(value: unknown): Crew {
  checkFunction((value as { open?: unknown } | null)?.open, "crew.open");
  return value as Crew;
}

function readSeed(value: unknown): number {
  checkSeed(value);
  return value;
}

function checkStart(value: unknown): FilledOptions["start"] {
  if (typeof value === "string")
    return checkChoice(value, "start", ["auto", ...MOMENT_STARTS, "random"] as const, "a d×r basis");
  if (typeof value === "object" && value !== null) return value as MatrixLike;
  throw new OptionError("TYPE", `start is ${describe(value)}; expected a name or a d×r basis.`);
}
