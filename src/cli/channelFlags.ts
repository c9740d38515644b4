/** Flags that the single-index commands share. */
import type { Command } from "commander";
import { OptionError } from "../base/errors.js";
import type { DmftOptions, ModelOptions } from "../theory/index.js";
import { numberOrWord } from "./fitFlags.js";
import { optionsOf } from "./linkFlags.js";

/** `--channel` and `--noise`. */
export interface ChannelFlags {
  readonly channel: string;
  readonly noise?: string;
}

/** What gradient descent is run on. */
export interface ModelFlags extends ChannelFlags {
  readonly ratio: string;
  readonly loss?: string;
  readonly ridge?: string;
  readonly step?: string;
  readonly complex?: boolean;
}

/** Where it starts. */
export interface StartFlags {
  readonly start?: string;
  readonly overlap?: string;
  readonly normSquared?: string;
  readonly startScale?: string;
  readonly preprocess?: string;
}

/** What `--preprocess` takes, for help texts. */
export const PREPROCESS_HELP = '"opt(20)", "optimal(10)", "mm", "trim(9)" or "subset(1.5)", any number in the brackets';

export function addChannelFlags(command: Command): Command {
  return command
    .requiredOption(
      "--channel <name>",
      'link of y = φ(z, noise): "square", "abs", "He2", "tanh", "relu", "cubic" or "logit"',
    )
    .option("--noise <std>", "standard deviation of the noise, default 0; for logit the slope, default 1");
}

export function addModelFlags(command: Command): Command {
  return addChannelFlags(command)
    .requiredOption("--ratio <n/d>", "rows per input")
    .option(
      "--loss <name>",
      '"rational(1)", "wf", "sqtanh", "sqsoftplus(4)" or "logistic"; default: the one that fits the channel',
    )
    .option("--ridge <number>", "λ of the ridge, default 0")
    .option("--step <number>", "step size η; default: a safe one where the loss has bounded curvature")
    .option("--complex", "complex signals and rows");
}

/** The library's channel; what it does not know, it refuses itself. */
export function channelOf({ channel, noise }: ChannelFlags): { link: string; noiseStd?: number } {
  return { link: channel, ...(noise === undefined ? {} : { noiseStd: numberOrWord(noise) as number }) };
}

export function modelOf(flags: ModelFlags): ModelOptions {
  return {
    ...optionsOf({ ...flags }, ["ratio", "ridge"]),
    channel: channelOf(flags),
    ...(flags.loss === undefined ? {} : { loss: flags.loss }),
    ...(flags.step === undefined ? {} : { stepSize: numberOrWord(flags.step) }),
    complex: flags.complex === true,
  } as unknown as ModelOptions;
}

/**
 * The start: a name, or overlap and squared norm of one that is independent of the data.
 *
 * @throws {OptionError} `TYPE` when an independent start lacks its numbers, or another one has them
 */
export function startOf(flags: StartFlags): Pick<DmftOptions, "start" | "startScale" | "preprocess"> {
  const { start, overlap, normSquared } = flags;
  const given = overlap !== undefined || normSquared !== undefined;
  const rest = optionsOf({ ...flags }, ["startScale", "preprocess"]);
  if (start !== "independent") {
    if (given)
      throw new OptionError("TYPE", "--overlap and --norm-squared belong to --start independent.", {
        details: { option: "start" },
      });
    return { ...(start === undefined ? {} : { start: start as "spectral" }), ...rest };
  }
  if (overlap === undefined || normSquared === undefined)
    throw new OptionError("TYPE", "--start independent needs --overlap and --norm-squared.", {
      details: { option: "start" },
    });
  const numbers = { overlap: numberOrWord(overlap) as number, normSquared: numberOrWord(normSquared) as number };
  return { start: numbers, ...rest };
}
