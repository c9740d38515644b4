/** Study: where the two-stage algorithm recovers a signal, over rows per input and noise. */
import { simulateSingleIndex } from "../index.js";
import type { ChartPoint, Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { channelInformation, dmft, spectralTransition } from "../theory/index.js";
import { compared, type Outcome, ofKind, type Study, sized } from "./study.js";

type CellOptions = {
  readonly ratio: number;
  readonly noise: number;
  readonly dim: number;
  readonly trials: number;
  readonly steps: number;
  /** Of the mean-field equations. */
  readonly paths: number;
};
interface Cell {
  /** |cosine| after the last step: mean over the trials with its standard error, and predicted. */
  readonly cosine: number;
  readonly error: number;
  readonly predicted: number;
}

const SUCCESS = 0.8;
const PREPROCESS = "optimal(10)";
const RIDGE = 0.01;

const channelOf = (noiseStd: number) => ({ link: "square" as const, noiseStd });
/** Safe for every spectrum of Gaussian rows, [SI §a]. */
const stepOf = (ratio: number): number => Math.min(0.5, 1.6 / (1.25 * (1 + 1 / Math.sqrt(ratio)) ** 2 + RIDGE));

export const phaseDiagram: Study = {
  name: "phase-diagram",
  title: "Phase diagram: when spectral start and descent find the signal",
  question:
    "Phase retrieval from n noisy rows of d inputs: below a number of rows per input δ the spectral start sees nothing, above it gradient descent goes on to the signal. Where is the border, and does the theory of infinite d draw it right?",

  jobs(scale, seed) {
    const ratios = sized(scale, [0.4, 4], [0.4, 0.7, 1, 1.5, 2, 3, 5], [0.4, 0.6, 0.8, 1, 1.3, 1.6, 2, 2.5, 3, 4, 5.5]);
    const noises = sized(scale, [0.1], [0.05, 0.4, 1], [0.05, 0.2, 0.4, 0.6, 0.8, 1]);
    const dim = sized(scale, 80, 150, 250);
    const trials = sized(scale, 6, 8, 10);
    return [
      ...noises.map((noise) => ({ kind: "threshold", seed, options: { noise } })),
      ...noises.flatMap((noise, i) =>
        ratios.map((ratio, j) => ({
          kind: "cell",
          seed: seed + 100 * i + j,
          options: {
            ratio,
            noise,
            dim,
            trials,
            steps: sized(scale, 20, 30, 45),
            paths: sized(scale, 2048, 2048, 8192),
          },
        })),
      ),
    ];
  },

  async run({ kind, seed, options }, { signal }) {
    const stop = signal ? { signal } : {};
    if (kind === "threshold") {
      const { spectralThreshold } = await channelInformation({ channel: channelOf(options.noise as number) });
      return { spectralThreshold };
    }
    const { ratio, noise, dim, trials, steps, paths } = options as CellOptions;
    const shared = {
      channel: channelOf(noise),
      ratio,
      ridge: RIDGE,
      stepSize: stepOf(ratio),
      steps,
      preprocess: PREPROCESS,
      seed,
    };
    const { aboveThreshold } = await spectralTransition({ channel: channelOf(noise), preprocess: PREPROCESS, ratio });
    // A start without overlap keeps none in the limit of large d.
    const predicted = aboveThreshold
      ? (await dmft({ ...shared, start: "spectral", paths, replicates: 2, ...stop })).cosine[steps]
      : 0;
    const { cosine, standardErrors } = await simulateSingleIndex({
      ...shared,
      start: "spectral",
      dim,
      trials,
      ...stop,
    });
    return { cosine: cosine[steps], error: standardErrors.cosine[steps], predicted };
  },

  report(outcomes) {
    const cells = ofKind<CellOptions, Cell>(outcomes, "cell");
    const thresholds = ofKind<{ readonly noise: number }, { readonly spectralThreshold: number }>(
      outcomes,
      "threshold",
    );
    const borders = thresholds.map(({ options: { noise } }) => {
      const row = cells
        .filter(({ options }) => options.noise === noise)
        .sort((a, b) => a.options.ratio - b.options.ratio);
      const at = (of: (cell: Cell) => number) =>
        crossing(row.map(({ options, result }) => [options.ratio, of(result)]));
      return {
        noise,
        predicted: at(({ predicted }) => predicted),
        measured: at(({ cosine }) => cosine),
        low: at(({ cosine, error }) => cosine + 2 * error),
        high: at(({ cosine, error }) => cosine - 2 * error),
      };
    });
    const { dim, trials } = cells[0].options;
    const findings: Finding[] = borders.flatMap(({ noise, predicted, measured, low, high }) =>
      predicted === undefined
        ? []
        : [
            compared({
              statement: `noise ${noise}: rows per input at which the mean cosine passes ${SUCCESS}`,
              source: "Chen and Shen, precise asymptotics; [SI §b–§d]",
              predicted,
              measured: measured ?? null,
              interval: low === undefined || high === undefined ? null : [low, high],
              slack: 0.15,
              note: `simulated at d = ${dim}; 15 % for the finite dimension and the interpolation in δ`,
              figure: "phase-diagram",
            }),
          ],
    );
    return {
      seen: [
        "Dark is failure, bright is success. The border of the simulation follows the line of theory over the whole range of noise, blurred by the finite dimension: near the threshold a run at a few hundred inputs may find the signal or may not.",
        "The border lies well above the threshold of weak recovery: to see the signal at all takes fewer rows than to reach a cosine of 0.8.",
      ],
      findings,
      figures: [mapFigure(cells, thresholds, borders), cutFigure(cells)],
      tables: [cellTable(cells, trials)],
    };
  },
};

/** δ at which a curve passes the level of success, by linear interpolation; undefined when it does not. */
function crossing(curve: readonly (readonly [number, number])[]): number | undefined {
  for (let i = 1; i < curve.length; i++) {
    const [[x0, y0], [x1, y1]] = [curve[i - 1], curve[i]];
    if (y0 < SUCCESS && y1 >= SUCCESS) return x0 + ((SUCCESS - y0) / (y1 - y0)) * (x1 - x0);
  }
  return undefined;
}

function mapFigure(
  cells: readonly Outcome<CellOptions, Cell>[],
  thresholds: readonly Outcome<{ readonly noise: number }, { readonly spectralThreshold: number }>[],
  borders: readonly { readonly noise: number; readonly predicted?: number; readonly measured?: number }[],
): StudyFigure {
  const dots = (key: "predicted" | "measured"): ChartPoint[] =>
    borders.flatMap(({ noise, [key]: x }) => (x === undefined ? [] : [{ x, y: noise }]));
  return {
    name: "phase-diagram",
    chart: {
      title: "Mean cosine with the signal after spectral start and descent",
      description:
        "Heat map over rows per input and noise, with the border of theory, that of the simulation and the weak threshold.",
      panels: [
        {
          x: { label: "rows per input δ = n/d", log: true },
          y: { label: "standard deviation of the noise" },
          cells: {
            label: "mean cosine",
            domain: [0, 1],
            cells: cells.map(({ options, result }) => ({ x: options.ratio, y: options.noise, value: result.cosine })),
          },
          series: [
            { label: `theory: cosine ${SUCCESS}`, kind: "line", color: 1, points: dots("predicted") },
            { label: `simulation: cosine ${SUCCESS}`, color: 5, points: dots("measured") },
            {
              label: "theory: weak recovery",
              kind: "dashes",
              color: 1,
              points: thresholds.map(({ options, result }) => ({ x: result.spectralThreshold, y: options.noise })),
            },
          ],
        },
      ],
    },
    caption: `Colors and dots are simulated (d = ${cells[0].options.dim}, ${cells[0].options.trials} runs a cell); the full line is where the mean-field equations reach the cosine ${SUCCESS} after the same number of steps, the dashed one where the best spectral start begins to work.`,
  };
}

function cutFigure(cells: readonly Outcome<CellOptions, Cell>[]): StudyFigure {
  const noises = [...new Set(cells.map(({ options }) => options.noise))];
  const shown = noises.filter((_, i) => noises.length < 5 || i % 2 === 0);
  return {
    name: "cuts",
    chart: {
      title: "The same along lines of equal noise",
      description: "Cosine against rows per input for several levels of noise, predicted and simulated.",
      panels: [
        {
          x: { label: "rows per input δ = n/d", log: true },
          y: { label: "cosine with the signal", domain: [-0.02, 1.05] },
          series: shown.flatMap((noise, i) => {
            const row = cells.filter(({ options }) => options.noise === noise);
            return [
              {
                label: "predicted",
                kind: "line" as const,
                color: i,
                points: row.map(({ options, result }) => ({ x: options.ratio, y: result.predicted })),
              },
              {
                label: `noise ${noise}, ± 2 standard errors`,
                color: i,
                points: row.map(({ options, result: { cosine, error } }) => ({
                  x: options.ratio,
                  y: cosine,
                  low: cosine - 2 * error,
                  high: cosine + 2 * error,
                })),
              },
            ];
          }),
        },
      ],
    },
    caption:
      "Below the threshold a finite problem has a small cosine by chance, of the order of one over the square root of its dimension, where theory has 0. Just above it the solution of the equations, from a finite number of paths, is itself uncertain by some hundredths.",
  };
}

function cellTable(cells: readonly Outcome<CellOptions, Cell>[], trials: number): StudyTable {
  return {
    name: "phase-diagram",
    title: "Cosines",
    columns: ["ratio", "noiseStd", "dim", "trials", "cosine", "standardError", "predicted"],
    rows: cells.map(({ options, result }) => [
      options.ratio,
      options.noise,
      options.dim,
      trials,
      result.cosine,
      result.error,
      result.predicted,
    ]),
  };
}
