/** Comparing candidates by their leave-one-out errors, and the choice among them. */
import { exp } from "../base/elementary.js";
import type { Candidate } from "./candidate.js";
import { type Study, weightedMean } from "./study.js";

/** A gain must exceed this part of the best score, beside one standard error. */
const LEAST_GAIN = 0.02;
/**
 * Inside a rank, fewer degrees of freedom win over a better score by less than this many standard errors; more where
 * much is left unexplained, since the best of many scores then owes much to chance.
 */
const NEARLY = { clear: 0.5, noisy: 1 };
/** Scores above which more than half is left unexplained. */
const NOISY = 0.6;
/** Scores above which hardly anything is explained. */
const FAINT = 0.8;

/** Whether a candidate explains so little that a comparison with it is one of noise. */
export const isFaint = ({ score }: Pick<Candidate, "score">): boolean => score > FAINT;

/** What was fitted and scored. */
type Scored = Pick<Candidate, "errors" | "score" | "degreesOfFreedom">;

/**
 * Leave-one-out errors charged for the search: they forget that directions, degree and basin were chosen by the same rows,
 * and what a search finds by chance grows with the degrees of freedom. Mean squares grow by exp(times·df/n).
 */
export function charged<T extends Scored>(study: Study, candidate: T, times = 1): T {
  const factor = exp((times * candidate.degreesOfFreedom) / study.rows.rows);
  const root = Math.sqrt(factor);
  return { ...candidate, score: candidate.score * factor, errors: candidate.errors.map((e) => e * root) };
}

/** Mean of e_a² − e_b² over the rows with its standard error. */
export function pairedDifference(
  study: Study,
  a: Pick<Candidate, "errors">,
  b: Pick<Candidate, "errors">,
): { mean: number; standardError: number } {
  const difference = a.errors.map((e, i) => e * e - b.errors[i] * b.errors[i]);
  const mean = weightedMean(study, difference);
  const variance = weightedMean(
    study,
    difference.map((v) => (v - mean) ** 2),
  );
  return { mean, standardError: Math.sqrt(variance / difference.length) };
}

/** Whether b's errors are below a's by more than a standard error and two per cent. */
export function gains(study: Study, a: Candidate, b: Candidate): boolean {
  const { mean, standardError } = pairedDifference(study, a, b);
  return mean > Math.max(standardError, LEAST_GAIN * a.score);
}

/** The lowest score; the first of equal ones. */
export const bestOf = (candidates: readonly Candidate[]): Candidate =>
  candidates.reduce((a, b) => (b.score < a.score ? b : a));

/**
 * By errors charged for the search: the smallest rank with a candidate within one paired standard error of the best; in that
 * rank the best score, or fewer degrees of freedom at nearly that. The constant only where no score is below its own:
 * whether anything depends on the inputs at all is for a test against chance.
 * Source: `math/learner` §5; the charge and the place of the constant were found on small noisy tables (bench/README.md).
 */
export function choose(study: Study, candidates: readonly Candidate[]): Candidate {
  const constant = candidates.find((c) => c.rank === 0);
  const sloped = candidates.filter((c) => c.rank > 0);
  if (constant && !sloped.some((c) => c.score < constant.score)) return constant;
  const costs = sloped.map((c) => charged(study, c));
  const best = bestOf(costs);
  const within = (c: Candidate, to: Candidate, share: number): boolean => {
    if (c === to) return true;
    const { mean, standardError } = pairedDifference(study, c, to);
    return mean <= share * standardError;
  };
  const rank = Math.min(...costs.filter((c) => within(c, best, 1)).map((c) => c.rank));
  const inside = costs.filter((c) => c.rank === rank);
  const top = bestOf(inside);
  const share = sloped[costs.indexOf(top)].score > NOISY ? NEARLY.noisy : NEARLY.clear;
  const near = inside.filter((c) => c.degreesOfFreedom < top.degreesOfFreedom && within(c, top, share));
  const chosen = [top, ...near].reduce((a, b) => (b.degreesOfFreedom < a.degreesOfFreedom ? b : a));
  return sloped[costs.indexOf(chosen)];
}
