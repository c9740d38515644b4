/** Normalised Hermite expansions: evaluate, differentiate, rotate. */
import { checkInteger, describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { Matrix } from "./dense.js";
import { orthonormalityError } from "./grassmann.js";
import {
  checkFeatureCount,
  derivativeCoefficients,
  featureTable,
  type MultiIndexTable,
  multiIndexTable,
} from "./multiIndex.js";

/**
 * Writes h_0(x)…h_degree(x) to out[at…], unchecked.
 *
 * The reciprocal 1/√(m+1) is rounded once per degree, as in `KernelOps.features`: same bits.
 */
export function hermiteInto(x: number, degree: number, out: Float64Array, at = 0): void {
  out[at] = 1;
  if (degree > 0) out[at + 1] = x;
  for (let m = 1; m < degree; m++) {
    out[at + m + 1] = (x * out[at + m] - Math.sqrt(m) * out[at + m - 1]) * (1 / Math.sqrt(m + 1));
  }
}

/**
 * Values h_0(x)…h_degree(x) of the normalised probabilists' Hermite polynomials h_k = He_k/√k!, orthonormal under the
 * standard normal law.
 *
 * @throws {OptionError} `TYPE`, `RANGE` for a bad degree
 * @throws {InputError} `TYPE`, `NOT_FINITE` for a bad x; `OVERFLOW` with the degree that left the range of doubles
 * Source: [MI §1.1], three-term recurrence. Cost: O(degree).
 */
export function hermite(x: number, degree: number): Float64Array {
  checkInteger(degree, "degree", { min: 0 });
  checkPoint([x], 1, "x");
  const out = new Float64Array(degree + 1);
  hermiteInto(x, degree, out);
  return checkRange(out, "h", x);
}

/**
 * Derivatives h_0′(x)…h_degree′(x), h_k′ = √k·h_{k−1}.
 *
 * @throws as `hermite`
 */
export function hermiteDerivative(x: number, degree: number): Float64Array {
  const values = hermite(x, degree);
  for (let k = degree; k > 0; k--) values[k] = Math.sqrt(k) * values[k - 1];
  values[0] = 0;
  return checkRange(values, "the derivative of h", x);
}

/** Values of all h_β(z), |β| ≤ degree, at one point, unchecked; in the kernels' order of operations. */
export function basisValues(z: ArrayLike<number>, rank: number, degree: number): Float64Array {
  const { table, h } = featurePlan(rank, degree);
  for (let k = 0; k < rank; k++) hermiteInto(z[k], degree, h, k * (degree + 1));
  const out = new Float64Array(table.length / 2);
  out[0] = 1;
  for (let j = 1; j < out.length; j++) out[j] = out[table[2 * j]] * h[table[2 * j + 1]];
  return out;
}

/**
 * Values and gradients of the tensor Hermite basis h_β(z) = Π h_{β_k}(z_k), |β| ≤ degree, at one point z of length r.
 *
 * @returns `values` (N) and `gradients` (N×r), in the order of [MI §1.2]
 * @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE` for a bad degree
 * @throws {InputError} `TYPE`, `NOT_FINITE`, `OVERFLOW` for a bad z
 * Cost: O(r·N).
 */
export function hermiteBasis(z: ArrayLike<number>, degree: number): { values: Float64Array; gradients: Matrix } {
  const rank = z?.length;
  checkPoint(z, rank, "z");
  checkFeatureCount(rank, degree);
  const { size, exponents, down } = multiIndexTable(rank, degree);
  const values = basisValues(z, rank, degree);
  const gradients = new Matrix(size, rank);
  for (let j = 0; j < size; j++) {
    for (let k = 0; k < rank; k++) {
      const below = down[j * rank + k];
      if (below >= 0) gradients.set(j, k, Math.sqrt(exponents[j * rank + k]) * values[below]);
    }
  }
  checkRange(values, "h at multi-index position ", z);
  checkRange(Float64Array.from(gradients.to1DArray()), "the gradients at position ", z);
  return { values, gradients };
}

/** What evaluating the features of one (rank, degree) needs; `h` is scratch for one synchronous call. */
interface FeaturePlan {
  readonly table: Int32Array;
  readonly h: Float64Array;
}

const plans = new Map<string, FeaturePlan>();

function featurePlan(rank: number, degree: number): FeaturePlan {
  const key = `${rank},${degree}`;
  const known = plans.get(key);
  if (known) return known;
  const plan = { table: featureTable(rank, degree), h: new Float64Array(rank * (degree + 1)) };
  if (plans.size >= 64) plans.clear();
  plans.set(key, plan);
  return plan;
}

/** An expansion Σ c_β h_β ready for evaluation at single points; same bits as the block kernels. Nothing is checked. */
export class Expansion {
  readonly rank: number;
  readonly degree: number;
  readonly #coefficients: Float64Array;
  #derivatives: Float64Array | undefined;
  #second: readonly Float64Array[] | undefined;

  /** @param coefficients - N(r, D), in the order of [MI §1.2]; kept, not copied */
  constructor(coefficients: Float64Array, rank: number, degree: number) {
    this.#coefficients = coefficients;
    this.rank = rank;
    this.degree = degree;
  }

  /** √(γ_k+1)·c[γ + e_k] at [j·r + k], N(r, D−1)×r; cached, never write into it. */
  get derivatives(): Float64Array {
    this.#derivatives ??= derivativeCoefficients(this.#coefficients, this.rank, this.degree);
    return this.#derivatives;
  }

  /** f(z). Cost: O(N). */
  value(z: ArrayLike<number>): number {
    return weightedSum(this.#coefficients, 0, 1, basisValues(z, this.rank, this.degree), this.#coefficients.length);
  }

  /** ∇f(z). Cost: O(r·N). */
  gradient(z: ArrayLike<number>): Float64Array {
    const { rank, degree, derivatives } = this;
    if (degree === 0) return new Float64Array(rank);
    const phi = basisValues(z, rank, degree);
    const count = rank === 0 ? 0 : derivatives.length / rank;
    return Float64Array.from({ length: rank }, (_, k) => weightedSum(derivatives, k, rank, phi, count));
  }

  /** Hessian of f at z times u, without forming second-order tables until first needed. Cost: O(r²·N). */
  hessianTimes(z: ArrayLike<number>, u: ArrayLike<number>): Float64Array {
    const { rank, degree, derivatives } = this;
    const out = new Float64Array(rank);
    if (degree < 2) return out;
    this.#second ??= Array.from({ length: rank }, (_, k) => {
      const column = Float64Array.from({ length: derivatives.length / rank }, (_, j) => derivatives[j * rank + k]);
      return derivativeCoefficients(column, rank, degree - 1);
    });
    const phi = basisValues(z, rank, degree - 2);
    for (let k = 0; k < rank; k++) {
      for (let l = 0; l < rank; l++) out[l] += weightedSum(this.#second[k], l, rank, phi, phi.length) * u[k];
    }
    return out;
  }
}

/** Σ_j c[at + j·stride]·phi[j], j < count, in order, as `KernelOps.fields`. */
function weightedSum(c: Float64Array, at: number, stride: number, phi: Float64Array, count: number): number {
  let sum = 0;
  for (let j = 0, i = at; j < count; j++, i += stride) sum += c[i] * phi[j];
  return sum;
}

/**
 * Coefficients of A_Q f, (A_Q f)(z) = f(Qᵀz), for an orthogonal r×r matrix Q (rotations and reflections).
 *
 * Q is factored into plane rotations and signs (Givens); each rotation acts on strings of multi-indices by small
 * orthogonal blocks, so no r^k×r^k matrix is formed and degrees never mix.
 *
 * @param q - r×r row-major
 * @throws {InputError} `SHAPE`, `NOT_ORTHONORMAL` if ‖QᵀQ − I‖ > 1e-8
 * Source: [MI §3.1 step 2]. Cost: about r(r−1)·Σ_β(β_1+β_2+1) flops.
 */
export function rotateExpansion(
  coefficients: ArrayLike<number>,
  rank: number,
  degree: number,
  q: ArrayLike<number>,
): Float64Array {
  if (q.length !== rank * rank) {
    throw new InputError("SHAPE", `Q has ${q.length} entries; a rotation of ${rank} variables needs ${rank}×${rank}.`);
  }
  const error = orthonormalityError(q, rank, rank);
  if (!(error <= 1e-8)) {
    throw new InputError("NOT_ORTHONORMAL", `Q has ‖QᵀQ − I‖ = ${error}; it must be orthogonal to 1e-8.`, {
      details: { error },
    });
  }
  const table = multiIndexTable(rank, degree);
  const c = Float64Array.from({ length: table.size }, (_, j) => coefficients[j]);
  const { rotations, signs } = planeRotations(q, rank);
  for (let j = 0; j < table.size; j++) {
    for (let k = 0; k < rank; k++) if (signs[k] < 0 && table.exponents[j * rank + k] % 2 === 1) c[j] = -c[j];
  }
  // Q = R₁⋯R_m·S and A_N A_M = A_NM, so the signs come first and R₁ last.
  for (let m = rotations.length - 1; m >= 0; m--) rotatePlane(c, table, rotations[m]);
  return c;
}

/** Rotation [[cosine, −sine], [sine, cosine]] in the plane of the variables first < second. */
interface PlaneRotation {
  readonly first: number;
  readonly second: number;
  readonly cosine: number;
  readonly sine: number;
}

/** Q = R₁R₂⋯R_m·diag(signs) for orthogonal Q, by Givens elimination below the diagonal. */
function planeRotations(q: ArrayLike<number>, n: number): { rotations: PlaneRotation[]; signs: number[] } {
  const a = Float64Array.from({ length: n * n }, (_, i) => q[i]);
  const rotations: PlaneRotation[] = [];
  for (let first = 0; first < n; first++) {
    for (let second = first + 1; second < n; second++) {
      const below = a[second * n + first];
      if (below === 0) continue;
      const pivot = a[first * n + first];
      const size = Math.sqrt(pivot * pivot + below * below);
      if (size === 0) continue;
      const cosine = pivot / size;
      const sine = below / size;
      rotations.push({ first, second, cosine, sine });
      for (let k = 0; k < n; k++) {
        const x = a[first * n + k];
        const y = a[second * n + k];
        a[first * n + k] = cosine * x + sine * y;
        a[second * n + k] = cosine * y - sine * x;
      }
    }
  }
  return { rotations, signs: Array.from({ length: n }, (_, k) => (a[k * n + k] < 0 ? -1 : 1)) };
}

/** c ← coefficients of A_R of the expansion c, in place: one small block per string of multi-indices. */
function rotatePlane(c: Float64Array, table: MultiIndexTable, rotation: PlaneRotation): void {
  const { rank, degree, size, exponents, down, up } = table;
  const { first, second } = rotation;
  const blocks = rotationBlocks(rotation.cosine, rotation.sine, degree);
  const at = new Int32Array(degree + 1);
  const before = new Float64Array(degree + 1);
  for (let j = 0; j < size; j++) {
    const m = exponents[j * rank + first];
    if (m === 0 || exponents[j * rank + second] !== 0) continue;
    // The string from (m, 0) to (0, m), other exponents fixed; p is the exponent of `first`.
    at[m] = j;
    for (let p = m - 1; p >= 0; p--) at[p] = up[down[at[p + 1] * rank + first] * rank + second];
    for (let p = 0; p <= m; p++) before[p] = c[at[p]];
    const block = blocks[m];
    for (let p = 0; p <= m; p++) {
      let sum = 0;
      for (let k = 0; k <= m; k++) sum += block[p * (m + 1) + k] * before[k];
      c[at[p]] = sum;
    }
  }
}

/**
 * Blocks D^m, m ≤ degree, of A_R for a plane rotation R = [[c, −s], [s, c]]: (m+1)×(m+1) orthogonal, rows and columns by
 * the exponent of the first variable. Column recursion of [MI §2]; the column's larger exponent is lowered, so that no
 * factor exceeds √2.
 */
function rotationBlocks(cosine: number, sine: number, degree: number): Float64Array[] {
  const blocks = [Float64Array.of(1)];
  for (let m = 1; m <= degree; m++) {
    const below = blocks[m - 1];
    const block = new Float64Array((m + 1) * (m + 1));
    for (let q = 0; q <= m; q++) {
      const lowerFirst = 2 * q >= m;
      const fromFirst = lowerFirst ? cosine : -sine;
      const fromSecond = lowerFirst ? sine : cosine;
      const exponent = lowerFirst ? q : m - q;
      const column = lowerFirst ? q - 1 : q;
      for (let p = 0; p <= m; p++) {
        let sum = 0;
        if (p > 0) sum += Math.sqrt(p / exponent) * fromFirst * below[(p - 1) * m + column];
        if (p < m) sum += Math.sqrt((m - p) / exponent) * fromSecond * below[p * m + column];
        block[p * (m + 1) + q] = sum;
      }
    }
    blocks.push(block);
  }
  return blocks;
}

/**
 * Refuses a point of the wrong length or with entries that are not finite numbers.
 *
 * @throws {InputError} `SHAPE`, `TYPE`, `NOT_FINITE`
 */
export function checkPoint(z: ArrayLike<number>, rank: number, name: string): void {
  if (typeof z?.length !== "number")
    throw new InputError("TYPE", `${name} is ${describe(z)}; expected an array of numbers, one per variable.`);
  if (z.length !== rank) {
    throw new InputError("SHAPE", `${name} has ${z.length} entries; ${rank} are needed, one per variable.`, {
      details: { length: z.length, rank },
    });
  }
  for (let k = 0; k < rank; k++) {
    if (Number.isFinite(z[k])) continue;
    const code = typeof z[k] === "number" ? "NOT_FINITE" : "TYPE";
    throw new InputError(code, `${name}[${k}] is ${describe(z[k])}; it must be a finite number.`, {
      details: { index: k },
    });
  }
}

/** @throws {InputError} `SHAPE` unless Z has n points of `rank` variables; {OptionError} for a bad n */
export function checkPoints(Z: ArrayLike<number>, n: number, rank: number): void {
  checkInteger(n, "n", { min: 0 });
  if (Z?.length === n * rank) return;
  const has = typeof Z?.length === "number" ? `has ${Z.length} entries` : `is ${describe(Z)}`;
  throw new InputError("SHAPE", `Z ${has}; ${n} points of ${rank} variables need ${n * rank} entries.`, {
    details: { length: Z?.length, points: n, rank },
  });
}

function checkRange(values: Float64Array, what: string, at: number | ArrayLike<number>): Float64Array {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  const point = typeof at === "number" ? String(at) : `[${Array.from(at).join(", ")}]`;
  throw new InputError(
    "OVERFLOW",
    `${what}${bad} at ${point} is beyond the largest double. Use a lower degree or scale the input.`,
    {
      details: { index: bad },
    },
  );
}
