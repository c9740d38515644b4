/** How many principal components to keep: on collinear inputs this matters more than anything else. */
import { truncated } from "../solve/inputMap.js";
import { bestOf } from "./choice.js";
import { type SearchLimits, search } from "./search.js";
import type { Study } from "./study.js";

/** Parts of the largest eigenvalue below which components are dropped; the first is the floor that every map has. */
const FLOORS = [1e-6, 1e-4, 1e-3, 1e-2];
/** Inputs with a smaller eigenvalue than this part of the largest are collinear enough to try other floors. */
const COLLINEAR = 1e-3;
/** Dimensions, as parts of the rows, that are tried when there are more of them than half the rows. */
const SHARES = [1 / 4, 1 / 8, 1 / 16];

/**
 * The study with the number of principal components at which a quick search has the least leave-one-out error.
 * Source: `math/learner` §1. Cost: one quick search per number.
 */
export async function chooseDimension(study: Study, limits: SearchLimits): Promise<Study> {
  const sizes = dimensionsToTry(study);
  if (sizes.length < 2) return sizes.length === 1 ? { ...study, inputs: truncated(study.inputs, sizes[0]) } : study;
  let best: { study: Study; score: number } | undefined;
  for (const k of sizes) {
    if (best && study.control.expired) break;
    const attempt = { ...study, inputs: truncated(study.inputs, k) };
    const run = search(attempt, { ...limits, restarts: 0, quick: true });
    for (;;) {
      const { done, value } = await run.next();
      if (!done) continue;
      const { score } = bestOf(value);
      if (!best || score < best.score) best = { study: attempt, score };
      break;
    }
  }
  return best?.study ?? study;
}

/** Different numbers of components worth a look, descending; none when the map is not a whitening one. */
function dimensionsToTry({ inputs, rows }: Study): number[] {
  const { eigenvalues, dim } = inputs;
  if (!eigenvalues) return [];
  const n = rows.rows;
  const most = Math.max(1, Math.min(dim, Math.floor(n / 2)));
  const sizes = dim > most ? SHARES.map((share) => Math.max(1, Math.floor(share * n))) : [dim];
  if (eigenvalues[dim - 1] < COLLINEAR) {
    for (const floor of FLOORS) sizes.push(Math.max(1, eigenvalues.filter((v) => v > floor).length));
  }
  return [...new Set(sizes.filter((k) => k <= most))].sort((a, b) => b - a);
}
