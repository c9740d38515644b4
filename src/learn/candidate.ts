/** One rank and degree: directions refined from a start, ridge by GCV, leave-one-out errors. */
import { NumericalError } from "../base/errors.js";
import { subspaceDistance } from "../math/grassmann.js";
import { featureCount } from "../math/multiIndex.js";
import { toColumns } from "../solve/inputMap.js";
import { leaveOneOut, tangentDirections } from "../solve/leaveOneOut.js";
import { chooseRidge, degreePenalty, gramScale, Penalty } from "../solve/linkSolve.js";
import { methodNamed } from "../solve/methods.js";
import { type FlowPoint, ProfiledLoss } from "../solve/objective.js";
import {
  anyOf,
  deadline,
  diverged,
  gradientBelow,
  iterationLimit,
  nothingToOptimize,
  type StoppingRule,
} from "../solve/stopping.js";
import { largestRadius } from "../solve/tail.js";
import { twoTimescale } from "../solve/twoTimescale.js";
import type { Start } from "./starts.js";
import { type Study, weightedMean, withWorkspace } from "./study.js";

/** A fitted rank and degree with its score. */
export interface Candidate {
  readonly rank: number;
  readonly degree: number;
  /** k×r in the whitened coordinates. */
  readonly basis: Float64Array;
  /** Relative ridge. */
  readonly ridge: number;
  /** Mean squared leave-one-out error, in units of var(y). */
  readonly score: number;
  /** Leave-one-out errors, n. */
  readonly errors: Float64Array;
  readonly degreesOfFreedom: number;
  readonly gcv: number;
  readonly meanSquare: number;
  readonly gradientMoment: Float64Array;
  /** √w·ρ, n. */
  readonly residuals: Float64Array;
  /** n×r projections. */
  readonly projections: Float64Array;
  /** Largest |z|. */
  readonly radius: number;
  /** p coefficients of the link, for y of variance 1. */
  readonly coefficients: Float64Array;
  /** Name of the start that led here. */
  readonly start: string;
}

/** Relative ridge of the first descent, as for a single fit. */
const FIRST_RIDGE = 1e-6;
/** GCV ridges up to this many times the first are used without another descent. */
const NEAR = 10;
const TOLERANCE = 1e-4;
/** Starts this close, as an angle, lead to one end. */
const SAME_BASIS = 0.02;
const ITERATIONS = 30;
/** Steps after which the order of several starts is nearly always final. */
const COMPARED_STEPS = 3;
/** Fewer rows than this many times the directions' entries make basins that look alike from afar. */
const FEW = 6;

/** Stops a search descent: a warm start needs few steps, a cold one no exact end. */
export function searchRules({ inputs, control }: Study, rank: number, iterations = ITERATIONS): StoppingRule {
  return anyOf(
    diverged,
    nothingToOptimize(inputs.dim, rank),
    gradientBelow(TOLERANCE),
    stalled(),
    iterationLimit(iterations),
    deadline(control),
  );
}

/** Ends a run whose loss fell by less than this part in a step. */
const STALL = 1e-4;
function stalled(): StoppingRule {
  let before = Number.POSITIVE_INFINITY;
  return ({ point }) => {
    const slow = before - point.loss < STALL * point.loss;
    before = point.loss;
    return slow ? { reason: "step-limit", converged: false } : undefined;
  };
}

/** Runs Gauss–Newton from a basis to its end. */
export async function descendTo(objective: ProfiledLoss, basis: Float64Array, rules: StoppingRule): Promise<FlowPoint> {
  const run = twoTimescale(objective, basis, methodNamed("gauss-newton"), rules);
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value.point;
  }
}

/** What work on a link gives; undefined where its normal equations are singular, as with features of a basis made for few rows. */
export async function whereDetermined<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NumericalError && error.code === "SINGULAR") return undefined;
    throw error;
  }
}

/** The one of some starts whose loss is least after three steps, and where it is then; with few rows at their ends. */
async function bestBegin(study: Study, objective: ProfiledLoss, starts: readonly Start[]): Promise<Start> {
  const { dim, rank } = objective;
  const isFew = objective.workspace.layout.shape.samples < FEW * rank * dim;
  const different = starts.filter(
    ({ basis }, i) => i === 0 || subspaceDistance(starts[0].basis, basis, dim, rank, rank) >= SAME_BASIS,
  );
  if (different.length === 1) return different[0];
  let best: Start = different[0];
  let least = Number.POSITIVE_INFINITY;
  for (const { name, basis } of different) {
    const rules = searchRules(study, rank, isFew ? ITERATIONS : COMPARED_STEPS);
    const point = await whereDetermined(() => descendTo(objective, basis, rules));
    if (!point || !(point.loss < least)) continue;
    least = point.loss;
    best = { name, basis: point.basis };
  }
  return best;
}

/** Fits and scores (rank, degree) from the best of some starts; undefined where the link cannot be determined. */
export const evaluate = (
  study: Study,
  rank: number,
  degree: number,
  starts: readonly Start[],
): Promise<Candidate | undefined> => whereDetermined(() => scored(study, rank, degree, starts));

async function scored(
  study: Study,
  rank: number,
  degree: number,
  starts: readonly Start[],
): Promise<Candidate | undefined> {
  const { inputs, rows } = study;
  const motions = rank * (inputs.dim - rank);
  const isLinear = rank === 1 && degree === 1;
  const complement = tangentDirections(rows.rows, featureCount(rank, degree), rank, inputs.dim);
  return withWorkspace(
    study,
    rank,
    degree,
    async (workspace) => {
      const weights = degreePenalty(rank, degree);
      await workspace.projectTrial(toColumns(inputs, starts[0].basis, rank));
      const unit = gramScale(workspace);
      let mu = FIRST_RIDGE * unit;
      let objective = new ProfiledLoss(workspace, inputs, new Penalty(weights, mu, unit));
      const from = await bestBegin(study, objective, starts);
      let point = await descendTo(objective, from.basis, searchRules(study, rank));
      // The normal equations left behind are those of the last trial, which may have been refused.
      point = await objective.at(point.basis);
      let choice = chooseRidge(workspace, weights, unit, mu, point.meanSquare, motions, isLinear);
      if (choice.mu > NEAR * mu) {
        mu = choice.mu;
        objective = new ProfiledLoss(workspace, inputs, new Penalty(weights, mu, unit));
        point = await descendTo(objective, point.basis, searchRules(study, rank));
        point = await objective.at(point.basis);
        choice = chooseRidge(workspace, weights, unit, mu, point.meanSquare, motions, isLinear);
      }
      if (choice.mu !== mu) {
        mu = choice.mu;
        objective = new ProfiledLoss(workspace, inputs, new Penalty(weights, mu, unit));
        point = await objective.at(point.basis);
      }
      const loo = await leaveOneOut(workspace, inputs, point, objective.penalty.diagonal);
      if (!loo) return undefined;
      const score = weightedMean(
        study,
        loo.errors.map((e) => e * e),
      );
      const projections = await workspace.projections();
      return {
        rank,
        degree,
        basis: point.basis,
        ridge: mu / unit,
        score,
        errors: loo.errors,
        degreesOfFreedom: loo.degreesOfFreedom,
        gcv: choice.score,
        meanSquare: point.meanSquare,
        gradientMoment: point.gradientMoment,
        residuals: await workspace.residuals(),
        projections,
        radius: largestRadius(projections, rows.rows, rank),
        coefficients: point.coefficients,
        start: from.name,
      };
    },
    complement,
  );
}
