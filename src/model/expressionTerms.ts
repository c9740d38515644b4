/** Expressions multiplied out: sums of polynomials times functions of few linear forms. */
import { InputError } from "../base/errors.js";
import {
  addScaled,
  constant,
  constantOf,
  hermiteOfPolynomial,
  inverseRootFactorial,
  mapCoefficients,
  multiplyPolynomials,
  type Polynomial,
  powerOfPolynomial,
  variable,
} from "../math/polynomial.js";
import { type ExpressionFunction, evaluateTree, power, type Tree } from "./expression.js";

/** A function that is no polynomial, and the linear forms of z that it depends on. */
export interface Factor {
  readonly tree: Tree;
  /** Forms that relu, abs, sign, sqrt and log are taken of, each of length r, and the others. */
  readonly kinked: readonly (readonly number[])[];
  readonly smooth: readonly (readonly number[])[];
  /** Set when it is a function of form·z + offset alone. */
  readonly ridge?: { readonly name: ExpressionFunction; readonly form: readonly number[]; readonly offset: number };
}

/** polynomial · Π factors. */
export interface Term {
  readonly polynomial: Polynomial;
  readonly factors: readonly Factor[];
}

/** Terms that a product may have before it is left as it is. */
const MAX_TERMS = 400;
/** Whole powers of sums with functions that are multiplied out. */
const MAX_POWER = 8;

/**
 * An expression as a sum of terms. Products of sums are multiplied out, polynomials are worked out exactly, and
 * sign(ab) = sign(a)·sign(b), |ab| = |a|·|b|, so that most links come out as functions of single linear forms.
 *
 * @param rank - length of the linear forms, at least the last variable
 * @returns at most one term without factors, and that first
 * @throws {InputError} `FORMAT` for a division by zero or a constant that is no number
 * @throws {OptionError} `TOO_LARGE` when there is too much to multiply out
 */
export function expandTree(tree: Tree, rank: number): Term[] {
  const [polynomial, ...rest] = tidy(new Expander(rank).expand(tree));
  return [polynomial, ...rest];
}

class Expander {
  constructor(readonly rank: number) {}

  expand(tree: Tree): readonly Term[] {
    switch (tree.kind) {
      case "number":
        return ofPolynomial(constant(tree.value));
      case "variable":
        return ofPolynomial(variable(tree.index));
      case "sum": {
        let polynomial: Polynomial = new Map();
        const rest: Term[] = [];
        for (const { tree: part, negative } of tree.terms) {
          for (const term of this.expand(part)) {
            const sign = negative ? -1 : 1;
            if (term.factors.length === 0) polynomial = addScaled(polynomial, term.polynomial, sign);
            else rest.push(negative ? { ...term, polynomial: scaled(term.polynomial, -1) } : term);
          }
        }
        return [...ofPolynomial(polynomial), ...rest];
      }
      case "product": {
        let terms: readonly Term[] = ofPolynomial(constant(1));
        for (const { tree: factor, inverse } of tree.factors) {
          terms = inverse ? this.#divide(terms, factor) : this.#times(terms, this.expand(factor), factor);
        }
        return terms;
      }
      case "power":
        return this.#power(tree);
      case "hermite": {
        const argument = polynomialOf(this.expand(tree.argument));
        if (argument === undefined) return this.#opaque(tree);
        const value = hermiteOfPolynomial(argument, tree.order);
        return ofPolynomial(tree.normalized ? scaled(value, inverseRootFactorial(tree.order)) : value);
      }
      case "call": {
        const value = this.#constant(tree.argument);
        if (value !== undefined) return ofPolynomial(constant(finite(evaluateTree(tree, []), tree.name)));
        const { name, argument } = tree;
        if ((name === "sign" || name === "abs") && argument.kind === "product") {
          return this.expand({
            kind: "product",
            factors: argument.factors.map((factor) => ({
              tree: { kind: "call", name, argument: factor.tree },
              inverse: factor.inverse,
            })),
          });
        }
        return this.#opaque(tree);
      }
    }
  }

