/** The report of a fit: one page of HTML with everything a reader asks about it. */
import type { Fit } from "../index.js";
import { importanceFigure, MAX_SUMMARY_PLOTS, pairPlots, principalFigure, summaryPlots } from "./directionFigures.js";
import { coverage, observedFigure, quantileFigure, residualFigure } from "./errorFigures.js";
import { featureCountOf, type ReportData, type ReportOptions, readReport } from "./reportData.js";
import {
  type Content,
  count,
  type Drawing,
  figureHtml,
  fixed,
  Html,
  html,
  nameOf,
  number,
  page,
  percent,
  seconds,
  whole,
} from "./reportPage.js";
import {
  directionTable,
  metricTable,
  rawTable,
  reproduction,
  settings,
  startTable,
  testWords,
} from "./reportTables.js";
import { leapWords, shownWords, summaryWords, warningsWords } from "./reportWords.js";
import { degreeFigure, familyName, pathFigure, rankFigure } from "./searchFigures.js";

/** Directions whose table fits beside a figure. */
const SIDE_COLUMNS = 3;

/**
 * A fit as one self-contained HTML page: what was found in words, the response against the directions with the fitted link, importance
 * of the inputs, residuals, the search, warnings explained, leaps, settings, and how to repeat it.
 *
 * The page loads nothing and runs nothing: figures are SVG inside it, and it reads well in light and dark, on paper and on a phone.
 * Figures of many rows show a seeded draw of 1500, so a page stays below 2 MB. The same fit and rows give the same text.
 *
 * @param options - the rows of the fit, and optionally rows it has not seen, names, and the command line that made it
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE`, `EMPTY`, as `predict`. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 * Cost: two passes over the rows, and some 10⁵ evaluations of the link for the curves.
 */
export async function fitReport(fit: Fit, options: ReportOptions): Promise<string> {
  const data = readReport(fit, options);
  const plot = await import("./drawing.js");
  // Figures and tables side by side where there is room.
  const grid = (...parts: readonly (Drawing | Html | undefined)[]): Content => {
    const shown = parts.filter((part) => part !== undefined);
    const cells = shown.map((part) => (part instanceof Html ? html`<div>${part}</div>` : figureHtml(part)));
    return shown.length > 0 && html`<div class="figures">${cells}</div>`;
  };
  const { target, source } = data;
  const { rank, dim } = fit.model;
  const isWide = rank > SIDE_COLUMNS;
  const title = `${target}: rank ${rank} of ${count(dim, "input")}`;
  return page(
    title,
    html`<h1>${nameOf(target)} from ${count(dim, "input")}</h1>
<p class="source">Multi-index model fitted by leapflow ${fit.version}${source !== undefined && html`, from <span class="code">${source}</span>`}</p>
${summaryWords(data)}
${tiles(data)}
${warningsWords(data)}`,
    [
      {
        id: "link",
        title: "The response against the directions",
        short: "Response",
        content:
          rank === 0
            ? []
            : [linkIntroduction(data), shownWords(data), grid(...summaryPlots(plot, data), ...pairPlots(plot, data))],
      },
      {
        id: "directions",
        title: "Directions and inputs",
        short: "Directions",
        content:
          rank === 0
            ? []
            : [
                grid(importanceFigure(plot, data), isWide ? principalFigure(plot, data) : directionTable(data)),
                isWide && directionTable(data),
                rawTable(data),
              ],
      },
      {
        id: "errors",
        title: "Errors",
        short: "Errors",
        content: [
          grid(observedFigure(plot, data), residualFigure(plot, data), quantileFigure(plot, data), metricTable(data)),
        ],
      },
      {
        id: "search",
        title: "How the model was found",
        short: "Search",
        content: [
          grid(
            rankFigure(plot, data),
            degreeFigure(plot, data),
            isWide ? undefined : principalFigure(plot, data),
            pathFigure(plot, data),
          ),
          testWords(data),
          startTable(data),
        ],
      },
      { id: "leaps", title: "How hard the link is to learn", short: "Leaps", content: leapWords(data) },
      { id: "settings", title: "Settings", short: "Settings", content: [settings(data)] },
      { id: "repeat", title: "How to repeat it", short: "Repeat", content: [reproduction(data)] },
    ],
    footer(),
  );
}

function linkIntroduction({ fit: { model } }: ReportData): Html {
  if (model.rank === 1)
    return html`<p>The direction z₁ is a weighted sum of the inputs, and all that the model sees of a row.</p>`;
  return html`<p>Each direction z is a weighted sum of the inputs; the model sees a row through these ${model.rank} numbers only. Directions come in the order of their mean squared slope${
    model.rank > MAX_SUMMARY_PLOTS && `; the first ${MAX_SUMMARY_PLOTS} are drawn`
  }.</p>`;
}

/** The figures that a reader looks for first. */
function tiles(data: ReportData): Html {
  const { fit, train, test, level } = data;
  const { heldOut } = fit.diagnostics;
  const inside = coverage(test ?? train);
  const rows: (readonly [string, Content, Content])[] = [
    test === undefined
      ? ["R², estimated on new rows", fixed(heldOut.r2, 3), `training ${fixed(train.r2, 3)}`]
      : ["R² on held-out rows", fixed(test.r2, 3), `training ${fixed(train.r2, 3)}`],
    [
      "typical error (RMSE)",
      number((test ?? train).rmse, 3),
      test === undefined ? "training rows" : `training ${number(train.rmse, 3)}`,
    ],
    ["directions", fit.model.rank, `of ${count(fit.model.dim, "input")}`],
    [
      "link",
      fit.model.degree === null ? familyName(data.link.family) : `degree ${fit.model.degree}`,
      count(featureCountOf(data.link), "coefficient"),
    ],
    ["rows", whole(train.samples), test === undefined ? "none held out" : `and ${whole(test.samples)} held out`],
    ...(inside === undefined
      ? []
      : [[`inside the ${percent(level, 0)} interval`, percent(inside), (test ?? train).label] as const]),
    ["time", seconds(fit.elapsedMs), `seed ${fit.seed}`],
  ];
  return html`<dl class="tiles">${rows.map(
    ([name, value, small]) => html`<div><dt>${name}</dt><dd>${value}<small>${small}</small></dd></div>
`,
  )}</dl>`;
}

/** Papers, and what a report is not. */
function footer(): Html {
  return html`<p>The method: A. Bietti, J. Bruna and L. Pillaud-Vivien, On Learning Gaussian Multi-index Models with Gradient Flow, arXiv:2310.19793; J. M. Hokanson and P. G. Constantine, Data-driven polynomial ridge approximation using variable projection, doi:10.1137/17M1117690. Curves and bands describe these rows; they are no proof of a cause.</p>`;
}
