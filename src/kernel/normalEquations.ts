/** ΦᵀΦ and Φᵀy, block by block: directly, or by moments where those pay and are accurate. */
import { InputError } from "../base/errors.js";
import { BLOCK_BYTES, F64 } from "./blocks.js";
import type { Machine } from "./machine.js";
import { type MomentPlan, momentPlan } from "./momentPlan.js";
import { momentError } from "./moments.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import type { Sums } from "./parts.js";
import type { Points } from "./points.js";

/** The plan of a problem that uses moments, its tables in place; undefined for one that does not. */
export function prepareMoments(rows: Points): MomentPlan | undefined {
  const { moments, shape } = rows.layout;
  if (!moments) return undefined;
  const plan = momentPlan(shape.rank, shape.degree);
  const m = rows.tenant.enter();
  m.i32.set(plan.table, rows.at(m, "momentTable") / 4);
  m.i32.set(plan.widths, rows.at(m, "momentWidths") / 4);
  m.i32.set(plan.places, rows.at(m, "momentPlaces") / 4);
  m.i32.set(plan.entries, rows.at(m, "momentEntries") / 4);
  rows.store(m, "momentFactors", plan.factors);
  return plan;
}

/** For a pass over all blocks: adds the features of a block to the normal equations. */
export function featureAdder(rows: Points): (m: Machine, phi: Address, y: Address) => void {
  const p = rows.layout.shape.featureCount;
  const m0 = rows.tenant.enter();
  const [gram, moment] = [rows.at(m0, "gram"), rows.at(m0, "moment")];
  return ({ ops }, phi, y) => {
    ops.accumulateGram(phi, p, gram);
    ops.accumulateMoment(phi, p, y, moment);
  };
}

/** For a pass over all blocks: adds a block with projections z, square-root weights and response y to the moments. */
export function momentAdder(
  rows: Points,
  { sizes }: MomentPlan,
): (m: Machine, z: Address, rootWeights: Address, y: Address) => void {
  const { rank, degree } = rows.layout.shape;
  const { first, firstRows, secondRows, responseRows } = sizes;
  const m0 = rows.tenant.enter();
  const h = rows.at(m0, "h");
  const half = rows.at(m0, "momentRows");
  const second = half + firstRows * BLOCK_BYTES;
  const response = rows.at(m0, "momentResponse");
  const sums = rows.at(m0, "momentSums");
  const responseSums = sums + 8 * sizes.sums;
  const groups = sizes.widths.length;
  const responseGroups = sizes.responseWidths.length;
  const widths = rows.at(m0, "momentWidths");
  const responseWidths = widths + 4 * groups;
  const table = rows.at(m0, "momentTable");
  const secondTable = table + 8 * firstRows;
  const responseTable = secondTable + 8 * secondRows;
  return ({ ops }, z, rootWeights, y) => {
    const zs = z + first * BLOCK_BYTES;
    // Features of one variable are its Hermite values, in order. Padding rows keep what they have; no sum of theirs is read.
    if (first === 1) ops.hermite(z, rootWeights, 2 * degree, half);
    else ops.features(z, first, 2 * degree, rootWeights, table, firstRows, h, half);
    if (rank - first === 1) {
      ops.hermite(zs, rootWeights, 2 * degree, second);
      ops.hermite(zs, y, degree, response);
    } else {
      ops.features(zs, rank - first, 2 * degree, rootWeights, secondTable, secondRows, h, second);
      // Rank 0: the Hermite values are those in h already.
      ops.features(zs, 0, 2 * degree, y, responseTable, responseRows, h, response);
    }
    ops.accumulateProducts(half, groups, second, widths, sums);
    ops.accumulateProducts(half, responseGroups, response, responseWidths, responseSums);
  };
}

/** Normal equations from the moments of all blocks. @returns a bound of their relative error, see `momentError` */
export function finishMoments(rows: Points, plan: MomentPlan): number {
  const { layout } = rows;
  const { sums, terms } = plan.sizes;
  const m = rows.tenant.enter();
  const from = rows.at(m, "momentSums");
  const places = rows.at(m, "momentPlaces");
  const factors = rows.at(m, "momentFactors");
  const entries = rows.at(m, "momentEntries");
  m.ops.combineSums(from, terms, places, factors, entries, layout.packedCount, rows.at(m, "gram"));
  const moment = rows.view(m, "moment", layout.shape.featureCount);
  const response = m.f64.subarray(from / 8 + sums, from / 8 + sums + plan.sizes.responseSums);
  for (let j = 0; j < moment.length; j++) moment[j] = response[plan.responsePlaces[j]];
  return momentError(
    moment.length,
    plan.sweeps,
    rows.view(m, "gram", layout.packedCount),
    Math.ceil(layout.shape.samples / BLOCK_ROWS),
  );
}

/** What a pass adds to for the normal equations. */
export function normalSums(rows: Points, plan: MomentPlan | undefined): Sums {
  if (plan) return [["momentSums", plan.sizes.sums + plan.sizes.responseSums]];
  return [
    ["gram", rows.layout.packedCount],
    ["moment", rows.layout.shape.featureCount],
  ];
}

/** @throws {InputError} `OVERFLOW` naming the degree when a sum left the range of doubles */
export function assertFinite(rows: Points): void {
  const m = rows.tenant.enter();
  const { featureCount: p, degree, single } = rows.layout.shape;
  const gram = rows.at(m, "gram") / F64;
  const moment = rows.at(m, "moment") / F64;
  for (let j = 0, at = gram; j < p; j++, at += j + 1) {
    if (Number.isFinite(m.f64[at]) && Number.isFinite(m.f64[moment + j])) continue;
    throw new InputError(
      "OVERFLOW",
      `the Hermite features of degree ${degree} overflow on these inputs${single ? " in single precision" : ""}. Lower the degree, scale or whiten the columns, or drop the extreme rows.`,
      { details: { degree, feature: j } },
    );
  }
}
