/** The link at a fixed subspace: normal equations, ridge, and the ridge chosen by generalized cross-validation. */
import { NumericalError } from "../base/errors.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiIndexTable } from "../math/multiIndex.js";
import { tridiagonalEigenvalue } from "../math/tridiagonal.js";
import { inverseTrace, solveShifted, timesTridiagonal, tridiagonalize } from "../math/tridiagonalize.js";

/**
 * Ridge weight δ of every feature, by total degree only (anything else would break the rotation invariance of the
 * profiled loss, [MI §7.1]): 2^(k−1) for degree k ≥ 1, and almost nothing on the constant.
 */
export function degreePenalty(rank: number, degree: number): Float64Array {
  const { totals } = multiIndexTable(rank, degree);
  return Float64Array.from(totals, (k) => (k === 0 ? 1e-3 : 2 ** (k - 1)));
}

/** First ridge tried when the normal equations turn out singular, its growth, and the largest tried. */
const RESCUE = { first: 1e-12, factor: 100, cap: 1e-4 };

/**
 * Penalty of a link solve: μδ on the diagonal of ΦᵀΦ/n + diag(penalty). Grows when a pivot fails and stays grown, so
 * that the objective is one function for the rest of the run.
 */
export class Penalty {
  readonly weights: Float64Array;
  readonly diagonal: Float64Array;
  /** Relative ridge added to get past failing pivots; 0 when none was needed. */
  rescued = 0;
  /** How often it had to grow. */
  rescues = 0;
  readonly #unit: number;

  /** @param mu - absolute ridge μ; @param unit - trace(ΦᵀΦ/n)/p, the size a relative ridge refers to */
  constructor(weights: Float64Array, mu: number, unit: number) {
    this.weights = weights;
    this.#unit = unit > 0 ? unit : 1;
    this.diagonal = weights.map((w) => w * mu);
  }

  /** (1/2)cᵀdiag(penalty)c. */
  energy(c: Float64Array): number {
    let sum = 0;
    for (let j = 0; j < c.length; j++) sum += this.diagonal[j] * c[j] * c[j];
    return sum / 2;
  }

  /** @throws {NumericalError} `SINGULAR` with the pivot once the cap is passed */
  grow(pivot: number): void {
    const next = this.rescued === 0 ? RESCUE.first : this.rescued * RESCUE.factor;
    if (next > RESCUE.cap) {
      throw new NumericalError(
        "SINGULAR",
        `the normal equations of the link are singular at pivot ${pivot}, even with a relative ridge of ${this.rescued.toExponential(0)}. Set ridge > 0 or lower the degree.`,
        { details: { pivot, ridge: this.rescued } },
      );
    }
    const add = (next - this.rescued) * this.#unit;
    for (let j = 0; j < this.diagonal.length; j++) this.diagonal[j] += add * this.weights[j];
    this.rescued = next;
    this.rescues++;
  }
}

/** Pivots below this part of their diagonal entry count as zero. */
const PIVOT_TOLERANCE = 1e-14;

/** Solves for the link of the trial, raising the penalty until the factorization succeeds. */
export function solveLink(workspace: Workspace, penalty: Penalty): Float64Array {
  for (;;) {
    const solved = workspace.solveTrial(penalty.diagonal, PIVOT_TOLERANCE);
    if ("coefficients" in solved) return solved.coefficients;
    penalty.grow(solved.pivot);
  }
}

/** trace(ΦᵀΦ/n)/p of the trial: what a relative ridge is relative to. */
export function gramScale(workspace: Workspace): number {
  const { gram } = workspace.normalEquations();
  const p = workspace.layout.shape.featureCount;
  let trace = 0;
  for (let j = 0; j < p; j++) trace += gram[(j * (j + 1)) / 2 + j];
  return trace / (workspace.weightSum * p);
}

