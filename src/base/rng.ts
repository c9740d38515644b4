/** Seeded streams, uniforms, normals, split by label. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { checkInteger } from "./assert.js";
import { log } from "./elementary.js";

/** A stream of random numbers. Each draw advances it; streams of different labels are independent. */
export interface Rng {
  /** Uniform on [0, 1): a multiple of 2⁻⁵³. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in 0…n−1, without bias. */
  integer(n: number): number;
  /** Uniformly random order of 0…n−1. */
  permutation(n: number): Int32Array;
  /** The stream of this stream's seed and labels with more labels added; what was drawn before does not matter. */
  split(...labels: readonly (string | number)[]): Rng;
}

/**
 * A stream that depends on the seed and on the labels only, with the same bits on every platform.
 *
 * Seed and labels are hashed to the 128 bits of state of xoroshiro128+ (pure-rand), so streams of different labels start
 * at unrelated points of its period 2¹²⁸ − 1.
 *
 * @throws {OptionError} `TYPE`, `RANGE` unless the seed is an integer in 0…2⁵³−1
 */
export function createRng(seed: number, ...labels: readonly (string | number)[]): Rng {
  checkSeed(seed);
  const [a, b, c, d] = hash(seed, labels);
  const generator = xoroshiro128plusFromState([a, b, c, (a | b | c | d) === 0 ? 1 : d]);
  let spare = 0;
  let hasSpare = false;

  // The high bits of each word: the lowest ones of a + generator are the weak ones.
  const uniform = (): number => {
    const high = generator.next() >>> 5;
    const low = generator.next() >>> 6;
    return (high * 67108864 + low) * 1.1102230246251565e-16;
  };

  // Marsaglia's polar method: √ and our own log only.
  const normal = (): number => {
    if (hasSpare) {
      hasSpare = false;
      return spare;
    }
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt((-2 * log(s)) / s);
      spare = v * factor;
      hasSpare = true;
      return u * factor;
    }
  };

  const integer = (n: number): number => {
    checkInteger(n, "n", { min: 1 });
    return uniformInt(generator, 0, n - 1);
  };

  return {
    uniform,
    normal,
    integer,
    permutation(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
    split: (...more) => createRng(seed, ...labels, ...more),
  };
}

/**
 * Refuses what is not a seed.
 *
 * @throws {OptionError} `TYPE` for what is not a number, `RANGE` unless an integer in 0…2⁵³−1
 */
export function checkSeed(seed: unknown, name = "seed"): asserts seed is number {
  checkInteger(seed, name, { min: 0, max: Number.MAX_SAFE_INTEGER });
}

/** A seed from the platform's entropy, for runs that name none; the only call here that is not reproducible. */
export function drawSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 4294967296 + low;
}

/** Hash of a seed and labels to four words; each input word passes through all four lanes (Murmur-style mixing). */
function hash(seed: number, labels: readonly (string | number)[]): [number, number, number, number] {
  const lanes: [number, number, number, number] = [0x243f6a88, 0x85a308d3 | 0, 0x13198a2e, 0x03707344];
  const absorb = (word: number): void => {
    for (let i = 0; i < 4; i++) {
      let k = Math.imul(word ^ lanes[(i + 1) & 3], 0xcc9e2d51);
      k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
      const mixed = lanes[i] ^ k;
      lanes[i] = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64 + i) | 0;
    }
  };
  const absorbNumber = (value: number): void => {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    absorb(bits.getInt32(0));
    absorb(bits.getInt32(4));
  };
  absorbNumber(seed);
  for (const label of labels) {
    // The kind and the length go in too, so that ("ab", "c"), ("a", "bc"), "1" and 1 are four different streams.
    if (typeof label === "number") {
      absorb(1);
      absorbNumber(label);
      continue;
    }
    absorb(2);
    absorb(label.length);
    for (let i = 0; i < label.length; i++) absorb(label.charCodeAt(i));
  }
  for (let i = 0; i < 4; i++) absorb(0);
  return lanes.map(finalMix) as [number, number, number, number];
}

function finalMix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
