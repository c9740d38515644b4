/** Sparse polynomials in the basis of (unnormalised) Hermite polynomials He_β: whole coefficients stay exact. */
import { OptionError } from "../base/errors.js";
import { multiIndexTable } from "./multiIndex.js";

/**
 * Σ c_β He_β. Keys are the exponents joined by commas without trailing zeros, "" for the constant.
 *
 * In this basis products of whole coefficients are whole, so z³ − 3z is He₃ without a remainder, where sums of normalised
 * polynomials would leave one of the size of rounding for every lower degree.
 */
export type Polynomial = ReadonlyMap<string, number>;

/** Largest total degree of a polynomial. */
export const MAX_POLYNOMIAL_DEGREE = 100;
/** Exponents handled in one multiplication, about a second's worth. */
const MAX_WORK = 2_000_000;

const indexOf = (key: string): number[] => (key === "" ? [] : key.split(",").map(Number));

function keyOf(index: readonly number[]): string {
  let length = index.length;
  while (length > 0 && index[length - 1] === 0) length--;
  return index.slice(0, length).join(",");
}

/** The constant polynomial; no terms for 0. */
export function constant(value: number): Polynomial {
  return new Map(value === 0 ? [] : [["", value]]);
}

/** The variable of the given zero-based index. */
export function variable(index: number): Polynomial {
  return new Map([[keyOf([...new Array<number>(index).fill(0), 1]), 1]]);
}

/** a + factor·b. */
export function addScaled(a: Polynomial, b: Polynomial, factor: number): Polynomial {
  const sum = new Map(a);
  for (const [key, value] of b) accumulate(sum, key, factor * value);
  return sum;
}

/** Each coefficient through a function, such as x ↦ x/3. */
export function mapCoefficients(a: Polynomial, change: (value: number) => number): Polynomial {
  return new Map(Array.from(a, ([key, value]) => [key, change(value)]));
}

/** Total degree; 0 for the zero polynomial. */
export function degreeOf(a: Polynomial): number {
  let degree = 0;
  for (const key of a.keys()) degree = Math.max(degree, totalOf(indexOf(key)));
  return degree;
}

/** The value of a constant polynomial, undefined for others. */
export function constantOf(a: Polynomial): number | undefined {
  if (a.size === 0) return 0;
  return a.size === 1 ? a.get("") : undefined;
}

/**
 * a·b, terms above `maxDegree` left out. He_m·He_n = Σ_j C(m,j)·C(n,j)·j!·He_{m+n−2j} along each axis.
 *
 * @throws {OptionError} `TOO_LARGE` when the terms are too many, or above degree 100 when no
 * `maxDegree` is given
 */
export function multiplyPolynomials(a: Polynomial, b: Polynomial, maxDegree = Number.POSITIVE_INFINITY): Polynomial {
  if (a.size * b.size > MAX_WORK) throw tooLarge();
  if (maxDegree === Number.POSITIVE_INFINITY) checkDegree(degreeOf(a) + degreeOf(b));
  const product = new Map<string, number>();
  const right = Array.from(b, ([key, value]) => ({ index: indexOf(key), value }));
  let work = 0;
  for (const [key, value] of a) {
    const left = indexOf(key);
    for (const term of right) {
      const length = Math.max(1, left.length, term.index.length);
      work += left.reduce((count, m, k) => count * (1 + Math.min(m, term.index[k] ?? 0)), length);
      if (work > MAX_WORK) throw tooLarge();
      for (const { index, factor } of linearized(left, term.index)) {
        if (totalOf(index) <= maxDegree) accumulate(product, keyOf(index), value * term.value * factor);
      }
    }
  }
  return product;
}

/**
 * a^exponent for a whole exponent ≥ 0, by squaring.
 *
 * @throws {OptionError} `TOO_LARGE` above degree 100 or when the terms are too many
 */
export function powerOfPolynomial(a: Polynomial, exponent: number): Polynomial {
  checkDegree(degreeOf(a) * exponent);
  let result = constant(1);
  let square = a;
  for (let n = exponent; n > 0; ) {
    if (n % 2 === 1) result = multiplyPolynomials(result, square);
    n = Math.floor(n / 2);
    if (n > 0) square = multiplyPolynomials(square, square);
  }
  return result;
}

