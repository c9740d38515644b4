/** Plateaus, escape times and the saddle-to-saddle order: what theory says beside what a flow did. */
import { checkNumber } from "../base/assert.js";
import { exp, log } from "../base/elementary.js";
import { type Matrix, multiply, transpose } from "../math/dense.js";
import { orthonormalize } from "../math/grassmann.js";
import { jacobiSvd } from "../math/jacobi.js";
import { derivativeCoefficients, multiIndexTable } from "../math/multiIndex.js";
import { checkLink } from "../model/checkLink.js";
import { leapExponents } from "../model/exponents.js";
import type { Link } from "../model/link.js";
import { populationLoss } from "./averaging.js";
import { type FlowOptions, readFlow } from "./flowOptions.js";
import type { Flow } from "./flowRun.js";
import { normSquared } from "./flowSystem.js";
import { populationFlow } from "./populationFlow.js";

/** One plateau of a flow: the saddle at which it waits and how it leaves. */
export interface Plateau {
  /** Loss at the saddle: the directions before learnt, nothing known of the others. */
  readonly level: number;
  /** Loss of the flow where it changed most slowly before the escape; undefined when it never came that far. */
  readonly observedLevel: number | undefined;
  /** Number of new directions that the escape shows. */
  readonly count: number;
  /** The new directions in the link's coordinates, r⋆×dimensions of the leap, orthonormal. */
  readonly directions: Matrix;
  /** Leap exponent s of the saddle. */
  readonly exponent: number;
  /** α_s: norm of the part of degree s along the new direction that has least of it. */
  readonly coefficient: number;
  /** Cosine of the new directions at the start, beside what the learnt ones use; the geometric mean when there are several. */
  readonly startCosine: number;
  /** Time of escape when one direction after the other is learnt alone; an order of magnitude for several at once. */
  readonly predictedTime: number;
  /** Escape time of the flow; undefined when it stopped before, or when the cosine was ½ from the start. */
  readonly escapeTime: number | undefined;
}

/** A flow and its saddles. */
export interface SaddleReport {
  readonly plateaus: readonly Plateau[];
  /** Loss when all leaps are learnt; undefined when r is too small for that, and another subspace may be better than any of the leaps'. */
  readonly finalLevel: number | undefined;
  readonly flow: Flow;
}

/**
 * Runs the two-timescale flow and sets each of its plateaus beside the leap that predicts it.
 *
 * A single direction with h_s-part α_s and cosine m at the start escapes after 1/(2s(s−1)α_s²m^{2(s−1)}), log(1/m²)/(2α_1²) for s = 1: with
 * m = d^{−1/2} these are d^{s−1}/(2s(s−1)α_s²) and log(d)/(2α_1²). Predicted times add them up from saddle to saddle.
 *
 * @param options - those of `populationFlow`
 * @throws as `populationFlow`
 * Source: [MI §4, §5]. Cost: one flow.
 */
export async function saddleReport(link: Link, options: FlowOptions = {}): Promise<SaddleReport> {
  const { plan } = readFlow(link, options, "saddleReport");
  const flow = await populationFlow(link, options);
  const { steps, intrinsicDimension } = leapExponents(link);
  const { rank, rankStar: p, start } = plan;
  const most = Math.min(rank, p);
  const size = Math.sqrt(normSquared(link.coefficients));
  const plateaus: Plateau[] = [];
  let known = new Float64Array(0);
  let learnt = 0;
  let predictedTime = 0;
  for (const [leap, { exponent, dimensions, basis, margin }] of steps.entries()) {
    if (learnt >= most) break;
    const count = Math.min(dimensions, most - learnt);
    const fresh = Float64Array.from(basis.transpose().to1DArray());
    const startCosine = freshCosine(start, rank, p, known, learnt, fresh, dimensions, count);
    const coefficient = margin.kept * size;
    predictedTime += escapeTime(exponent, coefficient, startCosine);
    const escapeOf = flow.escapes.find((event) => event.leap === leap)?.time;
    const end = escapeOf ?? Number.POSITIVE_INFINITY;
    const left = flow.escapes.reduce((most, { time }) => (time < end ? Math.max(most, time) : most), 0);
    plateaus.push({
      level: levelAt(link, known, learnt),
      observedLevel: slowestLoss(flow, left, end),
      count,
      directions: basis.clone(),
      exponent,
      coefficient,
      startCosine,
      predictedTime,
      escapeTime: escapeOf,
    });
    known = Float64Array.from([...known, ...fresh]);
    learnt += dimensions;
  }
  const finalLevel = rank >= intrinsicDimension ? levelAt(link, known, learnt) : undefined;
  return { plateaus, finalLevel, flow };
}

