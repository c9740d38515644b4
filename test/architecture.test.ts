/** Direction of imports, length of files, no work at import. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");
/** A folder may import from itself and from those before it. */
const ORDER = ["base", "kernel", "math", "data", "model", "solve", "learn", "single", "theory"];
/** Adapters import the public entries, the error and input types, and themselves. */
const ADAPTERS = ["io", "worker", "cluster", "plot", "studies", "cli"];

const walk = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : entry.name.endsWith(".ts") ? [join(folder, entry.name)] : [],
  );
const isGenerated = (file: string): boolean => /wasmBytes\.ts$/i.test(file);
const files = walk(src);
const folderOf = (file: string): string => {
  const path = relative(src, file);
  return path.includes("/") ? path.split("/")[0] : "index";
};
const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1]);

describe("architecture", () => {
  it("has source files to check", () => {
    expect(files.length).toBeGreaterThan(30);
  });

  it("imports go one way", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const from = folderOf(file);
      for (const specifier of importsOf(file).filter((s) => s.startsWith("."))) {
        const target = resolve(dirname(file), specifier.replace(/\.js$/, ".ts"));
        const to = folderOf(target);
        const isPublic = /\/index\.ts$/.test(target) || target === join(src, "index.ts");
        const allowed = ADAPTERS.includes(from)
          ? to === from || to === "base" || isPublic
          : from === "index"
            ? !ADAPTERS.includes(to)
            : ORDER.includes(to) && ORDER.indexOf(to) <= ORDER.indexOf(from);
        if (!allowed) wrong.push(`${relative(src, file)} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("only math/dense.ts names ml-matrix, and the command that compares with it", () => {
    const named = files.filter((file) => importsOf(file).includes("ml-matrix")).map((file) => relative(src, file));
    expect(named).toEqual(["cli/mlMatrixIteration.ts", "math/dense.ts"]);
  });

  it("only kernel/ names WebAssembly", () => {
    const outside = files.filter(
      (file) => folderOf(file) !== "kernel" && /\bWebAssembly\s*[.([]/.test(readFileSync(file, "utf8")),
    );
    expect(outside.map((file) => relative(src, file))).toEqual([]);
  });

  it("the library itself never imports node: modules at the top", () => {
    const wrong = files.filter(
      (file) => folderOf(file) !== "cli" && /^import[^\n]*["']node:/m.test(readFileSync(file, "utf8")),
    );
    expect(wrong.map((file) => relative(src, file))).toEqual([]);
  });

  it("no file is longer than 400 lines", () => {
    const long = [...files, ...walk(join(root, "assembly"))]
      .filter((file) => !isGenerated(file))
      .map((file) => ({ file: relative(root, file), lines: readFileSync(file, "utf8").split("\n").length }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });

  it("every file opens with one line on its role", () => {
    const without = files.filter(
      (file) => !isGenerated(file) && !/^(#![^\n]*\n)?\/\*\*/.test(readFileSync(file, "utf8")),
    );
    expect(without.map((file) => relative(src, file))).toEqual([]);
  });

  it("no top-level await", () => {
    const wrong = files.filter(
      (file) => !isGenerated(file) && /^(?:const [^=\n]+= )?await\b/m.test(readFileSync(file, "utf8")),
    );
    expect(wrong.map((file) => relative(src, file))).toEqual([]);
  });

  it("the version is that of package.json", async () => {
    const { VERSION } = await import("../src/base/version.js");
    expect(VERSION).toBe(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version);
  });
});
