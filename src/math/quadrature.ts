/** Gauss–Hermite nodes and weights, and a rule for the two half-lines that forgives a kink at 0. */
import { checkInteger } from "../base/assert.js";
import { cos, normalDensity } from "../base/elementary.js";
import { symmetricEigen } from "./dense.js";
import { hermiteInto } from "./hermite.js";

/** Nodes ascending; Σ weights·g(nodes) ≈ E g(z), z standard normal; weights sum to 1. */
export interface QuadratureRule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

/** Largest rule: the Christoffel sums of larger ones near the limits of doubles (n ≳ 350) [MI §1.3]. */
export const MAX_NODES = 200;

const rules = new Map<number, QuadratureRule>();

/**
 * The n-point Gauss–Hermite rule of the standard normal law, exact for polynomials of degree ≤ 2n − 1; symmetric.
 *
 * Nodes are the eigenvalues of the symmetric tridiagonal matrix with off-diagonals √1…√(n−1) (Golub & Welsch), isolated
 * by Sturm counts and polished by Newton steps on h_n; weights are 1/Σ_{k<n} h_k(x)², which keeps the relative accuracy of
 * tiny weights.
 *
 * @returns fresh arrays
 * @throws {OptionError} `TYPE`, `RANGE` unless n is an integer in 1…200
 * Source: [MI §1.3]. Cost: O(n²) the first time, cached.
 */
export function gaussHermite(n: number): QuadratureRule {
  checkInteger(n, "n", { min: 1, max: MAX_NODES });
  let rule = rules.get(n);
  if (rule === undefined) {
    rule = buildRule(n);
    rules.set(n, rule);
  }
  return { nodes: rule.nodes.slice(), weights: rule.weights.slice() };
}

function buildRule(n: number): QuadratureRule {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  const h = new Float64Array(n + 1);
  for (let i = 0; i < Math.floor(n / 2); i++) {
    // Node i from the right; its mirror image is exact.
    const x = polishedRoot(n, n - 1 - i, h);
    nodes[n - 1 - i] = x;
    nodes[i] = -x;
  }
  let total = 0;
  for (let i = 0; i < n; i++) {
    hermiteInto(nodes[i], n - 1, h);
    let sum = 0;
    for (let k = 0; k < n; k++) sum += h[k] * h[k];
    weights[i] = 1 / sum;
    total += weights[i];
  }
  for (let i = 0; i < n; i++) weights[i] /= total;
  return { nodes, weights };
}

/** Number of eigenvalues of the Jacobi matrix below x: negative pivots of T − xI. */
function countBelow(n: number, x: number): number {
  let count = 0;
  let pivot = -x;
  for (let k = 1; ; k++) {
    if (pivot < 0) count++;
    if (k === n) return count;
    pivot = -x - k / (pivot === 0 ? 1e-300 : pivot);
  }
}

/** The eigenvalue with `index` others below it: bisection to isolate it, then Newton on h_n inside the bracket. */
function polishedRoot(n: number, index: number, h: Float64Array): number {
  let low = 0;
  let high = 2 * Math.sqrt(n) + 1;
  const narrow = 0.05 / Math.sqrt(n);
  while (high - low > narrow) {
    const middle = 0.5 * (low + high);
    if (countBelow(n, middle) <= index) low = middle;
    else high = middle;
  }
  let x = 0.5 * (low + high);
  for (let step = 0; step < 60; step++) {
    if (countBelow(n, x) <= index) low = x;
    else high = x;
    hermiteInto(x, n, h);
    let next = x - h[n] / (Math.sqrt(n) * h[n - 1]);
    // Rounding may put the last step an ulp outside the bracket; further out it is Newton that went astray.
    const slack = 4 * Number.EPSILON * high;
    if (!(next >= low - slack && next <= high + slack)) next = 0.5 * (low + high);
    const change = Math.abs(next - x);
    x = next;
    if (change <= slack) break;
  }
  return x;
}

const legendreRules = new Map<number, QuadratureRule>();

/**
 * The n-point Gauss–Legendre rule on (−1, 1): Σ weights·g(nodes) ≈ ∫g, weights sum to 2; symmetric.
 *
 * Newton steps on P_n from Tricomi's estimate of its roots; nodes and weights to a few ε.
 *
 * @returns fresh arrays
 * Cost: O(n²) the first time, cached.
 */
export function gaussLegendre(n: number): QuadratureRule {
  checkInteger(n, "n", { min: 1, max: 64 });
  let rule = legendreRules.get(n);
  if (rule === undefined) {
    rule = buildLegendreRule(n);
    legendreRules.set(n, rule);
  }
  return { nodes: rule.nodes.slice(), weights: rule.weights.slice() };
}

