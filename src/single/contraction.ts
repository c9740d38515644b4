/** A stopping rule for linear convergence: the error that is left, from how fast steps shrink. */

/** Steps over which the rate is measured. */
const WINDOW = 10;

/**
 * With steps that shrink like ρᵗ the distance to the limit is step·ρ/(1 − ρ); ρ is the geometric mean over ten steps.
 * A slow method thus goes on longer at the same step length, and the tolerance means the same for all of them.
 */
export class ContractionRule {
  readonly #tolerance: number;
  readonly #steps: number[] = [];

  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  /** Adds the relative length of one more step. */
  add(step: number): void {
    this.#steps.push(step);
    if (this.#steps.length > WINDOW + 1) this.#steps.shift();
  }

  /** Whether the relative error that is left is estimated below the tolerance. */
  get isReached(): boolean {
    const steps = this.#steps;
    const last = steps.at(-1);
    if (last === undefined) return false;
    // Nothing moves any more: rounding is all that is left.
    if (last <= 4 * Number.EPSILON) return true;
    if (steps.length <= WINDOW || !(last < steps[0])) return false;
    let rate = last / steps[0];
    // The tenth root by Newton's method, since powers differ between engines.
    rate = tenthRoot(rate);
    return (last * rate) / (1 - rate) <= this.#tolerance;
  }
}

function tenthRoot(x: number): number {
  let r = 1;
  for (let k = 0; k < 200; k++) {
    const r3 = r * r * r;
    const next = (9 * r + x / (r3 * r3 * r3)) / 10;
    if (!(next < r)) return r;
    r = next;
  }
  return r;
}
