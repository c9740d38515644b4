/**
 * Where in a cache line copies of blocks of a large array begin.
 *
 * A copy from main memory is faster when source and target begin at the same place of their lines. Where an array begins
 * cannot be asked for: engines and allocators differ, and a view begins anywhere. So the clock tells. Nothing but the time of
 * a pass depends on it.
 */
import { defaultClock } from "../base/control.js";

/** Bytes after the start of a line; the vectors of tiles never lie across two lines. `COPY_ROOM` is for these. */
const PHASES = [0, 16, 32, 48] as const;

/** Blocks that are copied at each phase, and doubles altogether at most. */
const MOST_BLOCKS = 48;
const MOST_DOUBLES = 2 ** 22;
/** Another phase than 0 has to be this much faster; where the clock is coarse none is. */
const CLEARLY = 0.9;

/**
 * The phase for copies of `data`, in bytes: that of the least median time of a block. The blocks are taken from all over the
 * array, each once, since only what is in no cache shows the difference.
 * @param block - doubles of a block
 * @param to - copies a block to a phase
 * Cost: a copy of 32 MB at most.
 */
export function copyPhase(
  data: Float64Array,
  block: number,
  to: (block: Float64Array, phase: number) => void,
  now = defaultClock(),
): number {
  const most = Math.min(MOST_BLOCKS * PHASES.length, Math.floor(MOST_DOUBLES / block));
  const step = Math.ceil(data.length / block / most);
  for (const phase of PHASES) to(data.subarray(0, block), phase); // brings the target's pages in
  const times: number[][] = PHASES.map(() => []);
  for (let at = step * block, turn = 0; at + block <= data.length; at += step * block, turn++) {
    const k = turn % PHASES.length;
    const from = data.subarray(at, at + block);
    const before = now();
    to(from, PHASES[k]);
    times[k].push(now() - before);
  }
  const medians = times.map((list) => list.sort((a, b) => a - b)[list.length >> 1] ?? 0);
  const fastest = medians.indexOf(Math.min(...medians));
  return medians[fastest] < CLEARLY * medians[0] ? PHASES[fastest] : 0;
}
