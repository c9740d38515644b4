/** Tables of a report: directions with standard errors, settings, starts, how to repeat the fit. */

import type { RankTest } from "../index.js";
import { featureCountOf, type ReportData } from "./reportData.js";
import {
  type Content,
  count,
  fixed,
  type Html,
  html,
  nameOf,
  number,
  percent,
  scrolling,
  seconds,
  whole,
  zName,
} from "./reportPage.js";
import { stopWords } from "./reportWords.js";
import { familyName } from "./searchFigures.js";

/** Inputs with a line; a thousand of them would be a table nobody reads. */
const MAX_ROWS = 40;
/** Directions with a column. */
const MAX_COLUMNS = 12;
const MAX_STARTS = 12;
/** Standard errors beyond which a loading is taken as more than noise. */
const CLEAR = 2;

/** Loadings per standard deviation of the input, columns of unit length: what is compared across inputs. */
export function directionTable(data: ReportData): Html {
  const { fit, order, inputs, importance, columns, loadings, lengths } = data;
  const { columnScale } = fit.model.data;
  const shown = order.slice(0, MAX_COLUMNS);
  const listed = inputs.slice(0, MAX_ROWS);
  const errors = fit.diagnostics.standardErrors?.directions;
  const rows = listed.map((j) => {
    const cells = shown.map((k) => {
      const error = errors === undefined ? undefined : (errors.get(j, k) * columnScale[j]) / lengths[k];
      return loadingCell(loadings[k][j], error);
    });
    return html`<tr><th scope="row">${nameOf(columns[j])}</th><td>${percent(importance[j])}</td>${cells}</tr>
`;
  });
  const rest = inputs.slice(MAX_ROWS).reduce((sum, j) => sum + importance[j], 0);
  const left = inputs.length - listed.length;
  return html`<h3>Loadings</h3>${scrolling(
    "Loadings",
    html`<table><thead><tr><th scope="col">input</th><th scope="col">importance</th>${shown.map((k) => html`<th scope="col">${zName(k)}</th>`)}</tr></thead>
<tbody>
${rows}</tbody></table>`,
  )}<p class="note">Per standard deviation of the input, every direction of length 1${
    errors !== undefined && `; below each its standard error, and in bold what is more than ${CLEAR} of them from zero`
  }.${left > 0 && ` ${count(left, "more input")} with ${percent(rest)} of the importance together.`}${
    order.length > shown.length &&
    ` ${count(order.length - shown.length, "more direction")}, the least steep, are not shown.`
  }</p>`;
}

function loadingCell(value: number, error: number | undefined): Html {
  // A tint of the size, blue above zero and orange below; the sign is in the number as well.
  const tint = `background:rgba(${value < 0 ? "209,96,10" : "42,125,225"},${(0.38 * Math.min(1, Math.abs(value))).toFixed(2)})`;
  const clear = error !== undefined && Math.abs(value) > CLEAR * error;
  return html`<td style="${tint}"${clear && html` class="clear"`}>${fixed(value, 2)}${
    error !== undefined && html`<small>± ${fixed(error, error < 0.0095 ? 3 : 2)}</small>`
  }</td>`;
}

/** The numbers that make z from the columns as they are. */
export function rawTable({ fit, columns, order, inputs }: ReportData): Html {
  const shown = order.slice(0, MAX_COLUMNS);
  const listed = inputs.slice(0, MAX_ROWS);
  const { directions, center } = fit.model;
  const errors = fit.diagnostics.standardErrors?.directions;
  return html`<details><summary>Coefficients in the units of the columns</summary>
<p>z = Σ coefficient × (input − center); these are the numbers that the model computes with.</p>
${scrolling(
  "Coefficients in the units of the columns",
  html`<table><thead><tr><th scope="col">input</th><th scope="col">center</th>${shown.map((k) => html`<th scope="col">${zName(k)}</th>`)}</tr></thead>
<tbody>
${listed.map(
  (j) => html`<tr><th scope="row">${nameOf(columns[j])}</th><td>${number(center[j])}</td>${shown.map(
    (k) =>
      html`<td>${number(directions.get(j, k))}${errors !== undefined && html`<small>± ${number(errors.get(j, k), 2)}</small>`}</td>`,
  )}</tr>
`,
)}</tbody></table>`,
)}</details>`;
}

