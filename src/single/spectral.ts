/** Spectral and linear starts on data: preprocessing, Lanczos, and what was measured beside what was predicted. */
import type { RunControl } from "../base/control.js";
import { createRng, type Rng } from "../base/rng.js";
import { type LargestPair, largestEigenpair } from "../math/lanczos.js";
import type { Channel } from "./channel.js";
import { type Preprocess, type PreprocessLike, parsePreprocess } from "./preprocess.js";
import type { RowProducts } from "./rowProducts.js";
import { predictSpectral, type SpectralTransition } from "./spectralTransition.js";
import type { SingleIndexWarning } from "./warnings.js";

/** What the spectral stage found and what it should have found. */
export interface SpectralReport {
  /** Largest eigenvalue of (1/n) Σ T(yᵢ)x̃ᵢx̃ᵢᵀ. */
  readonly eigenvalue: number;
  /** Second largest one, as far as Lanczos went (a lower bound). */
  readonly edge: number;
  /** eigenvalue − edge. */
  readonly gap: number;
  /** Cosine between eigenvector and truth in the limit of many dimensions; 0 below the threshold. */
  readonly predictedOverlap: number;
  /** Ratio n/d above which the eigenvector knows the truth. */
  readonly threshold: number;
  readonly aboveThreshold: boolean;
  /** Products with the matrix, one pass over X each. */
  readonly matvecs: number;
  /** ‖Dv − λv‖ of the eigenvector found. */
  readonly residual: number;
  /** n/d. */
  readonly ratio: number;
  /** T in use. */
  readonly preprocess: string;
  /** The limits of eigenvalue, edge and gap. */
  readonly predicted: { readonly eigenvalue: number; readonly edge: number; readonly gap: number };
}

/** A unit vector and what is known about it. */
export interface SpectralStart {
  readonly direction: Float64Array;
  readonly report: SpectralReport;
  readonly warnings: SingleIndexWarning[];
}

const TOLERANCE = 1e-6;

/**
 * Top eigenvector of (1/n) X̃ᵀ diag(T(y)) X̃ by Lanczos on products, each one fused pass over X.
 *
 * @param responses - n, of a unit signal ([SI §a])
 * @param dim - columns that carry anything, for the ratio n/d
 * @param control - its deadline ends the search with the best vector so far
 * Source: [SI §b]. Cost: 20–60 passes of 4nd flops.
 */
export async function spectralStart(
  rows: RowProducts,
  responses: Float64Array,
  channel: Channel,
  preprocess: PreprocessLike,
  dim: number,
  seed: number,
  control?: RunControl,
): Promise<SpectralStart> {
  const ratio = rows.samples / dim;
  const T = parsePreprocess(preprocess, { channel, ratio, complex: false });
  const predicted = predictSpectral(channel, T, ratio, false);
  const found = await spectralDirection(rows, T, responses, createRng(seed, "spectral-start", rows.dim), control);
  const report = spectralReport(found, predicted, T, ratio);
  return {
    direction: withPositiveLead(found.vector),
    report,
    warnings: spectralWarnings(report, predicted, found.converged),
  };
}

/** Top eigenpair of (1/n) X̃ᵀ diag(T(y)) X̃ to a relative residual of 1e-6. */
export function spectralDirection(
  rows: RowProducts,
  T: Preprocess,
  responses: Float64Array,
  rng: Rng,
  control?: RunControl,
): Promise<LargestPair> {
  const weights = Float64Array.from(responses, (y) => T.value(y));
  const start = Float64Array.from({ length: rows.dim }, rng.normal);
  const options = { tolerance: TOLERANCE, isOver: () => control?.expired === true };
  return largestEigenpair((v) => rows.sandwich(v, weights), rows.dim, start, options);
}

/** What Lanczos found beside its limits. */
export function spectralReport(
  found: LargestPair,
  predicted: SpectralTransition,
  T: Preprocess,
  ratio: number,
): SpectralReport {
  const edge = found.second ?? found.value;
  return {
    eigenvalue: found.value,
    edge,
    gap: found.value - edge,
    predictedOverlap: predicted.overlap,
    threshold: predicted.threshold,
    aboveThreshold: predicted.aboveThreshold,
    matvecs: found.products,
    residual: found.residual,
    ratio,
    preprocess: T.name,
    predicted: { eigenvalue: predicted.eigenvalue, edge: predicted.edge, gap: predicted.gap },
  };
}

/** What the ratio n/d and Lanczos give reason to say. */
export function spectralWarnings(
  report: SpectralReport,
  predicted: SpectralTransition,
  converged: boolean,
): SingleIndexWarning[] {
  if (converged) return [...predicted.warnings];
  const message = `The eigenvector has a residual of ${report.residual.toExponential(1)} after ${report.matvecs} products.`;
  return [...predicted.warnings, { code: "SPECTRAL_NOT_CONVERGED", message }];
}

/**
 * (1/n) X̃ᵀL(y) with L(y) = y, whose direction correlates with θ when E[zL] ≠ 0.
 * Source: [SI §d, §f]. Cost: one pass of 2nd flops.
 */
export function linearStart(rows: RowProducts, responses: Float64Array): Promise<Float64Array> {
  return rows.transposed(responses);
}

/** The one of ±v whose largest entry is positive: eigenvectors have no sign, results should. */
function withPositiveLead(v: Float64Array): Float64Array {
  let lead = 0;
  for (const value of v) if (Math.abs(value) > Math.abs(lead)) lead = value;
  return lead < 0 ? v.map((value) => -value) : v;
}
