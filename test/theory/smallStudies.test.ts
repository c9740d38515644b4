/** Studies of a few small runs, every figure of which is computed again here. */
import { EVD, Matrix, SingularValueDecomposition } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import {
  bootstrapHalfWidth,
  fitLine,
  median,
  NORMAL_POINT,
  quantile,
  wilsonInterval,
} from "../../src/base/statistics.js";
import { type PlantedLink, sampleMultiIndex } from "../../src/data/planted.js";
import { fitMultiIndex } from "../../src/index.js";
import { randomBasis } from "../../src/math/grassmann.js";
import { subspaceDistance } from "../../src/model/compare.js";
import { Link } from "../../src/model/link.js";
import { populationLoss } from "../../src/theory/averaging.js";
import { plantedFlow, populationFlow } from "../../src/theory/index.js";
import { landscapeStudy } from "../../src/theory/landscape.js";
import { sampleComplexityStudy } from "../../src/theory/sampleComplexity.js";
import { scalingStudy } from "../../src/theory/scalingStudy.js";
import { stabilityStudy } from "../../src/theory/stability.js";
import type { StudyProgress } from "../../src/theory/studyTools.js";
import { trapStudy } from "../../src/theory/trapStudy.js";

const failure = async (work: Promise<unknown>) =>
  work.then(
    () => "nothing thrown",
    ({ code, message }) => `${code} ${message}`,
  );

