/** What the families of links that are no polynomial share: one point at a time, checks, Hermite expansion. */
import { checkInteger, checkOptions } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { checkPoint, checkPoints } from "../math/hermite.js";
import { defaultDegree } from "./expressionLink.js";
import { Link, type LinkValues, tooFar } from "./link.js";

/** Calls of f in one refinement of a Hermite expansion: links of hundreds of centres are dear to call. */
const PROJECTION_CALLS = 2 ** 13;
/** Calls and tolerance of an expansion that only has to be better than the estimate it expands. */
const ROUGH_CALLS = 2 ** 12;
const ROUGH = 1e-5;

/** A function f of r variables that is evaluated point by point; immutable. */
export abstract class PointLink {
  abstract readonly family: "kernel" | "relu" | "custom";
  readonly rank: number;
  /** Only polynomials have a degree. */
  readonly degree = null;
  /** Number of fitted coefficients. */
  readonly featureCount: number;

  protected constructor(rank: number, featureCount: number) {
    this.rank = rank;
    this.featureCount = featureCount;
  }

  /**
   * Only polynomials have Hermite coefficients; `toHermite()` gives those of an expansion.
   * @throws {InputError} `TYPE`, always
   */
  get coefficients(): never {
    throw new InputError(
      "TYPE",
      `A link of family "${this.family}" has no Hermite coefficients of its own; take link.toHermite({ degree }), its expansion.`,
    );
  }

  /** f(z), and ∇f(z) into `gradient` at `to` when given; z starts at `at`. Nothing is checked. */
  protected abstract valueAt(z: ArrayLike<number>, at: number, gradient?: Float64Array, to?: number): number;

  /**
   * f(z) at one point of length r.
   *
   * @throws {InputError} `SHAPE`, `TYPE`, `NOT_FINITE` for a bad z, `OVERFLOW` when the value is no double
   * Cost: O(r·featureCount).
   */
  evaluate(z: ArrayLike<number>): number {
    checkPoint(z, this.rank, "z");
    const value = this.valueAt(z, 0);
    if (!Number.isFinite(value)) throw tooFar(z);
    return value;
  }

  /**
   * ∇f(z) at one point of length r; where f has a kink, that of one side.
   *
   * @throws as `evaluate`
   * Cost: O(r·featureCount).
   */
  gradient(z: ArrayLike<number>): Float64Array {
    checkPoint(z, this.rank, "z");
    const gradient = new Float64Array(this.rank);
    this.valueAt(z, 0, gradient, 0);
    if (!gradient.every(Number.isFinite)) throw tooFar(z);
    return gradient;
  }

  /**
   * Values, and gradients if asked, at n points; the same bits as `evaluate` and `gradient`. Entries are not checked: a
   * point that is not finite or too far gives a value that is not finite.
   *
   * @param Z - n×r row-major
   * @throws {InputError} `SHAPE` unless Z has n·r entries
   * Cost: O(n·r·featureCount).
   */
  evaluateMany(Z: ArrayLike<number>, n: number, options: { readonly gradient?: boolean } = {}): LinkValues {
    const { rank } = this;
    checkPoints(Z, n, rank);
    const values = new Float64Array(n);
    const gradients = options.gradient === true ? new Float64Array(n * rank) : undefined;
    for (let i = 0; i < n; i++) values[i] = this.valueAt(Z, i * rank, gradients, i * rank);
    return gradients === undefined ? { values } : { values, gradients };
  }

  /**
   * The part of total degree ≤ `degree` in Hermite polynomials, E[f(z)h_β(z)] for standard normal z, by quadrature: what
   * exponents, leaps and flows are worked out from. `coefficientError` of the result tells how well it went.
   *
   * @param options.degree - default 12, 10, 8, 6, 5, 5 for 1…6 variables, 4 beyond
   * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `TOO_LARGE` as `Link.fromFunction`
   * Source: [MI §1.3]. Cost: about 2·10⁴ calls of f, more when (degree + 1)^rank is.
   */
  toHermite(options: { readonly degree?: number } = {}): Link {
    const given = checkOptions(options, ["degree"], "toHermite");
    const { rank } = this;
    const degree = given.degree === undefined ? defaultDegree(rank) : checkInteger(given.degree, "degree", { min: 0 });
    return Link.projected((z) => this.evaluate(z), { rank, degree }, PROJECTION_CALLS);
  }

  /** @internal `toHermite` of the default degree, as exactly as an estimated link deserves. */
  roughlyHermite(): Link {
    const { rank } = this;
    return Link.projected((z) => this.evaluate(z), { rank, degree: defaultDegree(rank) }, ROUGH_CALLS, ROUGH);
  }
}
