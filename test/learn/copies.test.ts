/** Tables that hold rows more than once, and rows of weight 0, under the automatic fit. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { fitMultiIndex, rSquared } from "../../src/index.js";

const D = 5;
const ROWS = 200;
const rng = createRng(8, "copied rows");
const table = (n: number, link: (x: readonly number[]) => number, noise: number) => {
  const X = Array.from({ length: n }, () => Array.from({ length: D }, () => rng.normal()));
  return { X, f: X.map(link), y: X.map((x) => link(x) + noise * rng.normal()) };
};
const product = (x: readonly number[]): number => x[0] * (x[1] - x[2]);
const wave = (x: readonly number[]): number => Math.tanh(3 * (x[0] + x[1]));

describe("an automatic fit of rows that occur more than once", () => {
  it.each([
    ["a polynomial", product],
    ["a process", wave],
  ])("written twice: the choice, the errors and the intervals of the table written once; %s", async (_, link) => {
    const { X, y } = table(ROWS, link, 0.3);
    const fresh = table(1000, link, 0.3);
    const once = await fitMultiIndex(X, y, { seed: 1 });
    const twice = await fitMultiIndex([...X, ...X], [...y, ...y], { seed: 1 });
    expect(twice.model.rank).toBe(once.model.rank);
    expect(twice.model.link.family).toBe(once.model.link.family);
    expect(rSquared(twice.model.predict(fresh.X), fresh.f)).toBeGreaterThan(
      rSquared(once.model.predict(fresh.X), fresh.f) - 0.01,
    );
    expect(twice.diagnostics.heldOut.r2).toBeCloseTo(once.diagnostics.heldOut.r2, 2);
    const errors = Array.from(twice.diagnostics.heldOut.errors ?? []);
    expect(errors.slice(ROWS)).toEqual(errors.slice(0, ROWS));
    const { lower, upper } = twice.model.predict(fresh.X, { interval: 0.9 });
    const inside = fresh.y.filter((v, i) => v >= lower[i] && v <= upper[i]).length / fresh.y.length;
    expect(inside).toBeGreaterThan(0.84);
    expect(twice.diagnostics.warnings.map(({ code }) => code)).toContain("REPEATED_ROWS");
    expect(once.diagnostics.warnings.map(({ code }) => code)).not.toContain("REPEATED_ROWS");
  });

  it("drawn with replacement: what the rows that were drawn can tell, and no more", async () => {
    const { X, y } = table(ROWS, product, 0.3);
    const fresh = table(1000, product, 0);
    const drawn = Array.from({ length: 3 * ROWS }, () => Math.floor(rng.uniform() * ROWS));
    const fit = await fitMultiIndex(
      drawn.map((i) => X[i]),
      drawn.map((i) => y[i]),
      { seed: 1 },
    );
    expect(fit.model.rank).toBe(2);
    expect(rSquared(fit.model.predict(fresh.X), fresh.f)).toBeGreaterThan(0.95);
  });

  it("rows of weight 0 are predicted, not spent: their errors are those of new rows", async () => {
    const { X, y } = table(2 * ROWS, wave, 0.3);
    const weights = X.map((_, i) => (i % 2 === 0 ? 1 : 0));
    const fit = await fitMultiIndex(X, y, { seed: 1, weights });
    const half = await fitMultiIndex(
      X.filter((_, i) => i % 2 === 0),
      y.filter((_, i) => i % 2 === 0),
      { seed: 1 },
    );
    expect(fit.model.link.family).toBe("kernel");
    expect(fit.diagnostics.heldOut.r2).toBeCloseTo(half.diagnostics.heldOut.r2, 2);
    const errors = fit.diagnostics.heldOut.errors as Float64Array;
    const predicted = fit.model.predict(X);
    expect(errors.length).toBe(2 * ROWS);
    for (let i = 1; i < 2 * ROWS; i += 2) expect(errors[i]).toBeCloseTo(y[i] - predicted[i], 9);
  });
});
