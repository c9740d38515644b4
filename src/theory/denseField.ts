/** Smoothed gradients of a link through the averaging operator itself: the shorter way for few variables and low degree. */
import { derivativeCoefficients, multiIndexTable } from "../math/multiIndex.js";

/** What the flows need of a link at an overlap M (rows×p); every call overwrites the arrays of the one before. */
export interface OverlapField {
  /** B_jl = ⟨A_M ∂_j f, A_M ∂_l f⟩, p×p, after `smooth`. */
  readonly b: Float64Array;
  /** K_ij = ⟨∂_i f, A_M ∂_j f⟩, p×p, after `fix` (square M). */
  readonly k: Float64Array;
  /**
   * Second derivatives on pairs of variables a ≤ j, P×P with P = p(p+1)/2: ⟨A_M ∂_a∂_j f, A_M ∂_b∂_l f⟩ after `bend`,
   * ⟨∂_a∂_i f, A_M ∂_b∂_j f⟩ after `bendFixed`; ∂B_jl = Σ_ab of the first times ∂G_ab, ∂K_ij/∂M_ab is the second.
   */
  readonly pairs: Float64Array;
  smooth(m: Float64Array): void;
  fix(m: Float64Array): void;
  bend(m: Float64Array): void;
  bendFixed(m: Float64Array): void;
  /** Takes other coefficients of the same shape. */
  load(coefficients: Float64Array): void;
}

/** Position of the pair of variables (a, j) at a·p + j, in either order. */
export function pairPositions(p: number): Int32Array {
  const out = new Int32Array(p * p);
  let count = 0;
  for (let a = 0; a < p; a++) {
    for (let j = a; j < p; j++) {
      out[a * p + j] = count;
      out[j * p + a] = count++;
    }
  }
  return out;
}

/** Coefficients of ∂_a∂_j f for the pairs a ≤ j, one run of N(p, degree−2) after another. */
export function secondDerivatives(coefficients: Float64Array, p: number, degree: number): Float64Array {
  if (degree < 2) return new Float64Array(0);
  const first = derivativeCoefficients(coefficients, p, degree);
  const count = multiIndexTable(p, degree).prefix[degree - 1];
  const out = new Float64Array((count * p * (p + 1)) / 2);
  let pair = 0;
  for (let a = 0; a < p; a++) {
    const column = Float64Array.from({ length: first.length / p }, (_, g) => first[g * p + a]);
    const second = derivativeCoefficients(column, p, degree - 1);
    for (let j = a; j < p; j++, pair++) {
      for (let g = 0; g < count; g++) out[pair * count + g] = second[g * p + j];
    }
  }
  return out;
}

/** Flops of one `DenseField.smooth`. */
export function denseCost(rows: number, p: number, degree: number): number {
  const from = multiIndexTable(rows, degree).prefix;
  const to = multiIndexTable(p, degree).prefix;
  let entries = 0;
  for (let k = 0; k < degree; k++) entries += (from[k + 1] - from[k]) * (to[k + 1] - to[k]);
  return entries * 2 * (rows + p);
}

/**
 * A_M up to the degree of the derivatives by the column recursion, applied to them as it grows.
 *
 * Source: [MI §2, §3.1 last lines]. Cost: Σ_k n_k(rows)·n_k(p)·2(rows + p) flops.
 */
export class DenseField implements OverlapField {
  readonly b: Float64Array;
  readonly k: Float64Array;
  readonly pairs: Float64Array;
  readonly #rows: number;
  readonly #p: number;
  readonly #degree: number;
  /** Derivatives by variable: p runs of N(p, degree−1). */
  readonly #first: Float64Array;
  #second: Float64Array | undefined;
  #coefficients: Float64Array;
  /** A_M ∂_j f: p runs of N(rows, degree−1). */
  readonly #smoothed: Float64Array;
  readonly #smoothedPairs: Float64Array;
  /** Columns of A_M, those of a degree one after another. */
  readonly #columns: Float64Array;
  /** Per column of A_M: where it starts, its parent's start, the lowered variable, 1/√β_j. */
  readonly #starts: Int32Array;
  readonly #parents: Int32Array;
  readonly #lowered: Int32Array;
  readonly #inverseRoots: Float64Array;
  /** Per row α and i: place of α − e_i within its degree (0 if none), and √α_i. */
  readonly #sources: Int32Array;
  readonly #roots: Float64Array;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #scaled: Float64Array;

