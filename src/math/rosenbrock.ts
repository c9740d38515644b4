/** Stiff integration of autonomous systems: a Rosenbrock method of order 5 with exact Jacobians. */
import { exp, log } from "../base/elementary.js";
import type { Stepper } from "./ode.js";

/** dy/dt = F(y) with its Jacobian. */
export interface StiffSystem {
  /** Number of entries of y. */
  readonly size: number;
  stiffDerivative(y: Float64Array, out: Float64Array): void;
  /** Writes ∂F_i/∂y_j at [i·n + j]. */
  stiffJacobian(y: Float64Array, out: Float64Array): void;
  /** Writes the size > 0 in which the error of each entry is measured. */
  scale(y: Float64Array, out: Float64Array): void;
}

const GAMMA = 0.21193756319429014;
/** Weights of earlier stages in the argument of stages 2…6; stages 7, 8 and the result add one more stage each. */
const A: readonly (readonly number[])[] = [
  [],
  [3],
  [2.849394379747939, 0.45842242204463923],
  [-6.954028509809101, 2.489845061869568, -10.358996098473584],
  [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
  [-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946],
];
/** Weights of earlier stages in the right-hand side, over h. */
const C: readonly (readonly number[])[] = [
  [],
  [-14.155112264123755],
  [-17.97296035885952, -2.859693295451294],
  [147.12150275711716, -1.41221402718213, 71.68940251302358],
  [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
  [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
  [
    30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
    -28.087943162872662,
  ],
  [
    37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
    -54.66780262877968, -9.48861652309627,
  ],
];
const STAGES = 8;
const MAX_REFUSED = 60;
const SAFETY = 0.9;
const MOST_GROWTH = 8;
const MOST_SHRINK = 0.15;

/**
 * Rodas5P: eight stages, order 5, stiffly accurate and L-stable, one LU factorization a step. A direction that relaxes 10¹⁵ times
 * faster than the trajectory moves does not limit the step.
 *
 * Source: Steinebach, BIT 63 (2023), coefficients in the form of Hairer & Wanner, Solving Ordinary Differential Equations II, §IV.7.
 * Cost: a Jacobian, 8 derivatives and ⅔n³ + 16n² flops a step.
 */
export class ImplicitStepper implements Stepper {
  readonly y: Float64Array;
  length = 0;
  next = 0;
  readonly #system: StiffSystem;
  readonly #tolerance: number;
  readonly #before: Float64Array;
  readonly #jacobian: Float64Array;
  readonly #matrix: Float64Array;
  readonly #pivots: Int32Array;
  readonly #stages: Float64Array[];
  readonly #argument: Float64Array;
  readonly #right: Float64Array;
  readonly #scale: Float64Array;
  #lastLength = 0;
  #lastError = 1;

  constructor(system: StiffSystem, tolerance: number) {
    const n = system.size;
    this.#system = system;
    this.#tolerance = tolerance;
    this.y = new Float64Array(n);
    this.#before = new Float64Array(n);
    this.#jacobian = new Float64Array(n * n);
    this.#matrix = new Float64Array(n * n);
    this.#pivots = new Int32Array(n);
    this.#stages = Array.from({ length: STAGES }, () => new Float64Array(n));
    this.#argument = new Float64Array(n);
    this.#right = new Float64Array(n);
    this.#scale = new Float64Array(n);
  }

  /** Starts at `y` with a first step of about `first`. */
  restart(first: number): void {
    this.next = first;
    this.#lastLength = 0;
  }

  advance(most: number): boolean {
    this.#before.set(this.y);
    this.#system.stiffJacobian(this.#before, this.#jacobian);
    let refused = false;
    for (let attempt = 0; attempt < MAX_REFUSED; attempt++) {
      const h = Math.min(this.next, most);
      const error = this.#step(h, this.y);
      const factor = error > 0 ? SAFETY * inverseFifthRoot(error) : MOST_GROWTH;
      if (!(error <= 1)) {
        refused = true;
        this.next = h * (error < Number.POSITIVE_INFINITY ? Math.max(MOST_SHRINK, factor) : 0.1);
        if (!(this.next > 0)) break;
        continue;
      }
      this.length = h;
      let growth = Math.min(MOST_GROWTH, factor);
      if (this.#lastLength > 0 && error > 0) {
        // Gustafsson's prediction: errors that rose from step to step will go on rising.
        const predicted = ((SAFETY * h) / this.#lastLength) * inverseFifthRoot((error * error) / this.#lastError);
        growth = Math.max(MOST_SHRINK, Math.min(growth, predicted));
      }
      if (refused) growth = Math.min(1, growth);
      this.next = h < this.next ? Math.max(this.next, h * growth) : h * growth;
      this.#lastLength = h;
      this.#lastError = Math.max(0.01, error);
      return true;
    }
    this.y.set(this.#before);
    return false;
  }

  /** The step of length θ·h from the same start: of full order, at the price of a step. */
  at(theta: number, out: Float64Array): void {
    if (theta <= 0) out.set(this.#before);
    else if (theta >= 1) out.set(this.y);
    else this.#step(theta * this.length, out);
  }

  /** Writes the state after h into `out`; error in units of the tolerance, NaN when the step failed. */
  #step(h: number, out: Float64Array): number {
    const n = this.#before.length;
    const w = this.#matrix;
    for (let i = 0; i < n * n; i++) w[i] = -this.#jacobian[i];
    for (let i = 0; i < n; i++) w[i * n + i] += 1 / (GAMMA * h);
    if (!factorize(w, n, this.#pivots)) return Number.NaN;
    const argument = this.#argument;
    const right = this.#right;
    for (let s = 0; s < STAGES; s++) {
      if (s < 6) {
        argument.set(this.#before);
        for (let j = 0; j < s; j++) addTo(argument, this.#stages[j], A[s][j]);
      } else {
        addTo(argument, this.#stages[s - 1], 1);
      }
      this.#system.stiffDerivative(argument, right);
      for (let j = 0; j < s; j++) addTo(right, this.#stages[j], C[s][j] / h);
      solve(w, n, this.#pivots, right, this.#stages[s]);
    }
    const last = this.#stages[STAGES - 1];
    for (let i = 0; i < n; i++) argument[i] += last[i];
    this.#system.scale(argument, this.#scale);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = last[i] / (this.#scale[i] * this.#tolerance);
      sum += e * e;
    }
    for (let i = 0; i < n; i++) out[i] = argument[i];
    return Math.sqrt(sum / n);
  }
}

function inverseFifthRoot(x: number): number {
  return exp(-0.2 * log(x));
}

function addTo(out: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < out.length; i++) out[i] += factor * x[i];
}

/** LU factors of an n×n row-major matrix in place, partial pivoting; false when a pivot is 0 or not finite. */
export function factorize(a: Float64Array, n: number, pivots: Int32Array): boolean {
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i;
    pivots[k] = best;
    if (best !== k) {
      for (let j = 0; j < n; j++) {
        const kept = a[k * n + j];
        a[k * n + j] = a[best * n + j];
        a[best * n + j] = kept;
      }
    }
    const pivot = a[k * n + k];
    if (!(Math.abs(pivot) > 0 && Math.abs(pivot) < Number.POSITIVE_INFINITY)) return false;
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k] / pivot;
      a[i * n + k] = factor;
      if (factor === 0) continue;
      for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return true;
}

/** x ← A⁻¹·right from the factors; `right` is overwritten. */
export function solve(a: Float64Array, n: number, pivots: Int32Array, right: Float64Array, x: Float64Array): void {
  for (let k = 0; k < n; k++) {
    const kept = right[k];
    right[k] = right[pivots[k]];
    right[pivots[k]] = kept;
  }
  for (let i = 0; i < n; i++) {
    let sum = right[i];
    for (let j = 0; j < i; j++) sum -= a[i * n + j] * x[j];
    x[i] = sum;
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i];
    for (let j = i + 1; j < n; j++) sum -= a[i * n + j] * x[j];
    x[i] = sum / a[i * n + i];
  }
}
