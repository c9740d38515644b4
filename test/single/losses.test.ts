/** Losses: derivatives by differences, the page's identities, bounds, and refusals. */
import { describe, expect, it } from "vitest";
import { checkComplexLoss, parseLoss } from "../../src/single/losses.js";

const NAMES = ["rational(1)", "rational(0.2)", "wf", "sqtanh", "sqsoftplus(4)", "sqsoftplus(1)", "logistic"];
const error = (code: string) => expect.objectContaining({ name: "OptionError", code });
const responses = (name: string): number[] => (name === "logistic" ? [-1, 1] : [0, 0.3, 2.5]);

describe("losses", () => {
  it.each(NAMES)("%s: l′ and l″ are derivatives of l", (name) => {
    const loss = parseLoss(name);
    for (const y of responses(name)) {
      for (const xi of [-3.1, -0.8, 0, 0.4, 1.3, 2.6]) {
        const h = 1e-5;
        const slope = (loss.value(xi + h, y) - loss.value(xi - h, y)) / (2 * h);
        const bend = (loss.derivative(xi + h, y) - loss.derivative(xi - h, y)) / (2 * h);
        expect(Math.abs(slope - loss.derivative(xi, y))).toBeLessThan(2e-8 * (1 + xi ** 4));
        expect(Math.abs(bend - loss.secondDerivative(xi, y))).toBeLessThan(2e-8 * (1 + xi ** 4));
      }
    }
  });

  it.each(NAMES)("%s: curvature stays within its bound, values stay finite far away", (name) => {
    const loss = parseLoss(name);
    for (const y of responses(name)) {
      const bound = loss.curvatureBound(Math.abs(y));
      for (let xi = -40; xi <= 40; xi += 0.037) {
        expect(Math.abs(loss.secondDerivative(xi, y))).toBeLessThanOrEqual(bound);
      }
      for (const xi of [-700, 700]) {
        expect(Number.isFinite(loss.value(xi, y) + loss.derivative(xi, y) + loss.secondDerivative(xi, y))).toBe(true);
      }
    }
  });

  it("rational: minima exactly at ξ² = y, and c·l → wf as c grows", () => {
    const loss = parseLoss("rational(1)");
    expect(loss.value(1.5, 2.25)).toBe(0);
    expect(loss.derivative(-1.5, 2.25)).toBeCloseTo(0, 15);
    for (const xi of [0.2, 1.4, 1.6, 9]) expect(loss.value(xi, 2.25)).toBeGreaterThan(0);
    const flat = parseLoss("rational(1000000)");
    expect(1e6 * flat.value(1.3, 0.4)).toBeCloseTo(parseLoss("wf").value(1.3, 0.4), 5);
    for (let y = 0; y < 30; y += 0.7) {
      for (let xi = 0; xi < 9; xi += 0.09) {
        const bend = loss.secondDerivative(xi, y);
        expect(bend).toBeGreaterThanOrEqual(-y / (1 + y) - 1e-15);
        expect(bend).toBeLessThan(1.25);
      }
    }
  });

  it("takes parameters, spaces and defaults", () => {
    expect(parseLoss(" rational( 2.5 ) ").parameter).toBe(2.5);
    expect(parseLoss("rational").name).toBe("rational(1)");
    expect(parseLoss("sqsoftplus").parameter).toBe(4);
    expect(parseLoss("rational(1e-2)").parameter).toBe(0.01);
  });

  it("takes a loss of one's own", () => {
    const own = parseLoss({
      value: (xi: number, y: number) => (xi * xi - y) ** 2,
      derivative: (xi: number, y: number) => 4 * (xi * xi - y) * xi,
      secondDerivative: (xi: number, y: number) => 12 * xi * xi - 4 * y,
    });
    expect(own.even).toBe(true);
    expect(own.value(2, 1)).toBe(9);
    checkComplexLoss(own);
  });

  it("refuses what is no loss", () => {
    expect(() => parseLoss(undefined)).toThrowError(error("TYPE"));
    expect(() => parseLoss("rationl(1)")).toThrowError(/Did you mean "rational"/);
    expect(() => parseLoss("wf(2)")).toThrowError(error("RANGE"));
    expect(() => parseLoss("rational(0)")).toThrowError(error("RANGE"));
    expect(() => parseLoss("rational(x)")).toThrowError(error("RANGE"));
    expect(() => parseLoss("rational()")).toThrowError(error("RANGE"));
    expect(() => parseLoss("rational(1")).toThrowError(error("RANGE"));
    expect(() => parseLoss({ value: () => 0 })).toThrowError(error("TYPE"));
    expect(() => parseLoss({ value: () => 0, slope: () => 0 })).toThrowError(error("UNKNOWN"));
    const bad = { value: () => Number.NaN, derivative: () => 0, secondDerivative: () => 0 };
    expect(() => parseLoss(bad).value(0.3, 1)).toThrowError(error("CALLBACK"));
    expect(() => checkComplexLoss(parseLoss("sqtanh"))).toThrowError(error("RANGE"));
  });
});
