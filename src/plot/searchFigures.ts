/** Figures of the search: held-out error over ranks and degrees, loss and gradient on the way. */

import type { ScaleOptions } from "@observablehq/plot";
import type { TriedModel } from "../index.js";
import { decades, type LegendEntry, type Plot, powerOfTen, SERIES_COLORS } from "./figure.js";
import type { ReportData } from "./reportData.js";
import { draw, extentOf, GRID, HEIGHT, INK, panelOf, TRAIN_COLOR } from "./reportFigures.js";
import { type Drawing, html, number } from "./reportPage.js";

/** Steps of the path that are drawn. */
const MAX_STEPS = 400;
/** Held-out errors above this share of the variance are left out of the figures. */
const WORST_SHOWN = 1.3;

const FAMILY_NAMES: Readonly<Record<string, string>> = {
  hermite: "polynomial",
  kernel: "Gaussian process",
  "kernel gauss": "Gaussian process, Gauss kernel",
  "kernel matern52": "Gaussian process, Matérn kernel",
  relu: "ReLU features",
  custom: "given features",
};

/** What a family of links is called. */
export const familyName = (family: string): string =>
  Object.hasOwn(FAMILY_NAMES, family) ? FAMILY_NAMES[family] : family;

/** The held-out error over ranks: the best degree of each. */
export function rankFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const scores = scoresOf(data);
  if (new Set(scores.map(({ rank }) => rank)).size < 2) return undefined;
  const families = [...new Set(scores.map(({ family }) => family))];
  const best = families.flatMap((family) => bestByRank(scores.filter((score) => score.family === family)));
  const chosen = chosenScore(data, scores);
  const y = errorAxis(best);
  const colorOf = ({ family }: Scored): string => SERIES_COLORS[families.indexOf(family) % SERIES_COLORS.length];
  return draw(plot, {
    id: "ranks",
    title: "Held-out error by rank",
    description: best.map(({ rank, share }) => `rank ${rank}: ${number(share, 3)}`).join(", "),
    legend: [
      ...families.map((family, f) => ({
        label: familyName(family),
        color: SERIES_COLORS[f % SERIES_COLORS.length],
        shape: "dot" as const,
      })),
      ...(chosen === undefined ? [] : [{ label: "chosen", color: INK, shape: "ring" as const }]),
    ],
    panels: [
      panelOf(
        {
          x: { label: "rank (directions)", ticks: ranksOf(best), tickFormat: "d", inset: 12 },
          y: y.scale,
        },
        [
          plot.gridY({ ...GRID, ticks: y.ticks }),
          plot.dot(scores, { x: "rank", y: y.at, fill: colorOf, fillOpacity: 0.35, r: 2.5, clip: true }),
          ...families.map((family, f) =>
            plot.line(
              best.filter((score) => score.family === family),
              { x: "rank", y: y.at, stroke: SERIES_COLORS[f % SERIES_COLORS.length], strokeWidth: 2 },
            ),
          ),
          plot.dot(best, {
            x: "rank",
            y: y.at,
            fill: colorOf,
            r: 4,
          }),
          plot.dot(chosen === undefined ? [] : [chosen], { x: "rank", y: y.at, stroke: INK, strokeWidth: 2, r: 8 }),
        ],
      ),
    ],
    caption: html`Error on rows left out of the fit, as a share of the variance of the response, the line at the best setting of each rank, small dots at the others. A drop followed by a level line is a low-dimensional structure; a slope that never ends, an approximation.${
      isPreferred(chosen, scores) &&
      " A Gaussian process that predicts nearly as well as a polynomial of high degree may take its place, since it stays bounded outside these rows."
    }`,
  });
}

