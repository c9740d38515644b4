/** The passes of a fit at a basis: normal equations, residuals, gradients; and the link solved from them. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice, KernelReport } from "../base/types.js";
import { F64, type Standardization } from "./blocks.js";
import type { Tenant } from "./machine.js";
import { MOMENT_TOLERANCE } from "./moments.js";
import { assertFinite, finishMoments } from "./normalEquations.js";
import { BLOCK_ROWS } from "./ops.js";
import { firstRow, partition, type SumNode } from "./partition.js";
import { type Opening, reserve } from "./parts.js";
import {
  type Crew,
  type PartServer,
  type PassAnswer,
  type PassArguments,
  type PassName,
  type PassResult,
  runPass,
} from "./passes.js";
import { argumentsFor, rowsOf } from "./places.js";
import { Points } from "./points.js";
import type { Layout, ProblemShape } from "./shape.js";
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
 *
 * The first parts of the rows live in this machine, others where the crew opened them; a pass runs everywhere at once.
 */
export class Workspace extends Points {
  /** Σ wᵢ; n without weights. */
  weightSum: number;
  readonly #control: RunControl;
  readonly #servers: readonly PartServer[];
  readonly #lack: string | undefined;
  /** First row of every place, this one first, and n. */
  readonly #cuts: readonly number[];
  #weights: Float64Array | undefined;
  /** Bound of the relative error of the normal equations; 0 when they were formed directly. */
  #error = 0;

  private constructor(
    tenant: Tenant,
    layout: Layout,
    rows: DenseRows,
    control: RunControl,
    opening: Opening,
    servers: readonly PartServer[],
    lack: string | undefined,
  ) {
    super(tenant, layout, rows, control, opening, servers.length === 0);
    const { samples } = opening.shape;
    this.weightSum = samples;
    this.#control = control;
    this.#servers = servers;
    this.#lack = lack;
    this.#cuts = [0, ...servers.map(({ first }) => firstRow(opening.starts, first, samples)), samples];
  }

