/** Population quantities of a link at an overlap M, in the frame of M's singular vectors. */

import { multiply, transpose } from "../math/dense.js";
import { ExpansionRotator } from "../math/expansionRotator.js";
import { JacobiSolver } from "../math/jacobi.js";
import { type MultiIndexTable, multiIndexTable } from "../math/multiIndex.js";
import { type OverlapField, pairPositions, secondDerivatives } from "./denseField.js";

/**
 * Loss, smoothed gradient outer product B and planted gradient K at many overlaps M (r×r⋆) of one link, in reused buffers.
 *
 * M = UΛVᵀ by one-sided Jacobi, coefficients in the coordinates of V by plane rotations, then everything is diagonal: never an
 * r^k×r^k matrix, and no difference of nearly equal numbers near convergence. Nothing is checked.
 *
 * Source: [MI §3.1]. Cost: r⋆(r⋆−1)·N·(1 + 2·mean degree/r⋆) + r⋆(r⋆+2)·N(r⋆, s−1) flops.
 */
export class PrincipalField implements OverlapField {
  readonly rank: number;
  readonly rankStar: number;
  readonly degree: number;
  readonly svd: JacobiSolver;
  /** Squared sines 1 − λ², r⋆ of them, in the order of the singular values. */
  readonly sinesSquared: Float64Array;
  /** B (r⋆×r⋆) after `smooth`. */
  readonly b: Float64Array;
  /** K (r×r⋆) after `planted`. */
  readonly k: Float64Array;
  readonly pairs: Float64Array;
  readonly #table: MultiIndexTable;
  readonly #rotator: ExpansionRotator;
  #coefficients: Float64Array;
  readonly #c: Float64Array;
  /** Whether `#c` belongs to the decomposed M. */
  #isTurned = false;
  readonly #other: Float64Array;
  readonly #fields: Float64Array;
  readonly #otherFields: Float64Array;
  readonly #weights: Float64Array;
  readonly #losses: Float64Array;
  /** First variable with β_j > 0, and β minus it. */
  readonly #first: Int32Array;
  /** √(γ_k+1) at [j·r⋆ + k]. */
  readonly #roots: Float64Array;
  readonly #square: Float64Array;
  readonly #half: Float64Array;

