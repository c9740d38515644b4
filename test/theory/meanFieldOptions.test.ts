/** Options of the mean-field predictions, filled in and refused. */
import { describe, expect, it } from "vitest";
import { parseChannel } from "../../src/single/channel.js";
import { readDmftOptions } from "../../src/theory/meanFieldOptions.js";
import { linearMoments } from "../../src/theory/meanFieldStart.js";
import { codeOf } from "../support/errors.js";

const square = { channel: { link: "square", noiseStd: 0 }, ratio: 5, stepSize: 0.1 };
const tanh = { channel: { link: "tanh", noiseStd: 0.1 }, ratio: 4 };

/** Its numbers and words; functions are made anew every time. */
const plain = (start: unknown): string => JSON.stringify(start);

describe("readDmftOptions", () => {
  it("fills in what was not given", () => {
    const { seed, channel, loss, start, ...rest } = readDmftOptions(square);
    expect(rest).toEqual({
      ratio: 5,
      ridge: 0,
      stepSize: 0.1,
      complex: false,
      steps: 40,
      paths: 8192,
      replicates: 4,
      kernel: "auto",
      signal: undefined,
      onProgress: undefined,
    });
    expect(Number.isSafeInteger(seed)).toBe(true);
    expect(channel.name).toBe("square");
    expect(loss.name).toMatch(/./);
    expect(plain(start)).toBe(plain(readDmftOptions({ ...square, start: "spectral", startScale: 1 }).start));
    expect(plain(readDmftOptions(tanh).start)).toBe(plain(readDmftOptions({ ...tanh, start: "linear" }).start));
  });

  it("takes what was given", () => {
    const { signal } = new AbortController();
    const given = { ridge: 0.5, steps: 0, paths: 64, replicates: 1, seed: 3, kernel: "reference", signal };
    expect(readDmftOptions({ ...square, ...given })).toMatchObject(given);
    expect(readDmftOptions({ ...square, steps: 2000, paths: 2 ** 26, replicates: 10_000 }).steps).toBe(2000);
    expect(readDmftOptions({ ...square, complex: true, loss: "wf" }).complex).toBe(true);
  });

  it("takes a step that curvature, ratio and ridge allow: 1/(b·(1 + 1/√δ)² + λ)", () => {
    const step = (ratio: number, ridge: number) => readDmftOptions({ ...tanh, ratio, ridge }).stepSize;
    const bound = 1 / step(Number.POSITIVE_INFINITY, 0);
    expect(bound).toBeGreaterThan(0);
    expect(1 / step(4, 0)).toBeCloseTo(bound * 1.5 ** 2, 10);
    expect(1 / step(4, 0.7)).toBeCloseTo(bound * 1.5 ** 2 + 0.7, 10);
    expect(1 / step(1, 0)).toBeCloseTo(bound * 4, 10);
    const { stepSize: _, ...without } = square;
    expect(codeOf(() => readDmftOptions({ ...without, loss: "wf" }))).toBe("TYPE");
    expect(() => readDmftOptions({ ...without, loss: "wf" })).toThrow(
      /^stepSize is undefined; the loss wf has no bounded/,
    );
  });

  it("starts: numbers, zero, linear and spectral, scaled; at δ = ∞ they are the truth's", () => {
    const start = (more: object) => readDmftOptions({ ...tanh, ...more }).start;
    expect(start({ start: "zero" })).toEqual(start({ start: { overlap: 0, normSquared: 0 } }));
    expect(start({ start: { overlap: -0.5, normSquared: 0.25 } })).not.toEqual(start({ start: "zero" }));
    expect(start({ start: "linear", startScale: 2 })).not.toEqual(start({ start: "linear" }));
    const far = { ratio: Number.POSITIVE_INFINITY };
    const linear = start({ ...far, start: "linear" });
    const double = start({ ...far, start: "linear", startScale: 2 });
    // An exact start of overlap m has normSquared m²; m doubles with the scale and is E[y·z] at scale 1.
    expect(plain(double)).not.toBe(plain(linear));
    const { overlap } = linear as { overlap?: number };
    if (overlap !== undefined)
      expect(plain(linear)).toBe(plain(start({ ...far, start: { overlap, normSquared: overlap ** 2 } })));
    const spectral = (more: object) => readDmftOptions({ ...square, ...more }).start;
    expect(spectral({ ...far, startScale: 1.5 })).toEqual(spectral({ start: { overlap: 1.5, normSquared: 2.25 } }));
    expect(spectral({ preprocess: "trim(9)" })).not.toEqual(spectral({}));
  });

  it("a linear start at a finite ratio is built on the rows, scaled; at δ = ∞ it is independent of them", () => {
    const linear = readDmftOptions({ ...tanh, start: "linear", startScale: 2 }).start;
    const { signal, square: size } = linearMoments(parseChannel(tanh.channel));
    expect(linear).toMatchObject({ kind: "linear", response: 2, overlap: 2 * signal, variance: size / 4 });
    const far = readDmftOptions({ ...tanh, ratio: Number.POSITIVE_INFINITY, start: "linear", startScale: 2 }).start;
    expect(far).toMatchObject({ kind: "independent", overlap: 2 * signal, response: 0 });
    const spectral = readDmftOptions({ ...square, startScale: 1.5 }).start;
    expect(spectral.kind).toBe("spectral");
    expect(spectral.overlap ** 2 + spectral.response ** 2 * spectral.variance).toBeCloseTo(2.25, 10);
  });

  it("refusals name the option in their details, and nested ones where they stand", () => {
    const { stepSize: _, ...without } = square;
    const detailsOf = (options: object): unknown => {
      try {
        readDmftOptions(options);
      } catch (error) {
        return (error as { details?: unknown }).details;
      }
      return undefined;
    };
    expect(detailsOf({ ...without, loss: "wf" })).toEqual({ option: "stepSize" });
    expect(detailsOf({ ...square, start: 3 })).toEqual({ option: "start" });
    expect(detailsOf({ ...square, complex: true, loss: "wf", start: "linear" })).toEqual({ option: "start" });
    expect(() => readDmftOptions({ ...square, start: { overlap: 0, norm: 1 } })).toThrow(/start/);
    expect(() => readDmftOptions({ ...square, path: 3 })).toThrow(/dmft/);
  });

  const refusals: readonly [object, string, RegExp][] = [
    [{ ratio: 0 }, "RANGE", /^ratio.*Infinity/],
    [{ ratio: undefined }, "TYPE", /^ratio/],
    [{ ridge: -1 }, "RANGE", /^ridge/],
    [{ stepSize: 0 }, "RANGE", /^stepSize/],
    [{ complex: 1 }, "TYPE", /^complex/],
    [{ steps: -1 }, "RANGE", /^steps/],
    [{ steps: 2001 }, "RANGE", /^steps/],
    [{ paths: 0 }, "RANGE", /^paths/],
    [{ paths: 2 ** 26 + 1 }, "RANGE", /^paths/],
    [{ replicates: 0 }, "RANGE", /^replicates/],
    [{ replicates: 10_001 }, "RANGE", /^replicates/],
    [{ seed: -1 }, "RANGE", /^seed/],
    [{ kernel: "gpu" }, "RANGE", /^kernel.*"reference"/],
    [{ signal: {} }, "TYPE", /^signal/],
    [{ onProgress: 3 }, "TYPE", /^onProgress/],
    [{ start: 3 }, "TYPE", /^start is 3; expected "spectral", "linear", "zero" or/],
    [{ start: null }, "nothing thrown", /./],
    [{ start: "far" }, "RANGE", /^start.*normSquared/],
    [{ start: { overlap: 0.6, normSquared: 0.25 } }, "RANGE", /^start\.overlap/],
    [{ start: { overlap: -0.6, normSquared: 0.25 } }, "RANGE", /^start\.overlap/],
    [{ start: { overlap: 0, normSquared: -1 } }, "RANGE", /^start\.normSquared/],
    [{ start: { overlap: 0, norm: 1 } }, "UNKNOWN", /norm/],
    [{ startScale: 0 }, "RANGE", /^startScale/],
    [{ complex: true, loss: "wf", start: "linear" }, "RANGE", /^start "linear" says nothing about complex/],
    [{ path: 3 }, "UNKNOWN", /path/],
  ];
  it.each(refusals)("%j: %s", (more, code, words) => {
    const run = () => readDmftOptions({ ...square, ...more });
    expect(codeOf(run)).toBe(code);
    if (code !== "nothing thrown") expect(run).toThrow(words);
  });
});
