/** Everything about one fit that is fixed before the first step: data, scaling, workspace, starts. */
import type { RunControl } from "../base/control.js";
import { InputError, OptionError } from "../base/errors.js";
import type { DenseRows } from "../base/types.js";
import { readMatrix, readMatrixAsync, readVector } from "../data/input.js";
import type { Crew } from "../kernel/passes.js";
import { Workspace } from "../kernel/workspace.js";
import { orthonormalityError, orthonormalize } from "../math/grassmann.js";
import { featureCount, featureShape, featureTable } from "../math/multiIndex.js";
import { type Calibration, setAside } from "./calibration.js";
import type { Warning } from "./diagnostics.js";
import { MOMENT_STARTS, type MomentStart, momentStart, randomStart } from "./initialize.js";
import { chooseInputMap, fromRawDirections, type InputMap } from "./inputMap.js";
import { tangentDirections } from "./leaveOneOut.js";
import type { FilledOptions } from "./options.js";
import type { NamedStart } from "./portfolio.js";

/** Responses brought to mean 0 and variance 1. */
export interface Response {
  readonly standardized: Float64Array;
  readonly mean: number;
  /** Standard deviation; 1 for a constant response. */
  readonly scale: number;
}

/** Rows, responses and weights of a fit, checked. */
export interface FitData {
  readonly rows: DenseRows;
  readonly response: Response;
  readonly weights: Float64Array | undefined;
  /** For every row the first that equals it, where copies are counted as the weight of the first; theirs is 0. */
  readonly first?: Int32Array;
  /** Who works on parts of the rows. */
  readonly crew?: Crew | undefined;
  /** Rows set aside for intervals. */
  readonly aside?: Calibration;
}

export interface Problem extends FitData {
  readonly workspace: Workspace;
  readonly inputs: InputMap;
  /** Rank in use: what was asked for, or less when the inputs do not span so much. */
  readonly rank: number;
  readonly degree: number;
}

/** Reads and checks data. @throws {InputError | OptionError} naming the argument */
export async function readData(X: unknown, y: unknown, options: FilledOptions, control: RunControl): Promise<FitData> {
  const all = await readMatrixAsync(X, "X", control);
  control.throwIfAborted();
  const given = {
    rows: all,
    y: readVector(y, "y", all.rows),
    weights: options.weights === undefined ? undefined : readWeights(options.weights, all.rows),
  };
  const { kept, aside } =
    options.intervals === "split" ? setAside(given, options.seed) : { kept: given, aside: undefined };
  const { rows, weights } = kept;
  const { rank, degree } = options;
  if (rank !== "auto" && rank > rows.columns) {
    throw new OptionError(
      "RANGE",
      `rank is ${rank}, but X has only ${rows.columns} columns; expected rank ≤ ${rows.columns}.`,
      { details: { option: "rank", value: rank, columns: rows.columns } },
    );
  }
  const count = rank === "auto" || degree === "auto" ? 0 : featureCount(rank, degree);
  if (options.ridge === 0 && rows.rows < count) {
    throw new InputError(
      "UNDERDETERMINED",
      `${rows.rows} rows cannot determine the ${count} Hermite coefficients of rank ${rank} and degree ${degree} without a ridge. Set ridge > 0, or lower rank or degree.`,
      { details: { rows: rows.rows, features: count } },
    );
  }
  return { rows, response: standardizeResponse(kept.y, weights), weights, ...(aside ? { aside } : {}) };
}

/** Decides how the inputs are centred, scaled and whitened. Cost: one pass of n·d² flops and a d×d eigenproblem. */
export async function mapInputs(data: FitData, options: FilledOptions, control: RunControl): Promise<InputMap> {
  const workspace = await createWorkspace(data, 0, 0, options, control);
  try {
    const inputs = await chooseInputMap(workspace, options.whiten);
    // With so few rows for the columns only a reduced number of principal components can be learnt from.
    const few = inputs.dim > data.rows.rows / 2 && options.rank === "auto" && options.whiten === "auto";
    return few && inputs.kind !== "full" ? await chooseInputMap(workspace, "full") : inputs;
  } finally {
    workspace.dispose();
  }
}

/** A workspace of a rank and degree, ready to run. The caller disposes it. */
export async function openProblem(
  data: FitData,
  inputs: InputMap,
  wanted: number,
  degree: number,
  options: FilledOptions,
  control: RunControl,
): Promise<Problem> {
  const rank = Math.min(wanted, inputs.dim);
  const workspace = await createWorkspace(data, rank, degree, options, control, inputs.dim);
  try {
    await workspace.standardize(inputs);
    return { ...data, workspace, inputs, rank, degree: workspace.layout.shape.degree };
  } catch (error) {
    workspace.dispose();
    throw error;
  }
}

async function createWorkspace(
  { rows, response, weights, crew }: FitData,
  rank: number,
  wanted: number,
  options: FilledOptions,
  control: RunControl,
  dim?: number,
): Promise<Workspace> {
  const degree = rank === 0 ? 0 : wanted;
  const features = featureShape(rank, degree);
  const complement = dim === undefined ? undefined : tangentDirections(rows.rows, features.featureCount, rank, dim);
  const shape = {
    samples: rows.rows,
    columns: rows.columns,
    rank,
    degree,
    ...features,
    ...(complement === undefined ? {} : { complement }),
    ...(options.precision === "f32" && rank > 0 ? { single: true } : {}),
  };
  const workspace = await Workspace.create(
    rows,
    shape,
    featureTable(rank, degree),
    options.kernel,
    control,
    true,
    crew,
  );
  workspace.setTarget(response.standardized, weights?.map(Math.sqrt));
  return workspace;
}

