/** A link as Hermite coefficients; named links. */
import { checkChoice, checkInteger, checkNumber, checkOptions, describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { MatrixLike } from "../base/types.js";
import { readMatrix } from "../data/input.js";
import { evaluateBlocks } from "../math/blocks.js";
import { checkPoint, checkPoints, Expansion, rotateExpansion } from "../math/hermite.js";
import { checkFeatureCount } from "../math/multiIndex.js";
import { type PointFunction, projectFunction } from "../math/projection.js";
import { expandLink } from "./expressionLink.js";
import { type LinkName, type NamedLinkOptions, namedLink } from "./namedLinks.js";
import { own, StoredReader } from "./stored.js";

/**
 * How a link goes on outside the ball |z| ≤ radius. With u = z/|z|: "clip" is f(radius·u), "linear" adds
 * (|z| − radius)·∂_u f(radius·u). [MI §7.8]
 */
export interface LinkTail {
  readonly kind: "linear" | "clip";
  readonly radius: number;
}

/** Number of variables r, total degree D, and optionally a tail. */
export interface LinkShape {
  readonly rank: number;
  readonly degree: number;
  readonly tail?: LinkTail;
}

/** A link as plain data; what `JSON.stringify(link)` writes. */
export interface LinkData {
  readonly family: "hermite";
  readonly rank: number;
  readonly degree: number;
  readonly coefficients: readonly number[];
  readonly tail?: LinkTail;
  readonly coefficientError?: number;
}

/** A link at many points. */
export interface LinkValues {
  /** f(zᵢ), n. */
  readonly values: Float64Array;
  /** ∇f(zᵢ), n×r row-major, when asked for. */
  readonly gradients?: Float64Array;
}

const TAILS = ["linear", "clip"] as const;
const reader = new StoredReader("link");

/** Up to this many points are evaluated one by one; a block of rows costs as much as a whole one however few it holds. */
const FEW_POINTS = 24;

/**
 * A function f of r variables, f(z) = Σ c_β h_β(z), |β| ≤ D, in normalised Hermite polynomials; immutable.
 *
 * Rank 0 and degree 0 are constants and work everywhere.
 */
export class Link {
  readonly family = "hermite";
  readonly rank: number;
  readonly degree: number;
  /** How f goes on far outside; undefined when the polynomial holds everywhere. */
  readonly tail: LinkTail | undefined;
  /** Estimated absolute error of one coefficient: 0 when they are exact, the quadrature error of `fromFunction`. */
  readonly coefficientError: number;
  readonly #coefficients: Float64Array;
  readonly #expansion: Expansion;

  private constructor(coefficients: Float64Array, shape: LinkShape, coefficientError: number) {
    this.rank = shape.rank;
    this.degree = shape.degree;
    this.tail =
      shape.tail === undefined ? undefined : Object.freeze({ kind: shape.tail.kind, radius: shape.tail.radius });
    this.coefficientError = coefficientError;
    this.#coefficients = coefficients;
    this.#expansion = new Expansion(coefficients, shape.rank, shape.degree);
    Object.freeze(this);
  }

  /**
   * The link of given coefficients, in the order of [MI §1.2].
   *
   * @param coefficients - N(rank, degree) finite numbers; copied
   * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE`, `UNKNOWN` for a bad shape
   * @throws {InputError} `TYPE`, `SHAPE` with both counts, `NOT_FINITE` with the index
   */
  static fromCoefficients(coefficients: ArrayLike<number>, shape: LinkShape): Link {
    const checked = checkShape(shape, "Link.fromCoefficients");
    const count = checkFeatureCount(checked.rank, checked.degree);
    if (typeof coefficients !== "object" || coefficients === null || !Number.isSafeInteger(coefficients.length)) {
      throw new InputError("TYPE", `coefficients are ${describe(coefficients)}; expected an array of numbers.`);
    }
    if (coefficients.length !== count) {
      throw new InputError(
        "SHAPE",
        `coefficients has ${coefficients.length} entries; rank ${checked.rank} with degree ${checked.degree} needs ${count}.`,
        { details: { length: coefficients.length, expected: count } },
      );
    }
    checkPoint(coefficients, count, "coefficients");
    return new Link(Float64Array.from(coefficients), checked, 0);
  }

  /**
   * The part of total degree ≤ `degree` of any function of r variables with E f² < ∞: its Hermite coefficients by
   * quadrature, refined until they settle.
   *
   * Smooth functions come out to about 1e-13, one-variable functions with kinks and jumps too; with more variables, kinks
   * off the coordinate planes leave errors of 1e-3, which `coefficientError` tells.
   *
   * @param f - called with an array of r numbers
   * @throws {InputError} `CALLBACK` when f throws (its error is the cause), `TYPE`, `NOT_FINITE` when it gives no finite number
   * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE` when (degree+1)^rank calls are too many
   * Source: [MI §1.3]. Cost: ≤ about 10⁶ calls of f, some hundred when it is smooth.
   */
  static fromFunction(f: PointFunction, shape: LinkShape): Link {
    return Link.projected(f, shape);
  }

  /** @internal `fromFunction` with about `calls` calls of f, to a tolerance relative to √E f² */
  static projected(f: PointFunction, shape: LinkShape, calls?: number, tolerance?: number): Link {
    const checked = checkShape(shape, "Link.fromFunction");
    checkFeatureCount(checked.rank, checked.degree);
    if (typeof f !== "function") throw new InputError("TYPE", `f is ${describe(f)}; expected a function of z.`);
    const { coefficients, error } = projectFunction(f, checked.rank, checked.degree, calls, tolerance);
    return new Link(coefficients, checked, error);
  }

  /**
   * A link by name. Of one variable, exact: "relu", "abs", "sign", "step" (1{z > parameter}), "exp", "sin", "cos" (of
   * parameter·z), "gauss" (e^{−z²}); also "tanh" (of parameter·z) and "hermite" (h_order).
   *
   * Examples with known saddles, r = order: "staircase" z₁ + z₁z₂ + … + z₁⋯z_r, "skippedStaircase" z₁ + z₁⋯z_r, "product"
   * z₁⋯z_r, "parity" sign(z₁⋯z_r), "tanhProduct" Π tanh z_k, "squaredNorm" |z|², "reluSum" Σ relu(z_k), "gated"
   * z₁ + z₁·h_order(z₂), "hermiteSum" Σ h_{orders[k]}(z_k), and "harmonic" R_order + mix·R_{order+1}, where R_k is
   * Re(z₁ + i·z₂)^k at unit norm.
   *
   * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `TOO_LARGE`
   * Source: [MI §1.3, §4, §6].
   */
  static named(name: LinkName, options: NamedLinkOptions = {}): Link {
    const { coefficients, error, ...shape } = namedLink(name, options);
    return new Link(coefficients, shape, error);
  }

  /**
   * The link of an expression in z1…z100: numbers, pi, + − * / ^ and parentheses, sin, cos, exp, tanh, relu, abs, sign, sqrt,
   * log, He1…He12 and their normalised h1…h12. Parsed by a library and never run as code.
   *
   * Polynomials are exact and bring their own degree. Other links are expanded to degree 12, 10, 8, 6, 5, 5 for 1…6 variables
   * (4 beyond) unless `degree` says more; functions of linear forms, slanted ones such as relu(z1 - z2) too, come out to about
   * 1e-13, and `coefficientError` tells how well the rest did.
   *
   * @param options.rank - number of variables; default: the last one that occurs
   * @throws {InputError} `TYPE` unless a string; `FORMAT` with the position of what cannot be read; `NOT_FINITE`,
   * `NOT_CONVERGED` for a function without finite mean square
   * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; `TOO_LARGE` for too long a text or too high a degree
   * @example Link.parse("z1 + z1*z2 + relu(z1 - z3)/2", { degree: 6 })
   */
  static parse(text: string, options: { readonly rank?: number; readonly degree?: number } = {}): Link {
    const { coefficients, error, ...shape } = expandLink(text, options);
    return new Link(coefficients, shape, error);
  }

  /** N(rank, degree). */
  get featureCount(): number {
    return this.#coefficients.length;
  }

  /** Hermite coefficients, N(rank, degree), in the order of [MI §1.2]; a copy. */
  get coefficients(): Float64Array {
    return this.#coefficients.slice();
  }

  /**
   * f(z) at one point of length r.
   *
   * @throws {InputError} `SHAPE`, `TYPE`, `NOT_FINITE` for a bad z, `OVERFLOW` when the value is no double
   * Cost: O(N).
   */
  evaluate(z: ArrayLike<number>): number {
    checkPoint(z, this.rank, "z");
    const value = this.#valueAt(z);
    if (!Number.isFinite(value)) throw tooFar(z);
    return value;
  }

  /**
   * ∇f(z) at one point of length r; of the tail where that holds.
   *
   * @throws as `evaluate`
   * Cost: O(r·N).
   */
  gradient(z: ArrayLike<number>): Float64Array {
    checkPoint(z, this.rank, "z");
    const gradient = this.#gradientAt(z);
    if (!gradient.every(Number.isFinite)) throw tooFar(z);
    return gradient;
  }

  /**
   * Values, and gradients if asked, at n points; the same bits as `evaluate` and `gradient`.
   *
   * Entries are not checked: a point that is not finite or too far gives a value that is not finite.
   *
   * @param Z - n×r row-major
   * @throws {InputError} `SHAPE` unless Z has n·r entries
   * Cost: O(n·N) for values, O(n·r·N) with gradients.
   */
  evaluateMany(Z: ArrayLike<number>, n: number, options: { readonly gradient?: boolean } = {}): LinkValues {
    const { rank } = this;
    checkPoints(Z, n, rank);
    const values = new Float64Array(n);
    const gradients = options.gradient === true ? new Float64Array(n * rank) : undefined;
    if (n > FEW_POINTS) evaluateBlocks(this.#expansion, this.#coefficients, Z, n, values, gradients);
    const z = new Float64Array(rank);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < rank; k++) z[k] = Z[i * rank + k];
      // The blocks gave the polynomial; what lies outside the radius is done again point by point.
      if (n > FEW_POINTS && !this.#isOutside(z)) continue;
      values[i] = this.#valueAt(z);
      gradients?.set(this.#gradientAt(z), i * rank);
    }
    return gradients === undefined ? { values } : { values, gradients };
  }

  /**
   * The link A_Q f: z ↦ f(Qᵀz), for an orthogonal r×r matrix Q.
   *
   * @throws {InputError} `SHAPE`, `NOT_ORTHONORMAL` if ‖QᵀQ − I‖ > 1e-8, and as every matrix argument
   * Source: [MI §2, §3.1].
   */
  rotate(Q: MatrixLike): Link {
    const { rank, degree } = this;
    const q = rank === 0 ? { data: new Float64Array(0), rows: 0, columns: 0 } : readMatrix(Q, "Q");
    if (q.rows !== rank || q.columns !== rank) {
      throw new InputError("SHAPE", `Q is ${q.rows}×${q.columns}; a link of ${rank} variables needs ${rank}×${rank}.`);
    }
    return new Link(rotateExpansion(this.#coefficients, rank, degree, q.data), this, this.coefficientError);
  }

  /** The same polynomial with another tail, or with none. */
  withTail(tail: LinkTail | undefined): Link {
    return new Link(
      this.#coefficients,
      { rank: this.rank, degree: this.degree, tail: checkTail(tail) },
      this.coefficientError,
    );
  }

  /** scale·f + offset. @throws {OptionError} `TYPE`, `RANGE` */
  scaled(scale: number, offset: number): Link {
    checkNumber(scale, "scale");
    checkNumber(offset, "offset");
    const coefficients = this.#coefficients.map((c) => c * scale);
    coefficients[0] += offset;
    return new Link(coefficients, this, this.coefficientError * Math.abs(scale));
  }

  /** The link itself: other families give their Hermite expansion here. */
  toHermite(): Link {
    return this;
  }

  /** The link as plain frozen data. */
  toJSON(): LinkData {
    const { family, rank, degree, tail, coefficientError } = this;
    return Object.freeze({
      family,
      rank,
      degree,
      coefficients: Object.freeze(Array.from(this.#coefficients)),
      ...(tail === undefined ? {} : { tail }),
      ...(coefficientError === 0 ? {} : { coefficientError }),
    });
  }

  /**
   * The link that `toJSON` described. Only own properties are read.
   *
   * @param path - where in a larger document the link stands, for messages
   * @throws {FormatError} `FORMAT` with path and reason
   */
  static fromJSON(json: unknown, path = "$"): Link {
    const family = own(json, "family");
    if (family !== "hermite") throw reader.wrong(`${path}.family`, `is ${describe(family)}; expected "hermite"`);
    const [rank, degree] = ["rank", "degree"].map((key) => reader.count(json, key, path));
    const tail = readTail(own(json, "tail"), `${path}.tail`);
    const error = own(json, "coefficientError") ?? 0;
    if (!(typeof error === "number" && error >= 0 && Number.isFinite(error))) {
      throw reader.wrong(`${path}.coefficientError`, `is ${describe(error)}; expected a number ≥ 0`);
    }
    const list = own(json, "coefficients");
    if (!Array.isArray(list))
      throw reader.wrong(`${path}.coefficients`, `is ${describe(list)}; expected an array of numbers`);
    let expected: number;
    try {
      expected = checkFeatureCount(rank, degree);
    } catch (cause) {
      throw reader.wrong(path, `has rank ${rank} and degree ${degree}, more than this release reads`, cause);
    }
    if (list.length !== expected) {
      throw reader.wrong(
        `${path}.coefficients`,
        `has ${list.length} entries; rank ${rank} with degree ${degree} needs ${expected}`,
      );
    }
    const coefficients = Float64Array.from(reader.list(list, `${path}.coefficients`, expected));
    return new Link(coefficients, { rank, degree, tail }, error);
  }

  #valueAt(z: ArrayLike<number>): number {
    if (!this.#isOutside(z)) return this.#expansion.value(z);
    const { kind, edge, unit, distance, radius } = this.#edge(z);
    const value = this.#expansion.value(edge);
    return kind === "clip" ? value : value + (distance - radius) * dot(unit, this.#expansion.gradient(edge));
  }

  /**
   * With P = I − uuᵀ, ρ = |z|, R the radius: "clip" has ∇ = (R/ρ)·P∇f(Ru); "linear" has
   * ∇ = ∇f(Ru) + (1 − R/ρ)·R·P·H(Ru)u, since moving z sideways also turns u, and with it the slope ∂_u f.
   */
  #gradientAt(z: ArrayLike<number>): Float64Array {
    if (!this.#isOutside(z)) return this.#expansion.gradient(z);
    const { kind, edge, unit, distance, radius } = this.#edge(z);
    const gradient = this.#expansion.gradient(edge);
    const ratio = radius / distance;
    if (kind === "clip") {
      const along = dot(unit, gradient);
      return gradient.map((g, k) => ratio * (g - along * unit[k]));
    }
    const bend = this.#expansion.hessianTimes(edge, unit);
    const along = dot(unit, bend);
    return gradient.map((g, k) => g + (1 - ratio) * radius * (bend[k] - along * unit[k]));
  }

  #isOutside(z: ArrayLike<number>): boolean {
    if (this.tail === undefined) return false;
    let square = 0;
    for (let k = 0; k < this.rank; k++) square += z[k] * z[k];
    return square > this.tail.radius * this.tail.radius;
  }

  #edge(z: ArrayLike<number>) {
    const { kind, radius } = this.tail as LinkTail;
    let largest = 0;
    for (let k = 0; k < this.rank; k++) largest = Math.max(largest, Math.abs(z[k]));
    // Scaled, so that |z|² does not overflow before |z| does.
    const scaled = Float64Array.from({ length: this.rank }, (_, k) => z[k] / largest);
    const size = Math.sqrt(dot(scaled, scaled));
    const unit = scaled.map((value) => value / size);
    return { kind, radius, unit, edge: unit.map((value) => value * radius), distance: size * largest };
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/** The error for a point whose value is no double. */
export function tooFar(z: ArrayLike<number>): InputError {
  return new InputError(
    "OVERFLOW",
    `The link at z = [${Array.from(z).join(", ")}] is beyond the largest double; the point is too far out.`,
  );
}

function checkShape(shape: LinkShape, owner: string): LinkShape {
  const given = checkOptions(shape, ["rank", "degree", "tail"], owner);
  return {
    rank: checkInteger(given.rank, "rank", { min: 0 }),
    degree: checkInteger(given.degree, "degree", { min: 0 }),
    tail: checkTail(given.tail),
  };
}

function checkTail(tail: unknown): LinkTail | undefined {
  if (tail === undefined) return undefined;
  const given = checkOptions(tail, ["kind", "radius"], "tail");
  return {
    kind: checkChoice(given.kind, "tail.kind", TAILS),
    radius: checkNumber(given.radius, "tail.radius", { above: 0 }),
  };
}

function readTail(tail: unknown, path: string): LinkTail | undefined {
  if (tail === undefined) return undefined;
  const kind = own(tail, "kind");
  const radius = own(tail, "radius");
  if (kind !== "linear" && kind !== "clip")
    throw reader.wrong(`${path}.kind`, `is ${describe(kind)}; expected "linear" or "clip"`);
  if (typeof radius === "number" && Number.isFinite(radius) && radius > 0) return { kind, radius };
  throw reader.wrong(`${path}.radius`, `is ${describe(radius)}; expected a number > 0`);
}
