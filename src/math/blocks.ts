/** A Hermite expansion at many points at once, through the block operations of the reference kernel. */
import { createFeatureOps } from "../kernel/featureReference.js";
import { BLOCK_ROWS } from "../kernel/ops.js";
import type { Expansion } from "./hermite.js";
import { featureTable, multiIndexTable } from "./multiIndex.js";

/**
 * Writes f(zᵢ) to `values` and, when given, ∇f(zᵢ) to `gradients` (n×r row-major); same bits as `Expansion` point by point.
 *
 * Works in a memory of its own, so that it may be called at any time: a fit may live in the shared machine's.
 *
 * @param coefficients - N(r, D), those of `expansion`
 * @param Z - n×r row-major; nothing is checked
 * Cost: O(n·N) for values, O(n·r·N) with gradients.
 */
export function evaluateBlocks(
  expansion: Expansion,
  coefficients: Float64Array,
  Z: ArrayLike<number>,
  n: number,
  values: Float64Array,
  gradients?: Float64Array,
): void {
  const { rank, degree } = expansion;
  const { size, prefix } = multiIndexTable(rank, degree);
  const r = gradients === undefined ? 0 : rank;
  const derivatives = r > 0 ? expansion.derivatives : new Float64Array(0);
  const B = BLOCK_ROWS;
  let end = 0;
  const take = (doubles: number): number => {
    const at = end;
    end += 8 * (doubles + (doubles & 1));
    return at;
  };
  const z = take(rank * B);
  const h = take(rank * (degree + 1) * B);
  const phi = take(size * B);
  const out = take((1 + r) * B);
  const scale = take(B);
  const c = take(size);
  const ck = take(derivatives.length);
  const table = take(size);
  const buffer = new ArrayBuffer(end);
  const f64 = new Float64Array(buffer);
  const i32 = new Int32Array(buffer);
  const ops = createFeatureOps({ f64, i32 });
  f64.fill(1, scale / 8, scale / 8 + B);
  f64.set(coefficients, c / 8);
  f64.set(derivatives, ck / 8);
  i32.set(featureTable(rank, degree), table / 4);
  for (let from = 0; from < n; from += B) {
    const rows = Math.min(B, n - from);
    for (let k = 0; k < rank; k++) {
      for (let i = 0; i < rows; i++) f64[z / 8 + k * B + i] = Z[(from + i) * rank + k];
    }
    ops.features(z, rank, degree, scale, table, size, h, phi);
    ops.fields(phi, size, c, prefix[degree], r, ck, out);
    values.set(f64.subarray(out / 8, out / 8 + rows), from);
    if (gradients === undefined) continue;
    for (let k = 0; k < r; k++) {
      for (let i = 0; i < rows; i++) gradients[(from + i) * rank + k] = f64[out / 8 + (1 + k) * B + i];
    }
  }
}
