/** A link as a one-layer ReLU network with frozen inner weights: hinges, a linear part and a constant. */

import { rowsOf } from "./kernelLink.js";
import { PointLink } from "./pointLink.js";
import { own, StoredReader } from "./stored.js";

/** What a ReLU link is made of; flat arrays are row-major and copied in. */
export interface ReluLinkParts {
  readonly rank: number;
  /** a, m×r. */
  readonly slopes: ArrayLike<number>;
  /** b, m numbers. */
  readonly offsets: ArrayLike<number>;
  /** w, m numbers. */
  readonly weights: ArrayLike<number>;
  /** r numbers. */
  readonly linear: ArrayLike<number>;
  readonly constant: number;
}

/** A ReLU link as plain data. */
export interface ReluLinkData {
  readonly family: "relu";
  readonly rank: number;
  readonly degree: null;
  readonly slopes: readonly (readonly number[])[];
  readonly offsets: readonly number[];
  readonly weights: readonly number[];
  readonly linear: readonly number[];
  readonly constant: number;
}

const reader = new StoredReader("link");

/** f(z) = Σ_m w_m·max(a_m·z − b_m, 0) + linear·z + constant; immutable, piecewise linear everywhere. */
export class ReluLink extends PointLink {
  readonly family = "relu";
  readonly #slopes: Float64Array;
  readonly #offsets: Float64Array;
  readonly #weights: Float64Array;
  readonly #linear: Float64Array;
  readonly #constant: number;

  /** @param parts - trusted; outside data come in through `fromJSON` */
  constructor(parts: ReluLinkParts) {
    super(parts.rank, parts.weights.length + parts.rank + 1);
    this.#slopes = Float64Array.from(parts.slopes);
    this.#offsets = Float64Array.from(parts.offsets);
    this.#weights = Float64Array.from(parts.weights);
    this.#linear = Float64Array.from(parts.linear);
    this.#constant = parts.constant;
    Object.freeze(this);
  }

  /** scale·f + offset. */
  scaled(scale: number, offset: number): ReluLink {
    return new ReluLink({
      rank: this.rank,
      slopes: this.#slopes,
      offsets: this.#offsets,
      weights: this.#weights.map((w) => w * scale),
      linear: this.#linear.map((v) => v * scale),
      constant: this.#constant * scale + offset,
    });
  }

  /** z ↦ f(signs·z), r signs ±1. */
  reflected(signs: ArrayLike<number>): ReluLink {
    const { rank } = this;
    return new ReluLink({
      rank,
      slopes: this.#slopes.map((v, at) => v * signs[at % rank]),
      offsets: this.#offsets,
      weights: this.#weights,
      linear: this.#linear.map((v, k) => v * signs[k]),
      constant: this.#constant,
    });
  }

  /** The link as plain frozen data. */
  toJSON(): ReluLinkData {
    const { rank } = this;
    return Object.freeze({
      family: this.family,
      rank,
      degree: null,
      slopes: rowsOf(this.#slopes, this.#weights.length, rank),
      offsets: Object.freeze(Array.from(this.#offsets)),
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
  static fromJSON(json: unknown, path = "$"): ReluLink {
    const rank = reader.count(json, "rank", path);
    const slopes = reader.rows(json, "slopes", path, rank);
    return new ReluLink({
      rank,
      slopes: slopes.flat(),
      offsets: reader.list(own(json, "offsets"), `${path}.offsets`, slopes.length),
      weights: reader.list(own(json, "weights"), `${path}.weights`, slopes.length),
      linear: reader.list(own(json, "linear"), `${path}.linear`, rank),
      constant: reader.number(json, "constant", path),
    });
  }

  protected valueAt(z: ArrayLike<number>, at: number, gradient?: Float64Array, to = 0): number {
    const { rank } = this;
    const slopes = this.#slopes;
    const weights = this.#weights;
    let value = this.#constant;
    for (let k = 0; k < rank; k++) {
      value += this.#linear[k] * z[at + k];
      if (gradient !== undefined) gradient[to + k] = this.#linear[k];
    }
    for (let m = 0, c = 0; m < weights.length; m++, c += rank) {
      let s = -this.#offsets[m];
      for (let k = 0; k < rank; k++) s += slopes[c + k] * z[at + k];
      // NaN takes part, so that a bad point shows.
      if (s <= 0) continue;
      value += weights[m] * s;
      if (gradient === undefined) continue;
      for (let k = 0; k < rank; k++) gradient[to + k] += weights[m] * slopes[c + k];
    }
    return value;
  }
}
