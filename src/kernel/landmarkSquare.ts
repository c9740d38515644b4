/** The m×m side of a landmark Gaussian process: K_uu, and the small matrices that its gradient is made of. */
import { JITTER, PIVOT_TOLERANCE, type ProcessArena, type ProcessRows } from "./landmarkArena.js";
import type { Machine } from "./machine.js";
import { BLOCK_ROWS as B } from "./ops.js";

/** u, K_uu as blocks with its slopes, and the factor of K_uu + jitter. */
export function factorLandmarks(arena: ProcessArena, rows: ProcessRows, machine: Machine, s2: number): boolean {
  const { rank: r, kind, landmarks } = rows;
  const m = landmarks.length;
  const u = arena.view(machine, "u");
  const z = arena.view(machine, "z");
  const uz = arena.view(machine, "uz");
  for (let j = 0; j < m; j++) {
    const from = Math.floor(landmarks[j] / B) * B * r + (landmarks[j] % B);
    const to = Math.floor(j / B) * B * r + (j % B);
    for (let k = 0; k < r; k++) uz[to + k * B] = u[j * r + k] = z[from + k * B];
  }
  const kuu = arena.view(machine, "kuu");
  arena.view(machine, "scale").fill(s2);
  for (let first = 0; first < m; first += B) {
    const at = arena.at(machine, "kernel", first * m);
    const slope = arena.at(machine, "kernelSlope", first * m);
    const centres = arena.at(machine, "uz", first * r);
    machine.ops.radial(centres, r, arena.at(machine, "u"), m, kind, arena.at(machine, "scale"), at, slope);
    const block = arena.view(machine, "kernel", B * m, first * m);
    for (let i = 0; i < Math.min(B, m - first); i++) {
      const column = ((first + i) * (first + i + 1)) / 2;
      for (let j = 0; j <= first + i; j++) kuu[column + j] = block[j * B + i];
      kuu[column + first + i] += JITTER * s2;
    }
  }
  return machine.ops.choleskyFactor(arena.at(machine, "kuu"), m, PIVOT_TOLERANCE) === 0;
}

/**
 * The small matrices of the gradient: rows of "mixing" are L⁻ᵀ(D⁻¹ − I_m/σ²) and the linear rows of D⁻¹, "weights" is
 * −L⁻ᵀβ/σ², and "pulls" holds what K_uu does to the landmarks.
 */
export function squarePass(
  arena: ProcessArena,
  rows: ProcessRows,
  machine: Machine,
  noise: number,
): { bumpTrace: number; slopeTrace: number; inverseTrace: number } {
  const { ops } = machine;
  const { rank: r, landmarks } = rows;
  const m = landmarks.length;
  const p = m + r + 1;
  const beta = arena.view(machine, "beta");
  const gram = arena.view(machine, "gram");
  const square = arena.view(machine, "square");
  const kernel = arena.view(machine, "kernel");
  const mixing = arena.view(machine, "mixing");
  square.fill(0);
  let [bumpTrace, slopeTrace, inverseTrace] = [0, 0, 0];
  for (let first = 0; first < p; first += B) {
    const columns = Math.min(B, p - first);
    const at = arena.at(machine, "square", first * p);
    const base = first * p;
    for (let i = 0; i < columns; i++) square[base + (first + i) * B + i] = 1;
    ops.solveRows(arena.at(machine, "factor"), p, at);
    ops.backSolveRows(arena.at(machine, "factor"), p, at);
    // T = I − σ²D⁻¹ − ΦWΦᵀ/σ² − ββᵀ takes the place of K_uu, which is needed no more.
    for (let i = 0; i < columns; i++) {
      const c = first + i;
      const inverse = square[base + c * B + i];
      inverseTrace += inverse;
      if (c >= m && c < m + r) slopeTrace += 1 - noise * inverse - beta[c] * beta[c];
      if (c >= m) continue;
      for (let j = 0; j < m; j++) {
        const g = gram[j <= c ? (c * (c + 1)) / 2 + j : (j * (j + 1)) / 2 + c];
        kernel[first * m + j * B + i] = -noise * square[base + j * B + i] - g / noise - beta[j] * beta[c];
      }
      kernel[first * m + c * B + i] += 1;
      bumpTrace += kernel[first * m + c * B + i];
      square[base + c * B + i] -= 1 / noise;
    }
    ops.backSolveRows(arena.at(machine, "kuu"), m, at);
    // mixing[0] is a row of p, the others stand as columns of a p×(m + r − 1) matrix: the layout of `fields`.
    const others = m + r - 1;
    for (let i = 0; i < columns; i++) {
      const c = first + i;
      mixing[c] = square[base + i];
      const row = p + c * others - 1;
      for (let j = 1; j <= others; j++) mixing[row + j] = square[base + j * B + i];
    }
  }
  pullLandmarks(arena, rows, machine, noise);
  return { bumpTrace, slopeTrace, inverseTrace };
}

