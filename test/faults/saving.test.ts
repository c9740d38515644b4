/** Rows 69 and 70: a save that dies, at any moment and at every step, leaves the old file or the new one. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { leapflow, MAIN, temporaryFolder } from "../cli/run.js";

const folder = temporaryFolder();
const at = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const rows = (response: (i: number) => number): string =>
  ["a,b,y", ...Array.from({ length: 60 }, (_, i) => `${Math.sin(i)},${Math.cos(2 * i)},${response(i)}`)].join("\n");
const fitting = (data: string, save: string) =>
  ["fit", data, "--target", "y", "--rank", 1, "--degree", 2, "--seed", 1, "--save", save] as const;

/** Two model files that differ, as the command line writes them. */
async function twoModels(): Promise<[string, string]> {
  const texts: string[] = [];
  for (const [name, response] of [
    ["first", (i: number) => Math.sin(i) ** 2],
    ["second", (i: number) => Math.sin(i) - 3],
  ] as const) {
    const save = join(folder, `${name}.json`);
    expect((await leapflow(fitting(at(`${name}.csv`, rows(response)), save))).code).toBe(0);
    texts.push(readFileSync(save, "utf8"));
  }
  expect(texts[0]).not.toBe(texts[1]);
  return texts as [string, string];
}

const IO = pathToFileURL(join(MAIN, "../../io/index.js")).href;

function node(script: string): ChildProcess {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return child;
}
const ended = (child: ChildProcess): Promise<[code: number | null, signal: string | null]> =>
  new Promise((resolve) => child.on("close", (code, signal) => resolve([code, signal])));

test("row 69: kill -9 at any moment of a save leaves the old model or the new one", async () => {
  const [a, b] = await twoModels();
  const save = join(folder, "any.json");
  const seen = new Set<string>();
  for (let attempt = 0; attempt < 12; attempt++) {
    writeFileSync(save, a);
    // Saves one model over the other without pause, so that the blow falls into a save.
    const child = node(`
      import { loadModel, saveModel } from ${JSON.stringify(IO)};
      const models = [await loadModel(${JSON.stringify(join(folder, "second.json"))}), await loadModel(${JSON.stringify(join(folder, "first.json"))})];
      for (let i = 0; ; i++) {
        await saveModel(${JSON.stringify(save)}, models[i % 2]);
        if (i === 0) process.stdout.write("saving");
      }`);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, 3 + 7.3 * attempt));
    child.kill("SIGKILL");
    expect((await ended(child))[1]).toBe("SIGKILL");
    const text = readFileSync(save, "utf8");
    expect([a, b]).toContain(text);
    seen.add(text);
  }
  expect(seen.size).toBeGreaterThan(0);
}, 120_000);

test("row 69: death before, in and after every step of a save leaves the old model or the new one", async () => {
  const [a, b] = await twoModels();
  const save = join(folder, "step.json");
  const outcomes: string[] = [];
  for (let k = 1; ; k++) {
    writeFileSync(save, a);
    // Every call that touches files is a step; the process dies before step k, or half way through it if it writes.
    const child = node(`
      import fs from "node:fs/promises";
      import { loadModel, saveModel } from ${JSON.stringify(IO)};
      const model = await loadModel(${JSON.stringify(join(folder, "second.json"))});
      let step = 0;
      const die = () => { process.kill(process.pid, "SIGKILL"); for (;;); };
      const guard = (owner, name, inPart) => {
        const real = owner[name].bind(owner);
        owner[name] = async (...args) => {
          if (++step === ${k}) { if (inPart) await inPart(real, args); die(); }
          return real(...args);
        };
      };
      for (const name of ["stat", "realpath", "rename", "rm"]) guard(fs, name);
      const open = fs.open.bind(fs);
      fs.open = async (...args) => {
        if (++step === ${k}) die();
        const handle = await open(...args);
        guard(handle, "writeFile", (real, [text]) => real(text.slice(0, text.length >> 1)));
        guard(handle, "sync");
        guard(handle, "close");
        if (++step === ${k}) die();
        return handle;
      };
      await saveModel(${JSON.stringify(save)}, model);`);
    const [code, signal] = await ended(child);
    const text = readFileSync(save, "utf8");
    expect([a, b]).toContain(text);
    outcomes.push(text === a ? "old" : "new");
    if (signal === "SIGKILL") continue;
    expect([code, text]).toEqual([0, b]);
    break;
  }
  // stat, realpath, open, opened, write, sync, close, rename.
  expect(outcomes.length).toBe(9);
  expect(outcomes.slice(0, -1)).toEqual(new Array(8).fill("old"));
}, 120_000);

test("row 69: kill -9 at any moment of `fit --save` leaves the old model or the new one, and the next fit saves", async () => {
  const [a, b] = await twoModels();
  const save = join(folder, "command.json");
  const replacing = fitting(join(folder, "second.csv"), save);
  const started = performance.now();
  writeFileSync(save, a);
  expect((await leapflow(replacing)).code).toBe(0);
  const whole = performance.now() - started;
  for (let attempt = 0; attempt < 8; attempt++) {
    writeFileSync(save, a);
    await leapflow(replacing, (child) => {
      // Denser towards the end, where the file is written.
      setTimeout(() => child.kill("SIGKILL"), whole * (0.4 + 0.1 * attempt));
    });
    expect([a, b]).toContain(readFileSync(save, "utf8"));
  }
  expect((await leapflow(replacing)).code).toBe(0);
  expect(readFileSync(save, "utf8")).toBe(b);
}, 120_000);

test("row 70: a signal while the model is saved still decides the exit code, and the model is whole", async () => {
  const [a, b] = await twoModels();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const save = at("signalled.json", a);
    // The signal comes from the save itself: the moment does not depend on the machine.
    const preload = at(
      `preload-${signal}.mjs`,
      `import fs from "node:fs/promises";
       const rename = fs.rename.bind(fs);
       fs.rename = async (...args) => { process.kill(process.pid, "${signal}"); return rename(...args); };`,
    );
    const child = spawn(
      process.execPath,
      ["--import", pathToFileURL(preload).href, MAIN, ...fitting(join(folder, "second.csv"), save).map(String)],
      { env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let stderr = "";
    let stdout = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    expect([...(await ended(child)), stdout]).toEqual([code, null, ""]);
    expect(stderr).toBe(`leapflow: ${signal === "SIGINT" ? "interrupted" : "terminated"}; the model is in ${save}\n`);
    expect(readFileSync(save, "utf8")).toBe(b);
    expect(readdirSync(folder).filter((name) => name.includes(save) && name.endsWith(".tmp"))).toEqual([]);
  }
}, 60_000);
