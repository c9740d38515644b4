/** Fits in the worker, next to the rows, and says now and then what the model looks like. */
import { type Fit, fitMultiIndex, MultiIndexModel, rSquared, splitRows } from "leapflow";
import { fitReport } from "leapflow/plot";
import { EVD, Matrix } from "ml-matrix";
import { figuresOf } from "./figures.js";
import type { FitInput, Job } from "./jobs.js";
import { type Rows, readRows } from "./table.js";

/** Looking at the model costs a pass over the rows. */
const LOOK_EVERY_MS = 120;
const TELL_EVERY_MS = 30;

export const fit: Job<"fit"> = async (input, { signal, tell }) => {
  const { target, columns, rank, degree, seed, testFraction } = input;
  const started = performance.now();
  tell({ phase: "reading", rank: 0, degree: 0, iteration: 0, loss: Number.NaN, elapsedMs: 0 });
  const all = await readRows(target, columns);
  const { train, test } = split(all, testFraction, seed);
  const variance = varianceOf(train.y);
  const steps = fitMultiIndex.steps(train.X, train.y, { rank, degree, seed, signal });
  let [lookedAt, toldAt, phase] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, ""];
  let found: Fit;
  for (;;) {
    const { done, value } = await steps.next();
    if (done) {
      found = value;
      break;
    }
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS && value.phase === phase) continue;
    toldAt = now;
    phase = value.phase;
    const isLook = now - lookedAt >= LOOK_EVERY_MS;
    if (isLook) lookedAt = now;
    tell({
      phase: value.phase,
      rank: value.rank,
      degree: value.degree,
      iteration: value.iteration,
      loss: (2 * value.loss) / variance,
      ...(isLook ? { slopes: slopesOf(value.model()) } : {}),
      elapsedMs: now - started,
    });
  }
  const elapsedMs = performance.now() - started;
  tell({ phase: "report", rank: found.model.rank, degree: 0, iteration: 0, loss: Number.NaN, elapsedMs });
  const report = await fitReport(found, { ...train, ...(test === undefined ? {} : { test }), target });
  return { ...outcome(found, input, train, test), elapsedMs, report, figures: figuresOf(report) };
};

function outcome(found: Fit, { target }: FitInput, train: Rows, test: Rows | undefined) {
  const { model, diagnostics, stop, kernel } = found;
  const share = model.rank === 0 ? new Float64Array(model.dim) : model.importance("standardized");
  return {
    summary: String(found),
    rank: model.rank,
    degree: model.degree,
    dim: model.dim,
    samples: train.y.length,
    testSamples: test?.y.length ?? 0,
    r2Train: found.r2Train,
    r2HeldOut: diagnostics.heldOut.r2,
    r2Test: test === undefined ? undefined : rSquared(model.predict(test.X), test.y),
    importance: Array.from(share, (value, j) => ({ name: train.X.names[j], share: value })).sort(
      (a, b) => b.share - a.share,
    ),
    warnings: diagnostics.warnings.map(({ code, message }) => ({ code, message })),
    stop: stop.reason,
    kernel:
      kernel.name === "wasm" ? "WebAssembly" : `TypeScript${kernel.reason === undefined ? "" : ` (${kernel.reason})`}`,
    model: JSON.stringify(MultiIndexModel.fromJSON({ ...model.toJSON(), target })),
  };
}

/** Singular values of the slopes: root mean square slope along each principal direction. */
function slopesOf(model: MultiIndexModel): number[] {
  if (model.rank === 0) return [];
  const { realEigenvalues } = new EVD(new Matrix(model.data.gradientMoment.map((row) => [...row])), {
    assumeSymmetric: true,
  });
  return realEigenvalues.map((v) => Math.sqrt(Math.max(0, v))).sort((a, b) => b - a);
}

function split(all: Rows, fraction: number, seed: number): { train: Rows; test: Rows | undefined } {
  if (!(fraction > 0)) return { train: all, test: undefined };
  const { train, test } = splitRows(all.y.length, fraction, seed);
  return { train: take(all, train), test: take(all, test) };
}

function take({ X, y }: Rows, rows: Int32Array): Rows {
  const data = new Float64Array(rows.length * X.columns);
  rows.forEach((row, i) => {
    data.set(X.data.subarray(row * X.columns, (row + 1) * X.columns), i * X.columns);
  });
  return { X: { ...X, data, rows: rows.length }, y: Float64Array.from(rows, (i) => y[i]) };
}

function varianceOf(y: Float64Array): number {
  const mean = y.reduce((sum, v) => sum + v / y.length, 0);
  return y.reduce((sum, v) => sum + (v - mean) ** 2 / y.length, 0) || 1;
}
