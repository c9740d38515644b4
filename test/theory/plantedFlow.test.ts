/** Planted flows: against Runge–Kutta in d dimensions, time scales, traps, passages through 0. */
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { Link } from "../../src/model/link.js";
import { type Flow, haarFrame, plantedFlow, plantedLoss, populationFlow } from "../../src/theory/index.js";

const DIMS = [1e2, 1e3, 1e4, 1e5, 1e6];
const R: Record<number, string> = {
  2: "(z1^2-z2^2)/2",
  3: "(z1^3-3*z1*z2^2)/sqrt(24)",
  4: "(z1^4-6*z1^2*z2^2+z2^4)/sqrt(192)",
  5: "(z1^5-10*z1^3*z2^2+5*z1*z2^4)/sqrt(1920)",
  6: "(z1^6-15*z1^4*z2^2+15*z1^2*z2^4-z2^6)/sqrt(23040)",
};
const slope = (x: number[], y: number[]): number => {
  const [a, b] = [x, y].map((v) => v.reduce((sum, t) => sum + t, 0) / v.length);
  return x.reduce((sum, t, i) => sum + (t - a) * (y[i] - b), 0) / x.reduce((sum, t) => sum + (t - a) ** 2, 0);
};
const times = (text: string): Promise<number[]> =>
  Promise.all(
    DIMS.map(async (d) => {
      const { escapes, stop } = await plantedFlow(Link.parse(text), { start: [[d ** -0.5]], times: [] });
      expect(stop.reason).toBe("converged");
      return escapes[0].time;
    }),
  );

type Rows = number[][];
const transpose = (a: Rows): Rows => a[0].map((_, j) => a.map((row) => row[j]));
const product = (a: Rows, b: Rows): Rows =>
  a.map((row) => b[0].map((_, j) => row.reduce((s, x, k) => s + x * b[k][j], 0)));
const plus = (a: Rows, b: Rows, h: number): Rows => a.map((row, i) => row.map((x, j) => x + h * b[i][j]));

describe("the flow in overlaps", () => {
  it("is that of the frame in d dimensions: Ẇ = W⋆Kᵀ − W sym(MKᵀ), by Runge–Kutta of order 4", async () => {
    const link = Link.parse("z1*z2 + 0.4*h3(z1) + 0.3*z2");
    const [w0, target] = [haarFrame(12, 2, 1).to2DArray(), haarFrame(12, 2, 2).to2DArray()];
    const field = (w: Rows): Rows => {
      const m = product(transpose(w), target);
      const k = plantedLoss(link, m)
        .gradient.to2DArray()
        .map((row) => row.map((x) => -x));
      const mk = product(m, transpose(k));
      const symmetric = mk.map((row, i) => row.map((x, j) => 0.5 * (x + mk[j][i])));
      return plus(product(target, transpose(k)), product(w, symmetric), -1);
    };
    const asked = [0, 0.5, 1, 2, 4];
    const flow = await plantedFlow(link, { start: product(transpose(w0), target), times: asked, tolerance: 1e-11 });
    let w = w0;
    let t = 0;
    const h = 1 / 256;
    asked.forEach((time, i) => {
      for (; t < time; t += h) {
        const a = field(w);
        const b = field(plus(w, a, h / 2));
        const c = field(plus(w, b, h / 2));
        const d = field(plus(w, c, h));
        w = plus(plus(plus(plus(w, a, h / 6), b, h / 3), c, h / 3), d, h / 6);
      }
      const m = product(transpose(w), target);
      m.forEach((row, a) => {
        row.forEach((x, b) => {
          expect(Math.abs(x - flow.overlaps[i].get(a, b))).toBeLessThan(1e-9);
        });
      });
      expect(Math.abs(flow.loss[i] - plantedLoss(link, m).loss)).toBeLessThan(1e-9);
    });
  });

  it("lets the loss rise by no more than the tolerance", async () => {
    for (let trial = 0; trial < 10; trial++) {
      const flow = await plantedFlow(Link.parse(`${R[3]} + 0.5*${R[4]}`), { dim: 50, start: "haar", trial });
      flow.loss.forEach((x, i) => {
        expect(x).toBeGreaterThanOrEqual(0);
        if (i > 0) expect(x).toBeLessThanOrEqual(flow.loss[i - 1] + 2e-9);
      });
    }
  });
});

