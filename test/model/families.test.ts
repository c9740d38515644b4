/** Links that are no polynomial: values, gradients, storage, Hermite expansion, and models that hold them. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { orthonormalize } from "../../src/math/grassmann.js";
import { CustomLink, FeatureCalls } from "../../src/model/customLink.js";
import { leapExponents } from "../../src/model/exponents.js";
import { KernelLink, type KernelName } from "../../src/model/kernelLink.js";
import { Link } from "../../src/model/link.js";
import { type ModelLink, readLink } from "../../src/model/modelLink.js";
import { MultiIndexModel } from "../../src/model/multiIndexModel.js";
import { ReluLink } from "../../src/model/reluLink.js";
import { populationLoss } from "../../src/theory/index.js";

const rng = createRng(23, "families");
const normals = (n: number): Float64Array => Float64Array.from({ length: n }, () => rng.normal());

const kernelLink = (kernel: KernelName, rank: number, m = 7): KernelLink =>
  new KernelLink({
    kernel,
    rank,
    metric: normals(rank * rank),
    landmarks: normals(m * rank),
    weights: normals(m),
    linear: normals(rank),
    constant: 0.3,
  });
const reluLink = (rank: number, m = 7): ReluLink =>
  new ReluLink({
    rank,
    slopes: normals(m * rank),
    offsets: normals(m),
    weights: normals(m),
    linear: normals(rank),
    constant: -0.2,
  });
const waves = {
  value: (z: number[]) => [Math.sin(z[0]), Math.cos(z[1]), z[0] * z[1]],
  derivative: (z: number[]) => [
    [Math.cos(z[0]), 0],
    [0, -Math.sin(z[1])],
    [z[1], z[0]],
  ],
};
const customLink = (): CustomLink => new CustomLink(new FeatureCalls(waves, 2), [1, -2, 0.5], 0.1);

const cases: [string, () => ModelLink][] = [
  ["gauss of 1 variable", () => kernelLink("gauss", 1)],
  ["gauss of 3 variables", () => kernelLink("gauss", 3)],
  ["matern52 of 2 variables", () => kernelLink("matern52", 2)],
  ["matern52 of 4 variables", () => kernelLink("matern52", 4)],
  ["relu of 2 variables", () => reluLink(2)],
  ["custom of 2 variables", customLink],
];

describe.each(cases)("%s", (_, make) => {
  const link = make();
  const r = link.rank;
  const Z = normals(40 * r);

  test("many points have the bits of one", () => {
    const { values, gradients = new Float64Array(0) } = link.evaluateMany(Z, 40, { gradient: true });
    for (let i = 0; i < 40; i++) {
      const z = Z.subarray(i * r, (i + 1) * r);
      expect(values[i]).toBe(link.evaluate(z));
      expect(Array.from(gradients.subarray(i * r, (i + 1) * r))).toEqual(Array.from(link.gradient(z)));
    }
    expect(link.evaluateMany(Z, 40).values).toEqual(values);
  });

  test("the gradient leaves a Taylor remainder of slope 2", () => {
    for (let i = 0; i < 10; i++) {
      const z = Array.from(Z.subarray(i * r, (i + 1) * r));
      const step = Array.from(normals(r));
      const slope = link.gradient(z).reduce((sum, g, k) => sum + g * step[k], 0);
      const remainder = (t: number): number =>
        Math.abs(link.evaluate(z.map((v, k) => v + t * step[k])) - link.evaluate(z) - t * slope);
      // A piecewise linear link has no remainder where no kink is near.
      expect(remainder(1e-4)).toBeLessThan(Math.max(0.02 * remainder(1e-3), 1e-11));
    }
  });

  test("scaled is scale·f + offset", () => {
    const scaled = link.scaled(-3, 5);
    const z = Z.subarray(0, r);
    expect(scaled.evaluate(z)).toBeCloseTo(-3 * link.evaluate(z) + 5, 12);
    expect(scaled.gradient(z)[0]).toBeCloseTo(-3 * link.gradient(z)[0], 12);
    expect([scaled.family, scaled.featureCount]).toEqual([link.family, link.featureCount]);
  });

  test("what needs Hermite coefficients is told where they are", () => {
    expect(() => link.coefficients).toThrow(expect.objectContaining({ name: "InputError", code: "TYPE" }));
    expect(() => populationLoss(link as unknown as Link, [new Array<number>(r).fill(0)])).toThrow(/toHermite/);
  });

  test("bad points are refused", () => {
    const code = (run: () => unknown): unknown => {
      try {
        run();
        return undefined;
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(code(() => link.evaluate(new Array(r + 1).fill(0)))).toBe("SHAPE");
    expect(code(() => link.evaluate(new Array(r).fill(Number.NaN)))).toBe("NOT_FINITE");
    expect(code(() => link.evaluateMany([1], 2))).toBe("SHAPE");
    expect(link.evaluateMany(new Float64Array(0), 0).values.length).toBe(0);
    if (link.family !== "custom") expect(link.evaluateMany(new Array(r).fill(Number.NaN), 1).values[0]).toBeNaN();
  });
});

test("kernel links are the formula, written out", () => {
  const metric = [
    [1.5, -0.5],
    [0.2, 0.7],
  ];
  const landmarks = [
    [0, 1],
    [-1, 0.5],
    [2, 2],
  ];
  const weights = [1, -2, 0.5];
  const z = [0.3, -0.8];
  const v = [0, 1].map((k) => metric[0][k] * z[0] + metric[1][k] * z[1]);
  const bumps: Record<KernelName, (q: number) => number> = {
    gauss: (q) => Math.exp(-q / 2),
    matern52: (q) => (1 + Math.sqrt(5 * q) + (5 * q) / 3) * Math.exp(-Math.sqrt(5 * q)),
  };
  for (const kernel of ["gauss", "matern52"] as const) {
    const link = new KernelLink({
      kernel,
      rank: 2,
      metric: metric.flat(),
      landmarks: landmarks.flat(),
      weights,
      linear: [0.4, -0.1],
      constant: 2,
    });
    const bump = landmarks.reduce((sum, u, m) => {
      return sum + weights[m] * bumps[kernel]((v[0] - u[0]) ** 2 + (v[1] - u[1]) ** 2);
    }, 0);
    expect(link.evaluate(z)).toBeCloseTo(bump + 0.4 * 0.3 + 0.1 * 0.8 + 2, 13);
    // Far out only the linear part is left.
    expect(link.evaluate([1e6, 0])).toBe(0.4e6 + 2);
  }
});

test("ReLU links are the formula, written out", () => {
  const link = new ReluLink({ rank: 1, slopes: [1, -2], offsets: [0.5, 1], weights: [3, 4], linear: [7], constant: 1 });
  expect([link.evaluate([1]), link.evaluate([0]), link.evaluate([-2])]).toEqual([3 * 0.5 + 7 + 1, 1, 4 * 3 - 14 + 1]);
  expect([link.gradient([1])[0], link.gradient([0])[0], link.gradient([-2])[0]]).toEqual([10, 7, -1]);
});

describe("storage", () => {
  test("JSON and structured clones give back the same bits, and the records are frozen", () => {
    for (const link of [kernelLink("gauss", 3), kernelLink("matern52", 1), kernelLink("gauss", 0, 0), reluLink(2)]) {
      const z = normals(link.rank);
      expect(Object.isFrozen(link.toJSON())).toBe(true);
      for (const data of [JSON.parse(JSON.stringify(link)), structuredClone(link.toJSON())]) {
        const back = readLink(data);
        expect(back.evaluate(z)).toBe(link.evaluate(z));
        expect(back.gradient(z)).toEqual(link.gradient(z));
        expect(JSON.stringify(back)).toBe(JSON.stringify(link));
      }
    }
  });

  // biome-ignore lint/suspicious/noExplicitAny: damaged on purpose
  type Json = any;
  const damages: [string, string, (json: Json) => unknown][] = [
    ["no family", "$.family", (json) => ({ ...json, family: undefined })],
    ["a custom link", "$.family", (json) => ({ ...json, family: "custom" })],
    ["a degree", "$.degree", (json) => ({ ...json, degree: 3 })],
    ["no degree", "$.degree", (json) => ({ ...json, degree: undefined })],
    ["an unknown kernel", "$.kernel", (json) => ({ ...json, kernel: "toString" })],
    ["rank −1", "$.rank", (json) => ({ ...json, rank: -1 })],
    ["a short row of landmarks", "$.landmarks[1]", (json) => ({ ...json, landmarks: [[0, 1], [2], [1, 1]] })],
    ["one weight too few", "$.weights", (json) => ({ ...json, weights: [1, 2] })],
    ["a weight that is null", "$.weights[2]", (json) => ({ ...json, weights: [1, 2, null] })],
    ["a metric of another rank", "$.metric", (json) => ({ ...json, metric: [[1, 0]] })],
    ["a linear part too long", "$.linear", (json) => ({ ...json, linear: [1, 2, 3] })],
    ["no constant", "$.constant", (json) => ({ ...json, constant: Number.NaN })],
  ];
  test.each(damages)("%s is refused with its path", (_, path, damage) => {
    const good = JSON.parse(JSON.stringify(kernelLink("gauss", 2, 3)));
    expect(() => readLink(damage(good))).toThrow(
      expect.objectContaining({ name: "FormatError", code: "FORMAT", details: { path } }),
    );
  });
  test("a damaged ReLU link is refused with its path", () => {
    const good = JSON.parse(JSON.stringify(reluLink(2, 3)));
    for (const [key, path] of [
      ["slopes", "$.link.slopes"],
      ["offsets", "$.link.offsets"],
      ["weights", "$.link.weights"],
      ["linear", "$.link.linear"],
      ["constant", "$.link.constant"],
    ]) {
      expect(() => readLink({ ...good, [key]: undefined }, "$.link")).toThrow(
        expect.objectContaining({ details: { path } }),
      );
    }
  });
});

describe("Hermite expansion", () => {
  test("of a Gaussian bump in one variable is its closed form", () => {
    // E[e^{−z²/2}·h_k(z)] is 0 for odd k and (−1)^j·√(2j)!/(4^j·j!)/√2 for k = 2j.
    const bump = new KernelLink({
      kernel: "gauss",
      rank: 1,
      metric: [1],
      landmarks: [0],
      weights: [1],
      linear: [0],
      constant: 0,
    });
    const { coefficients, degree } = bump.toHermite({ degree: 6 });
    expect(degree).toBe(6);
    const expected = [0, 1, 2, 3].map((j) => {
      const factorial = [1, 1, 2, 6, 24, 120, 720];
      return ((-1) ** j * Math.sqrt(factorial[2 * j])) / (4 ** j * factorial[j] * Math.sqrt(2));
    });
    expected.forEach((value, j) => {
      expect(coefficients[2 * j]).toBeCloseTo(value, 12);
      if (j > 0) expect(Math.abs(coefficients[2 * j - 1])).toBeLessThan(1e-13);
    });
  });
  test("leaps of any link can be asked for", () => {
    const product = new CustomLink(
      new FeatureCalls({ value: (z) => [z[0] * z[1]], derivative: (z) => [[z[1], z[0]]] }, 2),
      [2],
      0,
    );
    expect(leapExponents(product)).toMatchObject({ informationExponent: 2, leap: 2 });
    expect(leapExponents(product.toHermite())).toMatchObject({ informationExponent: 2, leap: 2 });
    expect(leapExponents(kernelLink("gauss", 2), { tolerance: 1e-3 }).informationExponent).toBe(1);
    const link = Link.named("relu", { degree: 4 });
    expect(link.toHermite()).toBe(link);
  });
});

describe("models", () => {
  const d = 4;
  const X = Array.from({ length: 30 }, () => Array.from(normals(d)));
  const modelOf = (link: ModelLink): MultiIndexModel => {
    const directions = normals(d * link.rank);
    return new MultiIndexModel(
      {
        center: normals(d),
        directions,
        basis: orthonormalize(directions, d, link.rank).basis,
        gradientMoment: Float64Array.of(2, 0.5, 0.5, 1),
        columnScale: Float64Array.of(1, 2, 0.5, 1),
      },
      link,
    );
  };
  test.each([
    ["kernel", () => kernelLink("matern52", 2)],
    ["relu", () => reluLink(2)],
  ] as [string, () => ModelLink][])("with a %s link predict, differentiate and come back from JSON", (family, make) => {
    const model = modelOf(make());
    expect([model.link.family, model.degree, model.rank]).toEqual([family, null, 2]);
    const back = MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(model)));
    expect(back.predict(X)).toEqual(model.predict(X));
    expect(back.gradient(X)).toEqual(model.gradient(X));
    expect(back.importance()).toEqual(model.importance());
    expect(X.map(back.toFunction())).toEqual(Array.from(model.predict(X)));
    expect(structuredClone(model.data)).toEqual(model.data);
    expect(() => MultiIndexModel.fromJSON({ ...model.data, degree: 3 })).toThrow(
      expect.objectContaining({ details: { path: "$.link.degree" } }),
    );
  });
  test("with functions in their link predict but cannot be stored", () => {
    const model = modelOf(customLink());
    expect(X.map(model.toFunction())).toEqual(Array.from(model.predict(X)));
    for (const store of [() => JSON.stringify(model), () => model.toJSON(), () => JSON.stringify(model.link)]) {
      expect(store).toThrow(expect.objectContaining({ name: "InputError", code: "TYPE" }));
    }
    expect(() => MultiIndexModel.fromJSON(structuredClone(model.data))).toThrow(
      expect.objectContaining({ code: "FORMAT", details: { path: "$.link.family" } }),
    );
  });
});

describe("feature maps", () => {
  const calls = (map: Partial<typeof waves> | Record<string, unknown>): FeatureCalls =>
    new FeatureCalls({ ...waves, ...map } as typeof waves, 2);
  const out = new Float64Array(6);
  const codes: [string, string, () => unknown][] = [
    ["no features", "EMPTY", () => calls({ value: () => [] })],
    ["a number instead of an array", "TYPE", () => calls({ value: () => 3 })],
    [
      "another number of features later",
      "SHAPE",
      () => calls({ value: (z: number[]) => (z[0] === 0 ? [1] : [1, 2]) }).valuesInto([1, 1], 0, out, 0),
    ],
    ["NaN", "NOT_FINITE", () => calls({ value: () => [1, Number.NaN, 2] }).valuesInto([1, 1], 0, out, 0)],
    ["a string", "TYPE", () => calls({ value: () => [1, "2", 2] }).valuesInto([1, 1], 0, out, 0)],
    [
      "a derivative that throws",
      "CALLBACK",
      () =>
        calls({
          derivative: () => {
            throw new Error("no");
          },
        }).derivativesInto([1, 1], 0, out, 0),
    ],
    [
      "a derivative of the wrong length",
      "SHAPE",
      () => calls({ derivative: () => [1, 2, 3, 4] }).derivativesInto([1, 1], 0, out, 0),
    ],
    [
      "a derivative with a short row",
      "SHAPE",
      () => calls({ derivative: () => [[1, 2], [3], [4, 5]] }).derivativesInto([1, 1], 0, out, 0),
    ],
    [
      "an infinite derivative",
      "NOT_FINITE",
      () => calls({ derivative: () => [1, 2, 3, 4, 5, Number.POSITIVE_INFINITY] }).derivativesInto([1, 1], 0, out, 0),
    ],
  ];
  test.each(codes)("%s is refused", (_, code, run) => {
    expect(run).toThrow(expect.objectContaining({ code }));
  });
  test("derivatives may be flat or nested", () => {
    const [flat, nested] = [new Float64Array(6), new Float64Array(6)];
    calls({}).derivativesInto([0.3, 0.4], 0, nested, 0);
    calls({ derivative: (z: number[]) => Float64Array.from(waves.derivative(z).flat()) }).derivativesInto(
      [0.3, 0.4],
      0,
      flat,
      0,
    );
    expect(flat).toEqual(nested);
  });
  test("what a map throws is the cause", () => {
    const cause = new Error("out of range");
    const map = calls({
      value: (z: number[]) => {
        if (z[0] > 0) throw cause;
        return waves.value(z);
      },
    });
    expect(() => new CustomLink(map, [1, 1, 1], 0).evaluate([1, 1])).toThrow(
      expect.objectContaining({ code: "CALLBACK", cause }),
    );
  });
});
