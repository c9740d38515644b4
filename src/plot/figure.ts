/** A figure: panels drawn by Observable Plot under one another, with a legend, in colors for light and dark pages. */
import type { Markish, PlotOptions } from "@observablehq/plot";
import { checkInteger, checkOptions, describe } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { escapeXml, SvgDocument, type SvgElement } from "./svgDocument.js";

/** The drawing functions, loaded on use: they are larger than the rest of the package. */
export type Plot = typeof import("./drawing.js");

/** Size and title of a figure. */
export interface FigureOptions {
  /** Pixels, default 720. */
  readonly width?: number;
  /** Replaces the default title; "" for none. */
  readonly title?: string;
}

/** One panel: marks over axes. */
export interface Panel {
  readonly height: number;
  readonly options: Omit<PlotOptions, "document" | "width" | "height">;
  /** Pixels, default 10. */
  readonly fontSize?: number;
  readonly marks: readonly Markish[];
}

/** An entry of the legend. */
export interface LegendEntry {
  readonly label: string;
  readonly color: string;
  readonly shape?: "line" | "dashes" | "dot" | "ring" | "diamond" | "circle" | "square" | "triangle";
}

/** A strip of colors with the values at its ends. */
export interface Ramp {
  readonly label: string;
  readonly from: string;
  readonly to: string;
  readonly colors: readonly string[];
}

/** What a figure is made of. */
export interface FigureParts {
  readonly title: string;
  /** For readers who cannot see it. */
  readonly description: string;
  readonly legend: readonly LegendEntry[];
  readonly ramp?: Ramp;
  readonly panels: readonly Panel[];
  /** Panels side by side, default 1. */
  readonly columns?: number;
}

/** Colors of series with a contrast of at least 3 against both papers. */
export const SERIES_COLORS = ["#2a7de1", "#d1600a", "#1a9367", "#b65fd0", "#9a7d0a", "#d9486e"] as const;
/** Paper and ink, light and dark. */
export const PAPERS = {
  light: { paper: "#ffffff", ink: "#1f2328" },
  dark: { paper: "#0d1117", ink: "#e6edf3" },
} as const;

const TITLE_HEIGHT = 30;
const LEGEND_HEIGHT = 22;

/** @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN` */
export function checkFigure(options: unknown, owner: string): { readonly width: number; readonly title?: string } {
  const given = checkOptions(options, ["width", "title"], owner);
  const width = given.width === undefined ? 720 : checkInteger(given.width, "width", { min: 240, max: 4000 });
  if (given.title === undefined) return { width };
  if (typeof given.title === "string") return { width, title: given.title };
  throw new OptionError("TYPE", `title is ${describe(given.title)}; expected text.`, { details: { option: "title" } });
}

