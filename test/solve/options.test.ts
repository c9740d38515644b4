/** Options as they are filled in and refused, one by one. */
import { describe, expect, it } from "vitest";
import { fillOptions } from "../../src/solve/options.js";
import { codeOf } from "../support/errors.js";

const map = { value: () => 0, derivative: () => 0 };
const crew = { open: () => ({ own: 1, servers: [] }) };
const { signal } = new AbortController();
const onProgress = () => undefined;

it("fills in what was not given", () => {
  const { seed, ...rest } = fillOptions({});
  expect(Number.isSafeInteger(seed)).toBe(true);
  expect(rest).toStrictEqual({
    rank: "auto",
    degree: "auto",
    method: "gauss-newton",
    start: "auto",
    restarts: 2,
    batches: "auto",
    link: "auto",
    ridge: "auto",
    weights: undefined,
    whiten: "auto",
    intervals: "leave-one-out",
    maxIterations: undefined,
    tolerance: 1e-6,
    deadlineMs: undefined,
    kernel: "auto",
    precision: "f64",
    threads: 1,
    shards: undefined,
    crew: undefined,
    signal: undefined,
    onProgress: undefined,
  });
  expect(fillOptions(undefined)).toMatchObject(rest);
  expect(fillOptions({ seed: undefined }).seed).not.toBe(seed);
});

const TAKEN: Readonly<Record<string, readonly unknown[]>> = {
  rank: ["auto", 0, 1, 7],
  degree: ["auto", 0, 12],
  method: ["gauss-newton", "lbfgs", "preconditioned-gradient", "gradient-flow"],
  start: ["auto", "slices", "linear-hessian", "spectral", "random", [[1], [0]]],
  restarts: [0, 5, 1e6],
  batches: ["auto", "none"],
  link: ["auto", "hermite", "kernel", "relu", map],
  ridge: ["auto", 0, 1e-3],
  weights: [[1, 2]],
  whiten: ["auto", "full", "scale", "none"],
  intervals: ["leave-one-out", "split"],
  maxIterations: [0, 100],
  tolerance: [0, 1e-9],
  deadlineMs: [0, 1e6],
  seed: [0, 2 ** 53 - 1],
  kernel: ["auto", "wasm", "reference"],
  threads: ["auto", 1, 8],
  shards: [1, 6],
  crew: [crew],
  signal: [signal],
  onProgress: [onProgress],
};

it.each(Object.entries(TAKEN))("%s: takes what it should", (name, values) => {
  for (const value of values) expect(fillOptions({ [name]: value })).toHaveProperty(name, value);
});

const REFUSED: readonly [name: string, value: unknown, code: string, words: RegExp][] = [
  ["rank", -1, "RANGE", /^rank is -1.*"auto"/],
  ["rank", 1.5, "RANGE", /^rank/],
  ["rank", "2", "TYPE", /^rank/],
  ["degree", -1, "RANGE", /^degree is -1.*"auto"/],
  ["degree", Number.NaN, "RANGE", /^degree/],
  ["method", "newton", "RANGE", /^method.*gauss-newton/],
  ["start", "anywhere", "RANGE", /^start.*slices.*a d×r basis/],
  ["start", 3, "TYPE", /^start is 3; expected a name or a d×r basis\.$/],
  ["start", null, "TYPE", /^start is null/],
  ["restarts", -1, "RANGE", /^restarts/],
  ["restarts", 1e6 + 1, "RANGE", /^restarts/],
  ["batches", "all", "RANGE", /^batches.*"none"/],
  ["link", "cubic", "RANGE", /^link.*hermite.*a feature map/],
  ["link", null, "TYPE", /^link/],
  ["link", { value: () => 0 }, "TYPE", /^link\.derivative/],
  ["link", { derivative: () => 0 }, "TYPE", /^link\.value/],
  ["ridge", -1e-9, "RANGE", /^ridge.*"auto"/],
  ["ridge", "none", "TYPE", /^ridge/],
  ["whiten", "yes", "RANGE", /^whiten.*"full", "scale"/],
  ["intervals", "all", "RANGE", /^intervals.*"split"/],
  ["maxIterations", -1, "RANGE", /^maxIterations/],
  ["tolerance", -1, "RANGE", /^tolerance/],
  ["deadlineMs", -1, "RANGE", /^deadlineMs/],
  ["seed", -1, "RANGE", /^seed/],
  ["seed", 0.5, "RANGE", /^seed/],
  ["kernel", "gpu", "RANGE", /^kernel.*"reference"/],
  ["threads", 0, "RANGE", /^threads.*"auto"/],
  ["threads", "many", "TYPE", /^threads/],
  ["shards", 0, "RANGE", /^shards/],
  ["crew", {}, "TYPE", /^crew\.open/],
  ["crew", null, "TYPE", /^crew\.open/],
  ["signal", {}, "TYPE", /^signal/],
  ["onProgress", 1, "TYPE", /^onProgress/],
];

describe("refuses", () => {
  it.each(REFUSED)("%s: %j as %s", (name, value, code, words) => {
    expect(codeOf(() => fillOptions({ [name]: value }))).toBe(code);
    expect(() => fillOptions({ [name]: value })).toThrow(words);
  });

  it("names that it does not know, with the nearest one", () => {
    expect(codeOf(() => fillOptions({ rnak: 2 }))).toBe("UNKNOWN");
    expect(() => fillOptions({ rnak: 2 })).toThrow(/fitMultiIndex.*rnak.*rank|rnak.*rank/);
  });

  it("more features than there is room for, whichever of rank and degree is given", () => {
    expect(codeOf(() => fillOptions({ rank: 20, degree: 20 }))).toBe("TOO_LARGE");
    expect(codeOf(() => fillOptions({ rank: 20 }))).toBe("nothing thrown");
    expect(codeOf(() => fillOptions({ degree: 20 }))).toBe("nothing thrown");
  });
});
