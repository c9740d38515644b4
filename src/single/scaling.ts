/** From raw rows and responses to the convention of [SI §a] and back: one scale for X, one for the signal. */
import { exp, log, normalCumulative, normalDensity } from "../base/elementary.js";
import { InputError } from "../base/errors.js";
import type { DenseRows } from "../base/types.js";
import { type Channel, type ChannelLike, parseChannel } from "./channel.js";

/** How raw columns become standard ones: x̃ = x·inverseScale. */
export interface InputScale {
  readonly inverseScale: Float64Array;
  /** Columns that are not constant 0. */
  readonly dim: number;
  /** True if columns were scaled one by one because their sizes differ. */
  readonly byColumn: boolean;
  /** Largest |mean|/size of a column, in standard errors. */
  readonly meanExcess: number;
}

/** Scales within this many standard errors of 1 are taken as 1: such data are in the convention already. */
const SNAP = 4;
/** Root mean squares of columns that differ by more than this are not sampling noise. */
const COLUMN_RATIO = 3;

/** Root mean square of all entries, or of each column when they differ. Cost: two passes. */
export function inputScaleOf({ data, rows: n, columns: d }: DenseRows): InputScale {
  const largest = new Float64Array(d);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < d; j++, at++) largest[j] = Math.max(largest[j], Math.abs(data[at]));
  }
  const square = new Float64Array(d);
  const mean = new Float64Array(d);
  let fourth = 0;
  const unit = largest.reduce((a, b) => Math.max(a, b), 0);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < d; j++, at++) {
      // Relative to the largest entry of the column, so that no scale overflows.
      const x = largest[j] > 0 ? data[at] / largest[j] : 0;
      mean[j] += x;
      square[j] += x * x;
      const q = x * (largest[j] / unit);
      fourth += q * q * (q * q);
    }
  }
  const sizes = square.map((s, j) => Math.sqrt(s / n) * largest[j]);
  const used = sizes.filter((s) => s > 0);
  const meanExcess = mean.reduce(
    (most, m, j) => (square[j] > 0 ? Math.max(most, Math.abs(m) / Math.sqrt(square[j])) : most),
    0,
  );
  const common = { dim: used.length, meanExcess };
  if (used.length === 0) return { ...common, inverseScale: new Float64Array(d), byColumn: false };
  const range = used.reduce((a, b) => Math.max(a, b)) / used.reduce((a, b) => Math.min(a, b));
  const byColumn = range > COLUMN_RATIO;
  if (byColumn) return { ...common, byColumn, inverseScale: sizes.map((s) => (s > 0 ? 1 / s : 0)) };
  let total = 0;
  for (const s of sizes) total += (s / unit) * (s / unit);
  const entries = n * used.length;
  const meanSquare = (total * n) / entries;
  const error = Math.sqrt(Math.max(fourth / entries - meanSquare * meanSquare, 0) / entries);
  // In units of the largest entry: mean square 1 there is (1/unit)².
  const one = 1 / unit / unit;
  const scale = Math.abs(meanSquare - one) <= SNAP * error ? 1 : Math.sqrt(meanSquare) * unit;
  return { ...common, byColumn, inverseScale: sizes.map((s) => (s > 0 ? 1 / scale : 0)) };
}

/** What the responses say about ‖θ‖ in standardized inputs. */
export interface ResponseScale {
  /** Estimate of ‖θ‖; 1 where the channel does not tell (`tanh`, `logit`, functions). */
  readonly norm: number;
  /** The estimate, or 1 if the data are in the convention already or the channel is not homogeneous. */
  readonly unit: number;
  /** unit^p for a link of degree p: responses are divided by it. */
  readonly responseUnit: number;
  /** The channel of the divided responses. */
  readonly channel: Channel;
  /** True if the responses are no larger than the noise alone would make them. */
  readonly isNoise: boolean;
}

/** Degree of homogeneity of the links that have one. */
const DEGREE: Readonly<Record<string, number | undefined>> = { square: 2, abs: 1, relu: 1, cubic: 3 };

/**
 * Estimates ‖θ‖ from the moments of y for standard normal rows.
 *
 * `square`: E y = ‖θ‖² (with the mean of clipped noise taken into account); `abs`: E|z| = √(2/π)‖θ‖; `relu`: E y² = ‖θ‖²/2 + σ²;
 * `cubic`: E y² = 15‖θ‖⁶ + σ²; `He2`: E y = (‖θ‖² − 1)/√2.
 */
