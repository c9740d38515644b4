/** Problem shape → slots and total bytes; pure arithmetic. */
import { MemoryError } from "../base/errors.js";
import { type MomentSizes, momentSizes } from "./moments.js";
import { BLOCK_ROWS } from "./ops.js";

/** What a workspace must hold. */
export interface ProblemShape {
  /** n, rows of X. */
  readonly samples: number;
  /** d, columns of X. */
  readonly columns: number;
  /** r, directions. */
  readonly rank: number;
  /** D, total degree of the link. */
  readonly degree: number;
  /** p = C(r + D, D). */
  readonly featureCount: number;
  /** Features of degree ≤ D − 1. */
  readonly derivativeCount: number;
  /** X is held in single precision, whatever its size, and products with it are taken in floats. */
  readonly single?: boolean;
  /** c, directions outside the basis whose motion is looked at (leverages, standard errors); absent when it is not. */
  readonly complement?: number;
}

/** X up to this size stays in the kernel's memory; a larger one is streamed block by block from the caller's array. */
export const RESIDENT_BYTES = 32 * 2 ** 20;

/** Features of both points are kept up to this size, which second-level caches hold; beyond it forming them is as fast. */
const KEPT_BYTES = 4 * 2 ** 20;

/** Doubles that a slot for raw rows has beside a block: a copy may begin anywhere in a cache line. */
export const COPY_ROOM = 8;

const F64 = 8;
const ALIGN = 64;

/**
 * Slots of the arena, in bytes from its start. Names ending in 0 and 1 are the two halves of a double buffer: one
 * holds the current point, the other the trial.
 *
 *     small statistics … | one row block | y, √w, u | z, fields, residual (×2), direction | resident X
 */
export interface Layout {
  readonly shape: ProblemShape;
  /** Numbers per row of an x block: columns rounded up to even, in single precision to a multiple of four. */
  readonly stride: number;
  /** Rows held here: all n, or those of some parts. */
  readonly rows: number;
  /** Blocks of the rows held here. */
  readonly blocks: number;
  readonly paddedRows: number;
  readonly packedCount: number;
  /** p + c·r, columns of the tangent space of a fit; 0 when it is not looked at. */
  readonly tangentCount: number;
  readonly resident: boolean;
  /** Whether the features of all rows are kept at both points; otherwise they are formed again where they are used. */
  readonly keepsFeatures: boolean;
  /** Sizes of the moments from which the normal equations are expanded; absent where forming them directly is cheaper. */
  readonly moments: MomentSizes | undefined;
  readonly slots: Readonly<Record<SlotName, number>>;
  readonly bytes: number;
}

const SLOT_NAMES = [
  "center",
  "inverseScale",
  "columnSums",
  "paired",
  "pairedSum",
  "table",
  "coefficients",
  "derivatives",
  "gram",
  "moment",
  "solution",
  "small",
  "sumSquares",
  "square",
  "factor0",
  "factor1",
  "tridiagonal",
  "staging",
  "xBlock",
  "scratch",
  "rowWeights",
  "h",
  "phi",
  "phi0",
  "phi1",
  "momentTable",
  "momentWidths",
  "momentRows",
  "momentResponse",
  "momentSums",
  "momentPlaces",
  "momentFactors",
  "momentEntries",
  "c",
  "target",
  "rootWeights",
  "direction",
  "u",
  "z0",
  "z1",
  "fields0",
  "fields1",
  "residual0",
  "residual1",
  "complement",
  "complementZ",
  "tangent",
  "tangentGram",
  "sandwich",
  "quads",
  "x",
] as const;
export type SlotName = (typeof SLOT_NAMES)[number];

/**
 * Places every slot of a problem in one arena. Cost: O(1).
 * @param rows - how many of the rows are held here
 */
