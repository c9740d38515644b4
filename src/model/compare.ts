/** Overlap, subspace distance and principal angles of given bases. */
import { InputError } from "../base/errors.js";
import type { DenseRows, MatrixLike } from "../base/types.js";
import { readMatrix } from "../data/input.js";
import { type Matrix, multiplyTransposed, toMatrix } from "../math/dense.js";
import { principalAngles as anglesBetween, norm } from "../math/grassmann.js";

/**
 * Distance between two subspaces of equal dimension: the 2-norm of their principal angles, in radians.
 *
 * Small angles come from sines and large ones from cosines. The arccosine of a number near 1 keeps only half the digits, which
 * would hide the last phase of convergence.
 *
 * @param A - d×r, orthonormal columns
 * @param B - d×r, orthonormal columns
 * @returns a value in [0, √r·π/2]; 0 up to rounding exactly when both span the same subspace
 * @throws {InputError} `SHAPE` if shapes differ, `NOT_ORTHONORMAL` if ‖AᵀA − I‖ > 1e-8, and as every matrix argument
 * Source: Björck & Golub, Math. Comp. 27 (1973). Cost: O(d·r²).
 * @example
 * ```ts
 * import { subspaceDistance } from "leapflow";
 * console.log(subspaceDistance([[1], [0]], [[0], [1]]) === Math.PI / 2); // true
 * ```
 */
export function subspaceDistance(A: MatrixLike, B: MatrixLike): number {
  const a = readBasis(A, "A");
  const b = readBasis(B, "B");
  if (a.rows !== b.rows || a.columns !== b.columns) {
    throw new InputError(
      "SHAPE",
      `A is ${a.rows}×${a.columns} and B is ${b.rows}×${b.columns}; a distance needs equal shapes.`,
      {
        details: { a: [a.rows, a.columns], b: [b.rows, b.columns] },
      },
    );
  }
  return norm(anglesBetween(a.data, b.data, a.rows, a.columns, b.columns));
}

/**
 * Principal angles between the spans of A (d×p) and B (d×q), ascending, in radians; min(p, q) of them.
 *
 * @throws {InputError} `SHAPE` if the numbers of rows differ, `NOT_ORTHONORMAL` if ‖AᵀA − I‖ > 1e-8
 * Source: Björck & Golub, Math. Comp. 27 (1973). Cost: O(d·(p+q)²).
 */
export function principalAngles(A: MatrixLike, B: MatrixLike): Float64Array {
  const a = readBasis(A, "A");
  const b = readBasis(B, "B");
  checkRows(a, b);
  return anglesBetween(a.data, b.data, a.rows, a.columns, b.columns);
}

/**
 * Overlap M = AᵀB (p×q) of A (d×p) and B (d×q); for a basis W and the truth W⋆ the matrix M of [MI §0].
 *
 * @throws {InputError} `SHAPE` if the numbers of rows differ
 */
export function overlap(A: MatrixLike, B: MatrixLike): Matrix {
  const a = readBasis(A, "A");
  const b = readBasis(B, "B");
  checkRows(a, b);
  return toMatrix(multiplyTransposed(a.data, b.data, a.rows, a.columns, b.columns), a.columns, b.columns);
}

function checkRows(a: DenseRows, b: DenseRows): void {
  if (a.rows === b.rows) return;
  throw new InputError("SHAPE", `A has ${a.rows} rows and B has ${b.rows}; both must live in the same dimension.`, {
    details: { a: a.rows, b: b.rows },
  });
}

/** A d×r matrix, where r = 0 (the zero subspace of a constant model) is as good as any. */
function readBasis(value: MatrixLike, name: string): DenseRows {
  if (
    typeof value === "object" &&
    value !== null &&
    "columns" in value &&
    value.columns === 0 &&
    Number.isSafeInteger(value.rows)
  ) {
    return { data: new Float64Array(0), rows: value.rows, columns: 0 };
  }
  return readMatrix(value, name);
}
