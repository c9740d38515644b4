/** Cholesky and QR: the same bits on both kernels, small residuals, and the failing pivot or column. */
import { describe, expect, it } from "vitest";
import { BLOCK_ROWS, type KernelOps } from "../../src/kernel/ops.js";
import { numbers, onBoth } from "./harness.js";

const EPSILON = Number.EPSILON;
const packed = (i: number, j: number): number => (j * (j + 1)) / 2 + i;

/** Packed AᵀA + shift·I of a random square A. */
function gramOf(p: number, seed: number, shift: number, scale = 1): Float64Array {
  const random = numbers(seed);
  const a = random.array(p * p);
  const g = new Float64Array((p * (p + 1)) / 2);
  for (let j = 0; j < p; j++) {
    for (let i = 0; i <= j; i++) {
      let s = i === j ? shift : 0;
      for (let k = 0; k < p; k++) s += a[i * p + k] * a[j * p + k];
      g[packed(i, j)] = s * scale;
    }
  }
  return g;
}

function factor(g: Float64Array, p: number, tolerance = 0) {
  // columns after the failing pivot are unspecified
  let last = p;
  const meaningful = (_: string, index: number): boolean => index < packed(0, last);
  const call = (ops: KernelOps, at: { g: number }): number => {
    const status = ops.choleskyFactor(at.g, p, tolerance);
    if (status > 0) last = status;
    return status;
  };
  const { arrays, result } = onBoth({ g }, ["g"], call, meaningful);
  return { u: arrays.g, status: result };
}

describe("choleskyFactor", () => {
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 30, 61, 62, 63, 64, 127];
  it.each(sizes)("reproduces a matrix of order %i at three scales", (p) => {
    for (const scale of [1, 1e150, 1e-150]) {
      const g = gramOf(p, p, 1e-3, scale);
      const { u, status } = factor(g, p);
      expect(status).toBe(0);
      for (let j = 0; j < p; j++) {
        for (let i = 0; i <= j; i++) {
          let s = 0;
          for (let m = 0; m <= i; m++) s += u[packed(m, i)] * u[packed(m, j)];
          const size = Math.sqrt(g[packed(i, i)]) * Math.sqrt(g[packed(j, j)]);
          expect(Math.abs(s - g[packed(i, j)]) / (size * EPSILON * p)).toBeLessThan(30);
        }
      }
    }
  });

  it("handles a few hundred columns", () => {
    expect(factor(gramOf(350, 5, 1), 350).status).toBe(0);
  });

  it("handles a matrix larger than the near caches, whose columns come in panels, and fails inside one", () => {
    const p = 1205;
    const g = new Float64Array(packed(0, p));
    for (let j = 0; j < p; j++) for (let i = 0; i <= j; i++) g[packed(i, j)] = i === j ? 2 * p : Math.sin(7 * i + j);
    expect(factor(g, p).status).toBe(0);
    g[packed(1190, 1190)] = -1;
    expect(factor(g, p).status).toBe(1191);
  });

  it("factors a known matrix exactly", () => {
    // [[4, 2, 6], [2, 5, 7], [6, 7, 26]] = UᵀU with U = [[2, 1, 3], [0, 2, 2], [0, 0, √13]]
    const { u, status } = factor(Float64Array.of(4, 2, 5, 6, 7, 26), 3);
    expect(status).toBe(0);
    expect([...u]).toEqual([2, 1, 2, 3, 2, Math.sqrt(13)]);
  });

  it.each([1, 2, 4, 5, 9, 23])("names the first pivot that fails, column %i of 24", (bad) => {
    const g = gramOf(24, 3, 1);
    // column `bad` becomes a copy of column 0, so that its pivot vanishes up to rounding
    for (let i = 0; i < bad; i++) g[packed(i, bad)] = g[packed(0, i)];
    for (let j = bad + 1; j < 24; j++) g[packed(bad, j)] = g[packed(0, j)];
    g[packed(bad, bad)] = g[0];
    expect(factor(g, 24, 1e-12).status).toBe(bad + 1);
  });

  it.each([
    ["negative", -1],
    ["zero", 0],
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
  ])("stops at a %s pivot", (_, value) => {
    for (const bad of [0, 3, 6]) {
      const g = gramOf(7, 4, 1);
      g[packed(bad, bad)] = value;
      expect(factor(g, 7).status).toBe(bad + 1);
    }
  });

  it("compares the pivot with its own diagonal entry", () => {
    const g = Float64Array.of(1, 1, 1 + 1e-9);
    expect(factor(g, 2, 1e-10).status).toBe(0);
    expect(factor(g, 2, 1e-8).status).toBe(2);
  });
});

