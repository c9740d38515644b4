/** Every row of the list of bad inputs and faults has a test and a line in the list of them. */
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

test("the list that `npm run rows` writes has every row", () => {
  const listed = [...readFileSync(ROWS_FILE, "utf8").matchAll(/^\| (\d+) \| \S/gm)].map(([, row]) => Number(row));
  expect(listed).toEqual([...testsByRow().keys()]);
  expect(rowsPage()).toMatch(/^# Tests by row\n/);
});
