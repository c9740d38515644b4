/** Standard errors of directions from a given covariance of their motions, against Kronecker products written out. */
import { inverse, Matrix, QrDecomposition } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { complementOf, orthonormalize } from "../../src/math/grassmann.js";
import type { InputMap } from "../../src/solve/inputMap.js";
import { leaveOneOut } from "../../src/solve/leaveOneOut.js";
import { Penalty } from "../../src/solve/linkSolve.js";
import { ProfiledLoss } from "../../src/solve/objective.js";
import { directionErrors, errorsFrom } from "../../src/solve/standardErrors.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

const d = 4;
/** Whitened coordinates of four columns, k of them left. */
function inputsOf(k: number, inverseScale = [1, 0.5, 3, 0.2]): InputMap {
  const map = Float64Array.from({ length: d * k }, (_, i) => Math.sin(2 * i + 1));
  return { columns: d, dim: k, map, inverseScale: Float64Array.from(inverseScale) } as unknown as InputMap;
}
const basisOf = (k: number, r: number): Float64Array =>
  orthonormalize(
    Float64Array.from({ length: k * r }, (_, i) => Math.cos(i * i + 1)),
    k,
    r,
  ).basis;
/** A covariance of the cr motions, (a, k) at a + k·c. */
function covarianceOf(size: number): Matrix {
  const a = matrix(
    Float64Array.from({ length: size * size }, (_, i) => Math.sin(i + 0.3)),
    size,
    size,
  );
  return a.transpose().mmul(a);
}
/** Standard deviations of the entries of MΞN: rows of (Nᵀ ⊗ M) act on vec Ξ, columns of Ξ one below the other. */
function deviations(m: Matrix, covariance: Matrix, n: Matrix): number[] {
  const [c, r] = [m.columns, n.rows];
  const out: number[] = [];
  for (let j = 0; j < m.rows; j++) {
    for (let l = 0; l < r; l++) {
      const row = Matrix.rowVector(
        Array.from({ length: c * r }, (_, at) => m.get(j, at % c) * n.get(Math.floor(at / c), l)),
      );
      out.push(Math.sqrt(row.mmul(covariance).mmul(row.transpose()).get(0, 0)));
    }
  }
  return out;
}

describe.each([
  [3, 1],
  [3, 2],
  [4, 2],
])("of a %i×%i basis", (k, r) => {
  const inputs = inputsOf(k);
  const basis = basisOf(k, r);
  const c = k - r;
  const covariance = covarianceOf(c * r);
  const scale = Matrix.diag(Array.from(inputs.inverseScale));
  const t = scale.mmul(matrix(inputs.map ?? [], d, k));
  const moves = t.mmul(matrix(complementOf(basis, k, r), k, c));
  const found = () => errorsFrom(inputs, basis, r, Float64Array.from(covariance.to1DArray()));

  it("directions move by diag(1/s)·T·W⊥·Ξ", () => {
    const errors = found();
    const wanted = deviations(moves, covariance, Matrix.eye(r));
    expect(errors?.directions.rows).toBe(d);
    expect(errors?.directions.columns).toBe(r);
    expect(apart(errors?.directions.to1DArray() ?? [], wanted)).toBeLessThan(1e-12);
  });

  it("their orthonormal factor moves outside its span by (I − QQᵀ)·motion·R⁻¹", () => {
    const directions = t.mmul(matrix(basis, k, r));
    const factored = new QrDecomposition(directions);
    const q = factored.orthogonalMatrix;
    const upper = factored.upperTriangularMatrix;
    const outside = moves.clone().sub(q.mmul(q.transpose()).mmul(moves));
    const inverseOfUpper =
      r === 1
        ? new Matrix([[1 / upper.get(0, 0)]])
        : new Matrix([
            [1 / upper.get(0, 0), -upper.get(0, 1) / (upper.get(0, 0) * upper.get(1, 1))],
            [0, 1 / upper.get(1, 1)],
          ]);
    const wanted = deviations(outside, covariance, inverseOfUpper);
    expect(apart(found()?.basis?.to1DArray() ?? [], wanted)).toBeLessThan(1e-11);
  });
});

