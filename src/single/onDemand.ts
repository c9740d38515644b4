/** Single-index fits and phase retrieval of the public surface, loaded when the first of them starts. */
import type { MatrixLike, RowSource, VectorLike } from "../base/types.js";
import { takeData, takeResponses } from "../data/taken.js";
import type { SingleIndexFit } from "./fitSingleIndex.js";
import type { MeasurementOperator } from "./operators.js";
import type { PhaseOptions, PhaseResult } from "./phaseRetrieval.js";
import type { Simulation, SimulationOptions } from "./simulate.js";
import type { SingleIndexOptions } from "./singleIndexOptions.js";

/**
 * Learns θ in y = φ(⟨x, θ⟩, noise) for a known link: spectral (or linear, zero, given) start, then gradient descent.
 *
 * Rows are taken as standard normal up to one scale, which is measured, as is ‖θ‖ where the link tells it; data that are in
 * the convention of [SI §a] already (unit rows, unit signal, within sampling error) are left as they are. Step, ridge
 * and start scale have the meaning of that page, and loss and T see the responses of a unit signal. Complex signals: `retrievePhase`.
 *
 * @param X - n rows of d inputs, in any form of `MatrixLike`, or a `RowSource` (read into memory); never modified
 * @param y - n responses
 * @throws {InputError | OptionError | MemoryError | NumericalError} for unusable data and options; `RANGE` for negative intensities and
 * other responses that the channel cannot give. An abort rejects with the signal's own reason. Not converging is no error:
 * see `stop`.
 * Cost: some 30 passes over X for the start and one an iteration, 4nd flops each.
 * Source: Chen & Shen, arXiv 2509.23527; [SI §a, §b].
 * @example
 * ```ts
 * import { fitSingleIndex, Link, sampleMultiIndex } from "leapflow";
 * const { X, y } = sampleMultiIndex(Link.parse("z1^2"), { dim: 20, samples: 120, seed: 1 });
 * const { stop } = await fitSingleIndex(X, y, { channel: "square", seed: 1 });
 * console.log(stop.converged); // true
 * ```
 */
export async function fitSingleIndex(
  X: MatrixLike | RowSource,
  y: VectorLike,
  options: SingleIndexOptions,
): Promise<SingleIndexFit> {
  const taken = takeData(X, y, options?.signal);
  return (await import("./fitSingleIndex.js")).fitSingleIndex(taken.X, taken.y, options);
}

/**
 * Recovers a complex signal x from intensities y = |Ax|², up to a global phase.
 *
 * Start: top eigenvector of (1/n) Aᴴ diag(T(y/mean y)) A by Lanczos, with the norm that the mean intensity tells. Then the chosen
 * flow, with steps for Gaussian and coded-diffraction operators; the overall scale of A is measured.
 *
 * @param operator - of `gaussianOperator`, `codedDiffraction`, or one's own `{ dim, measurements, forward, adjoint }`
 * @param y - `measurements` intensities ≥ 0; noisy ones clipped at 0
 * @throws {InputError} `TYPE`, `SHAPE`, `NOT_FINITE`; `RANGE` for negative intensities; `CALLBACK` for an operator that throws or
 *   whose adjoint is none. {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; `mm` needs more than one measurement per unknown
 * Cost: two products an iteration; some 60 for the start and 20 for the operator norm.
 * Source: [SI §g].
 * @example
 * ```ts
 * import { codedDiffraction, phaseDistance, retrievePhase } from "leapflow";
 * const operator = codedDiffraction({ rows: 8, columns: 8, masks: 6, seed: 1 });
 * const picture = { re: Float64Array.from({ length: 64 }, (_, i) => 1 + (i % 5)), im: new Float64Array(64) };
 * const { re, im } = operator.forward(picture);
 * const { signal } = await retrievePhase(operator, re.map((v, i) => v * v + im[i] * im[i]), { seed: 1 });
 * console.log(phaseDistance(signal, picture) < 1e-3); // true
 * ```
 */
export async function retrievePhase(
  operator: MeasurementOperator,
  y: VectorLike,
  options: PhaseOptions = {},
): Promise<PhaseResult> {
  const intensities = takeResponses(y, options?.signal);
  return (await import("./phaseRetrieval.js")).retrievePhase(operator, intensities, options);
}

/**
 * Runs start and gradient descent of [SI §a–§d] on fresh data, `trials` times: rows x ~ N(0, I/d) (complex: CN), ‖θ⋆‖² = d,
 * n = ratio·d rounded, the given constant step. What `dmft` predicts for d → ∞.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; {NumericalError} `NOT_CONVERGED` when a trial diverges (lower the step);
 * {MemoryError} `TOO_LARGE`. An abort rejects with the signal's own reason.
 * Cost: per trial n·d random normals and (steps + 40) passes over n·d numbers.
 */
export async function simulateSingleIndex(options: SimulationOptions): Promise<Simulation> {
  return (await import("./simulate.js")).simulateSingleIndex(options);
}
