// assembly/gemm.ts — tall-skinny products of a row block: X·W and Xᵀ·C
//
//   x block   row-major, 96 rows of `stride` doubles (even)
//   paired    entry (j, k) of a d×r matrix at (j>>1)·2r + 2k + (j&1):
//
//             column pair 0              column pair 1
//             | k=0 | k=1 | ... | k=r-1 | k=0 | ...
//             | 0 1 | 0 1 |     |  0 1  | 2 3 |
//
// so one vector of x (two columns) meets one vector of w per k, and one pointer walks W with constant offsets.
import { gather3x3, tile3x3 } from "./fusedTiles";
import { ROW_BYTES, ROWS, addProduct, addPairTo, joinTwo, zero } from "./lanes";

/** Rows of x worked on at a time: they stay in the nearest cache while tiles walk over them. Divides ROWS. */
export const STRIP: usize = 24;
const STRIP_BYTES: usize = STRIP * 8;

/** Rows i…i+5 times one column of W. Order: PAIRED over the columns, as in every tile below. */
// @ts-ignore: decorator
@inline
function tile6x1(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero();
  let x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch, x4 = x3 + pitch, x5 = x4 + pitch;
  while (x < end) {
    const c = v128.load(w);
    s0 = addProduct(s0, v128.load(x), c);
    s1 = addProduct(s1, v128.load(x1), c);
    s2 = addProduct(s2, v128.load(x2), c);
    s3 = addProduct(s3, v128.load(x3), c);
    s4 = addProduct(s4, v128.load(x4), c);
    s5 = addProduct(s5, v128.load(x5), c);
    w += step;
    x += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
    x4 += 16;
    x5 += 16;
  }
  v128.store(z, joinTwo(s0, s1));
  v128.store(z, joinTwo(s2, s3), 16);
  v128.store(z, joinTwo(s4, s5), 32);
}

/** Rows i…i+3 times two columns. */
// @ts-ignore: decorator
@inline
function tile4x2(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  let x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch;
  while (x < end) {
    const c0 = v128.load(w), c1 = v128.load(w, 16);
    let row = v128.load(x);
    a0 = addProduct(a0, row, c0);
    b0 = addProduct(b0, row, c1);
    row = v128.load(x1);
    a1 = addProduct(a1, row, c0);
    b1 = addProduct(b1, row, c1);
    row = v128.load(x2);
    a2 = addProduct(a2, row, c0);
    b2 = addProduct(b2, row, c1);
    row = v128.load(x3);
    a3 = addProduct(a3, row, c0);
    b3 = addProduct(b3, row, c1);
    w += step;
    x += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
  }
  v128.store(z, joinTwo(a0, a1));
  v128.store(z, joinTwo(a2, a3), 16);
  v128.store(z, joinTwo(b0, b1), ROW_BYTES);
  v128.store(z, joinTwo(b2, b3), ROW_BYTES + 16);
}

/** Rows i, i+1 times three (`columns` = 3) or four columns. */
// @ts-ignore: decorator
@inline
function tile2(columns: i32, x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  let y = end;
  while (x < end) {
    const p = v128.load(x), q = v128.load(y);
    let c = v128.load(w);
    a0 = addProduct(a0, p, c);
    b0 = addProduct(b0, q, c);
    c = v128.load(w, 16);
    a1 = addProduct(a1, p, c);
    b1 = addProduct(b1, q, c);
    c = v128.load(w, 32);
    a2 = addProduct(a2, p, c);
    b2 = addProduct(b2, q, c);
    if (columns > 3) {
      c = v128.load(w, 48);
      a3 = addProduct(a3, p, c);
      b3 = addProduct(b3, q, c);
    }
    w += step;
    x += 16;
    y += 16;
  }
  v128.store(z, joinTwo(a0, b0));
  v128.store(z, joinTwo(a1, b1), ROW_BYTES);
  v128.store(z, joinTwo(a2, b2), 2 * ROW_BYTES);
  if (columns > 3) v128.store(z, joinTwo(a3, b3), 3 * ROW_BYTES);
}

