/** Curves of gradient descent, predicted or simulated, and their means over repetitions. */

/** Order parameters and losses, one entry per time. */
export interface TrajectoryCurves {
  /** m = ⟨θ, θ⋆⟩/d. */
  readonly overlap: Float64Array;
  /** q = ‖θ‖²/d. */
  readonly normSquared: Float64Array;
  /** m/√q; 0 at θ = 0. */
  readonly cosine: Float64Array;
  /** Least ‖sθ − θ⋆‖²/d over signs s (complex signals: phases): 1 + q − 2|m|. */
  readonly squaredError: Float64Array;
  readonly trainLoss: Float64Array;
  /** Mean loss on fresh rows. */
  readonly testLoss: Float64Array;
}

/** The report that mean-field predictions, the population map, one-pass SGD and simulations share. */
export interface Trajectory extends TrajectoryCurves {
  /** Steps 0…T; for one-pass SGD the times that were asked for. */
  readonly times: Float64Array;
}

/** Curves with standard errors of the same names. */
export interface AveragedCurves {
  readonly means: TrajectoryCurves;
  /** Absent for one run, which has no spread to judge by. */
  readonly standardErrors: TrajectoryCurves | undefined;
}

/** The curves that are measured; the others follow. */
export type MeasuredCurves = {
  readonly [key in "overlap" | "normSquared" | "trainLoss" | "testLoss"]: ArrayLike<number>;
};

/** Adds the curves that follow from overlap and norm. */
export function completeCurves({ overlap, normSquared, trainLoss, testLoss }: MeasuredCurves): TrajectoryCurves {
  const m = Float64Array.from(overlap);
  const q = Float64Array.from(normSquared);
  return {
    overlap: m,
    normSquared: q,
    cosine: m.map((value, t) => (q[t] > 0 ? value / Math.sqrt(q[t]) : 0)),
    squaredError: m.map((value, t) => 1 + q[t] - 2 * Math.abs(value)),
    trainLoss: Float64Array.from(trainLoss),
    testLoss: Float64Array.from(testLoss),
  };
}

/** 0, 1, …, steps. */
export const stepTimes = (steps: number): Float64Array => Float64Array.from({ length: steps + 1 }, (_, t) => t);

/** All curves, one by one. */
export function curvesBy(curve: (key: keyof TrajectoryCurves) => Float64Array): TrajectoryCurves {
  return {
    overlap: curve("overlap"),
    normSquared: curve("normSquared"),
    cosine: curve("cosine"),
    squaredError: curve("squaredError"),
    trainLoss: curve("trainLoss"),
    testLoss: curve("testLoss"),
  };
}

/** Means and standard errors over runs of one length. */
export function averageCurves(runs: readonly TrajectoryCurves[]): AveragedCurves {
  const over = (reduce: (values: number[]) => number): TrajectoryCurves =>
    curvesBy((key) => runs[0][key].map((_, t) => reduce(runs.map((run) => run[key][t]))));
  return { means: over(average), standardErrors: runs.length > 1 ? over(standardError) : undefined };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function standardError(values: readonly number[]): number {
  const center = average(values);
  const squares = values.reduce((sum, v) => sum + (v - center) ** 2, 0);
  return Math.sqrt(squares / (values.length * (values.length - 1)));
}
