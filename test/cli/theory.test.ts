/** Commands of the theory: exponents, flow, planted, scaling; tables, JSON keys, figures, exit codes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ended, leapflow, temporaryFolder } from "./run.js";

const folder = temporaryFolder();
const json = async (...args: (string | number)[]): Promise<Record<string, never>> => {
  const { code, stdout, stderr } = await leapflow([...args, "--json"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout.endsWith("}\n")).toBe(true);
  return JSON.parse(stdout);
};
const text = async (...args: (string | number)[]): Promise<string> => {
  const { code, stdout, stderr } = await leapflow(args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};

describe("exponents", () => {
  it("JSON has the keys of the contract", async () => {
    const got = await json("exponents", "--link", "relu(z1) + relu(z2)");
    expect(Object.keys(got)).toEqual(
      expect.arrayContaining(["rank", "degree", "informationExponent", "leap", "steps", "intrinsicDimension"]),
    );
    expect(got).toMatchObject({
      rank: 2,
      degree: 10,
      informationExponent: 1,
      leap: 2,
      steps: [
        { exponent: 1, dimensions: 1 },
        { exponent: 2, dimensions: 1 },
      ],
      intrinsicDimension: 2,
    });
  });
  it("row 52: a constant has null for an exponent, and says why", async () => {
    const got = await json("exponents", "--link", "2 + 0*z1");
    expect(got).toMatchObject({ informationExponent: null, leap: null, steps: [], intrinsicDimension: 0 });
    expect(got.reason).toMatch(/constant/);
    expect(await text("exponents", "--link", "2 + 0*z1")).toMatch(/constant/);
  });
  it("--degree bounds what is seen", async () => {
    expect((await json("exponents", "--link", "abs(z1)", "--degree", 1)).informationExponent).toBeNull();
    expect((await json("exponents", "--link", "abs(z1)", "--degree", 4)).degree).toBe(4);
  });
  it("the table names directions and time laws", async () => {
    const out = await text("exponents", "--link", "relu(z1) + relu(z2)");
    expect(out).toMatch(/1 +1 +1 +log d +0\.707 z1 \+ 0\.707 z2/);
    expect(out).toMatch(/2 +2 +1 +d +0\.707 z1 − 0\.707 z2/);
    expect(await text("exponents", "--link", "z1 + z1*z2*z3")).toMatch(/2 +2 +2 +d +z2 \| z3/);
  });
});

describe("flow", () => {
  it("JSON has the keys of the contract, one row of singular values per time", async () => {
    const got = await json("flow", "--link", "z1 + z1*z2", "--dim", 100, "--seed", 2);
    for (const key of ["dim", "rank", "times", "loss", "singularValues", "escapes", "finalLoss", "stop"])
      expect(got).toHaveProperty(key);
    const { times, loss, singularValues, escapes, finalLoss, stop, dim, rank } = got as Record<string, never> & {
      times: number[];
      loss: number[];
      singularValues: number[][];
      escapes: object[];
    };
    expect([dim, rank]).toEqual([100, 2]);
    expect(loss).toHaveLength(times.length);
    expect(singularValues).toHaveLength(times.length);
    expect(singularValues[0]).toHaveLength(2);
    expect(escapes).toEqual([
      expect.objectContaining({ count: 1, predictedExponent: 1 }),
      expect.objectContaining({ count: 1, predictedExponent: 1 }),
    ]);
    expect(finalLoss).toBeLessThan(1e-8);
    expect(stop).toMatchObject({ reason: "converged", converged: true });
    expect(await json("flow", "--link", "z1 + z1*z2", "--dim", 100, "--seed", 2)).toEqual(got);
  });
  it("row 54: a horizon before the escape ends it there", async () => {
    const got = await json("flow", "--link", "h3(z1)", "--dim", 10000, "--seed", 1, "--horizon", 10);
    expect(got).toMatchObject({ stop: { reason: "horizon" }, escapes: [] });
    expect(await text("flow", "--link", "h3(z1)", "--dim", 10000, "--horizon", 10)).toMatch(
      /1 +0\.5 +3 +\(1 left\) +[\d.e+]+ +not left +d\^2/,
    );
  });
  it("the report has a line per plateau, and --plot writes a figure", async () => {
    const file = join(folder, "flow.svg");
    const out = await text("flow", "--link", "z1 + h3(z2)", "--dim", 100, "--seed", 5, "--plot", file);
    expect(out).toMatch(/1 +1 +1 +\+1 \(1 of 2\) +[\d.]+ +[\d.]+ +log d/);
    const second = out.match(/2 +0\.5 +3 +\+1 \(2 of 2\) +([\d.e+]+) +([\d.e+]+) +d\^2/);
    // The prediction for a single direction is exact to a few per cent ([MI §5]).
    expect(Math.abs(Number(second?.[1]) / Number(second?.[2]) - 1)).toBeLessThan(0.05);
    expect(out).toMatch(/ended: converged/);
    expect(readFileSync(file, "utf8")).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*z1 \+ h3\(z2\)[\s\S]*<\/svg>\n$/,
    );
  });
  it("--rank above and below the truth", async () => {
    const above = await json("flow", "--link", "z1 + h2(z2)", "--dim", 200, "--rank", 3);
    expect(above.rank).toBe(3);
    expect(above.finalLoss).toBeLessThan(1e-8);
    const below = await json("flow", "--link", "z1 + z1*z2 + z1*z2*z3", "--dim", 200, "--rank", 2);
    expect(Math.abs(below.finalLoss - 7 / 16)).toBeLessThan(1e-6);
  });
});

describe("planted", () => {
  it("JSON has the keys of the contract and no others inside", async () => {
    const got = await json("planted", "--link", "h2(z1) + 0.5*h3(z1)", "--dim", 50, "--trials", 20, "--seed", 1);
    const share = {
      trapped: expect.any(Number),
      probability: expect.any(Number),
      interval: [expect.any(Number), expect.any(Number)],
    };
    expect(got).toEqual({
      trials: 20,
      planted: share,
      joint: { ...share, trapped: 0, probability: 0 },
      dim: 50,
      seed: 1,
    });
  });
  it("the table has both flows", async () => {
    const out = await text("planted", "--link", "h2(z1)", "--dim", 50, "--trials", 5, "--seed", 1);
    expect(out).toMatch(/link known and frozen +0 of 5 +0\.0 % +0\.0 % to 43\.4 %/);
    expect(out).toMatch(/link learnt as well +0 of 5/);
  });
});

describe("scaling", () => {
  it("JSON has the keys of the contract", async () => {
    const got = await json("scaling", "--link", "h3(z1)", "--dims", "100,1000", "--trials", 3, "--seed", 1);
    for (const key of ["dims", "times", "exponent", "interval", "predicted"]) expect(got).toHaveProperty(key);
    expect(got).toMatchObject({ dims: [100, 1000], predicted: 2, trials: 3, seed: 1, flow: "two-timescale" });
    expect(Math.abs(got.exponent - 2)).toBeLessThan(0.05);
  });
  it("the table, the planted flow and a figure", async () => {
    const file = join(folder, "scaling.svg");
    const out = await text(
      "scaling",
      "--link",
      "h4(z1)",
      "--dims",
      "100,1000",
      "--trials",
      3,
      "--seed",
      1,
      "--flow",
      "planted",
      "--plot",
      file,
    );
    expect(out).toMatch(/planted flow, 3 starts, seed 1/);
    expect(out).toMatch(/100 +[\d.]+ +[\d.]+ to [\d.]+ +3 of 3/);
    expect(out).toMatch(/exponent (0\.9\d\d|1\.0\d\d) +\(95 %: .*\), theory d\^1/);
    expect(existsSync(file)).toBe(true);
  });
});

describe("wrong use ends with 2 and one line", () => {
  const cases: [string, (string | number)[], RegExp][] = [
    ["row 52: an expression that is not one", ["exponents", "--link", "z1 +* z2"], /link expression .* character 5/],
    [
      "row 52: an expression that reaches for code",
      ["exponents", "--link", "constructor.constructor('return process.exit(7)')()"],
      /link/,
    ],
    ["an unknown function", ["exponents", "--link", "sine(z1)"], /did you mean sin/],
    ["a link without variables", ["flow", "--link", "3", "--dim", 10], /no variables/],
    ["a link of no finite mean square", ["exponents", "--link", "exp(z1^2)"], /mean square/],
    ["--link missing", ["exponents"], /--link/],
    ["--dim missing", ["flow", "--link", "z1"], /--dim/],
    ["--dim that is no number", ["flow", "--link", "z1", "--dim", "many"], /dim.*many/],
    ["--degree −1", ["exponents", "--link", "z1", "--degree", "-1"], /degree/],
    ["--trials 0", ["planted", "--link", "h2(z1)", "--dim", 50, "--trials", 0], /trials/],
    ["--seed −1", ["planted", "--link", "h2(z1)", "--dim", 50, "--seed", "-1"], /seed/],
    ["--dims with a word", ["scaling", "--link", "z1", "--dims", "10,x"], /--dims/],
    ["--dims that fall", ["scaling", "--link", "z1", "--dims", "100,10"], /dims\[1\]/],
    ["--flow of another name", ["scaling", "--link", "z1", "--dims", "10,100", "--flow", "plantd"], /planted/],
    ["--horizon −1", ["flow", "--link", "z1", "--dim", 10, "--horizon", "-1"], /horizon/],
    [
      "row 69: --plot into no folder",
      ["flow", "--link", "z1", "--dim", 10, "--plot", "/no/such/folder/x.svg"],
      /x\.svg/,
    ],
    ["row 71: unknown flag", ["exponents", "--link", "z1", "--degre", 3], /degree/],
  ];
  it.each(cases)("%s", async (_name, args, says) => {
    const { code, stdout, stderr } = await leapflow([...args, "--json"]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(says);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("row 70: %s ends a study with %d", async (signal, expected) => {
    const args = [
      "scaling",
      "--link",
      "h2(z1) + h4(z2)",
      "--dims",
      "100,1000,10000,100000",
      "--trials",
      100000,
      "--seed",
      1,
    ];
    const { code, stderr } = await ended(args, signal);
    expect(code).toBe(expected);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
