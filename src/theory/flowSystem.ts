/** What the flow driver needs of a flow, and the test for directions in which a flow leaves a stationary point. */
import { multiply } from "../math/dense.js";
import type { OdeSystem } from "../math/ode.js";
import { factorize, type StiffSystem, solve } from "../math/rosenbrock.js";
import type { Threshold } from "./escapes.js";

/**
 * A flow of overlaps, its time the last entry of the state. The explicit integrator runs it in τ, which
 * follows its fastest rate (`derivative`); the implicit one, for when some directions relax far faster than others grow, in time
 * (`stiffDerivative`). `dimension` = `size` − 1.
 */
export interface FlowSystem extends OdeSystem, StiffSystem {
  readonly size: number;
  readonly dimension: number;
  /** Singular values of the observed M, descending. */
  readonly values: Float64Array;
  /** dτ/dt at the state that a derivative was asked for last. */
  readonly rate: number;
  /** Names the escapes that `cosine` will be asked for; before `start`. */
  watch(thresholds: readonly Threshold[]): void;
  /** Cosine of the directions of escape i at the state observed last. */
  cosine(i: number): number;
  /** Writes the state at M(0), r×r⋆ row-major, with time 0. */
  start(m: Float64Array, y: Float64Array): void;
  /** Looks at a state: `values`, and what `loss` needs. */
  observe(y: Float64Array): void;
  /** Loss at the state observed last. */
  loss(): number;
  /** M at y in the given coordinates, r×r⋆. */
  overlap(y: Float64Array, out: Float64Array): void;
  /** After an accepted step: makes y the origin of the coordinates, with time 0, and observes it. */
  absorb(y: Float64Array): void;
  /** Whether the flow is over at the state absorbed last, and why. */
  judge(y: Float64Array): "converged" | "trapped" | "stationary" | undefined;
}

/** Loss over ‖f − mean‖² at which a flow has converged. */
export const CONVERGED = 1e-12;

/** A link as the flows take it. */
export interface FlowLink {
  /** N(rank, degree), in the order of [MI §1.2]. */
  readonly coefficients: Float64Array;
  readonly rank: number;
  readonly degree: number;
  /** Directions that the link depends on. */
  readonly intrinsicDimension: number;
}

/** ‖f − mean‖². */
export function normSquared(coefficients: Float64Array): number {
  let sum = 0;
  for (let j = 1; j < coefficients.length; j++) sum += coefficients[j] * coefficients[j];
  return sum;
}

/** Growth rates below 2^−46 of the rate scale are not told from 0. */
const SQUARINGS = 46;

/**
 * Whether an n×n matrix J has an eigenvalue with positive real part above about 1e-13·rate: powers of the Cayley transform
 * (I − J/rate)⁻¹(I + J/rate), squared again and again, grow exactly then. Only + − × ÷ are used.
 *
 * Cost: 46 products of n×n matrices.
 */
export function isUnstable(jacobian: Float64Array, n: number, rate: number): boolean {
  const left = Float64Array.from(jacobian, (x) => -x / rate);
  const right = Float64Array.from(jacobian, (x) => x / rate);
  for (let i = 0; i < n; i++) {
    left[i * n + i] += 1;
    right[i * n + i] += 1;
  }
  const pivots = new Int32Array(n);
  if (!factorize(left, n, pivots)) return true;
  let power = new Float64Array(n * n);
  const column = new Float64Array(n);
  const x = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) column[i] = right[i * n + j];
    solve(left, n, pivots, column, x);
    for (let i = 0; i < n; i++) power[i * n + j] = x[i];
  }
  for (let s = 0; s < SQUARINGS; s++) {
    let largest = 0;
    for (let i = 0; i < n * n; i++) largest = Math.max(largest, Math.abs(power[i]));
    if (!(largest < 1e6)) return true;
    if (largest < 1e-6) return false;
    power = multiply(power, power, n, n, n) as Float64Array<ArrayBuffer>;
  }
  return false;
}
