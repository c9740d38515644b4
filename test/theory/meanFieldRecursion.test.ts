/** The recursions of the mean-field equations against matrices written out, and starts and maps in closed form. */
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { parseChannel } from "../../src/single/channel.js";
import { parsePreprocess } from "../../src/single/preprocess.js";
import { predictSpectral } from "../../src/single/spectralTransition.js";
import { readDmftOptions } from "../../src/theory/meanFieldOptions.js";
import { MeanFieldRecursion } from "../../src/theory/meanFieldRecursion.js";
import { independentStart, linearMoments, linearStart, spectralStart } from "../../src/theory/meanFieldStart.js";
import { populationMap } from "../../src/theory/populationMap.js";
import { codeOf } from "../support/errors.js";
import { apart } from "../support/workspaces.js";

describe("recursion", () => {
  const steps = 4;
  const n = steps + 1;
  const options = { ratio: 3, ridge: 0.2, stepSize: 0.4, steps };
  /** Gradients of the start's field and of five steps, as a positive definite matrix of products; responses Γ; E[z g]. */
  const g = new Matrix(
    Array.from({ length: n + 1 }, (_, i) => Array.from({ length: 8 }, (__, k) => Math.sin(1.3 * (i + 1) * (k + 2)))),
  );
  const products = g.mmul(g.transpose());
  const gamma = (t: number, s: number) => (s > t ? 0 : 0.5 * Math.cos(t + 2 * s) + (s === t ? 1 : 0));
  const signal = (t: number) => 0.3 * Math.sin(t + 1);
  const start = { ...independentStart(0.5, 0.8), variance: 1.7 };
  const run = () => {
    const recursion = new MeanFieldRecursion({ ...options, start });
    for (let t = 0; t < n; t++) {
      recursion.advance(t, {
        signal: signal(t),
        products: Float64Array.from({ length: t + 2 }, (_, j) => products.get(t + 1, j)),
        responses: Float64Array.from({ length: t + 1 }, (_, s) => gamma(t, s)),
        loss: 0,
      });
    }
    return recursion;
  };
  /** Σ over the static field and the steps: the start's variance, then products over the ratio. */
  const sigma = new Matrix(
    Array.from({ length: n + 1 }, (_, i) =>
      Array.from({ length: n + 1 }, (__, j) => (i + j === 0 ? 1.7 : products.get(i, j) / 3)),
    ),
  );

  it("responses are those of θ → (1 − ηλ)θ − η(Γθ + field)", () => {
    const { response } = run();
    const keep = 1 - 0.4 * 0.2;
    for (let j = 0; j <= n; j++) {
      // A unit of the field of time j alone: the static one enters θ⁰, others one step later.
      const theta = [j === 0 ? start.response : 0];
      for (let t = 0; t < steps; t++) {
        const memory = theta.reduce((sum, v, r) => sum + gamma(t, r) * v, 0) + (j === t + 1 ? 1 : 0);
        theta.push(keep * theta[t] - 0.4 * memory);
      }
      theta.forEach((v, t) => {
        expect(response[t * (n + 1) + j], `R(${t}, ${j})`).toBeCloseTo(v, 13);
      });
    }
  });

  it("overlaps shrink by the ridge and follow the signal", () => {
    const { overlap } = run();
    let m = 0.5;
    for (let t = 0; t < n; t++) {
      expect(overlap[t]).toBeCloseTo(m, 14);
      m = (1 - 0.4 * 0.2) * m - 0.4 * signal(t);
    }
  });

  it("correlations are mmᵀ + RΣRᵀ, with a factor of the second part", () => {
    const recursion = run();
    const r = Matrix.from1DArray(n, n + 1, Array.from(recursion.response));
    const v = r.mmul(sigma).mmul(r.transpose());
    const m = Matrix.columnVector(Array.from(recursion.overlap));
    expect(apart(recursion.correlation, v.clone().add(m.mmul(m.transpose())).to1DArray())).toBeLessThan(1e-12);
    const factor = Matrix.zeros(n, n);
    for (let t = 0; t < n; t++) {
      const row = recursion.factorRow(t);
      expect(row).toHaveLength(t + 1);
      row.forEach((value, s) => {
        factor.set(t, s, value);
      });
    }
    expect(apart(factor.mmul(factor.transpose()).to1DArray(), v.to1DArray())).toBeLessThan(1e-11);
    for (let t = 0; t < n; t++) {
      expect(recursion.normSquared[t]).toBeCloseTo(recursion.correlation[t * n + t], 14);
      expect(factor.get(t, t)).toBeGreaterThan(0);
    }
  });

  it("memories are responses over the ratio, gradient responses are kept", () => {
    const recursion = run();
    for (let t = 0; t < n; t++) {
      const wanted = Array.from({ length: t + 1 }, (_, j) => recursion.response[t * (n + 1) + j] / 3);
      expect(apart(recursion.memoryRow(t), wanted)).toBeLessThan(1e-15);
      for (let s = 0; s < n; s++) expect(recursion.gradientResponse[t * n + s]).toBe(gamma(t, s));
    }
  });

  it("a field that adds nothing new has no part in the factor", () => {
    const still = new MeanFieldRecursion({ ...options, start: independentStart(0.5, 0.25) });
    expect(still.factorRow(0)).toEqual(Float64Array.of(0));
    still.advance(0, {
      signal: 0,
      products: Float64Array.of(0, 0),
      responses: Float64Array.of(0),
      loss: 0,
    });
    expect(Array.from(still.factorRow(1))).toEqual([0, 0]);
    expect(still.normSquared[1]).toBeCloseTo((0.92 * 0.5) ** 2, 14);
    // The same field again: rank one.
    const same = new MeanFieldRecursion({ ratio: 3, ridge: 0, stepSize: 0.4, steps: 1, start: independentStart(0, 1) });
    same.advance(0, { signal: 0, products: Float64Array.of(0, 0), responses: Float64Array.of(0), loss: 0 });
    expect(Array.from(same.factorRow(1))).toEqual([1, 0]);
  });
});

