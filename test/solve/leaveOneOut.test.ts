/** Tangent leave-one-out against its dense formula, and against fits that do leave rows out. */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { Workspace } from "../../src/kernel/workspace.js";
import { complementOf } from "../../src/math/grassmann.js";
import { featureShape, featureTable } from "../../src/math/multiIndex.js";
import { leaveOneOut, tangentDirections } from "../../src/solve/leaveOneOut.js";
import { degreePenalty, Penalty } from "../../src/solve/linkSolve.js";
import { type FlowPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

const n = 30;
const X = normals(n, 3, 9);
const y = X.map(([a, b], i) => a + 0.6 * a * a + 0.3 * b + 0.2 * Math.sin(7 * i));
const weights = X.map((_, i) => (i % 6 === 0 ? 0 : 1 + (i % 2)));
const W = Float64Array.of(0.8, 0.48, 0.36);

/** One-direction features h₀ … h_degree and the slope of a link at z. */
const featuresAt = (z: number, degree: number) => [1, z, (z * z - 1) / Math.SQRT2].slice(0, degree + 1);
const slopeAt = (z: number, c: ArrayLike<number>, degree: number) => c[1] + (degree > 1 ? Math.SQRT2 * c[2] * z : 0);

interface Case {
  readonly degree: number;
  readonly w?: number[];
  readonly mu?: number;
}

/** What the solver says at W, and A = [Φ | f′(z)·xᵀW⊥] written out. */
async function solved({ degree, w, mu = 1e-2 }: Case) {
  const given = { rank: 1, degree, whiten: "none", ...(w ? { weights: w } : {}) } as const;
  const { problem } = await opened(X, y, given);
  const { workspace, inputs, response } = problem;
  const penalty = new Penalty(degreePenalty(1, degree), mu, 1);
  const point = await new ProfiledLoss(workspace, inputs, penalty).at(W);
  const z = X.map((row) => row.reduce((s, v, j) => s + v * W[j], 0));
  const c = point.coefficients;
  const residuals = z.map(
    (v, i) => response.standardized[i] - featuresAt(v, degree).reduce((s, f, k) => s + f * c[k], 0),
  );
  return { workspace, inputs, penalty, point, z, residuals, w: w ?? X.map(() => 1) };
}

/** eᵢ = ρᵢ/(1 − hᵢ)·(1 − h̄)/(1 − h̄ − 0.2·(mean leverage of the motions)). */
function errorsFrom(residuals: number[], link: number[], total: number[]) {
  const mean = total.reduce((a, b) => a + b, 0) / n;
  const motion = mean - link.reduce((a, b) => a + b, 0) / n;
  const factor = Math.max(1, (1 - mean) / Math.max(1 - mean - 0.2 * motion, 0.02));
  return residuals.map((rho, i) => (rho / Math.max(1 - total[i], 1e-3)) * factor);
}
/** wᵢaᵢᵀS⁻¹aᵢ/n. */
function leverages(a: Matrix, w: number[], diagonal: number[]): number[] {
  const total = w.reduce((s, v) => s + v, 0);
  const s = a
    .transpose()
    .mmul(Matrix.diag(w))
    .mmul(a)
    .mul(1 / total)
    .add(Matrix.diag(diagonal));
  const inner = inverse(s);
  return w.map((v, i) => {
    const row = a.getRowVector(i);
    return (v * row.mmul(inner).mmul(row.transpose()).get(0, 0)) / total;
  });
}

/** Where a function that is positive near 0 becomes negative, by bisection. */
function zeroOf(f: (at: number) => number): number {
  let [low, high] = [1e-9, 1e6];
  for (let k = 0; k < 100; k++) {
    const middle = Math.sqrt(low * high);
    if (f(middle) > 0) low = middle;
    else high = middle;
  }
  return low;
}

describe.each<[string, Case]>([
  ["a parabola", { degree: 2 }],
  ["a parabola, weighted rows", { degree: 2, w: weights }],
  ["a line, whose ridge counts as that of the slope", { degree: 1, mu: 0.3 }],
  ["a line, weighted rows", { degree: 1, w: weights, mu: 0.3 }],
])("%s", (_, given) => {
  const { degree } = given;

  it("is the formula with leverages of link and motions together", async () => {
    const { workspace, inputs, penalty, point, z, residuals, w } = await solved(given);
    const got = await leaveOneOut(workspace, inputs, point, penalty.diagonal);
    const outside = matrix(complementOf(W, 3, 1), 3, 2);
    const features = new Matrix(z.map((v) => featuresAt(v, degree)));
    const tangent = new Matrix(
      X.map((row, i) => [
        ...featuresAt(z[i], degree),
        ...Matrix.rowVector(row)
          .mmul(outside)
          .mul(slopeAt(z[i], point.coefficients, degree))
          .to1DArray(),
      ]),
    );
    const sum = w.reduce((s, v) => s + v, 0);
    const curvature =
      1e-10 +
      (degree === 1
        ? Math.max(0, z.reduce((s, v, i) => s + w[i] * residuals[i] * point.coefficients[1] * v, 0) / sum)
        : 0);
    const diagonal = Array.from(penalty.diagonal);
    const link = leverages(features, w, diagonal);
    const total = leverages(tangent, w, [...diagonal, curvature, curvature]);
    expect(got?.degreesOfFreedom).toBeCloseTo(
      total.reduce((a, b) => a + b, 0),
      8,
    );
    // Rows without weight say nothing.
    const wanted = errorsFrom(
      residuals.map((v, i) => (w[i] === 0 ? 0 : v)),
      link,
      total,
    );
    expect(apart(got?.errors ?? [], wanted)).toBeLessThan(1e-8);
  });

  it("without room for the motions gives them what whitened inputs imply", async () => {
    const { inputs, penalty, z, residuals, w } = await solved(given);
    const shape = { samples: n, columns: 3, rank: 1, degree, ...featureShape(1, degree), complement: 0 };
    const rows = { data: Float64Array.from(X.flat()), rows: n, columns: 3 };
    const workspace = await Workspace.create(rows, shape, featureTable(1, degree), "reference", new RunControl());
    const { problem } = await opened(X, y, { rank: 1, degree, ...(given.w ? { weights: given.w } : {}) });
    workspace.setTarget(problem.response.standardized, given.w ? Float64Array.from(w, Math.sqrt) : undefined);
    await workspace.standardize(inputs);
    const point = await new ProfiledLoss(workspace, inputs, penalty).at(W);
    const got = await leaveOneOut(workspace, inputs, point, penalty.diagonal);
    const sum = w.reduce((s, v) => s + v, 0);
    const squares = z.map((v, i) => w[i] * slopeAt(v, point.coefficients, degree) ** 2);
    const slope = slopeAt(0, point.coefficients, 1);
    const curvature =
      1e-10 + (degree === 1 ? Math.max(0, z.reduce((s, v, i) => s + w[i] * residuals[i] * slope * v, 0) / sum) : 0);
    const link = leverages(new Matrix(z.map((v) => featuresAt(v, degree))), w, Array.from(penalty.diagonal));
    // M = nK + Σ g²/(1 + αo + 2g²/M) and Σ αo/(1 + αo + 2g²/M) = Σ h, each by bisection in turn.
    const odds = link.map((h) => h / (1 - h));
    const left = (m: number, alpha: number) => odds.map((o, i) => 1 / (1 + alpha * o + (2 * squares[i]) / m));
    const linkFreedom = link.reduce((a, b) => a + b, 0);
    let [m, alpha] = [1, 1];
    for (let turn = 0; turn < 60; turn++) {
      m = zeroOf((at) => sum * curvature + left(at, alpha).reduce((s, v, i) => s + squares[i] * v, 0) - at);
      alpha = zeroOf((at) => linkFreedom - left(m, at).reduce((s, v, i) => s + at * odds[i] * v, 0));
    }
    const total = left(m, alpha).map((v) => 1 - v);
    expect(got?.degreesOfFreedom).toBeCloseTo(
      total.reduce((a, b) => a + b, 0),
      3,
    );
    const known = residuals.map((v, i) => (w[i] === 0 ? 0 : v));
    expect(apart(got?.errors ?? [], errorsFrom(known, link, total))).toBeLessThan(1e-3);
  });
});

describe("many whitened inputs", () => {
  const [rows, columns] = [500, 80];
  const inputs = normals(rows, columns, 4);
  const noise = normals(rows, 1, 5);
  // A cubic slope: some rows determine their own motion.
  const response = inputs.map(([a, b], i) => a + b * b + 0.5 * a ** 3 + 0.3 * noise[i][0]);

  it.each([1, 2])("motions without room for them have nearly the leverages of those with it: rank %d", async (rank) => {
    const given = { rank, degree: 4 } as const;
    const { problem } = await opened(inputs, response, given);
    const { workspace, inputs: map } = problem;
    const frame = new Float64Array(columns * rank);
    for (let k = 0; k < rank; k++) frame[k * rank + k] = 1;
    const penalty = new Penalty(degreePenalty(rank, 4), 1e-3, 1);
    const point = await new ProfiledLoss(workspace, map, penalty).at(frame);
    const exact = await leaveOneOut(workspace, map, point, penalty.diagonal);
    const features = featureShape(rank, 4);
    const shape = { samples: rows, columns, rank, degree: 4, ...features, complement: 0 };
    const data = { data: Float64Array.from(inputs.flat()), rows, columns };
    const narrow = await Workspace.create(data, shape, featureTable(rank, 4), "reference", new RunControl());
    narrow.setTarget(problem.response.standardized, undefined);
    await narrow.standardize(map);
    const same = await new ProfiledLoss(narrow, map, penalty).at(frame);
    const got = await leaveOneOut(narrow, map, same, penalty.diagonal);
    expect(Math.abs((got?.degreesOfFreedom ?? 0) / (exact?.degreesOfFreedom ?? 1) - 1)).toBeLessThan(0.02);
    const meanSquare = (errors: ArrayLike<number> = []) => Array.from(errors).reduce((s, e) => s + e * e, 0) / rows;
    // Lengths of x⊥ differ, which the approximation does not know; with ℓ of M = nH alone it is wrong many times over.
    expect(Math.abs(meanSquare(got?.errors) / meanSquare(exact?.errors) - 1)).toBeLessThan(0.3);
  });
});

it("of a constant it is the mean of the other rows", async () => {
  const { problem } = await opened(X, y, { rank: 0, degree: 0 });
  const penalty = new Penalty(Float64Array.of(1), 0, 1);
  const point = await new ProfiledLoss(problem.workspace, problem.inputs, penalty).at(new Float64Array(0));
  const got = await leaveOneOut(problem.workspace, problem.inputs, point, penalty.diagonal);
  const s = problem.response.standardized;
  const sum = s.reduce((a, b) => a + b, 0);
  expect(
    apart(
      got?.errors ?? [],
      s.map((v) => v - (sum - v) / (n - 1)),
    ),
  ).toBeLessThan(1e-12);
  expect(got?.degreesOfFreedom).toBeCloseTo(1, 12);
});

it("is not there when the normal equations are singular", async () => {
  // A constant link has no slope: only the floor holds its motions.
  const { workspace, inputs, point } = await solved({ degree: 2 });
  const zero = { ...point, gradientMoment: new Float64Array(1) } as FlowPoint;
  const bad = Float64Array.of(-2, 0, 0);
  expect(await leaveOneOut(workspace, inputs, zero, bad)).toBeUndefined();
});

describe("tangentDirections", () => {
  it("are all outside the basis, unless there are too many or they cost too much", () => {
    expect(tangentDirections(100, 10, 2, 30)).toBe(28);
    expect(tangentDirections(100, 10, 0, 30)).toBe(0);
    // q = features + r(k − r) = 400 is the widest.
    expect(tangentDirections(100, 100, 2, 152)).toBe(150);
    expect(tangentDirections(100, 101, 2, 152)).toBe(0);
    // 2n·q² = 6e8 is the dearest: q = 100.
    expect(tangentDirections(30_000, 20, 2, 42)).toBe(40);
    expect(tangentDirections(30_001, 20, 2, 42)).toBe(0);
    expect(tangentDirections(100, 10, 3, 3)).toBe(0);
  });
});
