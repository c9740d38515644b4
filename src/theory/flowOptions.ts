/** Options of the flows → a start, a plan and a run control; what is known of a link. */
import { checkChoice, checkFunction, checkInteger, checkNumber, checkOptions, checkSignal } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import { checkSeed, createRng } from "../base/rng.js";
import type { MatrixLike } from "../base/types.js";
import { readVector } from "../data/input.js";
import { JacobiSolver } from "../math/jacobi.js";
import { multiIndexTable } from "../math/multiIndex.js";
import { checkLink } from "../model/checkLink.js";
import { leapExponents } from "../model/exponents.js";
import type { Link } from "../model/link.js";
import { checkNorm, readOverlap } from "./averaging.js";
import type { Threshold } from "./escapes.js";
import type { FlowPlan, FlowProgress } from "./flowRun.js";
import type { FlowLink } from "./flowSystem.js";
import { gaussianOverlap, haarOverlap } from "./starts.js";

/** How a flow starts, how long it runs and what is recorded. */
export interface FlowOptions {
  /** Ambient dimension d of a random start; it enters nowhere else. */
  readonly dim?: number;
  /** Directions r of the learner; default those of the link (or rows of `start`). */
  readonly rank?: number;
  /** Seed of a random start, default 0. */
  readonly seed?: number;
  /** Number of the start among those of one seed, default 0. */
  readonly trial?: number;
  /** M(0), r×r⋆; or "gaussian" (g/√dim with g of seed and trial, the default); or "haar" (a Haar frame in dim). */
  readonly start?: MatrixLike | "gaussian" | "haar";
  /** Ascending times ≥ 0 to record, and no others; the flow ends at the last. Default: those of the integrator. */
  readonly times?: ArrayLike<number>;
  /** Time at which the flow ends, default none. */
  readonly horizon?: number;
  /** Relative error of one step, default 1e-9. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FlowProgress) => void;
}

const OPTIONS = [
  "dim",
  "rank",
  "seed",
  "trial",
  "start",
  "times",
  "horizon",
  "tolerance",
  "maxIterations",
  "signal",
  "onProgress",
] as const;
const DEFAULT_TOLERANCE = 1e-9;
const MAX_ITERATIONS = 100_000;

/** A flow as asked for. */
export interface FlowSetup {
  readonly plan: FlowPlan;
  readonly control: RunControl;
  readonly link: FlowLink;
}

/**
 * Reads the options of a flow.
 *
 * @throws {OptionError}, {InputError} as the flows say
 */
export function readFlow(link: Link, options: FlowOptions, owner: string): FlowSetup {
  const given = checkOptions(options, OPTIONS, owner);
  checkLink(link);
  if (link.rank === 0) throw new InputError("RANK", "The link is a constant of no variables; it has no flow.");
  const signal = given.signal === undefined ? undefined : checkSignal(given.signal);
  if (given.onProgress !== undefined) checkFunction(given.onProgress, "onProgress");
  const times = given.times === undefined ? undefined : readTimes(given.times);
  const { data: start, rank } = readStart(link, given);
  const known = linkOf(link);
  const plan: FlowPlan = {
    rank,
    rankStar: link.rank,
    start,
    times,
    horizon: readHorizon(given.horizon, times),
    tolerance: checkNumber(given.tolerance ?? DEFAULT_TOLERANCE, "tolerance", { min: 1e-13, max: 0.01 }),
    maxIterations: checkInteger(given.maxIterations ?? MAX_ITERATIONS, "maxIterations", { min: 1 }),
    thresholds: thresholdsOf(known.leaps, Math.min(rank, link.rank), link.rank),
    monotone: false,
    onProgress: given.onProgress as FlowOptions["onProgress"],
  };
  return { plan, control: new RunControl({ signal }), link: known.link };
}

interface KnownLink {
  readonly link: FlowLink;
  readonly leaps: readonly Omit<Threshold, "count">[];
}

const knownLinks = new WeakMap<Link, KnownLink>();

/** The link without the degrees at its end that it does not have, and its leaps; found once per link. */
function linkOf(link: Link): KnownLink {
  const known = knownLinks.get(link);
  if (known !== undefined) return known;
  const { steps, intrinsicDimension } = leapExponents(link);
  const coefficients = link.coefficients;
  let last = coefficients.length - 1;
  while (last > 0 && coefficients[last] === 0) last--;
  const degree = multiIndexTable(link.rank, link.degree).totals[last];
  const used = coefficients.slice(0, multiIndexTable(link.rank, degree).size);
  const made: KnownLink = {
    link: { coefficients: used, rank: link.rank, degree, intrinsicDimension },
    leaps: steps.map(({ exponent, basis }, leap) => {
      return { leap, exponent, directions: Float64Array.from(basis.transpose().to1DArray()) };
    }),
  };
  knownLinks.set(link, made);
  return made;
}

/** The escapes to watch for with k singular values and p variables: leaps in their order, until all k are used. */
function thresholdsOf(leaps: KnownLink["leaps"], k: number, p: number): Threshold[] {
  const out: Threshold[] = [];
  let learnt = 0;
  for (const leap of leaps) {
    if (learnt >= k) break;
    const count = Math.min(leap.directions.length / p, k - learnt);
    out.push({ ...leap, count });
    learnt += count;
  }
  return out;
}

function readTimes(given: unknown): Float64Array {
  const times = readVector(given, "times").slice();
  for (let i = 0; i < times.length; i++) {
    if (times[i] >= (i === 0 ? 0 : times[i - 1])) continue;
    throw new InputError("RANGE", `times[${i}] is ${times[i]}; times must be ≥ 0 and ascending.`, {
      details: { index: i },
    });
  }
  return times;
}

function readHorizon(given: unknown, times: Float64Array | undefined): number {
  const last = times === undefined || times.length === 0 ? undefined : times[times.length - 1];
  if (given === undefined || given === Number.POSITIVE_INFINITY) return last ?? Number.POSITIVE_INFINITY;
  const horizon = checkNumber(given, "horizon", { min: 0 });
  if (last === undefined || horizon >= last) return horizon;
  throw new OptionError(
    "RANGE",
    `horizon is ${horizon}, before the last of the times, ${last}; leave it out or raise it.`,
    {
      details: { option: "horizon", value: horizon, last },
    },
  );
}

function readStart(link: Link, given: Readonly<Record<string, unknown>>): { data: Float64Array; rank: number } {
  const asked = given.rank === undefined ? undefined : checkInteger(given.rank, "rank", { min: 1 });
  const seed = given.seed ?? 0;
  checkSeed(seed);
  const trial = checkInteger(given.trial ?? 0, "trial", { min: 0 });
  if (given.start !== undefined && typeof given.start !== "string") {
    const { data, rows, columns } = readOverlap(given.start, link, "start");
    if (asked !== undefined && asked !== rows) {
      throw new InputError(
        "SHAPE",
        `start is ${rows}×${columns}, but rank is ${asked}; it has one row per learner's direction.`,
        {
          details: { rows, columns, rank: asked },
        },
      );
    }
    const svd = new JacobiSolver(rows, columns);
    svd.decompose(data);
    checkNorm(svd.values[0], "start");
    return { data, rank: rows };
  }
  const kind = checkChoice(given.start ?? "gaussian", "start", ["gaussian", "haar"], "an r×r⋆ matrix");
  if (given.dim === undefined) {
    throw new OptionError("TYPE", "dim is undefined; a random start needs the dimension. Give dim, or M(0) as start.");
  }
  const dim = checkInteger(given.dim, "dim", { min: 1 });
  const rank = asked ?? link.rank;
  if (dim < Math.max(rank, link.rank)) {
    throw new OptionError(
      "RANGE",
      `dim is ${dim}, but rank is ${rank} and the link has ${link.rank} variables; frames need a dimension that is no smaller.`,
      { details: { option: "dim", value: dim, rank, variables: link.rank } },
    );
  }
  const data =
    kind === "haar"
      ? haarOverlap(rank, link.rank, dim, createRng(seed, "haar", trial))
      : gaussianOverlap(rank, link.rank, dim, seed, trial);
  return { data, rank };
}
