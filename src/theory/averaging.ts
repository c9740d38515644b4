/** Averaging operator, population loss and its gradient. */
import { allocateDoubles, checkInteger } from "../base/assert.js";
import { InputError } from "../base/errors.js";
import type { DenseRows, MatrixLike } from "../base/types.js";
import { readMatrix } from "../data/input.js";
import { type Matrix, multiply, toMatrix } from "../math/dense.js";
import { checkFeatureCount, multiIndexTable } from "../math/multiIndex.js";
import { checkLink } from "../model/checkLink.js";
import type { Link } from "../model/link.js";
import { PrincipalField } from "./principalField.js";

/** What ‖M‖₂ may exceed 1 by; the overlap of two orthonormal frames never does but for rounding. */
const NORM_SLACK = 1e-8;

/** The two-timescale problem at one overlap. */
export interface PopulationLoss {
  /** ½‖f‖² − ½‖A_M f‖². */
  readonly loss: number;
  /** ∇_M L = −M B, r×r⋆. */
  readonly gradient: Matrix;
  /** B = E[(A_M∇f)(A_M∇f)ᵀ], r⋆×r⋆. */
  readonly smoothedGradient: Matrix;
  /** Ṁ = M B (I − MᵀM), r×r⋆. */
  readonly velocity: Matrix;
}

/** The problem with a known, frozen link at one overlap. */
export interface PlantedLoss {
  /** ‖f‖² − ⟨f, A_M f⟩. */
  readonly loss: number;
  /** −K, r×r, K_ij = ⟨∂_i f, A_M ∂_j f⟩. */
  readonly gradient: Matrix;
  /** Ṁ = K − sym(M Kᵀ) M, r×r. */
  readonly velocity: Matrix;
}

/**
 * Matrix of the averaging operator A_M on Hermite coefficients: (A_M f)(z) = E_g f(Mᵀz + (I − MᵀM)^{1/2} g), from the
 * coefficients of f (r⋆ variables) to those of A_M f (r variables), both in the order of [MI §1.2].
 *
 * Any finite M is taken; for ‖M‖₂ > 1 it is the same polynomial in M, though no average. Columns of a degree come from those
 * of the degree below.
 *
 * @param M - r×r⋆, the overlap WᵀW⋆
 * @returns N(r, degree)×N(r⋆, degree), degrees never mix
 * @throws {InputError} `TYPE`, `EMPTY`, `SHAPE`, `NOT_FINITE`, `OVERFLOW`; @throws {OptionError} `TYPE`, `RANGE`, `TOO_LARGE`
 * @throws {MemoryError} `TOO_LARGE`
 * Source: [MI §2]. Cost: 2r·Σ_k n_k(r)·n_k(r⋆) flops.
 */
export function averagingOperator(M: MatrixLike, degree: number): Matrix {
  checkInteger(degree, "degree", { min: 0 });
  const { data: m, rows: rank, columns: rankStar } = readMatrix(M, "M");
  const height = checkFeatureCount(rank, degree);
  const width = checkFeatureCount(rankStar, degree);
  const hint = "Use populationLoss, which never forms this matrix, or a lower degree.";
  const out = allocateDoubles(height * width, `the averaging operator (${height}×${width})`, hint);
  const from = multiIndexTable(rank, degree);
  const to = multiIndexTable(rankStar, degree);
  out[0] = 1;
  for (let k = 1; k <= degree; k++) {
    for (let column = to.prefix[k]; column < to.prefix[k + 1]; column++) {
      // The largest exponent is lowered: its factor 1/√β_j is the smallest.
      let j = 0;
      for (let l = 1; l < rankStar; l++) {
        if (to.exponents[column * rankStar + l] > to.exponents[column * rankStar + j]) j = l;
      }
      const below = to.down[column * rankStar + j];
      const scale = 1 / Math.sqrt(to.exponents[column * rankStar + j]);
      for (let row = from.prefix[k]; row < from.prefix[k + 1]; row++) {
        let sum = 0;
        for (let i = 0; i < rank; i++) {
          const previous = from.down[row * rank + i];
          if (previous < 0) continue;
          sum += Math.sqrt(from.exponents[row * rank + i]) * m[i * rankStar + j] * out[previous * width + below];
        }
        out[row * width + column] = scale * sum;
      }
    }
  }
  const bad = out.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new InputError(
      "OVERFLOW",
      `entry [${Math.floor(bad / width)}][${bad % width}] of A_M is beyond the largest double; the entries of M must be at most about 1.`,
    );
  }
  return toMatrix(out, height, width);
}

/**
 * Population loss of the frame W with the link refitted, L = ½‖f‖² − ½‖A_M f‖² at M = WᵀW⋆, with its gradient in M, the
 * smoothed gradient outer product B and the velocity of the two-timescale flow.
 *
 * In d dimensions ∇_W L = −W⋆BMᵀ and grad L = −(W⋆ − WM)BMᵀ. Every 1 − Πλ^{2β} is summed from positive terms, so L keeps its
 * relative accuracy up to convergence.
 *
 * @param M - r×r⋆, ‖M‖₂ ≤ 1; r may differ from r⋆
 * @throws {InputError} `SHAPE`, `NOT_FINITE`, `RANGE` with ‖M‖₂, and as every matrix argument
 * Source: [MI §3, §3.1]. Cost: 15 000 flops at r = 3, degree 10; 10⁶ at r = 6, degree 10.
 */
