/** A link as a landmark Gaussian process: kernel bumps around centres, a linear part and a constant. */
import { describe } from "../base/assert.js";
import { RADIAL_KINDS } from "../kernel/ops.js";
import { radialSlope, radialValue } from "../kernel/radialReference.js";
import { PointLink } from "./pointLink.js";
import { own, StoredReader } from "./stored.js";

/** e^{−|v|²/2}, or Matérn 5/2 (1 + d + d²/3)e^{−d} with d = √5|v|. */
export type KernelName = keyof typeof RADIAL_KINDS;

/** What a kernel link is made of; flat arrays are row-major and copied in. */
export interface KernelLinkParts {
  readonly kernel: KernelName;
  readonly rank: number;
  /** M, r×r: distances are those of Mᵀz, so that length scales and rotation sit here. */
  readonly metric: ArrayLike<number>;
  /** u, m×r, in the coordinates Mᵀz. */
  readonly landmarks: ArrayLike<number>;
  /** w, m numbers. */
  readonly weights: ArrayLike<number>;
  /** r numbers, for z itself. */
  readonly linear: ArrayLike<number>;
  readonly constant: number;
}

/** A kernel link as plain data. */
export interface KernelLinkData {
  readonly family: "kernel";
  readonly kernel: KernelName;
  readonly rank: number;
  readonly degree: null;
  readonly metric: readonly (readonly number[])[];
  readonly landmarks: readonly (readonly number[])[];
  readonly weights: readonly number[];
  readonly linear: readonly number[];
  readonly constant: number;
}

const reader = new StoredReader("link");

/**
 * f(z) = Σ_m w_m·κ(|Mᵀz − u_m|) + linear·z + constant; immutable. Far from all centres it is the linear part.
 */
export class KernelLink extends PointLink {
  readonly family = "kernel";
  readonly kernel: KernelName;
  readonly #kind: number;
  readonly #metric: Float64Array;
  readonly #landmarks: Float64Array;
  readonly #weights: Float64Array;
  readonly #linear: Float64Array;
  readonly #constant: number;
  /** Mᵀz and what ∇ is made of; scratch for one synchronous call. */
  readonly #point: Float64Array;
  readonly #slope: Float64Array;

  /** @param parts - trusted; outside data come in through `fromJSON` */
  constructor(parts: KernelLinkParts) {
    super(parts.rank, parts.weights.length + parts.rank + 1);
    this.kernel = parts.kernel;
    this.#kind = RADIAL_KINDS[parts.kernel];
    this.#metric = Float64Array.from(parts.metric);
    this.#landmarks = Float64Array.from(parts.landmarks);
    this.#weights = Float64Array.from(parts.weights);
    this.#linear = Float64Array.from(parts.linear);
    this.#constant = parts.constant;
    this.#point = new Float64Array(parts.rank);
    this.#slope = new Float64Array(parts.rank);
    Object.freeze(this);
  }

  /** scale·f + offset. */
  scaled(scale: number, offset: number): KernelLink {
    return new KernelLink({
      kernel: this.kernel,
      rank: this.rank,
      metric: this.#metric,
      landmarks: this.#landmarks,
      weights: this.#weights.map((w) => w * scale),
      linear: this.#linear.map((v) => v * scale),
      constant: this.#constant * scale + offset,
    });
  }

  /** z ↦ f(signs·z), r signs ±1. */
  reflected(signs: ArrayLike<number>): KernelLink {
    const { rank } = this;
    return new KernelLink({
      kernel: this.kernel,
      rank,
      metric: this.#metric.map((v, at) => v * signs[Math.floor(at / rank)]),
      landmarks: this.#landmarks,
      weights: this.#weights,
      linear: this.#linear.map((v, k) => v * signs[k]),
      constant: this.#constant,
    });
  }

  /** The link as plain frozen data. */
  toJSON(): KernelLinkData {
    const { rank } = this;
    return Object.freeze({
      family: this.family,
      kernel: this.kernel,
      rank,
      degree: null,
      metric: rowsOf(this.#metric, rank, rank),
      landmarks: rowsOf(this.#landmarks, this.#weights.length, rank),
      weights: Object.freeze(Array.from(this.#weights)),
      linear: Object.freeze(Array.from(this.#linear)),
      constant: this.#constant,
    });
  }

  /**
   * The link that `toJSON` described. Only own properties are read.
   *
   * @param path - where in a larger document the link stands, for messages
   * @throws {FormatError} `FORMAT` with path and reason
   */
  static fromJSON(json: unknown, path = "$"): KernelLink {
    const kernel = own(json, "kernel");
    if (typeof kernel !== "string" || !Object.hasOwn(RADIAL_KINDS, kernel)) {
      throw reader.wrong(`${path}.kernel`, `is ${describe(kernel)}; expected "gauss" or "matern52"`);
    }
    const rank = reader.count(json, "rank", path);
    const landmarks = reader.rows(json, "landmarks", path, rank);
    return new KernelLink({
      kernel: kernel as KernelName,
      rank,
      metric: reader.rows(json, "metric", path, rank, rank).flat(),
      landmarks: landmarks.flat(),
      weights: reader.list(own(json, "weights"), `${path}.weights`, landmarks.length),
      linear: reader.list(own(json, "linear"), `${path}.linear`, rank),
      constant: reader.number(json, "constant", path),
    });
  }

  protected valueAt(z: ArrayLike<number>, at: number, gradient?: Float64Array, to = 0): number {
    const { rank } = this;
    const kind = this.#kind;
    const metric = this.#metric;
    const landmarks = this.#landmarks;
    const weights = this.#weights;
    const v = this.#point;
    let value = this.#constant;
    for (let k = 0; k < rank; k++) {
      value += this.#linear[k] * z[at + k];
      let sum = 0;
      for (let l = 0; l < rank; l++) sum += metric[l * rank + k] * z[at + l];
      v[k] = sum;
    }
    const slope = this.#slope;
    if (gradient !== undefined) slope.fill(0);
    for (let m = 0, c = 0; m < weights.length; m++, c += rank) {
      let q = 0;
      for (let k = 0; k < rank; k++) {
        const d = v[k] - landmarks[c + k];
        q += d * d;
      }
      value += weights[m] * radialValue(kind, q);
      if (gradient === undefined) continue;
      const factor = weights[m] * radialSlope(kind, q);
      for (let k = 0; k < rank; k++) slope[k] += factor * (v[k] - landmarks[c + k]);
    }
    if (gradient !== undefined) {
      for (let k = 0; k < rank; k++) {
        let sum = this.#linear[k];
        for (let l = 0; l < rank; l++) sum += metric[k * rank + l] * slope[l];
        gradient[to + k] = sum;
      }
    }
    return value;
  }
}

/** Rows of a row-major array, frozen. */
export function rowsOf(values: Float64Array, rows: number, columns: number): readonly (readonly number[])[] {
  return Object.freeze(
    Array.from({ length: rows }, (_, i) => Object.freeze(Array.from(values.subarray(i * columns, (i + 1) * columns)))),
  );
}
