/** Flags that the theory commands share: the link, whole numbers, lists. */
import { OptionError } from "../base/errors.js";
import type { Link, StudyProgress } from "../theory/index.js";
import { numberOrWord } from "./fitFlags.js";
import { watchSignals } from "./outcome.js";
import { progressLine } from "./print.js";

/** What `--link` takes, for help texts. */
export const LINK_HELP =
  'link in z1, z2, …, e.g. "z1 + z1*z2": numbers, pi, + - * / ^, sin, cos, exp, tanh, relu, abs, sign, sqrt, log, He1…He12, normalised h1…h12';

/** The link of an expression. */
export async function readLink(text: string, degree?: string): Promise<Link> {
  const { Link } = await import("../theory/index.js");
  return Link.parse(text, degree === undefined ? {} : { degree: numberOrWord(degree) as number });
}

/** Named flags as options of a library call; only those given, so that the library's defaults hold. */
export function optionsOf(flags: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const name of names) {
    const text = flags[name];
    if (typeof text === "string") options[name] = numberOrWord(text);
  }
  return options;
}

/**
 * A comma-separated list of numbers.
 *
 * @throws {OptionError} `TYPE` for a part that is no number
 */
export function readNumbers(text: string, flag: string): number[] {
  return text.split(",").map((part) => {
    const value = numberOrWord(part);
    if (typeof value === "number") return value;
    throw new OptionError("TYPE", `${flag} is ${JSON.stringify(text)}; expected numbers such as 100,1000,10000.`, {
      details: { option: flag },
    });
  });
}

/** What a computation is given so that it can be watched and stopped. */
export interface Watch {
  readonly signal: AbortSignal;
  /** A line of progress, shown on a terminal. */
  say(text: string): void;
  readonly onProgress: (progress: StudyProgress) => void;
}

/** Runs a computation with a progress line; Ctrl-C and SIGTERM stop it. */
export async function watched<T>(work: (watch: Watch) => Promise<T>): Promise<T> {
  const signals = watchSignals();
  const line = progressLine();
  try {
    const result = await work({
      signal: signals.signal,
      say: line.say,
      onProgress: ({ phase, done, total }) => line.say(`${phase}: ${done} of ${total}`),
    });
    await signals.settle();
    return result;
  } finally {
    line.clear();
    signals.stop();
  }
}

/** Refuses a figure that could not be written, before any work is done. */
export async function checkPlot(path: string | undefined): Promise<void> {
  if (path !== undefined) await (await import("../io/index.js")).checkWritable(path);
}

/** Writes a figure when one was asked for. */
export async function savePlot(path: string | undefined, draw: () => Promise<string>): Promise<void> {
  if (path !== undefined) await (await import("../io/index.js")).writeText(path, await draw());
}
