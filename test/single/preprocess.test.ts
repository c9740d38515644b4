/** Preprocessing functions: formulas, suprema, tables, and refusals. */
import { describe, expect, it } from "vitest";
import { parseChannel } from "../../src/single/channel.js";
import { posteriorOf } from "../../src/single/posterior.js";
import { parsePreprocess } from "../../src/single/preprocess.js";
import { responseLaw } from "../../src/single/responseLaw.js";

const square = parseChannel("square");
const parse = (given: unknown, ratio = 3, complex = false, channel = square) =>
  parsePreprocess(given, { channel, ratio, complex });
const error = (code: string) => expect.objectContaining({ name: "OptionError", code });

describe("preprocessing functions", () => {
  it("trim, subset, opt, mm by their formulas", () => {
    const trim = parse("trim(9)");
    expect([trim.value(8.9), trim.value(9), trim.value(9.1), trim.supremum]).toEqual([8.9, 9, 0, 9]);
    const subset = parse("subset(1.5)");
    expect([subset.value(1.4), subset.value(1.5), subset.supremum]).toEqual([0, 1, 1]);
    const opt = parse("opt(20)");
    expect([opt.value(4), opt.value(0.01), opt.value(0), opt.value(-3), opt.supremum]).toEqual([
      0.75, -20, -20, -20, 1,
    ]);
    expect(parse("mm", 2).value(3)).toBe(2 / (3 + 2 - 1));
    expect(parse("mm", 4, true).value(3)).toBe(2 / (3 + 2 - 1));
    expect(parse("mm", 2).supremum).toBe(1);
    expect(parse("mm", 2).value(-1)).toBe(-1);
  });

  it("optimal of y = z² without noise is opt; |z| sees y², labels see nothing", () => {
    const [optimal, opt] = [parse("optimal(20)"), parse("opt(20)")];
    for (const y of [0, 1e-3, 0.04, 0.3, 1, 7]) expect(optimal.value(y)).toBe(opt.value(y));
    expect(parse("optimal(10)", 3, false, parseChannel("abs")).value(2)).toBe(0.75);
    expect(parse("optimal(10)", 3, false, parseChannel("relu")).value(0)).toBe(0);
    const none = parse("optimal(10)", 3, false, parseChannel("logit"));
    expect([none.value(1), none.value(-1), none.supremum]).toEqual([0, 0, 0]);
  });

  it("optimal of a function is that of the same link by name", () => {
    const own = parse(
      "optimal(20)",
      3,
      false,
      parseChannel((z: number) => z * z),
    );
    for (const y of [0.06, 0.3, 1, 4]) expect(own.value(y)).toBeCloseTo(parse("opt(20)").value(y), 6);
  });

  it.each(["square", "abs", "He2", "tanh", "relu", "cubic"] as const)(
    "optimal of noisy %s: the table keeps E[z²|y]",
    (link) => {
      for (const noiseStd of [0.05, 0.5]) {
        const channel = parseChannel({ link, noiseStd });
        const { value, supremum } = parse("optimal(10)", 3, false, channel);
        const posterior = posteriorOf(channel, false);
        const [low, high] = [0, -8].map((z) => channel.location(z)).sort((a, b) => a - b);
        let worst = 0;
        // Over all responses that occur; beyond them the table keeps its last value.
        for (
          let y = channel.range[0] === 0 ? 0.01 : low - 8 * noiseStd;
          y < Math.min(high + 8 * noiseStd, 4);
          y += 0.0371
        ) {
          const wanted = Math.max(1 - 1 / posterior(y).square, -10);
          worst = Math.max(worst, Math.abs(value(y) - wanted) / (1 + Math.abs(wanted)));
          expect(value(y)).toBeLessThanOrEqual(supremum);
        }
        expect(worst).toBeLessThan(3e-4);
      }
    },
  );

  it("suprema bound T over the responses", () => {
    for (const [given, channel] of [
      ["trim(9)", parseChannel("tanh")],
      ["opt(5)", parseChannel("tanh")],
      ["optimal(10)", parseChannel((z: number) => Math.sin(z))],
      ["mm", parseChannel("tanh")],
    ] as const) {
      const t = parse(given, 3, false, channel);
      const { y } = responseLaw(channel, false, t.breaks);
      expect(Math.max(...y.map(t.value))).toBeLessThanOrEqual(t.supremum * (1 + 1e-9));
    }
  });

  it("finds the jumps of a function of one's own", () => {
    const own = parse({ value: (y: number) => (y > 1.3 ? 1 : y > 0.2 ? 0.5 : -1), supremum: 1 });
    expect(own.breaks.length).toBe(2);
    expect(own.breaks[0]).toBeCloseTo(0.2, 10);
    expect(own.breaks[1]).toBeCloseTo(1.3, 10);
    expect(parse({ value: (y: number) => y / (1 + y), supremum: 1 }).breaks).toEqual([]);
  });

  it("refuses what is no preprocessing function", () => {
    expect(() => parse(undefined)).toThrowError(error("TYPE"));
    expect(() => parse("trm(9)")).toThrowError(/Did you mean "trim"/);
    expect(() => parse("trim(-1)")).toThrowError(error("RANGE"));
    expect(() => parse("mm", 0.5)).toThrowError(error("RANGE"));
    expect(() => parse("mm", 1, true)).toThrowError(error("RANGE"));
    expect(() => parse({ value: (y: number) => y })).toThrowError(error("TYPE"));
    expect(() => parse({ value: (y: number) => y, supremum: 0 })).toThrowError(error("RANGE"));
    expect(() => parse({ value: (y: number) => y, supremum: 2 }).value(3)).toThrowError(error("RANGE"));
    expect(() => parse({ value: () => "1", supremum: 2 }).value(3)).toThrowError(error("CALLBACK"));
  });
});
