/** Split conformal intervals: rows set aside before anything is chosen, errors on them after everything is. */
import { InputError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { DenseRows } from "../base/types.js";
import { takeRows } from "../data/rows.js";
import { Fit } from "./report.js";

/** Rows that a fit has not seen. */
export interface Calibration {
  readonly rows: DenseRows;
  readonly y: Float64Array;
}

interface Rows extends Calibration {
  readonly weights: Float64Array | undefined;
}

const SHARE = 1 / 4;

/**
 * Sets a random quarter of the rows that have a weight aside, at least one.
 * @throws {InputError} `EMPTY` when fewer than two rows have a weight
 */
export function setAside({ rows, y, weights }: Rows, seed: number): { kept: Rows; aside: Calibration } {
  const known = Int32Array.from({ length: rows.rows }, (_, i) => i).filter((i) => !weights || weights[i] > 0);
  if (known.length < 2) {
    throw new InputError(
      "EMPTY",
      `intervals is "split", which needs at least 2 rows with a weight; X has ${known.length}.`,
    );
  }
  const order = createRng(seed, "calibration").permutation(known.length);
  const count = Math.max(1, Math.round(SHARE * known.length));
  const isAside = new Uint8Array(rows.rows);
  for (const at of order.subarray(0, count)) isAside[known[at]] = 1;
  const pick = (which: number): Int32Array =>
    Int32Array.from({ length: rows.rows }, (_, i) => i).filter((i) => isAside[i] === which);
  const values = (of: Float64Array, at: Int32Array): Float64Array => Float64Array.from(at, (i) => of[i]);
  const [kept, aside] = [pick(0), pick(1)];
  return {
    kept: { rows: takeRows(rows, kept), y: values(y, kept), weights: weights && values(weights, kept) },
    aside: { rows: takeRows(rows, aside), y: values(y, aside) },
  };
}

/** The fit with intervals from its errors on rows set aside. */
export function calibrated(fit: Fit, aside: Calibration | undefined): Fit {
  return aside ? new Fit({ ...fit, model: fit.model.calibrated(aside.rows, aside.y) }) : fit;
}
