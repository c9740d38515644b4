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
 * A_M up to the degree of the derivatives by the column recursion, applied to them.
 *
 * The recursion is laid out once as a list of terms: entry e of A_M is Σ weight·M[place]·A_M[source] over its run of terms.
 *
 * Source: [MI §2, §3.1 last lines]. Cost: `denseCost` flops.
 */
export class DenseField implements OverlapField {
  readonly b: Float64Array;
  readonly k: Float64Array;
  readonly pairs: Float64Array;
  readonly #p: number;
  readonly #degree: number;
  /** Derivatives by variable: p runs of N(p, degree−1). */
  readonly #first: Float64Array;
  #second: Float64Array | undefined;
  #coefficients: Float64Array;
  /** A_M ∂_j f: p runs of N(rows, degree−1). */
  readonly #smoothed: Float64Array;
  readonly #smoothedPairs: Float64Array;
  /** Entries of A_M: by degree, column by column. */
  readonly #entries: Float64Array;
  /** Where the column of each multi-index starts. */
  readonly #starts: Int32Array;
  /** Where the terms of each entry start. */
  readonly #runs: Int32Array;
  readonly #weights: Float64Array;
  readonly #places: Int32Array;
  readonly #sources: Int32Array;
  readonly #from: Int32Array;
  readonly #to: Int32Array;

  constructor(coefficients: Float64Array, p: number, degree: number, rows: number) {
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
    this.#starts = new Int32Array(to.size + 1);
    const runs = [0, 0];
    const weights: number[] = [];
    const places: number[] = [];
    const sources: number[] = [];
    for (let c = 0; c < to.size; c++) {
      const k = to.totals[c];
      const first = from.prefix[k];
      const height = from.prefix[k + 1] - first;
      this.#starts[c + 1] = this.#starts[c] + height;
      if (k === 0) continue;
      // The largest exponent is lowered: its factor 1/√β_j is the smallest.
      let j = 0;
      for (let l = 1; l < p; l++) if (to.exponents[c * p + l] > to.exponents[c * p + j]) j = l;
      const parent = this.#starts[to.down[c * p + j]];
      for (let a = first; a < first + height; a++) {
        for (let i = 0; i < rows; i++) {
          const below = from.down[a * rows + i];
          if (below < 0) continue;
          weights.push(Math.sqrt(from.exponents[a * rows + i] / to.exponents[c * p + j]));
          places.push(i * p + j);
          sources.push(parent + below - from.prefix[k - 1]);
        }
        runs.push(weights.length);
      }
    }
    this.#runs = Int32Array.from(runs);
    this.#weights = Float64Array.from(weights);
    this.#places = Int32Array.from(places);
    this.#sources = Int32Array.from(sources);
    this.#entries = new Float64Array(this.#starts[to.size]);
    this.#entries[0] = 1;
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

  /** A_M up to degree `top`. */
  #grow(m: Float64Array, top: number): void {
    const entries = this.#entries;
    const runs = this.#runs;
    const weights = this.#weights;
    const places = this.#places;
    const sources = this.#sources;
    const count = this.#starts[this.#to[top + 1]];
    for (let e = 1, term = 0; e < count; e++) {
      const end = runs[e + 1];
      let sum = 0;
      for (; term < end; term++) sum += weights[term] * m[places[term]] * entries[sources[term]];
      entries[e] = sum;
    }
  }

  /** out ← A_M of `count` expansions of degree ≤ top, stored in runs. */
  #apply(fields: Float64Array, count: number, top: number, out: Float64Array): void {
    const entries = this.#entries;
    const starts = this.#starts;
    const wide = this.#to[top + 1];
    const tall = this.#from[top + 1];
    for (let i = 0; i < count * tall; i++) out[i] = 0;
    for (let k = 0; k <= top; k++) {
      const first = this.#from[k];
      const end = this.#to[k + 1];
      for (let c = this.#to[k]; c < end; c++) {
        const start = starts[c];
        const height = starts[c + 1] - start;
        // Three at a time: the entries are read once for all of them.
        let j = 0;
        for (; j + 2 < count; j += 3) {
          const x = fields[j * wide + c];
          const y = fields[(j + 1) * wide + c];
          const z = fields[(j + 2) * wide + c];
          const at = j * tall + first;
          for (let a = 0; a < height; a++) {
            const entry = entries[start + a];
            out[at + a] += x * entry;
            out[at + tall + a] += y * entry;
            out[at + 2 * tall + a] += z * entry;
          }
        }
        for (; j < count; j++) {
          const x = fields[j * wide + c];
          const at = j * tall + first;
          for (let a = 0; a < height; a++) out[at + a] += x * entries[start + a];
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
