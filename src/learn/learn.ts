/** Rank, degree and whitening chosen by the data: from a data set to the plan of its final descent. */
import type { RunControl } from "../base/control.js";
import { sampleRows } from "../data/rows.js";
import type { Warning } from "../solve/diagnostics.js";
import type { InputMap } from "../solve/inputMap.js";
import type { FilledOptions } from "../solve/options.js";
import type { FitData } from "../solve/problem.js";
import type { LearnedChoice, RankTest } from "../solve/report.js";
import { informationOn, logarithmWarnings, structureWarnings } from "./advice.js";
import type { Candidate } from "./candidate.js";
import { bestOf, choose, pairedDifference } from "./choice.js";
import { confirmRank, confirmSignal, needsTest } from "./confirm.js";
import { type HeldOutChoice, isOverbold, leastHeldOut } from "./heldOut.js";
import { hasLinearSignal } from "./linearSignal.js";
import { refine } from "./refine.js";
import { chooseLink, type Richer, triedModel } from "./richerLink.js";
import { type SearchLimits, search } from "./search.js";
import { rawStudy, type Study, subsetOf, weighted, whitenedStudy } from "./study.js";
import { chooseDimension } from "./whitening.js";

/** What the search decided. */
export interface Plan extends LearnedChoice {
  readonly inputs: InputMap;
  /** The whitened rows that the last choice was made on. */
  readonly study: Study;
  readonly chosen: Candidate;
  /** A link that takes the place of the polynomial. */
  readonly richer: Richer | undefined;
  /** Rows of the samples that were looked at, ascending; none when they were all rows. */
  readonly batches: readonly number[];
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
  const all = weighted(rawStudy(data, options, control));
  const n = all.rows.rows;
  const sampled = n > SEARCH_ROWS ? subsetOf(all, sampleRows(n, SEARCH_ROWS, options.seed)) : all;
  const whitened = await whitenedStudy(sampled, inputs);
  const { map, ...dimension } = await chooseDimension(whitened, inputs, limits);
  let { study } = dimension;
  let candidates = yield* search(study, limits);
  const tests: RankTest[] = [];
  let isFaint = false;
  let compared: HeldOutChoice["compared"] = [];
  let chosen =
    limits.rank === undefined ? choose(study, candidates) : bestOf(candidates.filter((c) => c.rank === limits.rank));
  if (limits.rank === undefined) {
    const confirmed = await confirm(study, candidates, chosen, limits);
    chosen = confirmed.chosen;
    if (chosen.rank === 0) {
      chosen = await faintest(study, candidates);
      isFaint = chosen.rank > 0;
    }
    if (isOverbold(study, chosen) && !control.expired)
      ({ chosen, compared } = await leastHeldOut(study, candidates, chosen));
    tests.push(...confirmed.tests);
  }
  const batches = study.rows.rows < n ? [study.rows.rows] : [];
  if (study.rows.rows < n && chosen.rank > 0) {
    const larger = yield* refine(all, map, SEARCH_ROWS, chosen, limits);
    if (larger) ({ study, chosen } = larger);
    if (larger) candidates = [candidates[0], ...larger.candidates];
    if (larger) batches.push(...larger.sizes.filter((size) => size < n));
  }
  // The test of a linear regression speaks for no richer link than its own.
  const isPolynomial = options.link === "auto" && (typeof options.degree === "number" || isFaint);
  const { tried, richer } = await chooseLink(
    study,
    chosen,
    candidates,
    isPolynomial ? "hermite" : options.link,
    limits.rank !== undefined,
  );
  const scale = data.response.scale ** 2;
  const total = candidates[0].meanSquare;
  const polynomials = candidates.map(({ rank, degree, score, degreesOfFreedom }) => ({
    rank,
    degree,
    family: "hermite",
    score: score * scale,
    r2: total > 0 ? 1 - score / total : 0,
    degreesOfFreedom,
  }));
  const columns = data.rows.columns;
  const information = informationOn(columns, chosen, candidates);
  return {
    inputs: map,
    study,
    chosen,
    richer,
    batches,
    ranks: [...polynomials, ...tried.map((link) => triedModel(link, scale, total))],
    tests,
    ...(compared.length > 0
      ? { heldOut: compared.map((one) => ({ ...one, meanSquare: one.meanSquare * scale })) }
      : {}),
    ...(information ? { information } : {}),
    warnings: [
      ...copyWarnings(data),
      ...dimensionWarnings(data, inputs, map),
      ...testWarnings(tests.filter(({ against }) => against >= chosen.rank)),
      ...structureWarnings(study, columns, chosen, richer?.link.link.rank ?? chosen.rank, candidates),
      ...(await logarithmWarnings(sampled, map, study, chosen, candidates)),
    ],
  };
}

