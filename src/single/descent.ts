/** Gradient descent on F(θ) = mean loss + ridge: a given step, or a safe one from the Hessian's top eigenvalue. */
import type { RunControl } from "../base/control.js";
import { createRng } from "../base/rng.js";
import { largestEigenpair } from "../math/lanczos.js";
import type { StopReason } from "../solve/stopping.js";
import type { Loss } from "./losses.js";
import type { RowProducts } from "./rowProducts.js";

/** What is minimized: (1/n) Σ l(⟨x̃ᵢ, u⟩; yᵢ) + (ridge/2)‖u‖², which is F/d of [SI §a] for x = x̃/√d, θ = √d·u. */
export interface DescentProblem {
  readonly rows: RowProducts;
  readonly loss: Loss;
  /** In the units of the loss. */
  readonly responses: Float64Array;
  readonly ridge: number;
  /** Largest eigenvalue of X̃ᵀX̃/n, or an estimate. */
  readonly inputCurvature: number;
}

/** How far and how long. */
export interface DescentOptions {
  /** η of [SI §a], or `"auto"`. */
  readonly stepSize: number | "auto";
  readonly maxIterations: number;
  readonly tolerance: number;
}

/** One iterate with what was computed there. */
export interface DescentPoint {
  readonly u: Float64Array;
  /** ξ = X̃u, n. */
  readonly fields: Float64Array;
  readonly gradient: Float64Array;
  readonly gradientNorm: number;
  readonly norm: number;
  /** Mean loss, without ridge. */
  readonly trainLoss: number;
  readonly objective: number;
}

export interface DescentState {
  readonly point: DescentPoint;
  readonly iteration: number;
  /** η of the step that led here; 0 at the start. */
  readonly stepSize: number;
}

export interface DescentEnd extends DescentState {
  readonly stop: { readonly reason: StopReason; readonly converged: boolean };
}

/** A step below 2/L descends; this close to it the slow directions move fastest and the steepest one still contracts. */
const STEP_FACTOR = 1.7;
/** Iterations after which the Hessian is looked at again. */
const REFRESH = new Set([0, 3, 8, 20, 50, 120, 300, 700, 1500, 3000]);
const HESSIAN_TOLERANCE = 0.03;
const HESSIAN_PRODUCTS = 16;
const MAX_HALVINGS = 50;
/** Rounding allowed in the comparison of two objectives, relative to the one at the start. */
const SLACK = 1e-14;
const BLOWN_UP = 1e8;

/**
 * Runs θ ← θ − η∇F until ‖η∇F‖ ≤ tolerance·‖θ‖.
 *
 * With `"auto"` η is 1.7 over the largest eigenvalue of the Hessian (Lanczos; in phase retrieval an outlier along the signal
 * above the bulk edge), looked at again on a widening schedule, and halved whenever a step would raise F. A given
 * η is used as it is, so that the iterates are those of the mean-field prediction.
 *
 * @param observe - called with every iterate, the start included
 * Cost: one pass over X an iteration; `"auto"` adds some ten passes per look at the Hessian.
 * Source: [SI §a, §e].
 */
export async function descend(
  problem: DescentProblem,
  start: Float64Array,
  options: DescentOptions,
  control: RunControl,
  observe: (state: DescentState) => void,
): Promise<DescentEnd> {
  let state: DescentState = { point: await evaluate(problem, start), iteration: 0, stepSize: 0 };
  observe(state);
  const slack = SLACK * Math.abs(state.point.objective);
  const sizeLimit = BLOWN_UP * (1 + state.point.norm);
  const steps = new StepChooser(problem, options.stepSize);
  let best = state;
  for (;;) {
    const { point, iteration } = state;
    if (point.objective < best.point.objective || !Number.isFinite(best.point.objective)) best = state;
    if (!Number.isFinite(point.objective) || !Number.isFinite(point.gradientNorm) || point.norm > sizeLimit) {
      return { ...best, iteration, stop: { reason: "diverged", converged: false } };
    }
    if (point.gradientNorm === 0) {
      const stop = point.norm === 0 ? await atOrigin(problem) : ({ reason: "converged", converged: true } as const);
      return { ...state, stop };
    }
    if (iteration >= options.maxIterations) return { ...state, stop: { reason: "iteration-limit", converged: false } };
    if (control.expired) return { ...state, stop: { reason: "deadline", converged: false } };
    const eta = await steps.at(state);
    if (steps.reference * point.gradientNorm <= options.tolerance * point.norm) {
      return { ...state, stop: { reason: "converged", converged: true } };
    }
    const next = await advance(problem, state, eta, steps, slack);
    if (next === undefined) return { ...state, stop: { reason: "step-limit", converged: false } };
    state = { ...next, iteration: iteration + 1 };
    observe(state);
  }
}

