/** Tables of many shapes by independent writers, read again: row groups, pages, encodings, gaps, batches larger than one read. */
import {
  columnFromArray,
  float32,
  float64,
  int8,
  int64,
  tableFromColumns,
  tableToIPC,
  uint32,
} from "@uwdata/flechette";
import * as fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import { openTable } from "../../src/io/index.js";
import { collect, watchedBlob } from "./golden.js";

const double = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -3, max: 3 }));
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const safe = fc.maxSafeInteger();
const KINDS = [
  { type: "DOUBLE", values: double, encodings: ["PLAIN", "BYTE_STREAM_SPLIT", undefined] },
  { type: "FLOAT", values: fc.float({ noNaN: true, noDefaultInfinity: true }), encodings: ["PLAIN", undefined] },
  { type: "INT32", values: int32, encodings: ["PLAIN", "DELTA_BINARY_PACKED", undefined] },
  { type: "INT64", values: safe.map(BigInt), encodings: ["PLAIN", "DELTA_BINARY_PACKED", undefined] },
  { type: "BOOLEAN", values: fc.boolean(), encodings: ["PLAIN", "RLE", undefined] },
] as const;

const columns = fc.integer({ min: 1, max: 90 }).chain((rows) =>
  fc.array(
    fc.constantFrom(...KINDS).chain(({ type, values, encodings }) =>
      fc.record({
        type: fc.constant(type),
        // Few distinct values make dictionaries.
        data: fc.oneof(
          fc.array(values as fc.Arbitrary<unknown>, { minLength: rows, maxLength: rows }),
          fc
            .array(fc.constantFrom<unknown>(0, 1), { minLength: rows, maxLength: rows })
            .map((bits) =>
              bits.map((bit) => (type === "BOOLEAN" ? bit === 1 : type === "INT64" ? BigInt(bit as number) : bit)),
            ),
        ),
        encoding: fc.constantFrom<string | undefined>(...encodings),
        nullable: fc.boolean(),
      }),
    ),
    { minLength: 1, maxLength: 4 },
  ),
);

test("Parquet of any shape", async () => {
  const shape = fc.record({
    rowGroupSize: fc.integer({ min: 1, max: 40 }),
    pageSize: fc.integer({ min: 1, max: 200 }),
  });
  const codec = fc.constantFrom("SNAPPY" as const, "UNCOMPRESSED" as const);
  await fc.assert(
    fc.asyncProperty(columns, shape, codec, async (list, options, codec) => {
      const columnData = list.map((column, j) => ({ name: `c${j}`, ...column })) as never;
      const table = await openTable(parquetWriteBuffer({ columnData, codec, ...options }));
      const wanted = list.map(({ data }, j) => [`c${j}`, data.map((value) => Number(value))]);
      expect(table.rows).toBe(list[0].data.length);
      expect((await collect(table)).values).toEqual(Object.fromEntries(wanted));
    }),
    { numRuns: 150 },
  );
});

test("a null in Parquet of any shape is found at its row", async () => {
  const place = fc.integer({ min: 1, max: 200 }).chain((rows) => fc.tuple(fc.constant(rows), fc.nat(rows - 1)));
  await fc.assert(
    fc.asyncProperty(
      place,
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 90 }),
      async ([rows, gap], group, pageSize) => {
        const data = Array.from({ length: rows }, (_, i) => (i === gap ? null : i / 3));
        const bytes = parquetWriteBuffer({
          columnData: [{ name: "a", data, type: "DOUBLE" }],
          rowGroupSize: group,
          pageSize,
        });
        await expect(collect(await openTable(bytes))).rejects.toMatchObject({
          code: "FORMAT",
          details: { row: gap + 1, part: `row group ${Math.floor(gap / group) + 1}`, column: "a" },
        });
      },
    ),
    { numRuns: 60 },
  );
});

test("an Arrow batch larger than one read comes in slices, each column by its own ranges", async () => {
  const rows = 300_000;
  const list = <T>(value: (i: number) => T): T[] => Array.from({ length: rows }, (_, i) => value(i));
  const names = ["flag", "small", "single", "count", "big", "x"];
  const rules = [
    (i: number) => Number(i % 3 === 0),
    (i: number) => (i % 200) - 100,
    (i: number) => Math.fround(i / 7),
    (i: number) => 2 ** 32 - 1 - i,
    (i: number) => i * 2 ** 30 - 2 ** 40,
    (i: number) => i / 3,
  ];
  const bytes = tableToIPC(
    tableFromColumns({
      flag: columnFromArray(list((i) => i % 3 === 0)),
      small: columnFromArray(list(rules[1]), int8()),
      single: columnFromArray(list(rules[2]), float32()),
      count: columnFromArray(list(rules[3]), uint32()),
      big: columnFromArray(
        list((i) => BigInt(rules[4](i))),
        int64(),
      ),
      x: columnFromArray(list(rules[5]), float64()),
      gap: columnFromArray(
        list((i) => (i === 270_001 ? null : i)),
        float64(),
      ),
    }),
    { format: "file" },
  ) as Uint8Array;
  const { blob, ranges } = watchedBlob(bytes);
  const table = await openTable(blob, { name: "big.arrow" });
  let row = 0;
  for await (const block of table.select(names)) {
    for (let i = 0; i < block.rows; i++, row++) {
      for (let k = 0; k < names.length; k++)
        if (block.data[i * names.length + k] !== rules[k](row)) throw new Error(`${names[k]} of row ${row}`);
    }
  }
  expect(row).toBe(rows);
  expect(Math.max(...ranges.map(([from, to]) => to - from))).toBe(2 ** 20);
  await expect(collect(table, ["gap"])).rejects.toThrow(/row 270002 \(record batch 1\): column "gap" \(7\) is null/);
});

test("a large Parquet row group is read in ranges, never as a whole", async () => {
  const data = Float64Array.from({ length: 300_000 }, (_, i) => i / 7);
  const columnData = ["a", "b"].map((name) => ({ name, data, type: "DOUBLE" as const, encoding: "PLAIN" as const }));
  const options = { codec: "UNCOMPRESSED" as const, rowGroupSize: data.length, pageSize: 1 << 16 };
  const { blob, ranges } = watchedBlob(new Uint8Array(parquetWriteBuffer({ columnData, ...options })));
  const table = await openTable(blob, { name: "big.parquet" });
  const { values } = await collect(table, ["b"]);
  expect(values.b).toEqual(Array.from(data));
  expect(Math.max(...ranges.map(([from, to]) => to - from))).toBeLessThanOrEqual(2 ** 19);
  expect(ranges.reduce((sum, [from, to]) => sum + to - from, 0)).toBeLessThan(1.5 * 8 * data.length);
});
