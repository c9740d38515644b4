/** Rank, degree and whitening chosen by the data: from a data set to the plan of its final descent. */
import type { RunControl } from "../base/control.js";
import type { Warning } from "../solve/diagnostics.js";
import type { InputMap } from "../solve/inputMap.js";
import type { FilledOptions } from "../solve/options.js";
import type { FitData } from "../solve/problem.js";
import type { LearnedChoice, RankTest } from "../solve/report.js";
import type { Candidate } from "./candidate.js";
import { bestOf, choose, pairedDifference } from "./choice.js";
import { confirmRank, needsTest } from "./confirm.js";
import { sampleRows } from "./rankSearch.js";
import { type SearchLimits, search } from "./search.js";
import { type Study, subsetOf } from "./study.js";
import { chooseDimension } from "./whitening.js";

/** What the search decided. */
export interface Plan extends LearnedChoice {
  readonly inputs: InputMap;
  readonly chosen: Candidate;
  readonly warnings: readonly Warning[];
}

/** Rows that a search looks at; larger data are sampled, and the final descent uses them all. */
const SEARCH_ROWS = 6000;

/**
 * Searches ranks and degrees, confirms the chosen rank against chance, and returns the plan of the final fit.
 * Yields every candidate as it is scored.
 * Source: `math/learner`.
 */
export async function* learn(
  data: FitData,
  inputs: InputMap,
  options: FilledOptions,
  control: RunControl,
): AsyncGenerator<Candidate, Plan> {
  const limits: SearchLimits = {
    ...(options.rank === "auto" ? {} : { rank: options.rank }),
    ...(options.degree === "auto" ? {} : { degree: options.degree }),
    restarts: options.restarts,
  };
  const study = await chooseDimension(studyOf(data, inputs, options, control), limits);
  const candidates = yield* search(study, limits);
  const tests: RankTest[] = [];
  let chosen =
    options.rank === "auto" ? choose(study, candidates) : bestOf(candidates.filter((c) => c.rank === options.rank));
  while (options.rank === "auto" && needsTest(study, chosen)) {
    const below = bestOf(candidates.filter((c) => c.rank === chosen.rank - 1));
    if (isObvious(study, below, chosen)) break;
    const test = await confirmRank(study, chosen, below, options.restarts);
    tests.push(test);
    if (test.confirmed) break;
    chosen = choose(
      study,
      candidates.filter((c) => c.rank < chosen.rank),
    );
  }
  const scale = data.response.scale ** 2;
  const total = candidates[0].meanSquare;
  const ranks = candidates.map(({ rank, degree, score, degreesOfFreedom }) => ({
    rank,
    degree,
    family: "hermite",
    score: score * scale,
    r2: total > 0 ? 1 - score / total : 0,
    degreesOfFreedom,
  }));
  return { inputs: study.inputs, chosen, ranks, tests, warnings: [] };
}

/** Gains that no search finds in noise: noise never takes two fifths off the leave-one-out error. */
const OBVIOUS = { ratio: 0.6, deviations: 4 };

function isObvious(study: Study, below: Candidate, chosen: Candidate): boolean {
  const { mean, standardError } = pairedDifference(study, below, chosen);
  return chosen.score < OBVIOUS.ratio * below.score && mean > OBVIOUS.deviations * standardError;
}

function studyOf(data: FitData, inputs: InputMap, options: FilledOptions, control: RunControl): Study {
  const all: Study = {
    rows: data.rows,
    y: data.response.standardized,
    weights: data.weights,
    inputs,
    kernel: options.kernel,
    seed: options.seed,
    control,
  };
  const n = data.rows.rows;
  return n > SEARCH_ROWS ? subsetOf(all, sampleRows(n, SEARCH_ROWS, options.seed)) : all;
}
