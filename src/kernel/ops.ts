/**
 * The block operations that both kernels implement. Types only.
 *
 * Every operation reads and writes one flat memory through byte offsets ("addresses"), so that the WASM module and the
 * TypeScript reference share one calling convention, one memory layout and one summation order; nothing above `kernel/`
 * sees an address.
 *
 * Layouts
 * - A row block has BLOCK_ROWS rows. Rows past the end of the data have square-root weight 0 and inputs 0, so that
 *   every loop runs over whole blocks and the padding adds exact zeros.
 * - x block: row-major, `stride` doubles per row (columns rounded up to even, padding columns are 0).
 * - "feature-major" arrays are [quantity][BLOCK_ROWS]: z[k], phi[j], h[k·(degree+1)+m], out[q].
 * - "paired" arrays hold a d×r matrix as [column pair][k][2]: entry (j, k) at (j>>1)·2r + 2k + (j&1); stride/2·2r doubles.
 * - "single" x block: row-major floats, `stride` of them per row (columns rounded up to a multiple of four, padding 0);
 *   "quads" hold a d×r matrix of floats as [four columns][k][4]: entry (j, k) at (j>>2)·4r + 4k + (j&3).
 * - "packed" symmetric arrays hold the upper triangle by columns: entry (i, j), i ≤ j, at j(j+1)/2 + i.
 * Arrays start at multiples of 16 bytes. Nothing is allocated by an operation.
 */
export const BLOCK_ROWS = 96;

/** Version of this interface; the binary exports its own and the wrapper refuses another. */
export const ABI_VERSION = 8;

/**
 * Radial functions κ of the squared distance q: "gauss" is e^{−q/2}; "matern52", with d = √(5q), is (1 + d + d²/3)e^{−d}.
 * Both vanish exactly where the exponent is below −708.
 */
export const RADIAL_KINDS = { gauss: 0, matern52: 1 } as const;

/** A byte offset into a kernel's memory. */
export type Address = number;

export interface KernelOps {
  /**
   * Brings `rows` raw rows (row-major, `columns` per row, no padding) into block layout, centred and scaled:
   * dst[i][j] = (src[i][j] − center[j])·inverseScale[j]. Rows ≥ `rows` and padding columns become 0.
   */
  standardize(
    src: Address,
    dst: Address,
    rows: number,
    columns: number,
    stride: number,
    center: Address,
    inverseScale: Address,
  ): void;
  /** sums[j] += Σᵢ weights[i]·x[i][j] over the block, j < stride. */
  columnSums(x: Address, stride: number, weights: Address, sums: Address): void;
  /** sums[j] += Σᵢ weights[i]·x[i][j]² over the block, j < stride. */
  columnSquares(x: Address, stride: number, weights: Address, sums: Address): void;
  /**
   * out += Σᵢ weights[i]·x[i] x[i]ᵀ, row-major stride×stride; only entries (a, b) with b ≥ a (and whatever the tile
   * touches below the diagonal) are meaningful. `scratch`: BLOCK_ROWS·stride doubles.
   */
  secondMoment(x: Address, stride: number, weights: Address, scratch: Address, out: Address): void;

  /** z[k][i] = Σⱼ x[i][j]·w(j, k), w paired with `stride` rows; r columns. */
  project(x: Address, stride: number, r: number, w: Address, z: Address): void;
  /** out(j, k) += Σᵢ x[i][j]·c[k][i], out paired. */
  accumulateTransposed(x: Address, stride: number, r: number, c: Address, out: Address): void;
  /** As `project` on a single x block, w in quads: products and sums are floats; z are doubles. */
  projectSingle(x: Address, stride: number, r: number, w: Address, z: Address): void;
  /** As `accumulateTransposed` on a single x block: c is rounded to floats, sums of 24 rows are floats, out are doubles. */
  transposeSingle(x: Address, stride: number, r: number, c: Address, out: Address): void;
  /** out[k] = Σ_l (z[l] + t·zd[l])·m[l·r + k] (m row-major r×r). `out` differs from z and zd. */
  combine(z: Address, zd: Address, r: number, t: number, m: Address, out: Address): void;

