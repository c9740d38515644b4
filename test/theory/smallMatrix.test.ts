/** Small matrices beside ml-matrix. */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  cayleyRotation,
  composeFrames,
  divideLeft,
  divideRight,
  factorUnitGram,
  factorUnitGramOfRows,
  product,
  productTransposed,
  rotateRows,
} from "../../src/theory/smallMatrix.js";
import { generator } from "../support/problems.js";

const { normal } = generator(31);
const random = (rows: number, columns: number): Matrix =>
  new Matrix(Array.from({ length: rows }, () => Array.from({ length: columns }, normal)));
const flat = (a: Matrix): Float64Array => Float64Array.from(a.to1DArray());
function expectClose(found: Float64Array, wanted: Matrix): void {
  const values = wanted.to1DArray();
  expect(found).toHaveLength(values.length);
  for (let i = 0; i < values.length; i++) expect(Math.abs(found[i] - values[i])).toBeLessThan(1e-12);
}
/** The lower triangle only; what is above it is anybody's. */
const lowerOf = (a: Float64Array, n: number): Matrix =>
  new Matrix(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (j <= i ? a[i * n + j] : 0))));

describe.each([
  [1, 1],
  [2, 3],
  [4, 3],
  [3, 5],
])("%i×%i", (rows, n) => {
  it("products", () => {
    const [x, b, y] = [random(rows, n), random(n, n), random(4, n)];
    const out = new Float64Array(rows * n);
    product(flat(x), flat(b), out, rows, n);
    expectClose(out, x.mmul(b));
    const crossed = new Float64Array(rows * 4);
    productTransposed(flat(x), flat(y), crossed, rows, 4, n);
    expectClose(crossed, x.mmul(y.transpose()));
  });

  it("factors of I + XᵀX and I + XXᵀ", () => {
    const x = random(rows, n);
    const columns = new Float64Array(n * n);
    factorUnitGram(flat(x), rows, n, columns);
    const l = lowerOf(columns, n);
    expectClose(flat(l.mmul(l.transpose())), Matrix.add(Matrix.eye(n), x.transpose().mmul(x)));
    const own = new Float64Array(rows * rows);
    factorUnitGramOfRows(flat(x), rows, n, own);
    const k = lowerOf(own, rows);
    expectClose(flat(k.mmul(k.transpose())), Matrix.add(Matrix.eye(rows), x.mmul(x.transpose())));
    for (let i = 0; i < n; i++) expect(columns[i * n + i]).toBeGreaterThan(0);
  });

  it("divisions by a triangle, from the left and from the right", () => {
    const lower = new Float64Array(n * n);
    factorUnitGram(flat(random(5, n)), 5, n, lower);
    const l = lowerOf(lower, n);
    const x = random(n, rows);
    const left = flat(x);
    divideLeft(lower, n, left, rows);
    expectClose(left, inverse(l).mmul(x));
    const z = random(rows, n);
    const right = flat(z);
    divideRight(lower, n, right, rows);
    expectClose(right, z.mmul(inverse(l.transpose())));
  });

  it("rotations from antisymmetric matrices, and what they turn", () => {
    const a = random(n, n);
    const theta = Matrix.sub(a, a.transpose());
    const rotation = new Float64Array(n * n);
    cayleyRotation(flat(theta), n, rotation);
    const r = new Matrix(Array.from({ length: n }, (_, i) => Array.from(rotation.subarray(i * n, (i + 1) * n))));
    expectClose(flat(r.mmul(r.transpose())), Matrix.eye(n));
    expectClose(rotation, inverse(Matrix.sub(Matrix.eye(n), theta)).mmul(Matrix.add(Matrix.eye(n), theta)));
    const x = random(n, rows);
    const turned = flat(x);
    rotateRows(rotation, n, turned, rows, new Float64Array(n));
    expectClose(turned, r.mmul(x));
  });

  it("frames are vectors one after another", () => {
    // Columns of F (length×count) and of Q (count×count), stored by columns.
    const [frame, q] = [random(rows, n), random(n, n)];
    const stored = flat(frame.transpose());
    composeFrames(stored, flat(q.transpose()), rows, n, new Float64Array(rows * n));
    expectClose(stored, frame.mmul(q).transpose());
  });
});
