/** Basin hopping where rows are few: the loss of a wrong basin then looks like that of the right one from afar. */
import { log } from "../base/elementary.js";
import { createRng } from "../base/rng.js";
import { orthonormalize } from "../math/grassmann.js";
import { follow, type Polished, type Portfolio } from "./starts.js";
import type { Study } from "./study.js";

/** Hops by start degree: the higher degree costs more and is needed less. */
const HOPS = { low: 60, high: 20 };
/** Entries of X up to which all hops are affordable; fewer beyond. */
const AFFORDED = 10_000;
const LARGEST_RANK = 3;
/** Rows per entry of the basis above which starts need no hops. */
const ROWS = 4;
/** Size of a random displacement, times d^(−1/2). */
const NOISE = 0.75;
const RESAMPLED_STEPS = 6;

/** Whether rows are so few that a rank is worth hopping for. */
export const isHopped = ({ inputs, rows }: Study, rank: number): boolean =>
  rank <= LARGEST_RANK && rows.rows < ROWS * rank * inputs.dim;

/**
 * From the best of some polished starts: alternately a random displacement, and a few steps on a Bayesian bootstrap
 * sample (exponential row weights), each followed by a descent on all rows; the best basin found becomes the next one
 * to hop from. Does nothing when rows suffice or two starts agree already.
 * Source: `math/learner` §2.
 */
export async function hop(
  study: Study,
  rank: number,
  degree: number,
  { found, agreed }: Portfolio,
): Promise<readonly Polished[]> {
  const { inputs, rows, seed } = study;
  const dim = inputs.dim;
  if (found.length === 0 || agreed || !isHopped(study, rank)) return found;
  let best = found[0];
  const wanted = degree <= 2 ? HOPS.low : HOPS.high;
  const hops = Math.ceil(wanted * Math.min(1, AFFORDED / (rows.rows * dim)));
  for (let k = 0; k < hops && !study.control.expired; k++) {
    const rng = createRng(seed, "hop", rank, degree, k);
    let basis: Float64Array;
    if (k % 2 === 0) {
      const moved = best.basis.map((v) => v + (NOISE / Math.sqrt(dim)) * rng.normal());
      basis = orthonormalize(moved, dim, rank, 0).basis;
    } else {
      const weights = Float64Array.from({ length: rows.rows }, () => -log(1 - rng.uniform()));
      const resampled = { ...study, weights: study.weights ? weights.map((w, i) => w * study.weights![i]) : weights };
      const [end] = await follow(resampled, rank, degree, [best], RESAMPLED_STEPS);
      if (!end) continue;
      basis = end.basis;
    }
    const [end] = await follow(study, rank, degree, [{ name: `hop ${k + 1}`, basis }]);
    if (end && end.loss < best.loss) best = end;
  }
  return best === found[0] ? found : [best, ...found];
}
