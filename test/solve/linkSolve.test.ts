/** Ridge: how a penalty grows, and the choice by generalized cross-validation beside its definition. */

import { inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { chooseRidge, degreePenalty, gramScale, Penalty, solveLink } from "../../src/solve/linkSolve.js";
import { codeOf } from "../support/errors.js";
import { generator } from "../support/problems.js";

it("weighs features by their degree", () => {
  expect(Array.from(degreePenalty(1, 4))).toEqual([1e-3, 1, 2, 4, 8]);
  expect(Array.from(degreePenalty(2, 2))).toEqual([1e-3, 1, 1, 2, 2, 2]);
});

describe("Penalty", () => {
  it("is μδ, and its energy is half of cᵀ diag(μδ) c", () => {
    const penalty = new Penalty(Float64Array.of(1, 2, 4), 0.5, 10);
    expect(Array.from(penalty.diagonal)).toEqual([0.5, 1, 2]);
    expect(penalty.energy(Float64Array.of(1, 2, 3))).toBe((0.5 + 4 + 18) / 2);
  });

  it("grows from 1e-12 by hundreds to 1e-4 of its unit, then says which pivot failed", () => {
    const penalty = new Penalty(Float64Array.of(1, 2), 0.5, 8);
    const seen: number[] = [];
    for (let k = 0; k < 5; k++) {
      penalty.grow(3);
      seen.push(penalty.rescued);
      expect(penalty.diagonal[0]).toBeCloseTo(0.5 + 8 * penalty.rescued, 15);
      expect(penalty.diagonal[1] / 2).toBeCloseTo(0.5 + 8 * penalty.rescued, 15);
    }
    [1e-12, 1e-10, 1e-8, 1e-6, 1e-4].forEach((value, k) => {
      expect(Math.abs(seen[k] / value - 1)).toBeLessThan(1e-12);
    });
    expect(penalty.rescues).toBe(5);
    expect(codeOf(() => penalty.grow(3))).toBe("SINGULAR");
    expect(() => penalty.grow(3)).toThrow(/pivot 3, even with a relative ridge of 1e-4\..*lower the degree/);
    expect(penalty.rescues).toBe(5);
  });

  it("has a unit of one where there is none", () => {
    const penalty = new Penalty(Float64Array.of(1), 0, 0);
    penalty.grow(0);
    expect(penalty.diagonal[0]).toBe(1e-12);
  });

  it("is raised until the solve succeeds", () => {
    const tried: number[] = [];
    const workspace = {
      solveTrial: (diagonal: Float64Array, tolerance: number) => {
        expect(tolerance).toBe(1e-14);
        tried.push(diagonal[0]);
        return diagonal[0] > 1e-9 ? { coefficients: diagonal.slice() } : { pivot: 1 };
      },
    };
    const penalty = new Penalty(Float64Array.of(1), 0, 1);
    expect(solveLink(workspace as never, penalty)[0]).toBeCloseTo(1e-8, 20);
    expect(tried).toHaveLength(4);
  });
});

/** Packed upper by columns. */
const packed = (a: Matrix): Float64Array =>
  Float64Array.from(
    Array.from({ length: a.rows }, (_, j) => Array.from({ length: j + 1 }, (__, i) => a.get(i, j))).flat(),
  );

describe("chooseRidge", () => {
  const { normal } = generator(4);
  const [n, p] = [40, 5];
  const phi = new Matrix(Array.from({ length: n }, () => [1, ...Array.from({ length: p - 1 }, normal)]));
  const truth = [0.5, 1, -1, 0, 0];
  const y = Array.from({ length: n }, (_, i) => truth.reduce((s, c, j) => s + c * phi.get(i, j), 0) + 2 * normal());
  const gram = phi.transpose().mmul(phi);
  const moment = phi.transpose().mmul(Matrix.columnVector(y));
  const source = {
    normalEquations: () => ({ gram: packed(gram), moment: Float64Array.from(moment.to1DArray()) }),
    weightSum: n,
  };
  const weights = Float64Array.of(1e-3, 1, 1, 2, 4);
  /** RSS/n, degrees of freedom and score at μ, by the definition. */
  const at = (mu: number, extra = 0) => {
    const solve = inverse(Matrix.add(gram, Matrix.diag(Array.from(weights, (w) => n * mu * w))));
    const c = solve.mmul(moment);
    const rest = Matrix.sub(Matrix.columnVector(y), phi.mmul(c));
    const meanSquare = rest.norm() ** 2 / n;
    const df = extra + solve.mmul(gram).trace();
    return { meanSquare, df, score: meanSquare / (1 - df / n) ** 2 };
  };
  const GRID = Array.from({ length: 20 }, (_, k) => 10 ** (-9 + k / 2));

  it.each([
    [1e-6, 0, 1],
    [0, 0, 1],
    [0.1, 3, 1],
    [1e-3, 10, 0.25],
  ])("from ridge %d with %d directions and unit %d", (current, extra, unit) => {
    const found = chooseRidge(source, weights, unit, current, at(current).meanSquare, extra);
    const scores = GRID.map((mu) => at(mu * unit, extra));
    const least = Math.min(...scores.map(({ score }) => score));
    const first = scores.findIndex(({ score }) => score <= least * 1.001);
    expect(found.mu / (GRID[first] * unit)).toBeCloseTo(1, 10);
    expect(found.score / scores[first].score).toBeCloseTo(1, 9);
    expect(found.degreesOfFreedom).toBeCloseTo(scores[first].df, 9);
  });

  it("reports the condition of the scaled matrix with its ridge", () => {
    const diagonal = {
      normalEquations: () => ({ gram: Float64Array.of(8, 0, 2), moment: Float64Array.of(0, 0) }),
      weightSum: 2,
    };
    // Gram/n = diag(4, 1), over δ = (1, 4): diag(4, ¼). No signal, so the largest ridge is as good as the least: the least is taken.
    const found = chooseRidge(diagonal, Float64Array.of(1, 4), 1, 0, 1, 0);
    expect(found.condition).toBeCloseTo((4 + found.mu) / (0.25 + found.mu), 10);
  });

  it("a linear link loses directions with its slope", () => {
    const loose = chooseRidge(source, weights, 1, 1e-6, at(1e-6).meanSquare, 4, true);
    const scores = GRID.map((mu) => at(mu, 4 / (1 + mu)));
    const least = Math.min(...scores.map(({ score }) => score));
    const first = scores.findIndex(({ score }) => score <= least * 1.001);
    expect(loose.mu / GRID[first]).toBeCloseTo(1, 10);
    expect(loose.degreesOfFreedom).toBeCloseTo(scores[first].df, 9);
  });

  it("never takes a ridge that leaves no freedom", () => {
    expect(chooseRidge(source, weights, 1, 1e-6, at(1e-6).meanSquare, n).score).toBe(Number.POSITIVE_INFINITY);
  });
});

it("measures ridges by the mean diagonal of the normal equations", () => {
  const workspace = {
    normalEquations: () => ({ gram: Float64Array.of(2, 9, 4, 9, 9, 6), moment: new Float64Array(3) }),
    layout: { shape: { featureCount: 3 } },
    weightSum: 4,
  };
  expect(gramScale(workspace as never)).toBe(1);
});
