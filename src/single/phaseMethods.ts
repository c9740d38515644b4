/** The updates of phase retrieval: z ← z − μ(1/n)Aᴴg(ξ) with ξ = Az, for each method's μ and g. */
import { exp } from "../base/elementary.js";
import { InputError } from "../base/errors.js";
import { type ComplexLike, type ComplexVector, complexZeros, copyComplex, squaredNorm } from "./operators.js";

export const PHASE_METHODS = ["twf", "rwf", "rational", "wf"] as const;

/** `wf` Wirtinger flow, `twf` truncated, `rwf` reshaped (amplitude flow), `rational` of bounded curvature. */
export type PhaseMethod = (typeof PHASE_METHODS)[number];

/** What the updates know besides ξ. */
export interface PhaseData {
  readonly y: Float64Array;
  /** Of the signal, without noise. */
  readonly meanIntensity: number;
  /** Largest eigenvalue of (1/n)AᴴA for the operator scaled so that its mean eigenvalue is 1. */
  readonly operatorNorm: number;
}

/** g(ξ), n complex numbers in the units of ξ, and the step μ it is used with. */
export interface PhaseUpdate {
  readonly field: ComplexVector;
  readonly step: number;
}

/** Whether a method's step depends on the operator norm. */
export const needsOperatorNorm = (method: PhaseMethod): boolean => method === "rwf" || method === "rational";

/**
 * One update at ξ = Az.
 *
 * @param size - ‖z‖ in units where the mean of |ξ|² is ‖z‖²
 * Source: [SI §g]; Candès, Li & Soltanolkotabi, arXiv 1407.1065 (wf); Chen & Candès, arXiv 1505.05114 (twf); Zhang & Liang, arXiv
 * 1605.07719, and Wang, Giannakis & Eldar, arXiv 1605.08285 (rwf).
 */
export function phaseUpdate(
  method: PhaseMethod,
  data: PhaseData,
  xi: ComplexVector,
  size: number,
  iteration: number,
): PhaseUpdate {
  const { y, meanIntensity, operatorNorm } = data;
  const field = complexZeros(y.length);
  switch (method) {
    case "wf":
      multiplyBy(xi, field, (s, i) => (s - y[i]) / meanIntensity);
      return { field, step: Math.min(1 - exp(-(iteration + 1) / 30), 0.2) };
    case "twf": {
      const keep = truncation(xi, y, size);
      multiplyBy(xi, field, (s, i) => (keep(s, i) ? 1 - y[i] / s : 0));
      return { field, step: 0.4 };
    }
    case "rwf":
      multiplyBy(xi, field, (s, i) => (s > 0 ? 1 - Math.sqrt(y[i] / s) : 0));
      return { field, step: Math.min(0.8, 1.2 / operatorNorm) };
    case "rational":
      multiplyBy(xi, field, (s, i) => (s - y[i]) / (meanIntensity + s + y[i]));
      return { field, step: 1.8 / operatorNorm };
  }
}

/** field = factor(|ξ|², i)·ξ. */
function multiplyBy(xi: ComplexVector, field: ComplexVector, factor: (square: number, i: number) => number): void {
  const { re, im } = xi;
  for (let i = 0; i < re.length; i++) {
    const f = factor(re[i] * re[i] + im[i] * im[i], i);
    field.re[i] = f * re[i];
    field.im[i] = f * im[i];
  }
}

/** E of truncated flow: 0.3 ≤ |ξ|/‖z‖ ≤ 5 and |y − |ξ|²| ≤ 5·K·|ξ|/‖z‖ with K the mean of |y − |ξ|²|. */
function truncation(xi: ComplexVector, y: Float64Array, size: number): (square: number, i: number) => boolean {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += Math.abs(y[i] - xi.re[i] * xi.re[i] - xi.im[i] * xi.im[i]);
  const cut = (5 * sum) / y.length / size;
  const [low, high] = [0.3 * size, 5 * size];
  return (square, i) => {
    const modulus = Math.sqrt(square);
    return modulus >= low && modulus <= high && Math.abs(y[i] - square) <= cut * modulus;
  };
}

/** √(Σ(|ξ| − √y)²/Σy): how far the moduli are from the measured ones. */
export function modulusResidual(xi: ComplexVector, y: Float64Array): number {
  let gap = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const root = Math.sqrt(y[i]);
    const r = Math.sqrt(xi.re[i] * xi.re[i] + xi.im[i] * xi.im[i]) - root;
    gap += r * r;
    total += y[i];
  }
  return Math.sqrt(gap / total);
}

/** The error for a truth of which no other vector is a share. */
export function zeroTruth(name: string): InputError {
  return new InputError(
    "RANGE",
    `${name} is 0; an overlap with it, or a distance relative to it, needs another vector.`,
  );
}

/**
 * Relative distance up to a global phase: min over φ of ‖e^{iφ}z − x‖/‖x‖.
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE` with the position; `RANGE` when x is 0
 * Source: [SI §g].
 */
export function phaseDistance(given: ComplexLike, truth: ComplexLike): number {
  const n = truth?.re?.length ?? 0;
  const z = copyComplex(given, n, "z");
  const x = copyComplex(truth, n, "x");
  if (squaredNorm(x) === 0) throw zeroTruth("x");
  let a = 0;
  let b = 0;
  for (let k = 0; k < x.re.length; k++) {
    a += z.re[k] * x.re[k] + z.im[k] * x.im[k];
    b += z.re[k] * x.im[k] - z.im[k] * x.re[k];
  }
  const r = Math.sqrt(a * a + b * b);
  const [c, s] = r > 0 ? [a / r, b / r] : [1, 0];
  let sum = 0;
  for (let k = 0; k < x.re.length; k++) {
    const re = z.re[k] * c - z.im[k] * s - x.re[k];
    const im = z.re[k] * s + z.im[k] * c - x.im[k];
    sum += re * re + im * im;
  }
  return Math.sqrt(sum / squaredNorm(x));
}
