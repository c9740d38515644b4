/** From starts to a fit: what is screened, which ridge is used, and what the steps say. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import type { FitOptions } from "../../src/index.js";
import { type Beginning, descend } from "../../src/solve/descend.js";
import { toColumns } from "../../src/solve/inputMap.js";
import { chooseRidge, degreePenalty, gramScale, Penalty } from "../../src/solve/linkSolve.js";
import { methodNamed } from "../../src/solve/methods.js";
import { ProfiledLoss } from "../../src/solve/objective.js";
import { screen } from "../../src/solve/portfolio.js";
import type { FitStep } from "../../src/solve/progress.js";
import type { Fit } from "../../src/solve/report.js";
import { gradientBelow, iterationLimit } from "../../src/solve/stopping.js";
import { twoTimescale } from "../../src/solve/twoTimescale.js";
import { apart, normals, opened } from "../support/workspaces.js";

const X = normals(60, 3, 12);
const y = X.map(([a, b], i) => 3 * (a + 0.5 * a * a) + 0.3 * b + 0.4 * Math.sin(11 * i));
const good = Float64Array.of(0.96, 0.28, 0);
const bad = Float64Array.of(0, 0, 1);
const named = (name: string, basis: Float64Array) => ({ name, basis: async () => basis });

async function run(
  given: FitOptions,
  beginning: Partial<Beginning>,
  control?: RunControl,
): Promise<{ steps: FitStep[]; fit: Fit; problem: Awaited<ReturnType<typeof opened>>["problem"] }> {
  const own = await opened(X, y, { rank: 1, degree: 2, whiten: "none", ...given });
  const starts = [named("good", good), named("bad", bad)];
  const work = descend(own.problem, own.options, control ?? own.control, { starts, warnings: [], ...beginning });
  const steps: FitStep[] = [];
  for (;;) {
    const { done, value } = await work.next();
    if (done) return { steps, fit: value, problem: own.problem };
    steps.push(value);
  }
}
/** The profiled loss at a basis and an absolute ridge, the size that a relative ridge refers to, and GCV's choice there. */
async function reference(basis: Float64Array, relative: number, first = good, degree = 2) {
  const { problem } = await opened(X, y, { rank: 1, degree, whiten: "none" });
  const { workspace, inputs } = problem;
  await workspace.projectTrial(toColumns(inputs, first, 1));
  const unit = gramScale(workspace);
  const weights = degreePenalty(1, degree);
  const point = await new ProfiledLoss(workspace, inputs, new Penalty(weights, relative * unit, unit)).at(basis);
  const choice = chooseRidge(workspace, weights, unit, relative * unit, point.meanSquare, 2, degree === 1);
  return { point, unit, choice: choice.mu / unit, degreesOfFreedom: choice.degreesOfFreedom };
}
const phases = (steps: readonly FitStep[]): string[] => [
  ...new Set(steps.map(({ phase, start }) => `${phase} ${start}`)),
];

describe("one start and a given ridge", () => {
  it("descend without screening, on that ridge to the end", async () => {
    const { steps, fit, problem } = await run({ ridge: 0.01 }, { starts: [named("good", good)] });
    expect(phases(steps)).toEqual(["descent good"]);
    const { selection } = fit.diagnostics;
    expect(selection).toMatchObject({ start: "good", starts: [], ridgeBy: "given" });
    expect(selection.ridge).toBeCloseTo(0.01, 14);
    expect(fit.stop).toMatchObject({ reason: "converged", converged: true });
    // J where it began and where it ended, in the units of y².
    const scale = problem.response.scale ** 2;
    const { point } = await reference(good, 0.01);
    expect(fit.history.loss[0] / (point.loss * scale)).toBeCloseTo(1, 10);
    expect(fit.history.gradientNorm[0] / (point.gradientNorm * scale)).toBeCloseTo(1, 9);
    const end = Float64Array.from(fit.model.basis.to1DArray());
    const { point: last } = await reference(end, 0.01);
    expect((fit.history.loss.at(-1) ?? 0) / (last.loss * scale)).toBeCloseTo(1, 10);
    expect(steps.map(({ loss }) => loss)).toEqual(Array.from(fit.history.loss));
    expect(fit.stop.iterations).toBe(fit.history.loss.length - 1);
  });

  it("a relative ridge is relative to the features at the first start", async () => {
    // At a start three times as wide the features would be larger; both runs share the first start's unit.
    const far = Float64Array.of(0.6, 0, 0.8);
    const { fit } = await run({ ridge: 0.2, maxIterations: 0 }, { starts: [named("far", far)] });
    const { point } = await reference(far, 0.2, far);
    const { scale } = (await opened(X, y, { rank: 1, degree: 2, whiten: "none" })).problem.response;
    expect(fit.history.loss[0] / (point.loss * scale ** 2)).toBeCloseTo(1, 10);
    expect(fit.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 0 });
  });
});

