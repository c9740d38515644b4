/** Fit your data: a dropped table or a bundled one, its columns, a fit that is watched while it runs, and what came of it. */

import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { DataSource, FitOutput, TableInfo } from "../jobs/jobs.js";
import { Settings } from "../state.js";
import { download, h, replace } from "../ui/dom.js";
import { button, choiceField, sliderField } from "../ui/fields.js";
import { count, seconds, whole } from "../ui/format.js";
import { heading, layout, part, Status, table } from "../ui/page.js";
import { BUNDLED, type BundledName, dropZone } from "./data.js";
import { results } from "./fitResults.js";
import { FitTrace } from "./fitTrace.js";

const DEFAULTS = { data: "concrete", target: "", columns: "", rank: "auto", degree: "auto", held: 20, seed: 1 };

const numbers = (from: number, to: number): (readonly [string, string])[] =>
  Array.from({ length: to - from + 1 }, (_, k) => [String(from + k), String(from + k)]);

export function mount(stage: HTMLElement, given: URLSearchParams): () => void {
  const settings = new Settings("fit", given, DEFAULTS);
  const desk = new Desk();
  const status = new Status();
  const trace = new FitTrace();
  let control = new AbortController();
  let info: TableInfo | undefined;

  const drop = dropZone((file) => void open({ kind: "file", file }));
  const data = choiceField(
    "or take a bundled one",
    [...Object.entries(BUNDLED).map(([name, { title }]) => [name, title] as const)],
    settings.values.data,
    (name) => {
      settings.set({ data: name, target: "", columns: "" });
      void open(BUNDLED[name as BundledName].source());
    },
  );
  const target = choiceField(
    "Target",
    [],
    "",
    (name) => {
      settings.set({ target: name, columns: "" });
      showInputs();
    },
    "The column to predict.",
  );
  const inputs = h("div", { class: "list" });
  const inputsBox = h(
    "details",
    {},
    h("summary", {}, "Inputs"),
    h("fieldset", { "aria-label": "Input columns" }, inputs),
  );
  const rank = choiceField(
    "Directions (rank)",
    [["auto", "chosen by the data"], ...numbers(0, 6)],
    settings.values.rank,
    (value) => settings.set({ rank: value }),
  );
  const degree = choiceField(
    "Degree of the link",
    [["auto", "chosen by the data"], ...numbers(1, 8)],
    settings.values.degree,
    (value) => settings.set({ degree: value }),
  );
  const held = sliderField(
    "Rows held out",
    settings.values.held,
    { min: 0, max: 50, step: 5, show: (v) => `${v}\u202f%` },
    (value) => settings.set({ held: value }),
    "Kept away from the fit, to judge it by.",
  );
  const seed = sliderField("Seed", settings.values.seed, { min: 0, max: 50, step: 1 }, (value) =>
    settings.set({ seed: value }),
  );
  const start = button("Fit", () => void runFit(), "main");
  const cancel = button("Cancel", () => control.abort(new DOMException("Cancelled.", "AbortError")));
  cancel.hidden = true;
  start.disabled = true;
  const preview = h("div");
  const outcome = h("div");

  async function open(source: DataSource): Promise<void> {
    control.abort(new DOMException("Other data.", "AbortError"));
    control = new AbortController();
    const { signal } = control;
    start.disabled = true;
    info = undefined;
    replace(preview);
    replace(outcome);
    trace.clear();
    status.say("Opening…");
    try {
      info = await desk.run("open", source, { signal });
      const usable = info.columns.filter(({ numeric }) => numeric).map(({ name }) => name);
      if (usable.length < 2)
        throw new Error(
          `${info.name} has ${count(usable.length, "numeric column")}; a target and at least one input are needed.`,
        );
      const wanted = usable.includes(settings.values.target)
        ? settings.values.target
        : usable.includes("y")
          ? "y"
          : usable[usable.length - 1];
      target.offer(
        usable.map((name) => [name, name]),
        wanted,
      );
      showInputs();
      replace(preview, previewOf(info));
      start.disabled = false;
      const rows = info.rows === undefined ? "" : `${count(info.rows, "row")}, `;
      status.tell(`${info.name}: ${rows}${count(info.columns.length, "column")}. Ready to fit.`);
    } catch (error) {
      if (!isCancelled(error)) status.fail(messageOf(error));
    }
  }

  function showInputs(): void {
    if (info === undefined) return;
    const chosen = settings.values.columns === "" ? undefined : new Set(settings.values.columns.split(","));
    const names = info.columns.filter(({ numeric, name }) => numeric && name !== target.value).map(({ name }) => name);
    replace(
      inputs,
      names.map((name) => {
        const box = h("input", { type: "checkbox", value: name });
        box.checked = chosen === undefined || chosen.has(name);
        box.addEventListener("change", () => {
          const all = checked();
          settings.set({ columns: all.length === names.length ? "" : all.join(",") });
        });
        return h("label", { class: "check" }, box, name);
      }),
    );
    inputsBox.querySelector("summary")!.textContent = `Inputs (${names.length})`;
  }

  const checked = (): string[] =>
    [...inputs.querySelectorAll<HTMLInputElement>("input:checked")].map(({ value }) => value);

  async function runFit(): Promise<void> {
    const columns = checked();
    if (columns.length === 0) return status.fail("Choose at least one input.");
    control = new AbortController();
    const { signal } = control;
    start.disabled = true;
    cancel.hidden = false;
    replace(outcome);
    trace.clear();
    status.element.scrollIntoView({ block: "start" });
    const choice = (text: string): number | "auto" => (text === "auto" ? "auto" : Number(text));
    try {
      const found = await desk.run(
        "fit",
        {
          target: target.value,
          columns,
          rank: choice(settings.values.rank),
          degree: choice(settings.values.degree),
          seed: settings.values.seed,
          testFraction: settings.values.held / 100,
        },
        {
          signal,
          onNews: (news) => {
            trace.add(news);
            status.say(trace.words(news));
          },
        },
      );
      trace.end(found);
      show(found);
    } catch (error) {
      if (isCancelled(error)) status.tell("Cancelled; nothing was kept.");
      else status.fail(messageOf(error));
    } finally {
      start.disabled = info === undefined;
      cancel.hidden = true;
    }
  }

  function show(found: FitOutput): void {
    const { rank: r, dim, samples, elapsedMs } = found;
    status.tell(
      `Done in ${seconds(elapsedMs)}: ${count(r, "direction")} of ${count(dim, "input")}, from ${whole(samples)} rows.`,
    );
    const name = (info?.name ?? "data").replace(/\.[a-z0-9.]+$/i, "").replace(/[^\p{L}\p{N}_-]+/gu, "-");
    replace(
      outcome,
      results(found, target.value, [
        button("Download model (JSON)", () => download(`${name}-model.json`, found.model, "application/json")),
        button("Download report (HTML)", () => download(`${name}-report.html`, found.report, "text/html")),
      ]),
    );
  }

  stage.append(
    heading(
      "Fit your data",
      "Many numbers go in, one comes out, and often only ",
      h("em", {}, "a few weighted sums"),
      " of the inputs matter. leapflow finds these sums, and the curve or surface that leads from them to the answer. Give it a table and watch it look.",
    ),
    layout(
      [
        drop,
        data.element,
        target.element,
        inputsBox,
        rank.element,
        degree.element,
        held.element,
        seed.element,
        h("div", { class: "buttons" }, start, cancel),
      ],
      [status.element, trace.element, outcome, part("The data", preview)],
    ),
  );
  const name = Object.hasOwn(BUNDLED, settings.values.data) ? (settings.values.data as BundledName) : "concrete";
  void open(BUNDLED[name].source());
  return () => {
    control.abort(new DOMException("The view was left.", "AbortError"));
    trace.dispose();
    desk.dispose();
  };
}

function previewOf({ name, columns, head }: TableInfo): HTMLElement {
  const note = columns.some(({ numeric }) => !numeric) ? " Columns that are not numbers are left out." : "";
  return h(
    "div",
    {},
    table(
      `The first rows of ${name}.${note}`,
      columns.map((column) => column.name),
      head,
    ),
  );
}
