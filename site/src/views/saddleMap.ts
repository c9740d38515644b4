/** The landscape of a link of two directions from above, with the way that the flow takes through it. */

import type { SaddleOutput } from "../jobs/jobs.js";
import { h, s } from "../ui/dom.js";

const SIZE = 300;
const STEPS = 14;

/** Loss over the agreement with the first and with the second direction; dark is high. */
export class SaddleMap {
  readonly element: HTMLElement;
  readonly #canvas = h("canvas", { width: SIZE, height: SIZE, "aria-hidden": "true" });
  readonly #path = s("path", { class: "trail" });
  readonly #marble = s("circle", { r: 6.5, class: "marble" });

  constructor() {
    const label = (x: number, y: number, anchor: string, ...lines: string[]): SVGElement =>
      s(
        "text",
        { x, y, "text-anchor": anchor, class: "place" },
        lines.map((line, k) => s("tspan", { x, dy: k === 0 ? 0 : 15 }, line)),
      );
    const overlay = s(
      "svg",
      {
        viewBox: `-34 -16 ${SIZE + 48} ${SIZE + 50}`,
        role: "img",
        "aria-label":
          "Map of the loss over the agreement with the first and the second direction. The path runs from the corner where nothing is known along the lower edge to the pass where the first direction is known, turns there, and runs down to the goal.",
      },
      s("rect", { x: 0, y: 0, width: SIZE, height: SIZE, class: "frame" }),
      this.#path,
      s("circle", { cx: 0, cy: SIZE, r: 4, class: "pass" }),
      s("circle", { cx: SIZE, cy: SIZE, r: 4, class: "pass" }),
      s("circle", { cx: SIZE, cy: 0, r: 4, class: "pass" }),
      label(9, SIZE - 38, "start", "first saddle:", "nothing known"),
      label(SIZE - 9, SIZE - 38, "end", "second saddle:", "one direction known"),
      label(SIZE - 9, 18, "end", "goal: both known"),
      this.#marble,
      s(
        "text",
        { x: SIZE / 2, y: SIZE + 24, "text-anchor": "middle", class: "axis-name" },
        "agreement with the first direction →",
      ),
      s(
        "text",
        { x: -SIZE / 2, y: -14, "text-anchor": "middle", transform: "rotate(-90)", class: "axis-name" },
        "agreement with the second →",
      ),
    );
    this.element = h(
      "section",
      { class: "part map", hidden: true },
      h("h2", {}, "Seen from above"),
      h(
        "div",
        { class: "map-row" },
        h("div", { class: "map-picture" }, this.#canvas, overlay),
        h(
          "p",
          {},
          "The same run as a walk through the landscape; dark is high. A saddle falls off to one side only, so the walker creeps past it along the edge until the slope takes over. On the way it never comes near the straight line from start to goal.",
        ),
      ),
    );
  }

  /** Draws the landscape of a flow; hides where there is none in two directions. */
  prepare({ map, cosines }: SaddleOutput): void {
    this.element.hidden = map === undefined;
    if (map === undefined || cosines.length < 2) return;
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(SIZE, SIZE);
    const highest = map.loss.reduce((a, b) => Math.max(a, b), 0) || 1;
    for (let py = 0; py < SIZE; py++) {
      for (let px = 0; px < SIZE; px++) {
        const level = Math.floor((STEPS * at(map, px / (SIZE - 1), 1 - py / (SIZE - 1))) / highest) / STEPS;
        const k = 4 * (py * SIZE + px);
        image.data.set([38, 98, 150, Math.round(255 * (0.04 + 0.62 * level))], k);
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** The way up to a place of the flow. */
  show({ map, cosines }: SaddleOutput, to: number): void {
    if (map === undefined || cosines.length < 2) return;
    const [first, second] = cosines;
    const place = (i: number): string => `${(SIZE * first[i]).toFixed(1)} ${(SIZE * (1 - second[i])).toFixed(1)}`;
    this.#path.setAttribute("d", `M${Array.from({ length: to + 1 }, (_, i) => place(i)).join("L")}`);
    this.#marble.setAttribute("cx", String(SIZE * first[to]));
    this.#marble.setAttribute("cy", String(SIZE * (1 - second[to])));
  }
}

/** Between grid points by the straight line. */
function at({ size, loss }: NonNullable<SaddleOutput["map"]>, x: number, y: number): number {
  const [fx, fy] = [x * (size - 1), y * (size - 1)];
  const [ix, iy] = [Math.min(Math.floor(fx), size - 2), Math.min(Math.floor(fy), size - 2)];
  const [u, v] = [fx - ix, fy - iy];
  const value = (row: number, column: number): number => loss[row * size + column];
  return (
    (1 - v) * ((1 - u) * value(iy, ix) + u * value(iy, ix + 1)) +
    v * ((1 - u) * value(iy + 1, ix) + u * value(iy + 1, ix + 1))
  );
}
