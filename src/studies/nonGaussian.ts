/** Study: recovery of directions and diagnostics when inputs are not Gaussian, with and without whitening. */
import { sin } from "../base/elementary.js";
import { createRng, type Rng } from "../base/rng.js";
import { median } from "../base/statistics.js";
import { fitMultiIndex, subspaceDistance } from "../index.js";
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { Link } from "../theory/index.js";
import { varianceFactor } from "./asymptotics.js";
import { cholesky, haar, orthonormal, rowsOf } from "./linear.js";
import { REAL_INPUTS } from "./realInputs.js";
import { compared, meanOf, type Outcome, ofKind, type Study, sized } from "./study.js";

const LAWS = [
  "Gaussian",
  "uniform",
  "Rademacher",
  "Student t₅",
  "mixture",
  "correlated 0.9",
  "collinear curves",
  "concrete mixes",
  "diabetes patients",
] as const;
const WHITENINGS = ["none", "scale", "full"] as const;
type Law = (typeof LAWS)[number];
type FitOptions = {
  readonly law: Law;
  readonly whiten: (typeof WHITENINGS)[number];
  readonly samples: number;
  readonly trials: number;
};
interface Fits {
  /** n·dist²/(d − r) over its value for Gaussian inputs, in whitened coordinates. */
  readonly ratios: readonly number[];
  readonly iterations: readonly number[];
  readonly conditions: readonly (number | null)[];
  readonly warnings: readonly string[];
}

/** Real data have as many rows as there are. */
const REAL_ROWS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(REAL_INPUTS).map(([law, text]) => [law, text.split(";").length]),
);
const DIM = 12;
const NOISE = 0.2;
const LINK = "z1 + z1*z2";
const DEGREE = 3;

export const nonGaussian: Study = {
  name: "non-gaussian",
  title: "Other inputs: what is left of the theory when they are not Gaussian",
  question:
    "The theory is one of Gaussian inputs; what holds beyond it is the second open question of the paper. This study draws inputs from other laws, plants a link of two directions in whitened coordinates, and measures how well they come back, in units of what Gaussian inputs give.",

  jobs(scale, seed) {
    const trials = sized(scale, 8, 8, 40);
    const laws = sized<readonly Law[]>(scale, LAWS.slice(0, 2), LAWS, LAWS);
    return laws.flatMap((law, i) =>
      sized<readonly string[]>(scale, ["full"], WHITENINGS, WHITENINGS).map((whiten) => ({
        kind: "fits",
        seed: seed + 100 * i,
        options: { law, whiten, samples: REAL_ROWS[law] ?? 2000, trials },
      })),
    );
  },

  async run({ seed, options }, { signal, onProgress }) {
    const { law, whiten, samples, trials } = options as FitOptions;
    const link = Link.parse(LINK);
    const r = link.rank;
    const factor = varianceFactor(link, NOISE);
    const out = {
      ratios: [] as number[],
      iterations: [] as number[],
      conditions: [] as (number | null)[],
      warnings: new Set<string>(),
    };
    for (let trial = 0; trial < trials; trial++) {
      const rng = createRng(seed, "inputs", law, trial);
      const { data, rows, dim, covariance } = draw(law, samples, rng);
      const l = cholesky(covariance, dim);
      // z = Wᵀ L⁻¹ x: uncorrelated, of variance 1, for every law; the truth in raw coordinates is L⁻ᵀ W.
      const truth = backSolve(l, haar(dim, r, rng), dim, r);
      const z = project(data, truth, rows, dim, r);
      const { values } = link.evaluateMany(z, rows);
      const y = values.map((v) => v + NOISE * rng.normal());
      const fit = await fitMultiIndex({ data, rows, columns: dim }, y, {
        rank: r,
        degree: DEGREE,
        whiten,
        restarts: 0,
        seed,
        ...(signal ? { signal } : {}),
      });
      const seen = (basis: ArrayLike<number>): number[][] => whitened(l, basis, dim, r);
      const distance = subspaceDistance(seen(fit.model.directions.to1DArray()), seen(truth));
      out.ratios.push((rows * distance * distance) / (dim - r) / factor);
      out.iterations.push(fit.stop.iterations);
      out.conditions.push(fit.diagnostics.condition);
      for (const { code } of fit.diagnostics.warnings) out.warnings.add(code);
      onProgress?.({ phase: "fit", done: trial + 1, total: trials });
    }
    return { ...out, warnings: [...out.warnings] };
  },

  report(outcomes) {
    const fits = ofKind<FitOptions, Fits>(outcomes, "fits");
    return {
      seen: [
        "Directions come back for every law, with an accuracy close to that of Gaussian inputs: projections of many independent inputs are nearly Gaussian.",
        "Without whitening, collinear inputs lose accuracy, and now and then a whole direction: in raw coordinates some directions are hardly seen. With it they are as good as independent ones, or nearly.",
        "Measured inputs behave like that too. Of the diabetes patients some blood values are almost sums of others; fits without whitening can miss a direction there, fits with it come close to the law. Concrete mixes, with columns that are mostly zero, lose about half of the accuracy with or without it.",
        "That a law other than the Gaussian differs from the prediction answers the open question, and contradicts nothing: theory makes no statement there.",
      ],
      findings: fits.map(finding),
      figures: [ratioFigure(fits)],
      tables: [table(fits)],
    };
  },
};

