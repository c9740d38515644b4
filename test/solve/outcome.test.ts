/** From the end of a run to its result: every figure against its definition. */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { fittedLeaps } from "../../src/model/exponents.js";
import { Link } from "../../src/model/link.js";
import { leaveOneOut } from "../../src/solve/leaveOneOut.js";
import { chooseRidge, degreePenalty, Penalty, type RidgeChoice } from "../../src/solve/linkSolve.js";
import { type FlowPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { bestFinite, finish, type HistoryEntry, type Outcome, principalFrame } from "../../src/solve/outcome.js";
import type { StopReason } from "../../src/solve/stopping.js";
import type { FlowEnd } from "../../src/solve/twoTimescale.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

const pointOf = (loss: number): FlowPoint => ({ loss }) as FlowPoint;
const endOf = (point: FlowPoint, reason: StopReason): FlowEnd => ({
  iteration: 9,
  point,
  stepSize: 1,
  stop: { reason, converged: false },
});
const entryOf = (loss: number, iteration: number): HistoryEntry => ({
  state: { iteration, point: pointOf(loss), stepSize: 0.5 },
  elapsedMs: iteration,
});

describe("bestFinite", () => {
  it("leaves a run that did not break alone", () => {
    const end = endOf(pointOf(3), "iteration-limit");
    expect(bestFinite(end, [entryOf(1, 0)])).toBe(end);
  });

  it("gives the best earlier point of one that did, the first of equals", () => {
    const end = endOf(pointOf(Number.NaN), "diverged");
    const history = [5, 2, Number.POSITIVE_INFINITY, 2, Number.NaN, 4].map(entryOf);
    const best = bestFinite(end, history);
    expect(best).toEqual({ ...history[1].state, stop: end.stop });
    expect(best.iteration).toBe(1);
  });

  it("has nothing to give when no earlier point is a number", () => {
    const broken = pointOf(1);
    const end = endOf(broken, "diverged");
    expect(bestFinite(end, [])).toBe(end);
    expect(bestFinite(end, [entryOf(Number.NaN, 0)])).toBe(end);
    // The end itself is no earlier point, even with a finite loss.
    const last: HistoryEntry = { state: { iteration: 9, point: broken, stepSize: 1 }, elapsedMs: 0 };
    expect(bestFinite(end, [last])).toBe(end);
  });
});

const n = 50;
const X = normals(n, 3, 14);
const y = X.map(([a, b], i) => 10 + 4 * (a * b + 0.5 * a) + 0.6 * Math.sin(13 * i));
const weights = X.map((_, i) => (i % 10 === 0 ? 0 : 1 + (i % 3)));
const W = Float64Array.of(0.8, 0, 0, 1, 0.6, 0);

describe("principalFrame", () => {
  it("spans the same, steepest direction first, largest loadings positive", async () => {
    const { problem } = await opened(X, y, { rank: 2, degree: 2, whiten: "full" });
    const penalty = new Penalty(degreePenalty(2, 2), 1e-4, 1);
    const objective = new ProfiledLoss(problem.workspace, problem.inputs, penalty);
    const point = await objective.at(W);
    const frame = principalFrame(point, problem.inputs, 2);
    const projector = (w: Float64Array) =>
      matrix(w, 3, 2)
        .mmul(matrix(w, 3, 2).transpose())
        .to1DArray();
    expect(apart(projector(frame), projector(W))).toBeLessThan(1e-12);
    const turned = await objective.at(frame);
    const [a, b, c, d] = turned.gradientMoment;
    expect(Math.abs(b) + Math.abs(c)).toBeLessThan(1e-10);
    expect(a).toBeGreaterThan(d);
    expect(turned.loss).toBeCloseTo(point.loss, 12);
    const loadings = matrix(problem.inputs.map ?? [], 3, 3).mmul(matrix(frame, 3, 2));
    for (const k of [0, 1]) {
      const column = loadings.getColumn(k);
      expect(column.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0)).toBeGreaterThan(0);
    }
  });

  it("of a constant is what it was", async () => {
    const { problem } = await opened(X, y, { rank: 0, degree: 0 });
    const basis = new Float64Array(0);
    expect(principalFrame({ basis } as FlowPoint, problem.inputs, 0)).toBe(basis);
  });
});

