/** Armijo's rule on a line whose loss is known. */
import { describe, expect, it } from "vitest";
import type { FlowPoint, LinkPoint, ProfiledLoss } from "../../src/solve/objective.js";
import { armijo } from "../../src/solve/stepSize.js";

/** J(t) along the direction (1, 0) from a point with this gradient there; `asked` are the steps that were tried. */
function line(loss: (t: number) => number, slope: number, most = Number.POSITIVE_INFINITY) {
  const asked: number[] = [];
  const objective = {
    along: async () => most,
    trial: async (t: number) => {
      asked.push(t);
      return { loss: loss(t) } as LinkPoint;
    },
  } as unknown as ProfiledLoss;
  const point = { loss: loss(0), gradient: Float64Array.of(slope, 0) } as unknown as FlowPoint;
  return { asked, search: (first: number) => armijo(objective, point, Float64Array.of(1, 0), first) };
}

describe("armijo", () => {
  it("takes the first step of first·2^(−k) that lowers the loss enough", async () => {
    // J = (t − 1)²: a step of 8 raises it, 4 too, 2 gives the old loss, 1 is the least.
    const { asked, search } = line((t) => (t - 1) ** 2, -2);
    expect(await search(8)).toEqual({ link: { loss: 0 }, t: 1 });
    expect(asked).toEqual([8, 4, 2, 1]);
    expect((await line((t) => (t - 1) ** 2, -2).search(1.5))?.t).toBe(1.5);
  });

  it("asks for 10⁻⁴ of the predicted decrease", async () => {
    const { asked, search } = line((t) => (t === 1 ? 1 - 0.9e-4 : t === 0.5 ? 1 - 0.5e-4 : 1), -1);
    expect((await search(1))?.t).toBe(0.5);
    expect(asked).toEqual([1, 0.5]);
    expect((await line((t) => 1 - 1.1e-4 * t, -1).search(1))?.t).toBe(1);
  });

  it("never steps further than the line is known", async () => {
    expect((await line((t) => 1 - t, -1, 0.25).search(8))?.t).toBe(0.25);
  });

  it("does not go up, sideways or nowhere", async () => {
    for (const slope of [1, 0, Number.NaN]) {
      const { asked, search } = line((t) => 1 - t, slope);
      expect(await search(1)).toBeUndefined();
      expect(asked).toEqual([]);
    }
  });

  it("ends once the decrease would be lost in rounding, after 41 steps at the latest", async () => {
    const flat = line(() => 1, -1);
    expect(await flat.search(1)).toBeUndefined();
    // 2^(−k) < 4·2^(−52) first at k = 51, beyond the last halving; a loss of 2^20 is reached at k = 31.
    expect(flat.asked).toHaveLength(41);
    expect(flat.asked.at(-1)).toBe(2 ** -40);
    const large = line(() => 2 ** 20, -1);
    expect(await large.search(1)).toBeUndefined();
    expect(large.asked).toHaveLength(32);
    const steep = line(() => 1, -(2 ** -20));
    expect(await steep.search(1)).toBeUndefined();
    expect(steep.asked).toHaveLength(32);
  });

  it("passes over steps where the loss is no number", async () => {
    expect((await line((t) => (t > 0.3 ? Number.NaN : 1 - t), -1).search(1))?.t).toBe(0.25);
  });
});