describe("starts", () => {
  it("independent of the rows: θ⁰ = m·θ* + √(q − m²)·w", () => {
    const start = independentStart(0.6, 1);
    expect(start).toMatchObject({ kind: "independent", overlap: 0.6, variance: 1 });
    expect(start.response).toBeCloseTo(0.8, 15);
    expect([start.constant(3), start.amplitude(3), start.tail(3)]).toEqual([0, 1, 0]);
    expect(independentStart(0.6, 0.36 - 1e-17).response).toBe(0);
  });

  it("linear moments: E zy and E y²", () => {
    const moments = (link: Parameters<typeof parseChannel>[0]) => linearMoments(parseChannel(link));
    expect(moments("square")).toEqual({ signal: 0, square: expect.closeTo(3, 8) });
    const line = moments({ link: (z: number) => 2 * z, noiseStd: 0.5 });
    expect(line.signal).toBeCloseTo(2, 6);
    expect(line.square).toBeCloseTo(4.25, 6);
    const cubic = moments("cubic");
    expect(cubic.signal).toBeCloseTo(3, 5);
    expect(cubic.square).toBeCloseTo(15, 4);
    const relu = moments("relu");
    expect(relu.signal).toBeCloseTo(0.5, 7);
    expect(relu.square).toBeCloseTo(0.5, 7);
    // max(z² + σw, 0) with little noise.
    expect(moments({ link: "square", noiseStd: 0.01 }).square).toBeCloseTo(3, 3);
  });

  it("the linear start is scale·(1/δ)Xᵀy", () => {
    const channel = parseChannel({ link: (z: number) => 2 * z, noiseStd: 0.5 });
    const start = linearStart(channel, 5, 3);
    expect(start).toMatchObject({ kind: "linear", response: 3 });
    expect(start.overlap).toBeCloseTo(6, 6);
    expect(start.variance).toBeCloseTo(4.25 / 5, 6);
    expect([start.constant(7), start.amplitude(7), start.tail(7)]).toEqual([7, 1, 0]);
  });

  it("the spectral start has the cosine of its eigenvector and norm κ", () => {
    const channel = parseChannel("square");
    const preprocess = parsePreprocess("trim(9)", { channel, ratio: 5, complex: false });
    const start = spectralStart(channel, preprocess, 5, false, 1.5);
    const { overlap, multiplier = 0 } = predictSpectral(channel, preprocess, 5, false);
    expect(start.kind).toBe("spectral");
    expect(start.overlap).toBeCloseTo(1.5 * overlap, 14);
    // m² + R²Σ = κ².
    expect(start.overlap ** 2 + start.response ** 2 * start.variance).toBeCloseTo(1.5 ** 2, 12);
    expect(start.response).toBeCloseTo((1.5 * 5) / multiplier, 12);
    const t = preprocess.value(2);
    expect(start.amplitude(2)).toBeCloseTo(1 / (1 - t / multiplier), 13);
    expect(start.tail(2)).toBeCloseTo(t / 1.5 / (1 - t / multiplier), 13);
    expect(start.constant(2)).toBe(0);
    expect(start.spectral?.overlap).toBe(overlap);
  });

  it("below its threshold it knows nothing, and says where that is", () => {
    const channel = parseChannel("square");
    const preprocess = parsePreprocess("trim(9)", { channel, ratio: 0.3, complex: false });
    const run = () => spectralStart(channel, preprocess, 0.3, false, 1);
    const { threshold } = predictSpectral(channel, preprocess, 0.3, false);
    expect(codeOf(run)).toBe("RANGE");
    expect(run).toThrow(
      `the spectral start knows nothing at ratio 0.3: the threshold of ${preprocess.name} on this channel is ${threshold.toPrecision(5)}. Raise ratio, choose another preprocess, or another start.`,
    );
  });
});

