/** What the mean-field equations need to know of a start: order parameters, its static field, its trace on each row. */
import { OptionError } from "../base/errors.js";
import type { Channel } from "../single/channel.js";
import type { Preprocess } from "../single/preprocess.js";
import { responseLaw } from "../single/responseLaw.js";
import { predictSpectral, type SpectralTransition } from "../single/spectralTransition.js";

/**
 * A start θ⁰ = m(0)θ* + R(0, static)·w, w of variance Σ(static, static), whose trace on a row is
 * ξ⁰ = u⁰ + (1/δ)R(0, static)·g_static.
 */
export interface MeanFieldStart {
  readonly kind: "spectral" | "linear" | "independent";
  /** m(0). */
  readonly overlap: number;
  /** R(0, static). */
  readonly response: number;
  /** Σ(static, static). */
  readonly variance: number;
  /** g_static as a function of y alone; spectral starts have tail(y)·u⁰ instead. */
  constant(y: number): number;
  /** ∂ξ⁰/∂u⁰. */
  amplitude(y: number): number;
  /** ∂g_static/∂u⁰. */
  tail(y: number): number;
  readonly spectral?: SpectralTransition;
}

const zero = (): number => 0;
const one = (): number => 1;

/** A start that does not depend on the rows, of overlap m and squared norm q ≥ m². */
export function independentStart(overlap: number, normSquared: number): MeanFieldStart {
  const response = Math.sqrt(Math.max(0, normSquared - overlap * overlap));
  return { kind: "independent", overlap, response, variance: 1, constant: zero, amplitude: one, tail: zero };
}

/**
 * θ⁰ = scale·(1/δ)Xᵀy.
 * Source: the linear estimator of [SI §d].
 */
export function linearStart(channel: Channel, ratio: number, scale: number): MeanFieldStart {
  const { signal, square } = linearMoments(channel);
  return {
    kind: "linear",
    overlap: scale * signal,
    response: scale,
    variance: square / ratio,
    constant: (y) => y,
    amplitude: one,
    tail: zero,
  };
}

/** E[z y] and E[y²]. */
export function linearMoments(channel: Channel): { readonly signal: number; readonly square: number } {
  const { weights, z, y, isFolded } = responseLaw(channel, false, channel.law === "clipped" ? [0] : []);
  let signal = 0;
  let square = 0;
  for (let i = 0; i < y.length; i++) {
    signal += weights[i] * z[i] * y[i];
    square += weights[i] * y[i] * y[i];
  }
  return { signal: isFolded ? 0 : signal, square };
}

/**
 * θ⁰ = κ√d·v₁, v₁ the unit top eigenvector of the same rows, with positive overlap.
 *
 * @throws {OptionError} `RANGE` at or below the threshold, where the eigenvector knows nothing of the truth
 * Source: the cavity form of the eigenvector, [SI §d].
 */
export function spectralStart(
  channel: Channel,
  preprocess: Preprocess,
  ratio: number,
  complex: boolean,
  kappa: number,
): MeanFieldStart {
  const spectral = predictSpectral(channel, preprocess, ratio, complex);
  const lambda = spectral.multiplier;
  if (lambda === undefined) {
    const at = Number.isFinite(spectral.threshold) ? spectral.threshold.toPrecision(5) : "none";
    throw new OptionError(
      "RANGE",
      `the spectral start knows nothing at ratio ${ratio}: the threshold of ${preprocess.name} on this channel is ${at}. Raise ratio, choose another preprocess, or another start.`,
      { details: { option: "ratio", ratio, threshold: spectral.threshold } },
    );
  }
  const m0 = spectral.overlap;
  const amplitude = (y: number): number => 1 / (1 - preprocess.value(y) / lambda);
  return {
    kind: "spectral",
    overlap: kappa * m0,
    response: (kappa * ratio) / lambda,
    variance: (1 - m0 * m0) * (lambda / ratio) ** 2,
    constant: zero,
    amplitude,
    tail: (y) => (preprocess.value(y) / kappa) * amplitude(y),
    spectral,
  };
}
