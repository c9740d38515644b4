/** Products with X in single precision in plain TypeScript: same orders as assembly/single.ts. */
import type { MemoryViews } from "./featureReference.js";
import { BLOCK_ROWS, type KernelOps } from "./ops.js";

const B = BLOCK_ROWS;
const STRIP = 24;
const { fround } = Math;

/** Binds the operations to a memory; views are fetched again at every call. */
export function createSingleOps(memory: MemoryViews): Pick<KernelOps, "projectSingle" | "transposeSingle"> {
  const floats = (): Float32Array => {
    const { f64 } = memory;
    return new Float32Array(f64.buffer, f64.byteOffset, 2 * f64.length);
  };
  return {
    /** Four partial sums by column mod 4, joined as (s0 + s2) + (s1 + s3), every step rounded. */
    projectSingle(x, stride, r, w, z) {
      const f = floats();
      const out = memory.f64;
      const s = new Float32Array(4);
      for (let k = 0; k < r; k++) {
        for (let i = 0, a = x >>> 2; i < B; i++, a += stride) {
          s.fill(0);
          for (let j = 0, b = (w >>> 2) + 4 * k; j < stride; j++) {
            s[j & 3] += fround(f[a + j] * f[b + (j & 3)]);
            if ((j & 3) === 3) b += 4 * r;
          }
          out[(z >>> 3) + k * B + i] = fround(fround(s[0] + s[2]) + fround(s[1] + s[3]));
        }
      }
    },

    /** Strips of 24 rows; within a strip IN ORDER over the rows, every step rounded, then added to the double. */
    transposeSingle(x, stride, r, c, out) {
      const f = floats();
      const d = memory.f64;
      const x0 = x >>> 2;
      for (let strip = 0; strip < B; strip += STRIP) {
        for (let j = 0; j < stride; j++) {
          for (let k = 0; k < r; k++) {
            let sum = 0;
            for (let i = strip; i < strip + STRIP; i++) {
              sum = fround(sum + fround(f[x0 + i * stride + j] * fround(d[(c >>> 3) + k * B + i])));
            }
            d[(out >>> 3) + (j >> 1) * 2 * r + 2 * k + (j & 1)] += sum;
          }
        }
      }
    },
  };
}
