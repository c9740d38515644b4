/** Drives a flow: explicit or implicit steps, escapes, requested times, stopping. */
import { RunControl } from "../base/control.js";
import { LeapflowError, NumericalError } from "../base/errors.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { ExplicitStepper, locateRoot } from "../math/ode.js";
import { ImplicitStepper } from "../math/rosenbrock.js";
import type { Threshold } from "./escapes.js";
import type { FlowSystem } from "./flowSystem.js";

/** One saddle left behind. */
export interface Escape {
  /** When the smallest cosine among the new directions passes ½. */
  readonly time: number;
  /** Number of new directions. */
  readonly count: number;
  /** Leap exponent of the saddle. */
  readonly predictedExponent: number;
  /** Zero-based place of that leap among those of the link; at a finite dimension a later leap may come first. */
  readonly leap: number;
}

/**
 * Why a flow ended: "converged" (at a minimum; a planted flow at loss 0), "horizon" (or the last requested time), "trapped" (a planted flow at a stationary
 * point that is stable and not the target), "stationary" (nothing moves, but it is a saddle), "iteration-limit", "step-limit" (no step is small enough).
 */
export type FlowStopReason = "converged" | "horizon" | "trapped" | "stationary" | "iteration-limit" | "step-limit";

/** A trajectory in overlap coordinates. */
export interface Flow {
  /** The requested times, or those the integrator chose, from 0. */
  readonly times: Float64Array;
  readonly loss: Float64Array;
  /** Singular values of M at each time, min(r, r⋆), descending. */
  readonly singularValues: readonly Float64Array[];
  /** M at each time, r×r⋆. */
  readonly overlaps: readonly Matrix[];
  /** Saddles left, in order of time. */
  readonly escapes: readonly Escape[];
  readonly stop: { readonly reason: FlowStopReason; readonly converged: boolean; readonly iterations: number };
  /** Time at which the flow ended, and its loss then. */
  readonly finalTime: number;
  readonly finalLoss: number;
}

/** What `onProgress` is told, after every step. */
export interface FlowProgress {
  readonly time: number;
  readonly loss: number;
  readonly iteration: number;
  readonly singularValues: Float64Array;
}

export interface FlowPlan {
  readonly rank: number;
  readonly rankStar: number;
  readonly start: Float64Array;
  /** Ascending; undefined means those of the integrator. */
  readonly times: Float64Array | undefined;
  readonly horizon: number;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly thresholds: readonly Threshold[];
  /** Whether Π σ_i(M) may only rise; checked after every step. */
  readonly monotone: boolean;
  readonly onProgress: ((progress: FlowProgress) => void) | undefined;
}

/** Steps limited by stability after which the implicit integrator takes over. */
const STIFF_STEPS = 15;
/** Implicit steps that an explicit one could take as well, after which that takes over again. */
const EASY_STEPS = 3;
const EASY_PRODUCT = 2;
/** Points of an integrator-chosen trajectory per step. */
const DETAIL = 4;

/** Runs a flow to its end, letting other tasks have their turns. */
export async function runFlow(system: FlowSystem, plan: FlowPlan, control = new RunControl()): Promise<Flow> {
  const run = new FlowRun(system, plan);
  while (run.reason === undefined) {
    await control.breathe();
    run.step();
  }
  return run.result();
}

/** A flow under way; `step` until there is a `reason`. */
export class FlowRun {
  reason: FlowStopReason | undefined;
  readonly #system: FlowSystem;
  readonly #plan: FlowPlan;
  readonly #explicit: ExplicitStepper;
  #implicit: ImplicitStepper | undefined;
  #isImplicit = false;
  #easy = 0;
  #iterations = 0;
  /** Time as a sum of two doubles: steps may be 10⁻¹⁷ of it. */
  #time = 0;
  #timeRest = 0;
  /** Places among the thresholds that have not been passed. */
  #pending: number[];
  #asked = 0;
  readonly #before: Float64Array;
  readonly #trial: Float64Array;
  readonly #escapes: Escape[] = [];
  readonly #times: number[] = [];
  readonly #loss: number[] = [];
  readonly #values: Float64Array[] = [];
  readonly #overlaps: Matrix[] = [];

