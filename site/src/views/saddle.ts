/** Saddle to saddle: a flow waiting at plateau after plateau, told in words as it goes; frozen and learnt links side by side. */

import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { SaddleOutput } from "../jobs/jobs.js";
import { Settings } from "../state.js";
import { Chart } from "../ui/chart.js";
import { colorOf, dashOf } from "../ui/colors.js";
import { h, replace } from "../ui/dom.js";
import { chips, sliderField, textField } from "../ui/fields.js";
import { number, whole } from "../ui/format.js";
import { formula, frac, row, sub, sup, under } from "../ui/math.js";
import { heading, layout, legend, part, Status, table } from "../ui/page.js";
import { Replay } from "../ui/replay.js";
import { SaddleMap } from "./saddleMap.js";
import { exponentWords, story } from "./saddleStory.js";
import { TrapStage } from "./traps.js";

const EXAMPLES = [
  { name: "two steps", link: "z1 + h3(z2)", title: "a straight line, then a cubic" },
  {
    name: "three steps",
    link: "z1 + 0.8*h2(z2) + 0.7*h3(z3)",
    title: "degrees 1, 2 and 3: one wait longer than the other",
  },
  { name: "staircase", link: "z1 + z1*z2 + z1*z2*z3", title: "each direction makes the next one easy" },
  { name: "all at once", link: "z1*z2*z3", title: "three directions that only show together" },
  { name: "one hard direction", link: "h2(z1) + 0.5*h3(z1)", title: "a frozen link traps half of the starts" },
  { name: "no polynomial", link: "tanh(2*z1) + h2(z2)", title: "any smooth function will do" },
] as const;

/** Part of the axis that is left free after the last leap. */
const ROOM = 0.07;

const DEFAULTS = { link: EXAMPLES[0].link as string, dim: 1000, seed: 1 };

export function mount(stage: HTMLElement, given: URLSearchParams): () => void {
  const settings = new Settings("saddle", given, DEFAULTS);
  const desk = new Desk();
  const status = new Status();
  let control = new AbortController();
  let found: SaddleOutput | undefined;

  const change = (changes: Partial<typeof DEFAULTS>): void => {
    settings.set(changes);
    void run();
  };
  const link = textField(
    "Link f, in z1, z2, …",
    settings.values.link,
    (text) => change({ link: text }),
    "Numbers, + − * / ^, sin, cos, exp, tanh, relu, abs; h2 is the Hermite polynomial of degree 2, and so on.",
  );
  const dim = sliderField(
    "Dimension d",
    settings.values.dim,
    { min: 10, max: 1e6, step: 0.05, log: true, whole: true, show: whole },
    (value) => change({ dim: value }),
    "How many inputs the hidden directions are hidden in.",
  );
  const seed = sliderField("Seed of the random start", settings.values.seed, { min: 0, max: 50, step: 1 }, (value) =>
    change({ seed: value }),
  );
  const examples = chips(
    "Examples of links",
    EXAMPLES.map(({ name, link: text, title }) => ({
      name,
      title,
      pick: () => {
        link.value = text;
        change({ link: text });
      },
    })),
  );

  const lossChart = new Chart({
    label: "Loss over time on a logarithmic axis",
    height: 250,
    x: { label: "", log: true },
    y: { label: "loss: how wrong the learner is", domain: [0, undefined] },
  });
  const valueChart = new Chart({
    label: "Singular values of the overlap over time",
    height: 210,
    x: { label: "time (logarithmic)", log: true },
    y: { label: "agreement with the hidden directions", domain: [0, 1] },
  });
  const names = h("div");
  const tale = h("ol", { class: "story" });
  const map = new SaddleMap();
  const numbers = h("div");
  const traps = new TrapStage(desk);

  const replay = new Replay("Time", (share) => {
    if (found === undefined) return;
    const at = draw(found, share, lossChart, valueChart);
    map.show(found, at);
    const now = found.plateaus.findIndex(({ escapeTime }) => escapeTime === undefined || found!.times[at] < escapeTime);
    [...tale.children].forEach((item, k) => {
      item.className =
        k === (now < 0 ? tale.children.length - 1 : now) ? "now" : k < now || now < 0 ? "past" : "future";
    });
  });

  async function run(): Promise<void> {
    control.abort(new DOMException("A newer question.", "AbortError"));
    control = new AbortController();
    const { signal } = control;
    const { values } = settings;
    link.complain(undefined);
    status.say("Computing the flow…");
    traps.ask(values);
    try {
      const output = await desk.run("saddle", values, { signal });
      found = output;
      replace(names, legend(curveNames(output)));
      replace(tale, ...story(output, values.dim));
      replace(numbers, plateauTable(output, values.dim));
      map.prepare(output);
      describe(output, lossChart, valueChart);
      status.tell(summary(output, values.dim));
      replay.restart();
    } catch (error) {
      if (isCancelled(error)) return;
      link.complain(messageOf(error));
      status.fail("The flow could not be computed.");
    }
  }

  stage.append(
    heading(
      "Saddle to saddle",
      "A model that learns by rolling downhill does not get better little by little. It ",
      h("em", {}, "waits"),
      ", then ",
      h("em", {}, "leaps"),
      ", then waits again. Every wait is a ",
      h("strong", {}, "saddle"),
      ": a place like a mountain pass, where the ground is flat and the way down can hardly be felt. Going from one such place to the next until everything is learnt is what is called a saddle-to-saddle dynamic.",
    ),
    layout(
      [link.element, examples, dim.element, seed.element],
      [
        replay.element,
        names,
        lossChart.element,
        valueChart.element,
        status.element,
        whySection(),
        part("What happened here, step by step", tale),
        map.element,
        traps.element,
        part("The law of the waits", law(), numbers),
      ],
    ),
  );
  void run();
  return () => {
    control.abort(new DOMException("The view was left.", "AbortError"));
    replay.dispose();
    traps.dispose();
    lossChart.dispose();
    valueChart.dispose();
    desk.dispose();
  };
}

