/** Arguments of every other public function: what is no link, vector or function is named, whatever is passed for it. */
import { describe, expect, test } from "vitest";
import { clusterStatus, fitOnCluster, joinCluster, runSweep } from "../../src/cluster/index.js";
import {
  compare,
  fitSingleIndex,
  fitStreamed,
  LeapflowError,
  phaseDistance,
  retrievePhase,
  rowsInBlocks,
  rSquared,
  simulateSingleIndex,
  splitRows,
} from "../../src/index.js";
import { loadModel, readCsv, readCsvText, saveModel, spooled } from "../../src/io/index.js";
import {
  dmft,
  effectiveExponent,
  haarFrame,
  hermiteBasis,
  Link,
  landscapeStudy,
  leapExponents,
  longTimeFixedPoint,
  multiIndices,
  plantedFlow,
  plantedLoss,
  populationFlow,
  populationLoss,
  saddleReport,
  spectralTransition,
  stabilityStudy,
  trapStudy,
} from "../../src/theory/index.js";
import { errorOf } from "../faults/problem.js";

/** A broker that is not there. */
const NOWHERE = "nats://127.0.0.1:1";

const link = Link.parse("z1 + h2(z2)");
const M = [
  [0.5, 0.1],
  [0.2, 0.4],
];
const signal = { re: [1, 2], im: [0, 1] };
const mean = { channel: "square", ratio: 5, ridge: 0.05, stepSize: 0.1 } as const;

describe("what is of another kind is an error with a code that names the argument", () => {
  const takers: readonly [string, (value: never) => unknown, RegExp][] = [
    ["leapExponents", (value) => leapExponents(value), /link/],
    ["populationLoss", (value) => populationLoss(value, M), /link/],
    ["plantedLoss", (value) => plantedLoss(value, M), /link/],
    ["populationFlow", (value) => populationFlow(value, { dim: 10 }), /link/],
    ["plantedFlow", (value) => plantedFlow(value, { dim: 10 }), /link/],
    ["saddleReport", (value) => saddleReport(value, { dim: 10 }), /link/],
    ["effectiveExponent", (value) => effectiveExponent(value, 10), /link/],
    ["trapStudy", (value) => trapStudy(value, { dim: 8, trials: 2 }), /link/],
    ["phaseDistance, z", (value) => phaseDistance(value, signal), /^z/],
    ["phaseDistance, x", (value) => phaseDistance(signal, value), /^[zx]/],
    ["rSquared, predicted", (value) => rSquared(value, [1, 2]), /predicted/],
    ["rSquared, actual", (value) => rSquared([1, 2], value), /actual/],
    ["compare", (value) => compare(value, value), /first/],
    ["fitStreamed", (value) => fitStreamed(value, { target: 0 }), /rows/],
    ["rowsInBlocks", (value) => rowsInBlocks(value), /rows/],
    ["splitRows", (value) => splitRows(value, 0.2, 1), /^n is/],
    ["link.evaluate", (value) => link.evaluate(value), /z/],
    ["link.gradient", (value) => link.gradient(value), /z/],
    ["link.evaluateMany", (value) => link.evaluateMany(value, 1), /Z/],
    ["link.scaled", (value) => link.scaled(value, 0), /scale/],
    ["saveModel", (value) => saveModel("/nowhere/model.json", value), /model is/],
    ["spooled", (value) => spooled(value), /rows/],
    ["hermiteBasis", (value) => hermiteBasis(value, 2), /z/],
    ["multiIndices", (value) => multiIndices(value, 2), /rank/],
    ["haarFrame", (value) => haarFrame(value, 1, 1), /dim/],
    ["readCsvText", (value) => readCsvText("a,b\n1,2\n", { columns: value ?? 3 }), /columns/],
  ];
  test.each(takers)("%s", async (_, call, name) => {
    for (const value of [undefined, null, "x", true, 3n, Symbol("s"), {}]) {
      const error = await errorOf(() => call(value as never));
      expect(error).toBeInstanceOf(LeapflowError);
      expect(error.message).toMatch(name);
    }
  });

  test("a word is not taken for the number it spells, even after that number was", async () => {
    expect(multiIndices(2, 1)).toHaveLength(3);
    expect(await errorOf(() => multiIndices("2" as never, 1))).toMatchObject({ code: "TYPE" });
  });

  test("sizes beyond all sense are refused before any work", async () => {
    expect(await errorOf(() => haarFrame(2 ** 40, 1, 1))).toMatchObject({ code: "TOO_LARGE" });
    expect(await errorOf(() => splitRows(2 ** 50, 0.2, 1))).toMatchObject({ code: "RANGE" });
    expect(await errorOf(() => rowsInBlocks({ data: new Float64Array(2), rows: 1, columns: 2 }, 0))).toMatchObject({
      code: "RANGE",
    });
  });

  test("options and addresses of clusters, paths", async () => {
    const rows = { X: [[1], [2], [3]], y: [1, 2, 3] };
    for (const value of [null, 3, "x", [1], Symbol("s")]) {
      for (const call of [
        () => fitOnCluster(NOWHERE, rows, value as never),
        () => joinCluster(NOWHERE, rows, value as never),
      ])
        expect(await errorOf(call)).toMatchObject({ code: "TYPE", message: expect.stringMatching(/^options of /) });
    }
    for (const value of [undefined, null, 3n, Symbol("s"), {}])
      expect(await errorOf(() => clusterStatus(value as never))).toMatchObject({
        code: "RANGE",
        message: expect.stringMatching(/^cluster is /),
      });
    expect(await errorOf(() => readCsv(Symbol("s") as never))).toMatchObject({ name: "InputError", code: "TYPE" });
    expect(await errorOf(() => loadModel(Symbol("s") as never))).toMatchObject({ name: "FormatError", code: "FILE" });
  });

  test("threads of a sweep", async () => {
    const spec = { name: "s", data: "rows.csv", target: "y", fit: {}, vary: { rank: [1] } };
    const data = { X: [[1], [2], [3]], y: [1, 2, 3] };
    for (const threads of [0, Number.NaN, "2"]) {
      const error = await errorOf(() => runSweep(spec, data as never, { threads } as never));
      expect(error.message).toMatch(/^threads is/);
    }
  });
});

