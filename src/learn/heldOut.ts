/** Where leverages are approximations and a fit uses up many of its rows: candidates compared on rows left out of their fit. */
import { splitRows } from "../data/rows.js";
import { multiply } from "../math/dense.js";
import { featureCount } from "../math/multiIndex.js";
import { Link } from "../model/link.js";
import { tangentDirections } from "../solve/leaveOneOut.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf, charged } from "./choice.js";
import { type Study, subsetOf, weightedMean } from "./study.js";

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

/** What a comparison on held-out rows led to, and the mean squared error of every candidate in it, y of variance 1. */
export interface HeldOutChoice {
  readonly chosen: Candidate;
  readonly compared: readonly { readonly rank: number; readonly degree: number; readonly meanSquare: number }[];
}

/**
 * The candidate with the least error on a fifth of the rows when it is fitted again, from its own basis, to the others: the
 * given one, or the best of any rank below. A link of many features that meets rows far out for the first time shows what
 * leave-one-out errors of the first order do not. The errors are somewhat too small, since that basis has seen all rows.
 * Cost: one descent for every rank; nothing for rank 1.
 */
export async function leastHeldOut(
  study: Study,
  candidates: readonly Candidate[],
  given: Candidate,
): Promise<HeldOutChoice> {
  const rivals = [given];
  for (let rank = given.rank - 1; rank > 0; rank--) {
    const same = candidates.filter((c) => c.rank === rank);
    const costs = same.map((c) => charged(study, c));
    if (same.length > 0) rivals.push(same[costs.indexOf(bestOf(costs))]);
  }
  if (rivals.length === 1) return { chosen: given, compared: [] };
  const { train, test } = splitRows(study.rows.rows, HELD_OUT, study.seed);
  const [seen, unseen] = [subsetOf(study, train), subsetOf(study, test)];
  const compared: { rank: number; degree: number; meanSquare: number }[] = [];
  let chosen = given;
  let least = Number.POSITIVE_INFINITY;
  for (const rival of rivals) {
    const { rank, degree, start, basis } = rival;
    const again = await evaluate(seen, rank, degree, [{ name: start, basis }]);
    if (!again) continue;
    const meanSquare = errorOn(unseen, again);
    if (!Number.isFinite(meanSquare)) continue; // no weight on the rows held out, or predictions that overflow
    compared.push({ rank, degree, meanSquare });
    if (!(meanSquare < least)) continue;
    least = meanSquare;
    chosen = rival;
  }
  return { chosen, compared };
}

/** Mean squared error of a candidate on rows of other studies. */
function errorOn(study: Study, { rank, degree, basis, coefficients, radius }: Candidate): number {
  const { data, rows, columns } = study.rows;
  const tail = { kind: "linear" as const, radius: Math.max(radius, Number.MIN_VALUE) };
  const link = Link.fromCoefficients(coefficients, { rank, degree, tail });
  const { values } = link.evaluateMany(multiply(data, basis, rows, columns, rank), rows);
  return weightedMean(
    study,
    study.y.map((v, i) => (v - values[i]) ** 2),
  );
}
