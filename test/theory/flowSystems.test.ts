/** What the flows are made of: both routes to B and K, Jacobians against differences, frames, the driver's own checks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { createRng, type Rng } from "../../src/base/rng.js";
import { featureCount } from "../../src/math/multiIndex.js";
import { DenseField } from "../../src/theory/denseField.js";
import { type FlowPlan, FlowRun } from "../../src/theory/flowRun.js";
import { type FlowSystem, isUnstable } from "../../src/theory/flowSystem.js";
import { PlantedSystem } from "../../src/theory/plantedSystem.js";
import { PrincipalField } from "../../src/theory/principalField.js";
import { gaussianOverlap, haarOverlap } from "../../src/theory/starts.js";
import { TwoTimescaleSystem } from "../../src/theory/twoTimescaleSystem.js";
import { scalarFlow } from "../support/scalarFlow.js";

const shapes = fc.record({
  r: fc.integer({ min: 1, max: 4 }),
  p: fc.integer({ min: 1, max: 3 }),
  degree: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(),
});
const randomCoefficients = (p: number, degree: number, rng: Rng): Float64Array =>
  Float64Array.from({ length: featureCount(p, degree) }, () => rng.normal());
const largest = (x: ArrayLike<number>): number => Array.from(x).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const gap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  largest(Array.from(a, (x, i) => x - b[i])) / (1 + largest(b));
const linkOf = (coefficients: Float64Array, rank: number, degree: number) => ({
  coefficients,
  rank,
  degree,
  intrinsicDimension: rank,
});

it("the dense and the principal route give the same B, K and second derivatives", () => {
  fc.assert(
    fc.property(shapes, ({ r, p, degree, seed }) => {
      const rng = createRng(seed, "routes");
      const c = randomCoefficients(p, degree, rng);
      const m = gaussianOverlap(r, p, 20, seed, 0);
      const dense = new DenseField(c, p, degree, r);
      const principal = new PrincipalField(c, p, degree, r);
      dense.smooth(m);
      principal.smooth(m);
      expect(gap(dense.b, principal.b)).toBeLessThan(1e-12);
      dense.bend(m);
      principal.bend(m);
      expect(gap(dense.pairs, principal.pairs)).toBeLessThan(1e-11);
      if (r !== p) return;
      dense.fix(m);
      principal.fix(m);
      expect(gap(dense.k, principal.k)).toBeLessThan(1e-12);
      dense.bendFixed(m);
      principal.bendFixed(m);
      expect(gap(dense.pairs, principal.pairs)).toBeLessThan(1e-11);
    }),
    { numRuns: 60 },
  );
});

describe("Jacobians", () => {
  /** Largest difference between the Jacobian at y and central differences of the derivative. */
  const mismatch = (system: FlowSystem, y: Float64Array): number => {
    const n = system.size;
    const jacobian = new Float64Array(n * n);
    system.stiffJacobian(y, jacobian);
    const [up, down] = [new Float64Array(n), new Float64Array(n)];
    const h = 1e-5;
    let most = 0;
    for (let j = 0; j < n; j++) {
      const moved = y.slice();
      moved[j] += h;
      system.stiffDerivative(moved, up);
      moved[j] -= 2 * h;
      system.stiffDerivative(moved, down);
      for (let i = 0; i < n; i++) most = Math.max(most, Math.abs((up[i] - down[i]) / (2 * h) - jacobian[i * n + j]));
    }
    return most / (1 + largest(jacobian));
  };
  it("of the two-timescale flow, symmetric in X", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const c = randomCoefficients(p, degree, createRng(seed, "jacobian"));
        const system = new TwoTimescaleSystem(linkOf(c, p, degree), r, 1e-9);
        const y = new Float64Array(system.size);
        system.start(gaussianOverlap(r, p, 12, seed, 0), y);
        // Away from the diagonal start, as a flow is.
        for (let i = 0; i < system.dimension; i++) y[i] = 0.1 * Math.sin(1 + i);
        system.observe(y);
        system.absorb(y);
        expect(mismatch(system, y)).toBeLessThan(1e-7);
        const n = system.size;
        const jacobian = new Float64Array(n * n);
        system.stiffJacobian(y, jacobian);
        const inner = p * Math.min(r, p);
        for (let i = 0; i < inner; i++) {
          for (let j = 0; j < i; j++) {
            expect(Math.abs(jacobian[i * n + j] - jacobian[j * n + i])).toBeLessThan(1e-11 * (1 + largest(jacobian)));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
  it("of the planted flow", () => {
    fc.assert(
      fc.property(shapes, ({ p, degree, seed }) => {
        const c = randomCoefficients(p, degree, createRng(seed, "jacobian"));
        const system = new PlantedSystem(linkOf(c, p, degree), 1e-9);
        const y = new Float64Array(system.size);
        system.start(gaussianOverlap(p, p, 12, seed, 0), y);
        expect(mismatch(system, y)).toBeLessThan(1e-7);
      }),
      { numRuns: 60 },
    );
  });
});

describe("chart of a step", () => {
  it("absorbing a state changes neither overlap, loss nor velocity of what can be seen", () => {
    fc.assert(
      fc.property(shapes, ({ r, p, degree, seed }) => {
        const c = randomCoefficients(p, degree, createRng(seed, "absorb"));
        const system = new TwoTimescaleSystem(linkOf(c, p, degree), r, 1e-9);
        const y = new Float64Array(system.size);
        system.start(gaussianOverlap(r, p, 30, seed, 0), y);
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < system.dimension; i++) y[i] = 0.2 * Math.cos(2 + i + round);
          system.observe(y);
          const [before, after] = [new Float64Array(r * p), new Float64Array(r * p)];
          system.overlap(y, before);
          system.observe(y);
          const loss = system.loss();
          const values = system.values.slice();
          system.absorb(y);
          expect(Array.from(y)).toEqual(new Array(system.size).fill(0));
          expect(Math.abs(system.loss() - loss)).toBeLessThan(1e-12 * (1 + largest(c) ** 2 * c.length));
          expect(gap(system.values, values)).toBeLessThan(1e-13);
          system.overlap(y, after);
          expect(gap(after, before)).toBeLessThan(1e-13);
        }
      }),
      { numRuns: 60 },
    );
  });
  it("the start is the given overlap, whatever its rank", () => {
    for (const [r, p, m] of [
      [2, 2, [0.5, 0.5, 0.5, 0.5]],
      [1, 3, [0.1, 0.2, 0.3]],
      [3, 1, [0.1, 0.2, 0.3]],
      [2, 2, [0, 0, 0, 0]],
      [2, 2, [1, 0, 0, 1]],
      [2, 2, [0, 1, 1e-200, 0]],
    ] as const) {
      const system = new TwoTimescaleSystem(linkOf(randomCoefficients(p, 3, createRng(1)), p, 3), r, 1e-9);
      const y = new Float64Array(system.size);
      system.start(Float64Array.from(m), y);
      const out = new Float64Array(r * p);
      system.overlap(y, out);
      expect(gap(out, m)).toBeLessThan(1e-15);
    }
  });
});

