/** The packed tarball: what is in it, what its package.json promises, and what package linters say. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project, printed, root, run } from "./project.js";

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project?.remove());

const paths = (): string[] => project.files.map(({ path }) => path);
/** The playground and the classic script are bundles: no modules of the package. */
const isPage = (path: string): boolean => path.startsWith("dist/playground/") || path === "dist/leapflow.script.js";

test("holds the build and four documents, nothing else", () => {
  const allowed =
    /^(dist\/.+\.(js|d\.ts)|dist\/playground\/(index\.html|icon\.svg|assets\/[\w.-]+\.(js|css|csv|png))|dist\/leapflow\.wasm|package\.json|README\.md|LICENSE|CHANGELOG\.md|CITATION\.cff)$/;
  expect(paths().filter((path) => !allowed.test(path))).toEqual([]);
  const foreign =
    /(^|\/)(tests?|__tests__|bench|assembly|site|data|fixtures|golden|examples|scripts)\/|\.(test|spec)\./;
  // dist/data is compiled code; everything else of that name would be a data set.
  expect(paths().filter((path) => foreign.test(path) && !/^dist\/data\/\w+\.(js|d\.ts)$/.test(path))).toEqual([]);
  expect(paths()).toEqual(expect.arrayContaining(["README.md", "LICENSE", "package.json", "dist/leapflow.wasm"]));
});

test("everything that `files` lists exists", () => {
  const missing = project.manifest.files.filter((path) => !existsSync(join(project.installed, path)));
  expect(missing).toEqual([]);
});

test("every module has its declarations", () => {
  const modules = paths().filter((path) => path.endsWith(".js") && !isPage(path) && !path.startsWith("dist/chunks/"));
  expect(modules.length).toBeGreaterThan(10);
  expect(modules.map((path) => path.replace(/\.js$/, ".d.ts")).filter((path) => !paths().includes(path))).toEqual([]);
});

test("stays below 2 MB", () => {
  expect(project.packedBytes).toBeGreaterThan(10_000);
  expect(project.packedBytes).toBeLessThan(2e6);
});

