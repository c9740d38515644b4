/** Single eigenpairs of small symmetric tridiagonal matrices, in O(n): bisection and inverse iteration. */

/** Bisection halves an interval of doubles at most this often before it stands still. */
const HALVINGS = 120;
const INVERSE_STEPS = 3;

/**
 * The k-th largest eigenvalue (k = 0 the largest) of the matrix with this diagonal and these off-diagonal entries.
 *
 * Source: Sturm counts; Barth, Martin & Wilkinson (1967). Cost: O(n) per halving, about 60 of them.
 * @param diagonal - n numbers
 * @param beside - n − 1 numbers
 */
export function tridiagonalEigenvalue(diagonal: Float64Array, beside: Float64Array, k: number): number {
  const n = diagonal.length;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < n; i++) {
    const radius = (i > 0 ? Math.abs(beside[i - 1]) : 0) + (i < n - 1 ? Math.abs(beside[i]) : 0);
    low = Math.min(low, diagonal[i] - radius);
    high = Math.max(high, diagonal[i] + radius);
  }
  const tiny = Number.EPSILON * Number.EPSILON * Math.max(Math.abs(low), Math.abs(high), Number.MIN_VALUE);
  for (let step = 0; step < HALVINGS; step++) {
    const middle = 0.5 * low + 0.5 * high;
    if (middle <= low || middle >= high) break;
    let above = 0;
    let pivot = 1;
    for (let i = 0; i < n; i++) {
      pivot = diagonal[i] - middle - (i > 0 ? (beside[i - 1] / pivot) * beside[i - 1] : 0);
      if (pivot === 0) pivot = -tiny;
      if (pivot > 0) above++;
    }
    if (above > k) low = middle;
    else high = middle;
  }
  return 0.5 * low + 0.5 * high;
}

/**
 * Unit eigenvector to an eigenvalue, by inverse iteration with partial pivoting.
 *
 * Cost: O(n).
 */
export function tridiagonalEigenvector(diagonal: Float64Array, beside: Float64Array, lambda: number): Float64Array {
  const n = diagonal.length;
  let size = Math.abs(lambda);
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(diagonal[i]), i < n - 1 ? Math.abs(beside[i]) : 0);
  // Never so small that dividing by it overflows; for the zero matrix every vector is an eigenvector.
  const floor = Math.max(Number.EPSILON * size, 1e-290);
  // LU of T − λ: u₀ on the diagonal, u₁ and u₂ above it; `factor` and `swapped` repeat the elimination on right sides.
  const u0 = diagonal.map((a) => a - lambda);
  const u1 = new Float64Array(n);
  u1.set(beside);
  const u2 = new Float64Array(n);
  const factor = new Float64Array(n);
  const swapped = new Uint8Array(n);
  for (let i = 0; i + 1 < n; i++) {
    const below = beside[i];
    if (Math.abs(below) > Math.abs(u0[i])) {
      const next = u1[i + 1];
      swapped[i] = 1;
      factor[i] = u0[i] / below;
      const above = u1[i];
      u0[i] = below;
      u1[i] = u0[i + 1];
      u2[i] = next;
      u0[i + 1] = above - factor[i] * u1[i];
      u1[i + 1] = -factor[i] * u2[i];
      continue;
    }
    factor[i] = u0[i] === 0 ? 0 : below / u0[i];
    u0[i + 1] -= factor[i] * u1[i];
  }
  for (let i = 0; i < n; i++) if (Math.abs(u0[i]) < floor) u0[i] = floor;
  // A start without symmetry, so that no eigenvector is orthogonal to it.
  const x = Float64Array.from({ length: n }, (_, i) => 1 + ((i * 7919) % 101) / 101);
  for (let step = 0; step < INVERSE_STEPS; step++) {
    for (let i = 0; i + 1 < n; i++) {
      if (swapped[i] === 1) [x[i], x[i + 1]] = [x[i + 1], x[i]];
      x[i + 1] -= factor[i] * x[i];
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[i];
      if (i + 1 < n) sum -= u1[i] * x[i + 1];
      if (i + 2 < n) sum -= u2[i] * x[i + 2];
      x[i] = sum / u0[i];
    }
    let largest = 0;
    for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(x[i]));
    let square = 0;
    for (let i = 0; i < n; i++) {
      x[i] /= largest;
      square += x[i] * x[i];
    }
    const length = Math.sqrt(square);
    for (let i = 0; i < n; i++) x[i] /= length;
  }
  return x;
}
