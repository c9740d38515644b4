/** Predict, then run: the mean-field trajectory with its errors, trials of the algorithm over it, and the phase transition. */

import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { Curves, PredictOutput } from "../jobs/jobs.js";
import { Settings } from "../state.js";
import { Chart } from "../ui/chart.js";
import { colorOf, dashOf } from "../ui/colors.js";
import { h } from "../ui/dom.js";
import { button, choiceField, sliderField } from "../ui/fields.js";
import { number, seconds, whole } from "../ui/format.js";
import { formula, frac, row, sup } from "../ui/math.js";
import { heading, layout, legend, part, Status } from "../ui/page.js";
import { TransitionStage } from "./transition.js";

const DEFAULTS = {
  channel: "square",
  noise: 0,
  ratio: 4,
  ridge: 0.05,
  step: 0.4,
  steps: 30,
  dim: 300,
  trials: 12,
  seed: 1,
};
const CHANNELS = [
  ["square", "square: only the size is seen, y = z²"],
  ["tanh", "tanh: a curve that levels off"],
  ["relu", "relu: nothing below zero"],
  ["logit", "logit: yes or no"],
] as const;

type Key = "cosine" | "trainLoss" | "testLoss";

export function mount(stage: HTMLElement, given: URLSearchParams): () => void {
  const settings = new Settings("predict", given, DEFAULTS);
  const desk = new Desk();
  const status = new Status();
  const transition = new TransitionStage();
  let control = new AbortController();
  let predicted: PredictOutput | undefined;
  let trials: Curves[] = [];

  const change = (changes: Partial<typeof DEFAULTS>): void => {
    settings.set(changes);
    void predict();
  };
  const { values: first } = settings;
  const fields = [
    choiceField("What is seen of a row (channel)", CHANNELS, first.channel, (channel) => change({ channel })),
    sliderField(
      "Rows per input, δ",
      first.ratio,
      { min: 0.3, max: 20, step: 0.02, log: true, show: (v) => number(v, 2) },
      (ratio) => change({ ratio }),
      "How much data there is: n = δd.",
    ),
    sliderField(
      "Noise",
      first.noise,
      { min: 0, max: 1, step: 0.05, show: String },
      (noise) => change({ noise }),
      "For logit: the slope of the answer.",
    ),
    sliderField("Ridge λ", first.ridge, { min: 0, max: 1, step: 0.01, show: String }, (ridge) => change({ ridge })),
    sliderField("Step η", first.step, { min: 0.02, max: 2, step: 0.02, show: String }, (step) => change({ step })),
    sliderField("Steps", first.steps, { min: 5, max: 80, step: 5, show: String }, (steps) => change({ steps })),
    sliderField("Dimension of the runs", first.dim, { min: 50, max: 1000, step: 50, show: whole }, (dim) =>
      change({ dim }),
    ),
    sliderField("Runs", first.trials, { min: 2, max: 40, step: 1, show: String }, (count) => change({ trials: count })),
    sliderField("Seed", first.seed, { min: 0, max: 50, step: 1 }, (seed) => change({ seed })),
  ];
  const start = button("Run the algorithm", () => void simulate(), "main");
  const cancel = button("Cancel", () => control.abort(new DOMException("Cancelled.", "AbortError")));
  cancel.hidden = true;

  const x = { label: "step of gradient descent" };
  const overlap = new Chart({
    label: "Agreement with the truth, step by step",
    height: 270,
    x,
    y: { label: "agreement with the truth (cosine)", domain: [undefined, 1] },
  });
  const loss = new Chart({
    label: "Losses, step by step",
    height: 220,
    x,
    y: { label: "loss: training and on fresh rows", domain: [0, undefined] },
  });

  const inputs = () => {
    const { channel, noise, ratio, ridge, step, steps, seed } = settings.values;
    return { link: channel, noiseStd: noise, ratio, ridge, stepSize: step, steps, seed };
  };

  const begin = (isRun: boolean): AbortSignal => {
    control.abort(new DOMException("A newer question.", "AbortError"));
    control = new AbortController();
    trials = [];
    start.disabled = true;
    cancel.hidden = !isRun;
    return control.signal;
  };
  const end = (signal: AbortSignal): void => {
    if (signal !== control.signal) return;
    start.disabled = false;
    cancel.hidden = true;
  };

  async function predict(): Promise<void> {
    const signal = begin(false);
    predicted = undefined;
    transition.ask(inputs());
    status.say("Predicting…");
    try {
      const found = await desk.run("predict", inputs(), {
        signal,
        onNews: ({ done }) => status.say(`Predicting… ${Math.round(100 * done)} %`),
      });
      predicted = found;
      draw();
      const { cosine } = found.curves;
      const last = cosine.length - 1;
      const warning = found.warnings.length > 0 ? ` ${found.warnings.join(" ")}` : "";
      status.tell(
        `Predicted in ${seconds(found.elapsedMs)}, from ${found.start}: agreement ${number(cosine[0])} at the start, ${number(cosine[last])} after ${last} steps.${warning}`,
      );
    } catch (error) {
      if (isCancelled(error)) return;
      overlap.draw({});
      loss.draw({});
      status.fail(messageOf(error));
    } finally {
      end(signal);
    }
  }

  async function simulate(): Promise<void> {
    const { dim, trials: total } = settings.values;
    const signal = begin(true);
    status.say("Running…");
    draw();
    try {
      const { samples, elapsedMs } = await desk.run(
        "simulate",
        { ...inputs(), dim, trials: total },
        {
          signal,
          onNews: ({ trial, curves }) => {
            trials.push(curves);
            draw();
            status.say(`Run ${trial + 1} of ${total}`);
          },
        },
      );
      status.tell(
        `${total} runs on fresh data, ${whole(samples)} rows of ${whole(dim)} inputs each, in ${seconds(elapsedMs)}. ${verdict()}`,
      );
    } catch (error) {
      if (isCancelled(error)) status.tell(`Stopped after ${trials.length} runs.`);
      else status.fail(messageOf(error));
    } finally {
      end(signal);
    }
  }

  /** How far prediction and mean of the runs are apart at the end, in standard errors. */
  function verdict(): string {
    if (predicted === undefined || trials.length < 2) return "";
    const t = predicted.curves.cosine.length - 1;
    const { mean, error } = meanAt(trials, "cosine", t);
    return `Agreement at the end: predicted ${number(predicted.curves.cosine[t])}, measured ${number(mean)} ± ${number(2 * error, 2)}.`;
  }

  function draw(): void {
    const series = (keys: readonly Key[]) => ({
      lines: [
        ...keys.flatMap((key, k) =>
          trials.map((curves) => ({ points: pointsOf(curves[key]), color: colorOf(k), width: 1, opacity: 0.28 })),
        ),
        ...(predicted === undefined
          ? []
          : keys.map((key, k) => ({
              points: pointsOf(predicted!.curves[key]),
              color: colorOf(k),
              dash: dashOf(k),
              width: 2.4,
            }))),
      ],
      dots: keys.flatMap((key, k) => {
        const color = colorOf(k);
        const shown =
          predicted === undefined
            ? []
            : [
                {
                  points: pointsOf(predicted.curves[key]),
                  errors: predicted.errors && Array.from(predicted.errors[key], (e) => 2 * e),
                  color,
                  radius: 1.8,
                },
              ];
        const steps = trials[0]?.[key].length ?? 0;
        if (trials.length < 2) return shown;
        const means = Array.from({ length: steps }, (_, t) => ({ t, ...meanAt(trials, key, t) })).filter(
          ({ t }) => t % Math.ceil(steps / 16) === 0,
        );
        return [
          ...shown,
          {
            points: means.map(({ t, mean }) => [t, mean] as const),
            errors: means.map(({ error }) => 2 * error),
            color,
            radius: 4,
            hollow: true,
          },
        ];
      }),
    });
    overlap.draw(series(["cosine"]));
    loss.draw(series(["trainLoss", "testLoss"]));
    if (predicted === undefined) return;
    const { cosine, testLoss } = predicted.curves;
    const last = cosine.length - 1;
    overlap.describe(`The prediction goes from ${number(cosine[0])} to ${number(cosine[last])}. ${verdict()}`);
    loss.describe(`On fresh rows from ${number(testLoss[0])} to ${number(testLoss[last])}.`);
  }

  stage.append(
    heading(
      "Predict, then run",
      "Training on random data looks like chance. In many dimensions it is not: the whole curve of gradient descent can be ",
      h("em", {}, "computed before"),
      " there is a single row of data. First the prediction; then press the button and see whether the algorithm keeps to it.",
    ),
    layout(
      [...fields.map(({ element }) => element)],
      [
        h("div", { class: "buttons" }, start, cancel),
        legend([
          { name: "agreement, training loss", color: colorOf(0) },
          { name: "loss on fresh rows", color: colorOf(1), dash: dashOf(1) },
        ]),
        overlap.element,
        loss.element,
        status.element,
        h(
          "p",
          { class: "hint" },
          "Thick lines and small dots: predicted, bars of two standard errors. Thin lines: single runs of the algorithm. Rings: their mean, with bars of two standard errors.",
        ),
        transition.element,
        part("What is computed", words()),
      ],
    ),
  );
  void predict();
  return () => {
    control.abort(new DOMException("The view was left.", "AbortError"));
    for (const chart of [overlap, loss]) chart.dispose();
    transition.dispose();
    desk.dispose();
  };
}

