/** Links from expressions: precedence, exact coefficients, kinks in any direction, refusals with positions, fuzzing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { hermiteBasis } from "../../src/math/hermite.js";
import { multiIndices } from "../../src/math/multiIndex.js";
import { splitGaussHermite } from "../../src/math/quadrature.js";
import { leapExponents } from "../../src/model/exponents.js";
import { evaluateTree, parseExpression } from "../../src/model/expression.js";
import { Link } from "../../src/model/link.js";
import { processorWatch } from "../support/processor.js";

const pairs = (link: Link) => leapExponents(link).steps.map((step) => [step.exponent, step.dimensions]);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
const failure = (run: () => unknown): LeapflowError => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error;
    throw error;
  }
  throw new Error("nothing thrown");
};
const valueAt = (text: string, ...z: number[]): number => evaluateTree(parseExpression(text).tree, z);

describe("reading", () => {
  it.each([
    ["-z1^2", -9],
    ["(-z1)^2", 9],
    ["2^-2*z1", 0.75],
    ["2^3^2", 512],
    ["2**3", 8],
    ["-2^2", -4],
    ["2 - -z1", 5],
    ["2*-z1", -6],
    ["z1/2/3", 0.5],
    ["z1 - 1 - 1", 1],
    ["1 + 2*z1^2/3", 7],
    ["+z1", 3],
    ["1.5e1*z1 - .5", 44.5],
    ["(((z1)))", 3],
    ["He3(z1)", 18],
    ["h2(z1)*sqrt(2)", 8],
    ["He12(1)", 1 - 66 + 1485 - 13860 + 51975 - 62370 + 10395],
    ["relu(-z1) + abs(-z1) + sign(-z1)", 2],
    ["sqrt(z1*27)", 9],
    ["z1^0.5*z1^0.5", 3],
    ["\tz1\n+ z1 ", 6],
    ["2*pi", 6.283185307179586],
  ])("%s at z1 = 3 is %d", (text, value) => {
    expect(valueAt(text, 3)).toBeCloseTo(value, 12);
  });

  it("the functions are those of the same name", () => {
    for (const x of [-2.3, -0.4, 0.7, 1.9]) {
      for (const name of ["sin", "cos", "exp", "tanh", "abs", "sign"] as const) {
        expect(valueAt(`${name}(z1)`, x)).toBeCloseTo(Math[name](x), 13);
      }
      expect(valueAt("log(z1^2)", x)).toBeCloseTo(Math.log(x * x), 13);
    }
  });

  it("any expression of the grammar has the value that arithmetic gives it", () => {
    interface Sample {
      text: string;
      value: (z: number[]) => number;
    }
    const { expression } = fc.letrec<{ expression: Sample }>((tie) => ({
      expression: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.nat(9).map((n): Sample => ({ text: String(n), value: () => n })),
        fc.constantFrom(0, 1, 2).map((k): Sample => ({ text: `z${k + 1}`, value: (z) => z[k] })),
        fc
          .tuple(fc.constantFrom("+", "-", "*", "/"), tie("expression"), tie("expression"))
          .map(([operator, a, b]): Sample => {
            const apply = {
              "+": (x: number, y: number) => x + y,
              "-": (x: number, y: number) => x - y,
              "*": (x: number, y: number) => x * y,
              "/": (x: number, y: number) => x / y,
            }[operator] as (x: number, y: number) => number;
            return { text: `(${a.text}) ${operator} (${b.text})`, value: (z) => apply(a.value(z), b.value(z)) };
          }),
        tie("expression").map((a): Sample => ({ text: `-(${a.text})`, value: (z) => -a.value(z) })),
        fc
          .tuple(tie("expression"), fc.constantFrom(2, 3))
          .map(([a, n]): Sample => ({ text: `(${a.text})^${n}`, value: (z) => a.value(z) ** n })),
        tie("expression").map((a): Sample => ({ text: `abs(${a.text})`, value: (z) => Math.abs(a.value(z)) })),
      ),
    }));
    fc.assert(
      fc.property(
        expression,
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 }),
        (sample, z) => {
          const [got, wanted] = [valueAt(sample.text, ...z), sample.value(z)];
          if (Number.isFinite(wanted)) expect(Math.abs(got - wanted)).toBeLessThanOrEqual(1e-12 * Math.abs(wanted));
          else expect(Number.isFinite(got)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("polynomials are exact", () => {
  it.each([
    ["h3(z1)", 3, [0, 0, 0, 1]],
    ["(z1^3 - 3*z1)/sqrt(6)", 3, [0, 0, 0, 1]],
    ["z1 + z1*z2", 2, [0, 1, 0, 0, 1, 0]],
    ["h2(z1)*h2(z2) - h2(z1)*h2(z2) + z1", 1, [0, 1, 0]],
    ["3", 0, [3]],
    ["0*z2", 0, [0]],
    ["z1^2 + z2^2 + z3^2", 2, [3, 0, 0, 0, Math.SQRT2, 0, 0, Math.SQRT2, 0, Math.SQRT2]],
  ])("%s", (text, degree, coefficients) => {
    const link = Link.parse(text);
    expect(link.degree).toBe(degree);
    expect(link.coefficientError).toBe(0);
    expect(difference(link.coefficients, coefficients)).toBeLessThan(1e-15);
  });

  it("leave no remainder where the degree cancels", () => {
    for (const text of [
      "z1^4 - 6*z1^2 + 3",
      "He2(z1)^2 - He4(z1) - 4*He2(z1) - 2",
      "(z1+z2)^3 - z1^3 - 3*z1^2*z2 - 3*z1*z2^2",
    ]) {
      const c = Link.parse(text).coefficients;
      expect(Array.from(c).filter((value) => value !== 0 && Math.abs(value) < 1e-9).length, text).toBe(0);
    }
  });

  it("agree with quadrature and with their own values", () => {
    const terms = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat(3), fc.nat(2), fc.nat(2)), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        terms,
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (list, z) => {
          const text = list.map(([c, a, b, d]) => `(${c})*z1^${a}*z2^${b}*z3^${d}`).join(" + ");
          const f = ([x, y, w]: readonly number[]): number =>
            list.reduce((sum, [c, a, b, d]) => sum + c * x ** a * y ** b * w ** d, 0);
          const link = Link.parse(text, { rank: 3 });
          expect(Math.abs(link.evaluate(z) - f(z))).toBeLessThan(1e-10);
          const projected = Link.fromFunction(f, { rank: 3, degree: link.degree });
          expect(difference(link.coefficients, projected.coefficients)).toBeLessThan(1e-10);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("rank and degree can be chosen", () => {
    expect(Link.parse("z2").rank).toBe(2);
    expect(Link.parse("z2", { rank: 4 }).coefficients).toHaveLength(5);
    expect(Array.from(Link.parse("z1^3", { degree: 1 }).coefficients)).toEqual([0, 3]);
    expect(Link.parse("z1", { degree: 5 }).coefficients).toHaveLength(6);
    expect(failure(() => Link.parse("z2", { rank: 1 }))).toMatchObject({ name: "OptionError", code: "RANGE" });
    expect(failure(() => Link.parse("z2", { degre: 1 } as never))).toMatchObject({
      name: "OptionError",
      code: "UNKNOWN",
    });
    expect(failure(() => Link.parse("z2", { degree: -1 }))).toMatchObject({ name: "OptionError", code: "RANGE" });
  });
});

describe("functions", () => {
  it.each([
    ["relu(2*z1 - 0.6)", ([x]: number[]) => Math.max(0, 2 * x - 0.6)],
    ["relu(0.3 - z1)", ([x]: number[]) => Math.max(0, 0.3 - x)],
    ["abs(1 - 3*z1)", ([x]: number[]) => Math.abs(1 - 3 * x)],
    ["sign(z1 + 0.7)", ([x]: number[]) => Math.sign(x + 0.7)],
    ["sin(2*z1 + 1)", ([x]: number[]) => Math.sin(2 * x + 1)],
    ["cos(1 - z1)", ([x]: number[]) => Math.cos(1 - x)],
    ["exp(z1/2 - 1)", ([x]: number[]) => Math.exp(x / 2 - 1)],
    ["z1^2*relu(z1)", ([x]: number[]) => x * x * Math.max(0, x)],
    ["tanh(z1)*exp(-z1^2)", ([x]: number[]) => Math.tanh(x) * Math.exp(-x * x)],
    ["1/(1 + exp(-z1))", ([x]: number[]) => 1 / (1 + Math.exp(-x))],
    ["log(1 + z1^2)", ([x]: number[]) => Math.log1p(x * x)],
  ])("of one variable: %s as by quadrature", (text, f) => {
    const link = Link.parse(text);
    const other = Link.fromFunction(f, { rank: 1, degree: 12 });
    expect([link.rank, link.degree]).toEqual([1, 12]);
    expect(difference(link.coefficients, other.coefficients)).toBeLessThan(3e-12);
    expect(link.coefficientError).toBeLessThan(1e-12);
  });

  /** E[f·h_β] for f with kinks along v₁ = 0 and v₂ = 0, where z = Uv: exact for functions that are polynomials between kinks. */
  const rotatedSplit = (f: (z: number[]) => number, u: number[][], degree: number): Float64Array => {
    const { nodes, weights } = splitGaussHermite(20);
    const sums = new Float64Array(multiIndices(2, degree).length);
    for (let i = 0; i < nodes.length; i++) {
      for (let j = 0; j < nodes.length; j++) {
        const z = [0, 1].map((k) => u[k][0] * nodes[i] + u[k][1] * nodes[j]);
        const { values } = hermiteBasis(z, degree);
        const value = weights[i] * weights[j] * f(z);
        for (let b = 0; b < sums.length; b++) sums[b] += value * values[b];
      }
    }
    return sums;
  };
  const h = Math.SQRT1_2;
  it.each([
    [
      "relu(z1 - z2)",
      ([x, y]: number[]) => Math.max(0, x - y),
      [
        [h, h],
        [-h, h],
      ],
    ],
    [
      "abs(z1 - z2) + z1*z2",
      ([x, y]: number[]) => Math.abs(x - y) + x * y,
      [
        [h, h],
        [-h, h],
      ],
    ],
    [
      "relu(z1 - z2)*relu(z1 + z2)",
      ([x, y]: number[]) => Math.max(0, x - y) * Math.max(0, x + y),
      [
        [h, h],
        [-h, h],
      ],
    ],
    [
      "(z1 + 2*z2)*sign(3*z1 - 4*z2)",
      ([x, y]: number[]) => (x + 2 * y) * Math.sign(3 * x - 4 * y),
      [
        [0.6, 0.8],
        [-0.8, 0.6],
      ],
    ],
    [
      "sign(z1)*abs(z2)",
      ([x, y]: number[]) => Math.sign(x) * Math.abs(y),
      [
        [1, 0],
        [0, 1],
      ],
    ],
    [
      "abs(z1*z2)",
      ([x, y]: number[]) => Math.abs(x * y),
      [
        [1, 0],
        [0, 1],
      ],
    ],
  ])("kinks along any direction: %s", (text, f, u) => {
    const link = Link.parse(text, { degree: 8 });
    expect(link.coefficientError).toBeLessThan(1e-13);
    expect(difference(link.coefficients, rotatedSplit(f, u, 8))).toBeLessThan(1e-12);
  });

  it.each(["tanh(z1 + z2)*relu(z1 - z2)", "sign(z1)*abs(z2)"])("variables that %s has not change nothing", (text) => {
    const plane = Link.parse(text, { degree: 6 });
    const space = Link.parse(text, { degree: 6, rank: 4 });
    const known = new Map(multiIndices(2, 6).map((index, j) => [`${index},0,0`, plane.coefficients[j]]));
    const expected = multiIndices(4, 6).map((index) => known.get(String(index)) ?? 0);
    expect(difference(space.coefficients, expected)).toBeLessThan(1e-13);
    expect(Math.max(...plane.coefficients)).toBeGreaterThan(0.1);
  });

  it("functions that tie directions together say how well they did", () => {
    const smooth = Link.parse("sqrt(1 + z1^2 + z2^2)");
    expect(smooth.coefficientError).toBeLessThan(1e-12);
    const f = ([x, y]: number[]): number => Math.sqrt(1 + x * x + y * y);
    expect(difference(smooth.coefficients, Link.fromFunction(f, { rank: 2, degree: 10 }).coefficients)).toBeLessThan(
      1e-11,
    );
    // The same in one direction less: a function of z1 + z2 only.
    const slanted = Link.parse("tanh((z1 + z2)^2)");
    expect(slanted.coefficientError).toBeLessThan(1e-12);
    expect(pairs(slanted)).toEqual([[2, 1]]);
    const crossed = Link.parse("relu(z1)*relu(z1 + z2)");
    expect(crossed.coefficientError).toBeGreaterThan(1e-6);
    expect(crossed.coefficientError).toBeLessThan(1e-2);
    expect(pairs(crossed)).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it.each(["1/z1", "exp(z1^2)", "1/(z1 - 0.3)", "exp(z1*z1/4)", "sin(1/z1)/z1", "exp(z1^2 + z2)", "z1^-1"])(
    "%s has no finite mean square and is refused",
    (text) => {
      expect(failure(() => Link.parse(text))).toMatchObject({ name: "InputError", code: "NOT_CONVERGED" });
    },
  );
  it.each(["sqrt(z1)", "log(z1)", "z1^0.5"])("%s has no value for negative z1", (text) => {
    expect(failure(() => Link.parse(text))).toMatchObject({ name: "InputError", code: "NOT_FINITE" });
  });
  it("a singular point is passed by", () => {
    // E log|z| = −(γ + log 2)/2.
    expect(Math.abs(Link.parse("log(abs(z1))").coefficients[0] + (0.5772156649015329 + Math.LN2) / 2)).toBeLessThan(
      1e-12,
    );
  });
});

