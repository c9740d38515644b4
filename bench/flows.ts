/** Population flows: how long a study of a thousand takes. */
import { Link, populationFlow } from "../src/theory/index.js";

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
