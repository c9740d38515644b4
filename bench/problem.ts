/** Seeded problems of a size: Gaussian rows, a product link, a slightly wrong basis. */

export interface Size {
  readonly n: number;
  readonly d: number;
  readonly r: number;
  readonly degree: number;
}

export interface Problem {
  /** n×d, row-major. */
  readonly X: Float64Array;
  readonly y: Float64Array;
  /** d×r, row-major, orthonormal columns. */
  readonly W: Float64Array;
}

export const PENALTY = 1e-4;

/** @param shared - X in a SharedArrayBuffer */
export function problemOf({ n, d, r }: Omit<Size, "degree">, shared = false): Problem {
  let state = 7;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const X = new Float64Array(shared ? new SharedArrayBuffer(8 * n * d) : new ArrayBuffer(8 * n * d));
  for (let i = 0; i < X.length; i++) X[i] = normal();
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let v = 1;
    for (let k = 0; k < r; k++) v *= X[i * d + k] + 0.3;
    y[i] = v + 0.1 * normal();
  }
  const W = new Float64Array(d * r);
  for (let k = 0; k < r; k++) {
    W[k * r + k] = 0.8;
    W[(r + k) * r + k] = 0.6;
  }
  return { X, y, W };
}
