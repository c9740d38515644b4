/** Gaussian-process links: directions, length scales and noise by the variational bound, then the link on all rows. */
import { exp, log } from "../base/elementary.js";
import { createRng, type Rng } from "../base/rng.js";
import { FeatureRows } from "../kernel/featureRows.js";
import { LandmarkFeatures } from "../kernel/landmarkFeatures.js";
import { LandmarkProcess } from "../kernel/landmarkProcess.js";
import { RADIAL_KINDS } from "../kernel/ops.js";
import { multiply, multiplyTransposed, qr, symmetricEigen } from "../math/dense.js";
import { type CurvaturePair, type Evaluated, type MinimizeOptions, minimize } from "../math/lbfgs.js";
import { KernelLink, type KernelName } from "../model/kernelLink.js";
import { spreadRows } from "./landmarks.js";
import {
  gather,
  type LinkProblem,
  meanOf,
  principalTurn,
  type RefinedLink,
  sampled,
  scored,
  turned,
} from "./refinedLink.js";
import { hasTangent, scoreLink } from "./tangentScore.js";

/** Up to this many rows every row is a landmark of the final link, which makes the process exact (rank 2 and more). */
const EXACT_ROWS = 300;
/** σ² never falls below this part of the variance of y. */
const NOISE_FLOOR = 1e-8;
/** Length scale of the start: directions of unit length times this. */
const START_SCALE = 0.5;
/** Directions in which the link hardly changes start with this share of the steepest one's slope. */
const LEAST_SLOPE = 0.05;
/** s² and l², σ² of the start. */
const START = { bump: 1, slope: 0.1, noise: 0.1 };
const FIRST_STEP = 0.3;
const LONGEST_STEP = 1;

/** Landmarks and iterations of one stage; the few landmarks of a first stage smooth the objective and cost little. */
interface Stage {
  readonly landmarks: number;
  readonly iterations: number;
  /** Logarithms of likelihood that five iterations must gain. */
  readonly gain: number;
}

/** Landmarks of the final link at rank r. */
export const landmarkCount = (rank: number): number => (rank === 1 ? 30 : Math.min(200, 40 * rank));

function stagesOf(rank: number): Stage[] {
  const full = landmarkCount(rank);
  return rank === 1
    ? [{ landmarks: full, iterations: 60, gain: 0.02 }]
    : [
        { landmarks: Math.ceil(full / 3), iterations: 60, gain: 0.5 },
        { landmarks: full, iterations: 20, gain: 0.5 },
      ];
}

/** Directions B (k×r) and variances of a process; the logarithm of σ² is of what it has above its floor. */
interface Settings {
  readonly directions: Float64Array;
  readonly bump: number;
  readonly slope: number;
  readonly noise: number;
}

/**
 * Fits y = f(Bᵀx) + noise with f a Gaussian process of covariance s²k(|z − z'|) + l²z·z' + 10, k = "gauss" or
 * "matern52", through m landmarks (rows drawn by k-means++, which move with B). B is k×r and free, so that it carries
 * length scale, rotation and relevance of the directions.
 *
 * B, s, l, σ minimise the collapsed variational bound (`LandmarkProcess`), by L-BFGS: a common scale of
 * B₀ = ½WV(λ_j/λ₁ ∨ .05)^{1/2} first, H = VΛVᵀ the given slopes, then everything, on at most 3000 rows. The final
 * link is the posterior mean on all rows, β = (ΦᵀWΦ + σ²I)⁻¹ΦᵀWy in the features Φ = [L⁻¹k_u, l·z, √10]; its
 * leave-one-out errors count the kr entries of B as parameters (`scoreLink`).
 *
 * @returns undefined when there is nothing to fit, the deadline leaves no time, or the arithmetic breaks down
 * @throws the abort reason of `control`; {MemoryError}
 * Source: Titsias (2009); `math/learner` §6, §4. Cost: about 50 evaluations of 4nm² flops, n ≤ 3000, then 4nm² on all.
 */
export async function fitKernelLink(
  problem: LinkProblem,
  kernel: KernelName,
): Promise<RefinedLink<KernelLink> | undefined> {
  return (await fitBestKernelLink(problem, [kernel]))?.link;
}

/** A kernel with the link that it gave. */
export interface BestKernelLink {
  readonly kernel: KernelName;
  readonly link: RefinedLink<KernelLink>;
}

/**
 * The same for the best of several kernels. In several dimensions that is the one whose bound is best after the first
 * stage, few landmarks telling kernels apart as well as many do; on a line all are taken to their end, which costs little,
 * and leave-one-out errors decide.
 */
