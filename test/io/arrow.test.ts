/** Arrow IPC as pyarrow writes it, file and stream: types, compression, dictionaries, and what is refused. */
import { describe, expect, test } from "vitest";
import { openTable } from "../../src/io/index.js";
import { decodeLz4Frame } from "../../src/io/lz4Frame.js";
import { collect, expected, golden, goldenBytes, N, RULES, watchedBlob } from "./golden.js";

const FEW = ["f64", "f32", "i32", "i64", "flag", "dec9", "levels"];

describe("values", () => {
  test.each(["all.arrow", "all.arrows"])("%s: every type of number, over three record batches", async (name) => {
    const table = await openTable(golden(name));
    expect(table).toMatchObject({ format: "arrow", rows: N });
    const names = Object.keys(RULES);
    const { values, blocks } = await collect(table, names);
    expect(values).toEqual(expected(names));
    expect(blocks).toEqual([150, 150, 100]);
  });
  test.each(["lz4.feather", "zstd.feather", "legacy.arrow"])("%s", async (name) => {
    expect((await collect(await openTable(golden(name)))).values).toEqual(expected(FEW));
  });
  test("LZ4 blocks that refer to the ones before them", async () => {
    const { values } = await collect(await openTable(golden("blocks.feather")));
    expect(values).toEqual({ x: Array.from({ length: 20000 }, (_, i) => (i % 5000) * 0.5) });
  });
  test.each([
    ["replaced.arrows", [0.5, 1.5, 0.5, 1.5, 2.5, 9.5]],
    ["delta.arrows", [0.5, 1.5, 0.5, 1.5, 2.5]],
    ["delta.arrow", [0.5, 1.5, 0.5, 1.5, 2.5]],
  ])("%s: a dictionary of numbers", async (name, coded) => {
    const { values } = await collect(await openTable(golden(name)));
    expect(values).toEqual({ coded, x: coded.map((_, i) => i) });
  });
  test.each(["layouts.arrow", "layouts-zstd.arrows"])("%s: columns behind one of every other layout", async (name) => {
    const table = await openTable(golden(name));
    const numeric = table.columns.filter((column) => column.numeric === true).map((column) => column.name);
    expect(numeric).toEqual(["dec32", "dec64", "dec256", "coded", "gap", "gap_in_dictionary", "last"]);
    const rules: Record<string, (i: number) => number> = {
      last: (i) => i / 2,
      coded: (i) => [0.5, -1.5, 1e9][i % 3],
      dec32: RULES.dec9,
      dec64: RULES.dec18,
      dec256: RULES.dec38,
    };
    const { values } = await collect(table, Object.keys(rules));
    const wanted = Object.entries(rules).map(([one, rule]) => [one, Array.from({ length: 40 }, (_, i) => rule(i))]);
    expect(values).toEqual(Object.fromEntries(wanted));
    await expect(collect(table, ["gap"])).rejects.toThrow(/row 4 \(record batch 1\): column "gap" \(20\) is null/);
    await expect(collect(table, ["gap_in_dictionary"])).rejects.toThrow(/row 2 \(record batch 1\).*is null/);
    for (const { name: other, type } of table.columns.filter((column) => column.numeric === false))
      expect(() => table.select([other])).toThrow(`of type ${type}; expected numbers`);
  });
  test("names are only names", async () => {
    const { X, y } = await (await openTable(golden("names.arrow"))).read({
      columns: ["__proto__"],
      target: "constructor",
    });
    expect([X.data, y]).toEqual([Float64Array.of(1, 2, 3), Float64Array.of(1, 2, 3)]);
  });
  test("a stream is known by its first bytes, and one that just ends is complete", async () => {
    const bytes = goldenBytes("all.arrows");
    // The mark of the end is optional: a writer may simply close.
    for (const given of [bytes, bytes.subarray(0, bytes.length - 8)]) {
      const table = await openTable(given);
      expect(table.format).toBe("arrow");
      expect((await collect(table, ["f32"])).values).toEqual(expected(["f32"]));
    }
  });
});

describe("columns", () => {
  test("types are told, and which of them are numbers", async () => {
    const { columns } = await openTable(golden("all.arrow"));
    const refused = columns.filter(({ numeric }) => numeric === false).map(({ name, type }) => `${name}: ${type}`);
    expect(refused).toEqual([
      "text: Utf8",
      "kind: Dictionary of Utf8",
      "bytes: Binary",
      "day: Date",
      "time: Time",
      "when: Timestamp",
      "span: Duration",
      "list: List",
      "struct: Struct",
      "nothing: Null",
    ]);
  });
  test("only the buffers of chosen columns are read, one record batch after the other", async () => {
    const bytes = goldenBytes("all.arrow");
    const { blob, ranges } = watchedBlob(bytes);
    const table = await openTable(blob, { format: "arrow" });
    expect(Math.max(...ranges.map(([from, to]) => to - from))).toBeLessThan(bytes.length / 10);
    ranges.length = 0;
    for await (const { rows } of table.select(["f64"])) {
      expect(rows).toBe(150);
      break;
    }
    // The header of the batch, and 150 doubles.
    expect(ranges.filter(([from, to]) => to - from === 1200)).toHaveLength(1);
    expect(ranges.reduce((sum, [from, to]) => sum + to - from, 0)).toBeLessThan(bytes.length / 10);
  });
});

