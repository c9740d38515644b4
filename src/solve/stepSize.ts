/** Line search along one direction: Armijo's rule by halving, without reading X. */
import { type FlowPoint, type LinkPoint, type ProfiledLoss, slopeAlong } from "./objective.js";

const ARMIJO = 1e-4;
const MAX_HALVINGS = 40;

export interface Step {
  readonly link: LinkPoint;
  readonly t: number;
}

/**
 * First t = first·2^(−k), capped, with J(W(t)) ≤ J(W) + 10⁻⁴·t·⟨grad J, Δ⟩.
 *
 * @returns undefined when Δ is no descent direction or no step lowers J by more than rounding
 * Cost: one half pass over X, then O(n(p² + r²)) a trial.
 */
export async function armijo(
  objective: ProfiledLoss,
  point: FlowPoint,
  direction: Float64Array,
  first: number,
): Promise<Step | undefined> {
  const slope = slopeAlong(point, direction);
  if (!(slope < 0)) return undefined;
  let t = Math.min(first, await objective.along(point, direction));
  for (let k = 0; k <= MAX_HALVINGS; k++, t /= 2) {
    const link = await objective.trial(t);
    if (link.loss < point.loss && link.loss <= point.loss + ARMIJO * t * slope) return { link, t };
    // Once the whole predicted decrease is below the rounding of J, shorter steps cannot show one.
    if (-t * slope < 4 * Number.EPSILON * point.loss) return undefined;
  }
  return undefined;
}
