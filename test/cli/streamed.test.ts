/** `fit` of tables that are streamed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { leapflow, temporaryFolder } from "./run.js";

it("streams a table larger than --memory, says so, and gives the fit of one that is read whole", async () => {
  const file = join(temporaryFolder(), "rows.csv");
  const rows = Array.from({ length: 500 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${Math.sin(i) ** 2}`);
  writeFileSync(file, `a,b,y\n${rows.join("\n")}\n`);
  const args = ["fit", file, "--target", "y", "--rank", 1, "--degree", 2, "--seed", 1, "--json"];
  const whole = await leapflow(args);
  const streamed = await leapflow([...args, "--memory", 0]);
  expect([streamed.code, streamed.stderr]).toEqual([0, expect.stringMatching(/its rows are streamed/)]);
  const [a, b] = [JSON.parse(whole.stdout), JSON.parse(streamed.stdout)];
  for (const key of ["samples", "directions", "basis", "iterations", "stop", "columns"]) expect(b[key]).toEqual(a[key]);
  expect(b.metrics.rmseTrain).toBeCloseTo(a.metrics.rmseTrain, 10);
  const refused = await leapflow([...args, "--memory", 0, "--test-fraction", 0.2]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/streamed, which --test-fraction/)]);
});
