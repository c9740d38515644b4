/** Cosines of the directions of each leap along a flow: what tells that a saddle is left. */
import { JacobiSolver } from "../math/jacobi.js";

/** An escape to watch for: of the directions that a leap shows. */
export interface Threshold {
  /** Zero-based place among the leaps of the link. */
  readonly leap: number;
  readonly exponent: number;
  /** Directions of the leap that r columns can still learn. */
  readonly count: number;
  /** All directions of the leap, rows of length r⋆, orthonormal, in the coordinates of the link. */
  readonly directions: Float64Array;
}

/** Principal cosines between the learner's span and the directions of each leap, in reused buffers. */
export class EscapeWatch {
  readonly #thresholds: readonly Threshold[];
  readonly #k: number;
  readonly #p: number;
  /** The directions in the coordinates in which M is given. */
  readonly #turned: Float64Array[];
  readonly #images: Float64Array[];
  readonly #solvers: JacobiSolver[];

  /** @param k - rows of M, @param p - columns of M */
  constructor(thresholds: readonly Threshold[], k: number, p: number) {
    this.#thresholds = thresholds;
    this.#k = k;
    this.#p = p;
    this.#turned = thresholds.map(({ directions }) => directions.slice());
    this.#images = thresholds.map(({ directions }) => new Float64Array((k * directions.length) / p));
    this.#solvers = thresholds.map(({ directions }) => new JacobiSolver(k, directions.length / p));
  }

  /** @param v - p orthonormal vectors, one after another: the axes of the coordinates in which M comes from now on */
  turn(v: Float64Array): void {
    const p = this.#p;
    this.#thresholds.forEach(({ directions }, i) => {
      const turned = this.#turned[i];
      for (let a = 0; a < turned.length; a += p) {
        for (let j = 0; j < p; j++) {
          let sum = 0;
          for (let b = 0; b < p; b++) sum += v[j * p + b] * directions[a + b];
          turned[a + j] = sum;
        }
      }
    });
  }

  /** Smallest of the `count` largest cosines of threshold i at M, k×p. Cost: 2k·p·dimensions flops and a small SVD when there are several. */
  cosine(i: number, m: Float64Array): number {
    const k = this.#k;
    const p = this.#p;
    const turned = this.#turned[i];
    const dimensions = turned.length / p;
    const image = this.#images[i];
    let square = 0;
    for (let l = 0; l < k; l++) {
      for (let a = 0; a < dimensions; a++) {
        let sum = 0;
        for (let j = 0; j < p; j++) sum += m[l * p + j] * turned[a * p + j];
        image[l * dimensions + a] = sum;
        square += sum * sum;
      }
    }
    if (dimensions === 1) return Math.sqrt(square);
    const solver = this.#solvers[i];
    solver.decompose(image);
    return solver.values[this.#thresholds[i].count - 1];
  }
}
