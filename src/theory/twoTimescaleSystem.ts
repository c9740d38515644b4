/** The two-timescale flow as a system of differential equations: coordinates of a subspace around where it is. */
import { symmetricEigen } from "../math/dense.js";
import { ChartJacobian } from "./chartJacobian.js";
import { EscapeWatch, type Threshold } from "./escapes.js";
import { CONVERGED, type FlowLink, type FlowSystem, normSquared } from "./flowSystem.js";
import { OverlapFrames } from "./overlapFrames.js";
import {
  cayleyRotation,
  divideLeft,
  divideRight,
  factorUnitGram,
  factorUnitGramOfRows,
  product,
  productTransposed,
  rotateRows,
} from "./smallMatrix.js";

/** Growth rates below this, over the rate scale, are not told from 0. */
const GROWTH = 1e-12;

/**
 * A step moves the subspace from span(W) to span(W + W_⊥X), X p×k. With M and S the overlaps of W⋆ with W and with the frame W_⊥ at the
 * start of the step,
 *
 *     Ẋ = Q B Pᵀ,   P = M + XᵀS,   Q = S − XM,   B at the overlap L⁻¹P with LLᵀ = I + XᵀX,   dτ = tr B dt,
 *
 * and afterwards M and S move along and X is 0 again (`absorb`). Sines of learnt directions live in Q and keep their own relative
 * accuracy; I − MᵀM would leave nothing of them below 1e-8. X is free, so no constraint drifts, and ∂Ẋ/∂X at 0 is symmetric.
 *
 * W turns within its span as WᵀẆ = 0 asks, by a rotation with the Cayley coordinates Θ (k(k−1)/2 of them): with A the antisymmetric
 * matrix that has the lower part of L⁻¹XᵀẊL⁻ᵀ, Θ̇ = ½(I + Θ)A(I − Θ), and M becomes (I − Θ)⁻¹(I + Θ)·L⁻¹P. State: X, Θ, time.
 *
 * Source: [MI §3]; the chart is derived here from Ẇ = (I − WWᵀ)W⋆BMᵀ.
 */
export class TwoTimescaleSystem implements FlowSystem {
  readonly size: number;
  readonly dimension: number;
  readonly values: Float64Array;
  rate = 1;
  readonly #frames: OverlapFrames;
  readonly #k: number;
  readonly #p: number;
  /** Sines that belong to the singular values, and those of the directions beyond k, which are 1. */
  readonly #sines: Float64Array;
  readonly #rateScale: number;
  readonly #needed: number;
  readonly #isRoomy: boolean;
  readonly #smallLoss: number;
  readonly #smallGradient: number;
  readonly #isTurning: boolean;
  readonly #jacobian: ChartJacobian;
  #watch: EscapeWatch;
  readonly #scale: Float64Array;
  /** At the state looked at last: P, Q, overlap, complement, Q·B, Cholesky factors. */
  readonly #moved: Float64Array;
  readonly #q: Float64Array;
  readonly #m: Float64Array;
  readonly #s: Float64Array;
  readonly #qb: Float64Array;
  readonly #lower: Float64Array;
  readonly #lowerRows: Float64Array;
  readonly #theta: Float64Array;
  readonly #rotation: Float64Array;
  readonly #work: Float64Array;
  readonly #change: Float64Array;
  readonly #origin: Float64Array;
  readonly #start: Float64Array;
  /** State observed last, whether `#m` is still its overlap, and whether its sines are known. */
  readonly #seen: Float64Array;
  #isSeen = false;
  #hasSines = false;

