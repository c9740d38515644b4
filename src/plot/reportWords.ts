/** A report in sentences: what the fit found, what its warnings mean, what its leaps imply. */

import type { WarningCode } from "../index.js";
import type { ReportData, RowView } from "./reportData.js";
import { type Content, count, type Html, html, listed, nameOf, number, percent, whole, zName } from "./reportPage.js";

/** Shares of importance below this are not worth a place in a sentence. */
const WORTH_NAMING = 0.05;

/** The link in words: `a polynomial of degree 3`. */
export function linkWords({ link }: ReportData): string {
  if (link.rank === 0) return "a constant";
  if (link.degree !== null) return `a polynomial of degree ${link.degree}`;
  return FAMILY_WORDS[link.family] ?? `a link of the family “${link.family}”`;
}

const FAMILY_WORDS: Readonly<Record<string, string>> = {
  kernel: "a Gaussian-process link",
  relu: "a link of ReLU features",
  custom: "a link of given features",
};

/** The paragraph at the top. */
export function summaryWords(data: ReportData): Html {
  const { fit, target, train, test, importance, inputs, columns } = data;
  const { model, diagnostics } = fit;
  const values = Array.from(diagnostics.principalValues);
  const total = values.reduce((sum, value) => sum + value, 0);
  const named = inputs.filter((j) => importance[j] >= WORTH_NAMING).slice(0, 4);
  const found =
    model.rank === 0
      ? html`No direction of the ${count(model.dim, "input")} is used: the model is the constant ${number(data.link.evaluateMany([], 1).values[0], 4)}.`
      : html`The model predicts <b>${nameOf(target)}</b> from <b>${count(model.rank, "direction")}</b> of ${count(model.dim, "input")} through ${linkWords(data)}.`;
  const quality =
    test === undefined
      ? html` It explains <b>${percent(train.r2)}</b> of the variance of its ${count(train.samples, "training row")} (typical error ${number(train.rmse, 3)}); on new rows ${percent(diagnostics.heldOut.r2)} is the estimate.`
      : html` On ${count(test.samples, "held-out row")} it explains <b>${percent(test.r2)}</b> of the variance (typical error ${number(test.rmse, 3)}), on its ${count(train.samples, "training row")} ${percent(train.r2)}.`;
  const slope =
    model.rank > 1 && total > 0
      ? html` The first direction, ${zName(data.order[0])}, carries ${percent(values[0] / total, 0)} of the mean squared slope.`
      : html``;
  const matter =
    model.rank > 0 && named.length > 0
      ? html` ${named.length === 1 ? "The input that matters" : "The inputs that matter"} most per standard deviation: ${listed(
          named.map((j) => html`${nameOf(columns[j])} (${percent(importance[j], 0)})`),
        )}.`
      : html``;
  const reduction =
    diagnostics.selection.information === "no-reduction"
      ? html` It is accurate, but not a reduction: it uses at least half as many directions as there are inputs.`
      : html``;
  return html`<p class="lead">${found}${quality}${slope}${matter}${reduction}</p>`;
}

/** What a warning means for the reader and what can be done; the message itself gives the figures. */
const WARNING_WORDS: Readonly<Partial<Record<WarningCode, { readonly title: string; readonly words: string }>>> = {
  NOT_WHITENED: {
    title: "The inputs differ in scale or depend on one another",
    words:
      "The search for directions starts from moments of the inputs and works best when they all have one spread and are uncorrelated. Directions may be found late, or not the best ones.",
  },
  NO_RIDGE_STRUCTURE: {
    title: "A few directions do not seem to be enough",
    words:
      "The response uses most of the inputs in unrelated ways. The model may still predict well, but its directions are not a finding: do not interpret them. Compare with boosted trees or a full-dimensional kernel.",
  },
  FEW_ROWS: {
    title: "Few rows for so many free numbers",
    words:
      "Training figures are better than what new rows will show. Trust the held-out figures only, and take a smaller rank or degree when they fall behind.",
  },
  NO_SIGNAL: {
    title: "Nothing was found",
    words:
      "The inputs do not predict the response better than its mean does, as far as these rows can show. That is an answer, not a failure: more rows, other inputs or less noise would be needed to say more.",
  },
  LOGARITHM_HELPS: {
    title: "A logarithm would help",
    words:
      "The model adds up its inputs as they are. Where an input acts by its ratio rather than by its difference, its logarithm is the better column: take it and fit again.",
  },
  RANK_NOT_CONFIRMED: {
    title: "A further direction could not be told from noise",
    words:
      "One more direction lowered the error, but the same search lowered it as much on residuals in random order. The smaller model was kept.",
  },
  COLLINEAR: {
    title: "The inputs are nearly dependent on one another",
    words:
      "Several sets of weights predict equally well. Trust the predictions and the plots against z; do not read meaning into single loadings or importances.",
  },
  SHRUNK: {
    title: "Too few rows for so many inputs",
    words:
      "Directions were looked for among the leading principal components of the inputs only. What acts outside of them is not seen.",
  },
  RANK_DEFICIENT: {
    title: "Some inputs repeat others",
    words:
      "Columns that are constant, or sums of others, carry nothing of their own: predictions are not touched, but which of the inputs gets a loading is arbitrary.",
  },
  REPEATED_ROWS: {
    title: "Some rows repeat others",
    words:
      "They are copies, response included, and say nothing new: each counts as weight of the row that it repeats, and the estimates of the error are those of the distinct rows.",
  },
  START_NOT_ORTHONORMAL: {
    title: "The given start was made orthonormal",
    words: "The columns of the start were not orthonormal; the search began at an orthonormal basis of the same span.",
  },
  RIDGE_ADDED: {
    title: "The link could not be determined from the rows alone",
    words:
      "Some features of the link coincide on these rows, so a small penalty was needed to choose among equally good links. Predictions near the rows are safe, the shape far from them is a guess.",
  },
  ILL_CONDITIONED: {
    title: "The highest terms of the link rest on little",
    words:
      "Two quite different polynomials fit these rows almost equally well. Read the curve, not single coefficients, and do not extrapolate.",
  },
  SADDLE: {
    title: "The search ended where the link is level",
    words: "At this point every small change of the directions leaves the fit as it is, without it being the best one.",
  },
  REFERENCE_KERNEL: {
    title: "The slower kernel was used",
    words:
      "WebAssembly was not available or not asked for. The result is the same to the last bit; only time was lost.",
  },
  ONE_THREAD: {
    title: "Fewer threads ran than were asked for",
    words: "The result does not depend on the number of threads; only time was lost.",
  },
};

