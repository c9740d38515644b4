/** `leapflow bench`: keys, contenders that computed the same, wrong flags. Never how fast. */
import { expect, it } from "vitest";
import { leapflow } from "./run.js";

it("bench --quick --json gives ratios against the reference kernel and ml-matrix", async () => {
  const { code, stdout, stderr } = await leapflow(["bench", "--quick", "--json"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { ratios, rows, kernel, node } = JSON.parse(stdout);
  expect(node).toBe(process.version);
  expect(kernel).toMatchObject({ name: "wasm", threads: 1 });
  expect(rows.map(({ featureCount }: { featureCount: number }) => featureCount)).toEqual([15, 28]);
  let [reference, mlMatrix] = [1, 1];
  for (const row of rows) {
    for (const name of ["wasm", "reference", "mlMatrix"]) expect(row.milliseconds[name]).toBeGreaterThan(0);
    expect(row.ratios.reference).toBeCloseTo(row.milliseconds.reference / row.milliseconds.wasm, 12);
    expect(row.ratios.mlMatrix).toBeCloseTo(row.milliseconds.mlMatrix / row.milliseconds.wasm, 12);
    reference *= row.ratios.reference;
    mlMatrix *= row.ratios.mlMatrix;
  }
  expect(ratios.reference).toBeCloseTo(Math.sqrt(reference), 9);
  expect(ratios.mlMatrix).toBeCloseTo(Math.sqrt(mlMatrix), 9);
}, 60_000);

it("bench refuses what it does not know", async () => {
  const { code, stderr } = await leapflow(["bench", "--fast"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--fast/);
});
