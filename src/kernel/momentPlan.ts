/** Tables behind moments: rows to form, places of the sums, terms of the expansion of ΦᵀΦ. Cached by (rank, degree). */
import { binomial, type MomentSizes, sizesOf, TILE } from "./moments.js";

/** Tables of one (rank, degree); shared and cached, never written. */
export interface MomentPlan {
  readonly sizes: MomentSizes;
  /** For `KernelOps.features`, padding included: rows of the first half, of the second, and of the second for the response. */
  readonly table: Int32Array;
  /** Widths of the groups, then those for the response. */
  readonly widths: Int32Array;
  /** For `KernelOps.combineSums`: first one term of every packed entry, then second terms, third terms, … */
  readonly places: Int32Array;
  readonly factors: Float64Array;
  readonly entries: Int32Array;
  /** Places of the entries of Φᵀy among the response sums. */
  readonly responsePlaces: Int32Array;
  /** Pairs (j, l) of features for `momentError`: in this order, terms[j] += 2·terms[l]. */
  readonly sweeps: Int32Array;
}

const cache = new Map<string, MomentPlan>();
/** Terms kept at 16 bytes each; the plans unused for longest go first. */
const CACHED_TERMS = 1e6;

/** The plan of (rank, degree) with features in the order of [MI §1.2]. Cost: O(terms) the first time. */
export function momentPlan(rank: number, degree: number): MomentPlan {
  const key = `${rank},${degree}`;
  const plan = cache.get(key) ?? buildPlan(rank, degree);
  cache.delete(key);
  let total = plan.sizes.terms;
  for (const { sizes } of cache.values()) total += sizes.terms;
  for (const [oldest, { sizes }] of cache) {
    if (total <= CACHED_TERMS) break;
    cache.delete(oldest);
    total -= sizes.terms;
  }
  cache.set(key, plan);
  return plan;
}

function buildPlan(rank: number, degree: number): MomentPlan {
  const sizes = sizesOf(rank, degree);
  const { first, widths, responseWidths } = sizes;
  const features = gradedIndices(rank, degree);
  const groups = startsOfGroups(responseWidths);
  return {
    sizes,
    table: rowTable(rank, degree, sizes),
    widths: Int32Array.from([...widths, ...responseWidths]),
    ...expansion(features, degree, sizes),
    responsePlaces: Int32Array.from(features, (beta) =>
      placeOf(groups, position(beta.slice(0, first)), position(beta.slice(first))),
    ),
    sweeps: sweepsOf(features, rank, degree),
  };
}

const startsOfGroups = (widths: readonly number[]): Int32Array => {
  const out = new Int32Array(widths.length);
  for (let g = 1; g < out.length; g++) out[g] = out[g - 1] + TILE * widths[g - 1];
  return out;
};

/** Where `accumulateProducts` puts the sum of row a of the first half and row b of the second. */
const placeOf = (groups: Int32Array, a: number, b: number): number =>
  groups[a >> 2] + TILE * (b >> 1) + 2 * (a & 3) + (b & 1);

/**
 * Rows of both halves up to degree 2D, then those of the second half again up to degree D: each is its parent times one
 * Hermite value of a variable of its half. Padding repeats the constant.
 */
function rowTable(rank: number, degree: number, sizes: MomentSizes): Int32Array {
  const { first, firstRows, secondRows, responseRows } = sizes;
  const table = new Int32Array(2 * (firstRows + secondRows + responseRows));
  const fill = (at: number, variables: number, highest: number): void => {
    gradedIndices(variables, highest).forEach((beta, j) => {
      let last = beta.length - 1;
      while (last >= 0 && beta[last] === 0) last--;
      if (last < 0) return;
      table[2 * (at + j)] = position(beta.map((v, k) => (k === last ? 0 : v)));
      table[2 * (at + j) + 1] = last * (2 * degree + 1) + beta[last];
    });
  };
  fill(0, first, 2 * degree);
  fill(firstRows, rank - first, 2 * degree);
  fill(firstRows + secondRows, rank - first, degree);
  return table;
}

/** The products of all pairs of features of one half: Σ_k √square · h_γ, terms starts[pair] … starts[pair + 1] − 1. */
interface HalfProducts {
  readonly size: number;
  readonly starts: Int32Array;
  /** Position of γ. */
  readonly rows: Int32Array;
  /** Π_k C(a,k)C(b,k)C(a+b−2k,a−k), an exact integer. */
  readonly squares: Float64Array;
}

