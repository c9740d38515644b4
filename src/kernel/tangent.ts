/**
 * The tangent space of a fit: link features beside the motion of its directions, A = [Φ | (XW⊥)_a g_k], row by row.
 * Its normal equations give leverages and standard errors that count the directions as parameters too.
 */
import type { Workspace } from "./workspace.js";

/** Leverages wᵢaᵢᵀS⁻¹aᵢ/n, n numbers each. */
export interface Leverages {
  /** Of the link alone. */
  readonly link: Float64Array;
  /** Of link and directions. */
  readonly total: Float64Array;
}

/** Pivots below this part of their diagonal entry count as zero. */
const PIVOT_TOLERANCE = 1e-13;

/**
 * Leverages at the current point under S = AᵀA/n + diag(penalty) ⊕ K⊗I. Keeps the factor for `tangentSandwich`.
 *
 * @param complement - W⊥ as weights of the standardized columns, d×c row-major
 * @param penalty - on the N link features
 * @param curvature - K, r×r: what the motions of every direction outside the basis cost beside AᵀA
 * @returns undefined when S is singular to working precision
 * Cost: 2n(N + cr)² flops.
 */
export async function tangentLeverages(
  workspace: Workspace,
  complement: Float64Array,
  penalty: Float64Array,
  curvature: Float64Array,
): Promise<Leverages | undefined> {
  const { layout, weightSum } = workspace;
  const { featureCount: p, samples, complement: c = 0, rank: r } = layout.shape;
  const q = layout.tangentCount;
  await workspace.everywhere("tangentGram", complement);
  const count = (q * (q + 1)) / 2;
  const machine = workspace.tenant.enter();
  const s = workspace.view(machine, "tangentGram", count);
  for (let k = 0; k < count; k++) s[k] /= weightSum;
  for (let j = 0; j < p; j++) s[(j * (j + 1)) / 2 + j] += penalty[j];
  for (let l = 0; l < r; l++) {
    for (let a = 0; a < c; a++) {
      const column = p + a + l * c;
      for (let k = 0; k <= l; k++) s[(column * (column + 1)) / 2 + p + a + k * c] += curvature[k * r + l];
    }
  }
  if (machine.ops.choleskyFactor(workspace.at(machine, "tangentGram"), q, PIVOT_TOLERANCE) !== 0) return undefined;
  const factor = workspace.isAlone ? undefined : workspace.copy(machine, "tangentGram", count);
  const both = (await workspace.everywhere("leverages", factor)) as Float64Array;
  const link = new Float64Array(samples);
  const total = new Float64Array(samples);
  for (let i = 0; i < samples; i++) {
    link[i] = both[2 * i] / weightSum;
    total[i] = both[2 * i + 1] / weightSum;
  }
  return { link, total };
}

/**
 * The direction block of S⁻¹(Aᵀ diag(e²) A)S⁻¹/n², cr×cr row-major, motion (a, k) at a + k·c; after `tangentLeverages`.
 * With e the leave-one-out residuals it is the covariance of the directions in the coordinates W⊥ (jackknife sandwich).
 *
 * @param errors - e, n numbers, without weights
 */
export async function tangentSandwich(workspace: Workspace, errors: Float64Array): Promise<Float64Array> {
  const { layout } = workspace;
  const p = layout.shape.featureCount;
  const q = layout.tangentCount;
  const moving = q - p;
  await workspace.everywhere("sandwich", errors);
  const m = workspace.tenant.enter();
  const u = workspace.view(m, "tangentGram", (q * (q + 1)) / 2);
  return congruence(u, p, moving, workspace.view(m, "sandwich", (moving * (moving + 1)) / 2), workspace.weightSum);
}

/** R⁻¹MR⁻ᵀ/n² with R the last block of the factor and M packed. */
export function congruence(u: Float64Array, p: number, count: number, packed: Float64Array, n: number): Float64Array {
  const out = new Float64Array(count * count);
  for (let j = 0, at = 0; j < count; j++)
    for (let i = 0; i <= j; i++) out[i * count + j] = out[j * count + i] = packed[at++];
  const r = (i: number, j: number): number => u[((p + j) * (p + j + 1)) / 2 + p + i];
  // Twice "solve Rx = column", the second time on the transposed result.
  for (let round = 0; round < 2; round++) {
    for (let c = 0; c < count; c++) {
      for (let i = count - 1; i >= 0; i--) {
        let s = out[i * count + c];
        for (let k = i + 1; k < count; k++) s -= r(i, k) * out[k * count + c];
        out[i * count + c] = s / r(i, i);
      }
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < i; j++) [out[i * count + j], out[j * count + i]] = [out[j * count + i], out[i * count + j]];
    }
  }
  for (let k = 0; k < out.length; k++) out[k] /= n * n;
  return out;
}