function buildLegendreRule(n: number): QuadratureRule {
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; 2 * i < n; i++) {
    let x = 2 * i + 1 === n ? 0 : cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    // Quadratic convergence: the bound on steps is never met.
    for (let step = 0; step < 20; step++) {
      let [below, here] = [1, x];
      for (let k = 2; k <= n; k++) [below, here] = [here, ((2 * k - 1) * x * here - (k - 1) * below) / k];
      slope = (n * (x * here - below)) / (x * x - 1);
      const change = here / slope;
      x -= change;
      if (Math.abs(change) <= Number.EPSILON) break;
    }
    nodes[i] = -x;
    nodes[n - 1 - i] = x;
    weights[i] = weights[n - 1 - i] = 2 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}

const splitRules = new Map<number, QuadratureRule>();

/**
 * A rule of 2·half nodes that treats the half-lines z < 0 and z > 0 apart: exact for functions that are one polynomial of
 * degree ≤ 2·half − 1 on each, such as relu, abs and sign, where Gauss–Hermite converges like a small power of n.
 *
 * The recurrence of the half-normal law comes from a fine composite Gauss–Legendre discretisation (Stieltjes), its nodes
 * from the Jacobi matrix.
 *
 * @param half - nodes per half-line, 1…64
 * @returns fresh arrays
 * Source: Gautschi, Orthogonal Polynomials (2004), §2.2. Cost: O(half³) the first time, cached.
 */
export function splitGaussHermite(half: number): QuadratureRule {
  checkInteger(half, "half", { min: 1, max: 64 });
  let rule = splitRules.get(half);
  if (rule === undefined) {
    rule = buildSplitRule(half);
    splitRules.set(half, rule);
  }
  return { nodes: rule.nodes.slice(), weights: rule.weights.slice() };
}

function buildSplitRule(half: number): QuadratureRule {
  const { nodes: x, weights: w } = halfNormalMeasure();
  const alpha = new Float64Array(half);
  const beta = new Float64Array(half + 1);
  // Discretised Stieltjes procedure on the orthonormal polynomials.
  let previous = new Float64Array(x.length);
  let current = new Float64Array(x.length).fill(1);
  for (let k = 0; k < half; k++) {
    let moment = 0;
    for (let i = 0; i < x.length; i++) moment += w[i] * x[i] * current[i] * current[i];
    alpha[k] = moment;
    const next = new Float64Array(x.length);
    let size = 0;
    for (let i = 0; i < x.length; i++) {
      next[i] = (x[i] - alpha[k]) * current[i] - beta[k] * previous[i];
      size += w[i] * next[i] * next[i];
    }
    beta[k + 1] = Math.sqrt(size);
    for (let i = 0; i < x.length; i++) next[i] /= beta[k + 1];
    previous = current;
    current = next;
  }
  const jacobi = new Float64Array(half * half);
  for (let k = 0; k < half; k++) {
    jacobi[k * half + k] = alpha[k];
    if (k > 0) jacobi[k * half + k - 1] = jacobi[(k - 1) * half + k] = beta[k];
  }
  const { values } = symmetricEigen(jacobi, half);
  const nodes = new Float64Array(2 * half);
  const weights = new Float64Array(2 * half);
  let total = 0;
  for (let i = 0; i < half; i++) {
    let sum = 1;
    let below = 0;
    let here = 1;
    for (let k = 0; k + 1 < half; k++) {
      const above = ((values[i] - alpha[k]) * here - beta[k] * below) / beta[k + 1];
      below = here;
      here = above;
      sum += here * here;
    }
    nodes[half + i] = values[i];
    nodes[half - 1 - i] = -values[i];
    weights[half + i] = weights[half - 1 - i] = 1 / sum;
    total += 2 / sum;
  }
  for (let i = 0; i < 2 * half; i++) weights[i] /= total;
  return { nodes, weights };
}

let halfMeasure: QuadratureRule | undefined;

/** The half-normal law as 40 panels of 20 Gauss–Legendre points on (0, 40): far beyond where its moments ≤ 127 live. */
function halfNormalMeasure(): QuadratureRule {
  if (halfMeasure !== undefined) return halfMeasure;
  const panelRule = gaussLegendre(20);
  const nodes: number[] = [];
  const weights: number[] = [];
  for (let panel = 0; panel < 40; panel++) {
    for (let i = 0; i < panelRule.nodes.length; i++) {
      const x = panel + 0.5 * (panelRule.nodes[i] + 1);
      nodes.push(x);
      weights.push(panelRule.weights[i] * normalDensity(x));
    }
  }
  halfMeasure = { nodes: Float64Array.from(nodes), weights: Float64Array.from(weights) };
  return halfMeasure;
}