export async function fitBestKernelLink(
  problem: LinkProblem,
  kernels: readonly KernelName[],
): Promise<BestKernelLink | undefined> {
  const { control, k, seed } = problem;
  const rank = problem.w0.length / k;
  const sample = sampled(problem, "kernel link");
  if (rank === 0 || sample.n < 2 || control.expired) return undefined;
  if (rank === 1 && kernels.length > 1) {
    let found: BestKernelLink | undefined;
    for (const kernel of kernels) {
      const next = await fitBestKernelLink(problem, [kernel]);
      if (next && !(found && found.link.score <= next.link.score)) found = next;
    }
    return found;
  }
  const [first, ...others] = stagesOf(rank);
  let best: { kernel: KernelName; end: StageEnd } | undefined;
  let evaluations = 0;
  for (const kernel of kernels) {
    if (best && control.expired) break;
    const rng = createRng(seed, "kernel link");
    const end = await refine(sample, kernel, startOf(problem, rank), first, true, [], rng);
    evaluations += end?.evaluations ?? 0;
    if (end && !(best && best.end.value <= end.value)) best = { kernel, end };
  }
  if (best === undefined) return undefined;
  const { kernel } = best;
  let { end } = best;
  for (const stage of others) {
    if (control.expired) break;
    const rng = createRng(seed, "kernel link", stage.landmarks);
    const next = await refine(sample, kernel, end.settings, stage, false, end.curvature, rng);
    if (next === undefined) break;
    end = next;
    evaluations += end.evaluations;
  }
  const link = await finish(problem, kernel, end.settings, end.landmarks, evaluations);
  return link && { kernel, link };
}

function startOf({ w0, k, slopes }: LinkProblem, r: number): Settings {
  const { values, vectors } = symmetricEigen(slopes, r);
  const steepest = Math.max(values[r - 1], Number.MIN_VALUE);
  const scaled = vectors.map((v, at) => {
    const share = Math.max(values[at % r] / steepest, LEAST_SLOPE);
    return START_SCALE * v * Math.sqrt(share);
  });
  return {
    directions: multiply(w0, scaled, k, r, r),
    bump: log(START.bump),
    slope: log(START.slope),
    noise: log(START.noise),
  };
}

interface StageEnd {
  readonly settings: Settings;
  /** Minus the bound. */
  readonly value: number;
  /** u, m×r, in the coordinates Bᵀx. */
  readonly landmarks: Float64Array;
  readonly evaluations: number;
  readonly curvature: readonly CurvaturePair[];
}

/** One stage of the descent on the bound; undefined when even its start cannot be evaluated. */
async function refine(
  problem: LinkProblem,
  kernel: KernelName,
  start: Settings,
  stage: Stage,
  scaleFirst: boolean,
  known: readonly CurvaturePair[],
  rng: Rng,
): Promise<StageEnd | undefined> {
  const { x, n, k, y, weights, control } = problem;
  const rank = problem.w0.length / k;
  const z = multiply(x, start.directions, n, k, rank);
  const chosen = spreadRows(z, n, rank, Math.min(stage.landmarks, n), rng.split("landmarks", stage.landmarks));
  const process = await LandmarkProcess.create(
    {
      x,
      n,
      k,
      y,
      weights,
      rank,
      kind: RADIAL_KINDS[kernel],
      landmarks: chosen,
    },
    problem.kernel,
    control,
  );
  const options: MinimizeOptions = {
    maxIterations: stage.iterations,
    window: 5,
    gain: stage.gain,
    maxStep: LONGEST_STEP,
    firstStep: FIRST_STEP,
    expired: () => control.expired,
  };
  let evaluations = 0;
  try {
    let settings = start;
    let value = Number.POSITIVE_INFINITY;
    if (scaleFirst) {
      const along = start.directions;
      const scaledBy = (t: Float64Array): Settings =>
        unpack(
          t.subarray(1),
          along.map((b) => b * exp(t[0])),
        );
      const common = await minimize(
        async (t) => {
          const at = scaledBy(t);
          const found = await evaluate(process, at);
          if (found === undefined) return undefined;
          let scale = 0;
          for (let i = 0; i < along.length; i++) scale += found.gradient[3 + i] * at.directions[i];
          return { value: found.value, gradient: Float64Array.of(scale, ...found.gradient.subarray(0, 3)) };
        },
        Float64Array.of(0, start.bump, start.slope, start.noise),
        { ...options, maxIterations: 8, window: 3, gain: 2 * stage.gain },
      );
      if (common === undefined) return undefined;
      settings = scaledBy(common.x);
      value = common.value;
      evaluations += common.evaluations;
    }
    const end = await minimize(
      (t) => evaluate(process, unpack(t, t.subarray(3))),
      Float64Array.of(settings.bump, settings.slope, settings.noise, ...settings.directions),
      { ...options, curvature: known },
    );
    if (end !== undefined) {
      settings = unpack(end.x, end.x.slice(3));
      value = end.value;
      evaluations += end.evaluations;
    } else if (!scaleFirst) return undefined;
    const points = gather(x, k, chosen);
    return {
      settings,
      value,
      landmarks: multiply(points, settings.directions, chosen.length, k, rank),
      evaluations,
      curvature: end?.curvature ?? [],
    };
  } finally {
    process.dispose();
  }
}

