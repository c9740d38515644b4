/** Measures a picture through coded diffraction, forgets it, and recovers it from the intensities, all colors at once. */
import {
  type CodedDiffraction,
  type ComplexVector,
  codedDiffraction,
  Link,
  phaseDistance,
  retrievePhase,
  sampleMultiIndex,
} from "leapflow";
import type { Job } from "./jobs.js";

const TELL_EVERY_MS = 70;
const TOLERANCE = 5e-6;

export const phase: Job<"phase"> = async (input, { signal, tell }) => {
  const { rows, columns, bands, masks, noise, method, seed } = input;
  const started = performance.now();
  const operator = codedDiffraction({ rows, columns, masks, seed });
  const truths = bands.map((re): ComplexVector => ({ re, im: new Float64Array(re.length) }));
  const measured = truths.map((truth, b) => measure(operator, truth, noise, seed + b));
  tell({ kind: "measured", pattern: patternOf(measured[Math.min(1, bands.length - 1)].y, rows, columns) });

  // What every band has come to, and how far that is from the picture.
  const now: { iteration: number; signal: () => ComplexVector }[] = truths.map(() => ({
    iteration: -1,
    signal: () => truths[0],
  }));
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = -1;
  const show = (): void => {
    // What all colors have reached: one point of the error curve an iteration.
    const iteration = Math.min(...now.map((band) => band.iteration));
    if (performance.now() - toldAt < TELL_EVERY_MS || iteration <= told) return;
    toldAt = performance.now();
    told = iteration;
    const signals = now.map((band) => band.signal());
    tell({
      kind: "step",
      iteration,
      error: errorOf(signals, truths),
      bands: signals.map(inPhase),
    });
  };
  // The retrievals give each other turns, so that no color lags behind.
  const found = await Promise.all(
    measured.map(({ y, noiseStd }, b) =>
      retrievePhase(operator, y, {
        method,
        noiseStd,
        seed,
        signal,
        tolerance: TOLERANCE,
        onProgress: ({ iteration, signal: current }) => {
          now[b] = { iteration, signal: current };
          show();
        },
      }),
    ),
  );
  const signals = found.map((result) => result.signal);
  return {
    bands: signals.map(inPhase),
    iterations: Math.max(...found.map(({ iterations }) => iterations)),
    relativeError: errorOf(signals, truths),
    stop: found.find(({ stop }) => !stop.converged)?.stop.reason ?? "converged",
    measurements: operator.measurements * bands.length,
    elapsedMs: performance.now() - started,
  };
};

/** Intensities |Ax|² with Gaussian noise, clipped at 0. */
function measure(operator: CodedDiffraction, x: ComplexVector, noise: number, seed: number) {
  const { re, im } = operator.forward(x);
  const y = re.map((a, i) => a * a + im[i] * im[i]);
  const noiseStd = (noise * y.reduce((a, b) => a + b, 0)) / y.length;
  if (noiseStd === 0) return { y, noiseStd };
  // Inputs of a drawn sample are normal numbers, the same on every machine.
  const { X } = sampleMultiIndex(Link.parse("z1"), { dim: 1, samples: y.length, seed });
  return { y: y.map((v, i) => Math.max(v + noiseStd * X.data[i], 0)), noiseStd };
}

/** Relative error of all colors together, up to a global phase of each. */
function errorOf(signals: readonly ComplexVector[], truths: readonly ComplexVector[]): number {
  let [gap, total] = [0, 0];
  truths.forEach((truth, b) => {
    const square = truth.re.reduce((sum, v) => sum + v * v, 0);
    gap += square * phaseDistance(signals[b], truth) ** 2;
    total += square;
  });
  return total > 0 ? Math.sqrt(gap / total) : 0;
}

/** The real part in the global phase that makes the sum of all pixels positive, as that of a picture is. */
function inPhase({ re, im }: ComplexVector): Float64Array {
  const a = re.reduce((x, y) => x + y, 0);
  const b = im.reduce((x, y) => x + y, 0);
  const size = Math.hypot(a, b) || 1;
  return re.map((v, k) => (v * a + im[k] * b) / size);
}

/** The first mask's intensities, brightness by their logarithm, the zero frequency in the middle. */
function patternOf(y: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  let largest = 0;
  for (let k = 0; k < out.length; k++) largest = Math.max(largest, y[k]);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const from = ((i + (rows >> 1)) % rows) * columns + ((j + (columns >> 1)) % columns);
      out[i * columns + j] = Math.max(0, 1 + Math.log10(y[from] / largest + 1e-9) / 4);
    }
  }
  return out;
}
