// assembly/hermite.ts — Hermite values of a block by recurrence, and their products
import { ROW_BYTES } from "./lanes";

/** dst = src, one row of 96 doubles. */
// @ts-ignore: decorator
@inline
function copyRow(dst: usize, src: usize): void {
  memory.copy(dst, src, ROW_BYTES);
}

/**
 * h[m] = h_m(z), m = 0…degree, normalised probabilists' polynomials.
 *
 * h_{m+1} = (z·h_m − √m·h_{m−1})·(1/√(m+1)): the reciprocal is rounded once per degree, not once per row.
 */
function hermiteValues(z: usize, degree: i32, h: usize): void {
  const one = f64x2.splat(1);
  for (let o: usize = 0; o < ROW_BYTES; o += 16) v128.store(h + o, one);
  if (degree > 0) copyRow(h + ROW_BYTES, z);
  for (let m = 1; m < degree; m++) {
    const root = f64x2.splat(sqrt<f64>(<f64>m));
    const inverse = f64x2.splat(1 / sqrt<f64>(<f64>(m + 1)));
    let x = z;
    const end = h + ROW_BYTES;
    while (h < end) {
      const next = f64x2.sub(
        f64x2.mul(v128.load(x), v128.load(h, ROW_BYTES)),
        f64x2.mul(root, v128.load(h)),
      );
      v128.store(h, f64x2.mul(next, inverse), 2 * ROW_BYTES);
      x += 16;
      h += 16;
    }
  }
}

/**
 * Features of a block: h[k·(degree+1) + m] = h_m(z[k]), phi[0] = scale, phi[j] = phi[parent]·h[row] with
 * table = int32 pairs (parent, row). One multiplication per feature and row.
 */
export function features(
  z: usize, r: i32, degree: i32, scale: usize, table: usize, p: i32, h: usize, phi: usize,
): void {
  for (let k = 0; k < r; k++) {
    hermiteValues(z + <usize>k * ROW_BYTES, degree, h + <usize>(k * (degree + 1)) * ROW_BYTES);
  }
  copyRow(phi, scale);
  let out = phi + ROW_BYTES;
  for (let j = 1; j < p; j++) {
    table += 8;
    let a = phi + <usize>load<i32>(table) * ROW_BYTES;
    let b = h + <usize>load<i32>(table, 4) * ROW_BYTES;
    const end = out + ROW_BYTES;
    while (out < end) {
      v128.store(out, f64x2.mul(v128.load(a), v128.load(b)));
      v128.store(out, f64x2.mul(v128.load(a, 16), v128.load(b, 16)), 16);
      v128.store(out, f64x2.mul(v128.load(a, 32), v128.load(b, 32)), 32);
      v128.store(out, f64x2.mul(v128.load(a, 48), v128.load(b, 48)), 48);
      a += 64;
      b += 64;
      out += 64;
    }
  }
}
