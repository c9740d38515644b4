/** Radial functions, their gradient and back substitution: the same bits on both kernels, and the plain formulas. */
import { describe, expect, it } from "vitest";
import { BLOCK_ROWS as B, RADIAL_KINDS } from "../../src/kernel/ops.js";
import { radialSlope, radialValue } from "../../src/kernel/radialReference.js";
import { expectClose, expectSame, numbers, onBoth } from "./harness.js";

const shapes = [
  [1, 1],
  [1, 30],
  [2, 7],
  [3, 40],
  [4, 13],
  [8, 5],
] as const;
const kinds = Object.entries(RADIAL_KINDS);

/** κ in the engine's own functions. */
const plain: Record<string, (q: number) => number> = {
  gauss: (q) => Math.exp(-q / 2),
  matern52: (q) => {
    const d = Math.sqrt(5 * q);
    return (1 + d + (d * d) / 3) * Math.exp(-d);
  },
};

describe.each(kinds)("radial, %s", (name, kind) => {
  it.each(shapes)("%i variables, %i centres", (r, m) => {
    const random = numbers(17 * r + m);
    const z = random.array(r * B).map((v) => 2 * v);
    const u = random.array(m * r);
    const { arrays } = onBoth(
      { z, u, scale: random.array(B), phi: random.array(m * B), psi: random.array(m * B) },
      ["phi", "psi"],
      (ops, at) => ops.radial(at.z, r, at.u, m, kind, at.scale, at.phi, at.psi) as undefined,
    );
    for (let j = 0; j < m; j++) {
      for (let i = 0; i < B; i++) {
        let q = 0;
        for (let k = 0; k < r; k++) q += (z[k * B + i] - u[j * r + k]) ** 2;
        const s = arrays.scale[i];
        const value = s * plain[name](q);
        expectClose(arrays.phi[j * B + i], value, (4 + q) * Math.abs(value), `phi[${j}][${i}]`);
        const h = 1e-4 * (1 + q);
        const slope = (s * (plain[name](q + h) - plain[name](Math.max(0, q - h)))) / (h + Math.min(q, h));
        if (q > 10 * h) expect(Math.abs(arrays.psi[j * B + i] - 2 * slope)).toBeLessThan(1e-5 * Math.abs(s));
        expect(Math.abs(arrays.psi[j * B + i] - s * radialSlope(kind, q))).toBeLessThan(1e-14 * Math.abs(s));
        expect(Math.abs(arrays.phi[j * B + i] - s * radialValue(kind, q))).toBeLessThan(1e-14 * Math.abs(s));
      }
    }
  });

  it("is exact at the centre, 0 far out, and hands NaN on", () => {
    const z = new Float64Array(B);
    const far = [0, 1e-200, 36, 38, 700, 710, 750, 1e10, 1e200, Number.POSITIVE_INFINITY, Number.NaN];
    z.set(far);
    const { arrays } = onBoth(
      {
        z,
        u: Float64Array.of(0),
        scale: new Float64Array(B).fill(3),
        phi: new Float64Array(B),
        psi: new Float64Array(B),
      },
      ["phi", "psi"],
      (ops, at) => ops.radial(at.z, 1, at.u, 1, kind, at.scale, at.phi, at.psi) as undefined,
    );
    expect(arrays.phi[0]).toBe(3);
    expect(arrays.psi[0]).toBeCloseTo(name === "gauss" ? -3 : -5, 14);
    expect(arrays.phi[far.indexOf(1e10)]).toBe(0);
    expect(arrays.phi[far.length - 1]).toBeNaN();
    const inside = arrays.phi.subarray(1, 5);
    expect(inside.every((v, i) => v <= 3 && v >= 0 && (i === 0 || v <= inside[i - 1]))).toBe(true);
  });
});

describe("radialGradient", () => {
  it.each(shapes)("%i variables, %i centres", (r, m) => {
    const random = numbers(31 * r + m);
    const given = {
      z: random.array(r * B),
      u: random.array(m * r),
      psi: random.array(m * B),
      g: random.array(m * B),
      a: random.array(m),
      rho: random.array(B),
      out: random.array(r * B),
      sums: random.array(m * r),
    };
    const { arrays: after } = onBoth(
      given,
      ["g", "out", "sums"],
      (ops, at) => ops.radialGradient(at.z, r, at.u, m, at.psi, at.g, at.a, at.rho, at.out, at.sums) as undefined,
    );
    const t = (j: number, i: number): number => (given.g[j * B + i] + given.a[j] * given.rho[i]) * given.psi[j * B + i];
    const move = (j: number, k: number, i: number): number => t(j, i) * (given.z[k * B + i] - given.u[j * r + k]);
    for (let k = 0; k < r; k++) {
      for (let i = 0; i < B; i++) {
        const terms = Array.from({ length: m }, (_, j) => move(j, k, i));
        const size = terms.reduce((sum, v) => sum + Math.abs(v), 0);
        expectClose(
          after.out[k * B + i],
          terms.reduce((sum, v) => sum + v, 0),
          size,
          `out[${k}][${i}]`,
        );
      }
      for (let j = 0; j < m; j++) {
        const terms = Array.from({ length: B }, (_, i) => move(j, k, i));
        const start = given.sums[j * r + k];
        const size = terms.reduce((sum, v) => sum + Math.abs(v), Math.abs(start));
        expectClose(
          after.sums[j * r + k],
          terms.reduce((sum, v) => sum + v, start),
          size,
          `sums(${j}, ${k})`,
        );
      }
    }
    for (let i = 0; i < B; i++) expectSame(after.g[i], t(0, i), `t[0][${i}]`);
  });
});

describe("backSolveRows", () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 17, 50, 121])("U times the solution is the block, %i quantities", (p) => {
    const random = numbers(500 + p);
    const u = random.array((p * (p + 1)) / 2).map((v) => v / p);
    for (let j = 0; j < p; j++) u[(j * (j + 1)) / 2 + j] = 1 + random.uniform();
    const phi = random.array(p * B);
    const { arrays } = onBoth({ u, phi }, ["phi"], (ops, at) => ops.backSolveRows(at.u, p, at.phi) as undefined);
    for (let i = 0; i < B; i++) {
      for (let j = 0; j < p; j++) {
        let back = 0;
        let size = Math.abs(phi[j * B + i]);
        for (let k = j; k < p; k++) {
          const term = u[(k * (k + 1)) / 2 + j] * arrays.phi[k * B + i];
          back += term;
          size += Math.abs(term);
        }
        expect(Math.abs(back - phi[j * B + i]) / (size * Number.EPSILON * (p + 2))).toBeLessThan(1);
      }
    }
  });
});
