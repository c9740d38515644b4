/** Programs of users: ES modules, require(), a browser bundle, a strict content policy, a worker, TypeScript. */
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONSUMER } from "./consumer.js";
import { createProject, type Project, printed } from "./project.js";
import { BUNDLER, NODE_LIBRARIES, NODE_NEXT, NODE_TYPES, PAGE_LIBRARIES, typeErrors } from "./typecheck.js";

/** A small fit; everything that it computes, as JSON, which keeps every bit of a double. */
const FIT = `
const X = Array.from({ length: 200 }, (_, i) => [Math.sin(i * 1.7), Math.cos(i * 2.3), Math.sin(i * 0.9 + 1), Math.cos(i * 3.1)]);
const y = X.map((x) => x[0] * x[1] + x[2]);
const outcome = async (kernel) => {
  const fit = await fitMultiIndex(X, y, { rank: 2, degree: 3, seed: 7, kernel });
  const { reason, iterations } = fit.stop;
  const numbers = { loss: [...fit.history.loss], predictions: [...fit.model.predict(X)], r2: fit.r2Train };
  return { kernel: fit.kernel, reason, iterations, numbers, model: JSON.stringify(fit.model) };
};`;
const PRINT = `${FIT}\noutcome(KERNEL).then((result) => console.log(JSON.stringify(result)));`;
const program = (kernel: string): string => PRINT.replace("KERNEL", JSON.stringify(kernel));

interface Result {
  kernel: { name: string; simd: boolean; reason?: string };
  reason: string;
  numbers: { loss: number[]; predictions: number[]; r2: number };
  model: string;
}

let project: Project;
/** What the ES module program printed. */
let expected: string;
beforeAll(async () => {
  project = await createProject();
  const file = project.write("program.mjs", `import { fitMultiIndex } from "leapflow";${program("wasm")}`);
  expected = await printed([file], { cwd: project.folder });
});
afterAll(() => project?.remove());

const run = (file: string, flags: string[] = []): Promise<string> =>
  printed([...flags, file], { cwd: project.folder, timeoutMs: 30_000 });

/** The same numbers, on the reference kernel, with a reason that matches. */
function expectFallback(output: string, reason: RegExp): void {
  const { kernel, ...rest } = JSON.parse(output) as Result;
  expect(kernel).toMatchObject({ name: "reference", simd: false, reason: expect.stringMatching(reason) });
  const { kernel: _, ...wasm } = JSON.parse(expected) as Result;
  expect(rest).toEqual(wasm);
}

test("an ES module program fits on WebAssembly", () => {
  const { kernel, numbers } = JSON.parse(expected) as Result;
  expect(kernel).toMatchObject({ name: "wasm", simd: true });
  expect(numbers.predictions).toHaveLength(200);
  expect(numbers.r2).toBeGreaterThan(0.8);
});

test("require() gives the same", async () => {
  const file = project.write("program.cjs", `const { fitMultiIndex } = require("leapflow");${program("wasm")}`);
  expect(await run(file, ["--no-warnings"])).toBe(expected);
});

test("require() and import() of one program share one package", async () => {
  const file = project.write(
    "both.cjs",
    `const one = require("leapflow"), theory = require("leapflow/theory"), io = require("leapflow/io");
     import("leapflow").then((other) => console.log(one.fitMultiIndex === other.fitMultiIndex, one.Link === theory.Link, typeof io.readCsv));`,
  );
  expect(await run(file, ["--no-warnings"])).toBe("true true function\n");
});

test("a worker thread fits and ends by itself", async () => {
  project.write(
    "worker.mjs",
    `import { parentPort } from "node:worker_threads";
     import { fitMultiIndex } from "leapflow";${FIT}
     parentPort.postMessage(await outcome("wasm"));`,
  );
  const file = project.write(
    "main.mjs",
    `import { Worker } from "node:worker_threads";
     const worker = new Worker(new URL("./worker.mjs", import.meta.url));
     worker.on("message", (result) => console.log(JSON.stringify(result)));
     worker.on("exit", (code) => { if (code !== 0) console.error("exit code", code); });`,
  );
  expect(await run(file)).toBe(expected);
});

test("a worker file of one line serves fits", async () => {
  project.write("fits.mjs", `import { serveFits } from "leapflow/worker"; serveFits();`);
  const file = project.write(
    "away.mjs",
    `import { Worker } from "node:worker_threads";
     import { fitInWorker } from "leapflow/worker";
     const worker = new Worker(new URL("./fits.mjs", import.meta.url));
     const fitMultiIndex = (X, y, options) => fitInWorker(worker, X, y, options);${FIT}
     outcome("wasm").then((result) => console.log(JSON.stringify(result))).finally(() => worker.terminate());`,
  );
  expect(await run(file)).toBe(expected);
});

test("two threads share the rows; a bundle, which has no thread file, runs one and says why", async () => {
  const threads = `import { fitMultiIndex } from "leapflow";
    const X = Array.from({ length: 400 }, (_, i) => [Math.sin(i * 1.7), Math.cos(i * 2.3), Math.sin(i * 0.9 + 1)]);
    const y = X.map((x) => x[0] * x[1] + x[2]);
    Promise.all([1, 2].map((threads) => fitMultiIndex(X, y, { rank: 2, degree: 3, seed: 7, threads }))).then(([one, two]) => {
      const same = one.history.loss.every((v, k) => Object.is(v, two.history.loss[k]));
      console.log(one.kernel.threads, two.kernel.threads, same, two.kernel.reason ?? "");
    });`;
  const file = project.write("threads.mjs", threads);
  expect(await run(file)).toBe("1 2 true \n");
  const outfile = join(project.folder, "bundled", "threads.mjs");
  const options = { bundle: true, format: "esm", platform: "node", logLevel: "silent" } as const;
  const { warnings } = await build({ entryPoints: [file], absWorkingDir: project.folder, outfile, ...options });
  expect(warnings).toEqual([]);
  expect(await run(outfile)).toMatch(/^1 1 true .*configureThreads/);
});