describe("isUnstable", () => {
  const diagonal = (...values: number[]): Float64Array =>
    Float64Array.from({ length: values.length ** 2 }, (_, i) =>
      i % (values.length + 1) === 0 ? values[i % values.length] : 0,
    );
  it("tells growth of 1e-11 of the rate from none, also between fast decays and flat directions", () => {
    expect(isUnstable(diagonal(-1, 1e-11), 2, 1)).toBe(true);
    expect(isUnstable(diagonal(-1, -1e-11), 2, 1)).toBe(false);
    expect(isUnstable(diagonal(-1, 0, 0), 3, 1)).toBe(false);
    expect(isUnstable(diagonal(-5, 3, -1), 3, 1)).toBe(true);
    expect(isUnstable(diagonal(-1e-3, 1e-14), 2, 1e-3)).toBe(true);
    expect(isUnstable(Float64Array.of(0, 1, -1, -0.1), 2, 1)).toBe(false);
    expect(isUnstable(Float64Array.of(0, 1, -1, 0.1), 2, 1)).toBe(true);
    expect(isUnstable(diagonal(1), 1, 1)).toBe(true);
  });
});

describe("driver", () => {
  /** A made-up flow of one cosine; `law` is its derivative. */
  const system = (law: (m: number) => number, first: number): FlowSystem =>
    scalarFlow(law, () => 0, { start: (_, y) => y.set([first, 0]) });
  const plan: FlowPlan = {
    rank: 1,
    rankStar: 1,
    start: new Float64Array(1),
    times: undefined,
    horizon: 10,
    tolerance: 1e-8,
    maxIterations: 1000,
    thresholds: [],
    monotone: true,
    onProgress: undefined,
  };
  const finish = (run: FlowRun) => {
    while (run.reason === undefined) run.step();
    return run.result();
  };
  it("raises an error when a determinant that can only rise falls", () => {
    expect(
      finish(
        new FlowRun(
          system((m) => 1 - m, 0.1),
          plan,
        ),
      ).stop.reason,
    ).toBe("horizon");
    const falling = new FlowRun(
      system(() => -0.01, 0.5),
      plan,
    );
    expect(() => finish(falling)).toThrow(LeapflowError);
    expect(() =>
      finish(
        new FlowRun(
          system(() => -0.01, 0.5),
          plan,
        ),
      ),
    ).toThrow(/determinant/);
    expect(
      finish(
        new FlowRun(
          system(() => -0.01, 0.5),
          { ...plan, monotone: false },
        ),
      ).finalTime,
    ).toBe(10);
  });
  it("finds escapes to the accuracy of the solution, several in one step, and none beyond the horizon", () => {
    const thresholds = [{ leap: 0, count: 1, exponent: 1, directions: Float64Array.of(1) }];
    const flow = finish(
      new FlowRun(
        system((m) => m * (1 - m), 0.01),
        { ...plan, thresholds },
      ),
    );
    expect(Math.abs(flow.escapes[0].time - Math.log(99))).toBeLessThan(1e-7);
    const early = finish(
      new FlowRun(
        system((m) => m * (1 - m), 0.01),
        { ...plan, thresholds, horizon: Math.log(99) - 1e-3 },
      ),
    );
    expect(early.escapes).toEqual([]);
  });
  it("ends when the field is not finite anywhere", () => {
    const broken = new FlowRun(
      system(() => Number.NaN, 0.1),
      plan,
    );
    expect(finish(broken).stop).toMatchObject({ reason: "step-limit", converged: false });
  });
});

describe("starts", () => {
  it("Gaussian ones scale as d^{−1/2}; Haar ones have E‖M‖² = r r⋆/d and norm ≤ 1", () => {
    const [near, far] = [gaussianOverlap(2, 3, 400, 1, 2), gaussianOverlap(2, 3, 40_000, 1, 2)];
    near.forEach((x, i) => {
      expect(Math.abs(x - 10 * far[i])).toBeLessThan(1e-15);
    });
    let mean = 0;
    for (let trial = 0; trial < 400; trial++) {
      mean += haarOverlap(2, 3, 10, createRng(3, trial)).reduce((sum, x) => sum + x * x, 0) / 400;
    }
    expect(Math.abs(mean - 0.6)).toBeLessThan(0.06);
    expect(largest(haarOverlap(2, 2, 2, createRng(1)))).toBeLessThanOrEqual(1);
  });
});
