/** A short budget of every fuzz target, and the findings of long runs again. The long runs: `npm run fuzz`, README.md here. */
import { expect, test } from "vitest";
import { session } from "./session.js";
import { fixtures, TARGETS } from "./targets.js";

const RUNS = 400;

test.each(Object.keys(TARGETS))("%s: inputs are read or refused with a typed error", async (name) => {
  // A seed of its own day: other inputs than the long runs saw, and the same ones in every run of the suite.
  expect(await session(name, { seed: 20, from: 0, runs: RUNS })).toBeUndefined();
});

test.each(Object.keys(TARGETS))("%s: earlier findings stay settled", async (name) => {
  const target = await TARGETS[name]();
  for (const { name: file, bytes } of fixtures(name)) {
    await target
      .run(name === "npy" || name === "arrow" || name === "parquet" ? bytes : new TextDecoder().decode(bytes))
      .catch((error) => {
        throw new Error(`${file}: ${error}`, { cause: error });
      });
  }
});