function project1(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP_BYTES; z < end; z += 48, x += 6 * pitch) tile6x1(x, pitch, w, step, z);
}
function project2(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP_BYTES; z < end; z += 32, x += 4 * pitch) tile4x2(x, pitch, w, step, z);
}
function project3(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    for (const end = z + STRIP_BYTES; z < end; z += 24, x += 3 * pitch) tile3x3(x, pitch, w, step, z);
    return;
  }
  for (const end = z + STRIP_BYTES; z < end; z += 16, x += 2 * pitch) tile2(3, x, pitch, w, step, z);
}
function project4(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + STRIP_BYTES; z < end; z += 16, x += 2 * pitch) tile2(4, x, pitch, w, step, z);
}

/** Columns to take next of `left`: four at a time, but five as 3 + 2 and six as 3 + 3, never a lone last one. */
// @ts-ignore: decorator
@inline
export function groupOf(left: i32): i32 {
  return left == 5 || left == 6 ? 3 : min(left, 4);
}

/** z[k][i] = Σⱼ x[i][j]·w(j, k), r ≥ 0 columns, w paired. Order: PAIRED over the columns. */
export function project(x: usize, stride: i32, r: i32, w: usize, z: usize): void {
  const pitch = <usize>stride << 3;
  const step = <usize>r << 4;
  for (let strip: usize = 0; strip < ROWS; strip += STRIP) {
    let from = w, to = z;
    for (let left = r; left > 0; ) {
      const taken = groupOf(left);
      if (taken == 1) project1(x, pitch, from, step, to);
      else if (taken == 2) project2(x, pitch, from, step, to);
      else if (taken == 3) project3(x, pitch, from, step, to);
      else project4(x, pitch, from, step, to);
      from += <usize>taken << 4;
      to += <usize>taken * ROW_BYTES;
      left -= taken;
    }
    x += STRIP * pitch;
    z += STRIP_BYTES;
  }
}

/** c[i] of column k, in both lanes. */
// @ts-ignore: decorator
@inline
function weight(c: usize, k: usize): v128 {
  return v128.load64_splat(c + k * ROW_BYTES);
}

/** Six column pairs times one column of C, in registers over the rows of a strip. */
// @ts-ignore: decorator
@inline
function gather6x1(x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero();
  for (const end = c + STRIP_BYTES; c < end; c += 8, x += pitch) {
    const p = weight(c, 0);
    s0 = addProduct(s0, v128.load(x), p);
    s1 = addProduct(s1, v128.load(x, 16), p);
    s2 = addProduct(s2, v128.load(x, 32), p);
    s3 = addProduct(s3, v128.load(x, 48), p);
    s4 = addProduct(s4, v128.load(x, 64), p);
    s5 = addProduct(s5, v128.load(x, 80), p);
  }
  addPairTo(out, s0);
  addPairTo(out + step, s1);
  addPairTo(out + 2 * step, s2);
  out += 3 * step;
  addPairTo(out, s3);
  addPairTo(out + step, s4);
  addPairTo(out + 2 * step, s5);
}

/** Four column pairs times two columns. */
// @ts-ignore: decorator
@inline
function gather4x2(x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  for (const end = c + STRIP_BYTES; c < end; c += 8, x += pitch) {
    const p = weight(c, 0), q = weight(c, 1);
    let row = v128.load(x);
    a0 = addProduct(a0, row, p);
    b0 = addProduct(b0, row, q);
    row = v128.load(x, 16);
    a1 = addProduct(a1, row, p);
    b1 = addProduct(b1, row, q);
    row = v128.load(x, 32);
    a2 = addProduct(a2, row, p);
    b2 = addProduct(b2, row, q);
    row = v128.load(x, 48);
    a3 = addProduct(a3, row, p);
    b3 = addProduct(b3, row, q);
  }
  addPairTo(out, a0);
  addPairTo(out + 16, b0);
  out += step;
  addPairTo(out, a1);
  addPairTo(out + 16, b1);
  out += step;
  addPairTo(out, a2);
  addPairTo(out + 16, b2);
  out += step;
  addPairTo(out, a3);
  addPairTo(out + 16, b3);
}

