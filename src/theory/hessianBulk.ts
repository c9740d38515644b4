/** Edges of the bulk of (1/δ)Xᵀdiag(a)X for a law of a. */
import { bracketedRoot } from "../math/roots.js";

/** Mass at either end of the law that is left out: a sample of a million rows would hardly see it. */
const IGNORED_MASS = 3e-7;

/**
 * Left and right edge of the limiting spectrum of (1/δ)Σ aᵢxᵢxᵢᵀ, xᵢ of covariance I/d: the largest ψ(l) = l(1/δ + E[a/(l − a)])
 * over l < min(0, inf a), and the smallest over l > max(0, sup a).
 *
 * Source: [SI §e]; Silverstein & Choi (1995) for a ≥ 0. Cost: some dozens of passes.
 */
export function bulkEdges({ w, a }: CurvatureLaw, ratio: number): [number, number] {
  const inverse = 1 / ratio;
  const psi = (l: number): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (w[i] * a[i]) / (l - a[i]);
    return l * (inverse + sum);
  };
  if (inverse === 0) {
    // ψ falls to E a from the right and rises to it from the left.
    let mean = 0;
    for (let i = 0; i < a.length; i++) mean += w[i] * a[i];
    return [mean, mean];
  }
  const slope = (l: number): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
      const r = a[i] / (l - a[i]);
      sum += w[i] * r * r;
    }
    return inverse - sum;
  };
  const extremum = (end: number, direction: number, reach: number): number => {
    const near = end + direction * 1e-10 * reach;
    const atNear = slope(near);
    if (atNear >= 0) return psi(near);
    let far = near;
    let atFar = atNear;
    for (let step = 1e-3 * reach; atFar < 0; step *= 2) {
      far = near + direction * step;
      atFar = slope(far);
    }
    const root =
      direction > 0
        ? bracketedRoot(slope, near, far, atNear, atFar, 1e-12)
        : bracketedRoot(slope, far, near, atFar, atNear, 1e-12);
    return psi(root);
  };
  const least = Math.min(0, a[0]);
  const most = Math.max(0, a[a.length - 1]);
  const reach = Math.max(most - least, 1e-12);
  return [extremum(least, -1, reach), extremum(most, 1, reach)];
}

/** Curvatures a in ascending order, with weights w that sum to 1. */
export interface CurvatureLaw {
  readonly w: readonly number[];
  readonly a: readonly number[];
}

/** The law of values with given weights, without its outermost mass: extremes that no sample of usual size has. */
export function curvatureLaw(weights: Float64Array, values: Float64Array): CurvatureLaw {
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  let first = 0;
  for (let mass = 0; first < order.length - 1; first++) {
    mass += weights[order[first]];
    if (mass > IGNORED_MASS) break;
  }
  let last = order.length - 1;
  for (let mass = 0; last > first; last--) {
    mass += weights[order[last]];
    if (mass > IGNORED_MASS) break;
  }
  const kept = order.slice(first, last + 1);
  const total = kept.reduce((sum, i) => sum + weights[i], 0);
  return { w: kept.map((i) => weights[i] / total), a: kept.map((i) => values[i]) };
}
