/** Intervals, quantiles, lines and the bootstrap: what studies measure with. */
import { createRng } from "./rng.js";

/** [lower, upper], 95 %. */
export type Interval = readonly [number, number];

/** The 97.5 % point of the normal law. */
export const NORMAL_POINT = 1.959963984540054;
/** Of Student's law with 1, 2, … degrees of freedom. */
const STUDENT_POINTS = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086,
];

/** Wilson's 95 % interval of a probability from `successes` of `trials`. */
export function wilsonInterval(successes: number, trials: number): Interval {
  const z = NORMAL_POINT;
  const p = successes / trials;
  const scale = 1 + (z * z) / trials;
  const center = p + (z * z) / (2 * trials);
  const half = z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  // The ends are exactly 0 and 1 where rounding would leave 1e-17.
  const low = successes === 0 ? 0 : Math.max(0, (center - half) / scale);
  const high = successes === trials ? 1 : Math.min(1, (center + half) / scale);
  return [low, high];
}

/** Linear interpolation between order statistics; `share` in 0…1, at least one value. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** Median of at least one value. */
export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/** x²; engines need not round `x ** 2` like the product. */
export const square = (x: number): number => x * x;

/** A least-squares line y ≈ intercept + slope·x. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
  /** Half-width of the slope's 95 % interval from the residuals; 0 with two points. */
  readonly halfWidth: number;
}

/** Fits a line through at least two points of different x. */
export function fitLine(x: ArrayLike<number>, y: ArrayLike<number>): Line {
  const n = x.length;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i] / n;
    meanY += y[i] / n;
  }
  let xx = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    xx += (x[i] - meanX) * (x[i] - meanX);
    xy += (x[i] - meanX) * (y[i] - meanY);
  }
  const slope = xy / xx;
  let residual = 0;
  for (let i = 0; i < n; i++) residual += square(y[i] - meanY - slope * (x[i] - meanX));
  const freedom = n - 2;
  const point = STUDENT_POINTS[freedom - 1] ?? NORMAL_POINT;
  const halfWidth = freedom < 1 ? 0 : point * Math.sqrt(residual / freedom / xx);
  return { slope, intercept: meanY - slope * meanX, halfWidth };
}

/**
 * 95 % half-width of a statistic of trials by the bootstrap: whole trials are drawn again, so that what is common to all
 * dimensions of a trial stays together.
 *
 * @param statistic - of a list of trials; undefined when they do not have one
 */
export function bootstrapHalfWidth(
  trials: number,
  seed: number,
  statistic: (drawn: Int32Array) => number | undefined,
  draws = 400,
): number {
  const rng = createRng(seed, "bootstrap");
  const values: number[] = [];
  const drawn = new Int32Array(trials);
  for (let i = 0; i < draws; i++) {
    for (let t = 0; t < trials; t++) drawn[t] = rng.integer(trials);
    const value = statistic(drawn);
    if (value !== undefined && Number.isFinite(value)) values.push(value);
  }
  if (values.length < 2) return 0;
  return 0.5 * (quantile(values, 0.975) - quantile(values, 0.025));
}
