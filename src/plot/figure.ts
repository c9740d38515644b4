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
  readonly marks: readonly Markish[];
}

/** An entry of the legend. */
export interface LegendEntry {
  readonly label: string;
  readonly color: string;
  readonly shape?: "line" | "dashes" | "dot";
}

/** What a figure is made of. */
export interface FigureParts {
  readonly title: string;
  /** For readers who cannot see it. */
  readonly description: string;
  readonly legend: readonly LegendEntry[];
  readonly panels: readonly Panel[];
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
  const { width } = options;
  const parts = build(plot);
  const title = options.title ?? parts.title;
  const body: string[] = [];
  let top = 0;
  if (title !== "") {
    body.push(`<text x="12" y="20" font-size="14" font-weight="600">${escapeXml(title)}</text>`);
    top += TITLE_HEIGHT;
  }
  const legend = layOut(parts.legend, width, top);
  body.push(...legend.body);
  top = legend.bottom;
  for (const { height, options: scales, marks } of parts.panels) {
    body.push(panel(plot, { ...scales, width, height, marks: [...marks] }, top));
    top += height;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="leapflow" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}" role="img" font-family="system-ui, sans-serif" fill="currentColor">`,
    `<title>${escapeXml(title === "" ? parts.title : title)}</title><desc>${escapeXml(parts.description)}</desc>`,
    `<style>${css()}</style>`,
    `<rect class="paper" width="${width}" height="${top}"/>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

function panel(plot: Plot, options: PlotOptions, top: number): string {
  const drawn = plot.plot({
    marginLeft: 64,
    marginRight: 24,
    ...options,
    document: new SvgDocument() as unknown as Document,
  }) as unknown as SvgElement;
  drawn.setAttribute("y", top);
  // Plot's own style sheet is about sitting in a page.
  for (const child of drawn.children) if (child.tagName === "style") drawn.removeChild(child);
  return drawn.toString();
}

function layOut(legend: readonly LegendEntry[], width: number, from: number): { body: string[]; bottom: number } {
  const body: string[] = [];
  let x = 12;
  let y = from + LEGEND_HEIGHT / 2;
  for (const { label, color, shape = "line" } of legend) {
    // No text can be measured here; the average letter is a little over half as wide as it is high.
    const space = 44 + 6.6 * label.length;
    if (x > 12 && x + space > width) {
      x = 12;
      y += LEGEND_HEIGHT;
    }
    const dashes = shape === "dashes" ? ' stroke-dasharray="5 4"' : "";
    body.push(
      shape === "dot"
        ? `<circle cx="${x + 11}" cy="${y}" r="4" fill="${color}"/>`
        : `<path d="M${x},${y}h22" stroke="${color}" stroke-width="2"${dashes}/>`,
      `<text x="${x + 28}" y="${y + 4}" font-size="12">${escapeXml(label)}</text>`,
    );
    x += space;
  }
  return { body, bottom: legend.length === 0 ? from : y + LEGEND_HEIGHT / 2 + 4 };
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
