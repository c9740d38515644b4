/** Comparing candidates by their leave-one-out errors, and the choice among them. */
import type { Candidate } from "./candidate.js";
import { type Study, weightedMean } from "./study.js";

/** A gain must exceed this part of the best score, beside one standard error. */
const LEAST_GAIN = 0.02;
/**
 * Inside a rank, fewer degrees of freedom win over a better score by less than this many standard errors; more where
 * the signal is faint, since the best of many scores then owes much to chance.
 */
const NEARLY = { clear: 0.5, faint: 1 };
/** Scores above which hardly anything is explained. */
const FAINT = 0.8;

/**
 * The constant, or any lower rank where the signal is faint, holds against a best score within this many standard errors:
 * that score is the least of many.
 */
const DOUBT = 2;

/** Whether a candidate explains so little that a comparison with it is one of noise. */
export const isFaint = ({ score }: Pick<Candidate, "score">): boolean => score > FAINT;

/** Mean of e_a² − e_b² over the rows with its standard error. */
export function pairedDifference(study: Study, a: Candidate, b: Candidate): { mean: number; standardError: number } {
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
 * The smallest rank with a candidate within one paired standard error of the best score (two for the constant, and where
 * the signal is faint); in that rank the best score, or fewer degrees of freedom at nearly that.
 * Source: `math/learner` §5.
 */
export function choose(study: Study, candidates: readonly Candidate[]): Candidate {
  const best = bestOf(candidates);
  const within = (c: Candidate, to: Candidate, share: number): boolean => {
    const { mean, standardError } = pairedDifference(study, c, to);
    return mean <= share * standardError;
  };
  const doubt = (c: Candidate): number => (c.rank === 0 || isFaint(best) ? DOUBT : 1);
  const ranks = candidates.filter((c) => c === best || within(c, best, doubt(c))).map((c) => c.rank);
  const inside = candidates.filter((c) => c.rank === Math.min(...ranks));
  const top = bestOf(inside);
  const share = isFaint(top) ? NEARLY.faint : NEARLY.clear;
  const near = inside.filter((c) => c.degreesOfFreedom < top.degreesOfFreedom && within(c, top, share));
  return [top, ...near].reduce((a, b) => (b.degreesOfFreedom < a.degreesOfFreedom ? b : a));
}
