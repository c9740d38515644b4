/** What a channel tells about z: where the best spectral start begins to work, and what a linear start finds. */
import { checkBoolean, checkOptions } from "../base/assert.js";
import { type Channel, type ChannelLike, checkComplexChannel, parseChannel } from "./channel.js";
import { posteriorOf } from "./posterior.js";
import { responseLaw } from "./responseLaw.js";
import { tabulateResponse } from "./responseTable.js";

export interface ChannelInformationOptions {
  readonly channel: ChannelLike;
  readonly complex?: boolean;
}

/** What a channel tells about z, whatever the algorithm. */
export interface ChannelInformation {
  /** δ_c = 1/E[(E[z²|y] − 1)²], where the best spectral start begins to work; Infinity if y says nothing about z². */
  readonly spectralThreshold: number;
  /** I₁ = E[(E[z|y])²]; if it is > 0 the best linear start has overlap² δI₁/(1 + δI₁) at every δ. */
  readonly linearInformation: number;
}

/**
 * The weak-recovery threshold of spectral starts with the best T = 1 − 1/E[z²|y], and the information of linear starts.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; complex signals need an even channel; `CALLBACK` from own functions
 * Source: [SI §f]. Cost: some thousand posteriors, 0.2 s.
 */
export async function channelInformation(options: ChannelInformationOptions): Promise<ChannelInformation> {
  const given = checkOptions(options, ["channel", "complex"], "channelInformation");
  const channel = parseChannel(given.channel);
  const complex = given.complex === undefined ? false : checkBoolean(given.complex, "complex");
  if (complex) checkComplexChannel(channel);
  return informationOf(channel, complex);
}

function informationOf(channel: Channel, complex: boolean): ChannelInformation {
  const posterior = posteriorOf(channel, complex);
  const { weights, y } = responseLaw(channel, complex, channel.law === "clipped" ? [0] : []);
  // Labels take two values; noisy responses lie densely, and a table serves.
  const tabulate = (f: (y: number) => number): ((y: number) => number) => {
    if (channel.law === "exact") return f;
    if (channel.law !== "binary") return tabulateResponse(channel, complex, f).value;
    const [minus, plus] = [f(-1), f(1)];
    return (y) => (y > 0 ? plus : minus);
  };
  const square = tabulate((v) => posterior(v).square);
  const isEven = channel.even || complex;
  const mean = isEven ? () => 0 : tabulate((v) => posterior(v).mean);
  let excess = 0;
  let linear = 0;
  for (let i = 0; i < y.length; i++) {
    excess += weights[i] * (square(y[i]) - 1) ** 2;
    linear += weights[i] * mean(y[i]) ** 2;
  }
  return { spectralThreshold: excess > 1e-12 ? 1 / excess : Infinity, linearInformation: linear };
}
