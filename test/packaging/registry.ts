/** Packages that a test needs and nobody else does: installed when it runs, and kept beside the other modules. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./project.js";

export interface Fetched {
  /** Its node_modules hold the packages. */
  readonly folder: string;
  /** Why they are not there. */
  readonly failure?: string;
}

/** Installs packages of fixed versions, `{ "name": "1.2.3" }`, without their install scripts; once for all runs. */
export async function fetchPackages(name: string, dependencies: Readonly<Record<string, string>>): Promise<Fetched> {
  const folder = join(root, "node_modules/.cache/tests", name);
  const manifest = JSON.stringify({ private: true, dependencies });
  const file = join(folder, "package.json");
  const done = join(folder, "node_modules/.package-lock.json");
  if (existsSync(done) && readFileSync(file, "utf8") === manifest) return { folder };
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, manifest);
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
  const { code, stderr } = await run("npm", args, { cwd: folder, timeoutMs: 170_000 });
  return code === 0 ? { folder } : { folder, failure: stderr.trim().slice(-300) };
}
