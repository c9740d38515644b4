/** Large data: starts are compared on batches of rows that grow until they leave no doubt; all rows finish the fit. */
import type { RunControl } from "../base/control.js";
import { NumericalError } from "../base/errors.js";
import { sampleRows, takeRows } from "../data/rows.js";
import { symmetricEigen } from "../math/dense.js";
import { subspaceDistance } from "../math/grassmann.js";
import { featureCount } from "../math/multiIndex.js";
import type { Beginning } from "./descend.js";
import { type InputMap, toColumns } from "./inputMap.js";
import { chooseRidge, degreePenalty, gramScale, Penalty } from "./linkSolve.js";
import { ProfiledLoss } from "./objective.js";
import type { FilledOptions } from "./options.js";
import { type ScreenedStart, screen } from "./portfolio.js";
import { type FitData, openProblem, type Problem, startsOf } from "./problem.js";
import { type FitStep, type Reporter, reporter } from "./progress.js";

/** Rows of the first batch for every link coefficient, or every entry of the basis if those are more; and the least. */
const ROWS_PER_PARAMETER = 50;
const LEAST = 4000;
/** From one batch to the next. */
const GROWTH = 8;
/** The largest batch as a part of all rows; beyond it they may decide themselves. */
const LARGEST = 1 / 4;

/** Random starts beside those of the options: on few rows they cost little, and may find what all the others miss. */
const MORE_STARTS = 4;
/** Every end is followed for so many Gauss–Newton steps more, to this relative gradient: all rows have another minimum. */
const STEPS = 6;
const TOLERANCE = 1e-3;
/** Starts of this loss, relative to the best, and this angle from it ended in one place. */
const SAME_LOSS = 0.01;
const SAME_END = 0.05;
/** Every direction must explain this many times what as many parameters as the model has explain of noise. */
const CLEAR = 10;
/** A start that ended elsewhere must be worse by so many standard errors of the difference over the rows. */
const WORSE = 3;
/** Relative ridge while GCV has not chosen one. */
const RIDGE = 1e-6;

/** Sizes of the batches of n rows, ascending; none where the first would be a large part of them. */
export function batchSizes(n: number, features: number, entries: number): number[] {
  const out: number[] = [];
  let size = Math.max(LEAST, ROWS_PER_PARAMETER * Math.max(features, entries));
  for (; size <= LARGEST * n; size *= GROWTH) out.push(size);
  return out;
}

/**
 * Where the descent on all rows begins, found on a batch of them.
 *
 * A batch decides when it leaves no doubt: a second start ended at the best one's subspace, those that ended elsewhere are
 * worse by more than these rows can err, and every direction explains far more than noise could. Otherwise a larger one is
 * asked, and at last all rows are, as if there were no batches. Batches are samples that depend on the seed and on their size.
 *
 * Not for a single start, which has nothing to agree with, for a given ridge > 0, which depends on the first start, nor
 * for the gradient flow, whose path is its result.
 *
 * @returns undefined where all rows have to decide
 * Source: `toolchain` §6. Cost: that of comparing starts, for the part of the rows that is looked at.
 */
export async function* approach(
  data: FitData,
  inputs: InputMap,
  wanted: number,
  degree: number,
  options: FilledOptions,
  control: RunControl,
): AsyncGenerator<FitStep, Beginning | undefined, undefined> {
  const rank = Math.min(wanted, inputs.dim);
  if (rank === 0 || rank === inputs.dim || !isWanted(options)) return undefined;
  const { weights } = data;
  const known = weights && rowsWithWeight(weights);
  const n = known?.length ?? data.rows.rows;
  const batches: number[] = [];
  for (const size of batchSizes(n, featureCount(rank, degree), rank * inputs.dim)) {
    if (control.expired) break;
    batches.push(size);
    const sample = sampleRows(n, size, options.seed);
    const batch = batchOf(data, known ? sample.map((at) => known[at]) : sample);
    const problem = await openProblem(batch, inputs, rank, degree, options, control);
    try {
      const beginning = yield* decided({ ...problem, ...data }, problem, options, control);
      if (beginning) return { ...beginning, batches };
    } catch (error) {
      // Rows that a batch lacks may make the link regular.
      if (!(error instanceof NumericalError)) throw error;
    } finally {
      problem.workspace.dispose();
    }
  }
  return undefined;
}

function isWanted({ batches, start, restarts, ridge, method, maxIterations }: FilledOptions): boolean {
  const isOne = start !== "auto" && restarts === 0;
  // A relative ridge refers to the features at the first start, and the one that GCV takes with so many rows is next to none.
  const isSame = ridge === "auto" || ridge === 0;
  // Without a step the start is the result.
  return batches === "auto" && !isOne && isSame && method !== "gradient-flow" && maxIterations !== 0;
}

function rowsWithWeight(weights: Float64Array): number[] {
  const out: number[] = [];
  for (let i = 0; i < weights.length; i++) if (weights[i] > 0) out.push(i);
  return out;
}

function batchOf({ rows, response, weights, crew }: FitData, indices: Int32Array): FitData {
  const pick = (values: Float64Array): Float64Array => Float64Array.from(indices, (i) => values[i]);
  return {
    rows: takeRows(rows, indices),
    response: { ...response, standardized: pick(response.standardized) },
    weights: weights && pick(weights),
    crew,
  };
}

