// assembly/tridiagonal.ts — Householder reduction of a packed symmetric matrix, one sweep over it per step
//
// Column j of the packed upper triangle is row j of the lower one, so every loop runs along contiguous entries. The
// rank-2 update that a step leaves behind is applied by the next one, in the same sweep that multiplies by its own
// reflector: the matrix is read and written once per step.
//
//     row i    a b c d │e        updated first: it holds the next reflector x
//     rows < i a ← a − (v wᵀ + w vᵀ),  y += a x     with v, w of the step before
import { axpy, divide, dot, largest } from "./blas";
import { addProduct } from "./lanes";

/** Row ← row − (v_j w + w_j v) for its first n entries. */
function updateRow(row: usize, n: i32, vj: f64, wj: f64, v: usize, w: usize): void {
  const a = f64x2.splat(vj), b = f64x2.splat(wj);
  let o: usize = 0;
  for (const end = <usize>(n & ~1) << 3; o < end; o += 16) {
    const change = addProduct(f64x2.mul(a, v128.load(w + o)), b, v128.load(v + o));
    v128.store(row + o, f64x2.sub(v128.load(row + o), change));
  }
  if (n & 1) store<f64>(row + o, load<f64>(row + o) - (vj * load<f64>(w + o) + wj * load<f64>(v + o)));
}

/**
 * The same for row j < i together with its part of y = Ax: y_k += a_jk x_j for k < j, and y_j = Σ_{k≤j} a_jk x_k, the
 * sum over k < j BY FOUR and the diagonal last.
 */
function sweepRow(row: usize, j: i32, v: usize, w: usize, x: usize, y: usize): void {
  const at = <usize>j << 3;
  const vj = load<f64>(v + at), wj = load<f64>(w + at), xj = load<f64>(x + at);
  const a = f64x2.splat(vj), b = f64x2.splat(wj), c = f64x2.splat(xj);
  let s01 = f64x2.splat(0), s23 = f64x2.splat(0);
  let o: usize = 0;
  for (const end = <usize>(j & ~3) << 3; o < end; o += 32) {
    let change = addProduct(f64x2.mul(a, v128.load(w + o)), b, v128.load(v + o));
    let r = f64x2.sub(v128.load(row + o), change);
    v128.store(row + o, r);
    s01 = addProduct(s01, r, v128.load(x + o));
    v128.store(y + o, addProduct(v128.load(y + o), c, r));
    change = addProduct(f64x2.mul(a, v128.load(w + o, 16)), b, v128.load(v + o, 16));
    r = f64x2.sub(v128.load(row + o, 16), change);
    v128.store(row + o, r, 16);
    s23 = addProduct(s23, r, v128.load(x + o, 16));
    v128.store(y + o, addProduct(v128.load(y + o, 16), c, r), 16);
  }
  const s = f64x2.add(s01, s23);
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
  for (; o < at; o += 8) {
    const r = load<f64>(row + o) - (vj * load<f64>(w + o) + wj * load<f64>(v + o));
    store<f64>(row + o, r);
    sum += r * load<f64>(x + o);
    store<f64>(y + o, load<f64>(y + o) + xj * r);
  }
  const r = load<f64>(row + at) - (vj * wj + wj * vj);
  store<f64>(row + at, r);
  store<f64>(y + at, sum + r * xj);
}

/**
 * T = QᵀAQ and b ← Qᵀb for an orthogonal Q. A is packed upper by columns, n×n, and destroyed; T is its diagonal and the
 * n − 1 entries beside it. `work`: 4n doubles.
 *
 * Reflectors annihilate rows from the last one up, scaled by their largest entry, so that no square leaves the range of
 * doubles. Order: inner products BY FOUR. Cost: 4n³/3 flops.
 */
export function tridiagonalize(a: usize, n: i32, b: usize, diagonal: usize, beside: usize, work: usize): void {
  const bytes = <usize>n << 3;
  let v = work, w = work + bytes, x = work + 2 * bytes, y = work + 3 * bytes;
  memory.fill(v, 0, 2 * bytes);
  let row = a + (((<usize>n * (<usize>n - 1)) >> 1) << 3);
  for (let i = n - 1; i >= 1; i--) {
    const at = <usize>i << 3;
    updateRow(row, i + 1, load<f64>(v + at), load<f64>(w + at), v, w);
    store<f64>(diagonal + at, load<f64>(row + at));
    const size = largest(row, i);
    let beta: f64 = 0;
    if (i == 1 || size == 0) {
      store<f64>(beside + at - 8, load<f64>(row + at - 8));
      memory.fill(x, 0, at);
    } else {
      memory.copy(x, row, at);
      divide(x, i, size);
      const norm = sqrt<f64>(dot(x, x, i));
      const last = load<f64>(x + at - 8);
      store<f64>(x + at - 8, last + (last < 0 ? -norm : norm));
      store<f64>(beside + at - 8, (last < 0 ? norm : -norm) * size);
      // 2/‖x‖² with ‖x‖² = 2·norm·(norm + |last|)
      beta = 1 / (norm * (norm + abs(last)));
    }
    let entry = a;
    for (let j = 0; j < i; j++) {
      sweepRow(entry, j, v, w, x, y);
      entry += <usize>(j + 1) << 3;
    }
    for (let o: usize = 0; o < at; o += 8) store<f64>(y + o, beta * load<f64>(y + o));
    axpy(-(0.5 * beta * dot(y, x, i)), x, y, i);
    axpy(-(beta * dot(x, b, i)), x, b, i);
    let swap = v;
    v = x;
    x = swap;
    swap = w;
    w = y;
    y = swap;
    row -= at;
  }
  if (n > 0) store<f64>(diagonal, load<f64>(a));
}