/** The held-out error over degrees, a line per rank. */
export function degreeFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const scores = scoresOf(data).filter((score): score is Scored & { degree: number } => score.degree !== null);
  const ranks = ranksOf(scores).filter((rank) => rank > 0);
  const shown = scores.filter(({ rank }) => ranks.slice(0, SERIES_COLORS.length).includes(rank));
  if (new Set(shown.map(({ degree }) => degree)).size < 2) return undefined;
  const chosen = chosenScore(data, shown);
  const y = errorAxis(shown);
  const colorOf = (rank: number): string => SERIES_COLORS[ranks.indexOf(rank) % SERIES_COLORS.length];
  // Three shapes beside six colors: neighboring lines differ in both.
  const symbolOf = (rank: number): "circle" | "square" | "triangle" =>
    (["circle", "square", "triangle"] as const)[ranks.indexOf(rank) % 3];
  return draw(plot, {
    id: "degrees",
    title: "Held-out error by degree",
    description: shown
      .map(({ rank, degree, share }) => `rank ${rank} degree ${degree}: ${number(share, 3)}`)
      .join(", "),
    legend: [
      ...ranks.slice(0, SERIES_COLORS.length).map((rank) => ({
        label: `rank ${rank}`,
        color: colorOf(rank),
        shape: symbolOf(rank) as LegendEntry["shape"],
      })),
      ...(chosen === undefined ? [] : [{ label: "chosen", color: INK, shape: "ring" as const }]),
    ],
    panels: [
      panelOf(
        {
          x: {
            label: "degree of the link",
            ticks: [...new Set(shown.map(({ degree }) => degree))],
            tickFormat: "d",
            inset: 8,
          },
          y: y.scale,
        },
        [
          plot.gridY({ ...GRID, ticks: y.ticks }),
          ...ranks.slice(0, SERIES_COLORS.length).flatMap((rank) => {
            const line = shown.filter((score) => score.rank === rank).sort((a, b) => a.degree - b.degree);
            return [
              plot.line(line, { x: "degree", y: y.at, stroke: colorOf(rank), strokeWidth: 1.8 }),
              plot.dot(line, { x: "degree", y: y.at, fill: colorOf(rank), symbol: symbolOf(rank), r: 4 }),
            ];
          }),
          plot.dot(chosen === undefined ? [] : [chosen], {
            x: "degree",
            y: y.at,
            stroke: INK,
            strokeWidth: 2,
            r: 8,
          }),
        ],
      ),
    ],
    caption: html`The same error for every degree tried, a line per rank. Where a line turns up, the polynomial has begun to follow the noise.`,
  });
}

interface Scored extends TriedModel {
  /** Score as a share of the variance of the response. */
  readonly share: number;
}

function scoresOf({ fit, variance }: ReportData): Scored[] {
  const scores = fit.diagnostics.selection.ranks
    .map((tried) => ({ ...tried, share: variance > 0 ? tried.score / variance : 0 }))
    .filter(({ share }) => Number.isFinite(share));
  // What explodes on new rows would leave no room for the others.
  const best = scores.reduce((least, { share }) => Math.min(least, share), Number.POSITIVE_INFINITY);
  return scores.filter(({ share }) => share <= Math.max(WORST_SHOWN, 2 * best));
}

const ranksOf = (scores: readonly TriedModel[]): number[] =>
  [...new Set(scores.map(({ rank }) => rank))].sort((a, b) => a - b);

const bestByRank = (scores: readonly Scored[]): Scored[] =>
  ranksOf(scores).map((rank) =>
    scores.filter((score) => score.rank === rank).reduce((a, b) => (b.share < a.share ? b : a)),
  );

/** The score of the model that the fit gave; of the kernels of its family, the better one. */
function chosenScore({ fit: { model } }: ReportData, scores: readonly Scored[]): Scored | undefined {
  const [chosen] = scores
    .filter(({ rank, degree }) => rank === model.rank && degree === model.degree)
    .filter(({ family }) => family.split(" ")[0] === model.link.family)
    .sort((a, b) => a.share - b.share);
  return chosen;
}

/** Whether the chosen process has another, polynomial, score below its own. */
function isPreferred(chosen: Scored | undefined, scores: readonly Scored[]): boolean {
  if (chosen?.family.split(" ")[0] !== "kernel") return false;
  return scores.some(({ family, share }) => family === "hermite" && share < chosen.share);
}

/** An axis of errors. */
interface ErrorAxis {
  readonly scale: ScaleOptions;
  readonly ticks?: number[];
  /** Place of an error on the scale. */
  readonly at: (scored: Scored) => number;
}

/**
 * A logarithmic axis when the errors differ much; else one that shows their differences rather than zero. Logarithms are taken here:
 * the logarithmic scale of the library leaves out the names of ticks such as 0.5.
 */
