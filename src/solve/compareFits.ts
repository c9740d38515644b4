/** Two fits of the same rows, compared by their leave-one-out errors. */
import { describe } from "../base/assert.js";
import { InputError, LeapflowError } from "../base/errors.js";
import { subspaceDistance } from "../model/compare.js";
import type { Fit } from "./report.js";

/** How two fits differ. */
export interface FitComparison {
  /** Mean of e_a² − e_b² over the rows, in the units of y²: positive when b predicts better. */
  readonly difference: number;
  /** Its standard error; the rows are paired, so it is small for similar models. */
  readonly standardError: number;
  /** Which predicts better by more than two standard errors, if any. */
  readonly better: "a" | "b" | undefined;
  /** R² on new rows by leave-one-out, of a and of b. */
  readonly r2: readonly [number, number];
  /** Distance of their subspaces, radians; absent when their ranks differ. */
  readonly distance?: number;
}

const SIGNIFICANT = 2;

/**
 * Compares two fits of the same rows in the same order.
 * @throws {InputError} `TYPE` unless both are fits, `SHAPE` when they were fitted on different numbers of rows or inputs
 * @throws {LeapflowError} `UNAVAILABLE` when one of them has no leave-one-out errors
 */
export function compare(a: Fit, b: Fit): FitComparison {
  for (const [name, fit] of [
    ["first", a],
    ["second", b],
  ] as const) {
    if (fit?.model === undefined || fit.diagnostics?.heldOut === undefined)
      throw new InputError(
        "TYPE",
        `the ${name} argument of compare is ${describe(fit)}; expected what fitMultiIndex gives.`,
      );
  }
  const [ea, eb] = [a, b].map((fit) => fit.diagnostics.heldOut.errors);
  if (!ea || !eb) {
    const message = `The ${ea ? "second" : "first"} fit has no leave-one-out errors (its normal equations were singular); compare scores on other rows instead.`;
    throw new LeapflowError("UNAVAILABLE", message);
  }
  if (ea.length !== eb.length || a.model.dim !== b.model.dim) {
    throw new InputError(
      "SHAPE",
      `The fits saw ${ea.length} rows of ${a.model.dim} inputs and ${eb.length} rows of ${b.model.dim} inputs; a comparison needs the same rows.`,
    );
  }
  const n = ea.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += (ea[i] * ea[i] - eb[i] * eb[i]) / n;
  let square = 0;
  for (let i = 0; i < n; i++) square += (ea[i] * ea[i] - eb[i] * eb[i] - mean) ** 2;
  const standardError = Math.sqrt(square) / n;
  const clear = Math.abs(mean) > SIGNIFICANT * standardError;
  return {
    difference: mean,
    standardError,
    better: clear ? (mean > 0 ? "b" : "a") : undefined,
    r2: [a.diagnostics.heldOut.r2, b.diagnostics.heldOut.r2],
    ...(a.model.rank === b.model.rank ? { distance: distanceOf(a, b) } : {}),
  };
}

const distanceOf = ({ model: a }: Fit, { model: b }: Fit): number =>
  a.rank === 0 ? 0 : subspaceDistance(a.basis, b.basis);
