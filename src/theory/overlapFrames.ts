/** Where a two-timescale flow is: overlap and complement in frames that keep small singular values apart. */
import { ExpansionRotator } from "../math/expansionRotator.js";
import { JacobiSolver } from "../math/jacobi.js";
import { DenseField, denseCost, type OverlapField } from "./denseField.js";
import { PrincipalField } from "./principalField.js";
import { composeFrames } from "./smallMatrix.js";

/** Frames are turned when a singular value is measured this many times too coarsely. */
const MOST_COARSE = 30;
/** Frames are turned when rounding of B outweighs its smallest part by more than this times ε. */
const MOST_MIXED = 1e6;

/**
 * M = WᵀW⋆ (k×p) and S (p×p), SᵀS = I − MᵀM, in frames U (r×k) and V (p×p): the given overlap is U·M·Vᵀ, the link is turned by V.
 *
 * At the start M and S are diagonal, and again whenever they have come so far from it that the smallest singular value, or the tiny
 * B_jj that drives it, would be a difference of large numbers. Rows beyond p of a tall M have no overlap and never get one: they
 * are left out, k = min(r, p).
 */
export class OverlapFrames {
  readonly k: number;
  readonly p: number;
  readonly m: Float64Array;
  readonly s: Float64Array;
  /** Columns of V, one after another. */
  readonly v: Float64Array;
  /** B and the like, of the turned link. */
  readonly field: OverlapField;
  /** Loss and singular vectors, of the turned link. */
  readonly principal: PrincipalField;
  /** Roots of the norms of the rows and columns of M, after `measure`. */
  readonly rows: Float64Array;
  readonly columns: Float64Array;
  readonly #rank: number;
  readonly #given: Float64Array;
  readonly #c: Float64Array;
  readonly #rotator: ExpansionRotator;
  readonly #u: Float64Array;
  readonly #work: Float64Array;

  constructor(coefficients: Float64Array, p: number, degree: number, rank: number) {
    const k = Math.min(rank, p);
    this.k = k;
    this.p = p;
    this.m = new Float64Array(k * p);
    this.s = new Float64Array(p * p);
    this.rows = new Float64Array(k);
    this.columns = new Float64Array(p);
    this.#rank = rank;
    this.#given = coefficients;
    this.#c = coefficients.slice();
    this.#rotator = new ExpansionRotator(p, degree);
    this.principal = new PrincipalField(this.#c, p, degree, k);
    const isDense = denseCost(k, p, degree) <= this.principal.cost;
    this.field = isDense ? new DenseField(this.#c, p, degree, k) : new PrincipalField(this.#c, p, degree, k);
    this.#u = new Float64Array(rank * k);
    this.v = new Float64Array(p * p);
    this.#work = new Float64Array(Math.max(rank * k, p * p));
  }

  /** @param m - r×r⋆ row-major in the given coordinates, ‖M‖₂ ≤ 1 up to rounding */
  start(m: Float64Array): void {
    const { k, p } = this;
    const svd = new JacobiSolver(this.#rank, p);
    svd.decompose(m);
    this.#u.set(svd.u);
    this.v.set(svd.v);
    this.#c.set(this.#given);
    this.#rotator.apply(this.#c, svd.v);
    this.field.load(this.#c);
    this.principal.load(this.#c);
    this.m.fill(0);
    this.s.fill(0);
    for (let j = 0; j < p; j++) {
      const value = Math.min(1, svd.values[j]);
      if (j < k) this.m[j * p + j] = value;
      this.s[j * p + j] = Math.sqrt((1 - value) * (1 + value));
    }
  }

  /** U·M·Vᵀ for an M in the frames, r×r⋆. */
  toGiven(m: Float64Array, out: Float64Array): void {
    const { k, p } = this;
    const rank = this.#rank;
    out.fill(0);
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < p; j++) {
        const x = m[i * p + j];
        if (x === 0) continue;
        for (let a = 0; a < rank; a++) {
          for (let b = 0; b < p; b++) out[a * p + b] += this.#u[i * rank + a] * x * this.v[j * p + b];
        }
      }
    }
  }

  measure(): void {
    const { k, p, m, rows, columns } = this;
    rows.fill(0);
    columns.fill(0);
    for (let l = 0; l < k; l++) {
      for (let j = 0; j < p; j++) {
        const square = m[l * p + j] * m[l * p + j];
        rows[l] += square;
        columns[j] += square;
      }
    }
    for (let l = 0; l < k; l++) rows[l] = Math.sqrt(Math.sqrt(rows[l]));
    for (let j = 0; j < p; j++) columns[j] = Math.sqrt(Math.sqrt(columns[j]));
  }

  /**
   * Turns the frames to the singular vectors of M if those have left the axes by more than accuracy allows; true when it did.
   *
   * @param sines - of the singular values, p of them; `principal` has decomposed M, `field.b` is B there or nearby
   */
  settle(sines: Float64Array): boolean {
    this.measure();
    if (!this.#isMixed()) return false;
    const { k, p } = this;
    const { u, v, values } = this.principal.svd;
    composeFrames(this.#u, u, this.#rank, k, this.#work);
    composeFrames(this.v, v, p, p, this.#work);
    this.#rotator.apply(this.#c, v);
    this.field.load(this.#c);
    this.principal.load(this.#c);
    this.m.fill(0);
    this.s.fill(0);
    for (let j = 0; j < p; j++) {
      // The smaller one of sine and cosine is the accurate one.
      const isSmall = values[j] < 0.7;
      if (j < k) this.m[j * p + j] = isSmall ? values[j] : Math.sqrt(Math.max(0, (1 - sines[j]) * (1 + sines[j])));
      this.s[j * p + j] = isSmall ? Math.sqrt((1 - values[j]) * (1 + values[j])) : sines[j];
    }
    this.measure();
    return true;
  }

  #isMixed(): boolean {
    const { k, p, rows, columns } = this;
    const { u, v, values } = this.principal.svd;
    const { b } = this.field;
    for (let a = 0; a < k; a++) {
      if (!(values[a] > 0)) continue;
      let left = 0;
      for (let i = 0; i < k; i++) left += Math.abs(u[a * k + i]) * rows[i];
      let right = 0;
      let spread = 0;
      let along = 0;
      for (let j = 0; j < p; j++) {
        const x = v[a * p + j];
        right += Math.abs(x) * columns[j];
        spread += Math.abs(x) * Math.sqrt(b[j * p + j]);
        for (let l = 0; l < p; l++) along += x * b[j * p + l] * v[a * p + l];
      }
      if (left * right > MOST_COARSE * values[a]) return true;
      if (spread > 0 && !(spread * spread <= MOST_MIXED * along)) return true;
    }
    return false;
  }
}
