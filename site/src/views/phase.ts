/** Phase retrieval: a picture measured without phases, sharpening while the iterations run, its error beside it. */
import cat from "../../../data/photograph/cat.png?url";
import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { PhaseMethod } from "../jobs/jobs.js";
import { Settings } from "../state.js";
import { Chart } from "../ui/chart.js";
import { colorOf } from "../ui/colors.js";
import { h } from "../ui/dom.js";
import { button, choiceField, sliderField } from "../ui/fields.js";
import { number, seconds, whole } from "../ui/format.js";
import { formula, row, sub, sup } from "../ui/math.js";
import { heading, layout, part, Status } from "../ui/page.js";
import { Camera } from "./camera.js";
import { type Picture, paint, readPicture } from "./picture.js";

const DEFAULTS = { size: 128, masks: 6, noise: 0, method: "twf", seed: 1 };
const METHODS = [
  ["twf", "truncated Wirtinger flow"],
  ["rwf", "reshaped Wirtinger flow"],
  ["rational", "rational loss"],
  ["wf", "Wirtinger flow"],
] as const;

export function mount(stage: HTMLElement, given: URLSearchParams): () => void {
  const settings = new Settings("phase", given, DEFAULTS);
  const desk = new Desk();
  const status = new Status();
  let control = new AbortController();
  let picture: Picture | undefined;
  /** Where the picture comes from, to take it again at another size. */
  let source: Blob | undefined;

  const canvas = (label: string): HTMLCanvasElement =>
    h("canvas", { role: "img", "aria-label": label, width: 96, height: 96 });
  const truth = canvas("The picture");
  const pattern = canvas("What the detector sees behind the first mask: a cloud of intensities");
  const found = canvas("The recovered picture");
  const frame = (name: string, view: HTMLCanvasElement): HTMLElement =>
    h("figure", { class: "photo" }, view, h("figcaption", {}, name));
  const chart = new Chart({
    label: "Relative error of the picture over the iterations",
    height: 230,
    x: { label: "iteration", domain: [0, undefined] },
    y: { label: "relative error of the picture", log: true },
  });

  const size = choiceField(
    "Size",
    [
      ["64", "64 × 64"],
      ["128", "128 × 128"],
    ],
    String(settings.values.size),
    (value) => {
      settings.set({ size: Number(value) });
      void take(source);
    },
  );
  const masks = sliderField(
    "Masks",
    settings.values.masks,
    { min: 1, max: 12, step: 1, show: String },
    (value) => settings.set({ masks: value }),
    "Diffraction patterns that are measured, each behind another random mask. Below about four there is too little to go by.",
  );
  const noise = sliderField(
    "Noise",
    settings.values.noise,
    { min: 0, max: 0.5, step: 0.01, show: (v) => `${Math.round(100 * v)}\u202f%` },
    (value) => settings.set({ noise: value }),
    "As a share of the mean intensity.",
  );
  const method = choiceField("Method", METHODS, settings.values.method, (value) => settings.set({ method: value }));
  const seed = sliderField("Seed", settings.values.seed, { min: 0, max: 50, step: 1 }, (value) =>
    settings.set({ seed: value }),
  );
  const file = h("input", { type: "file", accept: "image/*", class: "unseen" });
  file.addEventListener("change", () => {
    if (file.files?.[0]) void take(file.files[0]);
    file.value = "";
  });
  const camera = new Camera(
    (blob) => void take(blob),
    (text) => status.fail(text),
  );
  const pick = h(
    "label",
    { class: "drop small" },
    h("b", {}, "Your own picture"),
    h("small", {}, "It stays in this page."),
    file,
  );
  pick.addEventListener("dragover", (event) => event.preventDefault());
  pick.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (dropped) void take(dropped);
  });
  const start = button("Retrieve", () => void retrieve(), "main");
  const cancel = button("Cancel", () => control.abort(new DOMException("Cancelled.", "AbortError")));
  cancel.hidden = true;

  async function take(blob: Blob | undefined): Promise<void> {
    control.abort(new DOMException("Another picture.", "AbortError"));
    try {
      source = blob ?? (await (await fetch(cat)).blob());
      picture = await readPicture(source, settings.values.size);
      paint(truth, picture.bands, picture.size);
      for (const view of [pattern, found]) paint(view, [new Float64Array(picture.size ** 2)], picture.size);
      chart.draw({});
      status.tell("Ready: press Retrieve.");
    } catch (error) {
      status.fail(`This picture cannot be read: ${messageOf(error)}`);
    }
  }

  async function retrieve(): Promise<void> {
    if (picture === undefined) return;
    const { bands, size: n } = picture;
    control = new AbortController();
    const { signal } = control;
    start.disabled = true;
    cancel.hidden = false;
    const errors: [number, number][] = [];
    const { masks: count, noise: share, method: name, seed: fixed } = settings.values;
    status.say("Measuring, and looking for a start…");
    try {
      const result = await desk.run(
        "phase",
        { rows: n, columns: n, bands, masks: count, noise: share, method: name as PhaseMethod, seed: fixed },
        {
          signal,
          onNews: (news) => {
            if (news.kind === "measured") return paint(pattern, [news.pattern], n);
            errors.push([news.iteration, news.error]);
            if (news.bands) paint(found, news.bands, n);
            chart.draw({ lines: [{ points: errors, color: colorOf(0) }] });
            status.say(`Iteration ${news.iteration}: error ${number(news.error, 2)}`);
          },
        },
      );
      paint(found, result.bands, n);
      errors.push([result.iterations, result.relativeError]);
      chart.draw({ lines: [{ points: errors, color: colorOf(0) }] });
      chart.describe(`It ends at ${number(result.relativeError, 2)} after ${result.iterations} iterations.`);
      const verdict =
        result.relativeError < 1e-3
          ? "Recovered"
          : result.relativeError < 0.2
            ? "Recovered up to the noise"
            : "Not recovered: more masks or less noise would help";
      status.tell(
        `${verdict}: relative error ${number(result.relativeError, 2)} after ${result.iterations} iterations, from ${whole(result.measurements)} intensities, in ${seconds(result.elapsedMs)}.`,
      );
    } catch (error) {
      if (isCancelled(error)) status.tell("Cancelled.");
      else status.fail(messageOf(error));
    } finally {
      if (signal === control.signal) {
        start.disabled = false;
        cancel.hidden = true;
      }
    }
  }

  stage.append(
    heading(
      "Phase retrieval",
      "A detector counts light; it cannot see the phase of the waves. What is left of a picture looks like a cloud. Gradient descent brings it back ",
      h("em", {}, "from the cloud alone"),
      ".",
    ),
    layout(
      [
        pick,
        camera.element,
        size.element,
        masks.element,
        noise.element,
        method.element,
        seed.element,
        h("div", { class: "buttons" }, start, cancel),
      ],
      [
        h(
          "div",
          { class: "pictures" },
          frame("the picture", truth),
          frame("what is measured", pattern),
          frame("what is recovered", found),
        ),
        status.element,
        chart.element,
        part("How that can work", words()),
      ],
    ),
  );
  void take(undefined);
  return () => {
    control.abort(new DOMException("The view was left.", "AbortError"));
    camera.stop();
    chart.dispose();
    desk.dispose();
  };
}

function words(): HTMLElement {
  return h(
    "div",
    { class: "prose" },
    h("p", {}, "Behind mask k the wave x becomes the spectrum of the masked picture, and only its intensity is kept:"),
    formula(
      "block",
      sub("y", row("k")),
      row("="),
      sup(row("|F("), ""),
      sub("D", "k"),
      row("x)"),
      sup("|", "2"),
      row(",  k = 1, …, K"),
    ),
    h(
      "p",
      {},
      "Each intensity is a quadratic equation in the pixels, and there are several for every pixel. A spectral start, the leading eigenvector of a matrix made of the intensities, already points roughly to the picture; from there the slope of the misfit leads down to it. With few masks the start knows nothing, and the view “Predict, then run” shows where it begins to.",
    ),
    h(
      "p",
      {},
      "The picture was measured inside this page, so the true error is known and drawn. The algorithm does not see it.",
    ),
  );
}
