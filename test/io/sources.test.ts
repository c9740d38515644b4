/** Where tables come from, and that they stay what they were: paths, URLs, Blobs and bytes, pass after pass. */
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { fitMultiIndex } from "../../src/index.js";
import { type FileLike, openTable, readTable, type TableFile } from "../../src/io/index.js";
import { collect, expected, golden, goldenBytes, N, RULES } from "./golden.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-sources-"));
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FORMATS = ["zstd.parquet", "all.arrow", "f8.npy", "table.csv.gz", "table.jsonl.gz"];
/** A copy that a test may change. */
const copyOf = (name: string): string => {
  const path = join(folder, `${readdirSync(folder).length}-${name}`);
  copyFileSync(golden(name), path);
  return path;
};
const numeric = ({ columns }: TableFile): string[] =>
  columns.filter((column) => column.numeric !== false).map(({ name }) => name);

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of static files that knows ranges. */
const ranged =
  (bytesOf: () => Uint8Array, tag: () => string, log: string[] = []): RequestListener =>
  (request, response) => {
    const bytes = bytesOf();
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    log.push(`${request.method} ${request.headers.range ?? ""}`);
    response.setHeader("etag", tag());
    if (from === undefined) {
      response.setHeader("content-length", bytes.length);
      response.end(request.method === "HEAD" ? undefined : bytes);
      return;
    }
    const end = Math.min(Number(to), bytes.length - 1);
    response.statusCode = 206;
    response.setHeader("content-range", `bytes ${from}-${end}/${bytes.length}`);
    response.end(bytes.subarray(Number(from), end + 1));
  };

