/**
 * exp, log, sin, cos and relatives in + − × ÷ √ and exact bit operations: the same bits on every engine.
 *
 * Math.exp and its like differ between engines in the last bit, and random normals, Gaussian-process links and mean-field
 * losses must not. Arguments are reduced with split constants (products n·C₁ are exact), then Taylor polynomials whose
 * first omitted term is below 2⁻⁵⁸ of the result are used; the structure follows the usual libm practice (Cody & Waite;
 * Payne & Hanek). Errors are at most about 1 unit in the last place, 2 for `expm1`, `log1p`, `tanh`.
 */

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;

/** 2^k for −1022 ≤ k ≤ 1023, exactly. */
export function powerOfTwo(k: number): number {
  words[HIGH] = (k + 1023) << 20;
  words[LOW] = 0;
  return double[0];
}

/** x·2^k with one rounding, for any integer k. */
export function scaleByPowerOfTwo(x: number, k: number): number {
  let y = x;
  let left = k;
  while (left > 1023) {
    y *= powerOfTwo(1023);
    left -= 1023;
    if (!(Math.abs(y) < Number.POSITIVE_INFINITY) || y === 0) return y;
  }
  // Going down in steps of 2⁻⁹⁶⁹ keeps 53 bits in all but the last step, which alone rounds.
  while (left < -1022) {
    y *= powerOfTwo(-969);
    left += 969;
    if (y === 0) return y;
  }
  return y * powerOfTwo(left);
}

/** Largest integer k with 2^k ≤ |x|, for finite x ≠ 0. */
export function exponentOf(x: number): number {
  double[0] = x;
  const biased = (words[HIGH] >>> 20) & 0x7ff;
  if (biased > 0) return biased - 1023;
  double[0] = x * 18014398509481984; // 2⁵⁴ brings subnormals into the normal range.
  return ((words[HIGH] >>> 20) & 0x7ff) - 1077;
}

const LN2_HIGH = 0.6931471803691238; // 32 bits
const LN2_LOW = 1.9082149292705877e-10;

/** Tail (eʳ − 1 − r)/r² for |r| ≤ ln2/2. */
function expTail(r: number): number {
  let p = 1 / 87178291200;
  p = p * r + 1 / 6227020800;
  p = p * r + 1 / 479001600;
  p = p * r + 1 / 39916800;
  p = p * r + 1 / 3628800;
  p = p * r + 1 / 362880;
  p = p * r + 1 / 40320;
  p = p * r + 1 / 5040;
  p = p * r + 1 / 720;
  p = p * r + 1 / 120;
  p = p * r + 1 / 24;
  p = p * r + 1 / 6;
  return p * r + 0.5;
}

/** eˣ; error below 1 unit in the last place. */
export function exp(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.1332191019412) return 0;
  if (Number.isNaN(x)) return x;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const rest = high - r - low;
  const y = 1 + (r + (r * r * expTail(r) + rest * (1 + r)));
  return k >= -1021 && k <= 1023 ? y * powerOfTwo(k) : scaleByPowerOfTwo(y, k);
}

/** eˣ − 1 without cancellation near 0. */
export function expm1(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -40) return -1;
  if (Number.isNaN(x) || x === 0) return x;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const small = r + (r * r * expTail(r) + (high - r - low) * (1 + r));
  if (k === 0) return small;
  if (k > 60) return exp(x);
  const power = powerOfTwo(k);
  return power * small + (power - 1);
}

/** Tail (2·artanh(s) − 2s)/s as a function of z = s², |s| ≤ (√2 − 1)/(√2 + 1). */
function logTail(z: number): number {
  let p = 2 / 23;
  p = p * z + 2 / 21;
  p = p * z + 2 / 19;
  p = p * z + 2 / 17;
  p = p * z + 2 / 15;
  p = p * z + 2 / 13;
  p = p * z + 2 / 11;
  p = p * z + 2 / 9;
  p = p * z + 2 / 7;
  p = p * z + 2 / 5;
  p = p * z + 2 / 3;
  return p * z;
}

