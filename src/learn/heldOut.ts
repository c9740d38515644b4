/** Where leverages are approximations and a fit uses up many of its rows: candidates compared on rows that they have not seen. */
import { createRng } from "../base/rng.js";
import { multiply } from "../math/dense.js";
import { featureCount } from "../math/multiIndex.js";
import { Link } from "../model/link.js";
import { tangentDirections } from "../solve/leaveOneOut.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf, charged } from "./choice.js";
import { type Study, subsetOf } from "./study.js";

/** Degrees of freedom, as a part of the rows, above which first-order leave-one-out errors are not trusted by themselves. */
const FLEXIBLE = 1 / 4;
/** Part of the rows that is held out. */
const HELD_OUT = 1 / 5;

/** Whether a candidate should be compared with simpler ones on rows held out. */
export function isOverbold({ rows, inputs }: Study, { rank, degree, degreesOfFreedom }: Candidate): boolean {
  const isApproximate =
    rank < inputs.dim && tangentDirections(rows.rows, featureCount(rank, degree), rank, inputs.dim) === 0;
  return rank > 0 && isApproximate && degreesOfFreedom > FLEXIBLE * rows.rows;
}

/**
 * The candidate with the least error on a fifth of the rows when it is fitted again, from its own basis, to the others: the
 * given one, or the best of any rank below. A link of many features that meets rows far out for the first time shows what
 * leave-one-out errors of the first order do not.
 * Cost: one descent for every rank.
 */
export async function leastHeldOut(
  study: Study,
  candidates: readonly Candidate[],
  chosen: Candidate,
): Promise<Candidate> {
  const { rows, y, weights, seed } = study;
  const { data, rows: n, columns } = rows;
  const order = createRng(seed, "held out").permutation(n);
  const count = Math.round(HELD_OUT * n);
  const unseen = order.slice(0, count).sort();
  const seen = subsetOf(study, order.slice(count).sort());
  const x = new Float64Array(count * columns);
  unseen.forEach((row, i) => {
    x.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  const errorOf = async ({ rank, degree, start, basis }: Candidate): Promise<number> => {
    const again = await evaluate(seen, rank, degree, [{ name: start, basis }]);
    if (!again) return Number.POSITIVE_INFINITY;
    const tail = { kind: "linear" as const, radius: Math.max(again.radius, Number.MIN_VALUE) };
    const link = Link.fromCoefficients(again.coefficients, { rank, degree, tail });
    const { values } = link.evaluateMany(multiply(x, again.basis, count, columns, rank), count);
    return unseen.reduce((sum, row, i) => sum + (weights ? weights[row] : 1) * (y[row] - values[i]) ** 2, 0);
  };
  const rivals = [chosen];
  for (let rank = chosen.rank - 1; rank > 0; rank--) {
    const same = candidates.filter((c) => c.rank === rank);
    const costs = same.map((c) => charged(study, c));
    if (same.length > 0) rivals.push(same[costs.indexOf(bestOf(costs))]);
  }
  let best = chosen;
  let least = Number.POSITIVE_INFINITY;
  for (const rival of rivals.length > 1 ? rivals : []) {
    const error = await errorOf(rival);
    if (!(error < least)) continue;
    least = error;
    best = rival;
  }
  return best;
}
