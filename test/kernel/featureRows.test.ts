/** Passes over rows with a link in features: against dense matrices, on both kernels. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { FeatureRows, type LinkFeatures } from "../../src/kernel/featureRows.js";
import { LandmarkFeatures } from "../../src/kernel/landmarkFeatures.js";
import { BLOCK_ROWS as B, RADIAL_KINDS } from "../../src/kernel/ops.js";
import { cholesky, choleskySolve, multiply } from "../../src/math/dense.js";
import { expectSame, numbers } from "./harness.js";

const [n, k, r, p] = [130, 3, 2, 4];
const control = new RunControl();

/** φ = (1, z₁, z₂, z₁z₂). */
const products: LinkFeatures = {
  count: p,
  slots: {},
  load() {},
  settle() {},
  values(_arena, m, z, _rows, phi) {
    for (let i = 0; i < B; i++) {
      const [a, b] = [m.f64[z / 8 + i], m.f64[z / 8 + B + i]];
      [1, a, b, a * b].forEach((value, j) => {
        m.f64[phi / 8 + j * B + i] = value;
      });
    }
  },
  slopes(arena, m, z, _rows, out) {
    const c = arena.view(m, "c");
    for (let i = 0; i < B; i++) {
      const [a, b] = [m.f64[z / 8 + i], m.f64[z / 8 + B + i]];
      m.f64[out / 8 + i] = c[1] + c[3] * b;
      m.f64[out / 8 + B + i] = c[2] + c[3] * a;
    }
  },
};

const random = numbers(8);
const x = random.array(n * k);
const y = random.array(n);
const weights = Float64Array.from({ length: n }, (_, i) => (i % 5 === 0 ? 0 : 0.5 + random.uniform()));
const directions = random.array(k * r);
const z = multiply(x, directions, n, k, r);
const phi = (i: number): number[] => [1, z[2 * i], z[2 * i + 1], z[2 * i] * z[2 * i + 1]];
const penalty = Float64Array.of(0.1, 0.2, 0.3, 0.4);
const packed = (s: ArrayLike<number>, i: number, j: number): number =>
  s[i <= j ? (j * (j + 1)) / 2 + i : (i * (i + 1)) / 2 + j];

/** Σ wᵢaᵢaᵢᵀ as a full matrix. */
function gramOf(rows: readonly number[][]): Float64Array {
  const q = rows[0].length;
  const out = new Float64Array(q * q);
  rows.forEach((a, i) => {
    for (let s = 0; s < q; s++) for (let t = 0; t < q; t++) out[s * q + t] += weights[i] * a[s] * a[t];
  });
  return out;
}
const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, size = 1): void => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) < 1e-9 * size))
      throw new Error(`${i}: ${actual[i]}, expected ${expected[i]}`);
  }
};

