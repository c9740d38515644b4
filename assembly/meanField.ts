// assembly/meanField.ts — sample paths of the mean-field equations: l', l" and the responses along a path
//
// A block is 96 paths; arrays are feature-major (one row of 96 doubles per quantity and time).
//
// Responses are taken backwards in time. With a^r = l"(ξ^r) and P^r = ∂g^t/∂(a shift of ξ^r),
//
//     P^t = a^t,    P^s = a^s · Σ_{s<r≤t} R(r,s)/δ · P^r
//
// gives the whole row t of responses from a^0…a^t alone: nothing of the earlier rows has to be kept. Strips of 16 paths
// keep all P^r of a strip in the first-level cache. Complex paths carry P as α·dξ + β·conj(dξ), in strips of 4 paths:
// [Re α | Im α | Re β | Im β], 16 doubles as well, so that both kinds share the sums over r.
import { ROW_BYTES, addProduct, addTo, zero } from "./lanes";

/** Bytes of one P^r of a strip. */
const STRIP: usize = 128;

/** Natural logarithm of two normal positive doubles; ∞ and NaN stay. The steps are those of base/elementary.ts, bit for bit. */
// @ts-ignore: decorator
@inline
function log2Lanes(x: v128): v128 {
  const one = f64x2.splat(1);
  // Exponents from the upper halves of the lanes.
  const upper = i32x4.sub(i32x4.shr_u(x, 20), i32x4.splat(1023));
  let k = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(upper, upper, 1, 3, 1, 3));
  let m = v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3ff0000000000000));
  const large = f64x2.gt(m, f64x2.splat(1.4142135623730951));
  m = v128.bitselect(f64x2.mul(m, f64x2.splat(0.5)), m, large);
  k = f64x2.add(k, v128.and(large, one));
  const f = f64x2.sub(m, one);
  const s = f64x2.div(f, f64x2.add(f64x2.splat(2), f));
  const half = f64x2.mul(f64x2.mul(f64x2.splat(0.5), f), f);
  const z = f64x2.mul(s, s);
  let p = f64x2.splat(2.0 / 23);
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 21));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 19));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 17));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 15));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 13));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 11));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 9));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 7));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 5));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(2.0 / 3));
  const tail = f64x2.mul(p, z);
  const inner = f64x2.add(f64x2.mul(s, f64x2.add(half, tail)), f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)));
  const y = f64x2.sub(
    f64x2.mul(k, f64x2.splat(0.6931471803691238)),
    f64x2.sub(f64x2.sub(half, inner), f),
  );
  return v128.bitselect(y, x, f64x2.lt(x, f64x2.splat(Infinity)));
}

/** ln(1 + x), x > −1, without cancellation near 0; NaN at ∞. As in base/elementary.ts. */
// @ts-ignore: decorator
@inline
function log1p2Lanes(x: v128): v128 {
  const one = f64x2.splat(1);
  const u = f64x2.add(one, x);
  const small = f64x2.sub(x, f64x2.sub(u, one)), large = f64x2.sub(one, f64x2.sub(u, x));
  const lost = v128.bitselect(small, large, f64x2.lt(x, one));
  return f64x2.add(log2Lanes(u), f64x2.div(lost, u));
}

