/** Screening of starts and the loop of the algorithm, on objectives that are known. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { degreePenalty, Penalty } from "../../src/solve/linkSolve.js";
import type { Method } from "../../src/solve/methods.js";
import { methodNamed } from "../../src/solve/methods.js";
import type { FlowPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { ProfiledLoss as Loss } from "../../src/solve/objective.js";
import { screen } from "../../src/solve/portfolio.js";
import { iterationLimit } from "../../src/solve/stopping.js";
import { twoTimescale } from "../../src/solve/twoTimescale.js";
import { normals, opened } from "../support/workspaces.js";

/** A point with this loss. */
const pointOf = (loss: number, more: Partial<FlowPoint> = {}): FlowPoint =>
  ({
    basis: Float64Array.of(1, 0),
    loss,
    gradientNorm: 1,
    gradient: new Float64Array(2),
    gradientMoment: Float64Array.of(1),
    meanSquare: 1,
    ...more,
  }) as unknown as FlowPoint;

describe("screen", () => {
  /** An objective whose loss at a start is the first entry of the basis. No step lowers it. */
  const objective = {
    dim: 2,
    rank: 1,
    at: async (basis: Float64Array) => pointOf(basis[0], { basis }),
    along: async () => 1,
    trial: async () => ({ loss: Number.POSITIVE_INFINITY }),
    gaussNewtonProduct: async (_: unknown, v: Float64Array) => v,
  } as unknown as ProfiledLoss;
  const startOf = (name: string, loss: number) => ({ name, basis: async () => Float64Array.of(loss, 0) });
  const all = async (work: ReturnType<typeof screen>) => {
    const yielded: string[] = [];
    for (;;) {
      const { done, value } = await work.next();
      if (done) return { yielded, found: value };
      yielded.push(value.start);
    }
  };

  it("gives starts from best to worst; no number is worst, equals keep their order", async () => {
    const losses = [3, Number.NaN, 1, 2, 1, Number.NaN, 0.5];
    const starts = losses.map((loss, k) => startOf(`start ${k}`, loss));
    const { yielded, found } = await all(screen(objective, starts, 1e-6, new RunControl()));
    expect(found.map(({ name }) => name)).toEqual([6, 2, 4, 3, 0, 1, 5].map((k) => `start ${k}`));
    expect(found.map(({ loss }) => loss)).toEqual([0.5, 1, 1, 2, 3, Number.NaN, Number.NaN]);
    expect(found[1]).toMatchObject({ basis: Float64Array.of(1, 0), point: { loss: 1 } });
    expect([...new Set(yielded)]).toEqual(starts.map(({ name }) => name));
  });

  it("screens one start past the deadline, no more", async () => {
    const control = new RunControl({ deadlineMs: 0 });
    const asked: string[] = [];
    const starts = ["a", "b"].map((name) => ({
      name,
      basis: async () => {
        asked.push(name);
        return Float64Array.of(1, 0);
      },
    }));
    const { found } = await all(screen(objective, starts, 1e-6, control));
    expect(asked).toEqual(["a"]);
    expect(found.map(({ name }) => name)).toEqual(["a"]);
    expect(await all(screen(objective, [], 1e-6, control))).toEqual({ yielded: [], found: [] });
  });

  it("takes three Gauss–Newton steps from every start, fewer where the gradient is small", async () => {
    const X = normals(50, 4, 3);
    const y = X.map(([a, b], i) => Math.tanh(2 * a - b) + 0.3 * Math.sin(5 * i));
    const { problem, control } = await opened(X, y, { rank: 1, degree: 3, whiten: "none" });
    const loss = new Loss(problem.workspace, problem.inputs, new Penalty(degreePenalty(1, 3), 1e-3, 1));
    const basis = Float64Array.of(0.6, 0, 0.8, 0);
    const { yielded, found } = await all(screen(loss, [{ name: "one", basis: async () => basis }], 1e-6, control));
    expect(yielded).toEqual(["one", "one", "one", "one"]);
    const work = twoTimescale(loss, basis, methodNamed("gauss-newton"), iterationLimit(3));
    let step = await work.next();
    while (!step.done) step = await work.next();
    expect(found[0].loss).toBe(step.value.point.loss);
    expect(found[0].point.basis).toEqual(step.value.point.basis);
    const loose = await all(screen(loss, [{ name: "one", basis: async () => basis }], 1e3, control));
    expect(loose.yielded).toEqual(["one"]);
  });

  it("runs no step where nothing can be searched, or where the loss is no number", async () => {
    for (const [dim, loss] of [
      [1, 1],
      [2, Number.NaN],
      [2, Number.POSITIVE_INFINITY],
    ] as const) {
      const { yielded } = await all(
        screen({ ...objective, dim } as unknown as ProfiledLoss, [startOf("a", loss)], 1e-6, new RunControl()),
      );
      expect(yielded).toEqual(["a"]);
    }
  });
});

describe("twoTimescale", () => {
  const points = [5, 4, 3].map((loss) => pointOf(loss));
  const objective = { at: async () => points[0] } as unknown as ProfiledLoss;
  /** A method that goes from point to point and remembers how often it was called. */
  const method = {
    name: "lbfgs",
    defaultIterations: 1,
    begin: () => 10,
    step: async (_: unknown, __: unknown, memory: number) =>
      memory < 12 ? { point: points[memory - 9], stepSize: memory / 4, memory: memory + 1 } : undefined,
  } as unknown as Method<unknown>;
  const walk = async (limit: number, last = points[2]) => {
    const own = [points[0], points[1], last];
    const walking = {
      ...method,
      step: async (_: unknown, __: unknown, memory: number) =>
        memory < 12 ? { point: own[memory - 9], stepSize: memory / 4, memory: memory + 1 } : undefined,
    } as unknown as Method<unknown>;
    const run = twoTimescale(objective, Float64Array.of(1, 0), walking, iterationLimit(limit));
    const states: unknown[] = [];
    for (;;) {
      const { done, value } = await run.next();
      if (done) return { states, end: value };
      states.push(value);
    }
  };

  it("yields the start and every step, and ends with the last of them", async () => {
    const { states, end } = await walk(1);
    expect(states).toEqual([
      { iteration: 0, point: points[0], stepSize: 0 },
      { iteration: 1, point: points[1], stepSize: 2.5 },
    ]);
    expect(end).toEqual({
      iteration: 1,
      point: points[1],
      stepSize: 2.5,
      stop: { reason: "iteration-limit", converged: false },
    });
  });

  it("a step that is not found ends it: converged only where the gradient promises nothing above rounding", async () => {
    const stop = async (more: Partial<FlowPoint>) => (await walk(9, pointOf(3, more))).end.stop;
    expect(await stop({ gradientNorm: 1 })).toEqual({ reason: "step-limit", converged: false });
    // ‖grad J‖² ≤ 10⁻¹²·tr H·J.
    const gradientMoment = Float64Array.of(2, 9, 9, 6);
    expect((await stop({ gradientMoment, gradientNorm: 4.8e-6 })).converged).toBe(true);
    expect((await stop({ gradientMoment, gradientNorm: 5e-6 })).converged).toBe(false);
    const nothing = { gradientMoment, loss: 0 };
    expect((await stop({ ...nothing, gradientNorm: 4e-14 })).converged).toBe(true);
    expect((await stop({ ...nothing, gradientNorm: 5e-14 })).converged).toBe(false);
    expect((await walk(9)).states).toHaveLength(3);
  });
});
