/** Links written as text: parsed by jsep, held to a short list of names and operators, never evaluated as code. */
import jsep from "jsep";
import { describe, nearestName } from "../base/assert.js";
import { cos, exp, log, sin, tanh } from "../base/elementary.js";
import { InputError, OptionError } from "../base/errors.js";
import { inverseRootFactorial } from "../math/polynomial.js";

/** Functions of one number that expressions may call, besides He1…He12 and h1…h12. */
export const EXPRESSION_FUNCTIONS = ["sin", "cos", "exp", "tanh", "relu", "abs", "sign", "sqrt", "log"] as const;
/** Name of such a function. */
export type ExpressionFunction = (typeof EXPRESSION_FUNCTIONS)[number];

/** A checked expression: plain data, made of these nodes only. */
export type Tree =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "variable"; readonly index: number }
  | { readonly kind: "sum"; readonly terms: readonly { readonly tree: Tree; readonly negative: boolean }[] }
  | { readonly kind: "product"; readonly factors: readonly { readonly tree: Tree; readonly inverse: boolean }[] }
  | { readonly kind: "power"; readonly base: Tree; readonly exponent: Tree }
  | { readonly kind: "call"; readonly name: ExpressionFunction; readonly argument: Tree }
  /** He_order, or h_order = He_order/√order! when normalized. */
  | { readonly kind: "hermite"; readonly order: number; readonly normalized: boolean; readonly argument: Tree };

/** Longest text that is read. */
const MAX_LENGTH = 10_000;
/** Deepest nesting of parentheses, calls, signs and powers. */
const MAX_DEPTH = 200;
/** Last variable. */
const MAX_VARIABLE = 100;
/** Highest of He1…He12 and h1…h12. */
const MAX_HERMITE = 12;

/** What jsep's plugins are promised of the parser that runs (its README), as far as it is used here. */
interface Scanner {
  index: number;
  readonly expr: string;
  gobbleSpaces(): void;
  gobbleExpression(): JsepNode | undefined | false;
  gobbleToken(): JsepNode | undefined | false;
  throwError(message: string): never;
}

interface JsepNode {
  readonly type: string;
  /** Where it starts; set by `LinkScanner`. */
  at?: number;
  readonly [key: string]: unknown;
}

const { Jsep } = jsep as unknown as { readonly Jsep: new (text: string) => Scanner };

/**
 * jsep with the precedence of mathematics, −z1^2 = −(z1^2) and 2^−3, where jsep binds signs first. A subclass, because
 * jsep's own settings are shared by every user of it in a program.
 */
class LinkScanner extends Jsep {
  #depth = 0;

  override gobbleToken(): JsepNode | undefined | false {
    if (++this.#depth > MAX_DEPTH) this.throwError(`More than ${MAX_DEPTH} levels of nesting`);
    this.gobbleSpaces();
    const at = this.index;
    const node = this.#signed(at) ?? this.#power(at);
    this.#depth--;
    if (node) node.at ??= at;
    return node;
  }

  #signed(at: number): JsepNode | undefined {
    const operator = this.expr[at];
    if (operator !== "-" && operator !== "+") return undefined;
    this.index++;
    return { type: "UnaryExpression", operator, argument: this.#operand(operator) };
  }

  #power(at: number): JsepNode | undefined | false {
    const base = super.gobbleToken();
    this.gobbleSpaces();
    const operator = this.expr.startsWith("**", this.index) ? "**" : "^";
    if (!base || !this.expr.startsWith(operator, this.index)) return base;
    this.index += operator.length;
    base.at ??= at;
    return { type: "BinaryExpression", operator: "^", left: base, right: this.#operand(operator) };
  }

  #operand(operator: string): JsepNode {
    return this.gobbleToken() || this.throwError(`Expected an expression after ${operator}`);
  }
}

/**
 * Reads an expression in z1…z100 with the numbers, operators and functions of the command line.
 *
 * @returns its tree and the index of its last variable, 0 when it has none
 * @throws {InputError} `TYPE` unless a string, `FORMAT` with the position for anything that is not such an expression
 * @throws {OptionError} `TOO_LARGE` above 10 000 characters
 * Cost: O(length).
 */
