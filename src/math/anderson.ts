/** Anderson acceleration of fixed-point iterations of a few numbers. */
import { leastSquares } from "./dense.js";

/**
 * Remembers the last iterates x and residuals f = G(x) − x, and proposes the point whose residual, linearly predicted from
 * them, is smallest, plus `damping` times that residual. Without history it is the damped iteration x + damping·f.
 *
 * Source: Walker & Ni, SIAM J. Numer. Anal. 49 (2011), the unconstrained form. Cost: O(size·depth²) a step.
 */
export class AndersonMixer {
  readonly #depth: number;
  readonly #damping: number;
  readonly #points: Float64Array[] = [];
  readonly #residuals: Float64Array[] = [];

  /** @param depth - how many differences are kept, at least 1 */
  constructor(depth: number, damping: number) {
    this.#depth = depth;
    this.#damping = damping;
  }

  /** Forgets the history: the next step is a damped one. */
  reset(): void {
    this.#points.length = this.#residuals.length = 0;
  }

  /** The next iterate after x, whose residual is f. */
  next(x: ArrayLike<number>, f: ArrayLike<number>): Float64Array {
    const n = x.length;
    this.#points.push(Float64Array.from(x));
    this.#residuals.push(Float64Array.from(f));
    if (this.#points.length > this.#depth + 1) {
      this.#points.shift();
      this.#residuals.shift();
    }
    const k = this.#points.length - 1;
    const out = Float64Array.from({ length: n }, (_, i) => x[i] + this.#damping * f[i]);
    if (k === 0) return out;
    const difference = (list: readonly Float64Array[], i: number, j: number): number => list[j + 1][i] - list[j][i];
    const matrix = Float64Array.from({ length: n * k }, (_, at) => {
      return difference(this.#residuals, Math.floor(at / k), at % k);
    });
    const { solution } = leastSquares(matrix, n, k, f, 1, 1e-10);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < k; j++) {
        const step = difference(this.#points, i, j) + this.#damping * matrix[i * k + j];
        out[i] -= solution[j] * step;
      }
    }
    return out;
  }
}