describe("scaling", () => {
  it("times, quartiles, slopes and their intervals are those of the flows", async () => {
    const link = Link.parse("h3(z1)");
    const [dims, trials, seed] = [[60, 200, 600], 3, 7];
    const progress: StudyProgress[] = [];
    const onProgress = (step: StudyProgress) => progress.push(step);
    const study = await scalingStudy(link, { dims, trials, seed, onProgress });
    const last: number[][] = [];
    for (const dim of dims) {
      const times: number[] = [];
      for (let trial = 0; trial < trials; trial++) {
        const { escapes } = await populationFlow(link, { dim, seed, trial, rank: 1, tolerance: 1e-8 });
        times.push(escapes[escapes.length - 1].time);
      }
      last.push(times);
    }
    expect(study).toMatchObject({ flow: "two-timescale", dims, trials, seed, escaped: [3, 3, 3], predicted: 2 });
    expect(study.times).toEqual(last.map((times) => median(times)));
    expect(study.quartiles).toEqual(last.map((times) => [quantile(times, 0.25), quantile(times, 0.75)]));
    const logs = dims.map(Math.log);
    const line = fitLine(
      logs,
      last.map((times) => Math.log(median(times))),
    );
    expect(study.exponent).toBeCloseTo(line.slope, 10);
    const spread = bootstrapHalfWidth(
      trials,
      seed,
      (drawn) =>
        fitLine(
          logs,
          last.map((times) => Math.log(median(Array.from(drawn, (t) => times[t])))),
        ).slope,
    );
    const half = Math.hypot(spread, line.halfWidth);
    expect(study.interval?.[0]).toBeCloseTo(line.slope - half, 9);
    expect(study.interval?.[1]).toBeCloseTo(line.slope + half, 9);
    const parts = last.map((times, i) => median(times) / dims[i] ** 2);
    expect(study.prefactor).toBeCloseTo(parts.reduce((product, v) => product * v, 1) ** (1 / 3), 10);
    const straight = fitLine(
      logs,
      last.map((times) => median(times)),
    );
    expect((study.logSlope ?? 0) / straight.slope).toBeCloseTo(1, 10);
    expect(progress).toHaveLength(9);
    expect(progress[4]).toEqual({ phase: "d = 200", done: 5, total: 9 });
    expect(progress[8]).toEqual({ phase: "d = 600", done: 9, total: 9 });
  });

  it("planted flows that never escape are left out, and have half the power", async () => {
    const link = Link.parse("h3(z1)");
    const study = await scalingStudy(link, { dims: [30, 90], trials: 5, seed: 3, flow: "planted" });
    const found: number[][] = [];
    for (const dim of [30, 90]) {
      const times: number[] = [];
      for (let trial = 0; trial < 5; trial++) {
        const { escapes } = await plantedFlow(link, { dim, seed: 3, trial, tolerance: 1e-8 });
        if (escapes.length > 0) times.push(escapes[0].time);
      }
      found.push(times);
    }
    // On the wrong side in every dimension, since starts are the same.
    expect(found[0].length).toBeGreaterThan(0);
    expect(found[0].length).toBeLessThan(5);
    expect(study.escaped).toEqual(found.map(({ length }) => length));
    expect(study.times).toEqual(found.map((times) => median(times)));
    expect(study).toMatchObject({ flow: "planted", predicted: 0.5 });
    const line = fitLine(
      [30, 90].map(Math.log),
      found.map((times) => Math.log(median(times))),
    );
    expect(study.exponent).toBeCloseTo(line.slope, 10);
  });

  it("one dimension has no slope; a start on the diagonal has one trial", async () => {
    const study = await scalingStudy(Link.parse("h2(z1)"), { dims: [50], start: "diagonal", seed: 1 });
    const { escapes } = await populationFlow(Link.parse("h2(z1)"), { start: [[1 / Math.sqrt(50)]], tolerance: 1e-8 });
    expect(study).toMatchObject({ trials: 1, exponent: null, interval: null, logSlope: null, predicted: 1 });
    expect(study.times).toEqual([escapes[0].time]);
    expect(study.prefactor).toBeCloseTo(escapes[0].time / 50, 12);
    // Powers of 0 are logarithms: no factor.
    const line = await scalingStudy(Link.parse("z1"), { dims: [50, 100], start: "diagonal" });
    expect(line).toMatchObject({ predicted: 0, prefactor: null });
    expect(
      (await scalingStudy(Link.parse("h3(z1)"), { dims: [20], trials: 1, flow: "planted", seed: 1 })).predicted,
    ).toBe(0.5);
    const odd = await scalingStudy(Link.parse("z1"), { dims: [20], trials: 1, flow: "planted", seed: 1 });
    expect(odd.predicted).toBe(0);
  });

  it("fewer directions than the link has leave fewer saddles", async () => {
    const link = Link.parse("z1 + h2(z2)");
    const study = await scalingStudy(link, { dims: [200], trials: 1, seed: 7, rank: 1 });
    const { escapes } = await populationFlow(link, { dim: 200, seed: 7, trial: 0, rank: 1, tolerance: 1e-8 });
    expect(escapes).toHaveLength(1);
    expect(study.escaped).toEqual([1]);
    expect(study.times).toEqual([escapes[0].time]);
  });

  it.each([
    [{ dims: [50], trials: 2, start: "diagonal" }, /^RANGE trials is 2; a diagonal start is always the same/],
    [{ dims: [50], flow: "planted", rank: 2 }, /^RANGE rank is 2; the planted problem has the link's own 1 directions/],
    [{ dims: [50], flow: "free" }, /^RANGE flow.*"two-timescale", "planted"/],
    [{ dims: [50], start: "here" }, /^RANGE start.*"gaussian", "diagonal"/],
    [{ dims: [50], trials: 0 }, /^RANGE trials/],
    [{ dims: [50], rank: 0 }, /^RANGE rank/],
    [{ dims: [50], tolerance: 1 }, /^RANGE tolerance/],
    [{ dims: [50], tolerance: 1e-15 }, /^RANGE tolerance/],
    [{ dims: [1] }, /^RANGE dims\[0\]/],
    [{ dims: [50], dim: 3 }, /^UNKNOWN .*scalingStudy/],
  ])("%o is refused", async (options, words) => {
    expect(await failure(scalingStudy(Link.parse("h2(z1)"), options as never))).toMatch(words);
  });
});

describe("samples needed", () => {
  const link = Link.parse("h2(z1) + 0.3*z1");
  const options = { dims: [3, 6, 9], trials: 4, seed: 11, growth: 1.6, noiseStd: 0.4, distance: 0.5 } as const;

  it("successes are fits within the distance, the half is interpolated between them", async () => {
    const progress: StudyProgress[] = [];
    const study = await sampleComplexityStudy(link, {
      ...options,
      method: "lbfgs",
      start: "slices",
      maxIterations: 7,
      onProgress: (step) => progress.push(step),
    });
    expect(study).toMatchObject({ dims: [3, 6, 9], trials: 4, seed: 11 });
    const errors: number[] = [];
    for (const [i, need] of study.needs.entries()) {
      const { dim, tried, half } = need;
      expect(dim).toBe(options.dims[i]);
      // One more row than features at least, of which there are three; in more dimensions than that too.
      expect(tried[0].samples).toBeGreaterThanOrEqual(4);
      for (const { samples, successes } of tried.slice(0, 1)) {
        let count = 0;
        for (let trial = 0; trial < 4; trial++) {
          const seed = createRng(11, "samples", dim, samples, trial).integer(2147483647);
          const data = sampleMultiIndex(link as PlantedLink, { dim, samples, noiseStd: 0.4, seed });
          const fit = await fitMultiIndex(data.X, data.y, {
            ...{ rank: 1, degree: 2, method: "lbfgs", start: "slices", restarts: 0 },
            ...{ maxIterations: 7, whiten: "none", seed },
          });
          if (subspaceDistance(fit.model.basis, data.basis) < 0.5) count++;
        }
        expect(successes, `d = ${dim}, n = ${samples}`).toBe(count);
      }
      const at = tried.findIndex(({ successes }) => successes >= 2);
      expect(at).toBeGreaterThanOrEqual(0);
      const [low, high] = [tried[Math.max(0, at - 1)], tried[at]];
      if (at === 0) {
        expect(half).toBe(high.samples);
        errors.push(Math.log(1.6));
        continue;
      }
      const rise = (high.successes - low.successes) / 4;
      const step = Math.log(high.samples / low.samples);
      expect(half).toBeCloseTo(low.samples * Math.exp(((0.5 - low.successes / 4) / rise) * step), 8);
      errors.push(Math.min(step, (0.25 * step) / rise));
    }
    expect(study.samples).toEqual(study.needs.map(({ half }) => half));
    const x = options.dims.map(Math.log);
    const y = study.samples.map((n) => Math.log(n ?? 0));
    const { slope, intercept } = fitLine(x, y);
    expect(study.exponent).toBeCloseTo(slope, 9);
    const mean = x.reduce((a, b) => a + b, 0) / 3;
    const spread = x.reduce((s, v) => s + (v - mean) ** 2, 0);
    const noise = x.reduce((s, v, i) => s + ((errors[i] * (v - mean)) / spread) ** 2, 0);
    const misfit = x.reduce((s, v, i) => s + ((y[i] - intercept - slope * v) / errors[i]) ** 2, 0);
    const width = NORMAL_POINT * Math.sqrt(noise * Math.max(1, misfit));
    expect(study.interval?.[0]).toBeCloseTo(slope - width, 8);
    expect(study.interval?.[1]).toBeCloseTo(slope + width, 8);
    expect(progress[0]).toEqual({
      phase: expect.stringMatching(/^d = 3 \(1 of 3\), n = \d+$/),
      done: 1,
      total: 4,
    });
    // Twice the dimension at first, then in proportion to what the last dimension needed, one step below.
    expect(progress[0].phase).toMatch(/n = 6$/);
    const second = progress.find(({ phase }) => phase.startsWith("d = 6"));
    const first = Math.round(((study.samples[0] ?? 0) * 6) / 3 / 1.6);
    expect(second?.phase).toBe(`d = 6 (2 of 3), n = ${Math.max(4, first)}`);
  });

  it("has no slope where the most samples do not suffice", async () => {
    const study = await sampleComplexityStudy(Link.parse("h4(z1)"), {
      ...{ dims: [20, 40], trials: 2, seed: 1, maxSamples: 30, maxIterations: 1, growth: 10 },
    });
    expect(study.samples).toEqual([null, null]);
    expect(study).toMatchObject({ exponent: null, interval: null });
    expect(study.needs[0].tried.at(-1)?.samples).toBe(30);
    expect(study.needs[1].tried).toEqual([{ samples: 30, successes: 0 }]);
  });

  it.each([
    [{ dims: [4], trials: 0 }, /^RANGE trials/],
    [{ dims: [4], growth: 1.01 }, /^RANGE growth/],
    [{ dims: [4], growth: 11 }, /^RANGE growth/],
    [{ dims: [4], start: "auto" }, /^RANGE start.*"random", "slices", "linear-hessian", "spectral"/],
    [{ dims: [4], method: "newton" }, /^RANGE method.*"gauss-newton", "lbfgs"/],
    [{ dims: [4], maxIterations: 0 }, /^RANGE maxIterations/],
    [{ dims: [4], maxSamples: 7 }, /^RANGE maxSamples/],
    [{ dims: [4], samples: 7 }, /^UNKNOWN .*sampleComplexityStudy/],
  ])("%o is refused", async (given, words) => {
    expect(await failure(sampleComplexityStudy(link, given as never))).toMatch(words);
  });
});

describe("stability", () => {
  it("condition numbers are those of the operator and of the features of the rows drawn", async () => {
    const progress: StudyProgress[] = [];
    const study = await stabilityStudy({
      ...{ ranks: [1, 2], degrees: [2], trials: 3, smallest: 0.4, samplesPerFeature: 7, seed: 5 },
      onProgress: (step) => progress.push(step),
    });
    expect(study).toMatchObject({ trials: 3, smallest: 0.4, seed: 5 });
    const [one, two] = study.rows;
    expect(one).toMatchObject({ rank: 1, degree: 2, featureCount: 3, samples: 21 });
    expect(two).toMatchObject({ rank: 2, degree: 2, featureCount: 6, samples: 42 });
    for (const row of study.rows) {
      // Between 1, on the constant, and the smallest cosine to the power of the degree.
      expect(row.predictedOperatorCondition).toBeCloseTo(0.4 ** -2, 12);
      expect(row.operatorCondition.median).toBeCloseTo(0.4 ** -2, 10);
      expect(row.operatorCondition.interval[1]).toBeCloseTo(0.4 ** -2, 10);
      expect(row.operatorError.interval[0]).toBeGreaterThanOrEqual(0);
      expect(row.operatorError.interval[1]).toBeLessThan(50);
    }
    const conditions: number[] = [];
    for (let trial = 0; trial < 3; trial++) {
      const rng = createRng(5, "stability", 1, 2, trial);
      for (let k = 0; k < 4; k++) randomBasis(1, 1, rng);
      const phi = new Matrix(
        Array.from({ length: 21 }, () => {
          const z = rng.normal();
          return [1, z, (z * z - 1) / Math.SQRT2];
        }),
      );
      const values = new EVD(phi.transpose().mmul(phi), { assumeSymmetric: true }).realEigenvalues.sort(
        (a, b) => a - b,
      );
      conditions.push(values[2] / values[0]);
    }
    expect(one.gramCondition.median / median(conditions)).toBeCloseTo(1, 9);
    expect(one.gramCondition.interval[0] / quantile(conditions, 0.025)).toBeCloseTo(1, 9);
    expect(one.gramCondition.interval[1] / quantile(conditions, 0.975)).toBeCloseTo(1, 9);
    expect(two.gramCondition.median).toBeGreaterThan(1);
    expect(progress).toEqual([
      { phase: "rank 1, degree 2", done: 1, total: 2 },
      { phase: "rank 2, degree 2", done: 2, total: 2 },
    ]);
  });

  it.each([
    [{ ranks: [] }, /^TYPE ranks is .*; expected an array of whole numbers such as \[1, 2\]\.$/],
    [{ degrees: 3 }, /^TYPE degrees is 3; expected an array/],
    [{ ranks: [1, 0] }, /^RANGE ranks\[1\]/],
    [{ degrees: [1.5] }, /^RANGE degrees\[0\]/],
    [{ trials: 0 }, /^RANGE trials/],
    [{ smallest: 0 }, /^RANGE smallest/],
    [{ smallest: 1.1 }, /^RANGE smallest/],
    [{ samplesPerFeature: 1 }, /^RANGE samplesPerFeature/],
    [{ ranks: [3], degrees: [12] }, /^TOO_LARGE/],
    [{ rank: [3] }, /^UNKNOWN .*stabilityStudy/],
  ])("%o is refused", async (options, words) => {
    expect(await failure(stabilityStudy(options as never))).toMatch(words);
  });
});

describe("traps", () => {
  it("shares and losses are those of the flows from the same frames", async () => {
    const link = Link.parse("h2(z1) + 0.5*h3(z1) + 1");
    const progress: StudyProgress[] = [];
    const study = await trapStudy(link, { dim: 9, trials: 6, seed: 2, onProgress: (step) => progress.push(step) });
    const losses: number[] = [];
    for (let trial = 0; trial < 6; trial++)
      losses.push((await plantedFlow(link, { dim: 9, start: "haar", seed: 2, trial })).finalLoss / 1.25);
    expect(Array.from(study.planted.losses)).toEqual(losses);
    const trapped = losses.filter((loss) => loss > 1e-5).length;
    expect(trapped).toBeGreaterThan(0);
    expect(trapped).toBeLessThan(6);
    expect(study).toMatchObject({ trials: 6, dim: 9, seed: 2 });
    expect(study.planted).toMatchObject({
      trapped,
      probability: trapped / 6,
      interval: wilsonInterval(trapped, 6),
    });
    expect(study.joint).toMatchObject({ trapped: 0, probability: 0, interval: wilsonInterval(0, 6) });
    expect(progress.at(-1)).toEqual({ phase: "start", done: 6, total: 6 });
    expect(await failure(trapStudy(link, { dim: 0 }))).toMatch(/^RANGE dim/);
    expect(await failure(trapStudy(link, { dim: 3, trials: 0 }))).toMatch(/^RANGE trials/);
    expect(await failure(trapStudy(link, { dim: 3, runs: 0 } as never))).toMatch(/^UNKNOWN .*trapStudy/);
  });
});

describe("landscape", () => {
  it("starts have the cosines drawn, one step lands on the target", async () => {
    const link = Link.parse("z1 + h2(z2) + 0.5*z1*z2");
    const [dim, seed, smallest] = [7, 3, 0.05];
    const progress: StudyProgress[] = [];
    const onProgress = (step: StudyProgress) => progress.push(step);
    const study = await landscapeStudy(link, { dim, trials: 4, smallest, seed, onProgress });
    const zero = populationLoss(link, Matrix.zeros(2, 2)).loss;
    for (let trial = 0; trial < 4; trial++) {
      const rng = createRng(seed, "landscape", trial);
      const both = Matrix.from1DArray(dim, 4, Array.from(randomBasis(dim, 4, rng)));
      const turn = Matrix.from1DArray(2, 2, Array.from(randomBasis(2, 2, rng)));
      rng.uniform();
      const cosines = [smallest, smallest ** rng.uniform()];
      const target = both.subMatrix(0, dim - 1, 0, 1);
      const outside = both.subMatrix(0, dim - 1, 2, 3).mmul(Matrix.diag(cosines.map((c) => Math.sqrt(1 - c * c))));
      const w = target.mmul(Matrix.diag(cosines)).add(outside).mmul(turn);
      const m = w.transpose().mmul(target);
      const { loss, smoothedGradient } = populationLoss(link, m);
      expect(study.before[trial]).toBeCloseTo(Math.hypot(...cosines.map(Math.acos)), 9);
      expect(study.lossBefore[trial]).toBeCloseTo(loss / zero, 11);
      expect(study.smallestCosine[trial]).toBe(Math.min(...cosines));
      const { diagonal } = new SingularValueDecomposition(m.mmul(smoothedGradient).mmul(m.transpose()));
      expect(study.condition[trial] / (diagonal[0] / diagonal[1])).toBeCloseTo(1, 6);
      expect(study.after[trial]).toBeLessThan(1e-9);
      expect(study.lossAfter[trial]).toBeLessThan(1e-15);
    }
    expect(study.medianAfter).toBe(median(study.after));
    expect(study.range).toEqual([quantile(study.after, 0.025), quantile(study.after, 0.975)]);
    expect(study).toMatchObject({ trials: 4, dim, seed });
    expect(progress.at(-1)).toEqual({ phase: "start", done: 4, total: 4 });
    const plain = await landscapeStudy(link, { dim: 4, trials: 1, seed });
    expect(plain.smallestCosine[0]).toBe(0.5);
  });

  it.each([
    [{ dim: 3 }, /^RANGE dim/],
    [{ dim: 4, trials: 0 }, /^RANGE trials/],
    [{ dim: 4, smallest: 0 }, /^RANGE smallest/],
    [{ dim: 4, smallest: 1.5 }, /^RANGE smallest/],
    [{ dim: 4, dims: 3 }, /^UNKNOWN .*landscapeStudy/],
  ])("%o is refused", async (options, words) => {
    expect(await failure(landscapeStudy(Link.parse("z1*z2"), options as never))).toMatch(words);
  });
});