  #power(tree: Tree & { kind: "power" }): readonly Term[] {
    const exponent = this.#constant(tree.exponent);
    const base = this.expand(tree.base);
    const polynomial = polynomialOf(base);
    const value = polynomial === undefined ? undefined : constantOf(polynomial);
    if (exponent === undefined) return this.#opaque(tree);
    if (value !== undefined) return ofPolynomial(constant(finite(power(value, exponent), "^")));
    if (!Number.isInteger(exponent) || exponent < 0) return this.#opaque(tree);
    if (polynomial !== undefined) return ofPolynomial(powerOfPolynomial(polynomial, exponent));
    if (base.length < 2 || exponent > MAX_POWER) return this.#opaque(tree);
    let terms: readonly Term[] = ofPolynomial(constant(1));
    for (let k = 0; k < exponent; k++) {
      if (terms.length * base.length > MAX_TERMS) return this.#opaque(tree);
      terms = product(terms, base);
    }
    return terms;
  }

  #times(a: readonly Term[], b: readonly Term[], factor: Tree): readonly Term[] {
    if (a.length * b.length <= MAX_TERMS || polynomialOf(b) !== undefined) return product(a, b);
    return product(a, this.#opaque(factor));
  }

  #divide(terms: readonly Term[], divisor: Tree): readonly Term[] {
    const value = this.#constant(divisor);
    if (value === undefined) {
      const inverse: Tree = { kind: "product", factors: [{ tree: divisor, inverse: true }] };
      return product(terms, this.#opaque(inverse));
    }
    if (value === 0) throw noNumber("It divides by zero");
    return terms.map((term) => ({ ...term, polynomial: mapCoefficients(term.polynomial, (c) => c / value) }));
  }

  /** Value of a tree that does not depend on z. */
  #constant(tree: Tree): number | undefined {
    return isConstant(tree) ? finite(evaluateTree(tree, []), "a constant") : undefined;
  }

  #opaque(tree: Tree): readonly Term[] {
    const kinked: number[][] = [];
    const smooth: number[][] = [];
    this.#forms(tree, kinked, smooth, smooth);
    const form = tree.kind === "call" ? this.#linear(tree.argument) : undefined;
    if (kinked.length + smooth.length === 0) {
      return ofPolynomial(constant(finite(evaluateTree(tree, new Float64Array(this.rank)), "a constant part")));
    }
    const factor = { tree, kinked, smooth };
    if (tree.kind !== "call" || form === undefined) return [{ polynomial: constant(1), factors: [factor] }];
    const offset = finite(evaluateTree(tree.argument, new Float64Array(this.rank)), "a constant");
    return [{ polynomial: constant(1), factors: [{ ...factor, ridge: { name: tree.name, form, offset } }] }];
  }

  /** Collects the linear forms below a tree; the arguments of kinked functions go to `kinked`. */
  #forms(tree: Tree, kinked: number[][], smooth: number[][], here: number[][]): void {
    const form = this.#linear(tree);
    if (form !== undefined) {
      if (form.some((entry) => entry !== 0)) here.push(form);
      return;
    }
    const isKinked = tree.kind === "call" && ["relu", "abs", "sign", "sqrt", "log"].includes(tree.name);
    for (const child of childrenOf(tree)) this.#forms(child, kinked, smooth, isKinked ? kinked : smooth);
  }

  /** The linear form of an affine tree, without its constant; undefined for other trees. */
  #linear(tree: Tree): number[] | undefined {
    if (tree.kind === "number") return new Array<number>(this.rank).fill(0);
    if (tree.kind === "variable") return Array.from({ length: this.rank }, (_, k) => (k === tree.index ? 1 : 0));
    if (tree.kind === "sum") {
      const total = new Array<number>(this.rank).fill(0);
      for (const { tree: part, negative } of tree.terms) {
        const form = this.#linear(part);
        if (form === undefined) return undefined;
        for (let k = 0; k < this.rank; k++) total[k] += negative ? -form[k] : form[k];
      }
      return total;
    }
    if (tree.kind !== "product") return isConstant(tree) ? new Array<number>(this.rank).fill(0) : undefined;
    let scale = 1;
    let form: number[] | undefined;
    for (const { tree: part, inverse } of tree.factors) {
      if (isConstant(part)) {
        const value = evaluateTree(part, []);
        scale = finite(inverse ? scale / value : scale * value, "a factor");
      } else {
        if (inverse || form !== undefined) return undefined;
        form = this.#linear(part);
        if (form === undefined) return undefined;
      }
    }
    return (form ?? new Array<number>(this.rank).fill(0)).map((entry) => entry * scale);
  }
}

function childrenOf(tree: Tree): readonly Tree[] {
  switch (tree.kind) {
    case "sum":
      return tree.terms.map((term) => term.tree);
    case "product":
      return tree.factors.map((factor) => factor.tree);
    case "power":
      return [tree.base, tree.exponent];
    case "call":
    case "hermite":
      return [tree.argument];
    default:
      return [];
  }
}

function isConstant(tree: Tree): boolean {
  return tree.kind !== "variable" && childrenOf(tree).every(isConstant);
}

const ofPolynomial = (polynomial: Polynomial): readonly Term[] => [{ polynomial, factors: [] }];
const scaled = (a: Polynomial, factor: number): Polynomial => mapCoefficients(a, (value) => value * factor);

/** The polynomial that the terms are, or undefined. */
function polynomialOf(terms: readonly Term[]): Polynomial | undefined {
  const live = terms.filter((term, i) => i === 0 || term.polynomial.size > 0);
  return live.length === 1 && live[0].factors.length === 0 ? live[0].polynomial : undefined;
}

function product(a: readonly Term[], b: readonly Term[]): readonly Term[] {
  const terms: Term[] = [];
  for (const left of a) {
    for (const right of b) {
      if (left.polynomial.size === 0 || right.polynomial.size === 0) continue;
      terms.push({
        polynomial: multiplyPolynomials(left.polynomial, right.polynomial),
        factors: [...left.factors, ...right.factors],
      });
    }
  }
  return tidy(terms);
}

/** Joins the terms without factors into one, which comes first, and drops the others that vanish. */
function tidy(terms: readonly Term[]): Term[] {
  let polynomial: Polynomial = new Map();
  for (const term of terms) {
    if (term.factors.length === 0) polynomial = addScaled(polynomial, term.polynomial, 1);
  }
  const rest = terms.filter((term) => term.factors.length > 0 && term.polynomial.size > 0);
  return [{ polynomial, factors: [] }, ...rest];
}

function finite(value: number, what: string): number {
  if (Number.isFinite(value)) return value;
  throw noNumber(`${what} gives ${value}`);
}

function noNumber(reason: string): InputError {
  return new InputError("FORMAT", `The link expression has no value: ${reason}.`);
}
