/** The theory entry: what the contract names is there and fits together. */
import { describe, expect, it } from "vitest";
import * as theory from "../../src/theory/index.js";

describe("leapflow/theory", () => {
  it("exports the calls of the contract that return at once", () => {
    const { hermite, hermiteDerivative, gaussHermite, multiIndices, hermiteBasis, leapExponents } = theory;
    for (const call of [hermite, hermiteDerivative, gaussHermite, multiIndices, hermiteBasis, leapExponents]) {
      expect(typeof call).toBe("function");
    }
    expect(typeof theory.Link.fromCoefficients).toBe("function");
  });

  it("gives one answer by two roads: quadrature of a named link returns its coefficients", () => {
    const { nodes, weights } = theory.gaussHermite(60);
    const link = theory.Link.named("cos", { degree: 8, parameter: 0.7 });
    const sums = new Float64Array(9);
    nodes.forEach((x, i) => {
      theory.hermite(x, 8).forEach((h, k) => {
        sums[k] += weights[i] * Math.cos(0.7 * x) * h;
      });
    });
    link.coefficients.forEach((c, k) => {
      expect(Math.abs(c - sums[k])).toBeLessThan(1e-14);
    });
    expect(theory.leapExponents(link).informationExponent).toBe(2);
  });
});
