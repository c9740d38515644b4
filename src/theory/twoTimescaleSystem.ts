/** The two-timescale flow of overlap and complement as a system of differential equations. */
import type { OdeSystem } from "../math/ode.js";
import { PrincipalField } from "./principalField.js";

/**
 * State: M = WᵀW⋆ (r×r⋆), the complement S (r⋆×r⋆) with SᵀS = I − MᵀM, and the time. With B at M,
 *
 *     Ṁ = M B SᵀS,   Ṡ = −S B MᵀM,   dτ = tr B dt.
 *
 * S is the overlap of W⋆ with a frame orthogonal to W, up to a rotation that drops out. Carrying it keeps the sines of directions
 * that are learnt to their own relative accuracy; I − MᵀM would leave nothing of them below 1e-8.
 */
export class TwoTimescaleSystem implements OdeSystem {
  readonly rank: number;
  readonly rankStar: number;
  readonly size: number;
  readonly #field: PrincipalField;
  readonly #mb: Float64Array;
  readonly #sb: Float64Array;
  readonly #g: Float64Array;
  readonly #h: Float64Array;
  readonly #m: Float64Array;
  readonly #gram: Float64Array;
  readonly #columns: Float64Array;
  readonly #rows: Float64Array;

  constructor(coefficients: Float64Array, rankStar: number, degree: number, rank: number) {
    this.rank = rank;
    this.rankStar = rankStar;
    const p = rankStar;
    this.size = rank * p + p * p + 1;
    this.#field = new PrincipalField(coefficients, rankStar, degree, rank);
    this.#mb = new Float64Array(rank * p);
    this.#sb = new Float64Array(p * p);
    this.#g = new Float64Array(p * p);
    this.#h = new Float64Array(p * p);
    this.#m = new Float64Array(rank * p);
    this.#gram = new Float64Array(p * p);
    this.#columns = new Float64Array(p);
    this.#rows = new Float64Array(rank);
  }

  /** State at M with time 0; S is built from the singular values of M. */
  start(m: ArrayLike<number>, y: Float64Array): void {
    const { rank, rankStar: p } = this;
    const field = this.#field;
    field.decompose(m);
    for (let i = 0; i < rank * p; i++) y[i] = m[i];
    for (let j = 0; j < p; j++) {
      const sine = Math.sqrt(Math.max(0, field.sinesSquared[j]));
      for (let l = 0; l < p; l++) y[rank * p + j * p + l] = sine * field.svd.v[j * p + l];
    }
    y[this.size - 1] = 0;
  }

  derivative(y: Float64Array, out: Float64Array): void {
    const { rank, rankStar: p } = this;
    const at = rank * p;
    this.#m.set(y.subarray(0, at));
    const field = this.#field;
    field.decompose(this.#m);
    field.smooth();
    const b = field.b;
    let rate = 0;
    for (let j = 0; j < p; j++) rate += b[j * p + j];
    const slow = rate > 0 ? 1 / rate : 1;
    product(y, 0, b, this.#mb, rank, p);
    product(y, at, b, this.#sb, p, p);
    gram(y, 0, rank, p, this.#g);
    gram(y, at, p, p, this.#h);
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j < p; j++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += this.#mb[i * p + l] * this.#h[l * p + j];
        out[i * p + j] = sum * slow;
      }
    }
    for (let i = 0; i < p; i++) {
      for (let j = 0; j < p; j++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += this.#sb[i * p + l] * this.#g[l * p + j];
        out[at + i * p + j] = -sum * slow;
      }
    }
    out[this.size - 1] = slow;
  }

  scale(y: Float64Array, out: Float64Array): void {
    const { rank, rankStar: p } = this;
    const columns = this.#columns.fill(0);
    const rows = this.#rows.fill(0);
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j < p; j++) {
        const x = y[i * p + j] * y[i * p + j];
        rows[i] += x;
        columns[j] += x;
      }
    }
    for (let i = 0; i < rank; i++)
      for (let j = 0; j < p; j++) out[i * p + j] = Math.sqrt(Math.sqrt(rows[i] * columns[j])) + 1e-300;
    out.fill(1, rank * p, this.size - 1);
    out[this.size - 1] = y[this.size - 1] + 1;
  }

  /** Restores MᵀM + SᵀS = I, one Newton–Schulz step. */
  settle(y: Float64Array): void {
    const { rank, rankStar: p } = this;
    const total = rank + p;
    gram(y, 0, total, p, this.#gram);
    const e = this.#gram;
    for (let i = 0; i < p * p; i++) e[i] *= -0.5;
    for (let j = 0; j < p; j++) e[j * p + j] += 0.5;
    for (let i = 0; i < total; i++) {
      for (let j = 0; j < p; j++) this.#columns[j] = y[i * p + j];
      for (let j = 0; j < p; j++) {
        let sum = 0;
        for (let l = 0; l < p; l++) sum += this.#columns[l] * e[l * p + j];
        y[i * p + j] += sum;
      }
    }
  }

  overlap(y: Float64Array, out: Float64Array): void {
    for (let i = 0; i < this.rank * this.rankStar; i++) out[i] = y[i];
  }

  /** Singular values of M, min(r, r⋆), descending. */
  values(y: Float64Array, out: Float64Array): void {
    this.#observe(y);
    for (let j = 0; j < out.length; j++) out[j] = Math.min(1, this.#field.svd.values[j]);
  }

  /** Loss at y; the sines come from S. */
  loss(y: Float64Array): number {
    this.#observe(y);
    return this.#field.loss();
  }

  #observe(y: Float64Array): void {
    const { rank, rankStar: p } = this;
    const field = this.#field;
    this.#m.set(y.subarray(0, rank * p));
    field.decompose(this.#m);
    const { v } = field.svd;
    for (let j = 0; j < p; j++) {
      let square = 0;
      for (let i = 0; i < p; i++) {
        let dot = 0;
        for (let l = 0; l < p; l++) dot += y[rank * p + i * p + l] * v[j * p + l];
        square += dot * dot;
      }
      field.sinesSquared[j] = square;
    }
  }
}

/** out ← X·B for `rows` rows of X at `at` in y; B is n×n. */
function product(y: Float64Array, at: number, b: Float64Array, out: Float64Array, rows: number, n: number): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += y[at + i * n + l] * b[l * n + j];
      out[i * n + j] = sum;
    }
  }
}

/** out ← XᵀX for `rows` rows of length n at `at` in y. */
function gram(y: Float64Array, at: number, rows: number, n: number, out: Float64Array): void {
  for (let j = 0; j < n; j++) {
    for (let l = 0; l <= j; l++) {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += y[at + i * n + j] * y[at + i * n + l];
      out[j * n + l] = sum;
      out[l * n + j] = sum;
    }
  }
}
