/** Permutation test of a rank: does the same search find as much in residuals that cannot depend on the inputs? */
import { createRng } from "../base/rng.js";
import type { RankTest } from "../solve/report.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf } from "./choice.js";
import { momentFrames } from "./frames.js";
import { searchRank } from "./rankSearch.js";
import type { Study } from "./study.js";

const DRAWS = 12;
/** After this many draws a ratio far below all of them needs no more. */
const FEW_DRAWS = 3;
const FAR = 0.85;
const FAR_DEVIATIONS = 3;
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
  const decided = (confirmed: boolean): RankTest => ({ rank, degree, ratio, nullRatios, confirmed });
  for (let draw = 0; draw < DRAWS; draw++) {
    if (study.control.expired && draw > 0) break;
    const shuffled = permuted(study, below, draw);
    const frames = await momentFrames(shuffled, rank);
    const base =
      below.rank === 0
        ? below
        : await evaluate(shuffled, below.rank, below.degree, [{ name: "below", basis: below.basis }]);
    if (!base) continue;
    const run = searchRank(shuffled, {
      rank,
      frames,
      below: base.rank > 0 ? base : undefined,
      degrees: [degree],
      brief: false,
      restarts,
    });
    let found: Candidate[] = [];
    for (;;) {
      const { done, value } = await run.next();
      if (!done) continue;
      found = value;
      break;
    }
    nullRatios.push(found.length > 0 ? bestOf(found).score / base.score : 1);
    if (nullRatios[nullRatios.length - 1] <= ratio) return decided(false);
    if (nullRatios.length >= FEW_DRAWS && isFar(ratio, nullRatios)) return decided(true);
  }
  return decided(true);
}

function isFar(ratio: number, nullRatios: readonly number[]): boolean {
  const mean = nullRatios.reduce((sum, v) => sum + v, 0) / nullRatios.length;
  const variance = nullRatios.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (nullRatios.length - 1);
  return ratio < FAR * Math.min(...nullRatios) && ratio < mean - FAR_DEVIATIONS * Math.sqrt(variance);
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
