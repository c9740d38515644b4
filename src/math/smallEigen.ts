/** Eigenvalues and eigenvectors of symmetric matrices of a few rows, where a library's set-up costs more than the work. */

/** Up to this size rotations are faster than a tridiagonal reduction. */
export const SMALL = 8;
const MAX_SWEEPS = 30;
/** Off-diagonal entries below this part of the largest entry count as zero. */
const NEGLIGIBLE = 2 ** -56;

/**
 * A = V·diag(values)·Vᵀ by cyclic Jacobi rotations; values ascending, vectors in columns, row-major. + − × ÷ √ in a fixed
 * order, so the same bits everywhere.
 *
 * @param a - symmetric n×n row-major, finite, squares in range; destroyed
 * Source: Golub & Van Loan, §8.5. Cost: about 6n³ flops a sweep, 3 to 6 sweeps.
 */
export function smallEigen(a: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const vectors = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n * n; i++) largest = Math.max(largest, Math.abs(a[i]));
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const floor = NEGLIGIBLE * largest;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = a[p * n + q];
        if (!(Math.abs(off) > floor)) continue;
        rotated = true;
        const zeta = (a[q * n + q] - a[p * n + p]) / (2 * off);
        const size = Math.abs(zeta);
        const tangent = (size > 1e8 ? 0.5 / size : 1 / (size + Math.sqrt(1 + size * size))) * (zeta < 0 ? -1 : 1);
        const cosine = 1 / Math.sqrt(1 + tangent * tangent);
        rotate(a, vectors, n, p, q, tangent, cosine, cosine * tangent);
      }
    }
    if (!rotated) break;
  }
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = a[i * n + i];
  sortAscending(values, vectors, n);
  return { values, vectors };
}

/** A ← JᵀAJ and V ← VJ with the rotation J in the plane (p, q) that makes a_pq vanish. */
function rotate(
  a: Float64Array,
  v: Float64Array,
  n: number,
  p: number,
  q: number,
  tangent: number,
  cosine: number,
  sine: number,
): void {
  const change = tangent * a[p * n + q];
  a[p * n + p] -= change;
  a[q * n + q] += change;
  a[p * n + q] = a[q * n + p] = 0;
  for (let i = 0; i < n; i++) {
    const x = v[i * n + p];
    const y = v[i * n + q];
    v[i * n + p] = cosine * x - sine * y;
    v[i * n + q] = sine * x + cosine * y;
    if (i === p || i === q) continue;
    const b = a[i * n + p];
    const c = a[i * n + q];
    a[i * n + p] = a[p * n + i] = cosine * b - sine * c;
    a[i * n + q] = a[q * n + i] = sine * b + cosine * c;
  }
}

function sortAscending(values: Float64Array, v: Float64Array, n: number): void {
  for (let k = 0; k < n - 1; k++) {
    let least = k;
    for (let l = k + 1; l < n; l++) if (values[l] < values[least]) least = l;
    if (least === k) continue;
    const value = values[k];
    values[k] = values[least];
    values[least] = value;
    for (let i = 0; i < n; i++) {
      const kept = v[i * n + k];
      v[i * n + k] = v[i * n + least];
      v[i * n + least] = kept;
    }
  }
}
