/** The long-time limit of gradient descent on a single-index model, and its stability. */
import { checkCallback, checkInteger, checkNumber, checkOptions, checkSignal } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { log } from "../base/elementary.js";
import { NumericalError } from "../base/errors.js";
import { AndersonMixer } from "../math/anderson.js";
import { type FieldRule, fieldRule, ITERATED_RULE } from "./fieldRule.js";
import { bulkEdges, type CurvatureLaw } from "./hessianBulk.js";
import { MODEL_OPTIONS, type Model, type ModelOptions, readModel } from "./meanFieldOptions.js";
import { ProximalFields } from "./proximalFields.js";

export interface FixedPointOptions extends ModelOptions {
  /** Where the iteration begins; default overlap 0.9 and squared norm 0.9, then other points if that fails. */
  readonly start?: { readonly overlap: number; readonly normSquared: number };
  /** Largest residual counted as converged, default 1e-10. */
  readonly tolerance?: number;
  /** For all starts together, default 600. */
  readonly maxIterations?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly iteration: number; readonly residual: number }) => void;
}

/** The state that gradient descent converges to. */
export interface FixedPoint {
  /** m. */
  readonly overlap: number;
  /** q. */
  readonly normSquared: number;
  readonly trainLoss: number;
  /** γ = 1/(δ(λ + Γ)). */
  readonly gamma: number;
  /** Γ = E[l″/(1 + γl″)]. */
  readonly curvature: number;
  /** χ = Σ_s R(∞, s) = −γδ. */
  readonly susceptibility: number;
  /** Largest change of (m, q, γ) under one undamped iteration. */
  readonly residual: number;
  /** Smallest 1 + γl″ over the rows; the equations hold where it is > 0. */
  readonly minimumSlope: number;
  /** λ + left edge > 0: small deviations die out. */
  readonly stable: boolean;
  /** Factor per step at which they do, for `stepSize`; an outlier along the truth may bound the step further. */
  readonly rate: number;
  /** Steps after which a deviation has shrunk a million times; Infinity if it does not. */
  readonly stepsToConverge: number;
  /** Edges of the bulk of the Hessian of the loss, without ridge. */
  readonly spectrum: readonly [number, number];
  readonly stepSize: number;
  readonly stop: {
    readonly reason: "converged" | "not-converged";
    readonly converged: boolean;
    readonly iterations: number;
  };
  /** The residual after each iteration. */
  readonly residuals: Float64Array;
}

interface OrderParameters {
  overlap: number;
  normSquared: number;
  gamma: number;
}

/** Begins near the truth: the informative branch of even links is not connected with small overlaps. */
const STARTS = [
  [0.9, 0.9],
  [1, 1.05],
  [1.3, 2.5],
  [0.6, 0.6],
  [2, 5],
  [0.3, 0.3],
] as const;
const DAMPING = 0.5;
const DEPTH = 3;
/** Iterations without halving the residual after which a start is given up. */
const PATIENCE = 60;
/** Weight of rows whose proximal equation may remain unsolved: extremes where l″ turns it around. */
const UNSOLVED = 1e-9;
/** Residual below which steps are accelerated. */
const NEAR = 0.05;

/** Whether an accelerated step stays near: positive γ, norms above overlaps, no jump to another branch. */
function isSane(next: ArrayLike<number>, x: ArrayLike<number>): boolean {
  const [m, q, gamma] = [next[0], next[1], next[2]];
  if (!(q >= m * m && gamma >= 0.5 * x[2] && gamma <= 2 * x[2])) return false;
  return Math.abs(m - x[0]) <= 0.2 && Math.abs(q - x[1]) <= 0.2 * Math.max(1, x[1]);
}

/**
 * Solves the self-consistent equations of the state at which the memory of the start is gone: by damped iteration over
 * quadrature points of (z, w, e), with ξ the proximal point of u = m·z + √(q − m²)·e.
 *
 * Convex losses have one fixed point; for others the branch nearest to the truth is followed. Check `minimumSlope` > 0 and
 * `stable`: if either fails, gradient descent need not converge there.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `CALLBACK`
 * @throws {NumericalError} `NOT_CONVERGED` when no iteration keeps finite values
 * Source: [SI §e]. Cost: 50–100 passes over 10⁴ (noise: 10⁵) points, 0.1–1 s.
 */
export async function longTimeFixedPoint(options: FixedPointOptions): Promise<FixedPoint> {
  const known = [...MODEL_OPTIONS, "start", "tolerance", "maxIterations", "signal", "onProgress"];
  const given = checkOptions(options, known, "longTimeFixedPoint");
  const model = readModel(given);
  const tolerance = given.tolerance === undefined ? 1e-10 : checkNumber(given.tolerance, "tolerance", { above: 0 });
  const maxIterations =
    given.maxIterations === undefined ? 600 : checkInteger(given.maxIterations, "maxIterations", { min: 1 });
  const control = new RunControl({ signal: given.signal === undefined ? undefined : checkSignal(given.signal) });
  const onProgress: FixedPointOptions["onProgress"] =
    given.onProgress === undefined ? undefined : checkCallback(given.onProgress, "onProgress");
  control.throwIfAborted();
  const solver = new Solver(model, tolerance, maxIterations, control, onProgress);
  let best: Attempt | undefined;
  for (const [overlap, normSquared] of given.start === undefined ? STARTS : [readStart(given.start)]) {
    const attempt = await solver.iterate(overlap, normSquared);
    if (attempt !== undefined && (best === undefined || attempt.residual < best.residual)) best = attempt;
    if ((best?.converged === true && best.minimumSlope > 0) || solver.isExhausted) break;
  }
  if (best === undefined) {
    throw new NumericalError(
      "NOT_CONVERGED",
      `the long-time equations of ${model.loss.name} at ratio ${model.ratio} have no finite solution near any start. Raise ridge or ratio.`,
      { details: { ratio: model.ratio, ridge: model.ridge } },
    );
  }
  return solver.report(best);
}

