/** The orders of summation that the reference and assembly/ share, see reference.ts. Places are in doubles. */

/** Σ aᵢbᵢ, PAIRED. */
export function dotPaired(f: Float64Array, a: number, b: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  const even = n - (n & 1);
  for (let i = 0; i < even; i += 2) {
    s0 += f[a + i] * f[b + i];
    s1 += f[a + i + 1] * f[b + i + 1];
  }
  return even < n ? s0 + s1 + f[a + even] * f[b + even] : s0 + s1;
}

/** Σ aᵢbᵢ, BY FOUR. */
export function dotByFour(f: Float64Array, a: number, b: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    s0 += f[a + i] * f[b + i];
    s1 += f[a + i + 1] * f[b + i + 1];
    s2 += f[a + i + 2] * f[b + i + 2];
    s3 += f[a + i + 3] * f[b + i + 3];
  }
  let sum = s0 + s2 + (s1 + s3);
  for (; i < n; i++) sum += f[a + i] * f[b + i];
  return sum;
}

/** y += alpha·x. */
export function addScaled(f: Float64Array, alpha: number, x: number, y: number, n: number): void {
  for (let i = 0; i < n; i++) f[y + i] += alpha * f[x + i];
}
