/** How many samples a fit needs, and how their number grows with the dimension. */
import { checkChoice, checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { exp, log } from "../base/elementary.js";
import { createRng } from "../base/rng.js";
import { fitLine, type Interval, NORMAL_POINT, square } from "../base/statistics.js";
import { type PlantedLink, sampleMultiIndex } from "../data/planted.js";
import { fitMultiIndex } from "../learn/fitMultiIndex.js";
import { featureCount } from "../math/multiIndex.js";
import { subspaceDistance } from "../model/compare.js";
import type { Link } from "../model/link.js";
import {
  checkDims,
  checkStudyLink,
  STUDY_OPTIONS,
  type StudyOptions,
  type StudyRun,
  startStudy,
} from "./studyTools.js";

const METHODS = ["gauss-newton", "lbfgs", "preconditioned-gradient", "gradient-flow"] as const;

const STUDIED_STARTS = ["random", "slices", "linear-hessian", "spectral"] as const;

/** What to run. */
export interface SampleComplexityOptions extends StudyOptions {
  /** Ascending dimensions d. */
  readonly dims: ArrayLike<number>;
  /** Fits per number of samples, each with data and a Haar start of its own, default 12. */
  readonly trials?: number;
  /** Noise added to the responses, default 0. */
  readonly noiseStd?: number;
  /** Factor from one number of samples to the next, default 1.45. */
  readonly growth?: number;
  /** Distance of subspaces below which a fit has found the truth, radians, default 0.4. */
  readonly distance?: number;
  /** Method of `fitMultiIndex`, default "gauss-newton". */
  readonly method?: (typeof METHODS)[number];
  /** Start of the fits: "random" (default), which measures the descent, or a moment start of `fitMultiIndex`. */
  readonly start?: (typeof STUDIED_STARTS)[number];
  /** Iterations of a fit at most, default those of `fitMultiIndex`. */
  readonly maxIterations?: number;
  /** Where n stops growing, default 200 000. */
  readonly maxSamples?: number;
}

/** Successes at one number of samples. */
export interface SuccessCount {
  readonly samples: number;
  readonly successes: number;
}

/** Samples needed in one dimension. */
export interface SampleNeed {
  readonly dim: number;
  /** n at which half of the fits succeed; null when `maxSamples` did not suffice. */
  readonly half: number | null;
  /** What was tried, by ascending number of samples. */
  readonly tried: readonly SuccessCount[];
}

/** n₅₀ against the dimension. */
export interface SampleComplexity {
  readonly dims: readonly number[];
  /** n₅₀ per dimension, null where `maxSamples` did not suffice. */
  readonly samples: readonly (number | null)[];
  readonly needs: readonly SampleNeed[];
  /** Slope of log n₅₀ in log d; null unless two dimensions have it. */
  readonly exponent: number | null;
  /** 95 %, from the counts' binomial noise; wider when the points depart from a power law by more than that. */
  readonly interval: Interval | null;
  readonly trials: number;
  readonly seed: number;
}

/**
 * Measures the number of samples at which half of the fits find the subspace: for each dimension n grows by a factor until half
 * of the trials, each with fresh data and one random start, end within `distance` of the truth; n₅₀ is interpolated on a log scale.
 *
 * With random starts, the default, this measures the descent; with a moment start it measures that start.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; an abort rejects with the signal's own reason
 * Source: [MI §8]. Cost: about 5 × trials fits per dimension.
 */
export async function sampleComplexityStudy(link: Link, options: SampleComplexityOptions): Promise<SampleComplexity> {
  const own = ["dims", "trials", "noiseStd", "growth", "distance", "method", "start", "maxIterations", "maxSamples"];
  const given = checkOptions(options, [...own, ...STUDY_OPTIONS], "sampleComplexityStudy");
  checkStudyLink(link);
  const dims = checkDims(given.dims, Math.max(2, link.rank));
  const trials = given.trials === undefined ? 12 : checkInteger(given.trials, "trials", { min: 1 });
  const setup: Setup = {
    link,
    trials,
    noiseStd: given.noiseStd === undefined ? 0 : checkNumber(given.noiseStd, "noiseStd", { min: 0 }),
    growth: given.growth === undefined ? 1.45 : checkNumber(given.growth, "growth", { min: 1.05, max: 10 }),
    distance: given.distance === undefined ? 0.4 : checkNumber(given.distance, "distance", { above: 0 }),
    method: given.method === undefined ? "gauss-newton" : checkChoice(given.method, "method", METHODS),
    start: given.start === undefined ? "random" : checkChoice(given.start, "start", STUDIED_STARTS),
    ...(given.maxIterations === undefined
      ? {}
      : { maxIterations: checkInteger(given.maxIterations, "maxIterations", { min: 1 }) }),
    maxSamples: given.maxSamples === undefined ? 200_000 : checkInteger(given.maxSamples, "maxSamples", { min: 8 }),
  };
  const study = startStudy(given);
  const needs: SampleNeed[] = [];
  const slack: number[] = [];
  for (const [i, dim] of dims.entries()) {
    const before = needs.at(-1);
    const first = before?.half == null ? 2 * dim : (before.half * dim) / before.dim / setup.growth;
    const { need, logError } = await needAt(setup, dim, first, study, `d = ${dim} (${i + 1} of ${dims.length})`);
    needs.push(need);
    slack.push(logError);
  }
  return { dims, samples: needs.map((need) => need.half), needs, ...slopeOf(needs, slack), trials, seed: study.seed };
}

interface Setup {
  readonly link: Link;
  readonly trials: number;
  readonly noiseStd: number;
  readonly growth: number;
  readonly distance: number;
  readonly method: (typeof METHODS)[number];
  readonly start: (typeof STUDIED_STARTS)[number];
  readonly maxIterations?: number;
  readonly maxSamples: number;
}

/** Brackets half of the successes and interpolates; `logError` is the standard error of log n₅₀. */
async function needAt(
  setup: Setup,
  dim: number,
  first: number,
  study: StudyRun,
  phase: string,
): Promise<{ need: SampleNeed; logError: number }> {
  const { link, trials, growth, maxSamples } = setup;
  const least = Math.max(link.rank + 1, Math.min(dim, featureCount(link.rank, link.degree)) + 1);
  const tried = new Map<number, number>();
  const successesAt = async (n: number): Promise<number> => {
    const known = tried.get(n);
    if (known !== undefined) return known;
    let successes = 0;
    for (let trial = 0; trial < trials; trial++) {
      if (await succeeds(setup, dim, n, trial, study)) successes++;
      study.report(`${phase}, n = ${n}`, trial + 1, trials);
    }
    tried.set(n, successes);
    return successes;
  };
  let n = Math.min(maxSamples, Math.max(least, Math.round(first)));
  // Down while half succeed, then up while they do not: the bracket is the last pair.
  while ((await successesAt(n)) >= trials / 2 && n > least) n = Math.max(least, Math.floor(n / growth));
  while ((await successesAt(n)) < trials / 2 && n < maxSamples) n = Math.min(maxSamples, Math.ceil(n * growth));
  const sorted = Array.from(tried, ([samples, successes]) => ({ samples, successes })).sort(
    (a, b) => a.samples - b.samples,
  );
  const at = sorted.findIndex(({ successes }) => successes >= trials / 2);
  if (at < 0) return { need: { dim, half: null, tried: sorted }, logError: 0 };
  const high = sorted[at];
  const low = sorted[Math.max(0, at - 1)];
  const rise = (high.successes - low.successes) / trials;
  const share = at === 0 ? 1 : (0.5 - low.successes / trials) / rise;
  const step = at === 0 ? 0 : log(high.samples / low.samples);
  const half = at === 0 ? high.samples : low.samples * exp(share * step);
  // The curve's slope between the two turns the binomial error of ½ into one of log n; never beyond the whole step.
  const logError = at === 0 ? log(growth) : Math.min(step, (0.5 / Math.sqrt(trials)) * (step / rise));
  return { need: { dim, half, tried: sorted }, logError };
}

async function succeeds(setup: Setup, dim: number, samples: number, trial: number, study: StudyRun): Promise<boolean> {
  const { link, noiseStd, method, start, maxIterations } = setup;
  await study.control.breathe();
  const seed = createRng(study.seed, "samples", dim, samples, trial).integer(2147483647);
  const sample = sampleMultiIndex(link as PlantedLink, { dim, samples, noiseStd, seed });
  const fit = await fitMultiIndex(sample.X, sample.y, {
    rank: link.rank,
    degree: link.degree,
    method,
    start,
    restarts: 0,
    ...(maxIterations === undefined ? {} : { maxIterations }),
    whiten: "none",
    seed,
    signal: study.signal,
  });
  return subspaceDistance(fit.model.basis, sample.basis) < setup.distance;
}

function slopeOf(
  needs: readonly SampleNeed[],
  logErrors: readonly number[],
): { exponent: number | null; interval: Interval | null } {
  const known = needs.flatMap(({ dim, half }, i) =>
    half === null ? [] : [{ x: log(dim), y: log(half), error: logErrors[i] }],
  );
  if (known.length < 2) return { exponent: null, interval: null };
  const { slope, intercept } = fitLine(
    known.map(({ x }) => x),
    known.map(({ y }) => y),
  );
  const mean = known.reduce((sum, { x }) => sum + x, 0) / known.length;
  const spread = known.reduce((sum, { x }) => sum + square(x - mean), 0);
  const noise = known.reduce((sum, { x, error }) => sum + square((error * (x - mean)) / spread), 0);
  // Residuals beyond the counts' noise mean that it is no power law: the interval is widened by their ratio (Birge).
  const misfit = known.reduce((sum, { x, y, error }) => sum + square((y - intercept - slope * x) / error), 0);
  const ratio = known.length > 2 ? Math.max(1, misfit / (known.length - 2)) : 1;
  const half = NORMAL_POINT * Math.sqrt(noise * ratio);
  return { exponent: slope, interval: [slope - half, slope + half] };
}
