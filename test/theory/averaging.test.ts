/** Averaging operator and losses: golden values, quadrature, differences, laws, refusals. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { createRng, type Rng } from "../../src/base/rng.js";
import { multiply, toMatrix, transpose } from "../../src/math/dense.js";
import { randomBasis } from "../../src/math/grassmann.js";
import { basisValues } from "../../src/math/hermite.js";
import { jacobiSvd } from "../../src/math/jacobi.js";
import { featureCount } from "../../src/math/multiIndex.js";
import { gaussHermite } from "../../src/math/quadrature.js";
import { Link } from "../../src/model/link.js";
import { averagingOperator, plantedLoss, populationLoss } from "../../src/theory/averaging.js";

const golden = <T>(name: string): T[] =>
  (JSON.parse(readFileSync(new URL(`../golden/multi-index/${name}.json`, import.meta.url), "utf8")) as { cases: T[] })
    .cases;
const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error.code;
    throw error;
  }
  return "nothing thrown";
};
const worst = (got: number[][], wanted: number[][]): number =>
  Math.max(...wanted.flatMap((row, i) => row.map((x, j) => Math.abs(x - got[i][j]))));
const randomLink = (rank: number, degree: number, rng: Rng): Link =>
  Link.fromCoefficients(
    Float64Array.from({ length: featureCount(rank, degree) }, () => rng.normal()),
    { rank, degree },
  );
/** r×r⋆ with singular values spread over (0, most). */
const randomOverlap = (r: number, p: number, rng: Rng, most = 0.95): Float64Array => {
  const k = Math.min(r, p);
  const u = randomBasis(r, k, rng);
  const v = randomBasis(p, k, rng);
  const m = new Float64Array(r * p);
  for (let a = 0; a < k; a++) {
    const value = most * rng.uniform();
    for (let i = 0; i < r; i++) for (let j = 0; j < p; j++) m[i * p + j] += u[i * k + a] * value * v[j * k + a];
  }
  return m;
};
const flat = (data: ArrayLike<number>, rows: number, columns: number) => ({ data: Array.from(data), rows, columns });
const shapes = fc.record({
  r: fc.integer({ min: 1, max: 4 }),
  p: fc.integer({ min: 1, max: 4 }),
  degree: fc.integer({ min: 0, max: 5 }),
  seed: fc.nat(),
});

interface AveragingCase {
  r: number;
  r_star: number;
  s: number;
  M: number[][];
  entries: [number, number, number][];
  all_entries: boolean;
  alpha: number[];
  applied: number[];
}

