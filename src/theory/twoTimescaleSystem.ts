/** The two-timescale flow of overlap and complement as a system of differential equations. */
import { ExpansionRotator } from "../math/expansionRotator.js";
import { JacobiSolver } from "../math/jacobi.js";
import { DenseField, denseCost, type OverlapField, pairPositions } from "./denseField.js";
import { CONVERGED, type FlowLink, type FlowSystem, isUnstable, normSquared } from "./flowSystem.js";
import { PrincipalField } from "./principalField.js";
import { addProduct, gram, product } from "./smallMatrix.js";

/** Frames are turned when the smallest singular value is measured this many times too coarsely. */
const MOST_COARSE = 30;
/** Frames are turned when rounding of B outweighs its smallest part by more than this times ε. */
const MOST_MIXED = 1e6;
/** Dense and principal route cost the same when their flops have about this ratio (measured). */
const DENSE_ADVANTAGE = 2;

/**
 * State: M = WᵀW⋆ (k×p), the complement S (p×p) with SᵀS = I − MᵀM, and the time. With B at M and dτ = tr B dt,
 *
 *     Ṁ = M B SᵀS,   Ṡ = −S B MᵀM.
 *
 * S is the overlap of W⋆ with a frame orthogonal to W, up to a rotation that drops out. Carrying it keeps the sines of learnt
 * directions to their own relative accuracy; I − MᵀM would leave nothing of them below 1e-8.
 *
 * Everything is kept in frames U, V in which M is nearly diagonal (M = U·M_state·Vᵀ, the link turned by V), so that small
 * singular values, and the tiny B_jj that drive them, are entries of their own and not differences of large ones. Rows of M beyond
 * p are zero there and stay so; they are left out, k = min(r, p).
 */
export class TwoTimescaleSystem implements FlowSystem {
  readonly size: number;
  readonly dimension: number;
  readonly values: Float64Array;
  readonly sines: Float64Array;
  rate = 1;
  readonly #rateScale: number;
  readonly #needed: number;
  readonly #isRoomy: boolean;
  readonly #smallLoss: number;
  readonly #smallGradient: number;
  readonly #rank: number;
  readonly #k: number;
  readonly #p: number;
  readonly #given: Float64Array;
  readonly #c: Float64Array;
  readonly #rotator: ExpansionRotator;
  readonly #field: OverlapField;
  readonly #principal: PrincipalField;
  readonly #svd: JacobiSolver;
  /** Frames: r×k and p×p, vectors one after another. */
  readonly #u: Float64Array;
  readonly #v: Float64Array;
  readonly #pairs: Int32Array;
  readonly #m: Float64Array;
  readonly #mb: Float64Array;
  readonly #sb: Float64Array;
  readonly #g: Float64Array;
  readonly #h: Float64Array;
  readonly #columns: Float64Array;
  readonly #rows: Float64Array;
  readonly #change: Float64Array;
  readonly #product: Float64Array;
  readonly #turned: Float64Array;

