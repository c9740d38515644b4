/** The passes of a fit at a basis, written once for both kernels: normal equations, residuals, gradients. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { BLOCK_BYTES, F64, reserve, type Visit } from "./blocks.js";
import type { Machine } from "./machine.js";
import type { MomentPlan } from "./momentPlan.js";
import { MOMENT_TOLERANCE } from "./moments.js";
import {
  addFeatures,
  addMoments,
  assertFinite,
  clearNormalEquations,
  finishMoments,
  prepareMoments,
} from "./normalEquations.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import { Points } from "./points.js";
import type { ProblemShape } from "./shape.js";
import { tridiagonalForm } from "./tridiagonal.js";
import type { TridiagonalForm } from "./tridiagonalReference.js";

/** Sums over all rows at a given link. Nothing is divided by n. */
export interface ResidualSums {
  /** Σ wᵢρᵢ². */
  readonly sumSquares: number;
  /** Σ wᵢ gᵢgᵢᵀ, r×r. */
  readonly gradientSquares: Float64Array;
  /** Σ wᵢρᵢ x̃ᵢgᵢᵀ, d×r row-major; absent unless asked for. */
  readonly transposed?: Float64Array;
}

/**
 * Everything with n entries that a solver needs: Z, the fields f and ∇f, residuals. Solvers see only small statistics:
 * p×p normal equations, d×r products.
 */
export class Workspace extends Points {
  #plan: MomentPlan | undefined;
  /** Bound of the relative error of the normal equations; 0 when they were formed directly. */
  #error = 0;

  /**
   * Reserves the arena of a problem.
   * @param table - feature table of (rank, degree), int32 pairs
   * @param hold - keep a small X in the kernel's memory; not worth it for one or two passes
   * @throws {MemoryError} `TOO_LARGE` before anything is allocated, `OUT_OF_MEMORY` if the machine has less
   */
  static async create(
    rows: DenseRows,
    shape: ProblemShape,
    table: Int32Array,
    choice: KernelChoice,
    control: RunControl,
    hold = true,
  ): Promise<Workspace> {
    const { tenant, layout } = await reserve(shape, choice, hold);
    const workspace = new Workspace(tenant, layout, rows, control);
    const m = tenant.enter();
    m.i32.set(table, workspace.at(m, "table") / 4);
    workspace.#plan = prepareMoments(workspace);
    return workspace;
  }

  /** Z = X̃A into the trial, with its normal equations; A is d×r row-major. */
  async projectTrial(a: Float64Array): Promise<void> {
    const { stride, shape } = this.layout;
    const r = shape.rank;
    this.storePaired(a);
    this.dropFeatures();
    const m0 = this.tenant.enter();
    const paired = this.at(m0, "paired");
    const z = this.at(m0, this.slot("z", true));
    const project: Visit = (m, b) => m.ops.project(this.block(m, b), stride, r, paired, z + b * r * BLOCK_BYTES);
    await this.#accumulate(true, 2 * BLOCK_ROWS * stride * r, r > 0 ? project : undefined);
  }