/** Natural logarithm; NaN below 0, −Infinity at 0; error below 1 unit in the last place. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  double[0] = x;
  const high = words[HIGH];
  let k: number;
  let m: number;
  if (high >= 0x00100000) {
    // Normal numbers give exponent and mantissa at once; this is most of the cost.
    k = (high >>> 20) - 1023;
    words[HIGH] = (high & 0x000fffff) | 0x3ff00000;
    m = double[0];
  } else {
    k = exponentOf(x);
    m = scaleByPowerOfTwo(x, -k);
  }
  if (m > Math.SQRT2) {
    m *= 0.5;
    k++;
  }
  const f = m - 1;
  if (f === 0) return k * LN2_HIGH + k * LN2_LOW;
  const s = f / (2 + f);
  const half = 0.5 * f * f;
  // ln(1+f) = f − (f²/2 − s(f²/2 + tail)): the leading f is exact, all else is small beside it.
  return k * LN2_HIGH - (half - (s * (half + logTail(s * s)) + k * LN2_LOW) - f);
}

/** ln(1 + x) without cancellation near 0. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1) return x;
  if (!(u > 0) || u === Number.POSITIVE_INFINITY) return log(u);
  // What rounding 1 + x lost; exact for |x| ≤ 1, of no weight beyond.
  const lost = x < 1 ? x - (u - 1) : 1 - (u - x);
  return log(u) + lost / u;
}

/** Hyperbolic tangent. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size > 22) return x > 0 ? 1 : -1;
  if (!(size > 0)) return x;
  const t = expm1(2 * size);
  const y = size < 0.5 ? t / (t + 2) : 1 - 2 / (t + 2);
  return x > 0 ? y : -y;
}

const INVERSE_SQRT_2PI = 0.3989422804014327;

/** Density of the standard normal law. */
export function normalDensity(x: number): number {
  return INVERSE_SQRT_2PI * exp(-0.5 * x * x);
}

/**
 * Distribution function Φ of the standard normal law, to about 1e-15 absolutely and 1e-13 relatively in the lower tail.
 *
 * Source: series ½ + φ(x)·Σ x^{2k+1}/(2k+1)!! for |x| < 3, Laplace's continued fraction of Mills' ratio beyond.
 */
export function normalCumulative(x: number): number {
  const size = Math.abs(x);
  if (!(size < Number.POSITIVE_INFINITY)) return Number.isNaN(x) ? x : x > 0 ? 1 : 0;
  if (size < 3) {
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + normalDensity(x) * sum;
  }
  let fraction = size;
  for (let k = 80; k >= 1; k--) fraction = size + k / fraction;
  const tail = normalDensity(x) / fraction;
  return x > 0 ? 1 - tail : tail;
}

/** sin(y + rest) for |y| ≤ π/4 and a tiny rest. */
function sinKernel(y: number, rest: number): number {
  const z = y * y;
  let p = -1 / 121645100408832000;
  p = p * z + 1 / 355687428096000;
  p = p * z - 1 / 1307674368000;
  p = p * z + 1 / 6227020800;
  p = p * z - 1 / 39916800;
  p = p * z + 1 / 362880;
  p = p * z - 1 / 5040;
  p = p * z + 1 / 120;
  p = p * z - 1 / 6;
  return y + (z * y * p + rest * (1 - 0.5 * z));
}

/** cos(y + rest) for |y| ≤ π/4 and a tiny rest. */
function cosKernel(y: number, rest: number): number {
  const z = y * y;
  let p = -1 / 6402373705728000;
  p = p * z + 1 / 20922789888000;
  p = p * z - 1 / 87178291200;
  p = p * z + 1 / 479001600;
  p = p * z - 1 / 3628800;
  p = p * z + 1 / 40320;
  p = p * z - 1 / 720;
  p = p * z + 1 / 24;
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (1 - w - half + (z * z * p - y * rest));
}

const QUARTER_PI = 0.7853981633974483;
const TWO_OVER_PI = 0.6366197723675814;
// π/2 in three runs of 33 bits and the rest.
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_3 = 2.0222662487111665e-21;
const HALF_PI_4 = 8.4784276603689e-32;

