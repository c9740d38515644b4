/**
 * Mutation testing: `npm run mutation [-- [--sample 0.1 --seed 1] [--again] [--survivors] [--readme] src/math src/solve/tail.ts …]`.
 *
 * Without names: src/math, src/solve and src/theory. Each file meets the tests that reach it (see testsOf); files with the same
 * tests share a run. What became of every mutant is kept in reports/mutation while the file stays as it is: those that a test
 * caught are not tried again, survivors are once the tests change (`--again` tries all). With `--sample` only that share of the
 * mutants is tried, every one with the same probability, and the score of a folder comes with its standard error. Mutants listed
 * in test/mutation/equivalent.json, each with the reason why no test can tell it from the program, do not count.
 *
 * Prints the score of every file and folder and exits 1 when a folder that was named whole is below 80 % or not tried to its end;
 * `--survivors` lists what lived, `--readme` writes the scores of whole folders to their parts of test/mutation/README.md,
 * `--stored` tries nothing and tells what is known.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isSampled, keyOf } from "./mutation/sample.mjs";

const LEAST = 80;
const REPORTS = "reports/mutation";
const FOLDERS = ["src/math", "src/solve", "src/theory"];
/** Tests of a folder that stand elsewhere: a fit is tested by what its users may do to it. */
const ELSEWHERE = {
  solve: ["conformance/fit", "faults/data", "faults/numerics", "faults/options"].map((name) => `test/${name}.test.ts`),
};
/** The systems of the flows have tests of their parts, and the tests of the flows that they make. */
const FLOWS = ["plantedFlow", "populationFlow"].map((name) => `test/theory/${name}.test.ts`);
const CAUGHT = ["Killed", "Timeout"];

const { values: flags, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    again: { type: "boolean", default: false },
    survivors: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
    stored: { type: "boolean", default: false },
  },
});
const targets = named.length > 0 ? named : FOLDERS;
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
  [...sources, ...tests].map((file) => {
    // Types run nothing.
    const text = readFileSync(file, "utf8").replace(/import type[^;]*;/g, "");
    const found = [...text.matchAll(/(?:from|import)\s*\(?\s*["'](\.[^"']+)["']/g)].map(([, to]) => to);
    return [file, found.map((to) => posix.join(posix.dirname(file), to).replace(/\.js$/, ".ts"))];
  }),
);

/** Tests of the folder that import the file; if none does, those that import its importers, and so on outwards. */
function testsOf(file) {
  const folder = file.split("/")[1];
  const own = tests.filter((test) => test.startsWith(`test/${folder}/`) || ELSEWHERE[folder]?.includes(test));
  let level = new Set([file]);
  const seen = new Set(level);
  const found = new Set();
  while (level.size > 0 && found.size === 0) {
    for (const test of own) if (imports.get(test).some((to) => level.has(to))) found.add(test);
    level = new Set(sources.filter((from) => !seen.has(from) && imports.get(from).some((to) => level.has(to))));
    for (const from of level) seen.add(from);
  }
  if (found.has("test/theory/flowSystems.test.ts")) for (const test of FLOWS) found.add(test);
  return found.size > 0 ? [...found] : own;
}

const digest = (files) => {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
};
const storeOf = (file) => join(REPORTS, `${file.replaceAll("/", "-")}.json`);
/** What is known of the mutants of a file as it is: { tests, tags, mutants: { key: { status, … } } }. */
function known(file) {
  const store = existsSync(storeOf(file)) ? JSON.parse(readFileSync(storeOf(file), "utf8")) : undefined;
  return store?.source === digest([file]) ? store : { source: digest([file]), tests: "", tags: [], mutants: {} };
}
const tag = sample ? `${sample.rate}-${sample.seed}` : "all";

