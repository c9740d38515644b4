/** ReLU links and links over a user's features: recovery, ridge, leave-one-out, weights, determinism, what a map may do. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { createRng } from "../../src/base/rng.js";
import { fitCustomLink } from "../../src/learn/customLink.js";
import { fitKernelLink } from "../../src/learn/kernelLink.js";
import type { LinkProblem, RefinedLink } from "../../src/learn/refinedLink.js";
import { fitReluLink } from "../../src/learn/reluLink.js";
import { multiply } from "../../src/math/dense.js";
import { complementOf, orthonormalityError, principalAngles } from "../../src/math/grassmann.js";
import type { FeatureMap } from "../../src/model/customLink.js";
import { planted, predict } from "./planted.js";

/** sin and cos of each variable: not invariant under rotations of z. */
const waves: FeatureMap = {
  value: (z) => z.flatMap((v) => [Math.sin(v), Math.cos(v)]),
  derivative: (z) =>
    z.flatMap((v, k) => [z.map((_, l) => (l === k ? Math.cos(v) : 0)), z.map((_, l) => (l === k ? -Math.sin(v) : 0))]),
};

const families: [string, (problem: LinkProblem) => Promise<RefinedLink | undefined>][] = [
  ["relu", fitReluLink],
  ["custom", (problem) => fitCustomLink(problem, waves)],
];

async function fitted(fit: Promise<RefinedLink | undefined>): Promise<RefinedLink> {
  const found = await fit;
  if (found === undefined) throw new Error("no fit");
  return found;
}

describe.each(families)("%s links", (family, refine) => {
  it("refine the direction and predict what they say", async () => {
    const problem = planted((z) => Math.sin(z[0]) + 0.5 * Math.cos(z[0]), { n: 300, noise: 0.05 });
    const found = await fitted(refine(problem));
    const angle = (w: Float64Array): number => principalAngles(w, problem.truth, 5, 1, 1)[0];
    expect(found.link.family).toBe(family);
    expect(angle(found.basis)).toBeLessThan(0.2 * angle(problem.w0));
    expect(orthonormalityError(found.basis, 5, 1)).toBeLessThan(1e-12);
    expect(found.score).toBeLessThan(0.03);
    const values = predict(found, problem);
    values.forEach((value, i) => {
      expect(Math.abs(problem.y[i] - value - found.residuals[i])).toBeLessThan(1e-9);
    });
    expect(found.meanSquare).toBeCloseTo(found.residuals.reduce((sum, e) => sum + e * e, 0) / 300, 12);
    expect(found.noise ** 2).toBeGreaterThan(found.meanSquare);
    expect(found.directionFreedom).toBeGreaterThan(3.5);
    expect(found.directionFreedom).toBeLessThan(4.5);
  });

  it("give slopes that are those of the link", async () => {
    const problem = planted((z) => Math.sin(z[0]) + Math.cos(z[1]), { n: 220, r: 2, noise: 0.1 });
    const found = await fitted(refine(problem));
    const { gradients = new Float64Array(0) } = found.link.evaluateMany(
      multiply(problem.x, found.basis, 220, 5, 2),
      220,
      { gradient: true },
    );
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 1],
    ]) {
      let sum = 0;
      for (let i = 0; i < 220; i++) sum += gradients[2 * i + a] * gradients[2 * i + b];
      expect(found.gradientMoment[2 * a + b]).toBeCloseTo(sum / 220, 9);
    }
  });

  it("give the same bits for the same seed on both kernels", async () => {
    const problem = planted((z) => Math.abs(z[0]) - z[1], { n: 130, r: 2, k: 4 });
    const wasm = await fitted(refine({ ...problem, kernel: "wasm" }));
    for (const kernel of ["wasm", "reference"] as const) {
      const other = await fitted(refine({ ...problem, kernel }));
      expect(other.basis).toEqual(wasm.basis);
      expect(other.errors).toEqual(wasm.errors);
      expect(predict(other, problem)).toEqual(predict(wasm, problem));
    }
  });

  it("rows of weight 0 count for nothing", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 120 });
    const joined: LinkProblem = {
      ...problem,
      n: 125,
      x: Float64Array.of(...problem.x, ...problem.x.subarray(0, 25)),
      y: Float64Array.of(...problem.y, 40, 40, 40, 40, 40),
      weights: Float64Array.from({ length: 125 }, (_, i) => (i < 120 ? 1 : 0)),
    };
    const [plain, weighted] = [await fitted(refine(problem)), await fitted(refine(joined))];
    plain.basis.forEach((w, j) => {
      expect(weighted.basis[j]).toBeCloseTo(w, 8);
    });
    expect(weighted.residuals[122]).toBeGreaterThan(30);
    expect(weighted.score).toBeCloseTo(plain.score, 6);
  });

  it("stop at a deadline and on abort", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 120 });
    expect(await refine({ ...problem, control: new RunControl({ deadlineMs: 0 }) })).toBeUndefined();
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    const control = new RunControl({ signal: controller.signal, sliceMs: 0 });
    await expect(refine({ ...planted((z) => z[0], { n: 40000 }), control })).rejects.toThrow("enough");
  });
});

