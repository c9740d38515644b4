/** The flow with a known, frozen link on the Stiefel manifold, as a system of differential equations for the overlap. */
import { DenseField, denseCost, type OverlapField, pairPositions } from "./denseField.js";
import { EscapeWatch, type Threshold } from "./escapes.js";
import { CONVERGED, type FlowLink, type FlowSystem, isUnstable, normSquared } from "./flowSystem.js";
import { PrincipalField } from "./principalField.js";

/** Loss over speed above which a point where nothing moves is not the target. */
const TRAP = 100;

/**
 * State: M = WᵀW⋆ (p×p) and the time, Ṁ = K − sym(M Kᵀ) M, dt = (‖M‖/‖K‖ + 1/ω) dτ with ω = tr E∇f∇fᵀ. Unlike in the two-timescale flow,
 * M may pass through 0, where a linear part of the link pulls it on.
 *
 * Source: [MI §6]; the metric is the embedded one.
 */
export class PlantedSystem implements FlowSystem {
  readonly size: number;
  readonly dimension: number;
  readonly values: Float64Array;
  rate = 1;
  readonly #p: number;
  readonly #field: OverlapField;
  readonly #principal: PrincipalField;
  readonly #pairs: Int32Array;
  readonly #m: Float64Array;
  readonly #symmetric: Float64Array;
  readonly #velocity: Float64Array;
  readonly #needed: number;
  readonly #rateScale: number;
  readonly #smallLoss: number;
  readonly #smallGradient: number;
  #watch: EscapeWatch;
  /** M of the state observed last. */
  readonly #seen: Float64Array;
  #loss = 0;
  /** ‖K‖/ω: what M changes by in a natural unit of time. */
  #pull = 0;

  constructor({ coefficients, rank: p, degree, intrinsicDimension }: FlowLink, tolerance: number) {
    this.#p = p;
    this.#needed = intrinsicDimension;
    this.dimension = p * p;
    this.size = p * p + 1;
    this.values = new Float64Array(p);
    this.#principal = new PrincipalField(coefficients, p, degree, p);
    const isDense = denseCost(p, p, degree) <= 2 * this.#principal.cost;
    this.#field = isDense ? new DenseField(coefficients, p, degree, p) : new PrincipalField(coefficients, p, degree, p);
    this.#pairs = pairPositions(p);
    this.#watch = new EscapeWatch([], p, p);
    this.#seen = new Float64Array(p * p);
    this.#m = new Float64Array(p * p);
    this.#symmetric = new Float64Array(p * p);
    this.#velocity = new Float64Array(p * p);
    this.#rateScale = this.#principal.gradientMoment;
    this.#smallLoss = CONVERGED * normSquared(coefficients);
    this.#smallGradient = Math.max(1e-10, 10 * tolerance) * this.#rateScale;
  }

  watch(thresholds: readonly Threshold[]): void {
    this.#watch = new EscapeWatch(thresholds, this.#p, this.#p);
  }

  cosine(i: number): number {
    return this.#watch.cosine(i, this.#seen);
  }

  start(m: Float64Array, y: Float64Array): void {
    y.fill(0);
    for (let i = 0; i < this.dimension; i++) y[i] = m[i];
  }

