/** Population flows: how long a study of a thousand takes, and one loss with its velocity. */

import { Link, populationFlow, populationLoss } from "../src/theory/index.js";
import { indices } from "./naive.js";

export interface FlowTiming {
  readonly name: string;
  readonly flows: number;
  readonly cpuSeconds: number;
}

/** Runs the r = 3 staircase from `flows` random starts in dimension 1000 to its end, one after the other. */
export async function benchFlows(flows = 1000): Promise<FlowTiming> {
  const link = Link.parse("z1 + z1*z2 + z1*z2*z3");
  const before = process.cpuUsage();
  for (let seed = 0; seed < flows; seed++) {
    const { stop } = await populationFlow(link, { dim: 1000, rank: 3, seed, tolerance: 1e-8 });
    if (!stop.converged) throw new Error(`flow ${seed} ended with ${stop.reason}`);
  }
  const { user, system } = process.cpuUsage(before);
  return { name: "staircase z1 + z1 z2 + z1 z2 z3, d = 1000", flows, cpuSeconds: (user + system) / 1e6 };
}

/** CPU microseconds of the population loss and velocity of a link of three directions and degree 10. */
export function benchPopulationLoss(calls = 2000): number {
  const link = Link.fromCoefficients(
    indices(3, 10).map((_, j) => 1 / (1 + j)),
    { rank: 3, degree: 10 },
  );
  const overlap = [
    [0.5, 0.2, -0.1],
    [0.1, 0.4, 0.3],
    [-0.2, 0.1, 0.6],
  ];
  const run = (times: number): void => {
    for (let k = 0; k < times; k++) populationLoss(link, overlap);
  };
  run(calls / 4);
  const before = process.cpuUsage();
  run(calls);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
