/** Flags that the theory commands share: the link, whole numbers, lists. */
import { OptionError } from "../base/errors.js";
import type { Link } from "../theory/index.js";
import { numberOrWord } from "./fitFlags.js";

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
