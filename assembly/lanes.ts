// assembly/lanes.ts — inline f64x2 helpers and the summation orders everything uses
//
// src/kernel/reference.ts repeats every order to the last bit; changing one side without the other breaks
// test/kernel/ops-parity.test.ts. Every sum starts from +0.
//   PAIRED    two partial sums over even and odd positions (the lanes of one vector), joined as s0 + s1;
//             an odd tail element is added after that
//   BY FOUR   four partial sums by position mod 4 (two vectors), joined as (s0 + s2) + (s1 + s3), then the tail
//             from left to right
//   IN ORDER  one sum, left to right (vectors run along independent results)
//
// V8 keeps at most 15 vectors in registers and spills early: no tile here has more than 12 live vectors, and loops over
// tiles are not unrolled. Loads with constant offsets cost no address arithmetic.

/** Rows of a block; a multiple of every row tile. */
export const ROWS: usize = 96;
/** Bytes of one row of a feature-major array. */
export const ROW_BYTES: usize = ROWS * 8;

// @ts-ignore: decorator
@inline
export function zero(): v128 {
  return f64x2.splat(0);
}

/**
 * sum + a·b, rounded twice: fused operations would differ from the reference. Only the second binary, which promises no
 * bits, lets the processor fuse them.
 */
// @ts-ignore: decorator
@inline
export function addProduct(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, sum);
  return f64x2.add(sum, f64x2.mul(a, b));
}

/** The PAIRED sum of a vector of partial sums. */
// @ts-ignore: decorator
@inline
export function join(sums: v128): f64 {
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
}

/** The PAIRED sums of two vectors of partial sums, side by side. */
// @ts-ignore: decorator
@inline
export function joinTwo(a: v128, b: v128): v128 {
  return f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
}

/** *p += value for one double. */
// @ts-ignore: decorator
@inline
export function addTo(p: usize, value: f64): void {
  store<f64>(p, load<f64>(p) + value);
}

/** *p += value for two doubles. */
// @ts-ignore: decorator
@inline
export function addPairTo(p: usize, value: v128): void {
  v128.store(p, f64x2.add(v128.load(p), value));
}
