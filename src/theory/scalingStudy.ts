/** How the time to learn a link grows with the dimension. */
import { checkChoice, checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { exp, log } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";
import { bootstrapHalfWidth, fitLine, type Interval, median, quantile } from "../base/statistics.js";
import { toMatrix } from "../math/dense.js";
import { leapExponents } from "../model/exponents.js";
import type { Link } from "../model/link.js";
import { plantedFlow, populationFlow } from "./populationFlow.js";
import { checkDims, checkStudyLink, STUDY_OPTIONS, type StudyOptions, startStudy } from "./studyTools.js";

const FLOWS = ["two-timescale", "planted"] as const;
const STARTS = ["gaussian", "diagonal"] as const;

/** What to run. */
export interface ScalingStudyOptions extends StudyOptions {
  /** Ascending dimensions d. */
  readonly dims: ArrayLike<number>;
  /** Starts per dimension, default 9. */
  readonly trials?: number;
  /** Default "two-timescale"; "planted" freezes the link. */
  readonly flow?: (typeof FLOWS)[number];
  /** "gaussian" (default): g/√d, one g per trial at every d; "diagonal": I/√d, which has one trial. */
  readonly start?: (typeof STARTS)[number];
  /** Directions r of the learner, default those of the link. */
  readonly rank?: number;
  /** Relative error of one step of a flow, default 1e-8. */
  readonly tolerance?: number;
}

/** Escape times against the dimension. */
export interface ScalingStudy {
  readonly flow: (typeof FLOWS)[number];
  readonly dims: readonly number[];
  /** Median time of the last escape over the trials that escape; null where none does. */
  readonly times: readonly (number | null)[];
  /** Lower and upper quartile of those times. */
  readonly quartiles: readonly (Interval | null)[];
  /** Number of trials that escape. */
  readonly escaped: readonly number[];
  readonly trials: number;
  readonly seed: number;
  /** Slope of log time in log d, by least squares; null unless two dimensions have times. */
  readonly exponent: number | null;
  /** 95 %: what the choice of trials leaves open (bootstrap) and what a power law does (residuals), together. */
  readonly interval: Interval | null;
  /** Power of d that theory gives: s − 1, planted max(0, s/2 − 1), with s the leap exponent; 0 stands for log d. */
  readonly predicted: number;
  /** Geometric mean of time/d^predicted; null for a logarithm. */
  readonly prefactor: number | null;
  /** Slope of the time itself in log d, which is what a logarithm has; null unless two dimensions have times. */
  readonly logSlope: number | null;
}

/**
 * Measures how the time of the last escape from a saddle grows with the dimension, and compares with theory: d^(s−1) for the
 * two-timescale flow, d^(s/2−1) with the link known, log d where the power is 0.
 *
 * Medians, because the mean over random starts is infinite. A planted flow of an odd link that starts on the wrong side never
 * escapes and is left out.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; an abort rejects with the signal's own reason
 * Source: [MI §5]. Cost: dims × trials flows, some milliseconds to tenths of a second each.
 */
export async function scalingStudy(link: Link, options: ScalingStudyOptions): Promise<ScalingStudy> {
  const known = ["dims", "trials", "flow", "start", "rank", "tolerance", ...STUDY_OPTIONS];
  const given = checkOptions(options, known, "scalingStudy");
  checkStudyLink(link);
  const dims = checkDims(given.dims, Math.max(2, link.rank));
  const flow = given.flow === undefined ? "two-timescale" : checkChoice(given.flow, "flow", FLOWS);
  const start = given.start === undefined ? "gaussian" : checkChoice(given.start, "start", STARTS);
  const asked = given.trials === undefined ? undefined : checkInteger(given.trials, "trials", { min: 1 });
  if (start === "diagonal" && (asked ?? 1) > 1) {
    throw new OptionError("RANGE", `trials is ${asked}; a diagonal start is always the same, so one is all there is.`, {
      details: { option: "trials", value: asked },
    });
  }
  const trials = asked ?? (start === "diagonal" ? 1 : 9);
  const rank = given.rank === undefined ? link.rank : checkInteger(given.rank, "rank", { min: 1 });
  if (flow === "planted" && rank !== link.rank) {
    throw new OptionError("RANGE", `rank is ${rank}; the planted problem has the link's own ${link.rank} directions.`, {
      details: { option: "rank", value: rank },
    });
  }
  const tolerance =
    given.tolerance === undefined ? 1e-8 : checkNumber(given.tolerance, "tolerance", { min: 1e-14, max: 0.1 });
  const { seed, signal, control, report } = startStudy(given);
  const common = { tolerance, signal, ...(flow === "planted" ? {} : { rank }) };
  const run = flow === "planted" ? plantedFlow : populationFlow;
  const expected = expectedEscapes(link, rank);
  const last: (number | undefined)[][] = dims.map(() => []);
  for (let trial = 0; trial < trials; trial++) {
    for (let i = 0; i < dims.length; i++) {
      await control.breathe();
      const from = start === "gaussian" ? { dim: dims[i], seed, trial } : { start: diagonal(rank, link.rank, dims[i]) };
      const { escapes } = await run(link, { ...common, ...from });
      // What has not left every saddle has not learnt the link.
      last[i].push(escapes.length < expected ? undefined : escapes[escapes.length - 1]?.time);
      report(`d = ${dims[i]}`, trial * dims.length + i + 1, trials * dims.length);
    }
  }
  const leap = Math.max(...leapExponents(link).steps.map((step) => step.exponent));
  const predicted = flow === "planted" ? Math.max(0, leap / 2 - 1) : leap - 1;
  return { flow, dims, trials, seed, ...summarize(dims, last, predicted, seed) };
}

/** Number of saddles that a flow with `rank` directions has to leave. */
function expectedEscapes(link: Link, rank: number): number {
  let learnt = 0;
  let count = 0;
  for (const { dimensions } of leapExponents(link).steps) {
    if (learnt >= rank) break;
    learnt += dimensions;
    count++;
  }
  return count;
}

function summarize(
  dims: readonly number[],
  last: readonly (readonly (number | undefined)[])[],
  predicted: number,
  seed: number,
): Omit<ScalingStudy, "flow" | "dims" | "trials" | "seed"> {
  const found = last.map((times) => times.filter((time): time is number => time !== undefined));
  const times = found.map((list) => (list.length > 0 ? median(list) : null));
  const quartiles = found.map((list): Interval | null =>
    list.length > 0 ? [quantile(list, 0.25), quantile(list, 0.75)] : null,
  );
  const trials = last[0].length;
  const whole = lineOf(dims, times);
  let interval: Interval | null = null;
  if (whole !== undefined) {
    const spread = bootstrapHalfWidth(trials, seed, (drawn) => {
      const again = last.map((list) => {
        const some = Array.from(drawn, (t) => list[t]).filter((time): time is number => time !== undefined);
        return some.length > 0 ? median(some) : null;
      });
      return lineOf(dims, again)?.slope;
    });
    const half = Math.sqrt(spread * spread + whole.halfWidth * whole.halfWidth);
    interval = [whole.slope - half, whole.slope + half];
  }
  const known = dims.flatMap((dim, i) => (times[i] === null ? [] : [{ dim, time: times[i] }]));
  const parts = known.map(({ dim, time }) => log(time) - predicted * log(dim));
  return {
    times,
    quartiles,
    escaped: found.map((list) => list.length),
    exponent: whole?.slope ?? null,
    interval,
    predicted,
    prefactor: predicted > 0 && parts.length > 0 ? exp(parts.reduce((a, b) => a + b, 0) / parts.length) : null,
    logSlope:
      known.length < 2
        ? null
        : fitLine(
            known.map(({ dim }) => log(dim)),
            known.map(({ time }) => time),
          ).slope,
  };
}

/** The line of log time in log d, when two dimensions have positive times. */
function lineOf(dims: readonly number[], times: readonly (number | null)[]) {
  const known = dims.flatMap((dim, i) => {
    const time = times[i];
    return time !== null && time > 0 ? [[log(dim), log(time)]] : [];
  });
  if (known.length < 2) return undefined;
  return fitLine(
    known.map(([x]) => x),
    known.map(([, y]) => y),
  );
}

/** I/√d, r×r⋆. */
function diagonal(rank: number, rankStar: number, dim: number) {
  const m = new Float64Array(rank * rankStar);
  for (let k = 0; k < Math.min(rank, rankStar); k++) m[k * rankStar + k] = 1 / Math.sqrt(dim);
  return toMatrix(m, rank, rankStar);
}
