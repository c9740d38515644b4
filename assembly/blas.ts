// assembly/blas.ts — vector primitives on runs of doubles
import { addProduct, join, zero } from "./lanes";

/**
 * Σ aᵢbᵢ over n ≥ 0 doubles.
 *
 * Needs a and b 8-byte aligned. Order: BY FOUR.
 */
export function dot(a: usize, b: usize, n: i32): f64 {
  let s01 = zero();
  let s23 = zero();
  const end = a + (<usize>(n & ~3) << 3);
  while (a < end) {
    s01 = addProduct(s01, v128.load(a), v128.load(b));
    s23 = addProduct(s23, v128.load(a, 16), v128.load(b, 16));
    a += 32;
    b += 32;
  }
  const s = f64x2.add(s01, s23);
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  const last = end + (<usize>(n & 3) << 3);
  while (a < last) {
    sum += load<f64>(a) * load<f64>(b);
    a += 8;
    b += 8;
  }
  return sum;
}

/** Σ aᵢbᵢ over n ≥ 0 doubles, 8-byte aligned. Order: PAIRED. */
export function dotPaired(a: usize, b: usize, n: i32): f64 {
  let s = zero();
  const end = a + (<usize>(n & ~1) << 3);
  while (a < end) {
    s = addProduct(s, v128.load(a), v128.load(b));
    a += 16;
    b += 16;
  }
  const sum = join(s);
  return n & 1 ? sum + load<f64>(a) * load<f64>(b) : sum;
}

/** y += alpha·x over n ≥ 0 doubles. Needs x and y 8-byte aligned. */
export function axpy(alpha: f64, x: usize, y: usize, n: i32): void {
  const factor = f64x2.splat(alpha);
  const end = x + (<usize>(n & ~1) << 3);
  while (x < end) {
    v128.store(y, addProduct(v128.load(y), factor, v128.load(x)));
    x += 16;
    y += 16;
  }
  if (n & 1) store<f64>(y, load<f64>(y) + alpha * load<f64>(x));
}

/** x /= divisor over n ≥ 0 doubles. A true division: the reciprocal would cost the last digit. */
export function divide(x: usize, n: i32, divisor: f64): void {
  const by = f64x2.splat(divisor);
  const end = x + (<usize>(n & ~1) << 3);
  while (x < end) {
    v128.store(x, f64x2.div(v128.load(x), by));
    x += 16;
  }
  if (n & 1) store<f64>(x, load<f64>(x) / divisor);
}

/** max |xᵢ| over n ≥ 0 doubles, 0 for none; NaN if any entry is NaN. */
export function largest(x: usize, n: i32): f64 {
  let result: f64 = 0;
  const end = x + (<usize>n << 3);
  while (x < end) {
    result = max(result, abs(load<f64>(x)));
    x += 8;
  }
  return result;
}