/** What the lowest degree costs at a finite dimension, and which degree is the first to act there. */
export interface EffectiveExponent {
  /** The degree whose time is least; undefined for a constant link. */
  readonly exponent: number | undefined;
  readonly time: number | undefined;
  /** Every degree that the link has, with the coefficient of its strongest direction and the time that it alone would take. */
  readonly candidates: readonly { readonly exponent: number; readonly coefficient: number; readonly time: number }[];
}

/**
 * Which degree of a link acts first in dimension `dim`: a low degree with a tiny coefficient is the information exponent, although
 * a larger part of higher degree is faster at every dimension that occurs.
 *
 * @throws {OptionError} `TYPE`, `RANGE` unless dim > 1
 * Source: [MI §4], last remark: t_k = d^{k−1}/(2k(k−1)α_k²), t_1 = log(d)/(2α_1²). Cost: an SVD of an N×r matrix per degree.
 */
export function effectiveExponent(link: Link, dim: number): EffectiveExponent {
  checkLink(link);
  checkNumber(dim, "dim", { above: 1 });
  const { rank, degree } = link;
  if (rank === 0 || degree === 0) return { exponent: undefined, time: undefined, candidates: [] };
  const coefficients = link.coefficients;
  const cutoff = 16 * Number.EPSILON * Math.sqrt(normSquared(coefficients) + coefficients[0] * coefficients[0]);
  const derivatives = derivativeCoefficients(coefficients, rank, degree);
  const { prefix } = multiIndexTable(rank, degree);
  const candidates = [];
  for (let k = 1; k <= degree; k++) {
    // The unfolding of degree k: rows γ of degree k − 1, √(γ_j+1)c_{γ+e_j}/√k; its largest singular value is the strongest direction's.
    const part = derivatives.slice(prefix[k - 1] * rank, prefix[k] * rank).map((x) => x / Math.sqrt(k));
    const coefficient = jacobiSvd(part, prefix[k] - prefix[k - 1], rank).values[0];
    if (coefficient > cutoff)
      candidates.push({ exponent: k, coefficient, time: escapeTime(k, coefficient, 1 / Math.sqrt(dim)) });
  }
  const first = candidates.reduce((best, c) => (best === undefined || c.time < best.time ? c : best), candidates.at(0));
  return { exponent: first?.exponent, time: first?.time, candidates };
}

/** Time at which a single direction of cosine m and coefficient α at degree s leaves m = 0, to leading order. */
function escapeTime(s: number, coefficient: number, m: number): number {
  const rate = 2 * coefficient * coefficient;
  if (s === 1) return -log(m * m) / rate;
  let power = 1;
  for (let i = 1; i < s; i++) power *= m * m;
  return 1 / (rate * s * (s - 1) * power);
}

/** Loss with cosines 1 for the known directions (count×r⋆, orthonormal rows) and 0 for all others. */
function levelAt(link: Link, known: Float64Array, count: number): number {
  const data = count === 0 ? new Float64Array(link.rank) : known;
  return populationLoss(link, { data, rows: Math.max(1, count), columns: link.rank }).loss;
}

/** Geometric mean of the `count` largest cosines of the new directions (rows) with what the start has beside the known ones (rows). */
function freshCosine(
  start: Float64Array,
  rank: number,
  p: number,
  known: Float64Array,
  learnt: number,
  fresh: Float64Array,
  dimensions: number,
  count: number,
): number {
  const image = multiply(start, transpose(fresh, dimensions, p), rank, p, dimensions);
  if (learnt > 0) {
    const used = orthonormalize(multiply(start, transpose(known, learnt, p), rank, p, learnt), rank, learnt, 0);
    for (let pass = 0; pass < 2; pass++) {
      const along = multiply(transpose(used.basis, rank, used.rank), image, used.rank, rank, dimensions);
      const inside = multiply(used.basis, along, rank, used.rank, dimensions);
      for (let i = 0; i < image.length; i++) image[i] -= inside[i];
    }
  }
  const { values } = jacobiSvd(image, rank, dimensions);
  let sum = 0;
  for (let a = 0; a < count; a++) sum += log(values[a]);
  return count === 1 ? values[0] : exp(sum / count);
}

/** Loss where the trajectory changed least per time strictly inside an interval. */
function slowestLoss(flow: Flow, from: number, to: number): number | undefined {
  const { times, loss } = flow;
  let best: number | undefined;
  let slowest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < times.length; i++) {
    if (!(times[i - 1] >= from && times[i] <= to && times[i] > times[i - 1])) continue;
    const speed = Math.abs(loss[i] - loss[i - 1]) / (times[i] - times[i - 1]);
    if (!(speed < slowest)) continue;
    slowest = speed;
    best = 0.5 * (loss[i] + loss[i - 1]);
  }
  return best;
}
