/** Proximal points of a loss over the points of a quadrature rule, and the expectations the fixed point needs. */
import type { RunControl } from "../base/control.js";
import type { Loss } from "../single/losses.js";
import type { FieldRule } from "./fieldRule.js";
import { type CurvatureLaw, curvatureLaw } from "./hessianBulk.js";

/** Newton steps per point; a bracket makes each later one a bisection at worst. */
const MAX_STEPS = 60;
/** Points between two looks at the abort signal. */
const STRETCH = 4096;

export interface ProximalMeans {
  readonly loss: number;
  /** E[z l′(ξ)]; complex E[Re(conj z g)]. */
  readonly signal: number;
  /** Γ = E[l″/(1 + γl″)]; complex: mean of the radial and the tangential one. */
  readonly curvature: number;
  /** E[l′(ξ)²]. */
  readonly gradientSquared: number;
  /** Weight of the points whose equation was not solved. */
  readonly unsolved: number;
}

/**
 * ξ + γl′(ξ; y) = u at all points u = m·z + √(q − m²)·e of a rule; complex fields are solved along their radius, |ξ| from |u|.
 *
 * Each solve starts at the solution of the call before, so that a branch is followed as the parameters move.
 */
export class ProximalFields {
  readonly #rule: FieldRule;
  readonly #loss: Loss;
  readonly #xi: Float64Array;
  #started = false;

  constructor(rule: FieldRule, loss: Loss) {
    this.#rule = rule;
    this.#loss = loss;
    this.#xi = new Float64Array(rule.weights.length);
  }

  /** @throws the signal's reason when it has been aborted */
  async evaluate(overlap: number, normSquared: number, gamma: number, control: RunControl): Promise<ProximalMeans> {
    const { weights, z, y, e, imaginary } = this.#rule;
    const loss = this.#loss;
    const complex = imaginary.length > 0;
    const s = Math.sqrt(Math.max(0, normSquared - overlap * overlap));
    let [value, signal, curvature, gradientSquared, unsolved] = [0, 0, 0, 0, 0];
    for (let i = 0; i < weights.length; i++) {
      if (i % STRETCH === 0) await control.breathe();
      const x = overlap * z[i] + s * e[i];
      const u = complex ? Math.sqrt(x * x + s * s * imaginary[i] * imaginary[i]) : x;
      const xi = solveProx(loss, y[i], u, gamma, this.#started ? this.#xi[i] : u);
      this.#xi[i] = xi;
      const first = loss.derivative(xi, y[i]);
      const second = loss.secondDerivative(xi, y[i]);
      if (!(Math.abs(xi + gamma * first - u) <= 1e-9 * (1 + Math.abs(u)))) unsolved += weights[i];
      const w = weights[i];
      const slope = 1 + gamma * second;
      value += w * loss.value(xi, y[i]);
      gradientSquared += w * first * first;
      if (complex) {
        const rho = xi !== 0 ? first / xi : second;
        // g = l′(|ξ|) along u.
        signal += u > 0 ? (w * z[i] * first * x) / u : 0;
        curvature += 0.5 * w * (second / slope + rho / (1 + gamma * rho));
      } else {
        signal += w * z[i] * first;
        curvature += (w * second) / slope;
      }
    }
    this.#started = true;
    return { loss: complex ? 2 * value : value, signal, curvature, gradientSquared, unsolved };
  }

  /** The law of l″ at the points of the last evaluation; complex: radial and tangential ones, half each. */
  law(): CurvatureLaw {
    const { weights, y, imaginary } = this.#rule;
    const loss = this.#loss;
    const radial = weights.map((_, i) => loss.secondDerivative(this.#xi[i], y[i]));
    if (imaginary.length === 0) return curvatureLaw(weights, radial);
    const tangential = weights.map((_, i) =>
      this.#xi[i] !== 0 ? loss.derivative(this.#xi[i], y[i]) / this.#xi[i] : radial[i],
    );
    const n = weights.length;
    const values = new Float64Array(2 * n);
    values.set(radial);
    values.set(tangential, n);
    const halves = Float64Array.from({ length: 2 * n }, (_, i) => 0.5 * weights[i % n]);
    return curvatureLaw(halves, values);
  }
}

/** Newton's method for x + γl′(x) = u from a given point: steps of at most 1, inside the bracket seen so far. */
function solveProx(loss: Loss, y: number, u: number, gamma: number, from: number): number {
  if (gamma === 0) return u;
  let x = from;
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let step = 0; step < MAX_STEPS; step++) {
    const h = x + gamma * loss.derivative(x, y) - u;
    if (h > 0) high = Math.min(high, x);
    else low = Math.max(low, x);
    if (Math.abs(h) <= 4e-15 * (1 + Math.abs(u))) break;
    const slope = 1 + gamma * loss.secondDerivative(x, y);
    // A falling stretch sends Newton the wrong way: go against the sign instead.
    const newton = slope > 1e-8 ? -h / slope : -Math.sign(h) * 0.5;
    const change = Math.max(-1, Math.min(1, newton));
    let next = x + change;
    if (!(next > low && next < high)) next = low > -Infinity && high < Infinity ? 0.5 * (low + high) : next;
    const moved = Math.abs(next - x);
    x = next;
    if (moved <= 1e-14 * (1 + Math.abs(x))) break;
  }
  return x;
}
