/** Every program and command of the guide runs as it stands, against the packed package; its figures are what its commands write. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fences, promisedOutput, type Runnable, runnables } from "./packaging/markdown.js";
import { createProject, type Project, printed, root, run } from "./packaging/project.js";
import { NODE_NEXT, NODE_TYPES, typeErrors } from "./packaging/typecheck.js";

const guide = join(root, "docs/guide");
const pages = readdirSync(guide)
  .filter((name) => name.endsWith(".md"))
  .sort();
const textOf = (page: string): string => readFileSync(join(guide, page), "utf8");
// What README.md has too is run by its own test.
const readme = new Set(runnables(readFileSync(join(root, "README.md"), "utf8")).map(({ text }) => text));
const parts = pages
  .flatMap((page) => runnables(textOf(page), 0).map((part) => ({ page, ...part })))
  .filter(({ text }) => !readme.has(text));

let project: Project;
beforeAll(async () => {
  project = await createProject();
  symlinkSync(join(root, "data"), join(project.folder, "data"), "junction");
  mkdirSync(join(project.folder, "docs/guide/figures"), { recursive: true });
  cpSync(join(guide, "sweep.json"), join(project.folder, "docs/guide/sweep.json"));
  const command = `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist/cli/main.js")}" "$@"\n`;
  chmodSync(project.write("bin/leapflow", command), 0o755);
});
afterAll(() => project?.remove());

const sourceOf = ({ page, line, language, text }: Runnable & { page: string }): string =>
  project.write(`${page}-${line}.m${language}`, text);

test("is on eight pages, each with something to run or to look at", () => {
  expect(pages).toHaveLength(9);
  const named = new Set(parts.map(({ page }) => page));
  expect(pages.filter((page) => !named.has(page))).toEqual(["index.md"]);
});

describe.each(pages.filter((page) => page !== "index.md"))("%s", (page) => {
  test.each(parts.filter((part) => part.page === page))(
    "$kind in line $line: $text",
    async (part) => {
      if (part.kind === "command") {
        const env = { PATH: `${join(project.folder, "bin")}${delimiter}${process.env.PATH}` };
        const options = { cwd: project.folder, env, timeoutMs: 115_000 };
        const { code, stderr } = await run("bash", ["-e", "-o", "pipefail", "-c", part.text], options);
        expect(stderr).not.toMatch(/^leapflow:/m);
        expect(code).toBe(0);
        const figure = /--plot (docs\S+)/.exec(part.text)?.[1];
        if (figure !== undefined)
          expect(readFileSync(join(project.folder, figure), "utf8")).toBe(readFileSync(join(root, figure), "utf8"));
        return;
      }
      const { code } = await transform(part.text, { loader: "ts", target: "node20", format: "esm" });
      sourceOf(part);
      const program = project.write(`${page}-${part.line}.mjs`, code);
      const output = await printed(["--no-warnings", program], { cwd: project.folder, timeoutMs: 115_000 });
      expect(output).not.toMatch(/NaN|undefined|\[object/);
      const lines = output.split("\n");
      expect(promisedOutput(part.text).filter((promise) => !lines.includes(promise))).toEqual([]);
    },
    120_000,
  );
});

test("its programs compile in strict mode", () => {
  const files = parts.filter(({ kind }) => kind === "program").map(sourceOf);
  expect(typeErrors(files, { ...NODE_NEXT, ...NODE_TYPES, skipLibCheck: true })).toEqual([]);
});

test("links and figures are there; the specification that is shown is the one that runs", () => {
  for (const page of pages) {
    const targets = [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => target);
    expect(targets.filter((target) => !existsSync(join(guide, target)))).toEqual([]);
  }
  const shown = fences(textOf("rank-and-degree.md")).find(({ language }) => language === "json")?.text;
  expect(JSON.parse(shown ?? "")).toEqual(JSON.parse(readFileSync(join(guide, "sweep.json"), "utf8")));
  const readme = readFileSync(join(root, "README.md"), "utf8");
  for (const page of pages) expect(readme).toContain(`(docs/guide/${page})`);
});
