/**
 * The tangent space of a fit: link features beside the motion of its directions, A = [Φ | (XW⊥)_a g_k], row by row.
 * Its normal equations give leverages and standard errors that count the directions as parameters too.
 */
import { BLOCK_BYTES } from "./blocks.js";
import type { Machine } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import type { Workspace } from "./workspace.js";

/** Leverages wᵢaᵢᵀS⁻¹aᵢ/n, n numbers each. */
export interface Leverages {
  /** Of the link alone. */
  readonly link: Float64Array;
  /** Of link and directions. */
  readonly total: Float64Array;
}

/** Columns of X·W⊥ computed by one call of the projection. */
const GROUP = 4;
/** Pivots below this part of their diagonal entry count as zero. */
const PIVOT_TOLERANCE = 1e-13;

/**
 * Leverages at the current point under S = AᵀA/n + diag(penalty, floor). Keeps the factor for `tangentSandwich`.
 *
 * @param complement - W⊥ as weights of the standardized columns, d×c row-major
 * @param penalty - on the N link features; @param floor - on the c·r motions
 * @returns undefined when S is singular to working precision
 * Cost: 2n(N + cr)² flops.
 */
export async function tangentLeverages(
  workspace: Workspace,
  complement: Float64Array,
  penalty: Float64Array,
  floor: number,
): Promise<Leverages | undefined> {
  const { layout } = workspace;
  const { featureCount: p, samples } = layout.shape;
  const q = layout.tangentCount;
  storeComplement(workspace, complement);
  const count = (q * (q + 1)) / 2;
  workspace.view(workspace.tenant.enter(), "tangentGram", count).fill(0);
  const flops = BLOCK_ROWS * q * (q + 1);
  await workspace.pass(flops, (m, b) => {
    tangentRows(workspace, m, b);
    m.ops.accumulateGram(workspace.at(m, "tangent"), q, workspace.at(m, "tangentGram"));
  });
  const machine = workspace.tenant.enter();
  const s = workspace.view(machine, "tangentGram", count);
  for (let k = 0; k < count; k++) s[k] /= workspace.weightSum;
  for (let j = 0; j < q; j++) s[(j * (j + 1)) / 2 + j] += j < p ? penalty[j] : floor;
  if (machine.ops.choleskyFactor(workspace.at(machine, "tangentGram"), q, PIVOT_TOLERANCE) !== 0) return undefined;
  const link = new Float64Array(samples);
  const total = new Float64Array(samples);
  await workspace.pass(flops, (m, b) => {
    solvedRows(workspace, m, b);
    const v = workspace.view(m, "tangent", q * BLOCK_ROWS);
    const first = b * BLOCK_ROWS;
    const rows = Math.min(BLOCK_ROWS, samples - first);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let j = 0, at = i; j < p; j++, at += BLOCK_ROWS) sum += v[at] * v[at];
      link[first + i] = sum / workspace.weightSum;
      for (let j = p, at = p * BLOCK_ROWS + i; j < q; j++, at += BLOCK_ROWS) sum += v[at] * v[at];
      total[first + i] = sum / workspace.weightSum;
    }
  });
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
  const { featureCount: p, samples } = layout.shape;
  const q = layout.tangentCount;
  const moving = q - p;
  const packed = (moving * (moving + 1)) / 2;
  workspace.view(workspace.tenant.enter(), "sandwich", packed).fill(0);
  await workspace.pass(BLOCK_ROWS * q * (q + 1), (m, b) => {
    solvedRows(workspace, m, b);
    const v = workspace.view(m, "tangent", q * BLOCK_ROWS);
    for (let i = 0; i < BLOCK_ROWS; i++) {
      const row = b * BLOCK_ROWS + i;
      const e = row < samples ? errors[row] : 0;
      for (let at = p * BLOCK_ROWS + i; at < v.length; at += BLOCK_ROWS) v[at] *= e;
    }
    m.ops.accumulateGram(workspace.at(m, "tangent") + p * BLOCK_BYTES, moving, workspace.at(m, "sandwich"));
  });
  const m = workspace.tenant.enter();
  const u = workspace.view(m, "tangentGram", (q * (q + 1)) / 2);
  return congruence(u, p, moving, workspace.view(m, "sandwich", packed), workspace.weightSum);
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

/** W⊥ in paired layout, in groups of columns. */
function storeComplement(workspace: Workspace, complement: Float64Array): void {
  const { stride, shape } = workspace.layout;
  const c = shape.complement ?? 0;
  const out = workspace.view(workspace.tenant.enter(), "complement", stride * c);
  out.fill(0);
  for (let from = 0; from < c; from += GROUP) {
    const width = Math.min(GROUP, c - from);
    for (let j = 0; j < shape.columns; j++) {
      const at = from * stride + (j >> 1) * 2 * width + (j & 1);
      for (let k = 0; k < width; k++) out[at + 2 * k] = complement[j * c + from + k];
    }
  }
}

/** Rows of A of one block, feature-major, into "tangent". */
function tangentRows(workspace: Workspace, m: Machine, b: number): void {
  const { stride, shape } = workspace.layout;
  const { rank: r, featureCount: p, complement: c = 0 } = shape;
  const x = workspace.block(m, b);
  const z = workspace.at(m, "complementZ");
  for (let from = 0; from < c; from += GROUP) {
    const w: Address = workspace.at(m, "complement") + from * stride * 8;
    m.ops.project(x, stride, Math.min(GROUP, c - from), w, z + from * BLOCK_BYTES);
  }
  const a = workspace.at(m, "tangent");
  workspace.featuresOfPoint(m, b, a);
  const g = workspace.fieldsOfPoint(m, b) + BLOCK_BYTES;
  for (let k = 0; k < r; k++) m.ops.scaleFields(g + k * BLOCK_BYTES, z, c, a + (p + k * c) * BLOCK_BYTES);
}

function solvedRows(workspace: Workspace, m: Machine, b: number): void {
  tangentRows(workspace, m, b);
  m.ops.solveRows(workspace.at(m, "tangentGram"), workspace.layout.tangentCount, workspace.at(m, "tangent"));
}
