/** fitMultiIndex: validate, reserve, compare starts, run the two-timescale algorithm, report. */
import { RunControl } from "../base/control.js";
import { LeapflowError } from "../base/errors.js";
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { VERSION } from "../base/version.js";
import { multiply, symmetricEigen } from "../math/dense.js";
import { orthonormalize } from "../math/grassmann.js";
import { fittedLeaps } from "../model/exponents.js";
import { Link, type LinkTail } from "../model/link.js";
import { MultiIndexModel } from "../model/multiIndexModel.js";
import { conditionWarning, gaussianityOf, inputWarnings, principalValuesOf, type Warning } from "./diagnostics.js";
import { type InputMap, toColumns, toRawDirections } from "./inputMap.js";
import { chooseRidge, degreePenalty, gramScale, Penalty, type RidgeChoice } from "./linkSolve.js";
import { methodNamed } from "./methods.js";
import { type FlowPoint, ProfiledLoss } from "./objective.js";
import { type FilledOptions, type FitOptions, type FitProgress, fillOptions } from "./options.js";
import { screen } from "./portfolio.js";
import { type Problem, prepare, startsOf } from "./problem.js";
import { Fit, type FitHistory, type LeapSummary } from "./report.js";
import { anyOf, deadline, diverged, gradientBelow, iterationLimit, nothingToOptimize } from "./stopping.js";
import { chooseTail, largestRadius } from "./tail.js";
import { type FlowEnd, type FlowState, twoTimescale } from "./twoTimescale.js";

/** What `fitMultiIndex.steps` yields. */
export interface FitStep extends FitProgress {
  /** The model as it is now; built when asked for, and valid for ever. Cost: one pass over X. */
  model(): MultiIndexModel;
}

/** Relative ridge of the first descent when GCV is to choose; small enough to see the whole link. */
const FIRST_RIDGE = 1e-6;
/** A choice of ridge this many times off the one in use is worth another descent. */
const RIDGE_FACTOR = 10;

/**
 * Learns y ≈ f(Wᵀx): a subspace of few directions and the link on it, in one call.
 *
 * @param X - n rows of d inputs, in any form of `MatrixLike`, or a `RowSource` (read into memory); never modified
 * @param y - n responses
 * @throws {InputError | OptionError | MemoryError | NumericalError} before or during the fit; an abort rejects with the
 * signal's own reason. Not converging is no error: see `stop`.
 * Cost: a few dozen passes over X of 4ndr flops, each with n·p² flops for the link.
 * Source: Bietti, Bruna & Pillaud-Vivien, arXiv 2310.19793; variable projection as in Hokanson & Constantine (2018).
 */
export async function fitMultiIndex(X: MatrixLike | RowSource, y: VectorLike, options: FitOptions): Promise<Fit> {
  const run = steps(X, y, options);
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value;
  }
}

/** The same, one iteration at a time; leaving the loop early releases everything. Returns the fit. */
fitMultiIndex.steps = steps;

async function* steps(
  X: MatrixLike | RowSource,
  y: VectorLike,
  options: FitOptions,
): AsyncGenerator<FitStep, Fit, undefined> {
  const filled = fillOptions(options);
  const control = new RunControl({
    ...(filled.signal ? { signal: filled.signal } : {}),
    ...(filled.deadlineMs === undefined ? {} : { deadlineMs: filled.deadlineMs }),
  });
  control.throwIfAborted();
  const problem = await prepare(X, y, filled, control);
  try {
    return yield* descend(problem, filled, control);
  } finally {
    problem.workspace.dispose();
  }
}