/** A finished run that ended at W. */
async function finished(
  more: Partial<Omit<Outcome, "choice">> & {
    w?: number[];
    given?: object;
    choice?: Partial<RidgeChoice>;
    stop?: FlowEnd["stop"];
  } = {},
) {
  const { w, given = {}, choice: changed = {}, stop = { reason: "converged", converged: true }, ...rest } = more;
  const { problem, options, control } = await opened(X, y, {
    ...{ rank: 2, degree: 2, whiten: "none" },
    ...(w ? { weights: w } : {}),
    ...given,
  });
  const { workspace, inputs, rank, degree } = problem;
  const penalty = rest.objective?.penalty ?? new Penalty(degreePenalty(rank, degree), 1e-3, 2);
  const objective = new ProfiledLoss(workspace, inputs, penalty);
  const point = await objective.at(W.slice(0, inputs.dim * rank));
  const choice = {
    ...chooseRidge(workspace, degreePenalty(rank, degree), 2, 1e-3, point.meanSquare, 2),
    ...changed,
  };
  const history = [
    { state: { iteration: 0, point: { ...point, loss: 2, gradientNorm: 3 }, stepSize: 0 }, elapsedMs: 1 },
    { state: { iteration: 1, point, stepSize: 0.5 }, elapsedMs: 2 },
  ];
  const end: FlowEnd = { iteration: 1, point, stepSize: 0.5, stop };
  const outcome = { end, history, choice, mu: 1e-3, unit: 2, start: "slices", screened: [], warnings: [], ...rest };
  const fit = await finish(problem, options, control, { ...outcome, objective });
  const loo = await leaveOneOut(workspace, inputs, point, penalty.diagonal);
  return { fit, problem, point, choice, loo, w: w ?? X.map(() => 1) };
}
const sumOf = (list: ArrayLike<number>) => Array.from(list).reduce((a, b) => a + b, 0);

describe.each([
  ["of equal rows", undefined],
  ["of weighted rows", weights],
])("a finished fit %s", (_, given) => {
  it("has figures in the units of y", async () => {
    const { fit, problem, point, choice, loo, w } = await finished(given ? { w: given } : {});
    const { scale, standardized } = problem.response;
    const square = (e: ArrayLike<number>) => sumOf(w.map((v, i) => v * e[i] ** 2)) / sumOf(w);
    const total = square(standardized);
    const { heldOut, selection } = fit.diagnostics;
    expect(fit.stop).toEqual({ reason: "converged", converged: true, iterations: 1 });
    expect(fit.samples).toBe(n);
    expect(fit.seed).toBe(1);
    expect(fit.r2Train).toBeCloseTo(1 - point.meanSquare / total, 13);
    expect(heldOut.method).toBe("leave-one-out");
    expect(heldOut.meanSquare / (square(loo?.errors ?? []) * scale ** 2)).toBeCloseTo(1, 12);
    expect(heldOut.r2).toBeCloseTo(1 - square(loo?.errors ?? []) / total, 12);
    expect(heldOut.gcv / (choice.score * scale ** 2)).toBeCloseTo(1, 12);
    expect(
      apart(
        heldOut.errors ?? [],
        (loo?.errors ?? new Float64Array(0)).map((e) => e * scale),
      ),
    ).toBeLessThan(1e-12);
    expect(fit.diagnostics.degreesOfFreedom).toBeCloseTo(loo?.degreesOfFreedom ?? 0, 12);
    expect(fit.diagnostics.condition).toBe(choice.condition);
    expect(Array.from(fit.history.loss)).toEqual([2 * scale ** 2, point.loss * scale ** 2]);
    expect(Array.from(fit.history.gradientNorm)).toEqual([3 * scale ** 2, point.gradientNorm * scale ** 2]);
    expect(Array.from(fit.history.stepSize)).toEqual([0, 0.5]);
    expect(Array.from(fit.history.elapsedMs)).toEqual([1, 2]);
    expect(selection).toMatchObject({
      method: "gauss-newton",
      whiten: "none",
      start: "slices",
      starts: [],
      ridge: 5e-4,
      ridgeBy: "gcv",
      rankBy: "given",
      degreeBy: "given",
      family: "hermite",
      ranks: [],
      tests: [],
    });
    const moment = matrix(point.gradientMoment, 2, 2);
    expect(sumOf(fit.diagnostics.principalValues) / (scale ** 2 * moment.trace())).toBeCloseTo(1, 12);
    expect(fit.diagnostics.standardErrors?.directions.rows).toBe(3);
    expect(fit.diagnostics.gaussianity.gaussianLevel).toBeCloseTo(3 * Math.sqrt(14 / n), 12);
  });

  it("has a model whose intervals come from the errors of rows with a weight", async () => {
    const { fit, problem, loo, w } = await finished(given ? { w: given } : {});
    const sizes = Array.from(loo?.errors ?? [], (e) => Math.abs(e) * problem.response.scale)
      .filter((__, i) => w[i] > 0)
      .sort((a, b) => a - b);
    const law = fit.model.data.errors;
    expect(law).toMatchObject({ method: "leave-one-out", count: sizes.length });
    expect(apart(law?.sizes ?? [], sizes)).toBeLessThan(1e-12);
  });
});