function unpack(t: Float64Array, directions: Float64Array): Settings {
  return { directions, bump: t[0], slope: t[1], noise: t[2] };
}

/** Variances stay doubles whatever a step tries. */
const varianceOf = (logarithm: number): number => exp(Math.max(-40, Math.min(40, logarithm)));
const noiseOf = (logarithm: number): number => NOISE_FLOOR + varianceOf(logarithm);

/** The bound, with the gradient in the order bump, slope, noise, directions. */
async function evaluate(process: LandmarkProcess, at: Settings): Promise<Evaluated | undefined> {
  const noise = noiseOf(at.noise);
  const { directions, bump, slope } = at;
  if (!(Math.abs(bump) < 40 && Math.abs(slope) < 40 && Math.abs(at.noise) < 40)) return undefined;
  const found = await process.at({ directions, bump, slope, noise });
  if (found === undefined) return undefined;
  const gradient = new Float64Array(3 + directions.length);
  gradient[0] = found.bump;
  gradient[1] = found.slope;
  gradient[2] = (found.noise * varianceOf(at.noise)) / noise;
  gradient.set(found.directions, 3);
  return { value: found.value, gradient };
}

/** The posterior mean on all rows and its score, in an orthonormal frame. */
async function finish(
  problem: LinkProblem,
  kernel: KernelName,
  settings: Settings,
  sparse: Float64Array,
  evaluations: number,
): Promise<RefinedLink<KernelLink> | undefined> {
  const { n, k, x, weights, control } = problem;
  const { directions } = settings;
  const r = directions.length / k;
  const noise = noiseOf(settings.noise);
  const landmarks = n <= EXACT_ROWS && r > 1 ? distinct(multiply(x, directions, n, k, r), weights, n, r) : sparse;
  const variances = [varianceOf(settings.bump), varianceOf(settings.slope)] as const;
  const features = new LandmarkFeatures(RADIAL_KINDS[kernel], r, landmarks, ...variances);
  const rows = await FeatureRows.create(
    problem,
    r,
    features,
    hasTangent(n, features.count, r, k),
    problem.kernel,
    control,
  );
  try {
    if (!features.regular) return undefined;
    rows.setDirections(directions);
    await rows.normalEquations();
    const penalty = new Float64Array(features.count).fill(noise);
    const c = rows.solve(penalty);
    if (c === undefined) return undefined;
    const sums = await rows.linkSums();
    const score = await scoreLink(rows, penalty, sums);
    if (score === undefined) return undefined;
    // B = WM with W orthonormal: distances of Bᵀx are those of Mᵀz, z = Wᵀx.
    const { q, r: upper } = qr(directions, k, r);
    const ofBump = meanOf(sums.gradientMoment, rows.weightSum);
    const moment = multiply(upper, multiply(ofBump, transposed(upper, r), r, r, r), r, r, r);
    const turn = principalTurn(moment, r);
    const metric = multiplyTransposed(turn, upper, r, r, r);
    const { weights: bumps, linear, constant } = features.weightsOf(c);
    const basis = multiply(q, turn, k, r, r);
    return {
      ...scored(score, basis, metric, k, r),
      basis,
      link: new KernelLink({
        kernel,
        rank: r,
        metric,
        landmarks,
        weights: bumps,
        linear: multiply(metric, linear, r, r, 1),
        constant,
      }),
      meanSquare: sums.sumSquares / rows.weightSum,
      residuals: sums.residuals,
      gradientMoment: turned(moment, turn, r),
      noise: Math.sqrt(noise),
      evaluations,
    };
  } finally {
    rows.dispose();
  }
}

/** The points of rows with a weight, each once. */
function distinct(z: Float64Array, weights: Float64Array | undefined, n: number, r: number): Float64Array {
  const seen = new Set<string>();
  const out: number[] = [];
  for (let i = 0; i < n; i++) {
    if (weights !== undefined && !(weights[i] > 0)) continue;
    const point = z.subarray(i * r, (i + 1) * r);
    const key = point.join();
    if (seen.has(key)) continue;
    seen.add(key);
    out.push(...point);
  }
  return Float64Array.from(out);
}

function transposed(a: Float64Array, r: number): Float64Array {
  return a.map((_, at) => a[(at % r) * r + Math.floor(at / r)]);
}
