/** Landmarks: rows spread over the projected data. */
import type { Rng } from "../base/rng.js";

/**
 * k-means++ draws: the first row at random, each further one with probability ∝ its squared distance to the nearest drawn
 * one. Rows that coincide with a drawn one are never drawn, so fewer than `count` may come.
 *
 * @param z - n×r row-major
 * @returns row numbers in the order drawn
 * Source: Arthur & Vassilvitskii (2007). Cost: 3nr·count flops.
 */
export function spreadRows(z: Float64Array, n: number, r: number, count: number, rng: Rng): Int32Array {
  const drawn: number[] = [];
  const distance = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  let next = rng.integer(n);
  while (drawn.length < count) {
    drawn.push(next);
    let total = 0;
    for (let i = 0; i < n; i++) {
      let q = 0;
      for (let k = 0; k < r; k++) q += (z[i * r + k] - z[next * r + k]) ** 2;
      if (q < distance[i]) distance[i] = q;
      total += distance[i];
    }
    if (!(total > 0)) break;
    let left = rng.uniform() * total;
    next = -1;
    for (let i = 0; i < n; i++) {
      if (!(distance[i] > 0)) continue;
      next = i;
      left -= distance[i];
      if (left < 0) break;
    }
  }
  return Int32Array.from(drawn);
}
