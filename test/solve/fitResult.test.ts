/** The result of a fit as data and as text, and the steps on the way to it. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { Matrix } from "../../src/math/dense.js";
import { Link } from "../../src/model/link.js";
import { MultiIndexModel } from "../../src/model/multiIndexModel.js";
import { degreePenalty, Penalty } from "../../src/solve/linkSolve.js";
import { ProfiledLoss } from "../../src/solve/objective.js";
import { type FitProgress, fillOptions } from "../../src/solve/options.js";
import { buildModel, callProgress, reporter } from "../../src/solve/progress.js";
import { Fit, type FitDiagnostics, type FitParts } from "../../src/solve/report.js";
import type { DirectionErrors } from "../../src/solve/standardErrors.js";
import { codeOf } from "../support/errors.js";
import { apart, normals, opened } from "../support/workspaces.js";

/** A model of six inputs whose importances are known. */
function modelOf(rank: number, columns?: string[]): MultiIndexModel {
  const loadings = [0.5, 0.1, 0.7, 0, 0.3, 0.4];
  const directions = rank === 0 ? [] : loadings;
  return new MultiIndexModel(
    {
      center: new Float64Array(6),
      directions,
      basis: directions,
      gradientMoment: rank === 0 ? [] : [4],
      columnScale: [1, 1, 1, 1, 1, 1],
      ...(columns ? { columns } : {}),
    },
    Link.fromCoefficients(rank === 0 ? [2] : [2, 2], { rank, degree: rank }),
  );
}
const diagnostics: FitDiagnostics = {
  heldOut: { method: "leave-one-out", meanSquare: 0.2, r2: 0.81239, gcv: 0.3 },
  selection: {
    ...{
      method: "gauss-newton",
      whiten: "scale",
      starts: [],
      start: "slices",
      batches: [],
      ridge: 0.00123,
      ridgeBy: "gcv",
    },
    ...{ tail: { tail: { kind: "linear", radius: 1 } }, rankBy: "given", degreeBy: "given", family: "hermite" },
    ...{ ranks: [], tests: [] },
  },
  condition: 10,
  degreesOfFreedom: 3,
  gaussianity: { deviation: 0, gaussianLevel: 1, skewness: 0, excessKurtosis: 0 },
  principalValues: Float64Array.of(4.56789),
  leaps: { informationExponent: 1, leap: 1, steps: [], tolerance: 0.1 },
  warnings: [{ code: "FEW_ROWS", message: "Few rows." }],
};
const history = { loss: Float64Array.of(1), gradientNorm: Float64Array.of(1) };
const partsOf = (more: Partial<FitParts> = {}): FitParts => ({
  model: modelOf(1),
  stop: { reason: "converged", converged: true, iterations: 4 },
  history: { ...history, stepSize: Float64Array.of(0), elapsedMs: Float64Array.of(1) },
  diagnostics,
  kernel: { name: "wasm", simd: true, threads: 1 },
  seed: 42,
  version: "0.0.0",
  samples: 321,
  r2Train: 0.87654321,
  elapsedMs: 12.6,
  ...more,
});

