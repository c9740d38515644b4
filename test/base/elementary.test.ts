/** Elementary functions: distance to the engine's in units in the last place, edge cases, exact helpers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cos,
  exp,
  expm1,
  exponentOf,
  log,
  log1p,
  normalCumulative,
  normalDensity,
  powerOfTwo,
  scaleByPowerOfTwo,
  sin,
  tanh,
} from "../../src/base/elementary.js";
import { createRng } from "../../src/base/rng.js";

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

/** Doubles between a and b, both counted once; Infinity when only one is finite. */
function ulps(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
  const ordered = [a, b].map((x) => {
    double[0] = x;
    return bits[0] < 0n ? -(bits[0] & 0x7fffffffffffffffn) : bits[0];
  });
  return Number(ordered[0] > ordered[1] ? ordered[0] - ordered[1] : ordered[1] - ordered[0]);
}

const rng = createRng(20, "elementary");
const uniform = (from: number, to: number) => () => from + (to - from) * rng.uniform();
const logUniform = (from: number, to: number) => () =>
  (rng.uniform() < 0.5 ? -1 : 1) * 10 ** (from + (to - from) * rng.uniform());
const nearQuarterTurns = () => (1 + rng.integer(600_000)) * (Math.PI / 2);

describe("within 2 units in the last place of the engine", () => {
  const positive = () => Math.abs(logUniform(-320, 308)());
  const aboveMinusOne = () => Math.max(-1 + Number.EPSILON, logUniform(-20, 5)());
  const cases: [string, (x: number) => number, (x: number) => number, () => number, number, number][] = [
    ["exp over its range", exp, Math.exp, uniform(-745.2, 709.8), 60_000, 2],
    ["exp of small arguments", exp, Math.exp, logUniform(-20, 0), 30_000, 2],
    ["exp into subnormals", exp, Math.exp, uniform(-745.2, -708), 20_000, 2],
    ["log over all positive doubles", log, Math.log, positive, 60_000, 2],
    ["log near 1", log, Math.log, () => 1 + logUniform(-15, -1)(), 60_000, 2],
    ["sin", sin, Math.sin, logUniform(-9, 6), 60_000, 2],
    ["cos", cos, Math.cos, logUniform(-9, 6), 60_000, 2],
    ["sin near multiples of π/2", sin, Math.sin, nearQuarterTurns, 30_000, 2],
    ["cos near multiples of π/2", cos, Math.cos, nearQuarterTurns, 30_000, 2],
    ["sin of huge arguments", sin, Math.sin, logUniform(6, 308), 4000, 2],
    ["cos of huge arguments", cos, Math.cos, logUniform(6, 308), 4000, 2],
    ["expm1", expm1, Math.expm1, logUniform(-20, 2.85), 60_000, 2],
    ["log1p", log1p, Math.log1p, aboveMinusOne, 60_000, 2],
    ["tanh", tanh, Math.tanh, logUniform(-20, 1.5), 60_000, 4],
  ];
  it.each(cases)("%s", (_, own, engine, draw, count, allowed) => {
    let worst = 0;
    let where = 0;
    for (let i = 0; i < count; i++) {
      const x = draw();
      const distance = ulps(own(x), engine(x));
      if (distance > worst) [worst, where] = [distance, x];
    }
    expect(worst, `at ${where}`).toBeLessThanOrEqual(allowed);
  });
});

describe("edge cases", () => {
  const arguments_ = [
    0,
    -0,
    1,
    -1,
    0.5,
    NaN,
    Infinity,
    -Infinity,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    709.782712893384,
    709.7827128933841,
    -745.1332191019411,
    -745.1332191019412,
    1e6,
    1000001,
    Math.PI,
    // The double closest to a multiple of π/2 relative to its size.
    6381956970095103 * 2 ** 797,
  ];
  it.each([
    ["exp", exp, Math.exp],
    ["log", log, Math.log],
    ["sin", sin, Math.sin],
    ["cos", cos, Math.cos],
    ["expm1", expm1, Math.expm1],
    ["log1p", log1p, Math.log1p],
    ["tanh", tanh, Math.tanh],
  ] as const)("%s", (_, own, engine) => {
    for (const x of arguments_) expect(ulps(own(x), engine(x)), `at ${x}`).toBeLessThanOrEqual(1);
  });

  it("keeps the sign of zero where the function is odd", () => {
    for (const odd of [sin, expm1, log1p, tanh]) expect(Object.is(odd(-0), -0)).toBe(true);
  });
});

describe("the normal law", () => {
  it("has the known values", () => {
    // Φ to 16 digits (Wolfram functions site).
    expect(Math.abs(normalCumulative(-0.7) - 0.241963652223073)).toBeLessThan(2e-16);
    expect(Math.abs(normalCumulative(-3) / 0.001349898031630095 - 1)).toBeLessThan(1e-13);
    expect(Math.abs(normalCumulative(-10) / 7.619853024160527e-24 - 1)).toBeLessThan(1e-13);
    expect(normalCumulative(0)).toBe(0.5);
    expect(normalCumulative(Infinity)).toBe(1);
    expect(normalCumulative(-Infinity)).toBe(0);
    expect(normalCumulative(NaN)).toBeNaN();
    expect(ulps(normalDensity(0), 1 / Math.sqrt(2 * Math.PI))).toBeLessThanOrEqual(1);
  });
  it("is symmetric, and the two formulas agree where they meet", () => {
    for (let x = 0; x < 9; x += 0.07) {
      expect(Math.abs(normalCumulative(x) + normalCumulative(-x) - 1)).toBeLessThan(1e-15);
    }
    const [below, above] = [normalCumulative(-3 + 1e-12), normalCumulative(-3 - 1e-12)];
    expect(Math.abs(below - above - normalDensity(3) * 2e-12)).toBeLessThan(4e-16);
  });
});

describe("powers of two", () => {
  it("scales like multiplication by an exact power", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: -1022, max: 1023 }),
        (x, k) => {
          expect(scaleByPowerOfTwo(x, k)).toBe(x * powerOfTwo(k));
        },
      ),
    );
  });
  it("goes beyond the exponents of doubles with one rounding", () => {
    expect(scaleByPowerOfTwo(Number.MAX_VALUE, -2098)).toBe(5e-324);
    expect(scaleByPowerOfTwo(5e-324, 2097)).toBe(2 ** 1023);
    expect(scaleByPowerOfTwo(1, 5000)).toBe(Infinity);
    expect(scaleByPowerOfTwo(1, -5000)).toBe(0);
    // 1 + 2⁻⁵² shifted so that exactly half a unit is lost: ties go to even, once.
    expect(scaleByPowerOfTwo(1 + 2 ** -52, -1023)).toBe(2 ** -1023);
    expect(scaleByPowerOfTwo(3, -1075)).toBe(1e-323);
  });
  it("finds the exponent", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        fc.pre(x !== 0);
        const m = Math.abs(scaleByPowerOfTwo(x, -exponentOf(x)));
        expect(m >= 1 && m < 2).toBe(true);
      }),
    );
  });
});