/** "pulls" ← ∂F/∂u through K_uu, from T in "kernel"; "weights" ← −L⁻ᵀβ/σ². */
function pullLandmarks(arena: ProcessArena, rows: ProcessRows, machine: Machine, noise: number): void {
  const { ops } = machine;
  const { rank: r, landmarks } = rows;
  const m = landmarks.length;
  const kernel = arena.view(machine, "kernel");
  const kuu = arena.at(machine, "kuu");
  for (let first = 0; first < m; first += B) ops.backSolveRows(kuu, m, arena.at(machine, "kernel", first * m));
  transposeBlocks(kernel, m);
  for (let first = 0; first < m; first += B) ops.backSolveRows(kuu, m, arena.at(machine, "kernel", first * m));
  const pulls = arena.view(machine, "pulls");
  const zero = arena.view(machine, "none");
  zero.fill(0);
  arena.view(machine, "rho").fill(0);
  const factors = arena.at(machine, "weights");
  arena.view(machine, "weights").fill(0);
  for (let first = 0; first < m; first += B) {
    const [z, slope, g] = [
      arena.at(machine, "uz", first * r),
      arena.at(machine, "kernelSlope", first * m),
      arena.at(machine, "kernel", first * m),
    ];
    const out = arena.at(machine, "gz");
    const u = arena.at(machine, "u");
    ops.radialGradient(z, r, u, m, slope, g, factors, arena.at(machine, "rho"), out, arena.at(machine, "none"));
    const pull = arena.view(machine, "gz");
    // ∂F/∂K_uu is −½ of the matrix, and both K(j, i) and K(i, j) move with u_i.
    for (let i = 0; i < Math.min(B, m - first); i++) {
      for (let k = 0; k < r; k++) pulls[(first + i) * r + k] = -pull[k * B + i];
    }
  }
  const weights = arena.view(machine, "weights");
  const beta = arena.view(machine, "beta");
  for (let j = 0; j < m; j++) weights[j] = -beta[j] / noise;
  backSolve(arena.view(machine, "kuu"), m, weights);
}

/** Transposes an m×m matrix kept as blocks of columns, feature-major: entry (j, i) at ⌊i/B⌋·B·m + j·B + i mod B. */
function transposeBlocks(a: Float64Array, m: number): void {
  for (let i = 0; i < m; i++) {
    const column = Math.floor(i / B) * B * m + (i % B);
    for (let j = 0; j < i; j++) {
      const [p, q] = [column + j * B, Math.floor(j / B) * B * m + i * B + (j % B)];
      const value = a[p];
      a[p] = a[q];
      a[q] = value;
    }
  }
}

/** x ← U⁻¹x for a packed factor U. */
export function backSolve(u: Float64Array, p: number, x: Float64Array): void {
  for (let j = p - 1; j >= 0; j--) {
    const column = (j * (j + 1)) / 2;
    x[j] /= u[column + j];
    for (let i = 0; i < j; i++) x[i] -= u[column + i] * x[j];
  }
}
