/** Seeded streams: reproducible bits, independence, laws. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalCumulative } from "../../src/base/elementary.js";
import { checkSeed, createRng, drawSeed } from "../../src/base/rng.js";
import { codeOf as code } from "../support/errors.js";

const PINNED_UNIFORMS = [0.8734867206087449, 0.30093354412155315, 0.14723197587403825, 0.8818975129782174];
const PINNED_NORMALS = [-0.08961000728126504, -1.183584709117598, -0.40502163265559826, -0.21738441171299883];
const PINNED_INTEGERS = [126, 243, 528, 10, 353, 253];

const take = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);

describe("streams", () => {
  it("has the pinned bits: a change here breaks every stored seed", () => {
    const rng = createRng(7, "pinned", 3);
    expect(take(4, rng.uniform)).toEqual(PINNED_UNIFORMS);
    expect(take(4, rng.normal)).toEqual(PINNED_NORMALS);
    expect(take(6, () => rng.integer(1000))).toEqual(PINNED_INTEGERS);
  });

  it("repeats for the same seed and labels, and differs otherwise", () => {
    const first = (...labels: (string | number)[]) => createRng(1, ...labels).uniform();
    const labels: (string | number)[][] = [
      [],
      ["a"],
      ["b"],
      ["a", "b"],
      ["ab"],
      ["ba"],
      ["a", 1],
      ["a", "1"],
      [1, "a"],
      [0],
      ["", ""],
      [""],
    ];
    for (const some of labels) expect(first(...some)).toBe(first(...some));
    expect(new Set(labels.map((some) => first(...some))).size).toBe(labels.length);
    expect(new Set(take(2000, () => 0).map((_, seed) => createRng(seed).uniform())).size).toBe(2000);
    expect(createRng(2 ** 53 - 1).uniform()).not.toBe(createRng(2 ** 53 - 2).uniform());
  });

  it("splits by label whatever was drawn before", () => {
    const a = createRng(5, "x");
    const b = createRng(5, "x");
    take(17, b.normal);
    expect(take(5, a.split("y", 2).normal)).toEqual(take(5, b.split("y", 2).normal));
    expect(take(5, a.split("y", 2).normal)).toEqual(take(5, createRng(5, "x", "y", 2).normal));
  });

  it("streams of neighbouring labels are uncorrelated", () => {
    const n = 20_000;
    for (const [a, b] of [
      [createRng(1, "k", 0), createRng(1, "k", 1)],
      [createRng(1), createRng(2)],
    ]) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += a.normal() * b.normal();
      expect(Math.abs(sum) / Math.sqrt(n)).toBeLessThan(4.5);
    }
  });
});

describe("laws", () => {
  it("uniforms lie in [0, 1) with mean ½ and all bits in use", () => {
    const draws = take(50_000, createRng(11).uniform);
    expect(draws.every((u) => u >= 0 && u < 1 && Number.isInteger(u * 2 ** 53))).toBe(true);
    expect(draws.some((u) => (u * 2 ** 53) % 2 === 1)).toBe(true);
    const mean = draws.reduce((sum, u) => sum + u, 0) / draws.length;
    expect(Math.abs(mean - 0.5) * Math.sqrt(12 * draws.length)).toBeLessThan(4.5);
  });

  it("normals pass the Kolmogorov–Smirnov test and have normal moments", () => {
    const n = 100_000;
    const draws = take(n, createRng(12).normal);
    const sorted = Float64Array.from(draws).sort();
    let distance = 0;
    sorted.forEach((x, i) => {
      const p = normalCumulative(x);
      distance = Math.max(distance, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
    });
    expect(distance * Math.sqrt(n)).toBeLessThan(1.95); // level 0.1 %
    // Standard deviations of the k-th sample moments of a standard normal: √1, √2, √15, √96.
    for (const [k, expected, deviation] of [
      [1, 0, 1],
      [2, 1, Math.SQRT2],
      [3, 0, Math.sqrt(15)],
      [4, 3, Math.sqrt(96)],
    ]) {
      const moment = draws.reduce((sum, x) => sum + x ** k, 0) / n;
      expect((Math.abs(moment - expected) * Math.sqrt(n)) / deviation).toBeLessThan(4.5);
    }
    let neighbours = 0;
    for (let i = 1; i < n; i++) neighbours += draws[i] * draws[i - 1];
    expect(Math.abs(neighbours) / Math.sqrt(n)).toBeLessThan(4.5);
  });

  it("integers are equally likely", () => {
    const rng = createRng(13);
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i++) counts[rng.integer(7)]++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(22.5); // level 0.1 % at 6 degrees of freedom
    expect(rng.integer(1)).toBe(0);
    expect(code(() => rng.integer(0))).toBe("RANGE");
  });

  it("permutations hold every index once", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), (n, seed) => {
        const order = createRng(seed).permutation(n);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
    const counts = new Map<string, number>();
    const rng = createRng(14);
    for (let i = 0; i < 6000; i++) {
      const key = rng.permutation(3).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe("seeds", () => {
  it("row 35: refuses what is no integer in 0…2^53 − 1", () => {
    for (const seed of [-1, 1.5, 2 ** 53, 2 ** 64, NaN, Infinity]) expect(code(() => createRng(seed))).toBe("RANGE");
    for (const seed of ["1", null, undefined, 3n, true]) expect(code(() => checkSeed(seed))).toBe("TYPE");
    expect(code(() => checkSeed(-0))).toBe("nothing thrown");
  });
  it("draws usable seeds that differ", () => {
    const seeds = take(50, drawSeed);
    for (const seed of seeds) expect(code(() => checkSeed(seed))).toBe("nothing thrown");
    expect(new Set(seeds).size).toBe(50);
  });
});
