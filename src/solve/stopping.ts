/** Small stopping rules, each saying whether it means convergence. */
import type { RunControl } from "../base/control.js";
import type { FlowPoint } from "./objective.js";

export type StopReason =
  | "converged"
  | "stationary"
  | "nothing-to-optimize"
  | "saddle"
  | "step-limit"
  | "iteration-limit"
  | "deadline"
  | "diverged";

/** Why a run ended. Not converging is a result, not an error. */
export interface Stop {
  readonly reason: StopReason;
  readonly converged: boolean;
}

export interface Progressing {
  readonly point: FlowPoint;
  readonly iteration: number;
}

export type StoppingRule = (state: Progressing) => Stop | undefined;

/** The first rule that fires. */
export const anyOf =
  (...rules: StoppingRule[]): StoppingRule =>
  (state) => {
    for (const rule of rules) {
      const stop = rule(state);
      if (stop) return stop;
    }
    return undefined;
  };

/** Below this part of var(y), which is 1 here, a link counts as constant. */
const CONSTANT_LINK = 1e-20;

/**
 * ‖grad J‖ ≤ tolerance·√(2J) + tolerance²; the second term is for noise-free data, where J itself goes to 0. y has
 * variance 1 here, so the rule does not depend on units.
 *
 * A zero gradient with a constant link is not success: it is a constant response, or a saddle.
 */
export const gradientBelow =
  (tolerance: number): StoppingRule =>
  ({ point }) => {
    const { gradientNorm, loss, gradientMoment, meanSquare } = point;
    if (!(gradientNorm <= tolerance * Math.sqrt(2 * loss) + tolerance * tolerance)) return undefined;
    const r = Math.round(Math.sqrt(gradientMoment.length));
    let slope = 0;
    for (let k = 0; k < r; k++) slope += gradientMoment[k * r + k];
    if (slope > CONSTANT_LINK) return { reason: "converged", converged: true };
    return meanSquare <= CONSTANT_LINK
      ? { reason: "stationary", converged: true }
      : { reason: "saddle", converged: false };
  };

export const iterationLimit =
  (limit: number): StoppingRule =>
  ({ iteration }) =>
    iteration >= limit ? { reason: "iteration-limit", converged: false } : undefined;

export const deadline =
  (control: RunControl): StoppingRule =>
  () =>
    control.expired ? { reason: "deadline", converged: false } : undefined;

/** Every rank that fills the space has nothing to search; the constant of a constant response is stationary at any rank. */
export const nothingToOptimize =
  (dim: number, rank: number): StoppingRule =>
  ({ point }) => {
    if (rank > 0 && rank < dim) return undefined;
    return { reason: rank === 0 && point.meanSquare === 0 ? "stationary" : "nothing-to-optimize", converged: true };
  };

/** A loss that is no longer a number ends the run; the caller keeps the best earlier point. */
export const diverged: StoppingRule = ({ point }) =>
  Number.isFinite(point.loss) && Number.isFinite(point.gradientNorm)
    ? undefined
    : { reason: "diverged", converged: false };
