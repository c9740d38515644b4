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