/** @throws {InputError} `RANGE` for a negative weight or all zeros */
/** Sums of weights, and their squares, stay doubles. */
const LARGEST_WEIGHT = 1e100;

function readWeights(weights: unknown, rows: number): Float64Array {
  const out = readVector(weights, "weights", rows);
  const bad = out.findIndex((w) => w < 0);
  if (bad >= 0) throw new InputError("RANGE", `weights[${bad}] is ${out[bad]}; a weight must be ≥ 0.`);
  const huge = out.findIndex((w) => w > LARGEST_WEIGHT);
  if (huge >= 0)
    throw new InputError("RANGE", `weights[${huge}] is ${out[huge]}; a weight counts rows, at most ${LARGEST_WEIGHT}.`);
  if (out.every((w) => w === 0)) throw new InputError("RANGE", "all weights are 0; at least one must be positive.");
  return out;
}

/** Its square, times that of a slope of some hundreds, is a double. */
const LARGEST_RESPONSE = 1e151;

/** @throws {InputError} `OVERFLOW` with the first index */
function standardizeResponse(y: Float64Array, weights: Float64Array | undefined): Response {
  const n = y.length;
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(y[i]));
  const huge = largest > LARGEST_RESPONSE ? y.findIndex((v) => Math.abs(v) > LARGEST_RESPONSE) : -1;
  if (huge >= 0) {
    throw new InputError(
      "OVERFLOW",
      `y[${huge}] is ${y[huge]}; losses and errors are squares, which leave the doubles above ${LARGEST_RESPONSE}. Divide y by a power of ten.`,
      { details: { index: huge, value: y[huge] } },
    );
  }
  // Responses near the ends of the range of doubles are measured in units of the largest one.
  const unit = largest > 1e100 || (largest < 1e-100 && largest > 0) ? largest : 1;
  // Around one of them, so that a large common part costs no digits and the mean of equal ones is exact.
  const origin = y[0] / unit;
  let total = 0;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const w = weights ? weights[i] : 1;
    total += w;
    sum += w * (y[i] / unit - origin);
  }
  const mean = origin + sum / total;
  let square = 0;
  for (let i = 0; i < n; i++) square += (weights ? weights[i] : 1) * (y[i] / unit - mean) ** 2;
  const sd = Math.sqrt(square / total);
  const constant = !(sd > 1e-14 * Math.abs(mean));
  const scale = constant ? 1 : sd;
  const standardized = new Float64Array(n);
  if (!constant) for (let i = 0; i < n; i++) standardized[i] = (y[i] / unit - mean) / scale;
  return { standardized, mean: mean * unit, scale: constant ? 1 : scale * unit };
}

/** The starts of a fit in the order they are tried, and warnings about a given one. */
export function startsOf(problem: Problem, options: FilledOptions): { starts: NamedStart[]; warnings: Warning[] } {
  const { workspace, inputs, rank, response } = problem;
  const starts: NamedStart[] = [];
  const warnings: Warning[] = [];
  const random = (index: number): NamedStart => ({
    name: `random ${index + 1}`,
    basis: async () => randomStart(inputs.dim, rank, options.seed, index),
  });
  const moment = (name: MomentStart): NamedStart => ({
    name,
    basis: () => momentStart(name, workspace, inputs, response.standardized, rank),
  });
  const { start } = options;
  let drawn = 0;
  // Every basis spans the same when there is nothing to search.
  if (rank === 0 || rank >= inputs.dim) {
    return { starts: [{ name: "identity", basis: async () => identityBasis(inputs.dim, rank) }], warnings };
  }
  if (start === "auto") starts.push(...MOMENT_STARTS.map(moment));
  else if (start === "random") starts.push(random(drawn++));
  else if (typeof start === "string") starts.push(moment(start));
  else starts.push(givenStart(start, problem, warnings));
  for (let k = 0; k < options.restarts; k++) starts.push(random(drawn++));
  return { starts, warnings };
}

function identityBasis(dim: number, rank: number): Float64Array {
  const out = new Float64Array(dim * rank);
  for (let k = 0; k < rank; k++) out[k * rank + k] = 1;
  return out;
}

/** @throws {InputError} `SHAPE`, or `RANK` when the columns are dependent */
function givenStart(start: unknown, { inputs, rank, rows }: Problem, warnings: Warning[]): NamedStart {
  const given = readMatrix(start, "start");
  if (given.rows !== rows.columns || given.columns !== rank) {
    throw new InputError(
      "SHAPE",
      `start is ${given.rows}×${given.columns}; expected ${rows.columns}×${rank}, one row per column of X and one column per direction.`,
      { details: { rows: given.rows, columns: given.columns, wantedRows: rows.columns, wantedColumns: rank } },
    );
  }
  const raw = Float64Array.from(given.data);
  const independent = (a: Float64Array, d: number): Float64Array => {
    const { basis, rank: found } = orthonormalize(a, d, rank, 1e-10);
    if (found === rank) return basis;
    throw new InputError(
      "RANK",
      `start has ${found} independent columns on these inputs; expected ${rank}. Give a basis of full rank.`,
      { details: { found, wanted: rank } },
    );
  };
  const orthonormal = independent(raw, rows.columns);
  if (orthonormalityError(raw, rows.columns, rank) > 1e-8) {
    warnings.push({
      code: "START_NOT_ORTHONORMAL",
      message: "The columns of start are not orthonormal; the fit began from an orthonormal basis of their span.",
    });
  }
  const basis = independent(fromRawDirections(inputs, orthonormal, rank), inputs.dim);
  return { name: "given", basis: async () => basis };
}
