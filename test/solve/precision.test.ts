/**
 * Where rounding decides: loss, coefficients and gradient beside the same formulas in twice the precision, on projections that
 * are well scaled, badly scaled, of few values, and at degree 12; and the fit's warning about what the digits cannot carry.
 */
import { describe, expect, it } from "vitest";
import { fitMultiIndex } from "../../src/index.js";
import { profiledLoss } from "../../src/theory/index.js";
import { minus, over, plus, root, solveDefinite, sum, times, type Wide, wide } from "../support/doubleDouble.js";
import { generator, sample } from "../support/problems.js";

const EPS = Number.EPSILON;

/** h₀ … h_D at z, normalised: √(k+1)·h_{k+1} = z·h_k − √k·h_{k−1}. */
function hermiteOf(z: Wide, degree: number): Wide[] {
  const h = [wide(1), z];
  for (let k = 1; k < degree; k++)
    h.push(over(minus(times(z, h[k]), times(root(wide(k)), h[k - 1])), root(wide(k + 1))));
  return h.slice(0, degree + 1);
}

/** J, c and ∇J of one direction w in twice the precision, with the size of the terms that loss and gradient are sums of. */
function exactly(X: readonly number[][], y: readonly number[], w: readonly number[], degree: number, penalty: number) {
  const n = wide(X.length);
  const rows = X.map((x) =>
    hermiteOf(
      x.reduce((z, v, j) => plus(z, times(wide(v), wide(w[j]))), wide(0)),
      degree,
    ),
  );
  const p = degree + 1;
  const at = Array.from({ length: p }, (_, k) => k);
  const mean = (f: (phi: Wide[], i: number) => Wide): Wide => over(sum(rows.map(f)), n);
  const gram = at.map((a) =>
    at.map((b) =>
      plus(
        mean((phi) => times(phi[a], phi[b])),
        wide(a === b ? penalty : 0),
      ),
    ),
  );
  const c = solveDefinite(
    gram,
    at.map((a) => mean((phi, i) => times(phi[a], wide(y[i])))),
  );
  const residuals = rows.map((phi, i) => minus(wide(y[i]), sum(at.map((k) => times(c[k], phi[k])))));
  const square = over(sum(residuals.map((r) => times(r, r))), n);
  const energy = sum(c.map((v) => times(wide(penalty), times(v, v))));
  const slopes = rows.map((phi) => sum(at.slice(1).map((k) => times(c[k], times(root(wide(k)), phi[k - 1])))));
  const gradient = w.map((_, j) => mean((__, i) => times(residuals[i], times(wide(-X[i][j]), slopes[i]))));
  const size = w.map(
    (_, j) => X.reduce((total, x, i) => total + Math.abs(residuals[i][0] * x[j] * slopes[i][0]), 0) / X.length,
  );
  return {
    loss: over(plus(square, energy), wide(2)),
    coefficients: c,
    gradient,
    size,
    condition:
      gram.reduce((total, row, k) => total + row[k][0], 0) *
      Math.hypot(
        ...at.flatMap((k) =>
          solveDefinite(
            gram,
            at.map((l) => wide(k === l ? 1 : 0)),
          ).map(([v]) => v),
        ),
      ),
  };
}

const DIM = 3;
const ROWS = 120;
const direction = [0.6, -0.8, 0];
const { normal } = generator(77);
const draw = (scales: readonly number[]): number[][] =>
  Array.from({ length: ROWS }, () => scales.map((s) => s * normal()));
const even = draw([1, 1, 1]);
const CASES: readonly [name: string, X: number[][], degree: number, penalty: number][] = [
  ["well scaled, degree 4", even, 4, 1e-6],
  ["degree 12", even, 12, 1e-6],
  ["degree 12, hardly a penalty", even, 12, 1e-10],
  ["columns over eight decades", draw([1, 1e-4, 1e4]), 4, 1e-6],
  ["large projections", draw([4, 4, 1]), 6, 1e-3],
  ["small projections", draw([1e-3, 1e-3, 1]), 4, 1e-8],
  ["three values of the projection", even.map((x) => x.map((v) => Math.sign(Math.round(v)))), 4, 1e-6],
];

describe.each(CASES)("%s", (_, X, degree, penalty) => {
  const scale = Math.max(...X.map((x) => Math.abs(x[0] * direction[0] + x[1] * direction[1])));
  const y = X.map((x, i) => Math.tanh((x[0] - x[1]) / scale) + 0.1 * Math.sin(17 * i));
  const exact = exactly(X, y, direction, degree, penalty);

  it.each(["wasm", "reference"] as const)("%s: loss and gradient are as good as their terms", async (kernel) => {
    const W = direction.map((v) => [v]);
    const found = await profiledLoss(X, y, W, { degree, penalty, kernel });
    // What rounding of the normal equations does to c, relative; the loss is stationary in c, so there it enters squared.
    const backward = EPS * exact.condition;
    const lossError = Math.abs(minus(wide(found.loss), exact.loss)[0]) / exact.loss[0];
    expect(lossError / (EPS + backward ** 2)).toBeLessThan(30);
    // A first-order quantity: it feels the error of c once.
    const cError = found.coefficients.map((c, k) => Math.abs(minus(wide(c), exact.coefficients[k])[0]));
    const cSize = Math.max(...exact.coefficients.map(([c]) => Math.abs(c)));
    expect(Math.max(...cError) / cSize / (EPS * (degree + 1) + backward)).toBeLessThan(1);
    const gradient = found.gradient.to1DArray();
    for (let j = 0; j < DIM; j++) {
      const error = Math.abs(minus(wide(gradient[j]), exact.gradient[j])[0]);
      expect(error / (exact.size[j] * (EPS * ROWS + backward))).toBeLessThan(1);
    }
  });
});

describe("what the digits cannot carry", () => {
  it("is said: a fit of degree 12 on few distinct values, or with a condition number above 1e10", async () => {
    const { X, y } = sample(([z]) => Math.tanh(z), 1, 2000, 4, 0.1, 3);
    const options = { rank: 1, degree: 12, seed: 1, restarts: 0, ridge: 0 } as const;
    const signs = { ...X, data: X.data.map(Math.sign) };
    for (const rows of [X, signs]) {
      const { diagnostics, model } = await fitMultiIndex(rows, y, options);
      const codes = diagnostics.warnings.map(({ code }) => code);
      // Sixteen values of z can be so nearly dependent that a ridge is added, and the condition is that with it.
      if (rows === X || !codes.includes("RIDGE_ADDED")) {
        expect(diagnostics.condition).toBeGreaterThan(1e10);
        expect(codes).toContain("ILL_CONDITIONED");
      }
      expect(model.predict(rows).every(Number.isFinite)).toBe(true);
    }
    // A degree at which they are not dependent yet.
    const { diagnostics } = await fitMultiIndex(signs, y, { ...options, degree: 8 });
    expect(diagnostics.condition).toBeGreaterThan(1e10);
    expect(diagnostics.warnings.map(({ code }) => code)).toContain("ILL_CONDITIONED");
    const tame = await fitMultiIndex(X, y, { ...options, degree: 4 });
    expect(tame.diagnostics.condition).toBeLessThan(1e10);
    expect(tame.diagnostics.warnings.map(({ code }) => code)).not.toContain("ILL_CONDITIONED");
  });
});
