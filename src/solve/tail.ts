/** What the polynomial does outside the sample, chosen by the rows nearest to the outside. */
import type { Workspace } from "../kernel/workspace.js";
import { Link, type LinkTail } from "../model/link.js";
import { type Penalty, solveLink } from "./linkSolve.js";

/** Share of rows, innermost by |z|, on which the trial link is fitted. */
const INNER = 0.95;
/** Linear continuation is kept unless another choice is better by more than this. */
const PREFERENCE = 1.1;
/** Below this degree a polynomial is the truth more often than not, and clipping it only harms. */
const LOWEST_CHOSEN_DEGREE = 3;
/** Outer rows needed for a verdict. */
const FEWEST_OUTER = 5;

/** A clip holds the value at this quantile of |z|: the polynomial is least certain at the very last rows. */
const CLIPPED = 0.998;

export interface TailChoice {
  readonly tail: LinkTail;
  /** Mean squared error of each continuation on the outer rows, y of variance 1; absent when nothing was compared. */
  readonly scores?: { readonly none: number; readonly linear: number; readonly clip: number };
}

/**
 * Refits the link on the inner 95 % of rows at the current point, scores three continuations on the outer 5 %, and
 * applies the winner beyond the largest training radius; the plain polynomial is kept to twice that radius and goes on
 * linearly, so that no prediction explodes.
 *
 * @param z - n×r projections, @param y - standardized responses
 * Source: [MI §7.8], `math/learner` §6. Cost: one pass over the features.
 */
export async function chooseTail(
  workspace: Workspace,
  penalty: Penalty,
  z: Float64Array,
  y: Float64Array,
): Promise<TailChoice> {
  const { rank, degree, samples } = workspace.layout.shape;
  const radii = radiiOf(z, samples, rank);
  const sorted = radii.slice().sort();
  const radius = sorted[samples - 1] > 0 ? sorted[samples - 1] : 1;
  const loose: TailChoice = { tail: { kind: "linear", radius: 2 * radius } };
  if (rank === 0 || degree < LOWEST_CHOSEN_DEGREE) return loose;
  const inner = sorted[Math.floor(INNER * (samples - 1))];
  const outside: number[] = [];
  const keep = new Uint8Array(samples);
  for (let i = 0; i < samples; i++) {
    if (radii[i] > inner) outside.push(i);
    else keep[i] = 1;
  }
  if (outside.length < FEWEST_OUTER || !(inner > 0)) return { tail: { kind: "linear", radius } };
  await workspace.accumulateKept(keep);
  const coefficients = solveLink(workspace, penalty);
  const points = new Float64Array(outside.length * rank);
  outside.forEach((i, at) => {
    points.set(z.subarray(i * rank, (i + 1) * rank), at * rank);
  });
  const weights = workspace.rowWeights();
  const error = (tail?: LinkTail): number => {
    const link = Link.fromCoefficients(coefficients, { rank, degree, ...(tail ? { tail } : {}) });
    const { values } = link.evaluateMany(points, outside.length);
    let sum = 0;
    outside.forEach((i, at) => {
      sum += (weights ? weights[i] : 1) * (y[i] - values[at]) ** 2;
    });
    return sum / outside.length;
  };
  const scores = {
    none: error(),
    linear: error({ kind: "linear", radius: inner }),
    clip: error({ kind: "clip", radius: inner }),
  };
  const best = Math.min(scores.none, scores.linear, scores.clip);
  if (scores.linear <= PREFERENCE * best) return { tail: { kind: "linear", radius }, scores };
  if (scores.clip > best) return { ...loose, scores };
  return { tail: { kind: "clip", radius: quantile(sorted, CLIPPED) }, scores };
}

/** Quantile of ascending values, linear between neighbours. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

function radiiOf(z: Float64Array, n: number, r: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let k = 0; k < r; k++) sum += z[i * r + k] * z[i * r + k];
    out[i] = Math.sqrt(sum);
  }
  return out;
}

/** Largest |z| of n rows. */
export const largestRadius = (z: Float64Array, n: number, r: number): number =>
  radiiOf(z, n, r).reduce((most, rho) => Math.max(most, rho), 0);
