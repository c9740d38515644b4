/** Preprocessing functions T(y) of the spectral start, with the largest value they take. */
import { checkCallback, checkNumber, checkOptions, describe } from "../base/assert.js";
import { exp, log } from "../base/elementary.js";
import { OptionError } from "../base/errors.js";
import type { Channel } from "./channel.js";
import { splitCall } from "./losses.js";
import { locateJump, posteriorOf } from "./posterior.js";
import { responseRange, tabulateResponse } from "./responseTable.js";

/** A preprocessing function of one's own; `supremum` bounds T over the y that occur and must be > 0. */
export interface CustomPreprocess {
  readonly value: (y: number) => number;
  readonly supremum: number;
}

/** What is accepted: `"trim(9)"`, `"subset(1.5)"`, `"opt(20)"`, `"optimal(10)"`, `"mm"` or one's own. */
export type PreprocessLike = string | CustomPreprocess;

export type PreprocessKind = "trim" | "subset" | "opt" | "optimal" | "mm" | "custom";

/** A preprocessing function T. */
export interface Preprocess {
  /** As one writes it: `"trim(9)"`. */
  readonly name: string;
  readonly kind: PreprocessKind;
  /** The clip or cut; 0 where there is none. */
  readonly parameter: number;
  /** T(y). */
  value(y: number): number;
  /** ess sup T(y) over the responses of the channel: never below T. ≤ 0 only if T says nothing. */
  readonly supremum: number;
  /** The y at which T jumps or bends, ascending. */
  readonly breaks: readonly number[];
}

/** What T depends on besides y. */
export interface PreprocessContext {
  readonly channel: Channel;
  /** δ = n/d, for `mm`. */
  readonly ratio: number;
  readonly complex: boolean;
}

const DEFAULTS: Readonly<Record<string, number | undefined>> = {
  trim: 9,
  subset: 1.5,
  opt: 20,
  optimal: 10,
  mm: undefined,
};

/**
 * The preprocessing function of a contract value.
 *
 * `trim(K)` y·1{y ≤ K}; `subset(K)` 1{y ≥ K}; `opt(F)` max(1 − 1/y, −F), −F for y ≤ 0; `mm` (y − 1)/(y + √(2δ) − 1), complex
 * (y − 1)/(y + √δ − 1); `optimal(F)` max(1 − 1/E[z²|y], −F) of the channel.
 *
 * @throws {OptionError} `TYPE`, `RANGE`, `UNKNOWN`; `mm` is `RANGE` at ratios ≤ ½ (complex 1), where it has a pole; a
 *   function that returns no finite number is `CALLBACK`
 * Source: [SI §b, §f]. Cost: `optimal` of a noisy channel tabulates 1200 posteriors, some 0.1 s; the others nothing.
 */
export function parsePreprocess(given: unknown, context: PreprocessContext, name = "preprocess"): Preprocess {
  if (typeof given !== "string") return customPreprocess(given, context, name);
  const { word, parameter = 0 } = splitCall(given, name, DEFAULTS);
  if (word === "trim") return trim(parameter, context.channel);
  if (word === "subset") return subset(parameter, context.channel);
  if (word === "opt") return opt(parameter, context.channel);
  if (word === "optimal") return optimal(parameter, context);
  return mm(context, name);
}

/** `opt(20)` for y = z² without noise, `optimal(10)` for every other channel. */
export function defaultPreprocess({ name, law }: Channel): string {
  return name === "square" && law === "exact" ? "opt(20)" : "optimal(10)";
}

function trim(cut: number, { range }: Channel): Preprocess {
  return {
    name: `trim(${cut})`,
    kind: "trim",
    parameter: cut,
    value: (y) => (y <= cut ? y : 0),
    supremum: range[0] <= cut ? Math.min(cut, range[1]) : 0,
    breaks: [cut],
  };
}

function subset(cut: number, { range }: Channel): Preprocess {
  return {
    name: `subset(${cut})`,
    kind: "subset",
    parameter: cut,
    value: (y) => (y >= cut ? 1 : 0),
    supremum: range[1] > cut ? 1 : 0,
    breaks: [cut],
  };
}

function opt(floor: number, { range }: Channel): Preprocess {
  return {
    name: `opt(${floor})`,
    kind: "opt",
    parameter: floor,
    value: (y) => (y > 0 ? Math.max(1 - 1 / y, -floor) : -floor),
    supremum: 1 - 1 / range[1],
    breaks: [1 / (1 + floor)],
  };
}

function mm({ channel: { range }, ratio, complex }: PreprocessContext, name: string): Preprocess {
  const shift = Math.sqrt(complex ? ratio : 2 * ratio) - 1;
  if (!(shift > 0)) {
    throw new OptionError(
      "RANGE",
      `${name} "mm" is defined for ratios above ${complex ? 1 : 0.5}, its weak-recovery threshold; the ratio is ${ratio}. Use "opt(20)" there.`,
      { details: { option: name, ratio } },
    );
  }
  // Negative responses, which noise can produce, count as 0: the formula has its pole there.
  const value = (y: number): number => (y > 0 ? (y - 1) / (y + shift) : -1 / shift);
  return {
    name: "mm",
    kind: "mm",
    parameter: 0,
    value,
    supremum: range[1] === Infinity ? 1 : value(range[1]),
    breaks: [0],
  };
}