describe("screening", () => {
  it("orders the starts by their loss and goes on from the best", async () => {
    for (const starts of [
      [named("good", good), named("bad", bad)],
      [named("bad", bad), named("good", good)],
    ]) {
      const { steps, fit } = await run({ ridge: 1e-3, method: "preconditioned-gradient" }, { starts });
      const first = starts.map(({ name }) => `screening ${name}`);
      expect(phases(steps)).toEqual([...first, "descent good"]);
      expect(fit.diagnostics.selection.starts.map(({ name }) => name)).toEqual(["good", "bad"]);
      expect(fit.diagnostics.selection.start).toBe("good");
    }
  });

  it("reports losses in the units of y²", async () => {
    const { fit, problem } = await run({ ridge: 1e-3 }, {});
    const { point, unit } = await reference(good, 1e-3);
    const own = await opened(X, y, { rank: 1, degree: 2, whiten: "none" });
    const penalty = new Penalty(degreePenalty(1, 2), 1e-3 * unit, unit);
    const objective = new ProfiledLoss(own.problem.workspace, own.problem.inputs, penalty);
    const work = screen(objective, [named("good", good), named("bad", bad)], 1e-6, own.control);
    let step = await work.next();
    while (!step.done) step = await work.next();
    const scale = problem.response.scale ** 2;
    const wanted = step.value.map(({ name, loss }) => ({ name, loss: expect.closeTo(loss * scale, 9) }));
    expect(fit.diagnostics.selection.starts).toEqual(wanted);
    expect(point.loss).toBeGreaterThan(step.value[0].loss);
  });

  it("a single start is screened only to find the first ridge", async () => {
    const starts = [named("good", good)];
    expect(phases((await run({}, { starts })).steps)).toEqual(["screening good", "descent good"]);
    expect(phases((await run({}, { starts, ridge: 1e-4 })).steps)).toEqual(["descent good"]);
    expect(phases((await run({ ridge: 1e-4 }, { starts })).steps)).toEqual(["descent good"]);
  });

  it("computes every start once", async () => {
    let count = 0;
    const counted = {
      name: "counted",
      basis: async () => {
        count++;
        return good;
      },
    };
    await run({ ridge: 1e-3 }, { starts: [counted, named("bad", bad)] });
    expect(count).toBe(1);
  });
});

