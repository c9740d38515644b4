/** Model files: whole or not at all. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { Link, MultiIndexModel } from "../../src/index.js";
import { checkWritable, loadModel, saveModel } from "../../src/io/index.js";

/** Makes the renaming of files fail as on a full disk. */
const disk = vi.hoisted(() => ({ full: false }));
vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  const rename: typeof actual.rename = async (from, to) => {
    if (disk.full) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    await actual.rename(from, to);
  };
  return { ...actual, rename };
});

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
  disk.full = true;
  try {
    await expect(saveModel(path, model)).rejects.toMatchObject({
      name: "FormatError",
      code: "FILE",
      message: expect.stringContaining("the disk is full"),
    });
  } finally {
    disk.full = false;
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
