/**
 * KernelOps in plain TypeScript: the fallback where WebAssembly is missing, and the oracle the binary is tested against.
 *
 * Summation orders are part of the contract: assembly/ repeats each of them and test/kernel/ops-parity.test.ts compares
 * bits. Every sum starts from +0. Three orders occur.
 * - PAIRED: two partial sums over even and odd positions, joined as s0 + s1; an odd tail element is added after that.
 * - BY FOUR: four partial sums by position mod 4, joined as (s0 + s2) + (s1 + s3), then the tail from left to right.
 * - IN ORDER: one sum, left to right.
 */
import { createFeatureOps, type MemoryViews } from "./featureReference.js";
import { createMeanFieldOps } from "./meanFieldReference.js";
import { createMomentOps } from "./momentsReference.js";
import { type Address, BLOCK_ROWS, type KernelOps } from "./ops.js";
import { createRadialOps } from "./radialReference.js";
import { createSingleOps } from "./singleReference.js";
import { addScaled, dotByFour, dotPaired } from "./sums.js";
import { createTriangularOps } from "./triangularReference.js";
import { createTridiagonalOps } from "./tridiagonalReference.js";

const B = BLOCK_ROWS;
/** Rows that products with Xᵀ sum before they add to the result. */
const STRIP = 24;

/**
 * Binds the reference operations to a memory. Views are fetched again at every call, so the buffer may be replaced
 * between calls.
 */
