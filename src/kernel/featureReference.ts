/** Hermite features and their combinations in plain TypeScript: same orders as assembly/. All that predictions need of the kernels. */
import { BLOCK_ROWS, type KernelOps } from "./ops.js";

/** Views of one flat memory; getters may return new views after the buffer behind them was replaced. */
export interface MemoryViews {
  readonly f64: Float64Array;
  readonly i32: Int32Array;
}

const B = BLOCK_ROWS;

/** Binds the operations to a memory; views are fetched again at every call. */
export function createFeatureOps(memory: MemoryViews): Pick<KernelOps, "hermite" | "features" | "fields"> {
  return {
    hermite(z, scale, degree, h) {
      const f = memory.f64;
      f.copyWithin(h >>> 3, scale >>> 3, (scale >>> 3) + B);
      recur(f, z >>> 3, degree, h >>> 3);
    },

    features(z, r, degree, scale, table, p, h, phi) {
      const f = memory.f64;
      const pairs = memory.i32;
      const h0 = h >>> 3;
      const phi0 = phi >>> 3;
      const s = scale >>> 3;
      const t = table >>> 2;
      for (let k = 0; k < r; k++) {
        const o = h0 + k * (degree + 1) * B;
        f.fill(1, o, o + B);
        recur(f, (z >>> 3) + k * B, degree, o);
      }
      for (let i = 0; i < B; i++) f[phi0 + i] = f[s + i];
      for (let j = 1; j < p; j++) {
        const a = phi0 + pairs[t + 2 * j] * B;
        const b = h0 + pairs[t + 2 * j + 1] * B;
        const o = phi0 + j * B;
        for (let i = 0; i < B; i++) f[o + i] = f[a + i] * f[b + i];
      }
    },

    /** IN ORDER over the features. */
    fields(phi, p, c, prefix, r, ck, out) {
      const f = memory.f64;
      combineFeatures(f, phi >>> 3, p, c >>> 3, 1, out >>> 3);
      for (let k = 0; k < r; k++) {
        combineFeatures(f, phi >>> 3, prefix, (ck >>> 3) + k, r, (out >>> 3) + (1 + k) * B);
      }
    },
  };
}

/**
 * h[1…degree] from h[0] = scale: h[1] = z·scale, then h_{m+1} = (z·h_m − √m·h_{m−1})·(1/√(m+1)); the reciprocal is rounded
 * once per degree, not once per row.
 */
function recur(f: Float64Array, z: number, degree: number, h: number): void {
  if (degree > 0) for (let i = 0; i < B; i++) f[h + B + i] = f[z + i] * f[h + i];
  for (let m = 1; m < degree; m++) {
    const root = Math.sqrt(m);
    const inverse = 1 / Math.sqrt(m + 1);
    const q = h + m * B;
    for (let i = 0; i < B; i++) f[q + B + i] = (f[z + i] * f[q + i] - root * f[q - B + i]) * inverse;
  }
}

/** out[i] = Σ_{j<count} c[j·step]·phi[j][i], row by row of Phi so that memory is read in sequence. */
function combineFeatures(f: Float64Array, phi: number, count: number, c: number, step: number, out: number): void {
  f.fill(0, out, out + B);
  for (let j = 0, a = phi; j < count; j++, a += B) {
    const cj = f[c + j * step];
    for (let i = 0; i < B; i++) f[out + i] += cj * f[a + i];
  }
}
