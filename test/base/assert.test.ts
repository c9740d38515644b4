/** Argument checks: codes, names in messages, suggestions. */
import { expect, describe as suite, test } from "vitest";
import {
  allocateDoubles,
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  describe,
  formatBytes,
  MAX_ARRAY_BYTES,
  nearestName,
} from "../../src/base/assert.js";
import { LeapflowError, MemoryError, OptionError } from "../../src/base/errors.js";

const errorOf = (run: () => unknown): LeapflowError => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(LeapflowError);
    return error as LeapflowError;
  }
  throw new Error("nothing was thrown");
};

suite("checkOptions", () => {
  const known = ["rank", "degree", "maxIterations"];
  test("no options are an empty record, known ones come back as they are", () => {
    expect(checkOptions(undefined, known, "fit")).toEqual({});
    const options = Object.freeze({ rank: 2 });
    expect(checkOptions(options, known, "fit")).toBe(options);
  });
  test("an unknown name is refused with the nearest known one", () => {
    const error = errorOf(() => checkOptions({ degre: 3 }, known, "fit"));
    expect(error).toBeInstanceOf(OptionError);
    expect([error.code, error.details.nearest]).toEqual(["UNKNOWN", "degree"]);
    expect(error.message).toContain('"degre"');
    expect(error.message).toContain('"degree"');
  });
  test("a name close to nothing lists what is known", () => {
    expect(errorOf(() => checkOptions({ banana: 1 }, known, "fit")).message).toContain("rank, degree, maxIterations");
  });
  test.each([[null], [[1]], ["x"], [3], [new Float64Array(1)]])("%s is not an options object", (value) => {
    expect(errorOf(() => checkOptions(value, known, "fit")).code).toBe("TYPE");
  });
  test("inherited keys are nobody's options", () => {
    let keys: string[];
    // The test runner itself cannot stand such a prototype, so nothing is expected before it is clean again.
    Object.defineProperty(Object.prototype, "extra", { value: 1, enumerable: true, configurable: true });
    try {
      keys = Object.keys(checkOptions({ rank: 1 }, known, "fit"));
    } finally {
      delete (Object.prototype as { extra?: number }).extra;
    }
    expect(keys).toEqual(["rank"]);
  });
});

suite("numbers", () => {
  test.each([
    [-1, "RANGE"],
    [1.5, "RANGE"],
    [Number.NaN, "RANGE"],
    [Number.POSITIVE_INFINITY, "RANGE"],
    ["2", "TYPE"],
    [null, "TYPE"],
    [2n, "TYPE"],
  ])("integer %s is %s and the message names the option", (value, code) => {
    const error = errorOf(() => checkInteger(value, "rank", { min: 0 }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^rank is .*expected an integer ≥ 0\.$/);
  });
  test("bounds may include or exclude their ends", () => {
    expect(checkNumber(0, "ridge", { min: 0 })).toBe(0);
    expect(errorOf(() => checkNumber(0, "share", { above: 0, below: 1 })).message).toBe(
      "share is 0; expected a finite number > 0 and < 1.",
    );
    expect(errorOf(() => checkNumber(9, "ridge", { max: 8, or: '"auto"' })).message).toContain('≤ 8 or "auto"');
  });
});

test("other kinds", () => {
  expect(checkChoice("qr", "retraction", ["qr", "polar"])).toBe("qr");
  expect(errorOf(() => checkChoice("polr", "retraction", ["qr", "polar"])).message).toContain('Did you mean "polar"?');
  expect(errorOf(() => checkChoice(3, "retraction", ["qr", "polar"])).code).toBe("TYPE");
  expect(checkBoolean(false, "plot")).toBe(false);
  expect(errorOf(() => checkBoolean(0, "plot")).code).toBe("TYPE");
  expect(errorOf(() => checkFunction("f", "onProgress")).code).toBe("TYPE");
  expect(errorOf(() => checkSignal({}, "signal")).code).toBe("TYPE");
  const { signal } = new AbortController();
  expect(checkSignal(signal)).toBe(signal);
});

test("nearestName sees swapped, missing and extra letters, and gives up on strangers", () => {
  const known = ["rank", "degree", "restarts", "maxIterations"];
  expect(nearestName("rnak", known)).toBe("rank");
  expect(nearestName("restart", known)).toBe("restarts");
  expect(nearestName("max_iterations", known)).toBe("maxIterations");
  expect(nearestName("colour", known)).toBeUndefined();
  expect(nearestName("z", ["a", "b"])).toBeUndefined();
});

test("allocateDoubles refuses by arithmetic, before asking the engine", () => {
  expect(allocateDoubles(3, "X")).toEqual(new Float64Array(3));
  const error = errorOf(() => allocateDoubles(1e13, "X (10000000×1000000)"));
  expect(error).toBeInstanceOf(MemoryError);
  expect(error.code).toBe("TOO_LARGE");
  expect(error.details).toEqual({ bytesWanted: 8e13, bytesAllowed: MAX_ARRAY_BYTES });
  expect(error.message).toContain("72.76 TiB");
  expect(errorOf(() => allocateDoubles(Number.NaN, "X")).code).toBe("TOO_LARGE");
});

test("values are described without running their code", () => {
  const hostile = { toString: () => expect.unreachable() };
  expect([
    describe(hostile),
    describe(3n),
    describe("a"),
    describe(null),
    describe([1, 2]),
    describe(new Float32Array(2)),
  ]).toEqual(["an object", "3n", '"a"', "null", "an array of 2", "a Float32Array"]);
  expect(describe("x".repeat(100)).length).toBeLessThan(50);
  expect([formatBytes(12), formatBytes(1536), formatBytes(2 ** 33)]).toEqual(["12 bytes", "1.5 KiB", "8 GiB"]);
});
