/** Figures of the errors: observed against predicted, residuals, their quantiles. */
import { normalCumulative, normalDensity } from "../base/elementary.js";
import type { LegendEntry, Plot } from "./figure.js";
import type { ReportData, RowView } from "./reportData.js";
import { draw, extentOf, GRID, INK, panelOf, quantile, TEST_COLOR, TRAIN_COLOR } from "./reportFigures.js";
import { type Drawing, fixed, html, number, percent, shortened } from "./reportPage.js";

/** Groups of rows by their fitted value whose mean residual is drawn. */
const GROUPS = 12;
/** Points in the middle of a quantile plot; both ends are drawn row by row. */
const MIDDLE_POINTS = 300;
const END_POINTS = 60;
/** From so many held-out rows on their marks are lighter, so that the training rows below them show. */
const DENSE = 400;

interface Dot {
  readonly predicted: number;
  readonly y: number;
  readonly residual: number;
}

const dotsOf = (view: RowView | undefined): Dot[] =>
  view === undefined
    ? []
    : Array.from(view.shown, (i) => ({ predicted: view.predicted[i], y: view.y[i], residual: view.residuals[i] }));

/** Training rows below, held-out rows above; a set of rows that is not there is not in the legend. */
function clouds(plot: Plot, data: ReportData, y: "y" | "residual") {
  const train = dotsOf(data.train);
  const test = dotsOf(data.test);
  const legend: LegendEntry[] = [
    { label: "training rows", color: TRAIN_COLOR, shape: "dot" },
    ...(test.length > 0 ? [{ label: "held-out rows", color: TEST_COLOR, shape: "diamond" as const }] : []),
  ];
  const marks = [
    plot.dot(train, { x: "predicted", y, r: 2.2, fill: TRAIN_COLOR, fillOpacity: test.length > 0 ? 0.45 : 0.55 }),
    plot.dot(test, {
      x: "predicted",
      y,
      r: test.length > DENSE ? 2.2 : 2.8,
      fill: TEST_COLOR,
      fillOpacity: test.length > DENSE ? 0.5 : 0.85,
      symbol: "diamond",
    }),
  ];
  return { legend, marks, all: [...train, ...test] };
}

/** Predictions that are all the same leave nothing to draw against. */
const isFlat = (values: Float64Array): boolean => values.every((value) => value === values[0]);

export function observedFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const { train, test, target, level } = data;
  if (isFlat(train.predicted)) return undefined;
  const { legend, marks, all } = clouds(plot, data, "y");
  const x = extentOf(
    all.map(({ predicted }) => predicted),
    0.03,
  );
  const y = extentOf(
    all.map((dot) => dot.y),
    0.05,
  );
  const diagonal = [Math.max(x[0], y[0]), Math.min(x[1], y[1])].map((value) => ({ value }));
  const band = bandOf(train);
  const checked = coverage(test ?? train);
  const label = shortened(target, 24);
  return draw(plot, {
    id: "observed",
    title: "Observed against predicted",
    description: `Scatter around the diagonal; R² ${number(train.r2, 3)} on the training rows${test === undefined ? "" : `, ${number(test.r2, 3)} on held-out rows`}.`,
    legend: [
      ...legend,
      { label: "equal", color: INK },
      ...(band.length > 0 ? [{ label: `${percent(level, 0)} interval`, color: INK, shape: "dashes" as const }] : []),
    ],
    panels: [
      panelOf({ x: { label: `predicted ${label}`, domain: x }, y: { label: `observed ${label}`, domain: y } }, [
        plot.gridY(GRID),
        plot.areaY(band, { x: "predicted", y1: "lower", y2: "upper", fill: INK, fillOpacity: 0.08, clip: true }),
        ...marks,
        ...(["lower", "upper"] as const).map((end) =>
          plot.line(band, { x: "predicted", y: end, stroke: INK, strokeDasharray: "5 4", clip: true }),
        ),
        plot.line(diagonal, { x: "value", y: "value", stroke: INK, strokeWidth: 1.8 }),
      ]),
    ],
    caption: html`Rows on the line are predicted exactly; the scatter around it is the error.${
      checked !== undefined &&
      ` The ${percent(level, 0)} interval, from ${data.fit.model.data.errors?.method === "split" ? "rows set aside" : "leave-one-out errors"}, holds ${percent(checked)} of the ${(test ?? train).label}${test === undefined ? ", which the fit has seen" : ""}.`
    }`,
  });
}

/** Ends of the interval by predicted value. */
function bandOf({ lower, upper, predicted, shown }: RowView) {
  if (lower === undefined || upper === undefined) return [];
  return Array.from(shown, (i) => ({ predicted: predicted[i], lower: lower[i], upper: upper[i] })).sort(
    (a, b) => a.predicted - b.predicted,
  );
}

/** Share of rows inside their interval. */
export function coverage({ lower, upper, y }: RowView): number | undefined {
  if (lower === undefined || upper === undefined) return undefined;
  let inside = 0;
  for (let i = 0; i < y.length; i++) if (y[i] >= lower[i] && y[i] <= upper[i]) inside++;
  return inside / y.length;
}

