/** Directions and coefficients of a link that is linear in given features: Levenberg–Marquardt with the link solved out. */
import { FeatureRows, type LinkFeatures, type LinkSums } from "../kernel/featureRows.js";
import { retractPolar } from "../math/grassmann.js";
import { chooseRidge, type RidgeSource } from "../solve/linkSolve.js";
import { type LinkProblem, sampled } from "./refinedLink.js";
import { addDiagonal, hasTangent, type LinkScore, scoreLink } from "./tangentScore.js";

/** A fit over given features, in the frame it was found in. */
export interface FeatureFit {
  /** W, k×r, orthonormal. */
  readonly basis: Float64Array;
  /** c. */
  readonly coefficients: Float64Array;
  readonly sums: LinkSums;
  readonly score: LinkScore;
  readonly weightSum: number;
  readonly evaluations: number;
}

/** Relative ridge of the first solve, before GCV has seen the features. */
const FIRST_RIDGE = 1e-6;
const MOST_STEPS = 12;
/** Features and directions up to which the directions are refined. */
const WIDEST = 600;
/** A step that lowers the objective by less than this part of it is the last. */
const LEAST_GAIN = 1e-4;
const DAMPING = { first: 1e-2, factor: 6, most: 1e6 };
/** ‖WᵀΔ + ΔᵀW‖² costs this many times a typical motion: W stays orthonormal, so scale is no freedom. */
const GAUGE = 10;

/** The objective solved at a basis. */
interface Point {
  readonly basis: Float64Array;
  readonly coefficients: Float64Array;
  /** min_c Σwρ² + μ·cᵀDc. */
  readonly loss: number;
}

/**
 * Minimises J(W) = min_c Σwᵢ(yᵢ − c·φ(Wᵀxᵢ))² + nμ·cᵀDc over orthonormal W by Gauss–Newton on directions and
 * coefficients together (Kaufman's variable projection), damped, with polar retraction; μ by GCV at the start and at the
 * end. Refined directions are kept only when their leave-one-out errors are no larger than those of the given ones.
 *
 * @param weights - D of unit size for features of mean square 1, or a function of the features' mean squares
 * @returns undefined when the features are singular or the deadline leaves no time
 * Source: [MI §7.5]. Cost: at most 12 steps of n(p + kr)² flops.
 */
export async function fitFeatures(
  problem: LinkProblem,
  features: LinkFeatures,
  weights: (meanSquares: Float64Array) => Float64Array,
): Promise<FeatureFit | undefined> {
  const { n, k, w0, control } = problem;
  const r = w0.length / k;
  if (control.expired) return undefined;
  const rows = await FeatureRows.create(
    problem,
    r,
    features,
    hasTangent(n, features.count, r, k),
    problem.kernel,
    control,
  );
  try {
    const search = new FeatureSearch(rows, weights);
    const start = await search.begin(w0);
    if (start === undefined) return undefined;
    const fixed = await search.finish(w0);
    const moved = await refinedBasis(problem, features, weights);
    const refined = moved === undefined ? undefined : await search.finish(moved.basis);
    const better = fixed && refined && fixed.score.score < refined.score.score ? fixed : (refined ?? fixed);
    return better && { ...better, evaluations: better.evaluations + (moved?.evaluations ?? 0) };
  } finally {
    rows.dispose();
  }
}

/** Directions from a descent on some of the rows; undefined when there is none, or it leads nowhere. */
async function refinedBasis(
  problem: LinkProblem,
  features: LinkFeatures,
  weights: (meanSquares: Float64Array) => Float64Array,
): Promise<{ basis: Float64Array; evaluations: number } | undefined> {
  const { k, w0, control } = problem;
  const r = w0.length / k;
  if (r === 0 || k < 2 || features.count + k * r > WIDEST || control.expired) return undefined;
  const sample = sampled(problem, "directions");
  const rows = await FeatureRows.create(sample, r, features, true, problem.kernel, control);
  try {
    const search = new FeatureSearch(rows, weights);
    const start = await search.begin(w0);
    if (start === undefined) return undefined;
    const end = await search.descend(start, () => control.expired);
    return end === start ? undefined : { basis: end.basis, evaluations: search.evaluations };
  } finally {
    rows.dispose();
  }
}

class FeatureSearch {
  readonly #rows: FeatureRows;
  readonly #weightsOf: (meanSquares: Float64Array) => Float64Array;
  readonly #energy: number;
  /** D; set from the features at the start and kept, so that the objective is one function. */
  #weights = new Float64Array(0);
  #mu = FIRST_RIDGE;
  evaluations = 0;

  constructor(rows: FeatureRows, weightsOf: (meanSquares: Float64Array) => Float64Array) {
    this.#rows = rows;
    this.#weightsOf = weightsOf;
    const { n, y, weights } = rows.data;
    let energy = 0;
    for (let i = 0; i < n; i++) energy += (weights === undefined ? 1 : weights[i]) * y[i] * y[i];
    this.#energy = energy;
  }

  /** The link at the given directions, with a ridge chosen there. */
  async begin(basis: Float64Array): Promise<Point | undefined> {
    const rows = this.#rows;
    rows.setDirections(basis);
    const { gram } = await rows.normalEquations();
    const p = rows.features.count;
    const squares = Float64Array.from({ length: p }, (_, j) => gram[(j * (j + 1)) / 2 + j] / rows.weightSum);
    this.#weights = Float64Array.from(this.#weightsOf(squares));
    return this.#choose(basis);
  }

