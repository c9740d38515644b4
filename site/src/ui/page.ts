/** What every view is made of: a heading, controls beside a stage, a line that says what is happening. */
import { h } from "./dom.js";

/** The heading of a view, its one-sentence promise under it. */
export const heading = (title: string, ...lead: (Node | string)[]): HTMLElement =>
  h("header", { class: "heading" }, h("h1", { tabindex: "-1" }, title), h("p", { class: "lead" }, lead));

/** Controls to the left (on a phone above), everything else to the right. */
export const layout = (controls: readonly Node[], stage: readonly Node[]): HTMLElement =>
  h(
    "div",
    { class: "layout" },
    h("form", { class: "controls", submit: (event: Event) => event.preventDefault() }, controls),
    h("div", { class: "stage" }, stage),
  );

/** A titled part of the stage. */
export function part(title: string, ...content: (Node | string | undefined)[]): HTMLElement {
  return h("section", { class: "part" }, h("h2", {}, title), content);
}

/** Names of curves with a sample of each. */
export function legend(entries: readonly { readonly name: string; readonly color: string; readonly dash?: string }[]) {
  return h(
    "ul",
    { class: "legend" },
    entries.map(({ name, color, dash }) => {
      const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      sample.setAttribute("viewBox", "0 0 26 8");
      sample.setAttribute("aria-hidden", "true");
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("d", "M1 4H25");
      line.setAttribute("stroke", color);
      line.setAttribute("stroke-width", "2.6");
      if (dash !== undefined) line.setAttribute("stroke-dasharray", dash);
      sample.append(line);
      return h("li", {}, sample, name);
    }),
  );
}

/** A line of news that screen readers hear too; often changed text is spoken at most once in two seconds. */
export class Status {
  readonly element = h("p", { class: "status" });
  readonly #shown = h("span", { "aria-hidden": "true" });
  readonly #spoken = h("span", { class: "unseen", role: "status" });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element.append(this.#shown, this.#spoken);
  }

  /** Progress: shown at once, spoken now and then. */
  say(text: string): void {
    this.#shown.textContent = text;
    this.element.classList.remove("wrong");
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#spoken.textContent = this.#shown.textContent;
    }, 2000);
  }

  /** An outcome: shown and spoken at once. */
  tell(text: string): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.element.classList.remove("wrong");
    this.#shown.textContent = text;
    this.#spoken.textContent = text;
  }

  /** A failure. */
  fail(text: string): void {
    this.tell(text);
    this.element.classList.add("wrong");
  }
}

/** A table of a few numbers. */
export function table(caption: string, heads: readonly string[], rows: readonly (readonly (string | Node)[])[]) {
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell, k) => (k === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell))),
          ),
        ),
      ),
    ),
  );
}

/** Tiles of numbers with names. */
export const tiles = (entries: readonly (readonly [name: string, value: string, small?: string])[]): HTMLElement =>
  h(
    "dl",
    { class: "tiles" },
    entries.map(([name, value, small]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value, small !== undefined && h("small", {}, small))),
    ),
  );
