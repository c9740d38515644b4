/** Makes one HTML file that learns in the visitor's browser. Run: node examples/webPage.mjs [page.html]; needs esbuild */
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const program = `
import { fitMultiIndex } from "leapflow";
const out = document.querySelector("output");
document.querySelector("button").onclick = async () => {
  const X = Array.from({ length: 400 }, (_, i) => [Math.sin(1.7 * i), Math.cos(2.3 * i), Math.sin(0.9 * i + 1)]);
  const y = X.map(([a, b, c]) => (a + b) ** 2 + c);
  const onProgress = ({ iteration, loss }) => (out.textContent = "iteration " + iteration + ", loss " + loss);
  const fit = await fitMultiIndex(X, y, { rank: 2, degree: 2, seed: 1, onProgress });
  out.textContent = "R² " + fit.model.score(X, y).toFixed(4) + " by the " + fit.kernel.name + " kernel";
};`;

const folder = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await build({
  stdin: { contents: program, resolveDir: folder },
  bundle: true,
  format: "esm",
  platform: "browser",
  minify: true,
  write: false,
});
const script = outputFiles[0].text.replaceAll("</script", "<\\/script");
const page = `<!doctype html>
<meta charset="utf-8"><title>leapflow in a page</title>
<p>Learns y = (a + b)² + c from 400 rows, here and now.</p>
<button>Learn</button> <output></output>
<script type="module">${script}</script>
`;
const path = process.argv[2] ?? join(tmpdir(), "leapflow-page.html");
await writeFile(path, page);
console.log(`${(page.length / 1024).toFixed(0)} kB in ${path}: open it in a browser, it loads nothing`);