export function parseExpression(text: unknown): { readonly tree: Tree; readonly rank: number } {
  if (typeof text !== "string") {
    throw new InputError("TYPE", `The link is ${describe(text)}; expected an expression such as "z1 + z1*z2".`);
  }
  if (text.length > MAX_LENGTH) {
    throw new OptionError(
      "TOO_LARGE",
      `The link expression has ${text.length} characters; at most ${MAX_LENGTH} are read.`,
      { details: { length: text.length, limit: MAX_LENGTH } },
    );
  }
  // Quotes, brackets, commas, assignments and comparisons do not even reach the parser.
  const foreign = text.search(/[^\w \t\r\n.+\-*/^()]/);
  if (foreign >= 0) throw unreadable(text, foreign, `Unexpected ${JSON.stringify(text[foreign])}`);
  const reader = new Reader(text);
  const tree = reader.read(scan(text));
  return { tree, rank: reader.rank };
}

function scan(text: string): JsepNode {
  const scanner = new LinkScanner(text);
  let node: JsepNode | undefined | false;
  try {
    node = scanner.gobbleExpression();
  } catch (error) {
    const { description, message } = error as { readonly description?: unknown; readonly message: string };
    const reason = typeof description === "string" ? description : message;
    throw unreadable(text, scanner.index, reason.replace(/^Variable names cannot.*/, "Products are written with *"));
  }
  if (node && scanner.index >= text.length) return node;
  const rest = text.slice(scanner.index).trim();
  if (rest === "") throw unreadable(text, text.length, text.trim() === "" ? "It is empty" : "Expected an expression");
  throw unreadable(text, scanner.index, `Unexpected ${describe(rest)}${node ? "; products are written with *" : ""}`);
}

/** jsep's nodes → our trees, one kind at a time; everything not named here is refused. */
class Reader {
  rank = 0;
  constructor(readonly text: string) {}

  read(node: JsepNode): Tree {
    switch (node.type) {
      case "Literal":
        if (typeof node.value === "number" && Number.isFinite(node.value)) return number(node.value);
        return this.#refuse(node, `${describe(node.value)} is not a finite number`);
      case "Identifier":
        return this.#name(node, String(node.name));
      case "UnaryExpression":
        return node.operator === "-"
          ? { kind: "sum", terms: [{ tree: this.read(node.argument as JsepNode), negative: true }] }
          : this.read(node.argument as JsepNode);
      case "BinaryExpression":
        return this.#binary(node);
      case "CallExpression":
        return this.#call(node);
      case "MemberExpression":
        return this.#refuse(node, "Properties are not part of an expression");
      default:
        return this.#refuse(node, "This is not part of an expression");
    }
  }

  #name(node: JsepNode, name: string): Tree {
    if (name === "pi") return number(Math.PI);
    const variable = /^z([1-9]\d{0,5})$/.exec(name);
    if (variable === null) {
      const nearest = nearestName(name, ["pi", "z1", "z2", "z3"]);
      const hint = isFunction(name) ? `write ${name}(z1)` : nearest === undefined ? "" : `did you mean ${nearest}?`;
      return this.#refuse(node, `Unknown name ${describe(name)}; variables are z1, z2, …${hint && `; ${hint}`}`);
    }
    const index = Number(variable[1]);
    if (index > MAX_VARIABLE) return this.#refuse(node, `Variables go up to z${MAX_VARIABLE}`);
    this.rank = Math.max(this.rank, index);
    return { kind: "variable", index: index - 1 };
  }

  /** Chains of + − and of * / lean to the left and may be thousands long: no recursion along them. */
  #binary(node: JsepNode): Tree {
    const operator = String(node.operator);
    const family = ["+-", "*/"].find((pair) => pair.includes(operator));
    if (operator === "^") {
      return { kind: "power", base: this.read(node.left as JsepNode), exponent: this.read(node.right as JsepNode) };
    }
    if (family === undefined) return this.#refuse(node, `Unknown operator ${operator}`);
    const chain: { node: JsepNode; second: boolean }[] = [];
    let left = node;
    while (left.type === "BinaryExpression" && family.includes(String(left.operator))) {
      chain.push({ node: left.right as JsepNode, second: left.operator === family[1] });
      left = left.left as JsepNode;
    }
    chain.push({ node: left, second: false });
    const parts = chain.reverse().map((part) => ({ tree: this.read(part.node), second: part.second }));
    return family === "+-"
      ? { kind: "sum", terms: parts.map(({ tree, second }) => ({ tree, negative: second })) }
      : { kind: "product", factors: parts.map(({ tree, second }) => ({ tree, inverse: second })) };
  }

  #call(node: JsepNode): Tree {
    const callee = node.callee as JsepNode;
    if (callee.type !== "Identifier")
      return this.#refuse(node, "Only functions can be called; products are written with *");
    const name = String(callee.name);
    const list = node.arguments as readonly JsepNode[];
    const polynomial = /^(He|h)(\d{1,4})$/.exec(name);
    if (polynomial === null && !isFunction(name)) {
      const nearest = nearestName(name, [...EXPRESSION_FUNCTIONS, "He1", "h1"]);
      const known = `known are ${EXPRESSION_FUNCTIONS.join(", ")}, He1…He12, h1…h12`;
      return this.#refuse(node, `Unknown function ${describe(name)}; ${nearest ? `did you mean ${nearest}?` : known}`);
    }
    if (list.length !== 1) return this.#refuse(node, `${name} takes one argument, not ${list.length}`);
    const argument = this.read(list[0]);
    if (polynomial === null) return { kind: "call", name: name as ExpressionFunction, argument };
    const order = Number(polynomial[2]);
    if (order < 1 || order > MAX_HERMITE)
      return this.#refuse(node, `${name} is not known; ${polynomial[1]}1 to ${polynomial[1]}${MAX_HERMITE} are`);
    return { kind: "hermite", order, normalized: polynomial[1] === "h", argument };
  }

  #refuse(node: JsepNode, reason: string): never {
    let first = node;
    // Binary nodes carry no position of their own.
    while (first.at === undefined && first.left !== undefined) first = first.left as JsepNode;
    throw unreadable(this.text, first.at ?? 0, reason);
  }
}

