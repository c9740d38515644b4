/** One trial of a simulation: fresh rows, start, gradient descent with a constant step. */
import { allocateDoubles } from "../base/assert.js";
import type { RunControl } from "../base/control.js";
import { NumericalError } from "../base/errors.js";
import type { Rng } from "../base/rng.js";
import { type DescentProblem, descend } from "./descent.js";
import {
  type CheckedOperator,
  type ComplexVector,
  checkOperator,
  complexZeros,
  gaussianOperator,
  innerProduct,
  squaredNorm,
} from "./operators.js";
import { phaseDirection, toComplex } from "./phaseStart.js";
import { RowProducts } from "./rowProducts.js";
import type { TrialSetting } from "./simulate.js";
import { linearStart, spectralDirection } from "./spectral.js";

/** Observables of one trial at t = 0…steps. */
export interface TrialCurves {
  readonly overlap: number[];
  readonly normSquared: number[];
  readonly trainLoss: number[];
  readonly testLoss: number[];
}

/** Fresh rows behind one value of the test loss. */
const TEST_ROWS = 4000;

/** Real rows: x̃ ~ N(0, I), u = θ/√d, ‖u⋆‖ = 1. */
export async function runRealTrial(
  setting: TrialSetting,
  trial: number,
  rng: Rng,
  control: RunControl,
): Promise<TrialCurves> {
  const { channel, loss, dim, samples, ridge, stepSize, steps } = setting;
  const data = allocateDoubles(samples * dim, `one trial (${samples}×${dim})`, "Simulate a smaller dim.");
  const draw = rng.split("rows").normal;
  const truth = unitVector(dim, rng.split("truth"));
  const noise = rng.split("noise");
  const y = new Float64Array(samples);
  for (let i = 0, at = 0; i < samples; i++) {
    let z = 0;
    for (let j = 0; j < dim; j++, at++) {
      data[at] = draw();
      z += data[at] * truth[j];
    }
    y[i] = channel.sample(z, noise);
    if (i % 256 === 0) await control.breathe();
  }
  const ones = new Float64Array(dim).fill(1);
  const rows = await RowProducts.create({ data, rows: samples, columns: dim }, ones, setting.kernel, control);
  try {
    const problem: DescentProblem = { rows, loss, responses: y, ridge, inputCurvature: 1 };
    const curves = new CurveRecorder(setting, rng.split("test"), 1);
    const start = await realStart(setting, rows, y, truth, rng.split("start"));
    const options = { stepSize, maxIterations: steps, tolerance: 0 };
    const end = await descend(problem, start, options, control, ({ point }) =>
      curves.add(dot(point.u, truth), point.norm * point.norm, point.trainLoss),
    );
    if (end.stop.reason === "diverged") throw diverged(trial, end.iteration, stepSize);
    return curves.finish();
  } finally {
    rows.dispose();
  }
}

async function realStart(
  setting: TrialSetting,
  rows: RowProducts,
  y: Float64Array,
  truth: Float64Array,
  rng: Rng,
): Promise<Float64Array> {
  const { start, startScale, preprocess, dim } = setting;
  if (start === "zero") return new Float64Array(dim);
  if (start === "linear") return (await linearStart(rows, y)).map((v) => startScale * v);
  if (start === "spectral" && preprocess !== undefined) {
    const { vector } = await spectralDirection(rows, preprocess, y, rng);
    const factor = dot(vector, truth) < 0 ? -startScale : startScale;
    return vector.map((v) => factor * v);
  }
  const { overlap, normSquared } = start as { overlap: number; normSquared: number };
  // A direction orthogonal to the truth, so that m(0) and q(0) are exactly those asked for.
  const side = unitVector(dim, rng);
  const along = dot(side, truth);
  for (let j = 0; j < dim; j++) side[j] -= along * truth[j];
  const size = Math.sqrt(Math.max(normSquared - overlap * overlap, 0)) / Math.sqrt(dot(side, side));
  return truth.map((t, j) => overlap * t + size * side[j]);
}

/**
 * Complex rows: entries CN(0, 1), gradient l′(|ξ|)·ξ/|ξ|, loss twice the real one [SI §d].
 */
export async function runComplexTrial(
  setting: TrialSetting,
  trial: number,
  rng: Rng,
  control: RunControl,
): Promise<TrialCurves> {
  const { channel, loss, dim, samples, ridge, stepSize, steps } = setting;
  const seed = rng.split("rows").integer(2 ** 31 - 1);
  const operator = await checkOperator(gaussianOperator({ dim, measurements: samples, seed }), false);
  const truth = complexUnit(dim, rng.split("truth"));
  const noise = rng.split("noise");
  const fields = await operator.forward(truth);
  const y = Float64Array.from(fields.re, (a, i) =>
    channel.sample(Math.sqrt(a * a + fields.im[i] * fields.im[i]), noise),
  );
  const curves = new CurveRecorder(setting, rng.split("test"), 2);
  let u = await complexStart(setting, operator, y, truth, rng.split("start"), control);
  for (let t = 0; ; t++) {
    const xi = await operator.forward(u);
    const field = complexZeros(samples);
    let sum = 0;
    for (let i = 0; i < samples; i++) {
      const r = Math.sqrt(xi.re[i] * xi.re[i] + xi.im[i] * xi.im[i]);
      sum += 2 * loss.value(r, y[i]);
      const factor = r > 0 ? loss.derivative(r, y[i]) / r : 0;
      field.re[i] = factor * xi.re[i];
      field.im[i] = factor * xi.im[i];
    }
    const q = squaredNorm(u);
    if (!Number.isFinite(sum) || q > 1e16) throw diverged(trial, t, stepSize);
    curves.add(innerProduct(truth, u).re, q, sum / samples);
    if (t === steps) return curves.finish();
    const gradient = await operator.adjoint(field);
    const keep = 1 - stepSize * ridge;
    const before = u;
    u = {
      re: before.re.map((v, k) => keep * v - (stepSize / samples) * gradient.re[k]),
      im: before.im.map((v, k) => keep * v - (stepSize / samples) * gradient.im[k]),
    };
    await control.breathe();
  }
}

