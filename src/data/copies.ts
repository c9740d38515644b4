/** Rows of a table that are copies of others, response included: they say nothing new, and leave-one-out errors must not see them. */
import type { DenseRows } from "../base/types.js";

/** Rows with copies counted as the weight of the first. */
export interface CountedOnce {
  /** n weights; of a copy 0. On average 1 over the rows that are left, or what the weights given were. */
  readonly weights: Float64Array;
  /** For every row the first one that equals it: itself where nothing does. */
  readonly first: Int32Array;
}

/** Part of the distinct rows that the values of some column must tell apart: below it rows agree by chance. */
const TELLING = 1 / 2;

/**
 * The copies of a table, as a table that was written twice or drawn with replacement has; undefined where there are none,
 * and where equal rows are rows that were observed more than once: when the same inputs come with different responses, or
 * all columns have so few values that rows agree by chance.
 *
 * Weights are scaled so that a table written twice weighs what it weighs written once: the number of its rows is what
 * choices of rank and ridge depend on.
 * Cost: nd operations, and nd log n where there are equal rows.
 */
export function countedOnce(
  { data, rows: n, columns: d }: DenseRows,
  y: Float64Array,
  given?: Float64Array,
): CountedOnce | undefined {
  const first = Int32Array.from({ length: n }, (_, i) => i);
  const seen = new Map<number, number[]>();
  const hash = hasher(data, d);
  const isKnown = (i: number): boolean => !given || given[i] > 0;
  let copies = 0;
  for (let i = 0; i < n; i++) {
    if (!isKnown(i)) continue;
    const key = hash(i);
    const alike = seen.get(key);
    const same = alike?.find((j) => areEqual(data, d, i, j));
    if (same === undefined) {
      if (alike) alike.push(i);
      else seen.set(key, [i]);
      continue;
    }
    if (y[same] !== y[i]) return undefined;
    first[i] = same;
    copies++;
  }
  if (copies === 0) return undefined;
  const known = Array.from(first.keys()).filter(isKnown);
  const distinct = known.filter((i) => first[i] === i);
  if (!isTold(data, d, distinct)) return undefined;
  const weights = new Float64Array(n);
  for (const i of known) weights[first[i]] += (given ? given[i] : 1) * (distinct.length / known.length);
  return { weights, first };
}

/** Whether some column has at least half as many values as there are rows; a response without noise has, and tells nothing. */
function isTold(data: DenseRows["data"], d: number, rows: readonly number[]): boolean {
  for (let j = 0; j < d; j++) if (new Set(rows.map((i) => data[i * d + j])).size >= TELLING * rows.length) return true;
  return false;
}

function areEqual(data: DenseRows["data"], d: number, a: number, b: number): boolean {
  for (let j = 0; j < d; j++) if (data[a * d + j] !== data[b * d + j]) return false;
  return true;
}

/** FNV-1a over the halves of the doubles of a row; 0 and −0 alike. */
function hasher(data: DenseRows["data"], d: number): (row: number) => number {
  const double = new Float64Array(1);
  const halves = new Uint32Array(double.buffer);
  return (row) => {
    let out = 0x811c9dc5;
    for (let j = 0; j < d; j++) {
      double[0] = data[row * d + j] + 0;
      out = Math.imul(out ^ halves[0], 0x01000193);
      out = Math.imul(out ^ halves[1], 0x01000193);
      out ^= out >>> 15;
    }
    return out;
  };
}
