/** Starts of flows: random overlaps of two frames in high dimension. */
import { checkInteger } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { createRng, type Rng } from "../base/rng.js";
import { randomBasis } from "../math/grassmann.js";
import { JacobiSolver } from "../math/jacobi.js";

/** What a start in a dimension too small for g/√d is scaled to. */
const LARGEST_START = 0.9;

/**
 * M(0) = g/√dim with an r×r⋆ Gaussian g that depends on the seed and the trial only, so that runs at several dimensions start in the
 * same frames. √d·WᵀW⋆ of random frames has this law for d → ∞ [MI §5]. Where dim is so small that ‖M‖₂ ≥ 1, M is scaled to
 * norm 0.9.
 */
export function gaussianOverlap(
  rank: number,
  rankStar: number,
  dim: number,
  seed: number,
  trial: number,
): Float64Array {
  const rng = createRng(seed, "overlap", trial);
  const root = Math.sqrt(dim);
  const m = Float64Array.from({ length: rank * rankStar }, () => rng.normal() / root);
  const svd = new JacobiSolver(rank, rankStar);
  svd.decompose(m);
  const norm = svd.values[0];
  return norm < 1 ? m : m.map((x) => (x * LARGEST_START) / norm);
}

/**
 * Overlap WᵀW⋆ of a Haar frame W (dim×rank) with fixed orthonormal W⋆ (dim×rankStar): by invariance, the first rows of W.
 *
 * @throws {OptionError} `RANGE` if dim < max(rank, rankStar)
 * Cost: O(dim·rank²).
 */
export function haarOverlap(rank: number, rankStar: number, dim: number, rng: Rng): Float64Array {
  checkInteger(dim, "dim", { min: 1 });
  if (dim < Math.max(rank, rankStar)) {
    throw new OptionError(
      "RANGE",
      `dim is ${dim}; frames of ${rank} and ${rankStar} orthonormal columns need at least ${Math.max(rank, rankStar)}.`,
      {
        details: { option: "dim", value: dim },
      },
    );
  }
  const w = randomBasis(dim, rank, rng);
  const m = new Float64Array(rank * rankStar);
  for (let i = 0; i < rank; i++) for (let j = 0; j < rankStar; j++) m[i * rankStar + j] = w[j * rank + i];
  return m;
}
