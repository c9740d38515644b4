/** Weak-recovery threshold and overlap of the spectral start, predicted. */
import { checkBoolean, checkNumber, checkOptions } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { bracketedRoot } from "../math/roots.js";
import { type Channel, type ChannelLike, checkComplexChannel, parseChannel } from "./channel.js";
import { defaultPreprocess, type Preprocess, type PreprocessLike, parsePreprocess } from "./preprocess.js";
import { type ResponseLaw, responseLaw } from "./responseLaw.js";
import { type SingleIndexWarning, thresholdWarnings } from "./warnings.js";

export interface SpectralTransitionOptions {
  readonly channel: ChannelLike;
  /** T(y); default `"opt(20)"` for y = z² without noise, `"optimal(10)"` otherwise. */
  readonly preprocess?: PreprocessLike;
  /** δ = n/d > 0. */
  readonly ratio: number;
  readonly complex?: boolean;
}

/** What the top eigenvector of (1/δ)Xᵀdiag(T(y))X will be. */
export interface SpectralTransition {
  /** Smallest δ with an informative outlier; for `mm`, which changes with δ, that of the family. Infinity if there is none. */
  readonly threshold: number;
  /** m₀ = cosine between eigenvector and truth; 0 below the threshold. */
  readonly overlap: number;
  /** Limit of the largest eigenvalue: the outlier, or the edge below the threshold. */
  readonly eigenvalue: number;
  /** Right edge of the bulk: the limit of the second eigenvalue. */
  readonly edge: number;
  readonly aboveThreshold: boolean;
  /** eigenvalue − edge. */
  readonly gap: number;
  /** λ_s, root of E[(z² − 1)T/(λ − T)] = 1/δ; undefined below the threshold. */
  readonly multiplier: number | undefined;
  /** T in use. */
  readonly preprocess: string;
  /** `BELOW_THRESHOLD`, or `NEAR_THRESHOLD` within 20 % above it. */
  readonly warnings: readonly SingleIndexWarning[];
}

/**
 * Predicts the spectral start: threshold, overlap, top eigenvalue and bulk edge at n/d = `ratio`.
 *
 * Scalings are those of [SI §a]: responses of a unit signal. All numbers come from quadrature over (z, y) split where T
 * jumps, and bracketed roots; the supremum of T enters analytically.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; complex signals need an even channel; `CALLBACK` from own functions
 * Source: [SI §b]; Lu & Li, arXiv 1702.06435; Mondelli & Montanari, arXiv 1708.05932.
 * Cost: 10 ms without noise, up to 0.5 s with it.
 * @example
 * ```ts
 * import { spectralTransition } from "leapflow/theory";
 * const { aboveThreshold } = await spectralTransition({ channel: "square", preprocess: "mm", ratio: 3 });
 * console.log(aboveThreshold); // true
 * ```
 */
export async function spectralTransition(options: SpectralTransitionOptions): Promise<SpectralTransition> {
  const given = checkOptions(options, ["channel", "preprocess", "ratio", "complex"], "spectralTransition");
  const channel = parseChannel(given.channel);
  const complex = given.complex === undefined ? false : checkBoolean(given.complex, "complex");
  if (complex) checkComplexChannel(channel);
  const ratio = checkNumber(given.ratio, "ratio", { above: 0 });
  const preprocess = parsePreprocess(given.preprocess ?? defaultPreprocess(channel), { channel, ratio, complex });
  return predictSpectral(channel, preprocess, ratio, complex);
}

/** As {@link spectralTransition}, for parsed arguments. */
export function predictSpectral(
  channel: Channel,
  preprocess: Preprocess,
  ratio: number,
  complex: boolean,
): SpectralTransition {
  const law = responseLaw(channel, complex, preprocess.breaks);
  const start = new SpectralEquations(law, preprocess, ratio);
  const threshold =
    preprocess.kind === "mm"
      ? familyThreshold(channel, law, complex)
      : new SpectralEquations(law, preprocess, 1).threshold();
  const solution = start.solve();
  const warnings = thresholdWarnings(preprocess.name, ratio, threshold, solution.aboveThreshold);
  return { threshold, ...solution, preprocess: preprocess.name, warnings };
}

type Solution = Omit<SpectralTransition, "threshold" | "preprocess" | "warnings">;

/** Sums over the law of (z, y) for one T. */
class SpectralEquations {
  readonly #weights: Float64Array;
  readonly #excess: Float64Array;
  readonly #t: Float64Array;
  readonly #inverseRatio: number;
  readonly #supremum: number;

