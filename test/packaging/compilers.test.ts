/** The declarations, as compilers older and newer than the project's own see them; that one (6.0) is in consumers.test.ts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONSUMER } from "./consumer.js";
import { createProject, type Project, root, run } from "./project.js";
import { fetchPackages } from "./registry.js";

/** As dependencies they would fight for the name `tsc`. */
const OTHERS = { "typescript-5.6": "npm:typescript@5.6.3", "typescript-7.0": "npm:typescript@7.0.2" };

let project: Project;
let others = "";
beforeAll(async () => {
  const { folder, failure } = await fetchPackages("compilers", OTHERS);
  if (failure !== undefined) throw new Error(`other compilers could not be installed: ${failure}`);
  others = join(folder, "node_modules");
  project = await createProject();
  project.write("consumer.mts", CONSUMER);
  project.write("common.cts", CONSUMER);
  project.write("wrong.mts", 'import { VERSION } from "leapflow";\nexport const n: number = VERSION;');
}, 240_000);
afterAll(() => project?.remove());

describe.each(["5.6", "7.0"])("TypeScript %s", (version) => {
  /** What it complains about in the program and in the declarations of leapflow; other packages answer for their own. */
  async function complaints(files: readonly string[], compilerOptions: object): Promise<string[]> {
    const path = version === "6.0" ? join(root, "node_modules/typescript") : join(others, `typescript-${version}`);
    expect(JSON.parse(readFileSync(join(path, "package.json"), "utf8")).version).toMatch(`${version}.`);
    const options = { noEmit: true, strict: true, target: "es2022", skipLibCheck: false, ...compilerOptions };
    const config = project.write(`tsconfig-${version}.json`, JSON.stringify({ compilerOptions: options, files }));
    const { stdout, stderr } = await run(process.execPath, [join(path, "bin/tsc"), "-p", config, "--pretty", "false"], {
      cwd: project.folder,
      timeoutMs: 110_000,
    });
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => /\S/.test(line));
    return lines.filter(
      (line) => !/^\s/.test(line) && (!line.includes("node_modules/") || line.includes("/leapflow/")),
    );
  }
  const types = { types: ["node"], typeRoots: [join(root, "node_modules/@types")] };

  test("compiles as ES module and as CommonJS, declarations checked", async () => {
    const node = { module: "nodenext", moduleResolution: "nodenext", lib: ["es2023"], ...types };
    // require() of ES modules is known to the compiler from 5.8 on.
    const files = version === "5.6" ? ["consumer.mts"] : ["consumer.mts", "common.cts"];
    expect(await complaints(files, node)).toEqual([]);
  }, 120_000);

  test("compiles for a page, and a wrong program does not", async () => {
    const page = { module: "esnext", moduleResolution: "bundler", lib: ["es2022", "dom"], types: [] };
    expect(await complaints(["consumer.mts", "wrong.mts"], page)).toEqual([
      expect.stringMatching(/^wrong\.mts\(2,14\): error TS2322/),
    ]);
  }, 120_000);
});
