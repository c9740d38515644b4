// assembly/gradient.ts — fields of a block (f and its gradient in z), residual, and what the gradient of the loss needs
//
// All arrays are feature-major: one row of 96 doubles per quantity, so vectors run along rows of the data.
import { accumulateGram } from "./gram";
import { ROW_BYTES, addProduct, addTo, join, zero } from "./lanes";

/** out[i…i+15] = start + Σ_{j<count} c[j]·phi[j], sixteen rows in eight sums. Order: IN ORDER over j. */
// @ts-ignore: decorator
@inline
function sixteenRows(phi: usize, count: i32, c: usize, step: usize, resume: bool, out: usize): void {
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero(), s6 = zero(), s7 = zero();
  if (resume) {
    s0 = v128.load(out);
    s1 = v128.load(out, 16);
    s2 = v128.load(out, 32);
    s3 = v128.load(out, 48);
    s4 = v128.load(out, 64);
    s5 = v128.load(out, 80);
    s6 = v128.load(out, 96);
    s7 = v128.load(out, 112);
  }
  for (; count > 0; count--) {
    const cj = v128.load64_splat(c);
    s0 = addProduct(s0, cj, v128.load(phi));
    s1 = addProduct(s1, cj, v128.load(phi, 16));
    s2 = addProduct(s2, cj, v128.load(phi, 32));
    s3 = addProduct(s3, cj, v128.load(phi, 48));
    s4 = addProduct(s4, cj, v128.load(phi, 64));
    s5 = addProduct(s5, cj, v128.load(phi, 80));
    s6 = addProduct(s6, cj, v128.load(phi, 96));
    s7 = addProduct(s7, cj, v128.load(phi, 112));
    c += step;
    phi += ROW_BYTES;
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
  v128.store(out, s4, 64);
  v128.store(out, s5, 80);
  v128.store(out, s6, 96);
  v128.store(out, s7, 112);
}

/** One field over the whole block, continuing from what `out` holds if `resume`. */
function oneField(phi: usize, count: i32, c: usize, step: usize, resume: bool, out: usize): void {
  for (let o: usize = 0; o < ROW_BYTES; o += 128) sixteenRows(phi + o, count, c, step, resume, out + o);
}

/**
 * Rows i…i+3 of `extra` + 1 ≤ 4 fields: the first with coefficients c[j·first], the others with ck[j·step + k].
 * Order: IN ORDER over j.
 */
// @ts-ignore: decorator
@inline
function fourRows(
  extra: i32, phi: usize, count: i32, c: usize, first: usize, ck: usize, step: usize, out: usize,
): void {
  let a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero(), d0 = zero(), d1 = zero(), e0 = zero(), e1 = zero();
  for (; count > 0; count--) {
    const p = v128.load(phi), q = v128.load(phi, 16);
    let cj = v128.load64_splat(c);
    a0 = addProduct(a0, cj, p);
    a1 = addProduct(a1, cj, q);
    cj = v128.load64_splat(ck);
    b0 = addProduct(b0, cj, p);
    b1 = addProduct(b1, cj, q);
    if (extra > 1) {
      cj = v128.load64_splat(ck, 8);
      d0 = addProduct(d0, cj, p);
      d1 = addProduct(d1, cj, q);
    }
    if (extra > 2) {
      cj = v128.load64_splat(ck, 16);
      e0 = addProduct(e0, cj, p);
      e1 = addProduct(e1, cj, q);
    }
    c += first;
    ck += step;
    phi += ROW_BYTES;
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, b0, ROW_BYTES);
  v128.store(out, b1, ROW_BYTES + 16);
  if (extra > 1) {
    v128.store(out, d0, 2 * ROW_BYTES);
    v128.store(out, d1, 2 * ROW_BYTES + 16);
  }
  if (extra > 2) {
    v128.store(out, e0, 3 * ROW_BYTES);
    v128.store(out, e1, 3 * ROW_BYTES + 16);
  }
}

/** 1 + `extra` fields over the whole block, 1 ≤ extra ≤ 3. */
function fieldGroup(
  extra: i32, phi: usize, count: i32, c: usize, first: usize, ck: usize, step: usize, out: usize,
): void {
  if (extra == 1) {
    for (let o: usize = 0; o < ROW_BYTES; o += 32) fourRows(1, phi + o, count, c, first, ck, step, out + o);
  } else if (extra == 2) {
    for (let o: usize = 0; o < ROW_BYTES; o += 32) fourRows(2, phi + o, count, c, first, ck, step, out + o);
  } else {
    for (let o: usize = 0; o < ROW_BYTES; o += 32) fourRows(3, phi + o, count, c, first, ck, step, out + o);
  }
}

/**
 * out[0] = Σ_{j<p} c[j]·phi[j] and, for k < r, out[1+k] = Σ_{j<prefix} ck[j·r + k]·phi[j], prefix ≤ p.
 *
 * The first group shares the reading of phi between f and up to three derivatives; what f has beyond `prefix` follows.
 * Order: IN ORDER over j.
 */
export function fields(phi: usize, p: i32, c: usize, prefix: i32, r: i32, ck: usize, out: usize): void {
  if (r == 0) {
    oneField(phi, p, c, 8, false, out);
    return;
  }
  const step = <usize>r << 3;
  let taken = min(r, 3);
  fieldGroup(taken, phi, prefix, c, 8, ck, step, out);
  oneField(phi + <usize>prefix * ROW_BYTES, p - prefix, c + (<usize>prefix << 3), 8, true, out);
  out += ROW_BYTES;
  while (true) {
    ck += <usize>taken << 3;
    out += <usize>taken * ROW_BYTES;
    r -= taken;
    if (r <= 0) return;
    taken = min(r, 4);
    if (taken == 1) oneField(phi, prefix, ck, step, false, out);
    else fieldGroup(taken - 1, phi, prefix, ck, step, ck + 8, step, out);
  }
}

/** residual = y − f over the block; returns Σ residual². Order: BY FOUR. */
export function residual(y: usize, f: usize, out: usize): f64 {
  let s01 = zero(), s23 = zero();
  for (const end = out + ROW_BYTES; out < end; out += 32, y += 32, f += 32) {
    const a = f64x2.sub(v128.load(y), v128.load(f));
    const b = f64x2.sub(v128.load(y, 16), v128.load(f, 16));
    v128.store(out, a);
    v128.store(out, b, 16);
    s01 = addProduct(s01, a, a);
    s23 = addProduct(s23, b, b);
  }
  const s = f64x2.add(s01, s23);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/** `residualProducts` for `columns` ≤ 3 slopes, all sums in registers. */
// @ts-ignore: decorator
@inline
function fewProducts(columns: i32, y: usize, f: usize, out: usize, gram: usize, scaled: usize): f64 {
  let s01 = zero(), s23 = zero(), g00 = zero(), g01 = zero(), g11 = zero();
  let g02 = zero(), g12 = zero(), g22 = zero();
  for (const end = out + ROW_BYTES; out < end; out += 16, y += 16, f += 16, scaled += 16) {
    const rho = f64x2.sub(v128.load(y), v128.load(f));
    v128.store(out, rho);
    // Vectors take turns in the two sums of squares.
    const sum = addProduct(s01, rho, rho);
    s01 = s23;
    s23 = sum;
    const g0 = v128.load(f, ROW_BYTES);
    v128.store(scaled, f64x2.mul(rho, g0));
    g00 = addProduct(g00, g0, g0);
    if (columns > 1) {
      const g1 = v128.load(f, 2 * ROW_BYTES);
      v128.store(scaled, f64x2.mul(rho, g1), ROW_BYTES);
      g01 = addProduct(g01, g0, g1);
      g11 = addProduct(g11, g1, g1);
      if (columns > 2) {
        const g2 = v128.load(f, 3 * ROW_BYTES);
        v128.store(scaled, f64x2.mul(rho, g2), 2 * ROW_BYTES);
        g02 = addProduct(g02, g0, g2);
        g12 = addProduct(g12, g1, g2);
        g22 = addProduct(g22, g2, g2);
      }
    }
  }
  addTo(gram, join(g00));
  if (columns > 1) {
    addTo(gram + 8, join(g01));
    addTo(gram + 16, join(g11));
  }
  if (columns > 2) {
    addTo(gram + 24, join(g02));
    addTo(gram + 32, join(g12));
    addTo(gram + 40, join(g22));
  }
  return join(f64x2.add(s01, s23));
}

/**
 * With f and its r ≥ 0 slopes g[k] in the rows of `fields`: residual = y − f, gram(k, l) += Σ g[k]·g[l] (packed) and
 * scaled[k][i] = residual[i]·g[k][i]; returns Σ residual². Order: the squares BY FOUR, the Gram matrix PAIRED, then added.
 */
export function residualProducts(y: usize, fields: usize, r: i32, out: usize, gram: usize, scaled: usize): f64 {
  if (r == 1) return fewProducts(1, y, fields, out, gram, scaled);
  if (r == 2) return fewProducts(2, y, fields, out, gram, scaled);
  if (r == 3) return fewProducts(3, y, fields, out, gram, scaled);
  const squares = residual(y, fields, out);
  accumulateGram(fields + ROW_BYTES, r, gram);
  scaleFields(out, fields + ROW_BYTES, r, scaled);
  return squares;
}

/** out[k][i] = v[i]·g[k][i], k < r. */
export function scaleFields(v: usize, g: usize, r: i32, out: usize): void {
  for (; r > 0; r--) {
    for (let o: usize = 0; o < ROW_BYTES; o += 16) {
      v128.store(out, f64x2.mul(v128.load(v + o), v128.load(g)));
      g += 16;
      out += 16;
    }
  }
}

/** out[i] = Σ_k a[k][i]·b[k][i]. Order: IN ORDER over k. */
export function contractFields(a: usize, b: usize, r: i32, out: usize): void {
  for (let o: usize = 0; o < ROW_BYTES; o += 16) {
    let s = zero();
    let p = a + o, q = b + o;
    for (let k = 0; k < r; k++) {
      s = addProduct(s, v128.load(p), v128.load(q));
      p += ROW_BYTES;
      q += ROW_BYTES;
    }
    v128.store(out + o, s);
  }
}

/** out[k] = Σ_l (z[l] + t·zd[l])·m[l·r + k], m row-major r×r. Order: IN ORDER over l. */
export function combine(z: usize, zd: usize, r: i32, t: f64, m: usize, out: usize): void {
  const time = f64x2.splat(t);
  const step = <usize>r << 3;
  for (let k = 0; k < r; k++) {
    for (let o: usize = 0; o < ROW_BYTES; o += 32) {
      let s0 = zero(), s1 = zero();
      let a = z + o, b = zd + o, w = m;
      for (let l = 0; l < r; l++) {
        const factor = v128.load64_splat(w);
        s0 = addProduct(s0, addProduct(v128.load(a), time, v128.load(b)), factor);
        s1 = addProduct(s1, addProduct(v128.load(a, 16), time, v128.load(b, 16)), factor);
        a += ROW_BYTES;
        b += ROW_BYTES;
        w += step;
      }
      v128.store(out, s0);
      v128.store(out, s1, 16);
      out += 32;
    }
    m += 8;
  }
}
