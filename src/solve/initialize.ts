/** Starting bases from moments of the data, and random ones. */
import { createRng } from "../base/rng.js";
import { secondMoment, weightedSum } from "../kernel/columns.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiply, symmetricEigen } from "../math/dense.js";
import { randomBasis } from "../math/grassmann.js";
import { congruence, fromColumns, type InputMap } from "./inputMap.js";

export const MOMENT_STARTS = ["slices", "linear-hessian", "spectral"] as const;
export type MomentStart = (typeof MOMENT_STARTS)[number];

const MIN_SLICES = 3;
const MAX_SLICES = 10;

/**
 * Leading r eigenvectors, by size of the eigenvalue, of a k×k matrix of moments of x̂ and y.
 *
 * @param y - standardized responses, n
 * @returns k×r row-major, orthonormal
 * Source: [MI §7.6]. Cost: one pass of n·d² flops and a k×k eigenproblem.
 */
export async function momentStart(
  name: MomentStart,
  workspace: Workspace,
  inputs: InputMap,
  y: Float64Array,
  rank: number,
): Promise<Float64Array> {
  const matrix =
    name === "slices"
      ? await sliceMatrix(workspace, inputs, y)
      : name === "linear-hessian"
        ? await linearHessian(workspace, inputs, y)
        : await hessian(workspace, inputs, y.map(boundedSquare));
  const { values, vectors } = symmetricEigen(matrix, inputs.dim);
  const order = Array.from(values, (_, k) => k).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);
  const basis = new Float64Array(inputs.dim * rank);
  for (let j = 0; j < inputs.dim; j++) {
    for (let l = 0; l < rank; l++) basis[j * rank + l] = vectors[j * inputs.dim + order[l]];
  }
  return basis;
}

/** Haar-distributed start number `index` of a seed. */
export const randomStart = (dim: number, rank: number, seed: number, index: number): Float64Array =>
  randomBasis(dim, rank, createRng(seed, "start", index));

/** (y² − 1)/(y² + 1): sees even links, and no single response can rule it. */
const boundedSquare = (y: number): number => (y * y - 1) / (y * y + 1);

/**
 * Σ_h p_h[(C_h − I)² + m_h m_hᵀ] over slices of equal numbers of responses: sees every transform of y with a moment of
 * degree ≤ 2 in x, so also abs and products, where moments of y itself vanish.
 */
async function sliceMatrix(workspace: Workspace, inputs: InputMap, y: Float64Array): Promise<Float64Array> {
  const n = y.length;
  const { dim: k, columns: d } = inputs;
  const weights = workspace.rowWeights();
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b);
  const slices = Math.min(n, Math.max(MIN_SLICES, Math.min(MAX_SLICES, Math.floor(n / (2 * d)))));
  const out = new Float64Array(k * k);
  for (let h = 0; h < slices; h++) {
    const rows = order.subarray(Math.floor((h * n) / slices), Math.floor(((h + 1) * n) / slices));
    const own = weights ? Float64Array.from(rows, (i) => weights[i]) : undefined;
    const total = own ? own.reduce((sum, w) => sum + w, 0) : rows.length;
    if (!(total > 0)) continue;
    const second = congruence(
      inputs,
      (await secondMoment(workspace, own, rows)).map((v) => v / total),
    );
    const indicator = new Float64Array(n);
    rows.forEach((i) => {
      indicator[i] = (weights ? weights[i] : 1) / total;
    });
    const mean = fromColumns(inputs, await weightedSum(workspace, indicator), 1);
    const spread = second;
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) spread[a * k + b] -= mean[a] * mean[b] + (a === b ? 1 : 0);
    }
    const square = multiply(spread, spread, k, k, k);
    const share = total / workspace.weightSum;
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) out[a * k + b] += share * (square[a * k + b] + mean[a] * mean[b]);
    }
  }
  return out;
}

/** Σ τᵢ(x̂ᵢx̂ᵢᵀ − I)/n with τ centred. */
async function hessian(workspace: Workspace, inputs: InputMap, tau: Float64Array): Promise<Float64Array> {
  const weights = workspace.rowWeights();
  const n = workspace.weightSum;
  const weighted = weights ? tau.map((t, i) => t * weights[i]) : tau;
  const mean = weighted.reduce((sum, t) => sum + t, 0) / n;
  const centred = weighted.map((t, i) => t - mean * (weights ? weights[i] : 1));
  const raw = await secondMoment(workspace, centred);
  return congruence(
    inputs,
    raw.map((v) => v / n),
  );
}

/** T² + vvᵀ with v = Σyx̂/n and T = Σy(x̂x̂ᵀ − I)/n: exponents 1 and 2 in one matrix. */
async function linearHessian(workspace: Workspace, inputs: InputMap, y: Float64Array): Promise<Float64Array> {
  const k = inputs.dim;
  const weights = workspace.rowWeights();
  const t = await hessian(workspace, inputs, y);
  const sum = await weightedSum(workspace, weights ? y.map((v, i) => v * weights[i]) : y);
  const v = fromColumns(inputs, sum, 1);
  const out = multiply(t, t, k, k, k);
  const n = workspace.weightSum;
  for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) out[a * k + b] += (v[a] / n) * (v[b] / n);
  return out;
}
