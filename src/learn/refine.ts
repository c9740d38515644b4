/** Data larger than a search looks at: the choice is taken up again on more rows, which may support more. */
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf, choose, gains } from "./choice.js";
import { degreesFor, sampleRows, searchRank } from "./rankSearch.js";
import type { SearchLimits } from "./search.js";
import { type Study, subsetOf } from "./study.js";

/** Growth of the sample from one level to the next, and the largest sample. */
const GROWTH = 4;
const LARGEST = 100_000;

/**
 * From the choice on `first` rows of the data: on four times as many rows, and again, the chosen rank and degree are
 * refitted from their basis and compared with one degree and one rank more, as long as those gain.
 *
 * @param all - the study with all rows
 * @returns the last study and what was scored on it
 */
export async function* refine(
  all: Study,
  first: number,
  given: Candidate,
  limits: SearchLimits,
): AsyncGenerator<Candidate, { study: Study; candidates: Candidate[]; chosen: Candidate }> {
  const n = all.rows.rows;
  let chosen = given;
  let study = all;
  let candidates: Candidate[] = [];
  for (let size = GROWTH * first; size / GROWTH < n && size / GROWTH < LARGEST && chosen.rank > 0; size *= GROWTH) {
    const rows = Math.min(size, n, LARGEST);
    study = rows < n ? subsetOf(all, sampleRows(n, rows, all.seed)) : all;
    candidates = [];
    for await (const candidate of extended(study, chosen, limits)) {
      candidates.push(candidate);
      yield candidate;
    }
    if (candidates.length === 0 || all.control.expired) break;
    chosen = choose(study, candidates);
  }
  return { study, candidates, chosen };
}

/** The chosen rank and degree on these rows, then higher degrees and ranks while they gain. */
async function* extended(study: Study, chosen: Candidate, limits: SearchLimits): AsyncGenerator<Candidate, void> {
  let best: Candidate | undefined;
  const degrees = degreesFor(study, chosen.rank).filter((s) => s >= chosen.degree);
  for (const degree of limits.degree === undefined ? degrees : [limits.degree]) {
    const start = { name: chosen.start, basis: best?.basis ?? chosen.basis };
    const next = await evaluate(study, chosen.rank, degree, [start]);
    if (!next) break;
    yield next;
    if (best && !gains(study, best, next)) break;
    best = next;
  }
  while (best && limits.rank === undefined && best.rank < study.inputs.dim && !study.control.expired) {
    const rank = best.rank + 1;
    const degree = best.degree;
    const frames: [] = [];
    const found = yield* searchRank(study, { rank, frames, below: best, degrees: [degree], brief: true, restarts: 0 });
    if (found.length === 0 || !gains(study, best, bestOf(found))) return;
    best = bestOf(found);
  }
}
