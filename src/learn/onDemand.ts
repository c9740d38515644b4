/** The fits of the public surface. The learner is loaded when the first of them starts: who only predicts never loads it. */
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { takeData } from "../data/taken.js";
import type { FitOptions } from "../solve/options.js";
import type { FitStep } from "../solve/progress.js";
import type { Fit } from "../solve/report.js";
import type { StreamedOptions } from "./fitStreamed.js";
import type { StreamedFit } from "./streamedFit.js";

/**
 * Learns y ≈ f(Wᵀx): a subspace of few directions and the link on it, in one call. What is not given is chosen by the
 * data: rank, degree, ridge, whitening, start.
 *
 * @param X - n rows of d inputs, in any form of `MatrixLike`, or a `RowSource` (read into memory); never modified
 * @param y - n responses
 * @throws {InputError | OptionError | MemoryError | NumericalError} before or during the fit; an abort rejects with the
 * signal's own reason. Not converging is no error: see `stop`.
 * Cost: with rank and degree given, a few dozen passes over X of 4ndr flops, each with n·p² flops for the link; the
 * search for them costs some hundred such passes over at most 6000 rows.
 * Source: Bietti, Bruna & Pillaud-Vivien, arXiv 2310.19793; variable projection as in Hokanson & Constantine (2018).
 * @example
 * ```ts
 * import { fitMultiIndex } from "leapflow";
 * const X = Array.from({ length: 200 }, (_, i) => [Math.sin(i), Math.cos(i * 1.7), Math.sin(i * 2.3 + 1)]);
 * const fit = await fitMultiIndex(X, X.map(([a, b]) => a * b), { rank: 2, degree: 2, seed: 1 });
 * console.log(fit.stop.reason); // "converged"
 * ```
 */
export async function fitMultiIndex(X: MatrixLike | RowSource, y: VectorLike, options?: FitOptions): Promise<Fit> {
  const taken = takeData(X, y, options?.signal);
  const learner = await import("./fitMultiIndex.js");
  return learner.fitMultiIndex(taken.X, taken.y, options);
}

/** The same, one iteration at a time; leaving the loop early releases everything. Returns the fit. */
fitMultiIndex.steps = async function* steps(
  X: MatrixLike | RowSource,
  y: VectorLike,
  options?: FitOptions,
): AsyncGenerator<FitStep, Fit, undefined> {
  const taken = takeData(X, y, options?.signal);
  const learner = await import("./fitMultiIndex.js");
  return yield* learner.fitMultiIndex.steps(taken.X, taken.y, options);
};

/**
 * `fitMultiIndex` for tables larger than memory. One pass draws a sample; rank, degree, link, whitening and ridge are chosen
 * and the descent is run on it; then Gauss–Newton steps on all rows follow, each with the gradient of all rows and the
 * curvature of the sample, two passes a step, until they have converged. A table that fits into memory is fitted there.
 *
 * Links other than polynomials stay as the sample gave them.
 *
 * @param source - rows with the response among the columns, `(await openTable(file)).select()`; every pass must give the same
 * @throws as `fitMultiIndex`; {InputError} `CHANGED`, `SOURCE` with the error of the source as `cause`
 * Cost: one pass, the fit of a sample, and about ten passes more. Memory: `memoryBytes`, whatever n is.
 * Source: sub-sampled Newton, Roosta-Khorasani & Mahoney (2019), with the variable projection of `fitMultiIndex`.
 */
export async function fitStreamed(source: RowSource, options: StreamedOptions): Promise<StreamedFit> {
  const learner = await import("./fitStreamed.js");
  return learner.fitStreamed(source, options);
}
