/** Adaptive Runge–Kutta integration of autonomous systems, order 8(5,3), with dense output and event location. */
import { NumericalError } from "../base/errors.js";
import { DENSE_WEIGHTS, ERROR_FIVE, ERROR_THREE, STAGE_WEIGHTS } from "./dormandPrince.js";

/** dy/dτ = F(y). */
export interface OdeSystem {
  readonly size: number;
  /** Writes F(y); may write non-finite values where F is not defined, which makes the step smaller. */
  derivative(y: Float64Array, out: Float64Array): void;
  /** Writes the size > 0 in which the error of each entry is measured. */
  scale(y: Float64Array, out: Float64Array): void;
}

/** Steps of one `advance` that may be refused before it gives up. */
const MAX_REFUSED = 60;
const SAFETY = 0.9;
const MOST_GROWTH = 6;
const MOST_SHRINK = 1 / 5;
/** Estimates of step × fastest rate above this, step after step, mean that stability and not accuracy limits the step. */
const STIFF_PRODUCT = 6.1;
/** A change of the state, in units of `scale`, that a step of order 8 is expected to make. */
const MOVING = 0.01;

/** A step size that does not depend on engine functions: x^(−1/8) by three square roots. */
export function inverseEighthRoot(x: number): number {
  return 1 / Math.sqrt(Math.sqrt(Math.sqrt(x)));
}

/** What an integrator that steps through a trajectory offers; `y` is the state at the end of the last step. */
export interface Stepper {
  readonly y: Float64Array;
  /** Length of the last step. */
  readonly length: number;
  /** Takes one step of at most `most`; false when no step is small enough. */
  advance(most: number): boolean;
  /** State at the fraction 0 ≤ θ ≤ 1 of the last step. */
  at(theta: number, out: Float64Array): void;
}

/**
 * The explicit pair of Dormand and Prince of order 8 with error estimates of order 5 and 3; dense output of order 7.
 *
 * + − × ÷ √ only, and a fixed order of sums: the same bits everywhere. Nothing is allocated after construction.
 *
 * Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, §II.5, §II.10. Cost: 12 derivatives a step, 3 more
 * for the dense output.
 */
export class ExplicitStepper implements Stepper {
  y: Float64Array;
  length = 0;
  /** Next step to be tried. */
  next = 0;
  /** Accepted steps in a row whose length was limited by stability. */
  stiffness = 0;
  readonly #system: OdeSystem;
  readonly #tolerance: number;
  readonly #watched: number;
  readonly #stages: Float64Array[];
  #before: Float64Array;
  readonly #trial: Float64Array;
  readonly #scale: Float64Array;
  readonly #dense: Float64Array[];
  #denseReady = false;
  #derivativeReady = false;

  /**
   * @param tolerance - error of a step in units of `scale`
   * @param watched - leading entries of y that tell whether the state moves; the rest may be a clock
   */
  constructor(system: OdeSystem, tolerance: number, watched = system.size) {
    this.#system = system;
    this.#tolerance = tolerance;
    this.#watched = watched;
    const n = system.size;
    this.#stages = STAGE_WEIGHTS.map(() => new Float64Array(n));
    this.y = new Float64Array(n);
    this.#before = new Float64Array(n);
    this.#trial = new Float64Array(n);
    this.#scale = new Float64Array(n);
    this.#dense = Array.from({ length: 7 }, () => new Float64Array(n));
  }

  /**
   * Starts at y with a first step of about `first`; also call it after changing `y` by more than rounding.
   */
  restart(first: number): void {
    this.next = first;
    this.stiffness = 0;
    this.#derivativeReady = false;
    this.#denseReady = false;
  }

  /** Tells that `y` was changed: the derivative at its end is computed again. The last step's dense output stays. */
  touch(): void {
    this.#derivativeReady = false;
  }