it("nothing moves when the basis is everything or nothing", () => {
  expect(errorsFrom(inputsOf(2), basisOf(2, 2), 2, new Float64Array(0))).toBeUndefined();
  expect(errorsFrom(inputsOf(2), new Float64Array(0), 0, new Float64Array(0))).toBeUndefined();
});

it("raw directions that cannot be told apart have no basis to err", () => {
  const covariance = Float64Array.from(covarianceOf(4).to1DArray());
  // Two directions that differ only along a column whose unit is 10¹² times larger.
  const [a, b] = [Math.SQRT1_2, 0.5];
  const basis = Float64Array.of(a, a, b, -b, b, -b, 0, 0);
  const identity = { columns: d, dim: d } as InputMap;
  const errors = (small: number) =>
    errorsFrom({ ...identity, inverseScale: Float64Array.of(1, small, small, 1) }, basis, 2, covariance);
  expect(errors(1e-12)).not.toHaveProperty("basis");
  expect(errors(1e-12)?.directions.rows).toBe(4);
  expect(errors(1e-8)).toHaveProperty("basis");
  // Only ratios matter.
  const large = errorsFrom(
    { ...identity, inverseScale: Float64Array.of(1e200, 1e200, 1e200, 1e200) },
    basis,
    2,
    covariance,
  );
  const plain = errorsFrom({ ...identity, inverseScale: Float64Array.of(1, 1, 1, 1) }, basis, 2, covariance);
  expect(apart(large?.basis?.to1DArray() ?? [], plain?.basis?.to1DArray() ?? [1])).toBeLessThan(1e-13);
});

describe("directionErrors", () => {
  const X = normals(40, 3, 6);
  const y = X.map(([a, b], i) => a + 0.5 * a * a + 0.2 * b + 0.1 * Math.sin(5 * i));

  it("is the jackknife sandwich of link and directions together", async () => {
    const { problem } = await opened(X, y, { rank: 1, degree: 2, whiten: "none" });
    const { workspace, inputs } = problem;
    const penalty = new Penalty(Float64Array.of(1e-3, 1, 2), 1e-4, 1);
    const w = basisOf(3, 1);
    const point = await new ProfiledLoss(workspace, inputs, penalty).at(w);
    const loo = await leaveOneOut(workspace, inputs, point, penalty.diagonal);
    const e = Float64Array.from(y, (_, i) => Math.cos(i));
    const got = await directionErrors(workspace, inputs, w, e);
    // A = [1, z, (z² − 1)/√2, f′(z)·xᵀW⊥].
    const outside = matrix(complementOf(w, 3, 1), 3, 2);
    const c = point.coefficients;
    const a = new Matrix(
      X.map((row) => {
        const z = row.reduce((s, v, j) => s + v * w[j], 0);
        const slope = c[1] + Math.SQRT2 * c[2] * z;
        const along = Matrix.rowVector(row).mmul(outside).mul(slope).to1DArray();
        return [1, z, (z * z - 1) / Math.SQRT2, ...along];
      }),
    );
    const n = X.length;
    const s = a
      .transpose()
      .mmul(a)
      .mul(1 / n);
    penalty.diagonal.forEach((v, k) => {
      s.set(k, k, s.get(k, k) + v);
    });
    const middle = a
      .transpose()
      .mmul(Matrix.diag(Array.from(e, (v) => v * v)))
      .mmul(a);
    const covariance = inverse(s)
      .mmul(middle)
      .mmul(inverse(s))
      .mul(1 / (n * n));
    const wanted = deviations(outside, covariance.subMatrix(3, 4, 3, 4), Matrix.eye(1));
    expect(loo).toBeDefined();
    expect(apart(got?.directions.to1DArray() ?? [], wanted)).toBeLessThan(1e-6);
  });

  it("is not there when motions were not looked at", async () => {
    for (const rank of [0, 3]) {
      const { problem } = await opened(X, y, { rank, degree: 1, whiten: "none" });
      const w = Float64Array.from({ length: 3 * rank }, (_, i) => (i % (rank + 1) === 0 ? 1 : 0));
      expect(await directionErrors(problem.workspace, problem.inputs, w, new Float64Array(40))).toBeUndefined();
    }
  });
});