describe("kinds of sources", () => {
  test.each(FORMATS)("%s: a path, a URL, a Blob and bytes give the same", async (name) => {
    const bytes = goldenBytes(name);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const base = await serve(
      ranged(
        () => bytes,
        () => "1",
      ),
    );
    const plain = await serve((_, response) => response.end(bytes));
    const wanted = await openTable(golden(name));
    const { values } = await collect(wanted, numeric(wanted));
    const sources: [string, FileLike][] = [
      ["a file URL", pathToFileURL(golden(name))],
      ["an http URL", `${base}/${name}`],
      ["an http URL object", new URL(`${base}/${name}?v=1`)],
      ["a server without ranges", `${plain}/${name}`],
      ["a File", new File([bytes as BlobPart], name)],
      ["an ArrayBuffer", bytes.slice().buffer],
      ["a view into something longer", shifted.subarray(3)],
      ["a DataView", new DataView(shifted.buffer, 3)],
      ["shared memory", shared],
      ["a Buffer", readFileSync(golden(name))],
    ];
    for (const [what, source] of sources) {
      const table = await openTable(source, { name });
      expect(table.columns, what).toEqual(wanted.columns);
      expect((await collect(table, numeric(table))).values, what).toEqual(values);
    }
  });

  test("a File keeps its name, by which its format is known", async () => {
    const table = await openTable(new File(["a;b\n1;2\n"], "t.csv"));
    expect(table).toMatchObject({ name: "t.csv", format: "csv" });
    expect(await readTable(new Blob(["a\tb\n1\t2\n"]), { format: "tsv" })).toMatchObject({
      columns: ["a", "b"],
      rows: 1,
    });
  });

  test.each([
    [3, "TYPE", "file is 3"],
    [null, "TYPE", "file is null"],
    [{}, "TYPE", "file is an object"],
    [new URL("data:text/csv,a%0A1"), "FILE", "only http, https and file URLs"],
    [join(folder, "nowhere.npy"), "FILE", "no such file"],
    [folder, "FILE", "it is a folder"],
  ])("%s is refused", async (source, code, words) => {
    await expect(openTable(source as FileLike)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  test("options are checked", async () => {
    const blob = new Blob(["a\n1\n"]);
    await expect(openTable(blob, { fromat: "csv" } as object)).rejects.toMatchObject({ code: "UNKNOWN" });
    await expect(openTable(blob, { format: "xml" } as object)).rejects.toMatchObject({ code: "RANGE" });
    const table = await openTable(blob);
    for (const names of [[], ["a", "a"], ["b"]]) expect(() => table.select(names)).toThrow(/columns/);
  });
});

describe("formats", () => {
  const csv = "a,b\n1,2\n";
  const long = gzipSync(`a,b\n${"1,2\n".repeat(5000)}`);
  test.each([
    ["t.csv", csv, "csv"],
    ["t.CSV", csv, "csv"],
    ["t.txt", csv, "csv"],
    ["t.tsv", "a\tb\n1\t2\n", "tsv"],
    ["t.tab", "a\tb\n1\t2\n", "tsv"],
    ["my.table.csv", csv, "csv"],
    ["t.unknown", csv, "csv"],
    ["t", csv, "csv"],
    ["http://x.org/t.csv?token=a.b", csv, "csv"],
    ["t.json", '[{"a":1,"b":2}]', "json"],
    ["t.jsonl", '{"a":1,"b":2}', "jsonl"],
    ["t.ndjson", '{"a":1,"b":2}', "jsonl"],
    ["t", ' {"a":1,"b":2}', "json"],
    // A name of a column is not the mark of a format.
    ["t.csv", "PAR1,PARENT\n1,2\n", "csv"],
    ["t", "FEA1,b\n1,2\n", "csv"],
  ])("%s", async (name, text, format) => {
    const table = await openTable(new Blob([text]), { name });
    expect(table.format).toBe(format);
    expect(Object.values((await collect(table)).values)).toEqual([[1], [2]]);
  });
  test.each([
    ["all.parquet", "parquet", ["t.parquet", "t.pq", "t"]],
    ["all.arrow", "arrow", ["t.arrow", "t.feather", "t.ipc", "t"]],
    ["all.arrows", "arrow", ["t.arrows", "t.arrow", "t"]],
    ["f8.npy", "npy", ["t.npy", "t"]],
    ["table.csv.gz", "csv", ["t.csv.gz", "t.csv", "t.gz", "t"]],
    ["table.jsonl.gz", "jsonl", ["t.jsonl.gz", "t.ndjson.gz"]],
  ])("%s is %s by the names %j", async (file, format, names) => {
    for (const name of names) {
      const table = await openTable(goldenBytes(file), { name });
      expect(table.format).toBe(format);
      expect((await collect(table, numeric(table).slice(0, 1))).blocks.reduce((a, b) => a + b)).toBe(N);
    }
  });
  test.each([
    ["all.parquet", "t.csv", "is a Parquet file by its first bytes; expected CSV"],
    ["all.parquet", "t.arrow", "is a Parquet file by its first bytes; expected Arrow IPC"],
    ["f8.npy", "t.parquet", "is an NPY file by its first bytes; expected Parquet"],
    ["all.arrows", "t.json", "is an Arrow stream by its first bytes; expected JSON"],
  ])("%s under the name %s", async (file, name, words) => {
    await expect(openTable(goldenBytes(file), { name })).rejects.toMatchObject({
      code: "FORMAT",
      message: `${name} ${words}.`,
    });
  });
  test.each([
    ["an archive", Buffer.from("PK\u0003\u0004rest of it"), "t.xlsx", /is a zip archive/],
    ["no bytes", Buffer.alloc(0), "t.parquet", /is empty/],
    ["UTF-16", Buffer.from("\ufeffa,b\n1,2\n", "utf16le"), "t.csv", /is UTF-16 text; save it as UTF-8/],
    ["text as NPY", Buffer.from(csv), "t.npy", /is not an NPY file/],
    ["text as Parquet", Buffer.from(csv.repeat(9)), "t.parquet", /is not a complete Parquet file/],
    ["text as Arrow", Buffer.from(csv.repeat(9)), "t.arrow", /message 1: it is cut short/],
    [
      "a damaged archive",
      Buffer.concat([long.subarray(0, 40), Buffer.alloc(40)]),
      "t.csv.gz",
      /damaged or incomplete gzip/,
    ],
    ["half an archive", long.subarray(0, 40), "t.csv.gz", /damaged or incomplete gzip/],
  ])("%s", async (_, bytes, name, words) => {
    const reading = openTable(bytes, { name }).then((table) => collect(table));
    await expect(reading).rejects.toMatchObject({
      name: "FormatError",
      code: "FORMAT",
      message: expect.stringMatching(words),
    });
  });
  test("a zipped file of two parts", async () => {
    const { values } = await collect(await openTable(golden("two-parts.csv.gz")));
    expect(values.b).toEqual(Array.from({ length: N }, (_, i) => i / 2));
  });
});

describe("passes", () => {
  test.each(FORMATS)("%s: every iteration starts again, also two at once and one that was left", async (name) => {
    const table = await openTable(golden(name));
    const names = numeric(table).slice(0, 2);
    const { values } = await collect(table, names);
    for await (const _ of table.select(names)) break;
    const both = await Promise.all([collect(table, names), collect(table, names)]);
    expect(both.map((one) => one.values)).toEqual([values, values]);
    const rows = table.select(names);
    const again: number[] = [];
    for (let pass = 0; pass < 2; pass++) for await (const block of rows) again.push(block.rows);
    expect(again.reduce((a, b) => a + b)).toBe(2 * N);
  });

  test("nothing stays open: after a pass, a pass that was left, and one that failed", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const table = await openTable(golden("gaps.parquet"));
    const before = open();
    await collect(table, ["ok"]);
    for await (const _ of table.select(["ok"])) break;
    await collect(table, ["gap"]).catch(() => undefined);
    await openTable(golden("gaps.npy"))
      .then((other) => collect(other))
      .catch(() => undefined);
    await openTable(golden("f2.npy")).catch(() => undefined);
    expect(open()).toBe(before);
  });

  test("a fit takes the rows, and gives the same bits as with the rows in memory", async () => {
    const table = await openTable(golden("none.parquet"));
    const options = { rank: 1, degree: 2, seed: 1 };
    const { X, y = new Float64Array(0) } = await table.read({ columns: ["f64", "f32"], target: "flag" });
    const streamed = await fitMultiIndex(table.select(["f64", "f32"]), y, options);
    const whole = await fitMultiIndex(X, y, options);
    expect(JSON.stringify(streamed.model)).toBe(JSON.stringify(whole.model));
    expect(streamed.model.columns).toEqual(["f64", "f32"]);
  });

  test("read: inputs in order, the response apart, all columns when none are chosen", async () => {
    const table = await openTable(golden("required.parquet"));
    const { X, y } = await table.read({ target: "i32" });
    expect(X.names).toEqual(["f64", "f32", "i64", "flag", "dec9", "levels"]);
    expect([X.rows, X.columns]).toEqual([N, 6]);
    expect(Array.from(y ?? [])).toEqual(expected(["i32"]).i32);
    const dec9 = Array.from({ length: N }, (_, i) => X.data[i * 6 + 4]);
    expect(dec9).toEqual(expected(["dec9"]).dec9);
    expect((await table.read({ columns: ["levels"] })).y).toBeUndefined();
    const whole = await readTable(golden("required.parquet"), { columns: ["i32", "absent"] });
    expect(whole).toMatchObject({ columns: ["i32"], rows: N, header: table.columns.map(({ name }) => name) });
    expect(Array.from(whole.data)).toEqual(expected(["i32"]).i32);
  });

  test("an abort ends a pass with the signal's own reason", async () => {
    const reason = new Error("enough");
    await expect(openTable(golden("f8.npy"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const name of FORMATS) {
      const controller = new AbortController();
      const table = await openTable(golden(name), { signal: controller.signal });
      controller.abort(reason);
      await expect(collect(table, numeric(table))).rejects.toBe(reason);
    }
  });
});

describe("files that change", () => {
  const changes: [string, (path: string) => void][] = [
    ["it grew", (path) => appendFileSync(path, "1,2\n")],
    ["it shrank", (path) => truncateSync(path, statSync(path).size - 1)],
    ["it was written again with the same size", (path) => utimesSync(path, new Date(), new Date(Date.now() + 5000))],
  ];
  test.each(changes.flatMap(([what, change]) => FORMATS.map((name) => [what, name, change] as const)))(
    "%s: the next pass over %s says so",
    async (_, name, change) => {
      const path = copyOf(name);
      const table = await openTable(path);
      await collect(table, numeric(table));
      change(path);
      const error = await collect(table, numeric(table)).catch((cause) => cause);
      expect(error).toMatchObject({ name: "FormatError", code: "CHANGED", details: { source: path } });
      expect(error.message).toContain(path);
      await openTable(path)
        .then((again) => collect(again, numeric(again)))
        .catch(() => undefined);
    },
  );
  test.each(changes)("%s during a pass", async (_, change) => {
    for (const name of ["gzip.parquet", "all.arrow", "table.csv.gz"]) {
      const path = copyOf(name);
      const table = await openTable(path);
      const pass = async (): Promise<void> => {
        let isFirst = true;
        for await (const _ of table.select(numeric(table))) {
          if (isFirst) change(path);
          isFirst = false;
        }
      };
      await expect(pass()).rejects.toMatchObject({ name: "FormatError", code: "CHANGED" });
    }
  });
  test("it is gone", async () => {
    const path = copyOf("f8.npy");
    const table = await openTable(path);
    rmSync(path);
    await expect(collect(table)).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("no such file"),
    });
  });
  test("a fit keeps the error as its cause", async () => {
    const path = copyOf("f8.npy");
    const table = await openTable(path);
    const { X, y } = await table.read({ target: "x2" });
    utimesSync(path, new Date(), new Date(Date.now() + 9000));
    const fit = fitMultiIndex(table.select(X.names), y as Float64Array, { rank: 1, degree: 1 });
    await expect(fit).rejects.toMatchObject({ code: "SOURCE", cause: { name: "FormatError", code: "CHANGED" } });
  });
});

describe("servers", () => {
  test("ranges are asked for, not the whole file", async () => {
    const log: string[] = [];
    const bytes = goldenBytes("all.arrow");
    const base = await serve(
      ranged(
        () => bytes,
        () => "1",
        log,
      ),
    );
    const table = await openTable(`${base}/all.arrow`);
    expect((await collect(table, ["f32"])).values).toEqual(expected(["f32"], RULES));
    expect(log.length).toBeGreaterThan(3);
    expect(log.every((line) => line.startsWith("GET bytes="))).toBe(true);
  });
  test("another version, by tag or by size, is noticed", async () => {
    for (const what of ["tag", "size"]) {
      let bytes = goldenBytes("f8.npy");
      let tag = "1";
      const base = await serve(
        ranged(
          () => bytes,
          () => tag,
        ),
      );
      const table = await openTable(`${base}/f8.npy`);
      await collect(table);
      if (what === "tag") tag = "2";
      else bytes = new Uint8Array([...bytes, 0]);
      await expect(collect(table)).rejects.toMatchObject({ name: "FormatError", code: "CHANGED" });
    }
  });
  test("refusals and lost connections are told", async () => {
    const base = await serve((_, response) => {
      response.statusCode = 404;
      response.end();
    });
    await expect(openTable(`${base}/t.csv`)).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("404"),
    });
    const cut = await serve((request, response) => {
      if (request.headers.range === "bytes=0-0")
        ranged(
          () => goldenBytes("f8.npy"),
          () => "1",
        )(request, response);
      else response.destroy();
    });
    await expect(openTable(`${cut}/t.npy`)).rejects.toMatchObject({ name: "FormatError", code: "FILE" });
    await expect(openTable("http://127.0.0.1:9/t.csv")).rejects.toMatchObject({ name: "FormatError", code: "FILE" });
  });
});
