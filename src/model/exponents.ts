/** Information exponent and leaps of a link (the fit's diagnostics need them too). */
import { checkNumber, checkOptions } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { type Matrix, multiply, svd, symmetricEigen, toMatrix, transpose } from "../math/dense.js";
import { orthonormalize } from "../math/grassmann.js";
import { rotateExpansion } from "../math/hermite.js";
import { multiIndexTable } from "../math/multiIndex.js";
import { checkLink } from "./checkLink.js";
import type { Link } from "./link.js";
import type { ModelLink } from "./modelLink.js";

/** What a leap exponent rests on, relative to the norm of the link without its mean. */
export interface LeapMargin {
  /** Smallest singular value that was taken as a new direction. */
  readonly kept: number;
  /** Largest one that was dropped, lower degrees included; 0 when none was. */
  readonly dropped: number;
  /** The cutoff between them. */
  readonly cutoff: number;
}

/** One saddle: the degree in the new variables that shows them, and the directions it shows. */
export interface LeapStep {
  readonly exponent: number;
  /** Number of new directions. */
  readonly dimensions: number;
  /** r×dimensions, orthonormal, in the link's coordinates. */
  readonly basis: Matrix;
  readonly margin: LeapMargin;
}

/** The saddles of a link, in the order in which gradient flow meets them. */
export interface Leaps {
  /** Lowest degree ≥ 1 that the link has; undefined for a constant. */
  readonly informationExponent: number | undefined;
  /** Largest exponent of the steps; undefined for a constant. */
  readonly leap: number | undefined;
  readonly steps: readonly LeapStep[];
  /** Directions the link depends on, up to its degree. */
  readonly intrinsicDimension: number;
  /** Relative cutoff that was used. */
  readonly tolerance: number;
  /** Why there is no exponent, when there is none. */
  readonly reason?: string;
}

/** Cutoff for exact coefficients. */
const EXACT_TOLERANCE = 1e-8;
/** Standard errors that a fitted part must exceed to count. */
const STANDARD_ERRORS = 3;

/**
 * Successive relative information exponents of a link: the saddles that gradient flow meets, in order.
 *
 * Having learnt V, the next exponent is the lowest degree k ≥ 1 in the variables orthogonal to V of any coefficient above the
 * cutoff, and the new directions are the span of that part, read off the SVD of its unfolding: the answer does not change when the
 * link is rotated. Degrees above the link's are not seen, so "none" means "above `degree`". Of a link of another family the
 * Hermite expansion is taken (`toHermite`).
 *
 * @param options.tolerance - cutoff relative to the norm of the link without its mean; default 1e-8, or ten times the
 * quadrature error of a link from a function when that is more
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 * Source: [MI §4]. Cost: a rotation and an SVD of an N×r matrix per step.
 * @example
 * ```ts
 * import { Link, leapExponents } from "leapflow/theory";
 * const { steps, leap } = leapExponents(Link.parse("z1 + h3(z2)"));
 * console.log(steps.map(({ exponent }) => exponent).join(", ")); // 1, 3
 * console.log(leap); // 3
 * ```
 */
export function leapExponents(given: ModelLink, options: { readonly tolerance?: number } = {}): Leaps {
  const { tolerance: asked } = checkOptions(options, ["tolerance"], "leapExponents");
  checkLink(given);
  const link = given.toHermite();
  const coefficients = link.coefficients;
  const size = normWithoutMean(coefficients);
  const quadrature = size > 0 ? Math.min(0.5, (10 * link.coefficientError) / size) : 0;
  const tolerance =
    asked === undefined ? Math.max(EXACT_TOLERANCE, quadrature) : checkNumber(asked, "tolerance", { min: 0, below: 1 });
  return findLeaps(link, coefficients, tolerance, () => tolerance);
}