/** Draws the flow up to a share of its logarithmic time; gives back how far that is. */
function draw(found: SaddleOutput, share: number, lossChart: Chart, valueChart: Chart): number {
  const { times, loss, singularValues, plateaus } = found;
  const [from, to] = [Math.log(times[0]), Math.log(times[times.length - 1])];
  const now = Math.exp(from + share * (to - from));
  let at = times.findIndex((t) => t > now) - 1;
  if (at < 0) at = share >= 1 ? times.length - 1 : 0;
  const domain = [times[0], times[times.length - 1] * (times[times.length - 1] / times[0]) ** ROOM] as const;
  const last = times.length - 1;
  const curve = (values: Float64Array, upTo: number): [number, number][] => [
    ...Array.from({ length: upTo + 1 }, (_, i): [number, number] => [times[i], values[i]]),
    ...(upTo === last ? [[domain[1], values[last]] as [number, number]] : []),
  ];
  const ends = plateaus.map(({ escapeTime }) => escapeTime ?? domain[1]);
  const bands = [...ends, domain[1]].map((to, k) => ({
    from: k === 0 ? domain[0] : ends[k - 1],
    to,
    label: k < ends.length ? `saddle ${k + 1}: wait` : "learnt",
    tint: k % 2,
  }));
  const rules = plateaus
    .filter(({ escapeTime }) => escapeTime !== undefined && escapeTime <= now)
    .map(({ escapeTime }, k) => ({ x: escapeTime, label: `leap ${k + 1}` }));
  // Faint curves over the whole time keep the axes where they are.
  const marble = { points: [[at === last ? domain[1] : times[at], loss[at]] as const], color: colorOf(1), radius: 6.5 };
  lossChart.draw({
    bands,
    rules,
    lines: [
      { points: curve(loss, last), color: "currentColor", width: 1, opacity: 0.16 },
      { points: curve(loss, at), color: "currentColor", width: 2.4 },
    ],
    dots: [marble],
  });
  valueChart.draw({
    bands: bands.map(({ label: _, ...band }) => band),
    rules: rules.map(({ x }) => ({ x })),
    lines: singularValues.flatMap((values, k) => [
      { points: curve(values, last), color: colorOf(k), width: 1, opacity: 0.16 },
      { points: curve(values, at), color: colorOf(k), dash: dashOf(k), width: 2.4 },
    ]),
  });
  return at;
}

