/** The data that a search looks at: rows, responses, input map; and the workspaces it opens on them. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { takeRows } from "../data/rows.js";
import { Workspace } from "../kernel/workspace.js";
import { featureShape, featureTable } from "../math/multiIndex.js";
import type { InputMap } from "../solve/inputMap.js";

export interface Study {
  readonly rows: DenseRows;
  /** Responses of mean 0 and variance 1, n. */
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  readonly inputs: InputMap;
  readonly kernel: KernelChoice;
  readonly seed: number;
  readonly control: RunControl;
}

/** The same study on some of its rows. Responses keep their scale, columns their map. */
export function subsetOf(study: Study, indices: ArrayLike<number>): Study {
  const pick = (values: Float64Array): Float64Array => Float64Array.from(indices, (i) => values[i]);
  return {
    ...study,
    rows: takeRows(study.rows, indices),
    y: pick(study.y),
    weights: study.weights ? pick(study.weights) : undefined,
  };
}

/**
 * A workspace of a rank and degree on the rows of a study; the caller disposes it.
 * @param complement - directions outside the basis whose motion will be looked at, see `leaveOneOut`
 */
export async function openWorkspace(
  study: Study,
  rank: number,
  degree: number,
  complement?: number,
): Promise<Workspace> {
  const { rows, inputs } = study;
  const used = rank === 0 ? 0 : degree;
  const shape = {
    samples: rows.rows,
    columns: rows.columns,
    rank,
    degree: used,
    ...featureShape(rank, used),
    ...(complement === undefined ? {} : { complement }),
  };
  const workspace = await Workspace.create(rows, shape, featureTable(rank, used), study.kernel, study.control);
  workspace.setTarget(study.y, study.weights?.map(Math.sqrt));
  await workspace.standardize(inputs);
  return workspace;
}

/** Runs `work` on a workspace that is released whatever happens. */
export async function withWorkspace<T>(
  study: Study,
  rank: number,
  degree: number,
  work: (workspace: Workspace) => Promise<T>,
  complement?: number,
): Promise<T> {
  const workspace = await openWorkspace(study, rank, degree, complement);
  try {
    return await work(workspace);
  } finally {
    workspace.dispose();
  }
}

/** Mean of values over the rows, with the row weights. */
export function weightedMean({ weights }: Study, values: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const w = weights ? weights[i] : 1;
    sum += w * values[i];
    total += w;
  }
  return sum / total;
}
