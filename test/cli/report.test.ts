/** fit --report: what it writes, what it refuses, and the command line in it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { commandLine } from "../../src/cli/fitReport.js";
import { DATA, leapflow, type Outcome, temporaryFolder } from "./run.js";

const folder = temporaryFolder();
const train = join(DATA, "diabetes/train.csv");
const held = join(DATA, "diabetes/test.csv");
const base = ["fit", train, "--target", "y", "--rank", 1, "--degree", 3];

describe("fit --report", () => {
  const path = join(folder, "out.html");
  let outcome: Outcome;
  let page: string;
  beforeAll(async () => {
    outcome = await leapflow([...base, "--test", held, "--seed", 1, "--report", path]);
    page = readFileSync(path, "utf8");
  });

  test("writes a page with the figures of the summary and names it there", () => {
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toContain(path);
    expect(page.startsWith("<!DOCTYPE html>")).toBe(true);
    const [, r2] = /R²\s+(0\.\d+) on held-out rows/.exec(outcome.stdout) ?? [];
    expect(page).toContain(Number(r2).toFixed(4));
    expect(page).toContain("bmi");
    expect(page).toContain("332");
    expect(page).toContain("110 held out");
  });

  test("tells the command that made it, file names included", () => {
    expect(page).toContain(
      `leapflow fit ${train} --target y --rank 1 --degree 3 --test ${held} --seed 1 --report ${path}`,
    );
  });

  test("with --json stdout is the document alone, and a seed that was drawn is in the command", async () => {
    const other = join(folder, "other.html");
    const { code, stdout } = await leapflow([...base, "--test-fraction", 0.2, "--json", "--report", other]);
    expect(code).toBe(0);
    const { seed } = JSON.parse(stdout);
    expect(readFileSync(other, "utf8")).toContain(`--report ${other} --seed ${seed}</code>`);
  });

  test("columns of any name are text in the page", async () => {
    const lines = readFileSync(train, "utf8").split("\n");
    const named = join(folder, "named.csv");
    writeFileSync(named, [lines[0].replace("bmi", "<script>alert(1)</script>"), ...lines.slice(1)].join("\n"));
    const report = join(folder, "named.html");
    const args = ["fit", named, "--target", "y", "--rank", 1, "--degree", 2, "--seed", 1, "--report", report];
    expect((await leapflow(args)).code).toBe(0);
    const text = readFileSync(report, "utf8");
    expect(text).toContain("&lt;script&gt;alert(1)");
    expect(text).not.toMatch(/<script/i);
  });

  test("row 69: a path that cannot be written is refused before the data are read", async () => {
    const nowhere = join(folder, "no", "out.html");
    const { code, stdout, stderr } = await leapflow([
      "fit",
      join(folder, "missing.csv"),
      "--target",
      "y",
      "--report",
      nowhere,
    ]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^leapflow: [^\n]*out\.html[^\n]*\n$/);
    const onFolder = await leapflow([...base, "--seed", 1, "--report", folder]);
    expect([onFolder.code, onFolder.stdout]).toEqual([2, ""]);
    expect(onFolder.stderr).toMatch(/it is a folder/);
  });

  test("row 69: a full disk exits 2 with one line, and the model is saved all the same", async () => {
    const model = join(folder, "kept.json");
    const { code, stdout, stderr } = await leapflow([...base, "--seed", 1, "--save", model, "--report", "/dev/full"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^leapflow: [^\n]*disk is full[^\n]*\n$/);
    expect(existsSync(model)).toBe(true);
  });

  test("one path for the report and the model is refused", async () => {
    const both = join(folder, "both");
    const { code, stderr } = await leapflow([...base, "--seed", 1, "--save", both, "--report", both]);
    expect(code).toBe(2);
    expect(stderr).toContain("two files");
    expect(existsSync(both)).toBe(false);
  });
});

describe("the command line of a report", () => {
  test("is one that a shell reads back", () => {
    expect(commandLine(["fit", "a b.csv", "--target", "it's", "--columns", "x,y", "--seed", "7"], 7)).toBe(
      "leapflow fit 'a b.csv' --target 'it'\\''s' --columns x,y --seed 7",
    );
    expect(commandLine(["fit", "$(rm).csv", "--seed=3"], 3)).toBe("leapflow fit '$(rm).csv' --seed=3");
    expect(commandLine(["fit", "a.csv", ""], 12)).toBe("leapflow fit a.csv '' --seed 12");
  });
});
