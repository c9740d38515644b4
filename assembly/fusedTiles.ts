// assembly/fusedTiles.ts — tiles of gemm.ts for three columns in the binary with fused operations
//
// A fused sum takes longer than an addition and needs no register for the product: nine sums at a time, where the six of the
// other binary would each wait for the one before.
import { ROW_BYTES, addPairTo, addProduct, join, joinTwo, zero } from "./lanes";

/** Rows i…i+2 of X times three columns of W. */
// @ts-ignore: decorator
@inline
export function tile3x3(x: usize, pitch: usize, w: usize, step: usize, z: usize): void {
  const end = x + pitch;
  let a0 = zero(), a1 = zero(), a2 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero();
  let d0 = zero(), d1 = zero(), d2 = zero();
  let y = end;
  while (x < end) {
    const c0 = v128.load(w), c1 = v128.load(w, 16), c2 = v128.load(w, 32);
    let row = v128.load(x);
    a0 = addProduct(a0, row, c0);
    a1 = addProduct(a1, row, c1);
    a2 = addProduct(a2, row, c2);
    row = v128.load(y);
    b0 = addProduct(b0, row, c0);
    b1 = addProduct(b1, row, c1);
    b2 = addProduct(b2, row, c2);
    row = v128.load(y + pitch);
    d0 = addProduct(d0, row, c0);
    d1 = addProduct(d1, row, c1);
    d2 = addProduct(d2, row, c2);
    w += step;
    x += 16;
    y += 16;
  }
  v128.store(z, joinTwo(a0, b0));
  v128.store(z, joinTwo(a1, b1), ROW_BYTES);
  v128.store(z, joinTwo(a2, b2), 2 * ROW_BYTES);
  store<f64>(z, join(d0), 16);
  store<f64>(z, join(d1), ROW_BYTES + 16);
  store<f64>(z, join(d2), 2 * ROW_BYTES + 16);
}

/** Three column pairs of X times three columns of C, rows up to `end` of C. */
// @ts-ignore: decorator
@inline
export function gather3x3(x: usize, pitch: usize, c: usize, end: usize, out: usize, step: usize): void {
  let a0 = zero(), a1 = zero(), a2 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero();
  let d0 = zero(), d1 = zero(), d2 = zero();
  for (; c < end; c += 8, x += pitch) {
    const p = v128.load(x), q = v128.load(x, 16), s = v128.load(x, 32);
    let ck = v128.load64_splat(c);
    a0 = addProduct(a0, p, ck);
    b0 = addProduct(b0, q, ck);
    d0 = addProduct(d0, s, ck);
    ck = v128.load64_splat(c, ROW_BYTES);
    a1 = addProduct(a1, p, ck);
    b1 = addProduct(b1, q, ck);
    d1 = addProduct(d1, s, ck);
    ck = v128.load64_splat(c, 2 * ROW_BYTES);
    a2 = addProduct(a2, p, ck);
    b2 = addProduct(b2, q, ck);
    d2 = addProduct(d2, s, ck);
  }
  addPairTo(out, a0);
  addPairTo(out + 16, a1);
  addPairTo(out + 32, a2);
  out += step;
  addPairTo(out, b0);
  addPairTo(out + 16, b1);
  addPairTo(out + 32, b2);
  out += step;
  addPairTo(out, d0);
  addPairTo(out + 16, d1);
  addPairTo(out + 32, d2);
}
