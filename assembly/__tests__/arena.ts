// assembly/__tests__/arena.ts — blocks of memory, seeded numbers and comparisons for the suites

let state: u32 = 1;

/** Starts the stream of numbers anew. */
export function seed(value: u32): void {
  state = value;
}

/** Next number of the stream, in (−2, 2). */
export function next(): f64 {
  state = state * 1664525 + 1013904223;
  return <f64>(state >> 8) / 4194304.0 - 2.0;
}

/** A fresh array of n doubles, 16-byte aligned, filled with the next numbers. */
export function array(n: i32): usize {
  const p = (heap.alloc((<usize>n << 3) + 16) + 15) & ~15;
  for (let i = 0; i < n; i++) set(p, i, next());
  return p;
}

/** A fresh array of n doubles, all equal. */
export function constant(n: i32, value: f64): usize {
  const p = array(n);
  for (let i = 0; i < n; i++) set(p, i, value);
  return p;
}

/** A copy of n doubles. */
export function copyOf(p: usize, n: i32): usize {
  const q = array(n);
  memory.copy(q, p, <usize>n << 3);
  return q;
}

export function get(p: usize, i: i32): f64 {
  return load<f64>(p + (<usize>i << 3));
}

export function set(p: usize, i: i32, value: f64): void {
  store<f64>(p + (<usize>i << 3), value);
}

/** A block of 96 rows whose padding column, if any, is 0. */
export function block(columns: i32): usize {
  const stride = strideOf(columns);
  const x = array(96 * stride);
  if (stride > columns) for (let i = 0; i < 96; i++) set(x, i * stride + columns, 0);
  return x;
}

export function strideOf(columns: i32): i32 {
  return columns + (columns & 1);
}

/** Place of entry (j, k) in a paired array. */
export function paired(j: i32, k: i32, r: i32): i32 {
  return (j >> 1) * 2 * r + 2 * k + (j & 1);
}

/** Place of entry (i, j), i ≤ j, in a packed array. */
export function packed(i: i32, j: i32): i32 {
  return (j * (j + 1)) / 2 + i;
}

/** Whether two sums of numbers of order 1 agree up to rounding. */
export function close(a: f64, b: f64): bool {
  return abs(a - b) <= 1e-12 * (1 + abs(b));
}