  /** @param coefficients - N(r⋆, degree), kept, not written */
  constructor(coefficients: Float64Array, rankStar: number, degree: number, rank: number) {
    this.rank = rank;
    this.rankStar = rankStar;
    this.degree = degree;
    this.svd = new JacobiSolver(rank, rankStar);
    this.#table = multiIndexTable(rankStar, degree);
    this.#rotator = new ExpansionRotator(rankStar, degree);
    this.#coefficients = coefficients;
    const { size, exponents, prefix } = this.#table;
    const inner = prefix[degree];
    this.sinesSquared = new Float64Array(rankStar);
    this.b = new Float64Array(rankStar * rankStar);
    this.k = new Float64Array(rank * rankStar);
    const pairCount = (rankStar * (rankStar + 1)) / 2;
    this.pairs = new Float64Array(pairCount * pairCount);
    this.#c = new Float64Array(size);
    this.#other = new Float64Array(size);
    this.#fields = new Float64Array(inner * rankStar);
    this.#otherFields = new Float64Array(inner * rankStar);
    this.#weights = new Float64Array(size);
    this.#losses = new Float64Array(size);
    this.#first = Int32Array.from({ length: size }, (_, j) => {
      let k = 0;
      while (k < rankStar - 1 && exponents[j * rankStar + k] === 0) k++;
      return k;
    });
    this.#roots = Float64Array.from({ length: inner * rankStar }, (_, i) => Math.sqrt(exponents[i] + 1));
    this.#square = new Float64Array(rankStar * rankStar);
    this.#half = new Float64Array(rankStar * rankStar);
  }

  /** Singular values and vectors of M, into `svd` and `sinesSquared`. */
  decompose(m: ArrayLike<number>): void {
    this.svd.decompose(m);
    this.#isTurned = false;
    const { values } = this.svd;
    for (let j = 0; j < this.rankStar; j++) this.sinesSquared[j] = (1 - values[j]) * (1 + values[j]);
  }

  /**
   * L = ½Σ c_β²(1 − Πλ_i^{2β_i}) of the decomposed M; each 1 − Π is a sum of positive terms, so L keeps its relative accuracy
   * down to 0.
   */
  loss(): number {
    const c = this.#turned();
    this.#weigh();
    let sum = 0;
    for (let j = c.length - 1; j > 0; j--) sum += this.#losses[j] * c[j] * c[j];
    return sum / 2;
  }

  /** Flops of one `smooth`. */
  get cost(): number {
    const { rankStar: p, degree: s } = this;
    const { size, totals, prefix } = this.#table;
    let mean = 0;
    for (let j = 0; j < size; j++) mean += totals[j] / size;
    const blocks = ((p * (p - 1)) / 2) * 2 * (s + 1) ** 3;
    return p * (p - 1) * size * (1 + (2 * mean) / p) + blocks + p * (p + 2) * prefix[s] + 150 * p ** 3;
  }

  /** tr E∇f∇fᵀ = Σ|β|c_β². */
  get gradientMoment(): number {
    let sum = 0;
    for (let j = 0; j < this.#table.size; j++) sum += this.#table.totals[j] * this.#coefficients[j] ** 2;
    return sum;
  }

  load(coefficients: Float64Array): void {
    this.#coefficients = coefficients;
    this.#isTurned = false;
  }

  smooth(m: ArrayLike<number>): void {
    this.decompose(m);
    this.smoothHere();
  }

  /** B of the decomposed M into `b`. */
  smoothHere(): void {
    const { rankStar, b } = this;
    const { v } = this.svd;
    const inner = this.#table.prefix[this.degree];
    const fields = this.#derive(this.#turned(), this.#fields);
    this.#weigh();
    const weights = this.#weights;
    const square = this.#square;
    square.fill(0);
    for (let g = 0, at = 0; g < inner; g++, at += rankStar) {
      const w = weights[g];
      if (w === 0) continue;
      for (let j = 0; j < rankStar; j++) {
        const x = w * fields[at + j];
        for (let l = 0; l <= j; l++) square[j * rankStar + l] += x * fields[at + l];
      }
    }
    for (let j = 0; j < rankStar; j++) for (let l = 0; l < j; l++) square[l * rankStar + j] = square[j * rankStar + l];
    // B = V·B̃·Vᵀ; vector j of `v` is its column j.
    const half = this.#half;
    for (let i = 0; i < rankStar; i++) {
      for (let l = 0; l < rankStar; l++) {
        let sum = 0;
        for (let j = 0; j < rankStar; j++) sum += v[j * rankStar + i] * square[j * rankStar + l];
        half[i * rankStar + l] = sum;
      }
    }
    for (let i = 0; i < rankStar; i++) {
      for (let k = 0; k <= i; k++) {
        let sum = 0;
        for (let l = 0; l < rankStar; l++) sum += half[i * rankStar + l] * v[l * rankStar + k];
        b[i * rankStar + k] = sum;
        b[k * rankStar + i] = sum;
      }
    }
  }

  /** ‖f‖² − ⟨f, A_M f⟩ of the decomposed square M, and K into `k`; near 0 the loss is a sum of small squares. */
  planted(): number {
    const { rankStar, k } = this;
    const { u, v } = this.svd;
    const inner = this.#table.prefix[this.degree];
    const cv = this.#turned();
    const cu = this.#rotated(this.#other, u);
    this.#weighOnce();
    const weights = this.#weights;
    let loss = 0;
    for (let j = 1; j < cv.length; j++) {
      const gap = cu[j] - cv[j];
      loss += 0.5 * gap * gap + this.#losses[j] * cu[j] * cv[j];
    }
    const fv = this.#derive(cv, this.#fields);
    const fu = this.#derive(cu, this.#otherFields);
    const square = this.#square;
    square.fill(0);
    for (let g = 0, at = 0; g < inner; g++, at += rankStar) {
      for (let i = 0; i < rankStar; i++) {
        const x = weights[g] * fu[at + i];
        for (let j = 0; j < rankStar; j++) square[i * rankStar + j] += x * fv[at + j];
      }
    }
    // K = U·K̃·Vᵀ.
    const half = this.#half.fill(0);
    for (let i = 0; i < rankStar; i++) {
      for (let a = 0; a < rankStar; a++) {
        const x = u[i * rankStar + a];
        for (let j = 0; j < rankStar; j++) half[a * rankStar + j] += x * square[i * rankStar + j];
      }
    }
    k.fill(0);
    for (let a = 0; a < rankStar; a++) {
      for (let j = 0; j < rankStar; j++) {
        const x = half[a * rankStar + j];
        for (let b = 0; b < rankStar; b++) k[a * rankStar + b] += x * v[j * rankStar + b];
      }
    }
    return loss;
  }

  fix(m: ArrayLike<number>): void {
    this.decompose(m);
    this.planted();
  }

  bend(m: ArrayLike<number>): void {
    this.decompose(m);
    const second = secondDerivatives(this.#turned(), this.rankStar, this.degree);
    this.#weigh();
    this.#gramOfPairs(second, second, this.svd.v, this.svd.v);
  }

  bendFixed(m: ArrayLike<number>): void {
    this.decompose(m);
    const { u, v } = this.svd;
    const left = secondDerivatives(this.#rotated(this.#other, u), this.rankStar, this.degree);
    const right = secondDerivatives(this.#turned(), this.rankStar, this.degree);
    this.#weighOnce();
    this.#gramOfPairs(left, right, u, v);
  }

  /** pairs ← R_X·(Σ_γ w_γ x_γ y_γᵀ)·R_Yᵀ, R_Q the change of pairs of variables by Q, whose columns are the given vectors. */
  #gramOfPairs(x: Float64Array, y: Float64Array, xVectors: Float64Array, yVectors: Float64Array): void {
    const { rankStar, pairs, degree } = this;
    if (degree < 2) {
      pairs.fill(0);
      return;
    }
    const count = (rankStar * (rankStar + 1)) / 2;
    const n = this.#table.prefix[degree - 1];
    const inner = new Float64Array(count * count);
    for (let g = 0; g < n; g++) {
      const w = this.#weights[g];
      if (w === 0) continue;
      for (let s = 0; s < count; s++) {
        const a = w * x[s * n + g];
        for (let t = 0; t < count; t++) inner[s * count + t] += a * y[t * n + g];
      }
    }
    const left = pairRotation(xVectors, rankStar);
    const right = pairRotation(yVectors, rankStar);
    pairs.set(
      multiply(multiply(left, inner, count, count, count), transpose(right, count, count), count, count, count),
    );
  }

  /** The coefficients in the coordinates of V. */
  #turned(): Float64Array {
    if (!this.#isTurned) this.#rotated(this.#c, this.svd.v);
    this.#isTurned = true;
    return this.#c;
  }

  /** Coefficients of A_{Qᵀ}f where vector j of `vectors` is column j of Q. */
  #rotated(out: Float64Array, vectors: Float64Array): Float64Array {
    out.set(this.#coefficients);
    this.#rotator.apply(out, vectors);
    return out;
  }

  /** w_β = Πλ^{2β} and 1 − w_β, lowering one exponent at a time. */
  #weigh(): void {
    const { rankStar, sinesSquared } = this;
    const { down, size } = this.#table;
    const { values } = this.svd;
    const weights = this.#weights;
    const losses = this.#losses;
    weights[0] = 1;
    losses[0] = 0;
    for (let j = 1; j < size; j++) {
      const i = this.#first[j];
      const below = down[j * rankStar + i];
      weights[j] = weights[below] * values[i] * values[i];
      losses[j] = losses[below] + sinesSquared[i] * weights[below];
    }
  }

  /** Πλ^β and 1 − Πλ^β. */
  #weighOnce(): void {
    const { rankStar } = this;
    const { down, size } = this.#table;
    const { values } = this.svd;
    const weights = this.#weights;
    const losses = this.#losses;
    weights[0] = 1;
    losses[0] = 0;
    for (let j = 1; j < size; j++) {
      const i = this.#first[j];
      const below = down[j * rankStar + i];
      weights[j] = weights[below] * values[i];
      losses[j] = losses[below] + (1 - values[i]) * weights[below];
    }
  }

  /** √(γ_k+1)·c[γ + e_k] at [j·r⋆ + k]. */
  #derive(c: Float64Array, out: Float64Array): Float64Array {
    const { up } = this.#table;
    const roots = this.#roots;
    for (let i = 0; i < out.length; i++) out[i] = roots[i] * c[up[i]];
    return out;
  }
}

/** R with e_(aj) = Σ R_(aj),(bl) e′_(bl) for symmetric pairs when e_a = Σ_b Q_ab e′_b; vector b of `vectors` is column b of Q. */
function pairRotation(vectors: Float64Array, p: number): Float64Array {
  const positions = pairPositions(p);
  const count = (p * (p + 1)) / 2;
  const out = new Float64Array(count * count);
  for (let a = 0; a < p; a++) {
    for (let j = a; j < p; j++) {
      const row = positions[a * p + j] * count;
      for (let b = 0; b < p; b++) {
        for (let l = 0; l < p; l++) out[row + positions[b * p + l]] += vectors[b * p + a] * vectors[l * p + j];
      }
    }
  }
  return out;
}