export function layoutOf(shape: ProblemShape, hold = true, rows = shape.samples): Layout {
  const { columns, rank, degree, featureCount, derivativeCount, complement = 0 } = shape;
  const lanes = shape.single ? 4 : 2;
  const stride = Math.ceil(columns / lanes) * lanes;
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  const paddedRows = blocks * BLOCK_ROWS;
  const packedCount = (featureCount * (featureCount + 1)) / 2;
  const motions = complement * rank;
  const tangentCount = shape.complement === undefined ? 0 : featureCount + motions;
  const resident = shape.single === true || (hold && paddedRows * stride * F64 <= RESIDENT_BYTES);
  const held = resident ? paddedRows * stride : 0;
  const keepsFeatures = 2 * paddedRows * featureCount * F64 <= KEPT_BYTES;
  const kept = keepsFeatures ? paddedRows * featureCount : 0;
  const moments = momentSizes(shape);
  const momentRows = moments ? moments.firstRows + moments.secondRows : 0;
  const doubles: Record<SlotName, number> = {
    center: stride,
    inverseScale: stride,
    columnSums: stride,
    paired: stride * Math.max(rank, 1),
    pairedSum: stride * Math.max(rank, 1),
    table: featureCount,
    coefficients: featureCount,
    derivatives: derivativeCount * rank,
    gram: packedCount,
    moment: featureCount,
    solution: featureCount,
    square: stride * stride,
    small: Math.max((rank * (rank + 1)) / 2, rank * rank, 8),
    sumSquares: 1,
    factor0: packedCount,
    factor1: packedCount,
    tridiagonal: 7 * featureCount,
    staging: BLOCK_ROWS * columns + COPY_ROOM,
    xBlock: BLOCK_ROWS * stride + COPY_ROOM,
    scratch: BLOCK_ROWS * stride,
    rowWeights: BLOCK_ROWS,
    h: rank * ((moments ? 2 * degree : degree) + 1) * BLOCK_ROWS,
    phi: featureCount * BLOCK_ROWS,
    phi0: kept,
    phi1: kept,
    momentTable: moments ? momentRows + moments.responseRows : 0,
    momentWidths: moments ? Math.ceil((moments.widths.length + moments.responseWidths.length) / 2) : 0,
    momentRows: momentRows * BLOCK_ROWS,
    momentResponse: moments ? moments.responseRows * BLOCK_ROWS : 0,
    momentSums: moments ? moments.sums + moments.responseSums : 0,
    momentPlaces: moments ? Math.ceil(moments.terms / 2) : 0,
    momentFactors: moments ? moments.terms : 0,
    momentEntries: moments ? Math.ceil((moments.terms - packedCount) / 2) : 0,
    c: Math.max(rank, 1) * BLOCK_ROWS,
    target: paddedRows,
    rootWeights: paddedRows,
    direction: paddedRows * rank,
    u: paddedRows,
    z0: paddedRows * rank,
    z1: paddedRows * rank,
    fields0: paddedRows * (rank + 1),
    fields1: paddedRows * (rank + 1),
    residual0: paddedRows,
    residual1: paddedRows,
    complement: stride * complement,
    complementZ: BLOCK_ROWS * complement,
    tangent: BLOCK_ROWS * tangentCount,
    tangentGram: (tangentCount * (tangentCount + 1)) / 2,
    sandwich: (motions * (motions + 1)) / 2,
    x: shape.single ? held / 2 : held,
    quads: shape.single ? (stride * rank) / 2 : 0,
  };
  const slots = {} as Record<SlotName, number>;
  let bytes = 0;
  for (const name of SLOT_NAMES) {
    slots[name] = bytes;
    bytes += Math.ceil((doubles[name] * F64) / ALIGN) * ALIGN;
  }
  return {
    shape,
    stride,
    rows,
    blocks,
    paddedRows,
    packedCount,
    tangentCount,
    resident,
    keepsFeatures,
    moments,
    slots,
    bytes,
  };
}

/**
 * Bytes that a fit of this shape reserves before its first step.
 *
 * X itself is counted only when it is small enough to be held (`RESIDENT_BYTES`), or held in single precision.
 */
export const workspaceBytes = (shape: ProblemShape): number => layoutOf(shape).bytes;

/** Refuses a workspace that cannot fit. @throws {MemoryError} `TOO_LARGE` with bytes wanted and allowed */
export function assertFits(bytes: number, allowed: number): void {
  if (!(bytes <= allowed)) {
    throw new MemoryError(
      "TOO_LARGE",
      `this fit needs ${bytes} bytes of working memory; ${allowed} bytes are allowed. Use fewer rows, a lower rank or a lower degree.`,
      { details: { wanted: bytes, allowed } },
    );
  }
}