/** out[0…15] = Σ_{j<count} c[j]·p[j][0…15]. Order: IN ORDER from the last j down. */
// @ts-ignore: decorator
@inline
function weigh(p: usize, c: usize, count: i32, out: usize): void {
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), s4 = zero(), s5 = zero(), s6 = zero(), s7 = zero();
  p += <usize>count * STRIP;
  c += <usize>count << 3;
  for (; count > 0; count--) {
    p -= STRIP;
    c -= 8;
    const factor = v128.load64_splat(c);
    s0 = addProduct(s0, factor, v128.load(p));
    s1 = addProduct(s1, factor, v128.load(p, 16));
    s2 = addProduct(s2, factor, v128.load(p, 32));
    s3 = addProduct(s3, factor, v128.load(p, 48));
    s4 = addProduct(s4, factor, v128.load(p, 64));
    s5 = addProduct(s5, factor, v128.load(p, 80));
    s6 = addProduct(s6, factor, v128.load(p, 96));
    s7 = addProduct(s7, factor, v128.load(p, 112));
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

/**
 * The sums of two neighbouring times over the same P^r: out[−1] and out[0] (strips below p) with coefficients c and d. Each P^r
 * is loaded once for both. Order: as weigh; what out[−1] gets from out[0] itself comes later.
 */
// @ts-ignore: decorator
@inline
function weighTwo(p: usize, c: usize, d: usize, count: i32): void {
  const out = p - STRIP;
  const bytes = <usize>count << 3;
  for (let o: usize = 0; o < STRIP; o += 64) {
    let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero(), t0 = zero(), t1 = zero(), t2 = zero(), t3 = zero();
    let q = p + o + <usize>count * STRIP, b = c + bytes, e = d + bytes;
    for (let j = count; j > 0; j--) {
      q -= STRIP;
      b -= 8;
      e -= 8;
      const f = v128.load64_splat(b), g = v128.load64_splat(e);
      let x = v128.load(q);
      s0 = addProduct(s0, f, x);
      t0 = addProduct(t0, g, x);
      x = v128.load(q, 16);
      s1 = addProduct(s1, f, x);
      t1 = addProduct(t1, g, x);
      x = v128.load(q, 32);
      s2 = addProduct(s2, f, x);
      t2 = addProduct(t2, g, x);
      x = v128.load(q, 48);
      s3 = addProduct(s3, f, x);
      t3 = addProduct(t3, g, x);
    }
    v128.store(out + o, s0);
    v128.store(out + o, s1, 16);
    v128.store(out + o, s2, 32);
    v128.store(out + o, s3, 48);
    v128.store(out + o - STRIP, t0);
    v128.store(out + o - STRIP, t1, 16);
    v128.store(out + o - STRIP, t2, 32);
    v128.store(out + o - STRIP, t3, 48);
  }
}

/** p += factor·(the strip above). */
// @ts-ignore: decorator
@inline
function addAbove(p: usize, factor: f64): void {
  const f = f64x2.splat(factor);
  for (let o: usize = 0; o < STRIP; o += 16) {
    v128.store(p + o, addProduct(v128.load(p + o), f, v128.load(p + o, STRIP)));
  }
}

/** Sum of 16 doubles: PAIRED. */
// @ts-ignore: decorator
@inline
function sumStrip(p: usize): f64 {
  let s = zero();
  for (let o: usize = 0; o < STRIP; o += 16) s = f64x2.add(s, v128.load(p + o));
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/**
 * Responses of step t of one block: sums[s] += Σ over the paths of G^t_s, s = 0…t.
 *
 * a: t+1 rows. r: row s holds R(0…,s)/δ, `stride` doubles a row. still: R(0…t, static)/δ. slope, tail: one row each;
 * G^t_0 = slope·P^0 + tail·Σ_{1≤r≤t} still[r]·P^r. scratch: (t + 2)·16 doubles.
 */
export function pathResponses(
  a: usize, t: i32, r: usize, stride: i32, still: usize, slope: usize, tail: usize, scratch: usize, sums: usize,
): void {
  const end = slope + ROW_BYTES;
  const last = scratch + <usize>t * STRIP;
  const spare = last + STRIP;
  const step = (<usize>stride + 1) << 3;
  for (; slope < end; slope += STRIP, tail += STRIP, a += STRIP) {
    let row = a + <usize>t * ROW_BYTES;
    memory.copy(last, row, STRIP);
    if (t > 0) addTo(sums + (<usize>t << 3), sumStrip(last));
    let p = last;
    let c = r + <usize>t * step; // entry (t, t): one past those that s = t − 1 needs, less its row
    for (let s = t - 1, above = false; s >= 0; s--) {
      c -= step;
      if (above) addAbove(p - STRIP, load<f64>(c, 8));
      else if (s > 0) weighTwo(p, c + 8, c - step + 16, t - s);
      else weigh(p, c + 8, t - s, p - STRIP);
      above = !above;
      p -= STRIP;
      row -= ROW_BYTES;
      for (let o: usize = 0; o < STRIP; o += 16) {
        v128.store(p + o, f64x2.mul(v128.load(row + o), v128.load(p + o)));
      }
      if (s > 0) addTo(sums + (<usize>s << 3), sumStrip(p));
    }
    weigh(scratch + STRIP, still + 8, t, spare);
    for (let o: usize = 0; o < STRIP; o += 16) {
      const direct = f64x2.mul(v128.load(slope + o), v128.load(scratch + o));
      v128.store(spare + o, addProduct(direct, v128.load(tail + o), v128.load(spare + o)));
    }
    addTo(sums, sumStrip(spare));
  }
}

/** P ∘ J in place, two paths at byte o of a strip of four: P = (α, β), J = (f1 real, f2 complex). */
// @ts-ignore: decorator
@inline
function compose(p: usize, f1: v128, re: v128, im: v128): void {
  const ar = v128.load(p), ai = v128.load(p, 32), br = v128.load(p, 64), bi = v128.load(p, 96);
  v128.store(p, addProduct(addProduct(f64x2.mul(ar, f1), br, re), bi, im));
  v128.store(p, f64x2.sub(addProduct(f64x2.mul(ai, f1), bi, re), f64x2.mul(br, im)), 32);
  v128.store(p, f64x2.sub(addProduct(f64x2.mul(br, f1), ar, re), f64x2.mul(ai, im)), 64);
  v128.store(p, addProduct(addProduct(f64x2.mul(bi, f1), ar, im), ai, re), 96);
}

/** Sum of the first four doubles, PAIRED. */
// @ts-ignore: decorator
@inline
function sumFour(p: usize): f64 {
  const s = f64x2.add(v128.load(p), v128.load(p, 16));
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/**
 * As pathResponses for complex paths: a holds f1, `re` and `im` hold f2 (t + 1 rows each), and sums[s] += Σ Re α of the
 * holomorphic responses. slope and tail are real.
 */
export function complexPathResponses(
  f1: usize, re: usize, im: usize, t: i32, r: usize, stride: i32, still: usize, slope: usize, tail: usize,
  scratch: usize, sums: usize,
): void {
  const end = slope + ROW_BYTES;
  const last = scratch + <usize>t * STRIP;
  const spare = last + STRIP;
  const step = (<usize>stride + 1) << 3;
  for (; slope < end; slope += 32, tail += 32, f1 += 32, re += 32, im += 32) {
    let at = <usize>t * ROW_BYTES;
    memory.copy(last, f1 + at, 32);
    memory.fill(last + 32, 0, 32);
    memory.copy(last + 64, re + at, 32);
    memory.copy(last + 96, im + at, 32);
    if (t > 0) addTo(sums + (<usize>t << 3), sumFour(last));
    let p = last;
    let c = r + <usize>t * step;
    for (let s = t - 1, above = false; s >= 0; s--) {
      c -= step;
      if (above) addAbove(p - STRIP, load<f64>(c, 8));
      else if (s > 0) weighTwo(p, c + 8, c - step + 16, t - s);
      else weigh(p, c + 8, t - s, p - STRIP);
      above = !above;
      p -= STRIP;
      at -= ROW_BYTES;
      compose(p, v128.load(f1 + at), v128.load(re + at), v128.load(im + at));
      compose(p + 16, v128.load(f1 + at, 16), v128.load(re + at, 16), v128.load(im + at, 16));
      if (s > 0) addTo(sums + (<usize>s << 3), sumFour(p));
    }
    weigh(scratch + STRIP, still + 8, t, spare);
    for (let o: usize = 0; o < 32; o += 16) {
      const direct = f64x2.mul(v128.load(slope + o), v128.load(scratch + o));
      v128.store(spare + o, addProduct(direct, v128.load(tail + o), v128.load(spare + o)));
    }
    addTo(sums, sumFour(spare));
  }
}

/**
 * l' and l" of one block at ξ = u + shift; returns Σ l. `c` > 0: the rational loss; c = 0: plain Wirtinger.
 * Paths with ξ = y = 0 give exact zeros everywhere. Order of the sum: PAIRED.
 */
export function pathGradients(u: usize, shift: usize, y: usize, c: f64, g: usize, a: usize): f64 {
  const half = f64x2.splat(0.5), two = f64x2.splat(2), three = f64x2.splat(3), cc = f64x2.splat(c);
  let sum = zero();
  for (const end = u + ROW_BYTES; u < end; u += 16, shift += 16, y += 16, g += 16, a += 16) {
    const xi = f64x2.add(v128.load(u), v128.load(shift)), target = v128.load(y);
    const s = f64x2.mul(xi, xi);
    const d = f64x2.sub(s, target);
    if (c > 0) {
      const b = f64x2.add(f64x2.add(cc, s), target);
      const w = f64x2.add(f64x2.mul(two, target), cc);
      v128.store(g, f64x2.div(f64x2.mul(d, xi), b));
      const top = f64x2.sub(
        f64x2.mul(f64x2.sub(f64x2.mul(three, s), target), b),
        f64x2.mul(f64x2.mul(two, s), d),
      );
      v128.store(a, f64x2.div(top, f64x2.mul(b, b)));
      sum = f64x2.add(sum, f64x2.mul(half, f64x2.sub(d, f64x2.mul(w, log1p2Lanes(f64x2.div(d, w))))));
    } else {
      v128.store(g, f64x2.mul(d, xi));
      v128.store(a, f64x2.sub(f64x2.mul(three, s), target));
      sum = f64x2.add(sum, f64x2.mul(f64x2.mul(f64x2.splat(0.25), d), d));
    }
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/**
 * g = ρ(|ξ|², y)·ξ and its derivatives f1 = ρ + ρ'|ξ|², f2 = ρ'ξ² of one block at ξ = u + shift; returns Σ l, which is
 * twice the real loss. u, shift: the row of imaginary parts follows that of real parts. g: it lies `apart` bytes further.
 * `c` as in pathGradients.
 */
export function complexPathGradients(
  u: usize, shift: usize, y: usize, c: f64, g: usize, apart: usize, f1: usize, re: usize, im: usize,
): f64 {
  const two = f64x2.splat(2), cc = f64x2.splat(c);
  let sum = zero();
  for (const end = u + ROW_BYTES; u < end; u += 16, shift += 16, y += 16, g += 16, f1 += 16, re += 16, im += 16) {
    const x = f64x2.add(v128.load(u), v128.load(shift));
    const v = f64x2.add(v128.load(u, ROW_BYTES), v128.load(shift, ROW_BYTES));
    const target = v128.load(y);
    const xx = f64x2.mul(x, x), vv = f64x2.mul(v, v);
    const s = f64x2.add(xx, vv);
    const d = f64x2.sub(s, target);
    let rho = d, slope = f64x2.splat(1);
    if (c > 0) {
      const b = f64x2.add(f64x2.add(cc, s), target);
      const w = f64x2.add(f64x2.mul(two, target), cc);
      rho = f64x2.div(d, b);
      slope = f64x2.div(w, f64x2.mul(b, b));
      sum = f64x2.add(sum, f64x2.sub(d, f64x2.mul(w, log1p2Lanes(f64x2.div(d, w)))));
    } else {
      sum = f64x2.add(sum, f64x2.mul(f64x2.mul(f64x2.splat(0.5), d), d));
    }
    v128.store(g, f64x2.mul(rho, x));
    v128.store(g + apart, f64x2.mul(rho, v));
    v128.store(f1, addProduct(rho, slope, s));
    v128.store(re, f64x2.mul(slope, f64x2.sub(xx, vv)));
    v128.store(im, f64x2.mul(slope, f64x2.mul(f64x2.mul(two, x), v)));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
