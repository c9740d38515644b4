/** The passes of a fit at a basis, written once for both kernels: normal equations, residuals, gradients. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { BLOCK_BYTES, reserve } from "./blocks.js";
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
    await this.#accumulate(true, false, 2 * BLOCK_ROWS * stride * r, (m, b) => {
      if (r > 0)
        m.ops.project(this.block(m, b), stride, r, this.at(m, "paired"), this.row(m, this.slot("z", true), b, r));
    });
  }

  /** Z(t) = (Z + t·Z_Δ)·m into the trial, with its normal equations, without reading X; m is r×r. */
  async combineTrial(t: number, mixing: Float64Array): Promise<void> {
    const r = this.layout.shape.rank;
    this.store(this.tenant.enter(), "small", mixing);
    await this.#accumulate(true, false, 0, (m, b) => {
      const from = this.row(m, this.slot("z", false), b, r);
      const to = this.row(m, this.slot("z", true), b, r);
      m.ops.combine(from, this.row(m, "direction", b, r), r, t, this.at(m, "small"), to);
    });
  }

  /**
   * Normal equations at the current point with rows left out (keep 0) or kept (1). Read by `normalEquations` and
   * `solveTrial`; the current point stays.
   */
  async accumulateKept(keep: Uint8Array): Promise<void> {
    await this.#accumulate(false, true, 0, (m, b) => {
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
    return {
      gram: this.view(m, "gram", packedCount).slice(),
      moment: this.view(m, "moment", shape.featureCount).slice(),
    };
  }

  /**
   * Solves (ΦᵀΦ/n + diag(penalty)) c = Φᵀy/n for the trial and keeps the factor with it.
   * @returns the coefficients, or the index of the failing pivot
   */
  solveTrial(penalty: Float64Array, pivotTolerance: number): { coefficients: Float64Array } | { pivot: number } {
    const m = this.tenant.enter();
    const p = this.layout.shape.featureCount;
    const slot = this.slot("factor", true);
    const factor = this.view(m, slot, this.layout.packedCount);
    const gram = this.view(m, "gram", this.layout.packedCount);
    for (let k = 0; k < factor.length; k++) factor[k] = gram[k] / this.weightSum;
    for (let j = 0; j < p; j++) factor[(j * (j + 1)) / 2 + j] += penalty[j];
    // A pivot below the error of the Gram matrix is noise.
    const status = m.ops.choleskyFactor(this.at(m, slot), p, Math.max(pivotTolerance, this.#error));
    if (status !== 0) return { pivot: status - 1 };
    const moment = this.view(m, "moment", p);
    const c = this.view(m, "coefficients", p);
    for (let j = 0; j < p; j++) c[j] = moment[j] / this.weightSum;
    m.ops.choleskySolve(this.at(m, slot), p, this.at(m, "coefficients"));
    return { coefficients: c.slice() };
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
    const squares = this.view(entry, "small", (r * (r + 1)) / 2);
    squares.fill(0);
    if (transposed) this.clearPaired(r);
    let sumSquares = 0;
    const flops = this.#linkFlops() + 2 * BLOCK_ROWS * stride * r;
    await this.pass(flops, (m, b) => {
      const { ops } = m;
      const z = this.row(m, this.slot("z", true), b, r);
      const fields = this.row(m, this.slot("fields", true), b, r + 1);
      const residual = this.row(m, this.slot("residual", true), b, 1);
      this.features(m, b, z);
      const phi = this.at(m, "phi");
      ops.fields(phi, p, this.at(m, "coefficients"), derivativeCount, r, this.at(m, "derivatives"), fields);
      sumSquares += ops.residual(this.row(m, "target", b, 1), fields, residual);
      if (r === 0) return;
      const g = fields + BLOCK_BYTES;
      ops.accumulateGram(g, r, this.at(m, "small"));
      if (!transposed) return;
      ops.scaleFields(residual, g, r, this.at(m, "c"));
      ops.accumulateTransposed(this.block(m, b), stride, r, this.at(m, "c"), this.at(m, "pairedSum"));
    });
    const packed = this.view(this.tenant.enter(), "small", (r * (r + 1)) / 2);
    const gradientSquares = new Float64Array(r * r);
    for (let k = 0; k < r; k++) {
      for (let l = 0; l <= k; l++) {
        gradientSquares[k * r + l] = gradientSquares[l * r + k] = packed[(k * (k + 1)) / 2 + l];
      }
    }
    return { sumSquares, gradientSquares, ...(transposed ? { transposed: this.readPaired(r) } : {}) };
  }

  // ------------------------------------------------------------------ at the current point

  /** Σ wᵢρᵢx̃ᵢgᵢᵀ at the current point, d×r row-major. */
  async residualGradient(): Promise<Float64Array> {
    const r = this.layout.shape.rank;
    return this.#transposedPass((m, b) => this.row(m, this.slot("residual", false), b, 1), r);
  }

  /** Z_Δ = X̃Δ for the line search. */
  async projectDirection(delta: Float64Array): Promise<void> {
    const { stride, shape } = this.layout;
    this.storePaired(delta);
    await this.pass(2 * BLOCK_ROWS * stride * shape.rank, (m, b) => {
      const out = this.row(m, "direction", b, shape.rank);
      m.ops.project(this.block(m, b), stride, shape.rank, this.at(m, "paired"), out);
    });
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
    this.view(this.tenant.enter(), "moment", p).fill(0);
    await this.pass(this.featureFlops() + 2 * BLOCK_ROWS * stride * r, (m, b) => {
      const { ops } = m;
      const zd = this.row(m, "direction", b, r);
      ops.project(this.block(m, b), stride, r, this.at(m, "paired"), zd);
      const u = this.row(m, "u", b, 1);
      ops.contractFields(zd, this.row(m, this.slot("fields", false), b, r + 1) + BLOCK_BYTES, r, u);
      this.features(m, b, this.row(m, this.slot("z", false), b, r));
      ops.accumulateMoment(this.at(m, "phi"), p, u, this.at(m, "moment"));
    });
    const m0 = this.tenant.enter();
    const moment = this.view(m0, "moment", p);
    const solution = this.view(m0, "solution", p);
    for (let j = 0; j < p; j++) solution[j] = moment[j] / this.weightSum;
    m0.ops.choleskySolve(this.at(m0, this.slot("factor", false)), p, this.at(m0, "solution"));
    return this.#transposedPass((m, b) => {
      const { ops } = m;
      this.features(m, b, this.row(m, this.slot("z", false), b, r));
      const off = this.at(m, "rowWeights");
      const fitted = this.at(m, "scratch");
      ops.fields(this.at(m, "phi"), p, this.at(m, "solution"), 0, 0, this.at(m, "derivatives"), fitted);
      ops.residual(this.row(m, "u", b, 1), fitted, off);
      return off;
    }, r);
  }

  // ------------------------------------------------------------------ inside

  async #transposedPass(multiplier: (m: Machine, block: number) => Address, r: number): Promise<Float64Array> {
    const { stride } = this.layout;
    this.clearPaired(r);
    await this.pass(this.featureFlops() + 2 * BLOCK_ROWS * stride * r, (m, b) => {
      const g = this.row(m, this.slot("fields", false), b, r + 1) + BLOCK_BYTES;
      m.ops.scaleFields(multiplier(m, b), g, r, this.at(m, "c"));
      m.ops.accumulateTransposed(this.block(m, b), stride, r, this.at(m, "c"), this.at(m, "pairedSum"));
    });
    return this.readPaired(r);
  }

  /**
   * Normal equations at the trial or current z. `prepare` makes z of a block, or with `own` its weights and response in
   * "rowWeights" and "c".
   *
   * Moments are taken where they pay, and given up for a direct pass when their error bound is too large. Either way the
   * result depends on (z, w, y) alone, and the loss is computed from residuals at the coefficients found, where it is
   * stationary: it feels the difference of the two only to second order, so a line search may meet both.
   */
  async #accumulate(
    trial: boolean,
    own: boolean,
    flops: number,
    prepare: (m: Machine, b: number) => void,
  ): Promise<void> {
    const r = this.layout.shape.rank;
    const plan = this.#plan;
    const add = (m: Machine, b: number, moments: MomentPlan | undefined): void => {
      const z = this.row(m, this.slot("z", trial), b, r);
      const weights = own ? this.at(m, "rowWeights") : this.row(m, "rootWeights", b, 1);
      const y = own ? this.at(m, "c") : this.row(m, "target", b, 1);
      if (moments) {
        addMoments(this, moments, m, z, weights, y);
      } else {
        this.features(m, b, z, weights);
        addFeatures(this, m, y);
      }
    };
    clearNormalEquations(this, plan);
    this.#error = 0;
    await this.pass(flops + this.#linkFlops(), (m, b) => {
      prepare(m, b);
      add(m, b, plan);
    });
    if (plan) {
      const error = finishMoments(this, plan);
      if (error <= MOMENT_TOLERANCE) {
        this.#error = error;
        return;
      }
      clearNormalEquations(this, plan);
      await this.pass(this.#linkFlops(), (m, b) => {
        if (own) prepare(m, b);
        add(m, b, undefined);
      });
    }
    assertFinite(this);
  }

  #linkFlops(): number {
    const p = this.layout.shape.featureCount;
    return this.featureFlops() + BLOCK_ROWS * p * (p + 1);
  }
}
