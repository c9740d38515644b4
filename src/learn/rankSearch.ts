/** All degrees of one rank, from the starts that this rank deserves. */
import { createRng } from "../base/rng.js";
import { sampleRows } from "../data/rows.js";
import { randomBasis } from "../math/grassmann.js";
import { featureCount } from "../math/multiIndex.js";
import { type Candidate, evaluate } from "./candidate.js";
import { bestOf } from "./choice.js";
import { growingFrames, MomentFrames } from "./frames.js";
import { hop } from "./hops.js";
import { bestStarts, type LazyStart, type Polished, type Start } from "./starts.js";
import { isWide, type Study, subsetOf } from "./study.js";

/** What one rank's search needs to know. */
export interface RankPlan {
  readonly rank: number;
  /** Moment frames of the study; without them only extensions of the rank below are tried. */
  readonly frames: MomentFrames | undefined;
  /** Candidates of the rank below, if it was looked at. */
  readonly below: readonly Candidate[];
  /** The best candidate so far: a rank that cannot match it by its starts is looked at only at its degree and above. */
  readonly rival?: Candidate | undefined;
  /** Degrees to look at, ascending; the search may stop before the last. */
  readonly degrees: readonly number[];
  /** After a rank that no longer gained much, only the extension of its basis and one moment frame are tried. */
  readonly brief: boolean;
  /** Extra random starts. */
  readonly restarts: number;
  /** Whether starts hop where rows are few; by default they do. */
  readonly hops?: boolean;
}

/** When a rank goes on to higher degrees. */
export interface Ambition {
  /** A degree must lower the score by this part to count as a gain. */
  readonly gain: number;
  /** Degrees in a row without gain that end the rank. */
  readonly patience: number;
}

/** Until degrees have converged; odd links gain nothing at even ones. */
export const THOROUGH: Ambition = { gain: 0.005, patience: 2 };
/** On the way to a higher rank. */
export const PASSING: Ambition = { gain: 0.05, patience: 1 };

export const MAX_FEATURES = 400;
const MAX_DEGREE = { single: 15, multi: 8 };
/** Part of the rows that parameters may use up. */
const MOST_PARAMETERS = 0.8;
/** Up to this part of the rows both low degrees are tried as start degrees. */
const BOTH_DEGREES = 0.6;
/** Extensions of the rank below at the same degree that a high degree begins from. */
const PEER_STARTS = 2;
/** Scores this much above the best one end the degrees of a rank whose candidates are expensive. */
const HOPELESS = 1.02;
/** A rank must promise at least this part of the rival's GCV score as a gain. */
const PROMISING = 0.01;
/** A start degree whose GCV score is this many times another's is not scored. */
const INFERIOR = 1.5;

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
  if (rank === 1) return [3, ...(isWide(study) ? [] : [8])].filter((s) => degrees.includes(s));
  const both = parameters(rank, 3, study.inputs.dim) <= BOTH_DEGREES * n;
  const wanted = both ? [2, 3] : [2];
  return wanted.filter((s) => degrees.includes(s));
}

/** Starts of a rank in the order they are tried, and how many of them come first. */
async function startsOf(study: Study, plan: RankPlan): Promise<{ starts: LazyStart[]; eager: number }> {
  const { rank, frames, below, restarts } = plan;
  const dim = study.inputs.dim;
  const moment = (name: string): LazyStart => ({ name, basis: async () => frames?.frame(name, rank) });
  const known = ({ name, basis }: Start): LazyStart => ({ name, basis: async () => basis });
  const grown = (below.length > 0 ? await grownFrom(study, bestOf(below)) : []).map(known);
  if (plan.brief) {
    const starts = [...grown.slice(0, 3), moment("slices"), moment("linear")];
    return { starts, eager: starts.length };
  }
  const first =
    rank === 1
      ? [moment("linear"), moment("slices"), moment("linear + hessian ranks"), moment("hessian low")]
      : [...grown.slice(0, 1), moment("slices"), moment("linear + hessian ranks"), ...grown.slice(1, 2)];
  const random = Array.from({ length: restarts }, (_, i) =>
    known({ name: `random ${i + 1}`, basis: randomBasis(dim, rank, createRng(study.seed, "start", i)) }),
  );
  const rest = [...grown, ...MomentFrames.NAMES.map(moment), ...random];
  const seen = new Set(first.map(({ name }) => name));
  return { starts: [...first, ...rest.filter(({ name }) => !seen.has(name))], eager: first.length };
}

const grownFrom = async (study: Study, below: Candidate, wanted?: number): Promise<Start[]> =>
  (await growingFrames(study, below, wanted)).map(({ name, vectors }) => ({ name, basis: vectors }));

/** Best bases of a rank by start degree. */
async function polishedStarts(study: Study, plan: RankPlan): Promise<Map<number, readonly Polished[]>> {
  const { rank, degrees, brief } = plan;
  const dim = study.inputs.dim;
  const n = study.rows.rows;
  const out = new Map<number, readonly Polished[]>();
  const { starts, eager } = await startsOf(study, plan);
  for (const degree of startDegrees(study, rank, degrees)) {
    if (rank >= dim) {
      out.set(degree, [{ name: "identity", basis: identity(dim), loss: 0, meanSquare: 0 }]);
      continue;
    }
    const size = Math.max(600, 8 * rank * dim, 5 * featureCount(rank, degree));
    const screening = 2 * size < n ? subsetOf(study, sampleRows(n, size, study.seed)) : study;
    const few = n < FEW_ROWS * rank * dim && !brief && !isWide(study);
    const portfolio = await bestStarts(study, screening, rank, degree, starts, few ? starts.length : eager, brief);
    out.set(degree, brief || plan.hops === false ? portfolio.found : await hop(study, rank, degree, portfolio));
  }
  return out;
}

