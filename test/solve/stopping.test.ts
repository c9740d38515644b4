/** Stopping rules, each at the border where it fires. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import type { FlowPoint } from "../../src/solve/objective.js";
import {
  anyOf,
  deadline,
  diverged,
  gradientBelow,
  iterationLimit,
  nothingToOptimize,
  type Progressing,
} from "../../src/solve/stopping.js";

const state = (point: Partial<FlowPoint>, iteration = 0): Progressing => ({
  point: {
    basis: Float64Array.of(1, 0),
    coefficients: Float64Array.of(0, 1),
    loss: 0.5,
    meanSquare: 1,
    gradientMoment: Float64Array.of(1),
    euclidean: Float64Array.of(0, 0),
    gradient: Float64Array.of(0, 0),
    gradientNorm: 1,
    ...point,
  },
  iteration,
});

describe("gradientBelow", () => {
  const rule = gradientBelow(1e-3);
  it("fires at ‖grad J‖ = tolerance·√(2J) + tolerance², not above", () => {
    // √(2·0.5) = 1, so the border is at 1e-3 + 1e-6.
    expect(rule(state({ gradientNorm: 1.001e-3 }))).toEqual({ reason: "converged", converged: true });
    expect(rule(state({ gradientNorm: 1.0011e-3 }))).toBeUndefined();
    expect(rule(state({ gradientNorm: 2.0009e-3, loss: 2 }))).toEqual({ reason: "converged", converged: true });
    expect(rule(state({ gradientNorm: 2.0011e-3, loss: 2 }))).toBeUndefined();
    // Noise-free data: J itself is gone.
    expect(rule(state({ gradientNorm: 0.9e-6, loss: 0 }))).toEqual({ reason: "converged", converged: true });
    expect(rule(state({ gradientNorm: 1.1e-6, loss: 0 }))).toBeUndefined();
    expect(rule(state({ gradientNorm: Number.NaN }))).toBeUndefined();
  });

  it("calls a constant link a saddle, or stationary where there is nothing to explain", () => {
    const flat = { gradientNorm: 0, gradientMoment: Float64Array.of(0, 0, 0, 0) };
    expect(rule(state(flat))).toEqual({ reason: "saddle", converged: false });
    expect(rule(state({ ...flat, meanSquare: 0 }))).toEqual({ reason: "stationary", converged: true });
    expect(rule(state({ ...flat, meanSquare: 1e-20 }))).toEqual({ reason: "stationary", converged: true });
    // Slopes are on the diagonal; every direction counts.
    const moment = (values: number[]) => ({ gradientNorm: 0, gradientMoment: Float64Array.from(values) });
    expect(rule(state(moment([0, 0, 0, 1e-10])))).toMatchObject({ reason: "converged" });
    expect(rule(state(moment([1e-10, 0, 0, 0])))).toMatchObject({ reason: "converged" });
    expect(rule(state(moment([0, 9, 9, 0])))).toMatchObject({ reason: "saddle" });
    expect(rule(state(moment([1e-20, 0, 0, 0])))).toMatchObject({ reason: "saddle" });
    expect(rule(state(moment([0, 1, 1, 1, 0, 1, 1, 1, 1e-9])))).toMatchObject({ reason: "converged" });
  });
});

it("limits iterations and time", () => {
  expect(iterationLimit(3)(state({}, 2))).toBeUndefined();
  expect(iterationLimit(3)(state({}, 3))).toEqual({ reason: "iteration-limit", converged: false });
  expect(iterationLimit(0)(state({}, 0))).toEqual({ reason: "iteration-limit", converged: false });
  expect(deadline(new RunControl({}))(state({}))).toBeUndefined();
  expect(deadline(new RunControl({ deadlineMs: 0 }))(state({}))).toEqual({ reason: "deadline", converged: false });
});

it("has nothing to search in ranks 0 and d", () => {
  const full = { reason: "nothing-to-optimize", converged: true };
  expect(nothingToOptimize(4, 0)(state({}))).toEqual(full);
  expect(nothingToOptimize(4, 4)(state({}))).toEqual(full);
  expect(nothingToOptimize(4, 0)(state({ meanSquare: 0 }))).toEqual({ reason: "stationary", converged: true });
  expect(nothingToOptimize(4, 4)(state({ meanSquare: 0 }))).toEqual(full);
  expect(nothingToOptimize(4, 3)(state({}))).toBeUndefined();
  expect(nothingToOptimize(4, 1)(state({}))).toBeUndefined();
});

it("ends where a loss or its gradient is no number", () => {
  const end = { reason: "diverged", converged: false };
  expect(diverged(state({}))).toBeUndefined();
  expect(diverged(state({ loss: Number.NaN }))).toEqual(end);
  expect(diverged(state({ gradientNorm: Number.POSITIVE_INFINITY }))).toEqual(end);
});

it("takes the first rule that fires", () => {
  const never = () => undefined;
  const one = () => ({ reason: "deadline", converged: false }) as const;
  expect(anyOf(never, one, iterationLimit(0))(state({}))).toEqual({ reason: "deadline", converged: false });
  expect(anyOf(never, never)(state({}))).toBeUndefined();
  expect(anyOf()(state({}))).toBeUndefined();
});