describe("leaps of written links", () => {
  it.each([
    ["h3(z1)", [[3, 1]]],
    [
      "z1 + z1*z2 + z1*z2*z3",
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    ],
    ["z1*z2", [[2, 2]]],
    [
      "He2(z1) + He4(z2)",
      [
        [2, 1],
        [4, 1],
      ],
    ],
    [
      "z1 + z1*z2*z3",
      [
        [1, 1],
        [2, 2],
      ],
    ],
    ["abs(z1)", [[2, 1]]],
    ["z1^2 + z2^2 + z3^2", [[2, 3]]],
    [
      "relu(z1) + relu(z2)",
      [
        [1, 1],
        [2, 1],
      ],
    ],
    [
      "cos(z1)*sin(z2)",
      [
        [1, 1],
        [2, 1],
      ],
    ],
    ["sign(z1*z2)", [[2, 2]]],
    ["tanh(z1)*tanh(z2)*tanh(z3)", [[3, 3]]],
    ["relu(z1 - z2)", [[1, 1]]],
    ["abs(z1 - z2)", [[2, 1]]],
    [
      "z1 + h3(z2)",
      [
        [1, 1],
        [3, 1],
      ],
    ],
    ["2", []],
  ])("%s", (text, leaps) => {
    expect(pairs(Link.parse(text))).toEqual(leaps);
  });
});

