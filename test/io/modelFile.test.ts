/** Model files: whole or not at all. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { Link, MultiIndexModel } from "../../src/index.js";
import { checkWritable, loadModel, saveModel } from "../../src/io/index.js";

const folder = mkdtempSync(join(tmpdir(), "leapflow-model-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const model = new MultiIndexModel(
  { center: [0.1, 0.2], directions: [1, 0], basis: [1, 0], gradientMoment: [1], columnScale: [1, 1] },
  Link.fromCoefficients([0, 1 / 3], { rank: 1, degree: 1 }),
);

test("a saved model comes back with the same bits and no temporary file is left", async () => {
  const path = join(folder, "model.json");
  await saveModel(path, model);
  const back = await loadModel(path);
  expect(back.predict([[0.7, 3]])).toEqual(model.predict([[0.7, 3]]));
  expect(readdirSync(folder)).toEqual(["model.json"]);
});

test("saving over a file replaces it, and over a link the file it names", async () => {
  const path = join(folder, "target.json");
  const link = join(folder, "link.json");
  writeFileSync(path, "old");
  symlinkSync(path, link);
  await saveModel(link, model);
  expect(JSON.parse(readFileSync(path, "utf8")).format).toBe("leapflow-model");
});

test("a save that fails at its last step leaves the earlier file and no temporary one", async () => {
  const path = join(folder, "kept.json");
  writeFileSync(path, "old");
  const rename = vi.spyOn(process.getBuiltinModule("node:fs/promises"), "rename");
  rename.mockRejectedValueOnce(Object.assign(new Error("no space"), { code: "ENOSPC" }));
  try {
    await expect(saveModel(path, model)).rejects.toMatchObject({
      name: "FormatError",
      code: "FILE",
      message: expect.stringContaining("the disk is full"),
    });
    expect(rename).toHaveBeenCalledOnce();
  } finally {
    rename.mockRestore();
  }
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a device is written directly, and its error is told", async () => {
  await saveModel("/dev/null", model);
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  await expect(saveModel("/dev/full", model)).rejects.toMatchObject({
    code: "FILE",
    message: "Cannot write /dev/full: the disk is full.",
  });
});

test("checkWritable refuses what cannot be written and accepts the rest without touching it", async () => {
  for (const path of [join(folder, "no", "such", "model.json"), folder, join(folder, "model.json", "below.json")]) {
    await expect(checkWritable(path)).rejects.toMatchObject({
      name: "FormatError",
      code: "FILE",
      message: expect.stringContaining(path),
    });
  }
  await checkWritable(join(folder, "fresh.json"));
  await checkWritable("/dev/null");
  expect(readdirSync(folder)).not.toContain("fresh.json");
});

test("the module bundles for browsers, and says there that files need Node", async () => {
  const { build } = await import("esbuild");
  const contents = 'export { readCsv, readCsvText, saveModel } from "./src/io/index.ts";';
  const { outputFiles, warnings } = await build({
    stdin: { contents, resolveDir: join(import.meta.dirname, "../..") },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  expect(warnings).toEqual([]);
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`;
  const bundle = await import(/* @vite-ignore */ url);
  expect((await bundle.readCsvText("a,b\n1,2\n")).rows).toBe(1);
  const saved = process.getBuiltinModule;
  try {
    Object.assign(process, { getBuiltinModule: undefined });
    await expect(bundle.readCsv("x.csv")).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("need Node"),
    });
  } finally {
    Object.assign(process, { getBuiltinModule: saved });
  }
});