describe("the ridge of GCV", () => {
  it("is the one chosen where the run ended", async () => {
    for (const beginning of [{}, { ridge: 3 }, { ridge: 1e-9 }]) {
      const { fit } = await run({}, { starts: [named("good", good)], ...beginning });
      const { ridge, ridgeBy } = fit.diagnostics.selection;
      expect(ridgeBy).toBe("gcv");
      const end = Float64Array.from(fit.model.basis.to1DArray());
      const { choice } = await reference(end, ridge);
      expect(choice / ridge).toBeCloseTo(1, 9);
      expect(fit.diagnostics.heldOut.r2).toBeGreaterThan(0.9);
      // The link that is given belongs to it.
      const { point } = await reference(end, ridge);
      const { r2Train } = fit;
      expect(r2Train).toBeCloseTo(1 - point.meanSquare, 10);
    }
  });

  it("a choice far from the ridge in use starts another descent, a near one does not", async () => {
    const lengths = async (ridge: number) => {
      const { steps } = await run({}, { starts: [named("good", good)], ridge });
      return steps.filter(({ phase, iteration }) => phase === "descent" && iteration === 0).length;
    };
    const { fit } = await run({}, { starts: [named("good", good)] });
    const { ridge } = fit.diagnostics.selection;
    expect(await lengths(ridge)).toBe(1);
    expect(await lengths(ridge * 4)).toBe(1);
    expect(await lengths(ridge / 4)).toBe(1);
    expect(await lengths(ridge * 30)).toBe(2);
    expect(await lengths(ridge / 30)).toBe(2);
  });

  it("of a line counts the directions like its slope", async () => {
    const { fit } = await run({ degree: 1 }, { starts: [named("good", good)] });
    const end = Float64Array.from(fit.model.basis.to1DArray());
    const { choice } = await reference(end, fit.diagnostics.selection.ridge, good, 1);
    expect(choice / fit.diagnostics.selection.ridge).toBeCloseTo(1, 9);
  });

  it("is not chosen again once time is over, and the run ends", async () => {
    let now = 0;
    // The clock passes the deadline between the first and the second step.
    const control = new RunControl({ deadlineMs: 10, clock: () => now });
    const own = await opened(X, y, { rank: 1, degree: 2, whiten: "none" });
    const starts = [named("bad", bad)];
    const work = descend(own.problem, own.options, control, { starts, ridge: 1, warnings: [] });
    let step = await work.next();
    const descents: number[] = [];
    while (!step.done) {
      descents.push(step.value.iteration);
      now = 20;
      step = await work.next();
    }
    expect(descents).toEqual([0]);
    expect(step.value.stop).toMatchObject({ reason: "deadline", converged: false, iterations: 0 });
  });
});

describe("the end", () => {
  it("the descent is the two-timescale algorithm by the method asked for", async () => {
    const { fit, problem } = await run({ ridge: 0.01, method: "lbfgs" }, { starts: [named("bad", bad)] });
    const own = await opened(X, y, { rank: 1, degree: 2, whiten: "none" });
    const { unit } = await reference(bad, 0.01, bad);
    const penalty = new Penalty(degreePenalty(1, 2), 0.01 * unit, unit);
    const objective = new ProfiledLoss(own.problem.workspace, own.problem.inputs, penalty);
    const losses: number[] = [];
    const rule = (state: Parameters<ReturnType<typeof gradientBelow>>[0]) =>
      gradientBelow(1e-6)(state) ?? iterationLimit(500)(state);
    const work = twoTimescale(objective, bad, methodNamed("lbfgs"), rule);
    for await (const state of work) losses.push(state.point.loss * problem.response.scale ** 2);
    expect(fit.history.loss).toHaveLength(losses.length);
    expect(apart(fit.history.loss, losses)).toBeLessThan(1e-12);
  });

  it("carries warnings and what was learned", async () => {
    const warnings = [{ code: "NO_SIGNAL", message: "nothing there" }] as const;
    const learned = { ranks: [], tests: [], information: "no-reduction" } as const;
    const { fit } = await run({ ridge: 0.1 }, { starts: [named("good", good)], warnings, learned });
    expect(fit.diagnostics.warnings).toContainEqual(warnings[0]);
    expect(fit.diagnostics.selection.information).toBe("no-reduction");
    const plain = (await run({ ridge: 0.1 }, { starts: [named("good", good)] })).fit;
    expect(plain.diagnostics.selection).toMatchObject({ ranks: [], tests: [] });
    expect(plain.diagnostics.selection).not.toHaveProperty("information");
  });

  it("is in the frame of the link's principal directions", async () => {
    const given = { rank: 2, degree: 2, ridge: 0.01, maxIterations: 0 };
    const start = Float64Array.of(0, 1, 0.6, 0, 0.8, 0);
    const { fit } = await run(given, { starts: [named("pair", start)] });
    const { principalValues } = fit.diagnostics;
    expect(principalValues[0]).toBeGreaterThan(principalValues[1]);
    const moment = fit.model.data.gradientMoment;
    expect(Math.abs(moment[0][1]) / moment[0][0]).toBeLessThan(1e-10);
    expect(moment[0][0]).toBeGreaterThan(moment[1][1]);
  });
});