export function createReferenceOps(memory: MemoryViews): KernelOps {
  return {
    standardize(src, dst, rows, columns, stride, center, inverseScale) {
      const f = memory.f64;
      const c = center >>> 3;
      const v = inverseScale >>> 3;
      let s = src >>> 3;
      let t = dst >>> 3;
      for (let i = 0; i < rows; i++, s += columns, t += stride) {
        for (let j = 0; j < columns; j++) f[t + j] = (f[s + j] - f[c + j]) * f[v + j];
        if (stride > columns) f[t + columns] = 0;
      }
      f.fill(0, t, (dst >>> 3) + B * stride);
    },

    /** Order as accumulateTransposed with one column. */
    columnSums(x, stride, weights, sums) {
      addTransposed(memory.f64, x >>> 3, stride, 1, weights >>> 3, sums >>> 3);
    },

    /** Groups of 4 rows, tᵢ = (wᵢ·xᵢ)·xᵢ, sums += (t0 + t1) + (t2 + t3). */
    columnSquares(x, stride, weights, sums) {
      const f = memory.f64;
      const s = sums >>> 3;
      let a = x >>> 3;
      let w = weights >>> 3;
      for (let i = 0; i < B; i += 4, a += 4 * stride, w += 4) {
        const w0 = f[w];
        const w1 = f[w + 1];
        const w2 = f[w + 2];
        const w3 = f[w + 3];
        for (let j = 0; j < stride; j++) {
          const x0 = f[a + j];
          const x1 = f[a + stride + j];
          const x2 = f[a + 2 * stride + j];
          const x3 = f[a + 3 * stride + j];
          f[s + j] += w0 * x0 * x0 + w1 * x1 * x1 + (w2 * x2 * x2 + w3 * x3 * x3);
        }
      }
    },

    /** Each entry IN ORDER over the rows with terms (wᵢ·x[i][a])·x[i][b]; the block's sum is then added to `out`. */
    secondMoment(x, stride, weights, scratch, out) {
      const f = memory.f64;
      const x0 = x >>> 3;
      const t = scratch >>> 3;
      const o = out >>> 3;
      for (let i = 0, row = 0; i < B; i++, row += stride) {
        const w = f[(weights >>> 3) + i];
        for (let j = 0; j < stride; j++) f[t + row + j] = w * f[x0 + row + j];
      }
      for (let a = 0; a < stride; a += 2) {
        for (let b = a; b < stride; b += 2) addOuterTile(f, t + a, x0 + b, stride, o + a * stride + b);
      }
    },

    /** PAIRED over the columns. */
    project(x, stride, r, w, z) {
      const f = memory.f64;
      const step = 2 * r;
      for (let k = 0; k < r; k++) {
        const o = (z >>> 3) + k * B;
        for (let i = 0, a = x >>> 3; i < B; i++) {
          let s0 = 0;
          let s1 = 0;
          for (let b = (w >>> 3) + 2 * k, end = a + stride; a < end; a += 2, b += step) {
            s0 += f[a] * f[b];
            s1 += f[a + 1] * f[b + 1];
          }
          f[o + i] = s0 + s1;
        }
      }
    },

    /** Strips of 24 rows; within a strip IN ORDER over the rows, then added. */
    accumulateTransposed(x, stride, r, c, out) {
      addTransposed(memory.f64, x >>> 3, stride, r, c >>> 3, out >>> 3);
    },

    /** IN ORDER over l. */
    combine(z, zd, r, t, m, out) {
      const f = memory.f64;
      const a = z >>> 3;
      const b = zd >>> 3;
      const c = m >>> 3;
      const o = out >>> 3;
      for (let k = 0; k < r; k++) {
        for (let i = 0; i < B; i++) {
          let s = 0;
          for (let l = 0; l < r; l++) s += (f[a + l * B + i] + t * f[b + l * B + i]) * f[c + l * r + k];
          f[o + k * B + i] = s;
        }
      }
    },

    /** PAIRED over the rows; the block's sum is then added to the entry. */
    accumulateGram(phi, p, gram) {
      const f = memory.f64;
      const a = phi >>> 3;
      let o = gram >>> 3;
      for (let j = 0; j < p; j++) {
        for (let i = 0; i <= j; i++, o++) f[o] += blockDot(f, a + i * B, a + j * B);
      }
    },

    /** PAIRED over the rows; the block's sum is then added to the entry. */
    accumulateMoment(phi, p, y, moment) {
      const f = memory.f64;
      for (let j = 0; j < p; j++) f[(moment >>> 3) + j] += blockDot(f, (phi >>> 3) + j * B, y >>> 3);
    },

    /** The sum of squares is BY FOUR. */
    residual(y, f0, residual) {
      const f = memory.f64;
      const a = y >>> 3;
      const b = f0 >>> 3;
      const o = residual >>> 3;
      for (let i = 0; i < B; i++) f[o + i] = f[a + i] - f[b + i];
      return dotByFour(f, o, o, B);
    },

    /** The sum of squares is BY FOUR, the Gram matrix PAIRED over the rows. */
    residualProducts(y, fields, r, residual, gram, scaled) {
      const f = memory.f64;
      const [a, b, o] = [y >>> 3, fields >>> 3, residual >>> 3];
      for (let i = 0; i < B; i++) f[o + i] = f[a + i] - f[b + i];
      for (let l = 0, at = gram >>> 3; l < r; l++) {
        const g = b + (l + 1) * B;
        for (let k = 0; k <= l; k++, at++) f[at] += blockDot(f, b + (k + 1) * B, g);
        for (let i = 0; i < B; i++) f[(scaled >>> 3) + l * B + i] = f[o + i] * f[g + i];
      }
      return dotByFour(f, o, o, B);
    },

    scaleFields(v, g, r, out) {
      const f = memory.f64;
      const a = v >>> 3;
      for (let k = 0; k < r; k++) {
        const b = (g >>> 3) + k * B;
        const o = (out >>> 3) + k * B;
        for (let i = 0; i < B; i++) f[o + i] = f[a + i] * f[b + i];
      }
    },

    /** IN ORDER over k. */
    contractFields(a, b, r, out) {
      const f = memory.f64;
      for (let i = 0; i < B; i++) {
        let s = 0;
        for (let k = 0; k < r; k++) s += f[(a >>> 3) + k * B + i] * f[(b >>> 3) + k * B + i];
        f[(out >>> 3) + i] = s;
      }
    },

    /** BY FOUR. */
    dot(a, b, n) {
      return dotByFour(memory.f64, a >>> 3, b >>> 3, n);
    },

    axpy(alpha, x, y, n) {
      addScaled(memory.f64, alpha, x >>> 3, y >>> 3, n);
    },

    /** Every inner product of column prefixes is PAIRED. */
    choleskyFactor(g, p, tolerance) {
      const f = memory.f64;
      const start = g >>> 3;
      for (let j = 0, column = start; j < p; column += ++j) {
        for (let i = 0, other = start; i < j; other += ++i) {
          f[column + i] = (f[column + i] - dotPaired(f, other, column, i)) / f[other + i];
        }
        const diagonal = f[column + j];
        const pivot = diagonal - dotPaired(f, column, column, j);
        if (!(pivot > tolerance * diagonal && pivot < Number.POSITIVE_INFINITY && pivot > 0)) return j + 1;
        f[column + j] = Math.sqrt(pivot);
      }
      return 0;
    },

    /** Forward substitution with inner products BY FOUR, backward substitution by whole columns from the last one. */
    choleskySolve(u, p, b) {
      const f = memory.f64;
      const x = b >>> 3;
      let column = u >>> 3;
      for (let j = 0; j < p; column += ++j) f[x + j] = (f[x + j] - dotByFour(f, column, x, j)) / f[column + j];
      for (let j = p - 1; j >= 0; j--) {
        column -= j + 1;
        f[x + j] /= f[column + j];
        addScaled(f, -f[x + j], column, x, j);
      }
    },

    /** Inner products BY FOUR. */
    thinQr(w, d, r, rOut) {
      return thinQr(memory.f64, w >>> 3, d, r, rOut >>> 3);
    },

    ...createFeatureOps(memory),
    ...createMeanFieldOps(memory),
    ...createMomentOps(memory),
    ...createRadialOps(memory),
    ...createSingleOps(memory),
    ...createTriangularOps(memory),
    ...createTridiagonalOps(memory),
  };
}

