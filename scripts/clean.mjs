/** Removes the folders named as arguments, relative to the package. */
import { rmSync } from "node:fs";
import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
for (const name of process.argv.slice(2)) {
  const folder = resolve(root, name);
  if (!folder.startsWith(root) || folder + sep === root) throw new Error(`${name} is not a folder inside the package.`);
  rmSync(folder, { recursive: true, force: true });
}