  constructor(coefficients: Float64Array, p: number, degree: number, rows: number) {
    this.#rows = rows;
    this.#p = p;
    this.#degree = degree;
    this.#coefficients = coefficients;
    const top = Math.max(0, degree - 1);
    const from = multiIndexTable(rows, top);
    const to = multiIndexTable(p, top);
    this.#from = from.prefix;
    this.#to = to.prefix;
    this.b = new Float64Array(p * p);
    this.k = new Float64Array(p * p);
    const pairCount = (p * (p + 1)) / 2;
    this.pairs = new Float64Array(pairCount * pairCount);
    this.#first = new Float64Array(p * to.size);
    this.#smoothed = new Float64Array(p * from.size);
    this.#smoothedPairs = new Float64Array(pairCount * from.prefix[top]);
    this.#scaled = new Float64Array(rows);
    this.#starts = new Int32Array(to.size);
    this.#parents = new Int32Array(to.size);
    this.#lowered = new Int32Array(to.size);
    this.#inverseRoots = new Float64Array(to.size);
    let at = 0;
    for (let k = 0; k <= top; k++) {
      for (let c = to.prefix[k]; c < to.prefix[k + 1]; c++) {
        this.#starts[c] = at;
        at += from.prefix[k + 1] - from.prefix[k];
        if (k === 0) continue;
        let j = 0;
        for (let l = 1; l < p; l++) if (to.exponents[c * p + l] > to.exponents[c * p + j]) j = l;
        this.#lowered[c] = j;
        this.#inverseRoots[c] = 1 / Math.sqrt(to.exponents[c * p + j]);
        this.#parents[c] = this.#starts[to.down[c * p + j]];
      }
    }
    this.#columns = new Float64Array(at);
    this.#columns[0] = 1;
    this.#sources = new Int32Array(from.size * rows);
    this.#roots = new Float64Array(from.size * rows);
    for (let a = 1; a < from.size; a++) {
      for (let i = 0; i < rows; i++) {
        const below = from.down[a * rows + i];
        if (below < 0) continue;
        this.#sources[a * rows + i] = below - from.prefix[from.totals[a] - 1];
        this.#roots[a * rows + i] = Math.sqrt(from.exponents[a * rows + i]);
      }
    }
    this.load(coefficients);
  }

