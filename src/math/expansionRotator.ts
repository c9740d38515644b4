/** Orthogonal changes of variables of Hermite expansions in reused buffers, for loops that do many. */
import { multiIndexTable } from "./multiIndex.js";

/** One pair of variables: where its strings of multi-indices lie. */
interface PlaneStrings {
  /** m of each string. */
  readonly lengths: Int32Array;
  /** Positions of the string, exponent of the first variable m, m−1, … 0, one string after another. */
  readonly positions: Int32Array;
}

/**
 * Computes A_Q c, (A_Q f)(z) = f(Qᵀz), for orthogonal Q and expansions of one (rank, degree); what `rotateExpansion` does, without
 * checks and without allocation.
 *
 * Source: [MI §3.1 step 2]. Cost: about r(r−1)·Σ_β(β₁+β₂+1) flops.
 */
export class ExpansionRotator {
  readonly rank: number;
  readonly degree: number;
  readonly #exponents: Int32Array;
  readonly #planes: readonly PlaneStrings[];
  /** D^m at offset m(m+1)(2m+1)/6, (m+1)×(m+1), rows and columns by the exponent of the first variable. */
  readonly #blocks: Float64Array;
  readonly #offsets: Int32Array;
  /** √(p/q) at [p·(degree+1) + q]. */
  readonly #roots: Float64Array;
  readonly #before: Float64Array;
  readonly #q: Float64Array;
  readonly #rotations: Float64Array;

  constructor(rank: number, degree: number) {
    this.rank = rank;
    this.degree = degree;
    this.#exponents = multiIndexTable(rank, degree).exponents;
    this.#planes = planesOf(rank, degree);
    this.#offsets = Int32Array.from({ length: degree + 2 }, (_, m) => (m * (m + 1) * (2 * m + 1)) / 6);
    this.#blocks = new Float64Array(this.#offsets[degree + 1]);
    this.#blocks[0] = 1;
    const side = degree + 1;
    this.#roots = Float64Array.from({ length: side * side }, (_, i) =>
      i % side === 0 ? 0 : Math.sqrt(Math.floor(i / side) / (i % side)),
    );
    this.#before = new Float64Array(side);
    this.#q = new Float64Array(rank * rank);
    this.#rotations = new Float64Array(rank * (rank - 1));
  }

  /**
   * c ← A_Q c in place.
   *
   * @param q - r×r row-major, orthogonal; read as `q[i·rowStride + j·columnStride]`, so that a transpose costs nothing
   */
  apply(c: Float64Array, q: ArrayLike<number>, rowStride = this.rank, columnStride = 1): void {
    const { rank } = this;
    const a = this.#q;
    const angles = this.#rotations;
    for (let i = 0; i < rank; i++) for (let j = 0; j < rank; j++) a[i * rank + j] = q[i * rowStride + j * columnStride];
    let plane = 0;
    for (let first = 0; first < rank; first++) {
      for (let second = first + 1; second < rank; second++, plane++) {
        const below = a[second * rank + first];
        const pivot = a[first * rank + first];
        const size = Math.sqrt(pivot * pivot + below * below);
        angles[2 * plane + 1] = 0;
        if (below === 0 || size === 0) continue;
        const cosine = pivot / size;
        const sine = below / size;
        angles[2 * plane] = cosine;
        angles[2 * plane + 1] = sine;
        for (let k = first; k < rank; k++) {
          const x = a[first * rank + k];
          const y = a[second * rank + k];
          a[first * rank + k] = cosine * x + sine * y;
          a[second * rank + k] = cosine * y - sine * x;
        }
      }
    }
    for (let k = 0; k < rank; k++) {
      if (a[k * rank + k] >= 0) continue;
      for (let j = 0; j < c.length; j++) if ((this.#exponents[j * rank + k] & 1) === 1) c[j] = -c[j];
    }
    // Q = R₁⋯R_m·S and A_N A_M = A_NM, so the signs come first and R₁ last.
    while (plane-- > 0) {
      if (angles[2 * plane + 1] !== 0) this.#rotate(c, this.#planes[plane], angles[2 * plane], angles[2 * plane + 1]);
    }
  }

  #rotate(c: Float64Array, plane: PlaneStrings, cosine: number, sine: number): void {
    this.#prepare(cosine, sine);
    const blocks = this.#blocks;
    const before = this.#before;
    const { lengths, positions } = plane;
    for (let s = 0, at = 0; s < lengths.length; s++) {
      const m = lengths[s];
      for (let p = 0; p <= m; p++) before[p] = c[positions[at + m - p]];
      for (let p = 0, b = this.#offsets[m]; p <= m; p++) {
        let sum = 0;
        for (let k = 0; k <= m; k++) sum += blocks[b++] * before[k];
        c[positions[at + m - p]] = sum;
      }
      at += m + 1;
    }
  }

  /** Column recursion of [MI §2] for r = 2; the column's larger exponent is lowered, so that no factor exceeds √2. */
  #prepare(cosine: number, sine: number): void {
    const { degree } = this;
    const blocks = this.#blocks;
    const roots = this.#roots;
    const offsets = this.#offsets;
    const side = degree + 1;
    for (let m = 1; m <= degree; m++) {
      const below = offsets[m - 1];
      const here = offsets[m];
      for (let q = 0; q <= m; q++) {
        const lowerFirst = 2 * q >= m;
        const fromFirst = lowerFirst ? cosine : -sine;
        const fromSecond = lowerFirst ? sine : cosine;
        const exponent = lowerFirst ? q : m - q;
        const column = lowerFirst ? q - 1 : q;
        for (let p = 0; p <= m; p++) {
          let sum = 0;
          if (p > 0) sum = roots[p * side + exponent] * fromFirst * blocks[below + (p - 1) * m + column];
          if (p < m) sum += roots[(m - p) * side + exponent] * fromSecond * blocks[below + p * m + column];
          blocks[here + p * (m + 1) + q] = sum;
        }
      }
    }
  }
}

const planeCache = new Map<string, readonly PlaneStrings[]>();
const CACHED_PLANES = 16;

/** Strings of all pairs of variables first < second; cached. */
function planesOf(rank: number, degree: number): readonly PlaneStrings[] {
  const key = `${rank},${degree}`;
  const known = planeCache.get(key);
  if (known !== undefined) return known;
  const { exponents, down, up, size } = multiIndexTable(rank, degree);
  const planes: PlaneStrings[] = [];
  for (let first = 0; first < rank; first++) {
    for (let second = first + 1; second < rank; second++) {
      const lengths: number[] = [];
      const positions: number[] = [];
      for (let j = 0; j < size; j++) {
        const m = exponents[j * rank + first];
        if (m === 0 || exponents[j * rank + second] !== 0) continue;
        lengths.push(m);
        let at = j;
        positions.push(at);
        for (let p = m - 1; p >= 0; p--) {
          at = up[down[at * rank + first] * rank + second];
          positions.push(at);
        }
      }
      planes.push({ lengths: Int32Array.from(lengths), positions: Int32Array.from(positions) });
    }
  }
  if (planeCache.size >= CACHED_PLANES) planeCache.clear();
  planeCache.set(key, planes);
  return planes;
}