async function* descend(
  problem: Problem,
  options: FilledOptions,
  control: RunControl,
): AsyncGenerator<FitStep, Fit, undefined> {
  const { workspace, inputs, rank } = problem;
  const { degree } = workspace.layout.shape;
  const { starts, warnings } = startsOf(problem, options);
  const weights = degreePenalty(rank, degree);
  const report = reporter(problem, options, control);

  // A relative ridge is relative to the features at the first start, so that all starts share one objective.
  const first = await starts[0].basis();
  starts[0] = { name: starts[0].name, basis: async () => first };
  await workspace.projectTrial(toColumns(inputs, first, rank));
  const unit = gramScale(workspace);
  const objectiveAt = (mu: number): ProfiledLoss => new ProfiledLoss(workspace, inputs, new Penalty(weights, mu, unit));
  const ridgeAt = async (objective: ProfiledLoss, basis: Float64Array, mu: number): Promise<RidgeChoice> => {
    const { meanSquare } = await objective.at(basis);
    return chooseRidge(workspace, weights, unit, mu, meanSquare, rank * (inputs.dim - rank));
  };

  let mu = (options.ridge === "auto" ? FIRST_RIDGE : options.ridge) * unit;
  let objective = objectiveAt(mu);
  let start = { name: starts[0].name, basis: first };
  let screened: { name: string; loss: number }[] = [];
  if (options.ridge === "auto" || starts.length > 1) {
    const comparison = screen(objective, starts, options.tolerance, control);
    for (;;) {
      const { done, value } = await comparison.next();
      if (done) {
        start = value[0];
        screened = value.map(({ name, loss }) => ({ name, loss: loss * problem.response.scale ** 2 }));
        if (options.ridge === "auto") mu = (await ridgeAt(objective, value[0].point.basis, mu)).mu;
        break;
      }
      yield report("screening", value.start, value.state);
    }
    objective = objectiveAt(mu);
  }

  const method = methodNamed(options.method);
  const limit = options.maxIterations ?? method.defaultIterations;
  const rules = anyOf(
    diverged,
    nothingToOptimize(inputs.dim, rank),
    gradientBelow(options.tolerance),
    iterationLimit(limit),
    deadline(control),
  );
  let end: FlowEnd;
  let history: HistoryEntry[];
  let choice: RidgeChoice;
  for (let round = 0; ; round++) {
    history = [];
    const run = twoTimescale(objective, start.basis, method, rules);
    for (;;) {
      const { done, value } = await run.next();
      if (done) {
        end = value;
        break;
      }
      history.push({ state: value, elapsedMs: control.elapsedMs });
      yield report("descent", start.name, value);
    }
    end = bestFinite(end, history);
    end = { ...end, point: await objective.at(principalFrame(end.point, inputs, rank)) };
    choice = await ridgeAt(objective, end.point.basis, mu);
    const far = choice.mu > RIDGE_FACTOR * mu || choice.mu * RIDGE_FACTOR < mu;
    if (options.ridge !== "auto" || choice.mu === mu) break;
    mu = choice.mu;
    objective = objectiveAt(mu);
    if (round === 0 && far && !control.expired) continue;
    // The subspace hardly moves with a ridge this close; the link takes it.
    end = { ...end, point: await objective.at(end.point.basis) };
    break;
  }
  return finish(problem, options, control, {
    objective,
    end,
    history,
    choice,
    mu,
    unit,
    start: start.name,
    screened,
    warnings,
  });
}

interface HistoryEntry {
  readonly state: FlowState;
  readonly elapsedMs: number;
}

interface Outcome {
  readonly objective: ProfiledLoss;
  readonly end: FlowEnd;
  readonly history: readonly HistoryEntry[];
  readonly choice: RidgeChoice;
  readonly mu: number;
  readonly unit: number;
  readonly start: string;
  readonly screened: readonly { name: string; loss: number }[];
  readonly warnings: Warning[];
}

/** A run that broke gives its best earlier point, never the broken one. */
function bestFinite(end: FlowEnd, history: readonly HistoryEntry[]): FlowEnd {
  if (end.stop.reason !== "diverged") return end;
  const finite = history.filter(({ state }) => Number.isFinite(state.point.loss) && state.point !== end.point);
  if (finite.length === 0) return end;
  const best = finite.reduce((a, b) => (b.state.point.loss < a.state.point.loss ? b : a));
  return { ...best.state, stop: end.stop };
}

async function finish(problem: Problem, options: FilledOptions, control: RunControl, outcome: Outcome): Promise<Fit> {
  const { workspace, inputs, rank, response, rows } = problem;
  const { objective, end, choice, warnings } = outcome;
  const { featureCount } = workspace.layout.shape;
  // The workspace holds the end point since the last ridge evaluation.
  const z = workspace.projections();
  const tail = await chooseTail(workspace, objective.penalty, z, response.standardized);
  const model = buildModel(problem, end.point, tail.tail);
  const scale = response.scale ** 2;
  const { penalty } = objective;
  const all = [
    ...inputWarnings(inputs, rank, options.rank, rows.rows, featureCount),
    ...warnings,
    ...conditionWarning(choice.condition),
  ];
  if (penalty.rescued > 0) {
    all.push({
      code: "RIDGE_ADDED",
      message: `The normal equations were singular; a relative ridge of ${penalty.rescued.toExponential(0)} was added (${penalty.rescues} times).`,
    });
  }
  if (end.stop.reason === "saddle") {
    all.push({
      code: "SADDLE",
      message:
        "The gradient vanishes at a basis where the link is constant: a saddle. Use another start or more restarts.",
    });
  }
  if (workspace.report.reason) all.push({ code: "REFERENCE_KERNEL", message: workspace.report.reason });
  const total = variance(response, workspace.rowWeights());
  return new Fit({
    model,
    stop: { ...end.stop, iterations: end.iteration },
    history: historyOf(outcome.history, scale),
    diagnostics: {
      heldOut: {
        method: "gcv",
        meanSquare: Number.isFinite(choice.score) ? choice.score * scale : end.point.meanSquare * scale,
        r2: total > 0 && Number.isFinite(choice.score) ? 1 - choice.score / total : 0,
      },
      selection: {
        method: options.method,
        whiten: inputs.kind,
        starts: outcome.screened,
        start: outcome.start,
        ridge: outcome.unit > 0 ? outcome.mu / outcome.unit : 0,
        ridgeBy: options.ridge === "auto" ? "gcv" : "given",
        tail,
      },
      condition: choice.condition,
      degreesOfFreedom: choice.degreesOfFreedom,
      gaussianity: gaussianityOf(z, rows.rows, rank),
      principalValues: principalValuesOf(end.point.gradientMoment, rank).map((v) => v * scale),
      leaps: leapSummary(model.link, choice, end.point.meanSquare * scale, workspace.weightSum),
      warnings: all,
    },
    kernel: workspace.report,
    seed: options.seed,
    version: VERSION,
    samples: rows.rows,
    r2Train: total > 0 ? 1 - end.point.meanSquare / total : 0,
    elapsedMs: control.elapsedMs,
  });
}