describe.each(["wasm", "reference"] as const)("%s", (kernel) => {
  it("link, residuals, slopes, leverages and sandwich are those of dense matrices", async () => {
    const rows = await FeatureRows.create({ x, n, k, y, weights }, r, products, true, kernel, control);
    rows.setDirections(directions);
    const { gram, moment } = await rows.normalEquations();
    const features = Array.from({ length: n }, (_, i) => phi(i));
    const dense = gramOf(features);
    close(
      Array.from({ length: p * p }, (_, at) => packed(gram, Math.floor(at / p), at % p)),
      dense,
      1e3,
    );
    const regular = dense.map((v, at) => v + (at % (p + 1) === 0 ? penalty[at / (p + 1)] : 0));
    const factor = cholesky(regular, p);
    if (!factor.ok) throw new Error("singular");
    const right = Float64Array.from({ length: p }, (_, j) =>
      features.reduce((sum, a, i) => sum + weights[i] * a[j] * y[i], 0),
    );
    close(moment, right, 1e3);
    const c = rows.solve(penalty) as Float64Array;
    close(c, choleskySolve(factor.lower, p, right));
    close(
      await rows.linkLeverages(),
      features.map((a, i) => weights[i] * a.reduce((sum, v, j) => sum + v * choleskySolve(factor.lower, p, a)[j], 0)),
    );

    const sums = await rows.linkSums();
    const slopes = features.map((a) => [c[1] + c[3] * a[2], c[2] + c[3] * a[1]]);
    close(
      sums.residuals,
      features.map((a, i) => y[i] - a.reduce((sum, v, j) => sum + v * c[j], 0)),
      10,
    );
    close(sums.gradients, slopes.flat(), 10);
    close(
      sums.gradientMoment,
      [0, 1, 2, 3].map((at) => slopes.reduce((sum, g, i) => sum + weights[i] * g[at >> 1] * g[at & 1], 0)),
      1e3,
    );
    expect(sums.sumSquares).toBeCloseTo(
      sums.residuals.reduce((sum, e, i) => sum + weights[i] * e * e, 0),
      9,
    );

    // A = [φ, x_a·∂_jf], direction j·k + a behind the features.
    const q = p + k * r;
    const tangent = features.map((a, i) => [
      ...a,
      ...slopes[i].flatMap((g) => Array.from(x.subarray(i * k, (i + 1) * k), (v) => v * g)),
    ]);
    const equations = await rows.tangentEquations();
    const full = gramOf(tangent);
    for (let s = 0; s < q; s++) {
      for (let t = 0; t < q; t++) expect(packed(equations.gram, s, t)).toBeCloseTo(full[s * q + t], 8);
      const expected = tangent.reduce((sum, a, i) => sum + weights[i] * a[s] * sums.residuals[i], 0);
      expect(equations.moment[s]).toBeCloseTo(expected, 8);
    }
    const s = equations.gram.slice();
    for (let j = 0; j < q; j++) s[(j * (j + 1)) / 2 + j] += j < p ? penalty[j] : 0.5;
    const whole = full.map((v, at) => v + (at % (q + 1) === 0 ? (at / (q + 1) < p ? penalty[at / (q + 1)] : 0.5) : 0));
    const lower = cholesky(whole, q);
    if (!lower.ok) throw new Error("singular");
    close(rows.tangentSolve(s, equations.moment) as Float64Array, choleskySolve(lower.lower, q, equations.moment));
    const { link, total } = await rows.leverages();
    const solved = tangent.map((a) => choleskySolve(lower.lower, q, a));
    close(
      total,
      tangent.map((a, i) => weights[i] * a.reduce((sum, v, j) => sum + v * solved[i][j], 0)),
    );
    expect(link.every((h, i) => h <= total[i] + 1e-12)).toBe(true);

    const errors = random.array(n);
    const moving = k * r;
    const meat = new Float64Array(moving * moving);
    solved.forEach((v, i) => {
      for (let a = 0; a < moving; a++) {
        for (let b = 0; b < moving; b++) meat[a * moving + b] += weights[i] * errors[i] ** 2 * v[p + a] * v[p + b];
      }
    });
    close(await rows.sandwich(errors), meat);
    rows.dispose();
    await expect(rows.linkSums()).rejects.toMatchObject({ code: "DISPOSED" });
  });

  it("singular features and directions are refused, not solved", async () => {
    const rows = await FeatureRows.create({ x, n, k, y }, r, products, true, kernel, control);
    rows.setDirections(new Float64Array(k * r));
    await rows.normalEquations();
    expect(rows.solve(new Float64Array(p))).toBeUndefined();
    expect(rows.solve(penalty)).toBeDefined();
    const { gram } = await rows.tangentEquations();
    expect(rows.tangentSolve(gram)).toBeUndefined();
    rows.dispose();
  });
});

it("landmark features have the process as their kernel: φ·φ′ is s²κ + l²z·z′ + 10 at the landmarks", async () => {
  const landmarks = z.slice(0, 20);
  const features = new LandmarkFeatures(RADIAL_KINDS.gauss, r, landmarks, 1.7, 0.3);
  const rows = await FeatureRows.create({ x, n: 10, k, y: y.slice(0, 10) }, r, features, false, "wasm", control);
  rows.setDirections(directions);
  const noise = 1e-3;
  await rows.normalEquations();
  const c = rows.solve(new Float64Array(features.count).fill(noise)) as Float64Array;
  const { residuals } = await rows.linkSums();
  // ρ = σ²(K + σ²I)⁻¹y for a process whose landmarks are the rows.
  const covariance = Float64Array.from({ length: 100 }, (_, at) => {
    const [i, j] = [Math.floor(at / 10), at % 10];
    const q = (z[2 * i] - z[2 * j]) ** 2 + (z[2 * i + 1] - z[2 * j + 1]) ** 2;
    const inner = z[2 * i] * z[2 * j] + z[2 * i + 1] * z[2 * j + 1];
    return 1.7 * Math.exp(-q / 2) + 0.3 * inner + 10 + (i === j ? noise : 0);
  });
  const factor = cholesky(covariance, 10);
  if (!factor.ok) throw new Error("singular");
  const expected = choleskySolve(factor.lower, 10, y.slice(0, 10)).map((v) => v * noise);
  residuals.forEach((rho, i) => {
    expect(Math.abs(rho - expected[i])).toBeLessThan(1e-6);
  });
  const { constant } = features.weightsOf(c);
  expectSame(constant, c[c.length - 1] * Math.sqrt(10), "constant");
  rows.dispose();
});
