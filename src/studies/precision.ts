/** Normal equations of Hermite features in single and in double precision: the computation, and its part of the report. */
import { createRng, type Rng } from "../base/rng.js";
import { median } from "../base/statistics.js";
import type { Finding, StudyFigure, StudyTable } from "../plot/index.js";
import { hermite } from "../theory/index.js";
import type { Outcome } from "./study.js";

/** Unit roundoff. */
export const ROUNDOFF = { single: 2 ** -24, double: 2 ** -53 } as const;
export type Precision = keyof typeof ROUNDOFF;

export type PrecisionOptions = {
  readonly precision: Precision;
  readonly degree: number;
  readonly samples: number;
  readonly trials: number;
};

interface NormalSolution {
  /** Of the Gram matrix, from the singular values of the features. */
  readonly condition: number;
  /** Relative error of the coefficients; null where Cholesky's factorization meets a pivot that is not positive. */
  readonly error: number | null;
}

/** The solutions of independent draws. */
export interface PrecisionResult {
  readonly solutions: readonly NormalSolution[];
}

/** The same draws for both precisions. */
export function solveDraws({ degree, samples, trials, precision }: PrecisionOptions, seed: number): PrecisionResult {
  const one = (trial: number) => solveNormal(degree, samples, precision, createRng(seed, "precision", degree, trial));
  return { solutions: Array.from({ length: trials }, (_, trial) => one(trial)) };
}

/**
 * Features h₀…h_degree of one Gaussian variable, a response that is exactly their sum with signs, and the coefficients from the
 * normal equations by Cholesky's factorization, every operation rounded to the precision.
 */
function solveNormal(degree: number, samples: number, precision: Precision, rng: Rng): NormalSolution {
  const round = precision === "single" ? Math.fround : (x: number): number => x;
  const p = degree + 1;
  const signs = Array.from({ length: p }, () => (rng.uniform() < 0.5 ? -1 : 1));
  const rows = Array.from({ length: samples }, () => hermite(rng.normal(), degree));
  const gram = new Float64Array(p * p);
  const c = new Float64Array(p);
  for (const exact of rows) {
    const phi = exact.map(round);
    const y = round(exact.reduce((sum, h, k) => sum + signs[k] * h, 0));
    for (let a = 0; a < p; a++) {
      c[a] = round(c[a] + round(phi[a] * y));
      for (let b = 0; b <= a; b++) gram[a * p + b] = round(gram[a * p + b] + round(phi[a] * phi[b]));
    }
  }
  const condition = conditionOf(rows, p) ** 2;
  for (let j = 0; j < p; j++) {
    for (let k = 0; k < j; k++)
      for (let i = j; i < p; i++) gram[i * p + j] = round(gram[i * p + j] - round(gram[i * p + k] * gram[j * p + k]));
    if (!(gram[j * p + j] > 0)) return { condition, error: null };
    const pivot = round(Math.sqrt(gram[j * p + j]));
    for (let i = j; i < p; i++) gram[i * p + j] = round(gram[i * p + j] / pivot);
  }
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < i; k++) c[i] = round(c[i] - round(gram[i * p + k] * c[k]));
    c[i] = round(c[i] / gram[i * p + i]);
  }
  for (let i = p - 1; i >= 0; i--) {
    for (let k = i + 1; k < p; k++) c[i] = round(c[i] - round(gram[k * p + i] * c[k]));
    c[i] = round(c[i] / gram[i * p + i]);
  }
  const error = Math.sqrt(c.reduce((sum, v, k) => sum + (v - signs[k]) ** 2, 0) / p);
  return { condition, error };
}

