/** Rows of a table that are copies of others, response included: they say nothing new, and leave-one-out errors must not see them. */
import type { RunControl } from "../base/control.js";
import type { DenseRows } from "../base/types.js";

/** Rows with copies counted as the weight of the first. */
export interface CountedOnce {
  /** n weights; of a copy 0. On average 1 over the rows that are left, or what the weights given were. */
  readonly weights: Float64Array;
  /** For every row the first one that equals it: itself where nothing does. */
  readonly first: Int32Array;
}

/** Entries that are looked at before other tasks have a turn. */
const ENTRIES = 100_000;
/** −0 is a zero of this sign; as the lower half of a double it may be taken for 0 too. */
const SIGN = 0x80000000 | 0;
/** Part of the distinct rows that the values of some column must tell apart: below it rows agree by chance. */
const TELLING = 1 / 2;

/**
 * The copies of a table, as a table that was written twice or drawn with replacement has; undefined where there are none,
 * and where equal rows are rows that were observed more than once: when the same inputs come with different responses, or
 * all columns have so few values that rows agree by chance.
 *
 * Weights are scaled so that a table written twice weighs what it weighs written once: the number of its rows is what
 * choices of rank and ridge depend on.
 * Cost: nd operations, other tasks let in between, and 16 to 24 bytes a row.
 */
export async function countedOnce(
  { data, rows: n, columns: d }: DenseRows,
  y: Float64Array,
  control: RunControl,
  given?: Float64Array,
): Promise<CountedOnce | undefined> {
  const first = new Int32Array(n);
  for (let i = 0; i < n; i++) first[i] = i;
  const hash = hasher(data, d);
  const keys = new Int32Array(n);
  // Rows by their hash, the next free place where one is taken; 0 is free.
  const places = new Int32Array(2 ** Math.ceil(Math.log2(2 * n + 1)));
  const mask = places.length - 1;
  const isKnown = (i: number): boolean => !given || given[i] > 0;
  const between = Math.ceil(ENTRIES / d);
  let copies = 0;
  for (let i = 0; i < n; i++) {
    if (i % between === 0) await control.breathe();
    if (!isKnown(i)) continue;
    keys[i] = hash(i);
    let at = keys[i] & mask;
    for (; places[at] > 0; at = (at + 1) & mask) {
      const j = places[at] - 1;
      if (keys[j] === keys[i] && areEqual(data, d, i, j)) break;
    }
    if (places[at] === 0) {
      places[at] = i + 1;
      continue;
    }
    const same = places[at] - 1;
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

/** FNV-1a over the words of 32 bits of a row; 0 and −0 alike. */
function hasher(data: DenseRows["data"], d: number): (row: number) => number {
  const words = new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const wide = (d * data.BYTES_PER_ELEMENT) / 4;
  return (row) => {
    let out = 0;
    for (let at = row * wide, end = at + wide; at < end; at++) {
      const word = words[at] === SIGN ? 0 : words[at];
      // Products spread bits upwards only, and of small integers as doubles all bits are at the top.
      out = Math.imul(out ^ word ^ (word >>> 16), 0x01000193);
    }
    return out ^ (out >>> 15);
  };
}