  /** h[m] = scale·h_m(z), m = 0…degree, normalised, for one variable: z, scale and each h[m] are one row of the block. */
  hermite(z: Address, scale: Address, degree: number, h: Address): void;
  /**
   * Hermite features of a block. h[k·(degree+1)+m] = h_m(z[k]) (normalised, h_0 = 1) and
   * phi[0] = scale, phi[j] = phi[parent_j]·h[row_j] with table = int32 pairs (parent_j, row_j), j = 0…p−1
   * (the pair of j = 0 is not read). `scale` is the square root of the row weights.
   */
  features(
    z: Address,
    r: number,
    degree: number,
    scale: Address,
    table: Address,
    p: number,
    h: Address,
    phi: Address,
  ): void;
  /** gram(i, j) += Σ phi[i]·phi[j] over the block, packed upper, p×p. */
  accumulateGram(phi: Address, p: number, gram: Address): void;
  /** moment[j] += Σ phi[j]·y over the block. */
  accumulateMoment(phi: Address, p: number, y: Address, moment: Address): void;
  /**
   * Products of two families of rows: for `groups` groups of four rows a, group g against the first 2·widths[g] rows of b
   * (int32), sum(i, j) += Σ a[i]·b[j] over the block. `out` holds one tile of eight sums per group and pair of rows b, in
   * that order; inside a tile entry (i, j) of the 4×2 rows is at 2i + j.
   */
  accumulateProducts(a: Address, groups: number, b: Address, widths: Address, out: Address): void;
  /**
   * Fixed sparse combinations: out[t] = factors[t]·sums[places[t]] for t < count, then in turn
   * out[entries[t − count]] += factors[t]·sums[places[t]] for count ≤ t < terms. places and entries are int32.
   */
  combineSums(
    sums: Address,
    terms: number,
    places: Address,
    factors: Address,
    entries: Address,
    count: number,
    out: Address,
  ): void;
  /**
   * Several linear combinations of features at once: out[0] = Σ_{j<p} c[j]·phi[j] and, for k < r,
   * out[1+k] = Σ_{j<prefix} ck[j·r + k]·phi[j]. r may be 0.
   */
  fields(phi: Address, p: number, c: Address, prefix: number, r: number, ck: Address, out: Address): void;
  /** residual = y − f; returns Σ residual². */
  residual(y: Address, f: Address, residual: Address): number;
  /**
   * With f and g[k], k < r, in the rows of `fields`: residual = y − f, gram(k, l) += Σ g[k]·g[l] over the block (packed)
   * and scaled[k] = residual·g[k]; returns Σ residual².
   */
  residualProducts(y: Address, fields: Address, r: number, residual: Address, gram: Address, scaled: Address): number;
  /** out[k][i] = v[i]·g[k][i], k < r. */
  scaleFields(v: Address, g: Address, r: number, out: Address): void;
  /** out[i] = Σ_k a[k][i]·b[k][i]. */
  contractFields(a: Address, b: Address, r: number, out: Address): void;

  /** Σ aᵢbᵢ over n doubles, any n ≥ 0. */
  dot(a: Address, b: Address, n: number): number;
  /** y += alpha·x over n doubles. */
  axpy(alpha: number, x: Address, y: Address, n: number): void;