  advance(most: number): boolean {
    const system = this.#system;
    const stages = this.#stages;
    const { y } = this;
    const before = this.#before;
    const trial = this.#trial;
    const n = system.size;
    before.set(y);
    this.#denseReady = false;
    if (this.#derivativeReady) stages[0].set(stages[12]);
    else system.derivative(before, stages[0]);
    let refused = false;
    for (let attempt = 0; attempt < MAX_REFUSED; attempt++) {
      const h = Math.min(this.next, most);
      for (let s = 1; s < 12; s++) {
        this.#combine(STAGE_WEIGHTS[s], s, h, trial);
        system.derivative(trial, stages[s]);
      }
      this.#combine(STAGE_WEIGHTS[12], 12, h, y);
      const error = this.#error(h);
      if (!(error <= 1)) {
        refused = true;
        this.next =
          h * (error < Number.POSITIVE_INFINITY ? Math.max(MOST_SHRINK, SAFETY * inverseEighthRoot(error)) : 0.1);
        if (!(this.next > 0)) break;
        continue;
      }
      system.derivative(y, stages[12]);
      this.#measureStiffness(h, n);
      this.#derivativeReady = true;
      this.length = h;
      const growth = error > 1e-12 ? Math.min(MOST_GROWTH, SAFETY * inverseEighthRoot(error)) : MOST_GROWTH;
      // A step that was cut short by `most` says nothing about the next one unless it asks for less.
      const proposed = h * (refused ? Math.min(1, growth) : growth);
      this.next = h < this.next ? Math.max(this.next, proposed) : proposed;
      return true;
    }
    y.set(before);
    return false;
  }

  /** out ← start + h·Σ weights·stages. */
  #combine(weights: readonly number[], count: number, h: number, out: Float64Array): void {
    const before = this.#before;
    const n = out.length;
    const first = this.#stages[0];
    const w = weights[0];
    for (let i = 0; i < n; i++) out[i] = w * first[i];
    for (let s = 1; s < count; s++) {
      const weight = weights[s];
      if (weight === 0) continue;
      const stage = this.#stages[s];
      for (let i = 0; i < n; i++) out[i] += weight * stage[i];
    }
    for (let i = 0; i < n; i++) out[i] = before[i] + h * out[i];
  }

  /** Error of the trial step in units of the tolerance; NaN when the step left the range of doubles. */
  #error(h: number): number {
    const scale = this.#scale;
    this.#system.scale(this.y, scale);
    const n = scale.length;
    let five = 0;
    let three = 0;
    for (let i = 0; i < n; i++) {
      let a = 0;
      let b = 0;
      for (let s = 0; s < 12; s++) {
        const k = this.#stages[s][i];
        a += ERROR_FIVE[s] * k;
        b += ERROR_THREE[s] * k;
      }
      const size = scale[i] * this.#tolerance;
      a /= size;
      b /= size;
      five += a * a;
      three += b * b;
    }
    if (five === 0 && three === 0) return 0;
    return (h * five) / Math.sqrt((five + 0.01 * three) * n);
  }

  /**
   * Counts steps that stability limits: by a power estimate of step × fastest rate from the last two stages, which are at nearly the
   * same place, or because the state hardly moved although the step was as long as it could be.
   */
  #measureStiffness(h: number, n: number): void {
    let change = 0;
    let distance = 0;
    const last = this.#stages[12];
    const previous = this.#stages[11];
    for (let i = 0; i < n; i++) {
      const a = last[i] - previous[i];
      const b = this.y[i] - this.#trial[i];
      change += a * a;
      distance += b * b;
    }
    let isMoving = false;
    for (let i = 0; i < this.#watched && !isMoving; i++) {
      isMoving = Math.abs(this.y[i] - this.#before[i]) > MOVING * this.#scale[i];
    }
    const isFast = distance > 0 && h * h * change > STIFF_PRODUCT * STIFF_PRODUCT * distance;
    if (isFast || !isMoving) this.stiffness++;
    else if (this.stiffness > 0) this.stiffness--;
  }

  at(theta: number, out: Float64Array): void {
    this.#prepareDense();
    const [d0, d1, d2, d3, d4, d5, d6] = this.#dense;
    const before = this.#before;
    const rest = 1 - theta;
    for (let i = 0; i < out.length; i++) {
      const inner = d3[i] + theta * (d4[i] + rest * (d5[i] + theta * d6[i]));
      out[i] = before[i] + theta * (d0[i] + rest * (d1[i] + theta * (d2[i] + rest * inner)));
    }
  }

  #prepareDense(): void {
    if (this.#denseReady) return;
    const stages = this.#stages;
    const system = this.#system;
    const h = this.length;
    const n = system.size;
    for (let s = 13; s < 16; s++) {
      this.#combine(STAGE_WEIGHTS[s], s, h, this.#trial);
      system.derivative(this.#trial, stages[s]);
    }
    this.#combine(STAGE_WEIGHTS[12], 12, h, this.#trial);
    const end = this.#trial;
    const dense = this.#dense;
    for (let i = 0; i < n; i++) {
      const change = end[i] - this.#before[i];
      dense[0][i] = change;
      dense[1][i] = h * stages[0][i] - change;
      dense[2][i] = 2 * change - h * (stages[12][i] + stages[0][i]);
      for (let k = 0; k < 4; k++) {
        let sum = 0;
        for (let s = 0; s < 16; s++) sum += DENSE_WEIGHTS[k][s] * stages[s][i];
        dense[3 + k][i] = h * sum;
      }
    }
    this.#denseReady = true;
  }
}

