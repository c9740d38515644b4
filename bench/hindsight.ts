/** What a choice of rank, degree and link is worth: beside plainer rules on the same candidates, and the best in hindsight. */
import { RunControl } from "../src/base/control.js";
import { type Fit, fitMultiIndex, rSquared } from "../src/index.js";
import type { Candidate } from "../src/learn/candidate.js";
import { bestOf, pairedDifference } from "../src/learn/choice.js";
import { confirmRank, needsTest } from "../src/learn/confirm.js";
import { chooseLink } from "../src/learn/richerLink.js";
import { search } from "../src/learn/search.js";
import { rawStudy, type Study, whitenedStudy } from "../src/learn/study.js";
import { fillOptions } from "../src/solve/options.js";
import { mapInputs, readData } from "../src/solve/problem.js";
import type { Problem } from "./peers.js";

const RANKS = 4;
const DEGREES = 5;

export interface Hindsight {
  readonly line: string;
  /** R² on fresh rows: of the automatic fit, of the two plain rules, of the best in hindsight; and what the fit lost. */
  readonly own: number;
  readonly least: number;
  readonly plain: number;
  readonly best: number;
  readonly gap: number;
}

export async function hindsight(problem: Problem): Promise<Hindsight> {
  const { X, y, fresh, truth, name } = problem;
  const quality = ({ model }: Fit): number => rSquared(model.predict(fresh), truth);
  const automatic = await fitMultiIndex(X, y, { seed: 0 });
  const own = quality(automatic);

  const { study, candidates } = await searched(problem);
  const judge = async (chosen: Candidate): Promise<number> => {
    if (chosen.rank === 0) return 0;
    const { richer } = await chooseLink(study, chosen, candidates, "auto", false);
    const { degree } = chosen;
    const given = richer ? { rank: richer.link.link.rank, link: "kernel" as const } : { rank: chosen.rank, degree };
    return quality(await fitMultiIndex(X, y, { seed: 0, ...given }));
  };
  const least = await judge(bestOf(candidates));
  const plain = await judge(await oneStandardError(study, candidates));

  let best = { r2: 0, name: "constant" };
  for (let rank = 1; rank <= Math.min(RANKS, X.columns); rank++) {
    for (let degree = rank === 1 ? 1 : 2; degree <= DEGREES; degree++) {
      const r2 = quality(await fitMultiIndex(X, y, { seed: 0, rank, degree }));
      if (r2 > best.r2) best = { r2, name: `${rank}, degree ${degree}` };
    }
  }
  const { model } = automatic;
  const cells = [
    name,
    `${X.rows} × ${X.columns}`,
    `${model.rank}, ${model.degree === null ? model.link.family : `degree ${model.degree}`}`,
    own.toFixed(3),
    least.toFixed(3),
    plain.toFixed(3),
    best.name,
    best.r2.toFixed(3),
    (best.r2 - own).toFixed(3),
  ];
  return { line: `| ${cells.join(" | ")} |`, own, least, plain, best: best.r2, gap: best.r2 - own };
}

async function searched({ X, y }: Problem): Promise<{ study: Study; candidates: Candidate[] }> {
  const options = fillOptions({ seed: 0 });
  const control = new RunControl({});
  const data = await readData(X, y, options, control);
  const inputs = await mapInputs(data, options, control);
  const study = await whitenedStudy(rawStudy(data, options, control), inputs);
  const run = search(study, { restarts: options.restarts });
  for (;;) {
    const { done, value } = await run.next();
    if (done) return { study, candidates: value };
  }
}

/** The rule of `math/learner` §5 as it stands there. */
async function oneStandardError(study: Study, candidates: readonly Candidate[]): Promise<Candidate> {
  const within = (c: Candidate, to: Candidate, share: number): boolean => {
    const { mean, standardError } = pairedDifference(study, c, to);
    return c === to || mean <= share * standardError;
  };
  const best = bestOf(candidates);
  const rank = Math.min(...candidates.filter((c) => within(c, best, 1)).map((c) => c.rank));
  const inside = candidates.filter((c) => c.rank === rank);
  const top = bestOf(inside);
  const simpler = inside.filter((c) => c.degreesOfFreedom < top.degreesOfFreedom && within(c, top, 0.25));
  const chosen = [top, ...simpler].reduce((a, b) => (b.degreesOfFreedom < a.degreesOfFreedom ? b : a));
  if (!needsTest(study, chosen)) return chosen;
  const below = bestOf(candidates.filter((c) => c.rank === rank - 1));
  const { confirmed } = await confirmRank(study, chosen, below, 2);
  return confirmed
    ? chosen
    : oneStandardError(
        study,
        candidates.filter((c) => c.rank < rank),
      );
}
