/** The explicit integrator: tableau, order, dense output, step control, stiffness; roots of events. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { DENSE_WEIGHTS, ERROR_FIVE, ERROR_THREE, STAGE_WEIGHTS } from "../../src/math/dormandPrince.js";
import { ExplicitStepper, locateRoot, type OdeSystem } from "../../src/math/ode.js";

const sum = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0);
const unit = (y: Float64Array, out: Float64Array): void => {
  out.fill(1, 0, y.length);
};

/** Pendulum-like: (s, c) = (sin, cos) of an angle that grows as itself; solution y = e^{sin t} through u' = u·c. */
const rotor: OdeSystem = {
  size: 3,
  derivative(y, out) {
    out[0] = y[1];
    out[1] = -y[0];
    out[2] = y[2] * y[1];
  },
  scale: unit,
};
const start = (stepper: ExplicitStepper): void => {
  stepper.y.set([0, 1, 1]);
};
const errorOf = (y: Float64Array, t: number): number =>
  Math.max(Math.abs(y[0] - Math.sin(t)), Math.abs(y[1] - Math.cos(t)), Math.abs(y[2] - Math.exp(Math.sin(t))));

describe("tableau", () => {
  it("rows sum to the published nodes, weights to 1, error weights to 0", () => {
    const root = Math.sqrt(6);
    const nodes = [
      0,
      (2 * (6 - root)) / 135,
      (6 - root) / 45,
      (6 - root) / 30,
      (6 + root) / 30,
      1 / 3,
      1 / 4,
      4 / 13,
      127 / 195,
      3 / 5,
      6 / 7,
      1,
      1,
      0.1,
      0.2,
      7 / 9,
    ];
    STAGE_WEIGHTS.forEach((row, i) => {
      expect(Math.abs(sum(row) - nodes[i])).toBeLessThan(3e-14);
    });
    // ∫₀¹ c^q dc by the weights of the result: quadrature order 8.
    for (let q = 0; q < 8; q++) {
      const moment = STAGE_WEIGHTS[12].reduce((s, b, i) => s + b * nodes[i] ** q, 0);
      expect(Math.abs(moment - 1 / (q + 1))).toBeLessThan(1e-14);
    }
    expect(Math.abs(sum(ERROR_THREE))).toBeLessThan(1e-14);
    expect(Math.abs(sum(ERROR_FIVE))).toBeLessThan(1e-14);
    for (const row of DENSE_WEIGHTS) expect(Math.abs(sum(row))).toBeLessThan(1e-12);
  });
});

describe("order", () => {
  /** Error after 4 units of time in equal steps, and of the dense output inside the last one. */
  const fixed = (steps: number) => {
    const stepper = new ExplicitStepper(rotor, 1e6);
    start(stepper);
    stepper.restart(4);
    let t = 0;
    for (let k = 0; k < steps; k++) {
      expect(stepper.advance(4 / steps)).toBe(true);
      t += stepper.length;
    }
    const out = new Float64Array(3);
    let dense = 0;
    for (const theta of [0.2, 0.5, 0.7]) {
      stepper.at(theta, out);
      dense = Math.max(dense, errorOf(out, t - stepper.length * (1 - theta)));
    }
    return { end: errorOf(stepper.y, t), dense };
  };
  it("is 8, and 7 for the dense output", () => {
    const coarse = fixed(8);
    const fine = fixed(16);
    expect(Math.log2(coarse.end / fine.end)).toBeGreaterThan(7.8);
    expect(Math.log2(coarse.dense / fine.dense)).toBeGreaterThan(6.8);
    expect(fine.end).toBeLessThan(1e-10);
  });
  it("the dense output joins the ends of the step", () => {
    const stepper = new ExplicitStepper(rotor, 1e-9);
    start(stepper);
    stepper.restart(0.1);
    stepper.advance(10);
    const before = stepper.y.slice();
    stepper.advance(10);
    const out = new Float64Array(3);
    stepper.at(0, out);
    out.forEach((x, i) => {
      expect(Math.abs(x - before[i])).toBeLessThan(1e-15);
    });
    stepper.at(1, out);
    out.forEach((x, i) => {
      expect(Math.abs(x - stepper.y[i])).toBeLessThan(1e-14);
    });
  });
});

