/** Links: golden coefficients, evaluation, tails, immutability, stored form. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, LeapflowError } from "../../src/base/errors.js";
import { createRng } from "../../src/base/rng.js";
import { multiply, toMatrix, transpose } from "../../src/math/dense.js";
import { randomBasis } from "../../src/math/grassmann.js";
import { featureCount } from "../../src/math/multiIndex.js";
import { Link, type LinkTail } from "../../src/model/link.js";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../golden/multi-index/${name}.json`, import.meta.url), "utf8"));
const thrown = (run: () => unknown): LeapflowError => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};
const code = (run: () => unknown): string => thrown(run).code;
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
const length = (z: ArrayLike<number>): number => Math.sqrt(Array.from(z).reduce((sum, x) => sum + x * x, 0));

function randomLink(rank: number, degree: number, seed: number, tail?: LinkTail) {
  const rng = createRng(seed, "link");
  const c = Float64Array.from({ length: featureCount(rank, degree) }, () => rng.normal());
  return { rng, c, link: Link.fromCoefficients(c, { rank, degree, ...(tail ? { tail } : {}) }) };
}
const shape = fc.record({
  rank: fc.integer({ min: 0, max: 4 }),
  degree: fc.integer({ min: 0, max: 6 }),
  seed: fc.nat(),
});

describe("values", () => {
  interface Case {
    r: number;
    s: number;
    points: number[][];
    values: number[][];
    gradients: number[][][];
  }
  it.each(read("basis").cases as Case[])("golden: r $r, degree $s", (c) => {
    const alpha = c.values[0].map((_, k) => Math.cos(1 + 3 * k));
    const link = Link.fromCoefficients(alpha, { rank: c.r, degree: c.s });
    c.points.forEach((z, i) => {
      const size = alpha.reduce((sum, a, k) => sum + Math.abs(a * c.values[i][k]), 0);
      const value = alpha.reduce((sum, a, k) => sum + a * c.values[i][k], 0);
      expect(Math.abs(link.evaluate(z) - value) / size).toBeLessThan(1e-12);
      const gradient = z.map((_, j) => alpha.reduce((sum, a, k) => sum + a * c.gradients[i][k][j], 0));
      expect(difference(link.gradient(z), gradient) / size).toBeLessThan(1e-12);
    });
  });

  it("many points give the same bits as single ones, with and without gradients, few rows or many", () => {
    for (const tail of [undefined, { kind: "linear", radius: 1.3 }, { kind: "clip", radius: 1.3 }] as const) {
      for (const [rank, degree] of [
        [0, 0],
        [0, 3],
        [1, 0],
        [1, 7],
        [2, 4],
        [3, 5],
      ]) {
        const { rng, link } = randomLink(rank, degree, 4, tail);
        for (const n of [0, 1, 24, 25, 193]) {
          const Z = Float64Array.from({ length: n * rank }, rng.normal);
          const { values, gradients } = link.evaluateMany(Z, n, { gradient: true });
          const plain = link.evaluateMany(Z, n);
          expect(plain.gradients).toBeUndefined();
          expect(plain.values).toEqual(values);
          for (let i = 0; i < n; i++) {
            const z = Z.subarray(i * rank, (i + 1) * rank);
            expect(Object.is(link.evaluate(z), values[i])).toBe(true);
            expect(link.gradient(z)).toEqual(gradients?.subarray(i * rank, (i + 1) * rank));
          }
        }
      }
    }
  });

  it("constants work at every rank", () => {
    const point = Link.fromCoefficients([2.5], { rank: 0, degree: 4 });
    expect(point.evaluate([])).toBe(2.5);
    expect(point.gradient([]).length).toBe(0);
    expect(point.rotate([]).evaluate([])).toBe(2.5);
    expect(point.evaluateMany([], 3, { gradient: true })).toEqual({
      values: Float64Array.of(2.5, 2.5, 2.5),
      gradients: new Float64Array(0),
    });
    const flat = Link.fromCoefficients([2.5], { rank: 3, degree: 0 });
    expect(flat.evaluate([1, 2, 3])).toBe(2.5);
    expect(flat.gradient([1, 2, 3])).toEqual(new Float64Array(3));
  });

  it("refuses points of the wrong length, not finite, or too far", () => {
    const link = Link.fromCoefficients([0, 0, 1], { rank: 1, degree: 2 });
    expect(code(() => link.evaluate([1, 2]))).toBe("SHAPE");
    expect(code(() => link.evaluate([NaN]))).toBe("NOT_FINITE");
    expect(code(() => link.gradient(["1" as never]))).toBe("TYPE");
    expect(code(() => link.evaluate([1e200]))).toBe("OVERFLOW");
    expect(code(() => link.evaluateMany([1, 2, 3], 2))).toBe("SHAPE");
    expect(link.evaluateMany([NaN, 1], 2).values[0]).toBeNaN();
  });
});

describe("tails", () => {
  const kinds = fc.constantFrom("linear", "clip");
  it("are what they say along every ray, continuous, and leave the inside alone", () => {
    fc.assert(
      fc.property(
        shape,
        kinds,
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        ({ rank, degree, seed }, kind, radius) => {
          fc.pre(rank > 0);
          const { rng, link: plain } = randomLink(rank, degree, seed);
          const link = plain.withTail({ kind, radius } as LinkTail);
          const g = Float64Array.from({ length: rank }, rng.normal);
          const u = g.map((x) => x / length(g));
          const at = (rho: number) => u.map((x) => x * rho);
          const inside = at(0.999 * radius);
          expect(link.evaluate(inside)).toBe(plain.evaluate(inside));
          expect(link.gradient(inside)).toEqual(plain.gradient(inside));
          const edge = plain.evaluate(at(radius));
          const slope = plain.gradient(at(radius)).reduce((sum, x, k) => sum + x * u[k], 0);
          const scale = 1 + Math.abs(edge) + 1e3 * length(plain.gradient(at(radius)));
          for (const rho of [radius * (1 + 1e-9), 1.5 * radius, 40 * radius]) {
            const wanted = kind === "clip" ? edge : edge + (rho - radius) * slope;
            expect(Math.abs(link.evaluate(at(rho)) - wanted) / (scale * (1 + rho))).toBeLessThan(1e-11);
          }
        },
      ),
    );
  });

  it("gradients agree with differences outside, tangential part included", () => {
    fc.assert(
      fc.property(shape, kinds, ({ rank, degree, seed }, kind) => {
        fc.pre(rank > 0);
        const { rng, link } = randomLink(rank, degree, seed, { kind, radius: 1 } as LinkTail);
        const g = Float64Array.from({ length: rank }, rng.normal);
        const z = g.map((x) => (x / length(g)) * (1.1 + 3 * rng.uniform()));
        const gradient = link.gradient(z);
        const step = 1e-4;
        const along = (k: number, t: number) => link.evaluate(z.map((x, l) => (l === k ? x + t : x)));
        for (let k = 0; k < rank; k++) {
          const slope =
            (8 * (along(k, step) - along(k, -step)) - (along(k, 2 * step) - along(k, -2 * step))) / (12 * step);
          const scale = 1 + length(gradient) + Math.abs(link.evaluate(z));
          expect(Math.abs(gradient[k] - slope) / (scale * (1 + degree))).toBeLessThan(1e-8);
        }
      }),
    );
  });

  it("a linear tail keeps the gradient continuous at the radius", () => {
    const { rng, link } = randomLink(3, 5, 2, { kind: "linear", radius: 1.5 });
    const g = Float64Array.from({ length: 3 }, rng.normal);
    const [below, above] = [1 - 1e-9, 1 + 1e-9].map((t) => link.gradient(g.map((x) => (1.5 * t * x) / length(g))));
    expect(difference(below, above)).toBeLessThan(1e-6);
  });

  it("stay finite far out, where the polynomial is not", () => {
    const { link } = randomLink(2, 6, 1, { kind: "linear", radius: 2 });
    expect(Number.isFinite(link.evaluate([1e100, -1e200]))).toBe(true);
    expect(code(() => link.withTail(undefined).evaluate([1e100, -1e200]))).toBe("OVERFLOW");
    const many = Float64Array.from({ length: 100 }, () => 1e180);
    expect(link.evaluateMany(many, 50, { gradient: true }).gradients?.every(Number.isFinite)).toBe(true);
  });

  it("turn with the link", () => {
    const { rng, link } = randomLink(3, 4, 6, { kind: "clip", radius: 1 });
    const q = randomBasis(3, 3, rng);
    const z = Float64Array.of(2, -1, 0.5);
    const turned = multiply(transpose(q, 3, 3), z, 3, 3, 1);
    expect(Math.abs(link.rotate(toMatrix(q, 3, 3)).evaluate(z) - link.evaluate(turned))).toBeLessThan(1e-12);
  });

  it("refuse other kinds and radii", () => {
    const make = (tail: unknown) => () => Link.fromCoefficients([1], { rank: 1, degree: 0, tail: tail as LinkTail });
    expect(code(make({ kind: "cubic", radius: 1 }))).toBe("RANGE");
    expect(code(make({ kind: "clip", radius: 0 }))).toBe("RANGE");
    expect(code(make({ kind: "clip", radius: NaN }))).toBe("RANGE");
    expect(code(make({ kind: "clip", radius: 1, size: 2 }))).toBe("UNKNOWN");
    expect(code(make("clip"))).toBe("TYPE");
  });
});

describe("making links", () => {
  interface Coefficients {
    function: string;
    parameter: number | null;
    coefficients: number[];
  }
  const names = {
    relu: "relu",
    abs: "abs",
    sign: "sign",
    "sin(a x)": "sin",
    "exp(a x)": "exp",
    "step(x > b)": "step",
  } as const;
  it.each((read("coefficients").cases as Coefficients[]).filter((c) => c.function in names))(
    "golden named link: $function, $parameter",
    (c) => {
      const degree = c.coefficients.length - 1;
      const link = Link.named(names[c.function as keyof typeof names], {
        degree,
        ...(c.parameter === null ? {} : { parameter: c.parameter }),
      });
      expect(difference(link.coefficients, c.coefficients)).toBeLessThan(1e-11);
      expect([link.rank, link.degree, link.family, link.coefficientError]).toEqual([1, degree, "hermite", 0]);
    },
  );

  it("from a function: coefficients and an honest error", () => {
    const golden = (read("coefficients").cases as Coefficients[]).find((c) => c.function === "tanh");
    const link = Link.fromFunction(([z]) => Math.tanh(z), { rank: 1, degree: (golden?.coefficients.length ?? 0) - 1 });
    expect(difference(link.coefficients, golden?.coefficients ?? [])).toBeLessThan(1e-11);
    expect(link.coefficientError).toBeLessThan(1e-11);
    expect(Link.fromFunction(() => 3, { rank: 0, degree: 2 }).evaluate([])).toBe(3);
  });

  it("cannot be changed through what goes in or comes out", () => {
    const c = [1, 2, 3];
    const link = Link.fromCoefficients(c, { rank: 1, degree: 2, tail: { kind: "clip", radius: 2 } });
    const before = link.evaluate([1.5]);
    c[0] = 100;
    link.coefficients[0] = 100;
    expect(() => {
      (link as { degree: number }).degree = 5;
    }).toThrow(TypeError);
    expect(() => {
      (link.tail as { radius: number }).radius = 5;
    }).toThrow(TypeError);
    expect(() => {
      (link.toJSON().coefficients as number[])[0] = 100;
    }).toThrow(TypeError);
    expect(link.evaluate([1.5])).toBe(before);
  });

  it("rotates into the link of the rotated variables, and back", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree, seed }) => {
        const { rng, link } = randomLink(rank, degree, seed);
        const q = randomBasis(rank, rank, rng);
        const back = link.rotate(toMatrix(q, rank, rank)).rotate(toMatrix(transpose(q, rank, rank), rank, rank));
        expect(difference(back.coefficients, link.coefficients)).toBeLessThan(1e-12);
      }),
    );
    const { link } = randomLink(2, 3, 1);
    expect(
      code(() =>
        link.rotate([
          [1, 0],
          [0, 2],
        ]),
      ),
    ).toBe("NOT_ORTHONORMAL");
    expect(code(() => link.rotate([[1]]))).toBe("SHAPE");
  });

  it("refuses bad coefficients and shapes", () => {
    const make = (c: unknown, rank: unknown, degree: unknown) => () =>
      Link.fromCoefficients(c as number[], { rank: rank as number, degree: degree as number });
    expect(code(make([1, 2], 1, 2))).toBe("SHAPE");
    expect(thrown(make([1, 2], 1, 2)).message).toMatch(/2 entries.*3/);
    expect(code(make([1, NaN, 2], 1, 2))).toBe("NOT_FINITE");
    expect(code(make([1, "2", 2], 1, 2))).toBe("TYPE");
    expect(code(make(null, 1, 2))).toBe("TYPE");
    expect(code(make([1], -1, 2))).toBe("RANGE");
    expect(code(make([1], 1, 1.5))).toBe("RANGE");
    expect(code(make([1], "1", 1))).toBe("TYPE");
    expect(code(make([1], 20, 20))).toBe("TOO_LARGE");
    expect(code(() => Link.fromCoefficients([1], { rank: 1, degre: 0 } as never))).toBe("UNKNOWN");
    expect(code(() => Link.named("arctan" as never, { degree: 3 }))).toBe("RANGE");
    expect(code(() => Link.named("relu", { degree: -1 }))).toBe("RANGE");
    expect(code(() => Link.fromFunction("z" as never, { rank: 1, degree: 1 }))).toBe("TYPE");
  });
});

describe("stored form", () => {
  it("row 66: round trip through JSON and structured clones keeps every bit", () => {
    fc.assert(
      fc.property(
        shape,
        fc.option(
          fc.record({
            kind: fc.constantFrom("linear", "clip"),
            radius: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
          }),
        ),
        ({ rank, degree, seed }, tail) => {
          const { link } = randomLink(rank, degree, seed, (tail ?? undefined) as LinkTail | undefined);
          for (const data of [JSON.parse(JSON.stringify(link)), structuredClone(link.toJSON())]) {
            const back = Link.fromJSON(data);
            expect(back.coefficients).toEqual(link.coefficients);
            expect([back.rank, back.degree, back.tail]).toEqual([link.rank, link.degree, link.tail]);
          }
        },
      ),
    );
    const rough = Link.fromFunction(([a, b]) => Math.abs(a - b), { rank: 2, degree: 3 });
    expect(Link.fromJSON(JSON.parse(JSON.stringify(rough))).coefficientError).toBe(rough.coefficientError);
  });

  it("row 66: names what is wrong and where", () => {
    const good = () => JSON.parse(JSON.stringify(randomLink(2, 2, 1, { kind: "clip", radius: 2 }).link));
    const cases: [string, (json: Record<string, unknown>) => unknown, RegExp][] = [
      ["no object", () => null, /family/],
      ["family", (json) => ({ ...json, family: "kernel" }), /family.*hermite/],
      ["rank", (json) => ({ ...json, rank: -1 }), /\$\.rank/],
      ["degree", (json) => ({ ...json, degree: 1.5 }), /\$\.degree/],
      ["huge degree", (json) => ({ ...json, rank: 30, degree: 30 }), /rank 30/],
      ["length", (json) => ({ ...json, coefficients: [1, 2] }), /coefficients.*2 entries.*6/],
      ["null for NaN", (json) => ({ ...json, coefficients: [1, null, 2, 3, 4, 5] }), /coefficients\[1\]/],
      ["text", (json) => ({ ...json, coefficients: "123456" }), /coefficients/],
      ["hole", (json) => ({ ...json, coefficients: Object.assign(new Array(6), [1]) }), /coefficients\[1\]/],
      ["tail kind", (json) => ({ ...json, tail: { kind: "x", radius: 1 } }), /tail\.kind/],
      ["tail radius", (json) => ({ ...json, tail: { kind: "clip", radius: null } }), /tail\.radius/],
      ["error", (json) => ({ ...json, coefficientError: -1 }), /coefficientError/],
    ];
    for (const [name, spoil, message] of cases) {
      const error = thrown(() => Link.fromJSON(spoil(good())));
      expect(error, name).toBeInstanceOf(FormatError);
      expect(error.code, name).toBe("FORMAT");
      expect(error.message, name).toMatch(message);
    }
    expect(thrown(() => Link.fromJSON({ ...good(), rank: "2" }, "$.link")).message).toContain("$.link.rank");
  });

  it("row 66: reads own properties only and touches no prototype", () => {
    const inherited = Object.create(JSON.parse(JSON.stringify(randomLink(1, 1, 1).link)));
    expect(code(() => Link.fromJSON(inherited))).toBe("FORMAT");
    const text = JSON.stringify(randomLink(1, 1, 1).link).replace("{", '{"__proto__":{"polluted":1},');
    expect(Link.fromJSON(JSON.parse(text)).rank).toBe(1);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
