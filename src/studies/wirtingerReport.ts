/** What the study of Wirtinger flow says: findings, figures and tables. */
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import type { Ablation } from "./ablation.js";
import { compared, type Outcome, ofKind, type StudyReport } from "./study.js";

export type Setting = { readonly ratio: number; readonly ridge: number; readonly noise: number; readonly step: number };
export type PathOptions = Setting & { readonly dims: number[]; readonly trials: number; readonly steps: number };
export interface Curve {
  readonly overlap: readonly number[];
  readonly normSquared: readonly number[];
  readonly overlapError: readonly number[];
  readonly normError: readonly number[];
}
export interface Paths {
  readonly predicted: Curve;
  readonly simulated: readonly (Curve & { readonly dim: number })[];
}
export type LimitOptions = Setting & { readonly dim: number; readonly trials: number; readonly steps: number };
export interface Limit {
  readonly overlap: number;
  readonly normSquared: number;
  readonly stable: boolean;
  readonly simulatedOverlap: number;
  readonly overlapError: number;
  readonly simulatedNorm: number;
  readonly normError: number;
}
export type TransitionOptions = {
  readonly preprocess: string;
  readonly ratios: number[];
  readonly dim: number;
  readonly trials: number;
};
export interface Transition {
  readonly threshold: number;
  readonly curve: readonly { readonly ratio: number; readonly cosine: number }[];
  readonly simulated: readonly {
    readonly ratio: number;
    readonly predicted: number;
    readonly cosine: number;
    readonly error: number;
  }[];
}

const nameOf = ({ ratio, ridge, noise, step }: Setting): string =>
  `δ = ${ratio}, ridge ${ridge}, noise ${noise}, step ${step}`;

/** The report of the study. */
export function report(outcomes: readonly Outcome[]): StudyReport {
  const paths = ofKind<PathOptions, Paths>(outcomes, "path");
  const limits = ofKind<LimitOptions, Limit>(outcomes, "limit");
  const transitions = ofKind<TransitionOptions, Transition>(outcomes, "transition");
  const ablations = ofKind<{ readonly ablation: Ablation }, { readonly overlap: readonly number[] }>(
    outcomes,
    "ablation",
  );
  const reference = paths[0].result;
  return {
    seen: [
      "Simulated runs lie on the predicted curves within their errors, from a few hundred inputs on, for every ratio, ridge, noise and step tried; the spread about the curves shrinks with the dimension.",
      "The equations need all of their parts: without the memory of the spectral start, or with the start treated as independent of the rows, the curve leaves the simulation within the first steps; the other parts are smaller and take the full size of this study to see.",
      "Each preprocessing function has a threshold of its own; the optimal ones begin at δ = 1/2, trimming needs three times as many rows.",
    ],
    findings: [
      ...paths.flatMap(pathFindings),
      ...limits.flatMap(limitFindings),
      ...transitions.flatMap(transitionFindings),
      ...ablations.flatMap(({ options, result }) => ablationFindings(options.ablation, result.overlap, reference)),
    ],
    figures: [pathFigure(paths), transitionFigure(transitions), ablationFigure(ablations, reference)],
    tables: [pathTable(paths), limitTable(limits), transitionTable(transitions)],
  };
}

const SOURCE = "Chen and Shen, precise asymptotics; ";

function pathFindings({ options, result }: Outcome<PathOptions, Paths>): Finding[] {
  const { predicted, simulated } = result;
  const { dim, ...run } = simulated[simulated.length - 1];
  const t = predicted.overlap.length - 1;
  const one = (name: string, value: number, error: number, expected: number, own: number, slack: number): Finding => {
    const half = 2.13 * Math.hypot(error, own);
    return compared({
      statement: `${nameOf(options)}: ${name} after ${t} steps`,
      source: `${SOURCE}[SI §d]`,
      predicted: expected,
      measured: value,
      interval: [value - half, value + half],
      slack,
      note: `simulated at d = ${dim}, ${options.trials} runs; ${slack * 100} % for the finite dimension`,
      figure: "trajectories",
    });
  };
  return [
    one("overlap m", run.overlap[t], run.overlapError[t], predicted.overlap[t], predicted.overlapError[t] ?? 0, 0.015),
    one(
      "squared norm q",
      run.normSquared[t],
      run.normError[t],
      predicted.normSquared[t],
      predicted.normError[t] ?? 0,
      0.02,
    ),
  ];
}

