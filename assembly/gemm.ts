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
import { ROW_BYTES, ROWS, addProduct, addPairTo, joinTwo, zero } from "./lanes";

/** Bytes between the lines that `touch` reads at once. */
const LINE: usize = 64;
/** Where `touch` leaves its result, so that no compiler drops its loads. */
const sink: usize = memory.data(16, 16);

/**
 * Reads one double of every cache line of [p, p + bytes), eight independent loads at a time. Tiles wait for one line
 * after the other when X comes from main memory; this brings a block to the near cache at full bandwidth first.
 */
// @ts-ignore: decorator
@inline
function touch(p: usize, bytes: usize): void {
  let seen: i64 = 0;
  const end = p + bytes - (bytes & (8 * LINE - 1));
  while (p < end) {
    seen |= load<i64>(p) | load<i64>(p, LINE) | load<i64>(p, 2 * LINE) | load<i64>(p, 3 * LINE)
      | load<i64>(p, 4 * LINE) | load<i64>(p, 5 * LINE) | load<i64>(p, 6 * LINE) | load<i64>(p, 7 * LINE);
    p += 8 * LINE;
  }
  store<i64>(sink, seen);
}

/** Rows i…i+7 times one column of W. Order: PAIRED over the columns, as in every tile below. */
// @ts-ignore: decorator
@inline
function tile8x1(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero(), s6 = zero(), s7 = zero();
  let x2 = x + 2 * pitch, x4 = x + 4 * pitch, x6 = x + 6 * pitch;
  while (x < end) {
    const c = v128.load(w);
    s0 = addProduct(s0, v128.load(x), c);
    s1 = addProduct(s1, v128.load(x + pitch), c);
    s2 = addProduct(s2, v128.load(x2), c);
    s3 = addProduct(s3, v128.load(x2 + pitch), c);
    s4 = addProduct(s4, v128.load(x4), c);
    s5 = addProduct(s5, v128.load(x4 + pitch), c);
    s6 = addProduct(s6, v128.load(x6), c);
    s7 = addProduct(s7, v128.load(x6 + pitch), c);
    w += step;
    x += 16;
    x2 += 16;
    x4 += 16;
    x6 += 16;
  }
  v128.store(z, joinTwo(s0, s1));
  v128.store(z, joinTwo(s2, s3), 16);
  v128.store(z, joinTwo(s4, s5), 32);
  v128.store(z, joinTwo(s6, s7), 48);
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
  for (const end = z + ROW_BYTES; z < end; z += 64, x += 8 * pitch) tile8x1(x, pitch, w, step, z);
}
function project2(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + ROW_BYTES; z < end; z += 32, x += 4 * pitch) tile4x2(x, pitch, w, step, z);
}
function project3(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + ROW_BYTES; z < end; z += 16, x += 2 * pitch) tile2(3, x, pitch, w, step, z);
}
function project4(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  for (const end = z + ROW_BYTES; z < end; z += 16, x += 2 * pitch) tile2(4, x, pitch, w, step, z);
}

/**
 * z[k][i] = Σⱼ x[i][j]·w(j, k), r ≥ 0 columns, w paired. Order: PAIRED over the columns.
 * Columns are taken four at a time; five and six as 3 + 2 and 3 + 3.
 */
export function project(x: usize, stride: i32, r: i32, w: usize, z: usize): void {
  const pitch = <usize>stride << 3;
  const step = <usize>r << 4;
  touch(x, ROWS * pitch);
  while (r > 0) {
    let taken = r == 5 || r == 6 ? 3 : min(r, 4);
    if (taken == 1) project1(x, pitch, w, step, z);
    else if (taken == 2) project2(x, pitch, w, step, z);
    else if (taken == 3) project3(x, pitch, w, step, z);
    else project4(x, pitch, w, step, z);
    w += <usize>taken << 4;
    z += <usize>taken * ROW_BYTES;
    r -= taken;
  }
}

/** c[row] of column k, in both lanes. */
// @ts-ignore: decorator
@inline
function weight(c: usize, k: usize, row: usize): v128 {
  return v128.load64_splat(c + k * ROW_BYTES + 8 * row);
}

/** (x0·c0 + x1·c1) + (x2·c2 + x3·c3) */
// @ts-ignore: decorator
@inline
function fourProducts(x0: v128, x1: v128, x2: v128, x3: v128, c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  return f64x2.add(addProduct(f64x2.mul(x0, c0), x1, c1), addProduct(f64x2.mul(x2, c2), x3, c3));
}

/** Rows i…i+3 into `columns` ≤ 3 columns of `out`. */
// @ts-ignore: decorator
@inline
function scatter4(columns: i32, x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  const a0 = weight(c, 0, 0), a1 = weight(c, 0, 1), a2 = weight(c, 0, 2), a3 = weight(c, 0, 3);
  let b0 = a0, b1 = a1, b2 = a2, b3 = a3, d0 = a0, d1 = a1, d2 = a2, d3 = a3;
  if (columns > 1) {
    b0 = weight(c, 1, 0);
    b1 = weight(c, 1, 1);
    b2 = weight(c, 1, 2);
    b3 = weight(c, 1, 3);
  }
  if (columns > 2) {
    d0 = weight(c, 2, 0);
    d1 = weight(c, 2, 1);
    d2 = weight(c, 2, 2);
    d3 = weight(c, 2, 3);
  }
  const end = x + pitch;
  let y1 = x + pitch, y2 = y1 + pitch, y3 = y2 + pitch;
  while (x < end) {
    const x0 = v128.load(x), x1 = v128.load(y1), x2 = v128.load(y2), x3 = v128.load(y3);
    addPairTo(out, fourProducts(x0, x1, x2, x3, a0, a1, a2, a3));
    if (columns > 1) addPairTo(out + 16, fourProducts(x0, x1, x2, x3, b0, b1, b2, b3));
    if (columns > 2) addPairTo(out + 32, fourProducts(x0, x1, x2, x3, d0, d1, d2, d3));
    out += step;
    x += 16;
    y1 += 16;
    y2 += 16;
    y3 += 16;
  }
}

function scatter(columns: i32, x: usize, pitch: usize, c: usize, out: usize, step: usize): void {
  const end = c + ROW_BYTES;
  if (columns == 1) {
    for (; c < end; c += 32, x += 4 * pitch) scatter4(1, x, pitch, c, out, step);
  } else if (columns == 2) {
    for (; c < end; c += 32, x += 4 * pitch) scatter4(2, x, pitch, c, out, step);
  } else {
    for (; c < end; c += 32, x += 4 * pitch) scatter4(3, x, pitch, c, out, step);
  }
}

/**
 * out(j, k) += Σᵢ x[i][j]·c[k][i], r ≥ 0 columns, out paired.
 * Order: groups of 4 rows, out += (x0·c0 + x1·c1) + (x2·c2 + x3·c3).
 */
export function accumulateTransposed(x: usize, stride: i32, r: i32, c: usize, out: usize): void {
  const pitch = <usize>stride << 3;
  const step = <usize>r << 4;
  touch(x, ROWS * pitch);
  while (r > 0) {
    const taken = r == 4 ? 2 : min(r, 3);
    scatter(taken, x, pitch, c, out, step);
    c += <usize>taken * ROW_BYTES;
    out += <usize>taken << 4;
    r -= taken;
  }
}
