/**
 * Work on rows wherever they live.
 *
 * The rows of a problem are cut into parts (partition.ts). A workspace keeps the first few in its own machine and may
 * have others served elsewhere: by threads, by other computers, from a file. It runs a pass by naming it: every place runs
 * the pass of that name on its own rows and answers with sums over its parts, or with one result a row. The sums meet in
 * the fixed tree; solving, and everything else that is small, happens once, in the workspace. So a place needs to know
 * passes only, a solver needs to know nothing, and the bits depend on the partition alone.
 *
 * What travels: to a place the arguments below (d×r, p or r×r numbers, or one number for each of its rows), from it as many
 * sums as the pass has (at most p(p+1)/2, d², or the square of the tangent space), or r numbers a row. Never X.
 */
import type { DenseRows } from "../base/types.js";
import type { Standardization } from "./blocks.js";
import { columnLargest, columnSums, secondMoment, weightedSum } from "./columnPasses.js";
import {
  combine,
  direct,
  direction,
  kept,
  motion,
  place,
  project,
  projectedMotion,
  residualProduct,
  residuals,
} from "./linkPasses.js";
import type { SumNode } from "./partition.js";
import type { Opening } from "./parts.js";
import type { Points, RowQuantity } from "./points.js";
import { leverages, sandwich, tangentGram } from "./tangentPasses.js";

/** Every pass by name. Each runs on the rows held in one place and leaves sums there, or gives results row by row. */
export const PASSES = {
  setTarget: (rows: Points, y: Float64Array, rootWeights: Float64Array | undefined) => rows.setTarget(y, rootWeights),
  standardize: (rows: Points, standardization: Standardization) => rows.standardize(standardization),
  acceptTrial: (rows: Points) => rows.acceptTrial(),
  quantity: (rows: Points, name: RowQuantity): Float64Array => rows.quantity(name),
  project,
  place,
  combine,
  direct,
  kept,
  residuals,
  residualProduct,
  direction,
  motion,
  projectedMotion,
  columnLargest,
  columnSums,
  secondMoment,
  weightedSum,
  tangentGram,
  leverages,
  sandwich,
};

export type PassName = keyof typeof PASSES;
type Tail<F> = F extends (rows: never, ...rest: infer A) => unknown ? A : never;
/** Arguments of a pass, structured-clonable. */
export type PassArguments<K extends PassName = PassName> = Tail<(typeof PASSES)[K]>;
/** What a pass gives at once or later: results row by row, or nothing. */
export type PassResult = Float64Array | undefined;
type Outcome = Promise<Float64Array | undefined> | Promise<void> | Float64Array | undefined;

/** Runs a pass on the rows held here. @returns a promise only when it had to give way to the event loop */
export function runPass<K extends PassName>(rows: Points, name: K, args: PassArguments<K>): Outcome {
  return (PASSES[name] as (rows: Points, ...rest: unknown[]) => Outcome)(rows, ...args);
}

/** What a place answers: sums over its parts, or results for its rows, one row after the other. */
export interface PassAnswer {
  readonly nodes: readonly SumNode[];
  readonly results?: Float64Array | undefined;
}

/** A run of parts that is served somewhere. Calls are answered in the order in which they are made. */
export interface PartServer {
  /** The parts served: first … last − 1. */
  readonly first: number;
  readonly last: number;
  /** Runs a pass there. @throws what the pass throws; {KernelError} `WORKER_LOST` when nobody answers any more */
  call(name: PassName, args: readonly unknown[]): Promise<PassAnswer>;
  /** Gives its memory up. */
  close(): void;
}

/** Where the parts of a problem live beside the workspace itself. */
export interface Crew {
  /** Parts that were asked for; by default the number depends on the rows alone. */
  readonly shards?: number;
  /** Why there are fewer than were asked for. */
  readonly reason?: string;
  /**
   * Opens the parts of a problem. They are given out in order: the workspace keeps parts 0 … own − 1, which may be none,
   * and the servers follow each other. Does not wait until they are open.
   */
  open(problem: Omit<Opening, "first" | "last">, rows: DenseRows): { own: number; servers: readonly PartServer[] };
}
