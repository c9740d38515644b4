/** Small row-major matrices in reused arrays: products, Cholesky factors, frames. Nothing is allocated, nothing checked. */

/** out ← X·B, X rows×n, B n×n. */
export function product(x: Float64Array, b: Float64Array, out: Float64Array, rows: number, n: number): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += x[i * n + l] * b[l * n + j];
      out[i * n + j] = sum;
    }
  }
}

/** out ← X·Yᵀ, X rows×n, Y columns×n. */
export function productTransposed(
  x: Float64Array,
  y: Float64Array,
  out: Float64Array,
  rows: number,
  columns: number,
  n: number,
): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += x[i * n + l] * y[j * n + l];
      out[i * columns + j] = sum;
    }
  }
}

/** Lower triangle of I + XᵀX, X rows×n, replaced by its Cholesky factor. */
export function factorUnitGram(x: Float64Array, rows: number, n: number, lower: Float64Array): void {
  for (let l = 0; l < n; l++) {
    for (let m = 0; m <= l; m++) {
      let sum = l === m ? 1 : 0;
      for (let i = 0; i < rows; i++) sum += x[i * n + l] * x[i * n + m];
      lower[l * n + m] = sum;
    }
  }
  factor(lower, n);
}

/** Lower triangle of I + XXᵀ, X n×columns, replaced by its Cholesky factor. */
export function factorUnitGramOfRows(x: Float64Array, n: number, columns: number, lower: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? 1 : 0;
      for (let l = 0; l < columns; l++) sum += x[i * columns + l] * x[j * columns + l];
      lower[i * n + j] = sum;
    }
  }
  factor(lower, n);
}

function factor(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let l = 0; l < j; l++) sum -= a[i * n + l] * a[j * n + l];
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j];
    }
  }
}

/** X ← L⁻¹X, X n×columns. */
export function divideLeft(lower: Float64Array, n: number, x: Float64Array, columns: number): void {
  for (let i = 0; i < n; i++) {
    const inverse = 1 / lower[i * n + i];
    for (let j = 0; j < columns; j++) {
      let sum = x[i * columns + j];
      for (let l = 0; l < i; l++) sum -= lower[i * n + l] * x[l * columns + j];
      x[i * columns + j] = sum * inverse;
    }
  }
}

/** X ← XL⁻ᵀ, X rows×n. */
export function divideRight(lower: Float64Array, n: number, x: Float64Array, rows: number): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = x[i * n + j];
      for (let l = 0; l < j; l++) sum -= lower[j * n + l] * x[i * n + l];
      x[i * n + j] = sum / lower[j * n + j];
    }
  }
}

/** frame ← frame·Q; both hold vectors one after another, `count` of them, those of the frame of the given length. */
export function composeFrames(
  frame: Float64Array,
  q: Float64Array,
  length: number,
  count: number,
  work: Float64Array,
): void {
  for (let a = 0; a < count; a++) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let l = 0; l < count; l++) sum += frame[l * length + i] * q[a * count + l];
      work[a * length + i] = sum;
    }
  }
  for (let i = 0; i < count * length; i++) frame[i] = work[i];
}

/** out ← the rotation (I − Θ)⁻¹(I + Θ) of an antisymmetric n×n Θ, which is overwritten. */
export function cayleyRotation(theta: Float64Array, n: number, out: Float64Array): void {
  for (let i = 0; i < n * n; i++) {
    out[i] = theta[i];
    theta[i] = -theta[i];
  }
  for (let i = 0; i < n; i++) {
    out[i * n + i] += 1;
    theta[i * n + i] += 1;
  }
  // I − Θ has the symmetric part I: elimination needs no pivots.
  for (let i = 0; i < n; i++) {
    for (let l = i + 1; l < n; l++) {
      const factor = theta[l * n + i] / theta[i * n + i];
      for (let j = i + 1; j < n; j++) theta[l * n + j] -= factor * theta[i * n + j];
      for (let j = 0; j < n; j++) out[l * n + j] -= factor * out[i * n + j];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = 0; j < n; j++) {
      let sum = out[i * n + j];
      for (let l = i + 1; l < n; l++) sum -= theta[i * n + l] * out[l * n + j];
      out[i * n + j] = sum / theta[i * n + i];
    }
  }
}

/** X ← RX, X n×columns. */
export function rotateRows(
  rotation: Float64Array,
  n: number,
  x: Float64Array,
  columns: number,
  work: Float64Array,
): void {
  for (let j = 0; j < columns; j++) {
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let l = 0; l < n; l++) sum += rotation[i * n + l] * x[l * columns + j];
      work[i] = sum;
    }
    for (let i = 0; i < n; i++) x[i * columns + j] = work[i];
  }
}
