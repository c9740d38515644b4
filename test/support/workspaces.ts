/** Small problems opened as a fit opens them, on the reference kernel, and dense matrices to compare with. */
import { Matrix } from "ml-matrix";
import { RunControl } from "../../src/base/control.js";
import type { FilledOptions, FitOptions } from "../../src/solve/options.js";
import { fillOptions } from "../../src/solve/options.js";
import { mapInputs, openProblem, type Problem, readData } from "../../src/solve/problem.js";
import { generator } from "./problems.js";

export interface Opened {
  readonly problem: Problem;
  readonly options: FilledOptions;
  readonly control: RunControl;
}

/** A problem ready to run; rank and degree are numbers in `given`. */
export async function opened(X: unknown, y: unknown, given: FitOptions = {}): Promise<Opened> {
  const options = fillOptions({ kernel: "reference", seed: 1, ...given });
  const control = new RunControl();
  const data = await readData(X, y, options, control);
  const inputs = await mapInputs(data, options, control);
  const problem = await openProblem(data, inputs, Number(options.rank), Number(options.degree), options, control);
  return { problem, options, control };
}

/** n rows of d normal numbers. */
export function normals(n: number, d: number, seed: number): number[][] {
  const { normal } = generator(seed);
  return Array.from({ length: n }, () => Array.from({ length: d }, normal));
}

/** A row-major array as a matrix. */
export const matrix = (data: ArrayLike<number>, rows: number, columns: number): Matrix =>
  Matrix.from1DArray(rows, columns, Array.from(data));

/** Largest difference of two lists of numbers of the same length; NaN when one holds it. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let k = 0; k < a.length; k++) {
    const difference = Math.abs(a[k] - b[k]);
    if (!(difference <= most)) most = difference;
  }
  return most;
}
