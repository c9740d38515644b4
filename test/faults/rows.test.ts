/** Every row of the list of bad inputs and faults has a test, and the list of them is current. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ROWS_FILE, rowsPage, testsByRow } from "../../scripts/rows.js";

const LAST = 78;

test("every row has at least one test", () => {
  const rows = testsByRow();
  const missing = Array.from({ length: LAST }, (_, i) => i + 1).filter((row) => !rows.has(row));
  expect(missing).toEqual([]);
  expect([...rows.keys()].filter((row) => row > LAST)).toEqual([]);
});

test("the list of tests by row is the one that `npm run rows` writes", () => {
  expect(readFileSync(ROWS_FILE, "utf8")).toBe(rowsPage());
});
