/** The two-timescale algorithm: the link is solved exactly, the subspace moves on the Grassmannian. */
import type { Method } from "./methods.js";
import type { FlowPoint, ProfiledLoss } from "./objective.js";
import type { Stop, StoppingRule } from "./stopping.js";

/** Where the algorithm is. */
export interface FlowState {
  readonly iteration: number;
  readonly point: FlowPoint;
  /** Step that led here; 0 at the start. */
  readonly stepSize: number;
}

/** Where and why it ended. */
export interface FlowEnd extends FlowState {
  readonly stop: Stop;
}

/**
 * Learns the subspace of y = f(Wᵀx) + noise.
 *
 * Two time scales. The link is fast: at every basis W its coefficients solve min_c ‖y − Φ(XW)c‖²/2n + ridge exactly, so
 * that the loss is a function J(W) of the subspace alone. The subspace is slow: it moves against the Riemannian gradient
 * of J, grad J = −(I − WWᵀ) Xᵀ(ρ∘∇f)/n, where the coefficients need no derivative because they are optimal (the
 * envelope theorem). `method` says how it moves: the flow itself, or a faster descent of the same J.
 *
 * Yields the start and then one state per iteration; returns the last state with the reason to stop.
 *
 * Source: Bietti, Bruna & Pillaud-Vivien, arXiv 2310.19793, the two-timescale gradient flow; finite samples as [MI §7].
 */
export async function* twoTimescale(
  objective: ProfiledLoss,
  start: Float64Array,
  method: Method<unknown>,
  shouldStop: StoppingRule,
): AsyncGenerator<FlowState, FlowEnd> {
  // Fast: the link at the start basis.
  const point = await objective.at(start);
  let state: FlowState = { iteration: 0, point, stepSize: 0 };
  let memory = method.begin(point);
  for (;;) {
    yield state;
    const stop = shouldStop(state);
    if (stop) return { ...state, stop };

    // Slow: the subspace moves. Fast: wherever it goes, the link is solved again before J is looked at.
    const moved = await method.step(objective, state.point, memory);
    if (!moved) return { ...state, stop: { reason: "step-limit", converged: atRounding(state.point) } };

    state = { iteration: state.iteration + 1, point: moved.point, stepSize: moved.stepSize };
    memory = moved.memory;
  }
}

/** A run that cannot lower J any more has converged if its gradient explains no decrease above the rounding of J. */
function atRounding({ gradientNorm, loss, gradientMoment }: FlowPoint): boolean {
  const r = Math.round(Math.sqrt(gradientMoment.length));
  let curvature = 0;
  for (let k = 0; k < r; k++) curvature += gradientMoment[k * r + k];
  return gradientNorm * gradientNorm <= 1e-12 * curvature * Math.max(loss, Number.EPSILON);
}