const curveNames = ({ singularValues }: SaddleOutput) => [
  { name: "loss", color: "currentColor" },
  ...singularValues.map((_, k) => ({
    name: singularValues.length === 1 ? "agreement (a cosine)" : `agreement ${k + 1}`,
    color: colorOf(k),
    dash: dashOf(k),
  })),
];

function summary({ plateaus, stop }: SaddleOutput, dim: number): string {
  const waits = plateaus.filter(({ escapeTime }) => escapeTime !== undefined).length;
  const words =
    ["no wait", "one wait", "two waits", "three waits", "four waits", "five waits"][waits] ?? `${waits} waits`;
  const longest = Math.max(...plateaus.map(({ escapeTime }) => escapeTime ?? 0));
  const end = stop === "converged" ? "everything is learnt" : `the flow stopped: ${stop}`;
  return `In ${whole(dim)} dimensions: ${words}, the last one ending at time ${number(longest)}; then ${end}.`;
}

function describe(found: SaddleOutput, lossChart: Chart, valueChart: Chart): void {
  const { loss, plateaus } = found;
  const levels = plateaus.map(({ level }) => number(level)).join(", then ");
  lossChart.describe(
    `A staircase going down: the loss rests at ${levels}, and ends at ${number(loss[loss.length - 1])}.`,
  );
  const leaps = plateaus.map(({ escapeTime }) =>
    escapeTime === undefined ? "never" : `at time ${number(escapeTime)}`,
  );
  valueChart.describe(`Each rises from near 0 to 1 in one leap: ${leaps.join(", ")}.`);
}

function plateauTable({ plateaus }: SaddleOutput, dim: number): HTMLElement {
  return table(
    `Waits in ${whole(dim)} dimensions`,
    [
      "wait",
      "loss there",
      "directions learnt at its end",
      "leap exponent s",
      "grows like",
      "predicted end",
      "measured end",
    ],
    plateaus.map(({ level, count, exponent, predictedTime, escapeTime }, k) => [
      String(k + 1),
      number(level),
      String(count),
      String(exponent),
      exponentWords(exponent),
      number(predictedTime),
      escapeTime === undefined ? "never" : number(escapeTime),
    ]),
  );
}

function law(): HTMLElement {
  return h(
    "div",
    { class: "prose" },
    h(
      "p",
      {},
      "The learner turns its directions ",
      formula("inline", row("W")),
      " downhill on the loss that is left when the link is fitted as well as it can be:",
    ),
    formula("block", row("Ẇ = −∇L(W)")),
    formula("block", row("L(W) ="), under("min", "f"), row("½ E (y − f("), sup("W", "⊤"), row("x)"), sup(")", "2")),
    h(
      "p",
      {},
      "A hidden direction shows first at some degree s of the link: s = 1 is a straight line, 2 a parabola, 3 a cubic. At a random start in d dimensions the agreement is about ",
      formula("inline", frac("1", row("√d"))),
      ", and its pull is the power s − 1 of that. So the wait is known before anything is run:",
    ),
    formula("block", sub("t", "s"), row("≈"), frac(sup("d", row("s − 1")), row("2s(s − 1)", sup(sub("α", "s"), "2")))),
    h(
      "p",
      {},
      "and only log d for s = 1. Move the dimension above: waits of s = 1 hardly change, those of s = 3 grow a hundredfold with every tenfold d.",
    ),
  );
}

function whySection(): HTMLElement {
  return part(
    "In one minute",
    h(
      "dl",
      { class: "minute" },
      h("dt", {}, "The task"),
      h(
        "dd",
        {},
        "A number y depends on many inputs, but only through a few hidden directions. The learner owns directions of its own and turns them until they match.",
      ),
      h("dt", {}, "Why it waits"),
      h(
        "dd",
        {},
        "Random directions in many dimensions are almost at right angles to the hidden ones. There the loss is flat: the learner is on a saddle, and the slope that leads away is nearly nothing.",
      ),
      h("dt", {}, "Why it leaps"),
      h(
        "dd",
        {},
        "The little agreement there is makes itself grow, and the more there is the faster. For a long time that is too little to see; then, within a moment, the direction is learnt and the loss falls.",
      ),
      h("dt", {}, "Why there are several"),
      h(
        "dd",
        {},
        "What was learnt brings the learner to the next saddle, where the next hidden direction is still out of sight. One wait for each step of the staircase.",
      ),
    ),
  );
}
