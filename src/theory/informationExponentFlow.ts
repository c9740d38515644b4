/** One-pass stochastic gradient descent on a single Hermite link, in the limit of many dimensions. */
import { checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { exp, tanh } from "../base/elementary.js";
import { NumericalError, OptionError } from "../base/errors.js";
import { readVector } from "../data/input.js";
import { hermiteInto } from "../math/hermite.js";
import { gaussHermite } from "../math/quadrature.js";
import { ImplicitStepper, type StiffSystem } from "../math/rosenbrock.js";
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
/** Error of one step, relative to the overlap. */
const TOLERANCE = 1e-11;
/** Overlaps below count as 0. */
const SMALLEST = 1e-100;
/** Steps of all times together; a flow that settles takes some thousands at most. */
const MOST_STEPS = 200_000;

/**
 * The overlap of spherical online SGD on y = He_s(z)/√(s!) with the correlation loss, θ ← normalise(θ + (γ/d)y h′(⟨a, θ⟩)a):
 *
 *     dm/dt = s·m^{s−1}(1 − m²) − (γ/2)·m·E[y²h′(ξ)²],   (z, ξ) of correlation m
 *
 * For γ = 0 and s ≤ 2 the closed solutions; otherwise adaptive steps that neither long times nor large γ make small. The last
 * expectation is a polynomial in m, found exactly.
 *
 * @throws {OptionError} `TYPE`, `RANGE`; @throws {InputError} for bad times
 * @throws {NumericalError} `NOT_CONVERGED` for a γ beyond all sense
 * Source: [SI §h]; Ben Arous, Gheissari & Jagannath, arXiv 2003.10409. Cost: hundreds to some thousands of steps, however long the times.
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
  const noise = gamma > 0 ? gradientNoise(s) : new Float64Array(1);
  const slope = noise.map((c, k) => (k + 1) * c);
  const system: StiffSystem = {
    size: 1,
    stiffDerivative([m], out) {
      out[0] = s * power(m, s - 1) * (1 - m * m) - 0.5 * gamma * m * horner(noise, m);
    },
    stiffJacobian([m], out) {
      const drift = s > 1 ? (s - 1) * power(m, s - 2) - (s + 1) * power(m, s) : -2 * m;
      out[0] = s * drift - 0.5 * gamma * horner(slope, m);
    },
    // Relative, as small overlaps grow by factors; s = 1 alone has a flow through 0.
    scale([m], out) {
      out[0] = Math.max(Math.abs(m), s === 1 ? 1 : SMALLEST);
    },
  };
  const stepper = new ImplicitStepper(system, TOLERANCE);
  stepper.y[0] = m0;
  stepper.restart(1 / (s * s * (1 + gamma * horner(noise, 1))));
  let [time, left] = [0, MOST_STEPS];
  return times.map((target) => {
    for (let rest = target - time; rest > 0; rest -= stepper.length) {
      if (left-- > 0 && stepper.advance(rest)) continue;
      throw new NumericalError(
        "NOT_CONVERGED",
        `the overlap cannot be followed to time ${target} with stepSize ${gamma}; take a smaller step.`,
        { details: { time: target, stepSize: gamma } },
      );
    }
    time = target;
    return Math.max(-1, Math.min(1, stepper.y[0]));
  });
}

function power(m: number, n: number): number {
  let out = 1;
  for (let k = 0; k < n; k++) out *= m;
  return out;
}

/** Coefficients in m of E[h_s(z)²h_s′(ξ)²] for correlation m: with h_s² = Σ b_k h_k and h_s′² = Σ c_k h_k it is Σ b_k c_k m^k. */
function gradientNoise(s: number): Float64Array {
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
  return b.map((x, k) => x * c[k]);
}

/** Σ c_k m^k. */
function horner(c: Float64Array, m: number): number {
  let sum = 0;
  for (let k = c.length - 1; k >= 0; k--) sum = sum * m + c[k];
  return sum;
}
