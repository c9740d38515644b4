/** The implicit integrator: order, stiff problems, restarts inside a step; LU. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { factorize, ImplicitStepper, type StiffSystem, solve } from "../../src/math/rosenbrock.js";

const unit = (_: Float64Array, out: Float64Array): void => void out.fill(1);

/** u″ = −u and v′ = v·u, solution (sin, cos, e^{1 − cos t}). */
const smooth: StiffSystem = {
  size: 3,
  stiffDerivative: (y, out) => void out.set([y[1], -y[0], y[2] * y[0]]),
  stiffJacobian: (y, out) => void out.set([0, 1, 0, -1, 0, 0, y[2], 0, y[0]]),
  scale: unit,
};
const errorOf = (y: Float64Array, t: number): number =>
  Math.max(Math.abs(y[0] - Math.sin(t)), Math.abs(y[1] - Math.cos(t)), Math.abs(y[2] - Math.exp(1 - Math.cos(t))));

/** Kaps' problem: y₂ = e^{−t} slowly, y₁ = y₂² on a manifold that attracts at the rate λ. */
const kaps = (lambda: number): StiffSystem => ({
  size: 2,
  stiffDerivative: (y, out) => void out.set([-(lambda + 2) * y[0] + lambda * y[1] * y[1], y[0] - y[1] - y[1] * y[1]]),
  stiffJacobian: (y, out) => void out.set([-(lambda + 2), 2 * lambda * y[1], 1, -1 - 2 * y[1]]),
  scale: unit,
});

describe("order", () => {
  const fixed = (steps: number, theta = 1) => {
    const stepper = new ImplicitStepper(smooth, 1e6);
    stepper.y.set([0, 1, 1]);
    stepper.restart(1);
    let t = 0;
    for (let k = 0; k < steps; k++) {
      expect(stepper.advance(1 / steps)).toBe(true);
      t += stepper.length;
    }
    const out = new Float64Array(3);
    stepper.at(theta, out);
    return errorOf(out, t - (1 - theta) * stepper.length);
  };
  it("is 5, at the end of a step and inside it", () => {
    expect(Math.log2(fixed(8) / fixed(16))).toBeGreaterThan(4.7);
    expect(Math.log2(fixed(8, 0.6) / fixed(16, 0.6))).toBeGreaterThan(4.7);
    expect(fixed(16)).toBeLessThan(1e-7);
  });
  it("at the ends gives the ends", () => {
    const stepper = new ImplicitStepper(smooth, 1e-8);
    stepper.y.set([0, 1, 1]);
    stepper.restart(0.1);
    stepper.advance(10);
    const before = stepper.y.slice();
    stepper.advance(10);
    const out = new Float64Array(3);
    stepper.at(0, out);
    expect(out).toEqual(before);
    stepper.at(1, out);
    expect(out).toEqual(stepper.y);
  });
});

describe("stiff problems", () => {
  it.each([1, 1e3, 1e6, 1e12])("keeps the tolerance and a steady number of steps when λ = %d", (lambda) => {
    const stepper = new ImplicitStepper(kaps(lambda), 1e-8);
    stepper.y.set([1, 1]);
    stepper.restart(1e-3);
    let t = 0;
    let steps = 0;
    while (t < 5) {
      expect(stepper.advance(5 - t)).toBe(true);
      t += stepper.length;
      steps++;
    }
    expect(Math.abs(stepper.y[1] - Math.exp(-t))).toBeLessThan(1e-7);
    expect(Math.abs(stepper.y[0] - Math.exp(-2 * t))).toBeLessThan(1e-7);
    // Order reduction between the smooth and the very stiff end costs a factor of two.
    expect(steps).toBeLessThan(300);
  });

  it("reaches the manifold from outside it in one long step", () => {
    const stepper = new ImplicitStepper(kaps(1e12), 1e-2);
    stepper.y.set([1.001, 1]);
    stepper.restart(0.1);
    stepper.advance(0.1);
    expect(Math.abs(stepper.y[0] - stepper.y[1] ** 2)).toBeLessThan(1e-6);
  });

  it("says when no step is small enough, and keeps the state", () => {
    const broken: StiffSystem = { ...smooth, stiffDerivative: (_, out) => void out.fill(Number.NaN) };
    const stepper = new ImplicitStepper(broken, 1e-8);
    stepper.y.set([0, 1, 1]);
    stepper.restart(1);
    expect(stepper.advance(1)).toBe(false);
    expect(Array.from(stepper.y)).toEqual([0, 1, 1]);
  });
});

describe("LU", () => {
  it("solves random and badly scaled systems", () => {
    const rng = createRng(3, "lu");
    for (let trial = 0; trial < 30; trial++) {
      const n = 1 + rng.integer(8);
      const a = Float64Array.from({ length: n * n }, (_, i) => rng.normal() * 10 ** (-12 * (Math.floor(i / n) % 3)));
      const x = Float64Array.from({ length: n }, () => rng.normal());
      const right = Float64Array.from({ length: n }, (_, i) => x.reduce((sum, v, j) => sum + a[i * n + j] * v, 0));
      const lu = a.slice();
      const pivots = new Int32Array(n);
      const got = new Float64Array(n);
      expect(factorize(lu, n, pivots)).toBe(true);
      const kept = right.slice();
      solve(lu, n, pivots, kept, got);
      // Residual row by row, against the row's own size.
      for (let i = 0; i < n; i++) {
        let residual = right[i];
        let size = 0;
        for (let j = 0; j < n; j++) {
          residual -= a[i * n + j] * got[j];
          size += Math.abs(a[i * n + j] * got[j]);
        }
        expect(Math.abs(residual)).toBeLessThan(1e-12 * size);
      }
    }
  });
  it("refuses singular and non-finite matrices", () => {
    expect(factorize(Float64Array.of(1, 2, 2, 4), 2, new Int32Array(2))).toBe(false);
    expect(factorize(Float64Array.of(NaN, 2, 2, 4), 2, new Int32Array(2))).toBe(false);
    expect(factorize(new Float64Array(1), 1, new Int32Array(1))).toBe(false);
  });
});
