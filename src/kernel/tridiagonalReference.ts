/** Reduction to tridiagonal form in plain TypeScript: same orders as assembly/tridiagonal.ts. */

import type { MemoryViews } from "./featureReference.js";
import type { KernelOps } from "./ops.js";
import { addScaled, dotByFour } from "./sums.js";

/** T = QᵀAQ and Qᵀb for an orthogonal Q that is never formed. */
export interface TridiagonalForm {
  readonly diagonal: Float64Array;
  /** n − 1 numbers. */
  readonly beside: Float64Array;
  readonly rotated: Float64Array;
}

/** Binds the reference operation to a memory; views are fetched again at every call. */
export function createTridiagonalOps(memory: MemoryViews): Pick<KernelOps, "tridiagonalize"> {
  return {
    tridiagonalize(a, n, b, diagonal, beside, work) {
      reduceTridiagonal(memory.f64, a >>> 3, n, b >>> 3, diagonal >>> 3, beside >>> 3, work >>> 3);
    },
  };
}

/** `KernelOps.tridiagonalize` on one array, places in doubles. Inner products BY FOUR. */
export function reduceTridiagonal(
  f: Float64Array,
  a: number,
  n: number,
  b: number,
  diagonal: number,
  beside: number,
  work: number,
): void {
  let v = work;
  let w = work + n;
  let x = work + 2 * n;
  let y = work + 3 * n;
  f.fill(0, v, v + 2 * n);
  for (let i = n - 1; i >= 1; i--) {
    const row = a + (i * (i + 1)) / 2;
    for (let k = 0, vi = f[v + i], wi = f[w + i]; k <= i; k++) f[row + k] -= vi * f[w + k] + wi * f[v + k];
    f[diagonal + i] = f[row + i];
    let size = 0;
    for (let k = 0; k < i; k++) size = Math.max(size, Math.abs(f[row + k]));
    let beta = 0;
    if (i === 1 || size === 0) {
      f[beside + i - 1] = f[row + i - 1];
      f.fill(0, x, x + i);
    } else {
      for (let k = 0; k < i; k++) f[x + k] = f[row + k] / size;
      const norm = Math.sqrt(dotByFour(f, x, x, i));
      const last = f[x + i - 1];
      f[x + i - 1] = last + (last < 0 ? -norm : norm);
      f[beside + i - 1] = (last < 0 ? norm : -norm) * size;
      // 2/‖x‖² with ‖x‖² = 2·norm·(norm + |last|)
      beta = 1 / (norm * (norm + Math.abs(last)));
    }
    for (let j = 0, entry = a; j < i; entry += ++j) sweepRow(f, entry, j, v, w, x, y);
    for (let k = 0; k < i; k++) f[y + k] *= beta;
    addScaled(f, -(0.5 * beta * dotByFour(f, y, x, i)), x, y, i);
    addScaled(f, -(beta * dotByFour(f, x, b, i)), x, b, i);
    [v, x] = [x, v];
    [w, y] = [y, w];
  }
  if (n > 0) f[diagonal] = f[a];
}

/** Row j of A after the update v wᵀ + w vᵀ, and its part of y = Ax: the sum over k < j BY FOUR, the diagonal last. */
function sweepRow(f: Float64Array, row: number, j: number, v: number, w: number, x: number, y: number): void {
  const vj = f[v + j];
  const wj = f[w + j];
  const xj = f[x + j];
  for (let k = 0; k < j; k++) {
    const r = f[row + k] - (vj * f[w + k] + wj * f[v + k]);
    f[row + k] = r;
    f[y + k] += xj * r;
  }
  f[row + j] -= vj * wj + wj * vj;
  f[y + j] = dotByFour(f, row, x, j) + f[row + j] * xj;
}
