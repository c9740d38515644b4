/** X in single precision: the fit of nearly the same rows, the same bits on both kernels and any number of parts. */
import { describe, expect, it } from "vitest";
import { type FitOptions, fitMultiIndex, OptionError, subspaceDistance } from "../../src/index.js";
import { layoutOf } from "../../src/kernel/shape.js";
import { featureShape } from "../../src/math/multiIndex.js";
import { generator } from "../support/problems.js";

const { normal } = generator(77);
const [n, d] = [600, 13];
const X = { data: Float64Array.from({ length: n * d }, () => 3 + 2 * normal()), rows: n, columns: d };
const y = Float64Array.from({ length: n }, (_, i) => {
  const [a, b] = [X.data[i * d] - 3, X.data[i * d + 1] - 3];
  return a * b + a + 0.3 * normal();
});
const options: FitOptions = { rank: 2, degree: 3, seed: 4, precision: "f32" };
const bitsOf = async (more: FitOptions): Promise<number[]> => {
  const { model, history } = await fitMultiIndex(X, y, { ...options, ...more });
  return [...model.basis.to1DArray(), ...model.link.coefficients, ...history.loss];
};

describe("precision", () => {
  it("converges to the directions and the loss of doubles within single precision", async () => {
    const [double, single] = await Promise.all([
      fitMultiIndex(X, y, { ...options, precision: "f64" }),
      fitMultiIndex(X, y, options),
    ]);
    expect(single.stop.converged).toBe(true);
    const distance = subspaceDistance(single.model.basis, double.model.basis);
    expect(distance).toBeLessThan(2e-6);
    expect(distance).toBeGreaterThan(0);
    const last = double.history.loss.length - 1;
    expect(single.history.loss.at(-1)).toBeCloseTo(double.history.loss[last], 7);
  });

  it("gives the same bits on both kernels, and another number of parts only other last digits", async () => {
    const wasm = await bitsOf({ kernel: "wasm" });
    expect(await bitsOf({ kernel: "reference" })).toEqual(wasm);
    const parts = await bitsOf({ shards: 3 });
    for (let k = 0; k < 2 * d; k++) expect(parts[k]).toBeCloseTo(wasm[k], 5);
  });

  it("holds X whatever its size, in half the room", () => {
    const shape = { samples: 1_000_000, columns: 100, rank: 3, degree: 4, ...featureShape(3, 4) };
    const more = layoutOf({ ...shape, single: true }).bytes - layoutOf(shape).bytes;
    expect(more / (4 * 1e8)).toBeCloseTo(1, 2);
  });

  it("is f64 or f32", async () => {
    await expect(fitMultiIndex(X, y, { precision: "f16" as "f32" })).rejects.toBeInstanceOf(OptionError);
  });
});