export function populationLoss(link: Link, M: MatrixLike): PopulationLoss {
  const { data: m, rows: rank, columns: rankStar } = readOverlap(M, link, "M");
  const field = fieldOf(link, rank);
  field.decompose(m);
  checkNorm(field.svd.values[0], "M");
  const loss = field.loss();
  field.smoothHere();
  const mb = multiply(m, field.b, rank, rankStar, rankStar);
  return {
    loss,
    gradient: toMatrix(
      mb.map((x) => -x),
      rank,
      rankStar,
    ),
    smoothedGradient: toMatrix(field.b, rankStar, rankStar),
    velocity: toMatrix(timesComplement(mb, field, rank), rank, rankStar),
  };
}

/** X·(I − MᵀM) = X·V·diag(1 − λ²)·Vᵀ of the decomposed M. */
function timesComplement(x: Float64Array, field: PrincipalField, rank: number): Float64Array {
  const { rankStar: n, sinesSquared } = field;
  const { v } = field.svd;
  const out = new Float64Array(rank * n);
  for (let i = 0; i < rank; i++) {
    for (let l = 0; l < n; l++) {
      let along = 0;
      for (let j = 0; j < n; j++) along += x[i * n + j] * v[l * n + j];
      for (let j = 0; j < n; j++) out[i * n + j] += along * sinesSquared[l] * v[l * n + j];
    }
  }
  return out;
}

/**
 * Population loss with the link known and frozen, ‖f‖² − ⟨f, A_M f⟩ at a square M = WᵀW⋆ (half the squared error), its gradient
 * −K in M and the velocity of the flow on the Stiefel manifold with the embedded metric.
 *
 * @param M - r⋆×r⋆, ‖M‖₂ ≤ 1
 * @throws {InputError} `SHAPE`, `NOT_FINITE`, `RANGE` with ‖M‖₂, and as every matrix argument
 * Source: [MI §6]. Cost: twice that of `populationLoss`.
 */
export function plantedLoss(link: Link, M: MatrixLike): PlantedLoss {
  const { data: m, rows: rank, columns: rankStar } = readOverlap(M, link, "M");
  if (rank !== rankStar) {
    throw new InputError(
      "SHAPE",
      `M is ${rank}×${rankStar}; the planted problem has as many directions as the link, ${rankStar}.`,
      {
        details: { rows: rank, columns: rankStar },
      },
    );
  }
  const field = fieldOf(link, rank);
  field.decompose(m);
  checkNorm(field.svd.values[0], "M");
  const loss = field.planted();
  return {
    loss,
    gradient: toMatrix(
      field.k.map((x) => -x),
      rank,
      rank,
    ),
    velocity: toMatrix(plantedVelocity(m, field.k, rank), rank, rank),
  };
}

/** K − sym(M Kᵀ) M. */
function plantedVelocity(m: ArrayLike<number>, k: Float64Array, n: number): Float64Array {
  const out = k.slice();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += m[i * n + l] * k[j * n + l] + k[i * n + l] * m[j * n + l];
      for (let l = 0; l < n; l++) out[i * n + l] -= 0.5 * sum * m[j * n + l];
    }
  }
  return out;
}

const fields = new WeakMap<Link, Map<number, PrincipalField>>();

/** Buffers for a link and a rank, kept with the link: a call uses them from start to end without a turn for others. */
function fieldOf(link: Link, rank: number): PrincipalField {
  let known = fields.get(link);
  if (known === undefined) {
    known = new Map();
    fields.set(link, known);
  }
  let field = known.get(rank);
  if (field === undefined) {
    field = new PrincipalField(link.coefficients, link.rank, link.degree, rank);
    known.set(rank, field);
  }
  return field;
}

/** An overlap whose columns are the variables of the link. */
export function readOverlap(M: unknown, link: Link, name: string): DenseRows {
  checkLink(link);
  const dense = readMatrix(M, name);
  if (dense.columns !== link.rank) {
    throw new InputError(
      "SHAPE",
      `${name} is ${dense.rows}×${dense.columns}; a link of ${link.rank} variables needs ${link.rank} columns (rows are the learner's directions).`,
      {
        details: { rows: dense.rows, columns: dense.columns, rank: link.rank },
      },
    );
  }
  return dense;
}

/** @throws {InputError} `RANGE` when ‖M‖₂ is above 1 by more than rounding */
export function checkNorm(norm: number, name: string): void {
  if (norm <= 1 + NORM_SLACK) return;
  throw new InputError("RANGE", `${name} has 2-norm ${norm}; the overlap of two orthonormal frames has at most 1.`, {
    details: { norm },
  });
}
