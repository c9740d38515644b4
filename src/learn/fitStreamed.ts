/** A fit of a table too large for memory: chosen and nearly finished on a sample, finished on all rows. */
import { checkNumber, checkOptions } from "../base/assert.js";
import { RunControl } from "../base/control.js";
import { InputError, LeapflowError } from "../base/errors.js";
import type { RowSource } from "../base/types.js";
import { RowStream, type StreamProgress } from "../data/rowStream.js";
import { orthonormalize, retractPolar } from "../math/grassmann.js";
import { gaussNewtonSolve } from "../solve/directions.js";
import { fromRawDirections } from "../solve/inputMap.js";
import { degreePenalty, gramScale, Penalty } from "../solve/linkSolve.js";
import { type FlowPoint, ProfiledLoss } from "../solve/objective.js";
import { type FitOptions, fillOptions } from "../solve/options.js";
import { principalFrame } from "../solve/outcome.js";
import { mapInputs, openProblem, type Problem, readData } from "../solve/problem.js";
import { buildModel } from "../solve/progress.js";
import { Fit } from "../solve/report.js";
import type { Stop } from "../solve/stopping.js";
import { StreamedLoss } from "../solve/streamedLoss.js";
import { fitMultiIndex } from "./fitMultiIndex.js";
import { StreamedFit } from "./streamedFit.js";

/** Where a fit of a streamed table is. */
export interface StreamedProgress extends StreamProgress {
  /** Passes begun; the first takes the sample. */
  readonly pass: number;
  readonly elapsedMs: number;
  /** Of this pass, from its speed so far; unknown in the first. */
  readonly secondsLeft: number | undefined;
}

export interface StreamedOptions extends Omit<FitOptions, "weights" | "crew"> {
  /** The response: its name, or the number of its column from 0. */
  readonly target: string | number;
  /** What the rows in memory may take, default 256 MiB: the sample, its working memory and the windows. */
  readonly memoryBytes?: number;
  readonly onRows?: (progress: StreamedProgress) => void;
}

const DEFAULT_MEMORY = 2 ** 28;
/** More rows than this show the search and the first iterations nothing new. */
const MOST_SAMPLED = 200_000;
/** Doubles of working memory that a row of a fit takes besides its inputs. */
const DOUBLES_PER_ROW = 64;
/** Steps on all rows. Each shrinks the error by about the square root of parameters over sampled rows. */
const MOST_STEPS = 12;
const FORCING = 1e-3;