  load(coefficients: Float64Array): void {
    this.#coefficients = coefficients;
    this.#second = undefined;
    const p = this.#p;
    if (this.#degree === 0) return;
    const { exponents, up, prefix } = multiIndexTable(p, this.#degree);
    const count = prefix[this.#degree];
    for (let g = 0; g < count; g++) {
      for (let j = 0; j < p; j++) {
        this.#first[j * count + g] = Math.sqrt(exponents[g * p + j] + 1) * coefficients[up[g * p + j]];
      }
    }
  }

  /** Columns of A_M up to degree `top`. */
  #grow(m: Float64Array, top: number): void {
    const rows = this.#rows;
    const p = this.#p;
    const columns = this.#columns;
    const sources = this.#sources;
    const roots = this.#roots;
    const scaled = this.#scaled;
    for (let k = 1; k <= top; k++) {
      const first = this.#from[k];
      const height = this.#from[k + 1] - first;
      for (let c = this.#to[k]; c < this.#to[k + 1]; c++) {
        const j = this.#lowered[c];
        const factor = this.#inverseRoots[c];
        for (let i = 0; i < rows; i++) scaled[i] = m[i * p + j] * factor;
        const parent = this.#parents[c];
        const start = this.#starts[c];
        for (let a = 0, at = first * rows; a < height; a++) {
          let sum = 0;
          for (let i = 0; i < rows; i++, at++) sum += roots[at] * scaled[i] * columns[parent + sources[at]];
          columns[start + a] = sum;
        }
      }
    }
  }

  /** out ← A_M of `count` expansions of degree ≤ top, stored in runs. */
  #apply(fields: Float64Array, count: number, top: number, out: Float64Array): void {
    const columns = this.#columns;
    const wide = this.#to[top + 1];
    const tall = this.#from[top + 1];
    out.fill(0);
    for (let k = 0; k <= top; k++) {
      const first = this.#from[k];
      const height = this.#from[k + 1] - first;
      for (let c = this.#to[k]; c < this.#to[k + 1]; c++) {
        const start = this.#starts[c];
        for (let j = 0; j < count; j++) {
          const x = fields[j * wide + c];
          if (x === 0) continue;
          const at = j * tall + first;
          for (let a = 0; a < height; a++) out[at + a] += x * columns[start + a];
        }
      }
    }
  }

  smooth(m: Float64Array): void {
    const p = this.#p;
    const b = this.b;
    if (this.#degree === 0) {
      b.fill(0);
      return;
    }
    const top = this.#degree - 1;
    const smoothed = this.#smoothed;
    this.#grow(m, top);
    this.#apply(this.#first, p, top, smoothed);
    const n = this.#from[top + 1];
    for (let j = 0; j < p; j++) {
      for (let l = 0; l <= j; l++) {
        let sum = 0;
        for (let a = 0; a < n; a++) sum += smoothed[j * n + a] * smoothed[l * n + a];
        b[j * p + l] = sum;
        b[l * p + j] = sum;
      }
    }
  }

  fix(m: Float64Array): void {
    const p = this.#p;
    const k = this.k;
    if (this.#degree === 0) {
      k.fill(0);
      return;
    }
    const top = this.#degree - 1;
    this.#grow(m, top);
    this.#apply(this.#first, p, top, this.#smoothed);
    const n = this.#from[top + 1];
    for (let i = 0; i < p; i++)
      for (let j = 0; j < p; j++) k[i * p + j] = dot(this.#first, i * n, this.#smoothed, j * n, n);
  }

  bend(m: Float64Array): void {
    const second = this.#bent(m);
    if (second === undefined) return;
    const n = this.#from[this.#degree - 1];
    const q = this.#smoothedPairs;
    this.#gramOfPairs(q, q, n);
  }

  bendFixed(m: Float64Array): void {
    const second = this.#bent(m);
    if (second === undefined) return;
    this.#gramOfPairs(second, this.#smoothedPairs, this.#from[this.#degree - 1]);
  }

  #bent(m: Float64Array): Float64Array | undefined {
    if (this.#degree < 2) {
      this.pairs.fill(0);
      return undefined;
    }
    const top = this.#degree - 2;
    this.#second ??= secondDerivatives(this.#coefficients, this.#p, this.#degree);
    this.#grow(m, top);
    this.#apply(this.#second, (this.#p * (this.#p + 1)) / 2, top, this.#smoothedPairs);
    return this.#second;
  }

  #gramOfPairs(x: Float64Array, y: Float64Array, n: number): void {
    const count = (this.#p * (this.#p + 1)) / 2;
    for (let s = 0; s < count; s++)
      for (let t = 0; t < count; t++) this.pairs[s * count + t] = dot(x, s * n, y, t * n, n);
  }
}

function dot(x: Float64Array, at: number, y: Float64Array, bt: number, n: number): number {
  let sum = 0;
  for (let a = 0; a < n; a++) sum += x[at + a] * y[bt + a];
  return sum;
}