  /**
   * Reserves the memory of a problem.
   * @param table - feature table of (rank, degree), int32 pairs
   * @param hold - keep a small X in the kernel's memory; not worth it for one or two passes
   * @param crew - who serves parts of the rows; by default all live here
   * @throws {MemoryError} `TOO_LARGE` before anything is allocated, `OUT_OF_MEMORY` if the machine has less
   */
  static async create(
    rows: DenseRows,
    shape: ProblemShape,
    table: Int32Array,
    kernel: KernelChoice,
    control: RunControl,
    hold = true,
    crew?: Crew,
  ): Promise<Workspace> {
    const starts = partition(shape.samples, crew?.shards);
    const problem = { shape, table, kernel, hold, starts };
    const { own, servers } = crew?.open(problem, rows) ?? { own: starts.length - 1, servers: [] };
    try {
      const opening = { ...problem, first: 0, last: own };
      const { tenant, layout } = await reserve(opening);
      return new Workspace(tenant, layout, rowsOf(rows, opening), control, opening, servers, crew?.reason);
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
  }

  override get report(): KernelReport {
    const report = super.report;
    const reasons = [report.reason, this.#lack].filter((reason) => reason !== undefined);
    return {
      ...report,
      threads: 1 + this.#servers.length,
      ...(reasons.length > 0 ? { reason: reasons.join("; ") } : {}),
    };
  }

  /** Whether all rows live in this machine. */
  get isAlone(): boolean {
    return this.#servers.length === 0;
  }

  override dispose(): void {
    for (const server of this.#servers) server.close();
    super.dispose();
  }

  /** Row weights, n numbers, or undefined when all are 1. */
  rowWeights(): Float64Array | undefined {
    return this.#weights;
  }

  /** Sets responses and square roots of row weights, n numbers each; the kernels see √w·y. */
  override setTarget(y: Float64Array, rootWeights?: Float64Array): void {
    this.#tell("setTarget", [y, rootWeights]);
    const [, end] = this.#cuts;
    super.setTarget(y.subarray(0, end), rootWeights?.subarray(0, end));
    this.#weights = rootWeights?.map((s) => s * s);
    this.weightSum = this.#weights ? this.#weights.reduce((sum, w) => sum + w, 0) : y.length;
  }

  override async standardize(standardization: Standardization): Promise<void> {
    this.#tell("standardize", [standardization]);
    await super.standardize(standardization);
  }

  /** Makes the trial the current point. */
  override acceptTrial(): void {
    this.#tell("acceptTrial", []);
    super.acceptTrial();
  }

  /** Z = X̃A into the trial, with its normal equations; A is d×r row-major. */
  async projectTrial(a: Float64Array): Promise<void> {
    const pause = this.everywhere("project", a);
    if (pause) await pause;
    await this.#finish(() => this.everywhere("direct"));
  }

  /** Z(t) = (Z + t·Z_Δ)·m into the trial, with its normal equations, without reading X; m is r×r. */
  async combineTrial(t: number, mixing: Float64Array): Promise<void> {
    const pause = this.everywhere("combine", t, mixing);
    if (pause) await pause;
    await this.#finish(() => this.everywhere("direct"));
  }

  /**
   * Normal equations at the current point with rows left out (keep 0) or kept (1). Read by `normalEquations` and
   * `solveTrial`; the current point stays.
   */
  async accumulateKept(keep: Uint8Array): Promise<void> {
    const pause = this.everywhere("kept", keep, false);
    if (pause) await pause;
    await this.#finish(() => this.everywhere("kept", keep, true));
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

  /** Diagonal of (ΦᵀΦ/n + diag(penalty))⁻¹ of the current point's solve, p numbers. Cost: p³ flops. */
  inverseDiagonal(): Float64Array {
    const m = this.tenant.enter();
    const p = this.layout.shape.featureCount;
    const out = new Float64Array(p);
    const phi = this.view(m, "phi", p * BLOCK_ROWS);
    // ‖U⁻ᵀeⱼ‖² for a block of unit vectors at a time.
    for (let first = 0; first < p; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, p - first);
      phi.fill(0);
      for (let i = 0; i < count; i++) phi[(first + i) * BLOCK_ROWS + i] = 1;
      m.ops.solveRows(this.at(m, this.slot("factor", false)), p, this.at(m, "phi"));
      for (let j = first; j < p; j++) {
        for (let i = 0; i < count; i++) out[first + i] += this.weightSum * phi[j * BLOCK_ROWS + i] ** 2;
      }
    }
    return out;
  }

  /**
   * Residuals and link gradients of the trial at coefficients c; with `transposed` also Σ wᵢρᵢx̃ᵢgᵢᵀ in the same pass.
   * @param derivatives - ck[j·r + k], coefficients of ∂f/∂z_k
   */
  async residualsOfTrial(c: Float64Array, derivatives: Float64Array, transposed: boolean): Promise<ResidualSums> {
    const pause = this.everywhere("residuals", c, derivatives, transposed);
    if (pause) await pause;
    const r = this.layout.shape.rank;
    const m = this.tenant.enter();
    const gradientSquares = new Float64Array(r * r);
    for (let k = 0, at = this.at(m, "small") / F64; k < r; k++) {
      for (let l = 0; l <= k; l++) gradientSquares[k * r + l] = gradientSquares[l * r + k] = m.f64[at++];
    }
    const sums = { sumSquares: m.f64[this.at(m, "sumSquares") / F64], gradientSquares };
    return transposed ? { ...sums, transposed: this.readPaired(r) } : sums;
  }

  // ------------------------------------------------------------------ at the current point

  /** Z at the current point, n×r row-major. */
  projections(): Promise<Float64Array> {
    return this.#gather("projections");
  }
  /** Z_Δ of the last `projectDirection`, n×r row-major. */
  directionProjections(): Promise<Float64Array> {
    return this.#gather("directionProjections");
  }
  /** √w·∇f at the current point, n×r row-major. */
  linkGradients(): Promise<Float64Array> {
    return this.#gather("linkGradients");
  }
  /** √w·ρ at the current point, n numbers. */
  residuals(): Promise<Float64Array> {
    return this.#gather("residuals");
  }

  /** Σ wᵢρᵢx̃ᵢgᵢᵀ at the current point, d×r row-major. */
  async residualGradient(): Promise<Float64Array> {
    const pause = this.everywhere("residualProduct");
    if (pause) await pause;
    return this.readPaired(this.layout.shape.rank);
  }

  /** Z_Δ = X̃Δ for the line search. */
  async projectDirection(delta: Float64Array): Promise<void> {
    const pause = this.everywhere("direction", delta);
    if (pause) await pause;
  }

  /**
   * Σ wᵢ x̃ᵢ gᵢᵀ (P⊥u)ᵢ with uᵢ = x̃ᵢᵀΔgᵢ and P⊥ the projector off the features (with the ridge of the last solve):
   * the Gauss–Newton product of variable projection, d×r. Also leaves Z_Δ behind.
   * Cost: two half passes over X (4ndr flops) and two over the features.
   * Source: [MI §7.5], Golub & Pereyra (1973) with Kaufman's simplification.
   */
  async gaussNewtonProduct(delta: Float64Array): Promise<Float64Array> {
    const first = this.everywhere("motion", delta);
    if (first) await first;
    const { featureCount: p, rank } = this.layout.shape;
    const m = this.tenant.enter();
    const moment = this.at(m, "moment");
    m.ops.choleskySolve(this.at(m, this.slot("factor", false)), p, moment);
    const second = this.everywhere("projectedMotion", this.copy(m, "moment", p));
    if (second) await second;
    return this.readPaired(rank);
  }

  // ------------------------------------------------------------------ inside

  /**
   * Runs a pass on all rows. Sums are then in their slots; results come row by row.
   * @returns a promise only when there is something to wait for
   */
  everywhere<K extends PassName>(name: K, ...args: PassArguments<K>): Promise<PassResult> | PassResult {
    if (this.isAlone) return runPass(this, name, args) as Promise<PassResult> | PassResult;
    return this.#together(name, args);
  }

  async #together(name: PassName, args: readonly unknown[]): Promise<PassResult> {
    this.#control.throwIfAborted();
    const answers = Promise.all(this.#ask(name, args));
    answers.catch(() => {}); // a failure here comes first
    const [, end] = this.#cuts;
    const own = await runPass(this, name, argumentsFor(name, args, 0, end) as PassArguments);
    const given = await this.#control.race(answers);
    this.addNodes(given.flatMap(({ nodes }): readonly SumNode[] => nodes));
    this.settle();
    if (!own) return undefined;
    return concatenate([own, ...given.map(({ results }) => results ?? new Float64Array(0))]);
  }

  #ask(name: PassName, args: readonly unknown[]): Promise<PassAnswer>[] {
    return this.#servers.map((server, k) =>
      server.call(name, argumentsFor(name, args, this.#cuts[k + 1], this.#cuts[k + 2])),
    );
  }

  /** Runs a pass elsewhere without waiting: if it fails there, the next pass that is waited for fails too. */
  #tell(name: PassName, args: readonly unknown[]): void {
    for (const answer of this.#ask(name, args)) answer.catch(() => {});
  }

  async #gather(name: Parameters<Points["quantity"]>[0]): Promise<Float64Array> {
    return (await this.everywhere("quantity", name)) as Float64Array;
  }

  /**
   * Normal equations from moments where those were taken. They are given up for a direct pass when their error bound is
   * too large. Either way the result depends on (z, w, y) alone, and the loss is computed from residuals at the
   * coefficients found, where it is stationary: it feels the difference of the two only to second order, so a line
   * search may meet both.
   */
  async #finish(directly: () => Promise<PassResult> | PassResult): Promise<void> {
    this.#error = this.plan ? finishMoments(this, this.plan) : 0;
    if (!(this.#error <= MOMENT_TOLERANCE)) {
      this.#error = 0;
      await directly();
      assertFinite(this);
    } else if (!this.plan) {
      assertFinite(this);
    }
  }
}

function concatenate(arrays: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(arrays.reduce((sum, a) => sum + a.length, 0));
  let at = 0;
  for (const a of arrays) {
    out.set(a, at);
    at += a.length;
  }
  return out;
}
