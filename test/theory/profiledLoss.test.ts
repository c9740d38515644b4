/** The profiled objective: golden values, Taylor remainder of its gradient, invariance. */
import { describe, expect, it } from "vitest";
import { type ProfiledLossOptions, profiledLoss } from "../../src/theory/profiledLoss.js";
import { finiteSample } from "../support/finiteSample.js";
import { generator, sample } from "../support/problems.js";

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]) / Math.max(1, Math.abs(b[i]))), 0);
};

describe("golden values of the finite-sample objective", () => {
  for (const kernel of ["wasm", "reference"] as const) {
    it.each(finiteSample.cases)(`n $n, d $d, r $r, degree $s on ${kernel}`, async (c) => {
      const got = await profiledLoss(c.X, c.y, c.W, {
        degree: c.s,
        penalty: c.mu,
        degreeWeights: c.degree_weights,
        kernel,
      });
      expect(got.kernel.name).toBe(kernel);
      expect(Math.abs(got.loss / c.loss - 1)).toBeLessThan(1e-10);
      expect(Math.abs(got.meanSquareResidual / c.mean_square_residual - 1)).toBeLessThan(1e-10);
      expect(worst(got.coefficients, c.coefficients)).toBeLessThan(1e-10);
      expect(worst(got.gradient.to1DArray(), c.euclidean_gradient.flat())).toBeLessThan(1e-10);
      expect(worst(got.tangentGradient.to1DArray(), c.grassmann_gradient.flat())).toBeLessThan(1e-10);
    });
  }
});

/** Columns orthonormalized by Gram–Schmidt, twice. */
function orthonormal(W: number[][]): number[][] {
  const columns = W[0].map((_, k) => W.map((row) => row[k]));
  columns.forEach((v, k) => {
    for (let pass = 0; pass < 2; pass++) {
      for (const q of columns.slice(0, k)) {
        const c = q.reduce((sum, x, i) => sum + x * v[i], 0);
        for (let i = 0; i < v.length; i++) v[i] -= c * q[i];
      }
      const size = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
      for (let i = 0; i < v.length; i++) v[i] /= size;
    }
  });
  return W.map((_, i) => columns.map((v) => v[i]));
}

describe("gradient of the profiled loss", () => {
  it.each([
    [1, 5],
    [2, 4],
    [3, 3],
  ])("has a Taylor remainder of slope 2 (rank %i, degree %i)", async (r, degree) => {
    const { X, y } = sample((z) => z.reduce((p, v) => p * v, 1) + z[0], r, 500, 9, 0.2, 3);
    const { normal } = generator(5);
    const W = orthonormal(Array.from({ length: 9 }, () => Array.from({ length: r }, normal)));
    const options = { degree, penalty: 1e-3 };
    const at = await profiledLoss(X, y, W, options);
    const raw = Array.from({ length: 9 }, () => Array.from({ length: r }, normal));
    // Tangent direction: raw − W(Wᵀraw).
    const overlap = W[0].map((_, a) => raw[0].map((__, b) => W.reduce((sum, row, i) => sum + row[a] * raw[i][b], 0)));
    const tangent = raw.map((row, i) => row.map((v, b) => v - W[i].reduce((sum, w, a) => sum + w * overlap[a][b], 0)));
    const slope = at.tangentGradient
      .to2DArray()
      .reduce((sum, row, i) => sum + row.reduce((inner, g, b) => inner + g * tangent[i][b], 0), 0);
    const remainders: number[] = [];
    const steps = [1e-2, 1e-3, 1e-4];
    for (const t of steps) {
      const moved = orthonormal(W.map((row, i) => row.map((w, b) => w + t * tangent[i][b])));
      const { loss } = await profiledLoss(X, y, moved, options);
      remainders.push(Math.abs(loss - at.loss - t * slope));
    }
    for (let k = 1; k < steps.length; k++) {
      const rate = Math.log10(remainders[k - 1] / remainders[k]);
      expect(rate).toBeGreaterThan(1.9);
      expect(rate).toBeLessThan(2.1);
    }
  });

  it("does not change under W → WQ, and turns with it", async () => {
    const { X, y, W } = sample(([a, b]) => a + a * b, 2, 400, 7, 0.1, 8);
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const turned = W.map(([a, b]) => [c * a - s * b, s * a + c * b]);
    const options = { degree: 4, penalty: 1e-3, degreeWeights: [0.1, 1, 2, 4, 8] };
    const [one, two] = [await profiledLoss(X, y, W, options), await profiledLoss(X, y, turned, options)];
    expect(Math.abs(two.loss / one.loss - 1)).toBeLessThan(1e-13);
    const g = one.tangentGradient.to2DArray().map(([a, b]) => [c * a - s * b, s * a + c * b]);
    expect(worst(two.tangentGradient.to1DArray(), g.flat())).toBeLessThan(1e-13);
  });
});

