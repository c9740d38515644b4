/** What a result says about the choices behind it, beside what was asked for. */
import { describe, expect, it } from "vitest";
import { fitMultiIndex, MultiIndexModel } from "../../src/index.js";
import { sample } from "../support/problems.js";

const { X, y } = sample(([a, b]) => a + 0.5 * a * b, 2, 300, 5, 0.2, 9);
const options = { rank: 2, degree: 2, seed: 4 } as const;

describe("selection", () => {
  it("a ridge that was given is the one reported and used", async () => {
    const held = async (ridge: number) => {
      const { selection, heldOut } = (await fitMultiIndex(X, y, { ...options, ridge, restarts: 0 })).diagnostics;
      expect(selection).toMatchObject({ ridgeBy: "given", method: "gauss-newton", rankBy: "given", degreeBy: "given" });
      expect(selection.ridge / ridge).toBeCloseTo(1, 12);
      expect(heldOut.method).toBe("leave-one-out");
      return heldOut.meanSquare;
    };
    // So large a ridge leaves little of the link.
    expect(await held(1e3)).toBeGreaterThan(3 * (await held(1e-4)));
    const { selection } = (await fitMultiIndex(X, y, { ...options, restarts: 0 })).diagnostics;
    expect(selection.ridgeBy).toBe("gcv");
    expect(selection.ridge).toBeGreaterThan(1e-10);
    expect(selection.ridge).toBeLessThan(4);
  });

  it("starts come from best to worst, random ones counted from 1, and the first is taken", async () => {
    const { selection } = (await fitMultiIndex(X, y, { ...options, start: "random", restarts: 3 })).diagnostics;
    const names = selection.starts.map(({ name }) => name);
    expect([...names].sort()).toEqual(["random 1", "random 2", "random 3", "random 4"]);
    const losses = selection.starts.map(({ loss }) => loss);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(selection.start).toBe(names[0]);
  });
});

it("responses near the ends of the doubles are as good as others", async () => {
  const { model } = await fitMultiIndex(X, y, { ...options, restarts: 0 });
  const plain = model.predict(X);
  for (const unit of [1e-200, 1e150]) {
    const scaled = Float64Array.from(y, (v) => v * unit);
    const fit = await fitMultiIndex(X, scaled, { ...options, restarts: 0 });
    const predicted = fit.model.predict(X);
    for (let i = 0; i < plain.length; i++) expect(Math.abs(predicted[i] / unit - plain[i])).toBeLessThan(1e-6);
    expect(MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(fit.model))).predict(X)).toEqual(predicted);
    expect(fit.diagnostics.heldOut.meanSquare).toBeLessThan(Number.POSITIVE_INFINITY);
  }
  // Losses and errors would be infinite, and a saved model could not be read.
  const far = Float64Array.from(y, (v, i) => (i < 7 ? v : v * 1e200));
  await expect(fitMultiIndex(X, far, options)).rejects.toThrow(/^y\[7\] is .*e\+\d+; losses and errors are squares/);
});

it("weights that leave nothing are refused in words", async () => {
  await expect(fitMultiIndex(X, y, { ...options, weights: new Float64Array(300) })).rejects.toThrow(
    /^all weights are 0; at least one must be positive/,
  );
});