/** Every warning with its meaning. */
export function warningsWords({ fit }: ReportData): Html {
  return html`${fit.diagnostics.warnings.map(({ code, message }) => {
    // A newer fit may know codes that this page does not.
    const known = Object.hasOwn(WARNING_WORDS, code) ? WARNING_WORDS[code] : undefined;
    return html`<div class="warning" role="note"><h3>${known?.title ?? "Please note"}</h3>${known && html`<p>${known.words}</p>`}<p><code>${code}</code> ${message}</p></div>
`;
  })}`;
}

const REASONS: Readonly<Record<string, string>> = {
  converged: "the gradient vanished: a minimum",
  stationary: "nothing left to gain",
  "nothing-to-optimize": "there are no directions to search",
  "iteration-limit": "the limit of iterations was reached before the gradient vanished",
  "step-limit": "steps became too small to change the directions",
  saddle: "a point where the link is level",
  deadline: "the time was up; this is the best model until then",
  diverged: "the numbers grew without bound; this is the best earlier model",
};

export const stopWords = (reason: string): string =>
  Object.hasOwn(REASONS, reason) ? `${reason} (${REASONS[reason]})` : reason;

/** How an exponent shows its directions, and how long gradient flow waits for it from a random start in d inputs. */
function stepWords(exponent: number, dimensions: number, isFirst: boolean): Content {
  const them = dimensions === 1 ? "it" : "them";
  const shown =
    exponent === 1
      ? `${isFirst ? "" : "once the earlier ones are known, "}correlations with the response show ${them}`
      : exponent === 2
        ? `second moments show ${them}`
        : `only moments of order ${exponent} show ${them}`;
  const wait = exponent === 1 ? html`log d` : html`d${power(exponent - 1)}`;
  return html`${shown}; gradient flow from a random start needs a time of the order of ${wait}`;
}

/** Steps of one exponent in a row as one. */
function joined(steps: readonly { readonly exponent: number; readonly dimensions: number }[]) {
  const out: { exponent: number; dimensions: number }[] = [];
  steps.forEach(({ exponent, dimensions }, i) => {
    const last = out[out.length - 1];
    // The first one stays alone: what shows it is not what shows the next.
    if (i > 1 && last.exponent === exponent) last.dimensions += dimensions;
    else out.push({ exponent, dimensions });
  });
  return out;
}

const power = (exponent: number): Content => (exponent === 1 ? "" : html`<sup>${exponent}</sup>`);

/** What the leaps of the fitted link say about learning it. */
export function leapWords({ fit: { diagnostics, model }, train }: ReportData): readonly Content[] {
  const { informationExponent, leap, steps, tolerance } = diagnostics.leaps ?? {};
  if (model.rank === 0 || steps === undefined) return [];
  if (informationExponent === undefined || leap === undefined || steps.length === 0) {
    return [html`<p>No term of the fitted link stands out of the noise, so it has no information exponent.</p>`];
  }
  const d = model.dim;
  const [atOnce, onePass] = [Math.max(1, leap / 2), Math.max(1, leap - 1)];
  const left = model.rank - steps.reduce((sum, { dimensions }) => sum + dimensions, 0);
  return [
    html`<p>The fitted link has information exponent <b>${informationExponent}</b>, the lowest order of moments that shows a direction at all, and leap exponent <b>${leap}</b>, that of its hardest step. Directions are learnt in this order:</p>`,
    html`<ol>${joined(steps).map(
      ({ exponent, dimensions }, i) =>
        html`<li><b>${count(dimensions, "direction")} at exponent ${exponent}</b>: ${stepWords(exponent, dimensions, i === 0)}.</li>`,
    )}</ol>`,
    html`<p>With d = ${d} inputs, the theory for Gaussian inputs asks for rows of the order of d${power(atOnce)} = ${number(d ** atOnce, 2)} when all rows are used at once, and d${power(onePass)} = ${number(d ** onePass, 2)} when every row is seen only once; constants and noise come on top. This fit had ${count(train.samples, "row")}.</p>`,
    left > 0 &&
      html`<p>The other ${left === 1 ? "direction" : count(left, "direction")} of the model only ${left === 1 ? "carries" : "carry"} terms within the noise.</p>`,
    html`<p class="note">Terms below ${number(tolerance ?? 0, 2)} of the link’s norm were taken as noise.</p>`,
  ];
}

/** Which of many rows the figures show. */
export function shownWords({ train, test }: ReportData): Content {
  const parts = [train, test]
    .filter((view): view is RowView => view !== undefined && view.shown.length < view.samples)
    .map(({ shown, samples, label }) => `${whole(shown.length)} of the ${whole(samples)} ${label}`);
  return (
    parts.length > 0 &&
    html`<p class="note">Figures show ${listed(parts)}: a random draw, and those with the largest residuals. Means, intervals and metrics are of all rows.</p>`
  );
}
