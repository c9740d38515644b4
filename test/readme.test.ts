/** Everything in README.md that can run does run, against the packed package. */
import { chmodSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fences, promisedOutput, type Runnable, runnables } from "./packaging/markdown.js";
import { createProject, type Project, printed, root, run } from "./packaging/project.js";
import { NODE_NEXT, NODE_TYPES, typeErrors } from "./packaging/typecheck.js";

const file = join(root, "README.md");
const readme = existsSync(file) ? readFileSync(file, "utf8") : "";
const parts = runnables(readme);

describe("the extractor", () => {
  const sample = [
    "# Title",
    "```sh",
    "npm ci && leapflow fit first.csv",
    "```",
    "```bash",
    "leapflow fit second.csv",
    "```",
    "```ts",
    'import { fitMultiIndex } from "leapflow";',
    "console.log(1 + 1); // 2",
    'console.log(name); // "a b"',
    "console.log(text); // a summary",
    "```",
    "<!-- not run -->",
    "```js",
    'import { Link } from "leapflow";',
    "```",
    "```ts",
    'import { readFile } from "node:fs/promises";',
    "```",
    "````js",
    'const { hermite } = require("leapflow/theory");',
    "```",
    "still inside",
    "````",
    "```sh",
    "npm install leapflow",
    "leapflow predict model.json \\",
    "  rows.csv # numbers",
    "npx leapflow score a b",
    "node dist/cli/main.js --help",
    "```",
    "<!-- not run -->",
    "```sh",
    "leapflow fit <your file>",
    "```",
    "```",
    "$ leapflow --version",
    "0.1.0",
    "```",
    "```",
    "leapflow is a word of this text",
    "```",
  ].join("\n");

  test("finds programs and commands, and leaves out what is marked", () => {
    expect(
      runnables(sample).map(({ kind, language, line, text }) => [kind, language, line, text.split("\n")[0]]),
    ).toEqual([
      ["program", "ts", 8, 'import { fitMultiIndex } from "leapflow";'],
      ["program", "js", 21, 'const { hermite } = require("leapflow/theory");'],
      ["command", "sh", 28, "leapflow predict model.json rows.csv # numbers"],
      ["command", "sh", 30, "leapflow score a b"],
      ["command", "sh", 31, "leapflow --help"],
      ["command", "sh", 38, "leapflow --version"],
    ]);
    expect(fences(sample)).toHaveLength(10);
  });

  test("a fence that is never closed ends with the document; text far from a mark runs", () => {
    const text = '<!-- not run -->\nwords\n```js\nimport "x";\nimport { a } from "leapflow";';
    expect(runnables(text)).toEqual([
      { kind: "program", language: "js", line: 3, text: 'import "x";\nimport { a } from "leapflow";' },
    ]);
  });

  test("reads promised output", () => {
    expect(promisedOutput(runnables(sample)[0].text)).toEqual(["2", "a b"]);
  });
});

describe("README.md", () => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject();
    for (const folder of ["data", "examples"])
      symlinkSync(join(root, folder), join(project.folder, folder), "junction");
    const command = `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist/cli/main.js")}" "$@"\n`;
    chmodSync(project.write("bin/leapflow", command), 0o755);
  });
  afterAll(() => project?.remove());

  const sourceOf = ({ language, line, text }: Runnable): string => {
    const common = !/^\s*(import|export)\b/m.test(text) && /\brequire\(/.test(text);
    return project.write(`line${line}.${common ? "c" : "m"}${language}`, text);
  };

  test("has at least two programs to run", () => {
    expect(parts.filter(({ kind }) => kind === "program").length).toBeGreaterThanOrEqual(2);
  });

  test.each(parts)(
    "$kind in line $line: $text",
    async (part) => {
      if (part.kind === "command") {
        const env = { PATH: `${join(project.folder, "bin")}${delimiter}${process.env.PATH}` };
        const options = { cwd: project.folder, env, timeoutMs: 115_000 };
        const { code, stderr } = await run("bash", ["-e", "-o", "pipefail", "-c", part.text], options);
        expect(stderr).not.toMatch(/^leapflow:/m);
        expect(code).toBe(0);
        return;
      }
      const source = sourceOf(part);
      let program = source;
      if (part.language === "ts") {
        const { code } = await transform(part.text, { loader: "ts", target: "node20", format: "esm" });
        program = project.write(`line${part.line}.mjs`, code);
      }
      const output = await printed(["--no-warnings", program], { cwd: project.folder, timeoutMs: 115_000 });
      expect(output).not.toMatch(/NaN|undefined|\[object/);
      const lines = output.split("\n");
      expect(promisedOutput(part.text).filter((promise) => !lines.includes(promise))).toEqual([]);
    },
    120_000,
  );

  test("its TypeScript compiles in strict mode", () => {
    const files = parts.filter(({ kind, language }) => kind === "program" && language === "ts").map(sourceOf);
    expect(typeErrors(files, { ...NODE_NEXT, ...NODE_TYPES, skipLibCheck: true })).toEqual([]);
  });

  test("every link into the repository leads somewhere", () => {
    const targets = [...readme.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, target]) => target);
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });
});
