/** The fitted link seen along one or two directions, the others being those of rows near by. */
import { exp } from "../base/elementary.js";
import { featureCountOf, type ReportData } from "./reportData.js";
import { extentOf } from "./reportFigures.js";

/** Points of a curve, and cells of a map. */
const CURVE_POINTS = 81;
export const MAP_WIDTH = 80;
export const MAP_HEIGHT = 62;
/** Multiplications that a curve or a map may take. */
const BUDGET = 3e8;
const FEWEST_ROWS = 16;
/** Width of "near" as a part of the axis, and the rows it has to hold along a curve. */
const NEAR = 0.03;
const NEAR_ROWS = 30;
const NEAR_SHARE = 0.04;
/** How far from a row a map goes, as a part of the axis. */
const REACH = 0.06;
/** Squared distance, in widths, beyond that of the nearest row from which rows weigh nothing (e⁻⁶). */
const FARTHEST = 12;

/** The link at one value of a direction: its mean over the rows near by, and their middle 80 %. */
export interface CurvePoint {
  readonly z: number;
  readonly middle: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The link along direction k. The other coordinates are those of rows, the nearer along k the heavier: the link is not asked about
 * combinations that no row has.
 */
export function linkCurve(data: ReportData, k: number): CurvePoint[] {
  const [from, to] = extentOf(data.z[k]);
  const nearby = nearbyValues(data, [k], CURVE_POINTS);
  const sorted = data.z[k].slice().sort();
  const wanted = Math.min(sorted.length, Math.max(NEAR_ROWS, Math.round(NEAR_SHARE * sorted.length)));
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const z = from + ((to - from) * i) / (CURVE_POINTS - 1);
    // Where rows are rare, "near" reaches further.
    const width = Math.max(NEAR * (to - from), distanceTo(sorted, z, wanted) / 2);
    const near = nearby([z], [width]);
    return { z, middle: weightedMean(near), low: weightedQuantile(near, 0.1), high: weightedQuantile(near, 0.9) };
  });
}

/** Distance to the m-th nearest of ascending values. */
function distanceTo(sorted: Float64Array, z: number, m: number): number {
  let right = sorted.findIndex((value) => value >= z);
  if (right < 0) right = sorted.length;
  let left = right - 1;
  let distance = 0;
  for (let i = 0; i < m; i++) {
    const below = left >= 0 ? z - sorted[left] : Number.POSITIVE_INFINITY;
    const above = right < sorted.length ? sorted[right] - z : Number.POSITIVE_INFINITY;
    if (below <= above) left--;
    else right++;
    distance = Math.min(below, above);
  }
  return distance;
}

/** The link on a grid over directions a and b, rows of the grid from the bottom up; NaN where no row is near. */
export interface LinkMap {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly values: Float64Array;
  readonly lowest: number;
}

export function linkMap(data: ReportData, a: number, b: number): LinkMap {
  const x = extentOf(data.z[a], 0.03);
  const y = extentOf(data.z[b], 0.03);
  const near = supportOf(data.z[a], data.z[b], x, y);
  const nearby = nearbyValues(data, [a, b], MAP_WIDTH * MAP_HEIGHT);
  const widths = [NEAR * (x[1] - x[0]), NEAR * (y[1] - y[0])];
  const values = new Float64Array(MAP_WIDTH * MAP_HEIGHT).fill(Number.NaN);
  let lowest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < values.length; at++) {
    if (near[at] === 0) continue;
    const i = at % MAP_WIDTH;
    const j = (at - i) / MAP_WIDTH;
    const point = [x[0] + ((x[1] - x[0]) * (i + 0.5)) / MAP_WIDTH, y[0] + ((y[1] - y[0]) * (j + 0.5)) / MAP_HEIGHT];
    values[at] = weightedMean(nearby(point, widths));
    lowest = Math.min(lowest, values[at]);
  }
  return { x, y, values, lowest };
}

interface Weighted {
  readonly values: ArrayLike<number>;
  /** The largest is 1. */
  readonly weights: readonly number[];
}