/** What `fitStreamed` of onDemand.ts runs. */
export async function fitStreamed(source: RowSource, options: StreamedOptions): Promise<StreamedFit> {
  const { target, memoryBytes, onRows, ...fitOptions } = checkGiven(options);
  const filled = fillOptions(fitOptions);
  const { signal, deadlineMs, seed } = filled;
  const control = new RunControl({
    ...(signal ? { signal } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  control.throwIfAborted();
  const clock = new PassClock(control, onRows);
  const stream = new RowStream(source, target, control, (progress) => clock.tell(progress));
  const bytesPerRow = 8 * (2 * stream.columns + DOUBLES_PER_ROW);
  const size = Math.max(1000, Math.min(MOST_SAMPLED, Math.floor((memoryBytes ?? DEFAULT_MEMORY) / bytesPerRow)));
  clock.begin();
  const { X, y } = await stream.sample(size, seed);
  const n = stream.rows as number;
  if (n === 0) throw new InputError("EMPTY", "the table has no rows.");
  const fit = await fitMultiIndex(X, y, { ...fitOptions, seed });
  const { model } = fit;
  const report = (meanSquare: number, found = fit): StreamedFit =>
    new StreamedFit(found, { meanSquare, sampled: X.rows, passes: clock.passes });
  const onSample = ((): number => {
    const predicted = model.predict(X);
    return predicted.reduce((sum, v, i) => sum + (y[i] - v) ** 2, 0) / X.rows;
  })();
  if (X.rows === n) return report(onSample);
  if (model.rank === 0 || model.degree === null) {
    const note = {
      code: "SAMPLED" as const,
      message: `The link was fitted to a sample of ${X.rows} of ${n} rows only.`,
    };
    const diagnostics = { ...fit.diagnostics, warnings: [...fit.diagnostics.warnings, note] };
    return report(onSample, new Fit({ ...fit, diagnostics }));
  }
  const wanted = { ...filled, whiten: fit.diagnostics.selection.whiten, intervals: "leave-one-out" as const };
  const data = await readData(X, y, wanted, control);
  const problem = await openProblem(
    data,
    await mapInputs(data, wanted, control),
    model.rank,
    model.degree,
    wanted,
    control,
  );
  let loss: StreamedLoss | undefined;
  try {
    const { response, inputs, rank, degree } = problem;
    const start = orthonormalize(
      fromRawDirections(inputs, Float64Array.from(model.data.directions.flat()), rank),
      inputs.dim,
      rank,
      0,
    );
    const objective = await objectiveOf(problem, start.basis, fit.diagnostics.selection.ridge);
    const windows = (visit: (rows: number) => Promise<void>): Promise<number> => {
      clock.begin();
      return stream.windows(response.mean, response.scale, visit);
    };
    loss = await StreamedLoss.open(stream.window, windows, inputs, problem, objective.penalty, filled.kernel, control);
    const { point, stop, steps } = await refine(loss, objective, start.basis, wanted, control);
    const meanSquare = point.meanSquare * response.scale ** 2;
    const errors = model.data.errors;
    const built = buildModel({ ...problem, rank, degree }, point, fit.diagnostics.selection.tail.tail, errors);
    return report(
      meanSquare,
      new Fit({
        ...fit,
        model: built,
        stop: { ...stop, iterations: fit.stop.iterations + steps },
        samples: n,
        r2Train: stream.variance > 0 ? 1 - meanSquare / stream.variance : 0,
        elapsedMs: control.elapsedMs,
      }),
    );
  } finally {
    loss?.dispose();
    problem.workspace.dispose();
  }
}

function checkGiven(options: StreamedOptions): StreamedOptions {
  const given = (options ?? {}) as StreamedOptions & { weights?: unknown };
  const { target, memoryBytes, onRows, ...rest } = given;
  checkOptions(
    { ...("weights" in rest ? { weights: 0 } : {}), ...("crew" in rest ? { crew: 0 } : {}) },
    [],
    "fitStreamed",
  );
  if (memoryBytes !== undefined) checkNumber(memoryBytes, "memoryBytes", { above: 0 });
  return given;
}

/** The objective of the sample with the ridge that was chosen there. */
async function objectiveOf(
  { workspace, inputs, rank, degree }: Problem,
  basis: Float64Array,
  ridge: number,
): Promise<ProfiledLoss> {
  const weights = degreePenalty(rank, degree);
  const loose = new ProfiledLoss(workspace, inputs, new Penalty(weights, 0, 1));
  await loose.at(basis);
  const unit = gramScale(workspace);
  return new ProfiledLoss(workspace, inputs, new Penalty(weights, ridge * unit, unit));
}

/** Gauss–Newton steps with the gradient of all rows and the curvature of the sample; the last point is in its principal frame. */
async function refine(
  loss: StreamedLoss,
  sample: ProfiledLoss,
  start: Float64Array,
  { tolerance }: { readonly tolerance: number },
  control: RunControl,
): Promise<{ point: FlowPoint; stop: Stop; steps: number }> {
  const { dim, rank } = sample;
  let point = await loss.at(start);
  let stop: Stop = { reason: "iteration-limit", converged: false };
  let steps = 0;
  for (; steps < MOST_STEPS; steps++) {
    if (dim === rank) stop = { reason: "nothing-to-optimize", converged: true };
    else if (point.gradientNorm <= tolerance * Math.sqrt(2 * point.loss))
      stop = { reason: "converged", converged: true };
    else if (control.expired) stop = { reason: "deadline", converged: false };
    else {
      const direction = await gaussNewtonSolve(
        sample,
        await sample.at(point.basis),
        point.gradient.map((v) => -v),
        FORCING,
      );
      const next = await loss.at(retractPolar(point.basis, direction, 1, dim, rank));
      // Near the end a step changes the loss by less than it can be known; its gradient still tells.
      if (!(next.loss < point.loss || next.gradientNorm < point.gradientNorm)) {
        stop = { reason: "step-limit", converged: point.gradientNorm <= 1e-4 * Math.sqrt(2 * point.loss) };
        break;
      }
      point = next;
      continue;
    }
    break;
  }
  const frame = principalFrame(point, sample.inputs, rank);
  return { point: await loss.at(frame), stop, steps };
}

/** Tells how far a pass is, and when it will be over. */
class PassClock {
  readonly #control: RunControl;
  readonly #onRows: ((progress: StreamedProgress) => void) | undefined;
  #startedMs = 0;
  passes = 0;

  constructor(control: RunControl, onRows: ((progress: StreamedProgress) => void) | undefined) {
    this.#control = control;
    this.#onRows = onRows;
  }

  begin(): void {
    this.passes++;
    this.#startedMs = this.#control.elapsedMs;
  }

  tell(progress: StreamProgress): void {
    const { rows, total } = progress;
    const { elapsedMs } = this.#control;
    const secondsLeft =
      total === undefined ? undefined : (((elapsedMs - this.#startedMs) / rows) * (total - rows)) / 1000;
    try {
      this.#onRows?.({ ...progress, pass: this.passes, elapsedMs, secondsLeft });
    } catch (cause) {
      throw new LeapflowError("CALLBACK", `onRows threw: ${String(cause)}`, { cause });
    }
  }
}
