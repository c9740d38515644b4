/** From the end of a run to its result: principal frame, tail, diagnostics, warnings. */
import type { RunControl } from "../base/control.js";
import { VERSION } from "../base/version.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiply, symmetricEigen } from "../math/dense.js";
import { errorLawOf } from "../model/errorLaw.js";
import { fittedLeaps } from "../model/exponents.js";
import { Link } from "../model/link.js";
import { conditionWarning, gaussianityOf, inputWarnings, principalValuesOf, type Warning } from "./diagnostics.js";
import { type InputMap, loadingSigns } from "./inputMap.js";
import { type LeaveOneOut, leaveOneOut } from "./leaveOneOut.js";
import type { RidgeChoice } from "./linkSolve.js";
import type { FlowPoint, ProfiledLoss } from "./objective.js";
import type { FilledOptions } from "./options.js";
import type { Problem } from "./problem.js";
import { buildModel } from "./progress.js";
import { Fit, type FitDiagnostics, type FitHistory, type LeapSummary, type LearnedChoice } from "./report.js";
import { directionErrors } from "./standardErrors.js";
import { chooseTail } from "./tail.js";
import type { FlowEnd, FlowState } from "./twoTimescale.js";

export interface HistoryEntry {
  readonly state: FlowState;
  readonly elapsedMs: number;
}

/** Where a run ended and what was chosen on the way. */
export interface Outcome {
  readonly objective: ProfiledLoss;
  readonly end: FlowEnd;
  readonly history: readonly HistoryEntry[];
  readonly choice: RidgeChoice;
  readonly mu: number;
  readonly unit: number;
  readonly start: string;
  readonly screened: readonly { name: string; loss: number }[];
  readonly batches?: readonly number[];
  readonly warnings: readonly Warning[];
  readonly learned?: LearnedChoice;
}

/** A run that broke gives its best earlier point, never the broken one. */
export function bestFinite(end: FlowEnd, history: readonly HistoryEntry[]): FlowEnd {
  if (end.stop.reason !== "diverged") return end;
  const finite = history.filter(({ state }) => Number.isFinite(state.point.loss) && state.point !== end.point);
  if (finite.length === 0) return end;
  const best = finite.reduce((a, b) => (b.state.point.loss < a.state.point.loss ? b : a));
  return { ...best.state, stop: end.stop };
}

