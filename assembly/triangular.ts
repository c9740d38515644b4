// assembly/triangular.ts — triangular solves for a whole row block
//
//   packed upper U by columns, feature-major phi: column j of U meets the rows phi[0…j−1] that are already solved
//
//        phi[j] ← (phi[j] − Σ_{k<j} U(k, j)·phi[k]) / U(j, j)
//
//   tiles of 4 columns j × 4 rows of the block: eight sums, two operands and one factor in registers
import { ROWS, ROW_BYTES, addProduct, zero } from "./lanes";

/** Address of entry (0, j). */
// @ts-ignore: decorator
@inline
function columnOf(u: usize, j: i32): usize {
  return u + (((<usize>j * (<usize>j + 1)) >> 1) << 3);
}

/** (phi − sum)/diagonal at two rows. */
// @ts-ignore: decorator
@inline
function finish(phi: usize, sum: v128, diagonal: usize): v128 {
  const solved = f64x2.div(f64x2.sub(v128.load(phi), sum), v128.load64_splat(diagonal));
  v128.store(phi, solved);
  return solved;
}

/** Columns j…j+3 of four rows of the block. */
function four(u: usize, j: i32, phi: usize): void {
  let c0 = columnOf(u, j), c1 = columnOf(u, j + 1), c2 = columnOf(u, j + 2), c3 = columnOf(u, j + 3);
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  let t0 = zero(), t1 = zero(), t2 = zero(), t3 = zero();
  for (const end = phi + <usize>j * ROW_BYTES; phi < end; phi += ROW_BYTES) {
    const p = v128.load(phi), q = v128.load(phi, 16);
    let v = v128.load64_splat(c0);
    s0 = addProduct(s0, v, p);
    t0 = addProduct(t0, v, q);
    v = v128.load64_splat(c1);
    s1 = addProduct(s1, v, p);
    t1 = addProduct(t1, v, q);
    v = v128.load64_splat(c2);
    s2 = addProduct(s2, v, p);
    t2 = addProduct(t2, v, q);
    v = v128.load64_splat(c3);
    s3 = addProduct(s3, v, p);
    t3 = addProduct(t3, v, q);
    c0 += 8;
    c1 += 8;
    c2 += 8;
    c3 += 8;
  }
  let p = finish(phi, s0, c0), q = finish(phi + 16, t0, c0);
  let v = v128.load64_splat(c1);
  s1 = addProduct(s1, v, p);
  t1 = addProduct(t1, v, q);
  v = v128.load64_splat(c2);
  s2 = addProduct(s2, v, p);
  t2 = addProduct(t2, v, q);
  v = v128.load64_splat(c3);
  s3 = addProduct(s3, v, p);
  t3 = addProduct(t3, v, q);
  phi += ROW_BYTES;
  p = finish(phi, s1, c1 + 8);
  q = finish(phi + 16, t1, c1 + 8);
  v = v128.load64_splat(c2, 8);
  s2 = addProduct(s2, v, p);
  t2 = addProduct(t2, v, q);
  v = v128.load64_splat(c3, 8);
  s3 = addProduct(s3, v, p);
  t3 = addProduct(t3, v, q);
  phi += ROW_BYTES;
  p = finish(phi, s2, c2 + 16);
  q = finish(phi + 16, t2, c2 + 16);
  v = v128.load64_splat(c3, 16);
  s3 = addProduct(s3, v, p);
  t3 = addProduct(t3, v, q);
  phi += ROW_BYTES;
  finish(phi, s3, c3 + 24);
  finish(phi + 16, t3, c3 + 24);
}

/** Column j of four rows of the block. */
function one(u: usize, j: i32, phi: usize): void {
  let c = columnOf(u, j);
  let s = zero(), t = zero();
  for (const end = phi + <usize>j * ROW_BYTES; phi < end; phi += ROW_BYTES) {
    const v = v128.load64_splat(c);
    s = addProduct(s, v, v128.load(phi));
    t = addProduct(t, v, v128.load(phi, 16));
    c += 8;
  }
  finish(phi, s, c);
  finish(phi + 16, t, c);
}

