/** Runs a target over a range of inputs and reports the first finding. */
import { randomAt } from "./mutate.js";
import { TARGETS } from "./targets.js";

export interface Finding {
  readonly target: string;
  readonly index: number;
  readonly reason: string;
  readonly input: Uint8Array;
}

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Number.prototype];
const shapes = (): string => PROTOTYPES.map((one) => Reflect.ownKeys(one).length).join();

export interface SessionOptions {
  readonly seed: number;
  readonly from: number;
  readonly runs: number;
  /** Called before every input with its index. */
  onInput?(index: number): void;
}

/** @returns the first input that breaks the target's promise or changes a prototype */
export async function session(
  name: string,
  { seed, from, runs, onInput }: SessionOptions,
): Promise<Finding | undefined> {
  const target = await TARGETS[name]();
  const before = shapes();
  for (let index = from; index < from + runs; index++) {
    onInput?.(index);
    const made = target.make(randomAt(seed, index));
    const input = typeof made === "string" ? new TextEncoder().encode(made) : made;
    let reason: string | undefined;
    try {
      await target.run(made);
    } catch (error) {
      reason = String((error as Error)?.stack ?? error);
    }
    if (shapes() !== before) reason = "a prototype was changed";
    if (reason !== undefined) return { target: name, index, reason, input };
  }
  return undefined;
}