it.each([
  ["of equal rows", undefined],
  ["of weighted rows", weights],
])("leaps are those that standard errors of the link leave, %s", async (_, given) => {
  const { fit, problem, point, choice, w } = await finished({
    ...(given ? { w: given } : {}),
    choice: { degreesOfFreedom: 20 },
  });
  const { workspace } = problem;
  const { gram } = workspace.normalEquations();
  const total = sumOf(w);
  const p = point.coefficients.length;
  const dense = new Matrix(p, p);
  for (let j = 0, at = 0; j < p; j++)
    for (let i = 0; i <= j; i++, at++) {
      dense.set(i, j, gram[at] / total);
      dense.set(j, i, gram[at] / total);
    }
  degreePenalty(2, 2).forEach((v, k) => {
    dense.set(k, k, dense.get(k, k) + 1e-3 * v);
  });
  const covariance = inverse(dense);
  const variance = point.meanSquare / (1 - choice.degreesOfFreedom / total);
  const errors = Array.from({ length: p }, (__, k) => Math.sqrt((variance * covariance.get(k, k)) / total));
  const link = Link.fromCoefficients(point.coefficients, { rank: 2, degree: 2 });
  const wanted = fittedLeaps(link, errors);
  const { leaps } = fit.diagnostics;
  expect(leaps.tolerance / wanted.tolerance).toBeCloseTo(1, 10);
  expect(leaps).toEqual({
    informationExponent: wanted.informationExponent,
    leap: wanted.leap,
    steps: wanted.steps.map(({ exponent, dimensions }) => ({ exponent, dimensions })),
    tolerance: leaps.tolerance,
  });
  // As many degrees of freedom as rows: a thousandth of them is left, and nothing of the link.
  const blurred = await finished({ ...(given ? { w: given } : {}), choice: { degreesOfFreedom: total } });
  const factor = Math.sqrt((1 - 20 / total) / 1e-3);
  const noise = fittedLeaps(
    link,
    errors.map((e) => e * factor),
  );
  expect(blurred.fit.diagnostics.leaps.tolerance / noise.tolerance).toBeCloseTo(1, 9);
  expect(blurred.fit.diagnostics.leaps.informationExponent).toBeUndefined();
});

describe("without leave-one-out errors", () => {
  // A penalty below zero makes the normal equations of link and directions singular, not those of the link.
  const bad = () => {
    const penalty = new Penalty(degreePenalty(2, 2), 1e-3, 2);
    return { penalty } as unknown as ProfiledLoss;
  };

  it("generalized cross-validation speaks, and without it the training rows", async () => {
    const objective = bad();
    const { problem, options, control } = await opened(X, y, { rank: 2, degree: 2, whiten: "none" });
    const loss = new ProfiledLoss(problem.workspace, problem.inputs, objective.penalty);
    const point = await loss.at(W);
    const end: FlowEnd = { iteration: 0, point, stepSize: 0, stop: { reason: "converged", converged: true } };
    const choice = { mu: 1e-3, score: 0.25, degreesOfFreedom: 7, condition: 10 };
    // The link is solved; what comes after it sees normal equations that cannot be factored.
    const parts = { end, history: [], mu: 1e-3, unit: 0, start: "slices", screened: [], warnings: [] };
    const diagonal = Float64Array.from(objective.penalty.diagonal);
    diagonal[0] = -2;
    const broken = { penalty: Object.assign(Object.create(Penalty.prototype), objective.penalty, { diagonal }) };
    const finishWith = (score: number) =>
      finish(problem, options, control, {
        ...parts,
        choice: { ...choice, score },
        objective: broken as unknown as ProfiledLoss,
      });
    const scale = problem.response.scale ** 2;
    const fit = await finishWith(0.25);
    expect(fit.diagnostics.heldOut).toEqual({
      method: "gcv",
      meanSquare: 0.25 * scale,
      r2: expect.closeTo(0.75, 12),
      gcv: 0.25 * scale,
    });
    expect(fit.diagnostics.degreesOfFreedom).toBe(7);
    expect(fit.diagnostics).not.toHaveProperty("standardErrors");
    expect(fit.model.data).not.toHaveProperty("errors");
    expect(fit.diagnostics.selection.ridge).toBe(0);
    const none = await finishWith(Number.POSITIVE_INFINITY);
    expect(none.diagnostics.heldOut.meanSquare / (point.meanSquare * scale)).toBeCloseTo(1, 12);
  });
});