test("every target of exports is packed, with types first", () => {
  const entries = Object.entries(project.manifest.exports);
  expect(entries.map(([name]) => name)).toEqual(
    expect.arrayContaining([".", "./theory", "./io", "./worker", "./leapflow.wasm", "./package.json"]),
  );
  for (const [name, value] of entries) {
    const targets = typeof value === "string" ? [value] : Object.values(value);
    expect(targets.length, name).toBeGreaterThan(0);
    for (const target of targets) expect(paths(), name).toContain(target.replace(/^\.\//, ""));
    if (typeof value === "string") expect(name).toMatch(/\.(wasm|json)$/);
    else expect([Object.keys(value)[0], Object.keys(value).at(-1)], name).toEqual(["types", "default"]);
  }
});

test("is made of ES modules without side effects or install scripts", () => {
  const { type, sideEffects, scripts = {} } = project.manifest;
  expect({ type, sideEffects }).toEqual({ type: "module", sideEffects: false });
  const hooks = ["preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"];
  expect(Object.keys(scripts).filter((name) => hooks.includes(name))).toEqual([]);
  // npm runs node-gyp for a package with this file, script or not.
  expect(paths()).not.toContain("binding.gyp");
});

test("imports what it declares and declares what it imports", () => {
  const imported = paths()
    .filter((path) => /\.(js|d\.ts)$/.test(path) && !isPage(path))
    .flatMap((path) => ts.preProcessFile(readFileSync(join(project.installed, path), "utf8")).importedFiles)
    .map(({ fileName }) => fileName)
    .filter((specifier) => !/^(\.|node:)/.test(specifier));
  const packages = imported.map((specifier) => specifier.match(/^(@[^/]+\/)?[^/]+/)?.[0]);
  const { dependencies, peerDependencies = {} } = project.manifest;
  const declared = [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
  // DuckDB is named in a variable, so that bundlers do not follow it.
  const modules = paths().filter((path) => path.endsWith(".js") && !isPage(path));
  expect(
    modules.some((path) => readFileSync(join(project.installed, path), "utf8").includes('"@duckdb/node-api"')),
  ).toBe(true);
  expect([...new Set([...packages, "@duckdb/node-api"])].sort()).toEqual(declared.sort());
});

test("the embedded binary is the file beside it", async () => {
  const module = await import(
    /* @vite-ignore */ pathToFileURL(join(project.installed, "dist/kernel/wasmBytes.js")).href
  );
  const file = readFileSync(join(project.installed, "dist/leapflow.wasm"));
  expect(file.subarray(0, 4)).toEqual(Buffer.from("\0asm"));
  expect(Buffer.from(module.WASM_BASE64, "base64").equals(file)).toBe(true);
});

test("binaries stay below 60 kB, and the main entry does not carry the one with relaxed SIMD", async () => {
  const file = (name: string): string => join(project.installed, "dist", name);
  const binary = async (name: string): Promise<string> => {
    const module = await import(/* @vite-ignore */ pathToFileURL(file(`kernel/${name}.js`)).href);
    expect(module.WASM_BYTE_LENGTH).toBeGreaterThan(1000);
    expect(module.WASM_BYTE_LENGTH).toBeLessThan(60_000);
    return module.WASM_BASE64;
  };
  const [plain, relaxed] = await Promise.all(["wasmBytes", "relaxedWasmBytes"].map(binary));
  const bundleOf = async (entry: string): Promise<string> => {
    const options = { bundle: true, minify: true, format: "esm", platform: "browser", write: false } as const;
    const { outputFiles } = await build({ ...options, entryPoints: [file(entry)], logLevel: "silent" });
    return outputFiles[0].text;
  };
  const main = await bundleOf("index.js");
  expect([main.includes(plain), main.includes(relaxed)]).toEqual([true, false]);
  expect(await bundleOf("kernel/relaxed.js")).toContain(relaxed);
});

test("the command is executable and knows its version", async () => {
  const path = project.manifest.bin.leapflow;
  const file = project.files.find((entry) => entry.path === path);
  expect((file?.mode ?? 0) & 0o111).toBe(0o111);
  const command = join(project.installed, path);
  expect(readFileSync(command, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect((await printed([command, "--version"])).trim()).toBe(project.manifest.version);
  const help = await printed([command, "--help"]);
  for (const name of ["fit", "predict", "score"]) expect(help).toContain(name);
});

test("publint finds nothing wrong", async () => {
  const bytes = readFileSync(project.tarball);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, level: "warning" });
  expect(pkg.name).toBe("leapflow");
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("attw finds every entry typed for ES modules, require() and bundlers", async () => {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  // require() of ES modules is what this package relies on (Node ≥ 20.19), and a binary has no types.
  const rules = ["--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm"];
  const args = [attw, project.tarball, ...rules, "--exclude-entrypoints", "./leapflow.wasm", "--format", "json"];
  const { code, stdout, stderr } = await run(process.execPath, [...args, "--no-definitely-typed"]);
  expect(stderr).toBe("");
  const report = JSON.parse(stdout) as {
    analysis: { entrypoints: Record<string, unknown> };
    problems?: Record<string, { kind: string; entrypoint: string; resolutionKind: string }[]>;
  };
  // Resolution of before `exports`, from the times of TypeScript 4.6, is not served; require() of ES modules is meant.
  const problems = Object.values(report.problems ?? {})
    .flat()
    .filter(({ kind, resolutionKind }) => resolutionKind !== "node10" && kind !== "CJSResolvesToESM");
  expect(problems).toEqual([]);
  expect(code).toBe(0);
  const typed = Object.keys(project.manifest.exports).filter((name) => !name.endsWith(".wasm"));
  expect(Object.keys(report.analysis.entrypoints).sort()).toEqual(typed.sort());
});

test("no file of an earlier build is left over", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const built = paths().filter((path) => /^dist\/.+\.js$/.test(path) && !isPage(path));
  const text = built.map((path) => readFileSync(join(project.installed, path), "utf8")).join("\n");
  const isKnown = (path: string): boolean =>
    path.startsWith("dist/chunks/")
      ? text.includes(path.slice("dist/chunks/".length))
      : sources.includes(path.slice("dist/".length).replace(/\.js$/, ".ts"));
  expect(built.filter((path) => !isKnown(path))).toEqual([]);
});