export interface RidgeChoice {
  /** Absolute μ. */
  readonly mu: number;
  /** Generalized cross-validation score at μ, in the units of y². */
  readonly score: number;
  /** tr of the hat matrix at μ, directions included. */
  readonly degreesOfFreedom: number;
  /** Condition number of the penalty-scaled Gram matrix. */
  readonly condition: number;
}

/** What a choice of ridge looks at: normal equations, and a kernel's reduction where there is one. */
export type RidgeSource = Pick<Workspace, "normalEquations" | "weightSum"> & Partial<Pick<Workspace, "tridiagonalize">>;

/** Half decades from 1e-9 to 10^0.5; multiplied out, since engines differ in the last bit of powers. */
const RIDGE_GRID: readonly number[] = Array.from({ length: 10 }, (_, k) => Number(`1e${k - 9}`)).flatMap((decade) => [
  decade,
  decade * 3.1622776601683795,
]);

/** Scores this close cannot be told apart; the smallest ridge among them biases the link least. */
const TIE = 1e-3;

/**
 * Chooses μ by GCV at the trial's features: one tridiagonal reduction, then O(p) for every ridge of the grid.
 *
 * RSS(μ) is taken as its known value at `current` plus a difference that has no cancellation, so that noise-free fits
 * are ranked right: with x = (T + μ)⁻¹(T + μ₀)⁻¹b it is (μ − μ₀)[(μ + μ₀) xᵀTx + 2μμ₀ xᵀx].
 *
 * @param meanSquare - Σwρ²/n at ridge `current`
 * @param extra - degrees of freedom of the directions, r(k − r)
 * @param isLinear - whether the link is, for whitened inputs
 * Source: Craven & Wahba (1979); [MI §7.7]. Cost: 4p³/3 flops.
 */
export function chooseRidge(
  source: RidgeSource,
  weights: Float64Array,
  unit: number,
  current: number,
  meanSquare: number,
  extra: number,
  isLinear = false,
): RidgeChoice {
  const { gram, moment } = source.normalEquations();
  const p = weights.length;
  const n = source.weightSum;
  const root = weights.map((w) => 1 / Math.sqrt(w));
  const scaled = new Float64Array(gram.length);
  for (let j = 0, at = 0; j < p; j++) {
    for (let i = 0; i <= j; i++, at++) scaled[at] = (gram[at] / n) * root[i] * root[j];
  }
  const rhs = moment.map((m, j) => (m / n) * root[j]);
  const form = source.tridiagonalize?.(scaled, rhs) ?? tridiagonalize(scaled, rhs);
  const { diagonal, beside, rotated } = form;
  const largest = tridiagonalEigenvalue(diagonal, beside, 0);
  const least = Math.max(tridiagonalEigenvalue(diagonal, beside, p - 1), 0);
  const before = current > 0 ? solveShifted(form, current, rotated) : undefined;
  const scoreAt = (mu: number) => {
    const x = solveShifted(form, mu, before ?? solveShifted(form, Number.EPSILON * largest, rotated));
    let energy = 0;
    let square = 0;
    timesTridiagonal(form, x).forEach((tx, k) => {
      energy += x[k] * tx;
      square += x[k] * x[k];
    });
    const rss = meanSquare + (mu - current) * ((mu + current) * Math.max(energy, 0) + 2 * mu * current * square);
    // A linear link with a ridge on its slope is ridge regression: directions lose as much freedom as the slope does.
    const left = isLinear ? 1 / (1 + mu) : 1;
    const df = extra * left + p - mu * inverseTrace(form, mu);
    const spare = 1 - df / n;
    const score = spare > 0.01 ? Math.max(rss, 0) / (spare * spare) : Number.POSITIVE_INFINITY;
    return { mu, score, degreesOfFreedom: df, condition: (largest + mu) / (least + mu) };
  };
  const scored = RIDGE_GRID.map((relative) => scoreAt(relative * unit));
  const best = scored.reduce((a, b) => (b.score < a.score ? b : a));
  return scored.find(({ score }) => score <= best.score * (1 + TIE)) ?? best;
}
