/** Quadrature over one row of fresh data: hidden z, response y and a prediction ξ of given overlap and norm. */
import { cos, exp, normalCumulative, normalDensity, sin } from "../base/elementary.js";
import { gaussHermite, gaussLegendre } from "../math/quadrature.js";
import type { Channel } from "../single/channel.js";
import type { Loss } from "../single/losses.js";
import { piecesOf } from "../single/posterior.js";

/**
 * Points of (z, y, e): ξ = m·z + s·e with e standard normal (complex: e = e_re + i·e_im circular, z = |z|).
 * Σ weights·F ≈ E F for functions F of (z, y, ξ) that keep their value when z and ξ change sign together, if the rule is
 * folded, and for all others if not.
 */
export interface FieldRule {
  readonly weights: Float64Array;
  readonly z: Float64Array;
  readonly y: Float64Array;
  readonly e: Float64Array;
  /** Imaginary part of e; empty for real signals. */
  readonly imaginary: Float64Array;
}

interface WeightedPoint {
  readonly weight: number;
  readonly at: number;
}

/** How many nodes: panels of z, noise (Gauss–Hermite, or a panel of clipped responses), e (complex: radius panels, angles). */
export interface RuleSize {
  readonly hidden: number;
  readonly noise: number;
  readonly panel: number;
  readonly spread: number;
  readonly radius: number;
  readonly angles: number;
}

/** For losses on fresh rows: about 1e-6 while q − m² ≤ 1, 2e-4 at 2. */
export const TEST_RULE: RuleSize = { hidden: 10, noise: 12, panel: 20, spread: 20, radius: 8, angles: 10 };
/** For equations that are iterated, where ξ hardly spreads at given z. */
export const ITERATED_RULE: RuleSize = { hidden: 12, noise: 14, panel: 24, spread: 24, radius: 10, angles: 14 };
/** For maps without sampling: 1e-10 while q − m² ≤ 1. */
export const EXACT_RULE: RuleSize = { hidden: 16, noise: 20, panel: 32, spread: 100, radius: 14, angles: 20 };

const NOISE_REACH = 8.5;
/** Points of less weight are left out. */
const NEGLIGIBLE = 1e-15;

/**
 * The rule of a channel and a loss: panels in z that end at turning points of the link, noise by its law, e by Gauss–Hermite
 * (complex: radius and angle).
 *
 * Cost: 10³ points without noise, 2·10⁴ with it, for the smallest size.
 */
export function fieldRule(channel: Channel, loss: Loss, complex: boolean, size: RuleSize): FieldRule {
  const isFolded = complex || (channel.even && loss.even);
  const spread = complex ? circularNormals(size) : realNormals(size);
  const weights: number[] = [];
  const [z, y, e, imaginary]: number[][] = [[], [], [], []];
  for (const { weight, at } of hiddenPoints(channel, complex, isFolded, size)) {
    for (const response of responses(channel, at, size)) {
      for (const normal of spread) {
        const w = weight * response.weight * normal.weight;
        if (w < NEGLIGIBLE) continue;
        weights.push(w);
        z.push(at);
        y.push(loss.nonnegative ? Math.max(response.at, 0) : response.at);
        e.push(normal.re);
        if (complex) imaginary.push(normal.im);
      }
    }
  }
  const total = weights.reduce((sum, w) => sum + w, 0);
  return {
    weights: Float64Array.from(weights, (w) => w / total),
    z: Float64Array.from(z),
    y: Float64Array.from(y),
    e: Float64Array.from(e),
    imaginary: Float64Array.from(imaginary),
  };
}

function hiddenPoints(channel: Channel, complex: boolean, isFolded: boolean, size: RuleSize): WeightedPoint[] {
  const reach = complex ? 6.5 : 8.5;
  const splits = complex ? [0, 0.3, 1, 2, 3.3, reach] : [0, 0.4, 1.3, 2.7, 4.6, reach];
  const low = isFolded ? 0 : -reach;
  const turns = piecesOf(channel, complex).map(({ from }) => from);
  const ends = [...splits, ...splits.map((v) => -v), ...turns]
    .filter((v) => v >= low && v <= reach)
    .sort((a, b) => a - b)
    .filter((v, i, all) => i === 0 || v - all[i - 1] > 1e-9);
  const rule = gaussLegendre(size.hidden);
  const out: WeightedPoint[] = [];
  for (let p = 1; p < ends.length; p++) {
    const half = 0.5 * (ends[p] - ends[p - 1]);
    for (let i = 0; i < rule.nodes.length; i++) {
      const at = ends[p - 1] + half * (1 + rule.nodes[i]);
      const density = complex ? 2 * at * exp(-at * at) : normalDensity(at) * (isFolded ? 2 : 1);
      out.push({ weight: half * rule.weights[i] * density, at });
    }
  }
  return out;
}

