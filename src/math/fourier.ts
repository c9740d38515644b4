/** Two-dimensional discrete Fourier transforms of any size, over a library's transform of powers of two. */
import { cfft } from "fourier-transform";
import { cos, sin } from "../base/elementary.js";

/** In place, unnormalized: X_k = Σ x_j e^{−2πi jk/n}. */
type Line = (re: Float64Array, im: Float64Array) => void;

/**
 * The unnormalized transform of rows×columns arrays, split into real and imaginary parts, row-major, in place:
 * X(k, l) = Σ x(i, j) e^{−2πi(ik/rows + jl/columns)}.
 *
 * Lengths that are no powers of two go through Bluestein's chirp convolution.
 *
 * Cost: O(N log N) for N = rows·columns; three to eight times more where a length is no power of two.
 */
export class Fourier2d {
  readonly rows: number;
  readonly columns: number;
  readonly #row: Line;
  readonly #column: Line;
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    this.#row = lineTransform(columns);
    this.#column = rows === columns ? this.#row : lineTransform(rows);
    this.#re = new Float64Array(rows);
    this.#im = new Float64Array(rows);
  }

  /** x ← Fx. */
  forward(re: Float64Array, im: Float64Array): void {
    const { rows, columns } = this;
    for (let i = 0; i < rows; i++) {
      const [first, last] = [i * columns, (i + 1) * columns];
      this.#row(re.subarray(first, last), im.subarray(first, last));
    }
    const [a, b] = [this.#re, this.#im];
    for (let j = 0; j < columns; j++) {
      for (let i = 0, at = j; i < rows; i++, at += columns) {
        a[i] = re[at];
        b[i] = im[at];
      }
      this.#column(a, b);
      for (let i = 0, at = j; i < rows; i++, at += columns) {
        re[at] = a[i];
        im[at] = b[i];
      }
    }
  }

  /** x ← Fᴴx, which is rows·columns times the inverse. */
  adjoint(re: Float64Array, im: Float64Array): void {
    // Swapping the parts is conjugation up to a factor i, and F̄ = Fᴴ because F is symmetric.
    this.forward(im, re);
  }
}

function lineTransform(n: number): Line {
  if (n === 1) return () => undefined;
  return (n & (n - 1)) === 0 ? cfft : bluestein(n);
}

/** X_k = w̄_k Σ_j (x_j w̄_j) w_{k−j} with w_k = e^{iπk²/n}: a convolution, done at a power of two ≥ 2n − 1. */
function bluestein(n: number): Line {
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const chirpRe = new Float64Array(n);
  const chirpIm = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    // k² mod 2n keeps the angle below 2π, so that no digits are lost to its size.
    const angle = (Math.PI * ((k * k) % (2 * n))) / n;
    chirpRe[k] = cos(angle);
    chirpIm[k] = sin(angle);
  }
  const filterRe = new Float64Array(size);
  const filterIm = new Float64Array(size);
  for (let k = 0; k < n; k++) {
    filterRe[k] = filterRe[(size - k) % size] = chirpRe[k];
    filterIm[k] = filterIm[(size - k) % size] = chirpIm[k];
  }
  cfft(filterRe, filterIm);
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  return (xRe, xIm) => {
    re.fill(0);
    im.fill(0);
    for (let k = 0; k < n; k++) {
      re[k] = xRe[k] * chirpRe[k] + xIm[k] * chirpIm[k];
      im[k] = xIm[k] * chirpRe[k] - xRe[k] * chirpIm[k];
    }
    cfft(re, im);
    for (let k = 0; k < size; k++) {
      const a = re[k] * filterRe[k] - im[k] * filterIm[k];
      im[k] = re[k] * filterIm[k] + im[k] * filterRe[k];
      re[k] = a;
    }
    // The inverse transform of a is the transform of its swapped parts, swapped and over `size`.
    cfft(im, re);
    for (let k = 0; k < n; k++) {
      const a = re[k] / size;
      const b = im[k] / size;
      xRe[k] = a * chirpRe[k] + b * chirpIm[k];
      xIm[k] = b * chirpRe[k] - a * chirpIm[k];
    }
  };
}
