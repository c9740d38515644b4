/** Deno and Bun run the packed package and give Node's bits. Both come from npm when the test runs; where they do not, that is said. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JOB, type Told } from "./job.js";
import { createProject, type Project, printed, run } from "./project.js";
import { type Fetched, fetchPackages } from "./registry.js";

const VERSIONS = { deno: "2.9.6", bun: "1.4.5" };

let fetched: Fetched;
/** The program itself, from the package of this platform; the launchers around it need install scripts. */
function programOf(scope: string, path: string): string | undefined {
  const folder = join(fetched.folder, "node_modules", scope);
  const candidates = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, path)) : [];
  return candidates.find((file) => existsSync(file));
}

let project: Project;
let wanted: Told;
beforeAll(async () => {
  project = await createProject();
  project.write("job.mjs", JOB);
  project.write(
    "program.mjs",
    `import { fitMultiIndex } from "leapflow";
     import { leapExponents, Link } from "leapflow/theory";
     import { options, told, X, y } from "./job.mjs";
     if (leapExponents(Link.parse("z1*z2")).leap !== 2) throw new Error("leap");
     console.log(told(await fitMultiIndex(X, y, options)));`,
  );
  wanted = JSON.parse(await printed(["program.mjs"], { cwd: project.folder })) as Told;
  // Too large to be dependencies of everybody.
  fetched = await fetchPackages("runtimes", VERSIONS);
}, 240_000);
afterAll(() => project?.remove());

test.each([
  ["Deno", "@deno", "deno", ["run", "--no-prompt", "--allow-read", "--node-modules-dir=manual", "program.mjs"]],
  ["Bun", "@oven", "bin/bun", ["program.mjs"]],
])("%s", async (name, scope, path, args) => {
  const program = programOf(scope, path);
  if (program === undefined) {
    console.warn(`SKIPPED: ${name} could not be installed from npm: ${fetched.failure}`);
    return;
  }
  const { code, stdout, stderr } = await run(program, args, { cwd: project.folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(wanted.kernel).toBe("wasm");
  expect(JSON.parse(stdout)).toEqual(wanted);
});
