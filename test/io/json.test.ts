/** JSON lines and JSON arrays of records: what is read, and what is refused with its line or record. */
import { describe, expect, test } from "vitest";
import { openTable, type TableOptions } from "../../src/io/index.js";
import { collect, golden, N } from "./golden.js";

const open = (text: string, options: TableOptions = {}) =>
  openTable(new TextEncoder().encode(text), { name: "t.jsonl", ...options });

describe("values", () => {
  test.each([
    ["lines", '{"a":1,"b":-2.5}\n{"b":1e-3,"a":4}\n', "t.jsonl"],
    [
      "lines with CRLF, blank lines and a byte order mark",
      '\ufeff{"a":1,"b":-2.5}\r\n\r\n{"b":1e-3,"a":4}',
      "t.ndjson",
    ],
    ["an array", ' [{"a":1,"b":-2.5},\n{"a":4,"b":0.001}]\n', "t.json"],
    ["lines under the name of an array", '{"a":1,"b":-2.5}\n{"a":4,"b":0.001}', "t.json"],
    ["bytes without a name", '{"a":1,"b":-2.5}\n{"a":4,"b":0.001}', "data"],
  ])("%s", async (_, text, name) => {
    expect((await collect(await open(text, { name }))).values).toEqual({ a: [1, 4], b: [-2.5, 0.001] });
  });
  test("a zipped file", async () => {
    const { values } = await collect(await openTable(golden("table.jsonl.gz")));
    expect(values).toEqual({
      a: Array.from({ length: N }, (_, i) => i),
      b: Array.from({ length: N }, (_, i) => i / 2),
    });
  });
  test("more lines than fit into one block", async () => {
    const text = Array.from({ length: 70_000 }, (_, i) => `{"a":${i},"text":"\\n ${i}"}`).join("\n");
    const { values, blocks } = await collect(await open(text), ["a"]);
    expect(blocks.length).toBeGreaterThan(1);
    expect(values.a).toEqual(Array.from({ length: 70_000 }, (_, i) => i));
  });
  test("keys are only names", async () => {
    const text = '{"__proto__":1,"constructor":2}\n{"__proto__":3,"constructor":4}';
    const { X, y } = await (await open(text)).read({ target: "__proto__" });
    expect([[...X.data], [...(y ?? [])]]).toEqual([
      [2, 4],
      [1, 3],
    ]);
    // A key that only the prototype has is a gap.
    await expect((await open('{"a":1,"toString":2}\n{"a":2}')).read()).rejects.toThrow(
      /line 2: column "toString" \(2\) is missing/,
    );
    await expect((await open('{"a":1,"__proto__":2}\n{"a":2}')).read()).rejects.toThrow(/"__proto__" \(2\) is missing/);
    expect(({} as Record<string, unknown>).constructor).toBe(Object);
  });
});

describe("refusals", () => {
  const first = '{"a":1,"b":2}\n';
  test.each([
    ["text", '{"a":1,"b":"2"}', /line 2: column "b" \(2\) is "2"; expected a number/],
    ["a gap", '{"a":1}', /line 2: column "b" \(2\) is missing/],
    ["null", '{"a":null,"b":2}', /line 2: column "a" \(1\) is null/],
    ["a truth value", '{"a":true,"b":2}', /line 2: column "a" \(1\) is true/],
    ["a list", '{"a":[1],"b":2}', /line 2: column "a" \(1\) is a list/],
    ["an object", '{"a":{"c":1},"b":2}', /line 2: column "a" \(1\) is an object/],
    ["a number beyond doubles", '{"a":1e999,"b":2}', /line 2: column "a" \(1\) is Infinity/],
    ["a key that the first line lacks", '{"a":1,"b":2,"c":3}', /line 2: the key "c" is not in the first record/],
    ["a list as record", "[1,2]", /line 2: a list; expected a record/],
    ["a number as record", "3", /line 2: 3; expected a record/],
    ["half a record", '{"a":1,', /line 2: not one complete JSON record/],
    ["two records on a line", '{"a":1,"b":2}{"a":1,"b":2}', /line 2: not one complete JSON record/],
    ["NaN, which is no JSON", '{"a":NaN,"b":2}', /line 2: not one complete JSON record/],
  ])("%s", async (_, line, words) => {
    for (const text of [first + line, `${first + line}\n${first}`]) {
      const error = await collect(await open(text)).catch((cause) => cause);
      expect(error).toMatchObject({ name: "FormatError", code: "FORMAT", details: { source: "t.jsonl", line: 2 } });
      expect(error.message).toMatch(words);
    }
  });
  test("a key that the first line lacks does not matter to chosen columns", async () => {
    const table = await open('{"a":1}\n{"a":2,"c":"x"}');
    expect((await collect(table, ["a"])).values).toEqual({ a: [1, 2] });
    await expect(table.read()).rejects.toThrow(/the key "c"/);
  });
  test.each([
    ["nothing", "", "t.json", /is empty/],
    ["blanks", " \n\n", "t.json", /is empty/],
    ["blank lines", "\n\n", "t.jsonl", /has no records/],
    ["an empty array", "[]", "t.json", /has no records/],
    ["half an array", '[{"a":1},', "t.json", /is not complete JSON/],
    ["an array of lists", "[[1,2]]", "t.json", /row 1: a list; expected a record/],
    ["a record without keys", "{}", "t.json", /without keys/],
    ["another document", '"abc"', "t.json", /line 1: "abc"; expected a record/],
    ["a record over many lines", '{\n"a": 1\n}', "t.json", /line 1: not one complete JSON record/],
  ])("%s", async (_, text, name, words) => {
    const reading = open(text, { name }).then((table) => collect(table));
    await expect(reading).rejects.toMatchObject({
      name: "FormatError",
      code: "FORMAT",
      message: expect.stringMatching(words),
    });
  });
  test("a record of an array is named by its number", async () => {
    const table = await open('[{"a":1},{"a":"x"}]', { name: "t.json" });
    await expect(table.read()).rejects.toMatchObject({
      message: 't.json row 2: column "a" (1) is "x"; expected a number.',
      details: { source: "t.json", row: 2, column: "a" },
    });
  });
});