function errorAxis(scores: readonly Scored[]): ErrorAxis {
  const label = "held-out error / variance of y";
  const shares = scores.map(({ share }) => share);
  const [low, high] = extentOf(shares);
  if (!(low > 0 && high / low > 8))
    return { scale: { label, domain: extentOf(shares, 0.1), nice: true }, at: ({ share }) => share };
  const [from, to] = [low / 1.5, high * 1.6];
  const isWide = to / from > 1000;
  const ticks = decades(from / 10, to, isWide ? 6 : 5)
    .flatMap((power) => (isWide ? [power] : [power, 2 * power, 5 * power]))
    .filter((tick) => tick >= from && tick <= to)
    .map(Math.log10);
  const tickFormat = (place: number): string => (isWide ? powerOfTen(10 ** place) : number(10 ** place, 2));
  const domain = [Math.log10(from), Math.log10(to)];
  return { scale: { label, domain, ticks, tickFormat }, ticks, at: ({ share }) => Math.log10(share) };
}

/** Loss and gradient over the iterations of the run that gave the result. */
export function pathFigure(plot: Plot, data: ReportData): Drawing | undefined {
  const { fit } = data;
  const { loss, gradientNorm } = fit.history;
  if (loss.length < 2) return undefined;
  const every = Math.ceil(loss.length / MAX_STEPS);
  const steps = Array.from(loss, (value, t) => ({ t, loss: value, gradient: gradientNorm[t] })).filter(
    ({ t }) => t % every === 0 || t === loss.length - 1,
  );
  const norms = steps.filter(({ gradient }) => gradient > 0);
  const range = extentOf(norms.map(({ gradient }) => gradient));
  const domain: [number, number] = [range[0] / 2, range[1] * 2];
  const ticks = decades(...domain, 5);
  const height = (HEIGHT + 30) / 2;
  const x = { ticks: Math.min(8, loss.length - 1), tickFormat: "d" };
  return draw(plot, {
    id: "path",
    title: "Loss and gradient on the way",
    description: `Loss from ${number(loss[0], 3)} to ${number(loss[loss.length - 1], 3)} in ${loss.length - 1} iterations.`,
    legend: [],
    panels: [
      panelOf(
        {
          x: { ...x, label: null },
          y: { label: "loss (units of y²)", domain: lossRange(loss), ticks: 4 },
          marginBottom: 24,
        },
        [
          plot.gridY({ ...GRID, ticks: 4 }),
          plot.line(steps, { x: "t", y: "loss", stroke: TRAIN_COLOR, strokeWidth: 2 }),
          plot.dot(steps.length <= 40 ? steps : [], { x: "t", y: "loss", fill: TRAIN_COLOR, r: 3 }),
        ],
        height,
      ),
      ...(norms.length < 2
        ? []
        : [
            panelOf(
              {
                x: { ...x, label: "iteration" },
                y: {
                  label: "size of the gradient",
                  type: "log",
                  domain,
                  ...(ticks.length > 1 ? { ticks, tickFormat: powerOfTen } : { ticks: 3 }),
                },
              },
              [
                plot.gridY(GRID),
                plot.line(norms, { x: "t", y: "gradient", stroke: TRAIN_COLOR, strokeWidth: 2 }),
                plot.dot(norms.length <= 40 ? norms : [], { x: "t", y: "gradient", fill: TRAIN_COLOR, r: 3 }),
              ],
              height + 16,
            ),
          ]),
    ],
    caption: html`The loss that the search of the directions goes down, the link being refitted at every step. ${
      data.link.family !== "hermite" &&
      "It is that of the polynomial whose directions the final link began from and refined. "
    }${
      fit.diagnostics.selection.ranks.length > 0 &&
      "The run begins where the search over ranks and degrees ended, so that the loss may hardly move. "
    }A gradient that has fallen by many powers of ten is a minimum reached.`,
  });
}

/** A loss that hardly moves is drawn level, not with its last digits blown up. */
function lossRange(loss: Float64Array): [number, number] {
  const [low, high] = extentOf(loss, 0.06);
  const room = Math.max(0, 0.02 * Math.max(Math.abs(low), Math.abs(high)) - (high - low)) / 2;
  return [low - room, high + room];
}
