/** Figures of trajectories and retrievals: what they show, and what they refuse. */
import { describe, expect, test } from "vitest";
import { retrievalFigure, trajectoryFigure } from "../../src/plot/index.js";
import { informationExponentFlow } from "../../src/theory/index.js";

const curve = (f: (t: number) => number): Float64Array => Float64Array.from({ length: 21 }, (_, t) => f(t));
const curves = {
  overlap: curve((t) => 1 - 0.5 * 0.9 ** t),
  normSquared: curve((t) => 1 - 0.3 * 0.9 ** t),
  trainLoss: curve((t) => 0.1 * 0.8 ** t),
  testLoss: curve((t) => 0.2 * 0.8 ** t),
};
const simulation = { ...curves, standardErrors: curves, dim: 100, samples: 500, trials: 4, seed: 1 };

describe("trajectoryFigure", () => {
  test("draws one-pass SGD over its own times, with its negative losses", async () => {
    const times = Float64Array.from({ length: 21 }, (_, i) => i / 10);
    const svg = await trajectoryFigure(await informationExponentFlow({ exponent: 2, overlap: 0.1, times }));
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    // The axis ends at t = 2, not at the twentieth entry.
    expect(svg).toContain(">2.0<");
    expect(svg).not.toContain(">20<");
  });
  test("draws four curves, and dots with bars when there is a simulation", async () => {
    const alone = await trajectoryFigure(curves);
    expect(alone).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
    expect(alone).toContain("overlap m");
    expect(alone).not.toContain("simulation");
    expect(alone).not.toMatch(/NaN|Infinity|undefined/);
    const both = await trajectoryFigure(curves, { simulation, title: "a < b" });
    expect(both).toContain("simulation, d = 100, 4 trials");
    expect(both).toContain("a &lt; b");
    expect(both).not.toMatch(/NaN|Infinity|undefined/);
    expect(both.match(/<circle/g)!.length).toBeGreaterThan(4 * 20);
  });
  test("losses that are zero leave a linear axis", async () => {
    const zero = { ...curves, trainLoss: curve(() => 0), testLoss: curve(() => 0) };
    expect(await trajectoryFigure(zero)).not.toMatch(/NaN|Infinity/);
  });
  test("refuses what is no trajectory", async () => {
    await expect(trajectoryFigure(null as never)).rejects.toMatchObject({ code: "TYPE" });
    await expect(trajectoryFigure({ ...curves, overlap: new Float64Array(3) })).rejects.toMatchObject({
      code: "SHAPE",
    });
    await expect(trajectoryFigure(curves, { widht: 3 } as never)).rejects.toMatchObject({ code: "UNKNOWN" });
  });
});

describe("retrievalFigure", () => {
  const picture = { label: "before", source: "data:image/png;base64,AAAA", width: 30, height: 20 };
  test("shows the pictures side by side over the errors", async () => {
    const svg = await retrievalFigure({
      pictures: [picture, { ...picture, label: "after & later" }],
      errors: [
        { label: "red", values: [1, 0.1, 0.01, 0] },
        { label: "blue", values: [1, 0.2, 0.02] },
      ],
    });
    expect(svg.match(/<image/g)?.length).toBe(2);
    expect(svg).toContain("after &amp; later");
    expect(svg).toContain("iteration");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
  test("refuses what it cannot draw", async () => {
    await expect(retrievalFigure(undefined as never)).rejects.toMatchObject({ code: "TYPE" });
    await expect(retrievalFigure({ pictures: [], errors: [] })).rejects.toMatchObject({ code: "EMPTY" });
  });
});
