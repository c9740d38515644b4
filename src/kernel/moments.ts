/**
 * ΦᵀΦ from moments: how many sums are taken, when that is worth it, and how far the result may be off.
 *
 * A product of Hermite polynomials is a short sum of Hermite polynomials, h_a h_b = Σ_k c(a, b, k) h_{a+b−2k}, so every
 * entry of ΦᵀΦ is a fixed combination of the moments Σᵢ wᵢh_γ(zᵢ), |γ| ≤ 2D: C(r+2D, r) sums instead of p(p+1)/2. With the
 * variables in two halves each moment is a sum of products α(zᵢ)·β(zᵢ) of a feature of the first and one of the second, so
 * rows of both halves are formed once and multiplied by one tiled operation, degrees of the one against what is left for
 * the other. Source: [MI §1.1, §7.3].
 */
import { BLOCK_ROWS } from "./ops.js";

/** What decides about moments; part of a ProblemShape. */
export interface MomentShape {
  readonly samples: number;
  readonly rank: number;
  readonly degree: number;
  readonly featureCount: number;
}

/** Numbers of rows and sums; all that a layout needs. */
export interface MomentSizes {
  /** Variables of the first half; rank − first are in the second. */
  readonly first: number;
  /** Rows of features of the first half, padded to a multiple of four. */
  readonly firstRows: number;
  /** Rows of features of the second half, padded to an even number. */
  readonly secondRows: number;
  /** Rows of the second half of degree ≤ D, padded to an even number: those multiplied with the response. */
  readonly responseRows: number;
  /** Column pairs of every group of four rows, for the moments (degree ≤ 2D). */
  readonly widths: readonly number[];
  /** The same for the sums with the response (degree ≤ D). */
  readonly responseWidths: readonly number[];
  readonly sums: number;
  readonly responseSums: number;
  /** Terms of the expansion of ΦᵀΦ. */
  readonly terms: number;
}

/** Sums per tile of `accumulateProducts`. */
export const TILE = 8;

/**
 * From this degree on the normal equations are always formed directly: cancellation grows like 3^D, and the coefficients
 * are no longer square roots of small integers.
 */
const DIRECT_DEGREE = 8;
/** Largest error bound, relative to √(G_αα G_ββ), at which a Gram matrix from moments is used. */
export const MOMENT_TOLERANCE = 1e-10;

/**
 * Costs in units of one multiply-add of a Gram tile: one feature of a row, one term of the expansion. Measured on the
 * binary; right to a factor of two is enough.
 */
const COST = { feature: 3, term: 8 };
/** An expansion of more terms takes too much memory (16 bytes each). */
const MOST_TERMS = 2e6;

/**
 * The rule, first part: whether moments pay for a shape. Depends on (n, r, D) alone, so that every kernel, chunking and
 * machine decides alike. The second part is the error bound `momentError`, which depends on the data.
 */
export function momentSizes(shape: MomentShape): MomentSizes | undefined {
  const { rank, degree, samples, featureCount } = shape;
  if (rank < 2 || degree < 2 || degree >= DIRECT_DEGREE) return undefined;
  if (expansionTerms(rank, degree) > MOST_TERMS) return undefined;
  const sizes = sizesOf(rank, degree);
  const { firstRows, secondRows, responseRows, sums, responseSums, terms } = sizes;
  const blocks = Math.ceil(samples / BLOCK_ROWS);
  const direct = (featureCount * (featureCount + 3)) / 2 + COST.feature * featureCount;
  const products = sums + responseSums + COST.feature * (firstRows + secondRows + responseRows);
  return blocks * BLOCK_ROWS * products + COST.term * terms < blocks * BLOCK_ROWS * direct ? sizes : undefined;
}

/** All sizes, whether or not moments pay. */
export function sizesOf(rank: number, degree: number): MomentSizes {
  const first = Math.ceil(rank / 2);
  const second = rank - first;
  const widths = widthsOf(first, second, 2 * degree);
  const responseWidths = widthsOf(first, second, degree);
  const total = (list: readonly number[]): number => TILE * list.reduce((sum, width) => sum + width, 0);
  return {
    first,
    firstRows: 4 * widths.length,
    secondRows: even(binomial(second + 2 * degree, second)),
    responseRows: even(binomial(second + degree, second)),
    widths,
    responseWidths,
    sums: total(widths),
    responseSums: total(responseWidths),
    terms: expansionTerms(rank, degree),
  };
}

/** Rows of the first half in groups of four by ascending degree; each group meets all of the second that its least degree leaves. */
function widthsOf(first: number, second: number, degree: number): number[] {
  const out: number[] = [];
  const rows = binomial(first + degree, first);
  for (let row = 0, total = 0; row < rows; row += 4) {
    while (binomial(first + total, first) <= row) total++;
    out.push(even(binomial(second + degree - total, second)) / 2);
  }
  return out;
}

/** Number of terms of the expansion, Σ_{α≤β} Π_k (min(α_k, β_k) + 1). */
export function expansionTerms(rank: number, degree: number): number {
  let ordered = 0;
  let diagonal = 0;
  for (let k = 0; k <= degree; k++) {
    const common = binomial(rank - 1 + k, k);
    ordered += common * binomial(rank + degree - k, rank) ** 2;
    diagonal += common * binomial(rank + degree - k, rank);
  }
  return (ordered + diagonal) / 2;
}

/**
 * The rule, second part: a bound of |G̃_αβ − G_αβ|/√(G_αα G_ββ) for a Gram matrix from moments, NaN or Infinity where it
 * has none. It is u·(16 + 2√blocks)·max_α E_α/G_αα with E_α = Σ_{l≤α} Π_k C(α_k, l_k) 2^(α_k−l_k) · G_ll.
 *
 * E_α bounds the terms that cancel: h_{2m} = C(2m, m)^(−1/2) Σ_l (−1)^(m−l) C(m, l) h_l² gives Σ_k c(a, a, k)|h_{2a−2k}| ≤
 * Σ_l C(a, l) 2^(a−l) h_l², and the terms of (α, β) are at most the geometric mean of those of (α, α) and (β, β) (Cauchy
 * and Schwarz over the rows). For Gaussian rows E_α/G_αα is 3^|α|; heavy tails make it smaller, since the leading term
 * dominates, and projections of small scale or few values make it large. The factor in front covers the rounding of
 * features (16u, ten were seen) and of sums (2√blocks·u for random signs, half of it was seen).
 *
 * @param sweeps - of the plan
 * @param gram - packed ΦᵀΦ from moments
 */
export function momentError(p: number, sweeps: Int32Array, gram: Float64Array, blocks: number): number {
  const terms = new Float64Array(p);
  for (let j = 0; j < p; j++) terms[j] = gram[(j * (j + 3)) / 2];
  for (let s = 0; s < sweeps.length; s += 2) terms[sweeps[s]] += 2 * terms[sweeps[s + 1]];
  let worst = 0;
  for (let j = 0; j < p; j++) {
    const ratio = terms[j] / gram[(j * (j + 3)) / 2];
    if (!(ratio >= 1 && ratio < Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, ratio);
  }
  return (Number.EPSILON / 2) * (16 + 2 * Math.sqrt(blocks)) * worst;
}

const even = (count: number): number => count + (count & 1);

/** C(n, k), exact below 2⁵³. */
export function binomial(n: number, k: number): number {
  if (k < 0 || k > n) return 0;
  let out = 1;
  for (let i = 1; i <= k; i++) out = (out * (n - k + i)) / i;
  return out;
}
