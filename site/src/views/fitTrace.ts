/** A fit while it runs: what it tried, how the loss fell, how steep the response is along its directions. */

import type { FitNews, FitOutput } from "../jobs/jobs.js";
import { Chart, type Line } from "../ui/chart.js";
import { colorOf, dashOf } from "../ui/colors.js";
import { h, replace } from "../ui/dom.js";
import { number, seconds, subscript } from "../ui/format.js";
import { legend } from "../ui/page.js";

/** More points than this are thinned to every other one. */
const MOST = 400;
/** Milliseconds between two drawings. */
const DRAW_EVERY_MS = 100;

interface Seen {
  readonly at: number;
  readonly news: FitNews;
}

export class FitTrace {
  readonly element: HTMLElement;
  readonly #names = h("div");
  readonly #loss = new Chart({
    label: "Unexplained share of the variance, step by step",
    height: 220,
    x: { label: "step", domain: [0, undefined] },
    y: { label: "unexplained share of the variance", log: true },
  });
  readonly #slopes = new Chart({
    label: "Singular values of the slopes, step by step",
    height: 190,
    x: { label: "step", domain: [0, undefined] },
    y: { label: "singular values: slope along each direction", domain: [0, undefined] },
  });
  #seen: Seen[] = [];
  #steps = 0;
  #named = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element = h(
      "section",
      { class: "trace", "aria-label": "The fit while it runs", hidden: true },
      this.#names,
      this.#loss.element,
      this.#slopes.element,
    );
  }

  clear(): void {
    this.#seen = [];
    this.#steps = 0;
    this.element.hidden = true;
  }

  add(news: FitNews): void {
    if (!Number.isFinite(news.loss)) return;
    this.element.hidden = false;
    this.#seen.push({ at: ++this.#steps, news });
    if (this.#seen.length > MOST)
      this.#seen = this.#seen.filter(({ news: { slopes } }, i) => i % 2 === 0 || slopes !== undefined);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, DRAW_EVERY_MS);
  }

  /** What is being done, in a line. */
  words({ phase, rank, degree, iteration, loss, elapsedMs }: FitNews): string {
    const time = seconds(elapsedMs);
    if (phase === "reading") return "Reading the rows…";
    if (phase === "report") return `Drawing the results… ${time}`;
    const left = `unexplained ${number(loss)}`;
    if (phase === "search") return `Searching: rank ${rank}, degree ${degree}, ${left}, ${time}`;
    if (phase === "screening") return `Comparing starts: ${left}, ${time}`;
    return `Descending: iteration ${iteration}, ${left}, ${time}`;
  }

  end({ r2Train, rank }: FitOutput): void {
    this.#loss.describe(`It ends at ${number(1 - r2Train)}.`);
    this.#slopes.describe(`${rank} of them at the end.`);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#loss.dispose();
    this.#slopes.dispose();
  }

  /** The legend; made again only when something joins it, since the whole page is laid out for it. */
  #name(hasSearch: boolean, directions: number): void {
    const key = `${hasSearch} ${directions}`;
    if (key === this.#named) return;
    this.#named = key;
    replace(
      this.#names,
      legend([
        ...(hasSearch ? [{ name: "models tried", color: colorOf(1), dash: "1 5" }] : []),
        { name: "loss", color: colorOf(0) },
        ...Array.from({ length: directions }, (_, k) => ({
          name: `σ${subscript(k + 1)}`,
          color: colorOf(k + 2),
          dash: dashOf(k),
        })),
      ]),
    );
  }

  #draw(): void {
    const search = this.#seen.filter(({ news }) => news.phase === "search");
    const runs = runsOf(this.#seen.filter(({ news }) => news.phase !== "search"));
    const looks = this.#seen.filter(({ news }) => news.slopes !== undefined);
    const most = Math.max(0, ...looks.map(({ news }) => news.slopes?.length ?? 0));
    this.#name(search.length > 0, most);
    this.#loss.draw({
      until: this.#steps,
      dots: [{ points: search.map(({ at, news }) => [at, news.loss]), color: colorOf(1), radius: 2.6 }],
      lines: runs.map(
        (run): Line => ({
          points: run.map(({ at, news }) => [at, news.loss]),
          color: colorOf(0),
          opacity: run[0].news.phase === "descent" ? 1 : 0.5,
        }),
      ),
    });
    const byRun = runsOf(looks.filter(({ news }) => news.phase !== "search"));
    const tried = looks.filter(({ news }) => news.phase === "search");
    const series = Array.from({ length: most }, (_, k) => k);
    this.#slopes.draw({
      until: this.#steps,
      dots: series.map((k) => ({
        points: tried.flatMap(({ at, news }) => pointOf(at, news.slopes?.[k])),
        color: colorOf(k + 2),
        radius: 2.2,
      })),
      lines: series.flatMap((k) =>
        byRun.map(
          (run): Line => ({
            points: run.flatMap(({ at, news }) => pointOf(at, news.slopes?.[k])),
            color: colorOf(k + 2),
            dash: dashOf(k),
          }),
        ),
      ),
    });
  }
}

const pointOf = (at: number, value: number | undefined): (readonly [number, number])[] =>
  value === undefined ? [] : [[at, value]];

/** Steps of one descent belong together: its iterations go up. */
function runsOf(seen: readonly Seen[]): Seen[][] {
  const runs: Seen[][] = [];
  for (const step of seen) {
    const last = runs.at(-1)?.at(-1)?.news;
    const isNext =
      last !== undefined &&
      last.phase === step.news.phase &&
      last.iteration < step.news.iteration &&
      last.rank === step.news.rank;
    if (isNext) runs[runs.length - 1].push(step);
    else runs.push([step]);
  }
  return runs;
}
