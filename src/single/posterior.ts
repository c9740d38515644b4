/** What a response says about the hidden z: E[z^k | y] of any channel, by quadrature over the z that could have made y. */
import { exp, normalCumulative } from "../base/elementary.js";
import { NumericalError } from "../base/errors.js";
import { gaussLegendre } from "../math/quadrature.js";
import type { Channel } from "./channel.js";

/** Law of the response at one y. */
export interface PosteriorMoments {
  /** E[z | y]; 0 for complex signals. */
  readonly mean: number;
  /** E[z² | y]; complex signals: E[|z|² | y]. */
  readonly square: number;
}

/** Largest |z| considered; beyond it the normal law has less than 1e-27. */
const REACH_REAL = 11;
const REACH_COMPLEX = 8;
/** Deviations of the noise considered beyond those of the z that explains y best. */
const NOISE_REACH = 9;
const GRID = 4000;

/** A run of z on which f is monotone or constant, with the one-sided limits of f at its ends. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly atFrom: number;
  readonly atTo: number;
}

/**
 * E[z | y] and E[z² | y] as a function of y; complex signals: z stands for |z| with density 2r·exp(−r²), r > 0.
 *
 * Without noise the z with f(z) = y are found piece by piece and weighted by density/|f′|; runs on which f is constant are
 * atoms of y. With noise the integrals over z run over those parts of each piece whose noise is within 9 deviations of the
 * best one, so that small noise costs no accuracy. A y that a channel without noise cannot give counts as the nearest it can.
 *
 * @throws {NumericalError} `SINGULAR` when no z explains y
 * Source: Bayes' rule; [SI §f]. Cost: a few hundred evaluations of the link per call.
 */
export function posteriorOf(channel: Channel, complex: boolean): (y: number) => PosteriorMoments {
  const pieces = piecesOf(channel, complex);
  const weigh = new MomentSum(complex);
  if (channel.law === "exact") return (y) => exactMoments(channel, pieces, weigh, y);
  if (channel.law === "binary") return (y) => binaryMoments(channel, pieces, weigh, y);
  return (y) => noisyMoments(channel, pieces, weigh, y);
}

/** exp(−z²/2) or 2r·exp(−r²), not normalised. */
export function density(z: number, complex: boolean): number {
  return complex ? 2 * z * exp(-z * z) : exp(-0.5 * z * z);
}

class MomentSum {
  readonly complex: boolean;
  mass = 0;
  first = 0;
  second = 0;

  constructor(complex: boolean) {
    this.complex = complex;
  }

  reset(): void {
    this.mass = this.first = this.second = 0;
  }

  add(z: number, likelihood: number): void {
    const w = likelihood * density(z, this.complex);
    this.mass += w;
    this.first += w * z;
    this.second += w * z * z;
  }

  /** Adds ∫ likelihood·density over [from, to] by `panels` Gauss panels. */
  integrate(from: number, to: number, panels: number, likelihood: (z: number) => number): void {
    const { nodes, weights } = panelRule();
    const half = (to - from) / (2 * panels);
    for (let p = 0; p < panels; p++) {
      const middle = from + (2 * p + 1) * half;
      for (let i = 0; i < nodes.length; i++) {
        const z = middle + half * nodes[i];
        this.add(z, half * weights[i] * likelihood(z));
      }
    }
  }

  moments(y: number): PosteriorMoments {
    if (!(this.mass > 0)) {
      throw new NumericalError("SINGULAR", `no z explains the response ${y}; the channel cannot produce it.`, {
        details: { y },
      });
    }
    return { mean: this.complex ? 0 : this.first / this.mass, square: this.second / this.mass };
  }
}

let rule: ReturnType<typeof gaussLegendre> | undefined;
function panelRule(): ReturnType<typeof gaussLegendre> {
  rule ??= gaussLegendre(20);
  return rule;
}

/** The monotone pieces of a link on the z that matter; those of unknown functions are found on a grid. */
export function piecesOf(channel: Channel, complex: boolean): Piece[] {
  const reach = complex ? REACH_COMPLEX : REACH_REAL;
  const low = complex ? 0 : -reach;
  const f = channel.location;
  const turns = (channel.turningPoints ?? scanTurns(f, low, reach)).filter((z) => z > low && z < reach);
  const ends = [low, ...turns, reach];
  return ends.slice(1).map((to, i) => {
    const from = ends[i];
    // One-sided limits: f may jump at an end.
    const inset = 1e-12 * (to - from);
    return { from, to, atFrom: f(from + inset), atTo: f(to - inset) };
  });
}

/** Points at which a function on a fine grid changes direction, starts or stops being constant, or jumps. */
function scanTurns(f: (z: number) => number, low: number, high: number): number[] {
  const step = (high - low) / GRID;
  const values = Float64Array.from({ length: GRID + 1 }, (_, i) => f(low + i * step));
  const turns: number[] = [];
  for (let i = 1; i < GRID; i++) {
    const [before, after] = [values[i] - values[i - 1], values[i + 1] - values[i]];
    if (Math.sign(before) !== Math.sign(after)) turns.push(refineTurn(f, low + (i - 1) * step, low + (i + 1) * step));
    const around = Math.abs(before) + (i + 2 <= GRID ? Math.abs(values[i + 2] - values[i + 1]) : Math.abs(before));
    if (Math.abs(after) > 4 * around && Math.abs(after) > 1e-6) {
      const at = locateJump(f, low + i * step, low + (i + 1) * step);
      if (at !== undefined) turns.push(at);
    }
  }
  turns.sort((a, b) => a - b);
  return turns.filter((z, i) => i === 0 || z - turns[i - 1] > 1e-9);
}

