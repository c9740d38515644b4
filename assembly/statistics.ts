// assembly/statistics.ts — moments of the rows themselves: standardizing, column sums, second moments
import { accumulateTransposed } from "./gemm";
import { ROWS, addPairTo, addProduct, zero } from "./lanes";

/** The pairs of four rows: x and y are the first two, the others lie `from` and `to` further. */
// @ts-ignore: decorator
@inline
function fourRows(
  x: usize, y: usize, a: usize, b: usize, from: usize, to: usize, bytes: usize, center: usize, inverseScale: usize,
): void {
  for (const end = center + bytes; center < end; center += 16, inverseScale += 16) {
    const c = v128.load(center), s = v128.load(inverseScale);
    v128.store(a, f64x2.mul(f64x2.sub(v128.load(x), c), s));
    v128.store(b, f64x2.mul(f64x2.sub(v128.load(y), c), s));
    v128.store(a + to, f64x2.mul(f64x2.sub(v128.load(x + from), c), s));
    v128.store(b + to, f64x2.mul(f64x2.sub(v128.load(y + from), c), s));
    x += 16;
    y += 16;
    a += 16;
    b += 16;
  }
}

/** The last column of an odd number, and the padding beside it. */
// @ts-ignore: decorator
@inline
function lastOf(src: usize, dst: usize, center: usize, inverseScale: usize): void {
  store<f64>(dst, (load<f64>(src) - load<f64>(center)) * load<f64>(inverseScale));
  store<f64>(dst, 0, 8);
}

/**
 * Raw rows (row-major, `columns` per row) into block layout, centred and scaled: dst = (src − center)·inverseScale.
 * Rows ≥ `rows` and the padding column become 0.
 */
export function standardize(
  src: usize, dst: usize, rows: i32, columns: i32, stride: i32, center: usize, inverseScale: usize,
): void {
  const from = <usize>columns << 3, to = <usize>stride << 3;
  const pairs = <usize>(columns & ~1) << 3;
  const end = dst + ROWS * to;
  for (; rows >= 4; rows -= 4) {
    fourRows(src, src + from, dst, dst + to, from << 1, to << 1, pairs, center, inverseScale);
    if (columns & 1) {
      for (let k: usize = 0; k < 4; k++) {
        lastOf(src + k * from + pairs, dst + k * to + pairs, center + pairs, inverseScale + pairs);
      }
    }
    src += from << 2;
    dst += to << 2;
  }
  for (; rows > 0; rows--) {
    for (let o: usize = 0; o < pairs; o += 16) {
      const shifted = f64x2.sub(v128.load(src + o), v128.load(center + o));
      v128.store(dst + o, f64x2.mul(shifted, v128.load(inverseScale + o)));
    }
    if (columns & 1) lastOf(src + pairs, dst + pairs, center + pairs, inverseScale + pairs);
    src += from;
    dst += to;
  }
  memory.fill(dst, 0, end - dst);
}

/** sums[j] += Σᵢ weights[i]·x[i][j]. Order: as accumulateTransposed, whose paired layout is the plain one at r = 1. */
export function columnSums(x: usize, stride: i32, weights: usize, sums: usize): void {
  accumulateTransposed(x, stride, 1, weights, sums);
}

/** w·x·x, in this order. */
// @ts-ignore: decorator
@inline
function weightedSquare(w: v128, x: v128): v128 {
  return f64x2.mul(f64x2.mul(w, x), x);
}

/** sums[j] += Σᵢ weights[i]·x[i][j]². Order: groups of 4 rows, sums += (t0 + t1) + (t2 + t3). */
export function columnSquares(x: usize, stride: i32, weights: usize, sums: usize): void {
  const pitch = <usize>stride << 3;
  for (const last = weights + (ROWS << 3); weights < last; weights += 32) {
    const w0 = v128.load64_splat(weights), w1 = v128.load64_splat(weights, 8);
    const w2 = v128.load64_splat(weights, 16), w3 = v128.load64_splat(weights, 24);
    const end = x + pitch;
    let x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch, out = sums;
    while (x < end) {
      const first = f64x2.add(weightedSquare(w0, v128.load(x)), weightedSquare(w1, v128.load(x1)));
      const second = f64x2.add(weightedSquare(w2, v128.load(x2)), weightedSquare(w3, v128.load(x3)));
      addPairTo(out, f64x2.add(first, second));
      x += 16;
      x1 += 16;
      x2 += 16;
      x3 += 16;
      out += 16;
    }
    x = x3;
  }
}

