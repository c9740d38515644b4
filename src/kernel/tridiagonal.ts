/** Tridiagonal forms of small symmetric matrices, reduced in a kernel's memory. */
import type { Machine } from "./machine.js";
import type { Address } from "./ops.js";
import type { TridiagonalForm } from "./tridiagonalReference.js";

/**
 * T = QᵀAQ and Qᵀb.
 *
 * @param a - symmetric p×p, packed upper by columns
 * @param matrix - room for a, p(p+1)/2 doubles
 * @param vectors - room for 7p doubles
 * Cost: 4p³/3 flops.
 */
export function tridiagonalForm(
  m: Machine,
  a: Float64Array,
  b: Float64Array,
  matrix: Address,
  vectors: Address,
): TridiagonalForm {
  const p = b.length;
  m.f64.set(a, matrix / 8);
  m.f64.set(b, vectors / 8);
  const diagonal = vectors + 8 * p;
  const beside = diagonal + 8 * p;
  m.ops.tridiagonalize(matrix, p, vectors, diagonal, beside, beside + 8 * p);
  return {
    rotated: m.f64.slice(vectors / 8, diagonal / 8),
    diagonal: m.f64.slice(diagonal / 8, beside / 8),
    beside: m.f64.slice(beside / 8, beside / 8 + Math.max(p - 1, 0)),
  };
}