/** The law of y at one z. */
function responses(channel: Channel, z: number, size: RuleSize): WeightedPoint[] {
  const { law, noiseStd: sigma } = channel;
  const center = channel.location(z);
  if (law === "exact") return [{ weight: 1, at: center }];
  if (law === "binary") {
    return [
      { weight: (1 + center) / 2, at: 1 },
      { weight: (1 - center) / 2, at: -1 },
    ];
  }
  const cut = -center / sigma;
  if (law === "gaussian" || cut < -NOISE_REACH) {
    const { nodes, weights } = gaussHermite(size.noise);
    return Array.from(nodes, (w, i) => ({ weight: weights[i], at: center + sigma * w }));
  }
  // y = 0 below the cut; a panel for what is above it.
  const out: WeightedPoint[] = [{ weight: normalCumulative(cut), at: 0 }];
  const rule = gaussLegendre(size.panel);
  const half = 0.5 * (NOISE_REACH - cut);
  for (let i = 0; i < rule.nodes.length; i++) {
    const w = cut + half * (1 + rule.nodes[i]);
    out.push({ weight: half * rule.weights[i] * normalDensity(w), at: Math.max(center + sigma * w, 0) });
  }
  return out;
}

interface Normal {
  readonly weight: number;
  readonly re: number;
  readonly im: number;
}

function realNormals(size: RuleSize): Normal[] {
  const { nodes, weights } = gaussHermite(size.spread);
  return Array.from(nodes, (re, i) => ({ weight: weights[i], re, im: 0 }));
}

/** E|e|² = 1: radius by panels, angle by the midpoint rule on the half circle (F does not see the sign of the angle). */
function circularNormals({ angles, radius: radiusNodes }: RuleSize): Normal[] {
  const rule = gaussLegendre(radiusNodes);
  const ends = [0, 1, 2.2, 5.5];
  const out: Normal[] = [];
  for (let p = 1; p < ends.length; p++) {
    const half = 0.5 * (ends[p] - ends[p - 1]);
    for (let i = 0; i < rule.nodes.length; i++) {
      const radius = ends[p - 1] + half * (1 + rule.nodes[i]);
      const weight = (half * rule.weights[i] * 2 * radius * exp(-radius * radius)) / angles;
      for (let k = 0; k < angles; k++) {
        const angle = (Math.PI * (k + 0.5)) / angles;
        out.push({ weight, re: radius * cos(angle), im: radius * sin(angle) });
      }
    }
  }
  return out;
}

/** Expectations of a loss and its derivatives at ξ = m·z + √(q − m²)·e. */
export interface FieldMeans {
  readonly loss: number;
  /** E[z l′]; complex E[Re(conj z g)]. */
  readonly signal: number;
  /** E[l″]; complex E f1. */
  readonly curvature: number;
  /** E[l′²]. */
  readonly gradientSquared: number;
}

/** Test loss alone: E l on fresh rows [SI §a]. */
export function expectedLoss(rule: FieldRule, loss: Loss, overlap: number, normSquared: number): number {
  const { weights, z, y, e, imaginary } = rule;
  const s = Math.sqrt(Math.max(0, normSquared - overlap * overlap));
  const complex = imaginary.length > 0;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = overlap * z[i] + s * e[i];
    const xi = complex ? Math.sqrt(x * x + s * s * imaginary[i] * imaginary[i]) : x;
    sum += weights[i] * loss.value(xi, y[i]);
  }
  return complex ? 2 * sum : sum;
}

/** All expectations that the population map needs. */
export function fieldMeans(rule: FieldRule, loss: Loss, overlap: number, normSquared: number): FieldMeans {
  const { weights, z, y, e, imaginary } = rule;
  const s = Math.sqrt(Math.max(0, normSquared - overlap * overlap));
  const complex = imaginary.length > 0;
  let [value, signal, curvature, gradientSquared] = [0, 0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const x = overlap * z[i] + s * e[i];
    const xi = complex ? Math.sqrt(x * x + s * s * imaginary[i] * imaginary[i]) : x;
    const w = weights[i];
    const first = loss.derivative(xi, y[i]);
    const second = loss.secondDerivative(xi, y[i]);
    value += w * loss.value(xi, y[i]);
    gradientSquared += w * first * first;
    if (complex) {
      const rho = xi > 0 ? first / xi : second;
      signal += w * z[i] * rho * x;
      curvature += 0.5 * w * (rho + second);
    } else {
      signal += w * z[i] * first;
      curvature += w * second;
    }
  }
  return { loss: complex ? 2 * value : value, signal, curvature, gradientSquared };
}