/** Tries the mutants of some files that share their tests. @returns whether stryker came to its end */
function run(files, meeting) {
  const stores = new Map(files.map((file) => [file, known(file)]));
  const skip = files.flatMap((file) =>
    Object.entries(stores.get(file).mutants)
      .filter(([, { status }]) => !flags.again && CAUGHT.includes(status))
      .map(([key]) => key),
  );
  const [partial, skipped] = [
    join(REPORTS, `partial-${process.pid}.json`),
    resolve(REPORTS, `skip-${process.pid}.json`),
  ];
  writeFileSync(skipped, JSON.stringify(skip));
  const env = {
    ...process.env,
    LEAPFLOW_MUTATION_TESTS: meeting.join(","),
    LEAPFLOW_MUTATION_REPORT: partial,
    LEAPFLOW_MUTATION_SKIP: skipped,
    LEAPFLOW_MUTATION_SAMPLE: sample ? JSON.stringify(sample) : "",
  };
  const { status, stdout } = spawnSync(
    process.execPath,
    ["node_modules/.bin/stryker", "run", "--mutate", files.join(",")],
    { env, stdio: ["ignore", "pipe", "inherit"] },
  );
  rmSync(skipped);
  if (status !== 0 || !existsSync(partial)) {
    console.log(`${files.join(" ")}: stryker failed\n${stdout}`);
    return false;
  }
  const report = JSON.parse(readFileSync(partial, "utf8")).files;
  rmSync(partial);
  for (const file of files) {
    const store = stores.get(file);
    for (const { mutatorName, replacement, location, status: fate } of report[file]?.mutants ?? []) {
      const { line, column } = location.start;
      const key = keyOf(file, line, column, location.end, mutatorName, replacement);
      // The runner's word for those that it did not try.
      if (fate !== "RuntimeError") store.mutants[key] = { status: fate, line, column, mutatorName, replacement };
    }
    store.tests = digest(meeting);
    store.tags = [...new Set([...(flags.again ? [] : store.tags), tag])];
    writeFileSync(storeOf(file), JSON.stringify(store));
  }
  return true;
}

/** Reviewed mutants that compute the same as the program. */
const equivalent = existsSync("test/mutation/equivalent.json")
  ? JSON.parse(readFileSync("test/mutation/equivalent.json", "utf8"))
  : [];
const isEquivalent = (file, text, { mutatorName, replacement }) =>
  equivalent.some(
    (one) => one.file === file && one.line === text && one.mutator === mutatorName && one.replacement === replacement,
  );

function scoreOf(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  const score = { detected: 0, valid: 0, timeouts: 0, equivalent: 0, alive: [] };
  for (const [key, mutant] of Object.entries(known(file).mutants)) {
    if (!isSampled(sample, key)) continue;
    const { status } = mutant;
    const text = lines[mutant.line - 1].trim();
    if (CAUGHT.includes(status)) score.detected++;
    else if (status !== "Survived" && status !== "NoCoverage") continue;
    else if (isEquivalent(file, text, mutant)) {
      score.equivalent++;
      continue;
    } else score.alive.push({ ...mutant, text });
    if (status === "Timeout") score.timeouts++;
    score.valid++;
  }
  return score;
}

