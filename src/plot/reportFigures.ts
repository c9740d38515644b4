/** What the figures of a report share: size, type, grid, colors, and small statistics. */
import { embedFigure, type FigureParts, type Panel, type Plot, SERIES_COLORS } from "./figure.js";
import type { Drawing } from "./reportPage.js";

/** Pixels before the page fits a figure to its column; 12 px letters stay readable on a phone. */
export const WIDTH = 420;
export const HEIGHT = 280;

/** Training rows are blue circles and held-out rows orange diamonds: told apart by shape as well as by color. */
export const TRAIN_COLOR = SERIES_COLORS[0];
export const TEST_COLOR = SERIES_COLORS[1];

export const GRID = { stroke: "currentColor", strokeOpacity: 0.12 };
export const INK = "currentColor";

/** A drawing of a report; its parts use the id as the prefix of their own. */
export interface ReportFigure extends Omit<FigureParts, "title"> {
  readonly id: string;
  readonly title: string;
  readonly caption: Drawing["caption"];
}

export function draw(plot: Plot, figure: ReportFigure): Drawing {
  const svg = embedFigure(plot, figure, { width: WIDTH, id: figure.id });
  return { title: figure.title, svg, caption: figure.caption };
}

/** A panel with the letters, margins and numbers of a report. */
export function panelOf({ x, y, ...options }: Panel["options"], marks: Panel["marks"], height = HEIGHT): Panel {
  return {
    height,
    fontSize: 12,
    options: {
      marginTop: 28,
      marginBottom: 42,
      marginLeft: 58,
      marginRight: 16,
      ...options,
      x: { tickFormat: tickName, ...x },
      y: { tickFormat: tickName, ...y },
    },
    marks,
  };
}

/** A number beside an axis: short, whatever its size. */
function tickName(value: number): string {
  const size = Math.abs(value);
  const isExtreme = size !== 0 && (size >= 1e6 || size < 1e-4);
  const text = String(Number(value.toPrecision(6)));
  return (isExtreme ? Number(text).toExponential().replace("e+", "e") : text).replaceAll("-", "−");
}

/** Smallest and largest of finite values; widened when they are one. */
export function extentOf(values: Iterable<number>, pad = 0): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) return [0, 1];
  if (low === high) return low === 0 ? [-1, 1] : [low - Math.abs(low) / 2, high + Math.abs(low) / 2];
  const room = pad * (high / 2 - low / 2) * 2;
  return [low - room, high + room];
}

/** The quantile at p of ascending values, between neighbors by the straight line. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