/**
 * Root of g on [0, 1], g(0) and g(1) of different sign: Chandrupatla's mixture of bisection and inverse quadratic interpolation,
 * some 8 evaluations for a smooth g, at most 100.
 *
 * @returns a θ with |θ − root| ≤ precision where g has the sign of g(1), or is 0
 * @throws {NumericalError} `NOT_FINITE` when g gives NaN
 * Source: Chandrupatla, Advances in Engineering Software 28 (1997).
 */
export function locateRoot(g: (theta: number) => number, atZero: number, atOne: number, precision = 1e-14): number {
  if (atZero === 0) return 0;
  // a and b bracket the root, b is the newest; c is the point that a replaced.
  let [a, b, c] = [0, 1, 0];
  let [fa, fb, fc] = [atZero, atOne, atZero];
  let fraction = 0.5;
  for (let k = 0; k < 100 && fb !== 0 && Math.abs(b - a) > precision; k++) {
    const theta = a + fraction * (b - a);
    const value = g(theta);
    if (Number.isNaN(value)) {
      throw new NumericalError("NOT_FINITE", `The event function is NaN at fraction ${theta} of a step.`);
    }
    if (value > 0 === fb > 0 && value !== 0) {
      [c, fc] = [b, fb];
    } else {
      [c, fc] = [a, fa];
      [a, fa] = [b, fb];
    }
    [b, fb] = [theta, value];
    // Now the sign changes between b and the other end; name that a.
    if (fb > 0 === fa > 0) {
      const swap = a;
      const swapValue = fa;
      [a, fa] = [c, fc];
      [c, fc] = [swap, swapValue];
    }
    const xi = (b - a) / (c - a);
    const phi = (fb - fa) / (fc - fa);
    const isSmooth = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi;
    fraction = 0.5;
    if (isSmooth) {
      fraction = (fa / (fb - fa)) * (fc / (fb - fc)) + (((c - a) / (b - a)) * (fa / (fc - fa)) * fb) / (fc - fb);
    }
    const least = Math.min(0.5, (0.5 * precision) / Math.abs(b - a));
    fraction = Math.min(1 - least, Math.max(least, fraction));
  }
  return fb === 0 || fb > 0 === atOne > 0 ? b : a;
}
