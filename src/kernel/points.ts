/** The two points of a workspace, current and trial: what is kept of each for the rows held here. */
import type { RunControl } from "../base/control.js";
import type { DenseRows } from "../base/types.js";
import { BLOCK_BYTES } from "./blocks.js";
import type { Machine, Tenant } from "./machine.js";
import type { MomentPlan } from "./momentPlan.js";
import { prepareMoments } from "./normalEquations.js";
import { type Address, BLOCK_ROWS } from "./ops.js";
import { type Opening, Parts } from "./parts.js";
import type { Layout, SlotName } from "./shape.js";

/** The two halves of every double buffer; names spelt out, since building them per block would cost more than a block. */
const POINT_SLOTS = {
  z: ["z0", "z1"],
  fields: ["fields0", "fields1"],
  residual: ["residual0", "residual1"],
  factor: ["factor0", "factor1"],
  phi: ["phi0", "phi1"],
} as const;

/** What a solver may ask for row by row. */
export type RowQuantity = "projections" | "directionProjections" | "linkGradients" | "residuals";

/** Z, √w·(f, ∇f), √w·ρ and the factor of the link's solve at two points; `acceptTrial` swaps them. */
export class Points extends Parts {
  /** How the normal equations are formed from moments; undefined where they are formed directly. */
  readonly plan: MomentPlan | undefined;
  #current: 0 | 1 = 0;
  /** Which of phi0 and phi1 are those of their z. */
  readonly #kept = [false, false];

  constructor(
    tenant: Tenant,
    layout: Layout,
    rows: DenseRows,
    control: RunControl,
    opening: Opening,
    isAlone: boolean,
  ) {
    super(tenant, layout, rows, control, opening, isAlone);
    const m = tenant.enter();
    m.i32.set(opening.table, this.at(m, "table") / 4);
    this.plan = prepareMoments(this);
  }

  override setTarget(y: Float64Array, rootWeights?: Float64Array): void {
    super.setTarget(y, rootWeights);
    this.#kept.fill(false);
  }

  /** Makes the trial the current point. */
  acceptTrial(): void {
    this.#current = this.#current === 0 ? 1 : 0;
  }

  /** Copies for the rows held here: a row-major matrix, or one number each. */
  quantity(name: RowQuantity): Float64Array {
    const r = this.layout.shape.rank;
    if (name === "projections") return this.#byRows(this.slot("z", false), r, 0, r);
    if (name === "directionProjections") return this.#byRows("direction", r, 0, r);
    if (name === "linkGradients") return this.#byRows(this.slot("fields", false), r + 1, 1, r);
    return this.copy(this.tenant.enter(), this.slot("residual", false), this.layout.rows);
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

  /** `count` quantities from `first` on of a feature-major array with `width` of them, one row for each row held here. */
  #byRows(slot: SlotName, width: number, first: number, count: number): Float64Array {
    const { paddedRows, rows } = this.layout;
    const source = this.view(this.tenant.enter(), slot, paddedRows * width);
    const out = new Float64Array(rows * count);
    for (let i = 0; i < rows; i++) {
      const at = Math.floor(i / BLOCK_ROWS) * width * BLOCK_ROWS + (i % BLOCK_ROWS) + first * BLOCK_ROWS;
      for (let k = 0; k < count; k++) out[i * count + k] = source[at + k * BLOCK_ROWS];
    }
    return out;
  }

  slot(name: keyof typeof POINT_SLOTS, trial: boolean): SlotName {
    return POINT_SLOTS[name][this.#half(trial)];
  }
  #half(trial: boolean): 0 | 1 {
    return trial ? ((1 - this.#current) as 0 | 1) : this.#current;
  }

  /** √w·Φ of a block, `featureCount` rows at `phi`. */
  formFeatures(m: Machine, z: Address, rootWeights: Address, phi: Address): void {
    const { rank, degree, featureCount } = this.layout.shape;
    m.ops.features(z, rank, degree, rootWeights, this.at(m, "table"), featureCount, this.at(m, "h"), phi);
  }

  /**
   * For a pass over all blocks: where to find √w·Φ of a block of the trial or the current point, formed unless it was
   * kept. `keepFeatures` after the pass says that it may be.
   */
  features(trial: boolean): (m: Machine, b: number) => Address {
    const half = this.#half(trial);
    const { rank, degree, featureCount } = this.layout.shape;
    const m0 = this.tenant.enter();
    const z = this.at(m0, POINT_SLOTS.z[half]);
    const weights = this.at(m0, "rootWeights");
    const kept = this.layout.keepsFeatures;
    const phi = this.at(m0, kept ? POINT_SLOTS.phi[half] : "phi");
    const step = kept ? featureCount * BLOCK_BYTES : 0;
    if (this.#kept[half]) return (_, b) => phi + b * step;
    const [table, h] = [this.at(m0, "table"), this.at(m0, "h")];
    return ({ ops }, b) => {
      const to = phi + b * step;
      ops.features(z + b * rank * BLOCK_BYTES, rank, degree, weights + b * BLOCK_BYTES, table, featureCount, h, to);
      return to;
    };
  }
  keepFeatures(trial: boolean): void {
    this.#kept[this.#half(trial)] = this.layout.keepsFeatures;
  }
  /** The trial gets another z. */
  dropFeatures(): void {
    this.#kept[this.#half(true)] = false;
  }

  /** Flops of the features of a block. */
  featureFlops(): number {
    const { rank, degree, featureCount } = this.layout.shape;
    return BLOCK_ROWS * (3 * featureCount + 4 * rank * degree);
  }
}