/** The extremum (or the end of a constant run) inside a bracket, by halving on the sign of the slope. */
function refineTurn(f: (z: number) => number, low: number, high: number): number {
  const slope = (z: number): number => {
    const h = 1e-7 * (1 + Math.abs(z));
    return Math.sign(f(z + h) - f(z - h));
  };
  let [a, b] = [low, high];
  const left = slope(a);
  for (let i = 0; i < 40; i++) {
    const middle = 0.5 * (a + b);
    if (slope(middle) === left) a = middle;
    else b = middle;
  }
  return 0.5 * (a + b);
}

/** Where a function jumps inside a bracket, or undefined if it is merely steep. */
export function locateJump(f: (z: number) => number, low: number, high: number): number | undefined {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  const whole = Math.abs(fb - fa);
  for (let i = 0; i < 60 && b - a > 1e-13 * (1 + Math.abs(a)); i++) {
    const middle = 0.5 * (a + b);
    const fm = f(middle);
    if (Math.abs(fm - fa) > Math.abs(fb - fm)) [b, fb] = [middle, fm];
    else [a, fa] = [middle, fm];
  }
  return Math.abs(fb - fa) > 0.25 * whole ? 0.5 * (a + b) : undefined;
}

/** The z of a piece with f(z) = y, by bisection; y between the values at the ends. */
export function solvePiece(f: (z: number) => number, piece: Piece, y: number): number {
  const rising = piece.atTo > piece.atFrom;
  let [a, b] = [piece.from, piece.to];
  for (let i = 0; i < 60; i++) {
    const middle = 0.5 * (a + b);
    if (f(middle) < y === rising) a = middle;
    else b = middle;
  }
  return 0.5 * (a + b);
}

function exactMoments(channel: Channel, pieces: readonly Piece[], sum: MomentSum, y: number): PosteriorMoments {
  const f = channel.location;
  // An atom has more weight than any density: where y is one, only the constant runs count.
  sum.reset();
  for (const piece of pieces) {
    if (piece.atFrom === y && piece.atTo === y) sum.integrate(piece.from, piece.to, 12, () => 1);
  }
  if (sum.mass > 0) return sum.moments(y);
  for (const piece of pieces) {
    const [low, high] = piece.atFrom < piece.atTo ? [piece.atFrom, piece.atTo] : [piece.atTo, piece.atFrom];
    if (low === high || y < low || y > high) continue;
    const z = solvePiece(f, piece, y);
    const h = Math.min(1e-5 * (1 + Math.abs(z)), 0.5 * (piece.to - z) + 1e-12, 0.5 * (z - piece.from) + 1e-12);
    const slope = Math.abs(f(z + h) - f(z - h)) / (2 * h);
    sum.add(z, 1 / Math.max(slope, 1e-300));
  }
  return sum.mass > 0 ? sum.moments(y) : nearestMoments(pieces, sum, y);
}

/** For a y that f does not take: those of the nearest value it does. */
function nearestMoments(pieces: readonly Piece[], sum: MomentSum, y: number): PosteriorMoments {
  let [best, least] = [Number.NaN, Number.POSITIVE_INFINITY];
  for (const { from, to, atFrom, atTo } of pieces) {
    for (const [z, value] of [
      [from, atFrom],
      [to, atTo],
    ]) {
      const distance = Math.abs(value - y);
      if (distance < least) [best, least] = [z, distance];
    }
  }
  for (const { from, to, atFrom, atTo } of pieces) {
    if (Math.abs(atFrom - y) <= least) sum.add(from, 1);
    if (Math.abs(atTo - y) <= least) sum.add(to, 1);
  }
  // Complex densities vanish at |z| = 0.
  return sum.mass > 0 ? sum.moments(y) : { mean: 0, square: best * best };
}

function binaryMoments(channel: Channel, pieces: readonly Piece[], sum: MomentSum, y: number): PosteriorMoments {
  sum.reset();
  const sign = y > 0 ? 1 : -1;
  for (const { from, to } of pieces) sum.integrate(from, to, 24, (z) => 1 + sign * channel.location(z));
  return sum.moments(y);
}

function noisyMoments(channel: Channel, pieces: readonly Piece[], sum: MomentSum, y: number): PosteriorMoments {
  const f = channel.location;
  const sigma = channel.noiseStd;
  // A clipped response of 0 says f(z) + σw ≤ 0.
  const isAtom = channel.law === "clipped" && y <= 0;
  const target = isAtom ? 0 : y;
  const gap = Math.min(
    ...pieces.map(({ atFrom, atTo }) => Math.max(0, Math.min(atFrom, atTo) - target, target - Math.max(atFrom, atTo))),
  );
  const reach = Math.sqrt(gap * gap + NOISE_REACH * NOISE_REACH * sigma * sigma);
  const likelihood = (z: number): number => {
    const u = (f(z) - target) / sigma;
    if (isAtom) return normalCumulative(-u);
    const nearest = gap / sigma;
    return exp(-0.5 * (u - nearest) * (u + nearest));
  };
  sum.reset();
  for (const piece of pieces) {
    const { from, to, atFrom, atTo } = piece;
    const [low, high] = atFrom < atTo ? [atFrom, atTo] : [atTo, atFrom];
    if (high < target - reach || low > target + reach) continue;
    if (low === high) {
      sum.integrate(from, to, 12, likelihood);
      continue;
    }
    let [a, b] = [from, to];
    for (const edge of [target - reach, target + reach]) {
      if (edge <= low || edge >= high) continue;
      const z = solvePiece(f, piece, edge);
      if (edge < target === atTo > atFrom) a = z;
      else b = z;
    }
    sum.integrate(a, b, 16, likelihood);
  }
  return sum.moments(y);
}
