// assembly/radial.ts — radial functions of the distance to centres, and what their gradient needs
//
//   z feature-major (r rows of 96), centres u row-major m×r, phi and psi feature-major (m rows of 96)
//
//        q = |z − u_j|²      phi[j] = scale·κ(q)      psi[j] = scale·2κ'(q)      ∇_z phi[j] = psi[j]·(z − u_j)
import { ROW_BYTES, addProduct, addTo, join, zero } from "./lanes";

const GAUSS: i32 = 0;

/** 1/14!, 1/13!, …, 1/3!, 1/2!: the tail (eʳ − 1 − r)/r². */
// @ts-ignore: decorator
@inline
function expTail(r: v128): v128 {
  let p = f64x2.splat(1.0 / 87178291200);
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6227020800));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 479001600));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 39916800));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 3628800));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 362880));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 40320));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 5040));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 720));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 120));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 24));
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1.0 / 6));
  return f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5));
}

/** eˣ of two numbers x ≤ 0, exactly 0 below −708; NaN stays. The steps are those of base/elementary.ts, bit for bit. */
// @ts-ignore: decorator
@inline
function exp2Lanes(x: v128): v128 {
  const one = f64x2.splat(1);
  const k = f64x2.floor(f64x2.add(f64x2.mul(x, f64x2.splat(1.4426950408889634)), f64x2.splat(0.5)));
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238)));
  const low = f64x2.mul(k, f64x2.splat(1.9082149292705877e-10));
  const r = f64x2.sub(high, low);
  const rest = f64x2.sub(f64x2.sub(high, r), low);
  const tail = f64x2.mul(f64x2.mul(r, r), expTail(r));
  const y = f64x2.add(one, f64x2.add(r, f64x2.add(tail, f64x2.mul(rest, f64x2.add(one, r)))));
  const biased = i32x4.add(i32x4.trunc_sat_f64x2_s_zero(k), i32x4.splat(1023));
  const power = i64x2.shl(i64x2.extend_low_i32x4_s(biased), 52);
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
  const value = f64x2.mul(v128.load(scale), exp2Lanes(f64x2.mul(q, f64x2.splat(-0.5))));
  v128.store(phi, value);
  v128.store(psi, f64x2.neg(value));
}

// @ts-ignore: decorator
@inline
function maternRows(z: usize, r: i32, u: usize, scale: usize, phi: usize, psi: usize): void {
  const q = squaredDistance(z, r, u);
  const d = f64x2.mul(f64x2.splat(2.23606797749979), f64x2.sqrt(q));
  const e = f64x2.mul(v128.load(scale), exp2Lanes(f64x2.neg(d)));
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