/** phi ← U⁻ᵀphi in place for a block of 96 rows. Order: IN ORDER over k, (phi − sum)/diagonal. Cost: 96·p² flops. */
export function solveRows(u: usize, p: i32, phi: usize): void {
  const tiled = p & ~3;
  for (const end = phi + (ROWS << 3); phi < end; phi += 32) {
    for (let j = 0; j < tiled; j += 4) four(u, j, phi);
    for (let j = tiled; j < p; j++) one(u, j, phi);
  }
}

/** Subtracts column j times the solved row p, q from rows 0…j−1 of four rows of the block. */
function subtractOne(c: usize, j: i32, phi: usize, p: v128, q: v128): void {
  for (const end = c + (<usize>j << 3); c < end; c += 8) {
    const v = v128.load64_splat(c);
    v128.store(phi, f64x2.sub(v128.load(phi), f64x2.mul(v, p)));
    v128.store(phi, f64x2.sub(v128.load(phi, 16), f64x2.mul(v, q)), 16);
    phi += ROW_BYTES;
  }
}

/** Row j of four rows of the block: divides it by the diagonal and subtracts it from the rows above. */
function oneBack(u: usize, j: i32, phi: usize): void {
  const c = columnOf(u, j);
  const at = phi + <usize>j * ROW_BYTES;
  const diagonal = v128.load64_splat(c + (<usize>j << 3));
  const p = f64x2.div(v128.load(at), diagonal), q = f64x2.div(v128.load(at, 16), diagonal);
  v128.store(at, p);
  v128.store(at, q, 16);
  subtractOne(c, j, phi, p, q);
}

/** Rows j+3…j of four rows of the block at once: within the four as one by one, then from the rows above together. */
function fourBack(u: usize, j: i32, phi: usize): void {
  let c0 = columnOf(u, j), c1 = columnOf(u, j + 1), c2 = columnOf(u, j + 2), c3 = columnOf(u, j + 3);
  const at = phi + <usize>j * ROW_BYTES;
  const inside = <usize>j << 3;
  for (let k = 3; k >= 0; k--) {
    const c = columnOf(u, j + k) + inside;
    const row = at + <usize>k * ROW_BYTES;
    const diagonal = v128.load64_splat(c + (<usize>k << 3));
    const p = f64x2.div(v128.load(row), diagonal), q = f64x2.div(v128.load(row, 16), diagonal);
    v128.store(row, p);
    v128.store(row, q, 16);
    subtractOne(c, k, at, p, q);
  }
  const p0 = v128.load(at), q0 = v128.load(at, 16);
  const p1 = v128.load(at, ROW_BYTES), q1 = v128.load(at, ROW_BYTES + 16);
  const p2 = v128.load(at, 2 * ROW_BYTES), q2 = v128.load(at, 2 * ROW_BYTES + 16);
  const p3 = v128.load(at, 3 * ROW_BYTES), q3 = v128.load(at, 3 * ROW_BYTES + 16);
  for (; phi < at; phi += ROW_BYTES) {
    let s = v128.load(phi), t = v128.load(phi, 16);
    let v = v128.load64_splat(c3);
    s = f64x2.sub(s, f64x2.mul(v, p3));
    t = f64x2.sub(t, f64x2.mul(v, q3));
    v = v128.load64_splat(c2);
    s = f64x2.sub(s, f64x2.mul(v, p2));
    t = f64x2.sub(t, f64x2.mul(v, q2));
    v = v128.load64_splat(c1);
    s = f64x2.sub(s, f64x2.mul(v, p1));
    t = f64x2.sub(t, f64x2.mul(v, q1));
    v = v128.load64_splat(c0);
    v128.store(phi, f64x2.sub(s, f64x2.mul(v, p0)));
    v128.store(phi, f64x2.sub(t, f64x2.mul(v, q0)), 16);
    c0 += 8;
    c1 += 8;
    c2 += 8;
    c3 += 8;
  }
}

/** phi ← U⁻¹phi in place for a block of 96 rows. Order: from the last row up, each subtracted before the next. Cost: 96·p² flops. */
export function backSolveRows(u: usize, p: i32, phi: usize): void {
  const tiled = p & ~3;
  for (const end = phi + (ROWS << 3); phi < end; phi += 32) {
    for (let j = p - 1; j >= tiled; j--) oneBack(u, j, phi);
    for (let j = tiled - 4; j >= 0; j -= 4) fourBack(u, j, phi);
  }
}