/** Inputs with their covariance; n×d row-major. */
interface Inputs {
  readonly data: Float64Array;
  readonly rows: number;
  readonly dim: number;
  readonly covariance: Float64Array;
}

function draw(law: Law, rows: number, rng: Rng): Inputs {
  if (Object.hasOwn(REAL_INPUTS, law)) return real(REAL_INPUTS[law as keyof typeof REAL_INPUTS]);
  const covariance = covarianceOf(law);
  const data = Float64Array.from({ length: rows * DIM }, () => drawOne(law, rng));
  const inputs = { data, rows, dim: DIM, covariance };
  if (law !== "correlated 0.9" && law !== "collinear curves") return inputs;
  const l = cholesky(covariance, DIM);
  for (let i = 0; i < rows; i++) {
    const g = data.slice(i * DIM, (i + 1) * DIM);
    for (let a = 0; a < DIM; a++) {
      let sum = 0;
      for (let b = 0; b <= a; b++) sum += l[a * DIM + b] * g[b];
      data[i * DIM + a] = sum;
    }
  }
  return inputs;
}

/** One entry of mean 0 and variance 1. */
function drawOne(law: Law, rng: Rng): number {
  if (law === "uniform") return Math.sqrt(12) * (rng.uniform() - 0.5);
  if (law === "Rademacher") return rng.uniform() < 0.5 ? -1 : 1;
  if (law === "mixture") return (rng.uniform() < 0.5 ? -0.9 : 0.9) + Math.sqrt(0.19) * rng.normal();
  if (law !== "Student t₅") return rng.normal();
  let square = 0;
  for (let k = 0; k < 5; k++) square += rng.normal() ** 2;
  return rng.normal() / Math.sqrt(square / 3);
}

/** Measured rows, every column at mean 0 and variance 1, with the covariance that they have. */
function real(text: string): Inputs {
  const table = text.split(";").map((line) => line.split(",").map(Number));
  const [rows, dim] = [table.length, table[0].length];
  const data = new Float64Array(rows * dim);
  for (let j = 0; j < dim; j++) {
    const mean = table.reduce((sum, row) => sum + row[j], 0) / rows;
    const variance = table.reduce((sum, row) => sum + (row[j] - mean) ** 2, 0) / rows;
    for (let i = 0; i < rows; i++) data[i * dim + j] = (table[i][j] - mean) / Math.sqrt(variance);
  }
  const covariance = new Float64Array(dim * dim);
  for (let i = 0; i < rows; i++)
    for (let a = 0; a < dim; a++)
      for (let b = 0; b < dim; b++) covariance[a * dim + b] += (data[i * dim + a] * data[i * dim + b]) / rows;
  return { data, rows, dim, covariance };
}

/** Of the law, d×d. */
function covarianceOf(law: Law): Float64Array {
  return Float64Array.from({ length: DIM * DIM }, (_, k) => {
    const [a, b] = [Math.floor(k / DIM), k % DIM];
    if (law === "correlated 0.9") return 0.9 ** Math.abs(a - b);
    if (law !== "collinear curves") return a === b ? 1 : 0;
    // Ordinates of smooth random curves: a few sines, and a little of everything.
    let sum = a === b ? 1e-3 : 0;
    for (let j = 1; j <= 6; j++) sum += (sin((j * (a + 1)) / 4) * sin((j * (b + 1)) / 4)) / j;
    return sum;
  });
}

