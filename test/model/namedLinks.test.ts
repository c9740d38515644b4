/** Named links: the table of leaps, closed forms against expressions, harmonic targets, refusals. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { leapExponents } from "../../src/model/exponents.js";
import { Link } from "../../src/model/link.js";
import { LINK_NAMES, type LinkName, type NamedLinkOptions } from "../../src/model/namedLinks.js";
import { codeOf as code } from "../support/errors.js";

const pairs = (link: Link) => leapExponents(link).steps.map((step) => [step.exponent, step.dimensions]);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
interface Golden {
  name: string;
  r: number;
  s: number;
  alpha: number[];
  leaps: number[][];
}
const golden = (
  JSON.parse(readFileSync(new URL("../golden/multi-index/leaps.json", import.meta.url), "utf8")) as { cases: Golden[] }
).cases;

describe("every row of the table of leaps", () => {
  const rows: [string, LinkName, NamedLinkOptions, number][] = [
    ["h3(x1)", "hermite", { order: 3 }, 1],
    ["x1 + x1 x2 + x1 x2 x3", "staircase", {}, 1],
    ["x1 x2", "product", { order: 2 }, 1],
    ["x1 x2 x3", "product", { order: 3 }, 1],
    ["h2(x1) + h4(x2)", "hermiteSum", { orders: [2, 4] }, 1],
    ["x1 + h3(x2)", "hermiteSum", { orders: [1, 3] }, 1],
    ["x1 + x1 x2 x3", "skippedStaircase", {}, 1],
    ["sin(x1)", "sin", {}, 1],
    ["relu(x1)", "relu", {}, 1],
    ["abs(x1)", "abs", {}, 1],
    ["|x|^2 on R^3", "squaredNorm", {}, 1],
    ["tanh(x1)", "tanh", {}, 1],
    ["tanh(x1) tanh(x2) tanh(x3)", "tanhProduct", {}, 1],
    ["sign(x1 x2) (parity)", "parity", { order: 2 }, 1],
    ["sign(x1 x2 x3) (parity)", "parity", { order: 3 }, 1],
    ["relu(x1) + relu(x2)", "reluSum", {}, 1],
  ];
  it.each(rows)("%s as %s: the golden coefficients and leaps", (name, link, options) => {
    const row = golden.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no golden link ${name}`);
    const made = Link.named(link, { ...options, degree: row.s });
    expect([made.rank, made.degree]).toEqual([row.r, row.s]);
    expect(difference(made.coefficients, row.alpha)).toBeLessThan(1e-11);
    expect(pairs(made)).toEqual(row.leaps);
    expect(pairs(Link.named(link, options))).toEqual(row.leaps);
  });
  it.each([
    [
      "gated",
      { order: 2 },
      "z1 + z1*h2(z2)",
      [
        [1, 1],
        [2, 1],
      ],
    ],
    ["sign", {}, "sign(z1)", [[1, 1]]],
    ["cos", {}, "cos(z1)", [[2, 1]]],
    ["hermite", { order: 4 }, "h4(z1)", [[4, 1]]],
    [
      "staircase",
      { order: 4 },
      "z1 + z1*z2 + z1*z2*z3 + z1*z2*z3*z4",
      [
        [1, 1],
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    ],
    ["squaredNorm", { order: 2 }, "z1^2 + z2^2", [[2, 2]]],
    ["tanh", { parameter: -0.7 }, "tanh(-0.7*z1)", [[1, 1]]],
    ["gauss", {}, "exp(-z1^2)", [[2, 1]]],
  ] as [LinkName, NamedLinkOptions, string, number[][]][])("%s %o is %s", (name, options, text, leaps) => {
    const link = Link.named(name, options);
    expect(difference(link.coefficients, Link.parse(text).coefficients)).toBeLessThan(1e-13);
    expect(pairs(link)).toEqual(leaps);
  });
});

describe("harmonic targets", () => {
  const written: Record<number, string> = {
    2: "(z1^2-z2^2)/2",
    3: "(z1^3-3*z1*z2^2)/sqrt(24)",
    4: "(z1^4-6*z1^2*z2^2+z2^4)/sqrt(192)",
    5: "(z1^5-10*z1^3*z2^2+5*z1*z2^4)/sqrt(1920)",
  };
  it.each([2, 3, 4, 5])("R_%d is Re(z₁ + i·z₂)^k at unit norm", (order) => {
    const link = Link.named("harmonic", { order });
    const text = Link.parse(written[order]);
    expect(difference(link.coefficients, text.coefficients)).toBeLessThan(1e-14);
    expect(Math.abs(link.coefficients.reduce((sum, c) => sum + c * c, 0) - 1)).toBeLessThan(1e-14);
    expect(pairs(link)).toEqual([[order, 2]]);
  });
  it("R_k + c·R_{k+1}", () => {
    const link = Link.named("harmonic", { order: 3, mix: 0.5 });
    expect(difference(link.coefficients, Link.parse(`${written[3]} + 0.5*${written[4]}`).coefficients)).toBeLessThan(
      1e-14,
    );
  });
  it("a quarter turn of the k-th by 2π/k leaves it alone", () => {
    for (const order of [3, 7, 20]) {
      const [c, s] = [Math.cos((2 * Math.PI) / order), Math.sin((2 * Math.PI) / order)];
      const link = Link.named("harmonic", { order });
      expect(
        difference(
          link.rotate([
            [c, -s],
            [s, c],
          ]).coefficients,
          link.coefficients,
        ),
      ).toBeLessThan(1e-13);
    }
  });
});

describe("options", () => {
  it("every name makes a link of its own defaults", () => {
    for (const name of LINK_NAMES) expect(Link.named(name).coefficients.every(Number.isFinite)).toBe(true);
    expect(Link.named("relu").degree).toBe(12);
  });
  it("a lower degree keeps the lower part", () => {
    expect(Array.from(Link.named("staircase", { degree: 1 }).coefficients)).toEqual([0, 1, 0, 0]);
  });
  it.each([
    ["RANGE", () => Link.named("nothing" as never)],
    ["RANGE", () => Link.named("product", { order: 0 })],
    ["RANGE", () => Link.named("product", { order: 1.5 })],
    ["UNKNOWN", () => Link.named("relu", { order: 2 })],
    ["UNKNOWN", () => Link.named("product", { parameter: 2 })],
    ["TYPE", () => Link.named("hermiteSum", { orders: 3 as never })],
    ["RANGE", () => Link.named("hermiteSum", { orders: [2, -1] })],
    ["RANGE", () => Link.named("harmonic", { mix: Number.NaN })],
    ["TOO_LARGE", () => Link.named("product", { order: 60 })],
    ["RANGE", () => Link.named("tanh", { parameter: Number.POSITIVE_INFINITY })],
  ])("%s", (expected, run) => {
    expect(code(run)).toBe(expected);
  });
});