function readStart(given: unknown): readonly [number, number] {
  const { overlap, normSquared } = checkOptions(given, ["overlap", "normSquared"], "start");
  const q = checkNumber(normSquared, "start.normSquared", { min: 0 });
  const reach = Math.sqrt(q);
  return [checkNumber(overlap, "start.overlap", { min: -reach, max: reach }), q];
}

interface Attempt extends OrderParameters {
  readonly curvature: number;
  readonly trainLoss: number;
  readonly residual: number;
  readonly minimumSlope: number;
  readonly converged: boolean;
  readonly residuals: Float64Array;
  /** l″ over the rows, for the Hessian. */
  readonly law: CurvatureLaw;
}

class Solver {
  readonly #model: Model;
  readonly #rule: FieldRule;
  readonly #tolerance: number;
  /** Iterations that are left for all starts together. */
  #left: number;
  readonly #control: RunControl;
  readonly #onProgress: FixedPointOptions["onProgress"];

  constructor(
    model: Model,
    tolerance: number,
    maxIterations: number,
    control: RunControl,
    onProgress: FixedPointOptions["onProgress"],
  ) {
    this.#model = model;
    this.#rule = fieldRule(model.channel, model.loss, model.complex, ITERATED_RULE);
    this.#tolerance = tolerance;
    this.#left = maxIterations;
    this.#control = control;
    this.#onProgress = onProgress;
  }

  get isExhausted(): boolean {
    return this.#left <= 0;
  }

  /** Damped iteration from one point; undefined if it leaves the numbers. */
  async iterate(overlap: number, normSquared: number): Promise<Attempt | undefined> {
    const { ratio, ridge, loss } = this.#model;
    const isPopulation = ratio === Number.POSITIVE_INFINITY;
    const state: OrderParameters = { overlap, normSquared, gamma: isPopulation ? 0 : 0.5 / ratio };
    const fields = new ProximalFields(this.#rule, loss);
    const mixer = new AndersonMixer(DEPTH, DAMPING);
    const residuals: number[] = [];
    let least = Number.POSITIVE_INFINITY;
    let [reference, since] = [Number.POSITIVE_INFINITY, 0];
    for (let iteration = 0; ; iteration++) {
      const means = await fields.evaluate(state.overlap, state.normSquared, state.gamma, this.#control);
      const stiffness = ridge + means.curvature;
      // Negative stiffness would make γ negative; a larger γ flattens l″ and brings it back.
      const gamma = isPopulation
        ? 0
        : stiffness > 0
          ? Math.min(1 / (ratio * stiffness), 4 * state.gamma)
          : 2 * state.gamma;
      const overlapNext = stiffness > 0 ? (means.curvature * state.overlap - means.signal) / stiffness : state.overlap;
      const spread = isPopulation ? 0 : ratio * state.gamma * state.gamma * means.gradientSquared;
      const change: OrderParameters = {
        overlap: overlapNext - state.overlap,
        normSquared: overlapNext * overlapNext + spread - state.normSquared,
        gamma: gamma - state.gamma,
      };
      const residual = Math.max(
        Math.abs(change.overlap),
        Math.abs(change.normSquared),
        Math.abs(change.gamma) / Math.max(state.gamma, 1),
      );
      if (!Number.isFinite(residual) || !Number.isFinite(means.loss)) return undefined;
      residuals.push(residual);
      this.#onProgress?.({ iteration, residual });
      const converged = residual <= this.#tolerance && means.unsolved < UNSOLVED;
      this.#left--;
      if (residual < 0.5 * reference) [reference, since] = [residual, 0];
      else since++;
      if (converged || this.#left <= 0 || since > PATIENCE) {
        const law = fields.law();
        return {
          ...state,
          curvature: means.curvature,
          trainLoss: means.loss,
          residual,
          minimumSlope: 1 + state.gamma * law.a[0],
          converged,
          residuals: Float64Array.from(residuals),
          law,
        };
      }
      // Acceleration only while it helps; otherwise damped steps, which are slow but hold the branch.
      if (residual > 2 * least) mixer.reset();
      least = Math.min(least, residual);
      const f = [change.overlap, change.normSquared, change.gamma];
      const x = [state.overlap, state.normSquared, state.gamma];
      let next = mixer.next(x, f);
      if (residual > NEAR || !isSane(next, x)) next = Float64Array.from(x, (v, i) => v + DAMPING * f[i]);
      [state.overlap, state.normSquared, state.gamma] = next;
    }
  }

  report(attempt: Attempt): FixedPoint {
    const { ratio, ridge, stepSize } = this.#model;
    const [left, right] = bulkEdges(attempt.law, ratio);
    const rate = Math.max(Math.abs(1 - stepSize * (ridge + left)), Math.abs(1 - stepSize * (ridge + right)));
    const { converged, residuals } = attempt;
    return {
      overlap: attempt.overlap,
      normSquared: attempt.normSquared,
      trainLoss: attempt.trainLoss,
      gamma: attempt.gamma,
      curvature: attempt.curvature,
      susceptibility: -1 / (ridge + attempt.curvature),
      residual: attempt.residual,
      minimumSlope: attempt.minimumSlope,
      stable: ridge + left > 0,
      rate,
      stepsToConverge: rate < 1 ? Math.ceil(log(1e-6) / log(Math.max(rate, 1e-6))) : Number.POSITIVE_INFINITY,
      spectrum: [left, right],
      stepSize,
      stop: { reason: converged ? "converged" : "not-converged", converged, iterations: residuals.length },
      residuals,
    };
  }
}