describe("row 38: what a function of the caller's throws is the cause", () => {
  const cause = new Error("from the caller");
  const fail = (): never => {
    throw cause;
  };
  const runs: readonly [string, () => Promise<unknown>][] = [
    ["dmft", () => dmft({ ...mean, steps: 2, paths: 64, replicates: 2, onProgress: fail })],
    ["longTimeFixedPoint", () => longTimeFixedPoint({ ...mean, onProgress: fail })],
    ["simulateSingleIndex", () => simulateSingleIndex({ ...mean, dim: 8, trials: 2, steps: 1, onProgress: fail })],
    ["trapStudy", () => trapStudy(link, { dim: 8, trials: 2, onProgress: fail })],
    ["landscapeStudy", () => landscapeStudy(link, { dim: 8, trials: 2, onProgress: fail })],
    ["stabilityStudy", () => stabilityStudy({ ranks: [1], degrees: [2], trials: 2, onProgress: fail })],
    ["a channel", () => spectralTransition({ channel: fail, ratio: 3 })],
    [
      "a preprocessing",
      () => spectralTransition({ channel: "square", ratio: 5, preprocess: { value: fail, supremum: 1 } }),
    ],
    ["a loss", () => dmft({ ...mean, loss: { value: fail, derivative: fail, secondDerivative: fail } })],
  ];
  test.each(runs)("%s", async (_, run) => {
    expect(await errorOf(run)).toMatchObject({ code: "CALLBACK", cause });
  });

  test("progress that is no function is TYPE", async () => {
    const error = await errorOf(() =>
      simulateSingleIndex({ ...mean, dim: 8, trials: 2, steps: 1, onProgress: 3 as never }),
    );
    expect(error).toMatchObject({ code: "TYPE" });
  });
});

test("a truth of zeros is refused: an overlap with it would be 0/0", async () => {
  const zeros = { re: [0, 0], im: [0, 0] };
  expect(await errorOf(() => phaseDistance(signal, zeros))).toMatchObject({ code: "RANGE" });
  const X = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(2 * i)]);
  const y = X.map(([a]) => a * a);
  expect(await errorOf(() => fitSingleIndex(X, y, { channel: "square", truth: [0, 0], seed: 1 }))).toMatchObject({
    code: "RANGE",
  });
  const operator = { dim: 2, measurements: 2, forward: (v: object) => v, adjoint: (v: object) => v };
  expect(await errorOf(() => retrievePhase(operator as never, [1, 1], { truth: zeros, seed: 1 }))).toMatchObject({
    code: "RANGE",
  });
});
