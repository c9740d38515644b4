/** Hermite coefficients of one-variable parts of an expression: closed forms of f(st + b), adaptive quadrature otherwise. */
import { cos, exp, normalCumulative, normalDensity, sin } from "../base/elementary.js";
import { InputError } from "../base/errors.js";
import { namedCoefficients } from "../math/closedForms.js";
import { hermiteInto } from "../math/hermite.js";
import { type PointFunction, projectFunction } from "../math/projection.js";
import type { ExpressionFunction } from "./expression.js";

/** Coefficients E[f·h_β] and an estimate of their absolute error. */
export interface Projected {
  readonly coefficients: Float64Array;
  readonly error: number;
}

/** Errors up to this part of the link's norm, or of its mean square, still count as an answer. */
const WORST_RELATIVE_ERROR = 0.1;
/** How far |f|²·φ has to have fallen at the end of the range of integration, relative to the coefficients. */
const TAIL = 1e-6;

/**
 * Coefficients of t ↦ name(slope·t + offset), slope > 0, in closed form; undefined for functions that have none.
 *
 * The kinked ones are relu(t − c) and its relatives: α₀ = φ(c) − cΦ(−c), α₁ = Φ(−c), α_k = φ(c)·h_{k−2}(c)/√(k(k−1)).
 *
 * @throws {OptionError} `RANGE` when the coefficients are beyond the largest double
 * Source: [MI §1.3]; shifts by integrating the step function's coefficients. Cost: O(degree).
 */
export function closedCoefficients(
  name: ExpressionFunction,
  slope: number,
  offset: number,
  degree: number,
): Float64Array | undefined {
  switch (name) {
    case "relu":
    case "abs":
      if (offset === 0) return namedCoefficients(name, degree).map((c) => slope * c);
      return shiftedRelu(-offset / slope, degree, name === "abs").map((c) => slope * c);
    case "sign": {
      if (offset === 0) return namedCoefficients("sign", degree);
      const c = namedCoefficients("step", degree, -offset / slope).map((value) => 2 * value);
      c[0] -= 1;
      return c;
    }
    case "exp": {
      const factor = exp(offset);
      return namedCoefficients("exp", degree, slope).map((c) => factor * c);
    }
    case "sin":
    case "cos": {
      const s = namedCoefficients("sin", degree, slope);
      const c = namedCoefficients("cos", degree, slope);
      const [along, across] = name === "sin" ? [s, c] : [c, s.map((value) => -value)];
      return offset === 0 ? along : along.map((value, k) => value * cos(offset) + across[k] * sin(offset));
    }
    default:
      return undefined;
  }
}

/** relu(t − c), or |t − c| = 2·relu(t − c) − (t − c). */
function shiftedRelu(c: number, degree: number, isAbsolute: boolean): Float64Array {
  const out = new Float64Array(degree + 1);
  const density = normalDensity(c);
  const h = new Float64Array(degree + 1);
  if (density > 0) hermiteInto(c, degree, h);
  const factor = isAbsolute ? 2 : 1;
  out[0] = factor * (density - c * normalCumulative(-c)) + (isAbsolute ? c : 0);
  if (degree > 0) out[1] = factor * normalCumulative(-c) - (isAbsolute ? 1 : 0);
  for (let k = 2; k <= degree; k++) {
    out[k] = density === 0 ? 0 : (factor * density * h[k - 2]) / Math.sqrt(k * (k - 1));
  }
  return out;
}

/**
 * Coefficients of any function of `rank` variables by quadrature, refused when they do not settle.
 *
 * A point where f has no value, as log|t| at 0, is passed by a hair's breadth to the right.
 *
 * @throws {InputError} `NOT_FINITE` where f has no value, `NOT_CONVERGED` when E f² is infinite or the coefficients do not
 * settle to 10 %
 * @throws {OptionError} `TOO_LARGE` when the degree needs too many points
 */
export function projectSafely(f: PointFunction, rank: number, degree: number, text: string): Projected {
  const call: PointFunction = (z) => {
    const value = f(z);
    return Number.isFinite(value) ? value : f(z.map((entry) => entry + 1e-9 * (1 + Math.abs(entry))));
  };
  const { coefficients, error } = projectFunction(call, rank, degree);
  let size = 0;
  for (const c of coefficients) size += c * c;
  if (!(error <= WORST_RELATIVE_ERROR * Math.sqrt(size)) && size > 0) throw unsettled(text);
  checkMeanSquare(call, rank, degree, size, text);
  return { coefficients, error };
}

/** Coefficients of 1/z and of exp(z²) on a finite range settle nicely; their squares have no mean. */
function checkMeanSquare(f: PointFunction, rank: number, degree: number, size: number, text: string): void {
  const square = (z: number[]): number => {
    const value = f(z);
    if (Math.abs(value) > 1e150) throw unsettled(text);
    return value * value;
  };
  let mean: { readonly coefficients: Float64Array; readonly error: number };
  try {
    mean = projectFunction(square, rank, 0);
  } catch (error) {
    throw error instanceof InputError && error.code === "CALLBACK" ? error.cause : error;
  }
  if (!(mean.error <= WORST_RELATIVE_ERROR * mean.coefficients[0])) throw unsettled(text);
  const reach = Math.ceil(2 * Math.sqrt(degree) + 13);
  const bound = TAIL * Math.max(size, Number.MIN_VALUE);
  for (let axis = 0; axis < rank; axis++) {
    for (const side of [-reach, reach]) {
      const value = f(Array.from({ length: rank }, (_, k) => (k === axis ? side : 0.1)));
      if (value * normalDensity(reach) * value > bound) throw unsettled(text);
    }
  }
}

function unsettled(text: string): InputError {
  return new InputError(
    "NOT_CONVERGED",
    `The link expression ${text} has no reliable Hermite coefficients: a link must have a finite mean square for normal inputs, and not oscillate faster than quadrature can follow.`,
  );
}
