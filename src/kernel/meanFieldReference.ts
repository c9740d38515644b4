/** The mean-field operations in plain TypeScript: same steps and summation orders as assembly/meanField.ts. */
import { log1p } from "../base/elementary.js";
import type { MemoryViews } from "./featureReference.js";
import { BLOCK_ROWS, type KernelOps } from "./ops.js";

const B = BLOCK_ROWS;
/** Doubles of one P^r of a strip: 16 real paths, or 4 complex ones as [Re α | Im α | Re β | Im β]. */
const STRIP = 16;
const FOUR = 4;

export type MeanFieldOps = Pick<
  KernelOps,
  "pathGradients" | "complexPathGradients" | "pathResponses" | "complexPathResponses"
>;

/** Binds the reference operations to a memory; views are fetched again at every call. */
export function createMeanFieldOps(memory: MemoryViews): MeanFieldOps {
  return {
    pathGradients(u, shift, y, c, g, a) {
      const f = memory.f64;
      const [u0, m0, y0, g0, a0] = [u >>> 3, shift >>> 3, y >>> 3, g >>> 3, a >>> 3];
      let even = 0;
      let odd = 0;
      for (let i = 0; i < B; i++) {
        const xi = f[u0 + i] + f[m0 + i];
        const target = f[y0 + i];
        const s = xi * xi;
        const d = s - target;
        let value: number;
        if (c > 0) {
          const b = c + s + target;
          const w = 2 * target + c;
          f[g0 + i] = (d * xi) / b;
          f[a0 + i] = ((3 * s - target) * b - 2 * s * d) / (b * b);
          value = 0.5 * (d - w * log1p(d / w));
        } else {
          f[g0 + i] = d * xi;
          f[a0 + i] = 3 * s - target;
          value = 0.25 * d * d;
        }
        if (i & 1) odd += value;
        else even += value;
      }
      return even + odd;
    },

    complexPathGradients(u, shift, y, c, g, apart, f1, re, im) {
      const f = memory.f64;
      const [u0, m0, y0, g0, p0, r0, i0] = [u >>> 3, shift >>> 3, y >>> 3, g >>> 3, f1 >>> 3, re >>> 3, im >>> 3];
      const far = apart >>> 3;
      let even = 0;
      let odd = 0;
      for (let i = 0; i < B; i++) {
        const x = f[u0 + i] + f[m0 + i];
        const v = f[u0 + B + i] + f[m0 + B + i];
        const target = f[y0 + i];
        const xx = x * x;
        const vv = v * v;
        const s = xx + vv;
        const d = s - target;
        let rho = d;
        let slope = 1;
        let value: number;
        if (c > 0) {
          const b = c + s + target;
          const w = 2 * target + c;
          rho = d / b;
          slope = w / (b * b);
          value = d - w * log1p(d / w);
        } else {
          value = 0.5 * d * d;
        }
        f[g0 + i] = rho * x;
        f[g0 + far + i] = rho * v;
        f[p0 + i] = rho + slope * s;
        f[r0 + i] = slope * (xx - vv);
        f[i0 + i] = slope * (2 * x * v);
        if (i & 1) odd += value;
        else even += value;
      }
      return even + odd;
    },

    pathResponses(a, t, r, stride, still, slope, tail, scratch, sums) {
      const f = memory.f64;
      const p0 = scratch >>> 3;
      const total = sums >>> 3;
      const last = p0 + t * STRIP;
      for (let i = 0; i < B; i += STRIP) {
        const a0 = (a >>> 3) + i;
        for (let k = 0; k < STRIP; k++) f[last + k] = f[a0 + t * B + k];
        if (t > 0) f[total + t] += pairedSum(f, last, STRIP);
        for (let s = t - 1; s >= 0; s--) {
          const p = p0 + s * STRIP;
          weigh(f, p + STRIP, (r >>> 3) + s * stride + s + 1, t - s, p);
          for (let k = 0; k < STRIP; k++) f[p + k] = f[a0 + s * B + k] * f[p + k];
          if (s > 0) f[total + s] += pairedSum(f, p, STRIP);
        }
        finish(f, p0, (still >>> 3) + 1, t, (slope >>> 3) + i, (tail >>> 3) + i, STRIP, total);
      }
    },

    complexPathResponses(f1, re, im, t, r, stride, still, slope, tail, scratch, sums) {
      const f = memory.f64;
      const p0 = scratch >>> 3;
      const total = sums >>> 3;
      const last = p0 + t * STRIP;
      for (let i = 0; i < B; i += FOUR) {
        const [a0, r0, i0] = [(f1 >>> 3) + i, (re >>> 3) + i, (im >>> 3) + i];
        for (let k = 0; k < FOUR; k++) {
          f[last + k] = f[a0 + t * B + k];
          f[last + FOUR + k] = 0;
          f[last + 2 * FOUR + k] = f[r0 + t * B + k];
          f[last + 3 * FOUR + k] = f[i0 + t * B + k];
        }
        if (t > 0) f[total + t] += pairedSum(f, last, FOUR);
        for (let s = t - 1; s >= 0; s--) {
          const p = p0 + s * STRIP;
          weigh(f, p + STRIP, (r >>> 3) + s * stride + s + 1, t - s, p);
          for (let k = 0; k < FOUR; k++) compose(f, p + k, f[a0 + s * B + k], f[r0 + s * B + k], f[i0 + s * B + k]);
          if (s > 0) f[total + s] += pairedSum(f, p, FOUR);
        }
        finish(f, p0, (still >>> 3) + 1, t, (slope >>> 3) + i, (tail >>> 3) + i, FOUR, total);
      }
    },
  };
}

/** out[0…15] = Σ_{j<count} c[j]·p[j][0…15], IN ORDER from the last j down. */
function weigh(f: Float64Array, p: number, c: number, count: number, out: number): void {
  for (let k = 0; k < STRIP; k++) f[out + k] = 0;
  for (let j = count - 1; j >= 0; j--) {
    const factor = f[c + j];
    const above = p + j * STRIP;
    for (let k = 0; k < STRIP; k++) f[out + k] += factor * f[above + k];
  }
}

/** P ∘ J for one path: (α, β)·(f1, f2). */
function compose(f: Float64Array, p: number, f1: number, re: number, im: number): void {
  const ar = f[p];
  const ai = f[p + FOUR];
  const br = f[p + 2 * FOUR];
  const bi = f[p + 3 * FOUR];
  f[p] = ar * f1 + br * re + bi * im;
  f[p + FOUR] = ai * f1 + bi * re - br * im;
  f[p + 2 * FOUR] = br * f1 + ar * re - ai * im;
  f[p + 3 * FOUR] = bi * f1 + ar * im + ai * re;
}

/** Adds the responses to the field of step 0: slope·P⁰ + tail·Σ still[r]·P^r. */
function finish(
  f: Float64Array,
  p0: number,
  still: number,
  t: number,
  slope: number,
  tail: number,
  count: number,
  total: number,
): void {
  const spare = p0 + (t + 1) * STRIP;
  weigh(f, p0 + STRIP, still, t, spare);
  for (let k = 0; k < count; k++) f[spare + k] = f[slope + k] * f[p0 + k] + f[tail + k] * f[spare + k];
  f[total] += pairedSum(f, spare, count);
}

function pairedSum(f: Float64Array, p: number, count: number): number {
  let even = 0;
  let odd = 0;
  for (let k = 0; k < count; k += 2) {
    even += f[p + k];
    odd += f[p + k + 1];
  }
  return even + odd;
}
