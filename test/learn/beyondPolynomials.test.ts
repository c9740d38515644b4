/** Links that polynomials of a search's degrees are blind to, or see badly, in the directions that they need. */
import { describe, expect, it } from "vitest";
import { createRng, type Rng } from "../../src/base/rng.js";
import { fitMultiIndex, rSquared } from "../../src/index.js";
import { lacksFit } from "../../src/learn/lackOfFit.js";
import { randomBasis } from "../../src/math/grassmann.js";

const FRESH = 1000;

interface Problem {
  readonly link: (z: readonly number[]) => number;
  readonly rank: number;
  readonly rows: number;
  readonly inputs: number;
  readonly noise?: number;
  /** An input; standard normal when absent. */
  readonly draw?: (rng: Rng) => number;
}

const uniform = (rng: Rng): number => Math.sqrt(12) * (rng.uniform() - 0.5);
/** Lognormal of mean 0 and variance about 1. */
const lognormal = (rng: Rng): number => (Math.exp(0.8 * rng.normal()) - 1.377) / 1.3;

/** Rows of independent inputs of variance 1, responses, and fresh rows with their noise-free responses. */
function generate({ link, rank, rows, inputs: d, noise = 0, draw = (rng) => rng.normal() }: Problem, seed: number) {
  const rng = createRng(seed, "beyond polynomials");
  const n = rows + FRESH;
  const w = randomBasis(d, rank, rng);
  const x = Float64Array.from({ length: n * d }, () => draw(rng));
  const f = Float64Array.from({ length: n }, (_, i) => {
    const z = Array.from({ length: rank }, (_, k) => {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += w[j * rank + k] * x[i * d + j];
      return sum;
    });
    return link(z);
  });
  const part = (from: number, to: number) => ({ data: x.slice(from * d, to * d), rows: to - from, columns: d });
  return {
    X: part(0, rows),
    y: f.slice(0, rows).map((v) => v + noise * rng.normal()),
    fresh: part(rows, n),
    f: f.slice(rows),
  };
}

describe("fitMultiIndex(X, y) with nothing chosen", () => {
  const cases: readonly (readonly [string, Problem, number])[] = [
    [
      "a wave on a line: the line leaves residuals that neighbours share",
      { link: ([a]) => a + Math.sin(6 * a), rank: 1, rows: 400, inputs: 8, noise: 0.3, draw: uniform },
      0.95,
    ],
    [
      "two directions whose gate no polynomial of degree 4 follows",
      { link: ([a, b]) => (a > 0 ? b : -b), rank: 2, rows: 400, inputs: 8, noise: 0.3, draw: uniform },
      0.85,
    ],
    [
      "a second direction when the first one alone wants a degree that two do not have",
      {
        link: ([a, b]) => (1 - a * a - b * b) * Math.exp(-(a * a + b * b) / 2),
        rank: 2,
        rows: 500,
        inputs: 6,
      },
      0.99,
    ],
    [
      "a second direction that polynomials of the degree which the first one needs do not see",
      { link: ([a, b]) => Math.sin(2 * a) * Math.cos(b), rank: 2, rows: 300, inputs: 6, noise: 0.2 },
      0.9,
    ],
    [
      "a kink, and inputs with long tails: a cubic follows the rows far out",
      { link: ([a, b]) => Math.max(a, b), rank: 2, rows: 400, inputs: 10, noise: 0.4, draw: lognormal },
      0.94,
    ],
  ];
  it.each(cases)("%s", async (_, problem, least) => {
    const scores: number[] = [];
    for (let seed = 0; seed < 2; seed++) {
      const { X, y, fresh, f } = generate(problem, seed);
      const { model } = await fitMultiIndex(X, y, { seed });
      scores.push(rSquared(model.predict(fresh), f));
    }
    expect(Math.min(...scores), scores.join(" ")).toBeGreaterThan(least);
  });
});

describe("lacksFit", () => {
  const normals = (count: number, seed: number): Float64Array => {
    const rng = createRng(seed, "lack of fit");
    return Float64Array.from({ length: count }, () => rng.normal());
  };

  it.each([1, 2, 3])("sees what is left of a function of z and of nothing else, rank %i", (rank) => {
    const n = 500;
    const rows = { rows: { rows: n } };
    let alarms = 0;
    for (let seed = 0; seed < 20; seed++) {
      const projections = normals(n * rank, seed);
      const noise = normals(n, 1000 + seed);
      const left = noise.map((v, i) => v + Math.abs(projections[i * rank]) - Math.sqrt(2 / Math.PI));
      expect(lacksFit(rows, { rank, projections, residuals: left })).toBe(true);
      if (lacksFit(rows, { rank, projections, residuals: noise })) alarms++;
    }
    // At two standard errors of at least the true size: one in forty, and 4 of 20 with a chance of one in 700.
    expect(alarms).toBeLessThan(4);
  });

  it("thins many rows, and has nothing to say of one", () => {
    const n = 4500;
    const projections = normals(n, 1);
    const residuals = projections.map((z) => Math.sin(8 * z));
    expect(lacksFit({ rows: { rows: n } }, { rank: 1, projections, residuals })).toBe(true);
    expect(lacksFit({ rows: { rows: 1 } }, { rank: 1, projections, residuals })).toBe(false);
  });
});
