/** Last step of the build: the plain binary beside the code, one classic script of the main entry, and an executable command. */
import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = new URL("../", import.meta.url);
copyFileSync(new URL("build/leapflow.wasm", root), new URL("dist/leapflow.wasm", root));
await build({
  entryPoints: [fileURLToPath(new URL("dist/index.js", root))],
  outfile: fileURLToPath(new URL("dist/leapflow.script.js", root)),
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "leapflow",
  platform: "browser",
  target: "es2022",
  logLevel: "warning",
});
const command = new URL("dist/cli/main.js", root);
if (existsSync(command)) chmodSync(command, 0o755);