describe("refusals", () => {
  test.each([
    ["gap", 257, 2, "is null"],
    ["nan", 334, 3, "is NaN"],
    ["infinite", 6, 1, "is -Infinity"],
    ["inexact", 311, 3, "is 9007199254740993, an integer that a double cannot hold"],
    ["empty", 1, 1, "is null"],
  ])("%s: row %i, record batch %i", async (name, row, batch, words) => {
    const table = await openTable(golden("gaps.arrow"));
    const error = await collect(table, ["ok", name]).catch((cause) => cause);
    expect(error).toMatchObject({ name: "FormatError", code: "FORMAT" });
    expect(error.details).toEqual({ source: golden("gaps.arrow"), row, part: `record batch ${batch}`, column: name });
    expect(error.message).toContain(words);
  });
  test("a file with no rows", async () => {
    await expect(collect(await openTable(golden("empty.arrow")))).rejects.toThrow(/has columns but no rows/);
  });
  test("cut short in a message, or a file without its end, it is refused", async () => {
    for (const name of ["all.arrow", "all.arrows"]) {
      const bytes = goldenBytes(name);
      for (const length of [4, 7, 9, 30, 1000, Math.floor(bytes.length / 2)]) {
        const reading = openTable(bytes.subarray(0, length), { format: "arrow", name });
        await expect(reading.then((table) => collect(table, ["f64"]))).rejects.toMatchObject({
          name: "FormatError",
          code: "FORMAT",
          message: expect.stringContaining(name),
        });
      }
    }
  });
  test("big-endian numbers are refused, not read wrongly", async () => {
    // A stream of one message, by the flatbuffer schema: Message { version, header: Schema { endianness: 1, fields: [] } }.
    const view = new DataView(new ArrayBuffer(64));
    const shorts: [at: number, value: number][] = [
      ...[12, 12, 8, 10, 4, 0].map((value, k): [number, number] => [12 + 2 * k, value]),
      ...[8, 12, 8, 4].map((value, k): [number, number] => [36 + 2 * k, value]),
      [32, 4],
      [34, 1],
      [56, 1],
    ];
    for (const [at, value] of shorts) view.setUint16(at, value, true);
    const words: [at: number, value: number][] = [
      ...[-1, 56, 16].map((value, k): [number, number] => [4 * k, value]),
      [24, 12],
      [28, 20],
      [48, 12],
      [52, 8],
    ];
    for (const [at, value] of words) view.setInt32(at, value, true);
    const big = openTable(view.buffer, { name: "big.arrow" });
    await expect(big).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining("big-endian") });
    view.setUint16(56, 0, true);
    await expect(openTable(view.buffer, { name: "big.arrow" })).rejects.toThrow(/big\.arrow has no columns/);
  });
});

describe("LZ4 frames", () => {
  const HEADER = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
  const frame = (...blocks: number[][]): Uint8Array =>
    Uint8Array.from([...HEADER, ...blocks.flatMap((b) => [b.length & 255, b.length >> 8, 0, 0, ...b]), 0, 0, 0, 0]);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const A = 97;

  test("literals, and a match that overlaps itself", () => {
    // 1 literal "a", then 4+3 bytes from 1 back, then the last literals "b".
    const bytes = frame([0x13, A, 1, 0, 0x10, A + 1]);
    expect(text(decodeLz4Frame(bytes, 9))).toBe("aaaaaaaab");
  });
  test("long lengths take more bytes", () => {
    const literals = Array.from({ length: 300 }, (_, i) => A + (i % 26));
    // 15 + 255 + 30 literals, then a match of 4 + 15 + 6 from 26 back.
    const bytes = frame([0xff, 255, 30, ...literals, 26, 0, 6, 0x10, A]);
    const whole = String.fromCharCode(...literals);
    expect(text(decodeLz4Frame(bytes, 326))).toBe(`${whole + whole.slice(274, 299)}a`);
  });
  test("a match into the block before", () => {
    expect(text(decodeLz4Frame(frame([0x40, A, A + 1, A + 2, A + 3], [0x00, 4, 0, 0x10, A + 4]), 9))).toBe("abcdabcde");
  });
  test("a block that is not compressed", () => {
    const bytes = Uint8Array.from([...HEADER, 2, 0, 0, 0x80, A, A, 0, 0, 0, 0]);
    expect(text(decodeLz4Frame(bytes, 2))).toBe("aa");
  });
  test.each([
    ["another magic number", Uint8Array.from([1, 2, 3, 4, 0x60, 0x40, 0x82, 0, 0, 0, 0])],
    ["a match before the start", frame([0x13, A, 2, 0, 0x10, A])],
    ["an offset of zero", frame([0x13, A, 0, 0, 0x10, A])],
    ["more literals than there are", frame([0x50, A])],
    ["more than announced", frame([0x90, ...Array(9).fill(A)], [0x10, A])],
    ["less than announced", frame([0x10, A])],
    ["no end", Uint8Array.from([...HEADER, 2, 0, 0, 0, 0x10, A])],
    ["a block longer than the frame", Uint8Array.from([...HEADER, 200, 0, 0, 0, 0x10, A, 0, 0, 0, 0])],
    ["a length without an end", frame([0xf0, 255, 255])],
  ])("%s is refused", (_, bytes) => {
    expect(() => decodeLz4Frame(bytes, 9)).toThrow();
  });
});