const number = (value: number): Tree => ({ kind: "number", value });

function isFunction(name: string): name is ExpressionFunction {
  return (EXPRESSION_FUNCTIONS as readonly string[]).includes(name);
}

/** @param at - zero-based; messages count from 1 */
function unreadable(text: string, at: number, reason: string): InputError {
  return new InputError(
    "FORMAT",
    `The link expression ${describe(text)} cannot be read at character ${at + 1}: ${reason}.`,
    {
      details: { position: at, text: text.slice(0, 200) },
    },
  );
}

/** Value of a tree at z; NaN or ±∞ where it has none. Same bits on every platform. */
export function evaluateTree(tree: Tree, z: ArrayLike<number>): number {
  switch (tree.kind) {
    case "number":
      return tree.value;
    case "variable":
      return z[tree.index];
    case "sum": {
      let sum = 0;
      for (const { tree: term, negative } of tree.terms) {
        const value = evaluateTree(term, z);
        sum = negative ? sum - value : sum + value;
      }
      return sum;
    }
    case "product": {
      let value = 1;
      for (const { tree: factor, inverse } of tree.factors) {
        const next = evaluateTree(factor, z);
        value = inverse ? value / next : value * next;
      }
      return value;
    }
    case "power":
      return power(evaluateTree(tree.base, z), evaluateTree(tree.exponent, z));
    case "hermite": {
      const { order, normalized } = tree;
      const x = evaluateTree(tree.argument, z);
      let [below, value] = [1, x];
      for (let k = 1; k < order; k++) [below, value] = [value, x * value - k * below];
      return normalized ? value * inverseRootFactorial(order) : value;
    }
    case "call":
      return FUNCTIONS[tree.name](evaluateTree(tree.argument, z));
  }
}

const FUNCTIONS: Readonly<Record<ExpressionFunction, (x: number) => number>> = {
  sin,
  cos,
  exp,
  tanh,
  relu: (x) => (x > 0 ? x : x <= 0 ? 0 : x),
  abs: Math.abs,
  sign: Math.sign,
  sqrt: Math.sqrt,
  log,
};

/** x^y; whole powers by multiplication, which is exact as long as the results are. */
export function power(x: number, y: number): number {
  if (Number.isInteger(y) && Math.abs(y) <= 64) {
    let [result, square] = [1, x];
    for (let n = Math.abs(y); n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result *= square;
      square *= square;
    }
    return y < 0 ? 1 / result : result;
  }
  if (y === 0.5) return Math.sqrt(x);
  if (x === 0) return y > 0 ? 0 : Number.POSITIVE_INFINITY;
  if (x > 0) return exp(y * log(x));
  if (!Number.isInteger(y)) return Number.NaN;
  const size = exp(y * log(-x));
  return y % 2 === 0 ? size : -size;
}
