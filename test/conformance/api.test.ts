/** Promises of the public surface as a whole. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as leapflow from "../../src/index.js";
import * as io from "../../src/io/index.js";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

test("the version in the code is that of the package", () => {
  expect(leapflow.VERSION).toBe(manifest.version);
});

test("errors form one family with codes", () => {
  const classes = [
    leapflow.InputError,
    leapflow.OptionError,
    leapflow.NumericalError,
    leapflow.MemoryError,
    leapflow.KernelError,
    leapflow.FormatError,
  ];
  for (const Class of classes) {
    const cause = new Error("why");
    const error = new Class("SHAPE", "message", { details: { row: 1 }, cause });
    expect(error).toBeInstanceOf(leapflow.LeapflowError);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.details, error.cause]).toEqual([Class.name, "SHAPE", { row: 1 }, cause]);
  }
});

test("entries export what the contract names", () => {
  for (const name of ["fitMultiIndex", "MultiIndexModel", "Link", "LeapflowError"])
    expect(leapflow).toHaveProperty(name);
  expect(leapflow.fitMultiIndex.steps).toBeTypeOf("function");
  for (const name of ["readCsv", "readCsvText", "selectColumns", "writeCsv", "saveModel", "loadModel"])
    expect(io).toHaveProperty(name);
});

describe("row 65: hostile surroundings", () => {
  test("row 65: prototypes with extra enumerable properties change nothing", async () => {
    const X = Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i)]);
    const y = X.map((row) => row[0] * row[1]);
    const options = { rank: 1, degree: 2, seed: 1, restarts: 0 };
    const run = async () => {
      const { model } = await leapflow.fitMultiIndex(X, y, options);
      const back = leapflow.MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(model)));
      return Array.from(back.predict(X));
    };
    const reference = await run();
    let hostile: number[];
    Object.defineProperty(Object.prototype, "extra", { value: 1, enumerable: true, configurable: true });
    Object.defineProperty(Array.prototype, "more", { value: 1, enumerable: true, configurable: true });
    try {
      hostile = await run();
    } finally {
      delete (Object.prototype as { extra?: number }).extra;
      delete (Array.prototype as { more?: number }).more;
    }
    expect(hostile).toEqual(reference);
  });
});