/** Leaps of the fitted link; coefficients within three standard errors of zero count as zero. */
function leapSummary(link: Link, choice: RidgeChoice, meanSquare: number, n: number): LeapSummary {
  const variance = meanSquare / Math.max(1 - choice.degreesOfFreedom / n, 1e-3);
  const errors = choice.inverseDiagonal.map((v) => Math.sqrt((variance * v) / n));
  const { informationExponent, leap, steps, tolerance } = fittedLeaps(link, errors);
  return {
    informationExponent,
    leap,
    steps: steps.map(({ exponent, dimensions }) => ({ exponent, dimensions })),
    tolerance,
  };
}

/**
 * The same subspace in the frame of the link's principal directions: eigenvectors of the mean of ∇f∇fᵀ, steepest
 * first, each with its largest loading positive. J does not depend on the frame; a reader of the directions does.
 */
function principalFrame(point: FlowPoint, inputs: InputMap, r: number): Float64Array {
  if (r === 0) return point.basis;
  const { vectors } = symmetricEigen(point.gradientMoment, r);
  const turn = new Float64Array(r * r);
  for (let i = 0; i < r; i++) for (let k = 0; k < r; k++) turn[i * r + k] = vectors[i * r + (r - 1 - k)];
  const basis = multiply(point.basis, turn, inputs.dim, r, r);
  const loadings = toColumns(inputs, basis, r);
  for (let k = 0; k < r; k++) {
    let largest = 0;
    for (let j = 0; j < inputs.columns; j++) {
      if (Math.abs(loadings[j * r + k]) > Math.abs(largest)) largest = loadings[j * r + k];
    }
    if (largest < 0) for (let j = 0; j < inputs.dim; j++) basis[j * r + k] *= -1;
  }
  return basis;
}

/** Weighted mean square of the standardized response: 1, or 0 when it is constant. */
function variance({ standardized }: Problem["response"], weights: Float64Array | undefined): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < standardized.length; i++) {
    const w = weights ? weights[i] : 1;
    sum += w * standardized[i] ** 2;
    total += w;
  }
  return sum / total;
}

function historyOf(entries: readonly HistoryEntry[], scale: number): FitHistory {
  return {
    loss: Float64Array.from(entries, ({ state }) => state.point.loss * scale),
    gradientNorm: Float64Array.from(entries, ({ state }) => state.point.gradientNorm * scale),
    stepSize: Float64Array.from(entries, ({ state }) => state.stepSize),
    elapsedMs: Float64Array.from(entries, ({ elapsedMs }) => elapsedMs),
  };
}

/** The model of a point, in raw coordinates and the units of y. */
function buildModel({ inputs, rank, response, rows, workspace }: Problem, point: FlowPoint, tail: LinkTail) {
  const { degree } = workspace.layout.shape;
  const directions = toRawDirections(inputs, point.basis, rank);
  const coefficients = point.coefficients.map((c) => c * response.scale);
  coefficients[0] += response.mean;
  return new MultiIndexModel(
    {
      center: inputs.center,
      directions,
      basis: orthonormalize(directions, inputs.columns, rank, 0).basis,
      gradientMoment: point.gradientMoment.map((v) => v * response.scale ** 2),
      columnScale: inputs.columnScale,
      ...(rows.names ? { columns: rows.names } : {}),
    },
    Link.fromCoefficients(coefficients, { rank, degree, tail }),
  );
}

type Reporter = (phase: FitProgress["phase"], start: string, state: FlowState) => FitStep;

/** Makes the steps that a caller sees and tells `onProgress`; both get copies. */
function reporter(problem: Problem, options: FilledOptions, control: RunControl): Reporter {
  const { inputs, rank, response, rows } = problem;
  return (phase, start, { point, iteration, stepSize }) => {
    const progress: FitProgress = {
      phase,
      start,
      iteration,
      loss: point.loss * response.scale ** 2,
      gradientNorm: point.gradientNorm * response.scale ** 2,
      stepSize,
      elapsedMs: control.elapsedMs,
    };
    if (options.onProgress) {
      try {
        options.onProgress({ ...progress });
      } catch (cause) {
        throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
      }
    }
    const model = (): MultiIndexModel => {
      const loose = buildModel(problem, point, { kind: "linear", radius: 1 });
      const z = loose.project({ data: rows.data, rows: rows.rows, columns: inputs.columns });
      const radius = largestRadius(Float64Array.from(z.to1DArray()), rows.rows, rank) || 1;
      return buildModel(problem, point, { kind: "linear", radius });
    };
    return { ...progress, model };
  };
}