test("the plain binary serves where the embedded one is not wanted", async () => {
  const file = project.write(
    "bytes.mjs",
    `import { readFile } from "node:fs/promises";
     import { configureKernel, fitMultiIndex } from "leapflow";
     globalThis.atob = Uint8Array.fromBase64 = () => { throw new Error("the embedded copy was decoded"); };
     configureKernel({ bytes: await readFile(new URL(import.meta.resolve("leapflow/leapflow.wasm"))) });${program("wasm")}`,
  );
  expect(await run(file)).toBe(expected);
});

describe("bundled for the browser", () => {
  /** Bundles alone in a folder, so that nothing is left to find in node_modules. */
  const bundles = { wasm: "", auto: "" };
  const bundle = async (kernel: "wasm" | "auto"): Promise<string[]> => {
    const page = `import { fitMultiIndex } from "leapflow";
      import { leapExponents } from "leapflow/theory";
      globalThis.leapExponents = leapExponents;${program(kernel)}`;
    const outfile = join(project.folder, `page-${kernel}.js`);
    const { warnings, errors } = await build({
      entryPoints: [project.write(`page-${kernel}.mjs`, page)],
      absWorkingDir: project.folder,
      bundle: true,
      format: "iife",
      platform: "browser",
      minify: true,
      outfile,
      logLevel: "silent",
    });
    mkdirSync(join(project.folder, "alone"), { recursive: true });
    bundles[kernel] = join(project.folder, "alone", `page-${kernel}.cjs`);
    copyFileSync(outfile, bundles[kernel]);
    return [...warnings, ...errors].map(({ text }) => text);
  };

  test("esbuild has nothing to warn about", async () => {
    expect(await bundle("wasm")).toEqual([]);
    expect(await bundle("auto")).toEqual([]);
    expect(readFileSync(bundles.wasm, "utf8")).not.toMatch(/["']node:|\brequire\s*\(\s*["']/);
  });

  test("the bundle gives the same", async () => {
    expect(await run(bundles.wasm)).toBe(expected);
  });

  test("without permission to compile, the reference kernel gives the same numbers and the reason", async () => {
    const policy = project.write(
      "policy.cjs",
      `const refusal = () => new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
       const rejects = async () => { throw refusal(); };
       WebAssembly.compile = WebAssembly.instantiate = rejects;
       WebAssembly.compileStreaming = WebAssembly.instantiateStreaming = rejects;
       WebAssembly.Module = function Module() { throw refusal(); };`,
    );
    expectFallback(await run(bundles.auto, ["--require", policy]), /disallowed by embedder/);
  });

  test("the engine's own policy against eval and WebAssembly is respected", async () => {
    const host = project.write(
      "host.cjs",
      `const vm = require("node:vm"), { readFileSync } = require("node:fs");
       const { atob, console, performance, setImmediate, TextDecoder } = globalThis;
       const context = vm.createContext({ atob, console, performance, setImmediate, TextDecoder }, { codeGeneration: { strings: false, wasm: false } });
       vm.runInContext(readFileSync(process.argv[2], "utf8"), context);`,
    );
    const output = await printed([host, bundles.auto], { cwd: project.folder });
    expectFallback(output, /could not be compiled here/);
  });

  test("without WebAssembly at all, too", async () => {
    const missing = project.write("missing.cjs", "delete globalThis.WebAssembly;");
    expectFallback(await run(bundles.auto, ["--require", missing]), /WebAssembly is missing/);
  });
});

describe("TypeScript", () => {
  const consumer = (): string => project.write("consumer.mts", CONSUMER);

  test("a wrong program does not compile", () => {
    const wrong = project.write("wrong.mts", 'import { VERSION } from "leapflow";\nexport const n: number = VERSION;');
    expect(typeErrors([wrong], { ...BUNDLER, ...PAGE_LIBRARIES, skipLibCheck: true })).toEqual([
      expect.stringMatching(/wrong\.mts\(2\): Type '.*' is not assignable to type 'number'/),
    ]);
  });

  test("compiles with NodeNext, strict, declarations checked, as ES module and as CommonJS", () => {
    const files = [consumer(), project.write("common.cts", CONSUMER)];
    expect(typeErrors(files, { ...NODE_NEXT, ...NODE_TYPES })).toEqual([]);
  });

  test("compiles with Bundler, strict, the libraries of a page", () => {
    expect(typeErrors([consumer()], { ...BUNDLER, ...PAGE_LIBRARIES, skipLibCheck: true })).toEqual([]);
  });

  test("compiles with NodeNext, strict, the libraries of Node", () => {
    expect(typeErrors([consumer()], { ...NODE_NEXT, ...NODE_LIBRARIES, skipLibCheck: true })).toEqual([]);
  });

  test("declarations hold with the libraries of a page alone", () => {
    expect(typeErrors([consumer()], { ...BUNDLER, ...PAGE_LIBRARIES })).toEqual([]);
  });

  test("declarations hold with the libraries of Node alone", () => {
    expect(typeErrors([consumer()], { ...NODE_NEXT, ...NODE_LIBRARIES })).toEqual([]);
  });
});
