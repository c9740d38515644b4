/** The driver of the flows, on made-up flows whose solutions are known. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { type FlowPlan, type FlowProgress, FlowRun, runFlow } from "../../src/theory/flowRun.js";
import type { FlowSystem } from "../../src/theory/flowSystem.js";
import { codeOf } from "../support/errors.js";
import { scalarFlow } from "../support/scalarFlow.js";

/** ṁ = m(1 − m) from m(0) = 0.01: m = 1/(1 + 99e^(−t)). */
const logistic = (t: number): number => 1 / (1 + 99 * Math.exp(-t));
const timeOf = (m: number): number => Math.log((99 * m) / (1 - m));
/** Its flow; cosine i is m to the power i + 1. */
const logisticFlow = (more: Partial<FlowSystem> = {}): FlowSystem =>
  scalarFlow(
    (m) => m * (1 - m),
    (m) => 1 - 2 * m,
    more,
  );
const plan: FlowPlan = {
  rank: 1,
  rankStar: 1,
  start: Float64Array.of(0.01),
  times: undefined,
  horizon: 12,
  tolerance: 1e-9,
  maxIterations: 1000,
  thresholds: [],
  monotone: true,
  onProgress: undefined,
};
const finish = (system: FlowSystem, more: Partial<FlowPlan> = {}) => {
  const run = new FlowRun(system, { ...plan, ...more });
  while (run.reason === undefined) run.step();
  return run.result();
};

describe("a trajectory", () => {
  it("of its own times has four points a step, from 0 to the horizon", () => {
    const flow = finish(logisticFlow());
    const { times, loss, singularValues, overlaps, stop } = flow;
    expect(stop).toMatchObject({ reason: "horizon", converged: false });
    expect(times).toHaveLength(1 + 4 * stop.iterations);
    expect(times[0]).toBe(0);
    expect(times.at(-1)).toBe(12);
    times.forEach((t, i) => {
      if (i > 0) expect(t).toBeGreaterThan(times[i - 1]);
      expect(Math.abs(loss[i] - (1 - logistic(t)))).toBeLessThan(1e-7);
      expect(loss[i]).toBe(1 - singularValues[i][0]);
      expect(overlaps[i].get(0, 0)).toBe(singularValues[i][0]);
    });
    for (const list of [loss, singularValues, overlaps]) expect(list).toHaveLength(times.length);
    expect(flow.finalTime).toBe(12);
    expect(flow.finalLoss).toBe(loss.at(-1));
    expect(flow.escapes).toEqual([]);
  });

  it("at requested times is the solution there, and the last state beyond the end", () => {
    const times = Float64Array.of(0, 0, 1e-9, 3, 3.1, 7, 11.9);
    const flow = finish(logisticFlow(), { times, horizon: 11.9 });
    expect(Array.from(flow.times)).toEqual(Array.from(times));
    times.forEach((t, i) => {
      expect(Math.abs(flow.loss[i] - (1 - logistic(t)))).toBeLessThan(1e-7);
    });
    const early = finish(logisticFlow(), { times: Float64Array.of(0.5, 5, 8), horizon: 5 });
    expect(early.finalTime).toBe(5);
    expect(Math.abs(early.loss[2] - (1 - logistic(5)))).toBeLessThan(1e-7);
    expect(early.loss[2]).toBe(early.finalLoss);
    expect(finish(logisticFlow(), { times: new Float64Array(0) }).loss).toHaveLength(0);
  });

  it("ends when the flow is over, when its steps are used up, or before it began", () => {
    const done = finish(logisticFlow({ judge: (y) => (y[0] > 0.99 ? "converged" : undefined) }));
    expect(done.stop).toMatchObject({ reason: "converged", converged: true });
    expect(done.finalTime).toBeGreaterThan(timeOf(0.99));
    expect(done.finalTime).toBeLessThan(12);
    const short = finish(logisticFlow(), { maxIterations: 5 });
    expect(short.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 5 });
    expect(short.times).toHaveLength(21);
    const none = finish(logisticFlow(), { maxIterations: 0, times: Float64Array.of(0, 1) });
    expect(none.stop).toEqual({ reason: "iteration-limit", converged: false, iterations: 0 });
    expect(Array.from(none.loss)).toEqual([0.99, 0.99]);
    expect(finish(logisticFlow(), { horizon: 0 }).stop).toMatchObject({ reason: "horizon", iterations: 0 });
    expect(finish(logisticFlow({ judge: () => "trapped" })).stop).toMatchObject({ reason: "trapped", iterations: 0 });
  });

  it("a step that cannot be taken ends it where it is", () => {
    const wall = logisticFlow({
      derivative: (y, out) => out.set([y[0] < 0.5 ? 1 : Number.NaN, 1]),
    });
    const flow = finish(wall, { times: Float64Array.of(0.1, 20), horizon: 20 });
    expect(flow.stop).toMatchObject({ reason: "step-limit", converged: false });
    expect(1 - flow.loss[0]).toBeCloseTo(0.11, 9);
    expect(1 - flow.loss[1]).toBeCloseTo(0.5, 3);
  });

  it("keeps times apart that a double cannot add up", () => {
    // Time runs 10⁻¹⁷ a step after an instant at 1: the sum must not lose it.
    let count = 0;
    const slow = logisticFlow({
      derivative: (y, out) => out.set([y[0] * (1 - y[0]), count === 0 ? 1 : 1e-17]),
      absorb: (y) => {
        count++;
        y[1] = 0;
      },
    });
    const flow = finish(slow, { horizon: 1e3, maxIterations: 400 });
    const later = flow.times.filter((t) => t > flow.times[4]);
    expect(flow.stop.iterations).toBe(400);
    expect(flow.finalTime - flow.times[4]).toBeGreaterThan(0);
    expect(later.length).toBeGreaterThan(0);
  });
});