  /** Z(t) = (Z + t·Z_Δ)·m into the trial, with its normal equations, without reading X; m is r×r. */
  async combineTrial(t: number, mixing: Float64Array): Promise<void> {
    const r = this.layout.shape.rank;
    const m0 = this.tenant.enter();
    this.store(m0, "small", mixing);
    this.dropFeatures();
    const step = r * BLOCK_BYTES;
    const [from, along] = [this.at(m0, this.slot("z", false)), this.at(m0, "direction")];
    const [small, to] = [this.at(m0, "small"), this.at(m0, this.slot("z", true))];
    await this.#accumulate(true, 0, (m, b) =>
      m.ops.combine(from + b * step, along + b * step, r, t, small, to + b * step),
    );
  }

  /**
   * Normal equations at the current point with rows left out (keep 0) or kept (1). Read by `normalEquations` and
   * `solveTrial`; the current point stays.
   */
  async accumulateKept(keep: Uint8Array): Promise<void> {
    await this.#accumulate(false, 0, (m, b) => {
      const first = b * BLOCK_ROWS;
      const w = this.view(m, "rowWeights", BLOCK_ROWS);
      const y = this.view(m, "c", BLOCK_ROWS);
      const own = this.view(m, "rootWeights", this.layout.paddedRows);
      const target = this.view(m, "target", this.layout.paddedRows);
      for (let i = 0; i < BLOCK_ROWS; i++) {
        const kept = first + i < this.layout.shape.samples ? keep[first + i] : 0;
        w[i] = kept * own[first + i];
        y[i] = kept * target[first + i];
      }
    });
  }

  /** Copies of the trial's normal equations: ΦᵀΦ packed upper, Φᵀy. */
  normalEquations(): { gram: Float64Array; moment: Float64Array } {
    const m = this.tenant.enter();
    const { packedCount, shape } = this.layout;
    return { gram: this.copy(m, "gram", packedCount), moment: this.copy(m, "moment", shape.featureCount) };
  }

  /**
   * Solves (ΦᵀΦ/n + diag(penalty)) c = Φᵀy/n for the trial and keeps the factor of ΦᵀΦ + n·diag(penalty) with it.
   * @returns the coefficients, or the index of the failing pivot
   */
  solveTrial(penalty: Float64Array, pivotTolerance: number): { coefficients: Float64Array } | { pivot: number } {
    const m = this.tenant.enter();
    const { f64 } = m;
    const p = this.layout.shape.featureCount;
    const factor = this.at(m, this.slot("factor", true));
    const gram = this.at(m, "gram") / F64;
    f64.copyWithin(factor / F64, gram, gram + this.layout.packedCount);
    for (let j = 0, at = factor / F64; j < p; j++, at += j + 1) f64[at] += this.weightSum * penalty[j];
    // A pivot below the error of the Gram matrix is noise.
    const status = m.ops.choleskyFactor(factor, p, Math.max(pivotTolerance, this.#error));
    if (status !== 0) return { pivot: status - 1 };
    const c = this.at(m, "coefficients");
    const moment = this.at(m, "moment") / F64;
    f64.copyWithin(c / F64, moment, moment + p);
    m.ops.choleskySolve(factor, p, c);
    return { coefficients: this.copy(m, "coefficients", p) };
  }

  /** The tridiagonal form of a packed symmetric p×p matrix, in the room of the trial's factor, which is lost. */
  tridiagonalize(a: Float64Array, b: Float64Array): TridiagonalForm {
    const m = this.tenant.enter();
    return tridiagonalForm(m, a, b, this.at(m, this.slot("factor", true)), this.at(m, "tridiagonal"));
  }

  /**
   * Residuals and link gradients of the trial at coefficients c; with `transposed` also Σ wᵢρᵢx̃ᵢgᵢᵀ in the same pass.
   * @param derivatives - ck[j·r + k], coefficients of ∂f/∂z_k
   */
  async residualsOfTrial(c: Float64Array, derivatives: Float64Array, transposed: boolean): Promise<ResidualSums> {
    const { stride, shape } = this.layout;
    const { rank: r, featureCount: p, derivativeCount } = shape;
    const entry = this.tenant.enter();
    this.store(entry, "coefficients", c);
    this.store(entry, "derivatives", derivatives);
    if (transposed) this.clearPaired(r);
    let sumSquares = 0;
    const flops = this.#linkFlops() + 2 * BLOCK_ROWS * stride * r;
    const phiOf = this.features(true);
    const [ofLink, ofSlopes] = [this.at(entry, "coefficients"), this.at(entry, "derivatives")];
    const [fieldsAt, residualAt] = [
      this.at(entry, this.slot("fields", true)),
      this.at(entry, this.slot("residual", true)),
    ];
    const [target, small] = [this.at(entry, "target"), this.at(entry, "small")];
    entry.f64.fill(0, small / F64, small / F64 + (r * (r + 1)) / 2);
    const [multiplied, out] = [this.at(entry, "c"), this.at(entry, "pairedSum")];
    const pause = this.pass(flops, (m, b) => {
      const { ops } = m;
      const fields = fieldsAt + b * (r + 1) * BLOCK_BYTES;
      const residual = residualAt + b * BLOCK_BYTES;
      ops.fields(phiOf(m, b), p, ofLink, derivativeCount, r, ofSlopes, fields);
      sumSquares += ops.residual(target + b * BLOCK_BYTES, fields, residual);
      if (r === 0) return;
      const g = fields + BLOCK_BYTES;
      ops.accumulateGram(g, r, small);
      if (!transposed) return;
      ops.scaleFields(residual, g, r, multiplied);
      ops.accumulateTransposed(this.block(m, b), stride, r, multiplied, out);
    });
    if (pause) await pause;
    this.keepFeatures(true);
    const { f64 } = this.tenant.enter();
    const gradientSquares = new Float64Array(r * r);
    for (let k = 0, at = small / F64; k < r; k++) {
      for (let l = 0; l <= k; l++) gradientSquares[k * r + l] = gradientSquares[l * r + k] = f64[at++];
    }
    return transposed
      ? { sumSquares, gradientSquares, transposed: this.readPaired(r) }
      : { sumSquares, gradientSquares };
  }

  // ------------------------------------------------------------------ at the current point

  /** Σ wᵢρᵢx̃ᵢgᵢᵀ at the current point, d×r row-major. */
  async residualGradient(): Promise<Float64Array> {
    const residual = this.at(this.tenant.enter(), this.slot("residual", false));
    return this.#transposedPass((_, b) => residual + b * BLOCK_BYTES);
  }

  /** Z_Δ = X̃Δ for the line search. */
  async projectDirection(delta: Float64Array): Promise<void> {
    const { stride, shape } = this.layout;
    const r = shape.rank;
    this.storePaired(delta);
    const m0 = this.tenant.enter();
    const [paired, out] = [this.at(m0, "paired"), this.at(m0, "direction")];
    const pause = this.pass(2 * BLOCK_ROWS * stride * r, (m, b) =>
      m.ops.project(this.block(m, b), stride, r, paired, out + b * r * BLOCK_BYTES),
    );
    if (pause) await pause;
  }

  /**
   * Σ wᵢ x̃ᵢ gᵢᵀ (P⊥u)ᵢ with uᵢ = x̃ᵢᵀΔgᵢ and P⊥ the projector off the features (with the ridge of the last solve):
   * the Gauss–Newton product of variable projection, d×r. Also leaves Z_Δ behind.
   * Cost: two half passes over X (4ndr flops) and two over the features.
   * Source: [MI §7.5], Golub & Pereyra (1973) with Kaufman's simplification.
   */
  async gaussNewtonProduct(delta: Float64Array): Promise<Float64Array> {
    const { stride, shape } = this.layout;
    const { rank: r, featureCount: p } = shape;
    this.storePaired(delta);
    const m0 = this.tenant.enter();
    const [paired, direction, u] = [this.at(m0, "paired"), this.at(m0, "direction"), this.at(m0, "u")];
    const g = this.at(m0, this.slot("fields", false)) + BLOCK_BYTES;
    const moment = this.at(m0, "moment");
    const first = this.features(false);
    m0.f64.fill(0, moment / F64, moment / F64 + p);
    const pause = this.pass(this.featureFlops() + 2 * BLOCK_ROWS * stride * r, (m, b) => {
      const { ops } = m;
      const zd = direction + b * r * BLOCK_BYTES;
      ops.project(this.block(m, b), stride, r, paired, zd);
      ops.contractFields(zd, g + b * (r + 1) * BLOCK_BYTES, r, u + b * BLOCK_BYTES);
      ops.accumulateMoment(first(m, b), p, u + b * BLOCK_BYTES, moment);
    });
    if (pause) await pause;
    this.keepFeatures(false);
    const m1 = this.tenant.enter();
    const at = this.at(m1, "solution");
    m1.f64.copyWithin(at / F64, moment / F64, moment / F64 + p);
    m1.ops.choleskySolve(this.at(m1, this.slot("factor", false)), p, at);
    const [off, fitted, none] = [this.at(m1, "rowWeights"), this.at(m1, "scratch"), this.at(m1, "derivatives")];
    const second = this.features(false);
    return this.#transposedPass((m, b) => {
      m.ops.fields(second(m, b), p, at, 0, 0, none, fitted);
      m.ops.residual(u + b * BLOCK_BYTES, fitted, off);
      return off;
    });
  }

  // ------------------------------------------------------------------ inside

  async #transposedPass(multiplier: (m: Machine, block: number) => Address): Promise<Float64Array> {
    const { stride, shape } = this.layout;
    const r = shape.rank;
    this.clearPaired(r);
    const m0 = this.tenant.enter();
    const g = this.at(m0, this.slot("fields", false)) + BLOCK_BYTES;
    const [scaled, out] = [this.at(m0, "c"), this.at(m0, "pairedSum")];
    const pause = this.pass(this.featureFlops() + 2 * BLOCK_ROWS * stride * r, (m, b) => {
      m.ops.scaleFields(multiplier(m, b), g + b * (r + 1) * BLOCK_BYTES, r, scaled);
      m.ops.accumulateTransposed(this.block(m, b), stride, r, scaled, out);
    });
    if (pause) await pause;
    return this.readPaired(r);
  }

  /**
   * Normal equations at the trial's z, which `prepare` makes block by block; or at the current z with weights and response
   * that it puts into "rowWeights" and "c".
   *
   * Moments are taken where they pay, and given up for a direct pass when their error bound is too large. Either way the
   * result depends on (z, w, y) alone, and the loss is computed from residuals at the coefficients found, where it is
   * stationary: it feels the difference of the two only to second order, so a line search may meet both.
   */
  async #accumulate(trial: boolean, flops: number, prepare: Visit | undefined): Promise<void> {
    const plan = this.#plan;
    const m0 = this.tenant.enter();
    const z = this.at(m0, this.slot("z", trial));
    const step = this.layout.shape.rank * BLOCK_BYTES;
    const weights = this.at(m0, trial ? "rootWeights" : "rowWeights");
    const y = this.at(m0, trial ? "target" : "c");
    // The trial's weights and responses are those of all rows, the others those of one block.
    const stepOfRows = trial ? BLOCK_BYTES : 0;
    const phi = this.at(m0, "phi");
    const phiOf = this.features(true);
    const addDirectly: Visit = (m, b) => {
      if (!trial) this.formFeatures(m, z + b * step, weights, phi);
      addFeatures(this, m, trial ? phiOf(m, b) : phi, y + b * stepOfRows);
    };
    clearNormalEquations(this, plan);
    this.#error = 0;
    const pause = this.pass(flops + this.#linkFlops(), (m, b) => {
      prepare?.(m, b);
      if (plan) addMoments(this, plan, m, z + b * step, weights + b * stepOfRows, y + b * stepOfRows);
      else addDirectly(m, b);
    });
    if (pause) await pause;
    if (plan) {
      const error = finishMoments(this, plan);
      if (error <= MOMENT_TOLERANCE) {
        this.#error = error;
        return;
      }
      clearNormalEquations(this, plan);
      const again = this.pass(this.#linkFlops(), (m, b) => {
        if (!trial) prepare?.(m, b);
        addDirectly(m, b);
      });
      if (again) await again;
    }
    if (trial) this.keepFeatures(true);
    assertFinite(this);
  }

  #linkFlops(): number {
    const p = this.layout.shape.featureCount;
    return this.featureFlops() + BLOCK_ROWS * p * (p + 1);
  }
}
