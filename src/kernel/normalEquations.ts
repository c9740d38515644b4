/** ΦᵀΦ and Φᵀy of a workspace, block by block: directly, or by moments where those pay and are accurate. */
import { InputError } from "../base/errors.js";
import { BLOCK_BYTES, F64 } from "./blocks.js";
import type { Machine } from "./machine.js";
import { type MomentPlan, momentPlan } from "./momentPlan.js";
import { momentError } from "./moments.js";
import type { Address } from "./ops.js";
import type { SlotName } from "./shape.js";
import type { Workspace } from "./workspace.js";

/** The plan of a workspace that uses moments, its tables in place; undefined for one that does not. */
export function prepareMoments(workspace: Workspace): MomentPlan | undefined {
  const { moments, shape } = workspace.layout;
  if (!moments) return undefined;
  const plan = momentPlan(shape.rank, shape.degree);
  const m = workspace.tenant.enter();
  m.i32.set(plan.table, workspace.at(m, "momentTable") / 4);
  m.i32.set(plan.widths, workspace.at(m, "momentWidths") / 4);
  m.i32.set(plan.places, workspace.at(m, "momentPlaces") / 4);
  m.i32.set(plan.entries, workspace.at(m, "momentEntries") / 4);
  workspace.store(m, "momentFactors", plan.factors);
  return plan;
}

/** Adds the features of a block to the normal equations. */
export function addFeatures(workspace: Workspace, m: Machine, phi: Address, y: Address): void {
  const p = workspace.layout.shape.featureCount;
  m.ops.accumulateGram(phi, p, workspace.at(m, "gram"));
  m.ops.accumulateMoment(phi, p, y, workspace.at(m, "moment"));
}

/** Adds a block with projections z, square-root weights and response y to the moments. */
export function addMoments(
  workspace: Workspace,
  { sizes }: MomentPlan,
  m: Machine,
  z: Address,
  rootWeights: Address,
  y: Address,
): void {
  const { rank, degree } = workspace.layout.shape;
  const { firstRows, secondRows, responseRows, widths, responseWidths } = sizes;
  const { ops } = m;
  const h = workspace.at(m, "h");
  const rows = workspace.at(m, "momentRows");
  const second = rows + firstRows * BLOCK_BYTES;
  const response = workspace.at(m, "momentResponse");
  const sums = workspace.at(m, "momentSums");
  const groups = workspace.at(m, "momentWidths");
  const table = workspace.at(m, "momentTable");
  const count = firstRows + secondRows;
  ops.features(z, rank, 2 * degree, rootWeights, table, count, h, rows);
  ops.accumulateProducts(rows, widths.length, second, groups, sums);
  // Rank 0: the Hermite values are those in h already.
  ops.features(z, 0, 2 * degree, y, table + 8 * count, responseRows, h, response);
  ops.accumulateProducts(rows, responseWidths.length, response, groups + 4 * widths.length, sums + 8 * sizes.sums);
}

/** Normal equations from the moments of all blocks. @returns a bound of their relative error, see `momentError` */
export function finishMoments(workspace: Workspace, plan: MomentPlan): number {
  const { layout } = workspace;
  const { sums, terms } = plan.sizes;
  const m = workspace.tenant.enter();
  const from = workspace.at(m, "momentSums");
  const places = workspace.at(m, "momentPlaces");
  const factors = workspace.at(m, "momentFactors");
  const entries = workspace.at(m, "momentEntries");
  m.ops.combineSums(from, terms, places, factors, entries, layout.packedCount, workspace.at(m, "gram"));
  const moment = workspace.view(m, "moment", layout.shape.featureCount);
  const response = m.f64.subarray(from / 8 + sums, from / 8 + sums + plan.sizes.responseSums);
  for (let j = 0; j < moment.length; j++) moment[j] = response[plan.responsePlaces[j]];
  return momentError(moment.length, plan.sweeps, workspace.view(m, "gram", layout.packedCount), layout.blocks);
}

/** Sets all sums of the normal equations to zero. */
export function clearNormalEquations(workspace: Workspace, plan: MomentPlan | undefined): void {
  const { packedCount, shape } = workspace.layout;
  const m = workspace.tenant.enter();
  const clear = (slot: SlotName, length: number): void => {
    const first = workspace.at(m, slot) / F64;
    m.f64.fill(0, first, first + length);
  };
  clear("gram", packedCount);
  clear("moment", shape.featureCount);
  if (plan) clear("momentSums", plan.sizes.sums + plan.sizes.responseSums);
}

/** @throws {InputError} `OVERFLOW` naming the degree when a sum left the range of doubles */
export function assertFinite(workspace: Workspace): void {
  const m = workspace.tenant.enter();
  const { featureCount: p, degree } = workspace.layout.shape;
  const gram = workspace.at(m, "gram") / F64;
  const moment = workspace.at(m, "moment") / F64;
  for (let j = 0, at = gram; j < p; j++, at += j + 1) {
    if (Number.isFinite(m.f64[at]) && Number.isFinite(m.f64[moment + j])) continue;
    throw new InputError(
      "OVERFLOW",
      `the Hermite features of degree ${degree} overflow on these inputs. Lower the degree, scale or whiten the columns, or drop the extreme rows.`,
      { details: { degree, feature: j } },
    );
  }
}
