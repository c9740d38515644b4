/** Pages of users in Chromium: bundled by esbuild, Vite and webpack and from a classic script, with and without permission to compile. */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { build as bundle } from "esbuild";
import type { Browser } from "playwright-core";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { hasBrowser, launchBrowser } from "../support/browser.js";
import { JOB, type Told } from "./job.js";
import { createProject, type Project, printed } from "./project.js";

const STRICT = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'";
const WASM = `${STRICT.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")}`;
/** Both fits of a page; it does its work alone, since a strict policy also forbids what a driver would evaluate in it. */
const page = (worker: string): string => `
import { fitMultiIndex } from "leapflow";
import { fitInWorker } from "leapflow/worker";
import { options, told, X, y } from "./job.js";
const worker = ${worker};
const run = async () => [told(await fitMultiIndex(X, y, options)), told(await fitInWorker(worker, X, y, options))];
run().then((results) => console.log("told:" + JSON.stringify(results)), (error) => console.error(error));
`;
const BESIDE = 'new Worker(new URL("./worker.js", import.meta.url), { type: "module" })';
const CLASSIC = `leapflow.fitMultiIndex(X, y, options).then((fit) => console.log("told:" + JSON.stringify([told(fit)])), (error) => console.error(error));`;
const html = (source: string, kind: string): string =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>fit</title>${source
    .split(" ")
    .map((src) => `<script ${kind} src="./${src}"></script>`)
    .join("")}`;

describe.skipIf(!hasBrowser)("pages", () => {
  let project: Project;
  let wanted: Told;
  let browser: Browser;
  beforeAll(async () => {
    project = await createProject();
    project.write("package.json", JSON.stringify({ name: "page", private: true, type: "module" }));
    project.write("job.js", JOB);
    project.write("worker.js", 'import { serveFits } from "leapflow/worker";\nserveFits();\n');
    project.write("page.js", page(BESIDE));
    project.write("plain.js", page('new Worker("./worker.out.js")'));
    const program = `import { fitMultiIndex } from "leapflow";\nimport { options, told, X, y } from "./job.js";\nconsole.log(told(await fitMultiIndex(X, y, options)));`;
    wanted = JSON.parse(await printed([project.write("node.mjs", program)], { cwd: project.folder })) as Told;
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    project?.remove();
  });

  /** What a page tells when it is served with a policy. */
  async function tell(folder: string, policy: string): Promise<Told[]> {
    const server = await serve(join(project.folder, folder), policy);
    const context = await browser.newContext();
    try {
      const visit = await context.newPage();
      const told = new Promise<string>((resolve, reject) => {
        visit.on("console", (message) => {
          if (message.text().startsWith("told:")) resolve(message.text().slice(5));
          // Chromium itself writes that a policy forbade WebAssembly: that is what is being tried.
          else if (message.type() === "error" && !/Content Security Policy/.test(message.text()))
            reject(new Error(message.text()));
        });
        visit.on("pageerror", reject);
      });
      await visit.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/index.html`);
      return (JSON.parse(await told) as string[]).map((text) => JSON.parse(text) as Told);
    } finally {
      await context.close();
      server.closeAllConnections();
      server.close();
    }
  }

  async function expectBits(folder: string, fits: number): Promise<void> {
    const free = await tell(folder, WASM);
    expect(free).toEqual(Array(fits).fill(wanted));
    const strict = await tell(folder, STRICT);
    expect(strict).toHaveLength(fits);
    for (const { kernel, why, bits } of strict) {
      expect({ kernel, bits }).toEqual({ kernel: "reference", bits: wanted.bits });
      expect(why).toMatch(/Content Security Policy/);
    }
  }

  test("esbuild", async () => {
    const options = {
      absWorkingDir: project.folder,
      bundle: true,
      format: "iife",
      platform: "browser",
      minify: true,
    } as const;
    for (const [from, to] of [
      ["plain.js", "page.out.js"],
      ["worker.js", "worker.out.js"],
    ]) {
      const { warnings } = await bundle({
        ...options,
        entryPoints: [from],
        outfile: `esbuild/${to}`,
        logLevel: "silent",
      });
      expect(warnings).toEqual([]);
    }
    project.write("esbuild/index.html", html("page.out.js", "defer"));
    await expectBits("esbuild", 2);
  });

  test("Vite", async () => {
    project.write("index.html", html("page.js", 'type="module"'));
    await viteBuild({
      root: project.folder,
      base: "./",
      configFile: false,
      logLevel: "error",
      build: { outDir: "vite" },
      worker: { format: "es" },
    });
    await expectBits("vite", 2);
  });

  test("webpack", async () => {
    const compiler = webpack({
      mode: "production",
      context: project.folder,
      entry: "./page.js",
      output: { path: join(project.folder, "webpack"), filename: "page.out.js", publicPath: "auto" },
      performance: { hints: false },
      // esbuild and Vite try small names; here it would take most of the time.
      optimization: { minimize: false },
    });
    const stats = await new Promise<webpack.Stats>((resolve, reject) =>
      compiler?.run((error, result) => (result ? resolve(result) : reject(error))),
    );
    expect(stats.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
    project.write("webpack/index.html", html("page.out.js", "defer"));
    await expectBits("webpack", 2);
  });

  test("a classic script, without a build", async () => {
    copyFileSync(join(project.installed, "dist/leapflow.script.js"), project.write("classic/leapflow.script.js", ""));
    project.write("classic/page.js", `${JOB.replaceAll("export const", "const")}${CLASSIC}`);
    project.write("classic/index.html", html("leapflow.script.js page.js", ""));
    await expectBits("classic", 1);
  });
});

function serve(folder: string, policy: string): Promise<Server> {
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript" };
  const server = createServer((request, response) => {
    const file = join(folder, (request.url ?? "").replace(/[?#].*/, ""));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "content-security-policy": policy,
    });
    return response.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
