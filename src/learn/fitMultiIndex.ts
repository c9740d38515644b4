/** fitMultiIndex: validate, decide what is left to the data, run the two-timescale algorithm, report. */
import { RunControl } from "../base/control.js";
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { countedOnce } from "../data/copies.js";
import { openCrew } from "../kernel/threads.js";
import { approach } from "../solve/batches.js";
import { calibrated } from "../solve/calibration.js";
import { type Beginning, descend } from "../solve/descend.js";
import type { InputMap } from "../solve/inputMap.js";
import { type FilledOptions, type FitOptions, fillOptions } from "../solve/options.js";
import { type FitData, mapInputs, openProblem, type Problem, readData, startsOf } from "../solve/problem.js";
import { buildModel, callProgress, type FitStep } from "../solve/progress.js";
import { Fit, type Refit } from "../solve/report.js";
import type { Candidate } from "./candidate.js";
import { learn, type Plan } from "./learn.js";
import { bestStart, FEW_ROWS } from "./rankSearch.js";
import { withRicherLink } from "./richerLink.js";
import { rawStudy, whitenedStudy } from "./study.js";

/** What `fitMultiIndex` of onDemand.ts runs. */
export async function fitMultiIndex(X: MatrixLike | RowSource, y: VectorLike, options?: FitOptions): Promise<Fit> {
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
  options?: FitOptions,
): AsyncGenerator<FitStep, Fit, undefined> {
  const filled = fillOptions(options);
  const control = new RunControl({
    ...(filled.signal ? { signal: filled.signal } : {}),
    ...(filled.deadlineMs === undefined ? {} : { deadlineMs: filled.deadlineMs }),
  });
  control.throwIfAborted();
  const read = await readData(X, y, filled, control);
  // Members of a cluster weigh the rows that they hold themselves.
  const data =
    isOpen(filled) && !filled.crew && filled.shards === undefined ? await withoutCopies(read, control) : read;
  if (filled.crew) return yield* fitted({ ...data, crew: filled.crew }, filled, control);
  const crew = await openCrew(filled.threads, filled.shards);
  try {
    return yield* fitted({ ...data, crew }, filled, control);
  } finally {
    crew?.dispose();
  }
}

/** Whether anything is left to the data. */
const isOpen = ({ rank, degree, link }: FilledOptions): boolean =>
  rank === "auto" || degree === "auto" || !["auto", "hermite"].includes(link as string);

/** Copies of rows as weights: their leave-one-out errors would be those of rows that were not left out. */
async function withoutCopies(data: FitData, control: RunControl): Promise<FitData> {
  const { rows, response, weights } = data;
  const counted = await countedOnce(rows, response.standardized, control, weights);
  return counted ? { ...data, weights: counted.weights, first: counted.first } : data;
}

/** The fit of checked data. */
async function* fitted(
  data: FitData,
  filled: FilledOptions,
  control: RunControl,
): AsyncGenerator<FitStep, Fit, undefined> {
  const given = await mapInputs(data, filled, control);
  // A constant response is its mean: there is nothing that a search could weigh.
  const isConstant = data.response.standardized.every((value) => value === 0);
  const plan = isOpen(filled) && !isConstant ? yield* searched(data, given, filled, control) : undefined;
  const inputs = plan?.inputs ?? given;
  const rank = plan ? plan.chosen.rank : filled.rank === "auto" ? 0 : filled.rank;
  const degree = plan ? plan.chosen.degree : filled.degree === "auto" ? 0 : filled.degree;
  const known = plan ? beginningOf(plan) : yield* approach(data, inputs, rank, degree, filled, control);
  const problem = await openProblem(data, inputs, rank, degree, filled, control);
  try {
    const beginning = known ?? (await givenRank(problem, filled, control));
    const fit = yield* descend(problem, filled, control, beginning);
    const found = plan?.richer ? withRicherLink(fit, data, inputs, plan.study, plan.richer) : fit;
    const { errors } = found.diagnostics.heldOut;
    // A copy is predicted without any of its like.
    if (errors && data.first) errors.set(errors.map((_, i) => errors[data.first?.[i] ?? i]));
    return new Fit(calibrated(found, data.aside), refitOf(found, filled, degree));
  } finally {
    problem.workspace.dispose();
  }
}

/** The search, its candidates shown as steps. */
async function* searched(
  data: FitData,
  inputs: InputMap,
  options: FilledOptions,
  control: RunControl,
): AsyncGenerator<FitStep, Plan> {
  const run = learn(data, inputs, options, control);
  for (let iteration = 0; ; iteration++) {
    const { done, value } = await run.next();
    if (done) return value;
    yield searchStep(data, inputs, options, control, value, iteration);
  }
}

function searchStep(
  data: FitData,
  inputs: InputMap,
  options: FilledOptions,
  control: RunControl,
  candidate: Candidate,
  iteration: number,
): FitStep {
  const { rank, degree, start, score } = candidate;
  const progress = {
    phase: "search" as const,
    start,
    rank,
    degree,
    iteration,
    loss: (score * data.response.scale ** 2) / 2,
    gradientNorm: 0,
    stepSize: 0,
    elapsedMs: control.elapsedMs,
  };
  callProgress(options, progress);
  const tail = { kind: "linear" as const, radius: Math.max(candidate.radius, Number.MIN_VALUE) };
  return { ...progress, model: () => buildModel({ ...data, inputs, rank, degree }, candidate, tail) };
}

function beginningOf({ chosen, batches, ranks, tests, heldOut, information, warnings }: Plan): Beginning {
  return {
    starts: [{ name: chosen.start, basis: async () => chosen.basis }],
    ridge: chosen.ridge,
    batches,
    warnings,
    learned: { ranks, tests, ...(heldOut ? { heldOut } : {}), ...(information ? { information } : {}) },
  };
}

/** Starts for a given rank and degree; where rows are few, also the best that a search with hops finds. */
async function givenRank(problem: Problem, options: FilledOptions, control: RunControl): Promise<Beginning> {
  const beginning = startsOf(problem, options);
  const { rank, degree, inputs } = problem;
  const { dim } = inputs;
  const { rows } = problem.rows;
  // Rows fewer than the entries of a basis can be met by any of its basins.
  const isFew = rows > rank * dim && rows < FEW_ROWS * rank * dim;
  if (options.start !== "auto" || !isFew || rank === 0 || rank >= dim || control.expired) return beginning;
  const study = await whitenedStudy(rawStudy(problem, options, control), inputs);
  const found = await bestStart(study, rank, degree, options.restarts);
  if (!found) return beginning;
  return { ...beginning, starts: [...beginning.starts, { name: found.name, basis: async () => found.basis }] };
}

/** The choices of a fit as options of the next one. */
function refitOf({ model, diagnostics }: Fit, { link, seed, intervals }: FilledOptions, degree: number): Refit {
  const family = model.link.family === "custom" ? link : model.link.family;
  return (X, y, options = {}) =>
    fitMultiIndex(X, y, {
      rank: model.rank,
      degree,
      link: family,
      whiten: diagnostics.selection.whiten,
      ...(model.rank > 0 ? { start: model.basis, restarts: 0 } : {}),
      seed,
      intervals,
      ...options,
    });
}
