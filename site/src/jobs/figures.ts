/** Figures of a report for the page: clouds of dots become a few shapes, since thousands of elements would hold it up. */
import type { FitOutput } from "./jobs.js";

/** Dots in one shape: few enough that they seldom overlap, where a translucent shape would not get darker. */
const DOTS = 50;
/** Smaller groups stay as they are. */
const MANY = 100;
/** Colors of dots are told apart in steps of so many of 256. */
const COLOR_STEP = 8;

/** The figures, each as markup of its own; style attributes are renamed, for a page whose policy allows none. */
export function figuresOf(report: string): FitOutput["figures"] {
  return [...report.matchAll(/<section id="([a-z]+)"[\s\S]*?<\/section>/g)].flatMap(([section, id]) =>
    [...section.matchAll(/<figure>[\s\S]*?<\/figure>/g)].map(([figure]) => ({
      part: id,
      markup: mergeDots(figure).replace(/ style="/g, ' data-style="'),
    })),
  );
}

/** Joins the dots of one look into shapes of up to 50. */
export function mergeDots(figure: string): string {
  return figure.replace(/(<g aria-label="dot"[^>]*>)([\s\S]*?)(<\/g>)/g, (whole, open: string, inner: string, end) => {
    const marks = [...inner.matchAll(/<(circle|path)([^>]*)\/>/g)];
    if (marks.length < MANY || marks.map(([mark]) => mark).join("") !== inner) return whole;
    const looks = new Map<string, string[]>();
    for (const [, , text] of marks) {
      const attributes = new Map([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
      const outline = outlineOf(attributes);
      if (outline === undefined) return whole;
      const fill = attributes.get("fill");
      if (fill !== undefined) attributes.set("fill", coarse(fill));
      const look = Array.from(attributes, ([name, value]) => ` ${name}="${value}"`).join("");
      const alike = looks.get(look);
      if (alike === undefined) looks.set(look, [outline]);
      else alike.push(outline);
    }
    const shapes = Array.from(looks, ([look, outlines]) => {
      const groups = Math.ceil(outlines.length / DOTS);
      // Every so manieth: neighbors in the data would be neighbors in the shape.
      return Array.from({ length: groups }, (_, k) => {
        const d = outlines.filter((_, i) => i % groups === k).join("");
        return `<path d="${d}"${look}/>`;
      }).join("");
    });
    return `${open}${shapes.join("")}${end}`;
  });
}

/** The outline of a mark where it stands; takes the attributes that say where from the others. */
function outlineOf(attributes: Map<string, string>): string | undefined {
  const take = (name: string): string | undefined => {
    const value = attributes.get(name);
    attributes.delete(name);
    return value;
  };
  const [cx, cy, r] = ["cx", "cy", "r"].map((name) => Number(take(name)));
  if (Number.isFinite(cx + cy + r)) {
    const arc = `a${r},${r} 0 1 1`;
    return `M${round(cx - r)},${cy}${arc} ${2 * r},0${arc} ${-2 * r},0z`;
  }
  const [, x, y] = /^translate\(([-\d.e]+),([-\d.e]+)\)$/.exec(take("transform") ?? "") ?? [];
  const outline = take("d");
  // Polygons in absolute coordinates.
  if (x === undefined || outline === undefined || !/^M[-\d.e,ML]+Z$/.test(outline)) return undefined;
  return outline.replace(
    /([-\d.e]+),([-\d.e]+)/g,
    (_, a: string, b: string) => `${round(Number(a) + Number(x))},${round(Number(b) + Number(y))}`,
  );
}

const round = (value: number): number => Math.round(value * 100) / 100;

function coarse(color: string): string {
  if (!/^#[\da-f]{6}$/.test(color)) return color;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Math.round(Number.parseInt(color.slice(at, at + 2), 16) / COLOR_STEP) * COLOR_STEP;
    return Math.min(255, value).toString(16).padStart(2, "0");
  });
  return `#${r}${g}${b}`;
}
