/** Study: conditioning of the averaging operator and of Hermite features, and where double precision ends. */
import { fitMultiIndex, sampleMultiIndex } from "../index.js";
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { Link, type StabilityRow, stabilityStudy } from "../theory/index.js";
import {
  type PrecisionOptions,
  type PrecisionResult,
  precisionFigure,
  precisionFinding,
  precisionTable,
  solveDraws,
} from "./precision.js";
import { compared, type Outcome, ofKind, type Study, sized } from "./study.js";

type RowOptions = {
  readonly rank: number;
  readonly degree: number;
  readonly perFeature: number;
  readonly trials: number;
};
type FitOptions = { readonly degree: number; readonly ridge: number | "auto"; readonly samples: number };
interface Fitted {
  readonly condition: number | null;
  /** Root mean square error on fresh rows, over the standard deviation of the response. */
  readonly error: number;
  readonly ridge: number;
  readonly warnings: readonly string[];
}

export const stability: Study = {
  name: "stability",
  title: "Stability: how far degrees go in double precision",
  question:
    "High degrees resolve fine structure, and lose digits: the averaging operator shrinks degree k by powers of cosines, and Hermite features of a finite sample are far from orthogonal. How fast does that grow, and what is left of a fit where it ends?",

  jobs(scale, seed) {
    const trials = sized(scale, 3, 4, 15);
    const grid = sized(
      scale,
      { 1: [2, 4] },
      { 1: [1, 2, 4, 6, 8, 12], 2: [1, 2, 4, 6], 3: [1, 2, 4] },
      { 1: [1, 2, 4, 6, 8, 10, 12, 16], 2: [1, 2, 3, 4, 5, 6, 7, 8], 3: [1, 2, 3, 4, 5, 6] },
    ) as Record<string, number[]>;
    const degrees = sized(scale, [4, 12], [2, 4, 8, 12, 16, 24, 32], [2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40]);
    return [
      ...Object.entries(grid).flatMap(([rank, some]) =>
        some.flatMap((degree) =>
          sized(scale, [20], [20, 200], [5, 20, 200]).map((perFeature) => ({
            kind: "row",
            seed,
            options: { rank: Number(rank), degree, perFeature, trials },
          })),
        ),
      ),
      ...degrees.flatMap((degree) => [
        ...([0, "auto"] as const).map((ridge) => ({ kind: "fit", seed, options: { degree, ridge, samples: 2000 } })),
        ...(["single", "double"] as const).map((precision) => ({
          kind: "precision",
          seed,
          options: { precision, degree, samples: 2000, trials },
        })),
      ]),
    ];
  },

  async run({ kind, seed, options }, { signal }) {
    const stop = signal ? { signal } : {};
    if (kind === "row") {
      const { rank, degree, perFeature, trials } = options as RowOptions;
      const { rows } = await stabilityStudy({
        ranks: [rank],
        degrees: [degree],
        trials,
        samplesPerFeature: perFeature,
        seed,
        ...stop,
      });
      return rows[0];
    }
    if (kind === "precision") return solveDraws(options as PrecisionOptions, seed);
    const { degree, ridge, samples } = options as FitOptions;
    const link = Link.parse("h1(z1) + h3(z1)");
    const draw = (from: number) => sampleMultiIndex(link, { dim: 3, samples, noiseStd: 0.1, seed: from });
    const train = draw(seed);
    const fit = await fitMultiIndex(train.X, train.y, {
      rank: 1,
      degree,
      ridge,
      restarts: 0,
      whiten: "none",
      seed,
      ...stop,
    });
    // Fresh inputs, the same direction: rows of another draw would have another truth.
    const fresh = draw(seed + 1);
    const z = fresh.X.data;
    const truth = train.basis.to1DArray();
    let error = 0;
    let size = 0;
    const predicted = fit.model.predict(fresh.X);
    for (let i = 0; i < samples; i++) {
      const value = link.evaluate([truth.reduce((sum, w, j) => sum + w * z[i * truth.length + j], 0)]);
      error += (predicted[i] - value) ** 2;
      size += value * value;
    }
    const { condition, warnings, selection } = fit.diagnostics;
    return {
      condition,
      error: Math.sqrt(error / size),
      ridge: selection.ridge,
      warnings: warnings.map(({ code }) => code),
    };
  },

  report(outcomes) {
    const rows = ofKind<RowOptions, StabilityRow>(outcomes, "row");
    const fits = ofKind<FitOptions, Fitted>(outcomes, "fit");
    const precisions = ofKind<PrecisionOptions, PrecisionResult>(outcomes, "precision");
    return {
      seen: [
        "The averaging operator loses conditioning exactly as the smallest cosine to the power of the degree; rounding in its group law stays at a few units of the last digit.",
        "The Gram matrix of Hermite features follows the law of independent light-tailed features at low degree only. Values of h_k far out dominate its sums, and with the degree the condition number grows by powers of ten: more rows help slowly.",
        "The normal equations lose as many digits as their condition number has, from the sixteen of double precision and from the seven of single precision alike; where none is left, Cholesky's factorization breaks down. Single precision would end near degree ten: the package solves normal equations in double precision whatever its rows are kept in.",
        "A fit goes on to give finite, bounded answers beyond the end of double precision: the ridge that the data choose keeps the error of prediction down where the plain solution, or what is left of it, loses digits to the noise.",
      ],
      findings: [
        ...rows.flatMap(rowFindings),
        precisionFinding(precisions, "single"),
        precisionFinding(precisions, "double"),
      ],
      figures: [conditionFigure(rows), precisionFigure(precisions), fitFigure(fits)],
      tables: [rowTable(rows), precisionTable(precisions), fitTable(fits)],
    };
  },
};

