/** A link over the features that a user's functions give. */
import { describe } from "../base/assert.js";
import { InputError, LeapflowError } from "../base/errors.js";
import { PointLink } from "./pointLink.js";

/** Features of a point z and their derivatives, as a user gives them. */
export interface FeatureMap {
  /** φ(z): q numbers, the same q at every z. */
  readonly value: (z: number[]) => ArrayLike<number>;
  /** ∂φ/∂z: q rows of r numbers, or q·r numbers row-major. */
  readonly derivative: (z: number[]) => ArrayLike<number> | readonly ArrayLike<number>[];
}

/** A custom link as plain data; the functions are not in it. */
export interface CustomLinkData {
  readonly family: "custom";
  readonly rank: number;
  readonly degree: null;
  readonly coefficients: readonly number[];
  readonly constant: number;
}

/** Calls a user's feature map and checks what it gives. */
export class FeatureCalls {
  readonly rank: number;
  readonly count: number;
  readonly #map: FeatureMap;

  /** @param count - q; by default the number of features at z = 0 */
  constructor(map: FeatureMap, rank: number, count?: number) {
    this.#map = map;
    this.rank = rank;
    if (count === undefined) {
      const given = call("value", () => map.value(new Array<number>(rank).fill(0)));
      count = checkLength(given, "link.value(z)");
      if (count === 0)
        throw new InputError("EMPTY", "link.value(z) is empty; a feature map needs at least one feature.");
    }
    this.count = count;
  }

  /** φ(z), q numbers, to `out` at `to`; z starts at `at`. */
  valuesInto(z: ArrayLike<number>, at: number, out: Float64Array, to: number): void {
    const point = this.#point(z, at);
    const given = call("value", () => this.#map.value(point));
    if (checkLength(given, "link.value(z)") !== this.count) throw wrongCount("value", given.length, this.count);
    for (let j = 0; j < this.count; j++) out[to + j] = finite(given[j], `link.value(z)[${j}]`);
  }

  /** ∂φ/∂z, q×r row-major, to `out` at `to`. */
  derivativesInto(z: ArrayLike<number>, at: number, out: Float64Array, to: number): void {
    const { rank, count } = this;
    const point = this.#point(z, at);
    const given = call("derivative", () => this.#map.derivative(point)) as ArrayLike<number | ArrayLike<number>>;
    const length = checkLength(given, "link.derivative(z)");
    const nested = length === count && length > 0 && typeof given[0] === "object";
    if (!nested && length !== count * rank) throw wrongCount("derivative", length, count * rank);
    for (let j = 0; j < count; j++) {
      const row = nested ? (given[j] as ArrayLike<number>) : undefined;
      if (nested && checkLength(row, `link.derivative(z)[${j}]`) !== rank) {
        throw wrongCount(`derivative(z)[${j}]`, (row as ArrayLike<number>).length, rank);
      }
      for (let k = 0; k < rank; k++) {
        const value = row === undefined ? given[j * rank + k] : row[k];
        out[to + j * rank + k] = finite(value, `link.derivative(z)[${j}][${k}]`);
      }
    }
  }

  #point(z: ArrayLike<number>, at: number): number[] {
    return Array.from({ length: this.rank }, (_, k) => z[at + k]);
  }
}

/**
 * f(z) = c·φ(z) + constant over a user's feature map φ; immutable. Its functions are called at every evaluation, and it
 * cannot be stored.
 */
export class CustomLink extends PointLink {
  readonly family = "custom";
  readonly #calls: FeatureCalls;
  readonly #coefficients: Float64Array;
  readonly #constant: number;
  readonly #values: Float64Array;
  readonly #derivatives: Float64Array;

  /** @param coefficients - c, one per feature; copied */
  constructor(calls: FeatureCalls, coefficients: ArrayLike<number>, constant: number) {
    super(calls.rank, calls.count + 1);
    this.#calls = calls;
    this.#coefficients = Float64Array.from(coefficients);
    this.#constant = constant;
    this.#values = new Float64Array(calls.count);
    this.#derivatives = new Float64Array(calls.count * calls.rank);
    Object.freeze(this);
  }

  /** What is known without the functions. */
  get data(): CustomLinkData {
    return Object.freeze({
      family: this.family,
      rank: this.rank,
      degree: null,
      coefficients: Object.freeze(Array.from(this.#coefficients)),
      constant: this.#constant,
    });
  }

  /** scale·f + offset. */
  scaled(scale: number, offset: number): CustomLink {
    const coefficients = this.#coefficients.map((c) => c * scale);
    return new CustomLink(this.#calls, coefficients, this.#constant * scale + offset);
  }

  /** @throws {InputError} `TYPE`: functions cannot be stored */
  toJSON(): never {
    throw new InputError(
      "TYPE",
      'The link consists of the functions given as `link`, which cannot be stored. Fit with link "kernel" or "relu", or keep the model in memory.',
    );
  }

  protected valueAt(z: ArrayLike<number>, at: number, gradient?: Float64Array, to = 0): number {
    const { rank } = this;
    const c = this.#coefficients;
    this.#calls.valuesInto(z, at, this.#values, 0);
    let value = this.#constant;
    for (let j = 0; j < c.length; j++) value += c[j] * this.#values[j];
    if (gradient !== undefined) {
      this.#calls.derivativesInto(z, at, this.#derivatives, 0);
      for (let k = 0; k < rank; k++) {
        let sum = 0;
        for (let j = 0; j < c.length; j++) sum += c[j] * this.#derivatives[j * rank + k];
        gradient[to + k] = sum;
      }
    }
    return value;
  }
}

function call<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new LeapflowError("CALLBACK", `link.${name} threw: ${String(cause)}`, { cause });
  }
}

function checkLength(value: unknown, name: string): number {
  const length = typeof value === "object" && value !== null ? (value as ArrayLike<number>).length : undefined;
  if (Number.isSafeInteger(length)) return length as number;
  throw new InputError("TYPE", `${name} is ${describe(value)}; expected an array of numbers.`);
}

function wrongCount(name: string, length: number, expected: number): InputError {
  return new InputError("SHAPE", `link.${name} gave ${length} entries; expected ${expected}.`, {
    details: { length, expected },
  });
}

function finite(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const code = typeof value === "number" ? "NOT_FINITE" : "TYPE";
  throw new InputError(code, `${name} is ${describe(value)}; expected a finite number.`);
}
