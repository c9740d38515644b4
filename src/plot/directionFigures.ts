/** Figures of the directions: summary plots, pairs with the link's contours, importance, principal values. */
import type { Plot, Ramp } from "./figure.js";
import { linkCurve, linkMap, MAP_HEIGHT, MAP_WIDTH } from "./linkCurves.js";
import type { ReportData } from "./reportData.js";
import { draw, extentOf, GRID, HEIGHT, INK, panelOf, quantile, TRAIN_COLOR } from "./reportFigures.js";
import {
  type Drawing,
  fixed,
  type Html,
  html,
  listed,
  nameOf,
  number,
  percent,
  shortened,
  zName,
} from "./reportPage.js";

/** Directions with a summary plot of their own. */
export const MAX_SUMMARY_PLOTS = 4;
const MAX_PAIRS = 3;
/** Inputs with a bar. */
const MAX_BARS = 20;
/** What the first plot of a kind says; the others are read the same way. */
const ONLY_CURVE = "The line is the fitted link f(z₁); what scatters around it is left unexplained.";
const CURVE =
  "The line is the mean of the fitted link over rows near by, the band holds its middle 80 %: a wide band means that this direction alone does not tell the response.";
const GROUND =
  "Dots are training rows. The ground is the fitted link in the same colors: a dot that stands out from it is a row the model misses. Contours end where there are no rows.";
const AVERAGED = "The link is averaged over the other directions of rows near by.";
/** Inputs named below a plot, and the weight from which they are. */
const MAX_NAMED = 4;
const WORTH_NAMING = 0.15;
/** Colors of the contours. */
const BANDS = 14;

/** y against each of the leading directions, with the fitted link. */
export function summaryPlots(plot: Plot, data: ReportData): Drawing[] {
  return data.order.slice(0, MAX_SUMMARY_PLOTS).map((k, place) => summaryPlot(plot, data, k, place === 0));
}

function summaryPlot(plot: Plot, data: ReportData, k: number, isFirst: boolean): Drawing {
  const { target, train, z } = data;
  const dots = Array.from(train.shown, (row, i) => ({ z: z[k][i], y: train.y[row] }));
  const domain = extentOf(
    dots.map(({ y }) => y),
    0.06,
  );
  const isOnly = z.length === 1;
  const curve = linkCurve(data, k);
  const interval = isOnly ? intervalAlong(data) : [];
  const label = shortened(target, 28);
  return draw(plot, {
    id: `summary-${k + 1}`,
    title: `${label} against ${zName(k)}`,
    description: `Scatter of ${dots.length} training rows with the fitted link as a line, which goes from ${number(curve[0].middle, 3)} to ${number(curve[curve.length - 1].middle, 3)}.`,
    legend: [
      { label: "training rows", color: TRAIN_COLOR, shape: "dot" },
      { label: isOnly ? "fitted link" : "fitted link, mean", color: INK },
      ...(interval.length > 0
        ? [{ label: `${percent(data.level, 0)} interval`, color: INK, shape: "dashes" as const }]
        : []),
    ],
    panels: [
      panelOf({ x: { label: zName(k) }, y: { label, domain } }, [
        plot.gridY(GRID),
        plot.dot(dots, { x: "z", y: "y", r: 2.2, fill: TRAIN_COLOR, fillOpacity: 0.5 }),
        ...(isOnly
          ? []
          : [plot.areaY(curve, { x: "z", y1: "low", y2: "high", fill: INK, fillOpacity: 0.13, clip: true })]),
        ...(["lower", "upper"] as const).map((end) =>
          plot.line(interval, { x: "z", y: end, stroke: INK, strokeDasharray: "5 4", strokeWidth: 1.2, clip: true }),
        ),
        plot.line(curve, { x: "z", y: "middle", stroke: INK, strokeWidth: 2.4, clip: true }),
      ]),
    ],
    caption: html`${weightWords(data, k)}${isFirst && ` ${isOnly ? ONLY_CURVE : CURVE}`}`,
  });
}