describe("ReLU links", () => {
  it("with one variable are broken lines, exact where the truth is one", async () => {
    const problem = planted((z) => Math.abs(z[0]), { n: 600, noise: 0, off: 0.05 });
    const found = await fitted(fitReluLink(problem));
    expect(found.score).toBeLessThan(1e-3);
    expect(principalAngles(found.basis, problem.truth, 5, 1, 1)[0]).toBeLessThan(0.01);
    expect(found.link.featureCount).toBe(42);
  });
  it("have no more hinges than a third of the rows", async () => {
    const found = await fitted(fitReluLink(planted((z) => z[0] * z[1], { n: 60, r: 2 })));
    expect(found.link.featureCount).toBe(20 + 2 + 1);
    expect(await fitReluLink(planted((z) => z[0], { n: 5 }))).toBeUndefined();
  });
});

describe("leave-one-out errors", () => {
  it("are those of refits without the row, directions and all", async () => {
    const problem = planted((z) => Math.sin(1.5 * z[0]), { n: 60, k: 3, noise: 0.3 });
    const map: FeatureMap = {
      value: ([v]) => [Math.sin(1.5 * v), Math.cos(1.5 * v), v],
      derivative: ([v]) => [1.5 * Math.cos(1.5 * v), -1.5 * Math.sin(1.5 * v), 1],
    };
    const full = await fitted(fitCustomLink(problem, map));
    // The factor for the search over basins is undone: it is no part of the approximation.
    const mean = full.degreesOfFreedom / 60;
    const factor = (1 - mean) / (1 - mean - (0.2 * full.directionFreedom) / 60);
    let [approximate, exact, cross] = [0, 0, 0];
    for (let i = 0; i < 60; i++) {
      const weights = new Float64Array(60).fill(1);
      weights[i] = 0;
      const without = await fitted(fitCustomLink({ ...problem, weights, w0: full.basis }, map));
      const [a, b] = [full.errors[i] / factor, without.residuals[i]];
      approximate += a * a;
      exact += b * b;
      cross += a * b;
    }
    expect(Math.abs(approximate / exact - 1)).toBeLessThan(0.03);
    expect(cross / Math.sqrt(approximate * exact)).toBeGreaterThan(0.995);
    expect(factor).toBeGreaterThan(1.005);
  });
});

describe("covariance of the directions", () => {
  const kinds: [string, (problem: LinkProblem) => Promise<RefinedLink | undefined>][] = [
    ...families,
    ["kernel", (problem) => fitKernelLink(problem, "gauss")],
  ];
  it.each(kinds)("%s: errors over it have unit variance, with unequal noise too", async (family, refine) => {
    const [replicates, k, n] = [50, 4, 200];
    let sum = 0;
    for (let seed = 0; seed < replicates; seed++) {
      const problem = planted((z) => Math.sin(z[0]), { n, k, noise: 0.3, off: 0.1, seed });
      // Twice the noise in half of the rows.
      const rng = createRng(seed, "more noise");
      const y = problem.y.map((v, i) => v + (i % 2 ? 0.6 * rng.normal() : 0));
      const { basis, covariance = new Float64Array(0) } = await fitted(refine({ ...problem, y }));
      expect(covariance.length).toBe((k - 1) ** 2);
      const outside = complementOf(basis, k, 1);
      let sign = 0;
      for (let a = 0; a < k; a++) sign += basis[a] * problem.truth[a];
      for (let c = 0; c < k - 1; c++) {
        let error = 0;
        for (let a = 0; a < k; a++) error += outside[a * (k - 1) + c] * problem.truth[a];
        sum += (error / sign) ** 2 / covariance[c * k];
      }
    }
    const variance = sum / (replicates * (k - 1));
    expect(variance).toBeGreaterThan(0.75);
    // A broken line has no second derivative: its directions scatter more than the tangent shows.
    expect(variance).toBeLessThan(family === "relu" ? 2 : 1.35);
  });
  it("is that of the span in the principal frame, symmetric and positive", async () => {
    const problem = planted((z) => Math.sin(z[0]) + Math.cos(z[1]), { n: 260, r: 2, k: 5 });
    for (const [, refine] of kinds) {
      const { covariance = new Float64Array(0) } = await fitted(refine(problem));
      expect(covariance.length).toBe(36);
      for (let i = 0; i < 6; i++) {
        expect(covariance[i * 7]).toBeGreaterThan(0);
        expect(covariance[i * 7]).toBeLessThan(0.01);
        for (let j = 0; j < i; j++) expect(covariance[i * 6 + j]).toBeCloseTo(covariance[j * 6 + i], 12);
      }
    }
  });
});