mkdirSync(REPORTS, { recursive: true });
const files = targets.flatMap((target) =>
  existsSync(target) && target.endsWith(".ts") ? [target] : sources.filter((s) => s.startsWith(`${target}/`)),
);
const groups = new Map();
/** Files whose mutants were not tried at this rate. */
const untried = new Set();
for (const file of files) {
  const meeting = testsOf(file);
  const store = known(file);
  // A larger sample of the same seed holds the smaller ones.
  const isSettled = store.tags.some((one) => {
    const [rate, seed] = one.split("-").map(Number);
    return one === "all" || (sample !== undefined && seed === sample.seed && rate >= sample.rate);
  });
  const hasSurvivors = Object.values(store.mutants).some(({ status }) => !CAUGHT.includes(status));
  if (!isSettled) untried.add(file);
  if (flags.stored) continue;
  if (!flags.again && isSettled && (store.tests === digest(meeting) || !hasSurvivors)) continue;
  const key = meeting.join(",");
  groups.set(key, [...(groups.get(key) ?? []), file]);
}
for (const [key, group] of groups) {
  const started = performance.now();
  if (!run(group, key.split(","))) process.exitCode = 1;
  else for (const file of group) untried.delete(file);
  console.log(`tried ${group.join(" ")} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
}

const percent = ({ detected, valid }) => (valid === 0 ? "–" : `${((100 * detected) / valid).toFixed(1)} %`);
const totals = new Map();
const rows = [];
for (const file of files) {
  if (untried.has(file)) {
    console.log(`${file}: not tried`);
    rows.push([`\`${file}\``, "–", "–", "–", "not tried"]);
    process.exitCode = 1;
    continue;
  }
  const score = scoreOf(file);
  rows.push([`\`${file}\``, score.valid, score.detected, score.equivalent, percent(score)]);
  console.log(`${file}: ${percent(score)} (${score.detected} of ${score.valid})`);
  if (flags.survivors) {
    for (const { line, column, status, mutatorName, text, replacement } of score.alive)
      console.log(`  ${line}:${column} ${status} ${mutatorName}: ${text}  →  ${replacement}`);
  }
  const folder = posix.dirname(file);
  const total = totals.get(folder) ?? { detected: 0, valid: 0, timeouts: 0, equivalent: 0 };
  for (const name of Object.keys(total)) total[name] += score[name];
  totals.set(folder, total);
}
const summaries = new Map();
for (const [folder, total] of totals) {
  const share = total.detected / total.valid;
  const error = sample ? ` ± ${(100 * Math.sqrt((share * (1 - share)) / total.valid)).toFixed(1)} %` : "";
  console.log(
    `${folder}: ${percent(total)}${error} (${total.detected} of ${total.valid}, ${total.timeouts} of them by time)`,
  );
  summaries.set(folder, `**${percent(total)}**${error}: ${total.detected} noticed of ${total.valid} tried`);
  if (targets.includes(folder) && 100 * total.detected < LEAST * total.valid) process.exitCode = 1;
}
if (flags.readme) for (const folder of summaries.keys()) if (targets.includes(folder)) writeReadme(folder);

/** Writes the part of a folder; those of the others stay. */
function writeReadme(folder) {
  const file = "test/mutation/README.md";
  const own = rows.filter(([name]) => name.startsWith(`\`${folder}/`));
  const drawn = sample ? ` --sample ${flags.sample} --seed ${flags.seed}` : "";
  const share = sample
    ? ` Tried was a sample of ${100 * sample.rate} % of all mutants, chosen by a hash of seed and place: scores of single files are rough.`
    : "";
  const missing = own.some(([, tried]) => tried === "–") ? " Files that were not tried are in no sum." : "";
  const parts = new Map(
    (existsSync(file) ? readFileSync(file, "utf8") : "")
      .split(/^## /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf("\n")), text.slice(text.indexOf("\n")).trim()]),
  );
  parts.set(
    folder,
    [
      `${summaries.get(folder)}, written by \`npm run mutation --${drawn} --readme ${folder}\`.${share}${missing}`,
      "",
      "| file | tried | noticed | the same program | score |",
      "| --- | --- | --- | --- | --- |",
      ...own.map((cells) => `| ${cells.join(" | ")} |`),
    ].join("\n"),
  );
  const reasons = equivalent.map(
    ({ file, line, replacement, reason }) => `- \`${file}\`: \`${line}\` → \`${replacement}\`: ${reason}`,
  );
  const heading = (name, text) => `## ${name}\n\n${text}\n`;
  writeFileSync(
    file,
    [
      "# Mutation scores\n\nThe share of small changes to the program that its tests notice, folder by folder.\n",
      ...FOLDERS.filter((name) => parts.has(name)).map((name) => heading(name, parts.get(name))),
      heading("Mutants that are the same program", reasons.length > 0 ? reasons.join("\n") : "None was reviewed yet."),
    ].join("\n"),
  );
}
