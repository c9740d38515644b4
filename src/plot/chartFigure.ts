/** A chart from plain data: panels of lines, dots with intervals and colored cells, as studies draw them. */
import type { Markish } from "@observablehq/plot";
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import {
  checkFigure,
  decades,
  drawFigure,
  type FigureOptions,
  type FigureParts,
  type LegendEntry,
  type Panel,
  type Plot,
  powerOfTen,
  SERIES_COLORS,
} from "./figure.js";

/** A point of a series, with the ends of its interval where it has one. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** Points that belong together. Series of one label have one color and one entry in the legend. */
export interface ChartSeries {
  readonly label: string;
  /** Default "dots", with bars where points have intervals; predictions are "line" or "dashes". */
  readonly kind?: "line" | "dashes" | "dots";
  /** Number of the color, counted from 0 and around; "ink" is that of the text. */
  readonly color: number | "ink";
  readonly points: readonly ChartPoint[];
}

/** An axis of a panel. */
export interface ChartAxis {
  readonly label: string;
  readonly log?: boolean;
  /** Default: what the data need. */
  readonly domain?: readonly [number, number];
  /** Words at 1, 2, … in place of numbers, for what has no order. */
  readonly names?: readonly string[];
}

/** Colored cells around grid points. */
export interface ChartCells {
  readonly label: string;
  /** Values at the two ends of the colors. */
  readonly domain: readonly [number, number];
  readonly cells: readonly { readonly x: number; readonly y: number; readonly value: number }[];
}

/** One pair of axes. */
export interface ChartPanel {
  readonly title?: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly cells?: ChartCells;
  readonly series: readonly ChartSeries[];
  /** Horizontal lines at values worth naming. */
  readonly levels?: readonly { readonly y: number; readonly label: string }[];
}

/** A figure of panels as plain data. */
export interface Chart {
  readonly title: string;
  /** For readers who cannot see it. */
  readonly description: string;
  readonly panels: readonly ChartPanel[];
  /** Panels side by side, default 1. */
  readonly columns?: number;
}

/**
 * Draws a chart.
 *
 * @returns an SVG document, readable on light and dark paper
 * @throws {InputError} `TYPE`; `EMPTY` when a panel has nothing to show. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export async function chartFigure(chart: Chart, options: FigureOptions = {}): Promise<string> {
  const figure = checkFigure(options, "chartFigure");
  if (!Array.isArray(chart?.panels) || chart.panels.length === 0) {
    throw new InputError("TYPE", `chart is ${describe(chart)}; expected { title, description, panels }.`);
  }
  return drawFigure((plot) => chartParts(plot, chart), figure);
}

/** The parts of a chart, for figures of their own and those in pages. */
export function chartParts(plot: Plot, chart: Chart): FigureParts {
  const columns = chart.columns ?? 1;
  const cells = chart.panels.find((panel) => panel.cells !== undefined)?.cells;
  return {
    title: chart.title,
    description: chart.description,
    columns,
    legend: legendOf(chart),
    ...(cells === undefined
      ? {}
      : {
          ramp: {
            label: cells.label,
            from: short(cells.domain[0]),
            to: short(cells.domain[1]),
            colors: Array.from({ length: 16 }, (_, i) => heat(i / 15)),
          },
        }),
    panels: chart.panels.map((panel) => panelOf(plot, panel, columns)),
  };
}

const colorOf = (color: ChartSeries["color"]): string =>
  color === "ink" ? "currentColor" : SERIES_COLORS[color % SERIES_COLORS.length];

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** One entry for each label: a dot where its series has dots, else a line. */
function legendOf(chart: Chart): LegendEntry[] {
  const entries = new Map<string, LegendEntry>();
  for (const { label, kind = "dots", color } of chart.panels.flatMap((panel) => panel.series)) {
    const shape = kind === "dots" ? "dot" : kind;
    if (!entries.has(label)) entries.set(label, { label, color: colorOf(color), shape });
  }
  return [...entries.values()];
}

const isDots = ({ kind }: ChartSeries): boolean => kind === undefined || kind === "dots";

const GRID = { stroke: "currentColor", strokeOpacity: 0.12 };

function panelOf(plot: Plot, panel: ChartPanel, columns: number): Panel {
  const { cells, series, levels = [] } = panel;
  const points = series.flatMap((one) => one.points);
  const grid = cells?.cells ?? [];
  if (points.length + grid.length === 0) {
    throw new InputError("EMPTY", `the panel ${JSON.stringify(panel.title ?? panel.y.label)} has nothing to show.`);
  }
  const edgesX = edges(
    grid.map(({ x }) => x),
    panel.x.log === true,
  );
  const edgesY = edges(
    grid.map(({ y }) => y),
    panel.y.log === true,
  );
  const xs = [...points.map(({ x }) => x), ...edgesX.values()].flat();
  const ys = [
    ...points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
    ...levels.map(({ y }) => y),
    ...[...edgesY.values()].flat(),
  ];
  const x = scaleOf(panel.x, xs, cells !== undefined, columns === 1 ? 9 : 5);
  const y = scaleOf(panel.y, ys, cells !== undefined, 7);
  const inside = (point: ChartPoint): boolean =>
    Number.isFinite(point.y) && (panel.y.log !== true || point.y > 0) && (panel.x.log !== true || point.x > 0);
  const marks: Markish[] = [plot.gridY({ ...GRID, ...(y.ticks ? { ticks: y.ticks } : {}) })];
  if (cells !== undefined) {
    const [from, to] = cells.domain;
    const boxes = grid.map((cell) => ({ cell, ex: edgesX.get(cell.x)!, ey: edgesY.get(cell.y)! }));
    marks.push(
      plot.rect(boxes, {
        x1: (box) => box.ex[0],
        x2: (box) => box.ex[1],
        y1: (box) => box.ey[0],
        y2: (box) => box.ey[1],
        fill: (box) => heat((box.cell.value - from) / (to - from)),
      }),
    );
  }
  for (const { y: value, label } of levels) {
    marks.push(
      plot.ruleY([value], { stroke: "currentColor", strokeOpacity: 0.45, strokeDasharray: "2 3" }),
      plot.text([label], {
        y: () => value,
        text: (d) => d,
        frameAnchor: "right",
        textAnchor: "end",
        dy: -6,
        fillOpacity: 0.75,
      }),
    );
  }
  // Dots last, or the lines that they should lie on would hide them.
  for (const one of [...series].sort((a, b) => Number(isDots(a)) - Number(isDots(b))))
    marks.push(...marksOf(plot, one, one.points.filter(inside), y.floor));
  if (panel.title !== undefined) {
    marks.push(
      plot.text([panel.title], {
        text: (d) => d,
        frameAnchor: "top-right",
        textAnchor: "end",
        lineAnchor: "bottom",
        dy: -13,
        fontWeight: "600",
      }),
    );
  }
  return {
    height: columns === 1 ? 340 : 230,
    fontSize: columns > 2 ? 9 : 10,
    options: {
      x: { ...x.options, label: panel.x.label },
      y: { ...y.options, label: panel.y.label },
      color: { type: "identity" },
      marginTop: 30,
      marginBottom: 40,
      marginLeft: columns === 1 ? 64 : 52,
    },
    marks,
  };
}