describe("what is refused, and where", () => {
  it.each([
    ["", 0],
    ["   ", 3],
    ["z1 +* z2", 4],
    ["z1 z2", 3],
    ["2z1", 1],
    ["z1)", 2],
    ["(z1", 3],
    ["z1 +", 4],
    ["()", 2],
    ["sin()", 0],
    ["sin z1", 4],
    ["foo(z1)", 0],
    ["z1 + x", 5],
    ["z0", 0],
    ["z1001", 0],
    ["h13(z1)", 0],
    ["He0(z1)", 0],
    ["z1 = 2", 3],
    ["z1 == z2", 3],
    ["'a'", 0],
    ['z1 + "a"', 5],
    ["z1, z2", 2],
    ["z1; z2", 2],
    ["[z1]", 0],
    ["z1[0]", 2],
    ["{}", 0],
    ["z1 ? 1 : 2", 3],
    ["!z1", 0],
    ["z1 % 2", 3],
    ["z1.constructor", 0],
    ["constructor", 0],
    ["__proto__", 0],
    ["toString()", 0],
    ["hasOwnProperty(z1)", 0],
    ["constructor.constructor('return process')()", 24],
    ["(z1)(z2)", 0],
    ["sin(cos)", 4],
    ["this", 0],
    ["true", 0],
    ["1e999", 0],
    ["1.2.3", 3],
    ["z1 `x`", 3],
    ["−z1", 0],
  ])("%s", (text, position) => {
    const error = failure(() => Link.parse(text));
    expect(error).toMatchObject({ name: "InputError", code: "FORMAT" });
    expect(error.details.position).toBe(position);
    expect(error.message).toMatch(/link expression/);
    expect(error.message).not.toMatch(/\n/);
  });

  it.each([
    ["z1/0", "FORMAT"],
    ["z1/(1 - 1)", "FORMAT"],
    ["relu(z1/0)", "FORMAT"],
    ["log(0)*z1", "FORMAT"],
    ["2^1e9", "FORMAT"],
    ["z1^1e9", "TOO_LARGE"],
    ["z1^101", "TOO_LARGE"],
    ["((z1^50)^50)^50", "TOO_LARGE"],
    [`${"z1+".repeat(4000)}z1`, "TOO_LARGE"],
    [`(${Array.from({ length: 40 }, (_, k) => `z${k + 1}`).join("+")})^9`, "TOO_LARGE"],
    [`(${Array.from({ length: 40 }, (_, k) => `z${k + 1}`).join("*")})^2`, "TOO_LARGE"],
    [`${"(".repeat(300)}z1${")".repeat(300)}`, "FORMAT"],
    [`${"-".repeat(5000)}z1`, "FORMAT"],
    [`${"sin(".repeat(1500)}z1${")".repeat(1500)}`, "FORMAT"],
    [`${"2^".repeat(3000)}z1`, "FORMAT"],
    ["(".repeat(9000), "FORMAT"],
  ])("%.40s", (text, code) => {
    const spent = processorWatch();
    expect(failure(() => Link.parse(text)).code).toBe(code);
    expect(spent()).toBeLessThan(2000);
  });

  it("only strings are expressions", () => {
    for (const value of [undefined, null, 3, ["z1"], { toString: () => "z1" }]) {
      expect(failure(() => Link.parse(value as never))).toMatchObject({ name: "InputError", code: "TYPE" });
    }
  });

  it("long sums are read without deep recursion", () => {
    expect(Link.parse(`${"z1+".repeat(3000)}z1`).coefficients[1]).toBe(3001);
    expect(Link.parse(`${"z1-".repeat(3000)}z1`).coefficients[1]).toBe(-2999);
    expect(Link.parse(`z1${"*2/2".repeat(2000)}`).coefficients[1]).toBe(1);
  });

  it("nothing but typed errors, whatever the text, and no prototype is touched", () => {
    const names = (): string =>
      [Object, Array, Function, String, Number]
        .map((one) => Object.getOwnPropertyNames(one.prototype).join())
        .join("|");
    const before = names();
    const word = fc.constantFrom(
      ..."z1 z2 z3 z0 pi He2( h3( sin( relu( abs( sqrt( log( exp( ( ) + - * / ^ ** . , ; 2 0.5 1e3 1e999 __proto__ constructor prototype [ ] { } = == ' \" ` ? : ! this true null \\ $ _ \u2212 \u0000".split(
        " ",
      ),
      " ",
    );
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(word, { maxLength: 16 }).map((words) => words.join("")),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          const link = Link.parse(input, { degree: 3 });
          expect(link.coefficients.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(LeapflowError);
          expect(["InputError", "OptionError"]).toContain((error as LeapflowError).name);
          expect((error as LeapflowError).message).toMatch(/link|function|rank/i);
        }
      }),
      { numRuns: 3000 },
    );
    expect(names()).toBe(before);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});
