/** Passes over rows whose link is linear in features of z = Bᵀx: normal equations, residuals, the tangent space. */
import type { RunControl } from "../base/control.js";
import type { KernelChoice } from "../base/types.js";
import { Arena, fillBlock, writePaired } from "./arena.js";
import type { Machine } from "./machine.js";
import { type Address, BLOCK_ROWS as B } from "./ops.js";
import { congruence } from "./tangent.js";
import { tridiagonalForm } from "./tridiagonal.js";
import type { TridiagonalForm } from "./tridiagonalReference.js";

/** The features of a link and the slopes of what they add up to, for one block of points at a time. */
export interface LinkFeatures {
  readonly count: number;
  /** Numbers that it keeps in the arena beside the block, by slot. */
  readonly slots: Readonly<Record<string, number>>;
  /** Fills its slots, once. */
  load(arena: Arena<string>, m: Machine): void;
  /** Features of the points z (r rows of the block), `count` rows at `phi`; rows of the block from `rows` on do not count. */
  values(arena: Arena<string>, m: Machine, z: Address, rows: number, phi: Address): void;
  /** Takes notice of new coefficients, which stand in the slot "c". */
  settle(arena: Arena<string>, m: Machine): void;
  /** ∂f/∂z_k of f = c·φ, r rows at `out`, for the points of the last call of `values`. */
  slopes(arena: Arena<string>, m: Machine, z: Address, rows: number, out: Address): void;
}

/** Rows of a problem with whitened inputs. */
export interface RowData {
  /** n×k row-major. */
  readonly x: Float64Array;
  readonly n: number;
  readonly k: number;
  /** n responses. */
  readonly y: Float64Array;
  /** n weights ≥ 0, or absent. */
  readonly weights?: Float64Array | undefined;
}

/** Sums over the rows at a fitted link; nothing is divided by n. */
export interface LinkSums {
  /** Σ wᵢρᵢ². */
  readonly sumSquares: number;
  /** Σ wᵢ∇f∇fᵀ, r×r. */
  readonly gradientMoment: Float64Array;
  /** ρᵢ, n numbers. */
  readonly residuals: Float64Array;
  /** ∇f(zᵢ), n×r row-major. */
  readonly gradients: Float64Array;
}

/** Leverages wᵢaᵢᵀS⁻¹aᵢ, n numbers each. */
export interface RowLeverages {
  /** Of the link alone. */
  readonly link: Float64Array;
  /** Of link and directions. */
  readonly total: Float64Array;
}

/** Pivots below this part of their diagonal entry count as zero. */
const PIVOT_TOLERANCE = 1e-14;

/** Streams the rows block by block from the caller's array. After `dispose` everything throws KernelError `DISPOSED`. */
export class FeatureRows {
  readonly data: RowData;
  readonly rank: number;
  readonly features: LinkFeatures;
  /** Σ wᵢ. */
  readonly weightSum: number;
  /** Columns of the tangent space: features, then x_a·∂_jf at count + j·k + a. */
  readonly tangentCount: number;
  readonly #arena: Arena<string>;
  readonly #stride: number;

  private constructor(data: RowData, rank: number, features: LinkFeatures, arena: Arena<string>, tangent: number) {
    this.data = data;
    this.rank = rank;
    this.features = features;
    this.#arena = arena;
    this.#stride = data.k + (data.k & 1);
    this.tangentCount = tangent;
    this.weightSum = data.weights === undefined ? data.n : data.weights.reduce((sum, w) => sum + w, 0);
  }

