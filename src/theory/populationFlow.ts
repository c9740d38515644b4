/** Two-timescale and planted flows in overlap coordinates. */
import { OptionError } from "../base/errors.js";
import type { Link } from "../model/link.js";
import { type FlowOptions, readFlow } from "./flowOptions.js";
import { type Flow, runFlow } from "./flowRun.js";
import { PlantedSystem } from "./plantedSystem.js";
import { TwoTimescaleSystem } from "./twoTimescaleSystem.js";

export type { FlowOptions };

/**
 * The two-timescale gradient flow on the population loss: the link is refitted at once, the subspace moves. In M = WᵀW⋆ it is
 * Ṁ = M B (I − MᵀM); d enters through the start only. Any r against any r⋆.
 *
 * The flow leaves the saddle of one leap after the other; `escapes` are the times at which the smallest cosine among that leap's new
 * directions passes ½. Spans of 17 decades are fine: an explicit method of order 8 runs in a time that follows the rate of the flow,
 * and an implicit one takes over where learnt directions relax much faster than the rest moves. Sines of learnt directions
 * are integrated on their own, and det MᵀM, which can only rise, is checked after every step.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; @throws {InputError} for a bad start or times, `RANGE` if ‖M(0)‖₂ > 1
 * @throws {NumericalError} `NOT_CONVERGED` if det MᵀM falls by more than the tolerance explains; rejects with the signal's reason
 * Source: [MI §3, §5]. Cost: some 50 steps of 12 evaluations of B; 1 ms for the staircase of three variables.
 * @example
 * ```ts
 * import { Link, populationFlow } from "leapflow/theory";
 * const { escapes } = await populationFlow(Link.parse("z1 + h2(z2)"), { dim: 100, rank: 2, seed: 1 });
 * console.log(escapes.length); // 2
 * ```
 */
export async function populationFlow(link: Link, options: FlowOptions = {}): Promise<Flow> {
  const setup = readFlow(link, options, "populationFlow");
  setup.control.throwIfAborted();
  // Without recorded overlaps nobody sees how W turns within its span.
  const isTurning = setup.plan.times === undefined || setup.plan.times.length > 0;
  const system = new TwoTimescaleSystem(setup.link, setup.plan.rank, setup.plan.tolerance, isTurning);
  return runFlow(system, { ...setup.plan, monotone: true }, setup.control);
}

/**
 * The gradient flow with the link known and frozen, on the Stiefel manifold: Ṁ = K − sym(M Kᵀ) M, r = r⋆.
 *
 * `loss` is ‖f‖² − ⟨f, A_M f⟩. The flow has "converged" when that is 0; a stable stationary point elsewhere is "trapped": another frame
 * of the same subspace, or m = 0 approached from the wrong side.
 *
 * @throws as `populationFlow`; `RANGE` for a rank other than the link's
 * Source: [MI §6].
 */
export async function plantedFlow(link: Link, options: FlowOptions = {}): Promise<Flow> {
  const setup = readFlow(link, options, "plantedFlow");
  if (setup.plan.rank !== link.rank) {
    throw new OptionError(
      "RANGE",
      `rank is ${setup.plan.rank}; a planted flow has as many directions as the link, ${link.rank}.`,
      {
        details: { option: "rank", value: setup.plan.rank },
      },
    );
  }
  setup.control.throwIfAborted();
  return runFlow(
    new PlantedSystem(setup.link, setup.plan.tolerance),
    { ...setup.plan, monotone: false },
    setup.control,
  );
}
