/** NPY as NumPy writes it: types, orders, records, and headers by the published format that are refused. */
import { describe, expect, test } from "vitest";
import { openTable } from "../../src/io/index.js";
import { collect, golden, N, watchedBlob } from "./golden.js";

const rows = (...rules: ((i: number) => number)[]): Record<string, number[]> =>
  Object.fromEntries(rules.map((rule, j) => [`x${j + 1}`, Array.from({ length: N }, (_, i) => rule(i))]));
const f64 = (i: number): number => Math.sqrt(i) - 3.25;
const half = (i: number): number => i / 2;
const minus = (i: number): number => -i;

/** A file by NEP 1: magic, version, length of the header, header, data. */
const npy = (header: string, data: ArrayLike<number> = [], version = 1): Uint8Array => {
  const text = new TextEncoder().encode(`${header}\n`);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...length,
    ...text,
    ...Array.from(data),
  ]);
};
const header = (descr: string, shape = "(2,)", order = "False"): string =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("values", () => {
  test.each([
    ["f8.npy", rows(f64, half, minus)],
    ["f4.npy", rows((i) => Math.fround(f64(i)), half, minus)],
    ["fortran.npy", rows(f64, half, minus)],
    ["fortran-f4.npy", rows((i) => Math.fround(f64(i)), half, minus)],
    ["version2.npy", rows(f64, half, minus)],
    ["version3.npy", rows(f64, half, minus)],
    ["vector.npy", rows(f64)],
    ...["i8", "i4", "i2"].map((code): [string, Record<string, number[]>] => [
      `${code}.npy`,
      // −0 is no integer, and a cast cuts towards zero.
      rows(
        (i) => Math.trunc(f64(i)) + 0,
        (i) => Math.floor(i / 2),
        (i) => 0 - i,
      ),
    ]),
    ...["u8", "u4", "u2", "u1", "i1"].map((code): [string, Record<string, number[]>] => [
      `${code}.npy`,
      rows(
        (i) => i % 2,
        (i) => i % 100,
      ),
    ]),
    [
      "b1.npy",
      rows(
        (i) => i % 2,
        (i) => (i % 100 === 0 ? 0 : 1),
      ),
    ],
  ])("%s", async (name, values) => {
    const table = await openTable(golden(name));
    expect(table).toMatchObject({ format: "npy", rows: N });
    expect((await collect(table)).values).toEqual(values);
    const some = Object.keys(values).reverse().slice(0, 2);
    expect((await collect(table, some)).values).toEqual(Object.fromEntries(some.map((one) => [one, values[one]])));
  });
  test.each(["records.npy", "records-aligned.npy"])("%s: the fields are the columns", async (name) => {
    const table = await openTable(golden(name));
    expect(table.columns.map((column) => column.name)).toEqual(["a", "b", "name", "c", "ü"]);
    const names = ["ü", "c", "b", "a"];
    const wanted = [half, (i: number) => i * 2 ** 40, f64, (i: number) => i % 256];
    expect((await collect(table, names)).values).toEqual(
      Object.fromEntries(names.map((one, k) => [one, Array.from({ length: N }, (_, i) => wanted[k](i))])),
    );
    expect(() => table.select()).toThrow(/"name" \(3\) of type <U3/);
  });
  test("names may be given", async () => {
    const table = await openTable(golden("f8.npy"), { names: ["a", "b", "__proto__"] });
    expect((await table.read({ target: "__proto__" })).y).toEqual(Float64Array.from({ length: N }, (_, i) => -i));
    await expect(openTable(golden("f8.npy"), { names: ["a"] })).rejects.toThrow(/3 columns; 1 names were given/);
  });
  test("rows come in blocks, each from ranges of its own", async () => {
    const [count, width] = [30_000, 4];
    const data = Float64Array.from({ length: count * width }, (_, k) => k);
    for (const order of ["False", "True"]) {
      const bytes = npy(header("'<f8'", `(${count}, ${width})`, order), new Uint8Array(data.buffer));
      const { blob, ranges } = watchedBlob(bytes);
      const table = await openTable(blob, { format: "npy" });
      const { values, blocks } = await collect(table, ["x2"]);
      expect(values.x2[12345]).toBe(order === "True" ? count + 12345 : 12345 * width + 1);
      expect(blocks.length).toBeGreaterThan(3);
      expect(Math.max(...ranges.map(([from, to]) => to - from))).toBeLessThan(2 ** 20);
    }
  });
});

describe("headers", () => {
  const two = new Uint8Array(Float64Array.of(1, 2).buffer);
  test.each([
    ["keys in another order, other quotes, no last comma", `{"shape":(2,),"fortran_order":False,"descr":"<f8"}`],
    ["long integers of old Python", header("'<f8'", "(2L,)")],
    ["a list for the shape", header("'<f8'", "[2]")],
  ])("%s", async (_, text) => {
    expect((await collect(await openTable(npy(text, two)))).values).toEqual({ x1: [1, 2] });
  });
  test.each([
    ["no dictionary", "[1, 2]"],
    ["nothing", ""],
    ["a call", "__import__('os').system('true')"],
    ["a call as value", header("eval('1')")],
    ["a key missing", "{'descr': '<f8', 'shape': (2,)}"],
    ["a key too many", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}"],
    ["a key twice", "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}"],
    ["an order that is a number", header("'<f8'", "(2,)", "0")],
    ["a negative length", header("'<f8'", "(-2,)")],
    ["a length beyond all integers", header("'<f8'", "(99999999999999999999,)")],
    ["a shape that is text", header("'<f8'", "'2'")],
    ["text after the end", `${header("'<f8'")} 1`],
    ["an escape", header("'<f\\x38'")],
    ["an open string", "{'descr': '<f8"],
    ["an open dictionary", "{'descr': '<f8', "],
    ["a type without size", header("'<f'")],
    ["an unknown type", header("'<z8'")],
    ["no type", header("''")],
    ["a type that is a number", header("8")],
    ["nested lists", header(`${"[".repeat(9)}${"]".repeat(9)}`)],
    ["a dictionary that starts again and again", "{".repeat(500)],
  ])("%s is refused", async (_, text) => {
    const error = await openTable(npy(text, two), { name: "bad.npy" }).catch((cause) => cause);
    expect(error).toMatchObject({ name: "FormatError", code: "FORMAT", message: expect.stringMatching(/^bad\.npy /) });
  });
});