/**
 * Leaps of a link whose coefficients were estimated: a part counts when its norm exceeds three standard errors, that is
 * 3·se·√count for a part of `count` coefficients.
 *
 * @param standardError - of one coefficient, or one per coefficient, of which the root mean square without the mean is used
 * @param options.tolerance - cutoff relative to the norm of the link without its mean that holds as well; default 1e-8
 * @throws {InputError} `SHAPE`, `NOT_FINITE` for bad standard errors; {OptionError} for a bad tolerance
 * Source: [MI §4], last lines.
 */
export function fittedLeaps(
  link: Link,
  standardError: number | ArrayLike<number>,
  options: { readonly tolerance?: number } = {},
): Leaps {
  const given = checkOptions(options, ["tolerance"], "fittedLeaps");
  const tolerance =
    given.tolerance === undefined ? EXACT_TOLERANCE : checkNumber(given.tolerance, "tolerance", { min: 0, below: 1 });
  const coefficients = link.coefficients;
  const errors = Float64Array.from({ length: coefficients.length }, (_, j) =>
    typeof standardError === "number" ? standardError : standardError[j],
  );
  if (typeof standardError !== "number" && standardError.length !== coefficients.length) {
    throw new InputError(
      "SHAPE",
      `There are ${standardError.length} standard errors for ${coefficients.length} coefficients.`,
    );
  }
  const bad = errors.findIndex((value) => !(value >= 0 && Number.isFinite(value)));
  if (bad >= 0)
    throw new InputError("NOT_FINITE", `Standard error ${bad} is ${errors[bad]}; it must be a finite number ≥ 0.`);
  const size = normWithoutMean(coefficients);
  let square = 0;
  for (let j = 1; j < errors.length; j++) square += errors[j] * errors[j];
  // A rotation mixes the coefficients of one degree, so only their common size can be used after it.
  const typical = errors.length > 1 ? Math.sqrt(square / (errors.length - 1)) : 0;
  return findLeaps(link, coefficients, tolerance, (count) =>
    Math.max(tolerance, size > 0 ? (STANDARD_ERRORS * typical * Math.sqrt(count)) / size : 0),
  );
}

/** @param cutoffOf - relative cutoff of a part with so many coefficients */
function findLeaps(
  link: Pick<Link, "rank" | "degree">,
  coefficients: Float64Array,
  tolerance: number,
  cutoffOf: (count: number) => number,
): Leaps {
  const { rank, degree } = link;
  const size = normWithoutMean(coefficients);
  // A part 16 ε below the mean is what rounding leaves of a constant.
  if (size <= 16 * Number.EPSILON * Math.abs(coefficients[0])) {
    const reason = "The link is constant up to rounding, so no degree ≥ 1 has an exponent.";
    return { informationExponent: undefined, leap: undefined, steps: [], intrinsicDimension: 0, tolerance, reason };
  }
  const steps: LeapStep[] = [];
  let known = new Float64Array(0);
  let learnt = 0;
  while (learnt < rank) {
    const rest = complement(known, rank, learnt);
    const next = nextStep(coefficients, rank, degree, known, learnt, rest, size, cutoffOf);
    if (next === undefined) break;
    const { exponent, dimensions, directions, margin } = next;
    steps.push({ exponent, dimensions, basis: toMatrix(directions, rank, dimensions), margin });
    known = appendColumns(known, learnt, directions, dimensions, rank);
    learnt += dimensions;
  }
  const exponents = steps.map((step) => step.exponent);
  return {
    informationExponent: exponents[0],
    leap: exponents.length > 0 ? Math.max(...exponents) : undefined,
    steps,
    intrinsicDimension: learnt,
    tolerance,
    ...(steps.length > 0
      ? {}
      : { reason: `No part of degree 1 to ${degree} exceeds the cutoff; higher degrees are not seen.` }),
  };
}

interface FoundStep {
  readonly exponent: number;
  readonly dimensions: number;
  /** r×dimensions row-major. */
  readonly directions: Float64Array;
  readonly margin: LeapMargin;
}

