/** Last step of the documentation: the playground beside the guide and the API, and links to it from pages at any depth. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const out = join(root, "build/docs");
const link = 'href="playground/index.html"';

let linked = 0;
for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
  // The pages of the studies, which the guide links to, come whole in media/.
  if (!name.endsWith(".html") || ["media", "playground"].includes(name.split(sep)[0])) continue;
  const text = readFileSync(join(out, name), "utf8");
  if (!text.includes(link)) throw new Error(`${name} has no link to the playground`);
  linked++;
  const up = "../".repeat(name.split(sep).length - 1);
  if (up !== "") writeFileSync(join(out, name), text.replaceAll(link, link.replace('"', `"${up}`)));
}
cpSync(join(root, "dist/playground"), join(out, "playground"), { recursive: true });
console.log(`${linked} pages and the playground in build/docs`);
