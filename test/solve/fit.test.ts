/** fitMultiIndex as a user sees it: recovery, invariances, weights, starts, stopping, kernels. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FitOptions, fitMultiIndex, MultiIndexModel } from "../../src/index.js";
import { generator, sample } from "../support/problems.js";

const quick: FitOptions = { rank: 2, degree: 3, seed: 3, restarts: 0 };
const product = sample(([a, b]) => a + a * b, 2, 600, 8, 0.1, 21);
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
/** Sine of the largest angle from the true span to the fitted one, both orthonormal, by projection residuals. */
function subspaceError(basis: number[][], truth: number[][]): number {
  let most = 0;
  for (let k = 0; k < truth[0].length; k++) {
    const t = truth.map((row) => row[k]);
    const inside = basis[0].map((_, l) => basis.reduce((sum, row, j) => sum + row[l] * t[j], 0));
    const rest = t.map((v, j) => v - basis[j].reduce((sum, b, l) => sum + b * inside[l], 0));
    most = Math.max(most, Math.sqrt(rest.reduce((sum, v) => sum + v * v, 0)));
  }
  return most;
}

describe("recovery", () => {
  it.each(["slices", "linear-hessian", "spectral", "auto"] as const)(
    "finds the directions from start %s",
    async (start) => {
      const { X, y, W } = sample(([a, b]) => a * b, 2, 3000, 12, 0.05, 5);
      const fit = await fitMultiIndex(X, y, { rank: 2, degree: 2, seed: 1, start });
      expect(subspaceError(fit.model.basis.to2DArray(), W)).toBeLessThan(0.02);
      expect(fit.model.score(X, y)).toBeGreaterThan(0.99);
    },
  );

  it("is exact on noise-free polynomials", async () => {
    const { X, y, W } = sample(([a, b, c]) => a + a * b + a * b * c, 3, 2000, 10, 0, 6);
    const fit = await fitMultiIndex(X, y, { rank: 3, degree: 3, seed: 1, ridge: 0 });
    expect(fit.stop.converged).toBe(true);
    expect(subspaceError(fit.model.basis.to2DArray(), W)).toBeLessThan(1e-9);
    expect(1 - fit.model.score(X, y)).toBeLessThan(1e-15);
  });

  it("starts from a given basis in raw coordinates, whatever the scaling", async () => {
    const { X, y, W } = product;
    const scaled = { ...X, data: X.data.map((v, k) => v * 10 ** ((k % X.columns) - 3) + 5) };
    const start = W.map((row, j) => row.map((w) => w / 10 ** (j - 3)));
    const fit = await fitMultiIndex(scaled, y, { ...quick, start, maxIterations: 0, ridge: 1e-6 });
    expect(fit.stop.reason).toBe("iteration-limit");
    expect(fit.diagnostics.warnings.map(({ code }) => code)).toContain("START_NOT_ORTHONORMAL");
    expect(fit.model.score(scaled, y)).toBeGreaterThan(0.97);
  });
});

describe("invariance", () => {
  it("replacing a start W by WQ leaves predictions alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 6.3, noNaN: true }), fc.boolean(), async (angle, flip) => {
        const { X, y, W } = product;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const turned = W.map(([a, b]) => (flip ? [c * a + s * b, s * a - c * b] : [c * a - s * b, s * a + c * b]));
        const one = await fitMultiIndex(X, y, { ...quick, start: W, ridge: 1e-4, tolerance: 1e-10 });
        const two = await fitMultiIndex(X, y, { ...quick, start: turned, ridge: 1e-4, tolerance: 1e-10 });
        // Two runs that stop at a gradient of 1e-10 may differ by that over the curvature, about 0.02 here.
        expect(worst(one.model.predict(X), two.model.predict(X))).toBeLessThan(1e-8);
      }),
      { numRuns: 6 },
    );
  });

  it("permuting rows changes the answer only by rounding", async () => {
    const { X, y } = product;
    const { uniform } = generator(4);
    const order = Array.from({ length: X.rows }, (_, i) => ({ i, u: uniform() }))
      .sort((a, b) => a.u - b.u)
      .map(({ i }) => i);
    const data = Float64Array.from(
      order.flatMap((i) => Array.from(X.data.subarray(i * X.columns, (i + 1) * X.columns))),
    );
    const options = { ...quick, tolerance: 1e-10 };
    const one = await fitMultiIndex(X, y, options);
    const two = await fitMultiIndex(
      { ...X, data },
      Float64Array.from(order, (i) => y[i]),
      options,
    );
    expect(worst(one.model.predict(X), two.model.predict(X))).toBeLessThan(1e-9);
  });

  it("scaling and shifting y scales and shifts the link", async () => {
    const { X, y } = product;
    const one = await fitMultiIndex(X, y, quick);
    const two = await fitMultiIndex(
      X,
      Float64Array.from(y, (v) => 1e6 * v - 3e6),
      quick,
    );
    const expected = Float64Array.from(one.model.predict(X), (v) => 1e6 * v - 3e6);
    expect(worst(two.model.predict(X), expected)).toBeLessThan(1);
    expect(two.history.loss[0] / one.history.loss[0] / 1e12).toBeCloseTo(1, 6);
  });

  it("scaling and mixing columns changes nothing when whitened", async () => {
    const { X, y } = product;
    const data = Float64Array.from(X.data);
    for (let i = 0; i < X.rows; i++) {
      const at = i * X.columns;
      data[at] = 100 * X.data[at] + 7;
      data[at + 1] = X.data[at + 1] + 3 * X.data[at + 2];
      data[at + 3] = 1e-5 * X.data[at + 3] - 2;
    }
    const options = { ...quick, whiten: "full", tolerance: 1e-10 } as const;
    const one = await fitMultiIndex(X, y, options);
    const two = await fitMultiIndex({ ...X, data }, y, options);
    expect(worst(one.model.predict(X), two.model.predict({ ...X, data }))).toBeLessThan(1e-6);
  });

  it("more ridge never lowers the training error", async () => {
    const { X, y } = product;
    let last = 0;
    for (const ridge of [0, 1e-6, 1e-4, 1e-2, 1]) {
      const fit = await fitMultiIndex(X, y, { ...quick, ridge, tolerance: 1e-9 });
      const error = 1 - fit.model.score(X, y);
      expect(error).toBeGreaterThan(last * (1 - 1e-6));
      last = error;
    }
  });
});