export function residualFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const { train, test, target } = data;
  if (isFlat(train.predicted) || isFlat(train.residuals)) return undefined;
  const { legend, marks, all } = clouds(plot, data, "residual");
  const view = test ?? train;
  const groups = groupMeans(view);
  return draw(plot, {
    id: "residuals",
    title: "Residuals against fitted values",
    description: `Scatter around zero; standard deviation of the residuals ${number(train.rmse, 3)} on the training rows.`,
    legend: [...legend, { label: "group means ± 2 se", color: INK }],
    panels: [
      panelOf(
        {
          x: { label: `fitted ${shortened(target, 24)}` },
          y: {
            label: "observed − fitted",
            domain: extentOf(
              all.map(({ residual }) => residual),
              0.05,
            ),
          },
        },
        [
          plot.gridY(GRID),
          ...marks,
          plot.ruleY([0], { stroke: INK, strokeOpacity: 0.6 }),
          plot.ruleX(groups, { x: "x", y1: "low", y2: "high", stroke: INK, strokeWidth: 1.6, clip: true }),
          plot.line(groups, { x: "x", y: "mean", stroke: INK, strokeWidth: 2 }),
        ],
      ),
    ],
    caption: html`The line joins the mean residuals of ${groups.length} equal groups of the ${view.label}, with bars of two standard errors. It should stay at zero (else the link misses a shape), and the scatter should be as wide everywhere (else the noise grows with the response).`,
  });
}

/** Mean residual with two standard errors in groups of equal size by fitted value; equal fitted values stay together. */
function groupMeans({ predicted, residuals, samples }: RowView) {
  const groups = Math.max(2, Math.min(GROUPS, Math.floor(samples / 15)));
  const sorted = predicted.slice().sort();
  const ends = Array.from({ length: groups - 1 }, (_, g) => sorted[Math.floor(((g + 1) * samples) / groups)]);
  const sums = Array.from({ length: groups }, () => ({ rows: 0, x: 0, mean: 0, squares: 0 }));
  for (let i = 0; i < samples; i++) {
    let g = 0;
    while (g < ends.length && predicted[i] >= ends[g]) g++;
    const sum = sums[g];
    sum.rows++;
    sum.x += (predicted[i] - sum.x) / sum.rows;
    // Welford's update: the spread around the mean so far.
    const before = residuals[i] - sum.mean;
    sum.mean += before / sum.rows;
    sum.squares += before * (residuals[i] - sum.mean);
  }
  return sums
    .filter(({ rows }) => rows > 1)
    .map(({ rows, x, mean, squares }) => {
      const error = 2 * Math.sqrt(squares / (rows - 1) / rows);
      return { x, mean, low: mean - error, high: mean + error };
    });
}

export function quantileFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const { train, test } = data;
  const view = test !== undefined && test.samples >= 30 ? test : train;
  if (view.samples < 8 || isFlat(view.residuals)) return undefined;
  const sorted = view.residuals.slice().sort();
  const n = sorted.length;
  const middle = quantile(sorted, 0.5);
  // The scale of the middle half, which a few outliers do not move.
  const spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.3489795003921634;
  const scale = spread > 0 ? spread : view.rmse;
  const points = quantileRows(n).map((i) => {
    const p = (i + 0.5) / n;
    const normal = normalQuantile(p);
    // Pointwise, from the asymptotic law of an order statistic.
    const reach = (1.96 * Math.sqrt((p * (1 - p)) / n)) / normalDensity(normal);
    return { normal, residual: (sorted[i] - middle) / scale, low: normal - reach, high: normal + reach };
  });
  const isTest = view === test;
  const ends = [points[0], points[points.length - 1]].map(({ normal }) => ({ normal }));
  return draw(plot, {
    id: "quantiles",
    title: "Normal quantiles of the residuals",
    description: `Residuals of the ${view.label} from ${fixed(points[0].residual, 1)} to ${fixed(points[points.length - 1].residual, 1)} scale units against normal quantiles from ${fixed(points[0].normal, 1)} to ${fixed(points[points.length - 1].normal, 1)}.`,
    legend: [
      { label: view.label, color: isTest ? TEST_COLOR : TRAIN_COLOR, shape: isTest ? "diamond" : "dot" },
      { label: "normal law, 95 % band", color: INK },
    ],
    panels: [
      panelOf(
        {
          x: { label: "normal quantile" },
          y: {
            label: "residual (robust standard deviations)",
            domain: extentOf(
              points.flatMap(({ residual, normal }) => [residual, normal]),
              0.04,
            ),
          },
        },
        [
          plot.gridY(GRID),
          plot.areaY(points, { x: "normal", y1: "low", y2: "high", fill: INK, fillOpacity: 0.13, clip: true }),
          plot.line(ends, { x: "normal", y: "normal", stroke: INK, strokeWidth: 1.6 }),
          plot.dot(points, {
            x: "normal",
            y: "residual",
            r: 2.2,
            fill: isTest ? TEST_COLOR : TRAIN_COLOR,
            fillOpacity: 0.8,
            symbol: isTest ? "diamond" : "circle",
          }),
        ],
      ),
    ],
    caption: html`Residuals of the ${view.label} on the line follow a normal law of standard deviation ${number(scale, 3)}. Ends that bend away from it are outliers or heavy tails; the fit does not need normal errors, but single rows then weigh much.`,
  });
}

/** All rows of a small sample; of a large one both ends and an even part of the middle. */
function quantileRows(n: number): number[] {
  const most = MIDDLE_POINTS + 2 * END_POINTS;
  if (n <= most) return Array.from({ length: n }, (_, i) => i);
  const from = END_POINTS;
  const to = n - END_POINTS;
  const middle = Array.from({ length: MIDDLE_POINTS }, (_, i) =>
    Math.floor(from + ((i + 0.5) * (to - from)) / MIDDLE_POINTS),
  );
  const ends = Array.from({ length: END_POINTS }, (_, i) => i);
  return [...ends, ...middle, ...ends.map((i) => to + i)];
}

/** Φ⁻¹(p) by bisection: a figure needs no more digits. */
function normalQuantile(p: number): number {
  let low = -9;
  let high = 9;
  for (let i = 0; i < 48; i++) {
    const middle = (low + high) / 2;
    if (normalCumulative(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