describe("warnings", () => {
  const codes = async (more: Parameters<typeof finished>[0]) =>
    (await finished(more)).fit.diagnostics.warnings.map(({ code }) => code);

  it("are those of the caller, of the inputs and of the condition number", async () => {
    expect(await codes({})).toEqual([]);
    const own = { code: "NO_SIGNAL", message: "nothing" } as const;
    expect(await codes({ warnings: [own] })).toEqual(["NO_SIGNAL"]);
    expect(await codes({ choice: { condition: 1e11 } })).toEqual(["ILL_CONDITIONED"]);
  });

  it("say that a ridge was added, and how large and how often", async () => {
    const penalty = new Penalty(degreePenalty(2, 2), 1e-3, 2);
    penalty.grow(0);
    penalty.grow(0);
    const { fit } = await finished({ objective: { penalty } as unknown as ProfiledLoss });
    expect(fit.diagnostics.warnings).toEqual([
      {
        code: "RIDGE_ADDED",
        message: "The normal equations were singular; a relative ridge of 1e-10 was added (2 times).",
      },
    ]);
  });

  it("say that a saddle is none to stay at", async () => {
    const { fit } = await finished({ stop: { reason: "saddle", converged: false } });
    expect(fit.diagnostics.warnings).toEqual([
      {
        code: "SADDLE",
        message:
          "The gradient vanishes at a basis where the link is constant: a saddle. Use another start or more restarts.",
      },
    ]);
  });

  it("say why the kernel is not the one that was asked for", async () => {
    for (const [name, code] of [
      ["reference", "REFERENCE_KERNEL"],
      ["wasm", "ONE_THREAD"],
    ] as const) {
      const { problem, options, control } = await opened(X, y, { rank: 1, degree: 1, whiten: "none" });
      const report = { name, simd: false, threads: 1, reason: "none here" };
      Object.defineProperty(problem.workspace, "report", { get: () => report });
      const penalty = new Penalty(degreePenalty(1, 1), 1e-3, 1);
      const objective = new ProfiledLoss(problem.workspace, problem.inputs, penalty);
      const point = await objective.at(Float64Array.of(1, 0, 0));
      const fit = await finish(problem, options, control, {
        objective,
        end: { iteration: 0, point, stepSize: 0, stop: { reason: "converged", converged: true } },
        history: [],
        choice: { mu: 1, score: 1, degreesOfFreedom: 3, condition: 1 },
        ...{ mu: 1, unit: 1, start: "given", screened: [], warnings: [] },
      });
      expect(fit.diagnostics.warnings).toEqual([{ code, message: "none here" }]);
      expect(fit.kernel).toEqual(report);
    }
  });
});

it("a constant response explains nothing and is explained by nothing", async () => {
  const constant = X.map(() => 7);
  const { problem, options, control } = await opened(X, constant, { rank: 0, degree: 0, ridge: 0.5 });
  const penalty = new Penalty(degreePenalty(0, 0), 0.5, 1);
  const objective = new ProfiledLoss(problem.workspace, problem.inputs, penalty);
  const point = await objective.at(new Float64Array(0));
  const fit = await finish(problem, options, control, {
    objective,
    end: { iteration: 0, point, stepSize: 0, stop: { reason: "nothing-to-optimize", converged: true } },
    history: [],
    choice: { mu: 0.5, score: 0, degreesOfFreedom: 1, condition: 1 },
    ...{ mu: 0.5, unit: 1, start: "identity", screened: [], warnings: [] },
  });
  expect(fit.r2Train).toBe(0);
  expect(fit.diagnostics.heldOut.r2).toBe(0);
  expect(fit.diagnostics.selection).toMatchObject({ ridge: 0.5, ridgeBy: "given" });
  expect(Array.from(fit.model.predict(X.slice(0, 2)))).toEqual([7, 7]);
});
