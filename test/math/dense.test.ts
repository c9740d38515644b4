/** Dense algebra: accuracy as ratios on good and bad matrices, rank, refusals. */
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import {
  cholesky,
  choleskySolve,
  fromMatrix,
  leastSquares,
  Matrix,
  multiply,
  multiplyTransposed,
  qr,
  svd,
  symmetricEigen,
  toMatrix,
  transpose,
} from "../../src/math/dense.js";
import { codeOf as code } from "../support/errors.js";

const EPS = Number.EPSILON;
const rng = createRng(3, "dense");
const gaussian = (m: number, n: number, scale = 1): Float64Array =>
  Float64Array.from({ length: m * n }, () => scale * rng.normal());
const largest = (a: ArrayLike<number>): number => Array.from(a).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
};
/** ‖QᵀQ − I‖ in units of size·ε. */
const departure = (q: Float64Array, m: number, n: number): number => {
  const gram = multiplyTransposed(q, q, m, n, n);
  for (let k = 0; k < n; k++) gram[k * n + k] -= 1;
  return largest(gram) / (Math.max(m, 1) * EPS);
};
const symmetric = (n: number, scale = 1): Float64Array => {
  const a = gaussian(n, n, scale);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
  return a;
};
const deficient = (m: number, n: number, rank: number): Float64Array =>
  multiply(gaussian(m, rank), gaussian(rank, n), m, rank, n);
/** Rows scaled over sixteen decades. */
const graded = (m: number, n: number): Float64Array =>
  gaussian(m, n).map((x, i) => x * 10 ** (-16 * (Math.floor(i / n) / m)));

const matrices: [string, number, number, Float64Array, number?][] = [
  ["well scaled", 12, 5, gaussian(12, 5)],
  ["wide", 4, 9, gaussian(4, 9)],
  ["square", 7, 7, gaussian(7, 7)],
  ["badly scaled", 12, 5, graded(12, 5)],
  ["near overflow", 6, 4, gaussian(6, 4, 1e307)],
  ["near underflow", 6, 4, gaussian(6, 4, 1e-305)],
  ["subnormal", 3, 3, Float64Array.from([3, 1, 0, 1, 5, 2, 0, 2, 7], (x) => x * 5e-324 * 2 ** 40)],
  ["rank 2 of 5", 12, 5, deficient(12, 5, 2), 2],
  ["zero", 4, 3, new Float64Array(12), 0],
  ["one entry", 1, 1, Float64Array.of(-3)],
];

describe("singular value decomposition", () => {
  it.each(matrices)("%s: U·S·Vᵀ = A, orthonormal factors, descending values", (_, m, n, a, rank) => {
    const before = a.slice();
    const got = svd(a, m, n, 1e-12);
    const k = Math.min(m, n);
    const size = largest(a) || 1;
    // In units of A's own size, so that nothing here overflows.
    const scaled = got.u.map((x, i) => x * (got.values[i % k] / size));
    const back = multiply(scaled, transpose(got.v, n, k), m, k, n);
    expect(
      difference(
        back,
        a.map((x) => x / size),
      ) /
        (Math.max(m, n) * EPS),
    ).toBeLessThan(30);
    expect(departure(got.v, n, k)).toBeLessThan(30);
    expect(departure(got.u, m, k)).toBeLessThan(30);
    for (let i = 1; i < k; i++) expect(got.values[i - 1]).toBeGreaterThanOrEqual(got.values[i]);
    expect(got.values.every((x) => x >= 0)).toBe(true);
    expect(got.rank).toBe(rank ?? k);
    expect(a).toEqual(before);
  });

  it("finds a known spectrum", () => {
    const { values } = svd([3, 0, 0, 4, 0, 0], 3, 2);
    expect(Array.from(values, (x) => Math.round(x * 1e12) / 1e12)).toEqual([4, 3]);
  });
});

describe("symmetric eigenproblem", () => {
  it.each([
    ["well scaled", 9, symmetric(9)],
    ["near overflow", 5, symmetric(5, 1e306)],
    ["near underflow", 5, symmetric(5, 1e-306)],
    ["repeated eigenvalues", 4, Float64Array.from([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, -1, 0, 0, 0, 0, 2])],
    ["rank 1", 4, multiply([1, 2, 3, 4], [1, 2, 3, 4], 4, 1, 4)],
    ["zero", 3, new Float64Array(9)],
  ] as [string, number, Float64Array][])("%s: A·V = V·D, ascending", (_, n, a) => {
    const { values, vectors } = symmetricEigen(a, n);
    const size = largest(a) || 1;
    const left = multiply(
      a.map((x) => x / size),
      vectors,
      n,
      n,
      n,
    );
    const right = vectors.map((x, i) => x * (values[i % n] / size));
    expect(difference(left, right) / (n * EPS)).toBeLessThan(30);
    expect(departure(vectors, n, n)).toBeLessThan(30);
    for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
  });

  it("takes the symmetric part", () => {
    expect(symmetricEigen([1, 4, 0, 1], 2).values).toEqual(symmetricEigen([1, 2, 2, 1], 2).values);
  });
});