  /**
   * @param tangent - whether the tangent space will be looked at
   * @throws {MemoryError} `TOO_LARGE`, `OUT_OF_MEMORY`
   */
  static async create(
    data: RowData,
    rank: number,
    features: LinkFeatures,
    tangent: boolean,
    choice: KernelChoice,
    control: RunControl,
  ): Promise<FeatureRows> {
    const { k } = data;
    const p = features.count;
    const q = tangent ? p + k * rank : 0;
    const stride = k + (k & 1);
    const packed = (count: number): number => (count * (count + 1)) / 2;
    const doubles: Record<string, number> = {
      x: B * stride,
      transposed: tangent ? B * k : 0,
      paired: stride * rank,
      root: B,
      target: B,
      z: B * rank,
      phi: B * Math.max(p, q),
      fitted: B,
      residual: B,
      slopes: B * Math.max(rank, 1),
      small: packed(rank),
      gram: packed(p),
      factor: packed(p),
      tridiagonal: 7 * p,
      moment: p,
      c: p,
      tangentGram: packed(q),
      tangentMoment: q,
      sandwich: tangent ? packed(k * rank) : 0,
      ...features.slots,
    };
    const arena = await Arena.create(doubles, choice, control);
    const rows = new FeatureRows(data, rank, features, arena, q);
    features.load(arena, arena.enter());
    return rows;
  }

  get report() {
    return this.#arena.report;
  }

  dispose(): void {
    this.#arena.dispose();
  }

