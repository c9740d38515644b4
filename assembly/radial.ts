// assembly/radial.ts — radial functions of the distance to centres, and what their gradient needs
//
//   z feature-major (r rows of 96), centres u row-major m×r, phi and psi feature-major (m rows of 96)
//
//        q = |z − u_j|²      phi[j] = scale·κ(q)      psi[j] = scale·2κ'(q)      ∇_z phi[j] = psi[j]·(z − u_j)
import { ROW_BYTES, addProduct, addTo, join, zero } from "./lanes";

const GAUSS: i32 = 0;

/** Adding it rounds to whole numbers, which then stand in the low bits. */
const ROUND: f64 = 6755399441055744;

/**
 * eˣ of two numbers x ≤ 0 to about 2 ulp, exactly 1 at 0 and 0 below −708; NaN stays. x = k·ln 2 + r; a polynomial in r in
 * Estrin's order, which is half as long a chain as Horner's.
 */
// @ts-ignore: decorator
@inline
function decay(x: v128): v128 {
  const shifted = f64x2.add(f64x2.mul(x, f64x2.splat(1.4426950408889634)), f64x2.splat(ROUND));
  const k = f64x2.sub(shifted, f64x2.splat(ROUND));
  const r = f64x2.sub(
    f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238))),
    f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)),
  );
  const r2 = f64x2.mul(r, r), r4 = f64x2.mul(r2, r2), r8 = f64x2.mul(r4, r4);
  let low = addProduct(f64x2.splat(0.5), f64x2.splat(0.1666666666664829), r);
  low = addProduct(f64x2.add(f64x2.splat(1), r), low, r2);
  let middle = addProduct(f64x2.splat(0.0013888888905881542), f64x2.splat(0.00019841208732536384), r);
  middle = addProduct(addProduct(f64x2.splat(0.04166666666665136), f64x2.splat(0.008333333353729397), r), middle, r2);
  let high = addProduct(f64x2.splat(2.4801536388690766e-05), f64x2.splat(2.762511557828763e-06), r);
  high = addProduct(high, f64x2.splat(2.761380686153829e-07), r2);
  const y = addProduct(addProduct(low, middle, r4), high, r8);
  // The bits of 2^k: k moves into the exponent of 1.
  const power = i64x2.add(i64x2.shl(shifted, 52), i64x2.splat(0x3ff0000000000000));
  return v128.andnot(f64x2.mul(y, power), f64x2.lt(x, f64x2.splat(-708)));
}

/** q at two rows. Order: IN ORDER over k. */
// @ts-ignore: decorator
@inline
function squaredDistance(z: usize, r: i32, u: usize): v128 {
  let q = zero();
  for (let k = 0; k < r; k++) {
    const d = f64x2.sub(v128.load(z), v128.load64_splat(u));
    q = addProduct(q, d, d);
    z += ROW_BYTES;
    u += 8;
  }
  return q;
}

// @ts-ignore: decorator
@inline
function gaussRows(z: usize, r: i32, u: usize, scale: usize, phi: usize, psi: usize): void {
  const q = squaredDistance(z, r, u);
  const value = f64x2.mul(v128.load(scale), decay(f64x2.mul(q, f64x2.splat(-0.5))));
  v128.store(phi, value);
  v128.store(psi, f64x2.neg(value));
}

// @ts-ignore: decorator
@inline
function maternRows(z: usize, r: i32, u: usize, scale: usize, phi: usize, psi: usize): void {
  const q = squaredDistance(z, r, u);
  const d = f64x2.mul(f64x2.splat(2.23606797749979), f64x2.sqrt(q));
  const e = f64x2.mul(v128.load(scale), decay(f64x2.neg(d)));
  const linear = f64x2.add(f64x2.splat(1), d);
  const third = f64x2.splat(1.6666666666666667);
  v128.store(phi, f64x2.mul(f64x2.add(linear, f64x2.mul(third, q)), e));
  v128.store(psi, f64x2.neg(f64x2.mul(f64x2.mul(third, linear), e)));
}

/** phi[j] = scale·κ(|z − u_j|²) and psi[j] = scale·2κ', j < m. kind 0: e^{−q/2}; 1: Matérn 5/2. Cost: m·96·(3r + 40). */
export function radial(z: usize, r: i32, u: usize, m: i32, kind: i32, scale: usize, phi: usize, psi: usize): void {
  const step = <usize>r << 3;
  for (; m > 0; m--) {
    if (kind == GAUSS) {
      for (let o: usize = 0; o < ROW_BYTES; o += 16) gaussRows(z + o, r, u, scale + o, phi + o, psi + o);
    } else {
      for (let o: usize = 0; o < ROW_BYTES; o += 16) maternRows(z + o, r, u, scale + o, phi + o, psi + o);
    }
    u += step;
    phi += ROW_BYTES;
    psi += ROW_BYTES;
  }
}

/**
 * In place g[j] ← t[j] = (g[j] + a[j]·rho)·psi[j]; then out[k] = Σ_j t[j]·(z[k] − u(j, k)) for every row, and
 * sums(j, k) += Σ t[j]·(z[k] − u(j, k)) over the rows. Orders: out IN ORDER over j; sums PAIRED over the rows, then added.
 */
export function radialGradient(
  z: usize, r: i32, u: usize, m: i32, psi: usize, g: usize, a: usize, rho: usize, out: usize, sums: usize,
): void {
  for (let j = 0, at = g; j < m; j++) {
    const factor = v128.load64_splat(a);
    for (let o: usize = 0; o < ROW_BYTES; o += 16) {
      v128.store(at, f64x2.mul(addProduct(v128.load(at), factor, v128.load(rho + o)), v128.load(psi)));
      at += 16;
      psi += 16;
    }
    a += 8;
  }
  const step = <usize>r << 3;
  for (let k = 0; k < r; k++) {
    memory.fill(out, 0, ROW_BYTES);
    let t = g, c = u, sum = sums;
    for (let j = 0; j < m; j++) {
      const centre = v128.load64_splat(c);
      let s = zero();
      for (let o: usize = 0; o < ROW_BYTES; o += 16) {
        const v = f64x2.mul(v128.load(t), f64x2.sub(v128.load(z + o), centre));
        s = f64x2.add(s, v);
        v128.store(out + o, f64x2.add(v128.load(out + o), v));
        t += 16;
      }
      addTo(sum, join(s));
      c += step;
      sum += step;
    }
    z += ROW_BYTES;
    out += ROW_BYTES;
    u += 8;
    sums += 8;
  }
}