describe("time scales", () => {
  it("h3: d^½, h4: d, prefactors 1/(s(s−2)); h2: ¼ log d", async () => {
    const [t2, t3, t4] = [await times("h2(z1)"), await times("h3(z1)"), await times("h4(z1)")];
    expect(Math.abs(slope(DIMS.map(Math.log), t3.map(Math.log)) - 0.5)).toBeLessThan(0.03);
    expect(Math.abs(slope(DIMS.map(Math.log), t4.map(Math.log)) - 1)).toBeLessThan(0.05);
    expect(Math.abs(slope(DIMS.map(Math.log), t2) - 0.25)).toBeLessThan(0.01);
    expect(Math.abs((t3[4] / 1e3) * 3 - 1)).toBeLessThan(0.05);
    expect(Math.abs((t4[4] / 1e6) * 8 - 1)).toBeLessThan(0.05);
  });
  it("stiff second saddles end: h2(x1) + h4(x2) at d = 10⁶", async () => {
    const flow = await plantedFlow(Link.parse("h2(z1) + h4(z2)"), {
      start: [
        [1e-3, 0],
        [0, 1e-3],
      ],
    });
    expect(flow.stop.reason).toBe("converged");
    expect(flow.escapes.map((e) => [e.count, e.predictedExponent])).toEqual([
      [1, 2],
      [1, 4],
    ]);
    expect(Math.abs(flow.escapes[1].time / (1e6 / 8) - 1)).toBeLessThan(0.05);
    expect(flow.stop.iterations).toBeLessThan(2000);
  });
});

