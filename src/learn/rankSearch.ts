/** All degrees of one rank, from the starts that this rank deserves. */
import { createRng } from "../base/rng.js";
import { randomBasis } from "../math/grassmann.js";
import { featureCount } from "../math/multiIndex.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf } from "./choice.js";
import { type Frames, growingFrames } from "./frames.js";
import { hop } from "./hops.js";
import { bestStarts, frameOf, type Polished, type Start } from "./starts.js";
import { type Study, subsetOf } from "./study.js";

/** What one rank's search needs to know. */
export interface RankPlan {
  readonly rank: number;
  /** Moment frames of the study. */
  readonly frames: readonly Frames[];
  /** Candidates of the rank below, if it was looked at. */
  readonly below: readonly Candidate[];
  /** Degrees to look at, ascending; the search may stop before the last. */
  readonly degrees: readonly number[];
  /** After a rank that no longer gained much, only the extension of its basis and one moment frame are tried. */
  readonly brief: boolean;
  /** Extra random starts. */
  readonly restarts: number;
}

export const MAX_FEATURES = 400;
const MAX_DEGREE = { single: 15, multi: 8 };
/** Part of the rows that parameters may use up. */
const MOST_PARAMETERS = 0.8;
/** Up to this part of the rows both low degrees are tried as start degrees. */
const BOTH_DEGREES = 0.6;
/** Extensions of the rank below at the same degree that a high degree begins from. */
const PEER_STARTS = 2;
/** A degree must lower the score by this part to count as a gain. */
const DEGREE_GAIN = 0.005;
/** Scores this much above the best one end the degrees of a rank whose candidates are expensive. */
const HOPELESS = 1.1;

const parameters = (rank: number, degree: number, dim: number): number =>
  featureCount(rank, degree) + rank * (dim - rank);

/** Degrees that the rows can determine at a rank, ascending; odd and even ones alike. */
export function degreesFor(study: Study, rank: number): number[] {
  const n = study.rows.rows;
  const out: number[] = [];
  const last = rank === 1 ? MAX_DEGREE.single : MAX_DEGREE.multi;
  for (let s = rank === 1 ? 1 : 2; s <= last; s++) {
    if (featureCount(rank, s) > MAX_FEATURES) break;
    if (parameters(rank, s, study.inputs.dim) > MOST_PARAMETERS * n) break;
    out.push(s);
  }
  return out;
}

/** Degrees at which starts are compared: what one is blind to, another sees. */
function startDegrees(study: Study, rank: number, degrees: readonly number[]): number[] {
  const n = study.rows.rows;
  if (degrees.length === 1) return [degrees[0]];
  if (rank === 1) return [3, 8].filter((s) => degrees.includes(s));
  const both = parameters(rank, 3, study.inputs.dim) <= BOTH_DEGREES * n;
  const wanted = both ? [2, 3] : [2];
  return wanted.filter((s) => degrees.includes(s));
}

/** Starts of a rank in the order they are tried, and how many of them come first. */
async function startsOf(study: Study, plan: RankPlan): Promise<{ starts: Start[]; eager: number }> {
  const { rank, frames, below, restarts } = plan;
  const dim = study.inputs.dim;
  const moment = (name: string): Start | undefined => {
    const found = frames.find((f) => f.name === name);
    const basis = found && frameOf(found.vectors, found.count, dim, rank);
    return basis && { name, basis };
  };
  const grown = below.length > 0 ? await grownFrom(study, bestOf(below)) : [];
  const present = (list: readonly (Start | undefined)[]): Start[] => list.filter((s): s is Start => s !== undefined);
  if (plan.brief) {
    const starts = present([...grown.slice(0, 3), moment("slices"), moment("linear")]);
    return { starts, eager: starts.length };
  }
  const first = present(
    rank === 1
      ? [moment("linear"), moment("slices"), moment("linear + hessian ranks"), moment("hessian low")]
      : [grown[0], moment("slices"), moment("linear + hessian ranks"), grown[1]],
  );
  const random = Array.from({ length: restarts }, (_, i) => ({
    name: `random ${i + 1}`,
    basis: randomBasis(dim, rank, createRng(study.seed, "start", i)),
  }));
  const rest = present([...grown, ...frames.map((f) => moment(f.name)), ...random]);
  const seen = new Set(first.map(({ name }) => name));
  return { starts: [...first, ...rest.filter(({ name }) => !seen.has(name))], eager: first.length };
}

