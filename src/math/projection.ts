/** Hermite coefficients of a function that can only be called: tensor quadrature refined until they settle. */
import { describe } from "../base/assert.js";
import { normalDensity } from "../base/elementary.js";
import { InputError, OptionError } from "../base/errors.js";
import { hermiteInto } from "./hermite.js";
import { multiIndexTable } from "./multiIndex.js";
import { gaussHermite, gaussLegendre, MAX_NODES, type QuadratureRule, splitGaussHermite } from "./quadrature.js";

/** A function of r variables; it gets a fresh array at every call. */
export type PointFunction = (z: number[]) => number;

/** Coefficients found by quadrature, and how far to trust them. */
export interface ProjectedFunction {
  /** E[f·h_β], in the order of [MI §1.2]. */
  readonly coefficients: Float64Array;
  /** Estimated absolute error of one coefficient: what the last refinement changed, or rounding. */
  readonly error: number;
  /** Calls of f. */
  readonly evaluations: number;
}

/** Calls of f in one refinement; the whole costs about three times this at most. */
const MAX_EVALUATIONS = 2 ** 18;
/** Calls without which the degree cannot be resolved at all. */
const HARD_LIMIT = 2 ** 22;
const SETTLED = 2e-14;
/** Panels that may share the tolerance of an adaptive sum. */
const PANELS = 2000;

/**
 * Coefficients E[f(z)·h_β(z)], |β| ≤ degree, z standard normal in r variables, by quadrature.
 *
 * Gauss–Hermite rules grow until two agree to 2e-14 of ‖f‖. A function that is not smooth does not get there: with one
 * variable it is then integrated adaptively, which finds kinks and jumps by bisection; with more, rules that treat the half-axes
 * apart are tried, which forgive kinks on the coordinate planes. `error` says how well it went.
 *
 * @param budget - calls of f in one refinement, unless the degree needs more
 * @param tolerance - relative to ‖f‖, at which two rules agree
 * @throws {InputError} `CALLBACK` with the thrown error as cause, `TYPE`, `NOT_FINITE` with the point when f gives no finite number
 * @throws {OptionError} `TOO_LARGE` when (degree+1)^rank evaluations are too many
 * Source: [MI §1.3]. Cost: ≤ 2¹⁸ calls of f per refinement (more only if the degree needs it).
 */
export function projectFunction(
  f: PointFunction,
  rank: number,
  degree: number,
  budget: number = MAX_EVALUATIONS,
  tolerance: number = SETTLED,
): ProjectedFunction {
  let evaluations = 0;
  const call = (z: number[]): number => {
    evaluations++;
    return callAt(f, z);
  };
  if (rank === 0) return { coefficients: Float64Array.of(call([])), error: 0, evaluations };
  const minimum = degree + 1;
  const calls = integerPower(minimum, rank);
  if (calls > HARD_LIMIT) {
    throw new OptionError(
      "TOO_LARGE",
      `rank ${rank} with degree ${degree} needs ${calls} calls of the function; at most ${HARD_LIMIT} are made. The largest degree at this rank is ${Math.floor(HARD_LIMIT ** (1 / rank)) - 1}.`,
      { details: { rank, degree, count: calls, limit: HARD_LIMIT } },
    );
  }
  const perAxis = Math.floor(budget ** (1 / rank) + 1e-9);
  // Two rules at least: without a second one there is no error to report.
  const first = Math.min(MAX_NODES - 1, Math.max(minimum, Math.min(8, perAxis - 1)));
  const last = Math.max(first + 1, Math.min(MAX_NODES, perAxis));
  const smooth = refine(call, rank, degree, growing(first, last, 1.4), gaussHermite, tolerance);
  const floor = tolerance * smooth.size;
  if (smooth.change <= floor) return { coefficients: smooth.coefficients, error: smooth.change, evaluations };
  const kinked =
    rank === 1
      ? adaptive(call, degree, smooth.size, tolerance / PANELS)
      : refine(
          call,
          rank,
          degree,
          growing(Math.min(4, Math.floor(perAxis / 2)), Math.min(64, Math.floor(perAxis / 2)), 1.5),
          splitGaussHermite,
          tolerance,
        );
  const best = kinked.change < smooth.change ? kinked : smooth;
  // Slowly converging rules change less than they err.
  return { coefficients: best.coefficients, error: best.change <= floor ? best.change : 3 * best.change, evaluations };
}

interface Refined {
  readonly coefficients: Float64Array;
  /** Largest change of a coefficient in the last refinement; Infinity after a single rule. */
  readonly change: number;
  /** √E f², estimated. */
  readonly size: number;
}

/** base^exponent by multiplication: exact below 2⁵³, which engines do not promise of `**`. */
function integerPower(base: number, exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power *= base;
  return power;
}

function growing(from: number, to: number, factor: number): number[] {
  const sizes: number[] = [];
  for (let n = Math.min(from, to); ; n = Math.min(to, Math.max(n + 1, Math.round(n * factor)))) {
    sizes.push(n);
    if (n >= to) return sizes;
  }
}

