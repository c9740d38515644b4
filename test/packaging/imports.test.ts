/** Importing an entry does nothing that the rest of a program could notice, and needs nothing writable. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, printed } from "./project.js";

const ENTRIES = ["", "/theory", "/io", "/worker", "/cluster", "/plot", "/studies", "/relaxed"].map(
  (name) => `leapflow${name}`,
);

let project: Project;
beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project?.remove());

/** Compares the world before and after an import. */
const WITNESS = `
const shared = () => {
  const seen = new Map();
  const visit = (value, path, depth) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null || depth > 2) return;
    for (const key of Reflect.ownKeys(value)) {
      const { value: inner, get, set, ...flags } = Object.getOwnPropertyDescriptor(value, key);
      const name = path + "." + String(key);
      seen.set(name, [inner, get, set, JSON.stringify(flags)]);
      visit(inner, name, depth + 1);
    }
  };
  for (const key of Reflect.ownKeys(globalThis)) {
    seen.set(String(key), [globalThis[key]]);
    // What the engine and the host share with everyone; Node fills "process" lazily by itself.
    if (/^[A-Z]/.test(String(key))) visit(globalThis[key], String(key), 0);
  }
  return seen;
};
const changes = (before, after) => [...new Set([...before.keys(), ...after.keys()])].filter((key) => {
  const a = before.get(key), b = after.get(key);
  return !a || !b || a.some((part, i) => !Object.is(part, b[i]));
});
const listeners = () => process.eventNames().map((name) => String(name) + process.listenerCount(name)).sort();
const called = [];
// Node itself compiles a parser at the first CommonJS module and another at the first look at fetch.
const note = (name) => { if (new Error().stack.includes("node_modules")) called.push(name); };
for (const [owner, name] of [[WebAssembly, "compile"], [WebAssembly, "instantiate"], [WebAssembly, "validate"], [globalThis, "atob"], [globalThis, "fetch"], [globalThis, "setTimeout"], [globalThis, "setInterval"], [globalThis, "setImmediate"], [globalThis, "queueMicrotask"], [Math, "random"]]) {
  const original = owner[name];
  owner[name] = function (...args) { note(name); return original.apply(this, args); };
}
for (const name of ["Module", "Instance", "Memory"]) {
  WebAssembly[name] = new Proxy(WebAssembly[name], { construct(target, args) { note(name); return new target(...args); } });
}
// Node fills some globals at the first look at them and some at the first CommonJS module: not the entry's doing.
await import("./empty.cjs");
shared();
const before = { shared: shared(), listeners: listeners(), handles: process.getActiveResourcesInfo().sort(), env: { ...process.env }, cwd: process.cwd() };
const entry = await import(process.argv[2]);
const after = { shared: shared(), listeners: listeners(), handles: process.getActiveResourcesInfo().sort(), env: { ...process.env }, cwd: process.cwd() };
const same = (name) => JSON.stringify(before[name]) === JSON.stringify(after[name]);
process.on("exit", () => console.log(JSON.stringify({
  exports: Object.keys(entry).length, looked: before.shared.size, changed: changes(before.shared, after.shared), called,
  listeners: same("listeners"), handles: same("handles"), env: same("env"), cwd: same("cwd"), late: process.getActiveResourcesInfo(),
})));
`;

/** What the witness reports; a program that does not end by itself within the time limit is an error. */
async function witness(entry: string): Promise<Record<string, unknown>> {
  project.write("empty.cjs", "");
  const file = project.write("witness.mjs", WITNESS);
  return JSON.parse(await printed([file, entry], { cwd: project.folder, timeoutMs: 20_000 }));
}

