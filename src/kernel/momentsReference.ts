/** Products of two families of rows in plain TypeScript: same orders as assembly/moments.ts. */

import type { MemoryViews } from "./featureReference.js";
import { BLOCK_ROWS, type KernelOps } from "./ops.js";

const B = BLOCK_ROWS;

/** Binds the reference operation to a memory; views are fetched again at every call. */
export function createMomentOps(memory: MemoryViews): Pick<KernelOps, "accumulateProducts" | "combineSums"> {
  return {
    /** PAIRED over the rows; the block's sum is then added to the entry. */
    accumulateProducts(a, groups, b, widths, out) {
      const f = memory.f64;
      const w = memory.i32;
      let o = out >>> 3;
      for (let g = 0, row = a >>> 3; g < groups; g++, row += 4 * B) {
        const end = (b >>> 3) + 2 * w[(widths >>> 2) + g] * B;
        for (let column = b >>> 3; column < end; column += 2 * B) {
          for (let i = 0; i < 4; i++) {
            for (let j = 0; j < 2; j++, o++) {
              let s0 = 0;
              let s1 = 0;
              for (let p = row + i * B, q = column + j * B, last = p + B; p < last; p += 2, q += 2) {
                s0 += f[p] * f[q];
                s1 += f[p + 1] * f[q + 1];
              }
              f[o] += s0 + s1;
            }
          }
        }
      }
    },

    /** In the order of the terms. */
    combineSums(sums, terms, places, factors, entries, count, out) {
      const f = memory.f64;
      const i = memory.i32;
      const s = sums >>> 3;
      const p = places >>> 2;
      const c = factors >>> 3;
      const e = (entries >>> 2) - count;
      const o = out >>> 3;
      for (let t = 0; t < count; t++) f[o + t] = f[c + t] * f[s + i[p + t]];
      for (let t = count; t < terms; t++) f[o + i[e + t]] += f[c + t] * f[s + i[p + t]];
    },
  };
}
