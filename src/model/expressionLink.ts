/** Hermite coefficients of a written link: exact for polynomials, one-dimensional for functions of linear forms. */
import { checkInteger, checkOptions, describe } from "../base/assert.js";
import { InputError, OptionError } from "../base/errors.js";
import { rotateExpansion } from "../math/hermite.js";
import { checkFeatureCount, multiIndexTable } from "../math/multiIndex.js";
import { addHermiteCoefficients, degreeOf, fromHermiteCoefficients, multiplyPolynomials } from "../math/polynomial.js";
import { evaluateTree, parseExpression } from "./expression.js";
import { expandTree, type Factor, type Term } from "./expressionTerms.js";
import { closedCoefficients, type Projected, projectSafely } from "./ridgeFunctions.js";

/** Default degree of a link that is no polynomial, by its number of variables; 4 beyond the table. */
const DEFAULT_DEGREES = [0, 12, 10, 8, 6, 5, 5];
/** Directions closer to orthogonal than this are taken as orthogonal. */
const ORTHOGONAL = 1e-12;

/** What `Link.parse` makes a link of. */
export interface WrittenLink {
  readonly rank: number;
  readonly degree: number;
  readonly coefficients: Float64Array;
  /** Estimated absolute error of one coefficient; 0 when they are exact. */
  readonly error: number;
}

/** Degree up to which a link of so many variables that is no polynomial is expanded unless told otherwise. */
export function defaultDegree(rank: number): number {
  return DEFAULT_DEGREES[rank] ?? 4;
}

/**
 * Reads an expression and works out its Hermite coefficients of total degree ≤ `degree`.
 *
 * The expression is multiplied out into Σ polynomial · Π functions. Functions of linear forms that are orthogonal to each
 * other split into factors of one variable each: closed forms or adaptive quadrature there, then a rotation. Only functions that
 * tie several directions together need tensor quadrature, in as many dimensions as they have directions.
 *
 * @param options.rank - number of variables; default: the last one that occurs
 * @param options.degree - default: that of a polynomial; otherwise 12, 10, 8, 6, 5, 5 for 1…6 variables, 4 beyond
 * @throws {InputError} `TYPE`, `FORMAT` with the position, `NOT_FINITE`, `NOT_CONVERGED`
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `TOO_LARGE`
 */
export function expandLink(text: unknown, options: unknown): WrittenLink {
  const given = checkOptions(options, ["rank", "degree"], "Link.parse");
  const { tree, rank: used } = parseExpression(text);
  const rank = given.rank === undefined ? used : checkInteger(given.rank, "rank", { min: 0 });
  if (rank < used) {
    throw new OptionError("RANGE", `rank is ${rank}, but the link expression has the variable z${used}.`, {
      details: { option: "rank", value: rank, used },
    });
  }
  const terms = expandTree(tree, rank);
  const degree = given.degree === undefined ? ownDegree(terms, rank) : checkInteger(given.degree, "degree", { min: 0 });
  const coefficients = new Float64Array(checkFeatureCount(rank, degree));
  let error = 0;
  for (const term of terms) error += addTerm(term, rank, degree, coefficients, String(text));
  const bad = coefficients.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new InputError(
      "OVERFLOW",
      `Coefficient ${bad} of the link expression ${describe(text)} is beyond the largest double.`,
    );
  }
  return { rank, degree, coefficients, error };
}

function ownDegree(terms: readonly Term[], rank: number): number {
  const polynomial = degreeOf(terms[0].polynomial);
  return terms.length === 1 ? polynomial : Math.max(polynomial, defaultDegree(rank));
}

