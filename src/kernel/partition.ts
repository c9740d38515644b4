/**
 * How the rows of a problem are cut into parts, and the fixed tree in which the sums of parts are added.
 *
 * Sums over rows are taken part by part, each from zero, and parts are added in one order: neighbours first, then
 * neighbouring pairs, and so on. Cuts depend on n, or on a number of parts that was asked for, and on nothing else. Hence
 * the bits of a fit do not depend on where parts live: all in one machine, on threads, or on other computers.
 *
 *     part      0   1   2   3   4   5
 *     level 1   └─+─┘   └─+─┘   └─+─┘
 *     level 2     └───+───┘       │
 *     total           └─────+─────┘
 */
import { BLOCK_ROWS } from "./ops.js";

/** Rows below twice this many blocks are one part; from there on a part has at least two blocks. */
const FEWEST_BLOCKS = 2;
/** The number of parts doubles with the rows once parts have this many blocks, up to the most that is ever useful. */
const USUAL_BLOCKS = 16;
const MOST_PARTS = 32;

/**
 * First blocks of all parts, and the number of blocks at the end: part k is blocks starts[k] … starts[k + 1] − 1.
 * @param shards - wanted number of parts; by default few for few rows, where a part costs more than it holds
 */
export function partition(samples: number, shards?: number): Int32Array {
  const blocks = Math.ceil(samples / BLOCK_ROWS);
  const parts = Math.max(1, Math.min(shards ?? usualParts(blocks), blocks));
  return Int32Array.from({ length: parts + 1 }, (_, k) => Math.floor((k * blocks) / parts));
}

/** First row of part k. */
export const firstRow = (starts: Int32Array, k: number, samples: number): number =>
  Math.min(starts[k] * BLOCK_ROWS, samples);

function usualParts(blocks: number): number {
  if (blocks < 2 * FEWEST_BLOCKS) return 1;
  let parts = 2;
  while (parts < MOST_PARTS && parts * USUAL_BLOCKS <= blocks) parts *= 2;
  return parts;
}

/** The sums of 2^level parts from `part` on, a multiple of 2^level. */
export interface SumNode {
  readonly part: number;
  readonly level: number;
  readonly values: Float64Array;
}

/**
 * Arrays of a length that are kept for leaves. A tree of 2^k parts has at most k + 1 in use at once; what other places send
 * comes on top of those and must not pile up.
 */
const MOST_SPARE = 8;

/** The nodes of the tree so far, in the order of their parts; two that are children of one node become that node. */
export class SumTree {
  readonly #nodes: SumNode[] = [];
  /** Arrays of merged nodes by length, used again for leaves: a small array costs more to make than to fill. */
  readonly #spare = new Map<number, Float64Array[]>();

  /** An array for the sums of a part, contents arbitrary. */
  leaf(length: number): Float64Array {
    return this.#spare.get(length)?.pop() ?? new Float64Array(length);
  }

  /** Adds a node to the right of all others; its values then belong to the tree. */
  add(node: SumNode): void {
    let { part, level, values } = node;
    for (;;) {
      const left = this.#nodes.at(-1);
      if (left === undefined || left.level !== level || ((part >> level) & 1) === 0) break;
      this.#nodes.pop();
      this.#sum(left.values, values);
      ({ part, values } = left);
      level++;
    }
    this.#nodes.push({ part, level, values });
  }

  /** All nodes, which the tree gives up. */
  take(): SumNode[] {
    return this.#nodes.length === 0 ? [] : this.#nodes.splice(0);
  }

  /** The sums of all parts; undefined when none was added. The tree is empty afterwards. */
  total(): Float64Array | undefined {
    let right = this.#nodes.pop()?.values;
    for (let left = this.#nodes.pop(); right && left; left = this.#nodes.pop()) {
      this.#sum(left.values, right);
      right = left.values;
    }
    if (right) this.#keep(right);
    return right;
  }

  /** left += right. */
  #sum(left: Float64Array, right: Float64Array): void {
    for (let k = 0; k < left.length; k++) left[k] += right[k];
    this.#keep(right);
  }

  #keep(values: Float64Array): void {
    const spare = this.#spare.get(values.length);
    if (spare === undefined) this.#spare.set(values.length, [values]);
    else if (spare.length < MOST_SPARE) spare.push(values);
  }
}