  /** Levenberg–Marquardt steps from a point; the point itself when none goes down. */
  async descend(start: Point, expired: () => boolean): Promise<Point> {
    const rows = this.#rows;
    const { k } = rows.data;
    const r = rows.rank;
    const p = rows.features.count;
    const q = rows.tangentCount;
    let point = start;
    let damping = DAMPING.first;
    for (let step = 0; step < MOST_STEPS && !expired(); step++) {
      const { gram, moment } = await rows.tangentEquations();
      // Along the coefficients the gradient vanishes: they are solved out.
      moment.fill(0, 0, p);
      const size = meanDiagonal(gram, p, q);
      if (!(size > 0)) break;
      const regular = gram.slice();
      addDiagonal(regular, this.#penalty(), p, q);
      addGauge(regular, point.basis, k, r, p, GAUGE * size);
      let next: Point | undefined;
      for (; damping <= DAMPING.most && !expired(); damping *= DAMPING.factor) {
        const damped = regular.slice();
        for (let j = p; j < q; j++) damped[(j * (j + 1)) / 2 + j] += damping * gram[(j * (j + 1)) / 2 + j];
        const delta = rows.tangentSolve(damped, moment);
        if (delta === undefined) continue;
        const move = new Float64Array(k * r);
        for (let a = 0; a < k; a++) for (let c = 0; c < r; c++) move[a * r + c] = delta[p + c * k + a];
        next = await this.#at(retractPolar(point.basis, move, 1, k, r));
        if (next !== undefined && next.loss < point.loss) break;
        next = undefined;
      }
      if (next === undefined) break;
      const gain = point.loss - next.loss;
      point = next;
      damping /= DAMPING.factor;
      if (gain < LEAST_GAIN * point.loss) break;
    }
    return point;
  }

  /** The fit at given directions: ridge chosen once more, residuals, leave-one-out errors. */
  async finish(basis: Float64Array): Promise<FeatureFit | undefined> {
    const rows = this.#rows;
    const point = await this.#choose(basis);
    if (point === undefined) return undefined;
    const sums = await rows.linkSums();
    const { k } = rows.data;
    const p = rows.features.count;
    const score = await scoreLink(rows, this.#penalty(), sums, (s) => {
      addGauge(s, basis, k, rows.rank, p, GAUGE * meanDiagonal(s, p, rows.tangentCount));
    });
    if (score === undefined) return undefined;
    return {
      basis,
      coefficients: point.coefficients,
      sums,
      score,
      weightSum: rows.weightSum,
      evaluations: this.evaluations,
    };
  }

  /** Solves at the directions that are set, chooses the ridge by GCV, and solves again. */
  async #choose(basis: Float64Array): Promise<Point | undefined> {
    const rows = this.#rows;
    const first = await this.#at(basis);
    if (first === undefined) return undefined;
    const { gram, moment } = await rows.normalEquations();
    const { sumSquares } = await rows.linkSums();
    const { k } = rows.data;
    const r = rows.rank;
    const source: RidgeSource = {
      weightSum: rows.weightSum,
      normalEquations: () => ({ gram, moment }),
      tridiagonalize: (a, b) => rows.tridiagonalize(a, b),
    };
    const mean = sumSquares / rows.weightSum;
    const freedom = r * k - (r * (r + 1)) / 2;
    this.#mu = chooseRidge(source, this.#weights, 1, this.#mu, mean, freedom).mu;
    return this.#solved(basis, moment);
  }

  async #at(basis: Float64Array): Promise<Point | undefined> {
    const rows = this.#rows;
    rows.setDirections(basis);
    const { moment } = await rows.normalEquations();
    this.evaluations++;
    return this.#solved(basis, moment);
  }

  #solved(basis: Float64Array, moment: Float64Array): Point | undefined {
    const coefficients = this.#rows.solve(this.#penalty());
    if (coefficients === undefined) return undefined;
    let fit = 0;
    for (let j = 0; j < moment.length; j++) fit += coefficients[j] * moment[j];
    return { basis, coefficients, loss: this.#energy - fit };
  }

  #penalty(): Float64Array {
    return this.#weights.map((d) => d * this.#mu * this.#rows.weightSum);
  }
}

function meanDiagonal(s: Float64Array, p: number, q: number): number {
  let sum = 0;
  for (let j = p; j < q; j++) sum += s[(j * (j + 1)) / 2 + j];
  return sum / Math.max(1, q - p);
}

/** Adds κ·Σ_{a≤b}((WᵀΔ + ΔᵀW)_ab)² to a packed matrix whose entries p + b·k + i belong to Δ(i, b). */
function addGauge(s: Float64Array, w: Float64Array, k: number, r: number, p: number, kappa: number): void {
  const factors = new Float64Array(r * k);
  for (let a = 0; a < r; a++) {
    for (let b = a; b < r; b++) {
      factors.fill(0);
      for (let i = 0; i < k; i++) {
        factors[b * k + i] += w[i * r + a];
        factors[a * k + i] += w[i * r + b];
      }
      for (let j = 0; j < r * k; j++) {
        if (factors[j] === 0) continue;
        const column = ((p + j) * (p + j + 1)) / 2 + p;
        for (let i = 0; i <= j; i++) s[column + i] += kappa * factors[i] * factors[j];
      }
    }
  }
}