/** One or two column pairs (`two`) times `columns` ≤ 4 columns, for the few pairs that no tile covers: up to eight sums at a time. */
// @ts-ignore: decorator
@inline
function gatherFew(two: bool, columns: i32, x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  for (const end = c + STRIP_BYTES; c < end; c += 8, x += pitch) {
    const p = v128.load(x);
    const q = two ? v128.load(x, 16) : p;
    let ck = weight(c, 0);
    a0 = addProduct(a0, p, ck);
    if (two) b0 = addProduct(b0, q, ck);
    if (columns > 1) {
      ck = weight(c, 1);
      a1 = addProduct(a1, p, ck);
      if (two) b1 = addProduct(b1, q, ck);
    }
    if (columns > 2) {
      ck = weight(c, 2);
      a2 = addProduct(a2, p, ck);
      if (two) b2 = addProduct(b2, q, ck);
    }
    if (columns > 3) {
      ck = weight(c, 3);
      a3 = addProduct(a3, p, ck);
      if (two) b3 = addProduct(b3, q, ck);
    }
  }
  addPairTo(out, a0);
  if (columns > 1) addPairTo(out + 16, a1);
  if (columns > 2) addPairTo(out + 32, a2);
  if (columns > 3) addPairTo(out + 48, a3);
  if (!two) return;
  out += step;
  addPairTo(out, b0);
  if (columns > 1) addPairTo(out + 16, b1);
  if (columns > 2) addPairTo(out + 32, b2);
  if (columns > 3) addPairTo(out + 48, b3);
}

function gather1(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x < end; x += 96, out += 6 * step) gather6x1(x, pitch, c, out, step);
}
function gatherTwo(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x < end; x += 64, out += 4 * step) gather4x2(x, pitch, c, out, step);
}
function gatherThree(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    for (; x + 48 <= end; x += 48, out += 3 * step) gather3x3(x, pitch, c, c + STRIP_BYTES, out, step);
    if (x == end) return;
    if (x + 16 == end) {
      gatherFew(false, 3, x, pitch, c, out, step);
      return;
    }
  }
  for (; x < end; x += 32, out += 2 * step) gatherFew(true, 3, x, pitch, c, out, step);
}
function gatherFour(x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x < end; x += 32, out += 2 * step) gatherFew(true, 4, x, pitch, c, out, step);
}

/** The pairs from x to `end` that are left of a row: two at a time, then one. */
function gatherRest(taken: i32, x: usize, end: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  for (; x + 16 < end; x += 32, out += 2 * step) {
    if (taken == 1) gatherFew(true, 1, x, pitch, c, out, step);
    else gatherFew(true, 2, x, pitch, c, out, step);
  }
  if (x == end) return;
  if (taken == 1) gatherFew(false, 1, x, pitch, c, out, step);
  else if (taken == 2) gatherFew(false, 2, x, pitch, c, out, step);
  else if (taken == 3) gatherFew(false, 3, x, pitch, c, out, step);
  else gatherFew(false, 4, x, pitch, c, out, step);
}

/** All column pairs of a strip times `taken` columns of C. */
function gatherStrip(taken: i32, x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  // what one tile takes of a row of x
  const bytes: usize = taken == 1 ? 96 : taken == 2 ? 64 : 32;
  const tiled = pitch - pitch % bytes;
  if (taken == 1) gather1(x, x + tiled, pitch, c, out, step);
  else if (taken == 2) gatherTwo(x, x + tiled, pitch, c, out, step);
  else if (taken == 3) gatherThree(x, x + tiled, pitch, c, out, step);
  else gatherFour(x, x + tiled, pitch, c, out, step);
  if (tiled < pitch) gatherRest(taken, x + tiled, x + pitch, pitch, c, out + (tiled >> 4) * step, step);
}

/**
 * out(j, k) += Σᵢ x[i][j]·c[k][i], r ≥ 0 columns, out paired.
 * Order: strips of 24 rows; within a strip IN ORDER over the rows, then added.
 */
export function accumulateTransposed(x: usize, stride: i32, r: i32, c: usize, out: usize): void {
  const pitch = <usize>stride << 3;
  const step = <usize>r << 4;
  for (let strip: usize = 0; strip < ROWS; strip += STRIP) {
    let from = c, to = out;
    for (let left = r; left > 0; ) {
      const taken = groupOf(left);
      gatherStrip(taken, x, pitch, from, to, step);
      from += <usize>taken * ROW_BYTES;
      to += <usize>taken << 4;
      left -= taken;
    }
    x += STRIP * pitch;
    c += STRIP_BYTES;
  }
}