it("names a bad entry of X although it reads X only once", async () => {
  const { X, y, W } = sample(([a]) => a, 1, 50, 3, 0.1, 1);
  for (const [at, value] of [
    [31 * 3 + 2, Number.NaN],
    [7 * 3, Number.NEGATIVE_INFINITY],
  ] as const) {
    const data = X.data.slice();
    data[at] = value;
    const row = Math.floor(at / 3);
    await expect(profiledLoss({ ...X, data }, y, W, { degree: 2 })).rejects.toMatchObject({
      code: "NOT_FINITE",
      message: expect.stringContaining(`X[${row}][${at % 3}]`),
    });
  }
});

describe("what profiledLoss takes and refuses", () => {
  const { X, y, W } = sample(([a]) => a + a * a, 1, 40, 3, 0.1, 2);
  const failure = async (options: unknown, target: ArrayLike<number> = y, basis: number[][] = W) =>
    profiledLoss(X, target as number[], basis, options as ProfiledLossOptions).then(
      () => ({ code: "nothing thrown", message: "" }),
      ({ code, message }) => ({ code, message }),
    );

  it("no penalty and weights of 1 unless they are given", async () => {
    const plain = await profiledLoss(X, y, W, { degree: 2 });
    expect(plain.loss).toBe(plain.meanSquareResidual / 2);
    const same = await profiledLoss(X, y, W, { degree: 2, penalty: 0, degreeWeights: [1, 1, 1] });
    expect(same.loss).toBe(plain.loss);
    const penalty = 0.3;
    const ridge = await profiledLoss(X, y, W, { degree: 2, penalty });
    const energy = ridge.coefficients.reduce((sum, c) => sum + c * c, 0);
    expect(ridge.loss).toBeCloseTo(ridge.meanSquareResidual / 2 + (penalty / 2) * energy, 14);
    expect(await profiledLoss(X, y, W, { degree: 2, penalty, degreeWeights: [1, 1, 1] })).toMatchObject({
      loss: ridge.loss,
    });
  });

  it("threads change nothing but the report", async () => {
    const one = await profiledLoss(X, y, W, { degree: 2, threads: 1 });
    const auto = await profiledLoss(X, y, W, { degree: 2, threads: "auto" });
    expect(auto.loss).toBe(one.loss);
    expect(one.kernel.threads).toBe(1);
  });

  it.each([
    [{}, "TYPE", /^degree/],
    [{ degree: -1 }, "RANGE", /^degree/],
    [{ degree: 2, penalty: -1 }, "RANGE", /^penalty/],
    [{ degree: 2, kernel: "gpu" }, "RANGE", /^kernel.*"auto", "wasm", "reference"/],
    [{ degree: 2, threads: 0 }, "RANGE", /^threads.*"auto"/],
    [{ degree: 2, degreeWeights: [1, 1] }, "SHAPE", /^degreeWeights.*degrees 0…degree/],
    [{ degree: 2, degreeWeights: [1, 0, 1] }, "RANGE", /^degreeWeights\[1\] is 0; weights must be > 0\.$/],
    [{ degree: 2, degreeWeights: [0, 1, 1] }, "RANGE", /^degreeWeights\[0\]/],
    [{ degree: 2, ridge: 1 }, "UNKNOWN", /profiledLoss.*ridge|ridge/],
    [{ degree: 100_000_000 }, "TOO_LARGE", /./],
  ] as const)("%j: %s", async (options, code, words) => {
    const error = await failure(options);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(words);
  });

  it("shapes that do not fit, and normal equations that have no solution", async () => {
    expect(await failure({ degree: 2 }, y.subarray(1))).toMatchObject({
      code: "SHAPE",
      message: expect.stringMatching(/^y/),
    });
    const error = await failure({ degree: 2 }, y, W.slice(1));
    expect(error).toEqual({ code: "SHAPE", message: "W has 2 rows; expected 3, one per column of X." });
    // Six rows determine no nine coefficients.
    const few = { data: X.data.slice(0, 18), rows: 6, columns: 3 };
    await expect(profiledLoss(few, y.slice(0, 6), W, { degree: 8 })).rejects.toMatchObject({
      code: "SINGULAR",
      message: expect.stringMatching(
        /^the normal equations are singular at pivot \d+\. Set penalty > 0 or lower the degree\.$/,
      ),
      details: { pivot: expect.any(Number) },
    });
    expect((await profiledLoss(few, y.slice(0, 6), W, { degree: 8, penalty: 1e-3 })).loss).toBeGreaterThan(0);
  });
});
