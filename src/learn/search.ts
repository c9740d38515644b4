/** Which rank and degree the data support: grown one at a time while leave-one-out errors fall. */
import type { Candidate } from "./candidate.js";
import { bestOf, charged, gains } from "./choice.js";
import { MomentFrames } from "./frames.js";
import { degreesFor, PASSING, RankSearch, THOROUGH } from "./rankSearch.js";
import type { Study } from "./study.js";

/** What the user fixed. */
export interface SearchLimits {
  readonly rank?: number;
  readonly degree?: number;
  readonly restarts: number;
  /** The last rank to look at. */
  readonly maxRank?: number;
  /** Whether starts hop where rows are few; by default they do. */
  readonly hops?: boolean;
  /** A quick look: two ranks, no hops, few starts. */
  readonly quick?: boolean;
}

const MAX_RANK = 8;
const QUICK_RANKS = 2;
/** Ranks that are always looked at: a product of three directions shows nothing before the third. */
const ALWAYS = 3;
/** After a rank that took the score to less than this part, what is left shows in the residuals of that rank. */
const CLIFF = 0.5;
/** Scores below which nothing is left to explain, or not worth another rank unless it halves them. */
const EXACT = 1e-5;
const NEARLY_EXACT = 1e-4;
/** Ranks whose score is within this factor of the best may be chosen. */
const CONTENDER = 1.15;

/**
 * Grows the rank from 1. Yields every candidate as it is found; returns them all.
 * Source: `math/learner` §5.
 */
export async function* search(study: Study, limits: SearchLimits): AsyncGenerator<Candidate, Candidate[]> {
  const dim = study.inputs.dim;
  const all: Candidate[] = [constant(study)];
  const first = limits.rank ?? 1;
  const last = Math.min(dim, limits.rank ?? limits.maxRank ?? (limits.quick ? QUICK_RANKS : MAX_RANK));
  if (last < 1) return all;
  const frames = new MomentFrames(study);
  const searches: RankSearch[] = [];
  let best: Candidate | undefined;
  let below: Candidate[] = [];
  let beforeTop = all[0].score;
  let leapt = false;
  let idle = 0;
  for (let rank = first; rank <= last; rank++) {
    if (study.control.expired && best) break;
    const degrees = limits.degree === undefined ? degreesFor(study, rank) : [limits.degree];
    const brief = (rank > ALWAYS && idle > 0) || leapt || limits.quick === true;
    const { restarts, hops = true } = limits;
    const one = new RankSearch(study, { rank, frames, below, rival: best, degrees, brief, restarts, hops });
    yield* one.run(rank === 1 || limits.rank !== undefined ? THOROUGH : PASSING);
    const { found } = one;
    if (found.length === 0) break;
    searches.push(one);
    const top = bestOf(found);
    // By the errors that the choice will compare: where parameters use up the rows, every further rank gains without it.
    const gained = best === undefined || gains(study, charged(study, best), charged(study, top));
    const before = best?.score ?? Number.POSITIVE_INFINITY;
    if (best === undefined || top.score < best.score) best = top;
    leapt = top.score < CLIFF * beforeTop;
    beforeTop = top.score;
    below = found;
    idle = gained ? 0 : idle + 1;
    if (best.score < EXACT || (best.score < NEARLY_EXACT && best.score > before / 2)) break;
    // Against a line of a degree that several directions do not reach, three have no more to offer than two.
    if (!gained && best.degree > degrees[degrees.length - 1]) break;
    if (rank >= ALWAYS && idle >= (rank > ALWAYS ? 1 : 2)) break;
  }
  // Ranks were passed through at the degrees that lead on; those that may be chosen get all that they can use.
  for (const one of searches) {
    const rivals = searches.flatMap(({ found }) => found);
    if (!limits.quick && bestOf(one.found).score < CONTENDER * bestOf(rivals).score) yield* one.run(THOROUGH);
  }
  return [all[0], ...searches.flatMap(({ found }) => found)];
}

/** The mean of y as a candidate of rank 0. */
export function constant({ rows, y, weights }: Study): Candidate {
  const n = rows.rows;
  let total = 0;
  for (let i = 0; i < n; i++) total += weights ? weights[i] : 1;
  const errors = y.map((v, i) => v / Math.max(1 - (weights ? weights[i] : 1) / total, 1e-3));
  let score = 0;
  let meanSquare = 0;
  for (let i = 0; i < n; i++) {
    const w = (weights ? weights[i] : 1) / total;
    score += w * errors[i] ** 2;
    meanSquare += w * y[i] ** 2;
  }
  return {
    rank: 0,
    degree: 0,
    basis: new Float64Array(0),
    ridge: 0,
    score,
    errors,
    degreesOfFreedom: 1,
    gcv: score,
    meanSquare,
    gradientMoment: new Float64Array(0),
    residuals: weights ? y.map((v, i) => v * Math.sqrt(weights[i])) : y,
    projections: new Float64Array(0),
    radius: 1,
    coefficients: Float64Array.of(0),
    start: "none",
  };
}
