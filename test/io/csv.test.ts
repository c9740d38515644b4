/** CSV tables: what is read, which columns are chosen, what is written. Refusals are in test/faults/files.test.ts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { csvText, readCsv, readCsvText, selectColumns, writeCsv } from "../../src/io/csv.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-csv-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const expected = { columns: ["a", "b"], rows: 2, data: Float64Array.of(1, 2.5, -3e-4, 4) };

describe("readCsvText", () => {
  test.each([
    ["plain", "a,b\n1,2.5\n-3e-4,4\n"],
    ["no last line end", "a,b\n1,2.5\n-3e-4,4"],
    ["byte order mark, CRLF, empty last lines", "\ufeffa,b\r\n1,2.5\r\n-3e-4,4\r\n\r\n\r\n"],
    ["old Mac line ends", "a,b\r1,2.5\r-3e-4,4\r"],
    ["mixed line ends", "a,b\r\n1,2.5\n-3e-4,4\r\n"],
    ["semicolons", "a;b\n1;2.5\n-3e-4;4\n"],
    ["tabs", "a\tb\n1\t2.5\n-3e-4\t4\n"],
    ["quotes and spaces", '"a", b\n"1", 2.5\n -3e-4 ,"4"\n'],
    ["plus signs and bare points", "a,b\n+1,2.5\n-.3e-3,4.\n"],
  ])("%s", (_, text) => {
    expect(readCsvText(text)).toMatchObject(expected);
  });
  test("names may hold separators and line ends when quoted", () => {
    expect(readCsvText('"a,b","c\nd"\n1,2\n').columns).toEqual(["a,b", "c\nd"]);
  });
  test("only wanted columns have to be numbers", () => {
    const table = readCsvText("id,a,note,b\nx1,1,good,2\nx2,3,,4\n", { columns: ["b", "a", "absent"] });
    expect(table).toMatchObject({
      columns: ["a", "b"],
      header: ["id", "a", "note", "b"],
      data: Float64Array.of(1, 2, 3, 4),
    });
  });
  test("every double survives writing and reading", () => {
    const doubles = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    fc.assert(
      fc.property(doubles, (values) => {
        // -0 is the one double whose shortest text loses a bit.
        const back = readCsvText(csvText({ v: values })).data;
        expect(Array.from(back)).toEqual(values.map((v) => v + 0));
      }),
    );
  });
});

describe("readCsv", () => {
  test("a .tsv file is separated by tabs even when its header is a single name", async () => {
    const path = join(folder, "one.tsv");
    writeFileSync(path, "a,b\n1\n");
    expect((await readCsv(path)).columns).toEqual(["a,b"]);
  });
  test("reads the bundled data", async () => {
    const table = await readCsv(join(import.meta.dirname, "../../data/concrete/train.csv"));
    expect([table.rows, table.columns.length, table.columns.at(-1)]).toEqual([772, 9, "y"]);
    expect(Array.from(table.data.slice(0, 9))).toEqual([149, 153, 194, 192, 8, 935, 623, 28, 24.58]);
  });
  test("540 000 cells take well under two seconds", () => {
    const row = Array.from({ length: 9 }, (_, j) => Math.sin(j + 1)).join(",");
    const text = `a,b,c,d,e,f,g,h,y\n${Array.from({ length: 60000 }, () => row).join("\n")}`;
    const started = performance.now();
    expect(readCsvText(text).rows).toBe(60000);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("selectColumns", () => {
  const table = readCsvText("a,b,y,f\n1,2,3,4\n5,6,7,8\n", { source: "t.csv" });
  test("all but the target by default, in file order", () => {
    const { X, y } = selectColumns(table, { target: "y" });
    expect(X).toEqual({ data: Float64Array.of(1, 2, 4, 5, 6, 8), rows: 2, columns: 3, names: ["a", "b", "f"] });
    expect(y).toEqual(Float64Array.of(3, 7));
  });
  test("chosen columns come in the order asked for", () => {
    expect(selectColumns(table, { target: "y", columns: ["b", "a"] }).X.data).toEqual(Float64Array.of(2, 1, 6, 5));
    expect(selectColumns(table, { columns: ["a"] }).y).toBeUndefined();
  });
  test.each([
    [{ target: "z" }, "UNKNOWN", 'target names a column "z" that t.csv does not have'],
    [{ target: "y", columns: ["a", "bb"] }, "UNKNOWN", 'Did you mean "b"?'],
    [{ target: "y", columns: ["a", "y"] }, "RANGE", "must not include the response"],
    [{ target: "y", columns: ["a", "a"] }, "RANGE", '"a" twice'],
    [{ target: "y", columns: [] }, "RANGE", "no input beside the target"],
  ])("%j is refused", (choice, code, words) => {
    expect(() => selectColumns(table, choice)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});

describe("writeCsv", () => {
  test("writes columns in full precision and leaves no temporary file", async () => {
    const path = join(folder, "out.csv");
    await writeCsv(path, { prediction: Float64Array.of(0.1, 1e300), "a,b": [1, 2] });
    expect(readFileSync(path, "utf8")).toBe('prediction,"a,b"\n0.1,1\n1e+300,2\n');
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
  test("columns of different lengths are refused", () => {
    expect(() => csvText({ a: [1], b: [1, 2] })).toThrow(/equal lengths/);
  });
});