describe("choleskySolve", () => {
  it.each([1, 2, 3, 4, 5, 8, 17, 50, 120])("solves %i equations", (p) => {
    const g = gramOf(p, 100 + p, 1e-2);
    const { u } = factor(g, p);
    const b = numbers(p).array(p);
    const { arrays } = onBoth({ u, b }, ["b"], (ops, at) => ops.choleskySolve(at.u, p, at.b) as undefined);
    const x = arrays.b;
    let norm = 0;
    for (let j = 0; j < p; j++) norm += g[packed(j, j)];
    const size = norm * Math.hypot(...x) + Math.hypot(...b);
    for (let i = 0; i < p; i++) {
      let s = -b[i];
      for (let j = 0; j < p; j++) s += g[i <= j ? packed(i, j) : packed(j, i)] * x[j];
      expect(Math.abs(s) / (size * EPSILON * p)).toBeLessThan(30);
    }
  });
});

describe("solveRows", () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 17, 50, 121])("solves for %i quantities in every row of a block", (p) => {
    const { u } = factor(gramOf(p, 300 + p, 1e-1), p);
    const phi = numbers(p).array(p * BLOCK_ROWS);
    const { arrays } = onBoth({ u, phi }, ["phi"], (ops, at) => ops.solveRows(at.u, p, at.phi) as undefined);
    for (let i = 0; i < BLOCK_ROWS; i++) {
      for (let j = 0; j < p; j++) {
        let back = 0;
        let size = Math.abs(phi[j * BLOCK_ROWS + i]);
        for (let k = 0; k <= j; k++) {
          const term = u[packed(k, j)] * arrays.phi[k * BLOCK_ROWS + i];
          back += term;
          size += Math.abs(term);
        }
        expect(Math.abs(back - phi[j * BLOCK_ROWS + i]) / (size * EPSILON * (p + 2))).toBeLessThan(1);
      }
    }
  });
});

describe("thinQr", () => {
  const decompose = (w: Float64Array, d: number, r: number) => {
    const { arrays, result } = onBoth({ w, rOut: numbers(1).array(r * r) }, ["w", "rOut"], (ops, at) =>
      ops.thinQr(at.w, d, r, at.rOut),
    );
    return { q: arrays.w, r: arrays.rOut, status: result };
  };

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 4],
    [5, 3],
    [7, 5],
    [50, 3],
    [101, 8],
    [200, 6],
  ])("%i×%i: orthonormal, W = QR, positive diagonal, also badly scaled", (d, r) => {
    for (const scale of [1, 1e200, 1e-200, 1e-310]) {
      const w = numbers(d * 10 + r)
        .array(d * r)
        .map((v, i) => v * (scale === 1 ? 1000 ** (Math.floor(i / d) - 2) : scale));
      const { q, r: upper, status } = decompose(w, d, r);
      expect(status).toBe(0);
      for (let k = 0; k < r; k++) {
        expect(upper[k * r + k]).toBeGreaterThan(0);
        for (let l = 0; l < r; l++) {
          if (l < k) expect(upper[k * r + l]).toBe(0);
          let s = 0;
          for (let i = 0; i < d; i++) s += q[k * d + i] * q[l * d + i];
          expect(Math.abs(s - (k === l ? 1 : 0)) / (EPSILON * d)).toBeLessThan(30);
        }
        const column = w.subarray(k * d, (k + 1) * d);
        const largest = Math.max(...column.map(Math.abs));
        for (let i = 0; i < d; i++) {
          let s = 0;
          for (let l = 0; l <= k; l++) s += q[l * d + i] * (upper[l * r + k] / largest);
          // numbers below 1e-308 carry fewer digits to begin with
          const tolerance = scale === 1e-310 ? 1e-10 : 30 * EPSILON * d;
          expect(Math.abs(s - column[i] / largest)).toBeLessThan(tolerance);
        }
      }
    }
  });

  it("orthogonalizes nearly dependent columns", () => {
    const d = 40;
    const random = numbers(9);
    const w = random.array(d * 2);
    for (let i = 0; i < d; i++) w[d + i] = w[i] + 1e-9 * random.value();
    const { q, status } = decompose(w, d, 2);
    expect(status).toBe(0);
    let s = 0;
    for (let i = 0; i < d; i++) s += q[i] * q[d + i];
    expect(Math.abs(s)).toBeLessThan(1e-14);
  });

  it("names the first dependent column", () => {
    const d = 30;
    for (const bad of [0, 1, 2, 4]) {
      const w = numbers(bad).array(d * 5);
      for (let i = 0; i < d; i++) w[bad * d + i] = bad === 0 ? 0 : 3 * w[i] - 0.5 * w[(bad - 1) * d + i];
      expect(decompose(w, d, 5).status).toBe(bad + 1);
    }
    expect(decompose(numbers(2).array(3 * 5), 3, 5).status).toBe(4);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %s", (value) => {
    const w = numbers(2).array(20);
    w[13] = value;
    expect(decompose(w, 10, 2).status).toBe(2);
  });
});

