/**
 * Mutation testing, a source file at a time: `npm run mutation [-- [--again] [--survivors] src/math src/solve/objective.ts …]`.
 *
 * Without names: src/math, src/solve and src/theory. Each file meets the tests of its own folder that reach it (see
 * testsOf); its report is kept in reports/mutation and used again while the file and those tests are unchanged (`--again`
 * runs it anyway). Prints the score of every file and folder and exits 1 when a folder that was named whole is below 80 %.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";

const LEAST = 80;
const REPORTS = "reports/mutation";
const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const named = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const targets = named.length > 0 ? named : ["src/math", "src/solve", "src/theory"];

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

function scoreOf(report) {
  const mutants = Object.values(JSON.parse(readFileSync(report, "utf8")).files).flatMap(({ mutants }) => mutants);
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
  const report = join(REPORTS, `${file.replaceAll("/", "-")}.${hash.digest("hex").slice(0, 12)}.json`);
  if (flags.includes("--again") || !existsSync(report)) {
    for (const old of readdirSync(REPORTS)) {
      if (old.startsWith(`${basename(report).split(".ts.")[0]}.ts.`)) rmSync(join(REPORTS, old));
    }
    const partial = join(dirname(report), `partial-${process.pid}.json`);
    const env = { ...process.env, LEAPFLOW_MUTATION_TESTS: meeting.join(","), LEAPFLOW_MUTATION_REPORT: partial };
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
  const score = scoreOf(report);
  console.log(`${file}: ${percent(score)} (${score.detected} of ${score.valid})`);
  if (flags.includes("--survivors")) {
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
  console.log(`${folder}: ${percent(total)} (${total.detected} of ${total.valid})`);
  if (targets.includes(folder) && 100 * total.detected < LEAST * total.valid) process.exitCode = 1;
}