/** Which inputs a direction is made of. */
function weightWords({ columns, loadings }: ReportData, k: number): Html {
  const weights = loadings[k];
  const order = Array.from(weights.keys()).sort((a, b) => Math.abs(weights[b]) - Math.abs(weights[a]) || a - b);
  const leading = order.slice(0, MAX_NAMED).filter((j, i) => i === 0 || Math.abs(weights[j]) >= WORTH_NAMING);
  const names = listed(leading.map((j) => html`${nameOf(columns[j])} ${fixed(weights[j], 2)}`));
  return html`Largest weights in ${zName(k)}, per standard deviation of the input: ${names}.`;
}

/** Ends of the prediction interval along the only direction, in its order. */
function intervalAlong({ train, z }: ReportData): { z: number; lower: number; upper: number }[] {
  const { lower, upper, shown } = train;
  if (lower === undefined || upper === undefined) return [];
  return Array.from(shown, (row, i) => ({ z: z[0][i], lower: lower[row], upper: upper[row] })).sort(
    (a, b) => a.z - b.z,
  );
}

/** Pairs of the leading directions, colored by y, over the link's contours. */
export function pairPlots(plot: Plot, data: ReportData): Drawing[] {
  const pairs = data.order.flatMap((a, i) => data.order.slice(i + 1).map((b) => [a, b] as const));
  const leading = pairs.filter(([a, b]) => data.order.indexOf(a) < 3 && data.order.indexOf(b) < 3).slice(0, MAX_PAIRS);
  return leading.map(([a, b], place) => pairPlot(plot, data, a, b, place === 0));
}

function pairPlot(plot: Plot, data: ReportData, a: number, b: number, isFirst: boolean): Drawing {
  const { target, train, z } = data;
  const dots = Array.from(train.shown, (row, i) => ({ a: z[a][i], b: z[b][i], y: train.y[row] }));
  const sorted = Float64Array.from(dots, ({ y }) => y).sort();
  // A few extreme responses would leave one color for all the others.
  const [low, high] = extentOf([quantile(sorted, 0.02), quantile(sorted, 0.98)]);
  const map = linkMap(data, a, b);
  // Many dots have to leave some ground between them.
  const r = dots.length > 700 ? 2 : 2.7;
  const color = { type: "linear" as const, scheme: "viridis" as const, domain: [low, high], clamp: true };
  const thresholds = [
    map.lowest,
    ...Array.from({ length: BANDS - 1 }, (_, i) => low + ((high - low) * (i + 1)) / BANDS),
  ];
  const label = shortened(target, 28);
  return draw(plot, {
    id: `pair-${a + 1}-${b + 1}`,
    title: `${zName(a)} and ${zName(b)}, colored by ${label}`,
    description: `Scatter of ${dots.length} training rows colored from ${number(low, 3)} to ${number(high, 3)} over filled contours of the fitted link.`,
    legend: [],
    ramp: rampOf(plot, label, low, high),
    panels: [
      panelOf(
        { x: { label: zName(a) }, y: { label: zName(b) }, color },
        [
          plot.contour(map.values, {
            width: MAP_WIDTH,
            height: MAP_HEIGHT,
            // Cells without a row near stay empty.
            interpolate: "none",
            x1: map.x[0],
            x2: map.x[1],
            y1: map.y[0],
            y2: map.y[1],
            fill: (value: number) => value,
            thresholds: thresholds.filter((value, i) => i === 0 || value > map.lowest),
            stroke: "none",
            render: (index, scales, values, dimensions, context, next) => {
              const group = next?.(index, scales, values, dimensions, context) ?? null;
              // On the whole group: filled contours lie over one another.
              group?.setAttribute("opacity", "0.55");
              return group;
            },
          }),
          plot.dot(dots, { x: "a", y: "b", fill: "y", r, stroke: INK, strokeWidth: 0.5, strokeOpacity: 0.6 }),
        ],
        HEIGHT + 30,
      ),
    ],
    caption: isFirst ? `${GROUND}${z.length > 2 ? ` ${AVERAGED}` : ""}` : "",
  });
}

