/** Several starts, a few steps each, and the best one kept. */

import type { RunControl } from "../base/control.js";
import type { MethodName } from "./methods.js";
import { methodNamed } from "./methods.js";
import type { FlowPoint, ProfiledLoss } from "./objective.js";
import { anyOf, deadline, diverged, gradientBelow, iterationLimit, nothingToOptimize } from "./stopping.js";
import { type FlowState, twoTimescale } from "./twoTimescale.js";

/** A start basis by name. */
export interface NamedStart {
  readonly name: string;
  /** k×r, computed when its turn comes. */
  readonly basis: () => Promise<Float64Array>;
}

/** A start after its screening run. */
export interface ScreenedStart {
  readonly name: string;
  readonly basis: Float64Array;
  /** J after the screening steps. */
  readonly loss: number;
  readonly point: FlowPoint;
}

/** Gauss–Newton steps from every start. Before three the order of losses means little, after three it is nearly final. */
const SCREENING_STEPS = 3;
const SCREENING_METHOD: MethodName = "gauss-newton";

/**
 * Runs every start for a few Gauss–Newton steps of the same objective. Losses of equal rank, degree and ridge order
 * models as any estimate of held-out error with the same degrees of freedom does.
 *
 * Yields each state it passes; returns the starts from best to worst (ties: in the order given). At least one start is
 * screened even past the deadline.
 * Source: `math/learner` §2, §11.
 */
export async function* screen(
  objective: ProfiledLoss,
  starts: readonly NamedStart[],
  tolerance: number,
  control: RunControl,
  steps = SCREENING_STEPS,
): AsyncGenerator<{ start: string; state: FlowState }, ScreenedStart[]> {
  const out: ScreenedStart[] = [];
  const stopping = anyOf(
    diverged,
    nothingToOptimize(objective.dim, objective.rank),
    gradientBelow(tolerance),
    iterationLimit(steps),
  );
  for (const start of starts) {
    if (out.length > 0 && control.expired) break;
    const basis = await start.basis();
    const run = twoTimescale(objective, basis, methodNamed(SCREENING_METHOD), anyOf(stopping, deadline(control)));
    for (;;) {
      const { done, value } = await run.next();
      if (done) {
        out.push({ name: start.name, basis, loss: value.point.loss, point: value.point });
        break;
      }
      yield { start: start.name, state: value };
    }
  }
  return out
    .map((start, k) => ({ start, k }))
    .sort((a, b) => compareLoss(a.start.loss, b.start.loss) || a.k - b.k)
    .map(({ start }) => start);
}

/** Ascending, with everything that is not a number last. */
function compareLoss(a: number, b: number): number {
  const [bad, worse] = [Number.isNaN(a), Number.isNaN(b)];
  return bad || worse ? Number(bad) - Number(worse) : a - b;
}