async function complexStart(
  setting: TrialSetting,
  operator: CheckedOperator,
  y: Float64Array,
  truth: ComplexVector,
  rng: Rng,
  control: RunControl,
): Promise<ComplexVector> {
  const { start, startScale, preprocess, dim } = setting;
  if (start === "zero" || start === "linear") return complexZeros(dim);
  if (start === "spectral" && preprocess !== undefined) {
    const { vector } = await phaseDirection(operator, y, 1, preprocess, 1, rng, control);
    const v = toComplex(vector);
    const { re, im } = innerProduct(truth, v);
    const size = Math.sqrt(re * re + im * im);
    const [c, s] = size > 0 ? [(startScale * re) / size, (-startScale * im) / size] : [startScale, 0];
    return {
      re: v.re.map((a, k) => c * a - s * v.im[k]),
      im: v.im.map((b, k) => c * b + s * v.re[k]),
    };
  }
  const { overlap, normSquared } = start as { overlap: number; normSquared: number };
  const side = complexUnit(dim, rng);
  const along = innerProduct(truth, side);
  for (let k = 0; k < dim; k++) {
    const [a, b] = [truth.re[k], truth.im[k]];
    side.re[k] -= along.re * a - along.im * b;
    side.im[k] -= along.re * b + along.im * a;
  }
  const size = Math.sqrt(Math.max(normSquared - overlap * overlap, 0) / squaredNorm(side));
  return {
    re: side.re.map((v, k) => overlap * truth.re[k] + size * v),
    im: side.im.map((v, k) => overlap * truth.im[k] + size * v),
  };
}

/** Collects the observables; the test loss from draws of (z, e, w), whose law given (m, q) is that of fresh rows. */
class CurveRecorder implements TrialCurves {
  readonly overlap: number[] = [];
  readonly normSquared: number[] = [];
  readonly trainLoss: number[] = [];
  readonly testLoss: number[] = [];
  readonly #setting: TrialSetting;
  readonly #parts: 1 | 2;
  readonly #z: Float64Array;
  readonly #e: Float64Array;
  readonly #y: Float64Array;

  /** @param parts - 1 for real rows, 2 for complex ones */
  constructor(setting: TrialSetting, rng: Rng, parts: 1 | 2) {
    this.#setting = setting;
    this.#parts = parts;
    const root = parts === 2 ? Math.SQRT1_2 : 1;
    this.#z = Float64Array.from({ length: TEST_ROWS * parts }, () => root * rng.normal());
    this.#e = Float64Array.from({ length: TEST_ROWS * parts }, () => root * rng.normal());
    this.#y = Float64Array.from({ length: TEST_ROWS }, (_, i) => {
      const a = this.#z[i * parts];
      const b = parts === 2 ? this.#z[2 * i + 1] : 0;
      return setting.channel.sample(parts === 2 ? Math.sqrt(a * a + b * b) : a, rng);
    });
  }

  add(overlap: number, normSquared: number, trainLoss: number): void {
    this.overlap.push(overlap);
    this.normSquared.push(normSquared);
    this.trainLoss.push(trainLoss);
    const { loss } = this.#setting;
    const side = Math.sqrt(Math.max(normSquared - overlap * overlap, 0));
    let sum = 0;
    for (let i = 0; i < TEST_ROWS; i++) {
      if (this.#parts === 1) {
        sum += loss.value(overlap * this.#z[i] + side * this.#e[i], this.#y[i]);
        continue;
      }
      const re = overlap * this.#z[2 * i] + side * this.#e[2 * i];
      const im = overlap * this.#z[2 * i + 1] + side * this.#e[2 * i + 1];
      sum += 2 * loss.value(Math.sqrt(re * re + im * im), this.#y[i]);
    }
    this.testLoss.push(sum / TEST_ROWS);
  }

  /** A run that stood still before its end stays where it is. */
  finish(): TrialCurves {
    for (const curve of [this.overlap, this.normSquared, this.trainLoss, this.testLoss]) {
      while (curve.length <= this.#setting.steps) curve.push(curve[curve.length - 1]);
    }
    return this;
  }
}

function diverged(trial: number, step: number, stepSize: number): NumericalError {
  return new NumericalError(
    "NOT_CONVERGED",
    `trial ${trial + 1} diverged at step ${step} with stepSize ${stepSize}; use a smaller one.`,
    { details: { trial, step, stepSize } },
  );
}

function unitVector(n: number, rng: Rng): Float64Array {
  const v = Float64Array.from({ length: n }, rng.normal);
  const size = Math.sqrt(dot(v, v));
  return v.map((x) => x / size);
}

function complexUnit(n: number, rng: Rng): ComplexVector {
  const v = { re: Float64Array.from({ length: n }, rng.normal), im: Float64Array.from({ length: n }, rng.normal) };
  const size = Math.sqrt(squaredNorm(v));
  return { re: v.re.map((x) => x / size), im: v.im.map((x) => x / size) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
  return sum;
}
