/** Search directions against dense matrices, on objectives whose curvature is known. */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  gaussNewtonSolve,
  inverseMetric,
  type Pairs,
  preconditionedGradient,
  quasiNewton,
  rememberPair,
} from "../../src/solve/directions.js";
import type { FlowPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { apart, matrix } from "../support/workspaces.js";

const pointOf = (gradientMoment: number[], gradient: number[], basis: number[] = []): FlowPoint =>
  ({
    gradientMoment: Float64Array.from(gradientMoment),
    gradient: Float64Array.from(gradient),
    basis: Float64Array.from(basis),
  }) as unknown as FlowPoint;
const objectiveOf = (dim: number, rank: number, product?: (v: Float64Array) => Float64Array): ProfiledLoss =>
  ({ dim, rank, gaussNewtonProduct: async (_: FlowPoint, v: Float64Array) => product?.(v) }) as unknown as ProfiledLoss;
const times = (m: Matrix, v: ArrayLike<number>): Float64Array =>
  Float64Array.from(m.mmul(Matrix.columnVector(Array.from(v))).to1DArray());
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((s, v, k) => s + v * b[k], 0);

describe("the metric of the link", () => {
  it("is the inverse of H with a floor of 10⁻⁶ of its trace", () => {
    const h = new Matrix([
      [2, 0.5],
      [0.5, 1],
    ]);
    const delta = [1, 2, -3, 0.5, 0, 4];
    const got = inverseMetric(pointOf(h.to1DArray(), []), 2)(Float64Array.from(delta));
    const wanted = matrix(delta, 3, 2).mmul(inverse(Matrix.add(h, Matrix.eye(2).mul(3e-6))));
    expect(apart(got, wanted.to1DArray())).toBeLessThan(1e-13);
    const unused = inverseMetric(pointOf([4, 0, 0, 0], []), 2)(Float64Array.of(1, 1));
    expect(unused[0]).toBeCloseTo(1 / (4 + 4e-6), 12);
    expect(unused[1] / 250_000).toBeCloseTo(1, 9);
    // Rounding below zero is zero.
    const below = inverseMetric(pointOf([4, 0, 0, -1e-7], []), 2)(Float64Array.of(0, 1));
    expect(below[1] * (4 - 1e-7) * 1e-6).toBeCloseTo(1, 9);
  });

  it("is the identity where the link is constant", () => {
    expect(Array.from(inverseMetric(pointOf([0, 0, 0, 0], []), 2)(Float64Array.of(3, -5)))).toEqual([3, -5]);
  });

  it("gives the gradient that goes down equally fast in all directions", () => {
    const direction = preconditionedGradient(objectiveOf(2, 1), pointOf([2], [3, -1]));
    expect(apart(direction, [-3 / (2 + 2e-6), 1 / (2 + 2e-6)])).toBeLessThan(1e-14);
  });
});

describe("gaussNewtonSolve", () => {
  // A 3×2 tangent; the curvature couples all six entries.
  const random = Array.from({ length: 36 }, (_, k) => Math.sin(3 * k + 1));
  const a = matrix(random, 6, 6);
  const k = a.transpose().mmul(a).add(Matrix.eye(6));
  const h = new Matrix([
    [2, 0.3],
    [0.3, 0.5],
  ]);
  const rhs = Float64Array.of(1, -2, 0.5, 3, -1, 2);
  const solve = async (forcing: number, curvature = k) => {
    let count = 0;
    const objective = objectiveOf(3, 2, (v) => {
      count++;
      return times(curvature, v);
    });
    const solution = await gaussNewtonSolve(objective, pointOf(h.to1DArray(), []), rhs, forcing);
    return { solution, count };
  };

  it("solves the system with a damping of 10⁻³ of the link's metric", async () => {
    const { solution } = await solve(1e-12);
    const damping = Matrix.zeros(6, 6);
    for (const row of [0, 2, 4]) damping.setSubMatrix(Matrix.mul(h, 1e-3), row, row);
    const wanted = times(inverse(Matrix.add(k, damping)), rhs);
    expect(apart(solution, wanted)).toBeLessThan(1e-10);
  });

  it("stops at the residual that was asked for", async () => {
    const residual = (x: Float64Array) => {
      const left = times(k, x).map((v, i) => rhs[i] - v);
      return Math.sqrt(dot(left, left) / dot(rhs, rhs));
    };
    const counts: number[] = [];
    for (const forcing of [0.5, 0.1, 1e-2, 1e-8]) {
      const { solution, count } = await solve(forcing);
      // The damping is no part of this residual.
      expect(residual(solution)).toBeLessThan(forcing + 0.01);
      counts.push(count);
    }
    expect(counts).toEqual([...counts].sort((x, y) => x - y));
    expect(counts[0]).toBeLessThan(counts[3]);
    expect(counts[3]).toBeLessThanOrEqual(8);
  });

  it("conjugate directions end after as many steps as there are unknowns", async () => {
    expect((await solve(1e-9)).count).toBeLessThanOrEqual(7);
    // One unknown: the first step is exact.
    const objective = objectiveOf(1, 1, (v) => v.map((x) => 5 * x));
    const one = await gaussNewtonSolve(objective, pointOf([2], []), Float64Array.of(3), 1e-10);
    expect(one[0]).toBeCloseTo(3 / 5.002, 14);
  });

  it("gives up after 40 inner steps, and at once without curvature", async () => {
    let count = 0;
    // A product that is not linear never lets the residual fall.
    const restless = objectiveOf(2, 1, () => {
      count++;
      return Float64Array.of(Math.sin(count) + 2, Math.cos(count));
    });
    await gaussNewtonSolve(restless, pointOf([1], []), Float64Array.of(1, 1e-3), 0);
    expect(count).toBeLessThanOrEqual(40);
    const flat = await solve(1e-3, Matrix.eye(6).mul(-1));
    expect(flat.count).toBe(1);
    expect(Array.from(flat.solution)).toEqual([0, 0, 0, 0, 0, 0]);
    const nothing = await gaussNewtonSolve(objectiveOf(2, 1), pointOf([1], []), new Float64Array(2), 0.1);
    expect(Array.from(nothing)).toEqual([0, 0]);
  });
});

describe("quasiNewton", () => {
  const gradient = [1, -2, 0.5];
  const point = pointOf([2], gradient);
  const objective = objectiveOf(3, 1);
  const first = new Matrix([
    [1, 0.2, 0],
    [0.2, 0.5, 0.1],
    [0, 0.1, 2],
  ]);
  const curvature = new Matrix([
    [3, 1, 0],
    [1, 2, 0.5],
    [0, 0.5, 1],
  ]);
  const pairs: Pairs = [
    [1, 0, 0.3],
    [0.2, -1, 0.1],
  ].map((step) => {
    const [s, y] = [Float64Array.from(step), times(curvature, step)];
    return { s, y, curvature: dot(s, y) };
  });
  /** The update of Broyden, Fletcher, Goldfarb and Shanno, written out. */
  const updated = (start: Matrix): Matrix =>
    pairs.reduce((metric, { s, y, curvature: c }) => {
      const [column, row] = [Matrix.columnVector(Array.from(s)), Matrix.columnVector(Array.from(y))];
      const left = Matrix.eye(3).sub(column.mmul(row.transpose()).mul(1 / c));
      return left
        .mmul(metric)
        .mmul(left.transpose())
        .add(column.mmul(column.transpose()).mul(1 / c));
    }, start);

  it("is −metric(grad J) without pairs", async () => {
    const got = await quasiNewton(objective, point, [], (v) => times(first, v), false);
    expect(
      apart(
        got,
        times(first, gradient).map((v) => -v),
      ),
    ).toBeLessThan(1e-15);
    const scaled = await quasiNewton(objective, point, [], async (v) => times(first, v), true);
    expect(scaled).toEqual(got);
  });

  it("is the BFGS matrix times −grad J with them", async () => {
    const got = await quasiNewton(objective, point, pairs, (v) => times(first, v), false);
    expect(
      apart(
        got,
        times(updated(first), gradient).map((v) => -v),
      ),
    ).toBeLessThan(1e-13);
    const last = pairs[1];
    const size = last.curvature / dot(last.y, times(first, last.y));
    const scaled = await quasiNewton(objective, point, pairs, async (v) => times(first, v), true);
    expect(
      apart(
        scaled,
        times(updated(Matrix.mul(first, size)), gradient).map((v) => -v),
      ),
    ).toBeLessThan(1e-13);
  });

  it("goes back to the preconditioned gradient rather than up", async () => {
    const got = await quasiNewton(objective, point, [], (v) => v.map((x) => -x), false);
    expect(Array.from(got)).toEqual(Array.from(preconditionedGradient(objective, point)));
    expect(dot(got, gradient)).toBeLessThan(0);
  });
});

describe("rememberPair", () => {
  // Tangents at e₁ have no first entry.
  const objective = objectiveOf(3, 1);
  const at = (gradient: number[]) => pointOf([1], gradient, [1, 0, 0]);

  it("carries the step, the change of the gradient and old pairs to the new tangent space", () => {
    const old: Pairs = [{ s: Float64Array.of(9, 2, 1), y: Float64Array.of(7, 1, 1), curvature: 66 }];
    const [kept, added, ...more] = rememberPair(
      objective,
      old,
      at([0, 1, 2]),
      Float64Array.of(5, -2, -1),
      at([0, 0.5, 1]),
    );
    expect(more).toEqual([]);
    expect(kept).toEqual({ s: Float64Array.of(0, 2, 1), y: Float64Array.of(0, 1, 1), curvature: 3 });
    expect(added).toEqual({ s: Float64Array.of(0, -2, -1), y: Float64Array.of(0, -0.5, -1), curvature: 2 });
  });

  it("leaves out pairs without curvature, old and new", () => {
    const step = Float64Array.of(0, 1, 0);
    expect(rememberPair(objective, [], at([0, 0, 0]), step, at([0, -1, 0]))).toEqual([]);
    expect(rememberPair(objective, [], at([0, 0, 0]), step, at([0, 0, 1]))).toEqual([]);
    // ⟨s, y⟩ = 10⁻¹² ‖s‖‖y‖ is not enough, a thousand times that is.
    expect(rememberPair(objective, [], at([0, 0, 0]), step, at([0, 1e-13, 1]))).toEqual([]);
    expect(rememberPair(objective, [], at([0, 0, 0]), step, at([0, 1e-9, 1]))).toHaveLength(1);
    const old: Pairs = [{ s: Float64Array.of(1, 1, 0), y: Float64Array.of(1, 0, 1), curvature: 1 }];
    expect(rememberPair(objective, old, at([0, 0, 0]), step, at([0, 1, 0]))).toHaveLength(1);
  });

  it("keeps the ten newest", () => {
    let pairs: Pairs = [];
    for (let k = 1; k <= 12; k++)
      pairs = rememberPair(objective, pairs, at([0, 0, 0]), Float64Array.of(0, k, 0), at([0, 1, 0]));
    expect(pairs.map(({ s }) => s[1])).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});
