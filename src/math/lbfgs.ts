/** Limited-memory BFGS with backtracking, for smooth functions of a few hundred variables that are dear to evaluate. */

/** A function's value and gradient. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface MinimizeOptions {
  readonly maxIterations: number;
  /** Stops when the last `window` iterations together gained less than `gain`. */
  readonly window: number;
  readonly gain: number;
  /** No variable moves further in one step. */
  readonly maxStep: number;
  /** Largest move of a variable in the first step, when no curvature is known. */
  readonly firstStep: number;
  /** Curvature known from an earlier run on a similar function. */
  readonly curvature?: readonly CurvaturePair[];
  /** Asked before every evaluation; true ends the run with the best point so far. */
  readonly expired: () => boolean;
}

/** Where a run ended. */
export interface Minimum extends Evaluated {
  readonly x: Float64Array;
  readonly iterations: number;
  readonly evaluations: number;
  /** What the run learned of the curvature, for a later one. */
  readonly curvature: readonly CurvaturePair[];
}

/** Pairs of steps and gradient changes that are remembered. */
const MEMORY = 12;
/** Part of the predicted decrease that a step must reach. */
const ARMIJO = 1e-4;
const MOST_TRIALS = 8;
/** Pairs whose curvature is below this part of their size are left out. */
const LEAST_CURVATURE = 1e-10;

/** A step with the change of the gradient along it and their inner product > 0. */
export interface CurvaturePair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly curvature: number;
}

/**
 * Goes downhill from `start`. The function may refuse a point (undefined); such a step is shortened.
 *
 * @returns undefined when the start itself is refused or the time is over before it
 * Source: Nocedal & Wright, Numerical Optimization, algorithm 7.5. Cost: about one evaluation per iteration.
 */
export async function minimize(
  evaluate: (x: Float64Array) => Promise<Evaluated | undefined>,
  start: Float64Array,
  options: MinimizeOptions,
): Promise<Minimum | undefined> {
  const { maxIterations, window, gain, maxStep, firstStep, expired } = options;
  if (expired()) return undefined;
  let x = start;
  let at = await evaluate(x);
  if (at === undefined) return undefined;
  let evaluations = 1;
  let iterations = 0;
  const pairs: CurvaturePair[] = [...(options.curvature ?? [])];
  const values = [at.value];
  search: while (iterations < maxIterations) {
    let direction = descentDirection(at.gradient, pairs);
    let slope = dot(direction, at.gradient);
    if (!(slope < 0)) {
      pairs.length = 0;
      direction = at.gradient.map((g) => -g);
      slope = dot(direction, at.gradient);
      if (!(slope < 0)) break;
    }
    const reach = largest(direction);
    let t = pairs.length === 0 ? Math.min(1, firstStep / reach) : Math.min(1, maxStep / reach);
    let next: Evaluated | undefined;
    let trial = x;
    for (let k = 0; ; k++) {
      if (k === MOST_TRIALS || expired()) break search;
      trial = x.map((v, i) => v + t * direction[i]);
      next = await evaluate(trial);
      evaluations++;
      if (next !== undefined && next.value <= at.value + ARMIJO * t * slope) break;
      t *= next === undefined ? 0.2 : shorten(t * slope, next.value - at.value);
    }
    iterations++;
    const step = trial.map((v, i) => v - x[i]);
    const change = next.gradient.map((g, i) => g - (at as Evaluated).gradient[i]);
    const curvature = dot(step, change);
    if (curvature > LEAST_CURVATURE * Math.sqrt(dot(step, step) * dot(change, change))) {
      pairs.push({ step, change, curvature });
      if (pairs.length > MEMORY) pairs.shift();
    }
    x = trial;
    at = next;
    values.push(at.value);
    if (values.length > window && values[values.length - 1 - window] - at.value < gain) break;
  }
  return { x, ...at, iterations, evaluations, curvature: pairs };
}

/** The factor to the minimum of the parabola through value, slope and the trial, between 0.1 and 0.5. */
function shorten(predicted: number, reached: number): number {
  const factor = -predicted / (2 * (reached - predicted));
  return factor >= 0.1 ? Math.min(0.5, factor) : 0.1;
}

/** −H·gradient with the inverse Hessian H of the remembered pairs. */
function descentDirection(gradient: Float64Array, pairs: readonly CurvaturePair[]): Float64Array {
  const q = gradient.map((g) => -g);
  if (pairs.length === 0) return q;
  const weights = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    weights[k] = dot(pairs[k].step, q) / pairs[k].curvature;
    add(q, -weights[k], pairs[k].change);
  }
  const last = pairs[pairs.length - 1];
  const scale = last.curvature / dot(last.change, last.change);
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  pairs.forEach(({ step, change, curvature }, k) => {
    add(q, weights[k] - dot(change, q) / curvature, step);
  });
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function add(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}

function largest(a: Float64Array): number {
  return a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
