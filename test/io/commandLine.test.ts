/** The command line over every format: the same table gives the same model, predictions and score. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { csvText } from "../../src/io/index.js";
import { leapflow, MAIN, temporaryFolder } from "../cli/run.js";
import { expected, golden, goldenBytes, N } from "./golden.js";

const folder = temporaryFolder();
const FEW = ["f64", "f32", "i32", "i64", "flag", "dec9", "levels"];
const fitting = (file: string, ...rest: string[]): string[] => {
  const options = { target: "f64", columns: "f32,flag", rank: "1", degree: "2", seed: "1" };
  return ["fit", file, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]), ...rest];
};

/** The columns of most fixtures as text. */
const table = expected(FEW);
const lines = Array.from({ length: N }, (_, i) =>
  JSON.stringify(Object.fromEntries(FEW.map((name) => [name, table[name][i]]))),
);
const at = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const csv = at("few.csv", csvText(table));
const model = join(folder, "model.json");
let fitted = "";
let predictions = "";
let score = "";
beforeAll(async () => {
  const { code, stderr } = await leapflow(fitting(csv, "--save", model, "--json"));
  expect([code, stderr]).toEqual([0, ""]);
  fitted = readFileSync(model, "utf8");
  predictions = (await leapflow(["predict", model, csv])).stdout;
  score = (await leapflow(["score", model, csv, "--json"])).stdout;
  expect(predictions.split("\n")).toHaveLength(N + 2);
  expect(JSON.parse(score).samples).toBe(N);
});

describe("every format", () => {
  const files: [string, string][] = [
    ["TSV", at("few.tsv", csvText(table).replaceAll(",", "\t"))],
    ["JSON lines", at("few.jsonl", lines.join("\n"))],
    ["a JSON array", at("few.json", `[${lines.join(",")}]`)],
    ["Parquet", golden("zstd.parquet")],
    ["Feather", golden("lz4.feather")],
    ["an Arrow stream", golden("all.arrows")],
  ];
  test.each(files)("fit, predict and score read %s", async (_, file) => {
    const save = join(folder, "other.json");
    const fit = await leapflow(fitting(file, "--save", save, "--test", csv, "--json"));
    expect([fit.code, fit.stderr]).toEqual([0, ""]);
    expect(JSON.parse(fit.stdout)).toMatchObject({ samples: N, dim: 2, columns: ["f32", "flag"] });
    expect(readFileSync(save, "utf8")).toBe(fitted);
    const [predicted, scored] = await Promise.all([
      leapflow(["predict", model, file]),
      leapflow(["score", model, file, "--json"]),
    ]);
    expect(predicted).toEqual({ code: 0, stdout: predictions, stderr: "" });
    expect(scored).toEqual({ code: 0, stdout: score, stderr: "" });
  });

  test("NPY columns are x1, x2, … and go by position to a model with other names", async () => {
    const fit = ["fit", golden("f8.npy"), "--target", "x1", "--rank", "1", "--degree", "2", "--seed", "1", "--json"];
    const { code, stdout } = await leapflow(fit);
    expect([code, JSON.parse(stdout).columns]).toEqual([0, ["x2", "x3"]]);
    const predicted = await leapflow(["predict", model, golden("u4.npy"), "--json"]);
    expect(predicted.code).toBe(0);
    expect(predicted.stderr).toMatch(/none of the model's column names; its columns are taken in order/);
    expect(JSON.parse(predicted.stdout).predictions).toHaveLength(N);
  });

  test("a pipe is read as well", () => {
    for (const file of [csv, golden("none.parquet")]) {
      const command = `cat ${file} | ${process.execPath} ${MAIN} score ${model} /dev/stdin --json`;
      const { status, stdout } = spawnSync("/bin/bash", ["-o", "pipefail", "-c", command], { encoding: "utf8" });
      expect([status, stdout]).toEqual([0, score]);
    }
  });
});

describe("refusals: exit code 2, one line, no output", () => {
  const refusals: [number, string, string[], RegExp][] = [
    [
      67,
      "a text column",
      ["fit", golden("all.arrow"), "--target", "f64", "--rank", "1", "--degree", "1"],
      /column "text" \(16\) of type Utf8/,
    ],
    [
      67,
      "a gap",
      ["fit", golden("gaps.parquet"), "--target", "ok", "--columns", "gap", "--rank", "1", "--degree", "1"],
      /row 257 \(row group 2\): column "gap" \(2\) is null/,
    ],
    [
      67,
      "a text cell in JSON lines",
      fitting(at("bad.jsonl", `${lines[0]}\n${lines[1].replace(/"flag":0/, '"flag":"no"')}\n`)),
      /bad\.jsonl line 2: column "flag" \(5\) is "no"/,
    ],
    [
      68,
      "big-endian NPY",
      ["fit", golden("big-endian.npy"), "--target", "x1", "--rank", "1", "--degree", "1"],
      /big-endian\.npy holds big-endian numbers/,
    ],
    [
      68,
      "NPY of objects",
      ["fit", golden("object.npy"), "--target", "x1", "--rank", "1", "--degree", "1"],
      /object\.npy holds Python objects/,
    ],
    [69, "a missing Parquet file", fitting(join(folder, "nowhere.parquet")), /nowhere\.parquet: no such file/],
    [69, "a folder called .npy", fitting(folder), /it is a folder/],
    [
      71,
      "an unknown column",
      ["fit", golden("none.parquet"), "--target", "f65", "--rank", "1", "--degree", "1"],
      /"f65".*Did you mean "f64"/,
    ],
  ];
  test.each(refusals)("row %i: %s", async (_, __, args, words) => {
    const { code, stdout, stderr } = await leapflow(args);
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/^leapflow: [^\n]+\n$/);
    expect([code, stdout]).toEqual([2, ""]);
  });
  test("row 69: a Parquet file cut short", async () => {
    const path = join(folder, "cut.parquet");
    writeFileSync(path, goldenBytes("none.parquet").subarray(0, 5000));
    const { code, stderr } = await leapflow(fitting(path));
    expect(stderr).toMatch(/^leapflow: .*cut\.parquet is not a complete Parquet file: [^\n]+\n$/);
    expect(code).toBe(2);
  });
});
