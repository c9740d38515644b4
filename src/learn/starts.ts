/** Where to begin at a rank and degree: many frames screened by a few steps, the best polished until two agree. */
import { multiply } from "../math/dense.js";
import { toColumns } from "../solve/inputMap.js";
import { degreePenalty, gramScale, Penalty } from "../solve/linkSolve.js";
import { ProfiledLoss } from "../solve/objective.js";
import { descendTo, searchRules } from "./candidate.js";
import { openWorkspace, type Study } from "./study.js";

/** A basis to begin from, k×r. */
export interface Start {
  readonly name: string;
  readonly basis: Float64Array;
}

/** A start followed to the end of its descent. */
export interface Polished extends Start {
  /** J there. */
  readonly loss: number;
}

/** Ridge of the comparison, relative; larger than a fit's, since the link is not near its end. */
const RIDGE = 1e-4;
/** Before three steps the order of losses means little, after three it is nearly final. */
const SCREENING_STEPS = 3;
const BATCH = 6;
const POLISHED_PER_BATCH = 2;
/** Losses this close are those of one basin. */
const SAME_LOSS = 0.01;

/** An objective for comparing starts on the rows of a study. */
async function comparison(study: Study, rank: number, degree: number, first: Float64Array) {
  const workspace = await openWorkspace(study, rank, degree);
  try {
    await workspace.projectTrial(toColumns(study.inputs, first, rank));
    const unit = gramScale(workspace);
    const penalty = new Penalty(degreePenalty(rank, degree), RIDGE * unit, unit);
    return { workspace, objective: new ProfiledLoss(workspace, study.inputs, penalty) };
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
      const point = await descendTo(objective, basis, searchRules(study.inputs.dim, rank, steps));
      if (Number.isFinite(point.loss)) out.push({ name, basis: point.basis, loss: point.loss });
    }
    return out.sort((a, b) => a.loss - b.loss);
  } finally {
    workspace.dispose();
  }
}

/**
 * The best basis that a portfolio leads to. Frames are screened in batches on a part of the rows, the two best of each
 * are polished on all of them, and the search ends when two starts that differ end at the same loss: agreement is the
 * evidence for a global minimum.
 *
 * @param screening - the study, or some of its rows
 * @param eager - size of the first batch
 * @returns what was polished, best first
 * Source: `math/learner` §2.
 */
export async function bestStarts(
  study: Study,
  screening: Study,
  rank: number,
  degree: number,
  starts: readonly Start[],
  eager: number,
): Promise<Polished[]> {
  const polished: Polished[] = [];
  for (let from = 0, size = eager; from < starts.length; from += size, size = BATCH) {
    const batch = starts.slice(from, from + size);
    const screened = await follow(screening, rank, degree, batch, SCREENING_STEPS);
    polished.push(...(await follow(study, rank, degree, screened.slice(0, POLISHED_PER_BATCH))));
    polished.sort((a, b) => a.loss - b.loss);
    if (polished.length > 1 && polished[1].loss <= polished[0].loss * (1 + SAME_LOSS)) break;
  }
  return polished;
}

/** The first r directions of ordered ones, or undefined when there are fewer. */
export function frameOf(vectors: Float64Array, count: number, dim: number, rank: number): Float64Array | undefined {
  if (count < rank) return undefined;
  if (count === rank) return vectors;
  const pick = new Float64Array(count * rank);
  for (let k = 0; k < rank; k++) pick[k * rank + k] = 1;
  return multiply(vectors, pick, dim, count, rank);
}
