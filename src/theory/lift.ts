/** The two-timescale flow in d dimensions: frames W(t), through overlaps with everything that W can ever reach. */
import { allocateDoubles, checkInteger, checkOptions } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import { createRng } from "../base/rng.js";
import type { MatrixLike } from "../base/types.js";
import { readMatrix } from "../data/input.js";
import { type Matrix, multiply, multiplyTransposed, toMatrix } from "../math/dense.js";
import { ORTHONORMAL_TOLERANCE, orthonormalityError, orthonormalize, randomBasis } from "../math/grassmann.js";
import { multiIndexTable } from "../math/multiIndex.js";
import type { Link } from "../model/link.js";
import { type FlowOptions, readFlow } from "./flowOptions.js";
import { type Flow, runFlow } from "./flowRun.js";
import type { FlowLink } from "./flowSystem.js";
import { populationFlow } from "./populationFlow.js";
import { TwoTimescaleSystem } from "./twoTimescaleSystem.js";

/** Options of a flow, without those that the frames settle. */
export type LiftOptions = Omit<FlowOptions, "start" | "dim" | "rank" | "seed" | "trial">;

const LIFT_OPTIONS = ["times", "horizon", "tolerance", "maxIterations", "signal", "onProgress"] as const;

/** A flow with its frames. */
export interface LiftedFlow extends Flow {
  /** W at each time, d×r, orthonormal. */
  readonly bases: readonly Matrix[];
}

/**
 * The two-timescale flow Ẇ = (W⋆ − WM)BMᵀ of a d×r frame W towards a target frame W⋆ (d×r⋆).
 *
 * W never leaves span(W(0), W⋆), so the flow is that of the overlaps with a frame of this span, for the link with variables added on
 * which it does not depend. Times, loss, overlaps and escapes are those of `populationFlow` from M(0) = W(0)ᵀW⋆.
 *
 * @param W - d×r with orthonormal columns, @param target - d×r⋆ with orthonormal columns
 * @throws {InputError} `SHAPE`, `NOT_ORTHONORMAL` if ‖WᵀW − I‖ > 1e-8; @throws {MemoryError} `TOO_LARGE` when the frames at all times
 * do not fit, and as `populationFlow`
 * Source: [MI §3]. Cost: two flows, the second with up to r⋆ + r variables, and O(d·r·(r + r⋆)) per recorded time.
 */
export async function liftFlow(
  link: Link,
  W: MatrixLike,
  target: MatrixLike,
  options: LiftOptions = {},
): Promise<LiftedFlow> {
  const given = checkOptions(options, LIFT_OPTIONS, "liftFlow") as LiftOptions;
  const w = readFrame(W, "W");
  const wStar = readFrame(target, "target");
  const { rows: dim, columns: rank } = w;
  const rankStar = wStar.columns;
  if (wStar.rows !== dim) {
    throw new InputError(
      "SHAPE",
      `target has ${wStar.rows} rows, but W has ${dim}; both are frames in the same space.`,
      {
        details: { target: wStar.rows, W: dim },
      },
    );
  }
  const start = multiplyTransposed(w.data, wStar.data, dim, rank, rankStar);
  const startOption = { data: start, rows: rank, columns: rankStar };
  const { plan, link: known, control } = readFlow(link, { ...given, start: startOption }, "liftFlow");
  const flow = await populationFlow(link, { ...given, start: startOption });

  // What W(0) has outside span(W⋆), orthonormal: the rest of the space that W can reach.
  const outside = Float64Array.from(w.data);
  for (let pass = 0; pass < 2; pass++) {
    const inside = multiply(
      wStar.data,
      multiplyTransposed(wStar.data, outside, dim, rankStar, rank),
      dim,
      rankStar,
      rank,
    );
    for (let i = 0; i < outside.length; i++) outside[i] -= inside[i];
  }
  const { basis: rest, rank: extra } = orthonormalize(outside, dim, rank, 1e-12);
  const width = rankStar + extra;
  const reach = new Float64Array(dim * width);
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j < rankStar; j++) reach[i * width + j] = wStar.data[i * rankStar + j];
    for (let j = 0; j < extra; j++) reach[i * width + rankStar + j] = rest[i * extra + j];
  }
  const frames = allocateDoubles(
    flow.times.length * dim * rank,
    `the frames at ${flow.times.length} times (${dim}×${rank} each)`,
    "Ask for fewer times.",
  );
  const lifted = await runFlow(
    new TwoTimescaleSystem(withIdleVariables(known, extra), rank, plan.tolerance),
    {
      ...plan,
      rankStar: width,
      start: multiplyTransposed(w.data, reach, dim, rank, width),
      times: flow.times,
      horizon: flow.times.length === 0 ? 0 : flow.times[flow.times.length - 1],
      thresholds: [],
      monotone: true,
      onProgress: undefined,
    },
    control,
  );
  const bases = lifted.overlaps.map((overlap, i) => {
    const frame = frames.subarray(i * dim * rank, (i + 1) * dim * rank);
    for (let a = 0; a < dim; a++) {
      for (let b = 0; b < rank; b++) {
        let sum = 0;
        for (let j = 0; j < width; j++) sum += reach[a * width + j] * overlap.get(b, j);
        frame[a * rank + b] = sum;
      }
    }
    return toMatrix(frame, dim, rank);
  });
  return { ...flow, bases };
}

/**
 * A Haar frame of `rank` columns in `dim` dimensions, for starts and targets of `liftFlow`.
 *
 * @throws {OptionError} `TYPE`, `RANGE`; @throws {InputError} `SHAPE` if rank > dim; @throws {MemoryError} `TOO_LARGE`
 */
export function haarFrame(dim: number, rank: number, seed: number, trial = 0): Matrix {
  checkInteger(dim, "dim", { min: 1 });
  checkInteger(rank, "rank", { min: 1 });
  checkInteger(trial, "trial", { min: 0 });
  if (rank <= dim) allocateDoubles(dim * rank, `a frame of ${dim}×${rank}`, "Use a smaller dim.");
  return toMatrix(randomBasis(dim, rank, createRng(seed, "haar", trial)), dim, rank);
}

function readFrame(given: MatrixLike, name: string) {
  const frame = readMatrix(given, name);
  const error =
    frame.columns > frame.rows ? Number.POSITIVE_INFINITY : orthonormalityError(frame.data, frame.rows, frame.columns);
  if (error <= ORTHONORMAL_TOLERANCE) return frame;
  throw new InputError(
    "NOT_ORTHONORMAL",
    `${name} has ‖AᵀA − I‖ = ${error}; its columns must be orthonormal to 1e-8.`,
    {
      details: { error },
    },
  );
}

/** The link as a function of more variables, the last of which do nothing. */
function withIdleVariables(link: FlowLink, extra: number): FlowLink {
  const rank = link.rank + extra;
  const from = multiIndexTable(link.rank, link.degree);
  const to = multiIndexTable(rank, link.degree);
  const coefficients = new Float64Array(to.size);
  for (let j = 0; j < from.size; j++) {
    // Raising one exponent after another from the constant leads to the same multi-index among more variables.
    let at = 0;
    for (let k = 0; k < link.rank; k++) {
      for (let e = from.exponents[j * link.rank + k]; e > 0; e--) at = to.up[at * rank + k];
    }
    coefficients[at] = link.coefficients[j];
  }
  return { ...link, coefficients, rank };
}
