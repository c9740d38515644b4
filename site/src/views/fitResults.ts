/** What a fit found: a sentence, numbers, the figures of its report, warnings in words. */

import type { FitOutput } from "../jobs/jobs.js";
import { h } from "../ui/dom.js";
import { count, percent, seconds, whole } from "../ui/format.js";
import { part, tiles } from "../ui/page.js";

/** Parts of the report that are shown here, with titles of their own. */
const SHOWN = [
  ["link", "The response against what was found"],
  ["directions", "Which inputs matter"],
  ["search", "Held-out error over rank, and the rest of the search"],
  ["errors", "Errors"],
] as const;

export function results(found: FitOutput, target: string, downloads: readonly HTMLButtonElement[]): HTMLElement {
  const parts = SHOWN.flatMap(([id, title]) => {
    const drawn = found.figures.filter((figure) => figure.part === id);
    if (drawn.length === 0) return [];
    const figures = h("div", { class: "figures" });
    return [{ section: part(title, figures), figures, drawn }];
  });
  void draw(parts.flatMap(({ figures, drawn }) => drawn.map(({ markup }) => ({ figures, markup }))));
  return h(
    "div",
    { class: "results" },
    part(
      "What was found",
      h("p", {}, sentence(found, target)),
      numbers(found),
      warnings(found),
      h("div", { class: "buttons" }, downloads),
    ),
    parts.map(({ section }) => section),
  );
}

/** One figure a frame: all at once would hold up the page. What is not in sight is laid out when it comes there (style.css). */
async function draw(figures: readonly { readonly figures: Element; readonly markup: string }[]): Promise<void> {
  for (const { figures: place, markup } of figures) {
    await new Promise((done) => setTimeout(done, 30));
    place.append(adopt(markup));
  }
}

function sentence({ rank, dim, importance, r2Test, r2HeldOut }: FitOutput, target: string): string {
  if (rank === 0)
    return `The inputs say nothing about ${target} that could be told from chance: the best model is its mean.`;
  const explained = percent(Math.max(0, r2Test ?? r2HeldOut));
  const rows = r2Test === undefined ? "new rows (an estimate by leaving one out)" : "rows it had not seen";
  const leading = importance.filter(({ share }) => share >= 0.1).slice(0, 3);
  const names = leading.map(({ name, share }) => `${name} (${percent(share)})`).join(", ");
  const sums = rank === 1 ? "One weighted sum" : `${rank} weighted sums`;
  return `${sums} of ${count(dim, "input")} explain${rank === 1 ? "s" : ""} ${explained} of the variation of ${target} on ${rows}.${names === "" ? "" : ` What matters most: ${names}.`}`;
}

const numbers = (found: FitOutput): HTMLElement =>
  tiles([
    found.r2Test === undefined
      ? ["R² expected on new rows", found.r2HeldOut.toFixed(3), "leave-one-out"]
      : ["R² on held-out rows", found.r2Test.toFixed(3), `${whole(found.testSamples)} rows`],
    ["R² on the rows of the fit", found.r2Train.toFixed(3), `${whole(found.samples)} rows`],
    ["directions", String(found.rank), `of ${count(found.dim, "input")}`],
    ["link", found.degree === null ? "free form" : `degree ${found.degree}`, `stopped: ${found.stop}`],
    ["time", seconds(found.elapsedMs), found.kernel],
  ]);

function warnings({ warnings: list }: FitOutput): HTMLElement | undefined {
  if (list.length === 0) return undefined;
  return h(
    "ul",
    { class: "note", "aria-label": "Warnings" },
    list.map(({ code, message }) => h("li", {}, h("b", {}, code), ` ${message}`)),
  );
}

/** A figure of the report as an element. Its styles are set by script: the page's policy allows no style attributes. */
function adopt(markup: string): Element {
  const figure = new DOMParser().parseFromString(markup, "text/html").querySelector("figure") as HTMLElement;
  const adopted = document.adoptNode(figure);
  for (const element of adopted.querySelectorAll<SVGElement>("[data-style]")) {
    element.style.cssText = element.dataset.style ?? "";
    delete element.dataset.style;
  }
  return adopted;
}
