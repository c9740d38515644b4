/** Two-timescale and planted flows in overlap coordinates: options in, trajectories out. */
import { checkChoice, checkFunction, checkInteger, checkNumber, checkOptions, checkSignal } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import { checkSeed, createRng } from "../base/rng.js";
import type { MatrixLike } from "../base/types.js";
import { readVector } from "../data/input.js";
import { JacobiSolver } from "../math/jacobi.js";
import { leapExponents } from "../model/exponents.js";
import type { Link } from "../model/link.js";
import { checkNorm, readOverlap } from "./averaging.js";
import { type Flow, type FlowPlan, type FlowProgress, runFlow, type Threshold } from "./flowRun.js";
import type { FlowLink } from "./flowSystem.js";
import { PlantedSystem } from "./plantedSystem.js";
import { gaussianOverlap, haarOverlap } from "./starts.js";
import { TwoTimescaleSystem } from "./twoTimescaleSystem.js";

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

/**
 * The two-timescale gradient flow on the population loss: the link is refitted at once, the subspace moves. In M = WᵀW⋆ it is
 * Ṁ = M B (I − MᵀM); d enters through the start only. Any r against any r⋆.
 *
 * The flow leaves the saddle of one leap after the other; `escapes` are the times at which the smallest cosine among that leap's new
 * directions passes ½. Spans of 17 decades are fine: an explicit method of order 8 runs in a time that follows the rate of the flow,
 * and an implicit one takes over where learnt directions relax much faster than the rest moves. Sines of learnt directions
 * are integrated on their own, and det MᵀM, which can only rise, is checked after every step.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; @throws {InputError} for a bad start or times, `RANGE` if ‖M(0)‖₂ > 1
 * @throws {NumericalError} `NOT_CONVERGED` if det MᵀM falls by more than the tolerance explains; rejects with the signal's reason
 * Source: [MI §3, §5]. Cost: some 50 steps of 12 evaluations of B; 1 ms for the staircase of three variables.
 */
export async function populationFlow(link: Link, options: FlowOptions = {}): Promise<Flow> {
  const { plan, control, flowLink } = readFlow(link, options, "populationFlow");
  control.throwIfAborted();
  // Without recorded overlaps nobody sees how W turns within its span.
  const isTurning = plan.times === undefined || plan.times.length > 0;
  const system = new TwoTimescaleSystem(flowLink, plan.rank, plan.tolerance, isTurning);
  return runFlow(system, { ...plan, monotone: true }, control);
}

/**
 * The gradient flow with the link known and frozen, on the Stiefel manifold: Ṁ = K − sym(M Kᵀ) M, r = r⋆.
 *
 * `loss` is ‖f‖² − ⟨f, A_M f⟩. The flow has "converged" when that is 0; a stable stationary point elsewhere is "trapped": another frame
 * of the same subspace, or m = 0 approached from the wrong side.
 *
 * @throws as `populationFlow`; `RANGE` for a rank other than the link's
 * Source: [MI §6].
 */
export async function plantedFlow(link: Link, options: FlowOptions = {}): Promise<Flow> {
  const { plan, control, flowLink } = readFlow(link, options, "plantedFlow");
  if (plan.rank !== link.rank) {
    throw new OptionError(
      "RANGE",
      `rank is ${plan.rank}; a planted flow has as many directions as the link, ${link.rank}.`,
      {
        details: { option: "rank", value: plan.rank },
      },
    );
  }
  control.throwIfAborted();
  return runFlow(new PlantedSystem(flowLink, plan.tolerance), { ...plan, monotone: false }, control);
}

function readFlow(link: Link, options: FlowOptions, owner: string) {
  const given = checkOptions(options, OPTIONS, owner);
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
    thresholds: thresholdsOf(known.leaps, Math.min(rank, link.rank)),
    monotone: false,
    onProgress: given.onProgress as FlowOptions["onProgress"],
  };
  return { plan, control: new RunControl({ signal }), flowLink: known.link };
}

interface KnownLink {
  readonly link: FlowLink;
  readonly leaps: readonly { readonly exponent: number; readonly dimensions: number }[];
}

const knownLinks = new WeakMap<Link, KnownLink>();

/** The link without degrees that it does not have, and its leaps; found once per link. */
function linkOf(link: Link): KnownLink {
  const known = knownLinks.get(link);
  if (known !== undefined) return known;
  const { steps, intrinsicDimension } = leapExponents(link);
  const made = {
    link: { coefficients: link.coefficients, rank: link.rank, degree: link.degree, intrinsicDimension },
    leaps: steps.map(({ exponent, dimensions }) => ({ exponent, dimensions })),
  };
  knownLinks.set(link, made);
  return made;
}

/** The escapes to watch for with k singular values. */
function thresholdsOf(leaps: KnownLink["leaps"], k: number): Threshold[] {
  const out: Threshold[] = [];
  let learnt = 0;
  for (const { exponent, dimensions } of leaps) {
    const next = Math.min(k, learnt + dimensions);
    if (next > learnt) out.push({ last: next - 1, count: next - learnt, exponent });
    learnt = next;
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
  const data =
    kind === "haar"
      ? haarOverlap(rank, link.rank, dim, createRng(seed, "haar", trial))
      : gaussianOverlap(rank, link.rank, dim, seed, trial);
  return { data, rank };
}