function refine(
  f: PointFunction,
  rank: number,
  degree: number,
  sizes: readonly number[],
  ruleOf: (n: number) => QuadratureRule,
  tolerance: number,
): Refined {
  let coefficients: Float64Array | undefined;
  let change = Number.POSITIVE_INFINITY;
  let size = 0;
  for (const n of sizes) {
    const next = tensorProject(f, rank, degree, ruleOf(n));
    size = next.size;
    if (coefficients !== undefined) {
      change = 0;
      for (let j = 0; j < coefficients.length; j++)
        change = Math.max(change, Math.abs(next.coefficients[j] - coefficients[j]));
    }
    coefficients = next.coefficients;
    if (change <= tolerance * size) break;
  }
  return { coefficients: coefficients ?? new Float64Array(0), change, size };
}

/** One tensor rule, summed axis by axis: n^r calls and about n^r·(degree+1) multiplications. */
function tensorProject(
  f: PointFunction,
  rank: number,
  degree: number,
  rule: QuadratureRule,
): { coefficients: Float64Array; size: number } {
  const { nodes, weights } = rule;
  const n = nodes.length;
  let values = new Float64Array(integerPower(n, rank));
  let square = 0;
  const at = new Int32Array(rank);
  for (let i = 0; i < values.length; i++) {
    const z = new Array<number>(rank);
    let weight = 1;
    for (let k = 0, rest = i; k < rank; k++) {
      at[k] = rest % n;
      rest = (rest - at[k]) / n;
      z[k] = nodes[at[k]];
      weight *= weights[at[k]];
    }
    values[i] = f(z);
    if (weight > 0) square += weight * values[i] * values[i];
  }
  // Axis 0 varies fastest; each pass takes it off and appends its degree as the slowest axis.
  const width = degree + 1;
  const h = new Float64Array(n * width);
  for (let i = 0; i < n; i++) {
    hermiteInto(nodes[i], degree, h, i * width);
    for (let m = 0; m < width; m++) h[i * width + m] *= weights[i];
  }
  for (let axis = 0; axis < rank; axis++) {
    const outer = values.length / n;
    const next = new Float64Array(outer * width);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < n; i++) {
        const value = values[o * n + i];
        for (let m = 0; m < width; m++) next[m * outer + o] += value * h[i * width + m];
      }
    }
    values = next;
  }
  const { exponents, size } = multiIndexTable(rank, degree);
  const coefficients = new Float64Array(size);
  for (let j = 0; j < size; j++) {
    let position = 0;
    for (let k = rank - 1; k >= 0; k--) position = position * width + exponents[j * rank + k];
    coefficients[j] = values[position];
  }
  return { coefficients, size: Math.sqrt(square) };
}

/** All coefficients of a function of one variable by adaptive Gauss–Legendre panels. */
function adaptive(f: PointFunction, degree: number, size: number, tolerance: number): Refined {
  const { nodes, weights } = gaussLegendre(16);
  const width = degree + 1;
  const h = new Float64Array(width);
  const panel = (from: number, to: number): Float64Array => {
    const sums = new Float64Array(width);
    const half = 0.5 * (to - from);
    for (let i = 0; i < nodes.length; i++) {
      const x = from + half * (nodes[i] + 1);
      const value = half * weights[i] * normalDensity(x) * f([x]);
      hermiteInto(x, degree, h);
      for (let k = 0; k < width; k++) sums[k] += value * h[k];
    }
    return sums;
  };
  const coefficients = new Float64Array(width);
  let change = 0;
  let panels = 0;
  const settle = (from: number, to: number, whole: Float64Array, depth: number): void => {
    const middle = 0.5 * (from + to);
    const left = panel(from, middle);
    const right = panel(middle, to);
    panels += 2;
    let difference = 0;
    for (let k = 0; k < width; k++) difference = Math.max(difference, Math.abs(left[k] + right[k] - whole[k]));
    if (difference > tolerance * size && depth < 52 && panels < 20_000) {
      settle(from, middle, left, depth + 1);
      settle(middle, to, right, depth + 1);
      return;
    }
    change += difference;
    for (let k = 0; k < width; k++) coefficients[k] += left[k] + right[k];
  };
  // Beyond this h_k·φ is below 1e-30 of its peak, also against a factor of moderate growth.
  const reach = Math.ceil(2 * Math.sqrt(degree) + 13);
  for (let from = -reach; from < reach; from++) settle(from, from + 1, panel(from, from + 1), 0);
  return { coefficients, change, size };
}

function callAt(f: PointFunction, z: number[]): number {
  const point = z.slice();
  let value: unknown;
  try {
    value = f(z);
  } catch (cause) {
    throw new InputError(
      "CALLBACK",
      `The function threw at z = [${point.join(", ")}]: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        details: { point },
        cause,
      },
    );
  }
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const code = typeof value === "number" ? "NOT_FINITE" : "TYPE";
  throw new InputError(
    code,
    `The function gave ${describe(value)} at z = [${point.join(", ")}]; it must give a finite number for every z.`,
    {
      details: { point },
    },
  );
}