  #move(y: Float64Array, out: Float64Array): void {
    const p = this.#p;
    const m = this.#m;
    for (let i = 0; i < p * p; i++) m[i] = y[i];
    this.#field.fix(m);
    const { k } = this.#field;
    const symmetric = this.#symmetric;
    let kSquare = 0;
    let mSquare = 0;
    for (let i = 0; i < p * p; i++) {
      kSquare += k[i] * k[i];
      mSquare += m[i] * m[i];
    }
    this.#pull = Math.sqrt(kSquare) / this.#rateScale;
    this.rate = kSquare > 0 ? 1 / (Math.sqrt(mSquare / kSquare) + 1 / this.#rateScale) : 1;
    for (let i = 0; i < p; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += m[i * p + l] * k[j * p + l] + k[i * p + l] * m[j * p + l];
        symmetric[i * p + j] = 0.5 * sum;
        symmetric[j * p + i] = 0.5 * sum;
      }
    }
    for (let i = 0; i < p; i++) {
      for (let j = 0; j < p; j++) {
        let sum = k[i * p + j];
        for (let l = 0; l < p; l++) sum -= symmetric[i * p + l] * m[l * p + j];
        out[i * p + j] = sum;
      }
    }
  }

  derivative(y: Float64Array, out: Float64Array): void {
    this.#move(y, out);
    const slow = 1 / this.rate;
    for (let i = 0; i < this.dimension; i++) out[i] *= slow;
    out[this.dimension] = slow;
  }

  stiffDerivative(y: Float64Array, out: Float64Array): void {
    this.#move(y, out);
    out[this.dimension] = 1;
  }

  scale(y: Float64Array, out: Float64Array): void {
    const p = this.#p;
    for (let i = 0; i < p; i++) {
      for (let j = 0; j < p; j++) {
        let row = 0;
        let column = 0;
        for (let l = 0; l < p; l++) {
          row += y[i * p + l] * y[i * p + l];
          column += y[l * p + j] * y[l * p + j];
        }
        out[i * p + j] = Math.sqrt(Math.sqrt(row * column)) + this.#pull + 1e-300;
      }
    }
    out[this.dimension] = y[this.dimension] + 1e-300;
  }

  stiffJacobian(y: Float64Array, out: Float64Array): void {
    out.fill(0);
    this.#jacobian(y, this.size, out);
  }

  /** ∂Ṁ_i/∂M_j at [i·n + j]. */
  #jacobian(y: Float64Array, n: number, out: Float64Array): void {
    this.#move(y, this.#velocity);
    const p = this.#p;
    const m = this.#m;
    this.#field.bendFixed(m);
    const { k, pairs } = this.#field;
    const pairCount = (p * (p + 1)) / 2;
    const positions = this.#pairs;
    const dk = new Float64Array(p * p);
    const ds = new Float64Array(p * p);
    for (let a = 0; a < p; a++) {
      for (let b = 0; b < p; b++) {
        const column = a * p + b;
        for (let i = 0; i < p; i++) {
          for (let j = 0; j < p; j++) dk[i * p + j] = pairs[positions[a * p + i] * pairCount + positions[b * p + j]];
        }
        // ∂ sym(M Kᵀ): row and column a from ∂M, the rest from ∂K.
        for (let i = 0; i < p; i++) {
          for (let j = 0; j < p; j++) {
            let sum = (i === a ? k[j * p + b] : 0) + (j === a ? k[i * p + b] : 0);
            for (let l = 0; l < p; l++) sum += m[i * p + l] * dk[j * p + l] + dk[i * p + l] * m[j * p + l];
            ds[i * p + j] = 0.5 * sum;
          }
        }
        for (let i = 0; i < p; i++) {
          for (let j = 0; j < p; j++) {
            let sum = dk[i * p + j] - (j === b ? this.#symmetric[i * p + a] : 0);
            for (let l = 0; l < p; l++) sum -= ds[i * p + l] * m[l * p + j];
            out[(i * p + j) * n + column] = sum;
          }
        }
      }
    }
  }

  observe(y: Float64Array): void {
    const p = this.#p;
    for (let i = 0; i < p * p; i++) this.#seen[i] = y[i];
    this.#principal.decompose(this.#seen);
    this.#loss = Number.NaN;
    // Errors of a step may carry M out of the ball ‖M‖ ≤ 1 by the tolerance; the loss is that of the nearest M inside.
    const { values } = this.#principal.svd;
    for (let j = 0; j < p; j++) {
      values[j] = Math.min(1, values[j]);
      this.values[j] = values[j];
    }
  }

  loss(): number {
    if (Number.isNaN(this.#loss)) this.#loss = this.#principal.planted();
    return this.#loss;
  }

  overlap(y: Float64Array, out: Float64Array): void {
    for (let i = 0; i < this.dimension; i++) out[i] = y[i];
  }

  absorb(y: Float64Array): void {
    y[this.dimension] = 0;
    this.observe(y);
  }

  judge(y: Float64Array): "converged" | "trapped" | "stationary" | undefined {
    if (this.#needed === 0 || this.#rateScale === 0) return "converged";
    const velocity = this.#velocity;
    this.#move(y, velocity);
    let square = 0;
    for (let i = 0; i < this.dimension; i++) square += velocity[i] * velocity[i];
    const speed = Math.sqrt(square);
    // The loss decides: at a saddle the gradient is as small as anywhere.
    if (this.values[this.#needed - 1] > 0.5 && this.loss() <= this.#smallLoss) return "converged";
    if (speed === 0) return "stationary";
    // On the way to the target the loss is at most of the size of the speed; at a trap it stays.
    if (!(speed <= this.#smallGradient) || this.loss() <= TRAP * speed) return undefined;
    const n = this.dimension;
    const jacobian = new Float64Array(n * n);
    this.#jacobian(y, n, jacobian);
    return this.#isLeaving(jacobian) || isUnstable(jacobian, n, this.#rateScale) ? undefined : "trapped";
  }

  /**
   * Whether a small singular value grows, and ever faster. Near a saddle of high degree its rate may be below the rounding of the
   * other rates, where `isUnstable` sees nothing; along its own direction u vᵀ it is still known to its own accuracy.
   */
  #isLeaving(jacobian: Float64Array): boolean {
    const p = this.#p;
    const { u, v } = this.#principal.svd;
    for (let a = 0; a < this.#needed; a++) {
      if (this.values[a] >= 0.5) continue;
      let speed = 0;
      let bend = 0;
      for (let i = 0; i < p * p; i++) {
        const along = u[a * p + Math.floor(i / p)] * v[a * p + (i % p)];
        speed += along * this.#velocity[i];
        for (let j = 0; j < p * p; j++) {
          bend += along * jacobian[i * p * p + j] * u[a * p + Math.floor(j / p)] * v[a * p + (j % p)];
        }
      }
      if (speed > 0 && bend > 0) return true;
    }
    return false;
  }
}
