/** Products of small row-major matrices that sit inside a state vector; nothing is allocated. */

/** out ← X·B for `rows` rows of X at `at` in y; B is n×n. */
export function product(
  y: Float64Array,
  at: number,
  b: Float64Array,
  out: Float64Array,
  rows: number,
  n: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += y[at + i * n + l] * b[l * n + j];
      out[i * n + j] = sum;
    }
  }
}

/** out[at…] += sign·X·B for X with `rows` rows; B is n×n. */
export function addProduct(
  x: Float64Array,
  b: Float64Array,
  out: Float64Array,
  at: number,
  rows: number,
  n: number,
  sign: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += x[i * n + l] * b[l * n + j];
      out[at + i * n + j] += sign * sum;
    }
  }
}

/** out ← XᵀX for `rows` rows of length n at `at` in y. */
export function gram(y: Float64Array, at: number, rows: number, n: number, out: Float64Array): void {
  for (let j = 0; j < n; j++) {
    for (let l = 0; l <= j; l++) {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += y[at + i * n + j] * y[at + i * n + l];
      out[j * n + l] = sum;
      out[l * n + j] = sum;
    }
  }
}
