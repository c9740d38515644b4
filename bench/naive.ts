/** The straightforward TypeScript version of one iteration: one loop nest over typed arrays, Gram form. For comparison only. */

/** Multi-indices of total degree ≤ s, by degree, lexicographically descending inside. */
export function indices(r: number, s: number): number[][] {
  const of = (left: number, k: number): number[][] =>
    k === 1
      ? [[left]]
      : Array.from({ length: left + 1 }, (_, i) => left - i).flatMap((b) =>
          of(left - b, k - 1).map((rest) => [b, ...rest]),
        );
  return Array.from({ length: s + 1 }, (_, k) => of(k, r)).flat();
}

export interface Iteration {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** J(W) and ∇_W J as someone would first write them: row by row, plain loops, a Cholesky solve. */
export function naiveIteration(
  X: Float64Array,
  y: Float64Array,
  W: Float64Array,
  n: number,
  d: number,
  r: number,
  degree: number,
  penalty: number,
): () => Iteration {
  const beta = indices(r, degree);
  const p = beta.length;
  const place = new Map(beta.map((b, k) => [b.join(), k]));
  // up[j·r + k] = position of β_j + e_k, or −1
  const up = new Int32Array(p * r);
  beta.forEach((b, j) => {
    for (let k = 0; k < r; k++) {
      const next = b.slice();
      next[k]++;
      up[j * r + k] = place.get(next.join()) ?? -1;
    }
  });
  const exponents = Int32Array.from(beta.flat());
  const root = Float64Array.from({ length: degree + 2 }, (_, k) => Math.sqrt(k));
  const z = new Float64Array(r);
  const h = new Float64Array(r * (degree + 1));
  const phi = new Float64Array(p);

  const features = (i: number): void => {
    for (let k = 0; k < r; k++) {
      let sum = 0;
      for (let j = 0; j < d; j++) sum += X[i * d + j] * W[j * r + k];
      z[k] = sum;
      const at = k * (degree + 1);
      h[at] = 1;
      if (degree > 0) h[at + 1] = sum;
      for (let m = 1; m < degree; m++) h[at + m + 1] = (sum * h[at + m] - root[m] * h[at + m - 1]) / root[m + 1];
    }
    for (let j = 0; j < p; j++) {
      let value = 1;
      for (let k = 0; k < r; k++) value *= h[k * (degree + 1) + exponents[j * r + k]];
      phi[j] = value;
    }
  };

  return () => {
    const gram = new Float64Array(p * p);
    const c = new Float64Array(p);
    for (let i = 0; i < n; i++) {
      features(i);
      for (let a = 0; a < p; a++) {
        for (let b = a; b < p; b++) gram[a * p + b] += phi[a] * phi[b];
        c[a] += phi[a] * y[i];
      }
    }
    for (let a = 0; a < p; a++) {
      c[a] /= n;
      for (let b = a; b < p; b++) gram[a * p + b] /= n;
      gram[a * p + a] += penalty;
    }
    solve(gram, c, p);
    const derivative = new Float64Array(p * r);
    for (let j = 0; j < p; j++) {
      for (let k = 0; k < r; k++) {
        const at = up[j * r + k];
        if (at >= 0) derivative[j * r + k] = root[exponents[at * r + k]] * c[at];
      }
    }
    const gradient = new Float64Array(d * r);
    const g = new Float64Array(r);
    let square = 0;
    for (let i = 0; i < n; i++) {
      features(i);
      let f = 0;
      g.fill(0);
      for (let j = 0; j < p; j++) {
        f += c[j] * phi[j];
        for (let k = 0; k < r; k++) g[k] += derivative[j * r + k] * phi[j];
      }
      const residual = y[i] - f;
      square += residual * residual;
      for (let j = 0; j < d; j++) {
        for (let k = 0; k < r; k++) gradient[j * r + k] -= (residual * X[i * d + j] * g[k]) / n;
      }
    }
    let size = 0;
    for (let j = 0; j < p; j++) size += c[j] * c[j];
    return { loss: square / (2 * n) + (penalty / 2) * size, gradient };
  };
}

/** Cholesky on the upper triangle, in place; c becomes the solution. */
export function solve(a: Float64Array, c: Float64Array, p: number): void {
  for (let j = 0; j < p; j++) {
    for (let i = 0; i <= j; i++) {
      let sum = a[i * p + j];
      for (let k = 0; k < i; k++) sum -= a[k * p + i] * a[k * p + j];
      a[i * p + j] = i === j ? Math.sqrt(sum) : sum / a[i * p + i];
    }
  }
  for (let j = 0; j < p; j++) {
    for (let k = 0; k < j; k++) c[j] -= a[k * p + j] * c[k];
    c[j] /= a[j * p + j];
  }
  for (let j = p - 1; j >= 0; j--) {
    for (let k = j + 1; k < p; k++) c[j] -= a[j * p + k] * c[k];
    c[j] /= a[j * p + j];
  }
}
