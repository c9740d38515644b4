/** One iteration with ml-matrix products and its Cholesky solve; transposes of X are made once, outside. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { type Iteration, indices } from "./naive.js";

export function mlMatrixIteration(
  X: Float64Array,
  y: Float64Array,
  W: Float64Array,
  n: number,
  d: number,
  r: number,
  degree: number,
  penalty: number,
): () => Iteration {
  const rows = Array.from({ length: n }, (_, i) => Array.from(X.subarray(i * d, (i + 1) * d)));
  const A = new Matrix(rows);
  const At = A.transpose();
  const w = new Matrix(Array.from({ length: d }, (_, j) => Array.from(W.subarray(j * r, (j + 1) * r))));
  const beta = indices(r, degree);
  const place = new Map(beta.map((b, k) => [b.join(), k]));
  const p = beta.length;
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
        for (let k = 0; k < r; k++) value *= h[k][beta[j][k]];
        F.set(i, j, value);
      }
    }
    const Ft = F.transpose();
    const G = Ft.mmul(F).mul(1 / n);
    for (let j = 0; j < p; j++) G.set(j, j, G.get(j, j) + penalty);
    const c = new CholeskyDecomposition(G).solve(Ft.mmul(target).mul(1 / n));
    const residual = Matrix.sub(target, F.mmul(c));
    const D = new Matrix(p, r);
    beta.forEach((b, j) => {
      for (let k = 0; k < r; k++) {
        const next = b.slice();
        next[k]++;
        const at = place.get(next.join());
        if (at !== undefined) D.set(j, k, Math.sqrt(next[k]) * c.get(at, 0));
      }
    });
    const g = F.mmul(D).mulColumnVector(residual.to1DArray());
    const gradient = At.mmul(g).mul(-1 / n);
    const square = residual.to1DArray().reduce((s, v) => s + v * v, 0);
    const size = c.to1DArray().reduce((s, v) => s + v * v, 0);
    return { loss: square / (2 * n) + (penalty / 2) * size, gradient: Float64Array.from(gradient.to1DArray()) };
  };
}