/** Adds a term's coefficients to `out`; returns their estimated error. */
function addTerm(term: Term, rank: number, degree: number, out: Float64Array, text: string): number {
  const { polynomial, factors } = term;
  if (factors.length === 0) {
    addHermiteCoefficients(polynomial, rank, degree, out);
    return 0;
  }
  // A polynomial factor of degree p brings parts of degree up to `degree` + p back down.
  const reach = degree + degreeOf(polynomial);
  checkFeatureCount(rank, reach);
  const components = componentsOf(factors, rank);
  const parts = components.map((component) => project(component, reach, text));
  const expansion = join(components, parts, rank, reach);
  const size = parts.map(({ coefficients }) => norm(coefficients));
  const error = parts.reduce(
    (sum, part, i) => sum + part.error * size.reduce((rest, s, j) => (j === i ? rest : rest * s), 1),
    0,
  );
  let growth = 0;
  for (const value of polynomial.values()) growth += Math.abs(value);
  const constant = degreeOf(polynomial) === 0 ? (polynomial.get("") ?? 0) : undefined;
  if (constant !== undefined) for (let j = 0; j < out.length; j++) out[j] += constant * expansion[j];
  else {
    const whole = fromHermiteCoefficients(expansion, rank, reach);
    addHermiteCoefficients(multiplyPolynomials(whole, polynomial, degree), rank, degree, out);
  }
  return growth * error;
}

/** Factors whose directions are tied together: a function on the span of an orthonormal basis. */
interface Component {
  readonly factors: readonly Factor[];
  /** Columns of length r, orthonormal. */
  readonly basis: readonly (readonly number[])[];
}

/** Groups factors until the groups' spans are orthogonal to each other. */
function componentsOf(factors: readonly Factor[], rank: number): Component[] {
  let groups: Component[] = [];
  for (const factor of factors) {
    const basis = basisOf([factor], rank);
    const tied = groups.filter((group) => group.basis.some((u) => basis.some((v) => Math.abs(dot(u, v)) > ORTHOGONAL)));
    const joined = [...tied.flatMap((group) => group.factors), factor];
    groups = groups.filter((group) => !tied.includes(group));
    groups.push({ factors: joined, basis: basisOf(joined, rank) });
  }
  return groups;
}

/** Gram–Schmidt, kinked forms first, so that kinks lie on coordinate planes as far as possible; unit vectors where possible. */
function basisOf(factors: readonly Factor[], rank: number): number[][] {
  const forms = [...factors.flatMap((factor) => factor.kinked), ...factors.flatMap((factor) => factor.smooth)];
  const basis: number[][] = [];
  for (const form of forms) {
    const largest = Math.max(...form.map(Math.abs));
    let v = form.map((entry) => entry / largest);
    const whole = norm(v);
    // Twice: once leaves a rounding error of the size of the part removed.
    for (let pass = 0; pass < 2; pass++) {
      for (const u of basis) {
        const along = dot(u, v);
        v = v.map((entry, k) => entry - along * u[k]);
      }
    }
    const size = norm(v);
    if (size <= ORTHOGONAL * whole) continue;
    const lead = v.find((entry) => Math.abs(entry) > ORTHOGONAL * size) ?? 1;
    basis.push(v.map((entry) => entry / (lead < 0 ? -size : size)));
  }
  const variables = Array.from({ length: rank }, (_, k) => k).filter((k) => basis.some((u) => u[k] !== 0));
  if (variables.length !== basis.length || !factors.every((factor) => factor.kinked.every(isAxis))) return basis;
  return variables.map((k) => Array.from({ length: rank }, (_, j) => (j === k ? 1 : 0)));
}

const isAxis = (form: readonly number[]): boolean => form.filter((entry) => entry !== 0).length === 1;

/** Coefficients of a component's function in the coordinates of its basis. */
function project({ factors, basis }: Component, degree: number, text: string): Projected {
  if (basis.length === 1 && factors.length === 1) {
    const closed = closedForm(factors[0], basis[0], degree);
    if (closed !== undefined) return { coefficients: closed, error: 0 };
  }
  const rank = basis[0].length;
  const evaluate = (v: readonly number[]): number => {
    const z = new Array<number>(rank).fill(0);
    for (let i = 0; i < basis.length; i++) for (let k = 0; k < rank; k++) z[k] += v[i] * basis[i][k];
    return factors.reduce((value, factor) => value * evaluateTree(factor.tree, z), 1);
  };
  return projectSafely(evaluate, basis.length, degree, describe(text));
}

