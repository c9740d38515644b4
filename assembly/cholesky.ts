// assembly/cholesky.ts — packed UᵀU factor and solve, with the failing pivot in the status
//
// Columns of U are contiguous (entry (i, j) at j(j+1)/2 + i), so every inner product runs along two column prefixes.
// Four columns are processed against two finished ones at a time:
//
//              i  i+1        j  j+1  j+2  j+3
//        m=0   |   |         |   |    |    |
//        ...   | · |    ·    |   |    |    |      eight sums over m < i, then rows i and i+1 of the four columns
//        m=i-1 |   |         |   |    |    |
import { axpy, dot, dotPaired } from "./blas";
import { addProduct, join, zero } from "./lanes";
import { OK, failedAt } from "./status";

/**
 * Columns worked on at a time where U is larger than the near caches: finished columns then pass by once for all of them. A
 * smaller U is near itself, and four columns stay nearer. The bits are the same.
 */
const PANEL: i32 = 32;
const LARGE: i32 = 1200;

// @ts-ignore: decorator
@inline
function columnOf(u: usize, j: i32): usize {
  return u + (((<usize>j * (<usize>j + 1)) >> 1) << 3);
}

/**
 * Rows i, i+1 of the four columns c0…c3, which may repeat: all entries of a row are read before any is written, so a repeated
 * column is computed twice from the same numbers. Column i of U begins at a.
 */
function twoRows(a: usize, i: i32, c0: usize, c1: usize, c2: usize, c3: usize): void {
  const b = a + (<usize>(i + 1) << 3);
  const prefix = <usize>i << 3;
  let s0 = zero(), s1 = zero(), s2 = zero(), s3 = zero();
  let t0 = zero(), t1 = zero(), t2 = zero(), t3 = zero();
  for (let o: usize = 0; o < prefix; o += 16) {
    const p = v128.load(a + o), q = v128.load(b + o);
    let c = v128.load(c0 + o);
    s0 = addProduct(s0, p, c);
    t0 = addProduct(t0, q, c);
    c = v128.load(c1 + o);
    s1 = addProduct(s1, p, c);
    t1 = addProduct(t1, q, c);
    c = v128.load(c2 + o);
    s2 = addProduct(s2, p, c);
    t2 = addProduct(t2, q, c);
    c = v128.load(c3 + o);
    s3 = addProduct(s3, p, c);
    t3 = addProduct(t3, q, c);
  }
  const diagonal = load<f64>(a + prefix);
  const u0 = (load<f64>(c0 + prefix) - join(s0)) / diagonal;
  const u1 = (load<f64>(c1 + prefix) - join(s1)) / diagonal;
  const u2 = (load<f64>(c2 + prefix) - join(s2)) / diagonal;
  const u3 = (load<f64>(c3 + prefix) - join(s3)) / diagonal;
  const above = load<f64>(b + prefix);
  const next = load<f64>(b + prefix, 8);
  const v0 = (load<f64>(c0 + prefix, 8) - (join(t0) + above * u0)) / next;
  const v1 = (load<f64>(c1 + prefix, 8) - (join(t1) + above * u1)) / next;
  const v2 = (load<f64>(c2 + prefix, 8) - (join(t2) + above * u2)) / next;
  const v3 = (load<f64>(c3 + prefix, 8) - (join(t3) + above * u3)) / next;
  store<f64>(c0 + prefix, u0);
  store<f64>(c1 + prefix, u1);
  store<f64>(c2 + prefix, u2);
  store<f64>(c3 + prefix, u3);
  store<f64>(c0 + prefix, v0, 8);
  store<f64>(c1 + prefix, v1, 8);
  store<f64>(c2 + prefix, v2, 8);
  store<f64>(c3 + prefix, v3, 8);
}

/** Rows from…to−1 (both even) of the columns first…last−1, four at a time; a pair of finished columns serves all of them. */
function sweep(u: usize, from: i32, to: i32, first: i32, last: i32): void {
  for (let i = from; i < to; i += 2) {
    const a = columnOf(u, i);
    for (let j = first; j < last; j += 4) {
      const c1 = columnOf(u, min(j + 1, last - 1)), c2 = columnOf(u, min(j + 2, last - 1)), c3 = columnOf(u, min(j + 3, last - 1));
      twoRows(a, i, columnOf(u, j), c1, c2, c3);
    }
  }
}

/** Rows first…j of column j; false if its pivot fails. */
function finishColumn(u: usize, first: i32, j: i32, tolerance: f64): bool {
  const column = columnOf(u, j);
  for (let i = first; i < j; i++) {
    const other = columnOf(u, i);
    const at = <usize>i << 3;
    store<f64>(column + at, (load<f64>(column + at) - dotPaired(other, column, i)) / load<f64>(other + at));
  }
  const at = column + (<usize>j << 3);
  const diagonal = load<f64>(at);
  const pivot = diagonal - dotPaired(column, column, j);
  if (!(pivot > tolerance * diagonal && pivot < Infinity && pivot > 0)) return false;
  store<f64>(at, sqrt<f64>(pivot));
  return true;
}

/**
 * Factors the packed symmetric G = UᵀU in place. A pivot ≤ tolerance·(its diagonal entry), ≤ 0 or not finite stops it.
 * Returns OK or failedAt(pivot). Order: every inner product PAIRED. Cost: p³/3 flops.
 */
export function choleskyFactor(g: usize, p: i32, tolerance: f64): i32 {
  const width = p < LARGE ? 4 : PANEL;
  for (let panel = 0; panel < p; panel += width) {
    const end = min(panel + width, p);
    sweep(g, 0, panel, panel, end);
    for (let j = panel; j < end; j += 4) {
      const last = min(j + 4, end);
      sweep(g, panel, j, j, last);
      for (let k = j; k < last; k++) if (!finishColumn(g, j, k, tolerance)) return failedAt(k);
    }
  }
  return OK;
}

/**
 * Solves UᵀU x = b in place. Order: forward substitution with inner products BY FOUR, backward substitution by whole
 * columns from the last one.
 */
export function choleskySolve(u: usize, p: i32, b: usize): void {
  let column = u;
  for (let j = 0; j < p; j++) {
    const at = <usize>j << 3;
    store<f64>(b + at, (load<f64>(b + at) - dot(column, b, j)) / load<f64>(column + at));
    column += at + 8;
  }
  for (let j = p - 1; j >= 0; j--) {
    const at = <usize>j << 3;
    column -= at + 8;
    const x = load<f64>(b + at) / load<f64>(column + at);
    store<f64>(b + at, x);
    axpy(-x, column, b, j);
  }
}