  /** @param isTurning - false leaves Θ out: loss, singular values and times are the same, M is known up to a rotation from the left */
  constructor(
    { coefficients, rank: p, degree, intrinsicDimension }: FlowLink,
    rank: number,
    tolerance: number,
    isTurning = true,
  ) {
    this.#frames = new OverlapFrames(coefficients, p, degree, rank);
    const { k } = this.#frames;
    this.#k = k;
    this.#p = p;
    this.#isTurning = isTurning && k > 1;
    this.dimension = p * k + (this.#isTurning ? (k * (k - 1)) / 2 : 0);
    this.size = this.dimension + 1;
    this.values = new Float64Array(k);
    this.#sines = new Float64Array(p);
    this.#rateScale = this.#frames.principal.gradientMoment;
    this.#needed = Math.min(k, intrinsicDimension);
    this.#isRoomy = k >= intrinsicDimension;
    this.#smallLoss = CONVERGED * normSquared(coefficients);
    this.#smallGradient = Math.max(1e-14, 10 * tolerance) * this.#rateScale;
    this.#jacobian = new ChartJacobian(k, p);
    this.#watch = new EscapeWatch([], k, p);
    this.#scale = new Float64Array(this.dimension).fill(1);
    this.#moved = new Float64Array(k * p);
    this.#q = new Float64Array(p * p);
    this.#m = new Float64Array(k * p);
    this.#s = new Float64Array(p * p);
    this.#qb = new Float64Array(p * p);
    this.#lower = new Float64Array(k * k);
    this.#lowerRows = new Float64Array(p * p);
    this.#theta = new Float64Array(k * k);
    this.#rotation = new Float64Array(k * k);
    this.#work = new Float64Array(p * p);
    this.#change = new Float64Array(p * p);
    this.#origin = new Float64Array(this.size);
    this.#start = new Float64Array(this.size);
    this.#seen = new Float64Array(this.size);
  }

  watch(thresholds: readonly Threshold[]): void {
    this.#watch = new EscapeWatch(thresholds, this.#k, this.#p);
  }

  /** `#m` is the overlap at the state observed last, up to a rotation from the left. */
  cosine(i: number): number {
    return this.#watch.cosine(i, this.#m);
  }

  start(m: Float64Array, y: Float64Array): void {
    this.#frames.start(m);
    this.#watch.turn(this.#frames.v);
    this.#frames.measure();
    this.#rescale();
    y.fill(0);
  }

  /** P, Q, L and the overlap L⁻¹P at y. */
  #move(y: Float64Array): void {
    this.#isSeen = false;
    const k = this.#k;
    const p = this.#p;
    const { m, s } = this.#frames;
    const moved = this.#moved;
    const q = this.#q;
    for (let i = 0; i < k * p; i++) moved[i] = m[i];
    for (let i = 0; i < p * p; i++) q[i] = s[i];
    for (let i = 0; i < p; i++) {
      for (let l = 0; l < k; l++) {
        const x = y[i * k + l];
        if (x === 0) continue;
        for (let j = 0; j < p; j++) {
          moved[l * p + j] += x * s[i * p + j];
          q[i * p + j] -= x * m[l * p + j];
        }
      }
    }
    factorUnitGram(y, p, k, this.#lower);
    for (let i = 0; i < k * p; i++) this.#m[i] = moved[i];
    divideLeft(this.#lower, k, this.#m, p);
  }

  /** Ẋ and Θ̇ at y. */
  #flow(y: Float64Array, out: Float64Array): void {
    this.#move(y);
    const k = this.#k;
    const p = this.#p;
    this.#frames.field.smooth(this.#m);
    const { b } = this.#frames.field;
    let rate = 0;
    for (let j = 0; j < p; j++) rate += b[j * p + j];
    this.rate = rate > 0 ? rate : 1;
    product(this.#q, b, this.#qb, p, p);
    productTransposed(this.#qb, this.#moved, out, p, k, p);
    if (this.#isTurning) this.#turn(y, out);
  }

  /** Writes Θ̇ behind Ẋ. */
  #turn(y: Float64Array, out: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const a = this.#change;
    for (let l = 0; l < k; l++) {
      for (let m = 0; m < k; m++) {
        let sum = 0;
        for (let i = 0; i < p; i++) sum += y[i * k + l] * out[i * k + m];
        a[l * k + m] = sum;
      }
    }
    divideLeft(this.#lower, k, a, k);
    divideRight(this.#lower, k, a, k);
    for (let l = 0; l < k; l++) {
      a[l * k + l] = 0;
      for (let m = 0; m < l; m++) a[m * k + l] = -a[l * k + m];
    }
    this.#unpack(y);
    const theta = this.#theta;
    const half = this.#work;
    for (let l = 0; l < k; l++) {
      for (let m = 0; m < k; m++) {
        let sum = a[l * k + m];
        for (let n = 0; n < k; n++) sum += theta[l * k + n] * a[n * k + m];
        half[l * k + m] = sum;
      }
    }
    for (let l = 1, at = p * k; l < k; l++) {
      for (let m = 0; m < l; m++, at++) {
        let sum = half[l * k + m];
        for (let n = 0; n < k; n++) sum -= half[l * k + n] * theta[n * k + m];
        out[at] = 0.5 * sum;
      }
    }
  }

  /** Θ of y as an antisymmetric matrix. */
  #unpack(y: Float64Array): void {
    const k = this.#k;
    const theta = this.#theta;
    for (let l = 0, at = this.#p * k; l < k; l++) {
      theta[l * k + l] = 0;
      for (let m = 0; m < l; m++, at++) {
        theta[l * k + m] = y[at];
        theta[m * k + l] = -y[at];
      }
    }
  }

  derivative(y: Float64Array, out: Float64Array): void {
    this.#flow(y, out);
    const slow = 1 / this.rate;
    for (let i = 0; i < this.dimension; i++) out[i] *= slow;
    out[this.dimension] = slow;
  }

  stiffDerivative(y: Float64Array, out: Float64Array): void {
    this.#flow(y, out);
    out[this.dimension] = 1;
  }

  scale(y: Float64Array, out: Float64Array): void {
    for (let i = 0; i < this.dimension; i++) out[i] = this.#scale[i];
    out[this.dimension] = y[this.dimension] + 1e-300;
  }

  /** Sizes of X that change an entry of M by √(its row's norm · its column's norm), or of S by 1. */
  #rescale(): void {
    const k = this.#k;
    const p = this.#p;
    const { rows, columns, s } = this.#frames;
    for (let i = 0; i < p; i++) {
      for (let l = 0; l < k; l++) {
        let size = 1 / Math.max(rows[l] * rows[l], 1e-300);
        for (let j = 0; j < p; j++) {
          const share = Math.abs(s[i * p + j]);
          // Directions beyond k have no singular value of their own that an error could spoil.
          const allowed = rows[l] * (j < k ? columns[j] : rows[l]) + 1e-300;
          if (size * share > allowed) size = allowed / share;
        }
        this.#scale[i * k + l] = size;
      }
    }
  }

  /** At the start of a step, X = 0 and Θ = 0. */
  stiffJacobian(_y: Float64Array, out: Float64Array): void {
    this.#flow(this.#origin, this.#start);
    const { m, s, field } = this.#frames;
    field.bend(m);
    const point = { m, s, b: field.b, pairs: field.pairs, velocity: this.#start };
    this.#jacobian.write(point, this.size, this.#isTurning, out);
  }

  observe(y: Float64Array): void {
    this.#move(y);
    const { principal } = this.#frames;
    principal.decompose(this.#m);
    for (let j = 0; j < this.#k; j++) this.values[j] = Math.min(1, principal.svd.values[j]);
    this.#seen.set(y);
    this.#isSeen = true;
    this.#hasSines = false;
  }

  /** Complement and sines at the state observed last. */
  #complement(): void {
    if (this.#hasSines) return;
    const p = this.#p;
    const k = this.#k;
    const s = this.#s;
    const { m, s: s0, principal } = this.#frames;
    const y = this.#seen;
    for (let i = 0; i < p * p; i++) s[i] = s0[i];
    for (let i = 0; i < p; i++) {
      for (let l = 0; l < k; l++) {
        const x = y[i * k + l];
        if (x !== 0) for (let j = 0; j < p; j++) s[i * p + j] -= x * m[l * p + j];
      }
    }
    factorUnitGramOfRows(y, p, k, this.#lowerRows);
    divideLeft(this.#lowerRows, p, s, p);
    const { v } = principal.svd;
    for (let j = 0; j < p; j++) {
      let square = 0;
      for (let i = 0; i < p; i++) {
        let dot = 0;
        for (let l = 0; l < p; l++) dot += s[i * p + l] * v[j * p + l];
        square += dot * dot;
      }
      this.#sines[j] = Math.sqrt(square);
      principal.sinesSquared[j] = square;
    }
    this.#hasSines = true;
  }

  loss(): number {
    this.#complement();
    return this.#frames.principal.loss();
  }

  overlap(y: Float64Array, out: Float64Array): void {
    this.#move(y);
    if (this.#isTurning) {
      this.#unpack(y);
      cayleyRotation(this.#theta, this.#k, this.#rotation);
      rotateRows(this.#rotation, this.#k, this.#m, this.#p, this.#moved);
    }
    this.#frames.toGiven(this.#m, out);
  }

  absorb(y: Float64Array): void {
    if (!this.#isSeen || !this.#seen.every((x, i) => i >= this.dimension || x === y[i])) this.observe(y);
    this.#complement();
    const k = this.#k;
    const p = this.#p;
    const frames = this.#frames;
    const { principal } = frames;
    frames.m.set(this.#m);
    frames.s.set(this.#s);
    if (this.#isTurning) {
      this.#unpack(y);
      cayleyRotation(this.#theta, k, this.#rotation);
      rotateRows(this.#rotation, k, frames.m, p, this.#moved);
      // Left singular vectors stand one after another: each is a column.
      for (let a = 0; a < k; a++) {
        const vector = principal.svd.u.subarray(a * k, (a + 1) * k);
        rotateRows(this.#rotation, k, vector, 1, this.#moved);
      }
    }
    y.fill(0);
    this.#seen.fill(0);
    if (frames.settle(this.#sines)) {
      this.#watch.turn(frames.v);
      this.observe(y);
      this.#complement();
    }
    this.#rescale();
  }

  judge(): "converged" | "stationary" | undefined {
    this.#complement();
    const { values } = this;
    const needed = this.#needed;
    if (needed === 0) return "converged";
    if (this.#isRoomy && values[needed - 1] > 0.9 && this.loss() <= this.#smallLoss) return "converged";
    let isMissing = false;
    for (let a = 0; a < needed; a++) {
      if (values[a] < 1e-140) isMissing = true;
      else if (this.#sines[a] > 1e-4) return undefined;
    }
    const gradient = this.#start;
    this.#flow(this.#origin, gradient);
    let square = 0;
    for (let i = 0; i < this.#p * this.#k; i++) square += gradient[i] * gradient[i];
    if (!(Math.sqrt(square) <= this.#smallGradient)) return undefined;
    // A direction without overlap never gets one: a saddle for ever. Otherwise, with fewer directions than the link has, the
    // end is a minimum among the target's own subspaces unless something still grows.
    if (isMissing) return "stationary";
    return this.#isRoomy || this.#grows() ? undefined : "converged";
  }

  /** Whether some direction grows at X = 0. */
  #grows(): boolean {
    const n = this.size;
    const jacobian = new Float64Array(n * n);
    this.stiffJacobian(this.#origin, jacobian);
    const inner = this.#p * this.#k;
    const hessian = Float64Array.from(
      { length: inner * inner },
      (_, i) => jacobian[Math.floor(i / inner) * n + (i % inner)],
    );
    const { values } = symmetricEigen(hessian, inner);
    return values[inner - 1] > GROWTH * this.#rateScale;
  }
}
