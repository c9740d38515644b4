/** Golden values of the profiled objective: samples, bases, losses and gradients. */
import { readFileSync } from "node:fs";

export interface FiniteSampleCase {
  d: number;
  r: number;
  s: number;
  n: number;
  mu: number;
  degree_weights: number[];
  X: number[][];
  y: number[];
  W: number[][];
  coefficients: number[];
  loss: number;
  mean_square_residual: number;
  euclidean_gradient: number[][];
  grassmann_gradient: number[][];
}

export const finiteSample: { readonly cases: readonly FiniteSampleCase[] } = JSON.parse(
  readFileSync(new URL("../golden/multi-index/finite-sample.json", import.meta.url), "utf8"),
);
