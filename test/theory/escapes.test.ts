/** Cosines of leaps, beside angles that are known. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { EscapeWatch } from "../../src/theory/escapes.js";
import { gaussianOverlap, haarOverlap } from "../../src/theory/starts.js";
import { codeOf } from "../support/errors.js";

const s = Math.SQRT1_2;
const leap = (count: number, ...directions: number[]) => ({
  leap: 0,
  exponent: 1,
  count,
  directions: Float64Array.from(directions),
});

describe("EscapeWatch", () => {
  it("of one direction: the length of its image", () => {
    const watch = new EscapeWatch([leap(1, 1, 0, 0), leap(1, 0, s, s)], 2, 3);
    // Rows of M are the learner's directions in the link's coordinates.
    const m = Float64Array.of(0.6, 0.1, 0, 0.3, 0, 0.2);
    expect(watch.cosine(0, m)).toBeCloseTo(Math.hypot(0.6, 0.3), 14);
    expect(watch.cosine(1, m)).toBeCloseTo(s * Math.hypot(0.1, 0.2), 14);
  });

  it("of two directions: the smallest of as many cosines as can be learnt", () => {
    const m = Float64Array.of(0.8, 0, 0, 0, 0.5, 0);
    const plane = [1, 0, 0, 0, 1, 0];
    expect(new EscapeWatch([leap(2, ...plane)], 2, 3).cosine(0, m)).toBeCloseTo(0.5, 13);
    expect(new EscapeWatch([leap(1, ...plane)], 2, 3).cosine(0, m)).toBeCloseTo(0.8, 13);
    const tilted = [s, s, 0, s, -s, 0];
    expect(new EscapeWatch([leap(2, ...tilted)], 2, 3).cosine(0, m)).toBeCloseTo(0.5, 13);
  });

  it("follows a change of coordinates, from the link's own every time", () => {
    const watch = new EscapeWatch([leap(1, 1, 0, 0)], 1, 3);
    // Axes v₀ = e₂, v₁ = e₀, v₂ = e₁: what was e₀ is the second coordinate now.
    watch.turn(Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0));
    const m = Float64Array.of(0.2, 0.5, 0.7);
    expect(watch.cosine(0, m)).toBeCloseTo(0.5, 14);
    watch.turn(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    expect(watch.cosine(0, m)).toBeCloseTo(0.2, 14);
    watch.turn(Float64Array.of(s, -s, 0, s, s, 0, 0, 0, 1));
    expect(watch.cosine(0, m)).toBeCloseTo(s * 0.7, 14);
    const two = new EscapeWatch([leap(2, 0, 1, 0, 0, 0, 1)], 2, 3);
    two.turn(Float64Array.of(0, 1, 0, 0, 0, 1, 1, 0, 0));
    expect(two.cosine(0, Float64Array.of(0.9, 0, 0.1, 0, 0.4, 0.3))).toBeCloseTo(0.4, 13);
  });
});

describe("starts", () => {
  it("g/√dim is scaled to norm 0.9 where it would leave the ball", () => {
    for (const seed of [1, 2, 3]) {
      const m = gaussianOverlap(1, 3, 1, seed, 0);
      const norm = Math.hypot(...m);
      const g = gaussianOverlap(1, 3, 1e8, seed, 0).map((v) => v * 1e4);
      if (Math.hypot(...g) < 1) expect(norm).toBeCloseTo(Math.hypot(...g), 10);
      else expect(norm).toBeCloseTo(0.9, 12);
      for (let j = 0; j < 3; j++) expect(m[j] / norm).toBeCloseTo(g[j] / Math.hypot(...g), 10);
    }
  });

  it("a Haar overlap is a corner of an orthogonal frame", () => {
    const rng = () => createRng(5, "haar");
    const m = haarOverlap(2, 3, 3, rng());
    // Rows are two orthonormal vectors of the whole space.
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 1],
    ]) {
      const dot = [0, 1, 2].reduce((sum, j) => sum + m[a * 3 + j] * m[b * 3 + j], 0);
      expect(dot).toBeCloseTo(a === b ? 1 : 0, 13);
    }
    expect(haarOverlap(2, 1, 3, rng())).toEqual(Float64Array.of(m[0], m[3]));
    expect(codeOf(() => haarOverlap(2, 3, 2, rng()))).toBe("RANGE");
    expect(codeOf(() => haarOverlap(4, 3, 3, rng()))).toBe("RANGE");
    expect(() => haarOverlap(4, 3, 3, rng())).toThrow(/^dim is 3; frames of 4 and 3 .* need at least 4\.$/);
    expect(codeOf(() => haarOverlap(1, 1, 0, rng()))).toBe("RANGE");
  });
});
