// assembly/single.ts — tall-skinny products of a row block in single precision: X·W and Xᵀ·C
//
//   x block   row-major, 96 rows of `stride` floats (a multiple of four)
//   quads     entry (j, k) of a d×r matrix of floats at (j>>2)·4r + 4k + (j&3)
//
// Products and short sums are floats, four to a vector; z and the result of XᵀC are doubles. Orders, every step rounded to
// single precision:
//   z         four partial sums by column mod 4, joined as (s0 + s2) + (s1 + s3), then widened
//   XᵀC       strips of 24 rows; within a strip IN ORDER over the rows, then widened and added to the double
import { STRIP, groupOf } from "./gemm";
import { ROWS, ROW_BYTES, addPairTo } from "./lanes";

/** C of a group of up to four columns as floats. */
const narrow: usize = memory.data(4 * 96 * 4, 16);
const NARROW_ROW: usize = ROWS * 4;

// @ts-ignore: decorator
@inline
function none(): v128 {
  return f32x4.splat(0);
}

/** sum + a·b, rounded twice unless the binary may fuse them. */
// @ts-ignore: decorator
@inline
function add(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline
function joined(s: v128): f64 {
  const halves = f32x4.add(s, v128.shuffle<f32>(s, s, 2, 3, 2, 3));
  return <f64>(f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1));
}

// @ts-ignore: decorator
@inline
function store2(z: usize, a: v128, b: v128): void {
  store<f64>(z, joined(a));
  store<f64>(z, joined(b), 8);
}

/** Rows i, i+1 times `columns` ≤ 4 columns. */
// @ts-ignore: decorator
@inline
function tile(columns: i32, x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let a0 = none(), a1 = none(), a2 = none(), a3 = none();
  let b0 = none(), b1 = none(), b2 = none(), b3 = none();
  let y = end;
  while (x < end) {
    const p = v128.load(x), q = v128.load(y);
    let c = v128.load(w);
    a0 = add(a0, p, c);
    b0 = add(b0, q, c);
    if (columns > 1) {
      c = v128.load(w, 16);
      a1 = add(a1, p, c);
      b1 = add(b1, q, c);
    }
    if (columns > 2) {
      c = v128.load(w, 32);
      a2 = add(a2, p, c);
      b2 = add(b2, q, c);
    }
    if (columns > 3) {
      c = v128.load(w, 48);
      a3 = add(a3, p, c);
      b3 = add(b3, q, c);
    }
    w += step;
    x += 16;
    y += 16;
  }
  store2(z, a0, b0);
  if (columns > 1) store2(z + ROW_BYTES, a1, b1);
  if (columns > 2) store2(z + 2 * ROW_BYTES, a2, b2);
  if (columns > 3) store2(z + 3 * ROW_BYTES, a3, b3);
}

function strip1(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP * 8; z < end; z += 16, x += 2 * pitch) tile(1, x, pitch, w, step, z);
}
function strip2(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP * 8; z < end; z += 16, x += 2 * pitch) tile(2, x, pitch, w, step, z);
}
function strip3(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP * 8; z < end; z += 16, x += 2 * pitch) tile(3, x, pitch, w, step, z);
}
function strip4(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP * 8; z < end; z += 16, x += 2 * pitch) tile(4, x, pitch, w, step, z);
}

/** z[k][i] = Σⱼ x[i][j]·w(j, k), r ≥ 0 columns, w in quads, z in doubles. */
export function projectSingle(x: usize, stride: i32, r: i32, w: usize, z: usize): void {
  const pitch = <usize>stride << 2;
  const step = <usize>r << 4;
  for (let strip: usize = 0; strip < ROWS; strip += STRIP) {
    let from = w, to = z;
    for (let left = r; left > 0; ) {
      const taken = groupOf(left);
      if (taken == 1) strip1(x, pitch, from, step, to);
      else if (taken == 2) strip2(x, pitch, from, step, to);
      else if (taken == 3) strip3(x, pitch, from, step, to);
      else strip4(x, pitch, from, step, to);
      from += <usize>taken << 4;
      to += <usize>taken * ROW_BYTES;
      left -= taken;
    }
    x += STRIP * pitch;
    z += STRIP * 8;
  }
}

