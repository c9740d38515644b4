/** Bracketed roots and accelerated fixed points. */
import { describe, expect, it } from "vitest";
import { AndersonMixer } from "../../src/math/anderson.js";
import { bracketedRoot } from "../../src/math/roots.js";

function counted(g: (x: number) => number): { g: (x: number) => number; calls: () => number } {
  let calls = 0;
  return {
    g(x) {
      calls++;
      return g(x);
    },
    calls: () => calls,
  };
}

describe("bracketedRoot", () => {
  const cases: [string, (x: number) => number, number, number, number, number][] = [
    ["a cubic", (x) => x * x * x - 2, 0, 3, 2 ** (1 / 3), 1e-13],
    ["falling", (x) => Math.exp(-x) - 0.3, 0, 40, -Math.log(0.3), 1e-12],
    ["a flat triple root", (x) => (x - 1) ** 3, 0, 5, 1, 1e-5],
    ["a jump", (x) => (x < 0.7 ? -1 : 2), 0, 1, 0.7, 1e-13],
    ["a pole outside", (x) => 1 / (x - 1) - 1e-4, 1.0000001, 1e6, 10001, 1e-6],
    ["scales apart", (x) => x - 1e-9, -1, 1e6, 1e-9, 1e-7],
  ];
  it.each(cases)("%s", (_, f, a, b, root, tolerance) => {
    const { g, calls } = counted(f);
    const x = bracketedRoot(g, a, b, f(a), f(b));
    expect(Math.abs(x - root)).toBeLessThanOrEqual(tolerance);
    expect(calls()).toBeLessThan(62);
  });

  it("is fast for smooth functions and takes roots at the ends", () => {
    const { g, calls } = counted((x) => Math.tanh(x) - 0.2);
    bracketedRoot(g, -3, 3, g(-3), g(3));
    expect(calls()).toBeLessThan(20);
    expect(bracketedRoot(() => 1, 2, 3, 0, 1)).toBe(2);
    expect(bracketedRoot(() => 1, 2, 3, -1, 0)).toBe(3);
  });

  it("costs at most one evaluation more than bisection, and its last interval is as short as was asked for", () => {
    for (const tolerance of [1e-3, 1e-8, 1e-14]) {
      for (const at of [0.001, 0.37, 0.5, 0.999]) {
        // A step in either direction, and a root where the function is flat to all orders.
        const steps = [(x: number) => (x < at ? -1 : 1), (x: number) => (x < at ? 1e9 : -1e-9)];
        for (const f of steps) {
          const { g, calls } = counted(f);
          const x = bracketedRoot(g, 0, 1, f(0), f(1), tolerance);
          expect(Math.abs(x - at)).toBeLessThanOrEqual(tolerance);
          expect(calls()).toBeLessThanOrEqual(Math.ceil(Math.log2(1 / (2 * tolerance))) + 2);
        }
      }
    }
  });

  it("returns a root that it meets, at once", () => {
    const { g, calls } = counted((x) => x - 0.5);
    expect(bracketedRoot(g, 0, 1, -0.5, 0.5)).toBe(0.5);
    expect(calls()).toBe(1);
  });

  it("measures its tolerance by the larger end", () => {
    const f = (x: number) => (x < 700.25 ? -1 : 1);
    const { g, calls } = counted(f);
    expect(Math.abs(bracketedRoot(g, 0, 1000, -1, 1, 1e-3) - 700.25)).toBeLessThanOrEqual(1);
    expect(calls()).toBeLessThanOrEqual(11);
    const low = counted((x) => (x < -700.25 ? -1 : 1));
    expect(Math.abs(bracketedRoot(low.g, -1000, 0, -1, 1, 1e-3) + 700.25)).toBeLessThanOrEqual(1);
    expect(low.calls()).toBeLessThanOrEqual(11);
  });

  it("ends on a function that is not a number", () => {
    expect(bracketedRoot(() => Number.NaN, 0, 1, -1, 1)).toBeGreaterThanOrEqual(0);
  });
});

describe("AndersonMixer", () => {
  it("solves a linear fixed point of three unknowns in five steps", () => {
    const map = (x: ArrayLike<number>): number[] => [
      0.9 * x[0] + 0.05 * x[1] + 1,
      0.8 * x[1] - 0.1 * x[2],
      0.5 * x[2] + 2,
    ];
    const mixer = new AndersonMixer(3, 0.5);
    let x = Float64Array.of(0, 0, 0);
    for (let k = 0; k < 6; k++) {
      const g = map(x);
      x = mixer.next(
        x,
        g.map((v, i) => v - x[i]),
      ) as Float64Array<ArrayBuffer>;
    }
    for (const [i, v] of map(x).entries()) expect(v).toBeCloseTo(x[i], 9);
  });

  it("is the damped iteration without history", () => {
    const mixer = new AndersonMixer(2, 0.25);
    expect(Array.from(mixer.next([1, 2], [4, 8]))).toEqual([2, 4]);
    mixer.next([2, 3], [1, 1]);
    mixer.reset();
    expect(Array.from(mixer.next([0], [1]))).toEqual([0.25]);
  });
});
