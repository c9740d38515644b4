/** How well predictions agree with a response. */
import { rSquared } from "../index.js";

export interface Quality {
  readonly r2: number;
  readonly rmse: number;
}

/** R² and root-mean-square error of predictions against the response. */
export function qualityOf(predicted: ArrayLike<number>, actual: ArrayLike<number>): Quality {
  let largest = 0;
  for (let i = 0; i < actual.length; i++) largest = Math.max(largest, Math.abs(actual[i] - predicted[i]));
  let sum = 0;
  // Divided by the largest error first, so that squares neither overflow nor vanish.
  if (largest > 0) for (let i = 0; i < actual.length; i++) sum += ((actual[i] - predicted[i]) / largest) ** 2;
  return { r2: rSquared(predicted, actual), rmse: largest * Math.sqrt(sum / Math.max(1, actual.length)) };
}
