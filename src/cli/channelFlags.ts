/** Flags that the single-index commands share. */
import type { Command } from "commander";
import { numberOrWord } from "./fitFlags.js";

/** `--channel` and `--noise`. */
export interface ChannelFlags {
  readonly channel: string;
  readonly noise?: string;
}

export function addChannelFlags(command: Command): Command {
  return command
    .requiredOption(
      "--channel <name>",
      'link of y = φ(z, noise): "square", "abs", "He2", "tanh", "relu", "cubic", "logit"',
    )
    .option("--noise <std>", "standard deviation of the noise, default 0; the slope of logit, default 1");
}

/** The library's channel; what it does not know, it refuses itself. */
export function channelOf({ channel, noise }: ChannelFlags): { link: string; noiseStd?: number } {
  return { link: channel, ...(noise === undefined ? {} : { noiseStd: numberOrWord(noise) as number }) };
}
