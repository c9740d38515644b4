/** fitMultiIndex: validate, reserve, compare starts, run the two-timescale algorithm, report. */
import { RunControl } from "../base/control.js";
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { toColumns } from "./inputMap.js";
import { chooseRidge, degreePenalty, gramScale, Penalty, type RidgeChoice } from "./linkSolve.js";
import { methodNamed } from "./methods.js";
import { ProfiledLoss } from "./objective.js";
import { type FilledOptions, type FitOptions, fillOptions } from "./options.js";
import { bestFinite, finish, type HistoryEntry, principalFrame } from "./outcome.js";
import { screen } from "./portfolio.js";
import { type Problem, prepare, startsOf } from "./problem.js";
import { type FitStep, reporter } from "./progress.js";
import type { Fit } from "./report.js";
import { anyOf, deadline, diverged, gradientBelow, iterationLimit, nothingToOptimize } from "./stopping.js";
import { type FlowEnd, twoTimescale } from "./twoTimescale.js";

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