export function responseScaleOf(y: Float64Array, channel: Channel, given: ChannelLike): ResponseScale {
  const { name, noiseStd } = channel;
  const sigma = channel.law === "binary" ? 0 : noiseStd;
  const byMean = name === "square" || name === "abs" || name === "He2";
  const { mean, error } = momentOf(y, byMean ? (v) => v : (v) => v * v);
  const square = (moment: number): number => {
    if (name === "square") return sigma > 0 ? clippedScale(moment, sigma) : moment;
    if (name === "abs") return moment > 0 ? 0.5 * Math.PI * moment * moment : 0;
    if (name === "He2") return Math.SQRT2 * moment + 1;
    if (name === "relu") return 2 * (moment - sigma * sigma);
    return moment > sigma * sigma ? cubeRoot((moment - sigma * sigma) / 15) : 0;
  };
  const degree = DEGREE[name];
  if (degree === undefined && name !== "He2") {
    return { norm: 1, unit: 1, responseUnit: 1, channel, isNoise: false };
  }
  const estimate = square(mean);
  const isNoise = !(estimate > 0) || square(mean - 2 * error) <= 0;
  // A signal below its noise still needs a unit; that of the responses themselves keeps T and the loss in range.
  const norm = Math.sqrt(estimate > 0 ? estimate : Math.max(Math.abs(mean), Number.MIN_VALUE));
  const snaps = square(mean - SNAP * error) <= 1 && square(mean + SNAP * error) >= 1;
  if (degree === undefined || snaps) return { norm, unit: 1, responseUnit: 1, channel, isNoise };
  let responseUnit = 1;
  for (let k = 0; k < degree; k++) responseUnit *= norm;
  const scaled = sigma > 0 ? parseChannel({ link: linkOf(given), noiseStd: sigma / responseUnit }) : channel;
  return { norm, unit: norm, responseUnit, channel: scaled, isNoise };
}

const linkOf = (given: ChannelLike): unknown => (typeof given === "object" ? given.link : given);

function momentOf(y: Float64Array, f: (v: number) => number): { mean: number; error: number } {
  let sum = 0;
  for (const v of y) sum += f(v);
  const mean = sum / y.length;
  if (!Number.isFinite(mean)) {
    throw new InputError("OVERFLOW", "y is too large: its moments overflow. Divide the responses by a constant.");
  }
  const size = Math.abs(mean);
  let square = 0;
  for (const v of y) {
    const gap = size > 0 ? (f(v) - mean) / size : 0;
    square += gap * gap;
  }
  return { mean, error: size * Math.sqrt(square / y.length / Math.max(1, y.length - 1)) };
}

/** ∛x for x > 0, in operations of the same bits everywhere. */
export const cubeRoot = (x: number): number => exp(log(x) / 3);

/** s with E max(s·z² + σw, 0) = moment, complex with |z|² for z², by bisection; ≤ 0 if clipped noise alone has this mean. */
export function clippedScale(moment: number, sigma: number, complex = false): number {
  const floor = sigma * normalDensity(0);
  if (moment <= floor) return moment - floor;
  const mean = complex ? complexClippedMean : realClippedMean;
  let low = 0;
  let high = moment;
  for (let k = 0; k < 60; k++) {
    const middle = 0.5 * (low + high);
    if (mean(middle, sigma) > moment) high = middle;
    else low = middle;
  }
  return 0.5 * (low + high);
}

function realClippedMean(s: number, sigma: number): number {
  // ∫ over z by the trapezoidal rule, which is spectrally accurate for such integrands.
  let sum = 0;
  for (let k = -320; k <= 320; k++) {
    const z = k / 40;
    const a = (s * z * z) / sigma;
    sum += normalDensity(z) * sigma * (a * normalCumulative(a) + normalDensity(a));
  }
  return sum / 40;
}

/** |z|² is exponential: s(½ + e^{τ²/2}Φ(−τ) + τφ(0)) with τ = σ/s. */
function complexClippedMean(s: number, sigma: number): number {
  const tau = sigma / s;
  // Mills' ratio times φ(0), by its series where the factors leave the numbers.
  const mills =
    tau > 30 ? (normalDensity(0) / tau) * (1 - 1 / (tau * tau)) : exp(0.5 * tau * tau) * normalCumulative(-tau);
  return s * (0.5 + mills + tau * normalDensity(0));
}

/**
 * Refuses responses that the channel cannot give: negative intensities and moduli, labels other than ±1.
 * @throws {InputError} `RANGE` with the index
 */
export function checkResponses(y: Float64Array, channel: Channel, nonnegativeLoss: boolean): void {
  if (channel.law === "binary") {
    const bad = y.findIndex((v) => v !== 1 && v !== -1);
    if (bad < 0) return;
    throw new InputError("RANGE", `y[${bad}] is ${y[bad]}; the labels of a logit channel are 1 and −1.`, {
      details: { index: bad, value: y[bad] },
    });
  }
  const isIntensity = channel.name === "square" || (channel.name === "abs" && channel.law === "exact");
  if (!isIntensity && !nonnegativeLoss) return;
  const bad = y.findIndex((v) => v < 0);
  if (bad < 0) return;
  throw new InputError(
    "RANGE",
    `y[${bad}] is ${y[bad]}; ${isIntensity ? `responses of the ${channel.name} channel` : "responses of this loss"} must be ≥ 0. Clip noisy ones at 0.`,
    { details: { index: bad, value: y[bad] } },
  );
}
