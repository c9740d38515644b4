/** One iteration as it is written with ml-matrix: what `leapflow bench` and bench/ compare with. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** A problem in flat arrays, row-major. */
export interface IterationProblem {
  /** n×d. */
  readonly X: Float64Array;
  readonly y: Float64Array;
  /** d×r, orthonormal columns. */
  readonly W: Float64Array;
  /** Multi-indices of the link's features, each of length r, in the order of [MI §1.2]. */
  readonly indices: readonly (readonly number[])[];
  /** Absolute ridge μ. */
  readonly penalty: number;
}

export interface Iteration {
  readonly loss: number;
  /** d×r, row-major. */
  readonly gradient: Float64Array;
}

/** J(W) and ∇J by products and a Cholesky solve of the library; its matrices and the transpose of X are made once, here. */
export function mlMatrixIteration({ X, y, W, indices, penalty }: IterationProblem): () => Iteration {
  const [n, r, p] = [y.length, indices[0].length, indices.length];
  const d = W.length / r;
  const degree = Math.max(...indices.flat());
  const split = (flat: Float64Array, rows: number, columns: number): Matrix =>
    new Matrix(Array.from({ length: rows }, (_, i) => Array.from(flat.subarray(i * columns, (i + 1) * columns))));
  const A = split(X, n, d);
  const At = A.transpose();
  const w = split(W, d, r);
  const place = new Map(indices.map((b, j) => [b.join(), j]));
  const target = Matrix.columnVector(y as unknown as number[]);
  return () => {
    const Z = A.mmul(w);
    const F = new Matrix(n, p);
    const h = Array.from({ length: r }, () => new Float64Array(degree + 1));
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < r; k++) {
        const z = Z.get(i, k);
        h[k][0] = 1;
        if (degree > 0) h[k][1] = z;
        for (let m = 1; m < degree; m++) h[k][m + 1] = (z * h[k][m] - Math.sqrt(m) * h[k][m - 1]) / Math.sqrt(m + 1);
      }
      for (let j = 0; j < p; j++) {
        let value = 1;
        for (let k = 0; k < r; k++) value *= h[k][indices[j][k]];
        F.set(i, j, value);
      }
    }
    const Ft = F.transpose();
    const G = Ft.mmul(F).mul(1 / n);
    for (let j = 0; j < p; j++) G.set(j, j, G.get(j, j) + penalty);
    const c = new CholeskyDecomposition(G).solve(Ft.mmul(target).mul(1 / n));
    const residual = Matrix.sub(target, F.mmul(c));
    const D = new Matrix(p, r);
    indices.forEach((b, j) => {
      for (let k = 0; k < r; k++) {
        const at = place.get(b.map((v, l) => (l === k ? v + 1 : v)).join());
        if (at !== undefined) D.set(j, k, Math.sqrt(b[k] + 1) * c.get(at, 0));
      }
    });
    const g = F.mmul(D).mulColumnVector(residual.to1DArray());
    const gradient = At.mmul(g).mul(-1 / n);
    const square = residual.to1DArray().reduce((s, v) => s + v * v, 0);
    const size = c.to1DArray().reduce((s, v) => s + v * v, 0);
    return { loss: square / (2 * n) + (penalty / 2) * size, gradient: Float64Array.from(gradient.to1DArray()) };
  };
}
