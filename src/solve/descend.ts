/** One rank and degree on all rows: compare starts, choose the ridge, run the two-timescale algorithm, report. */
import type { RunControl } from "../base/control.js";
import type { Warning } from "./diagnostics.js";
import { toColumns } from "./inputMap.js";
import { chooseRidge, degreePenalty, gramScale, Penalty, type RidgeChoice } from "./linkSolve.js";
import { methodNamed } from "./methods.js";
import { ProfiledLoss } from "./objective.js";
import type { FilledOptions } from "./options.js";
import { bestFinite, finish, type HistoryEntry, principalFrame } from "./outcome.js";
import type { NamedStart } from "./portfolio.js";
import { screen } from "./portfolio.js";
import type { Problem } from "./problem.js";
import { type FitStep, reporter } from "./progress.js";
import type { Fit, LearnedChoice } from "./report.js";
import { anyOf, deadline, diverged, gradientBelow, iterationLimit, nothingToOptimize } from "./stopping.js";
import { type FlowEnd, twoTimescale } from "./twoTimescale.js";

/** Relative ridge of the first descent when GCV is to choose; small enough to see the whole link. */
const FIRST_RIDGE = 1e-6;
/** A choice of ridge this many times off the one in use is worth another descent. */
const RIDGE_FACTOR = 10;

/** Where a descent begins. */
export interface Beginning {
  readonly starts: readonly NamedStart[];
  /** Relative ridge to begin with, when one is known already; GCV still has the last word unless it was given. */
  readonly ridge?: number;
  readonly warnings: readonly Warning[];
  /** Starts that were compared already, best first, with their losses in the units of y². */
  readonly screened?: readonly { readonly name: string; readonly loss: number }[];
  /** Rows of the batches that led here, ascending. */
  readonly batches?: readonly number[];
  /** How rank, degree and whitening were found, when the data chose them. */
  readonly learned?: LearnedChoice;
}

/**
 * From starts to a fit. Screening picks the start when there are several; the ridge is chosen at the best one and again
 * at the end, where a far choice is worth another descent.
 */
export async function* descend(
  problem: Problem,
  options: FilledOptions,
  control: RunControl,
  beginning: Beginning,
): AsyncGenerator<FitStep, Fit, undefined> {
  const { workspace, inputs, rank, degree } = problem;
  const { warnings } = beginning;
  const starts = [...beginning.starts];
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
    return chooseRidge(
      workspace,
      weights,
      unit,
      mu,
      meanSquare,
      rank * (inputs.dim - rank),
      rank === 1 && degree === 1,
    );
  };

  let mu = (options.ridge === "auto" ? (beginning.ridge ?? FIRST_RIDGE) : options.ridge) * unit;
  let objective = objectiveAt(mu);
  let start = { name: starts[0].name, basis: first };
  let { screened = [] } = beginning;
  if ((options.ridge === "auto" && beginning.ridge === undefined) || starts.length > 1) {
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
    ...(beginning.batches ? { batches: beginning.batches } : {}),
    warnings,
    ...(beginning.learned ? { learned: beginning.learned } : {}),
  });
}
