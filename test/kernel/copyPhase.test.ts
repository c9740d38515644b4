/** Where copies of a large array begin: the clock decides, and only where it is clear. */
import { describe, expect, it } from "vitest";
import { copyPhase } from "../../src/kernel/copyPhase.js";
import { COPY_ROOM } from "../../src/kernel/shape.js";

/** Runs it with a clock that moves only in copies: by `cost` of the phase, and far more in the first copy at each, as on a fresh page. */
function chosen(data: Float64Array, block: number, cost: (phase: number) => number) {
  let clock = 0;
  const copies: { first: number; length: number; phase: number }[] = [];
  const to = (from: Float64Array, phase: number): void => {
    clock += copies.some((copy) => copy.phase === phase) ? cost(phase) : 1000;
    copies.push({ first: from.byteOffset / 8, length: from.length, phase });
  };
  return { phase: copyPhase(data, block, to, () => clock), copies };
}

describe("copyPhase", () => {
  const data = new Float64Array(96 * 10 * 500 + 17);
  const block = 960;

  it.each([0, 16, 32, 48])("finds phase %i", (best) => {
    expect(chosen(data, block, (phase) => (phase === best ? 3 : 4)).phase).toBe(best);
  });

  it("stays at 0 without a clear winner, and where the clock stands still", () => {
    expect(chosen(data, block, (phase) => (phase === 16 ? 95 : 100)).phase).toBe(0);
    expect(chosen(data, block, () => 0).phase).toBe(0);
  });

  it("copies whole blocks from all over the array, each once after the first, and has room for every phase", () => {
    const { copies } = chosen(data, block, () => 1);
    const timed = copies.slice(4);
    expect(timed.length).toBeGreaterThan(100);
    expect(new Set(timed.map(({ first }) => first)).size).toBe(timed.length);
    expect(Math.max(...timed.map(({ first }) => first))).toBeGreaterThan(0.9 * data.length);
    for (const { first, length, phase } of copies) {
      expect(first % block).toBe(0);
      expect(length).toBe(block);
      expect(first + length).toBeLessThanOrEqual(data.length);
      expect(phase).toBeLessThan(8 * COPY_ROOM);
    }
    const counts = [0, 16, 32, 48].map((phase) => timed.filter((copy) => copy.phase === phase).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it("does without where there is less than one block, or a block is larger than all that is copied", () => {
    expect(chosen(new Float64Array(100), 200, () => 1).phase).toBe(0);
    expect(chosen(new Float64Array(1000), 2 ** 23, () => 1).phase).toBe(0);
  });
});
