/** Bundles scripts/fuzz.ts and runs it: modules that readers load on use cost milliseconds an input under a compiling loader. */
import { build } from "esbuild";

const outfile = "build/fuzz.mjs";
await build({
  entryPoints: ["scripts/fuzz.ts"],
  outfile,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
await import(`../${outfile}`);
