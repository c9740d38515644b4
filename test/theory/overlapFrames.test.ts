/** Frames of a two-timescale flow: where they stand, when they turn, and that nothing seen from outside changes. */
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { Link } from "../../src/model/link.js";
import { populationLoss } from "../../src/theory/averaging.js";
import { OverlapFrames } from "../../src/theory/overlapFrames.js";
import { gaussianOverlap } from "../../src/theory/starts.js";
import { apart, matrix } from "../support/workspaces.js";

const rotation = (angle: number): Matrix =>
  new Matrix([
    [Math.cos(angle), -Math.sin(angle)],
    [Math.sin(angle), Math.cos(angle)],
  ]);
/** A link of two variables by the coefficients of h₂(z₁), h₁(z₁)h₁(z₂), h₂(z₂). */
const quadratic = (a: number, b: number, c: number): Float64Array => Float64Array.of(0, 0, 0, a, b, c);
/** Frames of two directions that began at I/2, brought to M. */
function framesAt(coefficients: Float64Array, m: Matrix): OverlapFrames {
  const frames = new OverlapFrames(coefficients, 2, 2, 2);
  frames.start(Float64Array.of(0.5, 0, 0, 0.5));
  frames.m.set(m.to1DArray());
  frames.principal.decompose(frames.m);
  frames.field.smooth(frames.m);
  return frames;
}
const seen = (frames: OverlapFrames, rank: number): Float64Array => {
  const out = new Float64Array(rank * frames.p);
  frames.toGiven(frames.m, out);
  return out;
};

describe.each([
  [1, 2],
  [2, 1],
  [2, 3],
  [3, 2],
  [3, 3],
])("a start of r = %i, r⋆ = %i", (r, p) => {
  const degree = 3;
  const size = p === 1 ? 4 : p === 2 ? 10 : 20;
  const coefficients = Float64Array.from({ length: size }, (_, j) => Math.cos(3 * j + 1));
  const given = gaussianOverlap(r, p, 9, 2, 5);

  it("is diagonal in its frames, which give the overlap back", () => {
    const frames = new OverlapFrames(coefficients, p, degree, r);
    frames.start(given);
    const k = Math.min(r, p);
    expect(frames.k).toBe(k);
    const m = matrix(frames.m, k, p);
    for (let i = 0; i < k; i++) for (let j = 0; j < p; j++) if (i !== j) expect(m.get(i, j)).toBe(0);
    for (let j = 0; j < p; j++) {
      const cosine = j < k ? m.get(j, j) : 0;
      expect(frames.s[j * p + j]).toBeCloseTo(Math.sqrt(1 - cosine * cosine), 14);
    }
    expect(frames.s.filter((v) => v !== 0)).toHaveLength(p);
    expect(apart(seen(frames, r), given)).toBeLessThan(1e-15);
    const v = matrix(frames.v, p, p);
    expect(apart(v.mmul(v.transpose()).to1DArray(), Matrix.eye(p).to1DArray())).toBeLessThan(1e-14);
    frames.measure();
    for (let l = 0; l < k; l++) expect(frames.rows[l]).toBeCloseTo(Math.sqrt(Math.hypot(...m.getRow(l))), 14);
    for (let j = 0; j < p; j++) expect(frames.columns[j]).toBeCloseTo(Math.sqrt(Math.hypot(...m.getColumn(j))), 14);
  });

  it("carries the link into them", () => {
    const frames = new OverlapFrames(coefficients, p, degree, r);
    frames.start(given);
    const link = Link.fromCoefficients(coefficients, { rank: p, degree });
    const { loss, smoothedGradient } = populationLoss(link, matrix(given, r, p));
    frames.principal.decompose(frames.m);
    expect(frames.principal.loss() / loss).toBeCloseTo(1, 11);
    frames.field.smooth(frames.m);
    // Row j of `v` is column j of V: B in the frames is VᵀBV.
    const v = matrix(frames.v, p, p);
    const wanted = v.mmul(smoothedGradient).mmul(v.transpose());
    expect(apart(frames.field.b, wanted.to1DArray())).toBeLessThan(1e-12);
    // A second start forgets the first.
    frames.start(given);
    frames.principal.decompose(frames.m);
    expect(frames.principal.loss() / loss).toBeCloseTo(1, 11);
  });
});