/** Values of the link with some coordinates given and the others taken from rows, which weigh by how near they are. */
function nearbyValues(data: ReportData, given: readonly number[], points: number) {
  const { link, z } = data;
  const { rank } = link;
  const isWhole = given.length === rank;
  const features = featureCountOf(link);
  const affordable = Math.max(FEWEST_ROWS, Math.floor(BUDGET / (points * features)));
  const every = Math.ceil(z[0].length / affordable);
  const rows = Math.ceil(z[0].length / every);
  const distances = new Float64Array(rows);
  const base = new Float64Array(rows * rank);
  return (at: readonly number[], widths: readonly number[]): Weighted => {
    if (isWhole) return { values: link.evaluateMany(inOrder(given, at), 1).values, weights: [1] };
    let nearest = Number.POSITIVE_INFINITY;
    for (let c = 0; c < rows; c++) {
      let sum = 0;
      for (let i = 0; i < given.length; i++) sum += ((z[given[i]][c * every] - at[i]) / widths[i]) ** 2;
      distances[c] = sum;
      if (sum < nearest) nearest = sum;
    }
    const weights: number[] = [];
    for (let c = 0; c < rows; c++) {
      if (distances[c] - nearest > FARTHEST) continue;
      const from = weights.length * rank;
      for (let k = 0; k < rank; k++) base[from + k] = z[k][c * every];
      for (let i = 0; i < given.length; i++) base[from + given[i]] = at[i];
      weights.push(exp((nearest - distances[c]) / 2));
    }
    return { values: link.evaluateMany(base.subarray(0, weights.length * rank), weights.length).values, weights };
  };
}

/** Coordinates by the number of their direction. */
function inOrder(given: readonly number[], at: readonly number[]): number[] {
  const out = new Array<number>(given.length);
  given.forEach((k, i) => {
    out[k] = at[i];
  });
  return out;
}

function weightedMean({ values, weights }: Weighted): number {
  let sum = 0;
  let total = 0;
  weights.forEach((weight, i) => {
    sum += weight * values[i];
    total += weight;
  });
  return sum / total;
}

/** Between neighbors by the straight line, each value standing in the middle of its weight. */
function weightedQuantile({ values, weights }: Weighted, p: number): number {
  const order = Array.from(weights.keys()).sort((a, b) => values[a] - values[b]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let below = 0;
  let before: { at: number; value: number } | undefined;
  for (const i of order) {
    const at = (below + weights[i] / 2) / total;
    if (at >= p) {
      if (before === undefined) return values[i];
      return before.value + ((p - before.at) / (at - before.at)) * (values[i] - before.value);
    }
    before = { at, value: values[i] };
    below += weights[i];
  }
  return before?.value ?? Number.NaN;
}

/** Cells of the grid with a row within reach. */
function supportOf(
  a: Float64Array,
  b: Float64Array,
  [left, right]: readonly [number, number],
  [bottom, top]: readonly [number, number],
): Uint8Array {
  const near = new Uint8Array(MAP_WIDTH * MAP_HEIGHT);
  const reachX = Math.ceil(REACH * MAP_WIDTH);
  const reachY = Math.ceil(REACH * MAP_HEIGHT);
  for (let row = 0; row < a.length; row++) {
    const u = ((a[row] - left) / (right - left)) * MAP_WIDTH - 0.5;
    const v = ((b[row] - bottom) / (top - bottom)) * MAP_HEIGHT - 0.5;
    for (let j = Math.max(0, Math.round(v) - reachY); j <= Math.min(MAP_HEIGHT - 1, Math.round(v) + reachY); j++) {
      for (let i = Math.max(0, Math.round(u) - reachX); i <= Math.min(MAP_WIDTH - 1, Math.round(u) + reachX); i++) {
        const distance = ((i - u) / MAP_WIDTH) ** 2 + ((j - v) / MAP_HEIGHT) ** 2;
        if (distance <= REACH * REACH) near[j * MAP_WIDTH + i] = 1;
      }
    }
  }
  return near;
}