/** He_order(a) by its recurrence; of a bare variable exactly one term. */
export function hermiteOfPolynomial(a: Polynomial, order: number): Polynomial {
  checkDegree(degreeOf(a) * order);
  if (a.size === 1) {
    const [[key, value]] = a;
    const index = indexOf(key);
    if (value === 1 && totalOf(index) === 1) return new Map([[keyOf(index.map((entry) => entry * order)), 1]]);
  }
  let [below, result] = [constant(1), a];
  for (let k = 1; k < order; k++) [below, result] = [result, addScaled(multiplyPolynomials(a, result), below, -k)];
  return order === 0 ? below : result;
}

/** @throws {OptionError} `TOO_LARGE` above degree 100 */
export function checkDegree(degree: number): void {
  if (degree <= MAX_POLYNOMIAL_DEGREE) return;
  throw new OptionError(
    "TOO_LARGE",
    `The link expression has a polynomial of degree ${degree}; at most ${MAX_POLYNOMIAL_DEGREE} is worked out.`,
    { details: { degree, limit: MAX_POLYNOMIAL_DEGREE } },
  );
}

/**
 * Coefficients in normalised Hermite polynomials of total degree ≤ `degree`, in the order of [MI §1.2], added into `out`.
 *
 * Each is divided by the rounded 1/√β! that made it, so that h_β comes back as exactly 1.
 */
export function addHermiteCoefficients(a: Polynomial, rank: number, degree: number, out: Float64Array): void {
  const { up } = multiIndexTable(rank, degree);
  for (const [key, value] of a) {
    const index = indexOf(key);
    if (totalOf(index) > degree) continue;
    let position = 0;
    let scale = 1;
    for (let k = 0; k < index.length; k++) {
      for (let m = 0; m < index[k]; m++) position = up[position * rank + k];
      scale *= inverseRootFactorial(index[k]);
    }
    out[position] += value / scale;
  }
}

/** The polynomial of normalised coefficients in the order of [MI §1.2]. */
export function fromHermiteCoefficients(c: ArrayLike<number>, rank: number, degree: number): Polynomial {
  const { exponents, size } = multiIndexTable(rank, degree);
  const out = new Map<string, number>();
  for (let j = 0; j < size; j++) {
    if (c[j] === 0) continue;
    const index = Array.from(exponents.subarray(j * rank, (j + 1) * rank));
    out.set(keyOf(index), c[j] * index.reduce((scale, m) => scale * inverseRootFactorial(m), 1));
  }
  return out;
}

/** 1/√n!. */
export function inverseRootFactorial(n: number): number {
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return 1 / Math.sqrt(factorial);
}

const totalOf = (index: readonly number[]): number => index.reduce((sum, m) => sum + m, 0);

function accumulate(sum: Map<string, number>, key: string, value: number): void {
  const total = (sum.get(key) ?? 0) + value;
  if (total === 0) sum.delete(key);
  else sum.set(key, total);
}

/** He_α·He_β as a sum of He_γ. */
function linearized(a: readonly number[], b: readonly number[]): { index: number[]; factor: number }[] {
  let terms: { index: number[]; factor: number }[] = [{ index: [], factor: 1 }];
  for (let k = 0; k < Math.max(a.length, b.length); k++) {
    const [m, n] = [a[k] ?? 0, b[k] ?? 0];
    const next: typeof terms = [];
    let factor = 1;
    for (let j = 0; j <= Math.min(m, n); j++) {
      for (const term of terms) next.push({ index: [...term.index, m + n - 2 * j], factor: term.factor * factor });
      // C(m,j)·C(n,j)·j! → j+1; whole at every step.
      factor = (factor * (m - j) * (n - j)) / (j + 1);
    }
    terms = next;
  }
  return terms;
}

function tooLarge(): OptionError {
  return new OptionError(
    "TOO_LARGE",
    `The link expression is too large to multiply out: it has too many terms. Use fewer variables or a lower power.`,
  );
}
