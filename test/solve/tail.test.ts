/** How the link goes on outside the sample, where the answer is known. */
import { solve } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { degreePenalty, Penalty } from "../../src/solve/linkSolve.js";
import { ProfiledLoss } from "../../src/solve/objective.js";
import { chooseTail, largestRadius } from "../../src/solve/tail.js";
import { generator } from "../support/problems.js";
import { matrix, opened } from "../support/workspaces.js";

const n = 240;
const { normal } = generator(5);
const z = Array.from({ length: n }, normal);
const sorted = z.map(Math.abs).sort((a, b) => a - b);
const last = sorted[n - 1];
/** Rows beyond it are the outer ones. */
const inner = sorted[Math.floor(0.95 * (n - 1))];

/** The choice for responses over one input; the other input is noise that W does not see. */
async function choose(y: readonly number[], degree: number, weights?: number[]) {
  const X = z.map((v, i) => [v, Math.sin(i)]);
  const given = { rank: 1, degree, whiten: "none", ...(weights ? { weights } : {}) } as const;
  const { workspace, inputs, response } = (await opened(X, y, given)).problem;
  const penalty = new Penalty(degreePenalty(1, degree), 1e-6, 1);
  await new ProfiledLoss(workspace, inputs, penalty).at(Float64Array.of(1, 0));
  const choice = await chooseTail(workspace, penalty, await workspace.projections(), response.standardized);
  return { ...choice, standardized: response.standardized };
}
const clipped = z.map((v) => Math.max(-inner, Math.min(inner, v)));