/** One rank's candidates, degree by degree, each begun from the last one's basis and from the start of its degree. */
export class RankSearch {
  readonly rank: number;
  readonly found: Candidate[] = [];
  readonly #study: Study;
  readonly #plan: RankPlan;
  #polished: Map<number, readonly Polished[]> | undefined;
  #degrees: number[];
  #idle = 0;
  #ended = false;

  constructor(study: Study, plan: RankPlan) {
    this.#study = study;
    this.#plan = plan;
    this.#degrees = [...plan.degrees];
    this.rank = plan.rank;
  }

  /** Goes on until degrees stop gaining; may be called again with more ambition. */
  async *run({ gain, patience }: Ambition): AsyncGenerator<Candidate, void> {
    const { rank, rival, below, brief } = this.#plan;
    const study = this.#study;
    if (this.#degrees.length === 0) return;
    if (!this.#polished) {
      this.#polished = await polishedStarts(study, this.#plan);
      this.#narrow();
    }
    const polished = this.#polished;
    const far = Math.max(...polished.keys());
    while (this.#degrees.length > 0 && !this.#ended) {
      const waits = this.#isWaiting(far);
      if ((this.#idle >= patience && !waits) || (this.found.length > 0 && study.control.expired)) return;
      const degree = this.#degrees[0];
      const above = [...polished.keys()].filter((s) => s >= degree).sort((a, b) => a - b)[0] ?? far;
      const warm = this.found[this.found.length - 1];
      const own = degree <= above || !warm ? polished.get(above)?.[0] : undefined;
      const starts = [own, warm && { name: "warm", basis: warm.basis }].filter((s) => s !== undefined);
      // The best basin of a low degree need not lead to that of a higher one.
      const peer = degree > far && !brief && below.find((c) => c.degree === degree);
      if (peer) starts.push(...(await grownFrom(study, peer, PEER_STARTS)).slice(0, PEER_STARTS));
      const candidate = await evaluate(study, rank, degree, starts);
      if (!candidate) {
        this.#ended = true;
        return;
      }
      yield candidate;
      this.#degrees.shift();
      const best = this.found.length > 0 ? bestOf(this.found).score : Number.POSITIVE_INFINITY;
      this.found.push(candidate);
      this.#idle = candidate.score < best * (1 - gain) ? 0 : this.#idle + 1;
      const costly = candidate.degreesOfFreedom > study.rows.rows / 20 && rank > 1;
      const beaten = costly && candidate.score > HOPELESS * best && degree > 3;
      // A direction that is any use shows at the degree of the rank below.
      const late = rival !== undefined && degree >= rival.degree && degree >= far;
      this.#ended = beaten || (late && bestOf(this.found).score > rival.score);
    }
  }

  /** The start of a high degree may see what no lower degree does: worth a look when it left much less unexplained. */
  #isWaiting(far: number): boolean {
    if (this.found.length === 0 || this.#degrees[0] > far) return false;
    const promised = this.#polished?.get(far)?.[0]?.loss ?? Number.POSITIVE_INFINITY;
    return 2 * promised < 0.9 * bestOf(this.found).meanSquare;
  }

  /** Leaves out degrees that the ends of the starts rule out. */
  #narrow(): void {
    const { rank, rival, degrees } = this.#plan;
    const study = this.#study;
    if (rank === 1 || degrees.length === 1) return;
    const n = study.rows.rows;
    const scores = new Map<number, number>();
    for (const [degree, [best]] of this.#polished ?? []) {
      if (best === undefined) continue;
      const left = 1 - parameters(rank, degree, study.inputs.dim) / n;
      scores.set(degree, best.meanSquare / (left * left));
    }
    if (scores.size === 0) return;
    const least = Math.min(...scores.values());
    const far = Math.max(...scores.keys());
    if (rival && least > (1 - PROMISING) * rival.gcv) {
      // More directions need less degree, but not by much.
      const from = rival.degree > far ? rival.degree - 1 : [...scores.keys()].find((s) => scores.get(s) === least);
      // A single direction goes to degrees that several do not.
      const narrowed = degrees.filter((s) => s >= Math.min(from ?? 0, degrees[degrees.length - 1]));
      this.#degrees = rival.degree > far ? narrowed : narrowed.slice(0, 1);
      return;
    }
    this.#degrees = degrees.filter((s) => !((scores.get(s) ?? 0) > INFERIOR * least));
  }
}

/** Rows per free parameter of the directions below which the loss has many basins, and all starts are looked at. */
export const FEW_ROWS = 6;

/**
 * The basis that the whole portfolio of a rank and degree leads to, hops included: for rows so few that moment starts alone
 * end in a wrong basin.
 */
export async function bestStart(
  study: Study,
  rank: number,
  degree: number,
  restarts: number,
): Promise<Polished | undefined> {
  const plan = {
    rank,
    frames: new MomentFrames(study),
    below: [],
    degrees: [degree],
    brief: false,
    restarts,
    hops: true,
  };
  const polished = await polishedStarts(study, plan);
  return polished.get(degree)?.[0];
}

/** A rank's candidates in one go. */
export async function* searchRank(
  study: Study,
  plan: RankPlan,
  ambition = THOROUGH,
): AsyncGenerator<Candidate, Candidate[]> {
  const search = new RankSearch(study, plan);
  yield* search.run(ambition);
  return search.found;
}

const identity = (dim: number): Float64Array => {
  const out = new Float64Array(dim * dim);
  for (let k = 0; k < dim; k++) out[k * dim + k] = 1;
  return out;
};
