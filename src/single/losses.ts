/** Losses l(ξ; y) with l′ and l″. */
import { checkCallback, checkNumber, checkOptions, describe, nearestName } from "../base/assert.js";
import { exp, log1p, tanh } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";

/** A loss of one's own; all three are called as (ξ, y). For complex signals they are functions of |ξ|. */
export interface CustomLoss {
  readonly value: (xi: number, y: number) => number;
  readonly derivative: (xi: number, y: number) => number;
  readonly secondDerivative: (xi: number, y: number) => number;
}

/** What is accepted as a loss: `"rational(1)"`, `"wf"`, `"sqtanh"`, `"sqsoftplus(4)"`, `"logistic"` or one's own. */
export type LossLike = string | CustomLoss;

export type LossKind = "rational" | "wf" | "sqtanh" | "sqsoftplus" | "logistic" | "custom";

/** A loss of a real prediction ξ and a response y. */
export interface Loss extends CustomLoss {
  /** As one writes it: `"rational(1)"`. */
  readonly name: string;
  readonly kind: LossKind;
  /** c of `rational`, k of `sqsoftplus`; 0 where there is none. */
  readonly parameter: number;
  /** True if l(−ξ; y) = l(ξ; y), as complex signals need. */
  readonly even: boolean;
  /** True if l is meant for y ≥ 0. */
  readonly nonnegative: boolean;
  /** Upper bound of |l″| over all ξ and all |y| ≤ `size`; Infinity for unbounded curvature. */
  curvatureBound(size: number): number;
}

const DEFAULTS: Readonly<Record<string, number | undefined>> = {
  rational: 1,
  wf: undefined,
  sqtanh: undefined,
  sqsoftplus: 4,
  logistic: undefined,
};

/**
 * The loss of a contract value.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; a function of one's own that returns no finite number is `CALLBACK`
 * Source: the table of [SI §a].
 */
export function parseLoss(given: unknown, name = "loss"): Loss {
  if (typeof given === "string") {
    const { word, parameter } = splitCall(given, name, DEFAULTS);
    if (word === "rational") return rational(parameter as number);
    if (word === "wf") return WF;
    if (word === "sqtanh") return SQTANH;
    if (word === "logistic") return LOGISTIC;
    return sqsoftplus(parameter as number);
  }
  if (typeof given !== "object" || given === null) {
    throw new OptionError(
      "TYPE",
      `${name} is ${describe(given)}; expected a name such as "rational(1)" or { value, derivative, secondDerivative }.`,
      { details: { option: name } },
    );
  }
  return customLoss(checkOptions(given, ["value", "derivative", "secondDerivative"], name), name);
}

/**
 * Splits `"word(number)"`.
 * @param words - known words with the default of their parameter, undefined if they take none
 * @throws {OptionError} `RANGE` for another word, a missing or extra parameter, or one that is not a positive number
 */
export function splitCall(
  text: string,
  name: string,
  words: Readonly<Record<string, number | undefined>>,
): { readonly word: string; readonly parameter: number | undefined } {
  const match = /^\s*([A-Za-z]\w*)\s*(?:\(\s*([^()]*?)\s*\))?\s*$/.exec(text);
  const known = Object.keys(words);
  const word = match?.[1] ?? "";
  if (!known.includes(word)) {
    const nearest = nearestName(word, known);
    const list = known.map((k) => `"${k}${words[k] === undefined ? "" : `(${words[k]})`}"`).join(", ");
    throw new OptionError(
      "RANGE",
      `${name} is ${describe(text)}; expected ${list}.${nearest === undefined ? "" : ` Did you mean "${nearest}"?`}`,
      { details: { option: name, value: text } },
    );
  }
  const inside = match?.[2];
  if (words[word] === undefined) {
    if (inside === undefined) return { word, parameter: undefined };
    throw new OptionError("RANGE", `${name} is ${describe(text)}; ${word} takes no parameter.`, {
      details: { option: name, value: text },
    });
  }
  if (inside === undefined) return { word, parameter: words[word] };
  const parameter = inside === "" ? Number.NaN : Number(inside);
  return { word, parameter: checkNumber(parameter, `the parameter of ${name} ${describe(text)}`, { above: 0 }) };
}

/** l = ((s−y) − (2y+c) ln((c+s+y)/(c+2y)))/2, s = ξ²: minima exactly at s = y, l′ Lipschitz, −1 < l″ < 1.25. */
function rational(c: number): Loss {
  return {
    name: `rational(${c})`,
    kind: "rational",
    parameter: c,
    even: true,
    nonnegative: true,
    value(xi, y) {
      const s = xi * xi;
      const p = 2 * y + c;
      // (c + s + y)/p = 1 + (s − y)/p: near the minimum the logarithm itself would lose the digits.
      return 0.5 * (s - y - p * log1p((s - y) / p));
    },
    derivative(xi, y) {
      const s = xi * xi;
      return ((s - y) * xi) / (c + s + y);
    },
    secondDerivative(xi, y) {
      const s = xi * xi;
      const b = c + s + y;
      return ((3 * s - y) * b - 2 * s * (s - y)) / (b * b);
    },
    curvatureBound: () => 1.25,
  };
}