describe("a fit as text", () => {
  it("says what was fitted, how well, how it stopped, and what to look out for", () => {
    // Squares 25, 1, 49, 0, 9, 16 of 100.
    expect(new Fit(partsOf()).toString().split("\n")).toEqual([
      "Multi-index model of rank 1, degree 1: 321 rows, 6 inputs",
      "  R² on the training rows 0.8765, estimated on new rows 0.8124 (leave-one-out)",
      '  stopped: converged after 4 iterations (gauss-newton from start "slices"), 13 ms',
      '  inputs: whiten "scale"; relative ridge 1.2e-3 (gcv); kernel wasm (SIMD); seed 42',
      "  mean squared slope along the principal directions: 4.57",
      "  inputs by importance: x3 49.0 %, x1 25.0 %, x6 16.0 %, x5 9.0 %, x2 1.0 %",
      "  warning FEW_ROWS: Few rows.",
    ]);
  });

  it("uses the names of the inputs, and has nothing to say about directions of a constant", () => {
    const names = ["age", "b", "height", "d", "e", "f"];
    expect(new Fit(partsOf({ model: modelOf(1, names) })).toString()).toContain(
      "  inputs by importance: height 49.0 %, age 25.0 %, f 16.0 %, e 9.0 %, b 1.0 %",
    );
    const constant = new Fit(
      partsOf({
        model: modelOf(0),
        diagnostics: { ...diagnostics, heldOut: { ...diagnostics.heldOut, method: "gcv" }, warnings: [] },
        kernel: { name: "reference", simd: false, threads: 1 },
      }),
    );
    expect(constant.toString().split("\n")).toEqual([
      "Multi-index model of rank 0, degree 0: 321 rows, 6 inputs",
      "  R² on the training rows 0.8765, estimated on new rows 0.8124 (generalized cross-validation)",
      '  stopped: converged after 4 iterations (gauss-newton from start "slices"), 13 ms',
      '  inputs: whiten "scale"; relative ridge 1.2e-3 (gcv); kernel reference; seed 42',
    ]);
  });

  it("separates several principal values, and leaves out a degree that there is none of", () => {
    const two = { ...diagnostics, principalValues: Float64Array.of(3, 0.125) };
    expect(new Fit(partsOf({ diagnostics: two })).toString()).toContain("directions: 3.00, 0.125\n");
    const model = Object.create(modelOf(1), { degree: { value: null } }) as MultiIndexModel;
    const plain = { rank: 1, degree: null, dim: 6, columns: undefined, importance: () => new Float64Array(6) };
    expect(new Fit(partsOf({ model: plain as unknown as MultiIndexModel })).toString()).toMatch(
      /^Multi-index model of rank 1: 321 rows/,
    );
    expect(model.degree).toBeNull();
  });
});

describe("a fit as data", () => {
  const directions = new Matrix([[1], [2], [3], [4], [5], [6]]);

  it.each<[string, DirectionErrors | undefined]>([
    ["without standard errors", undefined],
    ["with those of the directions", { directions }],
    ["with those of the basis too", { directions, basis: Matrix.mul(directions, 2) }],
  ])("comes back the same, %s", (_, standardErrors) => {
    const fit = new Fit(partsOf({ diagnostics: { ...diagnostics, ...(standardErrors ? { standardErrors } : {}) } }));
    const data = structuredClone(fit.toData());
    const back = Fit.fromData(data);
    expect(back.toData()).toEqual(fit.toData());
    expect(back.toString()).toBe(fit.toString());
    for (const key of ["stop", "history", "kernel", "seed", "version", "samples", "r2Train", "elapsedMs"] as const)
      expect(back[key], key).toEqual(fit[key]);
    expect(back.model.data).toEqual(fit.model.data);
    expect(back.diagnostics).toEqual(fit.diagnostics);
    expect(back.diagnostics.standardErrors?.basis?.get(5, 0)).toBe(standardErrors?.basis?.get(5, 0));
    expect("standardErrors" in data.diagnostics).toBe(standardErrors !== undefined);
    expect("basis" in (data.diagnostics.standardErrors ?? {})).toBe(standardErrors?.basis !== undefined);
  });

  it("fits again only where it came from", async () => {
    const asked: unknown[] = [];
    const again = new Fit(partsOf(), async (...given) => {
      asked.push(...given);
      return new Fit(partsOf());
    });
    const [X, y, options] = [[[1]], [2], { seed: 3 }];
    expect(await again.refit(X, y, options)).toBeInstanceOf(Fit);
    expect(asked).toEqual([X, y, options]);
    const copy = Fit.fromData(again.toData());
    expect(codeOf(() => copy.refit(X, y))).toBe("UNAVAILABLE");
    expect(() => copy.refit(X, y)).toThrow(
      "This fit is a copy that cannot start another one: call fitMultiIndex with its rank, degree and basis.",
    );
  });
});