function nextStep(
  coefficients: Float64Array,
  rank: number,
  degree: number,
  known: Float64Array,
  learnt: number,
  rest: Float64Array,
  size: number,
  cutoffOf: (count: number) => number,
): FoundStep | undefined {
  const free = rank - learnt;
  const frame = appendColumns(known, learnt, rest, free, rank);
  const c = rotateExpansion(coefficients, rank, degree, transpose(frame, rank, rank));
  const { exponents, up, prefix, size: count } = multiIndexTable(rank, degree);
  const newDegree = Int32Array.from({ length: count }, (_, j) => {
    let sum = 0;
    for (let k = learnt; k < rank; k++) sum += exponents[j * rank + k];
    return sum;
  });
  const rows = prefix[degree];
  let dropped = 0;
  for (let k = 1; k <= degree; k++) {
    let square = 0;
    let members = 0;
    for (let j = 0; j < count; j++) {
      if (newDegree[j] !== k) continue;
      square += c[j] * c[j];
      members++;
    }
    const cutoff = cutoffOf(members);
    if (!(Math.sqrt(square) > cutoff * size)) {
      dropped = Math.max(dropped, Math.sqrt(square) / size);
      continue;
    }
    // Unfolding F of that part: ‖F‖ is its norm and the row space of F its directions. Singular values of F itself, since
    // eigenvalues of FᵀF would let rounding pass a cutoff of 1e-8.
    const unfolded = new Float64Array(rows * free);
    for (let g = 0; g < rows; g++) {
      if (newDegree[g] !== k - 1) continue;
      for (let l = 0; l < free; l++) {
        const j = g * rank + learnt + l;
        unfolded[g * free + l] = (Math.sqrt(exponents[j] + 1) * c[up[j]]) / Math.sqrt(k);
      }
    }
    const { values, v } = svd(unfolded, rows, free);
    const width = values.length;
    let dimensions = 0;
    while (dimensions < width && values[dimensions] > cutoff * size) dimensions++;
    if (dimensions < width) dropped = Math.max(dropped, values[dimensions] / size);
    if (dimensions === 0) continue;
    const inRest = Float64Array.from(
      { length: free * dimensions },
      (_, i) => v[Math.floor(i / dimensions) * width + (i % dimensions)],
    );
    const directions = multiply(rest, inRest, rank, free, dimensions);
    return { exponent: k, dimensions, directions, margin: { kept: values[dimensions - 1] / size, dropped, cutoff } };
  }
  return undefined;
}

/** r×(r − learnt) orthonormal columns orthogonal to the known ones. */
function complement(known: Float64Array, rank: number, learnt: number): Float64Array {
  const free = rank - learnt;
  const projector = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j < rank; j++) {
      for (let k = 0; k < learnt; k++) projector[i * rank + j] += known[i * learnt + k] * known[j * learnt + k];
    }
  }
  // Its eigenvalues are 0 and 1, ascending: the first ones span the complement.
  const { vectors } = symmetricEigen(projector, rank);
  const columns = Float64Array.from(
    { length: rank * free },
    (_, i) => vectors[Math.floor(i / free) * rank + (i % free)],
  );
  const { basis } = orthonormalize(appendColumns(known, learnt, columns, free, rank), rank, rank);
  return Float64Array.from({ length: rank * free }, (_, i) => basis[Math.floor(i / free) * rank + learnt + (i % free)]);
}

function appendColumns(
  a: Float64Array,
  p: number,
  b: Float64Array,
  q: number,
  rows: number,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array(rows * (p + q));
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < p; k++) out[i * (p + q) + k] = a[i * p + k];
    for (let k = 0; k < q; k++) out[i * (p + q) + p + k] = b[i * q + k];
  }
  return out;
}

function normWithoutMean(coefficients: Float64Array): number {
  let largest = 0;
  for (let j = 1; j < coefficients.length; j++) largest = Math.max(largest, Math.abs(coefficients[j]));
  if (largest === 0) return 0;
  let sum = 0;
  for (let j = 1; j < coefficients.length; j++) sum += (coefficients[j] / largest) * (coefficients[j] / largest);
  return largest * Math.sqrt(sum);
}