  /** Sets B, k×r row-major. */
  setDirections(directions: Float64Array): void {
    writePaired(directions, this.data.k, this.rank, this.#arena.view(this.#arena.enter(), "paired"));
  }

  /** ΦᵀWΦ, packed upper by columns, and ΦᵀWy; copies. Cost: np² flops. */
  async normalEquations(): Promise<{ gram: Float64Array; moment: Float64Array }> {
    const arena = this.#arena;
    const p = this.features.count;
    const start = arena.enter();
    arena.view(start, "gram").fill(0);
    arena.view(start, "moment").fill(0);
    await this.#pass(B * p * (p + 60), (m, first, rows) => {
      this.#features(m, first, rows);
      const phi = arena.at(m, "phi");
      m.ops.scaleFields(arena.at(m, "root"), phi, p, phi);
      m.ops.accumulateGram(phi, p, arena.at(m, "gram"));
      m.ops.accumulateMoment(phi, p, arena.at(m, "target"), arena.at(m, "moment"));
    });
    const m = arena.enter();
    return { gram: arena.view(m, "gram").slice(), moment: arena.view(m, "moment").slice() };
  }

  /** c = (ΦᵀWΦ + diag(penalty))⁻¹ΦᵀWy of the last normal equations; undefined when that is singular. */
  solve(penalty: Float64Array): Float64Array | undefined {
    const arena = this.#arena;
    const m = arena.enter();
    const p = this.features.count;
    const factor = arena.view(m, "factor");
    factor.set(arena.view(m, "gram"));
    for (let j = 0; j < p; j++) factor[(j * (j + 1)) / 2 + j] += penalty[j];
    if (m.ops.choleskyFactor(arena.at(m, "factor"), p, PIVOT_TOLERANCE) !== 0) return undefined;
    const c = arena.view(m, "c");
    c.set(arena.view(m, "moment"));
    m.ops.choleskySolve(arena.at(m, "factor"), p, arena.at(m, "c"));
    if (!c.every(Number.isFinite)) return undefined;
    this.features.settle(arena, m);
    return c.slice();
  }

  /** The tridiagonal form of a packed symmetric p×p matrix, in the room of the factor that `solve` left, which is lost. */
  tridiagonalize(a: Float64Array, b: Float64Array): TridiagonalForm {
    const m = this.#arena.enter();
    return tridiagonalForm(m, a, b, this.#arena.at(m, "factor"), this.#arena.at(m, "tridiagonal"));
  }

  /** Residuals and slopes at the coefficients that `solve` left. Cost: the features and a few products with them. */
  async linkSums(): Promise<LinkSums> {
    const arena = this.#arena;
    const { n, weights } = this.data;
    const r = this.rank;
    const residuals = new Float64Array(n);
    const gradients = new Float64Array(n * r);
    const gradientMoment = new Float64Array(r * r);
    let sumSquares = 0;
    await this.#pass(60 * B * this.features.count, (m, first, rows) => {
      this.#fields(m, first, rows);
      const rho = arena.view(m, "residual");
      const slopes = arena.view(m, "slopes");
      for (let i = 0; i < rows; i++) {
        const row = first + i;
        const w = weights === undefined ? 1 : weights[row];
        residuals[row] = rho[i];
        sumSquares += w * rho[i] * rho[i];
        for (let k = 0; k < r; k++) {
          gradients[row * r + k] = slopes[k * B + i];
          for (let l = 0; l < r; l++) gradientMoment[k * r + l] += w * slopes[k * B + i] * slopes[l * B + i];
        }
      }
    });
    return { sumSquares, gradientMoment, residuals, gradients };
  }

  /**
   * The normal equations of features and moving directions at the coefficients that `solve` left: AᵀWA for
   * A = [Φ | x_a·∂_jf], packed, and AᵀWρ. Copies. Cost: n(p + kr)² flops.
   */
  async tangentEquations(): Promise<{ gram: Float64Array; moment: Float64Array }> {
    const arena = this.#arena;
    const q = this.tangentCount;
    const start = arena.enter();
    arena.view(start, "tangentGram").fill(0);
    arena.view(start, "tangentMoment").fill(0);
    await this.#pass(B * q * (q + 10), (m, first, rows) => {
      this.#tangentRows(m, first, rows);
      const a = arena.at(m, "phi");
      m.ops.accumulateGram(a, q, arena.at(m, "tangentGram"));
      const rho = arena.at(m, "residual");
      m.ops.scaleFields(arena.at(m, "root"), rho, 1, rho);
      m.ops.accumulateMoment(a, q, rho, arena.at(m, "tangentMoment"));
    });
    const m = arena.enter();
    return { gram: arena.view(m, "tangentGram").slice(), moment: arena.view(m, "tangentMoment").slice() };
  }

  /** S⁻¹b for a packed S of the tangent space, which stays factored for `leverages`; undefined when it is singular. */
  tangentSolve(s: Float64Array, b?: Float64Array): Float64Array | undefined {
    const arena = this.#arena;
    const m = arena.enter();
    const q = this.tangentCount;
    arena.view(m, "tangentGram").set(s);
    if (m.ops.choleskyFactor(arena.at(m, "tangentGram"), q, PIVOT_TOLERANCE) !== 0) return undefined;
    const x = arena.view(m, "tangentMoment");
    if (b !== undefined) x.set(b);
    m.ops.choleskySolve(arena.at(m, "tangentGram"), q, arena.at(m, "tangentMoment"));
    return x.every(Number.isFinite) ? x.slice() : undefined;
  }

  /** wᵢaᵢᵀS⁻¹aᵢ with the S that `tangentSolve` factored. Cost: n(p + kr)² flops. */
  async leverages(): Promise<RowLeverages> {
    const arena = this.#arena;
    const p = this.features.count;
    const q = this.tangentCount;
    const link = new Float64Array(this.data.n);
    const total = new Float64Array(this.data.n);
    await this.#pass(B * q * (q + 10), (m, first, rows) => {
      this.#tangentRows(m, first, rows);
      const a = arena.at(m, "phi");
      m.ops.solveRows(arena.at(m, "tangentGram"), q, a);
      const [ofLink, ofDirections] = [arena.at(m, "fitted"), arena.at(m, "residual")];
      m.ops.contractFields(a, a, p, ofLink);
      m.ops.contractFields(a + p * B * 8, a + p * B * 8, q - p, ofDirections);
      const [h, g] = [arena.view(m, "fitted"), arena.view(m, "residual")];
      for (let i = 0; i < rows; i++) {
        link[first + i] = h[i];
        total[first + i] = h[i] + g[i];
      }
    });
    return { link, total };
  }

  /**
   * The direction block of S⁻¹(Σ wᵢeᵢ²aᵢaᵢᵀ)S⁻¹ with the S that `tangentSolve` factored, kr×kr, x_a·∂_jf at j·k + a: with
   * leave-one-out errors e the covariance of B, whatever the noise. Cost: n(p + kr)² flops.
   */
  async sandwich(errors: Float64Array): Promise<Float64Array> {
    const arena = this.#arena;
    const p = this.features.count;
    const q = this.tangentCount;
    arena.view(arena.enter(), "sandwich").fill(0);
    await this.#pass(B * q * (q + 10), (m, first, rows) => {
      this.#tangentRows(m, first, rows);
      const a = arena.at(m, "phi");
      m.ops.solveRows(arena.at(m, "tangentGram"), q, a);
      const e = arena.view(m, "residual");
      for (let i = 0; i < B; i++) e[i] = i < rows ? errors[first + i] : 0;
      const moving = a + p * B * 8;
      m.ops.scaleFields(arena.at(m, "residual"), moving, q - p, moving);
      m.ops.accumulateGram(moving, q - p, arena.at(m, "sandwich"));
    });
    const m = arena.enter();
    return congruence(arena.view(m, "tangentGram"), p, q - p, arena.view(m, "sandwich"), 1);
  }

  /** wᵢφᵢᵀ(ΦᵀWΦ + diag(penalty))⁻¹φᵢ with the factor that `solve` left. Cost: np² flops. */
  async linkLeverages(): Promise<Float64Array> {
    const arena = this.#arena;
    const p = this.features.count;
    const link = new Float64Array(this.data.n);
    await this.#pass(B * p * (p + 60), (m, first, rows) => {
      this.#features(m, first, rows);
      const phi = arena.at(m, "phi");
      m.ops.scaleFields(arena.at(m, "root"), phi, p, phi);
      m.ops.solveRows(arena.at(m, "factor"), p, phi);
      m.ops.contractFields(phi, phi, p, arena.at(m, "fitted"));
      link.set(arena.view(m, "fitted", rows), first);
    });
    return link;
  }

  async #pass(flops: number, visit: (m: Machine, first: number, rows: number) => void): Promise<void> {
    const { n } = this.data;
    await this.#arena.pass(Math.ceil(n / B), flops, (m, b) => visit(m, b * B, Math.min(B, n - b * B)));
  }

  /** Rows, √w, √w·y, z and the features of a block. */
  #features(m: Machine, first: number, rows: number): void {
    const arena = this.#arena;
    const { x, k, y, weights } = this.data;
    fillBlock(arena.view(m, "x"), this.#stride, x, k, first, rows);
    const [root, target] = [arena.view(m, "root"), arena.view(m, "target")];
    for (let i = 0; i < B; i++) {
      root[i] = i >= rows ? 0 : weights === undefined ? 1 : Math.sqrt(weights[first + i]);
      target[i] = i < rows ? root[i] * y[first + i] : 0;
    }
    const z = arena.at(m, "z");
    m.ops.project(arena.at(m, "x"), this.#stride, this.rank, arena.at(m, "paired"), z);
    this.features.values(arena, m, z, rows, arena.at(m, "phi"));
  }

  /** Also f, ρ = y − f and ∇f, all without weights. */
  #fields(m: Machine, first: number, rows: number): void {
    const arena = this.#arena;
    this.#features(m, first, rows);
    const { ops } = m;
    const c = arena.at(m, "c");
    ops.fields(arena.at(m, "phi"), this.features.count, c, 0, 0, c, arena.at(m, "fitted"));
    const [rho, fitted] = [arena.view(m, "residual"), arena.view(m, "fitted")];
    for (let i = 0; i < B; i++) rho[i] = i < rows ? this.data.y[first + i] - fitted[i] : 0;
    this.features.slopes(arena, m, arena.at(m, "z"), rows, arena.at(m, "slopes"));
  }

  /** Rows √wᵢ[φᵢ, x_a·∂_jf] of A at "phi". */
  #tangentRows(m: Machine, first: number, rows: number): void {
    const arena = this.#arena;
    const { k } = this.data;
    this.#fields(m, first, rows);
    const x = arena.view(m, "x");
    const transposed = arena.view(m, "transposed");
    for (let i = 0; i < B; i++) for (let a = 0; a < k; a++) transposed[a * B + i] = x[i * this.#stride + a];
    const [phi, root, slopes] = [arena.at(m, "phi"), arena.at(m, "root"), arena.at(m, "slopes")];
    const p = this.features.count;
    m.ops.scaleFields(root, phi, p, phi);
    m.ops.scaleFields(root, slopes, this.rank, slopes);
    for (let j = 0; j < this.rank; j++) {
      m.ops.scaleFields(slopes + j * B * 8, arena.at(m, "transposed"), k, phi + (p + j * k) * B * 8);
    }
  }
}
