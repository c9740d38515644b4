/** How often the problem with a frozen link gets stuck, and the one with a learnt link from the same starts. */
import { checkInteger, checkOptions } from "../base/assert.js";
import { type Interval, wilsonInterval } from "../base/statistics.js";
import type { Link } from "../model/link.js";
import type { Flow } from "./flowRun.js";
import { type FlowOptions, plantedFlow, populationFlow } from "./populationFlow.js";
import { checkStudyLink, STUDY_OPTIONS, type StudyOptions, startStudy, variance } from "./studyTools.js";

/** What to run. */
export interface TrapStudyOptions extends StudyOptions {
  /** Dimension d of the Haar frames, at least the link's number of variables. */
  readonly dim: number;
  /** Number of starts, default 100. */
  readonly trials?: number;
}

/** How often one of the two problems ended above the loss of its minimum. */
export interface TrapShare {
  readonly trapped: number;
  readonly probability: number;
  /** Wilson's 95 % interval. */
  readonly interval: Interval;
  /** Final losses over ‖f − E f‖², one per start. */
  readonly losses: Float64Array;
}

/** Both problems from the same starts. */
export interface TrapStudy {
  readonly trials: number;
  readonly dim: number;
  readonly seed: number;
  /** The link known and frozen. */
  readonly planted: TrapShare;
  /** The link refitted at once: the two-timescale flow. */
  readonly joint: TrapShare;
}

/** A flow has arrived when its loss is below this part of ‖f − E f‖²: gradients vanish at saddles too [MI §6]. */
const ARRIVED = 1e-5;

/**
 * Runs the planted and the two-timescale population flow from the same Haar frames and counts those that end at a loss above
 * 1e-5·‖f − E f‖².
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; an abort rejects with the signal's own reason
 * Source: [MI §6]. Cost: two flows per trial, some milliseconds each.
 * @example
 * ```ts
 * import { Link, trapStudy } from "leapflow/theory";
 * const { joint } = await trapStudy(Link.parse("h2(z1) + 0.5*h3(z1)"), { dim: 20, trials: 4, seed: 1 });
 * console.log(joint.trapped); // 0
 * ```
 */
export async function trapStudy(link: Link, options: TrapStudyOptions): Promise<TrapStudy> {
  const given = checkOptions(options, ["dim", "trials", ...STUDY_OPTIONS], "trapStudy");
  checkStudyLink(link);
  const dim = checkInteger(given.dim, "dim", { min: Math.max(1, link.rank) });
  const trials = given.trials === undefined ? 100 : checkInteger(given.trials, "trials", { min: 1 });
  const { seed, signal, control, report } = startStudy(given);
  const size = variance(link);
  const losses = { planted: new Float64Array(trials), joint: new Float64Array(trials) };
  const run = async (flow: (link: Link, options: FlowOptions) => Promise<Flow>, trial: number): Promise<number> =>
    (await flow(link, { dim, start: "haar", seed, trial, signal })).finalLoss / size;
  for (let trial = 0; trial < trials; trial++) {
    await control.breathe();
    losses.planted[trial] = await run(plantedFlow, trial);
    losses.joint[trial] = await run(populationFlow, trial);
    report("start", trial + 1, trials);
  }
  return { trials, dim, seed, planted: shareOf(losses.planted), joint: shareOf(losses.joint) };
}

function shareOf(losses: Float64Array): TrapShare {
  const trapped = losses.reduce((count, loss) => count + (loss < ARRIVED ? 0 : 1), 0);
  const trials = losses.length;
  return { trapped, probability: trapped / trials, interval: wilsonInterval(trapped, trials), losses };
}