function copyWarnings({ first }: FitData): Warning[] {
  if (!first) return [];
  const copies = first.reduce((count, of, i) => count + (of === i ? 0 : 1), 0);
  return [
    {
      code: "REPEATED_ROWS",
      message: `${copies} of ${first.length} rows are copies of others, response included: each counts as weight of the row that it repeats.`,
    },
  ];
}

/** A kept condition number above this leaves directions undetermined though predictions are not. */
const COLLINEAR = 1e3;

/** Warnings about what the choice of principal components means. */
function dimensionWarnings(data: FitData, given: InputMap, used: InputMap): Warning[] {
  const out: Warning[] = [];
  const { eigenvalues, dim, columns } = used;
  if (!eigenvalues) return out;
  const { rows } = data.rows;
  if (given.dim > rows / 2) {
    out.push({
      code: "SHRUNK",
      message: `${rows} rows cannot determine directions among ${columns} inputs; the fit uses their first ${dim} principal components, and sees nothing outside them. Give more rows or fewer columns.`,
    });
  }
  const condition = Math.sqrt(1 / eigenvalues[dim - 1]);
  if (condition > Math.sqrt(COLLINEAR)) {
    out.push({
      code: "COLLINEAR",
      message: `The inputs are collinear (condition number ${(condition * condition).toPrecision(2)} of their correlations, ${dim} of ${columns} components kept): predictions are sound, single directions and importances are not determined.`,
    });
  }
  return out;
}

function testWarnings(tests: readonly RankTest[]): Warning[] {
  return tests
    .filter(({ confirmed }) => !confirmed)
    .map(({ rank, against, ratio, nullRatios }) => ({
      code: "RANK_NOT_CONFIRMED" as const,
      message: `Rank ${rank} took the leave-one-out error to ${ratio.toFixed(2)} of that of rank ${against}, but the same search did as well on permuted residuals (${Math.min(...nullRatios).toFixed(2)}): rank ${against} or less is used.`,
    }));
}

/** The chosen candidate, or the best of the ranks that chance does not explain. */
async function confirm(
  study: Study,
  candidates: readonly Candidate[],
  first: Candidate,
  limits: SearchLimits,
): Promise<{ chosen: Candidate; tests: RankTest[] }> {
  const tests: RankTest[] = [];
  const [constant] = candidates;
  let chosen = first;
  const isOpen = needsTest(study, chosen) || isDoubtful(study, constant, chosen);
  if (isOpen && !isObvious(study, constant, chosen)) {
    const test = await confirmSignal(study, candidates, chosen, limits);
    tests.push(test);
    if (!test.confirmed) return { chosen: constant, tests };
  }
  while (chosen.rank > 1 && needsTest(study, chosen)) {
    const below = bestOf(candidates.filter((c) => c.rank === chosen.rank - 1));
    const { rank } = chosen;
    if (isObvious(study, below, chosen) || below.score > NO_BETTER * constant.score) break;
    const test = await confirmRank(study, chosen, below, limits.restarts);
    tests.push(test);
    if (test.confirmed) break;
    chosen = choose(
      study,
      candidates.filter((c) => c.rank < rank),
    );
  }
  return { chosen, tests };
}

/** What is left where no search stands out from chance: the simplest direction when a linear regression does, else none. */
async function faintest(study: Study, candidates: readonly Candidate[]): Promise<Candidate> {
  const single = candidates.filter((c) => c.rank === 1);
  if (single.length === 0 || !(await hasLinearSignal(study))) return candidates[0];
  return single.reduce((a, b) => (b.degree < a.degree ? b : a));
}

/** A rank that is no better than this part of the constant adds nothing to the test against the constant. */
const NO_BETTER = 0.95;
/** Gains that no search finds in noise: noise never takes two fifths off the leave-one-out error. */
const OBVIOUS = { ratio: 0.6, deviations: 4 };

/** Standard errors by which an unquestioned choice must be better than the constant. */
const DOUBT = 2;

const isDoubtful = (study: Study, constant: Candidate, chosen: Candidate): boolean => {
  const { mean, standardError } = pairedDifference(study, constant, chosen);
  return chosen.rank > 0 && mean <= DOUBT * standardError;
};

function isObvious(study: Study, below: Candidate, chosen: Candidate): boolean {
  const { mean, standardError } = pairedDifference(study, below, chosen);
  return chosen.score < OBVIOUS.ratio * below.score && mean > OBVIOUS.deviations * standardError;
}