/** Polynomial of degree 3 fitted to the inner rows by least squares, and its errors on the outer ones. */
function byHand(y: ArrayLike<number>, weights = z.map(() => 1)) {
  const rows = z.map((_, i) => i);
  const within = rows.filter((i) => Math.abs(z[i]) <= inner);
  const outside = rows.filter((i) => Math.abs(z[i]) > inner);
  const powers = (x: number) => [1, x, x * x, x ** 3];
  const a = matrix(
    within.flatMap((i) => powers(z[i]).map((v) => v * Math.sqrt(weights[i]))),
    within.length,
    4,
  );
  const b = matrix(
    within.map((i) => y[i] * Math.sqrt(weights[i])),
    within.length,
    1,
  );
  const c = solve(a, b).to1DArray();
  const value = (x: number) => powers(x).reduce((s, v, k) => s + c[k] * v, 0);
  const slope = (x: number) => c[1] + 2 * c[2] * x + 3 * c[3] * x * x;
  const mean = (f: (x: number) => number) =>
    outside.reduce((s, i) => s + weights[i] * (y[i] - f(z[i])) ** 2, 0) / outside.length;
  const edge = (x: number) => Math.sign(x) * inner;
  return {
    none: mean(value),
    linear: mean((x) => value(edge(x)) + slope(edge(x)) * (x - edge(x))),
    clip: mean((x) => value(edge(x))),
  };
}
describe("chooseTail", () => {
  it("goes on linearly for low degrees, from twice the largest radius", async () => {
    const { tail, scores } = await choose(
      z.map((v) => v ** 3),
      2,
    );
    expect(tail.kind).toBe("linear");
    expect(tail.radius).toBeCloseTo(2 * last, 12);
    expect(scores).toBeUndefined();
  });

  it("scores the continuations of the link of the inner rows on the outer ones", async () => {
    const weights = z.map((_, i) => 1 + (i % 3));
    const y = z.map((v, i) => Math.exp(v / 2) + 0.2 * Math.sin(9 * i));
    for (const w of [undefined, weights]) {
      const { scores, standardized } = await choose(y, 3, w);
      const wanted = byHand(standardized, w);
      for (const key of ["none", "linear", "clip"] as const)
        expect((scores?.[key] ?? 0) / wanted[key], key).toBeCloseTo(1, 3);
    }
  });

  it("keeps the polynomial to twice the radius where it is right outside", async () => {
    const { tail, scores } = await choose(
      z.map((v) => v ** 3 - v),
      3,
    );
    expect(scores?.none).toBeLessThan(0.01 * (scores?.linear ?? 0));
    expect(tail.kind).toBe("linear");
    expect(tail.radius).toBeCloseTo(2 * last, 12);
  });

  it("goes on linearly from the largest radius where that is as good as the best", async () => {
    const { tail, scores } = await choose(
      z.map((v) => {
        const beyond = Math.max(Math.abs(v) - inner, 0);
        return Math.min(Math.abs(v), inner) ** 3 * Math.sign(v) + 3 * inner * inner * beyond * Math.sign(v);
      }),
      3,
    );
    expect(scores?.linear).toBeLessThanOrEqual(1.1 * Math.min(scores?.none ?? 0, scores?.clip ?? 0));
    expect(tail.kind).toBe("linear");
    expect(tail.radius).toBeCloseTo(last, 12);
  });

  it("holds the value beyond the 99.8 % quantile of |z| where the responses level off", async () => {
    // Steep at the edge of the inner rows, flat right after it.
    const { tail, scores } = await choose(
      clipped.map((v) => v ** 3),
      3,
    );
    expect(scores?.clip).toBeLessThan(0.1 * Math.min(scores?.none ?? 0, scores?.linear ?? 0));
    const at = 0.998 * (n - 1);
    const [below, above] = [sorted[Math.floor(at)], sorted[Math.floor(at) + 1]];
    expect(tail).toEqual({ kind: "clip", radius: expect.closeTo(below + (at - Math.floor(at)) * (above - below), 12) });
  });

  it("compares nothing with fewer than five outer rows, or all rows in one place", async () => {
    const few = async (x: readonly number[]) => {
      const X = x.map((v, i) => [v, Math.sin(i)]);
      const { workspace, inputs, response } = (
        await opened(
          X,
          x.map((v, i) => v + Math.cos(i)),
          { rank: 1, degree: 3, whiten: "none" },
        )
      ).problem;
      const penalty = new Penalty(degreePenalty(1, 3), 1e-3, 1);
      await new ProfiledLoss(workspace, inputs, penalty).at(Float64Array.of(1, 0));
      return chooseTail(workspace, penalty, await workspace.projections(), response.standardized);
    };
    const most = (count: number) => Math.max(...z.slice(0, count).map(Math.abs));
    // Beyond rank ⌊0.95·(n − 1)⌋ are 4 of 81 rows and 5 of 82.
    expect(await few(z.slice(0, 81))).toEqual({ tail: { kind: "linear", radius: expect.closeTo(most(81), 12) } });
    expect(await few(z.slice(0, 82))).toHaveProperty("scores");
    const zeros = z.map((_, i) => (i < 6 ? 1 : 0));
    expect(await few(zeros)).toEqual({ tail: { kind: "linear", radius: 1 } });
    expect(await few(z.map(() => 0))).toEqual({ tail: { kind: "linear", radius: 1 } });
  });

  it("of a constant is linear beyond a radius of two", async () => {
    const { workspace, response } = (
      await opened(
        z.map((v) => [v]),
        z,
        { rank: 0, degree: 0 },
      )
    ).problem;
    const penalty = new Penalty(degreePenalty(0, 0), 1e-3, 1);
    expect(await chooseTail(workspace, penalty, new Float64Array(0), response.standardized)).toEqual({
      tail: { kind: "linear", radius: 2 },
    });
  });
});

it("the largest radius is that of the row farthest out", () => {
  expect(largestRadius(Float64Array.of(1, 2, -3, 4, 0, 0), 3, 2)).toBe(5);
  expect(largestRadius(Float64Array.of(-3, 1), 2, 1)).toBe(3);
  expect(largestRadius(new Float64Array(0), 2, 0)).toBe(0);
});
