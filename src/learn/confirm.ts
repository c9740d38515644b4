/** Permutation test of a rank: does the same search find as much in residuals that cannot depend on the inputs? */
import { createRng } from "../base/rng.js";
import type { RankTest } from "../solve/report.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf, charged } from "./choice.js";
import { MomentFrames } from "./frames.js";
import { isHopped } from "./hops.js";
import { searchRank } from "./rankSearch.js";
import { type SearchLimits, search } from "./search.js";
import { isWide, type Study } from "./study.js";

const DRAWS = 12;
/** A ratio this far below so many draws needs no more of them. */
interface Clear {
  readonly draws: number;
  readonly part: number;
  readonly deviations: number;
}
const CLEAR_RANK: Clear = { draws: 3, part: 0.85, deviations: 3 };
/**
 * What a search over all ranks finds in noise has a long tail: with 150 rows and 50 inputs it often finds nothing and now and
 * then halves the score, so a few draws say little about the least of many.
 */
const CLEAR_SIGNAL: readonly Clear[] = [
  { draws: 4, part: 0.5, deviations: 4 },
  { draws: 12, part: 0.8, deviations: 4 },
];
/** With rows for every rank that is looked at, noise gives a search next to nothing, and never a tail. */
const CLEAR_SIGNAL_MANY: readonly Clear[] = [...CLEAR_SIGNAL, { draws: 12, part: 0.9, deviations: 4 }];
/** Fits with fewer degrees of freedom than this part of the rows cannot find much in noise. */
const HARMLESS = 1 / 20;

/** Whether a candidate is flexible enough for its rank to need the test. */
export const needsTest = (study: Study, candidate: Candidate): boolean =>
  candidate.rank > 0 && candidate.degreesOfFreedom > HARMLESS * study.rows.rows;

/**
 * Holds the fit of the rank below, permutes its residuals, and runs the search of the candidate's rank and degree on the
 * sum: its gain over the rank below is what the search finds in noise. The rank is rejected as soon as one draw gains as
 * much as the data did.
 * Source: `math/learner` §5. Cost: up to 12 searches at one rank and degree.
 */
export async function confirmRank(
  study: Study,
  candidate: Candidate,
  below: Candidate,
  restarts: number,
): Promise<RankTest> {
  const { rank, degree } = candidate;
  const ratio = candidate.score / below.score;
  const nullRatios: number[] = [];
  const decided = (confirmed: boolean): RankTest => ({ rank, degree, against: rank - 1, ratio, nullRatios, confirmed });
  for (let draw = 0; draw < DRAWS; draw++) {
    if (study.control.expired && draw > 0) break;
    const shuffled = permuted(study, below, draw);
    const frames = new MomentFrames(shuffled);
    const base =
      below.rank === 0
        ? below
        : await evaluate(shuffled, below.rank, below.degree, [{ name: "below", basis: below.basis }]);
    if (!base) continue;
    const run = searchRank(shuffled, {
      rank,
      frames,
      below: base.rank > 0 ? [base] : [],
      degrees: [degree],
      brief: false,
      restarts,
    });
    const found = await finished(run);
    nullRatios.push(found.length > 0 ? bestOf(found).score / base.score : 1);
    if (nullRatios[nullRatios.length - 1] <= ratio) return decided(false);
    if (isClear(ratio, nullRatios, CLEAR_RANK)) return decided(true);
  }
  return decided(true);
}

/** Draws against chance: one in fifty of pure noise may pass; the test of a linear signal adds one in two hundred. */
const SIGNAL_DRAWS = 49;
/** Where a search takes seconds: one in twenty. */
const WIDE_DRAWS = 19;
/** Ranks that every search looks at. */
const LEAST_RANKS = 3;

/**
 * Whether anything at all depends on the inputs: the whole search, on y in another order, against the least score (charged
 * for its degrees of freedom) that it had on the data, hops left out on both sides. The comparison of one rank with the next cannot replace it, since a search over ranks and degrees
 * has many chances to find something in noise.
 * Cost: up to 49 searches, 19 quick ones for wide tables; few for noise, and four for a clear signal.
 */
export async function confirmSignal(
  study: Study,
  candidates: readonly Candidate[],
  chosen: Candidate,
  limits: SearchLimits,
): Promise<RankTest> {
  const [constant] = candidates;
  const { rank, degree } = chosen;
  const least = (on: Study, found: readonly Candidate[]): number => {
    const sloped = found.filter((c) => c.rank > 0).map((c) => charged(on, c).score);
    return Math.min(1, ...sloped.map((score) => score / constant.score));
  };
  // Hops are most of the cost where rows are few; without them on both sides the test is as fair.
  const wide = isWide(study);
  const same = { ...limits, maxRank: Math.max(rank, LEAST_RANKS), hops: false, ...(wide ? { quick: true } : {}) };
  const few = isHopped(study, LEAST_RANKS);
  const clear = few ? CLEAR_SIGNAL : CLEAR_SIGNAL_MANY;
  const isOther = wide || few;
  const ratio = least(study, isOther ? await finished(search(study, same)) : candidates);
  const nullRatios: number[] = [];
  const decided = (confirmed: boolean): RankTest => ({ rank, degree, against: 0, ratio, nullRatios, confirmed });
  for (let draw = 0; draw < (wide ? WIDE_DRAWS : SIGNAL_DRAWS); draw++) {
    if (study.control.expired && draw > 0) break;
    nullRatios.push(least(study, await finished(search(permuted(study, constant, draw), same))));
    if (nullRatios[draw] <= ratio) return decided(false);
    if (clear.some((enough) => isClear(ratio, nullRatios, enough))) return decided(true);
  }
  return decided(true);
}

/** What a generator of candidates returns. */
async function finished(run: AsyncGenerator<Candidate, Candidate[]>): Promise<Candidate[]> {
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value;
  }
}

function isClear(ratio: number, nullRatios: readonly number[], { draws, part, deviations }: Clear): boolean {
  if (nullRatios.length < draws) return false;
  const mean = nullRatios.reduce((sum, v) => sum + v, 0) / nullRatios.length;
  const variance = nullRatios.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (nullRatios.length - 1);
  return ratio < part * Math.min(...nullRatios) && ratio < mean - deviations * Math.sqrt(variance);
}

/** The fit of a candidate plus its residuals in another order. */
function permuted(study: Study, { residuals }: Candidate, draw: number): Study {
  const { y, weights, seed } = study;
  const n = y.length;
  const root = weights?.map(Math.sqrt);
  const rho = root ? residuals.map((v, i) => (root[i] > 0 ? v / root[i] : 0)) : residuals;
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const rng = createRng(seed, "permutation", draw);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(rng.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return { ...study, y: y.map((v, i) => v - rho[i] + rho[order[i]]) };
}
