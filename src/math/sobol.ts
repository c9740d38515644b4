/** Scrambled Sobol points. */
import type { Rng } from "../base/rng.js";
import { SOBOL_DEGREES, SOBOL_NUMBERS } from "./sobolTable.js";

/** Coordinates with published direction numbers. */
export const SOBOL_DIMENSIONS = 1 + SOBOL_DEGREES.reduce((sum, count) => sum + count, 0);
/** Digits of a coordinate. */
const BITS = 32;
const UNIT = 2 ** -BITS;

const tables: (Uint32Array | undefined)[] = [];

/**
 * The 32 direction numbers of a coordinate; the first digit is the highest bit.
 *
 * Coordinate 0 is van der Corput's sequence; the others follow from a primitive polynomial and the first few numbers by
 * Sobol's recurrence. Each is decoded when it is first asked for.
 */
function directionNumbers(coordinate: number): Uint32Array {
  let numbers = tables[coordinate];
  if (numbers === undefined) {
    numbers = coordinate === 0 ? Uint32Array.from({ length: BITS }, (_, k) => 2 ** (BITS - 1 - k)) : decode(coordinate);
    tables[coordinate] = numbers;
  }
  return numbers;
}

function decode(coordinate: number): Uint32Array {
  const { degree, bit } = placeOf(coordinate);
  const read = bitReader(SOBOL_NUMBERS, bit);
  const numbers = new Uint32Array(BITS);
  const middle = read(degree - 1);
  for (let k = 0; k < degree; k++) numbers[k] = (2 * read(k) + 1) * 2 ** (BITS - 1 - k);
  for (let k = degree; k < BITS; k++) {
    let v = numbers[k - degree] ^ (numbers[k - degree] >>> degree);
    for (let j = 1; j < degree; j++) if ((middle >>> (degree - 1 - j)) & 1) v ^= numbers[k - j];
    numbers[k] = v;
  }
  return numbers;
}

/** Degree of a coordinate's polynomial, and where its bits begin in the table. */
function placeOf(coordinate: number): { readonly degree: number; readonly bit: number } {
  let left = coordinate - 1;
  let bit = 0;
  for (const [index, count] of SOBOL_DEGREES.entries()) {
    const degree = index + 1;
    const bits = degree - 1 + (degree * (degree - 1)) / 2;
    if (left < count) return { degree, bit: bit + left * bits };
    left -= count;
    bit += count * bits;
  }
  throw new RangeError(`there are no direction numbers for coordinate ${coordinate}`);
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Reads whole numbers of the given widths, highest bit first, from text of six bits a letter. */
function bitReader(text: string, start: number): (width: number) => number {
  let at = start;
  return (width) => {
    let value = 0;
    for (let i = 0; i < width; i++, at++) {
      const digit = DIGITS.indexOf(text[Math.floor(at / 6)]);
      value = 2 * value + ((digit >> (5 - (at % 6))) & 1);
    }
    return value;
  };
}

/**
 * One coordinate of the first `out.length` Sobol points in (0, 1), scrambled: digits go through a random lower triangular
 * matrix and a random shift, which keeps every balance of the sequence and makes each point uniform.
 *
 * The points are centres of cells of side 2⁻³², never 0 or 1.
 *
 * @param coordinate - 0 ≤ coordinate < SOBOL_DIMENSIONS
 * @param rng - the scramble; a stream of its own for each coordinate. Without it the plain sequence
 * Source: Joe & Kuo, SIAM J. Sci. Comput. 30 (2008); Matoušek, J. Complexity 14 (1998). Cost: O(out.length).
 */
export function sobolCoordinate(coordinate: number, rng: Rng | undefined, out: Float64Array): void {
  const numbers = directionNumbers(coordinate);
  const directions = Int32Array.from(rng === undefined ? numbers : scrambled(numbers, rng));
  let state = rng === undefined ? 0 : Math.floor(rng.uniform() * 4294967296) | 0;
  for (let i = 0; i < out.length; i++) {
    // Signed words stay in the engine's small integers.
    out[i] = (state + (state < 0 ? 4294967296.5 : 0.5)) * UNIT;
    // Gray code: from point i to i + 1 one digit changes, that of the lowest zero bit of i.
    state ^= directions[31 - Math.clz32(~i & (i + 1))];
  }
}

/** Direction numbers multiplied by a random lower triangular matrix over GF(2) with unit diagonal. */
function scrambled(numbers: Uint32Array, rng: Rng): Uint32Array {
  // Column j: digit j itself and random digits below it.
  const columns = Uint32Array.from({ length: BITS }, (_, j) => {
    const below = Math.floor(rng.uniform() * 2 ** (BITS - 1 - j));
    return 2 ** (BITS - 1 - j) + below;
  });
  return numbers.map((v) => {
    let out = 0;
    for (let j = 0; j < BITS; j++) if ((v >>> (BITS - 1 - j)) & 1) out ^= columns[j];
    return out >>> 0;
  });
}