describe("weights", () => {
  it("a weight of 2 is a row given twice, and of 0 a row left out", async () => {
    const { X, y } = product;
    const weights = Float64Array.from({ length: X.rows }, (_, i) => i % 3);
    const repeated = Array.from(weights).flatMap((w, i) => Array.from({ length: w }, () => i));
    const rows = repeated.map((i) => Array.from(X.data.subarray(i * X.columns, (i + 1) * X.columns)));
    const options = { ...quick, ridge: 1e-4, start: product.W, tolerance: 1e-10 };
    const one = await fitMultiIndex(X, y, { ...options, weights });
    const two = await fitMultiIndex(
      rows,
      repeated.map((i) => y[i]),
      options,
    );
    expect(worst(one.model.predict(X), two.model.predict(X))).toBeLessThan(1e-8);
  });

  it("refuses a negative weight by its index", async () => {
    const weights = new Float64Array(600).fill(1);
    weights[17] = -1;
    await expect(fitMultiIndex(product.X, product.y, { ...quick, weights })).rejects.toMatchObject({
      code: "RANGE",
      message: expect.stringContaining("weights[17]"),
    });
  });
});

describe("running", () => {
  it("both kernels give the same bits", async () => {
    const [one, two] = await Promise.all(
      (["wasm", "reference"] as const).map((kernel) =>
        fitMultiIndex(product.X, product.y, { ...quick, restarts: 1, kernel }),
      ),
    );
    expect(one.kernel.name).toBe("wasm");
    expect(two.kernel.name).toBe("reference");
    expect(Array.from(one.history.loss)).toEqual(Array.from(two.history.loss));
    expect(one.model.directions.to2DArray()).toEqual(two.model.directions.to2DArray());
    expect(Array.from(one.model.predict(product.X))).toEqual(Array.from(two.model.predict(product.X)));
  });

  it("steps yield falling losses and models that predict", async () => {
    const seen: number[] = [];
    const run = fitMultiIndex.steps(product.X, product.y, { ...quick, ridge: 1e-4, start: "slices" });
    for (;;) {
      const { done, value } = await run.next();
      if (done) {
        expect(value.history.loss.length).toBe(seen.length);
        break;
      }
      seen.push(value.loss);
      const model = value.model();
      expect(model).toBeInstanceOf(MultiIndexModel);
      expect(model.predict(product.X).every(Number.isFinite)).toBe(true);
    }
    for (let k = 1; k < seen.length; k++) expect(seen[k]).toBeLessThan(seen[k - 1]);
  });

  it("a deadline is a stop reason, not an error", async () => {
    const { X, y } = sample(([a, b, c]) => a * b * c, 3, 4000, 30, 0.5, 2);
    const fit = await fitMultiIndex(X, y, { rank: 3, degree: 6, seed: 1, restarts: 50, deadlineMs: 200 });
    expect(fit.stop).toMatchObject({ reason: "deadline", converged: false });
    expect(fit.elapsedMs).toBeLessThan(5000);
    expect(fit.model.predict(X).every(Number.isFinite)).toBe(true);
  });

  it("bounds predictions far outside the sample", async () => {
    const { X, y } = sample(([a]) => Math.sin(2 * a), 1, 800, 6, 0.05, 3);
    const fit = await fitMultiIndex(X, y, { rank: 1, degree: 9, seed: 1 });
    const far = fit.model.predict(Array.from({ length: 50 }, (_, k) => Array.from({ length: 6 }, () => k - 25)));
    // At most linear growth with the training slope: nothing like 50⁹.
    expect(far.reduce((most, v) => Math.max(most, Math.abs(v)), 0)).toBeLessThan(1e3);
  });

  it("the flow of gradient-flow falls at every step and keeps the basis orthonormal", async () => {
    const fit = await fitMultiIndex(product.X, product.y, { ...quick, method: "gradient-flow", start: "random" });
    for (let k = 1; k < fit.history.loss.length; k++) expect(fit.history.loss[k]).toBeLessThan(fit.history.loss[k - 1]);
    const basis = fit.model.basis.to2DArray();
    for (const a of [0, 1]) {
      for (const b of [0, 1]) {
        const dot = basis.reduce((sum, row) => sum + row[a] * row[b], 0);
        expect(Math.abs(dot - (a === b ? 1 : 0))).toBeLessThan(1e-12);
      }
    }
  });

  it("says what it did", async () => {
    const fit = await fitMultiIndex(product.X, product.y, quick);
    const text = fit.toString();
    for (const word of ["rank 2", "degree 3", "R²", fit.stop.reason, "kernel wasm", "seed 3"])
      expect(text).toContain(word);
    expect(text).not.toMatch(/NaN|undefined|\[object/);
    expect(fit.diagnostics.heldOut.r2).toBeGreaterThan(0.95);
    expect(fit.diagnostics.gaussianity.deviation).toBeLessThan(2 * fit.diagnostics.gaussianity.gaussianLevel);
  });
});
