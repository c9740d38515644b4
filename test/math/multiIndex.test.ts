/** Multi-indices: order, counts, neighbours, kernel tables, refusals. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import {
  checkFeatureCount,
  derivativeCoefficients,
  featureCount,
  featureShape,
  featureTable,
  largestDegree,
  multiIndexTable,
  multiIndices,
} from "../../src/math/multiIndex.js";

interface Case {
  r: number;
  s: number;
  size: number;
  multi_indices: number[][];
}
const golden = JSON.parse(readFileSync(new URL("../golden/multi-index/basis.json", import.meta.url), "utf8")) as {
  cases: Case[];
};
const shape = fc.record({ rank: fc.integer({ min: 0, max: 5 }), degree: fc.integer({ min: 0, max: 6 }) });
const thrown = (run: () => unknown): LeapflowError => {
  try {
    run();
  } catch (error) {
    if (error instanceof LeapflowError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("order", () => {
  it.each(golden.cases)("golden: r $r, degree $s", (c) => {
    expect(multiIndices(c.r, c.s)).toEqual(c.multi_indices);
    expect(featureCount(c.r, c.s)).toBe(c.size);
  });

  it("ascends in total degree and descends lexicographically inside one, each index once", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree }) => {
        const all = multiIndices(rank, degree);
        expect(all.length).toBe(featureCount(rank, degree));
        for (let j = 1; j < all.length; j++) {
          const [a, b] = [all[j - 1], all[j]];
          const [ta, tb] = [a, b].map((beta) => beta.reduce((sum, x) => sum + x, 0));
          const first = a.findIndex((x, k) => x !== b[k]);
          expect(ta < tb || (ta === tb && a[first] > b[first])).toBe(true);
        }
      }),
    );
  });

  it("rank 0 has one index of length 0", () => {
    expect(multiIndices(0, 4)).toEqual([[]]);
    expect(featureCount(0, 4)).toBe(1);
    expect(featureTable(0, 4)).toEqual(Int32Array.of(0, 0));
  });

  it("gives fresh arrays", () => {
    multiIndices(2, 2)[1][0] = 99;
    expect(multiIndices(2, 2)[1]).toEqual([1, 0]);
  });
});

describe("tables", () => {
  it("down, up, totals and prefixes agree with the indices", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree }) => {
        const t = multiIndexTable(rank, degree);
        const all = multiIndices(rank, degree);
        const position = new Map(all.map((beta, j) => [beta.join(), j]));
        expect(t.up.length).toBe(t.prefix[degree] * rank);
        for (let k = 0; k <= degree + 1; k++) {
          expect(t.prefix[k]).toBe(all.filter((beta) => beta.reduce((sum, x) => sum + x, 0) < k).length);
        }
        all.forEach((beta, j) => {
          expect(t.totals[j]).toBe(beta.reduce((sum, x) => sum + x, 0));
          for (let k = 0; k < rank; k++) {
            const below = beta.map((x, l) => (l === k ? x - 1 : x)).join();
            const above = beta.map((x, l) => (l === k ? x + 1 : x)).join();
            expect(t.down[j * rank + k]).toBe(position.get(below) ?? -1);
            if (t.totals[j] < degree) expect(t.up[j * rank + k]).toBe(position.get(above));
          }
        });
      }),
    );
  });

  it("feature pairs rebuild every index from its parent and its last coordinate", () => {
    fc.assert(
      fc.property(shape, ({ rank, degree }) => {
        const all = multiIndices(rank, degree);
        const pairs = featureTable(rank, degree);
        expect(pairs.length).toBe(2 * all.length);
        for (let j = 1; j < all.length; j++) {
          const [parent, row] = [pairs[2 * j], pairs[2 * j + 1]];
          const k = Math.floor(row / (degree + 1));
          expect(parent).toBeLessThan(j);
          expect(all[j].slice(k + 1).every((x) => x === 0)).toBe(true);
          expect(all[parent][k]).toBe(0);
          expect(all[parent].map((x, l) => (l === k ? row % (degree + 1) : x))).toEqual(all[j]);
        }
      }),
    );
  });

  it("derivative coefficients are √(γ_k+1)·c[γ + e_k]", () => {
    // f = Σ c_β h_β with c_β = position; ∂_1 of h_20 is √2·h_10, of h_11 is h_01.
    const ck = derivativeCoefficients([0, 1, 2, 3, 4, 5], 2, 2);
    expect(Array.from(ck)).toEqual([1, 2, Math.SQRT2 * 3, 4, 4, Math.SQRT2 * 5]);
    expect(derivativeCoefficients([7], 3, 0).length).toBe(0);
    expect(derivativeCoefficients([7], 0, 5).length).toBe(0);
  });
});

describe("counts and refusals", () => {
  it("counts exactly, symmetric in rank and degree, up to 2^53 and says Infinity beyond", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), (a, b) => {
        let exact = 1n;
        for (let i = 1n; i <= BigInt(a); i++) exact = (exact * (BigInt(b) + i)) / i;
        expect(featureCount(a, b)).toBe(exact > 2n ** 53n - 1n ? Number.POSITIVE_INFINITY : Number(exact));
        expect(featureCount(b, a)).toBe(featureCount(a, b));
      }),
    );
    expect(featureCount(1, 2 ** 53 - 2)).toBe(2 ** 53 - 1);
    expect(featureCount(1e15, 1e15)).toBe(Number.POSITIVE_INFINITY);
  });

  it("a workspace's counts: features of the link and of its derivatives", () => {
    expect(featureShape(2, 3)).toEqual({ featureCount: 10, derivativeCount: 6 });
    expect(featureShape(3, 1)).toEqual({ featureCount: 4, derivativeCount: 1 });
    expect(featureShape(5, 0)).toEqual({ featureCount: 1, derivativeCount: 0 });
  });

  it("row 32: names the count and the largest degree allowed", () => {
    const error = thrown(() => multiIndices(20, 20));
    expect(error.code).toBe("TOO_LARGE");
    expect(error.message).toMatch(/137846528820.*degree.* 7\./);
    expect(featureCount(20, 7)).toBeLessThanOrEqual(1_000_000);
    expect(featureCount(20, 8)).toBeGreaterThan(1_000_000);
    expect(largestDegree(1, 100)).toBe(99);
    expect(largestDegree(0, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(checkFeatureCount(3, 4)).toBe(35);
    expect(thrown(() => checkFeatureCount(1000, 1000)).code).toBe("TOO_LARGE");
  });

  it("refuses ranks and degrees that are no counts", () => {
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(thrown(() => featureCount(bad, 2)).code).toBe("RANGE");
      expect(thrown(() => featureCount(2, bad)).code).toBe("RANGE");
    }
    expect(thrown(() => featureCount("2" as never, 2)).code).toBe("TYPE");
  });
});