describe("steps on the way", () => {
  const X = normals(40, 3, 15);
  const y = X.map(([a, b], i) => 5 + 2 * (a + 0.5 * a * b) + 0.1 * Math.sin(3 * i));
  const start = async (given: object = {}) => {
    const own = await opened(X, y, { rank: 2, degree: 2, whiten: "full", ...given });
    const penalty = new Penalty(degreePenalty(2, 2), 1e-4, 1);
    const objective = new ProfiledLoss(own.problem.workspace, own.problem.inputs, penalty);
    return { ...own, point: await objective.at(Float64Array.of(1, 0, 0, 1, 0, 0)) };
  };

  it("tell where the run is, in the units of y²", async () => {
    const seen: FitProgress[] = [];
    const { problem, options, point } = await start({ onProgress: (step: FitProgress) => seen.push(step) });
    const control = new RunControl({ clock: () => 17 });
    const report = reporter(problem, options, control);
    const { model, ...step } = report("screening", "slices", { point, iteration: 3, stepSize: 0.25 });
    const square = problem.response.scale ** 2;
    expect(step).toEqual({
      ...{ phase: "screening", start: "slices", rank: 2, degree: 2, iteration: 3, stepSize: 0.25, elapsedMs: 0 },
      loss: point.loss * square,
      gradientNorm: point.gradientNorm * square,
    });
    expect(seen).toEqual([step]);
    expect(seen[0]).not.toBe(step);
    // Mean squared residual of the model's predictions on its own rows.
    const predicted = model().predict(X);
    const residual = y.reduce((s, v, i) => s + (v - predicted[i]) ** 2, 0) / y.length;
    expect(residual / (point.meanSquare * square)).toBeCloseTo(1, 9);
    // The polynomial holds as far as there are rows, and goes on linearly from there.
    const z = model().project(X).to2DArray();
    const radius = Math.max(...z.map((row) => Math.hypot(...row)));
    expect(model().data.link).toMatchObject({ tail: { kind: "linear", radius: expect.closeTo(radius, 10) } });
  });

  it("models have raw directions, an orthonormal basis of their span and names of the columns", async () => {
    const { problem, point } = await start();
    const errors = { method: "split", count: 1, sizes: [2] } as const;
    const tail = { kind: "clip", radius: 3 } as const;
    const rows = { ...problem.rows, names: ["a", "b", "c"] };
    const model = buildModel({ ...problem, rows }, point, tail, errors);
    expect(model.columns).toEqual(["a", "b", "c"]);
    expect(model.data.errors).toEqual(errors);
    expect(model.data.link).toMatchObject({ rank: 2, degree: 2, tail });
    const gram = model.basis.transpose().mmul(model.basis);
    expect(apart(gram.to1DArray(), [1, 0, 0, 1])).toBeLessThan(1e-12);
    expect(apart(model.data.columnScale, problem.inputs.columnScale)).toBe(0);
    const square = problem.response.scale ** 2;
    expect(
      apart(
        model.data.gradientMoment.flat(),
        point.gradientMoment.map((v) => v * square),
      ),
    ).toBeLessThan(1e-12);
    const plain = buildModel(problem, point, tail);
    expect(plain.columns).toBeUndefined();
    expect(plain.data).not.toHaveProperty("errors");
  });

  it("of a constant stand on a radius of one", async () => {
    const { problem, options, control } = await opened(X, y, { rank: 0, degree: 0 });
    const objective = new ProfiledLoss(problem.workspace, problem.inputs, new Penalty(degreePenalty(0, 0), 0, 1));
    const point = await objective.at(new Float64Array(0));
    const step = reporter(problem, options, control)("descent", "identity", { point, iteration: 0, stepSize: 0 });
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    expect(step.model().predict(X.slice(0, 1))[0]).toBeCloseTo(mean, 12);
    expect(step.model().data.link).toMatchObject({ tail: { kind: "linear", radius: 1 } });
  });

  it("a callback that throws is named as the cause", () => {
    const onProgress = () => {
      throw new Error("no paper left");
    };
    const progress = {} as FitProgress;
    expect(codeOf(() => callProgress(fillOptions({ onProgress }), progress))).toBe("CALLBACK");
    expect(() => callProgress(fillOptions({ onProgress }), progress)).toThrow("onProgress threw: Error: no paper left");
    expect(() => callProgress(fillOptions({}), progress)).not.toThrow();
  });
});
