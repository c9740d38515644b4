/** Whether a fit leaves something that is a function of its own variables: residuals of neighbours resemble each other. */
import type { Candidate } from "./candidate.js";
import type { Study } from "./study.js";

/** Rows that are compared; larger data are thinned evenly. */
const MOST_ROWS = 2000;
/** Standard errors by which products of neighbouring residuals must exceed zero. */
const SIGNIFICANT = 2;

/**
 * Whether ρᵢρⱼ is above zero on average over rows i and their 2r nearest neighbours j in z, by two standard errors: what
 * a polynomial of too low a degree, or a kink, leaves behind, and noise does not.
 *
 * Rows that are neighbours of each other count twice, so the variance of the sum is at most 2Σ(ρᵢρⱼ)².
 * Cost: O(m²·r), m ≤ 2000 rows.
 */
export function lacksFit(
  { rows }: { readonly rows: Pick<Study["rows"], "rows"> },
  { rank, projections, residuals }: Pick<Candidate, "rank" | "projections" | "residuals">,
): boolean {
  const step = Math.ceil(rows.rows / MOST_ROWS);
  const m = Math.floor((rows.rows - 1) / step) + 1;
  const z = new Float64Array(m * rank);
  for (let i = 0; i < m; i++) z.set(projections.subarray(i * step * rank, (i * step + 1) * rank), i * rank);
  const neighbours = Math.min(2 * rank, m - 1);
  let sum = 0;
  let squares = 0;
  const distances = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    distancesFrom(z, rank, i, distances);
    for (let count = 0; count < neighbours; count++) {
      let j = 0;
      for (let k = 1; k < m; k++) if (distances[k] < distances[j]) j = k;
      distances[j] = Number.POSITIVE_INFINITY;
      const product = residuals[i * step] * residuals[j * step];
      sum += product;
      squares += product * product;
    }
  }
  return sum > SIGNIFICANT * Math.sqrt(2 * squares);
}

/** Squared distances of all points in r dimensions from point i, which is infinitely far from itself. */
function distancesFrom(z: Float64Array, r: number, i: number, out: Float64Array): void {
  for (let j = 0; j < out.length; j++) {
    let distance = 0;
    for (let k = 0; k < r; k++) distance += (z[i * r + k] - z[j * r + k]) ** 2;
    out[j] = j === i ? Number.POSITIVE_INFINITY : distance;
  }
}
