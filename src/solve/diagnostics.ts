/** What a fit says about itself: warnings, Gaussianity of the projections, how much the gradient uses each direction. */
import { symmetricEigen } from "../math/dense.js";
import type { InputMap } from "./inputMap.js";

export type WarningCode =
  | "NOT_WHITENED"
  | "FEW_ROWS"
  | "RANK_DEFICIENT"
  | "REPEATED_ROWS"
  | "NO_RIDGE_STRUCTURE"
  | "NO_SIGNAL"
  | "LOGARITHM_HELPS"
  | "RANK_NOT_CONFIRMED"
  | "COLLINEAR"
  | "SHRUNK"
  | "START_NOT_ORTHONORMAL"
  | "RIDGE_ADDED"
  | "ILL_CONDITIONED"
  | "SADDLE"
  | "REFERENCE_KERNEL"
  | "ONE_THREAD"
  | "SAMPLED";

/** Something the user should know; not an error. */
export interface Warning {
  readonly code: WarningCode;
  readonly message: string;
}

/** How far the projected inputs are from the standard normal law that the theory assumes ([MI §9]). */
export interface Gaussianity {
  /** Largest |A − I| over features of degree ≤ 2, A their second moments. */
  readonly deviation: number;
  /** What that would be for Gaussian inputs at this n, three standard errors. */
  readonly gaussianLevel: number;
  readonly skewness: number;
  readonly excessKurtosis: number;
}

/** Largest fourth-moment variance of a product of two features of degree ≤ 2 under the normal law: Var(h₂²) = 14. */
const PRODUCT_VARIANCE = 14;

/** @param z - n×r row-major. Cost: O(n·r⁴/4). */
export function gaussianityOf(z: Float64Array, n: number, r: number): Gaussianity {
  const features = 1 + r + (r * (r + 1)) / 2;
  const moments = new Float64Array(features * features);
  const phi = new Float64Array(features);
  const cube = new Float64Array(r);
  const fourth = new Float64Array(r);
  const square = new Float64Array(r);
  for (let i = 0; i < n; i++) {
    let at = 0;
    phi[at++] = 1;
    for (let k = 0; k < r; k++) phi[at++] = z[i * r + k];
    for (let k = 0; k < r; k++) {
      const v = z[i * r + k];
      square[k] += v * v;
      cube[k] += v * v * v;
      fourth[k] += v * v * v * v;
      phi[at++] = (v * v - 1) / Math.SQRT2;
      for (let l = k + 1; l < r; l++) phi[at++] = v * z[i * r + l];
    }
    for (let a = 0; a < features; a++) for (let b = a; b < features; b++) moments[a * features + b] += phi[a] * phi[b];
  }
  let deviation = 0;
  for (let a = 0; a < features; a++) {
    for (let b = a; b < features; b++) {
      deviation = Math.max(deviation, Math.abs(moments[a * features + b] / n - (a === b ? 1 : 0)));
    }
  }
  let skewness = 0;
  let excessKurtosis = 0;
  for (let k = 0; k < r; k++) {
    const variance = square[k] / n;
    if (!(variance > 0)) continue;
    skewness = Math.max(skewness, Math.abs(cube[k] / n / (variance * Math.sqrt(variance))));
    excessKurtosis = Math.max(excessKurtosis, Math.abs(fourth[k] / n / (variance * variance) - 3));
  }
  return { deviation, gaussianLevel: 3 * Math.sqrt(PRODUCT_VARIANCE / n), skewness, excessKurtosis };
}

/** Eigenvalues of the mean of ∇f∇fᵀ, descending: how much of the slope each principal direction carries. */
export const principalValuesOf = (gradientMoment: Float64Array, r: number): Float64Array =>
  symmetricEigen(gradientMoment, r).values.slice().reverse();

const SCALE_RATIO = 10;
const CORRELATION_EXCESS = 1.5;
const CONDITION_LIMIT = 1e10;

/** Warnings that follow from the inputs alone. */
export function inputWarnings(inputs: InputMap, rank: number, wanted: number, n: number, features: number): Warning[] {
  const out: Warning[] = [];
  const spreads = inputs.columnScale.filter((s) => s > 0);
  const ratio = spreads.length
    ? spreads.reduce((a, b) => Math.max(a, b)) / spreads.reduce((a, b) => Math.min(a, b))
    : 1;
  const correlated = inputs.correlationExcess > CORRELATION_EXCESS;
  if ((inputs.kind === "none" && ratio > SCALE_RATIO) || (inputs.kind !== "full" && correlated)) {
    out.push({
      code: "NOT_WHITENED",
      message: `The inputs are not isotropic (column spreads differ by a factor of ${ratio.toPrecision(3)}, largest correlation eigenvalue ${inputs.correlationExcess.toPrecision(3)} times that of independent columns), and the theory assumes isotropic ones. Use whiten: "full".`,
    });
  }
  if (rank < wanted) {
    out.push({
      code: "RANK_DEFICIENT",
      message: `The inputs span only ${inputs.dim} dimensions, so the rank is ${rank} instead of ${wanted}: some columns are constant or repeat others.`,
    });
  }
  const parameters = features + rank * Math.max(0, inputs.dim - rank);
  if (n < 2 * parameters) {
    out.push({
      code: "FEW_ROWS",
      message: `${n} rows for ${parameters} free parameters (${features} link coefficients and ${parameters - features} for the directions): expect the training figures to be optimistic. Use a lower degree or rank, or more rows.`,
    });
  }
  return out;
}

/** Warning about the conditioning of the link solve, if it deserves one. */
export function conditionWarning(condition: number): Warning[] {
  if (!(condition > CONDITION_LIMIT)) return [];
  return [
    {
      code: "ILL_CONDITIONED",
      message: `The normal equations of the link have condition number ${condition.toExponential(1)}: coefficients of the highest degrees are not reliable. Lower the degree or raise the ridge.`,
    },
  ];
}
