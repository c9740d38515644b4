/** A landmark Gaussian process over projected rows: its variational bound, and the gradient of that. */
import type { RunControl } from "../base/control.js";
import { exp, log } from "../base/elementary.js";
import type { KernelChoice } from "../base/types.js";
import { Arena, addPaired, fillBlock, writePaired } from "./arena.js";
import { CONSTANT_VARIANCE, PIVOT_TOLERANCE, type ProcessArena, type ProcessRows, slotsOf } from "./landmarkArena.js";
import { factorLandmarks, squarePass } from "./landmarkSquare.js";
import { BLOCK_ROWS as B } from "./ops.js";

/** Directions and variances of a process; logarithms keep the variances positive. */
export interface ProcessPoint {
  /** B, k×r row-major: z = Bᵀx. */
  readonly directions: Float64Array;
  /** ln s², variance of the bumps. */
  readonly bump: number;
  /** ln l², prior variance of the linear coefficients. */
  readonly slope: number;
  /** σ², variance of the noise. */
  readonly noise: number;
}

/** The bound at a point, and its gradient. */
export interface ProcessBound {
  /** −ln p(y) or more, without (n/2) ln 2π. */
  readonly value: number;
  /** k×r. */
  readonly directions: Float64Array;
  readonly bump: number;
  readonly slope: number;
  /** With respect to ln σ². */
  readonly noise: number;
}

/**
 * Minus the collapsed variational bound of y ~ N(0, Q + σ²W⁻¹) for the kernel s²κ(|z − z'|) + l²z·z' + 10, where the
 * bumps act through m landmarks u. With LLᵀ = K_uu, Φ = [L⁻¹K_uz; l·zᵀ; √10], D = σ²I + ΦWΦᵀ (p = m + r + 1 rows)
 * and β = D⁻¹ΦWy:
 *
 *     F = ½[(Σw − p) ln σ² + ln|D| + (yᵀWy − βᵀΦWy)/σ² + (Σw·s² − Σ_{j≤m}(ΦWΦᵀ)_jj)/σ²]
 *     ∂F/∂Φ = (D⁻¹ − I_m/σ²)ΦW − β(y − Φᵀβ)ᵀW/σ²,   ∂F/∂K_uz = L⁻ᵀ(its first m rows),
 *     ∂F/∂K_uu = −½L⁻ᵀ[I − σ²D⁻¹ − ΦWΦᵀ/σ² − ββᵀ]_mm L⁻¹
 *
 * A weight of 2 is a row given twice. Everything is well conditioned because D is.
 * Source: Titsias (2009); `math/learner` §6. Cost of one evaluation: 4np² + 6p³ flops.
 */
export class LandmarkProcess {
  readonly rows: ProcessRows;
  readonly #arena: ProcessArena;
  readonly #blocks: number;
  readonly #stride: number;
  readonly #features: number;
  readonly #weightSum: number;
  readonly #energy: number;

  private constructor(rows: ProcessRows, arena: ProcessArena) {
    const { n, k, y, weights, rank, landmarks } = rows;
    this.rows = rows;
    this.#arena = arena;
    this.#blocks = Math.ceil(n / B);
    this.#stride = k + (k & 1);
    this.#features = landmarks.length + rank + 1;
    let weightSum = 0;
    let energy = 0;
    for (let i = 0; i < n; i++) {
      const w = weights === undefined ? 1 : weights[i];
      weightSum += w;
      energy += w * y[i] * y[i];
    }
    this.#weightSum = weightSum;
    this.#energy = energy;
  }

  /**
   * Reserves memory for n(k + 2m) numbers and copies the rows in.
   * @throws {MemoryError} `TOO_LARGE`, `OUT_OF_MEMORY`
   */
  static async create(rows: ProcessRows, choice: KernelChoice, control: RunControl): Promise<LandmarkProcess> {
    const process = new LandmarkProcess(rows, await Arena.create(slotsOf(rows), choice, control));
    process.#load();
    return process;
  }

  dispose(): void {
    this.#arena.dispose();
  }