describe("traps", () => {
  it("an odd link from the wrong side creeps to m = 0 and is trapped there", async () => {
    const flow = await plantedFlow(Link.parse("h3(z1)"), { start: [[-0.1]] });
    expect(flow.stop).toMatchObject({ reason: "trapped", converged: false });
    expect(flow.escapes).toEqual([]);
    expect(flow.singularValues.at(-1)?.[0]).toBeLessThan(1e-3);
    expect(flow.finalLoss).toBeCloseTo(1, 8);
  });
  it("from the right side it converges however small m is", async () => {
    const flow = await plantedFlow(Link.parse("h3(z1)"), { start: [[1e-7]] });
    expect(flow.stop.reason).toBe("converged");
    expect(Math.abs(flow.escapes[0].time / (1e7 / 3) - 1)).toBeLessThan(0.01);
  });
  it("a saddle of high degree is no trap, however slowly it is left, beside a real trap either", async () => {
    const slow = await plantedFlow(Link.parse("h6(z1)"), { start: [[5e-5]] });
    expect(slow.stop.reason).toBe("converged");
    expect(Math.abs(slow.escapes[0].time / (5e-5 ** -4 / 24) - 1)).toBeLessThan(0.01);
    const mixed = await plantedFlow(Link.parse("h2(z1) + h3(z2) + h4(z3)"), {
      start: [
        [1e-3, 0, 0],
        [0, -1e-3, 0],
        [0, 0, 1e-3],
      ],
    });
    expect(mixed.escapes.map((e) => e.predictedExponent)).toEqual([2, 4]);
    expect(mixed.stop.reason).toBe("trapped");
    expect(mixed.finalLoss).toBeCloseTo(1, 6);
  });
  it("a linear part pulls m through 0", async () => {
    const flow = await plantedFlow(Link.parse("h1(z1) + 0.3*h3(z1)"), { start: [[-0.6]] });
    expect(flow.stop.reason).toBe("converged");
    expect(flow.overlaps.at(-1)?.get(0, 0)).toBeCloseTo(1, 8);
  });
  it("h2 + c·h3: the trap is m = −1 when c² < 2/3, and the zero −2/(3c²) of the pull beyond", async () => {
    for (const [c, m] of [
      [0.5, -1],
      [0.81, -1],
      [0.83, -2 / (3 * 0.83 ** 2)],
      [2, -2 / 12],
    ]) {
      const flow = await plantedFlow(Link.parse(`h2(z1) + ${c}*h3(z1)`), { start: [[-0.6]] });
      expect(flow.stop.reason).toBe("trapped");
      expect(flow.overlaps.at(-1)?.get(0, 0)).toBeCloseTo(m, 6);
    }
  });
  it("variables that the link does not have are no trap", async () => {
    for (let trial = 0; trial < 10; trial++) {
      const flow = await plantedFlow(Link.parse("h2(z1)", { rank: 3 }), { dim: 1e4, trial });
      expect(flow.stop).toMatchObject({ reason: "converged", converged: true });
    }
  });
  it("a start on the saddle stays: stationary, and even links never trap", async () => {
    expect((await plantedFlow(Link.parse("h3(z1)"), { start: [[0]] })).stop.reason).toBe("stationary");
    for (let trial = 0; trial < 20; trial++) {
      expect((await plantedFlow(Link.parse("h2(z1)"), { dim: 50, start: "haar", trial })).stop.reason).toBe(
        "converged",
      );
    }
  });

  const share = async (run: typeof plantedFlow, link: Link, trials: number): Promise<number> => {
    let trapped = 0;
    for (let trial = 0; trial < trials; trial++) {
      const flow: Flow = await run(link, { dim: 50, start: "haar", seed: 11, trial, times: [] });
      const size = link.coefficients.reduce((sum, c) => sum + c * c, 0);
      if (flow.finalLoss > 1e-5 * size) trapped++;
      expect(["converged", "trapped"]).toContain(flow.stop.reason);
      expect(flow.stop.reason === "trapped").toBe(flow.finalLoss > 1e-5 * size);
    }
    return trapped / trials;
  };
  it.each([
    [2, 0.3, 0.62],
    [3, 0.5, 0.8],
    [4, 0.62, 0.86],
    [5, 0.68, 0.9],
  ])(
    "R_%d + ½R_{k+1}: about 1 − 1/k of 200 Haar starts in d = 50 are trapped, none with the link refitted",
    async (k, low, high) => {
      const link = Link.parse(`${R[k]} + 0.5*(${R[k + 1]})`);
      const trapped = await share(plantedFlow, link, 200);
      expect(trapped).toBeGreaterThanOrEqual(low);
      expect(trapped).toBeLessThanOrEqual(high);
      expect(await share(populationFlow, link, 40)).toBe(0);
    },
  );
  it("the example of three variables is trapped more often than not; refitted, never", async () => {
    const link = Link.parse("z1*z2*z3 + 0.3*h4(z1) + 0.3*h3(z2)*z3");
    const trapped = await share(plantedFlow, link, 60);
    expect(trapped).toBeGreaterThan(0.7);
    expect(trapped).toBeLessThan(1);
    expect(await share(populationFlow, link, 20)).toBe(0);
  });
});

it("refuses a rank other than the link's", async () => {
  const link = Link.parse("z1*z2");
  const codes = [{ dim: 10, rank: 1 }, { start: [[0.1, 0.2]] }].map((options) =>
    plantedFlow(link, options).catch((error: unknown) => (error as LeapflowError).code),
  );
  expect(await Promise.all(codes)).toEqual(["RANGE", "RANGE"]);
  await expect(plantedFlow(link, { dim: 10, rank: 3 })).rejects.toBeInstanceOf(LeapflowError);
});
