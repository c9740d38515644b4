/** What studies share. */
import { describe, expect, it } from "vitest";
import { Link } from "../../src/theory/index.js";
import { checkDims, checkStudyLink, startStudy, variance } from "../../src/theory/studyTools.js";
import { codeOf } from "../support/errors.js";

describe("startStudy", () => {
  it("takes seed, signal and progress, and draws a seed where there is none", () => {
    const seen: unknown[] = [];
    const run = startStudy({ seed: 7, onProgress: (progress: unknown) => seen.push(progress) });
    run.report("fits", 2, 5);
    expect(run.seed).toBe(7);
    expect(run.signal).toBeUndefined();
    expect(seen).toEqual([{ phase: "fits", done: 2, total: 5 }]);
    expect(startStudy({ seed: 0 }).seed).toBe(0);
    const drawn = startStudy({});
    expect(Number.isSafeInteger(drawn.seed)).toBe(true);
    expect(() => drawn.report("nothing listens", 0, 1)).not.toThrow();
    const { signal } = new AbortController();
    expect(startStudy({ signal }).signal).toBe(signal);
  });

  it("refuses what is none, and does not start when it was aborted", () => {
    expect(codeOf(() => startStudy({ seed: -1 }))).toBe("RANGE");
    expect(codeOf(() => startStudy({ signal: 3 }))).toBe("TYPE");
    expect(codeOf(() => startStudy({ onProgress: 3 }))).toBe("TYPE");
    expect(() => startStudy({ onProgress: 3 })).toThrow(/^onProgress/);
    expect(() => startStudy({ signal: AbortSignal.abort(new Error("enough")) })).toThrow("enough");
  });
});

it("a link of a study has something to learn", () => {
  expect(codeOf(() => checkStudyLink(Link.parse("z1*z2")))).toBe("nothing thrown");
  expect(codeOf(() => checkStudyLink(Link.fromCoefficients([3, 0, 0], { rank: 1, degree: 2 })))).toBe("RANGE");
  expect(codeOf(() => checkStudyLink(Link.fromCoefficients([0, 0, 1e-9], { rank: 1, degree: 2 })))).toBe(
    "nothing thrown",
  );
  expect(() => checkStudyLink(Link.fromCoefficients([3], { rank: 0, degree: 0 }))).toThrow(
    /constant: there is nothing/,
  );
  for (const none of [undefined, null, "z1", {}, 3]) {
    expect(codeOf(() => checkStudyLink(none as never))).toBe("TYPE");
    expect(() => checkStudyLink(none as never)).toThrow(/^link is .*; expected a Link, such as Link\.parse/);
  }
});

it("dimensions rise", () => {
  const given = [3, 10, 11];
  const dims = checkDims(given, 3);
  expect(dims).toEqual(given);
  expect(dims).not.toBe(given);
  expect(checkDims(Int32Array.of(5, 6), 1)).toEqual([5, 6]);
  expect(checkDims([7], 1)).toEqual([7]);
  for (const none of [undefined, null, [], 5, "10,100", new DataView(new ArrayBuffer(8)), new Float64Array(0)]) {
    expect(codeOf(() => checkDims(none, 1))).toBe("TYPE");
    expect(() => checkDims(none, 1)).toThrow(/^dims is .*such as \[100, 1000\]/);
  }
  expect(codeOf(() => checkDims([2, 10], 3))).toBe("RANGE");
  expect(codeOf(() => checkDims([3.5], 3))).toBe("RANGE");
  expect(codeOf(() => checkDims([10, 10], 3))).toBe("RANGE");
  expect(() => checkDims([10, 12, 11], 3)).toThrow(/^dims\[2\] is 11 after 12; dimensions must rise\.$/);
});

it("the variance of a link leaves its mean out", () => {
  expect(variance(Link.fromCoefficients([5, 3, 4], { rank: 1, degree: 2 }))).toBe(25);
});
