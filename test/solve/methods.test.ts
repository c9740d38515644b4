/** The methods of [MI §7.5]: iterations of Gauss–Newton, and one minimum for all. */
import { describe, expect, it } from "vitest";
import { fitMultiIndex } from "../../src/index.js";
import { METHODS } from "../../src/solve/methods.js";
import { sample, TABLE } from "../support/problems.js";

const base = { start: "slices", restarts: 0, ridge: 1e-4, seed: 1, tolerance: 1e-6 } as const;

describe("outer iterations of Gauss–Newton from the slice start", () => {
  it.each(TABLE)("$name: at most $gaussNewton + 2", async ({ f, r, n, d, degree, gaussNewton }) => {
    const { X, y } = sample(f, r, n, d, 0.1, 11);
    const fit = await fitMultiIndex(X, y, { ...base, rank: r, degree });
    expect(fit.stop.reason).toBe("converged");
    expect(fit.stop.iterations).toBeLessThanOrEqual(gaussNewton + 2);
    expect(fit.r2Train).toBeGreaterThan(0.9);
  });
});

describe("all methods reach the same minimum", () => {
  it.each(TABLE.slice(0, 4))("$name", async ({ f, r, n, d, degree }) => {
    const { X, y } = sample(f, r, n, d, 0.1, 12);
    const losses: number[] = [];
    for (const method of METHODS) {
      const fit = await fitMultiIndex(X, y, { ...base, rank: r, degree, method });
      expect(fit.stop.reason, method).toBe("converged");
      losses.push(fit.history.loss.at(-1) as number);
      const { loss } = fit.history;
      for (let k = 1; k < loss.length; k++) expect(loss[k], `${method}, step ${k}`).toBeLessThan(loss[k - 1]);
    }
    for (const loss of losses) expect(Math.abs(loss / losses[0] - 1)).toBeLessThan(1e-9);
  });
});