  constructor(system: FlowSystem, plan: FlowPlan) {
    this.#system = system;
    this.#plan = plan;
    this.#explicit = new ExplicitStepper(system, plan.tolerance, system.dimension);
    this.#trial = new Float64Array(system.size);
    this.#before = new Float64Array(system.values.length);
    const { y } = this.#explicit;
    system.watch(plan.thresholds);
    system.start(plan.start, y);
    this.#explicit.restart(0.05);
    system.observe(y);
    this.#before.set(system.values);
    this.#pending = plan.thresholds.map((_, i) => i).filter((i) => system.cosine(i) < 0.5);
    if (plan.times === undefined) this.#record(0, y);
    else this.#answer(0, () => y);
    system.observe(y);
    this.reason = system.judge(y) ?? this.#limit();
    if (this.reason !== undefined) this.#finish();
  }

  get #y(): Float64Array {
    return this.#stepper.y;
  }

  /** One step of the integrator with everything that happens in it. */
  step(): void {
    const system = this.#system;
    const plan = this.#plan;
    const stepper = this.#stepper;
    if (!stepper.advance(Number.POSITIVE_INFINITY)) {
      this.reason = "step-limit";
      this.#finish();
      return;
    }
    this.#iterations++;
    const { y } = stepper;
    const elapsed = y[system.dimension];
    const start = this.#time;
    const startRest = this.#timeRest;
    const end = start + (startRest + elapsed);
    const isLast = end >= plan.horizon;
    const stateAt = (theta: number): Float64Array => {
      stepper.at(theta, this.#trial);
      return this.#trial;
    };
    const offsetOf = (t: number): number => t - start - startRest;
    const fractionOf = (t: number): number => {
      const offset = offsetOf(t);
      if (offset >= elapsed) return 1;
      if (offset <= 0) return 0;
      return locateRoot((theta) => stateAt(theta)[system.dimension] - offset, -offset, elapsed - offset);
    };
    const cut = isLast ? fractionOf(plan.horizon) : 1;
    system.observe(y);
    this.#locateEscapes(cut, stateAt);
    if (plan.times !== undefined) {
      this.#answer(isLast ? plan.horizon : end, (t) => stateAt(fractionOf(t)));
    } else {
      for (let part = 1; part < DETAIL; part++) {
        const theta = (part / DETAIL) * cut;
        const state = stateAt(theta);
        this.#record(start + (startRest + state[system.dimension]), state);
      }
    }
    if (isLast) {
      y.set(stateAt(cut));
      this.#time = plan.horizon;
      this.#timeRest = 0;
    } else {
      this.#time = end;
      this.#timeRest = elapsed - (end - start) + startRest;
    }
    system.absorb(y);
    this.#explicit.touch();
    this.#checkMonotone();
    const verdict = system.judge(y);
    if (plan.times === undefined) this.#record(this.#time, y);
    this.#report();
    this.reason = verdict ?? (isLast ? "horizon" : this.#limit());
    if (this.reason !== undefined) this.#finish();
    else this.#choose(elapsed);
  }

  get #stepper(): ExplicitStepper | ImplicitStepper {
    return this.#isImplicit ? (this.#implicit as ImplicitStepper) : this.#explicit;
  }

  #limit(): FlowStopReason | undefined {
    const { horizon, maxIterations } = this.#plan;
    if (this.#time >= horizon) return "horizon";
    return this.#iterations >= maxIterations ? "iteration-limit" : undefined;
  }

  /** Which integrator takes the next step. */
  #choose(elapsed: number): void {
    const system = this.#system;
    if (!this.#isImplicit) {
      if (this.#explicit.stiffness < STIFF_STEPS) return;
      this.#implicit ??= new ImplicitStepper(system, this.#plan.tolerance);
      this.#implicit.y.set(this.#explicit.y);
      this.#implicit.restart(elapsed);
      this.#isImplicit = true;
      this.#easy = 0;
      return;
    }
    this.#easy = elapsed * system.rate < EASY_PRODUCT ? this.#easy + 1 : 0;
    if (this.#easy < EASY_STEPS) return;
    this.#explicit.y.set(this.#stepper.y);
    this.#explicit.restart(elapsed * system.rate);
    this.#isImplicit = false;
  }

  /** Finds the escapes of the last step up to its fraction `cut`; the end of the step has been observed. */
  #locateEscapes(cut: number, stateAt: (theta: number) => Float64Array): void {
    const system = this.#system;
    const gaps = this.#pending.map((i) => system.cosine(i) - 0.5);
    if (gaps.every((gap) => gap < 0)) return;
    const found: Escape[] = [];
    const { thresholds } = this.#plan;
    this.#pending = this.#pending.filter((i, place) => {
      if (gaps[place] < 0) return true;
      const gap = (theta: number): number => {
        system.observe(stateAt(theta));
        return system.cosine(i) - 0.5;
      };
      const theta = locateRoot(gap, Math.min(gap(0), -1e-300), gaps[place], 1e-12);
      if (theta > cut) return true;
      const { count, exponent, leap } = thresholds[i];
      const time = this.#time + (this.#timeRest + stateAt(theta)[system.dimension]);
      found.push({ time, count, predictedExponent: exponent, leap });
      return false;
    });
    this.#escapes.push(...found.sort((a, b) => a.time - b.time));
    system.observe(this.#y);
  }

  /** Records the requested times up to `end`. */
  #answer(end: number, stateAt: (t: number) => Float64Array): void {
    const times = this.#plan.times as Float64Array;
    for (; this.#asked < times.length && times[this.#asked] <= end; this.#asked++) {
      this.#record(times[this.#asked], stateAt(times[this.#asked]));
    }
  }

  /** Adds a state to the trajectory; it is the one observed afterwards. */
  #record(t: number, state: Float64Array): void {
    const { rank, rankStar } = this.#plan;
    const m = new Float64Array(rank * rankStar);
    this.#system.observe(state);
    this.#system.overlap(state, m);
    this.#times.push(t);
    this.#loss.push(this.#system.loss());
    this.#values.push(this.#system.values.slice());
    this.#overlaps.push(toMatrix(m, rank, rankStar));
  }

  #checkMonotone(): void {
    const { values } = this.#system;
    const before = this.#before;
    if (this.#plan.monotone) {
      let ratio = 1;
      for (let j = 0; j < values.length; j++) if (before[j] > 0) ratio *= values[j] / before[j];
      if (!(ratio >= 1 - 1e-9 - 1e3 * this.#plan.tolerance)) {
        throw new NumericalError(
          "NOT_CONVERGED",
          `The determinant of the overlap fell by the factor ${ratio} at time ${this.#time}; along this flow it can only rise. Use a smaller tolerance.`,
          { details: { ratio, time: this.#time } },
        );
      }
    }
    before.set(values);
  }

  #report(): void {
    const { onProgress } = this.#plan;
    if (onProgress === undefined) return;
    const { values } = this.#system;
    const progress = {
      time: this.#time,
      loss: this.#system.loss(),
      iteration: this.#iterations,
      singularValues: values.slice(),
    };
    try {
      onProgress(progress);
    } catch (cause) {
      throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
    }
  }

  /** Requested times after the end get the last state. */
  #finish(): void {
    const { times } = this.#plan;
    if (times !== undefined) this.#answer(Number.POSITIVE_INFINITY, () => this.#y);
  }

  result(): Flow {
    const reason = this.reason ?? "iteration-limit";
    this.#system.observe(this.#y);
    return {
      times: Float64Array.from(this.#times),
      loss: Float64Array.from(this.#loss),
      singularValues: this.#values,
      overlaps: this.#overlaps,
      escapes: this.#escapes,
      stop: { reason, converged: reason === "converged", iterations: this.#iterations },
      finalTime: this.#time,
      finalLoss: this.#system.loss(),
    };
  }
}