function optimal(floor: number, { channel, complex }: PreprocessContext): Preprocess {
  const base = { name: `optimal(${floor})`, kind: "optimal", parameter: floor } as const;
  const clipped = (square: number): number => Math.max(1 - 1 / square, -floor);
  const posterior = posteriorOf(channel, complex);
  if (channel.law === "binary") {
    // P(+1 | z) − ½ is odd in z, so E[z² | y] = 1: labels say nothing about z².
    return { ...base, value: () => 0, supremum: 0, breaks: [] };
  }
  const closed = closedSquare(channel);
  if (closed !== undefined) {
    const { square, inverse, breaks } = closed;
    const bend = inverse(1 / (1 + floor));
    return {
      ...base,
      value: (y) => clipped(square(y)),
      supremum: 1,
      breaks: [...breaks, ...bend].sort((a, b) => a - b),
    };
  }
  if (channel.law === "exact") {
    // Preimages are found for each y; sharp turns of E[z² | y] are those of the link.
    const value = (y: number): number => clipped(posterior(y).square);
    const breaks = (channel.turningPoints ?? []).map((z) => channel.location(z));
    return { ...base, value, supremum: supremumOver(channel, value), breaks };
  }
  const table = tabulateResponse(channel, complex, (y) => posterior(y).square);
  return {
    ...base,
    value: (y) => clipped(table.value(y)),
    supremum: channel.name === "custom" ? 1 - 1 / table.largest : 1,
    breaks: [...(channel.law === "clipped" ? [0] : []), ...table.crossings(1 / (1 + floor))],
  };
}

/** E[z² | y] of the noiseless links that have it in closed form, with where it equals a given value. */
function closedSquare(channel: Channel):
  | {
      readonly square: (y: number) => number;
      readonly inverse: (square: number) => number[];
      readonly breaks: readonly number[];
    }
  | undefined {
  if (channel.law !== "exact") return undefined;
  if (channel.name === "square") return { square: (y) => Math.max(y, 0), inverse: (s) => [s], breaks: [] };
  if (channel.name === "abs") return { square: (y) => y * y, inverse: (s) => [Math.sqrt(s)], breaks: [] };
  if (channel.name === "He2") {
    return { square: (y) => Math.max(Math.SQRT2 * y + 1, 0), inverse: (s) => [(s - 1) * Math.SQRT1_2], breaks: [] };
  }
  if (channel.name === "relu") {
    return { square: (y) => (y > 0 ? y * y : 1), inverse: (s) => [Math.sqrt(s)], breaks: [0] };
  }
  if (channel.name === "cubic") {
    return {
      square: (y) => (y === 0 ? 0 : exp((2 / 3) * log(Math.abs(y)))),
      inverse: (s) => [-s * Math.sqrt(s), s * Math.sqrt(s)],
      breaks: [],
    };
  }
  return undefined;
}

/** Largest T over the responses of a noiseless link, on a grid of z. */
function supremumOver(channel: Channel, value: (y: number) => number): number {
  let most = -Infinity;
  for (let i = 0; i <= 2000; i++) most = Math.max(most, value(channel.location(8.5 * (i / 1000 - 1))));
  return most;
}

function customPreprocess(given: unknown, { channel, complex }: PreprocessContext, name: string): Preprocess {
  if (typeof given !== "object" || given === null) {
    throw new OptionError(
      "TYPE",
      `${name} is ${describe(given)}; expected a name such as "trim(9)" or { value, supremum }.`,
      { details: { option: name } },
    );
  }
  const options = checkOptions(given, ["value", "supremum"], name);
  const f = checkCallback<[number], unknown>(options.value, `${name}.value`);
  const supremum = checkNumber(options.supremum, `${name}.supremum`, { above: 0 });
  const value = (y: number): number => {
    const t = f(y);
    if (typeof t !== "number" || !Number.isFinite(t)) {
      throw new OptionError("CALLBACK", `${name}.value(${y}) returned ${describe(t)}; expected a finite number.`, {
        details: { option: `${name}.value`, y },
      });
    }
    if (t > supremum * (1 + 1e-12)) {
      throw new OptionError(
        "RANGE",
        `${name}.value(${y}) is ${t}, above the supremum ${supremum} given with it. Raise supremum to the largest value of T.`,
        { details: { option: `${name}.supremum`, y, value: t } },
      );
    }
    return t;
  };
  return {
    name: "custom",
    kind: "custom",
    parameter: 0,
    value,
    supremum,
    breaks: jumpsOf(f, responseRange(channel, complex)),
  };
}

/** Jumps of an unknown T over the responses that occur; values that are no numbers are left for its use to report. */
function jumpsOf(f: (y: number) => unknown, [low, high]: readonly [number, number]): number[] {
  const value = (y: number): number => {
    const t = f(y);
    return typeof t === "number" && Number.isFinite(t) ? t : 0;
  };
  const nodes: number[] = [0];
  for (let y = 1e-3; y < Math.max(high, -low); y *= 1.01) nodes.push(y, -y);
  const inside = nodes.filter((y) => y > low && y < high).sort((a, b) => a - b);
  const out: number[] = [];
  for (let i = 2; i + 1 < inside.length; i++) {
    const change = Math.abs(value(inside[i]) - value(inside[i - 1]));
    const before = Math.abs(value(inside[i - 1]) - value(inside[i - 2]));
    const after = Math.abs(value(inside[i + 1]) - value(inside[i]));
    if (change <= 3 * Math.max(before, after) || change < 1e-9) continue;
    const at = locateJump(value, inside[i - 1], inside[i]);
    if (at !== undefined) out.push(at);
  }
  return out;
}
