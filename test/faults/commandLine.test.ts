/** Rows 66–71 of the list of bad inputs as the command line meets them: exit codes, one line, no work done. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MultiIndexModel } from "../../src/index.js";
import { leapflow, MAIN, temporaryFolder } from "../cli/run.js";

const folder = temporaryFolder();
const at = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const table = [
  "a,b,y",
  ...Array.from({ length: 60 }, (_, i) => `${Math.sin(i)},${Math.cos(2 * i)},${Math.sin(i) ** 2}`),
];
const good = at("good.csv", `${table.join("\n")}\n`);
const fitting = (file: string, ...rest: (string | number)[]) => [
  "fit",
  file,
  "--target",
  "y",
  "--rank",
  1,
  "--degree",
  2,
  "--seed",
  1,
  ...rest,
];

mkdirSync(join(folder, "dir"));
const refusals: [number, string, (string | number)[], RegExp][] = [
  [
    66,
    "a model cut short",
    ["predict", at("cut.json", '{"format":"leapflow-model","version":1,"center":[1'), good],
    /cut\.json.*JSON/,
  ],
  [
    66,
    "another document as model",
    ["predict", at("other.json", '{"__proto__":{"polluted":1},"hello":[1]}'), good],
    /other\.json.*model/,
  ],
  [66, "a CSV file as model", ["score", good, good, "--target", "y"], /good\.csv.*JSON/],
  [67, "a ragged CSV", fitting(at("ragged.csv", [...table, "1,2"].join("\n"))), /ragged\.csv line 62/],
  [
    67,
    "a text cell",
    fitting(at("text.csv", [...table, "1,oops,3"].join("\n"))),
    /line 62: column "b" \(2\) is "oops"/,
  ],
  [67, "decimal commas", fitting(at("comma.csv", "a;b;y\n0,5;1,5;2,5\n")), /decimal comma/],
  [67, "a header only", fitting(at("empty.csv", "a,b,y\n")), /no rows/],
  [69, "a missing file", fitting(join(folder, "nowhere.csv")), /nowhere\.csv: no such file/],
  [69, "a folder", fitting(join(folder, "dir")), /dir: it is a folder/],
  [69, "a missing model", ["predict", join(folder, "nowhere.json"), good], /nowhere\.json/],
  [
    69,
    "saving into a missing folder",
    fitting(good, "--save", join(folder, "no", "model.json")),
    /model\.json: no such file or folder/,
  ],
  [69, "saving over a folder", fitting(good, "--save", join(folder, "dir")), /it is a folder/],
  [69, "a full disk", fitting(good, "--save", "/dev/full"), /disk is full/],
  [
    69,
    "--out into a missing folder",
    ["predict", at("x.json", "{}"), good, "--out", join(folder, "no", "o.csv")],
    /o\.csv/,
  ],
  [71, "an unknown flag", fitting(good, "--degre", 3), /'--degre'.*--degree/],
  [71, "a missing value", ["fit", good, "--target"], /--target/],
  [71, "a missing required flag", ["fit", good], /--target/],
  [71, "an unknown command", ["fti", good], /'fti'.*fit/],
  [71, "a missing argument", ["predict", "model.json"], /data/],
  [71, "an argument too many", ["fit", good, good, "--target", "y"], /too many arguments/],
  [71, "an unknown target", ["fit", good, "--target", "z", "--rank", 1, "--degree", 2], /"z".*a, b, y/],
  [71, "an unknown column", fitting(good, "--columns", "a,bb"), /"bb".*"b"/],
  [71, "the target among the inputs", fitting(good, "--columns", "a,y"), /must not include the response/],
  [71, "an empty column name", fitting(good, "--columns", "a,,b"), /--columns/],
  [
    71,
    "--test and --test-fraction at once",
    fitting(good, "--test", good, "--test-fraction", 0.5),
    /cannot be used with/,
  ],
  [71, "--test-fraction 2", fitting(good, "--test-fraction", 2), /testFraction is 2/],
  [71, "--test-fraction some", fitting(good, "--test-fraction", "some"), /testFraction is "some"/],
  [30, "--rank -1", ["fit", good, "--target", "y", "--rank", "-1", "--degree", 2], /rank is -1/],
  [30, "--rank two", ["fit", good, "--target", "y", "--rank", "two", "--degree", 2], /rank is "two"/],
  [33, "--ridge -1", fitting(good, "--ridge", "-1"), /ridge is -1/],
  [33, "--ridge NaN", fitting(good, "--ridge", "NaN"), /ridge is NaN/],
  [35, "--seed -1", [...fitting(good).slice(0, -1), "-1"], /seed is -1/],
  [29, "--method unknown", fitting(good, "--method", "gauss"), /method is "gauss"/],
];
test.each(refusals)("row %i: %s exits 2 with one line and no output", async (_, __, args, words) => {
  const { code, stdout, stderr } = await leapflow(args);
  expect(stderr).toMatch(words);
  expect(stderr).toMatch(/^leapflow: [^\n]+\n$/);
  expect([code, stdout]).toEqual([2, ""]);
});

test("row 69: output paths are checked before the data are read", async () => {
  const { stderr } = await leapflow(fitting(join(folder, "nowhere.csv"), "--save", join(folder, "no", "model.json")));
  expect(stderr).toContain("model.json");
});

describe("row 70: signals and pipes", () => {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const lines = ["a,b,c,d,e,f,g,h,y"];
  for (let i = 0; i < 40000; i++) {
    const x = Array.from({ length: 8 }, () => 2 * uniform() - 1);
    lines.push([...x, x[0] * x[1] * x[2] + Math.sin(9 * x[3] + x[4]) + uniform()].join(","));
  }
  const big = at("big.csv", lines.join("\n"));
  const args = (save: string) => [
    "fit",
    big,
    "--target",
    "y",
    "--rank",
    3,
    "--degree",
    5,
    "--restarts",
    5000,
    "--seed",
    1,
    "--json",
    "--save",
    save,
  ];

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "row 70: %s exits %i soon and saves the best model so far",
    {
      timeout: 120_000,
    },
    async (signal, expected) => {
      const save = join(folder, `${signal}.json`);
      let sentAt = 0;
      const interrupted = (wait: number) =>
        leapflow(args(save), (child) => {
          setTimeout(() => {
            sentAt = performance.now();
            child.kill(signal);
          }, wait);
        });
      let { code, stdout, stderr } = await interrupted(3000);
      // A busy machine may still read the rows, or have no model yet.
      for (const wait of [15_000, 45_000]) {
        if (!/^leapflow: \w+(; no model yet, nothing saved)?\n$/.test(stderr)) break;
        ({ code, stdout, stderr } = await interrupted(wait));
      }
      expect(performance.now() - sentAt).toBeLessThan(4000);
      expect([code, stdout]).toEqual([expected, ""]);
      expect(stderr).toMatch(/^leapflow: (interrupted|terminated); the best model so far is in .*\n$/);
      const model = MultiIndexModel.fromJSON(JSON.parse(readFileSync(save, "utf8")));
      expect([model.dim, model.rank, model.target]).toEqual([8, 3, "y"]);
      expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    },
  );

  test("row 70: an interrupt before the first model says that nothing was saved", async () => {
    const save = join(folder, "early.json");
    const { code, stderr } = await leapflow(args(save), (child) => {
      // Long enough for the program to have its handlers, too short for a model.
      setTimeout(() => child.kill("SIGINT"), 450);
    });
    // Before the handlers are in place the shell's own convention holds: no code, killed by the signal.
    if (code !== null) expect(code).toBe(130);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("row 70: a reader that closes the pipe is no error", () => {
    const model = join(folder, "pipe.json");
    const command = (rest: string) =>
      `set -o pipefail; ${process.execPath} ${MAIN} ${rest} | head -c 1 >/dev/null; echo "codes \${PIPESTATUS[0]}"`;
    const run = (rest: string) => spawnSync("/bin/bash", ["-c", command(rest)], { encoding: "utf8" });
    expect(run("predict --help")).toMatchObject({ stdout: "codes 0\n", stderr: "" });
    expect(run(`fit ${good} --target y --rank 1 --degree 2 --seed 1 --json --save ${model}`)).toMatchObject({
      stdout: "codes 0\n",
      stderr: "",
    });
    const long = at("long.csv", `a,b\n${"0.1,0.2\n".repeat(30000)}`);
    expect(run(`predict ${model} ${long}`)).toMatchObject({ stdout: "codes 0\n", stderr: "" });
    expect(existsSync(model)).toBe(true);
  });
});

describe("row 71: help", () => {
  test("row 71: --help exits 0, no command at all exits 2 with the help on stderr", async () => {
    const help = await leapflow(["--help"]);
    expect([help.code, help.stderr]).toEqual([0, ""]);
    const none = await leapflow([]);
    expect([none.code, none.stdout]).toEqual([2, ""]);
    expect(none.stderr).toBe(help.stdout);
    expect((await leapflow(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