function halfProducts(variables: number, degree: number): HalfProducts {
  const indices = gradedIndices(variables, degree);
  const size = indices.length;
  const starts = new Int32Array(size * size + 1);
  const rows: number[] = [];
  const squares: number[] = [];
  const gamma = new Array<number>(variables).fill(0);
  const visit = (alpha: readonly number[], beta: readonly number[], axis: number, square: number): void => {
    if (axis === variables) {
      rows.push(position(gamma));
      squares.push(square);
      return;
    }
    const a = alpha[axis];
    const b = beta[axis];
    for (let k = 0; k <= Math.min(a, b); k++) {
      gamma[axis] = a + b - 2 * k;
      visit(alpha, beta, axis + 1, square * binomial(a, k) * binomial(b, k) * binomial(a + b - 2 * k, a - k));
    }
  };
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      visit(indices[i], indices[j], 0, 1);
      starts[i * size + j + 1] = rows.length;
    }
  }
  return { size, starts, rows: Int32Array.from(rows), squares: Float64Array.from(squares) };
}

/** Terms of all entries; their coefficients are square roots of exact integers, hence rounded once. */
function expansion(
  features: readonly (readonly number[])[],
  degree: number,
  { first, widths, terms }: MomentSizes,
): Pick<MomentPlan, "places" | "factors" | "entries"> {
  const groups = startsOfGroups(widths);
  const a = halfProducts(first, degree);
  const b = halfProducts(features[0].length - first, degree);
  const inFirst = Int32Array.from(features, (beta) => position(beta.slice(0, first)));
  const inSecond = Int32Array.from(features, (beta) => position(beta.slice(first)));
  const count = features.length;
  // Terms of entry (i, j) are those of its first halves times those of its second halves.
  const pairA = (i: number, j: number): number => inFirst[i] * a.size + inFirst[j];
  const pairB = (i: number, j: number): number => inSecond[i] * b.size + inSecond[j];
  const next = layerStarts(count, (i, j) => {
    const [p, q] = [pairA(i, j), pairB(i, j)];
    return (a.starts[p + 1] - a.starts[p]) * (b.starts[q + 1] - b.starts[q]);
  });
  const pairs = (count * (count + 1)) / 2;
  const places = new Int32Array(terms);
  const factors = new Float64Array(terms);
  const entries = new Int32Array(terms - pairs);
  for (let j = 0, entry = 0; j < count; j++) {
    for (let i = 0; i <= j; i++, entry++) {
      const p = pairA(i, j);
      const q = pairB(i, j);
      let layer = 0;
      for (let s = a.starts[p]; s < a.starts[p + 1]; s++) {
        for (let t = b.starts[q]; t < b.starts[q + 1]; t++, layer++) {
          const at = next[layer]++;
          places[at] = placeOf(groups, a.rows[s], b.rows[t]);
          factors[at] = Math.sqrt(a.squares[s] * b.squares[t]);
          if (layer > 0) entries[at - pairs] = entry;
        }
      }
    }
  }
  return { places, factors, entries };
}

/** Where the first, second, … terms of all entries start. */
function layerStarts(count: number, termsOf: (i: number, j: number) => number): Int32Array {
  const exactly: number[] = [];
  for (let j = 0; j < count; j++) {
    for (let i = 0; i <= j; i++) {
      const terms = termsOf(i, j);
      exactly[terms] = (exactly[terms] ?? 0) + 1;
    }
  }
  const out = new Int32Array(exactly.length);
  let left = (count * (count + 1)) / 2;
  for (let terms = 1; terms < out.length; terms++) {
    out[terms] = out[terms - 1] + left;
    left -= exactly[terms] ?? 0;
  }
  return out;
}

/** Along one variable E_a = Σ_l C(a, l) 2^(a−l) G_l is (1 + 2·shift)^a, built by a sweeps of a ← a + 2(a − 1), last a first. */
function sweepsOf(features: readonly (readonly number[])[], rank: number, degree: number): Int32Array {
  const out: number[] = [];
  for (let k = 0; k < rank; k++) {
    for (let t = 1; t <= degree; t++) {
      for (let j = features.length - 1; j > 0; j--) {
        if (features[j][k] < t) continue;
        out.push(j, position(features[j].map((v, l) => (l === k ? v - 1 : v))));
      }
    }
  }
  return Int32Array.from(out);
}

/** Multi-indices of total degree ≤ `degree`, by degree, lexicographically descending inside. */
function gradedIndices(variables: number, degree: number): number[][] {
  const of = (left: number, count: number): number[][] =>
    count === 1
      ? [[left]]
      : Array.from({ length: left + 1 }, (_, i) => left - i).flatMap((v) =>
          of(left - v, count - 1).map((rest) => [v, ...rest]),
        );
  return Array.from({ length: degree + 1 }, (_, total) => of(total, variables)).flat();
}

/** Position of a multi-index in that order: Σᵢ C(Tᵢ + r − i − 1, r − i) with the tails Tᵢ. */
function position(beta: readonly number[]): number {
  let at = 0;
  let tail = 0;
  for (let i = beta.length - 1; i >= 0; i--) {
    tail += beta[i];
    at += binomial(tail + beta.length - i - 1, beta.length - i);
  }
  return at;
}