test("the witness sees a module that meddles", async () => {
  project.write("node_modules/meddler/package.json", JSON.stringify({ name: "meddler", exports: "./index.mjs" }));
  project.write(
    "node_modules/meddler/index.mjs",
    `globalThis.meddler = 1; Array.prototype.last = () => 0; Object.hasOwn = () => true; process.on("SIGUSR2", () => {});
     atob(""); new WebAssembly.Memory({ initial: 1 }); setTimeout(() => {}, 1); process.env.MEDDLER = "1";`,
  );
  expect(await witness("meddler")).toMatchObject({
    changed: expect.arrayContaining(["meddler", "Array.prototype.last", "Object.hasOwn"]),
    called: ["atob", "Memory", "setTimeout"],
    listeners: false,
    handles: false,
    env: false,
  });
});

describe.each(ENTRIES)("importing %s", (entry) => {
  test("changes nothing, calls nothing, keeps nothing alive", async () => {
    const { exports, looked, ...report } = await witness(entry);
    expect(exports).toBeGreaterThan(0);
    expect(looked).toBeGreaterThan(1000);
    const untouched = { listeners: true, handles: true, env: true, cwd: true };
    expect(report).toEqual({ changed: [], called: [], late: expect.not.arrayContaining(["Timeout"]), ...untouched });
  });

  test("prints nothing and lets the program end", async () => {
    const file = project.write("silent.mjs", `import ${JSON.stringify(entry)};`);
    expect(await printed([file], { cwd: project.folder, timeoutMs: 20_000 })).toBe("");
  });
});

describe("with frozen intrinsics", () => {
  const freeze = (what: string): string => `
    const functions = [function* () {}, async function () {}, async function* () {}].map(Object.getPrototypeOf);
    const constructors = [Object, Function, Array, Error, TypeError, RangeError, Map, Set, WeakMap, WeakRef, Promise, String, Number,
      Boolean, Symbol, BigInt, Date, RegExp, ArrayBuffer, SharedArrayBuffer, DataView, Float64Array, Float32Array, Int32Array, Uint8Array,
      Object.getPrototypeOf(Uint8Array), AbortSignal, ...functions];
    const prototypes = [...constructors.map((c) => c.prototype), ...functions.map((f) => f.prototype?.prototype)].filter(Boolean);
    for (const one of ${what}) Object.freeze(one);`;
  const fit = `
    await import("leapflow/theory"), await import("leapflow/io");
    const { fitMultiIndex, InputError, MultiIndexModel, OptionError } = await import("leapflow");
    const X = Array.from({ length: 120 }, (_, i) => [Math.sin(i * 1.7), Math.cos(i * 2.3), Math.sin(i * 0.9 + 1)]);
    const y = X.map((x) => x[0] * x[1] + x[2]);
    for (const kernel of ["wasm", "reference"]) {
      const fit = await fitMultiIndex(X, y, { rank: 2, degree: 2, seed: 7, kernel });
      const again = MultiIndexModel.fromJSON(JSON.parse(JSON.stringify(fit.model)));
      console.log(fit.kernel.name, again.score(X, y), String(fit).split("\\n").length > 3);
    }
    const failure = (X, options) => fitMultiIndex(X, y, options).catch((error) => error);
    console.log((await failure(X, { rank: -1, degree: 2 })) instanceof OptionError, (await failure([[NaN]], { rank: 1, degree: 2 })) instanceof InputError);`;

  const both = async (what: string): Promise<[string, string]> => {
    const options = { cwd: project.folder };
    const frozen = await printed([project.write("frozen.mjs", freeze(what) + fit)], options);
    return [frozen, await printed([project.write("free.mjs", fit)], options)];
  };

  test("prototypes: fits, saves, loads and fails as ever", async () => {
    const [frozen, free] = await both("prototypes");
    expect(frozen).toBe(free);
    expect(frozen.trim().split("\n")).toHaveLength(3);
  });

  test("constructors and namespaces too", async () => {
    const [frozen, free] = await both("[...prototypes, ...constructors, Math, JSON, Reflect, WebAssembly]");
    expect(frozen).toBe(free);
  });
});
