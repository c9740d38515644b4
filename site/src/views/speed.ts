/** Speed: WebAssembly against plain TypeScript on the visitor's own machine, with bars. */

import { Desk, isCancelled, messageOf } from "../jobs/desk.js";
import type { SpeedNews } from "../jobs/jobs.js";
import { Settings } from "../state.js";
import { h, replace } from "../ui/dom.js";
import { button } from "../ui/fields.js";
import { seconds } from "../ui/format.js";
import { heading, part, Status } from "../ui/page.js";

const DEFAULTS = { runs: 3 };

export function mount(stage: HTMLElement, given: URLSearchParams): () => void {
  const runs = Math.min(Math.max(Math.round(new Settings("speed", given, DEFAULTS).values.runs), 1), 20);
  const desk = new Desk();
  const status = new Status();
  let control = new AbortController();
  const bars = h("ol", { class: "bars" });
  const verdict = h("p", { class: "verdict" });
  const start = button("Measure", () => void run(), "main");
  const cancel = button("Cancel", () => control.abort(new DOMException("Cancelled.", "AbortError")));
  cancel.hidden = true;

  async function run(): Promise<void> {
    control = new AbortController();
    start.disabled = true;
    cancel.hidden = false;
    replace(bars);
    replace(verdict);
    const seen: SpeedNews[] = [];
    status.tell("Measuring; do nothing else for a few seconds…");
    try {
      await desk.run(
        "speed",
        { repetitions: runs },
        {
          signal: control.signal,
          onNews: (news) => {
            seen.push(news);
            bars.append(barsOf(news));
            status.say(`${news.done} of ${news.total} measured`);
          },
        },
      );
      replace(verdict, verdictOf(seen));
      status.tell("Done.");
    } catch (error) {
      if (isCancelled(error)) status.tell("Cancelled.");
      else status.fail(messageOf(error));
    } finally {
      start.disabled = false;
      cancel.hidden = true;
    }
  }

  stage.append(
    heading(
      "Speed",
      "Every inner loop of leapflow exists twice: in ",
      h("em", {}, "WebAssembly"),
      " with two numbers an instruction, and in plain TypeScript. Both give the same bits. How much does the first one gain on the machine in front of you?",
    ),
    h("div", { class: "buttons" }, start, cancel),
    status.element,
    bars,
    verdict,
    part(
      "What is measured",
      h(
        "p",
        {},
        `Whole calls of the library, not loops picked for the purpose. The two take turns, so that a busy moment hits both; a bar is the median of ${runs === 1 ? "one run" : `${runs} runs`} after one that warms up. Other programs and other pages make the numbers worse: close them and measure again.`,
      ),
      h(
        "p",
        {},
        "Both kernels add in the same order, so their results are compared bit by bit, too. Where a page may not run WebAssembly, the TypeScript kernel does the work alone, and says why.",
      ),
    ),
  );
  return () => {
    control.abort(new DOMException("The view was left.", "AbortError"));
    desk.dispose();
  };
}

function barsOf({ name, detail, wasmMs, referenceMs, sameBits }: SpeedNews): HTMLElement {
  const longest = Math.max(wasmMs, referenceMs);
  const bar = (label: string, ms: number, kind: string): HTMLElement => {
    const fill = h("span", { class: `fill ${kind}` });
    // Set by script: the page's policy allows no style attributes.
    fill.style.width = `${(100 * ms) / longest}%`;
    return h(
      "p",
      { class: "bar" },
      h("span", { class: "bar-name" }, label),
      h("span", { class: "track", "aria-hidden": "true" }, fill),
      h("span", { class: "bar-value" }, seconds(ms)),
    );
  };
  return h(
    "li",
    {},
    h("h2", {}, name, h("span", { class: "ratio" }, `${(referenceMs / wasmMs).toFixed(1)}×`)),
    h("p", { class: "hint" }, `${detail}; ${sameBits ? "same bits from both" : "the bits differ"}`),
    bar("WebAssembly", wasmMs, "first"),
    bar("TypeScript", referenceMs, "second"),
  );
}

function verdictOf(seen: readonly SpeedNews[]): string {
  const other = seen.find(({ kernel }) => kernel !== "WebAssembly");
  if (other !== undefined) return `WebAssembly did not run here: ${other.kernel}`;
  const ratios = seen.map(({ wasmMs, referenceMs }) => referenceMs / wasmMs);
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio) / ratios.length, 0));
  const bits = seen.every(({ sameBits }) => sameBits)
    ? "with the same bits every time"
    : "but not always with the same bits";
  return `On this machine WebAssembly is ${mean.toFixed(1)} times as fast as plain TypeScript (geometric mean), ${bits}.`;
}
