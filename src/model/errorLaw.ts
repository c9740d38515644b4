/** Sizes of the errors that a model makes on new rows, and the intervals that follow from them. */
import { checkNumber, describe } from "../base/assert.js";
import { LeapflowError, OptionError } from "../base/errors.js";
import { own, type StoredReader } from "./stored.js";

/**
 * Order statistics of |error|. `"leave-one-out"` errors give intervals whose coverage is right as rows grow; those of rows
 * that the fit has not seen (`"split"`) are right at any number of rows.
 */
export interface ErrorLaw {
  readonly method: "leave-one-out" | "split";
  /** Number of errors the law was made from. */
  readonly count: number;
  /** Ascending; all of them, or those at ranks ⌈k·count/1000⌉ when there are more than 1000. */
  readonly sizes: readonly number[];
}

const MOST_STORED = 1000;

/** The law of some errors, in the units of y. Cost: O(n log n). */
export function errorLawOf(errors: Float64Array, method: ErrorLaw["method"]): ErrorLaw {
  const sorted = errors.map(Math.abs).sort();
  const count = sorted.length;
  const stored = Math.min(count, MOST_STORED);
  const sizes = Array.from({ length: stored }, (_, k) => sorted[Math.ceil(((k + 1) * count) / stored) - 1]);
  return Object.freeze({ method, count, sizes: Object.freeze(sizes) });
}

/**
 * Half the width of an interval that holds a new response with this probability: the ⌈level·(n + 1)⌉-th smallest error.
 * @throws {OptionError} `RANGE` for a level outside (0, 1), or one that needs more errors than there are
 * @throws {LeapflowError} `UNAVAILABLE` when the model has no law
 * Source: Vovk, Gammerman & Shafer (2005), conformal prediction; `math/learner` §8.
 */
export function halfWidth(law: ErrorLaw | undefined, level: unknown): number {
  const probability = checkNumber(level, "interval", { above: 0, below: 1 });
  if (!law) {
    throw new LeapflowError(
      "UNAVAILABLE",
      "This model knows no errors on new rows, so it has no intervals: fit it again, or use one with `data.errors`.",
    );
  }
  const { count, sizes } = law;
  const rank = Math.ceil(probability * (count + 1));
  if (rank > count) {
    const needed = Math.ceil(probability / (1 - probability));
    throw new OptionError(
      "RANGE",
      `interval is ${describe(level)}, which needs at least ${needed} errors; this model knows ${count}.`,
      { details: { option: "interval", value: level, needed, known: count } },
    );
  }
  return sizes[Math.ceil((rank * sizes.length) / count) - 1];
}

/** A stored law, checked. @throws {FormatError} with the path of the first bad place */
export function readErrorLaw(reader: StoredReader, stored: unknown, path: string): ErrorLaw {
  const method = own(stored, "method");
  if (method !== "leave-one-out" && method !== "split") {
    throw reader.wrong(`${path}.method`, `is ${describe(method)}; expected "leave-one-out" or "split"`);
  }
  const count = reader.count(stored, "count", path);
  const sizes = reader.list(own(stored, "sizes"), `${path}.sizes`, Math.min(count, MOST_STORED));
  const bad = sizes.findIndex((size, k) => size < (k > 0 ? sizes[k - 1] : 0));
  if (bad >= 0) throw reader.wrong(`${path}.sizes[${bad}]`, `is ${sizes[bad]}; sizes ascend from 0`);
  return { method, count, sizes };
}