describe("custom links", () => {
  it("keep the user's frame, and turn it when the features ask for it", async () => {
    const problem = planted((z) => Math.sin(2 * z[0]) + Math.cos(2 * z[1]), { n: 500, r: 2, noise: 0.05, off: 0.3 });
    const map: FeatureMap = {
      value: (z) => [Math.sin(2 * z[0]), Math.cos(2 * z[1])],
      derivative: (z) => [2 * Math.cos(2 * z[0]), 0, 0, -2 * Math.sin(2 * z[1])],
    };
    const found = await fitted(fitCustomLink(problem, map));
    // Column by column, not only as a span: these features are not rotation invariant.
    for (let c = 0; c < 2; c++) {
      let inner = 0;
      for (let a = 0; a < 5; a++) inner += found.basis[2 * a + c] * problem.truth[2 * a + c];
      expect(Math.abs(inner)).toBeGreaterThan(0.999);
    }
    expect(found.score).toBeLessThan(0.01);
  });
  it("a weight of 2 is a row given twice", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 80, k: 3 });
    const weights = Float64Array.from({ length: 80 }, (_, i) => 1 + (i % 2));
    const rows = Array.from(weights).flatMap((w, i) => new Array<number>(w).fill(i));
    const twice: LinkProblem = {
      ...problem,
      n: rows.length,
      x: Float64Array.from(rows.flatMap((i) => Array.from(problem.x.subarray(3 * i, 3 * i + 3)))),
      y: Float64Array.from(rows, (i) => problem.y[i]),
    };
    const a = await fitted(fitCustomLink({ ...problem, weights }, waves));
    const b = await fitted(fitCustomLink(twice, waves));
    a.basis.forEach((w, j) => {
      expect(w).toBeCloseTo(b.basis[j], 9);
    });
    expect(a.meanSquare).toBeCloseTo(b.meanSquare, 10);
  });
  it("errors of the map come out of the fit", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 60 });
    const cause = new Error("broken");
    let calls = 0;
    const breaking = (fail: () => number[]): FeatureMap => ({
      ...waves,
      value: (z) => (calls++ > 30 ? fail() : waves.value(z)) as number[],
    });
    const raise = (): number[] => {
      throw cause;
    };
    await expect(fitCustomLink(problem, breaking(raise))).rejects.toMatchObject({ code: "CALLBACK", cause });
    calls = 0;
    await expect(
      fitCustomLink(
        problem,
        breaking(() => [1]),
      ),
    ).rejects.toMatchObject({ code: "SHAPE" });
    calls = 0;
    await expect(
      fitCustomLink(
        problem,
        breaking(() => [1, Number.NaN]),
      ),
    ).rejects.toMatchObject({ code: "NOT_FINITE" });
    await expect(fitCustomLink(problem, { ...waves, derivative: () => [1] })).rejects.toMatchObject({ code: "SHAPE" });
    // The library still works.
    expect((await fitted(fitCustomLink(problem, waves))).score).toBeLessThan(0.1);
  });
  it("a map that runs a fit of its own disturbs nothing", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 100, k: 3, seed: 4 });
    const other = planted((z) => z[0] ** 2, { n: 100, k: 3, seed: 5 });
    const running: Promise<unknown>[] = [];
    const busy: FeatureMap = {
      ...waves,
      value: (z) => {
        if (running.length < 3) running.push(fitReluLink(other));
        return waves.value(z);
      },
    };
    const disturbed = await fitted(fitCustomLink(problem, busy));
    await Promise.all(running);
    expect(disturbed.errors).toEqual((await fitted(fitCustomLink(problem, waves))).errors);
  });
  it("features that vanish or repeat are no failure", async () => {
    const problem = planted((z) => Math.sin(z[0]), { n: 90 });
    const redundant: FeatureMap = {
      value: ([v]) => [Math.sin(v), 0, 1, Math.sin(v), 1e-9 * v],
      derivative: ([v]) => [Math.cos(v), 0, 0, Math.cos(v), 1e-9],
    };
    const found = await fitted(fitCustomLink(problem, redundant));
    expect(found.score).toBeLessThan(0.1);
  });
});