describe("escapes", () => {
  const threshold = (leap: number, exponent = 3, count = 2) => ({
    ...{ leap, exponent, count },
    directions: Float64Array.of(1),
  });

  it("are where cosines pass one half, in order of time", () => {
    // m and m²: one half at m = ½ and m = √½. Thresholds are given in the other order.
    const reversed = logisticFlow();
    const swapped = { ...reversed, cosine: (i: number) => reversed.values[0] ** (2 - i) };
    const { escapes } = finish(swapped, { thresholds: [threshold(0, 3, 2), threshold(1, 4, 1)] });
    expect(escapes).toEqual([
      { time: expect.closeTo(timeOf(0.5), 7), count: 1, predictedExponent: 4, leap: 1 },
      { time: expect.closeTo(timeOf(Math.SQRT1_2), 7), count: 2, predictedExponent: 3, leap: 0 },
    ]);
  });

  it("several in one step are sorted too", () => {
    const jump = { tolerance: 0.05, thresholds: [threshold(0), threshold(1), threshold(2)] };
    const base = logisticFlow();
    const swapped = { ...base, cosine: (i: number) => base.values[0] ** [1.02, 1, 1.01][i] };
    const { escapes } = finish(swapped, jump);
    expect(escapes.map(({ leap }) => leap)).toEqual([1, 2, 0]);
    const times = escapes.map(({ time }) => time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("what has passed at the start is no escape, nor what passes after the horizon", () => {
    const flow = finish(logisticFlow(), {
      start: Float64Array.of(0.6),
      thresholds: [threshold(0), threshold(1)],
    });
    expect(flow.escapes.map(({ leap }) => leap)).toEqual([1]);
    const early = finish(logisticFlow(), { horizon: timeOf(0.5) - 1e-3, thresholds: [threshold(0)] });
    expect(early.escapes).toEqual([]);
    expect(early.finalTime).toBe(timeOf(0.5) - 1e-3);
    const late = finish(logisticFlow(), { horizon: timeOf(0.5) + 1e-3, thresholds: [threshold(0)] });
    expect(late.escapes).toHaveLength(1);
  });
});

describe("what may only rise", () => {
  it("is an error when it falls, told with factor and time", () => {
    const falling = () =>
      finish(logisticFlow({ derivative: (_, out) => out.set([-0.01, 1]) }), { start: Float64Array.of(0.5) });
    expect(codeOf(falling)).toBe("NOT_CONVERGED");
    let caught: unknown;
    try {
      falling();
    } catch (error) {
      caught = error;
    }
    const { details, message } = caught as { details: { ratio: number; time: number }; message: string };
    expect(message).toMatch(/^The determinant of the overlap fell by the factor 0\.\d+ at time \S+; along this flow/);
    // m = 0.5 − 0.01t after the first step.
    expect(details.ratio).toBeCloseTo((0.5 - 0.01 * details.time) / 0.5, 9);
    expect(details.time).toBeGreaterThan(0);
  });

  it("may fall where it is not asked for, and starts anywhere from 0", () => {
    const falling = logisticFlow({ derivative: (_, out) => out.set([-0.01, 1]) });
    const flow = finish(falling, { start: Float64Array.of(0.5), monotone: false, horizon: 10 });
    expect(1 - flow.finalLoss).toBeCloseTo(0.4, 9);
    const rising = logisticFlow({ derivative: (_, out) => out.set([0.01, 1]) });
    expect(1 - finish(rising, { start: Float64Array.of(0), horizon: 10 }).finalLoss).toBeCloseTo(0.1, 9);
  });
});

describe("progress", () => {
  it("is told after every step, as copies", () => {
    const seen: FlowProgress[] = [];
    const flow = finish(logisticFlow(), { onProgress: (progress) => seen.push(progress), maxIterations: 6 });
    expect(seen.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6]);
    seen.forEach(({ time, loss, singularValues }, i) => {
      expect(time).toBe(flow.times[4 * (i + 1)]);
      expect(loss).toBe(flow.loss[4 * (i + 1)]);
      expect(loss).toBe(1 - singularValues[0]);
    });
    expect(new Set(seen.map(({ singularValues }) => singularValues)).size).toBe(6);
  });

  it("a callback that throws ends the flow with its error as the cause", () => {
    const run = () =>
      finish(logisticFlow(), {
        onProgress: () => {
          throw new Error("no paper left");
        },
      });
    expect(codeOf(run)).toBe("CALLBACK");
    expect(run).toThrow("onProgress threw: Error: no paper left");
  });

  it("others have their turns, and an abort ends it", async () => {
    const flow = await runFlow(logisticFlow(), { ...plan, maxIterations: 3 });
    expect(flow.stop.iterations).toBe(3);
    const aborter = new AbortController();
    const control = new RunControl({ signal: aborter.signal, sliceMs: 0 });
    let steps = 0;
    const onProgress = () => {
      if (++steps === 2) aborter.abort(new Error("enough"));
    };
    await expect(runFlow(logisticFlow(), { ...plan, onProgress }, control)).rejects.toThrow("enough");
    expect(steps).toBe(2);
  });
});

describe("stiff flows", () => {
  /** A second quantity x relaxes to m at the rate λ: ẋ = −λ(x − m); λ falls from 3000 to `least` with 1 − m. */
  function stiff(least: number) {
    const counts = { explicit: 0, implicit: 0, switches: 0 };
    let wasImplicit = false;
    const note = (isImplicit: boolean) => {
      if (isImplicit !== wasImplicit) counts.switches++;
      wasImplicit = isImplicit;
    };
    const values = new Float64Array(1);
    const rateAt = (m: number) => least + 3000 * (1 - m);
    const flow = (y: Float64Array, out: Float64Array) => out.set([y[0] * (1 - y[0]), -rateAt(y[0]) * (y[1] - y[0]), 1]);
    const system: FlowSystem = {
      ...logisticFlow(),
      ...{ size: 3, dimension: 2, values, rate: 1 },
      cosine: () => values[0],
      start: (m, y) => y.set([m[0], m[0], 0]),
      derivative: (y, out) => {
        counts.explicit++;
        note(false);
        const rate = rateAt(y[0]);
        flow(y, out);
        for (let i = 0; i < 3; i++) out[i] /= rate;
        (system as { rate: number }).rate = rate;
      },
      stiffDerivative: (y, out) => {
        counts.implicit++;
        note(true);
        (system as { rate: number }).rate = rateAt(y[0]);
        flow(y, out);
      },
      stiffJacobian: (y, out) =>
        out.set([...[1 - 2 * y[0], 0, 0], ...[rateAt(y[0]) + 3000 * (y[1] - y[0]), -rateAt(y[0]), 0], ...[0, 0, 0]]),
      observe: (y) => values.set([y[0]]),
      loss: () => 1 - values[0],
      overlap: (y, out) => out.set([y[0]]),
      absorb: (y) => {
        y[2] = 0;
        values[0] = y[0];
      },
    };
    return { system, counts };
  }

  it("are taken over by the implicit integrator, as accurately", () => {
    const { system, counts } = stiff(3000);
    const thresholds = [{ leap: 0, exponent: 1, count: 1, directions: Float64Array.of(1) }];
    const flow = finish(system, { tolerance: 1e-8, thresholds });
    expect(counts.implicit).toBeGreaterThan(0);
    expect(counts.switches).toBe(1);
    expect(flow.stop.reason).toBe("horizon");
    // Explicit steps alone would be as many as the fast rate times the horizon over 6.
    expect(flow.stop.iterations).toBeLessThan(600);
    flow.times.forEach((t, i) => {
      expect(Math.abs(flow.loss[i] - (1 - logistic(t)))).toBeLessThan(1e-6);
    });
    expect(flow.escapes[0].time).toBeCloseTo(timeOf(0.5), 5);
  });

  it("and given back once an explicit step would do", () => {
    const { system, counts } = stiff(0.5);
    const flow = finish(system, { tolerance: 1e-8, horizon: 25 });
    expect(counts.switches).toBeGreaterThanOrEqual(2);
    expect(flow.stop.reason).toBe("horizon");
    flow.times.forEach((t, i) => {
      expect(Math.abs(flow.loss[i] - (1 - logistic(t)))).toBeLessThan(1e-6);
    });
  });
});
