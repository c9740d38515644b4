/** Trap and scaling studies against the laws of the theory; options, seeds, progress, abort. */
import { describe, expect, it } from "vitest";
import { LeapflowError } from "../../src/base/errors.js";
import { Link } from "../../src/model/link.js";
import { scalingStudy } from "../../src/theory/scalingStudy.js";
import { trapStudy } from "../../src/theory/trapStudy.js";
import { processorWatch } from "../support/processor.js";

const refusal = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof LeapflowError) return `${error.name} ${error.code}`;
    throw error;
  }
  return "nothing thrown";
};
const DIMS = [1e2, 1e3, 1e4, 1e5, 1e6];

describe("scaling", () => {
  it.each([
    ["h2(z1)", 1, 0.02],
    ["h3(z1)", 2, 0.02],
    ["h4(z1)", 3, 0.03],
    ["z1*z2", 1, 0.02],
    ["z1 + h3(z2)", 2, 0.02],
    ["h2(z1) + h4(z2)", 3, 0.03],
  ])("two-timescale flow of %s from random frames: d^%d up to d = 10⁶", async (text, power, tolerance) => {
    const study = await scalingStudy(Link.parse(text), { dims: DIMS, trials: 3, seed: 4 });
    expect(study.predicted).toBe(power);
    expect(Math.abs((study.exponent ?? 0) - power)).toBeLessThan(tolerance);
    const [low, high] = study.interval ?? [0, 0];
    expect(low).toBeLessThanOrEqual(study.exponent ?? 0);
    expect(high).toBeGreaterThanOrEqual(study.exponent ?? 0);
    expect(study.escaped).toEqual([3, 3, 3, 3, 3]);
  });

  it.each([
    ["h2(z1)", 1 / 4],
    ["h3(z1)", 1 / 12],
    ["h4(z1)", 1 / 24],
    ["z1*z2", 1 / 2],
    ["z1*z2*z3", 1 / 4],
  ])("prefactor of %s from m(0) = 1/√d is %d", async (text, prefactor) => {
    const study = await scalingStudy(Link.parse(text), { dims: DIMS, start: "diagonal" });
    expect(study.trials).toBe(1);
    expect(Math.abs((study.prefactor ?? 0) / prefactor - 1)).toBeLessThan(0.05);
  });

  it.each([
    ["h1(z1)", 0.5, 0.02],
    ["z1 + z1*z2 + z1*z2*z3", 1.5, 0.1],
  ])("%s: the time grows by %d per unit of log d", async (text, slope, tolerance) => {
    const study = await scalingStudy(Link.parse(text), { dims: DIMS, start: "diagonal" });
    expect(study.predicted).toBe(0);
    expect(study.prefactor).toBeNull();
    expect(Math.abs((study.logSlope ?? 0) - slope)).toBeLessThan(tolerance);
  });

  it("the planted flow: d^½ for h3, d for h4, 1/(s(s−2)) before it", async () => {
    const three = await scalingStudy(Link.parse("h3(z1)"), { dims: DIMS, flow: "planted", trials: 9, seed: 1 });
    expect(three.predicted).toBe(0.5);
    expect(Math.abs((three.exponent ?? 0) - 0.5)).toBeLessThan(0.03);
    // Odd: from m < 0 it never gets away.
    expect(new Set(three.escaped).size).toBe(1);
    expect(three.escaped[0]).toBeGreaterThan(0);
    expect(three.escaped[0]).toBeLessThan(9);
    const four = await scalingStudy(Link.parse("h4(z1)"), { dims: DIMS, flow: "planted", start: "diagonal" });
    expect(four.predicted).toBe(1);
    expect(Math.abs((four.exponent ?? 0) - 1)).toBeLessThan(0.05);
    expect(Math.abs((four.prefactor ?? 0) * 8 - 1)).toBeLessThan(0.05);
  });

  it("a planted flow that never escapes has no time, no exponent, and says so", async () => {
    const link = Link.parse("h3(z1)");
    let seed = 0;
    while ((await scalingStudy(link, { dims: [100], trials: 1, seed, flow: "planted" })).escaped[0] > 0) seed++;
    const study = await scalingStudy(link, { dims: [100, 1000], trials: 1, seed, flow: "planted" });
    expect(study).toMatchObject({ times: [null, null], quartiles: [null, null], escaped: [0, 0] });
    expect(study).toMatchObject({ exponent: null, interval: null, prefactor: null, logSlope: null });
  });

  it("surplus directions cut the slow tail, missing ones stop at the saddles they can leave", async () => {
    const link = Link.parse("z1*z2");
    const [two, four] = await Promise.all(
      [2, 4].map((rank) => scalingStudy(link, { dims: [1000], trials: 9, seed: 2, rank })),
    );
    expect(four.times[0] ?? 0).toBeLessThan(two.times[0] ?? 0);
    const short = await scalingStudy(Link.named("staircase"), { dims: [200], trials: 2, seed: 1, rank: 2 });
    expect(short.escaped).toEqual([2]);
  });

  it("same seed, same bits; the seed is drawn and reported; progress counts to the end", async () => {
    const link = Link.parse("h2(z1)");
    const seen: number[] = [];
    const first = await scalingStudy(link, {
      dims: [100, 1000],
      trials: 3,
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    expect(Number.isSafeInteger(first.seed)).toBe(true);
    expect(seen).toHaveLength(6);
    expect(seen.at(-1)).toBe(1);
    expect(await scalingStudy(link, { dims: [100, 1000], trials: 3, seed: first.seed })).toEqual(first);
  });

  it.each([
    ["OptionError TYPE", { dims: 100 }],
    ["OptionError TYPE", { dims: [] }],
    ["OptionError RANGE", { dims: [100, 10] }],
    ["OptionError RANGE", { dims: [1] }],
    ["OptionError TYPE", { dims: ["100"] }],
    ["OptionError RANGE", { dims: [10], trials: 0 }],
    ["OptionError RANGE", { dims: [10], flow: "both" }],
    ["OptionError RANGE", { dims: [10], seed: -1 }],
    ["OptionError RANGE", { dims: [10], start: "diagonal", trials: 2 }],
    ["OptionError RANGE", { dims: [10], flow: "planted", rank: 2 }],
    ["OptionError RANGE", { dims: [10], tolerance: 0 }],
    ["OptionError UNKNOWN", { dims: [10], trial: 2 }],
    ["OptionError TYPE", { dims: [10], onProgress: 3 }],
    ["OptionError TYPE", { dims: [10], signal: 3 }],
  ])("%s for %o", async (expected, options) => {
    expect(await refusal(scalingStudy(Link.parse("h2(z1)"), options as never))).toBe(expected);
  });
  it("a link that is constant or none is refused", async () => {
    expect(await refusal(scalingStudy(Link.parse("3"), { dims: [10] }))).toBe("OptionError RANGE");
    expect(await refusal(scalingStudy("z1" as never, { dims: [10] }))).toBe("InputError TYPE");
  });
});

describe("traps", () => {
  // [MI §6]: 1 − 1/k for R_k + ½R_{k+1}; four standard errors of 60 starts are 0.25.
  it.each([2, 3, 4, 5])(
    "R_%d + ½·R_{k+1}: planted flows end in equivalent frames, two-timescale ones never",
    async (order) => {
      const link = Link.named("harmonic", { order, mix: 0.5 });
      const study = await trapStudy(link, { dim: 50, trials: 60, seed: 7 });
      expect(Math.abs(study.planted.probability - (1 - 1 / order))).toBeLessThan(0.25);
      expect(study.joint.trapped).toBe(0);
      expect(study.joint.losses.every((loss) => loss < 1e-5)).toBe(true);
      const [low, high] = study.planted.interval;
      expect(low).toBeLessThan(study.planted.probability);
      expect(high).toBeGreaterThan(study.planted.probability);
      expect(study.joint.interval[0]).toBe(0);
      expect(study.joint.interval[1]).toBeLessThan(0.07);
    },
  );

  it("losses at the traps of h2 + ½h3 are those of m = −1", async () => {
    const study = await trapStudy(Link.parse("h2(z1) + 0.5*h3(z1)"), { dim: 50, trials: 20, seed: 1 });
    // ‖f‖² − ⟨f, A_{−1}f⟩ = 2c² = ½, over ‖f‖² = 1.25.
    for (const loss of study.planted.losses) expect(loss < 1e-5 || Math.abs(loss - 0.4) < 1e-5).toBe(true);
    expect(study.planted.trapped).toBe(study.planted.losses.filter((loss) => loss > 1e-5).length);
  });

  it("three variables: x1x2x3 with symmetry broken weakly traps most planted flows", async () => {
    const link = Link.parse("z1*z2*z3 + 0.3*h4(z1) + 0.3*h3(z2)*z3");
    const study = await trapStudy(link, { dim: 50, trials: 24, seed: 2 });
    expect(study.planted.probability).toBeGreaterThan(0.65);
    expect(study.joint.trapped).toBe(0);
  });

  it("same seed, same bits; an even link alone traps nobody", async () => {
    const link = Link.parse("h2(z1)");
    const first = await trapStudy(link, { dim: 50, trials: 10, seed: 3 });
    expect([first.planted.trapped, first.joint.trapped]).toEqual([0, 0]);
    expect(await trapStudy(link, { dim: 50, trials: 10, seed: 3 })).toEqual(first);
  });

  it.each([
    ["OptionError TYPE", {}],
    ["OptionError RANGE", { dim: 1 }],
    ["OptionError RANGE", { dim: 50, trials: 0 }],
    ["OptionError TYPE", { dim: "50" }],
    ["OptionError UNKNOWN", { dim: 50, trails: 3 }],
  ])("%s for %o", async (expected, options) => {
    expect(await refusal(trapStudy(Link.parse("z1*z2"), options as never))).toBe(expected);
  });
});

describe("row 40: abort", () => {
  it.each([
    [
      "trapStudy",
      (signal: AbortSignal) =>
        trapStudy(Link.named("harmonic", { order: 5, mix: 0.5 }), { dim: 50, trials: 1e4, seed: 1, signal }),
    ],
    [
      "scalingStudy",
      (signal: AbortSignal) =>
        scalingStudy(Link.parse("h2(z1) + h4(z2)"), { dims: DIMS, trials: 1e4, seed: 1, signal }),
    ],
  ])("%s rejects with the signal's reason, at once or within 100 ms of processor time", async (_name, run) => {
    const reason = new Error("enough");
    await expect(run(AbortSignal.abort(reason))).rejects.toBe(reason);
    const control = new AbortController();
    let spent = processorWatch();
    setTimeout(() => {
      spent = processorWatch();
      control.abort(reason);
    }, 100);
    await expect(run(control.signal)).rejects.toBe(reason);
    expect(spent()).toBeLessThan(100);
  });
});
