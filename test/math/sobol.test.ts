/** Sobol points against scipy's, balance under scrambling, and the normal quantile. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { normalCumulative } from "../../src/base/elementary.js";
import { createRng } from "../../src/base/rng.js";
import { normalQuantile } from "../../src/math/normalQuantile.js";
import { SOBOL_DIMENSIONS, sobolCoordinate } from "../../src/math/sobol.js";

const golden = JSON.parse(readFileSync(new URL("../golden/sobol/points.json", import.meta.url), "utf8"));
const HALF_CELL = 2 ** -33;

function coordinate(c: number, count: number, seed?: number): Float64Array {
  const out = new Float64Array(count);
  sobolCoordinate(c, seed === undefined ? undefined : createRng(seed, "scramble", c), out);
  return out;
}

describe("Sobol points", () => {
  it("are scipy's, at the centre of their cells", () => {
    expect(SOBOL_DIMENSIONS).toBe(512);
    for (const [c, wanted] of Object.entries<number[]>(golden.coordinates)) {
      const got = coordinate(Number(c), wanted.length);
      expect(Array.from(got, (x) => x - HALF_CELL)).toEqual(wanted);
    }
  });

  it("scrambled: every dyadic cell of every coordinate gets one point", () => {
    for (const c of [0, 1, 5, 77, 300, 511]) {
      for (const seed of [1, 2]) {
        const cells = coordinate(c, 256, seed).map((x) => Math.floor(256 * x));
        expect(new Set(cells).size).toBe(256);
      }
    }
  });

  it("scrambled: cells of the first pair keep their balance", () => {
    const [a, b] = [coordinate(0, 256, 3), coordinate(1, 256, 4)];
    for (let bits = 0; bits <= 8; bits++) {
      const count = new Map<number, number>();
      for (let i = 0; i < 256; i++) {
        const cell = Math.floor(a[i] * 2 ** bits) * 256 + Math.floor(b[i] * 2 ** (8 - bits));
        count.set(cell, (count.get(cell) ?? 0) + 1);
      }
      expect(new Set(count.values())).toEqual(new Set([1]));
    }
  });

  it("scrambles are uniform, differ, and repeat with their stream", () => {
    const firsts = Array.from({ length: 400 }, (_, seed) => coordinate(3, 1, seed)[0]);
    const mean = firsts.reduce((sum, x) => sum + x, 0) / 400;
    expect(Math.abs(mean - 0.5)).toBeLessThan((4 * 0.289) / 20);
    expect(coordinate(9, 64, 7)).toEqual(coordinate(9, 64, 7));
    expect(coordinate(9, 64, 7)).not.toEqual(coordinate(9, 64, 8));
    expect(coordinate(9, 4096, 7).every((x) => x > 0 && x < 1)).toBe(true);
  });
});

describe("the normal quantile", () => {
  it("agrees with scipy to rounding", () => {
    for (const [p, wanted] of golden.quantiles as [number, number][]) {
      expect(Math.abs(normalQuantile(p) - wanted)).toBeLessThanOrEqual(4e-15 * Math.abs(wanted));
    }
  });

  it("inverts the distribution function and is odd", () => {
    for (let p = 0.0005; p < 1; p += 0.0131) {
      const x = normalQuantile(p);
      expect(Math.abs(normalCumulative(x) - p)).toBeLessThan(2e-15);
      if (p < 0.5) expect(Math.abs(normalQuantile(1 - p) + x)).toBeLessThan(1e-14 * (1 + 1 / p));
    }
  });

  it("has its limits at 0 and 1", () => {
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
    expect(normalQuantile(0.5)).toBe(0);
  });
});