  constructor({ coefficients, rank: p, degree, intrinsicDimension }: FlowLink, rank: number, tolerance: number) {
    const k = Math.min(rank, p);
    this.#needed = Math.min(k, intrinsicDimension);
    this.#isRoomy = k >= intrinsicDimension;
    this.#smallLoss = CONVERGED * normSquared(coefficients);
    this.#rank = rank;
    this.#k = k;
    this.#p = p;
    this.dimension = k * p + p * p;
    this.size = this.dimension + 1;
    this.values = new Float64Array(k);
    this.sines = new Float64Array(p);
    this.#given = coefficients.slice();
    this.#c = coefficients.slice();
    this.#rotator = new ExpansionRotator(p, degree);
    this.#principal = new PrincipalField(this.#c, p, degree, k);
    this.#field =
      denseCost(k, p, degree) <= DENSE_ADVANTAGE * this.#principal.cost
        ? new DenseField(this.#c, p, degree, k)
        : new PrincipalField(this.#c, p, degree, k);
    this.#rateScale = this.#principal.gradientMoment;
    this.#smallGradient = Math.max(1e-14, 10 * tolerance) * this.#rateScale;
    this.#svd = this.#principal.svd;
    this.#u = new Float64Array(rank * k);
    this.#v = new Float64Array(p * p);
    this.#pairs = pairPositions(p);
    this.#m = new Float64Array(k * p);
    this.#mb = new Float64Array(k * p);
    this.#sb = new Float64Array(p * p);
    this.#g = new Float64Array(p * p);
    this.#h = new Float64Array(p * p);
    this.#columns = new Float64Array(p);
    this.#rows = new Float64Array(k);
    this.#change = new Float64Array(p * p);
    this.#product = new Float64Array(p * p);
    this.#turned = new Float64Array(Math.max(rank * k, p * p));
  }

  start(m: Float64Array, y: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const svd = new JacobiSolver(this.#rank, p);
    svd.decompose(m);
    this.#u.set(svd.u);
    this.#v.set(svd.v);
    this.#c.set(this.#given);
    this.#rotator.apply(this.#c, svd.v);
    this.#field.load(this.#c);
    y.fill(0);
    for (let j = 0; j < p; j++) {
      const value = Math.min(1, svd.values[j]);
      if (j < k) y[j * p + j] = value;
      y[k * p + j * p + j] = Math.sqrt((1 - value) * (1 + value));
    }
  }

  /** B, MB, SB, G = MᵀM and H = SᵀS at y. */
  #prepare(y: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const m = this.#m;
    for (let i = 0; i < k * p; i++) m[i] = y[i];
    this.#field.smooth(m);
    const { b } = this.#field;
    let rate = 0;
    for (let j = 0; j < p; j++) rate += b[j * p + j];
    this.rate = rate > 0 ? rate : 1;
    product(y, 0, b, this.#mb, k, p);
    product(y, k * p, b, this.#sb, p, p);
    gram(y, 0, k, p, this.#g);
    gram(y, k * p, p, p, this.#h);
  }

  velocity(y: Float64Array, out: Float64Array): void {
    this.#prepare(y);
    const k = this.#k;
    const p = this.#p;
    for (let i = 0; i < this.dimension; i++) out[i] = 0;
    addProduct(this.#mb, this.#h, out, 0, k, p, 1);
    addProduct(this.#sb, this.#g, out, k * p, p, p, -1);
  }

  derivative(y: Float64Array, out: Float64Array): void {
    this.velocity(y, out);
    const slow = 1 / this.rate;
    for (let i = 0; i < this.dimension; i++) out[i] *= slow;
    out[this.dimension] = slow;
  }

  scale(y: Float64Array, out: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    this.#measure(y);
    for (let i = 0; i < k; i++) for (let j = 0; j < p; j++) out[i * p + j] = this.#rows[i] * this.#columns[j] + 1e-300;
    for (let i = k * p; i < this.dimension; i++) out[i] = 1;
    if (out.length > this.dimension) out[this.dimension] = y[this.dimension] + 1e-300;
  }

  /** Square roots of the norms of the rows and columns of M. */
  #measure(y: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const columns = this.#columns.fill(0);
    const rows = this.#rows.fill(0);
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < p; j++) {
        const x = y[i * p + j] * y[i * p + j];
        rows[i] += x;
        columns[j] += x;
      }
    }
    for (let i = 0; i < k; i++) rows[i] = Math.sqrt(Math.sqrt(rows[i]));
    for (let j = 0; j < p; j++) columns[j] = Math.sqrt(Math.sqrt(columns[j]));
  }

  jacobian(y: Float64Array, out: Float64Array): void {
    this.#jacobian(y, out, true);
  }

  /** With `joint`, of (M, S); without, of Ṁ = M B (I − MᵀM) in M alone, n = k·p. */
  #jacobian(y: Float64Array, out: Float64Array, joint: boolean): void {
    this.#prepare(y);
    this.#field.bend(this.#m);
    const k = this.#k;
    const p = this.#p;
    const at = k * p;
    const n = joint ? this.dimension : at;
    const { b, pairs } = this.#field;
    const pairCount = (p * (p + 1)) / 2;
    const positions = this.#pairs;
    const db = this.#change;
    const work = this.#product;
    out.fill(0, 0, n * n);
    for (let i = 0; i < k; i++) {
      for (let a = 0; a < p; a++) {
        const column = i * p + a;
        // ∂B_jl = D_jl + D_lj with D_jl = Σ_b ⟨∂_a∂_j f, A_G ∂_b∂_l f⟩ M_ib.
        for (let j = 0; j < p; j++) {
          for (let l = 0; l < p; l++) {
            let sum = 0;
            for (let c = 0; c < p; c++) {
              sum += pairs[positions[a * p + j] * pairCount + positions[c * p + l]] * y[i * p + c];
            }
            work[j * p + l] = sum;
          }
        }
        for (let j = 0; j < p; j++) for (let l = 0; l < p; l++) db[j * p + l] = work[j * p + l] + work[l * p + j];
        // ∂M·B·H + M·∂B·H
        for (let x = 0; x < k; x++) {
          for (let j = 0; j < p; j++) {
            let sum = x === i ? b[a * p + j] : 0;
            for (let l = 0; l < p; l++) sum += y[x * p + l] * db[l * p + j];
            work[j] = sum;
          }
          for (let j = 0; j < p; j++) {
            let sum = 0;
            for (let l = 0; l < p; l++) sum += work[l] * this.#h[l * p + j];
            out[(x * p + j) * n + column] += sum;
          }
        }
        if (!joint) {
          // − M·B·∂G
          for (let x = 0; x < k; x++) {
            let along = 0;
            for (let l = 0; l < p; l++) along += this.#mb[x * p + l] * y[i * p + l];
            for (let j = 0; j < p; j++) out[(x * p + j) * n + column] -= this.#mb[x * p + a] * y[i * p + j];
            out[(x * p + a) * n + column] -= along;
          }
          continue;
        }
        // −S·∂B·G − S·B·∂G
        for (let x = 0; x < p; x++) {
          for (let j = 0; j < p; j++) {
            let sum = 0;
            for (let l = 0; l < p; l++) sum += y[at + x * p + l] * db[l * p + j];
            work[j] = sum;
          }
          let along = 0;
          for (let l = 0; l < p; l++) along += this.#sb[x * p + l] * y[i * p + l];
          for (let j = 0; j < p; j++) {
            let sum = this.#sb[x * p + a] * y[i * p + j];
            for (let l = 0; l < p; l++) sum += work[l] * this.#g[l * p + j];
            out[(at + x * p + j) * n + column] -= sum;
          }
          out[(at + x * p + a) * n + column] -= along;
        }
      }
    }
    if (!joint) return;
    for (let i = 0; i < p; i++) {
      for (let a = 0; a < p; a++) {
        const column = at + i * p + a;
        for (let x = 0; x < k; x++) {
          let along = 0;
          for (let l = 0; l < p; l++) along += this.#mb[x * p + l] * y[at + i * p + l];
          for (let j = 0; j < p; j++) out[(x * p + j) * n + column] += this.#mb[x * p + a] * y[at + i * p + j];
          out[(x * p + a) * n + column] += along;
        }
        for (let j = 0; j < p; j++) {
          let sum = 0;
          for (let l = 0; l < p; l++) sum += b[a * p + l] * this.#g[l * p + j];
          out[(at + i * p + j) * n + column] -= sum;
        }
      }
    }
  }

  observe(y: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const m = this.#m;
    for (let i = 0; i < k * p; i++) m[i] = y[i];
    const svd = this.#svd;
    svd.decompose(m);
    for (let j = 0; j < k; j++) this.values[j] = Math.min(1, svd.values[j]);
    for (let j = 0; j < p; j++) {
      let square = 0;
      for (let i = 0; i < p; i++) {
        let dot = 0;
        for (let l = 0; l < p; l++) dot += y[k * p + i * p + l] * svd.v[j * p + l];
        square += dot * dot;
      }
      this.sines[j] = Math.sqrt(square);
    }
  }

  loss(): number {
    const { sinesSquared } = this.#principal;
    for (let j = 0; j < this.#p; j++) sinesSquared[j] = this.sines[j] * this.sines[j];
    return this.#principal.loss();
  }

  overlap(y: Float64Array, out: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const rank = this.#rank;
    out.fill(0);
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < p; j++) {
        const x = y[i * p + j];
        if (x === 0) continue;
        for (let a = 0; a < rank; a++)
          for (let b = 0; b < p; b++) out[a * p + b] += this.#u[i * rank + a] * x * this.#v[j * p + b];
      }
    }
  }

  settle(y: Float64Array): boolean {
    this.#restore(y);
    if (!this.#isMixed(y)) return false;
    this.#turn(y);
    return true;
  }

  /** Restores MᵀM + SᵀS = I, one Newton–Schulz step. */
  #restore(y: Float64Array): void {
    const p = this.#p;
    const total = this.#k + p;
    const e = this.#product;
    gram(y, 0, total, p, e);
    for (let i = 0; i < p * p; i++) e[i] *= -0.5;
    for (let j = 0; j < p; j++) e[j * p + j] += 0.5;
    const row = this.#columns;
    for (let i = 0; i < total; i++) {
      for (let j = 0; j < p; j++) row[j] = y[i * p + j];
      for (let j = 0; j < p; j++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += row[l] * e[l * p + j];
        y[i * p + j] += sum;
      }
    }
  }

  /** Whether the singular vectors of the observed M have left the axes by more than accuracy allows. */
  #isMixed(y: Float64Array): boolean {
    const k = this.#k;
    const p = this.#p;
    this.#measure(y);
    const { u, v, values } = this.#svd;
    const { b } = this.#field;
    for (let a = 0; a < k; a++) {
      if (!(values[a] > 0)) continue;
      let left = 0;
      for (let i = 0; i < k; i++) left += Math.abs(u[a * k + i]) * this.#rows[i];
      let right = 0;
      let spread = 0;
      let along = 0;
      for (let j = 0; j < p; j++) {
        const x = v[a * p + j];
        right += Math.abs(x) * this.#columns[j];
        spread += Math.abs(x) * Math.sqrt(b[j * p + j]);
        for (let l = 0; l < p; l++) along += x * b[j * p + l] * v[a * p + l];
      }
      if (left * right > MOST_COARSE * values[a]) return true;
      if (spread > 0 && !(spread * spread <= MOST_MIXED * along)) return true;
    }
    return false;
  }

  /** Turns the frames to the singular vectors of the observed M. */
  #turn(y: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const { u, v, values } = this.#svd;
    this.#compose(this.#u, u, this.#rank, k);
    this.#compose(this.#v, v, p, p);
    this.#rotator.apply(this.#c, v);
    this.#field.load(this.#c);
    for (let i = 0; i < this.dimension; i++) y[i] = 0;
    for (let j = 0; j < p; j++) {
      const value = Math.min(1, values[j]);
      if (j < k) y[j * p + j] = value;
      y[k * p + j * p + j] = value < 0.7 ? Math.sqrt((1 - value) * (1 + value)) : this.sines[j];
    }
  }

  /** frame ← frame·Q; both hold vectors one after another. */
  #compose(frame: Float64Array, q: Float64Array, length: number, count: number): void {
    const out = this.#turned;
    for (let a = 0; a < count; a++) {
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let l = 0; l < count; l++) sum += frame[l * length + i] * q[a * count + l];
        out[a * length + i] = sum;
      }
    }
    for (let i = 0; i < count * length; i++) frame[i] = out[i];
  }

  judge(y: Float64Array): "converged" | "stationary" | undefined {
    const { values, sines } = this;
    const needed = this.#needed;
    if (needed === 0) return "converged";
    if (this.#isRoomy && values[needed - 1] > 0.9 && this.loss() <= this.#smallLoss) return "converged";
    let isMissing = false;
    for (let a = 0; a < needed; a++) {
      if (values[a] < 1e-140) isMissing = true;
      else if (sines[a] > 1e-4) return undefined;
    }
    if (!(this.#gradientNorm(y) <= this.#smallGradient)) return undefined;
    // A direction without overlap never gets one: a saddle for ever. Otherwise, with fewer directions than the link has, the
    // end is a minimum on the target's own subspaces unless something still grows.
    if (isMissing) return "stationary";
    return this.#isRoomy || this.#isUnstable(y) ? undefined : "converged";
  }

  /** ‖S B Mᵀ‖_F, the norm of the gradient in d dimensions. */
  #gradientNorm(y: Float64Array): number {
    this.#prepare(y);
    const k = this.#k;
    const p = this.#p;
    let square = 0;
    for (let i = 0; i < p; i++) {
      for (let a = 0; a < k; a++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += this.#sb[i * p + l] * y[a * p + l];
        square += sum * sum;
      }
    }
    return Math.sqrt(square);
  }

  /** In M alone: the redundant (M, S) has directions of its own that leave MᵀM + SᵀS = I. */
  #isUnstable(y: Float64Array): boolean {
    const n = this.#k * this.#p;
    const jacobian = new Float64Array(n * n);
    this.#jacobian(y, jacobian, false);
    return isUnstable(jacobian, n, this.#rateScale);
  }
}
