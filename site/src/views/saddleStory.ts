/** A flow told in sentences, one for each wait. */

import type { SaddleOutput } from "../jobs/jobs.js";
import { h } from "../ui/dom.js";
import { number, superscript, whole } from "../ui/format.js";

const SHAPES = ["", "a straight line", "a parabola", "a cubic"];

/** How a wait grows with the dimension. */
export const exponentWords = (exponent: number): string =>
  exponent === 1 ? "log d" : exponent === 2 ? "d" : `d${superscript(exponent - 1)}`;

/** One item a wait, and one for the end. */
export function story({ plateaus, loss }: SaddleOutput, dim: number): HTMLElement[] {
  let learnt = 0;
  const items = plateaus.map(({ level, exponent, count, escapeTime }, k) => {
    const known =
      learnt === 0
        ? "Nothing is known yet"
        : learnt === 1
          ? "One direction is known"
          : `${learnt} directions are known`;
    learnt += count;
    const shape = SHAPES[exponent] ?? `a polynomial of degree ${exponent}`;
    const next =
      count === 1
        ? `The next direction shows as ${shape} (leap exponent ${exponent})`
        : `The next ${count} directions only show together, at degree ${exponent}`;
    const wait =
      exponent === 1
        ? "so it is felt almost at once: the wait is only log d long"
        : `so the wait is about ${exponentWords(exponent)} long: ${number(dim ** (exponent - 1))} for d = ${whole(dim)}, times a constant`;
    const end =
      escapeTime === undefined ? "It is not left within this run." : `It leaps at time ${number(escapeTime)}.`;
    return h("li", {}, h("b", {}, `Saddle ${k + 1}, loss ${number(level)}.`), ` ${known}. ${next}, ${wait}. ${end}`);
  });
  const last = loss[loss.length - 1];
  const end =
    last < 1e-6 * (loss[0] || 1)
      ? "Every hidden direction is found, and the loss is 0."
      : `The loss ends at ${number(last)}.`;
  return [...items, h("li", {}, h("b", {}, "Learnt. "), end)];
}
