/** A symmetric matrix brought to tridiagonal form once, then solved and traced at any shift in O(n). */
import { reduceTridiagonal, type TridiagonalForm } from "../kernel/tridiagonalReference.js";

export type { TridiagonalForm };

/**
 * Householder reduction in plain TypeScript; `Workspace.tridiagonalize` gives the same bits from a kernel.
 *
 * @param a - symmetric n×n, packed upper by columns
 * @param b - n numbers
 * Source: Golub & Van Loan, §8.3. Cost: 4n³/3 flops, an eighth of a full eigendecomposition.
 */
export function tridiagonalize(a: Float64Array, b: Float64Array): TridiagonalForm {
  const n = b.length;
  const diagonal = a.length + n;
  const beside = diagonal + n;
  const f = new Float64Array(beside + 5 * n);
  f.set(a);
  f.set(b, a.length);
  reduceTridiagonal(f, 0, n, a.length, diagonal, beside, beside + n);
  return {
    diagonal: f.slice(diagonal, beside),
    beside: f.slice(beside, beside + Math.max(n - 1, 0)),
    rotated: f.slice(a.length, diagonal),
  };
}

/** (T + shift)⁻¹b for a positive definite T + shift. Cost: O(n). */
export function solveShifted({ diagonal, beside }: TridiagonalForm, shift: number, b: Float64Array): Float64Array {
  const n = diagonal.length;
  const pivots = new Float64Array(n);
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    const factor = i > 0 ? beside[i - 1] / pivots[i - 1] : 0;
    pivots[i] = diagonal[i] + shift - (i > 0 ? factor * beside[i - 1] : 0);
    if (i > 0) x[i] -= factor * x[i - 1];
  }
  for (let i = n - 1; i >= 0; i--) {
    x[i] = (i + 1 < n ? x[i] - beside[i] * x[i + 1] : x[i]) / pivots[i];
  }
  return x;
}

/** tr (T + shift)⁻¹ for a positive definite T + shift, from the pivots of both directions of elimination. Cost: O(n). */
export function inverseTrace({ diagonal, beside }: TridiagonalForm, shift: number): number {
  const n = diagonal.length;
  const down = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    down[i] = diagonal[i] + shift - (i > 0 ? (beside[i - 1] / down[i - 1]) * beside[i - 1] : 0);
  }
  let up = 0;
  let trace = 0;
  for (let i = n - 1; i >= 0; i--) {
    up = diagonal[i] + shift - (i + 1 < n ? (beside[i] / up) * beside[i] : 0);
    trace += 1 / (down[i] + up - (diagonal[i] + shift));
  }
  return trace;
}

/** T·v. */
export function timesTridiagonal({ diagonal, beside }: TridiagonalForm, v: Float64Array): Float64Array {
  const n = diagonal.length;
  return v.map(
    (x, i) => diagonal[i] * x + (i > 0 ? beside[i - 1] * v[i - 1] : 0) + (i + 1 < n ? beside[i] * v[i + 1] : 0),
  );
}