/** Columns whose largest entry lies outside [TINY, HUGE] are divided by it first, so that no square leaves the range. */
const TINY = 1e-140;
const HUGE = 1e140;

function thinQr(f: Float64Array, w: Address, d: number, r: number, rOut: Address): number {
  f.fill(0, rOut, rOut + r * r);
  for (let k = 0; k < r; k++) {
    const column = w + k * d;
    let largest = 0;
    for (let i = 0; i < d; i++) largest = Math.max(largest, Math.abs(f[column + i]));
    let unit = 1;
    if (!(largest >= TINY && largest <= HUGE)) {
      if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) return k + 1;
      unit = largest;
      for (let i = 0; i < d; i++) f[column + i] /= unit;
    }
    const before = Math.sqrt(dotByFour(f, column, column, d));
    for (let pass = 0; pass < 2; pass++) {
      for (let l = 0; l < k; l++) {
        const s = dotByFour(f, w + l * d, column, d);
        addScaled(f, -s, w + l * d, column, d);
        f[rOut + l * r + k] += s;
      }
    }
    const norm = Math.sqrt(dotByFour(f, column, column, d));
    if (!(norm > 4 * (d + 8) * Number.EPSILON * before)) return k + 1;
    for (let i = 0; i < d; i++) f[column + i] /= norm;
    f[rOut + k * r + k] = norm;
    for (let l = 0; l <= k; l++) f[rOut + l * r + k] *= unit;
  }
  return 0;
}

function addTransposed(f: Float64Array, x: number, stride: number, r: number, c: number, out: number): void {
  for (let strip = 0; strip < B; strip += STRIP) {
    for (let j = 0; j < stride; j += 2) {
      for (let k = 0; k < r; k++) {
        let s0 = 0;
        let s1 = 0;
        for (let i = strip, a = x + strip * stride + j, q = c + k * B; i < strip + STRIP; i++, a += stride) {
          s0 += f[a] * f[q + i];
          s1 += f[a + 1] * f[q + i];
        }
        const o = out + j * r + 2 * k;
        f[o] += s0;
        f[o + 1] += s1;
      }
    }
  }
}

/** Adds Σᵢ u[i][0…1] v[i][0…1]ᵀ over the block; rows of u, v and out are `stride` apart. */
function addOuterTile(f: Float64Array, u: number, v: number, stride: number, out: number): void {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  for (let i = 0, a = u, b = v; i < B; i++, a += stride, b += stride) {
    const u0 = f[a];
    const u1 = f[a + 1];
    const v0 = f[b];
    const v1 = f[b + 1];
    s00 += u0 * v0;
    s01 += u0 * v1;
    s10 += u1 * v0;
    s11 += u1 * v1;
  }
  f[out] += s00;
  f[out + 1] += s01;
  f[out + stride] += s10;
  f[out + stride + 1] += s11;
}

function blockDot(f: Float64Array, a: number, b: number): number {
  let s0 = 0;
  let s1 = 0;
  for (let i = 0; i < B; i += 2) {
    s0 += f[a + i] * f[b + i];
    s1 += f[a + i + 1] * f[b + i + 1];
  }
  return s0 + s1;
}
