/** The passes of a fit over the rows held here: features, normal equations, residuals, products with X. */
import { BLOCK_BYTES, F64, type Visit } from "./blocks.js";
import type { Machine } from "./machine.js";
import { featureAdder, momentAdder, normalSums } from "./normalEquations.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import type { Sums } from "./parts.js";
import type { Points } from "./points.js";

/** Z = X̃A into the trial, with its normal equations; A is d×r row-major. */
export function project(rows: Points, a: Float64Array): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const r = shape.rank;
  rows.storePaired(a);
  rows.dropFeatures();
  const m0 = rows.tenant.enter();
  const z = rows.at(m0, rows.slot("z", true));
  const into = rows.projector();
  const prepare: Visit = (m, b) => into(m, b, z + b * r * BLOCK_BYTES);
  return accumulate(rows, 2 * BLOCK_ROWS * stride * r, r > 0 ? prepare : undefined);
}

/** Z = X̃A into the trial, without its normal equations. */
export function place(rows: Points, a: Float64Array): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const r = shape.rank;
  rows.storePaired(a);
  rows.dropFeatures();
  const m0 = rows.tenant.enter();
  const z = rows.at(m0, rows.slot("z", true));
  const into = rows.projector();
  return rows.summed(2 * BLOCK_ROWS * stride * r, [], (m, b) => into(m, b, z + b * r * BLOCK_BYTES));
}

/** Z(t) = (Z + t·Z_Δ)·m into the trial, with its normal equations, without reading X; m is r×r. */
export function combine(rows: Points, t: number, mixing: Float64Array): Promise<void> | undefined {
  const r = rows.layout.shape.rank;
  const m0 = rows.tenant.enter();
  rows.store(m0, "small", mixing);
  rows.dropFeatures();
  const step = r * BLOCK_BYTES;
  const [from, along] = [rows.at(m0, rows.slot("z", false)), rows.at(m0, "direction")];
  const [small, to] = [rows.at(m0, "small"), rows.at(m0, rows.slot("z", true))];
  return accumulate(rows, 0, (m, b) => m.ops.combine(from + b * step, along + b * step, r, t, small, to + b * step));
}

/** Normal equations of the trial's z once more, without moments. */
export function direct(rows: Points): Promise<void> | undefined {
  const phiOf = rows.features(true);
  const target = rows.at(rows.tenant.enter(), "target");
  const add = featureAdder(rows);
  const pause = rows.summed(linkFlops(rows), normalSums(rows, undefined), (m, b) => {
    add(m, phiOf(m, b), target + b * BLOCK_BYTES);
  });
  if (pause) return pause.then(() => rows.keepFeatures(true));
  rows.keepFeatures(true);
  return undefined;
}

/**
 * Normal equations, or moments, at the current point with rows left out (keep 0) or kept (1).
 * @param directly - without moments
 */
export function kept(rows: Points, keep: Uint8Array, directly: boolean): Promise<void> | undefined {
  const { layout } = rows;
  const plan = directly ? undefined : rows.plan;
  const m0 = rows.tenant.enter();
  const z = rows.at(m0, rows.slot("z", false));
  const [weights, response, phi] = [rows.at(m0, "rowWeights"), rows.at(m0, "c"), rows.at(m0, "phi")];
  const step = layout.shape.rank * BLOCK_BYTES;
  const addFeatures = featureAdder(rows);
  const addMoments = plan && momentAdder(rows, plan);
  return rows.summed(linkFlops(rows), normalSums(rows, plan), (m, b) => {
    const first = b * BLOCK_ROWS;
    const w = rows.view(m, "rowWeights", BLOCK_ROWS);
    const y = rows.view(m, "c", BLOCK_ROWS);
    const own = rows.view(m, "rootWeights", layout.paddedRows);
    const target = rows.view(m, "target", layout.paddedRows);
    for (let i = 0; i < BLOCK_ROWS; i++) {
      const factor = first + i < layout.rows ? keep[first + i] : 0;
      w[i] = factor * own[first + i];
      y[i] = factor * target[first + i];
    }
    if (addMoments) {
      addMoments(m, z + b * step, weights, response);
    } else {
      rows.formFeatures(m, z + b * step, weights, phi);
      addFeatures(m, phi, response);
    }
  });
}

/** Normal equations, or moments, of the trial's z, which `prepare` makes block by block. */
function accumulate(rows: Points, flops: number, prepare: Visit | undefined): Promise<void> | undefined {
  const { plan } = rows;
  const m0 = rows.tenant.enter();
  const z = rows.at(m0, rows.slot("z", true));
  const [weights, target] = [rows.at(m0, "rootWeights"), rows.at(m0, "target")];
  const step = rows.layout.shape.rank * BLOCK_BYTES;
  if (plan) {
    const add = momentAdder(rows, plan);
    return rows.summed(flops + linkFlops(rows), normalSums(rows, plan), (m, b) => {
      prepare?.(m, b);
      add(m, z + b * step, weights + b * BLOCK_BYTES, target + b * BLOCK_BYTES);
    });
  }
  const phiOf = rows.features(true);
  const add = featureAdder(rows);
  const pause = rows.summed(flops + linkFlops(rows), normalSums(rows, plan), (m, b) => {
    prepare?.(m, b);
    add(m, phiOf(m, b), target + b * BLOCK_BYTES);
  });
  if (pause) return pause.then(() => rows.keepFeatures(true));
  rows.keepFeatures(true);
  return undefined;
}

/**
 * Residuals and link gradients of the trial at coefficients c; with `transposed` also Σ wᵢρᵢx̃ᵢgᵢᵀ in the same pass.
 * @param derivatives - ck[j·r + k], coefficients of ∂f/∂z_k
 */
