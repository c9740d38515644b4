/** Rows that threads and members share. */
import { Matrix } from "ml-matrix";
import { expect, test } from "vitest";
import { shareRows } from "../../src/cluster/rowData.js";
import { rowsInBlocks } from "../../src/index.js";
import { errorOf } from "../faults/problem.js";

const X = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const data = Float64Array.from(X.flat());
const y = [7, 8, 9];

test("every form that a fit takes is taken, and is the same in shared memory", async () => {
  const forms = [X, new Matrix(X), { data, rows: 3, columns: 2 }, rowsInBlocks({ data, rows: 3, columns: 2 }, 2)];
  for (const form of forms) {
    const rows = await shareRows({ X: form, y });
    expect(rows).toMatchObject({ rows: 3, columns: 2, data, y: Float64Array.from(y) });
    expect([rows.data.buffer, rows.y.buffer]).toEqual([expect.any(SharedArrayBuffer), expect.any(SharedArrayBuffer)]);
  }
  expect(Array.from(data)).toEqual(X.flat());
});

test("names stay, and what is shared already is not copied", async () => {
  const shared = new Float64Array(new SharedArrayBuffer(48));
  const rows = await shareRows({ X: { data: shared, rows: 3, columns: 2, names: ["a", "b"] } as never, y });
  expect(rows.names).toEqual(["a", "b"]);
  expect(rows.data).toBe(shared);
});

test.each([
  ["nothing", undefined, "TYPE", /^data is undefined/],
  ["no X", { y }, "TYPE", /data\.X/],
  ["a text as y", { X, y: "y" }, "TYPE", /data\.y/],
  ["too few responses", { X, y: [1] }, "SHAPE", /data\.y has 1 entries/],
  ["no rows", { X: [], y: [] }, "EMPTY", /data\.X/],
])("%s", async (_, given, code, message) => {
  const error = await errorOf(() => shareRows(given as never));
  expect(error).toMatchObject({ name: "InputError", code });
  expect(error.message).toMatch(message);
});