  constructor(law: ResponseLaw, preprocess: Preprocess, ratio: number) {
    this.#weights = law.weights;
    this.#excess = law.z.map((z) => z * z - 1);
    this.#t = law.y.map((y) => preprocess.value(y));
    this.#inverseRatio = 1 / ratio;
    this.#supremum = preprocess.supremum;
    // A supremum given too small would put poles inside the search.
    const most = this.#t.reduce((a, b) => Math.max(a, b), -Infinity);
    if (most > this.#supremum) this.#supremum = most;
    if (!(this.#supremum > 0) && this.#t.some((t) => t !== 0)) {
      throw new OptionError(
        "RANGE",
        `preprocess ${preprocess.name} is never positive on the responses of this channel; its largest value is ${this.#supremum}. The largest eigenvalue then says nothing: use a T that takes positive values.`,
        { details: { option: "preprocess", supremum: this.#supremum } },
      );
    }
  }

  /** E[T/(λ − T)], E[(T/(λ − T))²], E[(z² − 1)T/(λ − T)], E[(z² − 1)(T/(λ − T))²]. */
  #sums(lambda: number): { first: number; second: number; signal: number; signalSecond: number } {
    const [w, t, e] = [this.#weights, this.#t, this.#excess];
    let [first, second, signal, signalSecond] = [0, 0, 0, 0];
    for (let i = 0; i < w.length; i++) {
      const r = t[i] / (lambda - t[i]);
      const a = w[i] * r;
      const b = a * r;
      first += a;
      second += b;
      signal += a * e[i];
      signalSecond += b * e[i];
    }
    return { first, second, signal, signalSecond };
  }

  /** Just above the supremum, where the sums are still finite. */
  get #start(): number {
    return this.#supremum + 1e-9 * Math.max(this.#supremum, 1e-300);
  }

  /** argmin of ψ on (sup T, ∞): the supremum itself if ψ rises throughout. */
  #edgeMultiplier(): number {
    const slope = (l: number): number => this.#inverseRatio - this.#sums(l).second;
    const low = this.#start;
    const atLow = slope(low);
    if (atLow >= 0) return low;
    let step = this.#supremum;
    let high = low + step;
    let atHigh = slope(high);
    while (atHigh < 0) {
      step *= 2;
      high += step;
      atHigh = slope(high);
    }
    return bracketedRoot(slope, low, high, atLow, atHigh);
  }

  /** λ̄, and E[(z² − 1)T/(λ̄ − T)] − 1/δ: positive above the threshold. */
  edgeMargin(): { readonly multiplier: number; readonly margin: number } {
    const multiplier = this.#edgeMultiplier();
    return { multiplier, margin: this.#sums(multiplier).signal - this.#inverseRatio };
  }

  solve(): Solution {
    const none = { overlap: 0, aboveThreshold: false, gap: 0, multiplier: undefined };
    // T ≡ 0: the matrix is 0.
    if (!(this.#supremum > 0)) return { ...none, eigenvalue: 0, edge: 0 };
    const psi = (l: number): number => l * (this.#inverseRatio + this.#sums(l).first);
    const { multiplier: bar, margin: atBar } = this.edgeMargin();
    const edge = psi(bar);
    const zeta = (l: number): number => this.#sums(l).signal - this.#inverseRatio;
    if (!(atBar > 0)) return { ...none, eigenvalue: edge, edge };
    let high = 2 * bar;
    let atHigh = zeta(high);
    while (atHigh > 0) {
      high *= 2;
      atHigh = zeta(high);
    }
    const lambda = bracketedRoot(zeta, bar, high, atBar, atHigh);
    const { second, signalSecond } = this.#sums(lambda);
    const squared = (this.#inverseRatio - second) / (this.#inverseRatio + signalSecond);
    // At the transition itself rounding decides; there is no overlap to speak of.
    if (!(squared > 0)) return { ...none, eigenvalue: edge, edge };
    const eigenvalue = psi(lambda);
    return {
      overlap: Math.sqrt(Math.min(squared, 1)),
      eigenvalue,
      edge,
      aboveThreshold: true,
      gap: eigenvalue - edge,
      multiplier: lambda,
    };
  }

  /**
   * δ at which the outlier leaves the bulk. There ψ′ = 0 and the equation of λ_s holds at one λ, so that
   * E[(z² − 1)T/(λ − T)] = E[(T/(λ − T))²] = 1/δ.
   */
  threshold(): number {
    if (!(this.#supremum > 0)) return Infinity;
    const balance = (l: number): number => {
      const { second, signal } = this.#sums(l);
      return signal - second;
    };
    const low = this.#start;
    const atLow = balance(low);
    // The outlier may appear while the edge is still that of the supremum.
    if (atLow >= 0) return 1 / this.#sums(low).signal;
    let [before, atBefore] = [low, atLow];
    for (let step = 1e-6 * this.#supremum; step < 1e9 * this.#supremum; step *= 1.5) {
      const l = low + step;
      const here = balance(l);
      if (here >= 0) return 1 / this.#sums(bracketedRoot(balance, before, l, atBefore, here)).second;
      [before, atBefore] = [l, here];
    }
    return Infinity;
  }
}

/** Threshold of the `mm` family, each member at its own δ: ½ for y = z², 1 for y = |z|²; otherwise a root in δ. */
function familyThreshold(channel: Channel, law: ResponseLaw, complex: boolean): number {
  const least = complex ? 1 : 0.5;
  if (channel.name === "square" && channel.law === "exact") return least;
  const margin = (ratio: number): number =>
    new SpectralEquations(law, parsePreprocess("mm", { channel, ratio, complex }), ratio).edgeMargin().margin;
  let low = least * (1 + 1e-9);
  let atLow = margin(low);
  if (atLow > 0) return least;
  let high = 2 * least;
  let atHigh = margin(high);
  while (!(atHigh > 0)) {
    [low, atLow] = [high, atHigh];
    high *= 2;
    if (high > 1e6) return Infinity;
    atHigh = margin(high);
  }
  return bracketedRoot(margin, low, high, atLow, atHigh, 1e-9);
}