describe("step control", () => {
  it.each([1e-5, 1e-8, 1e-11])("keeps to the tolerance %d over many periods", (tolerance) => {
    const stepper = new ExplicitStepper(rotor, tolerance);
    start(stepper);
    stepper.restart(1e-6);
    let t = 0;
    let steps = 0;
    while (t < 20) {
      expect(stepper.advance(20 - t)).toBe(true);
      t += stepper.length;
      steps++;
    }
    expect(errorOf(stepper.y, t)).toBeLessThan(30 * tolerance);
    expect(steps).toBeLessThan(150);
  });

  it("goes to the pole of y′ = y² in ever shorter steps and says when none is short enough", () => {
    const system: OdeSystem = {
      size: 1,
      derivative: (y, out) => out.set([y[0] * y[0]]),
      scale: (y, out) => out.set([Math.abs(y[0])]),
    };
    const stepper = new ExplicitStepper(system, 1e-8);
    stepper.y[0] = 1;
    stepper.restart(0.1);
    let t = 0;
    let steps = 0;
    while (stepper.y[0] < 1e12 && steps++ < 1000) {
      stepper.advance(Number.POSITIVE_INFINITY);
      t += stepper.length;
    }
    expect(Math.abs(t - 1)).toBeLessThan(1e-6);
    const wall: OdeSystem = { ...system, derivative: (_, out) => void out.fill(Number.NaN) };
    const stuck = new ExplicitStepper(wall, 1e-8);
    stuck.y[0] = 1;
    stuck.restart(1);
    expect(stuck.advance(1)).toBe(false);
    expect(stuck.y[0]).toBe(1);
  });

  it("takes zero fields and a step of zero change", () => {
    const still: OdeSystem = { size: 2, derivative: (_, out) => void out.fill(0), scale: unit };
    const stepper = new ExplicitStepper(still, 1e-9);
    stepper.restart(1);
    for (let k = 0; k < 10; k++) expect(stepper.advance(Number.POSITIVE_INFINITY)).toBe(true);
    expect(stepper.next).toBeGreaterThan(1e5);
  });

  it("counts steps that stability limits, and none of those that accuracy limits", () => {
    const relax: OdeSystem = {
      size: 2,
      derivative: (y, out) => void out.set([-1000 * (y[0] - y[1]), -0.01 * y[1]]),
      scale: unit,
    };
    const stiff = new ExplicitStepper(relax, 1e-8);
    stiff.y.set([2, 1]);
    stiff.restart(1e-4);
    for (let k = 0; k < 100; k++) stiff.advance(1);
    expect(stiff.stiffness).toBeGreaterThan(20);
    const smooth = new ExplicitStepper(rotor, 1e-8);
    start(smooth);
    smooth.restart(0.01);
    for (let k = 0; k < 100; k++) smooth.advance(10);
    expect(smooth.stiffness).toBe(0);
  });

  it("does not forget a short step asked for by the caller: the next one is as long as before", () => {
    const stepper = new ExplicitStepper(rotor, 1e-6);
    start(stepper);
    stepper.restart(0.1);
    for (let k = 0; k < 5; k++) stepper.advance(10);
    const usual = stepper.next;
    stepper.advance(1e-3);
    expect(stepper.next).toBeGreaterThanOrEqual(usual);
  });
});

describe("locateRoot", () => {
  it("finds roots of smooth functions in few evaluations, on the side of the end", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (root, power, falls) => {
          let calls = 0;
          const g = (x: number): number => {
            calls++;
            return (falls ? -1 : 1) * (Math.expm1(power * x) - Math.expm1(power * root));
          };
          const found = locateRoot(g, g(0), g(1), 1e-12);
          expect(Math.abs(found - root)).toBeLessThan(2e-12);
          expect(Math.sign(g(found)) * Math.sign(g(1))).toBeGreaterThanOrEqual(0);
          expect(calls).toBeLessThan(25);
        },
      ),
    );
  });
  it("survives jumps, flat roots and roots at the ends; stops after 100 evaluations", () => {
    let calls = 0;
    const counted = (g: (x: number) => number) => (x: number) => {
      calls++;
      return g(x);
    };
    expect(
      locateRoot(
        counted((x) => (x < 0.7 ? -1 : 2)),
        -1,
        2,
      ),
    ).toBeCloseTo(0.7, 12);
    expect(
      locateRoot(
        counted((x) => (x - 0.25) ** 9),
        -(0.25 ** 9),
        0.75 ** 9,
      ),
    ).toBeCloseTo(0.25, 2);
    expect(calls).toBeLessThan(210);
    expect(locateRoot((x) => x, 0, 1)).toBe(0);
    expect(locateRoot((x) => x - 1, -1, 0)).toBe(1);
  });
  it("refuses NaN", () => {
    expect(() => locateRoot(() => Number.NaN, -1, 1)).toThrow(LeapflowError);
  });
});