function limitFindings({ options, result }: Outcome<LimitOptions, Limit>): Finding[] {
  const one = (name: string, predicted: number, measured: number, error: number): Finding =>
    compared({
      statement: `${nameOf(options)}: ${name} of the long-time fixed point`,
      source: `${SOURCE}[SI §e]`,
      predicted,
      measured,
      interval: [measured - 2.3 * error, measured + 2.3 * error],
      slack: 0.005,
      note: `after ${options.steps} steps at d = ${options.dim}; half a per cent for the finite dimension`,
    });
  return [
    one("overlap m", result.overlap, result.simulatedOverlap, result.overlapError),
    one("squared norm q", result.normSquared, result.simulatedNorm, result.normError),
  ];
}

function transitionFindings({ options, result }: Outcome<TransitionOptions, Transition>): Finding[] {
  return result.simulated
    .filter(({ ratio }) => ratio > 1.2 * result.threshold)
    .map(({ ratio, predicted, cosine, error }) =>
      compared({
        statement: `${options.preprocess}: cosine of the spectral start at δ = ${ratio}`,
        source: "Lu and Li; Mondelli and Montanari; [SI §b]",
        predicted,
        measured: cosine,
        interval: [cosine - 2.2 * error, cosine + 2.2 * error],
        slack: 0.02,
        note: `d = ${options.dim}, ${options.trials} runs; 2 % for the finite dimension`,
        figure: "transitions",
      }),
    );
}

function ablationFindings(ablation: Ablation, overlap: readonly number[], { predicted, simulated }: Paths): Finding[] {
  const t = Math.min(5, predicted.overlap.length - 1);
  const run = simulated[simulated.length - 1];
  const measured = run.overlap[t];
  const half = 2.13 * run.overlapError[t];
  const found = compared({
    statement: `m after ${t} steps, equations ${ablation}`,
    source: "mean-field equations with one part left out, [SI §d]",
    predicted: overlap[t],
    measured,
    interval: [measured - half, measured + half],
    slack: 0.015,
    ...(ablation === "complete" ? {} : { beyond: true }),
    note:
      ablation === "complete"
        ? "by an independent small implementation of the equations"
        : "not the equations of theory: a difference says that the part is needed",
    figure: "ablations",
  });
  return [found];
}

function pathFigure(paths: readonly Outcome<PathOptions, Paths>[]): StudyFigure {
  return {
    name: "trajectories",
    chart: {
      title: "Overlap and norm, predicted and simulated",
      description: `Trajectories of ${paths.length} settings with simulations at growing dimension.`,
      columns: 2,
      panels: paths.map(({ options, result }) => ({
        title: nameOf(options),
        x: { label: "step" },
        y: { label: "m and q", domain: [0, 1.15] as const },
        series: (["overlap", "normSquared"] as const).flatMap((key, k) => {
          const run = result.simulated[result.simulated.length - 1];
          const errors = key === "overlap" ? run.overlapError : run.normError;
          return [
            {
              label: key === "overlap" ? "overlap m, predicted" : "squared norm q, predicted",
              kind: "line" as const,
              color: k,
              points: result.predicted[key].map((y, x) => ({ x, y })),
            },
            {
              label: `simulated, d = ${run.dim}, ± 2 standard errors`,
              color: k,
              points: run[key].map((y, x) => ({ x, y, low: y - 2 * errors[x], high: y + 2 * errors[x] })),
            },
          ];
        }),
      })),
    },
    caption:
      "Lines are the solution of the mean-field equations, computed without any data; dots are the algorithm on fresh data.",
  };
}