/** The figure as an SVG document. */
export async function drawFigure(
  build: (plot: Plot) => FigureParts,
  options: { readonly width: number; readonly title?: string },
): Promise<string> {
  const plot = await import("./drawing.js");
  const parts = build(plot);
  const title = options.title ?? parts.title;
  const heading =
    title === "" ? [] : [`<text x="12" y="20" font-size="14" font-weight="600">${escapeXml(title)}</text>`];
  const { body, height } = compose(plot, parts, options.width, title === "" ? 0 : TITLE_HEIGHT, "leapflow");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${frameOf(options.width, height)}>`,
    `<title>${escapeXml(title === "" ? parts.title : title)}</title><desc>${escapeXml(parts.description)}</desc>`,
    `<style>${css()}</style>`,
    `<rect class="paper" width="${options.width}" height="${height}"/>`,
    ...heading,
    ...body,
    "</svg>\n",
  ].join("\n");
}

/**
 * The figure as an element of a page that has styles, paper and headings of its own.
 * @param id - sets this figure's ids apart from those of the others in the page
 */
export function embedFigure(plot: Plot, parts: FigureParts, options: { readonly width: number; readonly id: string }) {
  const { body, height } = compose(plot, parts, options.width, 0, options.id);
  const label = escapeXml(`${parts.title}. ${parts.description}`);
  return [`<svg ${frameOf(options.width, height)} aria-label="${label}">`, ...body, "</svg>"].join("\n");
}

const frameOf = (width: number, height: number): string =>
  `class="leapflow" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" fill="currentColor"`;

/** Legend and panels under one another, from `top` downwards. */
function compose(plot: Plot, parts: FigureParts, width: number, top: number, id: string) {
  // Under a heading of the page the legend begins where the heading does.
  const left = top === 0 ? 0 : 12;
  const legend = layOut(parts.legend, width, top, left);
  const body = [...legend.body];
  let height = legend.bottom;
  if (parts.ramp !== undefined) {
    body.push(...drawRamp(parts.ramp, left, height, `${id}-ramp`));
    height += LEGEND_HEIGHT + 4;
  }
  const columns = parts.columns ?? 1;
  for (let first = 0; first < parts.panels.length; first += columns) {
    const row = parts.panels.slice(first, first + columns);
    for (const [i, { height: own, options: scales, marks, fontSize }] of row.entries()) {
      const each = { ...scales, width: width / columns, height: own, marks: [...marks] };
      body.push(panel(plot, each, (i * width) / columns, height, fontSize));
    }
    height += Math.max(...row.map((each) => each.height));
  }
  return { body: [ownIds(body.join("\n"), id)], height };
}

/** Plot counts its clip paths over the life of the process; here they are counted within their figure. */
function ownIds(svg: string, id: string): string {
  const names = new Map<string, string>();
  return svg.replace(/plot-clip-\d+/g, (given) => {
    const name = names.get(given) ?? `${id}-clip-${names.size + 1}`;
    names.set(given, name);
    return name;
  });
}

function panel(plot: Plot, options: PlotOptions, left: number, top: number, fontSize = 10): string {
  const drawn = plot.plot({
    marginLeft: 64,
    marginRight: 24,
    ...options,
    document: new SvgDocument() as unknown as Document,
  }) as unknown as SvgElement;
  if (left > 0) drawn.setAttribute("x", left);
  drawn.setAttribute("y", top);
  drawn.setAttribute("font-size", fontSize);
  // A long number beside an axis may reach over the margin, and is not cut there.
  drawn.setAttribute("overflow", "visible");
  // Plot's own style sheet is about sitting in a page.
  for (const child of drawn.children) if (child.tagName === "style") drawn.removeChild(child);
  return drawn.toString();
}

function layOut(legend: readonly LegendEntry[], width: number, from: number, left: number) {
  const body: string[] = [];
  let x = left;
  let y = from + LEGEND_HEIGHT / 2;
  for (const { label, color, shape = "line" } of legend) {
    // No text can be measured here; the average letter is a little over half as wide as it is high.
    const space = 44 + 6.6 * label.length;
    if (x > left && x + space > width) {
      x = left;
      y += LEGEND_HEIGHT;
    }
    body.push(
      swatch(shape, x + 11, y, color),
      `<text x="${x + 28}" y="${y + 4}" font-size="12">${escapeXml(label)}</text>`,
    );
    x += space;
  }
  return { body, bottom: legend.length === 0 ? from : y + LEGEND_HEIGHT / 2 + 4 };
}

/** What stands before an entry, centered at (x, y). */
function swatch(shape: NonNullable<LegendEntry["shape"]>, x: number, y: number, color: string): string {
  const fill = `fill="${color}"`;
  switch (shape) {
    case "dot":
    case "circle":
      return `<circle cx="${x}" cy="${y}" r="4" ${fill}/>`;
    case "ring":
      return `<circle cx="${x}" cy="${y}" r="6" fill="none" stroke="${color}" stroke-width="2"/>`;
    case "square":
      return `<rect x="${x - 4}" y="${y - 4}" width="8" height="8" ${fill}/>`;
    case "diamond":
      return `<path d="M${x},${y - 6}l4.5,6l-4.5,6l-4.5,-6z" ${fill}/>`;
    case "triangle":
      return `<path d="M${x},${y - 5}l5,9h-10z" ${fill}/>`;
    default: {
      const dashes = shape === "dashes" ? ' stroke-dasharray="5 4"' : "";
      return `<path d="M${x - 11},${y}h22" stroke="${color}" stroke-width="2"${dashes}/>`;
    }
  }
}

const RAMP_WIDTH = 120;

function drawRamp({ label, from, to, colors }: Ramp, start: number, top: number, id: string): string[] {
  const y = top + LEGEND_HEIGHT / 2;
  const left = start + 22 + 7 * (label.length + from.length);
  const stops = colors.map(
    (color, i) => `<stop offset="${(i / (colors.length - 1)).toFixed(3)}" stop-color="${color}"/>`,
  );
  return [
    `<defs><linearGradient id="${id}">${stops.join("")}</linearGradient></defs>`,
    `<text x="${start}" y="${y + 4}" font-size="12">${escapeXml(label)}</text>`,
    `<text x="${(left - 6).toFixed(1)}" y="${y + 4}" font-size="12" text-anchor="end">${escapeXml(from)}</text>`,
    `<rect x="${left.toFixed(1)}" y="${y - 5}" width="${RAMP_WIDTH}" height="10" fill="url(#${id})"/>`,
    `<text x="${(left + RAMP_WIDTH + 6).toFixed(1)}" y="${y + 4}" font-size="12">${escapeXml(to)}</text>`,
  ];
}

function css(): string {
  const rule = ({ paper, ink }: { paper: string; ink: string }): string =>
    `.leapflow{color:${ink}}.leapflow .paper{fill:${paper}}`;
  return `${rule(PAPERS.light)}@media (prefers-color-scheme:dark){${rule(PAPERS.dark)}}`;
}

/** 10ⁿ in superscripts. */
export function powerOfTen(value: number): string {
  const exponent = Math.round(Math.log10(value));
  return `10${String(exponent).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)])}`;
}

/** Powers of ten within [from, to], at most `most` of them. */
export function decades(from: number, to: number, most: number): number[] {
  const first = Math.ceil(Math.log10(from) - 1e-9);
  const last = Math.floor(Math.log10(to) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks: number[] = [];
  for (let k = first; k <= last; k += step) ticks.push(Number(`1e${k}`));
  return ticks;
}
