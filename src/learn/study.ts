/** The data that a search looks at: rows, responses, input map; and the workspaces it opens on them. */
import type { RunControl } from "../base/control.js";
import type { DenseRows, KernelChoice } from "../base/types.js";
import { takeRows } from "../data/rows.js";
import type { Crew } from "../kernel/passes.js";
import { Workspace } from "../kernel/workspace.js";
import { featureShape, featureTable } from "../math/multiIndex.js";
import { type InputMap, toColumns } from "../solve/inputMap.js";
import type { FilledOptions } from "../solve/options.js";
import type { FitData } from "../solve/problem.js";

/** A search works on whitened rows; its bases are those of the whitened coordinates. */
export interface Study {
  /** x̂, n×k. */
  readonly rows: DenseRows;
  /** Responses of mean 0 and variance 1, n. */
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  /** The identity on k columns. */
  readonly inputs: InputMap;
  readonly kernel: KernelChoice;
  readonly crew?: Crew | undefined;
  readonly seed: number;
  readonly control: RunControl;
}

/** Entries of X from which a descent takes seconds where rows are few, and rows per input that are few then. */
const WIDE = { entries: 5e5, rows: 12 };

/** Whether rows are so few for the inputs, and both so many, that a search must do with fewer starts and draws. */
export const isWide = ({ rows, inputs }: Study): boolean =>
  rows.rows < WIDE.rows * inputs.dim && rows.rows * inputs.dim > WIDE.entries;

/** The same before whitening: raw rows, and no map. */
export type RawStudy = Omit<Study, "inputs">;

/** The rows of a fit as a search takes them. */
export function rawStudy(data: FitData, options: FilledOptions, control: RunControl): RawStudy {
  return {
    rows: data.rows,
    y: data.response.standardized,
    weights: data.weights,
    kernel: options.kernel,
    crew: data.crew,
    seed: options.seed,
    control,
  };
}

/** The rows that have a weight: their number is what a search may spend. */
export function weighted(study: RawStudy): RawStudy {
  const { weights } = study;
  if (!weights?.includes(0)) return study;
  return subsetOf(
    study,
    Int32Array.from(weights.keys()).filter((i) => weights[i] > 0),
  );
}

/** Columns of x̂ that are computed in one pass. */
const GROUP = 4;

/**
 * The study of raw rows under an input map. Whitening once costs 2ndk flops; every later product then saves its d×k map.
 */
export async function whitenedStudy(raw: RawStudy, map: InputMap): Promise<Study> {
  const { dim } = map;
  const n = raw.rows.rows;
  const data = new Float64Array(n * dim);
  const rank = Math.min(GROUP, dim);
  const standardized = { ...raw, inputs: map };
  await withWorkspace(standardized, rank, 0, async (workspace) => {
    for (let from = 0; from < dim; from += rank) {
      const width = Math.min(rank, dim - from);
      const unit = new Float64Array(dim * rank);
      for (let k = 0; k < width; k++) unit[(from + k) * rank + k] = 1;
      await workspace.projectDirection(toColumns(map, unit, rank));
      const z = await workspace.directionProjections();
      for (let i = 0; i < n; i++) for (let k = 0; k < width; k++) data[i * dim + from + k] = z[i * rank + k];
    }
  });
  return { ...raw, rows: { data, rows: n, columns: dim }, inputs: identityMap(dim) };
}

/** The study on its first k coordinates. */
export function leadingCoordinates(study: Study, k: number): Study {
  const { data, rows, columns } = study.rows;
  if (k >= columns) return study;
  const cut = new Float64Array(rows * k);
  for (let i = 0; i < rows; i++) cut.set(data.subarray(i * columns, i * columns + k), i * k);
  return { ...study, rows: { data: cut, rows, columns: k }, inputs: identityMap(k) };
}

function identityMap(dim: number): InputMap {
  const ones = new Float64Array(dim).fill(1);
  const center = new Float64Array(dim);
  return { kind: "none", columns: dim, dim, center, inverseScale: ones, columnScale: ones, correlationExcess: 0 };
}

/** The same study on some of its rows. Responses keep their scale, columns their map. */
export function subsetOf<T extends RawStudy>(study: T, indices: ArrayLike<number>): T {
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
  const workspace = await Workspace.create(
    rows,
    shape,
    featureTable(rank, used),
    study.kernel,
    study.control,
    true,
    study.crew,
  );
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