describe("population map", () => {
  const squares = {
    value: (x: number, y: number) => 0.5 * (x - y) ** 2,
    derivative: (x: number, y: number) => x - y,
    secondDerivative: () => 1,
  };
  const given = {
    ...{ channel: { link: (z: number) => z, noiseStd: 0.5 }, loss: squares, ratio: Number.POSITIVE_INFINITY },
    ...{ ridge: 0.2, stepSize: 0.4, steps: 5, seed: 9, paths: 64, replicates: 3 },
    start: { overlap: 0.5, normSquared: 0.9 },
  };

  it("of squares is linear: θ → (1 − η(λ + 1))θ + ηθ*", () => {
    const map = populationMap(readDmftOptions(given));
    const a = 1 - 0.4 * 1.2;
    let [m, rest] = [0.5, Math.sqrt(0.9 - 0.25)];
    for (let t = 0; t <= 5; t++) {
      expect(map.overlap[t]).toBeCloseTo(m, 10);
      expect(map.normSquared[t]).toBeCloseTo(m * m + rest * rest, 10);
      const loss = 0.5 * (m * m + rest * rest - 2 * m + 1 + 0.25);
      expect(map.testLoss[t]).toBeCloseTo(loss, 9);
      expect(map.trainLoss[t]).toBe(map.testLoss[t]);
      expect(map.response.get(t, 0)).toBeCloseTo(rest, 10);
      for (let s = 0; s <= 5; s++) {
        // Static field, then one column a step: −η at first, times a every step.
        const wanted = s < t ? -0.4 * a ** (t - 1 - s) : 0;
        expect(map.response.get(t, 1 + s)).toBeCloseTo(wanted, 10);
        expect(map.gradientResponse.get(t, s)).toBeCloseTo(s === t ? 1 : 0, 10);
        expect(map.correlation.get(t, s)).toBeCloseTo(
          map.overlap[t] * map.overlap[s] + map.response.get(t, 0) * map.response.get(s, 0),
          13,
        );
      }
      [m, rest] = [a * m + 0.4, a * rest];
    }
    expect(Array.from(map.times)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(map).toMatchObject({ stepSize: 0.4, paths: 64, replicates: 3, seed: 9, warnings: [] });
    expect(Array.from(map.standardErrors?.overlap ?? [])).toEqual([0, 0, 0, 0, 0, 0]);
    expect(map.cosine[2]).toBeCloseTo(map.overlap[2] / Math.sqrt(map.normSquared[2]), 12);
  });

  it("names the step at which it leaves the numbers", () => {
    const problem = readDmftOptions({ ...given, loss: "wf", channel: "square", stepSize: 50, steps: 40 });
    expect(codeOf(() => populationMap(problem))).toBe("OVERFLOW");
    expect(() => populationMap(problem)).toThrow(
      /^the population map diverges at step \d+: stepSize 50 is too large for the curvature of wf\. Take a smaller step\.$/,
    );
  });
});
