/** Where to begin at a rank and degree: many frames screened by a few steps, the best polished until two agree. */
import { subspaceDistance } from "../math/grassmann.js";
import { toColumns } from "../solve/inputMap.js";
import { degreePenalty, gramScale, Penalty } from "../solve/linkSolve.js";
import { ProfiledLoss } from "../solve/objective.js";
import { descendTo, searchRules, whereDetermined } from "./candidate.js";
import { openWorkspace, type Study } from "./study.js";

/** A basis to begin from, k×r. */
export interface Start {
  readonly name: string;
  readonly basis: Float64Array;
}

/** A start whose basis is computed when its turn comes; undefined where there is none. */
export interface LazyStart {
  readonly name: string;
  basis(): Promise<Float64Array | undefined>;
}

/** A start followed to the end of its descent. */
export interface Polished extends Start {
  /** J there. */
  readonly loss: number;
  /** Σwρ²/n there. */
  readonly meanSquare: number;
}

/** Where a portfolio led. */
export interface Portfolio {
  /** What was polished, best first. */
  readonly found: readonly Polished[];
  /** Whether two different starts ended in one place. */
  readonly agreed: boolean;
}

/** Ridge of the comparison, relative; larger than a fit's, since the link is not near its end. */
const RIDGE = 1e-4;
/** Before three steps the order of losses means little, after three it is nearly final. */
const SCREENING_STEPS = 3;
const BATCH = 6;
const POLISHED_PER_BATCH = 2;
/** Losses this close are those of one basin. */
const SAME_LOSS = 0.01;
/** Screened starts this close, as an angle, and in loss, need not both be followed to the end. */
const SAME_END = 0.1;

/** An objective for comparing starts on the rows of a study. */
async function comparison(study: Study, rank: number, degree: number, first: Float64Array) {
  const workspace = await openWorkspace(study, rank, degree);
  try {
    await workspace.projectTrial(toColumns(study.inputs, first, rank));
    const unit = gramScale(workspace);
    const weights = degreePenalty(rank, degree);
    /** Afresh for each start: one that needed more ridge must not lend it to the others. */
    const objective = () => new ProfiledLoss(workspace, study.inputs, new Penalty(weights, RIDGE * unit, unit));
    return { workspace, objective };
  } catch (error) {
    workspace.dispose();
    throw error;
  }
}

/** Every start followed for so many steps, best first. */
export async function follow(
  study: Study,
  rank: number,
  degree: number,
  starts: readonly Start[],
  steps?: number,
): Promise<Polished[]> {
  if (starts.length === 0) return [];
  const { workspace, objective } = await comparison(study, rank, degree, starts[0].basis);
  try {
    const out: Polished[] = [];
    for (const { name, basis } of starts) {
      const rules = searchRules(study, rank, steps);
      const point = await whereDetermined(() => descendTo(objective(), basis, rules));
      if (!point) continue;
      const { loss, meanSquare } = point;
      if (Number.isFinite(loss)) out.push({ name, basis: point.basis, loss, meanSquare });
    }
    return out.sort((a, b) => a.loss - b.loss);
  } finally {
    workspace.dispose();
  }
}

/**
 * The best basis that a portfolio leads to. Frames are screened in batches on a part of the rows, the two best of each
 * are polished on all of them, and the search ends when two starts that differ end at the same loss: agreement is the
 * evidence for a global minimum. Two that meet during the screening already are followed as one.
 *
 * @param screening - the study, or some of its rows
 * @param eager - size of the first batch
 * @param brief - polish only the best of the first batch, whatever the others do
 * Source: `math/learner` §2.
 */
export async function bestStarts(
  study: Study,
  screening: Study,
  rank: number,
  degree: number,
  starts: readonly LazyStart[],
  eager: number,
  brief: boolean,
): Promise<Portfolio> {
  const { dim } = study.inputs;
  const polished: Polished[] = [];
  for (let from = 0, size = eager; from < starts.length; from += size, size = BATCH) {
    const batch: Start[] = [];
    for (const { name, basis } of starts.slice(from, from + size)) {
      const found = await basis();
      if (found) batch.push({ name, basis: found });
    }
    const screened = await follow(screening, rank, degree, batch, SCREENING_STEPS);
    const [first, second] = screened;
    const met =
      second !== undefined &&
      second.loss <= first.loss * (1 + SAME_LOSS) &&
      subspaceDistance(first.basis, second.basis, dim, rank, rank) < SAME_END;
    polished.push(...(await follow(study, rank, degree, screened.slice(0, met || brief ? 1 : POLISHED_PER_BATCH))));
    polished.sort((a, b) => a.loss - b.loss);
    const agreed = met || (polished.length > 1 && polished[1].loss <= polished[0].loss * (1 + SAME_LOSS));
    if (agreed || brief || study.control.expired) return { found: polished, agreed };
  }
  return { found: polished, agreed: false };
}
