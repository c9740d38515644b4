/** One-pass stochastic gradient descent on a single Hermite link, in the limit of many dimensions. */
import { checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { exp, tanh } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";
import { readVector } from "../data/input.js";
import { hermiteInto } from "../math/hermite.js";
import { gaussHermite } from "../math/quadrature.js";
import { completeCurves, type Trajectory } from "../single/trajectory.js";

export interface InformationExponentFlowOptions {
  /** s of y = He_s(z)/√(s!). */
  readonly exponent: number;
  /** m(0), in [−1, 1]. */
  readonly overlap: number;
  /** γ ≥ 0, the step in units of 1/d; default 0, gradient flow of the population correlation. */
  readonly stepSize?: number;
  /** Times t = kγ/d ≥ 0 at which the overlap is asked for, ascending. */
  readonly times: ArrayLike<number>;
}

/** The curves over the times asked for: ‖θ‖ = 1, and rows are seen once, so that both losses are −E[y h(ξ)] = −m^s. */
export type InformationExponentFlow = Trajectory;

/** Largest exponent: E[y²h′²] needs moments of degree 4s − 2. */
const MAX_EXPONENT = 20;
/** Runge–Kutta steps per unit of time, by exponent: the field's steepness grows like s². */
const STEPS_PER_UNIT = 400;

/**
 * The overlap of spherical online SGD on y = He_s(z)/√(s!) with the correlation loss, θ ← normalise(θ + (γ/d)y h′(⟨a, θ⟩)a):
 *
 *     dm/dt = s·m^{s−1}(1 − m²) − (γ/2)·m·E[y²h′(ξ)²],   (z, ξ) of correlation m
 *
 * For γ = 0 and s ≤ 2 the closed solutions; otherwise Runge–Kutta steps of order four. The last expectation is a polynomial
 * in m, found exactly.
 *
 * @throws {OptionError} `TYPE`, `RANGE`; @throws {InputError} for bad times
 * Source: [SI §h]; Ben Arous, Gheissari & Jagannath, arXiv 2003.10409. Cost: 1600·s² evaluations per unit of time.
 */
export async function informationExponentFlow(
  options: InformationExponentFlowOptions,
): Promise<InformationExponentFlow> {
  const given = checkOptions(options, ["exponent", "overlap", "stepSize", "times"], "informationExponentFlow");
  const s = checkInteger(given.exponent, "exponent", { min: 1, max: MAX_EXPONENT });
  const m0 = checkNumber(given.overlap, "overlap", { min: -1, max: 1 });
  const gamma = given.stepSize === undefined ? 0 : checkNumber(given.stepSize, "stepSize", { min: 0 });
  const times = readVector(given.times, "times").slice();
  times.forEach((t, i) => {
    if (t >= (i > 0 ? times[i - 1] : 0)) return;
    throw new OptionError("RANGE", `times[${i}] is ${t}; times must be ascending and ≥ 0.`, {
      details: { option: "times", index: i, value: t },
    });
  });
  const overlap = gamma === 0 && s <= 2 ? times.map((t) => closedForm(s, m0, t)) : integrate(s, m0, gamma, times);
  const loss = overlap.map((m) => -power(m, s));
  const normSquared = new Float64Array(overlap.length).fill(1);
  return { times, ...completeCurves({ overlap, normSquared, trainLoss: loss, testLoss: loss }) };
}

/** γ = 0: m = tanh(t + artanh m₀) for s = 1, m² = 1/(1 + (1/m₀² − 1)e^{−4t}) for s = 2. */
function closedForm(s: number, m0: number, t: number): number {
  if (Math.abs(m0) === 1 || (s === 2 && m0 === 0)) return m0;
  if (s === 2) return Math.sign(m0) / Math.sqrt(1 + (1 / (m0 * m0) - 1) * exp(-4 * t));
  // tanh(t + artanh m₀) by the addition theorem.
  const rise = tanh(t);
  return (rise + m0) / (1 + rise * m0);
}

function integrate(s: number, m0: number, gamma: number, times: Float64Array): Float64Array {
  const noise = gamma > 0 ? gradientNoise(s) : () => 0;
  const velocity = (m: number): number => s * power(m, s - 1) * (1 - m * m) - 0.5 * gamma * m * noise(m);
  const longest = 1 / (STEPS_PER_UNIT * s * s * (1 + gamma * noise(1)));
  let [time, m] = [0, m0];
  return times.map((target) => {
    const steps = Math.ceil((target - time) / longest);
    const h = (target - time) / Math.max(steps, 1);
    for (let k = 0; k < steps; k++) {
      const k1 = velocity(m);
      const k2 = velocity(m + 0.5 * h * k1);
      const k3 = velocity(m + 0.5 * h * k2);
      const k4 = velocity(m + h * k3);
      m = Math.max(-1, Math.min(1, m + (h / 6) * (k1 + 2 * k2 + 2 * k3 + k4)));
    }
    time = target;
    return m;
  });
}

function power(m: number, n: number): number {
  let out = 1;
  for (let k = 0; k < n; k++) out *= m;
  return out;
}

/**
 * E[h_s(z)²h_s′(ξ)²] for correlation m. With h_s² = Σ b_k h_k and h_s′² = Σ c_k h_k it is Σ b_k c_k m^k.
 */
function gradientNoise(s: number): (m: number) => number {
  // Exact: the integrands have degree at most 4s.
  const { nodes, weights } = gaussHermite(2 * s + 2);
  const degree = 2 * s;
  const b = new Float64Array(degree + 1);
  const c = new Float64Array(degree + 1);
  const h = new Float64Array(degree + 1);
  for (let i = 0; i < nodes.length; i++) {
    hermiteInto(nodes[i], degree, h);
    const square = h[s] * h[s];
    const slopeSquare = s * h[s - 1] * h[s - 1];
    for (let k = 0; k <= degree; k++) {
      b[k] += weights[i] * square * h[k];
      c[k] += weights[i] * slopeSquare * h[k];
    }
  }
  return (m) => {
    let sum = 0;
    for (let k = degree; k >= 0; k--) sum = sum * m + b[k] * c[k];
    return sum;
  };
}
