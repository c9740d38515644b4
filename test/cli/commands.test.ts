/** fit, predict and score: what they print and write. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fitMultiIndex, MultiIndexModel } from "../../src/index.js";
import { readCsv, selectColumns } from "../../src/io/index.js";
import { DATA, leapflow, type Outcome, temporaryFolder } from "./run.js";

const folder = temporaryFolder();
const train = join(DATA, "diabetes/train.csv");
const held = join(DATA, "diabetes/test.csv");
const saved = join(folder, "model.json");
const base = ["fit", train, "--target", "y", "--rank", 1, "--degree", 3, "--seed", 1];
let first: Outcome;
// biome-ignore lint/suspicious/noExplicitAny: a JSON document
let json: any;

beforeAll(async () => {
  first = await leapflow([...base, "--test", held, "--save", saved, "--json"]);
  json = JSON.parse(first.stdout);
});

describe("fit --json", () => {
  test("is one document with the keys of the contract and nothing else on either stream", () => {
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout.trim().split("\n").length).toBe(1);
    for (const key of "samples dim rank degree featureCount columns directions basis metrics stop iterations elapsedMs kernel seed importance leaps warnings".split(
      " ",
    )) {
      expect(json).toHaveProperty(key);
    }
    expect(json).toMatchObject({ samples: 332, dim: 10, rank: 1, degree: 3, featureCount: 4, seed: 1 });
    expect(json.columns).toEqual(["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]);
    expect([json.directions.length, json.directions[0].length, json.importance.length]).toEqual([10, 1, 10]);
    expect(json.stop.reason).toBeTypeOf("string");
    expect(json.kernel.name).toMatch(/^(wasm|reference)$/);
  });
  test("metrics are those of the saved model's predictions", async () => {
    const model = MultiIndexModel.fromJSON(JSON.parse(readFileSync(saved, "utf8")));
    const { X, y = new Float64Array(0) } = selectColumns(await readCsv(held), { target: "y" });
    const predicted = model.predict(X);
    expect(json.metrics.r2Test).toBeCloseTo(model.score(X, y), 12);
    const rmse = Math.sqrt(predicted.reduce((sum, p, i) => sum + (p - y[i]) ** 2, 0) / y.length);
    expect(json.metrics.rmseTest).toBeCloseTo(rmse, 9);
    expect(json.metrics.r2Train).toBeGreaterThan(0.4);
  });
  test("is the library's fit, bit for bit", async () => {
    const { X, y = new Float64Array(0) } = selectColumns(await readCsv(train), { target: "y" });
    const fit = await fitMultiIndex(X, y, { rank: 1, degree: 3, seed: 1 });
    expect(json.basis).toEqual(fit.model.basis.to2DArray());
    expect(JSON.parse(readFileSync(saved, "utf8"))).toEqual({ ...JSON.parse(JSON.stringify(fit.model)), target: "y" });
  });
  test("without test rows the test metrics are null", async () => {
    const { stdout } = await leapflow([...base, "--json"]);
    expect(JSON.parse(stdout).metrics).toMatchObject({ r2Test: null, rmseTest: null });
  });
  test("--test-fraction sets rows aside by the seed", async () => {
    const outcomes = await Promise.all([0, 1].map(() => leapflow([...base, "--test-fraction", 0.25, "--json"])));
    const [a, b] = outcomes.map(({ stdout }) => JSON.parse(stdout));
    expect(a.samples).toBe(332 - 83);
    expect(a.metrics.r2Test).toBeGreaterThan(0.2);
    expect(a.metrics).toEqual(b.metrics);
    const drawn = JSON.parse((await leapflow([...base.slice(0, -2), "--test-fraction", 0.25, "--json"])).stdout);
    const again = JSON.parse(
      (await leapflow([...base.slice(0, -1), drawn.seed, "--test-fraction", 0.25, "--json"])).stdout,
    );
    expect(again.metrics).toEqual(drawn.metrics);
  });
  test("--columns chooses inputs, and other columns may hold text", async () => {
    const path = join(folder, "named.csv");
    const lines = readFileSync(train, "utf8").trim().split("\n");
    writeFileSync(path, lines.map((line, i) => (i === 0 ? `name,${line}` : `patient ${i},${line}`)).join("\n"));
    const { code, stdout } = await leapflow([
      ...base.slice(0, 1),
      path,
      ...base.slice(2),
      "--columns",
      "bmi,s5,bp",
      "--json",
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dim: 3, columns: ["bmi", "s5", "bp"] });
  });
});

describe("fit for people", () => {
  test("the summary names what matters and contains no half-made number", async () => {
    const { code, stdout, stderr } = await leapflow([...base, "--test", held]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const words of [
      "R²",
      "held-out",
      "332 to fit, 110 held out",
      "rank 1, degree 3",
      "bmi",
      "importance",
      "kernel",
      "seed",
      "stopped",
    ]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).not.toMatch(/NaN|undefined|\[object|Infinity/);
    expect(stdout).toContain((json.metrics.r2Test as number).toPrecision(5).replace(/0+$/, ""));
  });
  test("rank 0 has no directions to show", async () => {
    const { code, stdout } = await leapflow(["fit", train, "--target", "y", "--rank", 0, "--degree", 2, "--seed", 1]);
    expect(code).toBe(0);
    expect(stdout).toContain("rank 0");
    expect(stdout).not.toContain("importance");
  });
  test("--help documents every flag", async () => {
    const { code, stdout } = await leapflow(["fit", "--help"]);
    expect(code).toBe(0);
    for (const flag of "target test test-fraction columns save report json rank degree link method start restarts ridge whiten max-iterations tolerance deadline-ms seed kernel threads".split(
      " ",
    )) {
      expect(stdout).toMatch(new RegExp(`--${flag}\\b`));
    }
  });
});

describe("predict", () => {
  const predictions = async (data: string) =>
    JSON.parse((await leapflow(["predict", saved, data, "--json"])).stdout).predictions;

  test("prints CSV, writes CSV and prints JSON, all with the same numbers", async () => {
    const out = join(folder, "out.csv");
    const printed = await leapflow(["predict", saved, held]);
    const written = await leapflow(["predict", saved, held, "--out", out]);
    expect([printed.code, written.code]).toEqual([0, 0]);
    expect(readFileSync(out, "utf8")).toBe(printed.stdout);
    const [header, ...rows] = printed.stdout.trim().split("\n");
    expect(header).toBe("prediction");
    expect(await predictions(held)).toEqual(rows.map(Number));
    expect(written.stdout).toContain("110 predictions");
  });
  test("columns are found by name, whatever their order and company", async () => {
    const table = await readCsv(held);
    const order = [10, 3, 9, 0, 1, 2, 8, 7, 6, 5, 4];
    const lines = [
      order
        .map((j) => table.columns[j])
        .concat("note")
        .join(","),
    ];
    for (let i = 0; i < table.rows; i++)
      lines.push(
        order
          .map((j) => table.data[i * 11 + j])
          .concat(Number.NaN)
          .join(","),
      );
    const path = join(folder, "shuffled.csv");
    writeFileSync(path, lines.join("\n"));
    expect(await predictions(path)).toEqual(await predictions(held));
  });
  test("a file without those names is read by position, and says so", async () => {
    const lines = readFileSync(held, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(",").slice(0, 10).join(","));
    lines[0] = "p,q,r,s,t,u,v,w,x,z";
    const path = join(folder, "unnamed.csv");
    writeFileSync(path, lines.join("\n"));
    const { code, stdout, stderr } = await leapflow(["predict", saved, path, "--json"]);
    expect(code).toBe(0);
    expect(stderr).toContain("none of the model's column names");
    expect(JSON.parse(stdout).predictions).toEqual(await predictions(held));
  });
  test("many blocks of rows give one file; a bad cell far down leaves none", async () => {
    const { columns, data } = await readCsv(held);
    const row = (i: number): string => columns.map((_, j) => data[(i % 110) * columns.length + j]).join(",");
    const lines = [columns.join(","), ...Array.from({ length: 30_000 }, (_, i) => row(i))];
    const path = join(folder, "long.csv");
    const out = join(folder, "long predictions.csv");
    writeFileSync(path, lines.join("\n"));
    expect(await leapflow(["predict", saved, path, "--out", out])).toMatchObject({ code: 0 });
    const written = readFileSync(out, "utf8").trimEnd().split("\n");
    expect(written).toHaveLength(30_001);
    const short = await predictions(held);
    expect(written.slice(1).every((text, i) => Number(text) === short[i % 110])).toBe(true);
    lines[25_000] = `oops${lines[25_000]}`;
    writeFileSync(path, lines.join("\n"));
    const bad = join(folder, "bad.csv");
    const failed = await leapflow(["predict", saved, path, "--out", bad]);
    expect(failed).toMatchObject({ code: 2, stdout: "" });
    expect(failed.stderr).toMatch(/line 25001/);
    expect(readdirSync(folder).filter((name) => name.includes("bad") || name.endsWith(".tmp"))).toEqual([]);
  });
  test("a file that has some of the names and lacks others is refused", async () => {
    const path = join(folder, "partial.csv");
    writeFileSync(path, "age,sex,body,bp,s1,s2,s3,s4,s5,s6\n1,2,3,4,5,6,7,8,9,10\n");
    const { code, stdout, stderr } = await leapflow(["predict", saved, path]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/lacks the column "bmi"/);
  });
});

describe("score", () => {
  test("gives the figures of the fit, with the target known or named", async () => {
    for (const args of [[], ["--target", "y"]]) {
      const { stdout } = await leapflow(["score", saved, held, ...args, "--json"]);
      const score = JSON.parse(stdout);
      expect(score).toEqual({ r2: json.metrics.r2Test, rmse: json.metrics.rmseTest, samples: 110 });
    }
    expect((await leapflow(["score", saved, held])).stdout).toMatch(/R² 0\.\d+ .*110 rows/);
  });
});
