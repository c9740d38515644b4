/**
 * Mutation testing, a source file at a time:
 * `npm run mutation [-- [--sample 0.1 --seed 1] [--again] [--survivors] src/math src/solve/objective.ts …]`.
 *
 * Without names: src/math, src/solve and src/theory. Each file meets the tests of its own folder that reach it (see
 * testsOf); its report is kept in reports/mutation and used again while the file and those tests are unchanged (`--again`
 * runs it anyway). With `--sample` only that share of the mutants is tried, every one with the same probability, and the score
 * of a folder comes with its standard error. Prints the score of every file and folder and exits 1 when a folder that was named
 * whole is below 80 %.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { parseArgs } from "node:util";
import { isSampled } from "./mutation/sample.mjs";

const LEAST = 80;
const REPORTS = "reports/mutation";
const { values: flags, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    again: { type: "boolean", default: false },
    survivors: { type: "boolean", default: false },
  },
});
const targets = named.length > 0 ? named : ["src/math", "src/solve", "src/theory"];
const sample = flags.sample === undefined ? undefined : { rate: Number(flags.sample), seed: Number(flags.seed) };
if (sample && !(sample.rate > 0 && sample.rate <= 1))
  throw new Error("--sample is a share of all mutants, such as 0.1");

const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(posix.join(folder, entry.name)) : [posix.join(folder, entry.name)],
  );
const sources = walk("src").filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
const tests = walk("test").filter((file) => file.endsWith(".test.ts"));
const imports = new Map(
  [...sources, ...walk("test").filter((file) => file.endsWith(".ts"))].map((file) => {
    const text = readFileSync(file, "utf8");
    const found = [...text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)].map(([, to]) => to);
    return [file, found.map((to) => posix.join(posix.dirname(file), to).replace(/\.js$/, ".ts"))];
  }),
);

/** Tests of the folder that import the file; if none does, those that import its importers, and so on outwards. */
function testsOf(file) {
  const folder = file.split("/")[1];
  const own = tests.filter(
    (test) => test.startsWith(`test/${folder}/`) || test.startsWith(`test/properties/${folder}`),
  );
  let level = new Set([file]);
  const seen = new Set(level);
  while (level.size > 0) {
    const found = own.filter((test) => imports.get(test).some((to) => level.has(to)));
    if (found.length > 0) return found;
    level = new Set(sources.filter((from) => !seen.has(from) && imports.get(from).some((to) => level.has(to))));
    for (const from of level) seen.add(from);
  }
  return own;
}

function scoreOf(file, report) {
  const mutants = Object.values(JSON.parse(readFileSync(report, "utf8")).files)
    .flatMap(({ mutants }) => mutants)
    .filter(({ id }) => isSampled(sample, file, id));
  const count = (...states) => mutants.filter(({ status }) => states.includes(status)).length;
  const detected = count("Killed", "Timeout");
  const alive = mutants.filter(({ status }) => status === "Survived" || status === "NoCoverage");
  return { detected, valid: detected + alive.length, alive };
}

const percent = ({ detected, valid }) => (valid === 0 ? "–" : `${((100 * detected) / valid).toFixed(1)} %`);
const totals = new Map();
mkdirSync(REPORTS, { recursive: true });
for (const file of targets.flatMap((target) =>
  existsSync(target) && target.endsWith(".ts") ? [target] : sources.filter((s) => s.startsWith(`${target}/`)),
)) {
  const meeting = testsOf(file);
  const hash = createHash("sha256");
  for (const name of [file, ...meeting]) hash.update(readFileSync(name));
  const digest = hash.digest("hex").slice(0, 12);
  const part = sample ? `.${sample.rate}-${sample.seed}` : "";
  const whole = join(REPORTS, `${file.replaceAll("/", "-")}.${digest}.json`);
  // A report of all mutants holds those of every sample.
  const report = existsSync(whole) ? whole : whole.replace(".json", `${part}.json`);
  if (flags.again || !existsSync(report)) {
    for (const old of readdirSync(REPORTS)) {
      const isStale = old.startsWith(`${basename(whole).split(".ts.")[0]}.ts.`) && !old.includes(digest);
      if (isStale) rmSync(join(REPORTS, old));
    }
    const partial = join(dirname(report), `partial-${process.pid}.json`);
    const env = {
      ...process.env,
      LEAPFLOW_MUTATION_TESTS: meeting.join(","),
      LEAPFLOW_MUTATION_REPORT: partial,
      LEAPFLOW_MUTATION_FILE: file,
      LEAPFLOW_MUTATION_SAMPLE: sample ? JSON.stringify(sample) : "",
    };
    const run = spawnSync(process.execPath, ["node_modules/.bin/stryker", "run", "--mutate", file], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (run.status !== 0 || !existsSync(partial)) {
      console.log(`${file}: stryker failed\n${run.stdout}`);
      process.exitCode = 1;
      continue;
    }
    renameSync(partial, report);
  }
  const score = scoreOf(file, report);
  console.log(`${file}: ${percent(score)} (${score.detected} of ${score.valid})`);
  if (flags.survivors) {
    for (const { mutatorName, status, location, replacement } of score.alive) {
      const line = readFileSync(file, "utf8").split("\n")[location.start.line - 1].trim();
      console.log(
        `  ${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${line}  →  ${replacement}`,
      );
    }
  }
  const folder = posix.dirname(file);
  const total = totals.get(folder) ?? { detected: 0, valid: 0 };
  totals.set(folder, { detected: total.detected + score.detected, valid: total.valid + score.valid });
}
for (const [folder, total] of totals) {
  const share = total.detected / total.valid;
  const error = sample ? ` ± ${(100 * Math.sqrt((share * (1 - share)) / total.valid)).toFixed(1)} %` : "";
  console.log(`${folder}: ${percent(total)}${error} (${total.detected} of ${total.valid})`);
  if (targets.includes(folder) && 100 * total.detected < LEAST * total.valid) process.exitCode = 1;
}
