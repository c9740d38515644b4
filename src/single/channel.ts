/** Channels y = φ(z, w): links with noise, in the conventions of the single-index page. */
import { checkCallback, checkChoice, checkNumber, checkOptions, describe } from "../base/assert.js";
import { exp, normalCumulative, normalDensity, tanh } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";

const CHANNEL_NAMES = ["square", "abs", "He2", "tanh", "relu", "cubic", "logit"] as const;

export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** A link by name or as a function of z. `noiseStd` is σ ≥ 0 (default 0); for `logit` the slope > 0 (default 1). */
export interface ChannelOptions {
  readonly link: ChannelName | ((z: number) => number);
  readonly noiseStd?: number;
}

/** What is accepted as a channel; a string is the noiseless link. */
export type ChannelLike = ChannelName | ((z: number) => number) | ChannelOptions;

/**
 * How y is drawn given μ = f(z): `exact` y = μ; `gaussian` y = μ + σw; `clipped` y = max(μ + σw, 0); `binary` y = ±1 with
 * P(+1) = (1 + μ)/2.
 */
export type ChannelLaw = "exact" | "gaussian" | "clipped" | "binary";

/** A channel y = φ(z, w), z and w standard normal (complex signals: z stands for |z|, and the link must be even). */
export interface Channel {
  readonly name: ChannelName | "custom";
  /** σ, or the slope of `logit`. */
  readonly noiseStd: number;
  readonly law: ChannelLaw;
  /** True if f(−z) = f(z), as complex signals need; taken on trust for functions. */
  readonly even: boolean;
  /** Smallest and largest y. */
  readonly range: readonly [number, number];
  /** Points between which f is monotone or constant, ascending, without the ends; undefined where unknown. */
  readonly turningPoints: readonly number[] | undefined;
  /** f(z): y without noise; for `logit` E[y|z]. */
  location(z: number): number;
  /** φ(z, w), w standard normal. */
  value(z: number, w: number): number;
  /** One draw of y given z. */
  sample(z: number, rng: { normal(): number }): number;
  /** E[y | z]. */
  mean(z: number): number;
}

interface Shape {
  readonly f: (z: number) => number;
  readonly even: boolean;
  readonly turns: readonly number[];
  readonly range: readonly [number, number];
}

const HALF_ROOT = Math.SQRT1_2;
const SHAPES: { readonly [name in Exclude<ChannelName, "logit">]: Shape } = {
  square: { f: (z) => z * z, even: true, turns: [0], range: [0, Infinity] },
  abs: { f: Math.abs, even: true, turns: [0], range: [0, Infinity] },
  He2: { f: (z) => (z * z - 1) * HALF_ROOT, even: true, turns: [0], range: [-HALF_ROOT, Infinity] },
  tanh: { f: tanh, even: false, turns: [], range: [-1, 1] },
  relu: { f: (z) => (z > 0 ? z : 0), even: false, turns: [0], range: [0, Infinity] },
  cubic: { f: (z) => z * z * z, even: false, turns: [], range: [-Infinity, Infinity] },
};

/**
 * The channel of a contract value: `"square"`, a function of z, or `{ link, noiseStd }`.
 *
 * `square` y = max(z² + σw, 0); `abs` |z| + σw; `He2` (z² − 1)/√2 + σw; `tanh`, `relu`, `cubic` (z³) and functions f(z) + σw;
 * `logit` P(y = +1) = 1/(1 + e^{−σz}), otherwise y = −1, with σ the slope.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`
 * Source: [SI §a, §f] and the fixtures' `links`.
 */
export function parseChannel(given: unknown, name = "channel"): Channel {
  if (typeof given === "function") return functionChannel(given as (z: number) => number, 0, name);
  if (typeof given === "string") return namedChannel(channelName(given, name), undefined, name);
  if (typeof given !== "object" || given === null) {
    throw new OptionError(
      "TYPE",
      `${name} is ${describe(given)}; expected a name, a function of z, or { link, noiseStd }.`,
      { details: { option: name } },
    );
  }
  const { link, noiseStd } = checkOptions(given, ["link", "noiseStd"], name);
  if (typeof link === "function") {
    const sigma = noiseStd === undefined ? 0 : checkNumber(noiseStd, `${name}.noiseStd`, { min: 0 });
    return functionChannel(link as (z: number) => number, sigma, `${name}.link`);
  }
  return namedChannel(channelName(link, `${name}.link`), noiseStd, `${name}.noiseStd`);
}

