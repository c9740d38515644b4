/** Moment starts against the matrices that they are eigenvectors of, written out. */
import { EVD, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { hessian, momentStart, randomStart, sliceOperator } from "../../src/solve/initialize.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

const n = 90;
const d = 3;
const X = normals(n, d, 4).map(([a, b, c]) => [a, 2 * b + 0.4 * a, c]);
const y = X.map(([a, b, c]) => a * b + 0.3 * c);
const weights = X.map((_, i) => (i % 5 === 0 ? 0 : 1 + (i % 3)));
const identity = Matrix.eye(d);

/** The problem with its whitened rows x̂ and standardized responses, taken from its own map. */
async function whitened(w?: number[]) {
  const given = { rank: 2, degree: 1, whiten: "full", ...(w ? { weights: w } : {}) } as const;
  const { workspace, inputs, response } = (await opened(X, y, given)).problem;
  const t = matrix(inputs.map ?? [], d, d);
  const rows = X.map((row) => {
    const scaled = row.map((v, j) => (v - inputs.center[j]) * inputs.inverseScale[j]);
    return Matrix.rowVector(scaled).mmul(t).to1DArray();
  });
  return { workspace, inputs, rows, y: response.standardized, w: w ?? X.map(() => 1) };
}
const sumOf = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
const outer = (row: readonly number[]) => Matrix.columnVector(row).mmul(Matrix.rowVector(row));
/** Σ τᵢ(x̂ᵢx̂ᵢᵀ − I)/Σw with τ centred. */
function dense(rows: number[][], w: number[], tau: ArrayLike<number>): Matrix {
  const total = sumOf(w);
  const mean = sumOf(w.map((v, i) => v * tau[i])) / total;
  return rows.reduce(
    (sum, row, i) =>
      sum.add(
        outer(row)
          .sub(identity)
          .mul((w[i] * (tau[i] - mean)) / total),
      ),
    Matrix.zeros(d, d) as Matrix,
  );
}
/** Σ_h p_h[(C_h − I)² + m_h m_hᵀ] over runs of sorted responses. */
function slices(rows: number[][], w: number[], y: ArrayLike<number>, count: number): Matrix {
  const order = rows.map((_, i) => i).sort((a, b) => y[a] - y[b] || a - b);
  const out = Matrix.zeros(d, d);
  for (let h = 0; h < count; h++) {
    const own = order.slice(Math.floor((h * rows.length) / count), Math.floor(((h + 1) * rows.length) / count));
    const total = sumOf(own.map((i) => w[i]));
    if (total === 0) continue;
    const mean = rows[0].map((_, j) => sumOf(own.map((i) => w[i] * rows[i][j])) / total);
    const second = own.reduce((sum, i) => sum.add(outer(rows[i]).mul(w[i] / total)), Matrix.zeros(d, d));
    const spread = second.sub(outer(mean)).sub(identity);
    out.add(
      spread
        .mmul(spread)
        .add(outer(mean))
        .mul(total / sumOf(w)),
    );
  }
  return out;
}
/** WWᵀ for the r leading eigenvectors by size, and for a given basis. */
function leading(m: Matrix, r: number): number[] {
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EVD(m, { assumeSymmetric: true });
  const best = values.map((v, k) => ({ v: Math.abs(v), k })).sort((a, b) => b.v - a.v);
  return best
    .slice(0, r)
    .reduce((sum, { k }) => sum.add(outer(vectors.getColumn(k))), Matrix.zeros(d, d))
    .to1DArray();
}
const projector = (w: Float64Array, r: number): number[] =>
  matrix(w, d, r)
    .mmul(matrix(w, d, r).transpose())
    .to1DArray();
const unit = Float64Array.from(identity.to1DArray());

describe.each([
  ["without weights", undefined],
  ["with weights", weights],
])("%s", (_, given) => {
  it("hessian applies Σ τ(x̂x̂ᵀ − I)/n", async () => {
    const { workspace, inputs, rows, w } = await whitened(given);
    const tau = Float64Array.from(rows, (__, i) => Math.sin(i) + 2);
    const apply = await hessian(workspace, inputs, tau);
    expect(apart(apply(unit, d), dense(rows, w, tau).to1DArray())).toBeLessThan(1e-12);
    expect(apply(unit.subarray(0, 6), 2)).toHaveLength(6);
  });

  it("slices see means and covariances within runs of responses", async () => {
    const { workspace, inputs, rows, y, w } = await whitened(given);
    const apply = await sliceOperator(workspace, inputs, y);
    // 90/(2·3) = 15 runs would be too short: ten.
    const wanted = slices(rows, w, y, 10);
    expect(apart(apply(unit, d), wanted.to1DArray())).toBeLessThan(1e-12);
    const start = await momentStart("slices", workspace, inputs, y, 2);
    expect(apart(projector(start, 2), leading(wanted, 2))).toBeLessThan(1e-6);
  });

  it("linear and quadratic moments of y share a matrix", async () => {
    const { workspace, inputs, rows, y, w } = await whitened(given);
    const t = dense(rows, w, y);
    const v = rows[0].map((__, j) => sumOf(rows.map((row, i) => w[i] * y[i] * row[j])) / sumOf(w));
    const wanted = t.mmul(t).add(outer(v));
    const start = await momentStart("linear-hessian", workspace, inputs, y, 1);
    expect(apart(projector(start, 1), leading(wanted, 1))).toBeLessThan(1e-6);
  });

  it("the spectral start bounds the squares of y", async () => {
    const { workspace, inputs, rows, y, w } = await whitened(given);
    const wanted = dense(
      rows,
      w,
      y.map((v) => (v * v - 1) / (v * v + 1)),
    );
    for (const r of [1, 2]) {
      const start = await momentStart("spectral", workspace, inputs, y, r);
      expect(apart(projector(start, r), leading(wanted, r))).toBeLessThan(1e-6);
    }
  });
});

it("the number of slices follows the rows for the columns: three to ten, never more than rows", async () => {
  for (const [rows, count] of [
    [2, 2],
    [5, 3],
    [26, 4],
    [59, 9],
    [66, 10],
  ]) {
    const some = X.slice(0, rows);
    const given = { rank: 1, degree: 1, whiten: "none" } as const;
    const { workspace, inputs } = (await opened(some, y.slice(0, rows), given)).problem;
    const values = Float64Array.from(y.slice(0, rows));
    const apply = await sliceOperator(workspace, inputs, values);
    const wanted = slices(
      some,
      some.map(() => 1),
      values,
      count,
    );
    expect(apart(apply(unit, d), wanted.to1DArray()), `${rows} rows`).toBeLessThan(1e-10);
  }
});

it("equal responses keep the order of their rows; slices without weight say nothing", async () => {
  const given = { rank: 1, degree: 1, whiten: "none" } as const;
  const coarse = Float64Array.from(X, (_, i) => (i * 7) % 4);
  const light = coarse.map((v) => (v === 0 ? 0 : 1));
  const { workspace, inputs } = (await opened(X, coarse, { ...given, weights: light })).problem;
  const apply = await sliceOperator(workspace, inputs, coarse);
  const wanted = slices(X, Array.from(light), coarse, 10);
  expect(apart(apply(unit, d), wanted.to1DArray())).toBeLessThan(1e-10);
});

it("random starts are orthonormal, and another one for every seed and index", () => {
  const start = randomStart(4, 2, 7, 0);
  const gram = matrix(start, 4, 2)
    .transpose()
    .mmul(matrix(start, 4, 2));
  expect(apart(gram.to1DArray(), [1, 0, 0, 1])).toBeLessThan(1e-13);
  expect(randomStart(4, 2, 7, 0)).toEqual(start);
  expect(randomStart(4, 2, 7, 1)).not.toEqual(start);
  expect(randomStart(4, 2, 8, 0)).not.toEqual(start);
});
