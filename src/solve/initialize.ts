/** Starting bases from moments of the data, and random ones. */
import { createRng } from "../base/rng.js";
import { secondMoment, weightedSum } from "../kernel/columns.js";
import type { Workspace } from "../kernel/workspace.js";
import { multiply } from "../math/dense.js";
import { randomBasis } from "../math/grassmann.js";
import { leadingEigenpairs, type SymmetricOperator } from "../math/krylov.js";
import { fromColumns, type InputMap, toColumns } from "./inputMap.js";

export const MOMENT_STARTS = ["slices", "linear-hessian", "spectral"] as const;
export type MomentStart = (typeof MOMENT_STARTS)[number];

const MIN_SLICES = 3;
const MAX_SLICES = 10;

/**
 * Leading r eigenvectors, by size of the eigenvalue, of a k×k matrix of moments of x̂ and y. The matrix is applied, never
 * formed in the whitened coordinates.
 *
 * @param y - standardized responses, n
 * @returns k×r row-major, orthonormal
 * Source: [MI §7.6]. Cost: one pass of n·d² flops and a few dozen products with d×d matrices.
 */
export async function momentStart(
  name: MomentStart,
  workspace: Workspace,
  inputs: InputMap,
  y: Float64Array,
  rank: number,
): Promise<Float64Array> {
  const operator =
    name === "slices"
      ? await sliceOperator(workspace, inputs, y)
      : name === "linear-hessian"
        ? await linearHessian(workspace, inputs, y)
        : await hessian(workspace, inputs, y.map(boundedSquare));
  const { vectors } = await leadingEigenpairs(operator, inputs.dim, rank, "magnitude", {
    breathe: () => workspace.breathe(),
  });
  return vectors;
}

/** Haar-distributed start number `index` of a seed. */
export const randomStart = (dim: number, rank: number, seed: number, index: number): Float64Array =>
  randomBasis(dim, rank, createRng(seed, "start", index));

/** (y² − 1)/(y² + 1): sees even links, and no single response can rule it. */
const boundedSquare = (y: number): number => (y * y - 1) / (y * y + 1);

/** v ↦ Tᵀ S T v/scale for a second moment S of the standardized columns. */
const whitened =
  (inputs: InputMap, s: Float64Array, scale: number): SymmetricOperator =>
  (block, b) => {
    const d = inputs.columns;
    const out = fromColumns(inputs, multiply(s, toColumns(inputs, block, b), d, d, b), b);
    return out.map((v) => v / scale);
  };

/** out += share·m(mᵀv) for every column v of a k×b block. */
function addOuter(out: Float64Array, m: Float64Array, block: Float64Array, b: number, share: number): void {
  for (let c = 0; c < b; c++) {
    let overlap = 0;
    for (let j = 0; j < m.length; j++) overlap += m[j] * block[j * b + c];
    for (let j = 0; j < m.length; j++) out[j * b + c] += share * overlap * m[j];
  }
}

/**
 * Σ_h p_h[(C_h − I)² + m_h m_hᵀ] over slices of equal numbers of responses: sees every transform of y with a moment of
 * degree ≤ 2 in x, so also abs and products, where moments of y itself vanish.
 */
export async function sliceOperator(
  workspace: Workspace,
  inputs: InputMap,
  y: Float64Array,
): Promise<SymmetricOperator> {
  const n = y.length;
  const weights = workspace.rowWeights();
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => y[a] - y[b] || a - b);
  const count = Math.min(n, Math.max(MIN_SLICES, Math.min(MAX_SLICES, Math.floor(n / (2 * inputs.columns)))));
  const slices: { share: number; mean: Float64Array; moment: Float64Array }[] = [];
  for (let h = 0; h < count; h++) {
    const rows = order.subarray(Math.floor((h * n) / count), Math.floor(((h + 1) * n) / count));
    const own = weights ? Float64Array.from(rows, (i) => weights[i]) : undefined;
    const total = own ? own.reduce((sum, w) => sum + w, 0) : rows.length;
    if (!(total > 0)) continue;
    const indicator = new Float64Array(n);
    rows.forEach((i) => {
      indicator[i] = (weights ? weights[i] : 1) / total;
    });
    slices.push({
      share: total / workspace.weightSum,
      mean: fromColumns(inputs, await weightedSum(workspace, indicator), 1),
      moment: (await secondMoment(workspace, own, rows)).map((sum) => sum / total),
    });
  }
  const d = inputs.columns;
  return (block, b) => {
    // C_h = TᵀS_hT − m_h m_hᵀ: the first T and the last Tᵀ are the same for all slices.
    const columns = toColumns(inputs, block, b);
    const sum = new Float64Array(d * b);
    const rest = new Float64Array(block.length);
    for (const { share, mean, moment } of slices) {
      const once = fromColumns(inputs, multiply(moment, columns, d, d, b), b);
      addOuter(once, mean, block, b, -1);
      for (let k = 0; k < once.length; k++) once[k] -= block[k];
      const twice = multiply(moment, toColumns(inputs, once, b), d, d, b);
      for (let k = 0; k < sum.length; k++) sum[k] += share * twice[k];
      for (let k = 0; k < rest.length; k++) rest[k] -= share * once[k];
      addOuter(rest, mean, once, b, -share);
      addOuter(rest, mean, block, b, share);
    }
    return fromColumns(inputs, sum, b).map((value, k) => value + rest[k]);
  };
}

/** Σ τᵢ(x̂ᵢx̂ᵢᵀ − I)/n with τ centred, so that the identity drops out. */
export async function hessian(workspace: Workspace, inputs: InputMap, tau: Float64Array): Promise<SymmetricOperator> {
  const weights = workspace.rowWeights();
  const n = workspace.weightSum;
  const weighted = weights ? tau.map((t, i) => t * weights[i]) : tau;
  const mean = weighted.reduce((sum, t) => sum + t, 0) / n;
  const centred = weighted.map((t, i) => t - mean * (weights ? weights[i] : 1));
  return whitened(inputs, await secondMoment(workspace, centred), n);
}

/** T² + vvᵀ with v = Σyx̂/n and T = Σy(x̂x̂ᵀ − I)/n: exponents 1 and 2 in one matrix. */
async function linearHessian(workspace: Workspace, inputs: InputMap, y: Float64Array): Promise<SymmetricOperator> {
  const weights = workspace.rowWeights();
  const n = workspace.weightSum;
  const t = await hessian(workspace, inputs, y);
  const sum = await weightedSum(workspace, weights ? y.map((v, i) => v * weights[i]) : y);
  const v = fromColumns(inputs, sum, 1).map((entry) => entry / n);
  return (block, b) => {
    const out = t(t(block, b), b);
    addOuter(out, v, block, b, 1);
    return out;
  };
}
