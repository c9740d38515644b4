/** The features L⁻¹k_u(z), l·z and a constant of a landmark Gaussian process, for the passes over rows. */
import type { Arena } from "./arena.js";
import type { LinkFeatures } from "./featureRows.js";
import { CONSTANT_VARIANCE, JITTER, PIVOT_TOLERANCE } from "./landmarkArena.js";
import { backSolve } from "./landmarkSquare.js";
import type { Machine } from "./machine.js";
import { type Address, BLOCK_ROWS as B } from "./ops.js";
import { radialValue } from "./radialReference.js";

/** A landmark Gaussian process with its coefficients: what the link is made of, in the coordinates z. */
export interface LandmarkWeights {
  /** m numbers, of s²-free bumps κ. */
  readonly weights: Float64Array;
  /** r numbers. */
  readonly linear: Float64Array;
  readonly constant: number;
}

/** Prior covariance is the identity in these features, so their ridge is the noise variance. */
export class LandmarkFeatures implements LinkFeatures {
  readonly count: number;
  readonly slots: Readonly<Record<string, number>>;
  readonly rank: number;
  readonly kind: number;
  /** u, m×r. */
  readonly landmarks: Float64Array;
  readonly #bump: number;
  readonly #slope: number;
  #factor: Float64Array | undefined;

  /** @param bump - s²; @param slope - l² */
  constructor(kind: number, rank: number, landmarks: Float64Array, bump: number, slope: number) {
    const m = landmarks.length / rank;
    this.kind = kind;
    this.rank = rank;
    this.landmarks = landmarks;
    this.#bump = bump;
    this.#slope = Math.sqrt(slope);
    this.count = m + rank + 1;
    this.slots = {
      u: m * rank,
      kuu: (m * (m + 1)) / 2,
      psi: B * m,
      bumpRow: B,
      slopeRow: B,
      ones: B,
      bumps: m,
      pull: B * m,
      sums: m * rank,
    };
  }

  /** False when K_uu is singular, after `load`. */
  get regular(): boolean {
    return this.#factor !== undefined;
  }

  load(arena: Arena<string>, machine: Machine): void {
    const { landmarks: u, rank: r, kind } = this;
    const m = u.length / r;
    arena.view(machine, "u").set(u);
    arena.view(machine, "bumpRow").fill(this.#bump);
    arena.view(machine, "slopeRow").fill(this.#slope);
    arena.view(machine, "ones").fill(1);
    const kuu = arena.view(machine, "kuu");
    for (let j = 0, at = 0; j < m; j++) {
      for (let i = 0; i <= j; i++, at++) {
        let q = 0;
        for (let k = 0; k < r; k++) q += (u[i * r + k] - u[j * r + k]) * (u[i * r + k] - u[j * r + k]);
        kuu[at] = this.#bump * radialValue(kind, q) + (i === j ? JITTER * this.#bump : 0);
      }
    }
    if (machine.ops.choleskyFactor(arena.at(machine, "kuu"), m, PIVOT_TOLERANCE) === 0) this.#factor = kuu.slice();
  }

  values(arena: Arena<string>, machine: Machine, z: Address, _rows: number, phi: Address): void {
    const { rank: r, kind } = this;
    const m = this.landmarks.length / r;
    const { ops } = machine;
    const bumpRow = arena.at(machine, "bumpRow");
    ops.radial(z, r, arena.at(machine, "u"), m, kind, bumpRow, phi, arena.at(machine, "psi"));
    ops.solveRows(arena.at(machine, "kuu"), m, phi);
    ops.scaleFields(arena.at(machine, "slopeRow"), z, r, phi + m * B * 8);
    const constant = phi / 8 + (m + r) * B;
    machine.f64.fill(Math.sqrt(CONSTANT_VARIANCE), constant, constant + B);
  }

  settle(arena: Arena<string>, machine: Machine): void {
    const m = this.landmarks.length / this.rank;
    const bumps = arena.view(machine, "bumps");
    bumps.set(arena.view(machine, "c", m));
    backSolve(this.#factor as Float64Array, m, bumps);
  }

  slopes(arena: Arena<string>, machine: Machine, z: Address, _rows: number, out: Address): void {
    const { rank: r } = this;
    const m = this.landmarks.length / r;
    const c = arena.view(machine, "c");
    const pull = arena.at(machine, "pull");
    arena.view(machine, "pull").fill(0);
    const [u, psi, ones, sums] = ["u", "psi", "ones", "sums"].map((slot) => arena.at(machine, slot));
    machine.ops.radialGradient(z, r, u, m, psi, pull, arena.at(machine, "bumps"), ones, out, sums);
    const slopes = machine.f64.subarray(out / 8, out / 8 + r * B);
    for (let k = 0; k < r; k++) for (let i = 0; i < B; i++) slopes[k * B + i] += this.#slope * c[m + k];
  }

  /** The link of coefficients c of these features. */
  weightsOf(c: Float64Array): LandmarkWeights {
    const { rank: r } = this;
    const m = this.landmarks.length / r;
    const bumps = c.slice(0, m);
    backSolve(this.#factor as Float64Array, m, bumps);
    return {
      weights: bumps.map((w) => w * this.#bump),
      linear: c.slice(m, m + r).map((w) => w * this.#slope),
      constant: c[m + r] * Math.sqrt(CONSTANT_VARIANCE),
    };
  }
}
