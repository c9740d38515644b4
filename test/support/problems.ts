/** Seeded test problems y = f(Wᵀx) + noise; the test's own generator, independent of the package's. */
export interface TestProblem {
  readonly X: { data: Float64Array; rows: number; columns: number };
  readonly y: Float64Array;
  /** True directions, d rows of r. */
  readonly W: number[][];
}

/** Small multiplicative generator with Box–Muller normals. */
export function generator(seed: number): { uniform(): number; normal(): number } {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { uniform, normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()) };
}

export type LinkFunction = (z: readonly number[]) => number;

/** Gaussian inputs, a random orthonormal W, y = f(Wᵀx) + noise·N(0, 1). */
export function sample(f: LinkFunction, r: number, n: number, d: number, noise: number, seed: number): TestProblem {
  const { normal } = generator(seed);
  const columns: number[][] = [];
  for (let k = 0; k < r; k++) {
    const v = Array.from({ length: d }, normal);
    for (let pass = 0; pass < 2; pass++) {
      for (const q of columns) {
        const c = q.reduce((sum, x, i) => sum + x * v[i], 0);
        for (let i = 0; i < d; i++) v[i] -= c * q[i];
      }
    }
    const size = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    columns.push(v.map((x) => x / size));
  }
  const data = Float64Array.from({ length: n * d }, normal);
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const z = columns.map((w) => w.reduce((sum, x, j) => sum + x * data[i * d + j], 0));
    y[i] = f(z) + noise * normal();
  }
  const W = Array.from({ length: d }, (_, j) => columns.map((w) => w[j]));
  return { X: { data, rows: n, columns: d }, y, W };
}

/** The problems of [MI §7.5] with the outer iterations that Gauss–Newton may need from the slice start. */
export const TABLE: readonly {
  name: string;
  f: LinkFunction;
  r: number;
  n: number;
  d: number;
  degree: number;
  gaussNewton: number;
}[] = [
  { name: "x1 + x1x2", f: ([a, b]) => a + a * b, r: 2, n: 2000, d: 20, degree: 4, gaussNewton: 4 },
  { name: "x1x2", f: ([a, b]) => a * b, r: 2, n: 4000, d: 50, degree: 4, gaussNewton: 5 },
  {
    name: "tanh net",
    f: ([a, b]) => Math.tanh(a + b) - 0.5 * Math.tanh(a - 2 * b + 0.5),
    r: 2,
    n: 5000,
    d: 50,
    degree: 6,
    gaussNewton: 5,
  },
  { name: "staircase", f: ([a, b, c]) => a + a * b + a * b * c, r: 3, n: 6000, d: 50, degree: 4, gaussNewton: 5 },
  {
    name: "relu + h2",
    f: ([a, b]) => Math.max(a, 0) + (b * b - 1) / Math.SQRT2,
    r: 2,
    n: 8000,
    d: 100,
    degree: 6,
    gaussNewton: 5,
  },
  {
    name: "long staircase",
    f: ([a, b, c]) => a + a * b + a * b * c,
    r: 3,
    n: 20000,
    d: 100,
    degree: 5,
    gaussNewton: 5,
  },
];
