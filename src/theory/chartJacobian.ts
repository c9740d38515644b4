/** The Jacobian of the two-timescale flow in the chart of a step, from second derivatives of the link. */
import { pairPositions } from "./denseField.js";
import { product, productTransposed } from "./smallMatrix.js";

/** What the Jacobian at X = 0 is made of. */
export interface ChartPoint {
  /** Overlap M, k×p, and complement S, p×p. */
  readonly m: Float64Array;
  readonly s: Float64Array;
  /** B there, p×p. */
  readonly b: Float64Array;
  /** ⟨A_M ∂_a∂_j f, A_M ∂_b∂_l f⟩ on pairs of variables, as `OverlapField.bend` leaves them. */
  readonly pairs: Float64Array;
  /** Ẋ = S B Mᵀ, p×k. */
  readonly velocity: Float64Array;
}

/**
 * ∂Ẋ = −∂X·M·B·Mᵀ + S·∂B·Mᵀ + S·B·Sᵀ·∂X, which is symmetric (the Hessian of −L in the chart), and ∂Θ̇ = half the lower part of ∂XᵀẊ.
 *
 * Source: derived from `TwoTimescaleSystem`'s chart; ∂B_jc = Σ_ab ⟨∂_a∂_j f, A_G ∂_b∂_c f⟩ ∂G_ab. Cost: O(k p⁵) flops.
 */
export class ChartJacobian {
  readonly #k: number;
  readonly #p: number;
  readonly #positions: Int32Array;
  readonly #mbm: Float64Array;
  readonly #sbs: Float64Array;
  readonly #half: Float64Array;
  readonly #change: Float64Array;
  readonly #column: Float64Array;

  constructor(k: number, p: number) {
    this.#k = k;
    this.#p = p;
    this.#positions = pairPositions(p);
    this.#mbm = new Float64Array(k * k);
    this.#sbs = new Float64Array(p * p);
    this.#half = new Float64Array(p * p);
    this.#change = new Float64Array(p * p);
    this.#column = new Float64Array(p * k);
  }

  /** Writes ∂(Ẋ, Θ̇)_i/∂y_j at [i·n + j]; y holds X by rows, then, when `isTurning`, the lower part of Θ, then anything else. */
  write({ m, s, b, pairs, velocity }: ChartPoint, n: number, isTurning: boolean, out: Float64Array): void {
    const k = this.#k;
    const p = this.#p;
    const half = this.#half;
    product(m, b, half, k, p);
    productTransposed(half, m, this.#mbm, k, k, p);
    product(s, b, half, p, p);
    productTransposed(half, s, this.#sbs, p, p, p);
    out.fill(0, 0, n * n);
    for (let i = 0; i < p; i++) {
      for (let l = 0; l < k; l++) {
        const at = i * k + l;
        this.#changeOfB(pairs, s, i, m, l);
        product(s, this.#change, half, p, p);
        productTransposed(half, m, this.#column, p, k, p);
        for (let x = 0; x < p * k; x++) out[x * n + at] = this.#column[x];
        for (let z = 0; z < k; z++) out[(i * k + z) * n + at] -= this.#mbm[l * k + z];
        for (let x = 0; x < p; x++) out[(x * k + l) * n + at] += this.#sbs[x * p + i];
        // Row l of ∂XᵀẊ is row i of Ẋ.
        for (let z = 0; z < l && isTurning; z++) {
          out[(p * k + (l * (l - 1)) / 2 + z) * n + at] = 0.5 * velocity[i * k + z];
        }
      }
    }
  }

  /** ∂B for ∂G = S_iᵀM_l + M_lᵀS_i: D + Dᵀ with D_jc = Σ_ab ⟨∂_a∂_j f, A_G ∂_b∂_c f⟩ S_ia M_lb. */
  #changeOfB(pairs: Float64Array, s: Float64Array, i: number, m: Float64Array, l: number): void {
    const p = this.#p;
    const positions = this.#positions;
    const count = (p * (p + 1)) / 2;
    const half = this.#half;
    for (let j = 0; j < p; j++) {
      for (let c = 0; c < p; c++) {
        let sum = 0;
        for (let a = 0; a < p; a++) {
          const share = s[i * p + a];
          if (share === 0) continue;
          const row = positions[a * p + j] * count;
          for (let b = 0; b < p; b++) sum += pairs[row + positions[b * p + c]] * share * m[l * p + b];
        }
        half[j * p + c] = sum;
      }
    }
    for (let j = 0; j < p; j++) for (let c = 0; c < p; c++) this.#change[j * p + c] = half[j * p + c] + half[c * p + j];
  }
}
