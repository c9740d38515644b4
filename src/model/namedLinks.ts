/** Links by name: the closed forms of one variable, and the examples whose saddles are known. */
import { checkChoice, checkInteger, checkNumber, checkOptions, describe } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { NAMED_FUNCTIONS, type NamedFunction, namedCoefficients } from "../math/closedForms.js";
import { checkFeatureCount, multiIndexTable } from "../math/multiIndex.js";
import { defaultDegree, expandLink, type WrittenLink } from "./expressionLink.js";

/** Names of links that are not a closed form of one variable. */
const EXAMPLES = [
  "tanh",
  "hermite",
  "hermiteSum",
  "gated",
  "product",
  "staircase",
  "skippedStaircase",
  "squaredNorm",
  "parity",
  "tanhProduct",
  "reluSum",
  "harmonic",
] as const;

/** Names that `Link.named` knows. */
export const LINK_NAMES = [...NAMED_FUNCTIONS, ...EXAMPLES] as const;
/** Name of a known link. */
export type LinkName = (typeof LINK_NAMES)[number];

/** What a named link is made with; each name takes the options its description mentions. */
export interface NamedLinkOptions {
  /** Highest degree kept; default: all of a polynomial, else 12, 10, 8, 6, 5, 5 for 1…6 variables. */
  readonly degree?: number;
  /** a of exp(az), sin(az), cos(az), tanh(az); b of the step 1{z > b}. */
  readonly parameter?: number;
  /** Number of variables or Hermite degree, as the name says. */
  readonly order?: number;
  /** Degrees of "hermiteSum". */
  readonly orders?: readonly number[];
  /** c of "harmonic". */
  readonly mix?: number;
}

/** Options that each example takes besides `degree`; the default order. */
const TAKES: Readonly<
  Record<(typeof EXAMPLES)[number], { readonly options: readonly string[]; readonly order: number }>
> = {
  tanh: { options: ["parameter"], order: 1 },
  hermite: { options: ["order"], order: 3 },
  hermiteSum: { options: ["orders"], order: 2 },
  gated: { options: ["order"], order: 2 },
  product: { options: ["order"], order: 3 },
  staircase: { options: ["order"], order: 3 },
  skippedStaircase: { options: ["order"], order: 3 },
  squaredNorm: { options: ["order"], order: 3 },
  parity: { options: ["order"], order: 3 },
  tanhProduct: { options: ["order"], order: 3 },
  reluSum: { options: ["order"], order: 2 },
  harmonic: { options: ["order", "mix"], order: 3 },
};
const MAX_ORDER = 60;

/**
 * Coefficients of a named link.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `TOO_LARGE`
 */
