// assembly/gram.ts — adds one row block to the packed ΦᵀΦ and to Φᵀy
//
//   packed upper by columns: entry (i, j), i ≤ j, at j(j+1)/2 + i
//
//        j=0  j=1  j=2  j=3          tiles of 4 rows i × 2 columns j, down to the diagonal:
//   i=0   0    1    3    6             |----|
//   i=1        2    4    7             | 4x2|  the last tile of a column pair reaches past the
//   i=2             5    8             |----|  diagonal; those entries are computed and dropped
//   i=3                  9
import { ROW_BYTES, addPairTo, addProduct, addTo, join, joinTwo, zero } from "./lanes";

/** Address of entry (0, j). */
// @ts-ignore: decorator
@inline
function columnOf(gram: usize, j: i32): usize {
  return gram + (((<usize>j * (<usize>j + 1)) >> 1) << 3);
}

/** One entry at a time, for the few that no tile covers. Order: PAIRED over the rows, as in every tile. */
function blockDot(a: usize, b: usize): f64 {
  let s = zero();
  for (const end = a + ROW_BYTES; a < end; a += 16, b += 16) s = addProduct(s, v128.load(a), v128.load(b));
  return join(s);
}

/** Adds those of the entries (i, j), (i + 1, j) that are new (index ≥ from) and not below the diagonal. */
// @ts-ignore: decorator
@inline
function addTwo(column: usize, i: i32, from: i32, j: i32, sums: v128): void {
  if (i >= from && i <= j) addTo(column + (<usize>i << 3), f64x2.extract_lane(sums, 0));
  if (i + 1 >= from && i + 1 <= j) addTo(column + (<usize>(i + 1) << 3), f64x2.extract_lane(sums, 1));
}

/** Entries (i…i+3, j…j+1). Rows below `from` were added by an earlier tile. Eight sums and six operands: more would spill. */
function tile(phi: usize, i: i32, from: i32, j: i32, gram: usize): void {
  let a = phi + <usize>i * ROW_BYTES;
  let b = phi + <usize>j * ROW_BYTES;
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  let t0 = zero(), t1 = zero(), t2 = zero(), t3 = zero();
  const end = a + ROW_BYTES;
  while (a < end) {
    const p = v128.load(b), q = v128.load(b, ROW_BYTES);
    let row = v128.load(a);
    s0 = addProduct(s0, row, p);
    t0 = addProduct(t0, row, q);
    row = v128.load(a, ROW_BYTES);
    s1 = addProduct(s1, row, p);
    t1 = addProduct(t1, row, q);
    row = v128.load(a, 2 * ROW_BYTES);
    s2 = addProduct(s2, row, p);
    t2 = addProduct(t2, row, q);
    row = v128.load(a, 3 * ROW_BYTES);
    s3 = addProduct(s3, row, p);
    t3 = addProduct(t3, row, q);
    a += 16;
    b += 16;
  }
  const s01 = joinTwo(s0, s1), s23 = joinTwo(s2, s3), t01 = joinTwo(t0, t1), t23 = joinTwo(t2, t3);
  const column = columnOf(gram, j);
  const next = columnOf(gram, j + 1);
  if (from == i && i + 3 <= j) {
    const at = <usize>i << 3;
    addPairTo(column + at, s01);
    addPairTo(column + at + 16, s23);
    addPairTo(next + at, t01);
    addPairTo(next + at + 16, t23);
    return;
  }
  addTwo(column, i, from, j, s01);
  addTwo(column, i + 2, from, j, s23);
  addTwo(next, i, from, j + 1, t01);
  addTwo(next, i + 2, from, j + 1, t23);
}

/**
 * gram(i, j) += Σ phi[i]·phi[j] over the block, i ≤ j < p.
 *
 * Where p is no multiple of the tile, the last tile is moved back into range and adds only its new entries: no
 * remainder loop, and nothing is read past phi[p−1]. Order: PAIRED over the rows, then added.
 */
export function accumulateGram(phi: usize, p: i32, gram: usize): void {
  if (p < 4) {
    for (let j = 0; j < p; j++) {
      for (let i = 0; i <= j; i++) {
        addTo(gram, blockDot(phi + <usize>i * ROW_BYTES, phi + <usize>j * ROW_BYTES));
        gram += 8;
      }
    }
    return;
  }
  // Of an odd number of columns the shortest is the odd one out.
  if ((p & 1) == 1) addTo(gram, blockDot(phi, phi));
  for (let j = p & 1; j < p; j += 2) {
    for (let i = 0; i <= j + 1; i += 4) tile(phi, min(i, p - 4), i, j, gram);
  }
}

/** moment[j] += Σ phi[j]·y over the block. Order: PAIRED over the rows, then added. */
export function accumulateMoment(phi: usize, p: i32, y: usize, moment: usize): void {
  let left = p;
  for (; left >= 4; left -= 4) {
    let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
    for (let o: usize = 0; o < ROW_BYTES; o += 16) {
      const q = v128.load(y + o);
      s0 = addProduct(s0, v128.load(phi), q);
      s1 = addProduct(s1, v128.load(phi, ROW_BYTES), q);
      s2 = addProduct(s2, v128.load(phi, 2 * ROW_BYTES), q);
      s3 = addProduct(s3, v128.load(phi, 3 * ROW_BYTES), q);
      phi += 16;
    }
    addPairTo(moment, joinTwo(s0, s1));
    addPairTo(moment + 16, joinTwo(s2, s3));
    phi += 3 * ROW_BYTES;
    moment += 32;
  }
  for (; left > 0; left--) {
    addTo(moment, blockDot(phi, y));
    phi += ROW_BYTES;
    moment += 8;
  }
}
