// assembly/hermite.ts — Hermite values of a block by recurrence, and their products
//
//   z ──► h[0] h[1] h[2] …   six rows of the block at a time go through the degrees with the last two values in registers
import { ROW_BYTES } from "./lanes";

/** Degrees for which the constants of the recurrence stand ready at a time. */
const STAGE: i32 = 32;
/** √m and 1/√(m+1) for the degrees of a stage. */
const constants: usize = memory.data(STAGE * 16, 16);

/** How many of those of the first stage stand there already: roots and divisions take longer than a block of low degree. */
let ready: i32 = 0;

function prepare(from: i32, to: i32): void {
  if (from == 1 && to - from <= ready) return;
  let at = constants;
  for (let m = from; m < to; m++) {
    store<f64>(at, sqrt<f64>(<f64>m));
    store<f64>(at, 1 / sqrt<f64>(<f64>(m + 1)), 8);
    at += 16;
  }
  ready = from == 1 ? to - from : 0;
}

/** (x·b − root·a)·inverse with the constants at `at`. */
// @ts-ignore: decorator
@inline
function next(x: v128, b: v128, a: v128, at: usize): v128 {
  return f64x2.mul(f64x2.sub(f64x2.mul(x, b), f64x2.mul(v128.load64_splat(at), a)), v128.load64_splat(at, 8));
}

/** h[m+1] from h[m] and h[m−1] for from ≤ m < to, with the constants of that stage. Two degrees a turn: no registers change roles. */
function climb(z: usize, from: i32, to: i32, h: usize): void {
  h += <usize>(from - 1) * ROW_BYTES;
  const pairs = constants + (<usize>((to - from) & ~1) << 4);
  const odd = ((to - from) & 1) == 1;
  for (const end = z + ROW_BYTES; z < end; z += 48, h += 48) {
    const x0 = v128.load(z), x1 = v128.load(z, 16), x2 = v128.load(z, 32);
    let a0 = v128.load(h), a1 = v128.load(h, 16), a2 = v128.load(h, 32);
    let b0 = v128.load(h, ROW_BYTES), b1 = v128.load(h, ROW_BYTES + 16), b2 = v128.load(h, ROW_BYTES + 32);
    let out = h + 2 * ROW_BYTES;
    let at = constants;
    for (; at < pairs; at += 32) {
      a0 = next(x0, b0, a0, at);
      a1 = next(x1, b1, a1, at);
      a2 = next(x2, b2, a2, at);
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      b0 = next(x0, a0, b0, at + 16);
      b1 = next(x1, a1, b1, at + 16);
      b2 = next(x2, a2, b2, at + 16);
      v128.store(out, b0, ROW_BYTES);
      v128.store(out, b1, ROW_BYTES + 16);
      v128.store(out, b2, ROW_BYTES + 32);
      out += 2 * ROW_BYTES;
    }
    if (odd) {
      v128.store(out, next(x0, b0, a0, at));
      v128.store(out, next(x1, b1, a1, at), 16);
      v128.store(out, next(x2, b2, a2, at), 32);
    }
  }
}

/**
 * h[m] = scale·h_m(z), m = 0…degree, normalised probabilists' polynomials.
 *
 * h_{m+1} = (z·h_m − √m·h_{m−1})·(1/√(m+1)): the reciprocal is rounded once per degree, not once per row. The recurrence
 * is linear, so it carries the scale along from h[0] = scale and h[1] = z·scale.
 */
export function hermite(z: usize, scale: usize, degree: i32, h: usize): void {
  if (degree > 0) for (let o: usize = 0; o < ROW_BYTES; o += 16) {
    v128.store(h + o, f64x2.mul(v128.load(z + o), v128.load(scale + o)), ROW_BYTES);
  }
  memory.copy(h, scale, ROW_BYTES);
  recur(z, degree, h);
}

/** The same with scale 1. */
function plainHermite(z: usize, degree: i32, h: usize): void {
  const one = f64x2.splat(1);
  for (let o: usize = 0; o < ROW_BYTES; o += 16) v128.store(h + o, one);
  if (degree > 0) memory.copy(h + ROW_BYTES, z, ROW_BYTES);
  recur(z, degree, h);
}

/** h[2] … h[degree] from h[0] and h[1]. */
function recur(z: usize, degree: i32, h: usize): void {
  for (let m = 1; m < degree; m += STAGE) {
    const to = min(m + STAGE, degree);
    prepare(m, to);
    climb(z, m, to, h);
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
    plainHermite(z + <usize>k * ROW_BYTES, degree, h + <usize>(k * (degree + 1)) * ROW_BYTES);
  }
  memory.copy(phi, scale, ROW_BYTES);
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
