/** Row sources: blocks, passes, splits. */
import { expect, test } from "vitest";
import { isRowSource, RowReader, rowsInBlocks, splitRows, takeRows } from "../../src/data/rows.js";

const dense = { data: Float64Array.from({ length: 21 }, (_, k) => k), rows: 7, columns: 3 };

test("blocks are views, cover every row once, and every iteration starts again", async () => {
  const source = rowsInBlocks(dense, 3);
  for (let pass = 0; pass < 2; pass++) {
    const sizes: number[] = [];
    for await (const block of source) {
      sizes.push(block.rows);
      expect((block.data as Float64Array).buffer).toBe(dense.data.buffer);
    }
    expect(sizes).toEqual([3, 3, 1]);
  }
});

test("isRowSource asks for an async iterator and nothing else", () => {
  expect(isRowSource(rowsInBlocks(dense))).toBe(true);
  expect([isRowSource([[1]]), isRowSource(null), isRowSource({ rows: 1, columns: 1 })]).toEqual([false, false, false]);
});

test("leaving a pass early closes the source", async () => {
  let closed = 0;
  const source = {
    columns: 1,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) yield { data: [1], rows: 1, columns: 1 };
      } finally {
        closed++;
      }
    },
  };
  for await (const block of new RowReader(source, "X").pass()) {
    expect(block.rows).toBe(1);
    break;
  }
  expect(closed).toBe(1);
});

test("takeRows copies in the order given", () => {
  expect(takeRows(dense, [2, 0]).data).toEqual(Float64Array.of(6, 7, 8, 0, 1, 2));
});

test("splitRows is a partition that depends on the seed only", () => {
  const { train, test: held, seed } = splitRows(103, 0.2, 5);
  expect([train.length, held.length, seed]).toEqual([82, 21, 5]);
  expect([...train, ...held].sort((a, b) => a - b)).toEqual(Array.from({ length: 103 }, (_, i) => i));
  expect(splitRows(103, 0.2, 5)).toEqual({ train, test: held, seed });
  expect(splitRows(103, 0.2, 6).test).not.toEqual(held);
  const drawn = splitRows(103, 0.2);
  expect(splitRows(103, 0.2, drawn.seed)).toEqual(drawn);
});

test("splitRows keeps at least one row on each side and refuses nonsense", () => {
  expect(splitRows(2, 0.01, 1).test.length).toBe(1);
  expect(splitRows(2, 0.99, 1).train.length).toBe(1);
  expect(() => splitRows(1, 0.5, 1)).toThrow(/at least 2/);
  for (const fraction of [0, 1, -0.2, Number.NaN]) expect(() => splitRows(10, fraction, 1)).toThrow(/testFraction/);
});