/** L⁻ᵀ W, d×r. */
function backSolve(l: Float64Array, w: Float64Array, d: number, r: number): Float64Array {
  const out = Float64Array.from(w);
  for (let i = d - 1; i >= 0; i--) {
    for (let k = 0; k < r; k++) {
      for (let j = i + 1; j < d; j++) out[i * r + k] -= l[j * d + i] * out[j * r + k];
      out[i * r + k] /= l[i * d + i];
    }
  }
  return out;
}

/** An orthonormal basis of Lᵀ B: directions as whitened coordinates see them. */
function whitened(l: Float64Array, basis: ArrayLike<number>, d: number, r: number): number[][] {
  const out = new Float64Array(d * r);
  for (let i = 0; i < d; i++)
    for (let j = i; j < d; j++) for (let k = 0; k < r; k++) out[i * r + k] += l[j * d + i] * basis[j * r + k];
  return rowsOf(orthonormal(out, d, r), d, r);
}

function project(x: Float64Array, w: Float64Array, n: number, d: number, r: number): Float64Array {
  const z = new Float64Array(n * r);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < d; j++) for (let k = 0; k < r; k++) z[i * r + k] += x[i * d + j] * w[j * r + k];
  return z;
}

function finding({ options, result }: Outcome<FitOptions, Fits>): Finding {
  const { law, whiten, samples, trials } = options;
  const { mean, low, high } = meanOf(result.ratios);
  const found = compared({
    statement: `${law}, whitening "${whiten}": squared distance over that of Gaussian inputs`,
    source: law === "Gaussian" ? "law of large samples" : "open question of Bietti et al.; [MI §9]",
    predicted: 1,
    measured: mean,
    interval: [low, high],
    slack: 0.05,
    ...(law === "Gaussian" ? {} : { beyond: true }),
    note: `${trials} fits of ${samples} rows; 5 % for the finite number of rows`,
    figure: "recovery",
  });
  if (low > 0) return found;
  return {
    ...found,
    verdict: "open",
    note: `${found.note}. Some fits missed a direction, so that the mean says little: the median is ${median(result.ratios).toPrecision(3)}, the largest ${Math.max(...result.ratios).toPrecision(3)}`,
  };
}

function ratioFigure(fits: readonly Outcome<FitOptions, Fits>[]): StudyFigure {
  const laws = [...new Set(fits.map(({ options }) => options.law))];
  return {
    name: "recovery",
    chart: {
      title: "Error of the directions by law of the inputs",
      description: laws.map((law, i) => `${i + 1} ${law}`).join(", "),
      panels: [
        {
          x: { label: "inputs", names: laws.map((law) => law.split(" ")[0]) },
          y: { label: "squared distance / that of Gaussian inputs", log: true },
          levels: [{ y: 1, label: "" }],
          series: WHITENINGS.map((whiten, k) => ({
            label: `whitening "${whiten}", mean and 95 %`,
            color: k,
            points: fits
              .filter(({ options }) => options.whiten === whiten)
              .map(({ options, result }) => {
                const { mean, low, high } = meanOf(result.ratios);
                return {
                  x: laws.indexOf(options.law) + 1 + 0.15 * (k - 1),
                  y: mean,
                  low: Math.max(low, mean / 20),
                  high,
                };
              }),
          })),
        },
      ],
    },
    caption:
      "One group a law, in the order below the axis. At 1 the directions are as good as for Gaussian inputs; distances are those in whitened coordinates, which is what prediction feels.",
  };
}

function table(fits: readonly Outcome<FitOptions, Fits>[]): StudyTable {
  return {
    name: "recovery",
    title: "Recovery",
    columns: [
      "law",
      "whiten",
      "samples",
      "trials",
      "ratio",
      "low",
      "high",
      "meanIterations",
      "largestCondition",
      "warnings",
    ],
    rows: fits.map(({ options, result }) => {
      const { mean, low, high } = meanOf(result.ratios);
      const conditions = result.conditions.filter((c) => c !== null);
      return [
        options.law,
        options.whiten,
        options.samples,
        options.trials,
        mean,
        low,
        high,
        meanOf(result.iterations).mean,
        conditions.length > 0 ? Math.max(...conditions) : null,
        result.warnings.join(" "),
      ];
    }),
  };
}
