/** The mean-field equations of gradient descent from a spectral start, small and with parts that can be left out. */
import { createRng } from "../base/rng.js";
import { spectralTransition } from "../theory/index.js";

/** What is left out; the names stand in figures. */
export const ABLATIONS = [
  "complete",
  "without memory of the start",
  "without covariance with the start",
  "without the start's own rows",
  "with an independent start",
  "without memory of descent",
] as const;
/** One of them. */
export type Ablation = (typeof ABLATIONS)[number];

const RATIO = 5;
const RIDGE = 0.05;
const STEP = 0.5;
const TRIM = 9;

/**
 * Overlap m(t) for y = z², δ = 5, trim(9), `rational(1)`, η = 0.5, λ = 0.05, by plain Monte Carlo over rows: an implementation of the
 * equations apart from that of `dmft`.
 *
 * Source: [SI §c, §d]. Cost: paths·steps³/6 multiply-adds.
 */
export async function ablatedTrajectory(
  ablation: Ablation,
  { paths: n, steps: T, seed }: { readonly paths: number; readonly steps: number; readonly seed: number },
): Promise<{ overlap: number[]; normSquared: number[] }> {
  const transition = await spectralTransition({ channel: "square", preprocess: `trim(${TRIM})`, ratio: RATIO });
  const m0 = transition.overlap;
  const ls = spectralRoot();
  const isIndependent = ablation === "with an independent start";
  const hasRows = !isIndependent && ablation !== "without the start's own rows";
  const hasStartMemory = !isIndependent && ablation !== "without memory of the start";
  const hasCovariance = !isIndependent && ablation !== "without covariance with the start";
  const hasMemory = ablation !== "without memory of descent";

  const rng = createRng(seed, "ablation");
  const column = (): Float64Array => new Float64Array(n);
  const normals = (): Float64Array => Float64Array.from({ length: n }, () => rng.normal());
  const z = normals();
  const y = z.map((v) => v * v);
  const noise = [normals()];
  // Index 0 of the θ-side is the start ("sp"), index 1 + t is time t.
  const R: Float64Array[] = [];
  const sigma: Float64Array[] = Array.from({ length: T + 2 }, () => new Float64Array(T + 2));
  const startVariance = (1 - m0 * m0) * (ls / RATIO) ** 2;
  sigma[0][0] = startVariance;
  const first = new Float64Array(T + 2);
  first[0] = RATIO / ls;
  R.push(first);
  const m = [m0];
  const factor: Float64Array[] = [Float64Array.of(m0, Math.sqrt(1 - m0 * m0))];
  const g: Float64Array[] = [];
  // Responses G[t][s] of g to u along every path.
  const responses: Float64Array[][] = [];
  const gsp = column();
  const own = column();
  for (let i = 0; i < n; i++) {
    const trimmed = y[i] <= TRIM ? y[i] : 0;
    own[i] = hasRows ? 1 / (1 - trimmed / ls) : 1;
    // g_sp = T ξ⁰ whatever ξ⁰ is taken to be afterwards.
    gsp[i] = (trimmed * (m0 * z[i] + Math.sqrt(1 - m0 * m0) * noise[0][i])) / (1 - trimmed / ls);
  }
  const covariance: number[][] = [[1]];
  for (let t = 0; t <= T; t++) {
    const row = factor[t];
    const u = column();
    for (let i = 0; i < n; i++) {
      let sum = row[0] * z[i];
      for (let k = 1; k < row.length; k++) sum += row[k] * noise[k - 1][i];
      u[i] = sum;
    }
    const gt = column();
    const mine: Float64Array[] = Array.from({ length: t + 1 }, column);
    for (let i = 0; i < n; i++) {
      let xi = t === 0 ? u[i] * own[i] : u[i];
      if (t > 0) {
        if (hasStartMemory) xi += (R[t][0] / RATIO) * gsp[i];
        if (hasMemory) for (let s = 0; s < t; s++) xi += (R[t][1 + s] / RATIO) * g[s][i];
      }
      const square = xi * xi;
      const b = 1 + square + y[i];
      gt[i] = ((square - y[i]) * xi) / b;
      const curvature = ((3 * square - y[i]) * b - 2 * square * (square - y[i])) / (b * b);
      for (let s = 0; s <= t; s++) {
        let d = s === t ? 1 : 0;
        if (t === 0) d = own[i];
        else if (hasMemory) for (let r = s; r < t; r++) d += (R[t][1 + r] / RATIO) * responses[r][s][i];
        if (t > 0 && s === 0 && hasStartMemory) {
          const trimmed = y[i] <= TRIM ? y[i] : 0;
          d += ((R[t][0] / RATIO) * trimmed) / (1 - trimmed / ls);
        }
        mine[s][i] = curvature * d;
      }
    }
    g.push(gt);
    responses.push(mine);
    const mean = (a: Float64Array, b?: Float64Array): number => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += b === undefined ? a[i] : a[i] * b[i];
      return sum / n;
    };
    const gamma = mine.map((values) => mean(values));
    for (let s = 0; s <= t; s++) sigma[1 + t][1 + s] = sigma[1 + s][1 + t] = mean(gt, g[s]) / RATIO;
    sigma[1 + t][0] = sigma[0][1 + t] = hasCovariance ? mean(gt, gsp) / RATIO : 0;
    m.push((1 - STEP * RIDGE) * m[t] - STEP * mean(z, gt));
    const next = R[t].map((value) => (1 - STEP * RIDGE) * value);
    next[1 + t] -= STEP;
    for (let r = 0; r <= t; r++) for (let s = 0; s < next.length; s++) next[s] -= STEP * gamma[r] * R[r][s];
    R.push(next);
    covariance.push(R.map((other, s) => m[t + 1] * m[s] + quadratic(next, sigma, other)));
    factor.push(choleskyRow(factor, covariance[t + 1], m[t + 1]));
    noise.push(normals());
  }
  return { overlap: m.slice(0, T + 1), normSquared: covariance.slice(0, T + 1).map((row, t) => row[t]) };
}

