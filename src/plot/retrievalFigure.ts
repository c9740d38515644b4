/** A recovered picture beside the true one, over the errors of its retrieval. */
import { describe } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { checkFigure, decades, drawFigure, type FigureOptions, powerOfTen, SERIES_COLORS } from "./figure.js";

/** A picture as a data address (`data:image/png;base64,…`), with its size in pixels. */
export interface LabeledPicture {
  readonly label: string;
  readonly source: string;
  readonly width: number;
  readonly height: number;
}

/** What a retrieval's figure is drawn from. */
export interface RetrievalRecord {
  /** Side by side, from left to right. */
  readonly pictures: readonly LabeledPicture[];
  /** Relative errors over the iterations, one curve a band. */
  readonly errors: readonly { readonly label: string; readonly values: ArrayLike<number> }[];
}

const MARGIN = 64;
const LARGEST = 360;

/**
 * Pictures in a row, and below them the relative error against the iteration on a logarithmic axis.
 *
 * @returns an SVG document with the pictures inside, readable on light and dark paper
 * @throws {InputError} `TYPE`, `EMPTY`. @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 */
export async function retrievalFigure(record: RetrievalRecord, options: FigureOptions = {}): Promise<string> {
  const figure = checkFigure(options, "retrievalFigure");
  const { pictures, errors } = (record ?? {}) as Partial<RetrievalRecord>;
  if (!Array.isArray(pictures) || !Array.isArray(errors)) {
    throw new InputError("TYPE", `record is ${describe(record)}; expected { pictures, errors }.`);
  }
  const points = errors.flatMap(({ label, values }, b) =>
    Array.from(values as ArrayLike<number>, (value, t) => ({ label, value, t, b })).filter(({ value }) => value > 0),
  );
  if (pictures.length === 0 || points.length === 0) {
    throw new InputError("EMPTY", "a figure needs at least one picture and one positive error.");
  }
  const room = (figure.width - 2 * MARGIN) / pictures.length - 16;
  const largest = Math.max(...pictures.map(({ width }) => width));
  const scale = Math.min(room / largest, LARGEST / Math.max(...pictures.map(({ height }) => height)));
  const height = scale * Math.max(...pictures.map((picture) => picture.height));
  const all = points.map(({ value }) => value);
  const range: [number, number] = [Math.min(...all) / 2, Math.max(...all) * 2];
  const bands = errors.map(({ label }, b) => ({ label, color: SERIES_COLORS[b % SERIES_COLORS.length] }));
  return drawFigure(
    (plot) => ({
      title: "Phase retrieval",
      description: `${pictures.map(({ label }) => label).join(" and ")}; relative error from ${all[0].toPrecision(2)} to ${all[all.length - 1].toPrecision(2)}.`,
      legend: bands.length > 1 ? bands : [],
      panels: [
        {
          height: height + 40,
          options: {
            x: { axis: null, domain: [0, pictures.length] },
            y: { axis: null, domain: [0, 1] },
            marginTop: 24,
            marginBottom: 8,
          },
          marks: pictures.flatMap((picture, i) => [
            plot.image([picture], {
              x: () => i + 0.5,
              y: () => 0.5,
              src: "source",
              width: scale * picture.width,
              height: scale * picture.height,
              imageRendering: scale > 2 ? "pixelated" : "auto",
            }),
            plot.text([picture], { x: () => i + 0.5, text: "label", frameAnchor: "top", lineAnchor: "bottom", dy: -6 }),
          ]),
        },
        {
          height: 240,
          options: {
            x: { label: "iteration" },
            y: {
              type: "log",
              domain: range,
              ticks: decades(...range, 8),
              tickFormat: powerOfTen,
              label: "relative error up to a global phase",
            },
            marginTop: 28,
            marginBottom: 40,
          },
          marks: [
            plot.gridY({ stroke: "currentColor", strokeOpacity: 0.12, ticks: decades(...range, 8) }),
            ...bands.map(({ color }, b) =>
              plot.line(
                points.filter((point) => point.b === b),
                { x: "t", y: "value", stroke: color, strokeWidth: 2 },
              ),
            ),
          ],
        },
      ],
    }),
    figure,
  );
}
