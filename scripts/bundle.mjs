/**
 * The JavaScript of the package: every entry, with what entries share in chunks, so that a program reads fewer files than there are
 * sources; beside it the plain binary, one classic script of the main entry, and an executable command. Declarations
 * are the compiler's. Source maps stay in build/maps, for the measure of coverage.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { exports } = JSON.parse(readFileSync(at("package.json"), "utf8"));
/** Files that run in threads of their own, or are found by their address. */
const PLACED = ["kernel/threadEntry", "kernel/threadUrl", "cluster/computeThread"];
/** One format of the binary each; named by tests and by whoever reads what is packed. */
const BINARIES = ["kernel/wasmBytes", "kernel/relaxedWasmBytes"];
const entries = Object.values(exports).flatMap(({ default: file }) =>
  file === undefined ? [] : [file.replace(/^\.\/dist\/(.+)\.js$/, "$1")],
);

const { metafile, outputFiles } = await build({
  absWorkingDir: at("."),
  entryPoints: [...entries, "cli/main", ...PLACED, ...BINARIES].map((name) => at(`src/${name}.ts`)),
  outbase: at("src"),
  outdir: at("dist"),
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  // Entries for pages and for Node share chunks; what is Node's alone says so by "node:".
  platform: "neutral",
  external: ["node:*"],
  packages: "external",
  target: "es2022",
  sourcemap: "external",
  metafile: true,
  write: false,
  logLevel: "warning",
});
rmSync(at("build/maps"), { recursive: true, force: true });
for (const { path, text } of outputFiles) {
  const file = path.endsWith(".map") ? at(join("build/maps", relative(at("dist"), path))) : path;
  mkdirSync(dirname(file), { recursive: true });
  // Imports for the sake of order alone, which modules without side effects have no need of and the bundlers of users warn about.
  // Their lines stay, so that source maps hold.
  writeFileSync(file, file === path ? text.replace(/^import "\.{1,2}\/[^"]+";$/gm, "") : text);
}
for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
  // What finds a file by its own address counts on standing one folder below dist.
  const places = Object.keys(inputs).filter((source) => readFileSync(at(source), "utf8").includes("import.meta.url"));
  const folder = relative(at("dist"), dirname(at(file)));
  if (places.length > 0 && !/^[^/\\]+$/.test(folder)) throw new Error(`${places} must not end up in ${file}`);
}

copyFileSync(at("build/leapflow.wasm"), at("dist/leapflow.wasm"));
await build({
  entryPoints: [at("dist/index.js")],
  outfile: at("dist/leapflow.script.js"),
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "leapflow",
  platform: "browser",
  target: "es2022",
  logLevel: "warning",
});
chmodSync(at("dist/cli/main.js"), 0o755);
