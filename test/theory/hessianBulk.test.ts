/** Edges of bulks that are known: Marchenko–Pastur laws and their mixtures. */
import { describe, expect, it } from "vitest";
import { bulkEdges, curvatureLaw } from "../../src/theory/hessianBulk.js";

describe("bulkEdges", () => {
  it("of equal curvatures are those of Marchenko and Pastur, a(1 ± 1/√δ)²", () => {
    for (const [a, ratio] of [
      [1, 4],
      [2, 4],
      [3, 1.5],
      [0.5, 100],
    ]) {
      const [left, right] = bulkEdges({ w: [1], a: [a] }, ratio);
      expect(left).toBeCloseTo(a * (1 - 1 / Math.sqrt(ratio)) ** 2, 9);
      expect(right).toBeCloseTo(a * (1 + 1 / Math.sqrt(ratio)) ** 2, 9);
    }
  });

  it("of fewer rows than dimensions begin at 0", () => {
    const [left, right] = bulkEdges({ w: [1], a: [2] }, 0.25);
    expect(left).toBeCloseTo(0, 8);
    expect(right).toBeCloseTo(2 * 9, 8);
  });

  it("turn over with the sign", () => {
    const law = { w: [0.25, 0.75], a: [-1, 2] };
    const [left, right] = bulkEdges(law, 3);
    const [low, high] = bulkEdges({ w: [0.75, 0.25], a: [-2, 1] }, 3);
    expect(left).toBeCloseTo(-high, 9);
    expect(right).toBeCloseTo(-low, 9);
    expect(left).toBeLessThan(-0.2);
  });

  it("are extremes of ψ(l) = l(1/δ + E[a/(l − a)]), by a search of its own", () => {
    const law = { w: [0.2, 0.5, 0.3], a: [-0.5, 0.4, 3] };
    const ratio = 2.5;
    const psi = (l: number) => l * (1 / ratio + law.w.reduce((s, w, k) => s + (w * law.a[k]) / (l - law.a[k]), 0));
    let [left, right] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let step = 1e-4; step < 40; step += 1e-4) {
      left = Math.max(left, psi(-0.5 - step));
      right = Math.min(right, psi(3 + step));
    }
    const [l, r] = bulkEdges(law, ratio);
    expect(l).toBeCloseTo(left, 6);
    expect(r).toBeCloseTo(right, 6);
  });

  it("shrink to the mean for infinitely many rows", () => {
    expect(bulkEdges({ w: [0.25, 0.75], a: [1, 3] }, Number.POSITIVE_INFINITY)).toEqual([2.5, 2.5]);
  });

  it("of nothing are nothing", () => {
    const [left, right] = bulkEdges({ w: [1], a: [0] }, 2);
    expect(Math.abs(left)).toBeLessThan(1e-11);
    expect(Math.abs(right)).toBeLessThan(1e-11);
  });
});

describe("curvatureLaw", () => {
  it("sorts, normalises and leaves out what no sample sees", () => {
    const values = Float64Array.of(3, -50, 1, 90, 2);
    const weights = Float64Array.of(0.4, 1e-7, 0.3, 1e-7, 0.3);
    const { w, a } = curvatureLaw(weights, values);
    expect(a).toEqual([1, 2, 3]);
    expect(w).toEqual([0.3, 0.3, 0.4].map((v) => expect.closeTo(v, 14)));
  });

  it("keeps extremes of more than 3·10⁻⁷ together, and something in any case", () => {
    const kept = curvatureLaw(Float64Array.of(2e-7, 2e-7, 1, 2e-7, 2e-7), Float64Array.of(-2, -1, 0, 1, 2));
    expect(kept.a).toEqual([-1, 0, 1]);
    expect(curvatureLaw(Float64Array.of(1e-9, 1e-9), Float64Array.of(5, 4)).a).toEqual([5]);
    expect(curvatureLaw(Float64Array.of(1), Float64Array.of(7))).toEqual({ w: [1], a: [7] });
  });
});