export function residuals(
  rows: Points,
  c: Float64Array,
  derivatives: Float64Array,
  transposed: boolean,
): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const { rank: r, featureCount: p, derivativeCount } = shape;
  const entry = rows.tenant.enter();
  rows.store(entry, "coefficients", c);
  rows.store(entry, "derivatives", derivatives);
  const phiOf = rows.features(true);
  const [ofLink, ofSlopes] = [rows.at(entry, "coefficients"), rows.at(entry, "derivatives")];
  const fieldsAt = rows.at(entry, rows.slot("fields", true));
  const residualAt = rows.at(entry, rows.slot("residual", true));
  const [target, small] = [rows.at(entry, "target"), rows.at(entry, "small")];
  const multiplied = rows.at(entry, "c");
  const total = rows.at(entry, "sumSquares") / F64;
  const flops = linkFlops(rows) + 2 * BLOCK_ROWS * stride * r;
  const sums: Sums = [
    ["sumSquares", 1],
    ["small", (r * (r + 1)) / 2],
    ["pairedSum", transposed ? stride * r : 0],
  ];
  const add = rows.transposer();
  const pause = rows.summed(flops, sums, (m, b) => {
    const { ops } = m;
    const fields = fieldsAt + b * (r + 1) * BLOCK_BYTES;
    const residual = residualAt + b * BLOCK_BYTES;
    ops.fields(phiOf(m, b), p, ofLink, derivativeCount, r, ofSlopes, fields);
    m.f64[total] += ops.residualProducts(target + b * BLOCK_BYTES, fields, r, residual, small, multiplied);
    if (transposed && r > 0) add(m, b, multiplied);
  });
  if (pause) return pause.then(() => rows.keepFeatures(true));
  rows.keepFeatures(true);
  return undefined;
}

/** Σ wᵢρᵢx̃ᵢgᵢᵀ at the current point. */
export function residualProduct(rows: Points): Promise<void> | undefined {
  const residual = rows.at(rows.tenant.enter(), rows.slot("residual", false));
  return transposedPass(rows, (_, b) => residual + b * BLOCK_BYTES);
}

/** Z_Δ = X̃Δ. */
export function direction(rows: Points, delta: Float64Array): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const r = shape.rank;
  rows.storePaired(delta);
  const m0 = rows.tenant.enter();
  const out = rows.at(m0, "direction");
  const into = rows.projector();
  const visit: Visit = (m, b) => into(m, b, out + b * r * BLOCK_BYTES);
  return rows.summed(2 * BLOCK_ROWS * stride * r, [], visit);
}

/** Z_Δ = X̃Δ, uᵢ = x̃ᵢᵀΔgᵢ and Φᵀu at the current point. */
export function motion(rows: Points, delta: Float64Array): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const { rank: r, featureCount: p } = shape;
  rows.storePaired(delta);
  const m0 = rows.tenant.enter();
  const [along, u] = [rows.at(m0, "direction"), rows.at(m0, "u")];
  const g = rows.at(m0, rows.slot("fields", false)) + BLOCK_BYTES;
  const moment = rows.at(m0, "moment");
  const phiOf = rows.features(false);
  const flops = rows.featureFlops() + 2 * BLOCK_ROWS * stride * r;
  const into = rows.projector();
  const pause = rows.summed(flops, [["moment", p]], (m, b) => {
    const { ops } = m;
    const zd = along + b * r * BLOCK_BYTES;
    into(m, b, zd);
    ops.contractFields(zd, g + b * (r + 1) * BLOCK_BYTES, r, u + b * BLOCK_BYTES);
    ops.accumulateMoment(phiOf(m, b), p, u + b * BLOCK_BYTES, moment);
  });
  if (pause) return pause.then(() => rows.keepFeatures(false));
  rows.keepFeatures(false);
  return undefined;
}

/** Σ wᵢ x̃ᵢgᵢᵀ(u − Φs)ᵢ with the u of `motion`. */
export function projectedMotion(rows: Points, solution: Float64Array): Promise<void> | undefined {
  const p = rows.layout.shape.featureCount;
  const m0 = rows.tenant.enter();
  rows.store(m0, "solution", solution);
  const [at, off] = [rows.at(m0, "solution"), rows.at(m0, "rowWeights")];
  const [fitted, none, u] = [rows.at(m0, "scratch"), rows.at(m0, "derivatives"), rows.at(m0, "u")];
  const phiOf = rows.features(false);
  return transposedPass(rows, (m, b) => {
    m.ops.fields(phiOf(m, b), p, at, 0, 0, none, fitted);
    m.ops.residual(u + b * BLOCK_BYTES, fitted, off);
    return off;
  });
}

function transposedPass(rows: Points, multiplier: (m: Machine, block: number) => Address): Promise<void> | undefined {
  const { stride, shape } = rows.layout;
  const r = shape.rank;
  const m0 = rows.tenant.enter();
  const g = rows.at(m0, rows.slot("fields", false)) + BLOCK_BYTES;
  const scaled = rows.at(m0, "c");
  const flops = rows.featureFlops() + 2 * BLOCK_ROWS * stride * r;
  const add = rows.transposer();
  return rows.summed(flops, [["pairedSum", stride * r]], (m, b) => {
    m.ops.scaleFields(multiplier(m, b), g + b * (r + 1) * BLOCK_BYTES, r, scaled);
    add(m, b, scaled);
  });
}

function linkFlops(rows: Points): number {
  const p = rows.layout.shape.featureCount;
  return rows.featureFlops() + BLOCK_ROWS * p * (p + 1);
}
