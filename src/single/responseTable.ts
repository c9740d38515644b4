/** Functions of the response of a noisy channel as tables with cubic interpolation. */
import { expm1, log1p } from "../base/elementary.js";
import type { Channel } from "./channel.js";

/** Nodes of a table; its spacing follows the bulk of the responses. */
const TABLE_NODES = 1200;

/** A function of y with a table behind it; responses beyond the table get its last value. */
export interface ResponseTable {
  value(y: number): number;
  readonly largest: number;
  /** The y at which the table passes a level. */
  crossings(level: number): number[];
}

/**
 * Tabulates a smooth function of the response of a noisy channel; the atom of a clipped channel is kept apart.
 * Cost: 1201 evaluations.
 */
export function tabulateResponse(channel: Channel, complex: boolean, exactly: (y: number) => number): ResponseTable {
  const isClipped = channel.law === "clipped";
  const [low, high] = responseRange(channel, complex);
  const from = isClipped ? 0 : low;
  const atom = isClipped ? exactly(0) : 0;
  // Nodes crowd where f(z) is small: responses of a wide range (cubic, square) have their bulk there.
  const bulk = Math.max(channel.noiseStd, 1e-3 * (high - from));
  const center = Math.min(Math.max(channel.location(0), from), high);
  const warp = (y: number): number => Math.sign(y - center) * log1p(Math.abs(y - center) / bulk);
  const unwarp = (u: number): number => center + Math.sign(u) * bulk * expm1(Math.abs(u));
  const first = warp(from);
  const step = (warp(high) - first) / TABLE_NODES;
  const values = Float64Array.from({ length: TABLE_NODES + 1 }, (_, i) => {
    const y = unwarp(first + i * step);
    // The limit y → 0+ of a clipped channel, not its atom at 0.
    return exactly(isClipped && y <= 0 ? 1e-12 : y);
  });
  const value = (y: number): number => {
    if (isClipped && y <= 0) return atom;
    const x = (warp(y) - first) / step;
    if (!(x > 0)) return values[0];
    if (x >= TABLE_NODES) return values[TABLE_NODES];
    const i = Math.floor(x);
    return cubic(values, i, x - i);
  };
  const crossings = (level: number): number[] => {
    const out: number[] = [];
    for (let i = 1; i < values.length; i++) {
      const [before, after] = [values[i - 1] - level, values[i] - level];
      if (before < 0 !== after < 0) out.push(unwarp(first + step * (i - 1 + before / (before - after))));
    }
    return out;
  };
  return { value, largest: Math.max(...values), crossings };
}

/** Four-point interpolation between nodes i and i + 1. */
function cubic(values: Float64Array, i: number, t: number): number {
  const b = values[i];
  const c = values[i + 1];
  const a = i > 0 ? values[i - 1] : 2 * b - c;
  const d = i + 2 < values.length ? values[i + 2] : 2 * c - b;
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/** The responses that occur: f over the z that matter, widened by the noise. */
export function responseRange(channel: Channel, complex: boolean): [number, number] {
  const reach = complex ? 6 : 8.5;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i <= 2000; i++) {
    const y = channel.location(complex ? (reach * i) / 2000 : reach * (i / 1000 - 1));
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  const noise = 8.5 * channel.noiseStd;
  return [low - noise, high + noise];
}
