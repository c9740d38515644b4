/** Parquet: every codec, page version and encoding of numbers as pyarrow writes them, and what is refused. */
import { describe, expect, test } from "vitest";
import { openTable } from "../../src/io/index.js";
import { collect, expected, golden, goldenBytes, N, RULES, watchedBlob } from "./golden.js";

const FEW = ["f64", "f32", "i32", "i64", "flag", "dec9", "levels"];

describe("values", () => {
  test("every type of number, over three row groups of many pages", async () => {
    const table = await openTable(golden("all.parquet"));
    expect(table).toMatchObject({ format: "parquet", rows: N });
    const names = Object.keys(RULES);
    const { values, blocks } = await collect(table, names);
    expect(values).toEqual(expected(names));
    expect(blocks).toEqual([150, 150, 100]);
  });
  test.each([
    "none.parquet",
    "gzip.parquet",
    "brotli.parquet",
    "zstd.parquet",
    "lz4.parquet",
    "pages2.parquet",
    "indexed.parquet",
    "required.parquet",
  ])("%s", async (name) => {
    const table = await openTable(golden(name));
    expect(table.columns.map((column) => column.name)).toEqual(FEW);
    expect((await collect(table)).values).toEqual(expected(FEW));
  });
  test("encodings.parquet: split and delta-coded pages", async () => {
    const names = ["f64", "f32", "i32", "i64"];
    expect((await collect(await openTable(golden("encodings.parquet")))).values).toEqual(expected(names));
  });
  test("without Node's decompressors the libraries give the same", async () => {
    const saved = process.getBuiltinModule;
    try {
      Object.assign(process, { getBuiltinModule: undefined });
      for (const codec of ["gzip", "brotli", "zstd", "lz4"]) {
        const table = await openTable(goldenBytes(`${codec}.parquet`));
        expect((await collect(table)).values).toEqual(expected(FEW));
      }
    } finally {
      Object.assign(process, { getBuiltinModule: saved });
    }
  });
  test("columns come in the order asked for, and names are only names", async () => {
    const table = await openTable(golden("names.parquet"));
    const names = ["y", "__proto__", "toString", "constructor", "ünï.code"];
    const { X, y } = await table.read({ columns: names.slice(1), target: "y" });
    expect(X.names).toEqual(names.slice(1));
    expect([...X.data]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    expect(y).toEqual(Float64Array.of(1, 2, 3));
    expect(({} as Record<string, unknown>).y).toBeUndefined();
  });
});

describe("columns", () => {
  test("types are told, and which of them are numbers", async () => {
    const { columns } = await openTable(golden("all.parquet"));
    const refused = columns.filter(({ numeric }) => numeric === false).map(({ name, type }) => `${name} ${type}`);
    expect(refused).toEqual([
      "text STRING",
      "kind STRING",
      "bytes BYTE_ARRAY",
      "day DATE",
      "time TIME",
      "when TIMESTAMP",
      "list LIST",
      "struct STRUCT",
      "nothing NULL",
    ]);
    expect(columns.find(({ name }) => name === "u32")).toEqual({ name: "u32", type: "UINT_32", numeric: true });
  });
  test.each(["text", "kind", "bytes", "day", "time", "when", "list", "struct", "nothing"])(
    "%s is refused by name before anything is read",
    async (name) => {
      const table = await openTable(golden("all.parquet"));
      const message = expect.stringMatching(
        new RegExp(`has column "${name}" \\(\\d+\\) of type \\w+; expected numbers`),
      );
      const refusal = expect.objectContaining({ code: "FORMAT", message });
      expect(() => table.select(["f64", name])).toThrow(refusal);
      await expect(table.read({ target: name, columns: ["f64"] })).rejects.toEqual(refusal);
    },
  );
  test("only the pages of chosen columns are read", async () => {
    const bytes = goldenBytes("none.parquet");
    const { blob, ranges } = watchedBlob(bytes);
    const table = await openTable(blob, { format: "parquet" });
    ranges.length = 0;
    await collect(table, ["f32"]);
    const read = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
    expect(read).toBeGreaterThanOrEqual(4 * N);
    expect(read).toBeLessThan(bytes.length / 4);
  });
});

describe("refusals", () => {
  test.each([
    ["gap", 257, 2, "is null"],
    ["nan", 334, 3, "is NaN"],
    ["infinite", 6, 1, "is -Infinity"],
    ["inexact", 311, 3, "is 9007199254740993, an integer that a double cannot hold"],
    ["empty", 1, 1, "is null"],
  ])("%s: row %i, row group %i", async (name, row, group, words) => {
    for (const file of ["gaps.parquet", "gaps2.parquet"]) {
      const table = await openTable(golden(file));
      const error = await collect(table, ["ok", name]).catch((cause) => cause);
      expect(error).toMatchObject({ name: "FormatError", code: "FORMAT" });
      expect(error.details).toEqual({ source: golden(file), row, part: `row group ${group}`, column: name });
      expect(error.message).toContain(`${file} row ${row} (row group ${group}): column "${name}"`);
      expect(error.message).toContain(words);
    }
  });
  test("a column beside the bad one is read", async () => {
    const table = await openTable(golden("gaps.parquet"));
    const { values } = await collect(table, ["ok", "exact"]);
    expect(values.exact[310]).toBe(2 ** 60);
    expect(values.ok).toEqual(Array.from({ length: N }, () => 1));
  });
  test.each([
    ["empty.parquet", "has columns but no rows"],
    ["no-columns.parquet", "has no columns"],
  ])("%s", async (name, words) => {
    const reading = openTable(golden(name)).then((table) => collect(table));
    await expect(reading).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(words) });
  });
  test("cut short anywhere, and with another footer, it is refused", async () => {
    const bytes = goldenBytes("none.parquet");
    for (const length of [1, 4, 8, 12, 1000, bytes.length - 9, bytes.length - 8, bytes.length - 1]) {
      const reading = openTable(bytes.subarray(0, length), { format: "parquet", name: "cut.parquet" });
      await expect(reading).rejects.toMatchObject({
        name: "FormatError",
        code: "FORMAT",
        message: expect.stringMatching(/^cut\.parquet is not a complete Parquet file/),
      });
    }
    const swapped = new Uint8Array(bytes);
    swapped.set(new TextEncoder().encode("PARE"), bytes.length - 4);
    await expect(openTable(swapped, { format: "parquet" })).rejects.toMatchObject({ code: "FORMAT" });
  });
  test("a damaged page names its row group and column", async () => {
    const bytes = goldenBytes("gzip.parquet");
    bytes.fill(0xff, 60, 160);
    const table = await openTable(bytes, { name: "damaged.parquet" });
    const message = expect.stringMatching(/^damaged\.parquet row group 1: column "f64" \(1\) cannot be read: /);
    await expect(collect(table)).rejects.toMatchObject({ code: "FORMAT", message });
    // The others have pages of their own.
    expect((await collect(table, ["levels"])).values).toEqual(expected(["levels"]));
  });
});
