/** Flows of a link: from saddle to saddle, and trapped ones beside free ones. */
import {
  type Flow,
  Link,
  leapExponents,
  plantedFlow,
  populationFlow,
  populationLoss,
  saddleReport,
} from "leapflow/theory";
import type { Job, TrapCurve } from "./jobs.js";

/** Points a curve; a figure has no more pixels. */
const MAX_POINTS = 600;
const MAP_SIZE = 56;
/** As `trapStudy` counts: a loss above this share of the variance has not arrived. */
const ARRIVED = 1e-5;

export const saddle: Job<"saddle"> = async ({ link: text, dim, seed }, { signal }) => {
  const link = Link.parse(text);
  if (link.rank === 0) throw new Error("The link has no variable: there is nothing to learn. Use z1, z2, …");
  const { flow, plateaus } = await saddleReport(link, { dim, seed, signal });
  const kept = thinned(flow);
  const order = plateaus.flatMap(({ directions }) =>
    Array.from({ length: directions.columns }, (_, k) => directions.getColumn(k)),
  );
  const pick = (values: (i: number) => number): Float64Array => Float64Array.from(kept, values);
  return {
    rank: link.rank,
    degree: link.degree,
    times: pick((i) => flow.times[i]),
    loss: pick((i) => flow.loss[i]),
    singularValues:
      flow.singularValues[0].length === 0
        ? []
        : Array.from(flow.singularValues[0], (_, k) => pick((i) => flow.singularValues[i][k])),
    cosines: order.map((direction) => pick((i) => cosineWith(flow, i, direction))),
    plateaus: plateaus.map(({ level, exponent, count, coefficient, predictedTime, escapeTime }) => {
      return { level, exponent, count, coefficient, predictedTime, escapeTime };
    }),
    stop: flow.stop.reason,
    map: link.rank === 2 && order.length === 2 ? mapOf(link, order) : undefined,
  };
};

/** ‖M v‖: what the learner's subspace holds of a unit direction v. */
function cosineWith(flow: Flow, i: number, direction: readonly number[]): number {
  const M = flow.overlaps[i];
  let square = 0;
  for (let k = 0; k < M.rows; k++) {
    let sum = 0;
    for (let j = 0; j < M.columns; j++) sum += M.get(k, j) * direction[j];
    square += sum * sum;
  }
  return Math.min(1, Math.sqrt(square));
}

/** Loss of a learner with cosines (a, b) to the two directions, each of its own only with one. */
function mapOf(link: Link, [first, second]: readonly (readonly number[])[]) {
  const loss = new Float64Array(MAP_SIZE * MAP_SIZE);
  for (let row = 0; row < MAP_SIZE; row++) {
    for (let column = 0; column < MAP_SIZE; column++) {
      const a = column / (MAP_SIZE - 1);
      const b = row / (MAP_SIZE - 1);
      loss[row * MAP_SIZE + column] = populationLoss(link, [first.map((v) => a * v), second.map((v) => b * v)]).loss;
    }
  }
  return { size: MAP_SIZE, loss };
}

/** Places along the flow: at most so many over its logarithmic time; the last one always. */
function thinned({ times, escapes }: Flow): number[] {
  const last = times.length - 1;
  const positive = times.find((t) => t > 0) ?? 1;
  const from = Math.max(positive, (escapes[0]?.time ?? times[last]) / 100);
  const step = Math.log(times[last] / from) / MAX_POINTS;
  const kept: number[] = [];
  let at = Number.NEGATIVE_INFINITY;
  for (let i = 0; i <= last; i++) {
    // What the flow was before the axis begins is one point, at its begin.
    if (times[i] < from && times[i + 1] < from) continue;
    const here = Math.log(times[i]);
    if (here - at < step && i < last) continue;
    kept.push(i);
    at = here;
  }
  return kept;
}

export const traps: Job<"traps"> = async ({ link: text, dim, seed, trials }, { signal, tell }) => {
  const link = Link.parse(text);
  const { steps } = leapExponents(link);
  if (steps.length === 0) throw new Error("The link is constant: there is nothing to learn.");
  const variance = link.coefficients.reduce((sum, c, k) => (k === 0 ? 0 : sum + c * c), 0);
  const share = (flow: Flow): TrapCurve => {
    const kept = thinned(flow);
    return {
      times: Float64Array.from(kept, (i) => flow.times[i]),
      loss: Float64Array.from(kept, (i) => flow.loss[i] / variance),
      trapped: !(flow.finalLoss / variance < ARRIVED),
    };
  };
  for (let trial = 0; trial < trials; trial++) {
    const options = { dim, start: "haar", seed, trial, signal } as const;
    const planted = share(await plantedFlow(link, options));
    tell({ trial, planted, joint: share(await populationFlow(link, options)) });
  }
  return { trials };
};