/** Compares the starts on a batch; undefined where it leaves doubt and there is time. */
async function* decided(
  whole: Problem,
  batch: Problem,
  options: FilledOptions,
  control: RunControl,
): AsyncGenerator<FitStep, Beginning | undefined, undefined> {
  const { workspace, inputs, rank, degree, response } = batch;
  const { starts, warnings } = startsOf(batch, { ...options, restarts: options.restarts + MORE_STARTS });
  const first = await starts[0].basis();
  starts[0] = { name: starts[0].name, basis: async () => first };
  await workspace.projectTrial(toColumns(inputs, first, rank));
  const unit = gramScale(workspace);
  const weights = degreePenalty(rank, degree);
  const mu = (options.ridge === 0 ? 0 : RIDGE) * unit;
  const objective = new ProfiledLoss(workspace, inputs, new Penalty(weights, mu, unit));
  const report = reporter(whole, options, control);
  const screened = yield* told(screen(objective, starts, TOLERANCE, control), report);
  if (!isClear(screened[0], batch) && !control.expired) return undefined;
  const ends = endsOf(screened, batch).map(({ name, point }) => ({ name, basis: async () => point.basis }));
  const followed = yield* told(screen(objective, ends, TOLERANCE, control, STEPS), report);
  const [best] = followed;
  if (!Number.isFinite(best.loss)) return undefined;
  if (!control.expired) {
    if (!isClear(best, batch) || !haveMet(followed, batch)) return undefined;
    if (!(await areWorse(followed, objective, batch))) return undefined;
  }
  // The normal equations left behind are those of the last trial of the last start.
  const { basis, meanSquare } = await objective.at(best.point.basis);
  const motions = rank * (inputs.dim - rank);
  const choice = chooseRidge(workspace, weights, unit, mu, meanSquare, motions, rank === 1 && degree === 1);
  return {
    starts: [{ name: best.name, basis: async () => basis }],
    ridge: choice.mu / unit,
    warnings,
    screened: screened.map(({ name, loss }) => ({ name, loss: loss * response.scale ** 2 })),
  };
}

async function* told(
  run: ReturnType<typeof screen>,
  report: Reporter,
): AsyncGenerator<FitStep, ScreenedStart[], undefined> {
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value;
    yield report("screening", value.start, value.state);
  }
}

/** Whether no direction could be one of noise. */
function isClear({ loss, point }: ScreenedStart, { workspace, inputs, rank }: Problem): boolean {
  if (!Number.isFinite(loss)) return false;
  const parameters = workspace.layout.shape.featureCount + rank * (inputs.dim - rank);
  const faintest = symmetricEigen(point.gradientMoment, rank).values[0];
  const weights = workspace.rowWeights();
  const rows = weights ? effectiveRows(weights) : workspace.weightSum;
  return faintest > (CLEAR * point.meanSquare * parameters) / rows;
}

/** (Σw)²/Σw²: rows of equal weight that tell as much. */
export function effectiveRows(weights: Float64Array): number {
  return weights.reduce((sum, w) => sum + w, 0) ** 2 / weights.reduce((sum, w) => sum + w * w, 0);
}

const isSameEnd = (a: ScreenedStart, b: ScreenedStart, { inputs: { dim }, rank }: Problem): boolean =>
  subspaceDistance(a.point.basis, b.point.basis, dim, rank, rank) < SAME_END;

/** The best start, another one that is near it, and the best of every other place, from best to worst. */
function endsOf(screened: readonly ScreenedStart[], batch: Problem): ScreenedStart[] {
  const out: ScreenedStart[] = [];
  let second: ScreenedStart | undefined;
  for (const start of screened) {
    const same = out.find((end) => isSameEnd(end, start, batch));
    if (same !== undefined && (same !== out[0] || second !== undefined)) continue;
    if (same !== undefined) second = start;
    out.push(start);
  }
  return out;
}

/** Whether a second start ended where the best one did. */
const haveMet = ([best, ...others]: readonly ScreenedStart[], batch: Problem): boolean =>
  others.some((other) => other.loss <= best.loss * (1 + SAME_LOSS) && isSameEnd(best, other, batch));

/** Whether every other end is worse than the best one beyond doubt: a paired test of the rows' squared residuals. */
async function areWorse(
  [best, ...others]: readonly ScreenedStart[],
  objective: ProfiledLoss,
  batch: Problem,
): Promise<boolean> {
  const ends: ScreenedStart[] = [best];
  for (const other of others) {
    if (Number.isFinite(other.loss) && !ends.some((end) => isSameEnd(end, other, batch))) ends.push(other);
  }
  if (ends.length === 1) return true;
  const least = await squaresAt(best, objective);
  for (const end of ends.slice(1)) {
    if (!isPositive((await squaresAt(end, objective)).map((square, i) => square - least[i]))) return false;
  }
  return true;
}

/** Whether the mean of differences is above 0 by three standard errors. */
export function isPositive(differences: Float64Array): boolean {
  const sum = differences.reduce((total, v) => total + v, 0);
  const mean = sum / differences.length;
  const spread = differences.reduce((total, v) => total + (v - mean) ** 2, 0);
  return sum > WORSE * Math.sqrt(spread);
}

/** wρ² of every row where a start ended. */
async function squaresAt({ point }: ScreenedStart, objective: ProfiledLoss): Promise<Float64Array> {
  await objective.at(point.basis);
  return (await objective.workspace.residuals()).map((rho) => rho * rho);
}
