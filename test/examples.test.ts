/** Every example in a docstring runs as it stands, against the packed package, and prints what it promises. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fences, promisedOutput } from "./packaging/markdown.js";
import { createProject, type Project, printed, root } from "./packaging/project.js";
import { NODE_NEXT, NODE_TYPES, typeErrors } from "./packaging/typecheck.js";

interface Example {
  readonly name: string;
  readonly text: string;
}

/** Programs in docstrings: what is fenced, and what follows a bare `@example` in its line. */
function examplesIn(source: string, name: string): Example[] {
  const comments = [...source.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, text]) =>
    text.replace(/^[ \t]*\*?[ ]?/gm, ""),
  );
  return comments
    .flatMap((comment) => [
      ...fences(comment).map(({ text }) => text),
      ...[...comment.matchAll(/^@example[ \t]+(\S.*?)[ \t]*$/gm)].map(
        ([, text]) => `import { Link } from "leapflow";\n${text};`,
      ),
    ])
    .map((text, k) => ({ name: `${name} ${k + 1}`, text }));
}

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".ts"),
);
const examples = files.sort().flatMap((name) => examplesIn(readFileSync(join(root, "src", name), "utf8"), name));

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project?.remove());

const fileOf = ({ name }: Example): string => `${name.replace(/\W+/g, "-")}.mts`;

test("examples are found, fenced and in a line", () => {
  const source =
    "/**\n * A.\n * @example\n * ```ts\n * f();\n *   g();\n * ```\n */\n/** @example h(1) */\n/**\n * @example k(2)\n */";
  expect(examplesIn(source, "x").map(({ text }) => text)).toEqual([
    "f();\n  g();",
    'import { Link } from "leapflow";\nh(1);',
    'import { Link } from "leapflow";\nk(2);',
  ]);
  expect(examples.length).toBeGreaterThanOrEqual(12);
});

test.each(examples)("$name", async (example) => {
  const { code } = await transform(example.text, { loader: "ts", target: "node20", format: "esm" });
  // What serves belongs into a worker, which is ended once it runs.
  const isServing = /^serve\w+\(\);/m.test(example.text) && !/new Worker/.test(example.text);
  const file = project.write(
    fileOf(example).replace(".mts", ".mjs"),
    isServing ? `${code}\nimport { parentPort } from "node:worker_threads"; parentPort.postMessage("serving");` : code,
  );
  const host = isServing
    ? project.write(
        `host-${fileOf(example)}.mjs`,
        `import { Worker } from "node:worker_threads"; const worker = new Worker(${JSON.stringify(file)}); worker.on("message", (text) => { console.log(text); worker.terminate(); });`,
      )
    : file;
  const output = await printed(["--no-warnings", host], { cwd: project.folder });
  if (isServing) expect(output).toBe("serving\n");
  expect(promisedOutput(example.text).filter((promise) => !output.split("\n").includes(promise))).toEqual([]);
});

test("they compile in strict mode", () => {
  const sources = examples.map((example) => project.write(fileOf(example), example.text));
  expect(typeErrors(sources, { ...NODE_NEXT, ...NODE_TYPES, skipLibCheck: true })).toEqual([]);
});
