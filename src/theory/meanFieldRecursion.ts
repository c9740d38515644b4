/** The scalar recursions of the mean-field equations: overlap, response, noise covariance and the factor of the fields. */
import type { StepMeans } from "../kernel/pathWorkspace.js";
import type { MeanFieldStart } from "./meanFieldStart.js";

/** Pivots of the fields' covariance below this share of its diagonal count as 0: the field adds nothing new. */
const PIVOT_TOLERANCE = 1e-9;

export interface RecursionOptions {
  readonly start: MeanFieldStart;
  readonly ratio: number;
  readonly ridge: number;
  readonly stepSize: number;
  readonly steps: number;
}

/**
 * Order parameters over times 0…steps, filled one step at a time.
 *
 * Index 0 of responses and noise is the static field of the start, 1 + s that of step s. The covariance of the fields given
 * z is V = RΣRᵀ, positive semidefinite by construction, so that its Cholesky factor exists for any sample of paths.
 *
 * Source: the recursions of [SI §c, §d]. Cost: O(t²) at step t.
 */
export class MeanFieldRecursion {
  readonly overlap: Float64Array;
  readonly normSquared: Float64Array;
  /** R(t, j), (steps + 1) rows of steps + 2. */
  readonly response: Float64Array;
  /** C(t, s), (steps + 1)². */
  readonly correlation: Float64Array;
  /** Γ(t, s), (steps + 1)². */
  readonly gradientResponse: Float64Array;
  readonly #options: RecursionOptions;
  /** Σ(j, k), (steps + 2)². */
  readonly #noise: Float64Array;
  /** Rows of the Cholesky factor of V, (steps + 1)². */
  readonly #factor: Float64Array;
  readonly #times: number;

  constructor(options: RecursionOptions) {
    const n = options.steps + 1;
    this.#options = options;
    this.#times = n;
    this.overlap = new Float64Array(n);
    this.normSquared = new Float64Array(n);
    this.response = new Float64Array(n * (n + 1));
    this.correlation = new Float64Array(n * n);
    this.gradientResponse = new Float64Array(n * n);
    this.#noise = new Float64Array((n + 1) * (n + 1));
    this.#factor = new Float64Array(n * n);
    this.overlap[0] = options.start.overlap;
    this.response[0] = options.start.response;
    this.#noise[0] = options.start.variance;
    this.#extend(0);
  }

  /** Row t of the factor. */
  factorRow(t: number): Float64Array {
    return this.#factor.subarray(t * this.#times, t * this.#times + t + 1);
  }

  /** R(t, static)/δ, R(t, 0)/δ, …, R(t, t − 1)/δ. */
  memoryRow(t: number): Float64Array {
    const width = this.#times + 1;
    return this.response.slice(t * width, t * width + t + 1).map((v) => v / this.#options.ratio);
  }

  /** Takes the means of step t and, unless it is the last, prepares step t + 1. */
  advance(t: number, means: StepMeans): void {
    const n = this.#times;
    const width = n + 1;
    const { ratio, ridge, stepSize } = this.#options;
    means.products.forEach((value, j) => {
      const sigma = value / ratio;
      this.#noise[(t + 1) * width + j] = this.#noise[j * width + t + 1] = sigma;
    });
    this.gradientResponse.set(means.responses, t * n);
    if (t + 1 === n) return;
    const keep = 1 - stepSize * ridge;
    this.overlap[t + 1] = keep * this.overlap[t] - stepSize * means.signal;
    const [row, next] = [t * width, (t + 1) * width];
    for (let j = 0; j <= t + 1; j++) {
      let memory = j === t + 1 ? 1 : 0;
      // Step r responds to the field of time j if it comes later; the static field comes before step 0.
      for (let r = j; r <= t; r++) memory += means.responses[r] * this.response[r * width + j];
      this.response[next + j] = keep * this.response[row + j] - stepSize * memory;
    }
    this.#extend(t + 1);
  }

  /** V(t, ·), C(t, ·) and row t of the factor. */
  #extend(t: number): void {
    const n = this.#times;
    const width = n + 1;
    const weights = new Float64Array(t + 1);
    for (let k = 0; k <= t; k++) {
      for (let j = 0; j <= t; j++) weights[k] += this.response[t * width + j] * this.#noise[j * width + k];
    }
    const factor = this.#factor;
    const row = t * n;
    for (let s = 0; s <= t; s++) {
      let v = 0;
      for (let k = 0; k <= s; k++) v += weights[k] * this.response[s * width + k];
      const c = this.overlap[t] * this.overlap[s] + v;
      this.correlation[row + s] = this.correlation[s * n + t] = c;
      let rest = v;
      for (let k = 0; k < s; k++) rest -= factor[row + k] * factor[s * n + k];
      if (s < t) {
        const pivot = factor[s * n + s];
        factor[row + s] = pivot > 0 ? rest / pivot : 0;
      } else {
        factor[row + t] = rest > PIVOT_TOLERANCE * v ? Math.sqrt(rest) : 0;
      }
    }
    this.normSquared[t] = this.correlation[row + t];
  }
}
