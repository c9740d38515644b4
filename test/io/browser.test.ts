/** The entry as a browser gets it: no Node at all, and nothing of a format's reader before a file of it is opened. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { afterAll, expect, test } from "vitest";
import { expected, golden, goldenBytes, N } from "./golden.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-browser-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const resolveDir = join(import.meta.dirname, "../..");
const bundle = (contents: string, options: BuildOptions) =>
  build({
    stdin: { contents, resolveDir },
    bundle: true,
    write: false,
    metafile: true,
    outdir: folder,
    platform: "browser",
    logLevel: "silent",
    ...options,
  });

test("importing the entry loads no reader and no solver", async () => {
  const { metafile, warnings } = await bundle('export * from "./src/io/index.ts";', { format: "esm", splitting: true });
  expect(warnings).toEqual([]);
  const outputs = new Map(Object.entries(metafile?.outputs ?? {}));
  const [entry] = [...outputs].find(([, { entryPoint }]) => entryPoint === "<stdin>") ?? [""];
  const loaded = new Set<string>();
  const visit = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind } of outputs.get(path)?.imports ?? []) if (kind === "import-statement") visit(next);
  };
  visit(entry);
  const inputs = [...loaded].flatMap((path) => Object.keys(outputs.get(path)?.inputs ?? {}));
  expect(inputs.filter((path) => path.includes("node_modules"))).toEqual([]);
  expect(inputs.filter((path) => /^src\/(?!base|io)/.test(path))).toEqual([]);
  const bytes = [...loaded].reduce((sum, path) => sum + (outputs.get(path)?.bytes ?? 0), 0);
  expect(bytes).toBeLessThan(60_000);
  expect(
    [...outputs.values()].some(({ inputs: all }) => Object.keys(all).some((path) => path.includes("hyparquet"))),
  ).toBe(true);
});

test("dropped files are read without Node", async () => {
  const page = `
    import { openTable } from "./src/io/index.ts";
    globalThis.result = (async () => {
      const sums = {};
      for (const file of files) {
        const table = await openTable(file);
        const { X } = await table.read({ columns: table.columns.filter((c) => c.numeric !== false).map((c) => c.name).slice(0, 2) });
        sums[file.name] = [table.format, X.rows, ...Array.from(X.data.subarray(-2))];
      }
      return JSON.stringify(sums);
    })();`;
  const { outputFiles } = await bundle(page, { format: "iife" });
  const code = outputFiles?.[0].text ?? "";
  expect(code).not.toMatch(/["']node:(?!fs\/promises|path|url|zlib)/);
  const names = readdirSync(join(golden("."))).filter((name) =>
    /^(none|gzip|brotli|zstd|lz4|required)\.|^all\.arrow|^table/.test(name),
  );
  expect(names.length).toBeGreaterThan(9);
  const files = names.map((name) => new File([goldenBytes(name) as BlobPart], name));
  const { Blob, DecompressionStream, ReadableStream, TextDecoder, TextEncoder, URL, WebAssembly, atob } = globalThis;
  const world = { files, Blob, DecompressionStream, ReadableStream, TextDecoder, TextEncoder, URL, WebAssembly, atob };
  const sums = JSON.parse(await runInNewContext(`${code}; result`, world));
  const last = (name: string) => expected([name])[name][N - 1];
  for (const name of names) {
    const values = name.startsWith("table") ? [N - 1, (N - 1) / 2] : [last("f64"), last("f32")];
    expect([name, ...sums[name].slice(1)]).toEqual([name, N, ...values]);
  }
});

test("a page without WebAssembly reads Snappy all the same", async () => {
  const page = `
    import { openTable } from "./src/io/index.ts";
    globalThis.result = openTable(file).then((table) => table.read({ target: "i32", columns: ["dec9"] })).then(({ y }) => y[399]);`;
  const { outputFiles } = await bundle(page, { format: "iife" });
  const file = new File([goldenBytes("indexed.parquet") as BlobPart], "t.parquet");
  const { Blob, TextDecoder, TextEncoder, URL, atob } = globalThis;
  const world = { file, Blob, TextDecoder, TextEncoder, URL, atob, WebAssembly: undefined };
  expect(await runInNewContext(`${outputFiles?.[0].text ?? ""}; result`, world)).toBe(expected(["i32"]).i32[N - 1]);
});
