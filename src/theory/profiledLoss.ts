/** The finite-sample objective of the two-timescale algorithm at one basis, in raw coordinates. */
import { checkChoice, checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, NumericalError } from "../base/errors.js";
import type { KernelChoice, KernelReport, MatrixLike, VectorLike } from "../base/types.js";
import { assertFinite, readMatrix, readVector } from "../data/input.js";
import { openCrew } from "../kernel/threads.js";
import { Workspace } from "../kernel/workspace.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { projectTangent } from "../math/grassmann.js";
import {
  checkFeatureCount,
  derivativeCoefficients,
  featureShape,
  featureTable,
  multiIndexTable,
} from "../math/multiIndex.js";

export interface ProfiledLossOptions {
  /** Total degree of the Hermite link. */
  readonly degree: number;
  /** μ ≥ 0, absolute; default 0. */
  readonly penalty?: number;
  /** δ₀…δ_degree > 0, by total degree; default all 1. */
  readonly degreeWeights?: ArrayLike<number>;
  readonly kernel?: KernelChoice;
  /** Threads that share the rows; default 1. X is copied for them unless it is a view of a SharedArrayBuffer. */
  readonly threads?: number | "auto";
}

export interface ProfiledLossResult {
  /** J(W). */
  readonly loss: number;
  /** ‖y − Φc‖²/n. */
  readonly meanSquareResidual: number;
  /** c, in the order of [MI §1.2]. */
  readonly coefficients: Float64Array;
  /** ∇_W J, d×r. */
  readonly gradient: Matrix;
  /** (I − WWᵀ)∇_W J, d×r. */
  readonly tangentGradient: Matrix;
  readonly kernel: KernelReport;
}

/**
 * J(W) = min_c (1/2n)‖y − Φ(XW)c‖² + (μ/2) Σ_β δ_{|β|}c_β² with its gradient, by one whole iteration of the solver.
 *
 * X, y and W are taken as they are: nothing is centred, scaled or whitened.
 *
 * @param W - d×r with orthonormal columns
 * @throws {InputError} `SHAPE`, `OVERFLOW`; @throws {NumericalError} `SINGULAR` with the pivot when μ is too small
 * Source: [MI §7.1]. Cost: 4ndr + n·p² flops, two passes over X.
 */
export async function profiledLoss(
  X: MatrixLike,
  y: VectorLike,
  W: MatrixLike,
  options: ProfiledLossOptions,
): Promise<ProfiledLossResult> {
  const given = checkOptions(options, ["degree", "penalty", "degreeWeights", "kernel", "threads"], "profiledLoss");
  const degree = checkInteger(given.degree, "degree", { min: 0 });
  const mu = given.penalty === undefined ? 0 : checkNumber(given.penalty, "penalty", { min: 0 });
  const choice = checkChoice(given.kernel ?? "auto", "kernel", ["auto", "wasm", "reference"]);
  const threads =
    given.threads === undefined || given.threads === "auto"
      ? given.threads
      : checkInteger(given.threads, "threads", { min: 1, or: '"auto"' });
  // A bad entry shows in the normal equations; looking for it beforehand would cost a pass over X.
  const rows = readMatrix(X, "X", { unchecked: true });
  const target = readVector(y, "y", rows.rows);
  const basis = readMatrix(W, "W");
  if (basis.rows !== rows.columns) {
    throw new InputError("SHAPE", `W has ${basis.rows} rows; expected ${rows.columns}, one per column of X.`, {
      details: { rows: basis.rows, columns: rows.columns },
    });
  }
  const rank = basis.columns;
  checkFeatureCount(rank, degree);
  const weights = readDegreeWeights(given.degreeWeights, degree);
  const shape = {
    samples: rows.rows,
    columns: rows.columns,
    rank,
    degree,
    ...featureShape(rank, degree),
  };
  const crew = await openCrew(threads);
  const table = featureTable(rank, degree);
  const workspace = await Workspace.create(rows, shape, table, choice, new RunControl(), false, crew);
  try {
    workspace.setTarget(target);
    const d = rows.columns;
    await workspace.standardize({ center: new Float64Array(d), inverseScale: new Float64Array(d).fill(1) });
    await workspace.projectTrial(basis.data).catch((error) => {
      assertFinite(rows, "X");
      throw error;
    });
    const penalty = Float64Array.from(multiIndexTable(rank, degree).totals, (k) => mu * weights[k]);
    const solved = workspace.solveTrial(penalty, Number.EPSILON);
    if ("pivot" in solved) {
      throw new NumericalError(
        "SINGULAR",
        `the normal equations are singular at pivot ${solved.pivot}. Set penalty > 0 or lower the degree.`,
        { details: { pivot: solved.pivot } },
      );
    }
    const { coefficients } = solved;
    const ck = derivativeCoefficients(coefficients, rank, degree);
    const { sumSquares, transposed } = await workspace.residualsOfTrial(coefficients, ck, true);
    const n = rows.rows;
    const gradient = (transposed as Float64Array).map((v) => -v / n);
    let energy = 0;
    for (let j = 0; j < coefficients.length; j++) energy += penalty[j] * coefficients[j] * coefficients[j];
    return {
      loss: sumSquares / (2 * n) + energy / 2,
      meanSquareResidual: sumSquares / n,
      coefficients,
      gradient: toMatrix(gradient, d, rank),
      tangentGradient: toMatrix(projectTangent(basis.data, gradient, d, rank), d, rank),
      kernel: workspace.report,
    };
  } finally {
    workspace.dispose();
    crew?.dispose();
  }
}

function readDegreeWeights(given: unknown, degree: number): Float64Array {
  if (given === undefined) return new Float64Array(degree + 1).fill(1);
  const out = readVector(given, "degreeWeights", degree + 1, "the degrees 0…degree");
  const bad = out.findIndex((w) => !(w > 0));
  if (bad >= 0) throw new InputError("RANGE", `degreeWeights[${bad}] is ${out[bad]}; weights must be > 0.`);
  return out;
}