describe("QR, Cholesky, least squares", () => {
  // Entries of R are themselves subnormal for a subnormal A, and then have fewer digits than A's size suggests.
  it.each(matrices.filter(([name, m, n]) => m >= n && name !== "subnormal"))(
    "QR of %s: Q·R = A, diagonal ≥ 0",
    (_, m, n, a) => {
      const size = largest(a) || 1;
      const { q, r } = qr(a, m, n);
      const back = multiply(
        q,
        r.map((x) => x / size),
        m,
        n,
        n,
      );
      expect(
        difference(
          back,
          a.map((x) => x / size),
        ) /
          (m * EPS),
      ).toBeLessThan(30);
      for (let i = 0; i < n; i++) {
        expect(r[i * n + i]).toBeGreaterThanOrEqual(0);
        for (let j = 0; j < i; j++) expect(r[i * n + j] === 0).toBe(true);
      }
    },
  );

  it("Cholesky factors and solves, and names the failing pivot", () => {
    const b = gaussian(20, 6);
    const a = multiplyTransposed(b, b, 20, 6, 6);
    const factored = cholesky(a, 6);
    if (!factored.ok) throw new Error(`pivot ${factored.pivot}`);
    const { lower } = factored;
    expect(difference(multiply(lower, transpose(lower, 6, 6), 6, 6, 6), a) / (6 * EPS * largest(a))).toBeLessThan(30);
    const x = gaussian(6, 2);
    const solved = choleskySolve(lower, 6, multiply(a, x, 6, 6, 2), 2);
    const { values } = symmetricEigen(a, 6);
    expect(difference(solved, x) / ((values[5] / values[0]) * EPS * largest(x))).toBeLessThan(30);
    expect(cholesky([1, 0, 0, -1], 2)).toEqual({ ok: false, pivot: 1 });
    expect(cholesky([1, 1, 1, 1 + 1e-14], 2, 1e-10)).toEqual({ ok: false, pivot: 1 });
  });

  it("least squares: residual orthogonal to the columns, shortest solution when rank-deficient", () => {
    const a = gaussian(15, 4);
    const b = gaussian(15, 1);
    const { solution, rank } = leastSquares(a, 15, 4, b);
    const fitted = multiply(a, solution, 15, 4, 1);
    const residual = b.map((x, i) => x - fitted[i]);
    expect(rank).toBe(4);
    expect(largest(multiplyTransposed(a, residual, 15, 4, 1)) / (15 * EPS * largest(a) * largest(b))).toBeLessThan(30);
    // Two equal columns share the weight: the shortest of all solutions.
    const twin = leastSquares([1, 1, 2, 2, 3, 3], 3, 2, [2, 4, 6], 1, 1e-10);
    expect(twin.rank).toBe(1);
    expect(difference(twin.solution, [1, 1])).toBeLessThan(1e-14);
  });
});

describe("the door", () => {
  it("refuses NaN and infinities before any iteration starts, with the place", () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const a = gaussian(4, 4);
      a[6] = bad;
      for (const run of [() => svd(a, 4, 4), () => symmetricEigen(a, 4), () => qr(a, 4, 4), () => cholesky(a, 4)]) {
        expect(run).toThrow(/\[1\]\[2\]/);
        expect(code(run)).toBe("NOT_FINITE");
      }
      expect(code(() => leastSquares(gaussian(4, 2), 4, 2, a.subarray(4, 8)))).toBe("NOT_FINITE");
    }
  });

  it("refuses lengths that do not fit the shape", () => {
    expect(code(() => svd([1, 2, 3], 2, 2))).toBe("SHAPE");
    expect(code(() => symmetricEigen([1, 2, 3], 2))).toBe("SHAPE");
    expect(code(() => qr([1, 2], 1, 2))).toBe("SHAPE");
    expect(code(() => toMatrix([1], 2, 2))).toBe("SHAPE");
  });

  it("works on empty shapes", () => {
    expect(svd([], 5, 0)).toMatchObject({ rank: 0 });
    expect(symmetricEigen([], 0).values.length).toBe(0);
    expect(qr([], 3, 0).q.length).toBe(0);
    const empty = toMatrix([], 4, 0);
    expect([empty.rows, empty.columns]).toEqual([4, 0]);
  });

  it("converts both ways, views included", () => {
    const a = Float64Array.from([1, 2, 3, 4, 5, 6]);
    expect(fromMatrix(toMatrix(a, 2, 3))).toEqual(a);
    expect(
      fromMatrix(
        new Matrix([
          [1, 4],
          [2, 5],
          [3, 6],
        ]).transpose(),
      ),
    ).toEqual(a);
    expect(transpose(a, 2, 3)).toEqual(Float64Array.from([1, 4, 2, 5, 3, 6]));
  });

  it("has the same bits when called again", () => {
    const a = gaussian(30, 8);
    expect(svd(a, 30, 8)).toEqual(svd(a.slice(), 30, 8));
    expect(symmetricEigen(symmetric(6), 6).values.length).toBe(6);
  });
});
