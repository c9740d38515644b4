/** Geometry: tangency, retractions to first order and over thousands of steps, angles accurate at both ends. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../src/base/rng.js";
import { multiply, multiplyTransposed, svd } from "../../src/math/dense.js";
import {
  complementOf,
  innerProduct,
  norm,
  orthonormalityError,
  orthonormalize,
  principalAngles,
  projectTangent,
  randomBasis,
  retractPolar,
  retractQr,
  subspaceDistance,
  transport,
} from "../../src/math/grassmann.js";
import { codeOf as code } from "../support/errors.js";

const EPS = Number.EPSILON;
const point = fc
  .record({ d: fc.integer({ min: 1, max: 20 }), r: fc.integer({ min: 0, max: 5 }), seed: fc.nat() })
  .filter(({ d, r }) => r <= d);
function draw(d: number, r: number, seed: number) {
  const rng = createRng(seed, "grassmann");
  const w = randomBasis(d, r, rng);
  const g = Float64Array.from({ length: d * r }, rng.normal);
  return { rng, w, g, xi: projectTangent(w, g, d, r) };
}
const combine = (a: Float64Array, t: number, b: Float64Array): Float64Array => a.map((x, i) => x + t * b[i]);

describe("the complement of a basis", () => {
  it("completes it to an orthonormal basis of the whole space", () => {
    fc.assert(
      fc.property(point, ({ d, r, seed }) => {
        const { w } = draw(d, r, seed);
        const rest = complementOf(w, d, r);
        const c = d - r;
        expect(rest).toHaveLength(d * c);
        expect(orthonormalityError(rest, d, c)).toBeLessThan(30 * EPS * d);
        for (const v of multiplyTransposed(w, rest, d, r, c)) expect(Math.abs(v)).toBeLessThan(30 * EPS * d);
      }),
    );
  });

  it("of coordinate axes, either sign, is the other axes; the basis is left alone", () => {
    const w = Float64Array.of(0, 0, 1, 0, 0, -1, 0, 0);
    const before = w.slice();
    const rest = complementOf(w, 4, 2);
    expect(w).toEqual(before);
    for (let k = 0; k < 2; k++) expect(Math.max(Math.abs(rest[2 + k]), Math.abs(rest[4 + k]))).toBeLessThan(4 * EPS);
    expect(orthonormalityError(rest, 4, 2)).toBeLessThan(4 * EPS);
  });
});

describe("tangents", () => {
  it("projection is tangent to rounding of the result, idempotent, and orthogonal to what it removes", () => {
    fc.assert(
      fc.property(point, ({ d, r, seed }) => {
        const { w, g, xi } = draw(d, r, seed);
        expect(norm(multiplyTransposed(w, xi, d, r, r))).toBeLessThan(30 * d * EPS);
        expect(norm(combine(projectTangent(w, xi, d, r), -1, xi))).toBeLessThan(30 * d * EPS);
        const removed = combine(g, -1, xi);
        expect(Math.abs(innerProduct(removed, xi))).toBeLessThan(100 * d * EPS * (1 + norm(g) ** 2));
        expect(transport(w, g, d, r)).toEqual(xi);
      }),
    );
  });

  it("keeps the digits of a tiny tangent part under a large normal one", () => {
    const d = 50;
    const { w, xi } = draw(d, 2, 1);
    const g = combine(
      xi.map((x) => x * 1e-10),
      1,
      multiply(w, [1, 2, 3, 4], d, 2, 2),
    );
    const got = projectTangent(w, g, d, 2);
    expect(norm(multiplyTransposed(w, got, d, 2, 2)) / norm(got)).toBeLessThan(1e-14);
    expect(norm(combine(got, -1e-10, xi)) / (1e-10 * norm(xi))).toBeLessThan(1e-5);
  });
});

describe.each([
  ["QR", retractQr],
  ["polar", retractPolar],
] as const)("%s retraction", (_, retract) => {
  it("is orthonormal for steps of every size", () => {
    fc.assert(
      fc.property(point, fc.double({ min: -8, max: 12, noNaN: true }), ({ d, r, seed }, exponent) => {
        const { w, xi } = draw(d, r, seed);
        const moved = retract(w, xi, 10 ** exponent, d, r);
        expect(orthonormalityError(moved, d, r)).toBeLessThan(50 * Math.max(1, r) * EPS);
      }),
    );
  });

  it("is orthonormal after long steps that few of the columns share", () => {
    // Eight dimensions leave three to the tangent of five columns: two stay of length 1 beside lengths of t.
    const { w, xi } = draw(8, 5, 1725309362);
    for (const t of [1e3, 1e4, 1e5, 1e6, 1e8, 1e10])
      expect(orthonormalityError(retract(w, xi, t, 8, 5), 8, 5)).toBeLessThan(50 * 5 * EPS);
  });

  it("agrees with W + tξ to first order: the remainder falls by 100 when t falls by 10", () => {
    const { w, xi } = draw(12, 3, 5);
    const remainder = (t: number) => norm(combine(combine(retract(w, xi, t, 12, 3), -1, w), -t, xi));
    expect(norm(xi)).toBeGreaterThan(1);
    for (const t of [1e-2, 1e-3]) expect(Math.abs(Math.log10(remainder(t) / remainder(t / 10)) - 2)).toBeLessThan(0.02);
    expect(retract(w, xi, 0, 12, 3).every((x, i) => Math.abs(x - w[i]) < 4 * EPS)).toBe(true);
  });

  it("row 51: 10⁴ retractions stay orthonormal", () => {
    const [d, r] = [15, 3];
    const { rng, w } = draw(d, r, 9);
    let at = w;
    for (let i = 0; i < 10_000; i++) {
      const xi = projectTangent(at, Float64Array.from({ length: d * r }, rng.normal), d, r);
      at = retract(at, xi, 0.3, d, r);
    }
    expect(orthonormalityError(at, d, r)).toBeLessThan(1e-14 * r);
  });

  it("reaches the same subspace, whichever retraction", () => {
    const { w, xi } = draw(10, 2, 3);
    expect(subspaceDistance(retract(w, xi, 0.7, 10, 2), retractQr(w, xi, 0.7, 10, 2), 10, 2, 2)).toBeLessThan(1e-14);
  });

  it("refuses steps that are not finite", () => {
    const { w, xi } = draw(6, 2, 3);
    expect(code(() => retract(w, xi, Number.NaN, 6, 2))).toBe("NOT_FINITE");
    expect(code(() => retract(w, xi, Number.POSITIVE_INFINITY, 6, 2))).toBe("NOT_FINITE");
  });
});

describe("orthonormalize", () => {
  it("gives an orthonormal basis of the same span, with positive diagonal", () => {
    fc.assert(
      fc.property(point, ({ d, r, seed }) => {
        const { g } = draw(d, r, seed);
        const { basis, rank } = orthonormalize(g, d, r);
        expect(rank).toBe(r);
        expect(orthonormalityError(basis, d, r)).toBeLessThan(50 * EPS * Math.max(1, r));
        const R = multiplyTransposed(basis, g, d, r, r);
        for (let k = 0; k < r; k++) expect(R[k * r + k]).toBeGreaterThan(0);
        expect(norm(combine(multiply(basis, R, d, r, r), -1, g))).toBeLessThan(100 * d * EPS * (1 + norm(g)));
      }),
    );
  });

  it("drops dependent and zero columns, at any scale", () => {
    const a = Float64Array.from([1, 2, 0, 1e-200, 2, 4, 0, 0, 0, 0, 0, 1e-200]);
    const { basis, rank } = orthonormalize(a, 3, 4);
    expect(rank).toBe(2);
    expect(orthonormalityError(basis, 3, 2)).toBeLessThan(1e-15);
    expect(orthonormalize([1e300, 1e300, 1e300, -1e300], 2, 2).rank).toBe(2);
  });

  it("stays orthonormal for nearly dependent columns", () => {
    for (const gap of [1e-6, 1e-9, 1e-11]) {
      const { basis, rank } = orthonormalize([1, 1, 1, 1 + gap, 1, 1 - gap], 3, 2);
      expect(rank).toBe(2);
      expect(orthonormalityError(basis, 3, 2)).toBeLessThan(1e-15);
    }
  });
});

describe("principal angles", () => {
  it("are accurate to rounding from 1e-15 to π/2", () => {
    for (const angle of [0, 1e-15, 1e-12, 1e-8, 1e-3, 0.5, Math.PI / 4, 1.5, Math.PI / 2 - 1e-9, Math.PI / 2]) {
      const a = [1, 0, 0, 1, 0, 0, 0, 0];
      const b = [Math.cos(angle), 0, 0, 1, Math.sin(angle), 0, 0, 0];
      const got = principalAngles(a, b, 4, 2, 2);
      expect(Math.abs(got[1] - angle)).toBeLessThan(4 * EPS * Math.max(1, angle));
      expect(got[0]).toBeLessThan(4 * EPS);
      expect(Math.abs(subspaceDistance(a, b, 4, 2, 2) - angle)).toBeLessThan(4 * EPS);
    }
  });

  it("do not depend on the bases, are symmetric, and match the singular values of the overlap", () => {
    fc.assert(
      fc.property(point, fc.nat(), ({ d, r, seed }, other) => {
        const { w } = draw(d, r, seed);
        const { rng, w: v } = draw(d, r, other);
        const turned = multiply(v, randomBasis(r, r, rng), d, r, r);
        const angles = principalAngles(w, v, d, r, r);
        const cosines = svd(multiplyTransposed(w, v, d, r, r), r, r).values;
        for (const same of [principalAngles(w, turned, d, r, r), principalAngles(v, w, d, r, r)]) {
          for (let k = 0; k < r; k++) expect(Math.abs(same[k] - angles[k])).toBeLessThan(200 * EPS);
        }
        for (let k = 0; k < r; k++) expect(Math.abs(Math.cos(angles[k]) - cosines[k])).toBeLessThan(50 * EPS);
      }),
    );
  });

  it("of subspaces of different dimension are those of the smaller one", () => {
    const plane = [1, 0, 0, 1, 0, 0];
    const line = [Math.cos(0.3), 0, Math.sin(0.3)];
    expect(Math.abs(principalAngles(plane, line, 3, 2, 1)[0] - 0.3)).toBeLessThan(4 * EPS);
    expect(principalAngles(line, plane, 3, 1, 2)).toEqual(principalAngles(plane, line, 3, 2, 1));
    expect(principalAngles([], line, 3, 0, 1).length).toBe(0);
  });

  it("refuse bases that are not orthonormal", () => {
    expect(code(() => principalAngles([1, 0], [2, 0], 2, 1, 1))).toBe("NOT_ORTHONORMAL");
    expect(code(() => principalAngles([1 + 1e-7, 0], [1, 0], 2, 1, 1))).toBe("NOT_ORTHONORMAL");
    expect(code(() => principalAngles([Number.NaN, 0], [1, 0], 2, 1, 1))).toBe("NOT_ORTHONORMAL");
    expect(code(() => principalAngles([1 + 1e-9, 0], [1, 0], 2, 1, 1))).toBe("nothing thrown");
  });
});

describe("random bases", () => {
  it("are orthonormal, uniform and reproducible", () => {
    const [d, trials] = [6, 4000];
    const rng = createRng(4, "haar");
    const mean = new Float64Array(d * d);
    for (let i = 0; i < trials; i++) {
      const w = randomBasis(d, 2, rng);
      const projector = multiply(w, multiplyTransposed(w, identity(d), d, 2, d), d, 2, d);
      for (let k = 0; k < d * d; k++) mean[k] += projector[k] / trials;
    }
    // E WWᵀ = (2/6)·I for the Haar law.
    for (const [k, x] of identity(d).entries()) expect(Math.abs(mean[k] - x / 3)).toBeLessThan(0.025);
    expect(randomBasis(5, 2, createRng(1))).toEqual(randomBasis(5, 2, createRng(1)));
    expect(code(() => randomBasis(2, 3, createRng(1)))).toBe("SHAPE");
    expect(randomBasis(3, 0, createRng(1)).length).toBe(0);
  });
});

function identity(n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
}