const grownFrom = async (study: Study, below: Candidate): Promise<Start[]> =>
  (await growingFrames(study, below)).map(({ name, vectors }) => ({ name, basis: vectors }));

/** Best bases of a rank by start degree. */
async function polishedStarts(study: Study, plan: RankPlan): Promise<Map<number, Polished[]>> {
  const { rank, degrees } = plan;
  const dim = study.inputs.dim;
  const n = study.rows.rows;
  const out = new Map<number, Polished[]>();
  const { starts, eager } = await startsOf(study, plan);
  for (const degree of startDegrees(study, rank, degrees)) {
    if (rank >= dim) {
      out.set(degree, [{ name: "identity", basis: identity(dim), loss: 0 }]);
      continue;
    }
    const size = Math.max(600, 8 * rank * dim, 5 * featureCount(rank, degree));
    const screening = 2 * size < n ? subsetOf(study, sampleRows(n, size, study.seed)) : study;
    const few = n < 6 * rank * dim && !plan.brief;
    const found = await bestStarts(study, screening, rank, degree, starts, few ? starts.length : eager);
    out.set(degree, plan.brief ? found : await hop(study, rank, degree, found));
  }
  return out;
}

/** Candidates of one rank, degree by degree, each begun from the last one's basis and from the start of its degree. */
export async function* searchRank(study: Study, plan: RankPlan): AsyncGenerator<Candidate, Candidate[]> {
  const { rank, degrees } = plan;
  const out: Candidate[] = [];
  if (degrees.length === 0) return out;
  const polished = await polishedStarts(study, plan);
  const far = Math.max(...polished.keys());
  let warm: Float64Array | undefined;
  let best = Number.POSITIVE_INFINITY;
  let idle = 0;
  for (const degree of degrees) {
    const above = [...polished.keys()].filter((s) => s >= degree).sort((a, b) => a - b)[0] ?? far;
    const own = (degree <= above && polished.get(above)?.[0]) || undefined;
    const starts = [own, warm && { name: "warm", basis: warm }].filter((s) => s !== undefined);
    // The best basin of a low degree need not lead to that of a higher one.
    const peer = degree > far && !plan.brief && plan.below.find((c) => c.degree === degree);
    if (peer) starts.push(...(await grownFrom(study, peer)).slice(0, PEER_STARTS));
    const candidate = await evaluate(study, rank, degree, starts);
    if (!candidate) break;
    yield candidate;
    out.push(candidate);
    warm = candidate.basis;
    if (candidate.score < best * (1 - DEGREE_GAIN)) idle = 0;
    else idle++;
    best = Math.min(best, candidate.score);
    const costly = candidate.degreesOfFreedom > study.rows.rows / 20 && rank > 1;
    if (costly && candidate.score > HOPELESS * best && degree > 3) break;
    // The start of a high degree may see what no lower degree does: worth a look when it left much less unexplained.
    const promised = polished.get(far)?.[0]?.loss ?? Number.POSITIVE_INFINITY;
    const waiting = degree < far && 2 * promised < 0.9 * bestOf(out).meanSquare;
    if (idle >= 2 && !waiting) break;
  }
  return out;
}

const identity = (dim: number): Float64Array => {
  const out = new Float64Array(dim * dim);
  for (let k = 0; k < dim; k++) out[k * dim + k] = 1;
  return out;
};

/** Ascending seeded sample of row numbers. */
export function sampleRows(n: number, size: number, seed: number): Int32Array {
  const rng = createRng(seed, "rows", size);
  const all = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(rng.uniform() * (n - i));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, size).sort();
}