// The scaled copy wᵢ·x[i] lies in `scratch` as panels of four columns (the last has two when stride is not a multiple
// of four), so that a tile reads one panel in sequence and a strided strip of four columns of x that stays in the cache:
//
//   | row 0: a a+1 a+2 a+3 | row 1: ... | ... | row 95 |   next panel ...

/** Bytes of a full panel. */
const PANEL: usize = ROWS * 32;

function fillPanels(x: usize, stride: i32, weights: usize, scratch: usize): void {
  const pitch = <usize>stride << 3;
  const full = pitch & ~31;
  for (let i: usize = 0; i < ROWS; i++) {
    const w = v128.load64_splat(weights + (i << 3));
    let out = scratch + (i << 5);
    for (let o: usize = 0; o < full; o += 32, out += PANEL) {
      v128.store(out, f64x2.mul(w, v128.load(x + o)));
      v128.store(out, f64x2.mul(w, v128.load(x + o, 16)), 16);
    }
    if (full < pitch) v128.store(out - (i << 4), f64x2.mul(w, v128.load(x + full)));
    x += pitch;
  }
}

/** Adds the tile of `tall` ? 4 : 2 rows and `wide` ? 4 : 2 columns of Σ panel·xᵀ. Order: IN ORDER over the rows of x. */
// @ts-ignore: decorator
@inline
function outer(tall: bool, wide: bool, panel: usize, x: usize, pitch: usize, out: usize): void {
  let a0 = zero(), a1 = zero(), a2 = zero(), a3 = zero();
  let b0 = zero(), b1 = zero(), b2 = zero(), b3 = zero();
  const end = panel + (tall ? PANEL : PANEL >> 1);
  while (panel < end) {
    const p = v128.load(x);
    const q = wide ? v128.load(x, 16) : p;
    let v = v128.load64_splat(panel);
    a0 = addProduct(a0, v, p);
    if (wide) b0 = addProduct(b0, v, q);
    v = v128.load64_splat(panel, 8);
    a1 = addProduct(a1, v, p);
    if (wide) b1 = addProduct(b1, v, q);
    if (tall) {
      v = v128.load64_splat(panel, 16);
      a2 = addProduct(a2, v, p);
      if (wide) b2 = addProduct(b2, v, q);
      v = v128.load64_splat(panel, 24);
      a3 = addProduct(a3, v, p);
      if (wide) b3 = addProduct(b3, v, q);
    }
    panel += tall ? 32 : 16;
    x += pitch;
  }
  addPairTo(out, a0);
  if (wide) addPairTo(out + 16, b0);
  out += pitch;
  addPairTo(out, a1);
  if (wide) addPairTo(out + 16, b1);
  if (!tall) return;
  out += pitch;
  addPairTo(out, a2);
  if (wide) addPairTo(out + 16, b2);
  out += pitch;
  addPairTo(out, a3);
  if (wide) addPairTo(out + 16, b3);
}

function outerFull(panel: usize, x: usize, pitch: usize, out: usize): void {
  outer(true, true, panel, x, pitch, out);
}
function outerNarrow(panel: usize, x: usize, pitch: usize, out: usize): void {
  outer(true, false, panel, x, pitch, out);
}
function outerCorner(panel: usize, x: usize, pitch: usize, out: usize): void {
  outer(false, false, panel, x, pitch, out);
}

/**
 * out += Σᵢ weights[i]·x[i] x[i]ᵀ, row-major stride×stride, tiles on and above the diagonal.
 * `scratch`: 96·stride doubles. Order: IN ORDER over the rows with terms (wᵢ·x[i][a])·x[i][b], then added.
 */
export function secondMoment(x: usize, stride: i32, weights: usize, scratch: usize, out: usize): void {
  fillPanels(x, stride, weights, scratch);
  const pitch = <usize>stride << 3;
  const full = pitch & ~31;
  for (let b: usize = 0; b < full; b += 32) {
    for (let a: usize = 0; a <= b; a += 32) outerFull(scratch + a * ROWS, x + b, pitch, out + (a >> 3) * pitch + b);
  }
  if (full == pitch) return;
  for (let a: usize = 0; a < full; a += 32) outerNarrow(scratch + a * ROWS, x + full, pitch, out + (a >> 3) * pitch + full);
  outerCorner(scratch + full * ROWS, x + full, pitch, out + (full >> 3) * pitch + full);
}