/** The result of a run. The workspace holds its end point. */
export async function finish(
  problem: Problem,
  options: FilledOptions,
  control: RunControl,
  outcome: Outcome,
): Promise<Fit> {
  const { workspace, inputs, rank, response, rows } = problem;
  const { objective, end, choice, warnings } = outcome;
  const { featureCount } = workspace.layout.shape;
  const z = await workspace.projections();
  const tail = await chooseTail(workspace, objective.penalty, z, response.standardized);
  const loo = await leaveOneOut(workspace, inputs, end.point, objective.penalty.diagonal);
  const standardErrors = loo && (await directionErrors(workspace, inputs, end.point.basis, loo.errors));
  const errors = loo && errorLawOf(knownErrors(loo, workspace.rowWeights(), response.scale), "leave-one-out");
  const model = buildModel(problem, end.point, tail.tail, errors);
  const scale = response.scale ** 2;
  const { penalty } = objective;
  const all = [
    ...inputWarnings(inputs, rank, options.rank === "auto" ? rank : options.rank, rows.rows, featureCount),
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
  const { name, reason } = workspace.report;
  if (reason) all.push({ code: name === "reference" ? "REFERENCE_KERNEL" : "ONE_THREAD", message: reason });
  const total = weightedMeanSquare(response.standardized, workspace.rowWeights());
  return new Fit({
    model,
    stop: { ...end.stop, iterations: end.iteration },
    history: historyOf(outcome.history, scale),
    diagnostics: {
      heldOut: heldOut(loo, choice, end.point, workspace.rowWeights(), total, scale),
      selection: {
        method: options.method,
        whiten: inputs.kind,
        starts: outcome.screened,
        batches: outcome.batches ?? [],
        start: outcome.start,
        ridge: outcome.unit > 0 ? outcome.mu / outcome.unit : 0,
        ridgeBy: options.ridge === "auto" ? "gcv" : "given",
        tail,
        rankBy: options.rank === "auto" ? "leave-one-out" : "given",
        degreeBy: options.degree === "auto" ? "leave-one-out" : "given",
        family: "hermite",
        ...(outcome.learned ?? { ranks: [], tests: [] }),
      },
      condition: choice.condition,
      degreesOfFreedom: loo?.degreesOfFreedom ?? choice.degreesOfFreedom,
      gaussianity: gaussianityOf(z, rows.rows, rank),
      ...(standardErrors ? { standardErrors } : {}),
      principalValues: principalValuesOf(end.point.gradientMoment, rank).map((v) => v * scale),
      leaps: leapSummary(workspace, choice, end.point),
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

/** Estimated error on new rows: leave-one-out where its normal equations are regular, else GCV. */
function heldOut(
  loo: LeaveOneOut | undefined,
  choice: RidgeChoice,
  point: FlowPoint,
  weights: Float64Array | undefined,
  total: number,
  scale: number,
): FitDiagnostics["heldOut"] {
  const gcv = Number.isFinite(choice.score) ? choice.score : point.meanSquare;
  const square = loo ? weightedMeanSquare(loo.errors, weights) : gcv;
  return {
    method: loo ? "leave-one-out" : "gcv",
    meanSquare: square * scale,
    r2: total > 0 ? 1 - square / total : 0,
    gcv: gcv * scale,
    ...(loo ? { errors: loo.errors.map((e) => e * Math.sqrt(scale)) } : {}),
  };
}

/** Errors of the rows that have a weight, in the units of y. */
function knownErrors({ errors }: LeaveOneOut, weights: Float64Array | undefined, scale: number): Float64Array {
  const known = weights ? errors.filter((_, i) => weights[i] > 0) : errors;
  return known.map((e) => e * scale);
}

function weightedMeanSquare(errors: Float64Array, weights: Float64Array | undefined): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < errors.length; i++) {
    const w = weights ? weights[i] : 1;
    sum += w * errors[i] ** 2;
    total += w;
  }
  return sum / total;
}

/** Leaps of the fitted link, for y of variance 1; coefficients within three standard errors of zero count as zero. */
function leapSummary(workspace: Workspace, choice: RidgeChoice, { coefficients, meanSquare }: FlowPoint): LeapSummary {
  const n = workspace.weightSum;
  const { rank, degree } = workspace.layout.shape;
  const link = Link.fromCoefficients(coefficients, { rank, degree });
  const variance = meanSquare / Math.max(1 - choice.degreesOfFreedom / n, 1e-3);
  const errors = workspace.inverseDiagonal().map((v) => Math.sqrt((variance * v) / n));
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
export function principalFrame(point: FlowPoint, inputs: InputMap, r: number): Float64Array {
  if (r === 0) return point.basis;
  const { vectors } = symmetricEigen(point.gradientMoment, r);
  const turn = new Float64Array(r * r);
  for (let i = 0; i < r; i++) for (let k = 0; k < r; k++) turn[i * r + k] = vectors[i * r + (r - 1 - k)];
  const basis = multiply(point.basis, turn, inputs.dim, r, r);
  const signs = loadingSigns(inputs, basis, r);
  return basis.map((v, at) => v * signs[at % r]);
}

function historyOf(entries: readonly HistoryEntry[], scale: number): FitHistory {
  return {
    loss: Float64Array.from(entries, ({ state }) => state.point.loss * scale),
    gradientNorm: Float64Array.from(entries, ({ state }) => state.point.gradientNorm * scale),
    stepSize: Float64Array.from(entries, ({ state }) => state.stepSize),
    elapsedMs: Float64Array.from(entries, ({ elapsedMs }) => elapsedMs),
  };
}