function rampOf(plot: Plot, label: string, low: number, high: number): Ramp {
  const scale = plot.scale({ color: { type: "linear", scheme: "viridis", domain: [0, 1] } });
  return {
    label,
    from: number(low, 3),
    to: number(high, 3),
    colors: Array.from({ length: 24 }, (_, i) => String(scale?.apply(i / 23))),
  };
}

/** Inputs by their share of the mean squared slope. */
export function importanceFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const { columns, importance, inputs } = data;
  if (!inputs.some((j) => importance[j] > 0)) return undefined;
  const listed = inputs.slice(0, MAX_BARS);
  // Two long names may be cut to the same letters: bars are placed by position, and only labelled by name.
  const bars = listed.map((j, place) => ({ place, share: importance[j], name: shortened(columns[j], 18) }));
  const rest = inputs.slice(MAX_BARS).reduce((sum, j) => sum + importance[j], 0);
  const widest = bars.reduce((most, { name }) => Math.max(most, Array.from(name).length), 0);
  return draw(plot, {
    id: "importance",
    title: "Importance by input",
    description: `Bars: ${bars
      .slice(0, 8)
      .map(({ name, share }) => `${name} ${percent(share)}`)
      .join(", ")}${bars.length > 8 ? ", …" : ""}.`,
    legend: [],
    panels: [
      panelOf(
        {
          marginLeft: Math.min(160, 16 + 7 * widest),
          marginRight: 56,
          marginTop: 8,
          x: {
            label: "share of the mean squared slope",
            tickFormat: (v: number) => percent(v, 0),
            ticks: 5,
            zero: true,
          },
          y: { label: null, type: "band", tickSize: 0, tickFormat: (place: number) => bars[place].name },
        },
        [
          plot.gridX(GRID),
          plot.barX(bars, { x: "share", y: "place", fill: TRAIN_COLOR }),
          plot.text(bars, { x: "share", y: "place", text: ({ share }) => percent(share), textAnchor: "start", dx: 5 }),
        ],
        58 + 24 * bars.length,
      ),
    ],
    caption: html`How much of the model's squared slope comes from each input, per standard deviation of the input, so that inputs of different units compare.${
      inputs.length > listed.length &&
      ` The other ${inputs.length - listed.length} inputs have ${percent(rest)} together.`
    } Among correlated inputs the shares depend on which of them the model happens to use.`,
  });
}

/** The mean squared slope along each direction. */
export function principalFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const values = Array.from(data.fit.diagnostics.principalValues);
  const total = values.reduce((sum, value) => sum + value, 0);
  if (values.length < 2 || !(total > 0)) return undefined;
  const bars = values.map((value, k) => ({ k, value, share: value / total }));
  return draw(plot, {
    id: "principal",
    title: "Principal values of the link's slope",
    description: `Bars: ${bars.map(({ k, value }) => `${zName(k)} ${number(value, 3)}`).join(", ")}.`,
    legend: [],
    panels: [
      panelOf(
        {
          marginLeft: 44,
          marginRight: 104,
          marginTop: 8,
          x: { label: "mean squared slope (units of y²)", zero: true, ticks: 4 },
          y: { label: null, type: "band", tickSize: 0, tickFormat: (k: number) => zName(data.order[k] ?? k) },
        },
        [
          plot.gridX(GRID),
          plot.barX(bars, { x: "value", y: "k", fill: TRAIN_COLOR }),
          plot.text(bars, {
            x: "value",
            y: "k",
            text: ({ value, share }) => `${number(value, 3)} (${fixed(100 * share, 1)} %)`,
            textAnchor: "start",
            dx: 5,
          }),
        ],
        Math.max(110, 58 + 26 * bars.length),
      ),
    ],
    caption: html`Eigenvalues of the mean of ∇f∇fᵀ: how strongly the response changes along each direction. A sharp drop says that the later directions are small corrections; values near zero, that a lower rank would do.`,
  });
}
