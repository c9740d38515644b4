/** How many principal components to keep: on collinear inputs this matters more than anything else. */
import { type InputMap, truncated } from "../solve/inputMap.js";
import { bestOf } from "./choice.js";
import { type SearchLimits, search } from "./search.js";
import { leadingCoordinates, type Study } from "./study.js";

/** Parts of the largest eigenvalue below which components are dropped; the first is the floor that every map has. */
const FLOORS = [1e-6, 1e-4, 1e-3, 1e-2];
/** Inputs with a smaller eigenvalue than this part of the largest are collinear enough to try other floors. */
const COLLINEAR = 1e-3;
/** Dimensions, as parts of the rows, that are tried when there are more of them than half the rows. */
const SHARES = [1 / 4, 1 / 8, 1 / 16];

/**
 * The study and map with the number of principal components at which a quick search has the least leave-one-out error.
 * @param map - the map that the study's rows were whitened by
 * Source: `math/learner` §1. Cost: one quick search per number.
 */
export async function chooseDimension(
  study: Study,
  map: InputMap,
  limits: SearchLimits,
): Promise<{ study: Study; map: InputMap }> {
  const sizes = dimensionsToTry(map, study.rows.rows);
  let best = { study, map, score: Number.POSITIVE_INFINITY };
  for (const k of sizes) {
    const attempt = leadingCoordinates(study, k);
    const cut = truncated(map, k);
    if (sizes.length === 1) return { study: attempt, map: cut };
    if (best.score < Number.POSITIVE_INFINITY && study.control.expired) break;
    const score = await quickScore(attempt, limits);
    if (score < best.score) best = { study: attempt, map: cut, score };
  }
  return best;
}

async function quickScore(study: Study, limits: SearchLimits): Promise<number> {
  const run = search(study, { ...limits, restarts: 0, quick: true });
  for (;;) {
    const { done, value } = await run.next();
    if (done) return bestOf(value).score;
  }
}

/** Different numbers of components worth a look, descending; none when the map is not a whitening one. */
function dimensionsToTry({ eigenvalues, dim }: InputMap, n: number): number[] {
  if (!eigenvalues) return [];
  const most = Math.max(1, Math.min(dim, Math.floor(n / 2)));
  const sizes = dim > most ? SHARES.map((share) => Math.max(1, Math.floor(share * n))) : [dim];
  if (eigenvalues[dim - 1] < COLLINEAR) {
    for (const floor of FLOORS) sizes.push(Math.max(1, eigenvalues.filter((v) => v > floor).length));
  }
  return [...new Set(sizes.filter((k) => k <= most))].sort((a, b) => b - a);
}
