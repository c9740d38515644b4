/** What rebuilds rows that were served somewhere and got lost: the calls that still matter, in order. */
import type { PassName } from "./passes.js";

/** A pass with its arguments, those with one entry a row for all rows. */
export interface PassCall {
  readonly name: PassName;
  readonly args: readonly unknown[];
}

/** Calls that make the trial: each project or combine begins a new one. */
const TRIAL: readonly PassName[] = ["project", "place", "combine", "direct", "residuals"];
const DIRECTION: readonly PassName[] = ["direction", "motion"];

/**
 * The state of a run of parts is a function of the calls made on it, and most calls overwrite what earlier ones left.
 * Replaying what is kept here on fresh rows gives the same bits in every slot that a later pass reads.
 *
 * A point that was projected from X stands alone; one that a line search moved to needs the point it came from, the direction
 * and the step. Objectives project afresh every twenty steps, so the list stays short.
 */
export class PassLog {
  /** Responses and scaling. */
  #fixed: PassCall[] = [];
  /** What made the current point. */
  #point: PassCall[] = [];
  /** What came after it. */
  #since: PassCall[] = [];

  /** The calls to make on fresh rows. */
  get calls(): readonly PassCall[] {
    return [...this.#fixed, ...this.#point, ...this.#since];
  }

  record(name: PassName, args: readonly unknown[]): void {
    const call = { name, args };
    switch (name) {
      case "setTarget":
      case "standardize":
        if (this.#point.length + this.#since.length > 0) this.#since.push(call);
        else this.#fixed = [...this.#fixed.filter((one) => one.name !== name), call];
        return;
      case "project":
      case "place":
      case "combine":
        this.#drop(({ name: one }) => TRIAL.includes(one));
        break;
      case "direction":
      case "motion":
        // A direction that the trial was made with is needed as long as the trial is.
        if (!this.#since.some((one) => one.name === "combine")) this.#drop(({ name: one }) => DIRECTION.includes(one));
        break;
      case "direct":
      case "residuals":
      case "tangentGram":
      case "leverages":
        this.#drop((one) => one.name === name);
        break;
      case "acceptTrial":
        this.#accept(call);
        return;
      default:
        return; // leaves nothing behind that is read later
    }
    this.#since.push(call);
  }

  #accept(call: PassCall): void {
    const trial = this.#since.find(({ name }) => ["project", "place", "combine"].includes(name));
    const made = this.#since.filter(
      ({ name }) => TRIAL.includes(name) || name === "setTarget" || name === "standardize",
    );
    if (trial && trial.name !== "combine") this.#point = [...made, call];
    else if (trial)
      this.#point.push(...this.#since.filter((one) => made.includes(one) || DIRECTION.includes(one.name)), call);
    else this.#point.push(...this.#since, call);
    this.#since = [];
  }

  #drop(isDropped: (call: PassCall) => boolean): void {
    this.#since = this.#since.filter((call) => !isDropped(call));
  }
}
