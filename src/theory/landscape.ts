/** One Gauss–Newton step on the population loss: it lands on the target from anywhere. */
import { checkInteger, checkNumber, checkOptions } from "../base/assert.js";
import { exp, log } from "../base/elementary.js";
import { createRng } from "../base/rng.js";
import { type Interval, median, quantile } from "../base/statistics.js";
import { multiply, svd, toMatrix, transpose } from "../math/dense.js";
import { orthonormalize, randomBasis } from "../math/grassmann.js";
import { subspaceDistance } from "../model/compare.js";
import type { Link } from "../model/link.js";
import { populationLoss } from "./averaging.js";
import { checkStudyLink, STUDY_OPTIONS, type StudyOptions, startStudy } from "./studyTools.js";

/** What to run. */
export interface LandscapeStudyOptions extends StudyOptions {
  /** Dimension d of the frames, at least twice the link's number of variables. */
  readonly dim: number;
  /** Number of starts, default 100. */
  readonly trials?: number;
  /** Smallest cosine of the starts: their principal cosines are drawn from smallest…1 on a log scale, default 1/√d. */
  readonly smallest?: number;
}

/** Distances to the target before and after one step. */
export interface LandscapeStudy {
  readonly trials: number;
  readonly dim: number;
  readonly seed: number;
  /** 2-norm of the principal angles before and after the step, radians, one per start. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Loss before and after, over ‖f − E f‖²/2. */
  readonly lossBefore: Float64Array;
  readonly lossAfter: Float64Array;
  /** Smallest cosine and condition number of H = M B Mᵀ per start: what rounding in the step is amplified by. */
  readonly smallestCosine: Float64Array;
  readonly condition: Float64Array;
  /** Median of `after`, and where 95 % of the starts lie. */
  readonly medianAfter: number;
  readonly range: Interval;
}

/**
 * Takes one Gauss–Newton step W − grad L·H⁻¹, H = M B Mᵀ, on the population loss from random frames, and measures how far from the
 * target it lands. In exact arithmetic it lands on it: W − grad L·H⁻¹ = W⋆M⁻¹. The slow times of the flow belong to the flow, not to
 * the problem.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; an abort rejects with the signal's own reason
 * Source: [MI §3], one-step property. Cost: O(d·r²) and one population loss per start.
 */
export async function landscapeStudy(link: Link, options: LandscapeStudyOptions): Promise<LandscapeStudy> {
  const given = checkOptions(options, ["dim", "trials", "smallest", ...STUDY_OPTIONS], "landscapeStudy");
  checkStudyLink(link);
  const r = link.rank;
  const dim = checkInteger(given.dim, "dim", { min: 2 * r });
  const trials = given.trials === undefined ? 100 : checkInteger(given.trials, "trials", { min: 1 });
  const smallest =
    given.smallest === undefined ? 1 / Math.sqrt(dim) : checkNumber(given.smallest, "smallest", { above: 0, max: 1 });
  const { seed, control, report } = startStudy(given);
  const zero = populationLoss(link, toMatrix(new Float64Array(r * r), r, r)).loss;
  const column = (): Float64Array => new Float64Array(trials);
  const out = {
    before: column(),
    after: column(),
    lossBefore: column(),
    lossAfter: column(),
    smallestCosine: column(),
    condition: column(),
  };
  for (let trial = 0; trial < trials; trial++) {
    await control.breathe();
    const { w, target, cosines } = frames(dim, r, smallest, seed, trial);
    const m = multiply(transpose(w, dim, r), target, r, dim, r);
    const here = populationLoss(link, toMatrix(m, r, r));
    const b = here.smoothedGradient;
    const { step, condition } = gaussNewtonStep(w, target, m, Float64Array.from(b.to1DArray()), dim, r);
    const { basis } = orthonormalize(step, dim, r);
    const landed = multiply(transpose(basis, dim, r), target, r, dim, r);
    out.before[trial] = subspaceDistance(toMatrix(w, dim, r), toMatrix(target, dim, r));
    out.after[trial] = subspaceDistance(toMatrix(basis, dim, r), toMatrix(target, dim, r));
    out.lossBefore[trial] = here.loss / zero;
    out.lossAfter[trial] = populationLoss(link, toMatrix(landed, r, r)).loss / zero;
    out.smallestCosine[trial] = Math.min(...cosines);
    out.condition[trial] = condition;
    report("start", trial + 1, trials);
  }
  const range: Interval = [quantile(out.after, 0.025), quantile(out.after, 0.975)];
  return { trials, dim, seed, ...out, medianAfter: median(out.after), range };
}

/** Frames with chosen principal cosines: W = (W⋆·diag(c) + P·diag(s))·Q with P orthogonal to W⋆. */
function frames(dim: number, r: number, smallest: number, seed: number, trial: number) {
  const rng = createRng(seed, "landscape", trial);
  const both = randomBasis(dim, 2 * r, rng);
  const turn = randomBasis(r, r, rng);
  const target = new Float64Array(dim * r);
  const aligned = new Float64Array(dim * r);
  const cosines = Array.from({ length: r }, () => exp(rng.uniform() * log(smallest)));
  // The first start of each cosine law reaches its end.
  cosines[0] = smallest;
  for (let i = 0; i < dim; i++) {
    for (let k = 0; k < r; k++) {
      const t = both[i * 2 * r + k];
      target[i * r + k] = t;
      aligned[i * r + k] = cosines[k] * t + Math.sqrt((1 - cosines[k]) * (1 + cosines[k])) * both[i * 2 * r + r + k];
    }
  }
  return { w: multiply(aligned, turn, dim, r, r), target, cosines };
}

/** W − grad L·H⁻¹ with grad L = −(W⋆ − WM)·B·Mᵀ and H = M B Mᵀ, H inverted through its SVD. */
function gaussNewtonStep(
  w: Float64Array,
  target: Float64Array,
  m: Float64Array,
  b: Float64Array,
  dim: number,
  r: number,
) {
  const bmt = multiply(b, transpose(m, r, r), r, r, r);
  const h = multiply(m, bmt, r, r, r);
  const { u, values, v } = svd(h, r, r);
  const ut = transpose(u, r, r);
  for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) ut[i * r + j] /= values[i];
  const inverse = multiply(v, ut, r, r, r);
  const wm = multiply(w, m, dim, r, r);
  const left = target.map((value, i) => value - wm[i]);
  const descent = multiply(multiply(left, bmt, dim, r, r), inverse, dim, r, r);
  return { step: w.map((value, i) => value + descent[i]), condition: values[0] / values[r - 1] };
}