/** l = (s−y)²/4: the plain Wirtinger loss, of unbounded curvature. */
const WF: Loss = {
  name: "wf",
  kind: "wf",
  parameter: 0,
  even: true,
  nonnegative: false,
  value(xi, y) {
    const r = xi * xi - y;
    return 0.25 * r * r;
  },
  derivative: (xi, y) => (xi * xi - y) * xi,
  secondDerivative: (xi, y) => 3 * xi * xi - y,
  curvatureBound: () => Infinity,
};

const SQTANH: Loss = {
  name: "sqtanh",
  kind: "sqtanh",
  parameter: 0,
  even: false,
  nonnegative: false,
  value(xi, y) {
    const r = tanh(xi) - y;
    return 0.5 * r * r;
  },
  derivative(xi, y) {
    const h = tanh(xi);
    return (h - y) * (1 - h * h);
  },
  secondDerivative(xi, y) {
    const h = tanh(xi);
    const slope = 1 - h * h;
    return slope * slope - 2 * (h - y) * h * slope;
  },
  // |h″| ≤ 4/(3√3) < 0.77
  curvatureBound: (size) => 1 + 0.77 * (1 + size),
};

/** l = (softplus_k(ξ) − y)²/2, softplus_k = ln(1 + e^{kξ})/k. */
function sqsoftplus(k: number): Loss {
  const softplus = (xi: number): number => Math.max(xi, 0) + log1p(exp(-k * Math.abs(xi))) / k;
  const slope = (xi: number): number => {
    const t = exp(-k * Math.abs(xi));
    return xi > 0 ? 1 / (1 + t) : t / (1 + t);
  };
  return {
    name: `sqsoftplus(${k})`,
    kind: "sqsoftplus",
    parameter: k,
    even: false,
    nonnegative: false,
    value(xi, y) {
      const r = softplus(xi) - y;
      return 0.5 * r * r;
    },
    derivative: (xi, y) => (softplus(xi) - y) * slope(xi),
    secondDerivative(xi, y) {
      const p = slope(xi);
      const q = slope(-xi);
      return p * p + (softplus(xi) - y) * k * p * q;
    },
    // h·h″ = ln(1 + eᵘ)σ(u)σ(−u) < 0.26
    curvatureBound: (size) => 1.26 + 0.25 * k * size,
  };
}

/** l = ln(1 + e^{−yξ}), y = ±1; convex. */
const LOGISTIC: Loss = {
  name: "logistic",
  kind: "logistic",
  parameter: 0,
  even: false,
  nonnegative: false,
  value(xi, y) {
    const u = y * xi;
    return Math.max(-u, 0) + log1p(exp(-Math.abs(u)));
  },
  derivative(xi, y) {
    const u = y * xi;
    const t = exp(-Math.abs(u));
    return (-y * (u > 0 ? t : 1)) / (1 + t);
  },
  secondDerivative(xi, y) {
    const t = exp(-Math.abs(y * xi));
    return (y * y * t) / ((1 + t) * (1 + t));
  },
  curvatureBound: (size) => 0.25 * size * size,
};

function customLoss(given: Readonly<Record<string, unknown>>, name: string): Loss {
  const guard = (key: keyof CustomLoss): ((xi: number, y: number) => number) => {
    const f = checkCallback<[number, number], unknown>(given[key], `${name}.${key}`);
    return (xi, y) => {
      const out = f(xi, y);
      if (typeof out === "number" && Number.isFinite(out)) return out;
      // Where the iterate itself has left the numbers, the caller reports divergence.
      if (!Number.isFinite(xi)) return Number.NaN;
      throw new OptionError(
        "CALLBACK",
        `${name}.${key}(${xi}, ${y}) returned ${describe(out)}; expected a finite number.`,
        {
          details: { option: `${name}.${key}`, xi, y },
        },
      );
    };
  };
  const value = guard("value");
  return {
    name: "custom",
    kind: "custom",
    parameter: 0,
    even: [0.3, 1.2].every((xi) => [0, 1].every((y) => isClose(value(xi, y), value(-xi, y)))),
    nonnegative: false,
    value,
    derivative: guard("derivative"),
    secondDerivative: guard("secondDerivative"),
    curvatureBound: () => Infinity,
  };
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * (Math.abs(a) + Math.abs(b));
}

/**
 * Refuses losses without a complex form. For an even loss the complex gradient is l′(|ξ|)·ξ/|ξ| and the complex loss is
 * twice the real one [SI §d].
 * @throws {OptionError} `RANGE` unless the loss is even
 */
export function checkComplexLoss(loss: Loss): void {
  if (loss.even) return;
  throw new OptionError(
    "RANGE",
    `loss ${loss.name} is not even in ξ; complex signals need "rational(c)", "wf" or an even one.`,
    {
      details: { option: "loss", value: loss.name },
    },
  );
}