/** One step; with an automatic η the first of η, η/2, … that does not raise F. */
async function advance(
  problem: DescentProblem,
  { point: from, iteration }: DescentState,
  eta: number,
  steps: StepChooser,
  slack: number,
): Promise<{ point: DescentPoint; stepSize: number } | undefined> {
  for (let halvings = 0, t = eta; halvings <= MAX_HALVINGS; halvings++, t *= 0.5) {
    const u = from.u.map((value, j) => value - t * from.gradient[j]);
    const point = await evaluate(problem, u);
    if (!steps.automatic || point.objective <= from.objective + slack) return { point, stepSize: t };
    steps.refuse(t, iteration);
  }
  return undefined;
}

/** Value and gradient at u, in one pass. */
export async function evaluate(problem: DescentProblem, u: Float64Array): Promise<DescentPoint> {
  const { rows, ridge } = problem;
  const n = rows.samples;
  const fields = new Float64Array(n);
  const { sum, gradient } = await lossPass(problem, u, fields);
  let square = 0;
  let gradientSquare = 0;
  for (let j = 0; j < gradient.length; j++) {
    gradient[j] = gradient[j] / n + ridge * u[j];
    square += u[j] * u[j];
    gradientSquare += gradient[j] * gradient[j];
  }
  const trainLoss = sum / n;
  return {
    u,
    fields,
    gradient,
    gradientNorm: Math.sqrt(gradientSquare),
    norm: Math.sqrt(square),
    trainLoss,
    objective: trainLoss + 0.5 * ridge * square,
  };
}

/** Σ l and X̃ᵀl′ at u, with the fields; in the kernel for the losses it knows. */
async function lossPass({ rows, loss, responses: y }: DescentProblem, u: Float64Array, fields: Float64Array) {
  if (loss.kind === "rational" || loss.kind === "wf") return rows.rationalPass(u, y, loss.parameter, fields);
  let sum = 0;
  const gradient = await rows.fused(u, (xi, c, first, count) => {
    for (let i = 0; i < count; i++) {
      const x = xi[i];
      fields[first + i] = x;
      sum += loss.value(x, y[first + i]);
      c[i] = loss.derivative(x, y[first + i]);
    }
  });
  return { sum, gradient };
}

/** At θ = 0 with no gradient: a minimum when the Hessian has no negative direction, a saddle otherwise. */
async function atOrigin(problem: DescentProblem): Promise<DescentEnd["stop"]> {
  const { rows, loss, responses, ridge } = problem;
  const bend = Float64Array.from(responses, (y) => -loss.secondDerivative(0, y));
  const descent = await topEigenvalue(rows, bend, undefined);
  return descent.value > ridge + 1e-12
    ? { reason: "saddle", converged: false }
    : { reason: "stationary", converged: true };
}

class StepChooser {
  readonly automatic: boolean;
  readonly #problem: DescentProblem;
  /** η before any halving; a step that had to be shortened must not pass for a small one. */
  reference: number;
  #eta: number;
  #vector: Float64Array | undefined;
  #lookAgainAt = 0;

  constructor(problem: DescentProblem, stepSize: number | "auto") {
    this.#problem = problem;
    this.automatic = stepSize === "auto";
    this.#eta = this.reference = stepSize === "auto" ? 0 : stepSize;
  }

  async at({ point, iteration }: DescentState): Promise<number> {
    if (!this.automatic || !(iteration === this.#lookAgainAt || REFRESH.has(iteration))) return this.#eta;
    const { rows, loss, responses, ridge, inputCurvature } = this.#problem;
    const bend = Float64Array.from(point.fields, (xi, i) => loss.secondDerivative(xi, responses[i]));
    const top = await topEigenvalue(rows, bend, this.#vector);
    this.#vector = top.vector;
    // A Hessian without positive part says nothing about how far to go; the inputs do.
    const curvature = Math.max(top.value, 0.05 * inputCurvature) + ridge;
    this.#eta = this.reference = curvature > 0 ? Math.min(STEP_FACTOR / curvature, Number.MAX_VALUE) : 1;
    return this.#eta;
  }

  /** η was too long at this iterate: go on with half of it and look again a few steps later. */
  refuse(eta: number, iteration: number): void {
    this.#lookAgainAt = iteration + 5;
    this.#eta = 0.5 * eta;
  }
}

/** Upper estimate of the largest eigenvalue of X̃ᵀ diag(w) X̃/n, with its vector; the last vector helps the next search. */
export async function topEigenvalue(
  rows: RowProducts,
  w: Float64Array,
  before: Float64Array | undefined,
): Promise<{ value: number; vector: Float64Array }> {
  const d = rows.dim;
  const rng = createRng(0, "curvature", d);
  const start = Float64Array.from({ length: d }, (_, j) => rng.normal() + (before ? 3 * Math.sqrt(d) * before[j] : 0));
  const options = { tolerance: HESSIAN_TOLERANCE, maxProducts: HESSIAN_PRODUCTS };
  const { value, residual, vector } = await largestEigenpair((v) => rows.sandwich(v, w), d, start, options);
  return { value: value + residual, vector };
}