function transitionFigure(transitions: readonly Outcome<TransitionOptions, Transition>[]): StudyFigure {
  return {
    name: "transitions",
    chart: {
      title: "Spectral start: cosine against rows per input",
      description: `Predicted and simulated cosines for ${transitions.length} preprocessing functions.`,
      panels: [
        {
          x: { label: "rows per input δ = n/d", log: true, domain: [0.5, 9.5] },
          y: { label: "cosine of the start with the signal", domain: [-0.02, 1.05] },
          series: transitions.flatMap(({ options, result }, i) => [
            {
              label: options.preprocess,
              kind: "line" as const,
              color: i,
              points: result.curve.map(({ ratio, cosine }) => ({ x: ratio, y: cosine })),
            },
            {
              label: "simulated, ± 2 standard errors",
              color: i,
              points: result.simulated.map(({ ratio, cosine, error }) => ({
                x: ratio,
                y: cosine,
                low: cosine - 2 * error,
                high: cosine + 2 * error,
              })),
            },
          ]),
        },
      ],
    },
    caption:
      "Each curve leaves zero at its own threshold. Below it a finite problem still has a small cosine, by chance.",
  };
}

function ablationFigure(
  ablations: readonly Outcome<{ readonly ablation: Ablation }, { readonly overlap: readonly number[] }>[],
  { simulated }: Paths,
): StudyFigure {
  const run = simulated[simulated.length - 1];
  return {
    name: "ablations",
    chart: {
      title: "The equations with one part left out",
      description: "Overlap over the first steps for each ablation, with the simulation.",
      panels: [
        {
          x: { label: "step" },
          y: { label: "overlap m" },
          series: [
            ...ablations.map(({ options, result }, i) => ({
              label: options.ablation,
              kind: i === 0 ? ("line" as const) : ("dashes" as const),
              color: i === 0 ? ("ink" as const) : i - 1,
              points: result.overlap.map((y, x) => ({ x, y })),
            })),
            {
              label: `simulated, d = ${run.dim}`,
              color: "ink" as const,
              points: run.overlap.map((y, x) => ({
                x,
                y,
                low: y - 2 * run.overlapError[x],
                high: y + 2 * run.overlapError[x],
              })),
            },
          ],
        },
      ],
    },
    caption: "Only the complete equations go through the dots.",
  };
}

function pathTable(paths: readonly Outcome<PathOptions, Paths>[]): StudyTable {
  return {
    name: "trajectories",
    title: "Trajectories",
    columns: [
      "ratio",
      "ridge",
      "noiseStd",
      "stepSize",
      "dim",
      "step",
      "overlap",
      "overlapError",
      "normSquared",
      "normError",
      "predictedOverlap",
      "predictedNorm",
    ],
    rows: paths.flatMap(({ options: o, result }) =>
      result.simulated.flatMap((run) =>
        run.overlap.map((m, t) => [
          o.ratio,
          o.ridge,
          o.noise,
          o.step,
          run.dim,
          t,
          m,
          run.overlapError[t],
          run.normSquared[t],
          run.normError[t],
          result.predicted.overlap[t],
          result.predicted.normSquared[t],
        ]),
      ),
    ),
  };
}

function limitTable(limits: readonly Outcome<LimitOptions, Limit>[]): StudyTable {
  return {
    name: "fixed-points",
    title: "Long-time fixed points",
    columns: [
      "ratio",
      "ridge",
      "noiseStd",
      "overlap",
      "simulatedOverlap",
      "overlapError",
      "normSquared",
      "simulatedNorm",
      "normError",
    ],
    rows: limits.map(({ options: o, result: r }) => [
      o.ratio,
      o.ridge,
      o.noise,
      r.overlap,
      r.simulatedOverlap,
      r.overlapError,
      r.normSquared,
      r.simulatedNorm,
      r.normError,
    ]),
  };
}

function transitionTable(transitions: readonly Outcome<TransitionOptions, Transition>[]): StudyTable {
  return {
    name: "transitions",
    title: "Spectral starts",
    columns: ["preprocess", "threshold", "ratio", "predicted", "cosine", "standardError"],
    rows: transitions.flatMap(({ options, result }) =>
      result.simulated.map((s) => [options.preprocess, result.threshold, s.ratio, s.predicted, s.cosine, s.error]),
    ),
  };
}
