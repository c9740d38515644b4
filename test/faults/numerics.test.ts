/** Rows 45–53 of the list of bad inputs: arithmetic on the edge. */
import { expect, test } from "vitest";
import { fitMultiIndex } from "../../src/index.js";
import { Link, leapExponents } from "../../src/theory/index.js";
import { errorOf, expectFinite, OPTIONS, sameFit, X, y } from "./problem.js";

const learn = (inputs: readonly (readonly number[])[], response: readonly number[], options: object = {}) =>
  fitMultiIndex(inputs, response, { ...OPTIONS, ...options } as never);

test("row 45: singular normal equations get the smallest ridge that works, counted and reported", async () => {
  const signs = X.map((row) => row.map(Math.sign));
  try {
    const fit = await learn(signs, y, { degree: 4, ridge: 0 });
    expect(fit.diagnostics.warnings.map((w) => w.code)).toContain("RIDGE_ADDED");
    expectFinite(fit);
  } catch (error) {
    expect(error).toMatchObject({ code: "SINGULAR" });
  }
});

test("row 47: a loss that grows without bound never becomes the result", async () => {
  const steep = X.map((row) => Math.exp(20 * row[0]));
  const fit = await learn(X, steep, { degree: 6, method: "gradient-flow", maxIterations: 50 });
  expectFinite(fit);
  expect(fit.history.loss.at(-1)).toBeLessThanOrEqual(fit.history.loss[0]);
});

test("row 48: an even link from a random start is never a silent failure", async () => {
  const even = X.map((row) => row[2] ** 2);
  for (let seed = 1; seed <= 5; seed++) {
    const fit = await learn(X, even, { rank: 1, start: "random", restarts: 2, seed });
    expect(fit.stop.converged || fit.stop.reason === "saddle").toBe(true);
    expectFinite(fit);
  }
});

test("row 49: ties in the spectral start give the same bits for the same seed", async () => {
  const corners = Array.from({ length: 64 }, (_, i) => [0, 1, 2, 3].map((j) => ((i >> j) & 1 ? 1 : -1)));
  const response = corners.map((row) => row[0] * row[1] + row[2] * row[3]);
  const first = await learn(corners, response, { start: "spectral" });
  sameFit(await learn(corners, response, { start: "spectral" }), first);
  expectFinite(first);
});

test("row 50: steps too small to move end the fit with a reason", async () => {
  const fit = await learn(X, y, { tolerance: 0, maxIterations: 5000 });
  expect(["step-limit", "stationary", "converged", "iteration-limit"]).toContain(fit.stop.reason);
});

test("row 51: thousands of retractions leave the basis orthonormal", async () => {
  const { basis } = (await learn(X, y, { method: "gradient-flow", maxIterations: 2000, tolerance: 0 })).model;
  const gram = basis.transpose().mmul(basis);
  for (let a = 0; a < 2; a++) {
    for (let b = 0; b < 2; b++) expect(Math.abs(gram.get(a, b) - (a === b ? 1 : 0))).toBeLessThan(1e-12);
  }
});

test("row 52: the information exponent of a constant or zero link is undefined, with a reason", () => {
  for (const constant of [1, 0]) {
    const leaps = leapExponents(Link.fromCoefficients([constant, 0, 0], { rank: 1, degree: 2 }));
    expect(leaps.informationExponent).toBeUndefined();
    expect(leaps.steps).toEqual([]);
    expect(leaps.reason).toBeTypeOf("string");
  }
});

test("row 53: coefficients at round-off level are dropped by a cutoff that is an option and is reported", () => {
  const link = Link.fromCoefficients([0, 1e-15, 1], { rank: 1, degree: 2 });
  expect(leapExponents(link).informationExponent).toBe(2);
  expect(leapExponents(link).tolerance).toBeGreaterThan(0);
  expect(leapExponents(link, { tolerance: 1e-20 })).toMatchObject({ informationExponent: 1, tolerance: 1e-20 });
});

test("after every numerical failure the library still fits", async () => {
  const reference = await learn(X, y);
  await errorOf(() =>
    learn(X, y, {
      start: [
        [1, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    }),
  );
  await errorOf(() => learn(X.slice(0, 5), y.slice(0, 5), { degree: 4, ridge: 0 }));
  sameFit(await learn(X, y), reference);
});