export function namedLink(name: LinkName, options: unknown): WrittenLink {
  checkChoice(name, "name", LINK_NAMES);
  const isClosed = (NAMED_FUNCTIONS as readonly string[]).includes(name);
  const takes = isClosed ? { options: ["parameter"], order: 1 } : TAKES[name as keyof typeof TAKES];
  const given = checkOptions(options, ["degree", ...takes.options], `Link.named("${name}")`) as NamedLinkOptions;
  const degree = given.degree === undefined ? undefined : checkInteger(given.degree, "degree", { min: 0 });
  if (isClosed) {
    const kept = degree ?? defaultDegree(1);
    checkFeatureCount(1, kept);
    const coefficients = namedCoefficients(name as NamedFunction, kept, given.parameter);
    return { rank: 1, degree: kept, coefficients, error: 0 };
  }
  const r = given.order === undefined ? takes.order : checkInteger(given.order, "order", { min: 1, max: MAX_ORDER });
  const z = Array.from({ length: r }, (_, k) => `z${k + 1}`);
  const ones = (count: number): number[] => Array.from({ length: r }, (_, k) => (k < count ? 1 : 0));
  switch (name as (typeof EXAMPLES)[number]) {
    case "tanh": {
      const a = given.parameter === undefined ? 1 : checkNumber(given.parameter, "parameter");
      return expandLink(`tanh(${decimal(a)}*z1)`, { degree: degree ?? defaultDegree(1), rank: 1 });
    }
    case "hermite":
      return polynomial(1, [[[r], 1]], degree);
    case "hermiteSum": {
      const orders = checkOrders(given.orders ?? [2, 4]);
      return polynomial(
        orders.length,
        orders.map((k, i) => [orders.map((_, j) => (i === j ? k : 0)), 1]),
        degree,
      );
    }
    case "gated":
      return polynomial(
        2,
        [
          [[1, 0], 1],
          [[1, r], 1],
        ],
        degree,
      );
    case "product":
      return polynomial(r, [[ones(r), 1]], degree);
    case "staircase":
      return polynomial(
        r,
        z.map((_, k) => [ones(k + 1), 1]),
        degree,
      );
    case "skippedStaircase":
      return polynomial(
        r,
        r === 1
          ? [[[1], 1]]
          : [
              [ones(1), 1],
              [ones(r), 1],
            ],
        degree,
      );
    case "squaredNorm":
      return polynomial(
        r,
        [[ones(0), r], ...z.map((_, k): Entry => [z.map((__, j) => (j === k ? 2 : 0)), Math.SQRT2])],
        degree,
      );
    case "parity":
      return expandLink(`sign(${z.join("*")})`, { rank: r, degree: degree ?? Math.max(defaultDegree(r), r) });
    case "tanhProduct":
      return expandLink(z.map((x) => `tanh(${x})`).join("*"), {
        rank: r,
        degree: degree ?? Math.max(defaultDegree(r), r),
      });
    case "reluSum":
      return expandLink(z.map((x) => `relu(${x})`).join("+"), { rank: r, degree: degree ?? defaultDegree(r) });
    case "harmonic": {
      const c = given.mix === undefined ? 0 : checkNumber(given.mix, "mix");
      const entries = [...harmonic(r, 1), ...(c === 0 ? [] : harmonic(r + 1, c))];
      return polynomial(2, entries, degree);
    }
  }
}

type Entry = readonly [index: readonly number[], coefficient: number];

/** scale·R_k: Re(z₁ + i·z₂)^k at unit norm is its own degree-k Hermite part. [MI §6] */
function harmonic(k: number, scale: number): Entry[] {
  const raw: [number[], number][] = [];
  let binomial = 1;
  let square = 0;
  for (let j = 0; j <= k; j++) {
    if (j % 2 === 0) {
      // √((k−j)!·j!) over the common √k!, so that nothing overflows.
      const value = (binomial * (j % 4 === 0 ? 1 : -1)) / Math.sqrt(binomial);
      raw.push([[k - j, j], value]);
      square += value * value;
    }
    binomial = (binomial * (k - j)) / (j + 1);
  }
  return raw.map(([index, value]) => [index, (scale * value) / Math.sqrt(square)]);
}

function polynomial(rank: number, entries: readonly Entry[], degree: number | undefined): WrittenLink {
  const own = Math.max(...entries.map(([index]) => index.reduce((sum, m) => sum + m, 0)));
  const kept = degree ?? own;
  const coefficients = new Float64Array(checkFeatureCount(rank, kept));
  const { up } = multiIndexTable(rank, kept);
  for (const [index, value] of entries) {
    if (index.reduce((sum, m) => sum + m, 0) > kept) continue;
    let position = 0;
    for (let k = 0; k < rank; k++) for (let m = 0; m < index[k]; m++) position = up[position * rank + k];
    coefficients[position] += value;
  }
  return { rank, degree: kept, coefficients, error: 0 };
}

function checkOrders(orders: unknown): readonly number[] {
  if (!Array.isArray(orders) || orders.length === 0 || orders.length > MAX_ORDER) {
    throw new OptionError(
      "TYPE",
      `orders is ${describe(orders)}; expected an array of Hermite degrees such as [2, 4].`,
      {
        details: { option: "orders" },
      },
    );
  }
  return orders.map((k, i) => checkInteger(k, `orders[${i}]`, { min: 1, max: MAX_ORDER }));
}

/** A number in the notation of expressions, which knows no sign in front of an exponent's base. */
const decimal = (x: number): string => `(${x})`;
