/** Resume, abort and seeds of studies; what they write. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runStudy, runStudyJob, STUDY_NAMES, studyJobs } from "../../src/studies/index.js";

const folders: string[] = [];
const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), "leapflow-study-"));
  folders.push(path);
  return path;
};
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true, force: true }))));

const contents = async (path: string): Promise<Record<string, string>> => {
  const names = (await readdir(path)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(path, name), "base64")] as const)),
  );
};
const set = { scale: "tiny", seed: 3 } as const;

test("an interrupted study goes on from its folder and leaves the bytes of one that was not", async () => {
  const [whole, broken] = [await folder(), await folder()];
  await runStudy("saddles", { ...set, out: whole });
  const controller = new AbortController();
  const stopped = runStudy("saddles", {
    ...set,
    out: broken,
    signal: controller.signal,
    onProgress: ({ done }) => done === 4 && controller.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow("enough");
  const kept = (await readFile(join(broken, "jobs.jsonl"), "utf8")).split("\n").length - 1;
  expect(kept).toBe(4);
  expect(await readdir(broken)).toEqual(["jobs.jsonl"]);
  // A process that was killed while it wrote leaves half a line.
  await truncate(join(broken, "jobs.jsonl"), (await readFile(join(broken, "jobs.jsonl"))).length - 9);
  const again = await runStudy("saddles", { ...set, out: broken });
  expect(again.resumed).toBe(3);
  expect(await contents(broken)).toEqual(await contents(whole));
  expect(again.files).toEqual(
    expect.arrayContaining(["study.json", "escape-times.csv", "escape-times.svg", "index.html"]),
  );
  const image = await readFile(join(broken, "escape-times.png"));
  expect(image.subarray(1, 4).toString()).toBe("PNG");
});

test("jobs of another seed, and lines that are not jobs, are not taken over", async () => {
  const out = await folder();
  await writeFile(join(out, "jobs.jsonl"), 'nonsense\n{"job":null}\n{"job":{}}\n');
  const first = await runStudy("planted", { ...set, out, png: false });
  expect(first.resumed).toBe(0);
  const second = await runStudy("planted", { ...set, seed: 4, out, png: false });
  expect(second.resumed).toBe(0);
  expect(second.tables[0].rows).not.toEqual(first.tables[0].rows);
});

test("where and in which order jobs run does not matter", async () => {
  const { scale, seed } = set;
  const waiting = new Map<string, unknown>();
  for (const job of studyJobs("saddles", scale, seed).reverse())
    waiting.set(JSON.stringify(job), await runStudyJob(job));
  const elsewhere = await runStudy("saddles", {
    ...set,
    crew: async (jobs, { onResult }) => {
      for (const [at, job] of [...jobs.entries()].reverse()) onResult(at, waiting.get(JSON.stringify(job)));
    },
  });
  expect(elsewhere).toEqual(await runStudy("saddles", set));
});

describe("refuses", () => {
  test.each([
    ["saddle", {}, "RANGE"],
    ["saddles", { scale: "huge" }, "RANGE"],
    ["saddles", { seed: -1 }, "RANGE"],
    ["saddles", { colour: 1 }, "UNKNOWN"],
    ["saddles", { crew: 3 }, "TYPE"],
    ["saddles", { out: "/dev/null/x" }, "FILE"],
  ] as const)("%s %o", async (name, options, code) => {
    await expect(runStudy(name, options as never)).rejects.toHaveProperty("code", code);
  });

  test("an abort before the begin", async () => {
    const signal = AbortSignal.abort(new Error("never"));
    await expect(runStudy("saddles", { signal })).rejects.toThrow("never");
  });
});

test.each(STUDY_NAMES)("jobs of %s are distinct plain data", (name) => {
  for (const scale of ["tiny", "quick", "full"] as const) {
    const jobs = studyJobs(name, scale, 5);
    expect(JSON.parse(JSON.stringify(jobs))).toEqual(jobs);
    expect(new Set(jobs.map((job) => JSON.stringify(job))).size).toBe(jobs.length);
  }
});
