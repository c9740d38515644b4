/** A scaling study: times against the dimension, the measured law and the predicted one. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { ScalingStudy } from "../theory/index.js";
import { checkFigure, decades, drawFigure, type FigureOptions, powerOfTen, SERIES_COLORS } from "./figure.js";

/**
 * Median times of the last escape with their quartiles against the dimension, the fitted law and the predicted one; on logarithmic
 * axes for a power law, with linear times for a logarithm.
 *
 * @returns an SVG document, readable on light and dark paper
 * @throws {InputError} `TYPE`; `EMPTY` when no dimension has a time. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export async function scalingFigure(study: ScalingStudy, options: FigureOptions = {}): Promise<string> {
  const figure = checkFigure(options, "scalingFigure");
  if (typeof study !== "object" || study === null || !Array.isArray(study.times) || !Array.isArray(study.dims)) {
    throw new InputError("TYPE", `study is ${describe(study)}; expected the result of scalingStudy.`);
  }
  const points = study.dims.flatMap((dim, i) => {
    const time = study.times[i];
    const [low, high] = study.quartiles?.[i] ?? [time, time];
    return time === null ? [] : [{ dim, time, low: low ?? time, high: high ?? time }];
  });
  if (points.length === 0) throw new InputError("EMPTY", "study has no times: no trial escaped in any dimension.");
  const { exponent, interval, predicted, logSlope, prefactor } = study;
  const isPower = predicted > 0;
  const from = points[0].dim;
  const to = points[points.length - 1].dim;
  const ends = Array.from({ length: 61 }, (_, i) => from * (to / from) ** (i / 60));
  const middle = points[Math.floor((points.length - 1) / 2)];
  const fitted = (dim: number): number =>
    isPower
      ? middle.time * (dim / middle.dim) ** (exponent ?? 0)
      : middle.time + (logSlope ?? 0) * Math.log(dim / middle.dim);
  const theory = (dim: number): number => (prefactor ?? 1) * dim ** predicted;
  const [measuredColor, theoryColor] = SERIES_COLORS;
  const measured = isPower
    ? `measured: d^${(exponent ?? 0).toFixed(3)}${interval === null ? "" : `, 95 % ${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}`}`
    : `measured: ${(logSlope ?? 0).toFixed(3)} · log d (theory: log d)`;
  const showsLine = points.length > 1;
  return drawFigure((plot) => {
    const domain: [number, number] = [from / 1.5, to * 1.5];
    const times = points.flatMap(({ low, high, time }) => [low, high, time]).filter((time) => time > 0);
    const range: [number, number] = [Math.min(...times) / 2, Math.max(...times) * 2];
    const grid = { stroke: "currentColor", strokeOpacity: 0.12 };
    const y = isPower
      ? { type: "log" as const, domain: range, ticks: decades(...range, 8), tickFormat: powerOfTen }
      : { type: "linear" as const, nice: true, zero: true };
    const ticks = isPower ? { ticks: decades(...range, 8) } : {};
    return {
      title: `Time to learn against the dimension, ${study.flow} flow`,
      description: `Median escape times in ${points.length} dimensions from ${from} to ${to}; ${measured}; theory d^${predicted}.`,
      legend: [
        { label: "median of the trials that escape, with quartiles", color: measuredColor, shape: "dot" },
        ...(showsLine ? [{ label: measured, color: measuredColor }] : []),
        ...(isPower
          ? [{ label: `theory: d^${Number(predicted.toFixed(3))}`, color: theoryColor, shape: "dashes" as const }]
          : []),
      ],
      panels: [
        {
          height: 380,
          options: {
            x: {
              type: "log",
              domain,
              ticks: decades(...domain, 10),
              tickFormat: powerOfTen,
              label: "dimension d (inputs)",
            },
            y: { ...y, label: "time of the last escape (flow time)" },
            marginTop: 28,
            marginBottom: 40,
          },
          marks: [
            plot.gridY({ ...grid, ...ticks }),
            plot.gridX({ ...grid, ticks: decades(...domain, 10) }),
            ...(showsLine
              ? [plot.line(ends, { x: (d) => d, y: fitted, stroke: measuredColor, strokeWidth: 3, strokeOpacity: 0.6 })]
              : []),
            // On top, since the two should coincide.
            ...(isPower
              ? [
                  plot.line(ends, {
                    x: (d) => d,
                    y: theory,
                    stroke: theoryColor,
                    strokeWidth: 1.8,
                    strokeDasharray: "5 4",
                  }),
                ]
              : []),
            plot.ruleX(points, { x: "dim", y1: "low", y2: "high", stroke: measuredColor, strokeWidth: 1.5 }),
            plot.dot(points, { x: "dim", y: "time", fill: measuredColor, r: 4.5 }),
          ],
        },
      ],
    };
  }, figure);
}