  /**
   * Factors the packed symmetric matrix in place, G = UᵀU with U upper. A pivot ≤ tolerance·(its diagonal entry) or not
   * finite stops the factorisation; the columns before it are then those of U and the rest is unspecified.
   * @returns 0, or 1 + the index of the failing pivot
   */
  choleskyFactor(g: Address, p: number, tolerance: number): number;
  /** Solves UᵀU x = b in place. */
  choleskySolve(u: Address, p: number, b: Address): void;
  /** phi ← U⁻ᵀphi in place for a feature-major block of p quantities, U packed as choleskyFactor leaves it. */
  solveRows(u: Address, p: number, phi: Address): void;
  /** phi ← U⁻¹phi in place, as solveRows. */
  backSolveRows(u: Address, p: number, phi: Address): void;
  /**
   * T = QᵀAQ and b ← Qᵀb for an orthogonal Q (Householder, rows annihilated from the last one up); A is packed upper by
   * columns, n×n, and destroyed. T is its diagonal and the n − 1 entries beside it. `work`: 4n doubles.
   */
  tridiagonalize(a: Address, n: number, b: Address, diagonal: Address, beside: Address, work: Address): void;
  /**
   * Radial functions of the distance to m centres, u row-major m×r. With q = Σ_k (z[k] − u(j, k))²:
   * phi[j] = scale·κ(q) and psi[j] = scale·2κ′(q), so that ∇_z phi[j] = psi[j]·(z − u_j). `kind` is one of RADIAL_KINDS.
   */
  radial(z: Address, r: number, u: Address, m: number, kind: number, scale: Address, phi: Address, psi: Address): void;
  /**
   * Turns ∂/∂phi into ∂/∂z and ∂/∂u: in place g[j] ← t[j] = (g[j] + a[j]·rho)·psi[j] with a of m doubles, then
   * out[k] = Σ_j t[j]·(z[k] − u(j, k)) and sums(j, k) += Σ t[j]·(z[k] − u(j, k)) over the block, sums row-major m×r.
   */
  radialGradient(
    z: Address,
    r: number,
    u: Address,
    m: number,
    psi: Address,
    g: Address,
    a: Address,
    rho: Address,
    out: Address,
    sums: Address,
  ): void;
  /**
   * Thin QR of a d×r matrix stored by columns (column k at w + 8·k·d), in place, by modified Gram–Schmidt with
   * reorthogonalisation; R (row-major r×r, positive diagonal) goes to `rOut`. After a failure the columns before the
   * one returned are orthonormal and the rest is unspecified.
   * @returns 0, or 1 + the index of the first column that is dependent to working precision
   */
  thinQr(w: Address, d: number, r: number, rOut: Address): number;

  /**
   * l′ and l″ of a block of sample paths at ξ = u + shift, for the rational loss (c > 0 is its parameter) or the plain
   * Wirtinger one (c = 0); ξ = y = 0 gives zeros.
   * @returns Σ l over the block
   */
  pathGradients(u: Address, shift: Address, y: Address, c: number, g: Address, a: Address): number;
  /**
   * The complex gradient g = ρ(|ξ|², y)·ξ and its derivatives f1 = ρ + ρ′|ξ|² and f2 = ρ′ξ² (re, im). In u and shift the
   * row of imaginary parts follows that of real parts; in g it lies `apart` bytes further.
   * @returns Σ l over the block, twice the real loss
   */
  complexPathGradients(
    u: Address,
    shift: Address,
    y: Address,
    c: number,
    g: Address,
    apart: number,
    f1: Address,
    re: Address,
    im: Address,
  ): number;
  /**
   * Row t of the responses of a block of sample paths: sums[s] += Σ G^t_s over the block, s = 0…t, where
   * G^t_t = a[t], G^t_s = a[s]·Σ_{s<j≤t} r[s·stride + j]·G^t_j, and for s = 0 in place of G itself
   * slope·G^t_0 + tail·Σ_{1≤j≤t} still[j]·G^t_j. `scratch`: 16(t + 2) doubles.
   */
  pathResponses(
    a: Address,
    t: number,
    r: Address,
    stride: number,
    still: Address,
    slope: Address,
    tail: Address,
    scratch: Address,
    sums: Address,
  ): void;
  /** As pathResponses for complex paths: real-linear maps (f1, f2), and sums of real holomorphic parts. */
  complexPathResponses(
    f1: Address,
    re: Address,
    im: Address,
    t: number,
    r: Address,
    stride: number,
    still: Address,
    slope: Address,
    tail: Address,
    scratch: Address,
    sums: Address,
  ): void;
}
