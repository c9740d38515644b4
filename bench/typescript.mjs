/**
 * Runs TypeScript as the package's own build leaves it: `node --import ./bench/typescript.mjs bench/run.ts`.
 *
 * tsx gives every function its name anew whenever one is made, which small iterations feel and nobody who uses the package pays for.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { transform } from "esbuild";

/** Sources import each other by the names that they have when they are built. */
export function resolve(specifier, context, next) {
  const source = specifier.replace(/\.js$/, ".ts");
  const isSource = source !== specifier && specifier.startsWith(".") && existsSync(new URL(source, context.parentURL));
  return next(isSource ? source : specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
  const file = fileURLToPath(url);
  const { code } = await transform(await readFile(file, "utf8"), {
    loader: "ts",
    target: "es2022",
    sourcefile: file,
    sourcemap: "inline",
  });
  return { format: "module", source: code, shortCircuit: true };
}

if (isMainThread) register(import.meta.url);
