/** A flow: its loss and singular values on a logarithmic time axis, escapes marked. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { Flow } from "../theory/index.js";
import { checkFigure, decades, drawFigure, type FigureOptions, powerOfTen, SERIES_COLORS } from "./figure.js";

/** What a flow's figure is drawn from; every `Flow` is one, and so is its JSON. */
export interface FlowRecord {
  readonly times: ArrayLike<number>;
  readonly loss: ArrayLike<number>;
  readonly singularValues: readonly ArrayLike<number>[];
  readonly escapes: Flow["escapes"];
}

/** Points per curve; more than pixels would only make the file larger. */
const MAX_POINTS = 700;
/** How far before the first escape the axis begins, as a factor. */
const LEAD = 300;

/**
 * Saddle to saddle: the population loss above, the singular values of the overlap below, against the logarithm of time; a line for
 * each escape says how many directions it learns at which leap exponent.
 *
 * @returns an SVG document, readable on light and dark paper
 * @throws {InputError} `TYPE`, `SHAPE`; `EMPTY` when no time is positive. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export async function flowFigure(flow: FlowRecord, options: FigureOptions = {}): Promise<string> {
  const figure = checkFigure(options, "flowFigure");
  const points = thinned(checkFlow(flow));
  const times = points.map(({ time }) => time);
  // A little room to the right: the last escape of a long flow is a vertical line.
  const domain: [number, number] = [times[0], times[times.length - 1] * (times[times.length - 1] / times[0]) ** 0.03];
  const count = flow.singularValues[0].length;
  const escapes = flow.escapes.filter(({ time }) => time >= domain[0] && time <= domain[1]);
  const colorOf = (k: number): string => SERIES_COLORS[k % SERIES_COLORS.length];
  return drawFigure((plot) => {
    const x = { type: "log" as const, domain, ticks: decades(...domain, 10), tickFormat: powerOfTen };
    const rules = plot.ruleX(escapes, {
      x: "time",
      stroke: "currentColor",
      strokeOpacity: 0.5,
      strokeDasharray: "3 3",
    });
    const rows = labelRows(escapes, domain);
    const labels = escapes.map((left, i) =>
      plot.text([left], {
        x: "time",
        text: [labelOf(left)],
        frameAnchor: "top",
        lineAnchor: "bottom",
        dy: -4 - LABEL_HEIGHT * rows[i],
        // Near an end a centered label would leave the figure.
        textAnchor: placeOf(left.time, domain) > 0.93 ? "end" : placeOf(left.time, domain) < 0.04 ? "start" : "middle",
      }),
    );
    const grid = { stroke: "currentColor", strokeOpacity: 0.12 };
    return {
      title: "Gradient flow, saddle to saddle",
      description: `Loss and ${count} singular values of the overlap over time ${domain[0]} to ${domain[1]}, with ${escapes.length} escapes.`,
      legend: [
        { label: "population loss", color: "currentColor" },
        ...Array.from({ length: count }, (_, k) => ({
          label: `σ${subscript(k + 1)} of the overlap`,
          color: colorOf(k),
        })),
        ...(escapes.length > 0
          ? [{ label: "escape at leap exponent s (× directions)", color: "currentColor", shape: "dashes" as const }]
          : []),
      ],
      panels: [
        {
          height: 220 + LABEL_HEIGHT * Math.max(0, ...rows),
          options: {
            x: { ...x, label: null },
            y: { label: "population loss L (units of y²)", zero: true, nice: true },
            marginTop: 30 + LABEL_HEIGHT * Math.max(0, ...rows),
          },
          marks: [
            plot.gridY(grid),
            rules,
            ...labels,
            plot.line(points, { x: "time", y: "loss", stroke: "currentColor", strokeWidth: 1.8 }),
            plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
          ],
        },
        {
          height: 250,
          options: {
            x: { ...x, label: "flow time t (of Ẇ = −∇L, logarithmic)" },
            y: { label: "singular values of M = WᵀW⋆ (cosines)", domain: [0, 1] },
            marginBottom: 40,
            marginTop: 26,
          },
          marks: [
            plot.gridY(grid),
            rules,
            ...Array.from({ length: count }, (_, k) =>
              plot.line(points, { x: "time", y: (point) => point.values[k], stroke: colorOf(k), strokeWidth: 2 }),
            ),
            plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
          ],
        },
      ],
    };
  }, figure);
}

interface Point {
  readonly time: number;
  readonly loss: number;
  readonly values: ArrayLike<number>;
}

function checkFlow(flow: FlowRecord): Point[] {
  const { times, loss, singularValues, escapes } = (flow ?? {}) as Partial<FlowRecord>;
  if (times === undefined || loss === undefined || !Array.isArray(singularValues) || !Array.isArray(escapes)) {
    throw new InputError("TYPE", `flow is ${describe(flow)}; expected the result of populationFlow or plantedFlow.`);
  }
  if (loss.length !== times.length || singularValues.length !== times.length) {
    throw new InputError(
      "SHAPE",
      `flow has ${times.length} times, ${loss.length} losses and ${singularValues.length} rows of singular values.`,
    );
  }
  const points = singularValues.map((values, i): Point => ({ time: times[i], loss: loss[i], values }));
  const positive = points.filter(({ time }) => time > 0);
  if (positive.length < 2) {
    throw new InputError("EMPTY", `flow has ${positive.length} positive times; a figure needs two at least.`);
  }
  const from = (escapes[0]?.time ?? positive[positive.length - 1].time) / LEAD;
  const lead = points.findIndex(({ time }) => time > from);
  // Long before the first escape the flow rests at its saddle: the state it had last is the one at the axis' begin.
  return lead > 0 ? [{ ...points[lead - 1], time: from }, ...points.slice(lead)] : positive;
}

/** At most one point per step of the logarithmic axis; the last one always. */
function thinned(points: readonly Point[]): Point[] {
  const step = Math.log(points[points.length - 1].time / points[0].time) / MAX_POINTS;
  let last = Number.NEGATIVE_INFINITY;
  return points.filter(({ time }, i) => {
    const at = Math.log(time);
    if (i < points.length - 1 && at - last < step) return false;
    last = at;
    return true;
  });
}

/** Height of one row of labels. */
const LABEL_HEIGHT = 12;
/** Part of the axis that a label needs for itself. */
const LABEL_WIDTH = 0.06;

const labelOf = ({ count, predictedExponent }: Flow["escapes"][number]): string =>
  `s = ${predictedExponent}${count > 1 ? ` × ${count}` : ""}`;

/** Place on the logarithmic axis, 0 to 1. */
const placeOf = (time: number, [from, to]: readonly [number, number]): number =>
  Math.log(time / from) / Math.log(to / from);

/** Row of each label, 0 the lowest, so that neighbors do not overlap; at most three rows. */
function labelRows(escapes: Flow["escapes"], domain: readonly [number, number]): number[] {
  const ends: number[] = [];
  return escapes.map(({ time }) => {
    const place = placeOf(time, domain);
    let row = ends.findIndex((end) => place - end >= LABEL_WIDTH);
    if (row < 0) row = ends.length < 3 ? ends.length : ends.indexOf(Math.min(...ends));
    ends[row] = place;
    return row;
  });
}

const subscript = (n: number): string => String(n).replace(/\d/g, (c) => "₀₁₂₃₄₅₆₇₈₉"[Number(c)]);
