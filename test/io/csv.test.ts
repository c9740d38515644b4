/** CSV tables: what is read, which columns are chosen, what is written. Refusals are in test/faults/files.test.ts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { csvText, openTable, readCsv, readCsvText, selectColumns, writeCsv } from "../../src/io/index.js";

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
  ])("%s", async (_, text) => {
    expect(await readCsvText(text)).toMatchObject(expected);
  });
  test("names may hold separators and line ends when quoted", async () => {
    expect((await readCsvText('"a,b","c\nd"\n1,2\n')).columns).toEqual(["a,b", "c\nd"]);
  });
  test("only wanted columns have to be numbers", async () => {
    const table = await readCsvText("id,a,note,b\nx1,1,good,2\nx2,3,,4\n", { columns: ["b", "a", "absent"] });
    expect(table).toMatchObject({
      columns: ["a", "b"],
      header: ["id", "a", "note", "b"],
      data: Float64Array.of(1, 2, 3, 4),
    });
  });
  test("every double survives writing and reading", async () => {
    const doubles = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(doubles, async (values) => {
        // -0 is the one double whose shortest text loses a bit.
        const back = (await readCsvText(csvText({ v: values }))).data;
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
});

describe("selectColumns", () => {
  const data = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const table = { columns: ["a", "b", "y", "f"], header: ["a", "b", "y", "f"], rows: 2, data, source: "t.csv" };
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

describe("streams", () => {
  /** Two million characters and more, with line ends and separators in quotes at places that no piece of text respects. */
  const long = (rows: number, eol: string): string =>
    [
      'x,"a ""name"", and more",y',
      ...Array.from({ length: rows }, (_, i) => `${i},"line ${i}${eol}with ""quotes"", commas",${i / 3}`),
    ].join(eol);

  test.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
  ])("records with %s come whole, whatever pieces the text is read in", async (_, eol) => {
    const text = long(50_000, eol);
    const table = await openTable(new TextEncoder().encode(text));
    expect(table).toMatchObject({ format: "csv", rows: undefined });
    expect(table.columns.map(({ name }) => name)).toEqual(["x", 'a "name", and more', "y"]);
    let row = 0;
    let blocks = 0;
    for await (const { data, rows, columns } of table.select(["y", "x"])) {
      expect([columns, data.length]).toEqual([2, 2 * rows]);
      for (let i = 0; i < rows; i++, row++)
        if (data[2 * i] !== row / 3 || data[2 * i + 1] !== row) throw new Error(`row ${row}`);
      blocks++;
    }
    expect(row).toBe(50_000);
    expect(blocks).toBeGreaterThan(1);
  });

  test("a bad cell far behind has its line, lines inside quotes counted", async () => {
    const text = `${long(30_000, "\n")}\n1,x,oops\n`;
    const table = await openTable(new TextEncoder().encode(text), { name: "t.csv" });
    await expect(table.read({ target: "y", columns: ["x"] })).rejects.toMatchObject({
      code: "FORMAT",
      message: 't.csv line 60002: column "y" (3) is "oops"; expected a number.',
      details: { source: "t.csv", line: 60002, column: "y" },
    });
  });

  test("a lone quote inside a cell is a character; one that opens a cell and never closes is refused with its line", async () => {
    const table = await openTable(new TextEncoder().encode('size,v\n5" pipe,1\n6" pipe,2\n'));
    expect((await table.read({ columns: ["v"] })).X.data).toEqual(Float64Array.of(1, 2));
    const open = await openTable(new TextEncoder().encode('size,v\n5,1\n"6 pipe,2\n3,4\n'), { name: "t.csv" });
    await expect(open.read({ columns: ["v"] })).rejects.toThrow("t.csv line 3: a quoted cell is never closed.");
  });

  test("cut anywhere, the records are those of the whole text", async () => {
    const { recordsOf } = await import("../../src/io/csvRecords.js");
    const cell = fc.constantFrom("1", "22", '"a"', '"b,c"', '"d\ne"', '"f""g"', 'h"i', "j", "k l", '""');
    const table = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 });
    const collect = async (pieces: readonly string[]): Promise<[string[][], number[]]> => {
      const cells: string[][] = [];
      const lines: number[] = [];
      for await (const batch of recordsOf(
        (async function* () {
          yield* pieces;
        })(),
        "t",
        ",",
      )) {
        batch.cells.forEach((record, i) => {
          cells.push([...record]);
          lines.push(batch.lineOf(i));
        });
      }
      return [cells, lines];
    };
    await fc.assert(
      fc.asyncProperty(table, fc.array(fc.nat(60), { maxLength: 5 }), async (rows, cuts) => {
        const text = rows.map((row) => `${row.join(",")}\n`).join("");
        const places = [...new Set(cuts.map((cut) => Math.min(cut, text.length)))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, k) => text.slice(from, [...places, text.length][k]));
        expect(await collect(pieces)).toEqual(await collect([text]));
        expect((await collect([text]))[0]).toHaveLength(rows.length);
      }),
    );
  });
});
