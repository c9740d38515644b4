/** How conditioning worsens with degree and number of variables: averaging operator and Hermite features. */
import { checkInteger, checkNumber, checkOptions, describe } from "../base/assert.js";
import { OptionError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import { type Interval, median, quantile } from "../base/statistics.js";
import { multiply, svd, symmetricEigen, toMatrix } from "../math/dense.js";
import { randomBasis } from "../math/grassmann.js";
import { basisValues } from "../math/hermite.js";
import { checkFeatureCount } from "../math/multiIndex.js";
import { power } from "../model/expression.js";
import { averagingOperator } from "./averaging.js";
import { STUDY_OPTIONS, type StudyOptions, startStudy } from "./studyTools.js";

/** What to run. */
export interface StabilityStudyOptions extends StudyOptions {
  /** Numbers of variables r, default 1, 2, 3. */
  readonly ranks?: readonly number[];
  /** Degrees, default 2, 4, 6, 8. */
  readonly degrees?: readonly number[];
  /** Random overlaps and samples per row, default 9. */
  readonly trials?: number;
  /** Smallest principal cosine of the overlaps, default 0.5; the others are drawn between it and 1. */
  readonly smallest?: number;
  /** Samples per Hermite feature in the Gram matrix, default 20. */
  readonly samplesPerFeature?: number;
}

/** A median over trials and where 95 % of them lie. */
export interface Spread {
  readonly median: number;
  readonly interval: Interval;
}

/** One number of variables and one degree. */
export interface StabilityRow {
  readonly rank: number;
  readonly degree: number;
  /** N(r, degree). */
  readonly featureCount: number;
  /** Largest over smallest singular value of A_M; theory: `smallest`^(−degree). */
  readonly operatorCondition: Spread;
  readonly predictedOperatorCondition: number;
  /** ‖A_M A_N − A_{MN}‖_F / ‖A_{MN}‖_F in units of the machine epsilon: what rounding does to the group law. */
  readonly operatorError: Spread;
  /** Largest over smallest eigenvalue of ΦᵀΦ/n for n Gaussian samples; 1 for n → ∞. */
  readonly gramCondition: Spread;
  readonly samples: number;
}

/** Conditioning by number of variables and degree. */
export interface StabilityStudy {
  readonly rows: readonly StabilityRow[];
  readonly trials: number;
  readonly smallest: number;
  readonly seed: number;
}

/** Features beyond which the decompositions of this study take too long. */
const MAX_FEATURES = 400;

/**
 * Measures how the averaging operator and the Hermite features lose conditioning as degree and number of variables grow.
 *
 * A_M multiplies the degree-k part by products of k cosines, so its condition number is the smallest cosine to the power
 * −degree. The Gram matrix of Hermite features is the identity in the mean; from n samples it is not, and heavy tails of h_k make
 * that worse with the degree.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`, `TOO_LARGE` above 400 features; an abort rejects with the signal's own reason
 * Source: [MI §1.1, §2, §7.4]. Cost: O(trials·(N³ + n·N²)) per row.
 */
export async function stabilityStudy(options: StabilityStudyOptions = {}): Promise<StabilityStudy> {
  const own = ["ranks", "degrees", "trials", "smallest", "samplesPerFeature"];
  const given = checkOptions(options, [...own, ...STUDY_OPTIONS], "stabilityStudy");
  const ranks = checkList(given.ranks ?? [1, 2, 3], "ranks");
  const degrees = checkList(given.degrees ?? [2, 4, 6, 8], "degrees");
  const trials = given.trials === undefined ? 9 : checkInteger(given.trials, "trials", { min: 1 });
  const smallest = given.smallest === undefined ? 0.5 : checkNumber(given.smallest, "smallest", { above: 0, max: 1 });
  const each =
    given.samplesPerFeature === undefined
      ? 20
      : checkInteger(given.samplesPerFeature, "samplesPerFeature", { min: 2, max: 10_000 });
  for (const rank of ranks) for (const degree of degrees) checkFeatureCount(rank, degree, MAX_FEATURES);
  const { seed, control, report } = startStudy(given);
  const rows: StabilityRow[] = [];
  for (const rank of ranks) {
    for (const degree of degrees) {
      const count = checkFeatureCount(rank, degree, MAX_FEATURES);
      const samples = each * count;
      const found = { condition: [] as number[], error: [] as number[], gram: [] as number[] };
      for (let trial = 0; trial < trials; trial++) {
        await control.breathe();
        const rng = createRng(seed, "stability", rank, degree, trial);
        const m = overlap(rank, smallest, rng);
        const other = overlap(rank, smallest, rng);
        found.condition.push(conditionOf(operator(m, rank, degree), count));
        found.error.push(lawError(m, other, rank, degree, count));
        await control.breathe();
        found.gram.push(gramCondition(rank, degree, count, samples, rng));
      }
      rows.push({
        rank,
        degree,
        featureCount: count,
        operatorCondition: spread(found.condition),
        predictedOperatorCondition: power(smallest, -degree),
        operatorError: spread(found.error),
        gramCondition: spread(found.gram),
        samples,
      });
      report(`rank ${rank}, degree ${degree}`, rows.length, ranks.length * degrees.length);
    }
  }
  return { rows, trials, smallest, seed };
}

/** r×r with singular values between `smallest`, which is one of them, and 1. */
function overlap(rank: number, smallest: number, rng: ReturnType<typeof createRng>): Float64Array {
  const u = randomBasis(rank, rank, rng);
  const v = randomBasis(rank, rank, rng);
  for (let k = 0; k < rank; k++) {
    const value = k === 0 ? smallest : smallest + (1 - smallest) * rng.uniform();
    for (let i = 0; i < rank; i++) u[i * rank + k] *= value;
  }
  return multiply(u, v, rank, rank, rank);
}

const operator = (m: Float64Array, rank: number, degree: number): Float64Array =>
  Float64Array.from(averagingOperator(toMatrix(m, rank, rank), degree).to1DArray());

function conditionOf(a: Float64Array, n: number): number {
  const { values } = svd(a, n, n);
  return values[0] / values[n - 1];
}

function lawError(m: Float64Array, other: Float64Array, rank: number, degree: number, n: number): number {
  const left = multiply(operator(m, rank, degree), operator(other, rank, degree), n, n, n);
  const right = operator(multiply(m, other, rank, rank, rank), rank, degree);
  let error = 0;
  let size = 0;
  for (let i = 0; i < left.length; i++) {
    error += (left[i] - right[i]) * (left[i] - right[i]);
    size += right[i] * right[i];
  }
  return Math.sqrt(error / size) / Number.EPSILON;
}

function gramCondition(
  rank: number,
  degree: number,
  n: number,
  samples: number,
  rng: ReturnType<typeof createRng>,
): number {
  const gram = new Float64Array(n * n);
  const z = new Float64Array(rank);
  for (let i = 0; i < samples; i++) {
    for (let k = 0; k < rank; k++) z[k] = rng.normal();
    const phi = basisValues(z, rank, degree);
    for (let a = 0; a < n; a++) for (let b = 0; b <= a; b++) gram[a * n + b] += phi[a] * phi[b];
  }
  for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) gram[b * n + a] = gram[a * n + b];
  const { values } = symmetricEigen(gram, n);
  return values[n - 1] / Math.max(values[0], Number.MIN_VALUE);
}

const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  interval: [quantile(values, 0.025), quantile(values, 0.975)],
});

function checkList(list: unknown, name: string): readonly number[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new OptionError("TYPE", `${name} is ${describe(list)}; expected an array of whole numbers such as [1, 2].`, {
      details: { option: name },
    });
  }
  return list.map((value, i) => checkInteger(value, `${name}[${i}]`, { min: 1 }));
}
