// assembly/qr.ts — thin QR of a d×r matrix stored by columns, modified Gram–Schmidt with reorthogonalization
import { axpy, divide, dot, largest } from "./blas";
import { OK, failedAt } from "./status";

/** Columns whose largest entry lies outside [TINY, HUGE] are divided by it first, so that no square leaves the range. */
const TINY: f64 = 1e-140;
const HUGE: f64 = 1e140;

/**
 * W = QR in place: Q has orthonormal columns, R (row-major r×r, positive diagonal, zeros below) goes to `rOut`.
 * Two passes of Gram–Schmidt per column make Q orthonormal to working precision ("twice is enough").
 * Returns OK or failedAt(column) for a column that is zero, not finite, or within 4(d + 8)ε of the span of those before
 * it. Order: inner products BY FOUR.
 */
export function thinQr(w: usize, d: i32, r: i32, rOut: usize): i32 {
  const pitch = <usize>d << 3;
  const step = <usize>r << 3;
  memory.fill(rOut, 0, <usize>r * step);
  let column = w;
  for (let k = 0; k < r; k++, column += pitch) {
    const size = largest(column, d);
    let unit: f64 = 1;
    if (!(size >= TINY && size <= HUGE)) {
      if (!(size > 0 && size < Infinity)) return failedAt(k);
      unit = size;
      divide(column, d, unit);
    }
    const before = sqrt<f64>(dot(column, column, d));
    const entry = rOut + (<usize>k << 3);
    for (let pass = 0; pass < 2; pass++) {
      let other = w;
      for (let l = 0; l < k; l++, other += pitch) {
        const s = dot(other, column, d);
        axpy(-s, other, column, d);
        const at = entry + <usize>l * step;
        store<f64>(at, load<f64>(at) + s);
      }
    }
    const norm = sqrt<f64>(dot(column, column, d));
    if (!(norm > 4 * <f64>(d + 8) * f64.EPSILON * before)) return failedAt(k);
    divide(column, d, norm);
    store<f64>(entry + <usize>k * step, norm);
    for (let l = 0; l <= k; l++) {
      const at = entry + <usize>l * step;
      store<f64>(at, load<f64>(at) * unit);
    }
  }
  return OK;
}
