/** The page of a study: what was asked, what is seen, predicted beside measured, and how to repeat it. */
import { InputError } from "../base/errors.js";
import { type Chart, chartParts } from "./chartFigure.js";
import { embedFigure } from "./figure.js";
import { type Content, figureHtml, html, number, page, scrolling } from "./reportPage.js";

/** What a comparison of theory and measurement came to. */
export type Verdict = "agrees" | "differs" | "open";

/** One statement of theory beside what was measured. */
export interface Finding {
  readonly statement: string;
  /** Paper and place. */
  readonly source: string;
  /** What theory says, or in words; null where it says nothing that a number could hold. */
  readonly predicted: number | string | null;
  readonly measured: number | string | null;
  /** 95 %, of what was measured. */
  readonly interval: readonly [number, number] | null;
  readonly verdict: Verdict;
  /** Theory makes no statement for this case, it is only measured against it: a difference contradicts nothing. */
  readonly beyond?: boolean;
  /** What the reader should know about the comparison. */
  readonly note?: string;
  /** Name of the figure that shows it. */
  readonly figure?: string;
}

/** A table of a study; cells of one column are of one kind. */
export interface StudyTable {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (number | string | null)[])[];
}

/** A figure of a study with the words that go with it. */
export interface StudyFigure {
  readonly name: string;
  readonly chart: Chart;
  /** What to look for and what it means. */
  readonly caption: string;
}

/** Everything on the page of a study. */
export interface StudyRecord {
  readonly study: string;
  readonly title: string;
  /** What is asked, and why. */
  readonly question: string;
  /** What is seen, a paragraph each. */
  readonly seen: readonly string[];
  readonly findings: readonly Finding[];
  readonly figures: readonly StudyFigure[];
  readonly tables: readonly StudyTable[];
  readonly scale: string;
  readonly seed: number;
  readonly version: string;
}

/** Rows of a table on the page; all of them are in its CSV file. */
const SHOWN_ROWS = 40;

/**
 * A study as one self-contained HTML page that loads nothing and runs nothing; the same record gives the same text.
 *
 * @throws {InputError} `TYPE`, `EMPTY` for figures without data
 */
export async function studyPage(record: StudyRecord): Promise<string> {
  if (typeof record?.study !== "string" || !Array.isArray(record.findings)) {
    throw new InputError("TYPE", "record is not the result of a study.");
  }
  const plot = await import("./drawing.js");
  const { study, title, question, seen, findings, figures, tables, scale, seed, version } = record;
  const command = `leapflow study ${study} --${scale} --seed ${seed} --out ${study}`;
  return page(
    title,
    html`<h1>${title}</h1>
<p class="source">Study “${study}” by leapflow ${version}, ${scale} size, seed ${seed}</p>
<p class="lead">${question}</p>
${seen.map((text) => html`<p>${text}</p>`)}`,
    [
      {
        id: "findings",
        title: "Predicted beside measured",
        short: "Predicted and measured",
        content: findings.length === 0 ? [] : [findingWords(findings), findingTable(findings)],
      },
      {
        id: "figures",
        title: "Figures",
        short: "Figures",
        content: figures.map(({ name, chart, caption }) => {
          const svg = embedFigure(plot, chartParts(plot, chart), { width: 720, id: name });
          return html`<div class="wide">${figureHtml({ title: chart.title, svg, caption })}</div>`;
        }),
      },
      { id: "data", title: "Data", short: "Data", content: tables.map(dataTable) },
      {
        id: "repeat",
        title: "How to repeat it",
        short: "Repeat",
        content: [
          html`<pre>${command}</pre><p class="note">The same version, size and seed give the same numbers on every machine.</p>`,
        ],
      },
    ],
    html`<p>Papers: A. Bietti, J. Bruna and L. Pillaud-Vivien, On Learning Gaussian Multi-index Models with Gradient Flow, arXiv:2310.19793; Y. Chen and Y. Shen, Learning single index model with gradient descent: spectral initialization and precise asymptotics, arXiv:2509.23527.</p>`,
  ).replace(
    "</style>",
    "svg.leapflow{max-width:720px}.wide{margin:1.4rem 0}.differs{font-weight:600;color:var(--warn)}</style>",
  );
}

function findingWords(findings: readonly Finding[]): Content {
  return html`<p>${countFindings(findings)} Intervals are 95 %: of true statements one in twenty is expected to miss by chance.</p>`;
}

/** How many comparisons came to what, in words. */
export function countFindings(findings: readonly Finding[]): string {
  const count = (some: readonly Finding[], verdict: Verdict): number =>
    some.filter((finding) => finding.verdict === verdict).length;
  const words = (some: readonly Finding[]): string =>
    [`${count(some, "agrees")} agree`, `${count(some, "differs")} differ`]
      .concat(count(some, "open") > 0 ? [`${count(some, "open")} are left open`] : [])
      .join(", ");
  const beyond = findings.filter((finding) => finding.beyond === true);
  const more =
    beyond.length === 0
      ? ""
      : ` ${beyond.length} more cases lie outside of what theory states, and are measured against it all the same: ${words(beyond)}.`;
  const within = findings.filter((finding) => finding.beyond !== true);
  return `Of ${within.length} comparisons ${words(within)}.${more}`;
}

/** The verdict of a row: in brackets where theory makes no statement. */
export const verdictOf = ({ verdict, beyond }: Pick<Finding, "verdict" | "beyond">): string =>
  beyond === true ? `(${verdict})` : verdict;

const cell = (value: number | string | null): string =>
  value === null ? "" : typeof value === "string" ? value : number(value);

function findingTable(findings: readonly Finding[]): Content {
  const row = ({ statement, source, predicted, measured, interval, verdict, note, beyond }: Finding) =>
    html`<tr><td>${statement}<small>${source}${note !== undefined && `. ${note}`}</small></td><td>${cell(predicted)}</td><td>${cell(measured)}</td><td>${interval === null ? "" : `${number(interval[0])} to ${number(interval[1])}`}</td><td class="${beyond === true ? "beyond" : verdict}">${verdictOf({ verdict, beyond })}</td></tr>
`;
  return scrolling(
    "Predicted beside measured",
    html`<table><thead><tr><th>statement</th><th>predicted</th><th>measured</th><th>95 %</th><th></th></tr></thead><tbody>
${findings.map(row)}</tbody></table>`,
  );
}

function dataTable({ name, title, columns, rows }: StudyTable): Content {
  const rest = rows.length - SHOWN_ROWS;
  return html`<details><summary>${title} (${rows.length} rows, ${name}.csv)</summary>${scrolling(
    title,
    html`<table><thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead><tbody>
${rows.slice(0, SHOWN_ROWS).map((row) => html`<tr>${row.map((value) => html`<td>${cell(value)}</td>`)}</tr>\n`)}</tbody></table>`,
  )}${rest > 0 && html`<p class="note">and ${rest} more rows in the file</p>`}</details>`;
}