/** Condition of the Gram matrix of independent features of light tails: Marchenko and Pastur's edges. */
const edgeCondition = (perFeature: number): number => {
  const root = Math.sqrt(1 / perFeature);
  return ((1 + root) / (1 - root)) ** 2;
};

function rowFindings({ options, result }: Outcome<RowOptions, StabilityRow>): Finding[] {
  const { rank, degree, perFeature } = options;
  const operator = compared({
    statement: `condition of the averaging operator, rank ${rank}, degree ${degree}, smallest cosine ½`,
    source: "[MI §2]: smallest cosine to the power −degree",
    predicted: result.predictedOperatorCondition,
    measured: result.operatorCondition.median,
    interval: result.operatorCondition.interval,
    slack: 1e-9,
    figure: "conditions",
  });
  const gram = compared({
    statement: `condition of the Hermite Gram matrix, rank ${rank}, degree ${degree}, ${perFeature} rows a feature`,
    source: "Marchenko and Pastur, for features of light tails",
    predicted: edgeCondition(perFeature),
    measured: result.gramCondition.median,
    interval: result.gramCondition.interval,
    slack: 0.1,
    beyond: true,
    note: "a law of many features of light tails, for comparison: a few features stay below it, squares have heavier tails",
    figure: "conditions",
  });
  // Beyond degree two the figure says it all: the law is not one of such features.
  return [...(perFeature === 20 ? [operator] : []), ...(degree > 2 ? [] : [gram])];
}

/** Ends of a bar; none for a sample whose condition number is beyond what double precision can tell, stored as null. */
const endsOf = ([low, high]: readonly [number, number | null]): { low?: number; high?: number } =>
  high === null ? {} : { low, high };

