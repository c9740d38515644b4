/** Triangular solves for a whole row block in plain TypeScript: same orders as assembly/triangular.ts. */

import type { MemoryViews } from "./featureReference.js";
import { BLOCK_ROWS, type KernelOps } from "./ops.js";

const B = BLOCK_ROWS;

export type TriangularOps = Pick<KernelOps, "solveRows" | "backSolveRows">;

/** Binds the reference operations to a memory; views are fetched again at every call. */
export function createTriangularOps(memory: MemoryViews): TriangularOps {
  return {
    /** Sums IN ORDER over the columns before. */
    solveRows(u, p, phi) {
      const f = memory.f64;
      const first = phi >>> 3;
      let c = u >>> 3;
      for (let j = 0, row = first; j < p; c += ++j, row += B) {
        for (let i = 0; i < B; i++) {
          let sum = 0;
          for (let k = 0, at = first + i; k < j; k++, at += B) sum += f[c + k] * f[at];
          f[row + i] = (f[row + i] - sum) / f[c + j];
        }
      }
    },

    /** From the last row up; each solved row is subtracted from those above before the next one. */
    backSolveRows(u, p, phi) {
      const f = memory.f64;
      const first = phi >>> 3;
      for (let j = p - 1; j >= 0; j--) {
        const c = (u >>> 3) + (j * (j + 1)) / 2;
        const row = first + j * B;
        for (let i = 0; i < B; i++) f[row + i] /= f[c + j];
        for (let k = 0, at = first; k < j; k++, at += B) {
          for (let i = 0; i < B; i++) f[at + i] -= f[c + k] * f[row + i];
        }
      }
    },
  };
}
