/** Rows 66 to 69 of the list of bad inputs: model files, CSV files, NPY files, the disk. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Link, MultiIndexModel } from "../../src/index.js";
import { loadModel, openTable, readCsv, readCsvText, readTable, saveModel } from "../../src/io/index.js";
import { errorOf } from "./problem.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const model = new MultiIndexModel(
  {
    center: [0, 1, 2],
    directions: [1, 0, 0, 2, 0, 0],
    basis: [1, 0, 0, 1, 0, 0],
    gradientMoment: [1, 0, 0, 1],
    columnScale: [1, 1, 1],
    columns: ["a", "b", "c"],
  },
  Link.fromCoefficients([1, 2, 3, 4, 5, 6], { rank: 2, degree: 2 }),
);
// biome-ignore lint/suspicious/noExplicitAny: the tests break every type on purpose
type Json = any;
const stored = (): Json => JSON.parse(JSON.stringify(model));

describe("row 66: stored models", () => {
  const damages: [string, string, (json: Json) => unknown][] = [
    ["not an object", "$", () => "model"],
    ["null", "$", () => null],
    ["an array", "$", () => []],
    ["another document", "$.format", () => ({ hello: [1, 2] })],
    ["no version", "$.version", (json) => ({ ...json, version: undefined })],
    ["version 0", "$.version", (json) => ({ ...json, version: 0 })],
    ["dim a string", "$.dim", (json) => ({ ...json, dim: "3" })],
    ["rank above dim", "$.rank", (json) => ({ ...json, rank: 4 })],
    ["center with null", "$.center[1]", (json) => ({ ...json, center: [0, null, 2] })],
    ["center too short", "$.center", (json) => ({ ...json, center: [0, 1] })],
    ["NaN from a structured clone", "$.center[0]", (json) => ({ ...json, center: [Number.NaN, 1, 2] })],
    ["directions missing", "$.directions", (json) => ({ ...json, directions: undefined })],
    ["a row of directions too short", "$.directions[2]", (json) => ({ ...json, directions: [[1, 0], [0, 2], [0]] })],
    ["a row of basis missing", "$.basis", (json) => ({ ...json, basis: json.basis.slice(1) })],
    [
      "basis not orthonormal",
      "$.basis",
      (json) => ({
        ...json,
        basis: [
          [1, 0],
          [1e-6, 1],
          [0, 0],
        ],
      }),
    ],
    ["gradientMoment of another rank", "$.gradientMoment", (json) => ({ ...json, gradientMoment: [[1]] })],
    ["negative spread", "$.columnScale[2]", (json) => ({ ...json, columnScale: [1, 1, -1] })],
    ["columns that are numbers", "$.columns", (json) => ({ ...json, columns: [1, 2, 3] })],
    ["target a number", "$.target", (json) => ({ ...json, target: 3 })],
    ["no link", "$.link", (json) => ({ ...json, link: null })],
    ["link of another family", "$.link.family", (json) => ({ ...json, link: { ...json.link, family: "magic" } })],
    [
      "link with null",
      "$.link.coefficients[5]",
      (json) => ({ ...json, link: { ...json.link, coefficients: [1, 2, 3, 4, 5, null] } }),
    ],
    ["link too short", "$.link.coefficients", (json) => ({ ...json, link: { ...json.link, coefficients: [1] } })],
    ["link of another degree", "$.link.degree", (json) => ({ ...json, degree: 1 })],
  ];
  test.each(damages)("row 66: %s", async (_, path, damage) => {
    const error = await errorOf(() => MultiIndexModel.fromJSON(damage(stored())));
    expect(error).toMatchObject({ name: "FormatError", code: "FORMAT", details: { path } });
    expect(error.message).toContain(path);
  });
  test("row 66: a newer version names the release that reads it", async () => {
    const error = await errorOf(() => MultiIndexModel.fromJSON({ ...stored(), version: 7, release: "3.2.0" }));
    expect(error).toMatchObject({ name: "FormatError", code: "VERSION" });
    expect(error.message).toMatch(/version 7.*leapflow 3\.2\.0/);
    expect((await errorOf(() => MultiIndexModel.fromJSON({ format: "leapflow-model", version: 9999 }))).code).toBe(
      "VERSION",
    );
  });
  test("row 66: __proto__ and constructor keys touch nothing", () => {
    const text = JSON.stringify(model).replace(
      /^\{/,
      '{"__proto__":{"polluted":1,"dim":99},"constructor":{"prototype":{"polluted":2}},"hasOwnProperty":1,',
    );
    const back = MultiIndexModel.fromJSON(JSON.parse(text));
    expect(back.dim).toBe(3);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
  test("row 66: a model found only on the prototype is no model", async () => {
    expect(await errorOf(() => MultiIndexModel.fromJSON(Object.create(stored())))).toMatchObject({ code: "FORMAT" });
  });
  test("row 66: a file cut short at any byte is a FormatError that names the file", async () => {
    const text = JSON.stringify(model);
    for (let length = 0; length < text.length; length += 17) {
      const error = await errorOf(() => loadModel(at("cut.json", text.slice(0, length))));
      expect(error).toMatchObject({ name: "FormatError", code: "FORMAT" });
      expect(error.message).toContain("cut.json");
    }
  });
});

describe("row 67: CSV", () => {
  const table = ["a,b,y", ...Array.from({ length: 60 }, (_, i) => `${i},${i / 7},${i * i}`)];
  const refusals: [string, string, number | undefined, RegExp][] = [
    ["ragged", [...table, "1,2"].join("\n"), 62, /2 cells, but the header has 3/],
    ["too wide", [...table, "1,2,3,4"].join("\n"), 62, /4 cells/],
    ["unclosed quote", [...table, '"1,2,3'].join("\n"), 62, /never closed/],
    ["text after a quote", [...table, '"1"x,2,3'].join("\n"), 62, /closing quote/],
    ["decimal commas", "a;b;y\n0,5;1,5;2,5\n", 2, /column "a" \(1\) is "0,5", with a decimal comma/],
    ["decimal commas between commas", "a,b\n1,5,2,5\n", 2, /decimal commas/],
    ["a text cell", [...table, "1,oops,3"].join("\n"), 62, /column "b" \(2\) is "oops"/],
    ["a second header", [...table, "a,b,y"].join("\n"), 62, /column "a"/],
    ["NaN", [...table, "1,NaN,3"].join("\n"), 62, /column "b" \(2\) is NaN/],
    ["Infinity", [...table, "1,2,-Infinity"].join("\n"), 62, /column "y" \(3\) is -Infinity/],
    ["a number beyond doubles", [...table, "1,2,1e999"].join("\n"), 62, /column "y"/],
    ["an empty cell", [...table, "1,,3"].join("\n"), 62, /column "b" \(2\) is empty/],
    ["an empty line inside", [...table.slice(0, 5), "", ...table.slice(5)].join("\n"), 6, /empty/],
    ["hexadecimal", [...table, "1,0x10,3"].join("\n"), 62, /"0x10"/],
    ["no header", table.slice(1).join("\n"), 1, /header consists of numbers/],
    ["a header only", "a,b,y\n", undefined, /no rows/],
    ["nothing", "", undefined, /empty/],
    ["a nameless column", "a,,y\n1,2,3\n", 1, /column 2 of the header has no name/],
    ["two columns of one name", "a,a,y\n1,2,3\n", 1, /two columns are named "a"/],
    ["a binary file", "\u0000\u0001PK\u0003\u0004\n\u0000\u0000", 2, /column/],
    ["line ends inside a header name", '"a\nb",y\n1,2\n1,x\n', 4, /"x"/],
  ];
  test.each(refusals)("row 67: %s", async (_, text, line, words) => {
    const error = await errorOf(() => readCsvText(text, { source: "t.csv" }));
    expect(error).toMatchObject({ name: "FormatError", code: "FORMAT" });
    expect(error.message).toMatch(words);
    expect(error.message).toContain("t.csv");
    if (line !== undefined) expect(error.message).toContain(`line ${line}:`);
  });
  test("row 67: byte order mark, CRLF and empty last lines are accepted", async () => {
    const wanted = (await readCsvText(table.join("\n"))).data;
    expect((await readCsvText(`\ufeff${table.join("\r\n")}\r\n\r\n`)).data).toEqual(wanted);
  });
});

describe("row 68: NPY", () => {
  /** What NumPy wrote, see make.py there. */
  const numpy = (name: string): string => join(import.meta.dirname, "../golden/io", name);
  test.each(["fortran.npy", "fortran-f4.npy", "f8.npy", "f4.npy"])("row 68: %s is read rightly", async (name) => {
    const { data, columns } = await readTable(numpy(name));
    const round = name.includes("f4") ? Math.fround : Number;
    expect(columns).toEqual(["x1", "x2", "x3"]);
    expect(Array.from(data)).toEqual(
      Array.from({ length: 400 }, (_, i) => [round(Math.sqrt(i) - 3.25), i / 2, -i]).flat(),
    );
  });
  const cut = at("cut.npy", "");
  writeFileSync(cut, readFileSync(numpy("f8.npy")).subarray(0, 5000));
  test.each([
    ["big-endian", numpy("big-endian.npy"), /big-endian\.npy holds big-endian numbers \(>f8\)/],
    ["float16", numpy("f2.npy"), /f2\.npy holds numbers of the type <f2/],
    ["objects, which would have to be unpickled", numpy("object.npy"), /object\.npy holds Python objects/],
    ["truncated", cut, /cut\.npy is cut short: it has 5000 bytes of 9728/],
    ["complex numbers", numpy("complex.npy"), /column "x1" \(1\) of type <c16/],
    ["text", numpy("strings.npy"), /column "x1" \(1\) of type <U2/],
    ["dates", numpy("dates.npy"), /column "x1" \(1\) of type <M8\[s\]/],
    ["three dimensions", numpy("cube.npy"), /has the shape \(2, 3, 4\)/],
    ["none", numpy("scalar.npy"), /has the shape \(\)/],
    ["no rows", numpy("no-rows.npy"), /has columns but no rows/],
    ["no columns", numpy("no-columns.npy"), /has no columns/],
    ["records of records", numpy("records-nested.npy"), /structures or arrays themselves/],
    ["NaN", numpy("gaps.npy"), /row 5: column "x2" \(2\) is NaN/],
    ["an integer that no double holds", numpy("inexact.npy"), /row 2: column "x2" \(2\) is 9007199254740993/],
  ])("row 68: %s", async (_, path, words) => {
    const error = await errorOf(() => readTable(path));
    expect(error).toMatchObject({ name: "FormatError", code: "FORMAT" });
    expect(error.message).toMatch(words);
  });
});

describe("row 69: the disk", () => {
  test("row 69: missing files and folders are FILE errors that name the path", async () => {
    const missing = join(folder, "nowhere.csv");
    mkdirSync(join(folder, "dir"));
    for (const path of [missing, join(folder, "dir"), join(at("plain.txt", "x"), "below.csv")]) {
      for (const read of [() => readCsv(path), () => loadModel(path)]) {
        const error = await errorOf(read);
        expect(error).toMatchObject({ name: "FormatError", code: "FILE" });
        expect(error.message).toContain(path);
      }
    }
  });
  test("row 69: a table that is removed between two passes is a FILE error", async () => {
    const path = at("gone.csv", "a,b\n1,2\n");
    const table = await openTable(path);
    rmSync(path);
    const error = await errorOf(() => table.read());
    expect(error).toMatchObject({ name: "FormatError", code: "FILE" });
    expect(error.message).toContain(path);
  });
  test("row 69: saving where nothing can be saved is a FILE error", async () => {
    for (const path of [join(folder, "no", "such", "model.json"), "/dev/full"]) {
      const error = await errorOf(() => saveModel(path, model));
      expect(error).toMatchObject({ name: "FormatError", code: "FILE" });
      expect(error.message).toContain(path);
    }
  });
});