describe("averaging operator", () => {
  it.each(golden<AveragingCase>("averaging"))("golden, r $r, r⋆ $r_star, degree $s", (c) => {
    const A = averagingOperator(c.M, c.s).to2DArray();
    const listed = new Set<string>();
    for (const [i, j, value] of c.entries) {
      listed.add(`${i},${j}`);
      expect(Math.abs(A[i][j] - value)).toBeLessThan(1e-12);
    }
    const unlisted = A.flatMap((row, i) => row.filter((x, j) => !listed.has(`${i},${j}`) && x !== 0));
    if (c.all_entries) expect(unlisted).toEqual([]);
    A.forEach((row, i) => {
      expect(Math.abs(row.reduce((sum, x, j) => sum + x * c.alpha[j], 0) - c.applied[i])).toBeLessThan(1e-12);
    });
  });

  it("is the conditional expectation: against quadrature over g", () => {
    const rng = createRng(1, "quadrature");
    const degree = 5;
    const link = randomLink(2, degree, rng);
    const m = randomOverlap(2, 2, rng);
    const { values, v } = jacobiSvd(m, 2, 2);
    const root = new Float64Array(4);
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 2; j++) {
        for (let l = 0; l < 2; l++) root[i * 2 + j] += v[i * 2 + l] * Math.sqrt(1 - values[l] ** 2) * v[j * 2 + l];
      }
    }
    const { nodes, weights } = gaussHermite(12);
    const averaged = multiply(averagingOperator(flat(m, 2, 2), degree).to1DArray(), link.coefficients, 21, 21, 1);
    for (let trial = 0; trial < 5; trial++) {
      const z = [rng.normal(), rng.normal()];
      let expected = 0;
      for (let i = 0; i < nodes.length; i++) {
        for (let j = 0; j < nodes.length; j++) {
          const [a, b] = [nodes[i], nodes[j]];
          const x = [0, 1].map((k) => m[k] * z[0] + m[2 + k] * z[1] + root[k * 2] * a + root[k * 2 + 1] * b);
          expected += weights[i] * weights[j] * link.evaluate(x);
        }
      }
      const got = basisValues(z, 2, degree).reduce((sum, h, j) => sum + h * averaged[j], 0);
      expect(Math.abs(got - expected)).toBeLessThan(1e-11);
    }
  });

  it("composes, has the transposed as adjoint, never lengthens, and is the identity at I", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const rng = createRng(seed, "laws");
        const m = randomOverlap(r, p, rng);
        const n = randomOverlap(2, r, rng);
        const A = averagingOperator(flat(m, r, p), degree);
        const both = averagingOperator(flat(multiply(n, m, 2, r, p), 2, p), degree);
        expect(
          worst(
            averagingOperator(flat(n, 2, r), degree)
              .mmul(A)
              .to2DArray(),
            both.to2DArray(),
          ),
        ).toBeLessThan(1e-13);
        const adjoint = averagingOperator(flat(transpose(m, r, p), p, r), degree);
        expect(worst(A.transpose().to2DArray(), adjoint.to2DArray())).toBeLessThan(1e-13);
        const c = Float64Array.from({ length: A.columns }, () => rng.normal());
        const out = multiply(A.to1DArray(), c, A.rows, A.columns, 1);
        expect(Math.hypot(...out)).toBeLessThanOrEqual(Math.hypot(...c) * (1 + 1e-14));
        const identity = averagingOperator(
          flat(
            Array.from({ length: p * p }, (_, i) => (i % (p + 1) === 0 ? 1 : 0)),
            p,
            p,
          ),
          degree,
        );
        const unit = identity.to2DArray().map((row, i) => row.map((_, j) => (i === j ? 1 : 0)));
        expect(worst(identity.to2DArray(), unit)).toBeLessThan(1e-14);
      }),
      { numRuns: 40 },
    );
  });

  it("refuses what it cannot do", () => {
    expect(code(() => averagingOperator([[0.5, NaN]], 2))).toBe("NOT_FINITE");
    expect(code(() => averagingOperator([[0.5], [0.1, 0.2]], 2))).toBe("SHAPE");
    expect(code(() => averagingOperator([[0.5]], -1))).toBe("RANGE");
    expect(code(() => averagingOperator([[0.5]], 1.5))).toBe("RANGE");
    expect(code(() => averagingOperator([], 2))).toBe("EMPTY");
    expect(code(() => averagingOperator([[1e200]], 4))).toBe("OVERFLOW");
    expect(code(() => averagingOperator(toMatrix(new Float64Array(36), 6, 6), 60))).toBe("TOO_LARGE");
    expect(code(() => averagingOperator(toMatrix(new Float64Array(36), 6, 6), 15))).toBe("TOO_LARGE");
  });
});

interface PopulationCase {
  r: number;
  r_star: number;
  s: number;
  alpha: number[];
  M: number[][];
  loss: number;
  B: number[][];
  grad_M: number[][];
  dM_dt: number[][];
  planted_correlation?: number;
  planted_K?: number[][];
  planted_dM_dt?: number[][];
}