/** Facts under one another. */
export const facts = (rows: readonly (readonly [Content, Content])[]): Html =>
  html`<dl class="facts">${rows.map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>
`,
  )}</dl>`;

/** What the fit is made of and how it was found. */
export function settings({ fit, link }: ReportData): Content {
  const { model, diagnostics, kernel, stop } = fit;
  const { selection, heldOut, gaussianity } = diagnostics;
  const { tail } = link;
  const family = familyName(link.family);
  return facts([
    ["rank", html`${model.rank}${chosenBy(selection.rankBy)}`],
    [
      "link",
      html`${family}${model.degree !== null && ` of degree ${model.degree}`}${chosenBy(selection.degreeBy)}, ${count(featureCountOf(link), "coefficient")}${
        tail !== undefined &&
        `; beyond |z| = ${number(tail.radius, 3)} it goes on ${tail.kind === "clip" ? "level" : "in a straight line"}`
      }`,
    ],
    [
      "ridge of the link",
      `${number(selection.ridge, 2)} relative to the mean diagonal, ${selection.ridgeBy === "gcv" ? "chosen by generalized cross-validation" : "given"}`,
    ],
    ["inputs", WHITENING[selection.whiten] ?? selection.whiten],
    ["method", `${selection.method} from start “${selection.start}”`],
    ["stopped", `${stopWords(stop.reason)} after ${count(stop.iterations, "iteration")}`],
    [
      "held-out estimate",
      `R² ${number(heldOut.r2)}, error ${number(Math.sqrt(heldOut.meanSquare), 3)} (${ESTIMATES[heldOut.method] ?? heldOut.method})`,
    ],
    ["degrees of freedom, directions included", number(diagnostics.degreesOfFreedom, 3)],
    ["condition of the link solve", number(diagnostics.condition, 2)],
    [
      "projected inputs against the normal law",
      `moments off by ${number(gaussianity.deviation, 2)} (sampling alone: up to ${number(gaussianity.gaussianLevel, 2)}), skewness ${number(gaussianity.skewness, 2)}, excess kurtosis ${number(gaussianity.excessKurtosis, 2)}`,
    ],
    ["time", seconds(fit.elapsedMs)],
    [
      "kernel",
      `${kernel.name}${kernel.simd ? " with SIMD" : ""}, ${count(kernel.threads, "thread")}${kernel.reason === undefined ? "" : ` (${kernel.reason})`}`,
    ],
    ["seed", String(fit.seed)],
    ["version", `leapflow ${fit.version}`],
  ]);
}

const chosenBy = (by: string): string => (by === "given" ? "" : ` (chosen by ${by} error)`);

const WHITENING: Readonly<Record<string, string>> = {
  full: "whitened: scaled and made uncorrelated for the search",
  scale: "scaled to one spread for the search",
  none: "taken as they are",
};
const ESTIMATES: Readonly<Record<string, string>> = {
  gcv: "generalized cross-validation",
  loo: "leave-one-out",
  "leave-one-out": "leave-one-out",
};

/** The starts that were compared. */
export function startTable({ fit }: ReportData): Content {
  const { starts, start } = fit.diagnostics.selection;
  if (starts.length < 2) return undefined;
  const listed = starts.slice(0, MAX_STARTS);
  return html`<details><summary>${count(starts.length, "start")} compared</summary>
${scrolling(
  "Starts",
  html`<table><thead><tr><th scope="col">start</th><th scope="col">loss after a few steps</th></tr></thead>
<tbody>
${listed.map(
  ({
    name,
    loss,
  }) => html`<tr${name === start && html` class="chosen"`}><th scope="row">${name}</th><td>${number(loss)}</td></tr>
`,
)}</tbody></table>`,
)}${starts.length > listed.length && html`<p class="note">and ${starts.length - listed.length} more</p>`}</details>`;
}

/** Whether a rank is more than what noise gives: the permutation tests. */
export function testWords({ fit }: ReportData): Content {
  const { tests } = fit.diagnostics.selection;
  return tests.map((test) => {
    const { rank, ratio, nullRatios, confirmed, against = rank - 1 } = test as RankTest & { readonly against?: number };
    const smallest = nullRatios.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    return html`<p>Permutation test of rank ${rank}: it brings the held-out error to ${percent(ratio)} of that of ${against === 0 ? "the constant" : `rank ${against}`}; the same search on ${
      nullRatios.length === 1 ? "a permuted copy" : `${nullRatios.length} permuted copies`
    } of the residuals to ${percent(smallest)}${nullRatios.length > 1 && " at best"}. ${
      confirmed ? "So the rank is more than noise." : "So noise alone does as well, and the rank was not taken."
    }</p>`;
  });
}

/** Metrics on every set of rows. */
export function metricTable({ train, test, fit }: ReportData): Html {
  const { heldOut } = fit.diagnostics;
  const line = (name: string, rows: Content, r2: number, rmse: number): Html =>
    html`<tr><th scope="row">${name}</th><td>${rows}</td><td>${fixed(r2, 4)}</td><td>${number(rmse)}</td></tr>
`;
  return html`<h3>Quality</h3>${scrolling(
    "Quality",
    html`<table><thead><tr><th scope="col">rows</th><th scope="col">number</th><th scope="col">R²</th><th scope="col">RMSE</th></tr></thead>
<tbody>
${line("training", whole(train.samples), train.r2, train.rmse)}${line(
  `new rows, estimated by ${ESTIMATES[heldOut.method] ?? heldOut.method}`,
  "",
  heldOut.r2,
  Math.sqrt(heldOut.meanSquare),
)}${test !== undefined && line("held out", whole(test.samples), test.r2, test.rmse)}</tbody></table>`,
  )}<p class="note">R² is the share of the variance of the response that is explained; RMSE the root of the mean squared error, in the units of the response.</p>`;
}

/** A program that gives the fit again. */
export function reproduction({ fit, link, command }: ReportData): Html {
  const { model, diagnostics, seed, version } = fit;
  const { selection } = diagnostics;
  if (command !== undefined)
    return html`<p>The same files, leapflow ${version} and this command give the same model to the last bit:</p><pre><code>${command}</code></pre>`;
  const options = [
    `rank: ${model.rank}`,
    ...(model.degree === null ? [`link: "${link.family}"`] : [`degree: ${model.degree}`]),
    `method: "${selection.method}"`,
    `whiten: "${selection.whiten}"`,
    `seed: ${seed}`,
  ].join(", ");
  return html`<p>The same rows, options and seed ${seed} with leapflow ${version} give the same model to the last bit. What was chosen, written as options:</p><pre><code>const fit = await fitMultiIndex(X, y, { ${options} });</code></pre>`;
}
