/** The joint law of hidden z and response y as weighted points, for expectations without sampling. */
import { normalDensity } from "../base/elementary.js";
import { gaussLegendre } from "../math/quadrature.js";
import type { Channel } from "./channel.js";
import { type Piece, piecesOf, solvePiece } from "./posterior.js";

/** Σ weights·F(z, y) ≈ E F(z, y); complex signals: z is |z|. */
export interface ResponseLaw {
  readonly weights: Float64Array;
  readonly z: Float64Array;
  readonly y: Float64Array;
  /** True if only z ≥ 0 are listed, with the weight of both signs: functions odd in z then have expectation 0. */
  readonly isFolded: boolean;
}

/** Where panels end besides the places that depend on the problem; functions of y vary fastest near 0. */
const SPLITS = [0, 0.02, 0.1, 0.5, 1, 2, 4];
const NOISE_REACH = 8.5;
/** Noise-free panels: 6·32 nodes; with noise 2·24 in z and 20 in each run of w. */
const EXACT = { parts: 6, nodes: 32 };
const NOISY = { parts: 2, nodes: 24 };
const NOISE_NODES = 20;

/**
 * Points and weights of the law of (z, y).
 *
 * z runs over composite Gauss–Legendre panels that end wherever y = f(z) meets a break; with noise the runs of w end where
 * y does, so that discontinuous functions of y are integrated as well as smooth ones.
 *
 * @param breaks - the y at which the functions to be integrated jump or bend
 * Source: the numerics of [SI §b]. Cost: about 2000 points without noise, 10⁵ with noise.
 */
export function responseLaw(channel: Channel, complex: boolean, breaks: readonly number[]): ResponseLaw {
  const isFolded = complex || channel.even;
  const reach = complex ? 6.8 : 12;
  const ends = panelEnds(channel, complex, breaks, isFolded, reach);
  const noisy = channel.law === "gaussian" || channel.law === "clipped";
  const { parts, nodes: count } = noisy ? NOISY : EXACT;
  const rule = gaussLegendre(count);
  const points = new PointList();
  for (let p = 1; p < ends.length; p++) {
    const half = (ends[p] - ends[p - 1]) / (2 * parts);
    for (let part = 0; part < parts; part++) {
      const middle = ends[p - 1] + (2 * part + 1) * half;
      for (let i = 0; i < count; i++) {
        const z = middle + half * rule.nodes[i];
        const density = complex ? 2 * z * INVERSE_PEAK * normalDensity(Math.SQRT2 * z) : normalDensity(z);
        const weight = half * rule.weights[i] * density * (isFolded && !complex ? 2 : 1);
        if (weight > 1e-30) addResponses(channel, z, weight, breaks, points);
      }
    }
  }
  return { ...points.arrays(), isFolded };
}

/** √(2π): e^{−r²} = √(2π)·density(√2·r). */
const INVERSE_PEAK = 2.5066282746310002;

class PointList {
  readonly #weights: number[] = [];
  readonly #z: number[] = [];
  readonly #y: number[] = [];

  add(weight: number, z: number, y: number): void {
    this.#weights.push(weight);
    this.#z.push(z);
    this.#y.push(y);
  }

  /** The points as arrays; weights are scaled to sum to 1. */
  arrays(): Pick<ResponseLaw, "weights" | "z" | "y"> {
    const total = this.#weights.reduce((sum, w) => sum + w, 0);
    return {
      weights: Float64Array.from(this.#weights, (w) => w / total),
      z: Float64Array.from(this.#z),
      y: Float64Array.from(this.#y),
    };
  }
}

function addResponses(channel: Channel, z: number, weight: number, breaks: readonly number[], points: PointList): void {
  const { law, noiseStd: sigma } = channel;
  const center = channel.location(z);
  if (law === "exact") {
    points.add(weight, z, center);
    return;
  }
  if (law === "binary") {
    points.add((weight * (1 + center)) / 2, z, 1);
    points.add((weight * (1 - center)) / 2, z, -1);
    return;
  }
  const cuts = breaks.map((b) => (b - center) / sigma).filter((w) => w > -NOISE_REACH && w < NOISE_REACH);
  if (law === "clipped" && center < NOISE_REACH * sigma) cuts.push(-center / sigma);
  // Without a cut nearby two runs resolve the bell.
  const ends = [-NOISE_REACH, ...cuts, NOISE_REACH, ...(cuts.length === 0 ? [0] : [])].sort((a, b) => a - b);
  const { nodes, weights } = noiseRule();
  for (let p = 1; p < ends.length; p++) {
    const runs = Math.max(1, Math.ceil((ends[p] - ends[p - 1]) / NOISE_REACH));
    const half = (ends[p] - ends[p - 1]) / (2 * runs);
    if (half < 1e-12) continue;
    for (let run = 0; run < runs; run++) {
      const middle = ends[p - 1] + (2 * run + 1) * half;
      for (let i = 0; i < nodes.length; i++) {
        const w = middle + half * nodes[i];
        const share = weight * half * weights[i] * normalDensity(w);
        if (share > 1e-30) points.add(share, z, channel.value(z, w));
      }
    }
  }
}

let cachedRule: ReturnType<typeof gaussLegendre> | undefined;
function noiseRule(): ReturnType<typeof gaussLegendre> {
  cachedRule ??= gaussLegendre(NOISE_NODES);
  return cachedRule;
}

/** Ends of the panels in z: fixed ones, turning points, and where f(z) meets a break or leaves the reach of its noise. */
function panelEnds(
  channel: Channel,
  complex: boolean,
  breaks: readonly number[],
  isFolded: boolean,
  reach: number,
): number[] {
  const low = isFolded ? 0 : -reach;
  const ends = [low, reach, ...SPLITS, ...SPLITS.map((z) => -z)];
  const noise = channel.law === "exact" || channel.law === "binary" ? 0 : NOISE_REACH * channel.noiseStd;
  for (const piece of piecesOf(channel, complex)) {
    ends.push(piece.from, piece.to);
    for (const b of breaks) {
      for (const y of noise === 0 ? [b] : [b - noise, b - noise / 3, b, b + noise / 3, b + noise]) {
        const z = preimage(channel, piece, y);
        if (z !== undefined) ends.push(z);
      }
    }
  }
  const inside = ends.filter((z) => z >= low && z <= reach).sort((a, b) => a - b);
  return inside.filter((z, i) => i === 0 || z - inside[i - 1] > 1e-13);
}

function preimage(channel: Channel, piece: Piece, y: number): number | undefined {
  const [low, high] = piece.atFrom < piece.atTo ? [piece.atFrom, piece.atTo] : [piece.atTo, piece.atFrom];
  return y > low && y < high ? solvePiece(channel.location, piece, y) : undefined;
}
