/** One iteration of a fit at a basis, everything else prepared: what a solver repeats, and what C and ml-matrix are timed at. */
import { RunControl } from "../src/base/control.js";
import { openCrew } from "../src/kernel/threads.js";
import { Workspace } from "../src/kernel/workspace.js";
import { featureShape, featureTable } from "../src/math/multiIndex.js";
import { Penalty } from "../src/solve/linkSolve.js";
import { type FlowPoint, ProfiledLoss } from "../src/solve/objective.js";
import { PENALTY, type Problem, type Size } from "./problem.js";

export interface Evaluator {
  iterate(): Promise<FlowPoint>;
  /** Whether the binary may fuse products and sums. */
  readonly isRelaxed: boolean;
  close(): void;
}

/** Opens a workspace as a fit does: it holds X in its memory where that is small, and streams it from the caller's array otherwise. */
export async function openEvaluator(
  { n, d, r, degree }: Size,
  { X, y, W }: Problem,
  kernel: "wasm" | "reference",
  threads = 1,
  single = false,
): Promise<Evaluator> {
  const rows = { data: X, rows: n, columns: d };
  const shape = { samples: n, columns: d, rank: r, degree, ...featureShape(r, degree), single };
  const crew = threads > 1 ? await openCrew(threads) : undefined;
  const workspace = await Workspace.create(rows, shape, featureTable(r, degree), kernel, new RunControl(), true, crew);
  workspace.setTarget(y);
  const inputs = {
    kind: "none",
    columns: d,
    dim: d,
    center: new Float64Array(d),
    inverseScale: new Float64Array(d).fill(1),
    columnScale: new Float64Array(d).fill(1),
    correlationExcess: 1,
  } as const;
  await workspace.standardize(inputs);
  const penalty = new Penalty(new Float64Array(shape.featureCount).fill(1), PENALTY, 1);
  const objective = new ProfiledLoss(workspace, inputs, penalty);
  return {
    iterate: () => objective.at(W),
    isRelaxed: workspace.report.relaxedSimd === true,
    close() {
      workspace.dispose();
      crew?.dispose();
    },
  };
}