const pointsOf = (values: Float64Array): [number, number][] => Array.from(values, (v, t) => [t, v]);

function meanAt(trials: readonly Curves[], key: Key, t: number): { readonly mean: number; readonly error: number } {
  const n = trials.length;
  const mean = trials.reduce((sum, curves) => sum + curves[key][t] / n, 0);
  const square = trials.reduce((sum, curves) => sum + (curves[key][t] - mean) ** 2 / (n - 1), 0);
  return { mean, error: Math.sqrt(square / n) };
}

function words(): HTMLElement {
  return h(
    "div",
    { class: "prose" },
    h(
      "p",
      {},
      "One hidden direction θ* in d dimensions, n = δd rows of data, and plain gradient descent on all of them, for t = 0, 1, 2, …:",
    ),
    formula(
      "block",
      sup("θ", row("t + 1")),
      row("="),
      sup("θ", "t"),
      row("− η ("),
      frac("1", "δ"),
      sup("X", "⊤"),
      row("ℓ′(X"),
      sup("θ", "t"),
      row("; y) + λ"),
      sup("θ", "t"),
      row(")"),
    ),
    h(
      "p",
      {},
      "The rows are used again at every step, so each step depends on all earlier ones. When d grows with δ fixed, a random row sees a process of its own that is known exactly: a field driven by correlations and responses of the steps before. Sampling that process gives the curves here; their error bars come from repeating it. The chart of the transition shows what comes before: below a threshold of δ the start knows nothing of the truth, above it something, and descent needs something to begin with.",
    ),
  );
}
