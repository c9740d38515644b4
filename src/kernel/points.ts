/** The two points of a workspace, current and trial: what is kept of each, and copies of it for solvers. */
import { BLOCK_BYTES, Blocks } from "./blocks.js";
import type { Machine } from "./machine.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import type { SlotName } from "./shape.js";

/** The two halves of every double buffer; names spelt out, since building them per block would cost more than a block. */
const POINT_SLOTS = {
  z: ["z0", "z1"],
  fields: ["fields0", "fields1"],
  residual: ["residual0", "residual1"],
  factor: ["factor0", "factor1"],
  phi: ["phi0", "phi1"],
} as const;

/** Z, √w·(f, ∇f), √w·ρ and the factor of the link's solve at two points; `acceptTrial` swaps them. */
export class Points extends Blocks {
  #current: 0 | 1 = 0;
  /** Which of phi0 and phi1 are those of their z. */
  readonly #kept = [false, false];

  override setTarget(y: Float64Array, rootWeights?: Float64Array): void {
    super.setTarget(y, rootWeights);
    this.#kept.fill(false);
  }

  /** Makes the trial the current point. */
  acceptTrial(): void {
    this.#current = this.#current === 0 ? 1 : 0;
  }

  /** Z at the current point, n×r row-major. */
  projections(): Float64Array {
    const r = this.layout.shape.rank;
    return this.#byRows(this.slot("z", false), r, 0, r);
  }

  /** Z_Δ of the last `projectDirection`, n×r row-major. */
  directionProjections(): Float64Array {
    const r = this.layout.shape.rank;
    return this.#byRows("direction", r, 0, r);
  }

  /** √w·∇f at the current point, n×r row-major. */
  linkGradients(): Float64Array {
    const r = this.layout.shape.rank;
    return this.#byRows(this.slot("fields", false), r + 1, 1, r);
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

  /** √w·ρ at the current point, n numbers. */
  residuals(): Float64Array {
    const m = this.tenant.enter();
    return this.view(m, this.slot("residual", false), this.layout.shape.samples).slice();
  }

  /** Address of a block's √w·(f, ∂f) at the current point, r + 1 rows. */
  fieldsOfPoint(m: Machine, b: number): Address {
    return this.row(m, this.slot("fields", false), b, this.layout.shape.rank + 1);
  }

  /** Features of a block at the current point, written to `phi`. */
  featuresOfPoint(m: Machine, b: number, phi: Address): void {
    const r = this.layout.shape.rank;
    this.formFeatures(m, this.row(m, this.slot("z", false), b, r), this.row(m, "rootWeights", b, 1), phi);
  }

  // ------------------------------------------------------------------ for the passes

  /** `count` quantities from `first` on of a feature-major array with `width` of them, n×count row-major. */
  #byRows(slot: SlotName, width: number, first: number, count: number): Float64Array {
    const { paddedRows, shape } = this.layout;
    const source = this.view(this.tenant.enter(), slot, paddedRows * width);
    const out = new Float64Array(shape.samples * count);
    for (let i = 0; i < shape.samples; i++) {
      const at = Math.floor(i / BLOCK_ROWS) * width * BLOCK_ROWS + (i % BLOCK_ROWS) + first * BLOCK_ROWS;
      for (let k = 0; k < count; k++) out[i * count + k] = source[at + k * BLOCK_ROWS];
    }
    return out;
  }

  protected slot(name: keyof typeof POINT_SLOTS, trial: boolean): SlotName {
    return POINT_SLOTS[name][this.#half(trial)];
  }
  #half(trial: boolean): 0 | 1 {
    return trial ? ((1 - this.#current) as 0 | 1) : this.#current;
  }

  /** √w·Φ of a block, `featureCount` rows at `phi`. */
  protected formFeatures(m: Machine, z: Address, rootWeights: Address, phi: Address): void {
    const { rank, degree, featureCount } = this.layout.shape;
    m.ops.features(z, rank, degree, rootWeights, this.at(m, "table"), featureCount, this.at(m, "h"), phi);
  }

  /**
   * For a pass over all blocks: where to find √w·Φ of a block of the trial or the current point, formed unless it was
   * kept. `keepFeatures` after the pass says that it may be.
   */
  protected features(trial: boolean): (m: Machine, b: number) => Address {
    const half = this.#half(trial);
    const { rank, featureCount } = this.layout.shape;
    const m0 = this.tenant.enter();
    const z = this.at(m0, POINT_SLOTS.z[half]);
    const weights = this.at(m0, "rootWeights");
    const kept = this.layout.keepsFeatures;
    const phi = this.at(m0, kept ? POINT_SLOTS.phi[half] : "phi");
    const step = kept ? featureCount * BLOCK_BYTES : 0;
    if (this.#kept[half]) return (_, b) => phi + b * step;
    return (m, b) => {
      this.formFeatures(m, z + b * rank * BLOCK_BYTES, weights + b * BLOCK_BYTES, phi + b * step);
      return phi + b * step;
    };
  }
  protected keepFeatures(trial: boolean): void {
    this.#kept[this.#half(trial)] = this.layout.keepsFeatures;
  }
  /** The trial gets another z. */
  protected dropFeatures(): void {
    this.#kept[this.#half(true)] = false;
  }

  /** Flops of the features of a block. */
  protected featureFlops(): number {
    const { rank, degree, featureCount } = this.layout.shape;
    return BLOCK_ROWS * (3 * featureCount + 4 * rank * degree);
  }
}
