/** Gaussian-process links: recovery, the exact process on few rows, leave-one-out, weights, determinism, control. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { createRng } from "../../src/base/rng.js";
import { fitKernelLink, landmarkCount } from "../../src/learn/kernelLink.js";
import { spreadRows } from "../../src/learn/landmarks.js";
import type { LinkProblem, RefinedLink } from "../../src/learn/refinedLink.js";
import { cholesky, choleskySolve, multiply } from "../../src/math/dense.js";
import { orthonormalityError, principalAngles } from "../../src/math/grassmann.js";
import type { KernelLink, KernelName } from "../../src/model/kernelLink.js";
import { planted, predict } from "./planted.js";

type Fit = RefinedLink<KernelLink>;

const fitted = async (problem: LinkProblem, kernel: KernelName = "gauss"): Promise<Fit> => {
  const fit = await fitKernelLink(problem, kernel);
  if (fit === undefined) throw new Error("no fit");
  return fit;
};
describe.each(["gauss", "matern52"] as const)("fitKernelLink, %s", (kernel) => {
  it("refines the direction and finds the noise of a single-index model", async () => {
    const problem = planted((z) => Math.tanh(2 * z[0]), { n: 300, noise: 0.2 });
    const fit = await fitted(problem, kernel);
    const angle = (w: Float64Array): number => principalAngles(w, problem.truth, 5, 1, 1)[0];
    expect(angle(fit.basis)).toBeLessThan(0.3 * angle(problem.w0));
    // y was divided by its standard deviation, about 0.82.
    expect(fit.noise).toBeGreaterThan(0.2);
    expect(fit.noise).toBeLessThan(0.29);
    expect(fit.score).toBeGreaterThan(fit.meanSquare);
    expect(fit.degreesOfFreedom).toBeGreaterThan(5);
    expect(fit.degreesOfFreedom).toBeLessThan(30);
    expect(fit.link.kernel).toBe(kernel);
  });

  it("gives an orthonormal principal frame, its own residuals and slopes", async () => {
    const problem = planted((z) => Math.sin(z[0]) + 0.3 * z[1] * z[1], { r: 2, n: 200 });
    const fit = await fitted(problem, kernel);
    expect(orthonormalityError(fit.basis, 5, 2)).toBeLessThan(1e-13);
    const z = multiply(problem.x, fit.basis, 200, 5, 2);
    const { values, gradients = new Float64Array(0) } = fit.link.evaluateMany(z, 200, { gradient: true });
    const moment = [0, 0, 0, 0];
    for (let i = 0; i < 200; i++) {
      expect(Math.abs(problem.y[i] - values[i] - fit.residuals[i])).toBeLessThan(1e-9);
      for (let a = 0; a < 2; a++) {
        for (let b = 0; b < 2; b++) moment[2 * a + b] += (gradients[2 * i + a] * gradients[2 * i + b]) / 200;
      }
    }
    moment.forEach((v, at) => {
      expect(fit.gradientMoment[at]).toBeCloseTo(v, 9);
    });
    expect(Math.abs(fit.gradientMoment[1])).toBeLessThan(1e-12);
    expect(fit.gradientMoment[0]).toBeGreaterThan(fit.gradientMoment[3]);
    expect(fit.meanSquare).toBeCloseTo(fit.residuals.reduce((sum, e) => sum + e * e, 0) / 200, 12);
    expect(fit.score).toBeCloseTo(fit.errors.reduce((sum, e) => sum + e * e, 0) / 200, 12);
  });

  it("is the exact process on few rows: the mean of an independent dense formula", async () => {
    const problem = planted((z) => Math.cos(z[0]) * z[1], { r: 2, n: 120, k: 3 });
    const fit = await fitted(problem, kernel);
    const data = fit.link.toJSON();
    expect(data.landmarks.length).toBe(120);
    // The covariance is known up to s² and l², which the link's coefficients reveal: w = s²α and linear = l²Σαz.
    const z = multiply(problem.x, fit.basis, 120, 3, 2);
    const v = Array.from({ length: 120 }, (_, i) =>
      [0, 1].map((c) => data.metric[0][c] * z[2 * i] + data.metric[1][c] * z[2 * i + 1]),
    );
    const bump = (a: number[], b: number[]): number => {
      const q = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;
      return kernel === "gauss" ? Math.exp(-q / 2) : (1 + Math.sqrt(5 * q) + (5 * q) / 3) * Math.exp(-Math.sqrt(5 * q));
    };
    const alpha = fit.residuals.map((e) => e / fit.noise ** 2);
    const pulled = [0, 1].map((c) => alpha.reduce((sum, a, i) => sum + a * v[i][c], 0));
    const linear = [0, 1].map((c) => data.metric[c][0] * pulled[0] + data.metric[c][1] * pulled[1]);
    const l2 = (data.linear[0] * linear[0] + data.linear[1] * linear[1]) / (linear[0] ** 2 + linear[1] ** 2);
    const bumps = v.map((a) => alpha.reduce((sum, w, i) => sum + w * bump(a, v[i]), 0));
    const link = v.map((a) => data.weights.reduce((sum, w, i) => sum + w * bump(a, data.landmarks[i] as number[]), 0));
    const s2 = link.reduce((sum, f, i) => sum + f * bumps[i], 0) / bumps.reduce((sum, b) => sum + b * b, 0);
    const covariance = Float64Array.from(
      v.flatMap((a) => v.map((b) => s2 * bump(a, b) + l2 * (a[0] * b[0] + a[1] * b[1]) + 10)),
    );
    const noisy = covariance.map((c, at) => c + (at % 121 === 0 ? fit.noise ** 2 : 0));
    const factor = cholesky(noisy, 120);
    if (!factor.ok) throw new Error("singular");
    const weights = choleskySolve(factor.lower, 120, problem.y);
    const mean = multiply(covariance, weights, 120, 120, 1);
    predict(fit, problem).forEach((value, i) => {
      expect(Math.abs(value - mean[i])).toBeLessThan(1e-5);
    });
  });

  it("gives the same bits for the same seed on both kernels", async () => {
    const problem = planted((z) => Math.abs(z[0]) + z[1], { r: 2, n: 70, k: 4 });
    const wasm = await fitted({ ...problem, kernel: "wasm" }, kernel);
    const again = await fitted({ ...problem, kernel: "wasm" }, kernel);
    const reference = await fitted({ ...problem, kernel: "reference" }, kernel);
    for (const other of [again, reference]) {
      expect(other.basis).toEqual(wasm.basis);
      expect(other.errors).toEqual(wasm.errors);
      expect(JSON.stringify(other.link)).toBe(JSON.stringify(wasm.link));
      expect(other.degreesOfFreedom).toBe(wasm.degreesOfFreedom);
    }
  });
});

describe("weights", () => {
  it("rows of weight 0 change nothing but their own errors", async () => {
    const problem = planted((z) => Math.tanh(z[0]), { n: 150 });
    const extra = planted(() => 50, { n: 10, seed: 9 });
    const joined: LinkProblem = {
      ...problem,
      n: 160,
      x: Float64Array.of(...problem.x, ...extra.x),
      y: Float64Array.of(...problem.y, ...new Float64Array(10).fill(30)),
      weights: Float64Array.from({ length: 160 }, (_, i) => (i < 150 ? 1 : 0)),
    };
    const [plain, weighted] = [await fitted(problem), await fitted(joined)];
    expect(weighted.basis[0]).toBeCloseTo(plain.basis[0], 10);
    expect(weighted.score).toBeCloseTo(plain.score, 2);
    expect(weighted.residuals[155]).toBeGreaterThan(20);
    expect(weighted.degreesOfFreedom).toBeCloseTo(plain.degreesOfFreedom, 8);
  });

  it("a weight of 2 counts twice", async () => {
    const problem = planted((z) => Math.tanh(z[0]), { n: 150 });
    const heavy = await fitted({ ...problem, weights: new Float64Array(150).fill(2) });
    const plain = await fitted(problem);
    // Twice the evidence: less noise is explained away and the link is a little freer.
    expect(heavy.degreesOfFreedom).toBeGreaterThan(plain.degreesOfFreedom);
    expect(heavy.noise).toBeCloseTo(plain.noise, 1);
  });
});

describe("control", () => {
  it("a deadline that has passed leaves nothing, one that passes on the way the best so far", async () => {
    let calls = 0;
    const late = (after: number) => new RunControl({ deadlineMs: 1, clock: () => (calls++ < after ? 0 : 10) });
    const problem = planted((z) => Math.tanh(z[0]), { n: 150 });
    calls = 0;
    expect(await fitKernelLink({ ...problem, control: late(1) }, "gauss")).toBeUndefined();
    calls = 0;
    const cut = await fitKernelLink({ ...problem, control: late(30) }, "gauss");
    const whole = await fitted(problem);
    expect(cut).toBeDefined();
    expect(cut?.evaluations).toBeLessThan(whole.evaluations);
    expect(cut?.score).toBeLessThan(1);
  });

  it("an abort rejects with its own reason", async () => {
    const controller = new AbortController();
    const control = new RunControl({ signal: controller.signal });
    const running = fitKernelLink({ ...planted((z) => Math.abs(z[0] * z[1]), { r: 2, n: 400 }), control }, "gauss");
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });

  it("rank 0 and single rows have no such link", async () => {
    const problem = planted((z) => z[0], { n: 20 });
    expect(
      await fitKernelLink({ ...problem, w0: new Float64Array(0), slopes: new Float64Array(0) }, "gauss"),
    ).toBeUndefined();
    expect(await fitKernelLink({ ...problem, n: 1 }, "gauss")).toBeUndefined();
  });

  it("rows that all coincide, and constant responses, are no failure", async () => {
    const problem = planted((z) => z[0], { n: 30 });
    const same = await fitKernelLink({ ...problem, x: new Float64Array(30 * 5).fill(1) }, "gauss");
    expect(same === undefined || same.errors.every(Number.isFinite)).toBe(true);
    const constant = await fitKernelLink({ ...problem, y: new Float64Array(30) }, "matern52");
    expect(constant === undefined || predict(constant, problem).every((v) => Math.abs(v) < 1e-6)).toBe(true);
  });

  it("directions beyond the tangent's size get the leverage of whitened inputs", async () => {
    const problem = planted((z) => Math.tanh(z[0]), { n: 500, k: 380, off: 0.05 });
    const fit = await fitted(problem);
    expect(fit.directionFreedom).toBeGreaterThan(0.8 * 380);
    expect(fit.directionFreedom).toBeLessThan(1.01 * 380);
  });
});

describe("spreadRows", () => {
  it("draws different rows, far apart, and stops when all are used up", () => {
    const rng = createRng(1, "rows");
    const z = Float64Array.from({ length: 400 }, () => rng.normal());
    const drawn = spreadRows(z, 200, 2, 40, createRng(2, "draw"));
    expect(new Set(drawn).size).toBe(40);
    const nearest = (rows: ArrayLike<number>): number => {
      let worst = 0;
      for (let i = 0; i < 200; i++) {
        let best = Number.POSITIVE_INFINITY;
        for (let j = 0; j < rows.length; j++) {
          best = Math.min(best, (z[2 * i] - z[2 * rows[j]]) ** 2 + (z[2 * i + 1] - z[2 * rows[j] + 1]) ** 2);
        }
        worst = Math.max(worst, best);
      }
      return worst;
    };
    expect(nearest(drawn)).toBeLessThan(nearest(Array.from({ length: 40 }, (_, i) => i)));
    expect(spreadRows(Float64Array.of(1, 1, 2, 2, 2), 5, 1, 4, rng).length).toBe(2);
    expect(spreadRows(new Float64Array(6), 3, 2, 3, rng).length).toBe(1);
    expect(spreadRows(z, 200, 2, 40, createRng(2, "draw"))).toEqual(drawn);
  });
  it("counts of landmarks are those of the recipe", () => {
    expect([1, 2, 4, 5, 8].map(landmarkCount)).toEqual([30, 80, 160, 200, 200]);
  });
});
