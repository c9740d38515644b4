/** Planted samples: laws, reproducibility, refusals before any memory is taken. */
import { describe, expect, it } from "vitest";
import { LeapflowError, MemoryError } from "../../src/base/errors.js";
import { INPUT_LAWS, type SampleOptions, sampleMultiIndex } from "../../src/data/planted.js";
import { fromMatrix, multiply } from "../../src/math/dense.js";
import { orthonormalityError } from "../../src/math/grassmann.js";
import { Link } from "../../src/model/link.js";

const thrown = (run: () => unknown): LeapflowError => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};
const link = Link.fromFunction(([a, b]) => a + a * b, { rank: 2, degree: 3 });
const draw = (options: Partial<SampleOptions> = {}) =>
  sampleMultiIndex(link, { dim: 6, samples: 500, seed: 3, ...options });

describe("samples", () => {
  it("are f(basisᵀx), plus noise of the size asked for", () => {
    const { X, y, f, basis } = draw({ samples: 5000, noiseStd: 0.3 });
    expect([X.rows, X.columns, X.data.length, basis.rows, basis.columns]).toEqual([5000, 6, 30_000, 6, 2]);
    expect(orthonormalityError(fromMatrix(basis), 6, 2)).toBeLessThan(1e-14);
    const Z = multiply(X.data, fromMatrix(basis), 5000, 6, 2);
    const { values } = link.evaluateMany(Z, 5000);
    expect(Math.max(...f.map((x, i) => Math.abs(x - values[i])))).toBeLessThan(1e-13);
    const noise = y.map((x, i) => (x - f[i]) / 0.3);
    const mean = noise.reduce((sum, x) => sum + x, 0) / 5000;
    const square = noise.reduce((sum, x) => sum + x * x, 0) / 5000;
    expect(Math.abs(mean) * Math.sqrt(5000)).toBeLessThan(4.5);
    expect((Math.abs(square - 1) * Math.sqrt(5000)) / Math.SQRT2).toBeLessThan(4.5);
  });

  // Fourth moments 3, 9/5, 1 and 9 of the laws with variance 1.
  it.each([
    ["gaussian", 3, 0.1],
    ["uniform", 1.8, 0.03],
    ["rademacher", 1, 1e-12],
    ["student", 9, 4],
  ] as const)("%s inputs have mean 0, variance 1 and their fourth moment", (inputs, fourth, tolerance) => {
    const { data } = draw({ inputs, samples: 30_000 }).X;
    const moment = (k: number) => data.reduce((sum, x) => sum + x ** k, 0) / data.length;
    expect(Math.abs(moment(1))).toBeLessThan(4.5 / Math.sqrt(data.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan((4.5 * Math.sqrt(fourth - 1 + 1e-9)) / Math.sqrt(data.length) + 1e-12);
    expect(Math.abs(moment(4) - fourth)).toBeLessThan(tolerance);
  });

  it("repeat bit for bit for one seed; laws and noise leave the basis alone", () => {
    expect(draw({ noiseStd: 0.1 })).toEqual(draw({ noiseStd: 0.1 }));
    for (const inputs of INPUT_LAWS) expect(draw({ inputs, noiseStd: 1 }).basis).toEqual(draw().basis);
    expect(draw({ noiseStd: 5 }).X).toEqual(draw().X);
    expect(draw({ samples: 100 }).X.data).toEqual(draw().X.data.slice(0, 600));
    expect(draw({ seed: 4 }).X.data[0]).not.toBe(draw().X.data[0]);
    expect(draw().y).toEqual(draw().f);
  });

  it("row 35: a missing seed is drawn and reported", () => {
    const first = draw({ seed: undefined });
    expect(Number.isSafeInteger(first.seed)).toBe(true);
    expect(draw({ seed: first.seed }).y).toEqual(first.y);
  });

  it("rank 0 gives the constant", () => {
    const got = sampleMultiIndex(Link.fromCoefficients([2], { rank: 0, degree: 0 }), { dim: 3, samples: 4, seed: 1 });
    expect(got.f).toEqual(Float64Array.of(2, 2, 2, 2));
    expect([got.basis.rows, got.basis.columns]).toEqual([3, 0]);
  });
});

describe("refusals", () => {
  it("row 25: more rows than memory, before allocating", () => {
    const before = process.memoryUsage().arrayBuffers;
    const error = thrown(() => draw({ dim: 1e6, samples: 1e7 }));
    expect(error).toBeInstanceOf(MemoryError);
    expect(error.code).toBe("TOO_LARGE");
    expect(error.message).toMatch(/80000000000000 bytes.*GiB/);
    expect(error.details).toMatchObject({ bytesWanted: 8e13 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
  });

  it.each([
    [{ dim: 1 }, "RANGE"],
    [{ dim: 2.5 }, "RANGE"],
    [{ dim: "6" }, "TYPE"],
    [{ samples: 0 }, "RANGE"],
    [{ noiseStd: -1 }, "RANGE"],
    [{ noiseStd: NaN }, "RANGE"],
    [{ seed: -1 }, "RANGE"],
    [{ seed: 1.5 }, "RANGE"],
    [{ inputs: "cauchy" }, "RANGE"],
    [{ noise: 1 }, "UNKNOWN"],
  ])("%o is %s", (options, code) => {
    expect(thrown(() => draw(options as Partial<SampleOptions>)).code).toBe(code);
  });

  it("a link that is none, and one that overflows on heavy tails", () => {
    expect(thrown(() => sampleMultiIndex(null as never, { dim: 2, samples: 2 })).code).toBe("TYPE");
    const huge = {
      rank: 1,
      evaluateMany: (_: Float64Array, n: number) => ({ values: new Float64Array(n).fill(Infinity) }),
    };
    expect(thrown(() => sampleMultiIndex(huge, { dim: 2, samples: 2, seed: 1 })).code).toBe("OVERFLOW");
  });
});
