/** What a caller sees while a fit runs: progress, and the model as it is now. */
import type { RunControl } from "../base/control.js";
import { LeapflowError } from "../base/errors.js";
import { orthonormalize } from "../math/grassmann.js";
import type { ErrorLaw } from "../model/errorLaw.js";
import { Link, type LinkTail } from "../model/link.js";
import { MultiIndexModel } from "../model/multiIndexModel.js";
import { toRawDirections } from "./inputMap.js";
import type { LinkPoint } from "./objective.js";
import type { FilledOptions, FitProgress } from "./options.js";
import type { Problem } from "./problem.js";
import { largestRadius } from "./tail.js";
import type { FlowState } from "./twoTimescale.js";

/** What `fitMultiIndex.steps` yields. */
export interface FitStep extends FitProgress {
  /** The model as it is now; built when asked for, and valid for ever. Cost: one pass over X. */
  model(): MultiIndexModel;
}

/** The model of a point, in raw coordinates and the units of y. */
export function buildModel(
  { inputs, rank, degree, response, rows }: Omit<Problem, "workspace">,
  point: Pick<LinkPoint, "basis" | "coefficients" | "gradientMoment">,
  tail: LinkTail,
  errors?: ErrorLaw,
): MultiIndexModel {
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
      ...(errors ? { errors } : {}),
    },
    Link.fromCoefficients(coefficients, { rank, degree, tail }),
  );
}

export type Reporter = (phase: FitProgress["phase"], start: string, state: FlowState) => FitStep;

/** Makes the steps that a caller sees and tells `onProgress`; both get copies. */
export function reporter(problem: Problem, options: FilledOptions, control: RunControl): Reporter {
  const { inputs, rank, degree, response, rows } = problem;
  return (phase, start, { point, iteration, stepSize }) => {
    const progress: FitProgress = {
      phase,
      start,
      rank,
      degree,
      iteration,
      loss: point.loss * response.scale ** 2,
      gradientNorm: point.gradientNorm * response.scale ** 2,
      stepSize,
      elapsedMs: control.elapsedMs,
    };
    callProgress(options, progress);
    const model = (): MultiIndexModel => {
      const loose = buildModel(problem, point, { kind: "linear", radius: 1 });
      const z = loose.project({ data: rows.data, rows: rows.rows, columns: inputs.columns });
      const radius = largestRadius(Float64Array.from(z.to1DArray()), rows.rows, rank) || 1;
      return buildModel(problem, point, { kind: "linear", radius });
    };
    return { ...progress, model };
  };
}

/** Tells `onProgress`, with a copy. @throws {LeapflowError} `CALLBACK` when it throws */
export function callProgress({ onProgress }: FilledOptions, progress: FitProgress): void {
  if (!onProgress) return;
  try {
    onProgress({ ...progress });
  } catch (cause) {
    throw new LeapflowError("CALLBACK", `onProgress threw: ${String(cause)}`, { cause });
  }
}