function conditionFigure(rows: readonly Outcome<RowOptions, StabilityRow>[]): StudyFigure {
  const ranks = [...new Set(rows.map(({ options }) => options.rank))];
  const sizes = [...new Set(rows.map(({ options }) => options.perFeature))];
  const of = (rank: number, perFeature: number) =>
    rows.filter(({ options }) => options.rank === rank && options.perFeature === perFeature);
  const x = { label: "degree" };
  return {
    name: "conditions",
    chart: {
      title: "Conditioning against the degree",
      description: "Condition numbers of the averaging operator and of the Gram matrix.",
      panels: [
        {
          title: "averaging operator",
          x,
          y: { label: "condition number", log: true },
          series: [
            ...ranks.map((rank, i) => ({
              label: `rank ${rank}`,
              color: i,
              points: of(rank, 20).map(({ options, result }) => ({
                x: options.degree + 0.12 * i,
                y: result.operatorCondition.median,
              })),
            })),
            {
              label: "theory",
              kind: "dashes" as const,
              color: "ink" as const,
              points: of(ranks[0], 20).map(({ options, result }) => ({
                x: options.degree,
                y: result.predictedOperatorCondition,
              })),
            },
          ],
        },
        {
          title: "Gram matrix of Hermite features",
          x,
          y: { label: "condition number", log: true },
          series: sizes.flatMap((perFeature, i) => [
            ...ranks.map((rank, k) => ({
              label: `${perFeature} rows a feature`,
              color: i + 3,
              points: of(rank, perFeature).map(({ options, result: { gramCondition: g } }) => ({
                x: options.degree + 0.12 * k,
                y: g.median,
                ...endsOf(g.interval),
              })),
            })),
            {
              label: "light tails",
              kind: "dashes" as const,
              color: i + 3,
              points: of(ranks[0], perFeature).map(({ options }) => ({
                x: options.degree,
                y: edgeCondition(perFeature),
              })),
            },
          ]),
        },
      ],
    },
    caption:
      "Above, dots lie on the power of theory for every rank. Below, ranks stand side by side: condition numbers leave the value of light-tailed features after degree two.",
  };
}

function fitFigure(fits: readonly Outcome<FitOptions, Fitted>[]): StudyFigure {
  const series = ([0, "auto"] as const).map((ridge, i) => ({
    label: ridge === 0 ? "no ridge" : "ridge chosen by the data",
    color: i,
    some: fits.filter(({ options }) => options.ridge === ridge),
  }));
  return {
    name: "fits",
    chart: {
      title: "A fit of growing degree to 2000 rows",
      description: "Condition number and error of prediction against the degree.",
      panels: [
        {
          x: { label: "degree" },
          y: { label: "condition number", log: true },
          levels: [{ y: 2 ** 52, label: "1/ε of double precision" }],
          series: series.map(({ label, color, some }) => ({
            label,
            color,
            points: some.flatMap(({ options, result }) =>
              result.condition === null ? [] : [{ x: options.degree, y: result.condition }],
            ),
          })),
        },
        {
          x: { label: "degree" },
          y: { label: "relative error on fresh rows", log: true },
          series: series.map(({ label, color, some }) => ({
            label,
            color,
            points: some.map(({ options, result }) => ({ x: options.degree, y: result.error })),
          })),
        },
      ],
    },
    caption: "The truth has degree three. Everything above is noise that the fit has to keep small.",
  };
}

function rowTable(rows: readonly Outcome<RowOptions, StabilityRow>[]): StudyTable {
  return {
    name: "conditions",
    title: "Condition numbers",
    columns: [
      "rank",
      "degree",
      "features",
      "rowsPerFeature",
      "operatorCondition",
      "predictedOperatorCondition",
      "operatorErrorUlp",
      "gramCondition",
      "gramLow",
      "gramHigh",
      "lightTails",
    ],
    rows: rows.map(({ options, result: r }) => [
      options.rank,
      options.degree,
      r.featureCount,
      options.perFeature,
      r.operatorCondition.median,
      r.predictedOperatorCondition,
      r.operatorError.median,
      r.gramCondition.median,
      ...r.gramCondition.interval,
      edgeCondition(options.perFeature),
    ]),
  };
}

function fitTable(fits: readonly Outcome<FitOptions, Fitted>[]): StudyTable {
  return {
    name: "fits",
    title: "Fits of growing degree",
    columns: ["degree", "ridgeGiven", "ridgeUsed", "condition", "relativeError", "warnings"],
    rows: fits.map(({ options, result }) => [
      options.degree,
      String(options.ridge),
      result.ridge,
      result.condition,
      result.error,
      result.warnings.join(" "),
    ]),
  };
}
