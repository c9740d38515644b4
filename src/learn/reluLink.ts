/** ReLU links: hinges placed over the projected rows, coefficients by ridge, directions refined where that pays. */
import { createRng } from "../base/rng.js";
import type { Arena } from "../kernel/arena.js";
import type { LinkFeatures } from "../kernel/featureRows.js";
import type { Machine } from "../kernel/machine.js";
import { type Address, BLOCK_ROWS as B } from "../kernel/ops.js";
import { multiply, multiplyTransposed } from "../math/dense.js";
import { ReluLink } from "../model/reluLink.js";
import { fitFeatures } from "./featureFit.js";
import { type LinkProblem, meanOf, principalTurn, type RefinedLink, scored, turned } from "./refinedLink.js";

/** Hinges at rank 1, and at higher ranks; never more than a third of the rows. */
const HINGES = { one: 40, more: 200 };
/** Ridge weights of the linear part and of the constant beside the hinges' 1. */
const LIGHT = { linear: 1e-2, constant: 1e-3 };

/** max(a_j·z − b_j, 0), then z, then 1. */
class ReluFeatures implements LinkFeatures {
  readonly count: number;
  readonly slots = {};
  readonly rank: number;
  /** a, m×r. */
  readonly slopesOf: Float64Array;
  /** b, m. */
  readonly offsets: Float64Array;

  constructor(rank: number, slopes: Float64Array, offsets: Float64Array) {
    this.rank = rank;
    this.slopesOf = slopes;
    this.offsets = offsets;
    this.count = offsets.length + rank + 1;
  }

  load(): void {}

  settle(): void {}

  values(_arena: Arena<string>, machine: Machine, z: Address, _rows: number, phi: Address): void {
    const f = machine.f64;
    const { rank: r, slopesOf: a, offsets } = this;
    const m = offsets.length;
    const [z0, p0] = [z / 8, phi / 8];
    for (let j = 0; j < m; j++) {
      for (let i = 0; i < B; i++) {
        let s = -offsets[j];
        for (let k = 0; k < r; k++) s += a[j * r + k] * f[z0 + k * B + i];
        f[p0 + j * B + i] = s > 0 ? s : 0;
      }
    }
    f.copyWithin(p0 + m * B, z0, z0 + r * B);
    f.fill(1, p0 + (m + r) * B, p0 + (m + r + 1) * B);
  }

  slopes(arena: Arena<string>, machine: Machine, _z: Address, _rows: number, out: Address): void {
    const f = machine.f64;
    const c = arena.view(machine, "c");
    const phi = arena.view(machine, "phi");
    const { rank: r, slopesOf: a, offsets } = this;
    const m = offsets.length;
    for (let k = 0; k < r; k++) f.fill(c[m + k], out / 8 + k * B, out / 8 + (k + 1) * B);
    for (let j = 0; j < m; j++) {
      for (let k = 0; k < r; k++) {
        const slope = c[j] * a[j * r + k];
        const at = out / 8 + k * B;
        for (let i = 0; i < B; i++) if (phi[j * B + i] > 0) f[at + i] += slope;
      }
    }
  }
}

/**
 * Fits y = f(Wᵀx) + noise with f(z) = Σ w_j·max(a_j·z − b_j, 0) + v·z + const. Rank 1: a = 1 and hinges at quantiles of z,
 * so that f is any broken line with these knots. Above: a random on the sphere, b at a random row's a·z. Ridge by GCV;
 * the directions are refined by `fitFeatures` and scored with all their motions.
 *
 * @returns undefined when there is nothing to fit or the deadline leaves no time
 * Source: `math/learner` §6. Cost: some dozen passes of n(p + kr)² flops, p ≈ 200.
 */
export async function fitReluLink(problem: LinkProblem): Promise<RefinedLink<ReluLink> | undefined> {
  const { n, k, x, w0 } = problem;
  const r = w0.length / k;
  if (r === 0 || n < 6) return undefined;
  const features = place(multiply(x, w0, n, k, r), problem, r);
  const m = features.offsets.length;
  const weights = (): Float64Array =>
    Float64Array.from({ length: features.count }, (_, j) => (j < m ? 1 : j < m + r ? LIGHT.linear : LIGHT.constant));
  const fit = await fitFeatures(problem, features, weights);
  if (fit === undefined) return undefined;
  const { basis, coefficients: c, sums, score, weightSum, evaluations } = fit;
  const moment = meanOf(sums.gradientMoment, weightSum);
  const turn = principalTurn(moment, r);
  const meanSquare = sums.sumSquares / weightSum;
  const frame = multiply(basis, turn, k, r, r);
  // The fit's own frame is frame·turnᵀ.
  const back = turn.map((_, at) => turn[(at % r) * r + Math.floor(at / r)]);
  return {
    ...scored(score, frame, back, k, r),
    basis: frame,
    // z = turn·z′: slopes and the linear part turn along.
    link: new ReluLink({
      rank: r,
      slopes: multiply(features.slopesOf, turn, m, r, r),
      offsets: features.offsets,
      weights: c.slice(0, m),
      linear: multiplyTransposed(turn, c.slice(m, m + r), r, r, 1),
      constant: c[m + r],
    }),
    meanSquare,
    residuals: sums.residuals,
    gradientMoment: turned(moment, turn, r),
    noise: noiseOf(sums.sumSquares, weightSum, score.degreesOfFreedom),
    evaluations,
  };
}

/** √(Σwρ²/(n − df)). */
export const noiseOf = (sumSquares: number, weightSum: number, freedom: number): number =>
  Math.sqrt(sumSquares / Math.max(weightSum - freedom, 0.01 * weightSum));

function place(z: Float64Array, { n, seed, weights }: LinkProblem, r: number): ReluFeatures {
  const rows = Int32Array.from({ length: n }, (_, i) => i).filter((i) => weights === undefined || weights[i] > 0);
  const count = Math.max(1, Math.min(r === 1 ? HINGES.one : HINGES.more, Math.floor(rows.length / 3)));
  if (r === 1) {
    const sorted = Float64Array.from(rows, (i) => z[i]).sort();
    const knots = Float64Array.from(
      { length: count },
      (_, j) => sorted[Math.floor(((j + 0.5) * sorted.length) / count)],
    );
    return new ReluFeatures(1, new Float64Array(count).fill(1), knots);
  }
  const rng = createRng(seed, "relu link");
  const slopes = new Float64Array(count * r);
  const offsets = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    const a = Float64Array.from({ length: r }, () => rng.normal());
    const size = Math.sqrt(a.reduce((sum, v) => sum + v * v, 0)) || 1;
    const row = rows[rng.integer(rows.length)];
    for (let c = 0; c < r; c++) {
      slopes[j * r + c] = a[c] / size;
      offsets[j] += slopes[j * r + c] * z[row * r + c];
    }
  }
  return new ReluFeatures(r, slopes, offsets);
}