/** Largest over smallest singular value, by one-sided Jacobi rotations, which keep small ones exact. */
function conditionOf(rows: readonly Float64Array[], p: number): number {
  const columns = Array.from({ length: p }, (_, k) => Float64Array.from(rows, (row) => row[k]));
  const dot = (u: Float64Array, v: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < u.length; i++) sum += u[i] * v[i];
    return sum;
  };
  for (let sweep = 0, largest = 1; sweep < 40 && largest > 1e-14; sweep++) {
    largest = 0;
    for (let a = 0; a < p; a++) {
      for (let b = a + 1; b < p; b++) {
        const [u, v] = [columns[a], columns[b]];
        const [uu, vv, uv] = [dot(u, u), dot(v, v), dot(u, v)];
        const cosine = Math.abs(uv) / Math.sqrt(uu * vv);
        if (cosine < 1e-15) continue;
        largest = Math.max(largest, cosine);
        const zeta = (vv - uu) / (2 * uv);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cos = 1 / Math.sqrt(1 + t * t);
        for (let i = 0; i < u.length; i++) [u[i], v[i]] = [cos * (u[i] - t * v[i]), cos * (v[i] + t * u[i])];
      }
    }
  }
  const norms = columns.map((u) => Math.sqrt(dot(u, u)));
  return Math.max(...norms) / Math.min(...norms);
}

type Run = Outcome<PrecisionOptions, PrecisionResult>;
const of = (runs: readonly Run[], precision: Precision) =>
  runs.filter(({ options }) => options.precision === precision);

/** The error over √n times roundoff times condition, of the draws that Cholesky's factorization came through. */
export function precisionFinding(runs: readonly Run[], precision: Precision): Finding {
  const some = of(runs, precision);
  const { samples, trials } = some[0].options;
  const bound = Math.sqrt(samples) * ROUNDOFF[precision];
  const ratios = some.flatMap(({ result }) =>
    result.solutions.flatMap(({ error, condition }) => (error === null ? [] : [error / (bound * condition)])),
  );
  const largest = Math.max(...ratios);
  return {
    statement: `normal equations in ${precision} precision: largest error of the coefficients over √n · roundoff · condition of the Gram matrix`,
    source: "backward error of sums of n products and of Cholesky's factorization",
    predicted: "at most 1",
    measured: largest,
    interval: [Math.min(...ratios), largest],
    verdict: largest <= 1 ? "agrees" : "differs",
    note: `${ratios.length} draws of ${samples} rows that did not break down, ${trials} a degree; the range of all of them`,
    figure: "precision",
  };
}

/** Errors beyond are of no interest. */
const BROKEN = 1e6;

export function precisionFigure(runs: readonly Run[]): StudyFigure {
  const errorsOf = ({ result }: Run): number[] =>
    result.solutions.flatMap(({ error }) => (error === null ? [] : [error]));
  return {
    name: "precision",
    chart: {
      title: "Normal equations in single and in double precision",
      description: "Relative error of the coefficients against the degree, with roundoff times condition.",
      panels: [
        {
          x: { label: "degree" },
          y: { label: "relative error of the coefficients", log: true, domain: [1e-16, BROKEN] },
          levels: [{ y: 1, label: "no digit left" }],
          series: (["single", "double"] as const).flatMap((precision, i) => [
            {
              label: `${precision} precision`,
              color: i,
              points: of(runs, precision).flatMap((run) => {
                const errors = errorsOf(run);
                if (errors.length === 0) return [];
                return [
                  { x: run.options.degree, y: median(errors), low: Math.min(...errors), high: Math.max(...errors) },
                ];
              }),
            },
            {
              label: "roundoff × condition",
              kind: "dashes" as const,
              color: i,
              points: of(runs, precision)
                .map(({ options, result }) => ({
                  x: options.degree,
                  y: ROUNDOFF[precision] * median(result.solutions.map(({ condition }) => condition)),
                }))
                .filter(({ y }) => y < BROKEN),
            },
          ]),
        },
      ],
    },
    caption:
      "Where dots end, Cholesky's factorization breaks down. A response without noise, so that every error is one of rounding; bars are the range of the draws.",
  };
}

export function precisionTable(runs: readonly Run[]): StudyTable {
  return {
    name: "precision",
    title: "Normal equations by precision",
    columns: ["precision", "degree", "samples", "trial", "condition", "relativeError"],
    rows: runs.flatMap(({ options: { precision, degree, samples }, result }) =>
      result.solutions.map(({ condition, error }, i) => [precision, degree, samples, i, condition, error]),
    ),
  };
}
