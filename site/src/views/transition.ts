/** The phase transition of the spectral start: its agreement with the truth over δ, a marker at the chosen one. */

import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import { Chart } from "../ui/chart.js";
import { colorOf } from "../ui/colors.js";
import { h } from "../ui/dom.js";
import { number } from "../ui/format.js";

interface Question {
  readonly link: string;
  readonly noiseStd: number;
  readonly ratio: number;
}

/** Geometric from 0.3 to 20, the coarse ones first, so that the curve is there early and gets finer. */
const RATIOS = [8, 4, 2, 1].flatMap((step, turn) =>
  Array.from({ length: 33 }, (_, k) => k)
    .filter((k) => k % step === 0 && (turn === 0 || k % (2 * step) !== 0))
    .map((k) => 0.3 * (20 / 0.3) ** (k / 32)),
);

export class TransitionStage {
  readonly element: HTMLElement;
  readonly #chart = new Chart({
    label: "Agreement of the spectral start with the truth over rows per input",
    height: 230,
    x: { label: "rows per input, δ", log: true, domain: [0.3, 20] },
    y: { label: "agreement of the start with the truth (cosine)", domain: [0, 1.12] },
  });
  readonly #words = h("p", { class: "hint" });
  #desk = new Desk();
  #asked = "";
  #ratio = 1;
  #threshold: number | undefined;
  #points: [number, number][] = [];

  constructor() {
    this.element = h(
      "section",
      { class: "part" },
      h("h2", {}, "Where it begins to work"),
      this.#chart.element,
      this.#words,
    );
  }

  /** Another ratio moves the marker; another channel asks for another curve. */
  ask({ link, noiseStd, ratio }: Question): void {
    this.#ratio = ratio;
    const asked = `${link} ${noiseStd}`;
    if (asked !== this.#asked) {
      this.#asked = asked;
      void this.#compute(link, noiseStd);
    }
    this.#draw();
  }

  dispose(): void {
    this.#desk.dispose();
    this.#chart.dispose();
  }

  async #compute(link: string, noiseStd: number): Promise<void> {
    // A single prediction cannot be interrupted, a worker can.
    this.#desk.dispose();
    const desk = new Desk();
    this.#desk = desk;
    this.#points = [];
    this.#threshold = undefined;
    try {
      const { threshold, preprocess } = await desk.run(
        "transition",
        { link, noiseStd, ratios: RATIOS },
        {
          onNews: ({ ratio, overlap }) => {
            if (desk !== this.#desk) return;
            this.#points.push([ratio, overlap]);
            this.#points.sort((a, b) => a[0] - b[0]);
            this.#draw();
          },
        },
      );
      if (desk !== this.#desk) return;
      this.#threshold = threshold;
      this.#words.textContent = Number.isFinite(threshold)
        ? `With T = ${preprocess} the spectral start begins to see the truth at δ = ${number(threshold)}: below, the largest eigenvalue hides in the bulk; above, it stands apart, and its eigenvector points towards the truth.`
        : "For this channel no spectral start of this kind sees the truth, however many rows there are.";
      this.#draw();
    } catch (error) {
      if (!isCancelled(error)) this.#words.textContent = messageOf(error);
    }
  }

  #draw(): void {
    const threshold = this.#threshold;
    const isShown = threshold !== undefined && Number.isFinite(threshold);
    // The curve leaves 0 with a vertical slope: the corner is a point of it.
    const corner: [number, number][] = isShown ? [[threshold, 0]] : [];
    const points = [...this.#points, ...corner].sort((a, b) => a[0] - b[0]);
    this.#chart.draw({
      lines: [{ points, color: colorOf(0), width: 2.4 }],
      dots: [{ points: this.#points, color: colorOf(0), radius: 2 }],
      rules: [
        ...(isShown ? [{ x: threshold, label: `threshold ${number(threshold)}` }] : []),
        { x: this.#ratio, label: `δ = ${number(this.#ratio, 2)}`, color: colorOf(1), strong: true },
      ],
    });
    if (isShown)
      this.#chart.describe(
        `0 below ${number(threshold)}, rising above. The chosen ratio is ${number(this.#ratio, 2)}.`,
      );
  }
}
