/** Gradient descent on the population risk, the limit δ → ∞ of the mean-field equations. */
import { NumericalError } from "../base/errors.js";
import { toMatrix } from "../math/dense.js";
import { completeCurves, curvesBy, stepTimes } from "../single/trajectory.js";
import type { DmftResult } from "./dmft.js";
import { EXACT_RULE, fieldMeans, fieldRule } from "./fieldRule.js";
import type { MeanFieldProblem } from "./meanFieldOptions.js";

/**
 * θ → A·θ + B·θ* with A = 1 − η(λ + E l″) and B = −η(E[z l′] − m·E l″): order parameters by quadrature, without sampling.
 *
 * Correlations and responses are those of this linear map; the training loss is the loss on fresh rows.
 *
 * @throws {NumericalError} `OVERFLOW` with the step at which the trajectory diverges
 * Source: [SI §c], last paragraph. Cost: a few milliseconds a step.
 */
export function populationMap(problem: MeanFieldProblem): DmftResult {
  const { channel, loss, complex, steps, stepSize, ridge, start, paths, replicates, seed } = problem;
  const rule = fieldRule(channel, loss, complex, EXACT_RULE);
  const n = steps + 1;
  const overlap = new Float64Array(n);
  const normSquared = new Float64Array(n);
  const testLoss = new Float64Array(n);
  const response = new Float64Array(n * (n + 1));
  const gradientResponse = new Float64Array(n * n);
  overlap[0] = start.overlap;
  response[0] = start.response;
  for (let t = 0; t < n; t++) {
    const row = t * (n + 1);
    const still = response[row];
    normSquared[t] = overlap[t] * overlap[t] + still * still;
    const means = fieldMeans(rule, loss, overlap[t], normSquared[t]);
    testLoss[t] = means.loss;
    gradientResponse[t * n + t] = means.curvature;
    if (!Number.isFinite(means.loss + means.signal + normSquared[t])) {
      throw new NumericalError(
        "OVERFLOW",
        `the population map diverges at step ${t}: stepSize ${stepSize} is too large for the curvature of ${loss.name}. Take a smaller step.`,
        { details: { step: t, stepSize } },
      );
    }
    if (t === steps) break;
    const a = 1 - stepSize * (ridge + means.curvature);
    overlap[t + 1] = a * overlap[t] - stepSize * (means.signal - means.curvature * overlap[t]);
    for (let j = 0; j <= t; j++) response[row + n + 1 + j] = a * response[row + j];
    response[row + n + 1 + t + 1] = -stepSize;
  }
  const correlation = new Float64Array(n * n);
  for (let t = 0; t < n; t++) {
    for (let s = 0; s < n; s++) {
      correlation[t * n + s] = overlap[t] * overlap[s] + response[t * (n + 1)] * response[s * (n + 1)];
    }
  }
  return {
    times: stepTimes(steps),
    ...completeCurves({ overlap, normSquared, trainLoss: testLoss, testLoss }),
    correlation: toMatrix(correlation, n, n),
    response: toMatrix(response, n, n + 1),
    gradientResponse: toMatrix(gradientResponse, n, n),
    standardErrors: curvesBy(() => new Float64Array(n)),
    warnings: [],
    stepSize,
    paths,
    replicates,
    seed,
  };
}
