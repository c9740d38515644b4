/** Writes docs/reproduction.md from the results of the studies in docs/studies: no number in it is copied by hand. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countFindings, type StudyRecord, verdictOf } from "../src/plot/index.js";
import { STUDY_NAMES } from "../src/studies/index.js";

const root = join(import.meta.dirname, "..");
const number = (value: number): string => String(Number(value.toPrecision(4)));
const cell = (value: number | string | null): string =>
  value === null ? "" : typeof value === "number" ? number(value) : value.replaceAll("|", "\\|");

const records: StudyRecord[] = [];
const parts = STUDY_NAMES.flatMap((name) => {
  let record: StudyRecord;
  try {
    record = JSON.parse(readFileSync(join(root, "docs/studies", name, "study.json"), "utf8"));
  } catch {
    return [
      `## ${name}\n\nNo results are kept yet: run \`leapflow study ${name} --quick --out docs/studies/${name}\`.\n`,
    ];
  }
  records.push(record);
  const { title, scale, seed, seen, findings, figures } = record;
  const rows = findings.map(({ statement, source, predicted, measured, interval, verdict, beyond, note, figure }) => {
    const range = interval === null ? "" : `${number(interval[0])} to ${number(interval[1])}`;
    const shown = figure === undefined ? "" : `[${figure}](studies/${name}/${figure}.svg)`;
    const words = [source, ...(note === undefined ? [] : [note])].join(". ");
    return `| ${[statement, cell(predicted), cell(measured), range, verdictOf({ verdict, beyond }), shown, words].map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return [
    `## ${title}`,
    "",
    `Command: \`leapflow study ${name} --${scale} --seed ${seed} --out docs/studies/${name}\`. [Page](studies/${name}/index.html) with ${figures.length} figures. ${countFindings(findings)}`,
    "",
    ...seen.flatMap((text) => [text, ""]),
    ...figures.map(({ name: file, caption }) => `![${file}](studies/${name}/${file}.svg)\n\n${caption}\n`),
    "| statement | predicted | measured | 95 % | | figure | source and remarks |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ];
});

/** Every statement that differs or is open, with its remark, before the details. */
const summary = [
  "## Where theory and measurement differ, or nothing could be decided",
  "",
  "| study | statement | predicted | measured | 95 % | | remarks |",
  "| --- | --- | --- | --- | --- | --- | --- |",
  ...records.flatMap(({ study, findings }) =>
    findings
      .filter(({ verdict, beyond }) => verdict !== "agrees" && beyond !== true)
      .map(({ statement, predicted, measured, interval, verdict, note }) => {
        const range = interval === null ? "" : `${number(interval[0])} to ${number(interval[1])}`;
        const row = [study, statement, cell(predicted), cell(measured), range, verdict, note ?? ""];
        return `| ${row.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
      }),
  ),
  "",
  `All studies together: ${countFindings(records.flatMap(({ findings }) => findings))}`,
].join("\n");

const text = `# Reproduction of the papers

Each statement of the two papers that this package can measure: the command, the figure, what was predicted and what came out.
Written by \`npx tsx scripts/reproduction.ts\` from the results in \`docs/studies\`. Papers: A. Bietti, J. Bruna, L. Pillaud-Vivien,
arXiv 2310.19793; Y. Chen, Y. Shen, arXiv 2509.23527. “Differs” is said wherever the prediction lies outside the 95 % interval, widened
by the part that the remarks name; of true statements one in twenty is expected to differ by chance. Verdicts in brackets stand where
theory makes no statement and is only a mark to measure against. “[MI]” and “[SI]” are the formulas that the source code of
\`leapflow/theory\` cites. Every study also runs at its quick size in seconds (\`--quick\`), where continuous integration holds it
against theory by the same comparisons.

${summary}

${parts.join("\n")}`;
writeFileSync(join(root, "docs/reproduction.md"), text);