describe("tridiagonalize", () => {
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 33, 64, 127];
  it.each(sizes)("keeps trace, norm and energies of a matrix of order %i at three scales", (n) => {
    for (const scale of [1, 1e150, 1e-150]) {
      const a = gramOf(n, n, 1e-3, scale);
      const random = numbers(n + 1);
      const b = random.array(n);
      const { arrays: t } = onBoth(
        { a, b, diagonal: random.array(n), beside: random.array(n - 1), work: random.array(4 * n) },
        ["a", "b", "diagonal", "beside", "work"],
        (ops, at) => ops.tridiagonalize(at.a, n, at.b, at.diagonal, at.beside, at.work) as undefined,
      );
      const sums = { trace: 0, square: 0, length: 0, energy: 0, twice: 0 };
      const reduced = { trace: 0, square: 0, length: 0, energy: 0, twice: 0 };
      for (let i = 0; i < n; i++) {
        let product = 0;
        for (let j = 0; j < n; j++) {
          const entry = a[packed(Math.min(i, j), Math.max(i, j))] / scale;
          product += entry * b[j];
          sums.square += entry * entry;
        }
        const [before, diagonal, after] = [t.beside[i - 1] ?? 0, t.diagonal[i], t.beside[i] ?? 0].map((v) => v / scale);
        const rotated = before * (t.b[i - 1] ?? 0) + diagonal * t.b[i] + after * (t.b[i + 1] ?? 0);
        sums.trace += a[packed(i, i)] / scale;
        reduced.trace += diagonal;
        reduced.square += before * before + diagonal * diagonal + after * after;
        sums.length += b[i] * b[i];
        reduced.length += t.b[i] * t.b[i];
        sums.energy += b[i] * product;
        reduced.energy += t.b[i] * rotated;
        sums.twice += product * product;
        reduced.twice += rotated * rotated;
      }
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) {
        expect(Math.abs(reduced[name] / sums[name] - 1), `${name} at scale ${scale}`).toBeLessThan(1e-13);
      }
    }
  });

  it("keeps zero rows, zero matrices and nothing at all", () => {
    const call = (n: number, a: Float64Array, b: Float64Array) =>
      onBoth(
        { a, b, diagonal: new Float64Array(n), beside: new Float64Array(n), work: new Float64Array(4 * n) },
        ["a", "b", "diagonal", "beside", "work"],
        (ops, at) => ops.tridiagonalize(at.a, n, at.b, at.diagonal, at.beside, at.work) as undefined,
      ).arrays;
    const zero = call(5, new Float64Array(15), Float64Array.of(1, 2, 3, 4, 5));
    expect([...zero.diagonal, ...zero.beside]).toEqual(new Array(10).fill(0));
    expect([...zero.b]).toEqual([1, 2, 3, 4, 5]);
    call(0, new Float64Array(0), new Float64Array(0));
  });
});