  /**
   * Minus the bound and its gradient; undefined where a factorization breaks down.
   * Cost: see the class.
   */
  async at(point: ProcessPoint): Promise<ProcessBound | undefined> {
    const arena = this.#arena;
    const m = this.rows.landmarks.length;
    const p = this.#features;
    const s2 = exp(point.bump);
    const { noise } = point;
    if (!(await this.#featurePass(point, s2))) return undefined;

    const machine = arena.enter();
    const gram = arena.view(machine, "gram");
    const factor = arena.view(machine, "factor");
    factor.set(gram);
    let explained = 0;
    for (let j = 0; j < p; j++) {
      const at = (j * (j + 1)) / 2 + j;
      factor[at] += noise;
      if (j < m) explained += gram[at];
    }
    if (machine.ops.choleskyFactor(arena.at(machine, "factor"), p, PIVOT_TOLERANCE) !== 0) return undefined;
    const moment = arena.view(machine, "moment");
    const beta = arena.view(machine, "beta");
    beta.set(moment);
    machine.ops.choleskySolve(arena.at(machine, "factor"), p, arena.at(machine, "beta"));
    let logDeterminant = 0;
    let fit = 0;
    let betaSquare = 0;
    for (let j = 0; j < p; j++) {
      logDeterminant += 2 * log(factor[(j * (j + 1)) / 2 + j]);
      fit += moment[j] * beta[j];
      betaSquare += beta[j] * beta[j];
    }
    const unexplained = this.#weightSum * s2 - explained;
    const freedom = this.#weightSum - p;
    const misfit = (this.#energy - fit + unexplained) / noise;
    const value = 0.5 * (freedom * log(noise) + logDeterminant + misfit);
    if (!Number.isFinite(value)) return undefined;

    const { bumpTrace, slopeTrace, inverseTrace } = squarePass(arena, this.rows, machine, noise);
    const directions = await this.#gradientPass(point);
    this.#addLandmarkRows(directions);
    if (directions.some((g) => !Number.isFinite(g))) return undefined;
    return {
      value,
      directions,
      bump: 0.5 * (bumpTrace + (this.#weightSum * s2) / noise),
      slope: 0.5 * slopeTrace,
      noise: 0.5 * (freedom + noise * inverseTrace - misfit + betaSquare),
    };
  }

  /** Copies rows, responses and square roots of weights in; what lies beyond row n is 0. */
  #load(): void {
    const { x, n, k, y, weights } = this.rows;
    const arena = this.#arena;
    const m = arena.enter();
    const [target, root] = [arena.view(m, "y"), arena.view(m, "root")];
    for (let i = 0; i < n; i++) {
      root[i] = weights === undefined ? 1 : Math.sqrt(weights[i]);
      target[i] = root[i] * y[i];
    }
    const size = B * this.#stride;
    for (let b = 0; b < this.#blocks; b++) {
      fillBlock(arena.view(m, "x", size, b * size), this.#stride, x, k, b * B, Math.min(B, n - b * B));
    }
  }

  /** Projects the rows, factors K_uu and leaves Φ, its slopes, ΦWΦᵀ and ΦWy behind; false if K_uu is singular. */
  async #featurePass(point: ProcessPoint, s2: number): Promise<boolean> {
    const arena = this.#arena;
    const { k, rank: r, kind, landmarks } = this.rows;
    const m = landmarks.length;
    const p = this.#features;
    const stride = this.#stride;
    let machine = arena.enter();
    writePaired(point.directions, k, r, arena.view(machine, "paired"));
    await arena.pass(this.#blocks, 2 * B * stride * r, (mc, b) => {
      const [x, z] = [arena.at(mc, "x", b * B * stride), arena.at(mc, "z", b * B * r)];
      mc.ops.project(x, stride, r, arena.at(mc, "paired"), z);
    });
    machine = arena.enter();
    if (!factorLandmarks(arena, this.rows, machine, s2)) return false;
    arena.view(machine, "gram").fill(0);
    arena.view(machine, "moment").fill(0);
    const l = exp(0.5 * point.slope);
    const constant = Math.sqrt(CONSTANT_VARIANCE);
    await arena.pass(this.#blocks, B * p * (2 * p + 40), (mc, b) => {
      const { ops } = mc;
      const root = arena.view(mc, "root", B, b * B);
      const [scale, slope] = [arena.view(mc, "scale"), arena.view(mc, "slopeRow")];
      const phi = arena.at(mc, "phi", b * B * p);
      const constantRow = arena.view(mc, "phi", B, (b * p + p - 1) * B);
      for (let i = 0; i < B; i++) {
        scale[i] = s2 * root[i];
        slope[i] = l * root[i];
        constantRow[i] = constant * root[i];
      }
      const z = arena.at(mc, "z", b * B * r);
      const psi = arena.at(mc, "psi", b * B * m);
      ops.radial(z, r, arena.at(mc, "u"), m, kind, arena.at(mc, "scale"), phi, psi);
      ops.scaleFields(arena.at(mc, "slopeRow"), z, r, phi + m * B * 8);
      ops.solveRows(arena.at(mc, "kuu"), m, phi);
      ops.accumulateGram(phi, p, arena.at(mc, "gram"));
      ops.accumulateMoment(phi, p, arena.at(mc, "y", b * B), arena.at(mc, "moment"));
    });
    return true;
  }

  /** Σ xᵢ(∂F/∂zᵢ)ᵀ over the rows, k×r; adds what the rows do to the landmarks to "pulls". */
  async #gradientPass(point: ProcessPoint): Promise<Float64Array> {
    const arena = this.#arena;
    const { k, rank: r, landmarks } = this.rows;
    const m = landmarks.length;
    const p = this.#features;
    const stride = this.#stride;
    const l = exp(0.5 * point.slope);
    const start = arena.enter();
    arena.view(start, "pairedSum").fill(0);
    arena.view(start, "none").fill(0);
    await arena.pass(this.#blocks, B * p * (2 * p + 10 * r), (mc, b) => {
      const { ops } = mc;
      const phi = arena.at(mc, "phi", b * B * p);
      const [fitted, rho, g] = [arena.at(mc, "fitted"), arena.at(mc, "rho"), arena.at(mc, "g")];
      ops.fields(phi, p, arena.at(mc, "beta"), 0, 0, arena.at(mc, "beta"), fitted);
      ops.residual(arena.at(mc, "y", b * B), fitted, rho);
      ops.fields(phi, p, arena.at(mc, "mixing"), p, m + r - 1, arena.at(mc, "mixing", p), g);
      const [z, psi] = [arena.at(mc, "z", b * B * r), arena.at(mc, "psi", b * B * m)];
      const [u, sums] = [arena.at(mc, "u"), arena.at(mc, "none")];
      ops.radialGradient(z, r, u, m, psi, g, arena.at(mc, "weights"), rho, arena.at(mc, "gz"), sums);
      const gz = arena.view(mc, "gz");
      const linear = arena.view(mc, "g", r * B, m * B);
      const residual = arena.view(mc, "rho");
      const root = arena.view(mc, "root", B, b * B);
      const beta = arena.view(mc, "beta");
      for (let c = 0; c < r; c++) {
        const factor = beta[m + c] / point.noise;
        for (let i = 0; i < B; i++) gz[c * B + i] += l * root[i] * (linear[c * B + i] - factor * residual[i]);
      }
      const x = arena.at(mc, "x", b * B * stride);
      ops.accumulateTransposed(x, stride, r, arena.at(mc, "gz"), arena.at(mc, "pairedSum"));
    });
    const machine = arena.enter();
    const [pulls, sums] = [arena.view(machine, "pulls"), arena.view(machine, "none")];
    for (let j = 0; j < m * r; j++) pulls[j] -= sums[j];
    const out = new Float64Array(k * r);
    addPaired(arena.view(machine, "pairedSum"), k, r, out);
    return out;
  }

  /** Adds Σ x_m(∂F/∂u_m)ᵀ over the landmarks. */
  #addLandmarkRows(out: Float64Array): void {
    const { x, k, rank: r, landmarks } = this.rows;
    const arena = this.#arena;
    const pulls = arena.view(arena.enter(), "pulls");
    landmarks.forEach((row, j) => {
      for (let a = 0; a < k; a++) {
        for (let c = 0; c < r; c++) out[a * r + c] += x[row * k + a] * pulls[j * r + c];
      }
    });
  }
}