function marksOf(plot: Plot, series: ChartSeries, points: readonly ChartPoint[], floor: number): Markish[] {
  const color = colorOf(series.color);
  if (series.kind === "line" || series.kind === "dashes") {
    const dashes = series.kind === "dashes" ? { strokeDasharray: "5 4" } : {};
    return [plot.line(points, { x: "x", y: "y", stroke: color, strokeWidth: 2, clip: true, ...dashes })];
  }
  const bars = points.filter((point) => point.low !== undefined && point.high !== undefined);
  return [
    plot.ruleX(bars, {
      x: "x",
      y1: (p) => Math.max(p.low, floor),
      y2: "high",
      stroke: color,
      strokeWidth: 1.5,
      clip: true,
    }),
    plot.dot(points, { x: "x", y: "y", fill: color, r: points.length > 60 ? 2 : 3.5 }),
  ];
}

/** Domain and ticks of an axis; `floor` is its lower end. */
function scaleOf(axis: ChartAxis, values: readonly number[], isTight: boolean, most: number) {
  if (axis.names !== undefined) {
    const { names } = axis;
    const domain: [number, number] = [0.5, names.length + 0.5];
    const ticks = names.map((_, i) => i + 1);
    const tickFormat = (at: number): string => names[at - 1];
    return { options: { type: "linear" as const, domain, ticks, tickFormat }, ticks, floor: domain[0] };
  }
  const usable = values.filter((value) => Number.isFinite(value) && (axis.log !== true || value > 0));
  const [least, largest] = [Math.min(...usable), Math.max(...usable)];
  if (axis.log === true) {
    const room = isTight ? 1 : Math.max(1.15, (largest / least) ** 0.05);
    const domain: [number, number] = axis.domain ? [...axis.domain] : [least / room, largest * room];
    const powers = decades(domain[0], domain[1], most);
    // Less than two powers of ten say little: Plot's own ticks then.
    const ticks = powers.length > 1 ? powers : undefined;
    const shown = ticks ? { ticks, tickFormat: powerOfTen } : { ticks: 5, tickFormat: short };
    return { options: { type: "log" as const, domain, ...shown }, ticks, floor: domain[0] };
  }
  const room = isTight ? 0 : 0.04 * (largest - least || Math.abs(largest) || 1);
  const domain: [number, number] = axis.domain ? [...axis.domain] : [least - room, largest + room];
  return { options: { type: "linear" as const, domain, ticks: most }, ticks: undefined, floor: domain[0] };
}

/** Lower and upper edge of the cell around each grid value: halfway to its neighbors. */
function edges(values: readonly number[], isLog: boolean): Map<number, [number, number]> {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const to = isLog ? Math.log : (v: number) => v;
  const back = isLog ? Math.exp : (v: number) => v;
  const middle = (a: number, b: number): number => back((to(a) + to(b)) / 2);
  const mirrored = (at: number, neighbor: number): number => back(to(at) - (to(neighbor) - to(at)) / 2);
  const only = (at: number): [number, number] => (isLog ? [at / 1.5, at * 1.5] : [at - 0.5, at + 0.5]);
  return new Map(
    sorted.map((at, i) => {
      if (sorted.length === 1) return [at, only(at)];
      const low = i === 0 ? mirrored(at, sorted[1]) : middle(sorted[i - 1], at);
      const high = i === sorted.length - 1 ? mirrored(at, sorted[i - 1]) : middle(at, sorted[i + 1]);
      return [at, [low, high]];
    }),
  );
}

/** Dark blue through green to yellow, of rising lightness. */
const HEAT = [
  [38, 26, 84],
  [49, 78, 138],
  [35, 126, 142],
  [48, 169, 121],
  [138, 204, 78],
  [250, 231, 62],
] as const;

/** The color of a share 0…1; beyond, that of the nearer end. */
function heat(share: number): string {
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (HEAT.length - 1);
  const below = Math.min(HEAT.length - 2, Math.floor(at));
  const channel = (c: number): number =>
    Math.round(HEAT[below][c] + (at - below) * (HEAT[below + 1][c] - HEAT[below][c]));
  return `#${[0, 1, 2].map((c) => channel(c).toString(16).padStart(2, "0")).join("")}`;
}