/** x = quadrant·π/2 + y + rest with |y| ≲ π/4, quadrant mod 4; filled by `reduce`. */
const reduced = { quadrant: 0, y: 0, rest: 0 };

function reduce(x: number): void {
  if (Math.abs(x) <= QUARTER_PI) {
    reduced.quadrant = 0;
    reduced.y = x;
    reduced.rest = 0;
    return;
  }
  if (Math.abs(x) > 1_000_000) {
    reduceLarge(x);
    return;
  }
  const n = Math.floor(x * TWO_OVER_PI + 0.5);
  // |n| < 2²⁰, so n times 33 bits is exact, and so is the first difference; the others carry their rounding along.
  const first = x - n * HALF_PI_1;
  const second = n * HALF_PI_2;
  const a = first - second;
  const back = a - first;
  const lostA = first - (a - back) - (second + back);
  const third = n * HALF_PI_3;
  const b = a - third;
  const backB = b - a;
  const lostB = a - (b - backB) - (third + backB);
  const tail = lostA + (lostB - n * HALF_PI_4);
  reduced.quadrant = ((n % 4) + 4) % 4;
  reduced.y = b + tail;
  reduced.rest = b - reduced.y + tail;
}

const PI_BITS = 1300n;
let piDigits: bigint | undefined;

/** ⌊π·2¹³⁰⁰⌋ up to a few units, by Machin's formula; made once, when a huge angle first needs it. */
function piScaled(): bigint {
  if (piDigits === undefined) {
    const inverseTangent = (n: bigint): bigint => {
      let power = (1n << (PI_BITS + 32n)) / n;
      let sum = 0n;
      for (let k = 1n; power !== 0n; k += 2n) {
        sum += k % 4n === 1n ? power / k : -(power / k);
        power /= n * n;
      }
      return sum;
    };
    piDigits = (16n * inverseTangent(5n) - 4n * inverseTangent(239n)) >> 32n;
  }
  return piDigits;
}

/** Argument reduction for |x| > 10⁶ in whole numbers: x mod 2π to 200 bits (Payne & Hanek's purpose, without tables). */
function reduceLarge(x: number): void {
  const exponent = exponentOf(x) - 52;
  const mantissa = BigInt(scaleByPowerOfTwo(x, -exponent));
  const pi = piScaled();
  // In units of 2⁻¹³⁰⁰ (exponent ≥ −33): the remainder is exact but for π's last bits times 2¹⁰²⁴.
  const angle = exponent >= 0 ? mantissa << (PI_BITS + BigInt(exponent)) : mantissa << (PI_BITS - BigInt(-exponent));
  const twoN = (2n * angle + pi / 2n) / pi;
  const n = angle >= 0n ? twoN : -((-2n * angle + pi / 2n) / pi);
  const rest = angle - (n * pi) / 2n;
  const y = Number(rest >> (PI_BITS - 250n));
  reduced.quadrant = Number(((n % 4n) + 4n) % 4n);
  reduced.y = scaleByPowerOfTwo(y, -250);
  reduced.rest = scaleByPowerOfTwo(Number((rest >> (PI_BITS - 250n)) - BigInt(y)), -250);
}

/** Sine of x radians; NaN at infinities; error below 1 unit in the last place. */
export function sin(x: number): number {
  if (!(Math.abs(x) < Number.POSITIVE_INFINITY)) return Number.NaN;
  if (x === 0) return x;
  reduce(x);
  const { quadrant, y, rest } = reduced;
  if (quadrant === 0) return sinKernel(y, rest);
  if (quadrant === 1) return cosKernel(y, rest);
  return quadrant === 2 ? -sinKernel(y, rest) : -cosKernel(y, rest);
}

/** Cosine of x radians; NaN at infinities; error below 1 unit in the last place. */
export function cos(x: number): number {
  if (!(Math.abs(x) < Number.POSITIVE_INFINITY)) return Number.NaN;
  reduce(x);
  const { quadrant, y, rest } = reduced;
  if (quadrant === 0) return cosKernel(y, rest);
  if (quadrant === 1) return -sinKernel(y, rest);
  return quadrant === 2 ? -cosKernel(y, rest) : sinKernel(y, rest);
}