function channelName(given: unknown, name: string): ChannelName {
  return checkChoice(given === "he2" ? "He2" : given, name, CHANNEL_NAMES, "a function of z");
}

function namedChannel(link: ChannelName, noiseStd: unknown, name: string): Channel {
  if (link === "logit") return logitChannel(noiseStd === undefined ? 1 : checkNumber(noiseStd, name, { above: 0 }));
  const sigma = noiseStd === undefined ? 0 : checkNumber(noiseStd, name, { min: 0 });
  const { f, even, turns, range } = SHAPES[link];
  if (sigma === 0) return exactChannel(link, f, even, turns, range);
  return link === "square" ? clippedSquare(sigma) : noisyChannel(link, f, sigma, even, turns);
}

function functionChannel(f: (z: number) => number, sigma: number, name: string): Channel {
  const call = checkCallback<[number], unknown>(f, name);
  const checked = (z: number): number => {
    const y = call(z);
    if (typeof y === "number" && Number.isFinite(y)) return y;
    throw new OptionError("CALLBACK", `${name}(${z}) returned ${describe(y)}; expected a finite number.`, {
      details: { option: name, argument: z },
    });
  };
  checked(0.5);
  if (sigma > 0) return noisyChannel("custom", checked, sigma, false, undefined);
  return exactChannel("custom", checked, false, undefined, [-Infinity, Infinity]);
}

function exactChannel(
  name: Channel["name"],
  f: (z: number) => number,
  even: boolean,
  turningPoints: readonly number[] | undefined,
  range: readonly [number, number],
): Channel {
  const even_ = name === "custom" ? isEven(f) : even;
  return {
    name,
    noiseStd: 0,
    law: "exact",
    even: even_,
    range,
    turningPoints,
    location: f,
    value: f,
    sample: f,
    mean: f,
  };
}

function noisyChannel(
  name: Channel["name"],
  f: (z: number) => number,
  noiseStd: number,
  even: boolean,
  turningPoints: readonly number[] | undefined,
): Channel {
  return {
    name,
    noiseStd,
    law: "gaussian",
    even: name === "custom" ? isEven(f) : even,
    range: [-Infinity, Infinity],
    turningPoints,
    location: f,
    value: (z, w) => f(z) + noiseStd * w,
    sample: (z, rng) => f(z) + noiseStd * rng.normal(),
    mean: f,
  };
}

function clippedSquare(noiseStd: number): Channel {
  const value = (z: number, w: number): number => Math.max(z * z + noiseStd * w, 0);
  return {
    name: "square",
    noiseStd,
    law: "clipped",
    even: true,
    range: [0, Infinity],
    turningPoints: [0],
    location: (z) => z * z,
    value,
    sample: (z, rng) => value(z, rng.normal()),
    mean(z) {
      const a = (z * z) / noiseStd;
      return noiseStd * (a * normalCumulative(a) + normalDensity(a));
    },
  };
}

function logitChannel(slope: number): Channel {
  const mean = (z: number): number => tanh(0.5 * slope * z);
  const value = (z: number, w: number): number => (normalCumulative(w) * (1 + exp(-slope * z)) < 1 ? 1 : -1);
  return {
    name: "logit",
    noiseStd: slope,
    law: "binary",
    even: false,
    range: [-1, 1],
    turningPoints: [],
    location: mean,
    value,
    sample: (z, rng) => value(z, rng.normal()),
    mean,
  };
}

/** Evenness of a caller's function, judged at a few points. */
function isEven(f: (z: number) => number): boolean {
  return [0.13, 0.5, 1.1, 1.7, 2.9].every((z) => {
    const [a, b] = [f(z), f(-z)];
    return Math.abs(a - b) <= 1e-9 * (Math.abs(a) + Math.abs(b));
  });
}

/**
 * Refuses channels that say nothing about the phase-free complex model y = φ(|z|, w).
 * @throws {OptionError} `RANGE` unless the link is even
 */
export function checkComplexChannel(channel: Channel): void {
  if (channel.even) return;
  throw new OptionError(
    "RANGE",
    `channel ${channel.name} is not even; complex signals need a link of |z|: "square", "abs", "He2" or an even function.`,
    { details: { option: "channel", value: channel.name } },
  );
}
