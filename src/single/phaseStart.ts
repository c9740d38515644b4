/** Before a complex flow begins: scale and norm of the operator, spectral start. */
import type { RunControl } from "../base/control.js";
import type { Rng } from "../base/rng.js";
import { type LargeOperator, type LargestPair, largestEigenpair } from "../math/lanczos.js";
import type { Channel } from "./channel.js";
import { type CheckedOperator, type ComplexVector, complexZeros, squaredNorm } from "./operators.js";
import type { Preprocess } from "./preprocess.js";
import { type SpectralReport, spectralReport, spectralWarnings } from "./spectral.js";
import { predictSpectral } from "./spectralTransition.js";
import type { SingleIndexWarning } from "./warnings.js";

const SCALE_PROBES = 4;
const NORM_TOLERANCE = 0.02;
const NORM_PRODUCTS = 24;
const START_TOLERANCE = 1e-4;
const START_PRODUCTS = 200;

function randomVector(n: number, rng: Rng): ComplexVector {
  const v = complexZeros(n);
  for (let k = 0; k < n; k++) {
    v.re[k] = rng.normal();
    v.im[k] = rng.normal();
  }
  return v;
}

export const toComplex = (v: Float64Array): ComplexVector => ({
  re: v.slice(0, v.length / 2),
  im: v.slice(v.length / 2),
});

function toFlat({ re, im }: ComplexVector): Float64Array {
  const out = new Float64Array(2 * re.length);
  out.set(re);
  out.set(im, re.length);
  return out;
}

/**
 * a > 0 with a² the mean eigenvalue of (1/n)AᴴA, from ‖Av‖² of a few random v: 1 for the operators of this package.
 */
export async function operatorScale(operator: CheckedOperator, rng: Rng, control: RunControl): Promise<number> {
  let sum = 0;
  for (let k = 0; k < SCALE_PROBES; k++) {
    const v = randomVector(operator.dim, rng);
    sum += squaredNorm(await operator.forward(v)) / (operator.measurements * squaredNorm(v));
    await control.breathe();
  }
  return sum > 0 ? Math.sqrt(sum / SCALE_PROBES) : 1;
}

/** v → (1/n)Aᴴ(w∘Av) on split vectors. */
function sandwich(operator: CheckedOperator, w: Float64Array | undefined, control: RunControl): LargeOperator {
  return async (v) => {
    const fields = await operator.forward(toComplex(v));
    const weighed = complexZeros(operator.measurements);
    for (let i = 0; i < operator.measurements; i++) {
      const factor = (w === undefined ? 1 : w[i]) / operator.measurements;
      weighed.re[i] = factor * fields.re[i];
      weighed.im[i] = factor * fields.im[i];
    }
    await control.breathe();
    return toFlat(await operator.adjoint(weighed));
  };
}

/** Largest eigenvalue of (1/n)AᴴA over its mean, to two per cent from above. Cost: about 10 pairs of products. */
export async function operatorNorm(
  operator: CheckedOperator,
  scale: number,
  rng: Rng,
  control: RunControl,
): Promise<number> {
  const start = toFlat(randomVector(operator.dim, rng));
  const options = { tolerance: NORM_TOLERANCE, maxProducts: NORM_PRODUCTS, complex: true };
  const { value, residual } = await largestEigenpair(
    sandwich(operator, undefined, control),
    start.length,
    start,
    options,
  );
  return (value + residual) / (scale * scale);
}

/** Top eigenpair of (1/n) Aᴴ diag(T(y/unit)) A for the operator scaled by 1/a; vectors are [real | imaginary]. */
export function phaseDirection(
  operator: CheckedOperator,
  y: Float64Array,
  unit: number,
  T: Preprocess,
  scale: number,
  rng: Rng,
  control: RunControl,
): Promise<LargestPair> {
  const weights = Float64Array.from(y, (v) => T.value(v / unit) / (scale * scale));
  const begin = toFlat(randomVector(operator.dim, rng.split("start")));
  const options = {
    tolerance: START_TOLERANCE,
    maxProducts: START_PRODUCTS,
    complex: true,
    isOver: () => control.expired,
  };
  return largestEigenpair(sandwich(operator, weights, control), begin.length, begin, options);
}

/**
 * √(mean y)/a times the top eigenvector of (1/n) Aᴴ diag(T(y/mean y)) A.
 * Source: [SI §b, §g]. Cost: 20–60 pairs of products.
 */
export async function phaseStart(
  operator: CheckedOperator,
  y: Float64Array,
  meanIntensity: number,
  T: Preprocess,
  channel: Channel,
  scale: number,
  rng: Rng,
  control: RunControl,
): Promise<{ start: ComplexVector; report: SpectralReport; warnings: SingleIndexWarning[] }> {
  const { dim, measurements } = operator;
  const ratio = measurements / dim;
  const found = await phaseDirection(operator, y, meanIntensity, T, scale, rng, control);
  const predicted = predictSpectral(channel, T, ratio, true);
  const report = spectralReport(found, predicted, T, ratio);
  const size = Math.sqrt(meanIntensity) / scale;
  const start = toComplex(found.vector.map((value) => value * size));
  return { start, report, warnings: spectralWarnings(report, predicted, found.converged) };
}