function quadratic(a: Float64Array, sigma: readonly Float64Array[], b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === 0) continue;
    for (let j = 0; j < b.length; j++) sum += a[i] * sigma[i][j] * b[j];
  }
  return sum;
}

/** The next row of the Cholesky factor of the covariance of (z, u⁰, u¹, …). */
function choleskyRow(factor: readonly Float64Array[], covariance: readonly number[], overlap: number): Float64Array {
  const row = new Float64Array(factor.length + 2);
  row[0] = overlap;
  for (let s = 0; s < factor.length; s++) {
    let rest = covariance[s];
    const other = factor[s];
    for (let k = 0; k <= s; k++) rest -= row[k] * other[k];
    row[s + 1] = Math.abs(other[s + 1]) < 1e-9 ? 0 : rest / other[s + 1];
  }
  let rest = covariance[factor.length];
  for (let k = 0; k <= factor.length; k++) rest -= row[k] * row[k];
  row[factor.length + 1] = rest > 1e-9 ? Math.sqrt(rest) : 0;
  return row;
}

/** λ_s of [SI §b]: E[(z² − 1)T/(λ − T)] = 1/δ for T = y·1{y ≤ 9}, by bisection over a fine midpoint rule. */
function spectralRoot(): number {
  const points = 40_000;
  const law = Array.from({ length: points }, (_, i) => {
    const z = (3 * (i + 0.5)) / points;
    return { square: z * z, weight: (3 / points) * 2 * Math.exp(-0.5 * z * z) * 0.3989422804014327 };
  });
  const value = (l: number): number =>
    law.reduce((sum, { square, weight }) => sum + (weight * (square - 1) * square) / (l - square), 0);
  let [low, high] = [TRIM + 1e-9, 1000];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (value(middle) > 1 / RATIO) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