describe("population and planted loss", () => {
  it.each(golden<PopulationCase>("population"))("golden, r $r, r⋆ $r_star, degree $s", (c) => {
    const link = Link.fromCoefficients(c.alpha, { rank: c.r_star, degree: c.s });
    const got = populationLoss(link, c.M);
    expect(Math.abs(got.loss / c.loss - 1)).toBeLessThan(1e-12);
    expect(worst(got.smoothedGradient.to2DArray(), c.B)).toBeLessThan(1e-12);
    expect(worst(got.gradient.to2DArray(), c.grad_M)).toBeLessThan(1e-12);
    expect(worst(got.velocity.to2DArray(), c.dM_dt)).toBeLessThan(1e-12);
    if (c.planted_K === undefined) return;
    const planted = plantedLoss(link, c.M);
    const square = c.alpha.reduce((sum, a) => sum + a * a, 0);
    expect(Math.abs(planted.loss - (square - (c.planted_correlation as number)))).toBeLessThan(1e-12);
    expect(
      worst(
        planted.gradient.to2DArray(),
        c.planted_K.map((row) => row.map((x) => -x)),
      ),
    ).toBeLessThan(1e-12);
    expect(worst(planted.velocity.to2DArray(), c.planted_dM_dt as number[][])).toBeLessThan(1e-12);
  });

  it("agree with the dense operator for random links and any r against r⋆", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const rng = createRng(seed, "dense");
        const link = randomLink(p, degree, rng);
        const m = randomOverlap(r, p, rng, 1);
        const c = link.coefficients;
        const size = c.reduce((sum, x) => sum + x * x, 0);
        const A = averagingOperator(flat(m, r, p), degree);
        const averaged = multiply(A.to1DArray(), c, A.rows, A.columns, 1);
        const { loss } = populationLoss(link, flat(m, r, p));
        expect(Math.abs(loss - 0.5 * (size - averaged.reduce((sum, x) => sum + x * x, 0)))).toBeLessThan(1e-13 * size);
        if (r !== p) return;
        const correlation = averaged.reduce((sum, x, j) => sum + x * c[j], 0);
        expect(Math.abs(plantedLoss(link, flat(m, r, p)).loss - (size - correlation))).toBeLessThan(1e-13 * size);
      }),
      { numRuns: 60 },
    );
  });

  it("have the gradients that differences of order 4 show", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const rng = createRng(seed, "differences");
        const link = randomLink(p, degree, rng);
        const m = randomOverlap(r, p, rng, 0.9);
        const size = link.coefficients.reduce((sum, x) => sum + x * x, 0);
        const h = 1e-3;
        const check = (lossOf: (m: Float64Array) => number, gradient: number[]): void => {
          for (let i = 0; i < r * p; i++) {
            const at = (step: number): number => {
              const moved = m.slice();
              moved[i] += step * h;
              return lossOf(moved);
            };
            const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
            expect(Math.abs(slope - gradient[i])).toBeLessThan(1e-7 * (1 + size) * (1 + degree ** 4));
          }
        };
        const population = populationLoss(link, flat(m, r, p));
        check((x) => populationLoss(link, flat(x, r, p)).loss, population.gradient.to1DArray());
        if (r === p)
          check((x) => plantedLoss(link, flat(x, r, p)).loss, plantedLoss(link, flat(m, r, p)).gradient.to1DArray());
      }),
      { numRuns: 40 },
    );
  });

  it("B is positive semidefinite, the same for QM, and turns with the link", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const rng = createRng(seed, "turn");
        const link = randomLink(p, degree, rng);
        const m = randomOverlap(r, p, rng);
        const one = populationLoss(link, flat(m, r, p));
        const size = 1 + one.smoothedGradient.to1DArray().reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        const x = Float64Array.from({ length: p }, () => rng.normal());
        expect(multiply(x, multiply(one.smoothedGradient.to1DArray(), x, p, p, 1), 1, p, 1)[0]).toBeGreaterThan(
          -1e-13 * size,
        );
        const q = randomBasis(r, r, rng);
        const turned = populationLoss(link, flat(multiply(q, m, r, r, p), r, p));
        expect(Math.abs(turned.loss - one.loss)).toBeLessThan(1e-13 * size);
        expect(worst(turned.smoothedGradient.to2DArray(), one.smoothedGradient.to2DArray())).toBeLessThan(1e-12 * size);
        // f(Qᵀz) with MQᵀ is the same problem in other coordinates.
        const o = randomBasis(p, p, rng);
        const other = populationLoss(link.rotate(flat(o, p, p)), flat(multiply(m, transpose(o, p, p), r, p, p), r, p));
        expect(Math.abs(other.loss - one.loss)).toBeLessThan(1e-12 * size);
      }),
      { numRuns: 40 },
    );
  });

  it("keep the relative accuracy of the loss near convergence and of the gradient near M = 0", () => {
    const h3 = Link.fromCoefficients([0, 0, 0, 1], { rank: 1, degree: 3 });
    // 1 − (1 − ε)⁶ = 6ε − 15ε² + …; an ulp of M is 1.1e-16.
    const eps = 2 ** -40;
    expect(Math.abs(populationLoss(h3, [[1 - eps]]).loss / (3 * eps - 7.5 * eps * eps) - 1)).toBeLessThan(1e-14);
    expect(populationLoss(h3, [[1]]).loss).toBe(0);
    expect(plantedLoss(h3, [[1]]).loss).toBe(0);
    expect(Math.abs(plantedLoss(h3, [[1 - eps]]).loss / (3 * eps - 3 * eps * eps) - 1)).toBeLessThan(1e-14);
    const tiny = populationLoss(h3, [[1e-30]]);
    expect(Math.abs(tiny.velocity.get(0, 0) / 3e-150 - 1)).toBeLessThan(1e-14);
    expect(tiny.loss).toBe(0.5);
    // Two directions, one learnt, in a common rotated frame: the small part of B is not drowned.
    const link = Link.fromCoefficients([0, 0, 0, 1, 0, 0, 0, 0, 0, 1], { rank: 2, degree: 3 });
    const B = populationLoss(link, [
      [1, 0],
      [0, 1e-20],
    ]).smoothedGradient;
    expect(B.get(0, 0)).toBeCloseTo(2, 14);
    expect(Math.abs(B.get(1, 1) / 3e-80 - 1)).toBeLessThan(1e-14);
  });

  it("one Gauss–Newton step lands on the target from any overlap", () => {
    // W − grad L·H⁻¹ = W⋆M⁻¹ with H = MBMᵀ: (W⋆ − WM)BMᵀ(MBMᵀ)⁻¹ = W⋆M⁻¹ − W.
    const rng = createRng(5, "step");
    const link = randomLink(2, 4, rng);
    const m = toMatrix([0.012, 0.003, -0.002, 0.01], 2, 2);
    const B = populationLoss(link, m).smoothedGradient;
    const h = m.mmul(B).mmul(m.transpose());
    const step = B.mmul(m.transpose());
    const det = h.get(0, 0) * h.get(1, 1) - h.get(0, 1) * h.get(1, 0);
    const inverse = toMatrix([h.get(1, 1) / det, -h.get(0, 1) / det, -h.get(1, 0) / det, h.get(0, 0) / det], 2, 2);
    expect(
      worst(m.mmul(step.mmul(inverse)).to2DArray(), [
        [1, 0],
        [0, 1],
      ]),
    ).toBeLessThan(1e-9);
  });

  it("take nested arrays, ml-matrix and flat matrices, and leave them alone", () => {
    const link = Link.parse("z1 + z1*z2");
    const rows = [
      [0.3, -0.2],
      [0.1, 0.5],
    ];
    const data = Float64Array.of(0.3, -0.2, 0.1, 0.5);
    const one = populationLoss(link, rows);
    for (const form of [toMatrix(data, 2, 2), { data, rows: 2, columns: 2 }]) {
      expect(populationLoss(link, form)).toEqual(one);
    }
    expect(Array.from(data)).toEqual([0.3, -0.2, 0.1, 0.5]);
    // The buffers behind one call are not in the answer of another.
    const kept = one.smoothedGradient.to1DArray();
    populationLoss(link, [
      [0.9, 0],
      [0, 0.9],
    ]);
    expect(one.smoothedGradient.to1DArray()).toEqual(kept);
  });

  it("refuse other shapes, norms above 1 and what is not finite; constants cost nothing", () => {
    const link = Link.parse("z1*z2");
    expect(code(() => populationLoss(link, [[0.1, 0.2, 0.3]]))).toBe("SHAPE");
    expect(code(() => populationLoss(link, [[0.1, NaN]]))).toBe("NOT_FINITE");
    expect(code(() => populationLoss(link, [[0.9, 0.9]]))).toBe("RANGE");
    expect(code(() => populationLoss(link, [[1 + 1e-6, 0]]))).toBe("RANGE");
    expect(code(() => populationLoss(link, [[1 + 1e-12, 0]]))).toBe("nothing thrown");
    expect(code(() => plantedLoss(link, [[0.1, 0.2]]))).toBe("SHAPE");
    expect(
      code(() =>
        plantedLoss(link, [
          [2, 0],
          [0, 0],
        ]),
      ),
    ).toBe("RANGE");
    expect(code(() => populationLoss(Link.fromCoefficients([3], { rank: 0, degree: 0 }), [[0.5]]))).toBe("SHAPE");
    const constant = Link.fromCoefficients([3], { rank: 1, degree: 0 });
    expect(populationLoss(constant, [[0.5]]).loss).toBe(0);
    expect(populationLoss(constant, [[0.5]]).velocity.get(0, 0)).toBe(0);
    expect(plantedLoss(constant, [[0.5]]).loss).toBe(0);
  });
});
