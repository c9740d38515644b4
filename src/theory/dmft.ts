/** Mean-field trajectory of gradient descent on a single-index model, predicted before it is run. */
import { RunControl } from "../base/control.js";
import { log } from "../base/elementary.js";
import { NumericalError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { KernelReport } from "../base/types.js";
import { PathWorkspace } from "../kernel/pathWorkspace.js";
import { type Matrix, toMatrix } from "../math/dense.js";
import { normalQuantile } from "../math/normalQuantile.js";
import { SOBOL_DIMENSIONS, sobolCoordinate } from "../math/sobol.js";
import type { SpectralTransition } from "../single/spectralTransition.js";
import {
  averageCurves,
  completeCurves,
  stepTimes,
  type Trajectory,
  type TrajectoryCurves,
} from "../single/trajectory.js";
import type { SingleIndexWarning } from "../single/warnings.js";
import { expectedLoss, fieldRule, TEST_RULE } from "./fieldRule.js";
import { type DmftOptions, type MeanFieldProblem, readDmftOptions } from "./meanFieldOptions.js";
import { MeanFieldRecursion } from "./meanFieldRecursion.js";
import { pathLossOf } from "./pathLoss.js";
import { populationMap } from "./populationMap.js";

/** Standard errors over replicates, with the keys of the curves. */
export type DmftErrors = TrajectoryCurves;

/** A predicted trajectory; curves run over t = 0…steps. */
export interface DmftResult extends Trajectory {
  /** C(t, s) = ⟨θ^t, θ^s⟩/d, (steps + 1)². */
  readonly correlation: Matrix;
  /** R(t, ·): column 0 is the response to the start's field, column 1 + s to a field at step s; (steps + 1)×(steps + 2). */
  readonly response: Matrix;
  /** Γ(t, s), response of the gradients; (steps + 1)². */
  readonly gradientResponse: Matrix;
  /** Absent for one replicate, which has no spread to judge by; zeros for the population map. */
  readonly standardErrors?: DmftErrors;
  /** The prediction of a spectral start. */
  readonly spectral?: SpectralTransition;
  /** What makes finite data scatter around this prediction: a ratio near the threshold of the spectral start. */
  readonly warnings: readonly SingleIndexWarning[];
  readonly stepSize: number;
  readonly paths: number;
  readonly replicates: number;
  readonly seed: number;
  readonly kernel?: KernelReport;
}

/**
 * Predicts overlap, norm, losses, correlations and responses of θ^{t+1} = θ^t − η((1/δ)Xᵀl′(Xθ^t; y) + λθ^t) for n/d = δ,
 * d → ∞, from a start that may be built on the same data.
 *
 * The θ-side is exact linear algebra (the ridge is quadratic); the row process is sampled with scrambled Sobol points, in
 * `replicates` independent scrambles whose spread gives the standard errors. `ratio: Infinity` is the population map,
 * without sampling. Same seed, same bits, on both kernels.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; `RANGE` with the threshold for a spectral start below it; `CALLBACK`
 * @throws {NumericalError} `OVERFLOW` with the step at which the trajectory diverges
 * @throws {MemoryError} `TOO_LARGE`: about 24·paths·steps bytes (complex 56)
 * Source: [SI §c, §d]; Celentano, Cheng & Montanari, arXiv 2112.07572; Chen & Shen, arXiv 2509.23527.
 * Cost: paths·steps³/6 multiply-adds a replicate (complex 4 times as many), 0.1 s for 16384 paths and 40 steps.
 * @example
 * ```ts
 * import { dmft } from "leapflow/theory";
 * const { cosine } = await dmft({ channel: "square", ratio: 5, ridge: 0.05, stepSize: 0.5, steps: 10, paths: 1024, seed: 1 });
 * console.log(cosine[10] > cosine[0]); // true
 * ```
 */
export async function dmft(options: DmftOptions): Promise<DmftResult> {
  const problem = readDmftOptions(options);
  const control = new RunControl({ signal: problem.signal });
  control.throwIfAborted();
  if (problem.ratio === Number.POSITIVE_INFINITY) return populationMap(problem);
  return new Replicates(problem).run(control);
}

/** Curves of all replicates, and sums of their kernels. */
class Replicates {
  readonly #problem: MeanFieldProblem;
  readonly #runs: TrajectoryCurves[] = [];
  #matrices: { correlation: Float64Array; response: Float64Array; gradientResponse: Float64Array } | undefined;

  constructor(problem: MeanFieldProblem) {
    this.#problem = problem;
  }

  async run(control: RunControl): Promise<DmftResult> {
    const { channel, loss, complex, replicates, paths, steps, kernel } = this.#problem;
    const rule = fieldRule(channel, loss, complex, TEST_RULE);
    const workspace = await PathWorkspace.create({ paths, steps, complex }, kernel, control);
    try {
      for (let k = 0; k < replicates; k++) {
        await drawPaths(workspace, this.#problem, k, control);
        const { recursion, trainLoss } = await this.#trajectory(workspace, k, control);
        const testLoss = trainLoss.map((_, t) =>
          expectedLoss(rule, loss, recursion.overlap[t], recursion.normSquared[t]),
        );
        this.#add(recursion, trainLoss, testLoss);
      }
      return this.#result(workspace.report);
    } finally {
      workspace.dispose();
    }
  }

  async #trajectory(
    workspace: PathWorkspace,
    replicate: number,
    control: RunControl,
  ): Promise<{ recursion: MeanFieldRecursion; trainLoss: Float64Array }> {
    const { steps, replicates, start, loss, complex, stepSize, onProgress } = this.#problem;
    const recursion = new MeanFieldRecursion(this.#problem);
    const pathLoss = pathLossOf(loss, complex);
    const trainLoss = new Float64Array(steps + 1);
    for (let t = 0; t <= steps; t++) {
      await control.breathe();
      const coefficients = {
        overlap: recursion.overlap[t],
        factor: recursion.factorRow(t),
        memory: recursion.memoryRow(t),
      };
      const means = await workspace.step(t, coefficients, pathLoss, start.kind === "spectral");
      trainLoss[t] = means.loss;
      recursion.advance(t, means);
      const ahead = Math.min(t + 1, steps);
      if (!Number.isFinite(means.loss + recursion.normSquared[ahead] + recursion.overlap[ahead])) {
        throw new NumericalError(
          "OVERFLOW",
          `the predicted trajectory diverges at step ${ahead}: stepSize ${stepSize} is too large for the curvature of ${loss.name}. Take a smaller step.`,
          { details: { step: ahead, stepSize } },
        );
      }
      onProgress?.({ replicate, replicates, step: t, steps });
    }
    return { recursion, trainLoss };
  }

  #add(recursion: MeanFieldRecursion, trainLoss: Float64Array, testLoss: Float64Array): void {
    const { overlap, normSquared, correlation, response, gradientResponse } = recursion;
    this.#runs.push(completeCurves({ overlap, normSquared, trainLoss, testLoss }));
    const sums = this.#matrices;
    if (sums === undefined) {
      this.#matrices = { correlation, response, gradientResponse };
      return;
    }
    addTo(sums.correlation, correlation);
    addTo(sums.response, response);
    addTo(sums.gradientResponse, gradientResponse);
  }

  #result(kernel: KernelReport): DmftResult {
    const { steps, replicates, paths, seed, stepSize, start } = this.#problem;
    const sums = this.#matrices!;
    const n = steps + 1;
    const mean = (data: Float64Array, columns: number): Matrix =>
      toMatrix(
        data.map((v) => v / replicates),
        n,
        columns,
      );
    const { means, standardErrors } = averageCurves(this.#runs);
    return {
      times: stepTimes(steps),
      ...means,
      correlation: mean(sums.correlation, n),
      response: mean(sums.response, n + 1),
      gradientResponse: mean(sums.gradientResponse, n),
      standardErrors,
      spectral: start.spectral,
      warnings: start.spectral?.warnings ?? [],
      stepSize,
      paths,
      replicates,
      seed,
      kernel,
    };
  }
}

function addTo(sum: Float64Array, more: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += more[i];
}

/** Draws z, y and all normals of one replicate: scrambled Sobol points in the order z, w, e₀, e₁, … */
async function drawPaths(
  workspace: PathWorkspace,
  problem: MeanFieldProblem,
  replicate: number,
  control: RunControl,
): Promise<void> {
  const { channel, complex, paths, steps, start, loss, seed } = problem;
  let coordinate = 0;
  const next = (out: Float64Array, quantile: (p: number) => number): Float64Array => {
    const rng = createRng(seed, "mean-field paths", replicate, coordinate);
    if (coordinate < SOBOL_DIMENSIONS) sobolCoordinate(coordinate, rng, out);
    else for (let i = 0; i < out.length; i++) out[i] = rng.uniform() + 2 ** -54;
    coordinate++;
    for (let i = 0; i < out.length; i++) out[i] = quantile(out[i]);
    return out;
  };
  // Complex equations are the same after turning all phases of a row: z becomes |z|, and |z|² is exponential.
  const z = next(new Float64Array(paths), complex ? (p) => Math.sqrt(-log(p)) : normalQuantile);
  const scratch = new Float64Array(paths);
  const w = channel.law === "exact" ? undefined : next(scratch, normalQuantile);
  const y = z.map((v, i) => channel.value(v, w === undefined ? 0 : w[i]));
  workspace.set("z", z);
  workspace.set("slope", y.map(start.amplitude));
  workspace.set("tail", y.map(start.tail));
  workspace.set("still", y.map(start.constant));
  workspace.set("y", loss.nonnegative ? y.map((v) => Math.max(v, 0)) : y);
  for (let t = 0; t <= steps; t++) {
    await control.breathe();
    workspace.setNormals(t, 0, next(scratch, complex ? halfQuantile : normalQuantile));
    if (complex) workspace.setNormals(t, 1, next(scratch, halfQuantile));
  }
}

/** Complex normals have variance ½ in each part. */
function halfQuantile(p: number): number {
  return Math.SQRT1_2 * normalQuantile(p);
}
