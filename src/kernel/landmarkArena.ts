/** What a landmark Gaussian process keeps in kernel memory. */
import type { Arena } from "./arena.js";
import { BLOCK_ROWS as B } from "./ops.js";

/** Prior variance of the constant, for responses of variance 1. */
export const CONSTANT_VARIANCE = 10;
/** Added to the diagonal of K_uu, relative to the bump variance. */
export const JITTER = 1e-8;
/** Pivots below this part of their diagonal entry count as zero. */
export const PIVOT_TOLERANCE = 1e-15;

/** Rows and landmarks of a process. */
export interface ProcessRows {
  /** n×k row-major. */
  readonly x: Float64Array;
  readonly n: number;
  readonly k: number;
  /** n responses. */
  readonly y: Float64Array;
  /** n weights > 0, or absent. */
  readonly weights?: Float64Array | undefined;
  readonly rank: number;
  /** One of RADIAL_KINDS. */
  readonly kind: number;
  /** Rows that are the landmarks, m different ones; they move with the directions. */
  readonly landmarks: Int32Array;
}

/** Names of the arrays; `slotsOf` says how long they are. */
export type ProcessSlot =
  | "x"
  | "y"
  | "root"
  | "z"
  | "phi"
  | "psi"
  | "paired"
  | "pairedSum"
  | "scale"
  | "slopeRow"
  | "u"
  | "pulls"
  | "uz"
  | "kernel"
  | "kernelSlope"
  | "kuu"
  | "gram"
  | "factor"
  | "moment"
  | "beta"
  | "weights"
  | "square"
  | "mixing"
  | "g"
  | "gz"
  | "fitted"
  | "rho"
  | "none";

export type ProcessArena = Arena<ProcessSlot>;

/** Numbers per slot. */
export function slotsOf(rows: ProcessRows): Record<ProcessSlot, number> {
  const { n, k, rank: r, landmarks } = rows;
  const m = landmarks.length;
  const p = m + r + 1;
  const blocks = Math.ceil(n / B);
  const stride = k + (k & 1);
  const [landmarkBlocks, featureBlocks] = [Math.ceil(m / B), Math.ceil(p / B)];
  const packed = (count: number): number => (count * (count + 1)) / 2;
  return {
    x: blocks * B * stride,
    y: blocks * B,
    root: blocks * B,
    z: blocks * B * r,
    phi: blocks * B * p,
    psi: blocks * B * m,
    paired: stride * r,
    pairedSum: stride * r,
    scale: B,
    slopeRow: B,
    u: m * r,
    pulls: m * r,
    uz: landmarkBlocks * B * r,
    kernel: landmarkBlocks * B * m,
    kernelSlope: landmarkBlocks * B * m,
    kuu: packed(m),
    gram: packed(p),
    factor: packed(p),
    moment: p,
    beta: p,
    weights: m,
    square: featureBlocks * B * p,
    mixing: p * (m + r),
    g: B * (m + r),
    gz: B * r,
    fitted: B,
    rho: B,
    none: Math.max(m * r, B),
  };
}