/** Adds four floats, widened, to two pairs of the result that lie `step` apart. */
// @ts-ignore: decorator
@inline
function widen(out: usize, step: usize, s: v128): void {
  addPairTo(out, f64x2.promote_low_f32x4(s));
  addPairTo(out + step, f64x2.promote_low_f32x4(v128.shuffle<f32>(s, s, 2, 3, 2, 3)));
}

/** Four or eight (`two`) columns of X times `columns` ≤ 4 columns of C over a strip. */
// @ts-ignore: decorator
@inline
function gather(two: bool, columns: i32, x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  let a0 = none(), a1 = none(), a2 = none(), a3 = none();
  let b0 = none(), b1 = none(), b2 = none(), b3 = none();
  for (const end = c + STRIP * 4; c < end; c += 4, x += pitch) {
    const p = v128.load(x);
    const q = two ? v128.load(x, 16) : p;
    let ck = v128.load32_splat(c);
    a0 = add(a0, p, ck);
    if (two) b0 = add(b0, q, ck);
    if (columns > 1) {
      ck = v128.load32_splat(c, 4 * 96);
      a1 = add(a1, p, ck);
      if (two) b1 = add(b1, q, ck);
    }
    if (columns > 2) {
      ck = v128.load32_splat(c, 8 * 96);
      a2 = add(a2, p, ck);
      if (two) b2 = add(b2, q, ck);
    }
    if (columns > 3) {
      ck = v128.load32_splat(c, 12 * 96);
      a3 = add(a3, p, ck);
      if (two) b3 = add(b3, q, ck);
    }
  }
  widen(out, step, a0);
  if (columns > 1) widen(out + 16, step, a1);
  if (columns > 2) widen(out + 32, step, a2);
  if (columns > 3) widen(out + 48, step, a3);
  if (!two) return;
  out += 2 * step;
  widen(out, step, b0);
  if (columns > 1) widen(out + 16, step, b1);
  if (columns > 2) widen(out + 32, step, b2);
  if (columns > 3) widen(out + 48, step, b3);
}

function gather1(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x + 16 < end; x += 32, out += 4 * step) gather(true, 1, x, pitch, c, out, step);
  if (x < end) gather(false, 1, x, pitch, c, out, step);
}
function gather2(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x + 16 < end; x += 32, out += 4 * step) gather(true, 2, x, pitch, c, out, step);
  if (x < end) gather(false, 2, x, pitch, c, out, step);
}
function gather3(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x + 16 < end; x += 32, out += 4 * step) gather(true, 3, x, pitch, c, out, step);
  if (x < end) gather(false, 3, x, pitch, c, out, step);
}
function gather4(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x + 16 < end; x += 32, out += 4 * step) gather(true, 4, x, pitch, c, out, step);
  if (x < end) gather(false, 4, x, pitch, c, out, step);
}

/** out(j, k) += Σᵢ x[i][j]·c[k][i], r ≥ 0 columns, c in doubles and rounded here, out paired in doubles. */
export function transposeSingle(x: usize, stride: i32, r: i32, c: usize, out: usize): void {
  const pitch = <usize>stride << 2;
  const step = <usize>r << 4;
  for (let strip: usize = 0; strip < ROWS; strip += STRIP) {
    let from = c, to = out;
    for (let left = r; left > 0; ) {
      const taken = groupOf(left);
      for (let k: usize = 0; k < <usize>taken; k++) {
        for (let i: usize = 0; i < STRIP; i++) {
          store<f32>(narrow + k * NARROW_ROW + (i << 2), <f32>load<f64>(from + k * ROW_BYTES + (i << 3)));
        }
      }
      if (taken == 1) gather1(x, x + pitch, pitch, narrow, to, step);
      else if (taken == 2) gather2(x, x + pitch, pitch, narrow, to, step);
      else if (taken == 3) gather3(x, x + pitch, pitch, narrow, to, step);
      else gather4(x, x + pitch, pitch, narrow, to, step);
      from += <usize>taken * ROW_BYTES;
      to += <usize>taken << 4;
      left -= taken;
    }
    x += STRIP * pitch;
    c += STRIP * 8;
  }
}
