/** Data larger than a search looks at: the choice is taken up again on more rows, which may support more. */

import { sampleRows } from "../data/rows.js";
import type { InputMap } from "../solve/inputMap.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf, choose, gains } from "./choice.js";
import { degreesFor, searchRank } from "./rankSearch.js";
import type { SearchLimits } from "./search.js";
import { type RawStudy, type Study, subsetOf, whitenedStudy } from "./study.js";

/** Growth of the sample from one level to the next, and the largest sample. */
const GROWTH = 4;
const LARGEST = 100_000;

/** The choice on the largest sample, and what was scored on it. */
export interface Refined {
  readonly study: Study;
  readonly candidates: Candidate[];
  readonly chosen: Candidate;
  /** Rows of every sample looked at. */
  readonly sizes: readonly number[];
}

/**
 * From the choice on `first` rows of the data: on four times as many rows, and again, the chosen rank and degree are
 * refitted from their basis and compared with one degree and one rank more, as long as those gain.
 *
 * @param all - all rows, raw; @param map - how they are whitened
 * @returns undefined when nothing could be scored in time
 */
export async function* refine(
  all: RawStudy,
  map: InputMap,
  first: number,
  given: Candidate,
  limits: SearchLimits,
): AsyncGenerator<Candidate, Refined | undefined> {
  const n = all.rows.rows;
  let chosen = given;
  let study: Study | undefined;
  let candidates: Candidate[] = [];
  const sizes: number[] = [];
  for (let size = GROWTH * first; size / GROWTH < n && size / GROWTH < LARGEST && chosen.rank > 0; size *= GROWTH) {
    const rows = Math.min(size, n, LARGEST);
    const sampled = rows < n ? subsetOf(all, sampleRows(n, rows, all.seed)) : all;
    study = await whitenedStudy(sampled, map);
    sizes.push(rows);
    candidates = [];
    for await (const candidate of extended(study, chosen, limits)) {
      candidates.push(candidate);
      yield candidate;
    }
    if (candidates.length === 0 || all.control.expired) break;
    chosen = choose(study, candidates);
  }
  return study && candidates.length > 0 ? { study, candidates, chosen, sizes } : undefined;
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
    const found = yield* searchRank(study, {
      rank,
      frames: undefined,
      below: [best],
      degrees: [degree],
      brief: true,
      restarts: 0,
    });
    if (found.length === 0 || !gains(study, best, bestOf(found))) return;
    best = bestOf(found);
  }
}