it("an overlap beyond 1 by rounding starts at 1", () => {
  const frames = new OverlapFrames(quadratic(1, 0, 1), 2, 2, 2);
  frames.start(Float64Array.of(1 + 1e-15, 0, 0, 0.5));
  expect(frames.m[0]).toBe(1);
  expect(frames.s[0]).toBe(0);
});

describe("frames turn", () => {
  const cosines = Matrix.diag([0.9, 1e-6]);
  const sines = Float64Array.of(Math.sqrt(0.19), 1);

  it("when a small singular value would be a difference of large numbers", () => {
    for (const [side, left, right] of [
      ["rows", rotation(0.002), rotation(0)],
      ["columns", rotation(0), rotation(0.002)],
    ] as const) {
      const frames = framesAt(quadratic(1, 0.3, 0.7), left.mmul(cosines).mmul(right));
      const before = seen(frames, 2);
      const loss = frames.principal.loss();
      expect(frames.settle(sines), side).toBe(true);
      expect(apart(seen(frames, 2), before)).toBeLessThan(1e-15);
      expect(apart(frames.m, [0.9, 0, 0, 1e-6])).toBeLessThan(1e-15);
      expect(apart(frames.s, [Math.sqrt(0.19), 0, 0, 1])).toBeLessThan(1e-9);
      frames.principal.decompose(frames.m);
      expect(frames.principal.loss() / loss).toBeCloseTo(1, 11);
      frames.measure();
      expect(frames.rows[0]).toBeCloseTo(Math.sqrt(0.9), 12);
      // What is settled stays.
      frames.field.smooth(frames.m);
      expect(frames.settle(sines), side).toBe(false);
    }
  });

  it("not for less: √(0.9 sin θ)·10⁻³ against thirty times 10⁻⁶", () => {
    for (const [left, right] of [
      [rotation(5e-4), rotation(0)],
      [rotation(0), rotation(5e-4)],
    ]) {
      const frames = framesAt(quadratic(1, 0.3, 0.7), left.mmul(cosines).mmul(right));
      const m = frames.m.slice();
      expect(frames.settle(sines)).toBe(false);
      expect(frames.m).toEqual(m);
    }
    // Two values of the same size are never coarse.
    expect(framesAt(quadratic(1, 0.3, 0.7), rotation(0.8).mmul(Matrix.diag([0.5, 0.4]))).settle(sines)).toBe(false);
    // A direction without overlap has nothing to lose.
    const none = framesAt(quadratic(1, 0.3, 0.7), rotation(0.5).mmul(Matrix.diag([0.5, 0])));
    expect(none.settle(sines)).toBe(false);
  });

  it("when the smallest part of B drowns in the rounding of the rest", () => {
    // h₂ of (z₁ + z₂)/√2: B has nothing along (1, −1), but entries of the same size everywhere.
    const link = quadratic(0.5, Math.SQRT1_2, 0.5);
    const values = Matrix.diag([0.5, 0.4]);
    expect(framesAt(link, values.mmul(rotation(Math.PI / 4))).settle(sines)).toBe(true);
    expect(framesAt(link, values).settle(sines)).toBe(false);
    expect(framesAt(quadratic(1, 0, 0.5), values.mmul(rotation(Math.PI / 4))).settle(sines)).toBe(false);
    // A link without B has no smallest part.
    expect(framesAt(quadratic(0, 0, 0), values.mmul(rotation(Math.PI / 4))).settle(sines)).toBe(false);
  });

  it("and take the smaller one of sine and cosine as it is", () => {
    const frames = framesAt(quadratic(1, 0.3, 0.7), rotation(0.05).mmul(Matrix.diag([1, 1e-6])));
    expect(frames.settle(Float64Array.of(1e-12, 1))).toBe(true);
    expect(frames.s[0]).toBe(1e-12);
    expect(frames.m[0]).toBe(1);
    expect(frames.s[3]).toBeCloseTo(1 - 0.5e-12, 15);
    const half = framesAt(quadratic(1, 0.3, 0.7), rotation(0.05).mmul(Matrix.diag([0.8, 1e-6])));
    expect(half.settle(Float64Array.of(0.6, 1))).toBe(true);
    expect(half.m[0]).toBeCloseTo(0.8, 15);
    expect(half.s[0]).toBe(0.6);
  });
});
