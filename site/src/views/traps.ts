/** Planted beside joint: the same starts, with the link frozen and with the link learnt, and how many get stuck. */

import { type Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { TrapCurve, TrapNews } from "../jobs/jobs.js";
import { Chart } from "../ui/chart.js";
import { colorOf } from "../ui/colors.js";
import { h } from "../ui/dom.js";
import { button } from "../ui/fields.js";
import { percent } from "../ui/format.js";
import { Status } from "../ui/page.js";

const TRIALS = 24;
/** Frames in more dimensions take longer and change nothing that can be seen. */
const MAX_DIM = 200;

interface Question {
  readonly link: string;
  readonly dim: number;
  readonly seed: number;
}

/** Two charts whose curves appear trial by trial, with a count under each. */
export class TrapStage {
  readonly element: HTMLElement;
  readonly #desk: Desk;
  readonly #status = new Status();
  readonly #counts = { planted: h("p", { class: "tally" }), joint: h("p", { class: "tally" }) };
  readonly #charts: { readonly planted: Chart; readonly joint: Chart };
  readonly #start: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #pair: HTMLElement;
  #question: Question | undefined;
  #control: AbortController | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
    const chart = (label: string): Chart =>
      new Chart({
        label,
        height: 220,
        x: { label: "time (logarithmic)", log: true },
        y: { label: "loss", domain: [0, undefined] },
      });
    this.#charts = { planted: chart("Losses with the link frozen"), joint: chart("Losses with the link learnt") };
    this.#start = button(`Run ${TRIALS} starts`, () => void this.#run(), "main");
    this.#cancel = button("Cancel", () => this.#control?.abort(new DOMException("Cancelled.", "AbortError")));
    this.#cancel.hidden = true;
    this.#pair = h(
      "div",
      { class: "pair", hidden: true },
      h("div", {}, h("h3", {}, "Link known and frozen"), this.#charts.planted.element, this.#counts.planted),
      h("div", {}, h("h3", {}, "Link learnt on the way"), this.#charts.joint.element, this.#counts.joint),
    );
    this.element = h(
      "section",
      { class: "part traps" },
      h("h2", {}, "Why learn the link, too?"),
      h(
        "p",
        {},
        "Suppose somebody told us the link, and only the directions had to be found. That sounds easier, and is harder: a frozen link can get stuck, because the way out would need it to change for a while. The same random starts, side by side:",
      ),
      h("div", { class: "buttons" }, this.#start, this.#cancel),
      this.#pair,
      this.#status.element,
    );
  }

  /** Another link: what was drawn no longer holds. */
  ask(question: Question): void {
    this.#control?.abort(new DOMException("A newer question.", "AbortError"));
    this.#question = question;
    this.#pair.hidden = true;
    for (const key of ["planted", "joint"] as const) {
      this.#charts[key].draw({});
      this.#counts[key].textContent = "";
    }
    this.#status.tell("");
  }

  dispose(): void {
    this.#control?.abort(new DOMException("The view was left.", "AbortError"));
    this.#charts.planted.dispose();
    this.#charts.joint.dispose();
  }

  async #run(): Promise<void> {
    if (this.#question === undefined) return;
    const { link, seed } = this.#question;
    const dim = Math.min(this.#question.dim, MAX_DIM);
    this.ask(this.#question);
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#busy(true);
    this.#pair.hidden = false;
    const seen: TrapNews[] = [];
    try {
      await this.#desk.run(
        "traps",
        { link, dim, seed, trials: TRIALS },
        {
          signal,
          onNews: (news) => {
            seen.push(news);
            this.#draw(seen);
          },
        },
      );
      const trapped = seen.filter(({ planted }) => planted.trapped).length;
      const free = seen.filter(({ joint }) => joint.trapped).length;
      this.#status.tell(
        `Of ${TRIALS} starts in ${dim} dimensions, ${trapped} got stuck with the link frozen and ${free} with the link learnt.`,
      );
    } catch (error) {
      if (isCancelled(error)) this.#status.tell(`Stopped after ${seen.length} starts.`);
      else this.#status.fail(messageOf(error));
    } finally {
      this.#busy(false);
    }
  }

  #busy(is: boolean): void {
    this.#start.disabled = is;
    this.#cancel.hidden = !is;
    if (is) this.#status.say("Running…");
  }

  #draw(seen: readonly TrapNews[]): void {
    for (const key of ["planted", "joint"] as const) {
      const curves = seen.map((news) => news[key]);
      const last = Math.max(...curves.map(({ times }) => times[times.length - 1]));
      this.#charts[key].draw({ lines: curves.map((curve) => lineOf(curve, last)) });
      const trapped = curves.filter((curve) => curve.trapped).length;
      this.#counts[key].textContent = `stuck: ${trapped} of ${curves.length} (${percent(trapped / curves.length)})`;
      this.#charts[key].describe(`${trapped} of ${curves.length} starts got stuck above 0.`);
    }
    this.#status.say(`${seen.length} of ${TRIALS} starts`);
  }
}

/** Stuck ones are orange and dashed; every curve goes on level to the end of the longest. */
function lineOf({ times, loss, trapped }: TrapCurve, last: number) {
  const points: [number, number][] = Array.from(times, (t, i) => [t, loss[i]]);
  points.push([last, loss[loss.length - 1]]);
  return { points, color: colorOf(trapped ? 1 : 0), dash: trapped ? "6 4" : undefined, width: 1.6, opacity: 0.75 };
}