/** Closed form of a single call of an affine argument. */
function closedForm({ ridge }: Factor, u: readonly number[], degree: number): Float64Array | undefined {
  if (ridge === undefined) return undefined;
  const slope = dot(ridge.form, u);
  const c = closedCoefficients(ridge.name, Math.abs(slope), ridge.offset, degree);
  // f(−st + b): odd degrees change sign.
  return slope < 0 ? c?.map((value, k) => (k % 2 === 1 ? -value : value)) : c;
}

/** Coefficients in z of the product of functions on orthogonal subspaces. */
function join(
  components: readonly Component[],
  parts: readonly Projected[],
  rank: number,
  degree: number,
): Float64Array {
  if (components.length === 1 && components[0].basis.length === 1) {
    return ridgeExpansion(parts[0].coefficients, components[0].basis[0], rank, degree);
  }
  const columns = components.flatMap((component) => component.basis);
  const { exponents, size } = multiIndexTable(rank, degree);
  const axes = columns.map((u) => u.indexOf(1));
  const isAligned = axes.every((axis, i) => axis >= 0 && isAxis(columns[i]));
  const slots = isAligned ? axes : columns.map((_, i) => i);
  const isFree = Array.from({ length: rank }, (_, k) => !slots.includes(k));
  const out = new Float64Array(size);
  const tables = components.map(({ basis }) => positions(basis.length, degree));
  for (let j = 0; j < size; j++) {
    let value = 1;
    let slot = 0;
    for (let k = 0; k < rank; k++) if (isFree[k] && exponents[j * rank + k] !== 0) value = 0;
    for (let i = 0; value !== 0 && i < components.length; i++) {
      const index = components[i].basis.map(() => exponents[j * rank + slots[slot++]]);
      value *= parts[i].coefficients[tables[i](index)];
    }
    out[j] = value;
  }
  if (isAligned) return out;
  // F(Uᵀz) is A_U F for the orthogonal matrix U whose first columns are the directions.
  return rotateExpansion(out, rank, degree, completed(columns, rank));
}

/** Σ_k g_k·h_k(u·z): h_k(u·z) = Σ_{|β|=k} √(k!/β!)·u^β·h_β(z) for a unit vector u. */
function ridgeExpansion(g: Float64Array, u: readonly number[], rank: number, degree: number): Float64Array {
  const { exponents, totals, down, size } = multiIndexTable(rank, degree);
  const weight = new Float64Array(size);
  const out = new Float64Array(size);
  weight[0] = 1;
  for (let j = 0; j < size; j++) {
    if (j > 0) {
      let k = 0;
      while (exponents[j * rank + k] === 0) k++;
      weight[j] = weight[down[j * rank + k]] * u[k] * Math.sqrt(totals[j] / exponents[j * rank + k]);
    }
    out[j] = g[totals[j]] * weight[j];
  }
  return out;
}

/** Position of a multi-index of `rank` variables. */
function positions(rank: number, degree: number): (index: readonly number[]) => number {
  const { up } = multiIndexTable(rank, degree);
  return (index) => {
    let position = 0;
    for (let k = 0; k < rank; k++) for (let m = 0; m < index[k]; m++) position = up[position * rank + k];
    return position;
  };
}

/** An orthogonal r×r matrix, row-major, whose first columns are the given orthonormal ones. */
function completed(columns: readonly (readonly number[])[], rank: number): Float64Array {
  const all = columns.map((column) => column.slice());
  for (let axis = 0; axis < rank && all.length < rank; axis++) {
    // The unit vector that is furthest from the span so far.
    const left = Array.from({ length: rank }, (_, k) => 1 - all.reduce((sum, u) => sum + u[k] * u[k], 0));
    const pick = left.indexOf(Math.max(...left));
    let v = Array.from({ length: rank }, (_, k): number => (k === pick ? 1 : 0));
    for (let pass = 0; pass < 2; pass++) {
      for (const u of all) {
        const along = dot(u, v);
        v = v.map((entry, k) => entry - along * u[k]);
      }
    }
    const size = norm(v);
    all.push(v.map((entry) => entry / size));
  }
  return Float64Array.from({ length: rank * rank }, (_, i) => all[i % rank][Math.floor(i / rank)]);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function norm(a: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * a[k];
  return Math.sqrt(sum);
}
