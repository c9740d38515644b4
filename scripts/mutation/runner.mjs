/**
 * Stryker test runner that keeps the tests in one process: every test file is bundled once, and each mutant evaluates
 * the bundles of the tests that reach it anew, so module state (caches, loaded kernels) never passes from one mutant to the
 * next. Starting vitest costs half a second a mutant; this costs milliseconds and kills the same mutants.
 *
 * It knows the part of vitest that test/{math,solve,theory,base} use: describe, it and test with `each`, and `expect`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { Script } from "node:vm";
import { INSTRUMENTER_CONSTANTS } from "@stryker-mutator/api/core";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from "@vitest/expect";
import { build } from "esbuild";
import { isSampled, keyOf } from "./sample.mjs";

const VITEST = "__mutationVitest__";
/** Where instrumented code looks for the active mutant. */
const NAMESPACE = INSTRUMENTER_CONSTANTS.NAMESPACE;
const { LEAPFLOW_MUTATION_SAMPLE: sample, LEAPFLOW_MUTATION_SKIP: skipped } = process.env;
const SAMPLE = sample ? JSON.parse(sample) : undefined;
/** Mutants that a test caught before. */
const SKIP = new Set(skipped ? JSON.parse(readFileSync(skipped, "utf8")) : []);

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT]);
globalThis[GLOBAL_EXPECT] = expect;

/** The tests that one evaluation of a bundle registers, in order. */
function collector() {
  const tests = [];
  let prefix = "";
  const each = (register) => (rows) => (title, body, more) => {
    rows.forEach((row, index) => {
      const values = Array.isArray(row) ? row : [row];
      register(`${format(title, ...values)} [${index}]`, () => bodyOf(body, more)(...values));
    });
  };
  const bodyOf = (a, b) => (typeof a === "function" ? a : b);
  const test = (name, a, b) => {
    tests.push({ name: `${prefix}${name}`, body: bodyOf(a, b) });
  };
  const describe = (name, a, b) => {
    const outer = prefix;
    prefix = `${prefix}${name} `;
    try {
      bodyOf(a, b)();
    } finally {
      prefix = outer;
    }
  };
  test.each = each(test);
  describe.each = each(describe);
  return { tests, api: { describe, suite: describe, test, it: test, expect } };
}

const bundling = {
  name: "mutation",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: "vitest", namespace: "mutation" }));
    onLoad({ filter: /.*/, namespace: "mutation" }, () => ({ contents: `module.exports = globalThis.${VITEST};` }));
    onLoad({ filter: /[/\\](src|test)[/\\].*\.ts$/ }, ({ path }) => {
      const here = JSON.stringify(pathToFileURL(path).href);
      return { contents: readFileSync(path, "utf8").replaceAll("import.meta.url", here), loader: "ts" };
    });
  },
};

class InProcessRunner {
  #files = new Map();
  #times = new Map();

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    const files = process.env.LEAPFLOW_MUTATION_TESTS?.split(",");
    if (!files?.[0]) throw new Error("no test files were named; call it as `npm run mutation`");
    for (const file of files) {
      const { outputFiles } = await build({
        entryPoints: [resolve(file)],
        bundle: true,
        write: false,
        platform: "node",
        format: "cjs",
        target: "node20",
        logLevel: "error",
        plugins: [bundling],
      });
      const code = `(function (require, module, exports) {${outputFiles[0].text}\n})`;
      this.#files.set(file, new Script(code, { filename: `${file}.bundle.cjs` }));
    }
  }

  async dryRun() {
    const ns = this.#state();
    ns.activeMutant = undefined;
    ns.hitCount = undefined;
    ns.mutantCoverage = { static: {}, perTest: {} };
    const results = [];
    for (const file of this.#files.keys()) {
      for (const test of await this.#load(file)) {
        ns.currentTestId = test.id;
        const result = await run(test);
        ns.currentTestId = undefined;
        this.#times.set(test.id, result.timeSpentMs);
        results.push(result);
      }
    }
    return { status: "complete", tests: results, mutantCoverage: ns.mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit, mutantActivation, timeout }) {
    const { fileName, location, mutatorName, replacement } = activeMutant;
    const end = { line: location.end.line + 1, column: location.end.column + 1 };
    // Stryker names the file in the sandbox or the one that it was copied from.
    const file = fileName.replaceAll("\\", "/").replace(/^.*\/(?=src\/)/, "");
    const key = keyOf(file, location.start.line + 1, location.start.column + 1, end, mutatorName, replacement);
    if (!isSampled(SAMPLE, key) || SKIP.has(key)) return { status: "error", errorMessage: "not tried" };
    const ns = this.#state();
    ns.hitCount = 0;
    ns.hitLimit = hitLimit;
    ns.activeMutant = mutantActivation === "static" ? activeMutant.id : undefined;
    const wanted = testFilter === undefined ? undefined : new Set(testFilter);
    const files = wanted ? new Set(testFilter.map((id) => id.slice(0, id.indexOf("#")))) : new Set(this.#files.keys());
    let tests = [];
    try {
      for (const file of files) tests.push(...(await this.#load(file)));
    } catch (error) {
      return killed({ id: testFilter?.[0] ?? [...files][0], failureMessage: String(error) }, 1);
    }
    ns.activeMutant = activeMutant.id;
    if (wanted) tests = tests.filter(({ id }) => wanted.has(id));
    // The quickest first: most mutants die at the first test that meets them.
    tests.sort((a, b) => (this.#times.get(a.id) ?? 0) - (this.#times.get(b.id) ?? 0));
    try {
      for (const [index, test] of tests.entries()) {
        const result = await Promise.race([run(test), late(test, timeout)]);
        if (ns.hitCount > ns.hitLimit) return { status: "timeout", reason: "hit limit" };
        if (result.status !== 0) return killed(result, index + 1);
      }
    } finally {
      ns.activeMutant = undefined;
    }
    return { status: "survived", nrOfTests: tests.length };
  }

  async dispose() {}

  #state() {
    globalThis[NAMESPACE] ??= {};
    return globalThis[NAMESPACE];
  }

  async #load(file) {
    const { tests, api } = collector();
    globalThis[VITEST] = api;
    const module = { exports: {} };
    this.#files.get(file).runInThisContext()(createRequire(resolve(file)), module, module.exports);
    return tests.map((test, index) => ({ ...test, id: `${file}#${index} ${test.name}`, file }));
  }
}

async function run(test) {
  const started = performance.now();
  const base = () => ({ id: test.id, name: test.name, fileName: test.file, timeSpentMs: performance.now() - started });
  try {
    await test.body();
    return { ...base(), status: 0 };
  } catch (error) {
    return { ...base(), status: 1, failureMessage: String(error?.message ?? error) };
  }
}

const killed = ({ id, failureMessage }, nrOfTests) => ({ status: "killed", killedBy: [id], failureMessage, nrOfTests });

const late = (test, ms) =>
  new Promise((done) => {
    const result = {
      id: test.id,
      name: test.name,
      status: 1,
      failureMessage: `no end within ${ms} ms`,
      timeSpentMs: ms,
    };
    setTimeout(() => done(result), ms).unref();
  });

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, "in-process", InProcessRunner)];
