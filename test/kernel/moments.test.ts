/** Moments in place of the Gram matrix: the operations on both kernels, the identities, the rule at its edges. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { momentPlan } from "../../src/kernel/momentPlan.js";
import { expansionTerms, MOMENT_TOLERANCE, momentError, momentSizes, sizesOf } from "../../src/kernel/moments.js";
import { BLOCK_ROWS as B } from "../../src/kernel/ops.js";
import { partition } from "../../src/kernel/partition.js";
import { layoutOf } from "../../src/kernel/shape.js";
import { createReferenceMachine } from "../../src/kernel/tenancy.js";
import { Workspace } from "../../src/kernel/workspace.js";
import { featureCount, featureShape, featureTable, multiIndices } from "../../src/math/multiIndex.js";
import { generator } from "../support/problems.js";
import { expectClose, firstDifference, numbers, onBoth } from "./harness.js";

const SEED = 20241018;
const SHAPES = [
  [2, 2],
  [2, 5],
  [2, 7],
  [3, 3],
  [3, 5],
  [4, 4],
  [5, 3],
  [6, 2],
  [9, 2],
] as const;

describe("operations", () => {
  it("accumulateProducts: same bits, inside its arrays, brute force", () => {
    const shape = { groups: fc.integer({ min: 0, max: 5 }), columns: fc.integer({ min: 0, max: 6 }), seed: fc.nat() };
    fc.assert(
      fc.property(fc.record(shape), ({ groups, columns, seed }) => {
        const random = numbers(seed);
        const widths = Int32Array.from({ length: groups }, () => Math.floor(random.uniform() * (columns + 1)));
        const tiles = widths.reduce((sum, w) => sum + w, 0);
        const out = random.array(8 * tiles);
        const { arrays } = onBoth(
          { a: random.array(4 * groups * B), b: random.array(2 * columns * B), widths, out },
          ["out"],
          (ops, at) => ops.accumulateProducts(at.a, groups, at.b, at.widths, at.out) as undefined,
        );
        let at = 0;
        for (let g = 0; g < groups; g++) {
          for (let q = 0; q < widths[g]; q++) {
            for (let e = 0; e < 8; e++, at++) {
              let sum = out[at];
              let size = Math.abs(sum);
              for (let i = 0; i < B; i++) {
                const term = arrays.a[(4 * g + (e >> 1)) * B + i] * arrays.b[(2 * q + (e & 1)) * B + i];
                sum += term;
                size += Math.abs(term);
              }
              expectClose(arrays.out[at], sum, size, `sum ${at}`);
            }
          }
        }
      }),
      { seed: SEED, numRuns: 30 },
    );
  });

  it("combineSums: same bits, inside its arrays, brute force", () => {
    const shape = { count: fc.integer({ min: 0, max: 40 }), more: fc.integer({ min: 0, max: 90 }), seed: fc.nat() };
    fc.assert(
      fc.property(fc.record(shape), ({ count, more, seed }) => {
        const random = numbers(seed);
        const below = (limit: number): number => Math.floor(random.uniform() * limit);
        const terms = count + (count > 0 ? more : 0);
        const places = Int32Array.from({ length: terms }, () => below(17));
        const entries = Int32Array.from({ length: terms - count }, () => below(count));
        const { arrays } = onBoth(
          { sums: random.array(17), places, factors: random.array(terms), entries, out: random.array(count) },
          ["out"],
          (ops, at) => ops.combineSums(at.sums, terms, at.places, at.factors, at.entries, count, at.out) as undefined,
        );
        for (let e = 0; e < count; e++) {
          let sum = 0;
          let size = 0;
          for (let t = 0; t < terms; t++) {
            if ((t < count ? t : entries[t - count]) !== e) continue;
            sum += arrays.factors[t] * arrays.sums[places[t]];
            size += Math.abs(arrays.factors[t] * arrays.sums[places[t]]);
          }
          expectClose(arrays.out[e], sum, size, `entry ${e}`);
        }
      }),
      { seed: SEED, numRuns: 30 },
    );
  });
});

/** ΦᵀΦ that the plan expands from given values of all moments E[h_γ]. */
function expanded(rank: number, degree: number, moment: (gamma: readonly number[]) => number): Float64Array {
  const { sizes, places, factors, entries } = momentPlan(rank, degree);
  const sums = new Float64Array(sizes.sums).fill(Number.NaN);
  // Row a of the first half and row b of the second: four rows to a group, two columns to a tile.
  const second = multiIndices(rank - sizes.first, 2 * degree);
  multiIndices(sizes.first, 2 * degree).forEach((alpha, a) => {
    const start = sizes.widths.slice(0, a >> 2).reduce((sum, w) => sum + 8 * w, 0);
    second.forEach((beta, b) => {
      const total = [...alpha, ...beta].reduce((sum, v) => sum + v, 0);
      if (total <= 2 * degree) sums[start + 8 * (b >> 1) + 2 * (a & 3) + (b & 1)] = moment([...alpha, ...beta]);
    });
  });
  const p = featureCount(rank, degree);
  const out = new Float64Array((p * (p + 1)) / 2);
  for (let t = 0; t < out.length; t++) out[t] = factors[t] * sums[places[t]];
  for (let t = out.length; t < factors.length; t++) out[entries[t - out.length]] += factors[t] * sums[places[t]];
  return out;
}

const hermite = (k: number, z: number): number =>
  k === 0 ? 1 : k === 1 ? z : (z * hermite(k - 1, z) - Math.sqrt(k - 1) * hermite(k - 2, z)) / Math.sqrt(k);

describe("the expansion", () => {
  it.each(SHAPES)("Gaussian moments give the identity exactly: rank %i, degree %i", (rank, degree) => {
    const gram = expanded(rank, degree, (gamma) => (gamma.every((v) => v === 0) ? 1 : 0));
    let k = 0;
    for (let j = 0; k < gram.length; j++) for (let i = 0; i <= j; i++) expect(gram[k++]).toBe(i === j ? 1 : 0);
  });

  it.each(SHAPES)("a single point gives the products of its features: rank %i, degree %i", (rank, degree) => {
    const z = Array.from({ length: rank }, (_, k) => 0.3 + 0.4 * k - 0.11 * k * k);
    const value = (beta: readonly number[]): number => beta.reduce((s, v, k) => s * hermite(v, z[k]), 1);
    const gram = expanded(rank, degree, value);
    const phi = multiIndices(rank, degree).map(value);
    let k = 0;
    phi.forEach((b, j) => {
      for (let i = 0; i <= j; i++) expect(Math.abs(gram[k++] - phi[i] * b)).toBeLessThan(1e-15 * 3 ** (degree + 2));
    });
  });

  it("counts its terms without building them", () => {
    for (const [rank, degree] of SHAPES) {
      expect(momentPlan(rank, degree).places.length).toBe(expansionTerms(rank, degree));
    }
  });
});

type Law = (g: { uniform(): number; normal(): number }) => number;
const LAWS: Record<string, Law> = {
  Gaussian: ({ normal }) => normal(),
  uniform: ({ uniform }) => Math.sqrt(12) * (uniform() - 0.5),
  "Student t3": ({ normal }) => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3),
  "log-normal": ({ normal }) => (Math.exp(normal()) - 1.65) / 2.16,
  "with outliers": ({ normal, uniform }) => (uniform() < 0.002 ? 40 : 1) * normal(),
  "small scale": ({ normal }) => 0.1 * normal(),
  "nearly two values": ({ normal, uniform }) => (uniform() < 0.5 ? -1 : 1) + 0.02 * normal(),
};

interface Rows {
  readonly n: number;
  readonly rank: number;
  readonly degree: number;
  readonly law: Law;
  readonly scale?: number;
  readonly weighted?: boolean;
}

function draw({ n, rank, degree, law, scale = 1, weighted }: Rows) {
  const random = generator(97 * n + 10 * rank + degree);
  const X = Float64Array.from({ length: n * rank }, () => scale * law(random));
  const y = Float64Array.from({ length: n }, random.normal);
  const root = weighted
    ? Float64Array.from({ length: n }, () => Math.sqrt(Math.floor(3 * random.uniform())))
    : undefined;
  return { X, y, root };
}

/** Normal equations of a workspace whose projections are the rows themselves. */
async function byWorkspace(rows: Rows, kernel: "wasm" | "reference" = "wasm") {
  const { n, rank, degree } = rows;
  const { X, y, root } = draw(rows);
  const shape = { samples: n, columns: rank, rank, degree, ...featureShape(rank, degree) };
  const data = { data: X, rows: n, columns: rank };
  const workspace = await Workspace.create(data, shape, featureTable(rank, degree), kernel, new RunControl());
  workspace.setTarget(y, root);
  await workspace.standardize({ center: new Float64Array(rank), inverseScale: new Float64Array(rank).fill(1) });
  const basis = new Float64Array(rank * rank);
  for (let k = 0; k < rank; k++) basis[k * rank + k] = 1;
  await workspace.projectTrial(basis);
  const equations = workspace.normalEquations();
  workspace.dispose();
  return equations;
}

/** The same by features and their products, block by block; parts of the rows are added as a tree. */
function direct(rows: Rows) {
  const { n, rank, degree } = rows;
  const { X, y, root } = draw(rows);
  const p = featureCount(rank, degree);
  const lengths = [rank * B, B, B, p, rank * (degree + 1) * B, p * B, (p * (p + 1)) / 2, p];
  const machine = createReferenceMachine();
  machine.reserve(8 * lengths.reduce((sum, v) => sum + v, 0));
  const at: number[] = [];
  lengths.reduce((next, v) => {
    at.push(next);
    return next + 8 * v;
  }, machine.base);
  const [z, weights, target, table, h, phi, gram, moment] = at;
  machine.i32.set(featureTable(rank, degree), table / 4);
  const starts = partition(n);
  const parts: Float64Array[] = [];
  for (let first = 0; first < n; first += B) {
    machine.f64.fill(0, z / 8, table / 8);
    for (let i = 0; i < Math.min(B, n - first); i++) {
      const s = root ? root[first + i] : 1;
      machine.f64[weights / 8 + i] = s;
      machine.f64[target / 8 + i] = s * y[first + i];
      for (let k = 0; k < rank; k++) machine.f64[z / 8 + k * B + i] = X[(first + i) * rank + k];
    }
    machine.ops.features(z, rank, degree, weights, table, p, h, phi);
    machine.ops.accumulateGram(phi, p, gram);
    machine.ops.accumulateMoment(phi, p, target, moment);
    if (first / B + 1 !== starts[parts.length + 1]) continue;
    parts.push(machine.f64.slice(gram / 8, moment / 8 + p));
    machine.f64.fill(0, gram / 8, moment / 8 + p);
  }
  const total = sumAsTree(parts);
  return { gram: total.slice(0, (moment - gram) / 8), moment: total.slice((moment - gram) / 8) };
}

/** The largest power of two of parts on the left, the others on the right. */
function sumAsTree(parts: Float64Array[]): Float64Array {
  if (parts.length === 1) return parts[0];
  const half = 2 ** Math.ceil(Math.log2(parts.length) - 1);
  const [left, right] = [sumAsTree(parts.slice(0, half)), sumAsTree(parts.slice(half))];
  return left.map((v, k) => v + right[k]);
}

/** Largest |a − b| relative to √(b_ii b_jj). */
function relativeDifference(a: Float64Array, b: Float64Array): number {
  let worst = 0;
  for (let j = 0, k = 0; k < b.length; j++) {
    for (let i = 0; i <= j; i++, k++) {
      const size = Math.sqrt(b[(i * (i + 3)) / 2] * b[(j * (j + 3)) / 2]);
      worst = Math.max(worst, Math.abs(a[k] - b[k]) / size);
    }
  }
  return worst;
}

const boundOf = ({ rank, degree, n }: Rows, gram: Float64Array): number =>
  momentError(featureCount(rank, degree), momentPlan(rank, degree).sweeps, gram, Math.ceil(n / B));

describe("the error bound", () => {
  const degrees = [
    [2, 5],
    [2, 7],
    [3, 5],
    [4, 3],
  ] as const;
  it.each(Object.keys(LAWS))("holds for %s rows, and is within its factor of what happens", async (name) => {
    for (const [rank, degree] of degrees) {
      for (const weighted of [false, true]) {
        const rows = { n: 700, rank, degree, law: LAWS[name], weighted };
        const expected = direct(rows);
        const { gram, moment } = await byWorkspace(rows);
        const bound = boundOf(rows, gram);
        if (bound > MOMENT_TOLERANCE) {
          // Given up: the direct matrix, to the bit.
          expect(firstDifference(gram, expected.gram)).toBe(-1);
          expect(firstDifference(moment, expected.moment)).toBe(-1);
          continue;
        }
        const error = relativeDifference(gram, expected.gram);
        expect(error).toBeGreaterThan(0);
        expect(error, `rank ${rank}, degree ${degree}`).toBeLessThan(bound);
        const size = Math.sqrt(expected.moment.reduce((sum, v) => sum + v * v, 0));
        const off = moment.map((v, j) => Math.abs(v - expected.moment[j]));
        expect(Math.max(...off) / size).toBeLessThan(1e-14);
      }
    }
  });

  it("is 3^degree for Gaussian moments, and smaller for heavy tails", async () => {
    for (const degree of [2, 4, 6]) {
      const gaussian = expanded(2, degree, (gamma) => (gamma.every((v) => v === 0) ? 1 : 0));
      const rows = { n: 96, rank: 2, degree, law: LAWS.Gaussian };
      expect(boundOf(rows, gaussian) / (Number.EPSILON / 2) / 18).toBeCloseTo(3 ** degree, 6);
    }
    const heavy = { n: 2000, rank: 2, degree: 5, law: LAWS["Student t3"] };
    const light = { ...heavy, law: LAWS.uniform };
    expect(boundOf(heavy, direct(heavy).gram)).toBeLessThan(boundOf(light, direct(light).gram));
  });

  it("refuses what is not the Gram matrix of anything", () => {
    const sweeps = momentPlan(2, 2).sweeps;
    const identity = new Float64Array(21);
    for (let j = 0; j < 6; j++) identity[(j * (j + 3)) / 2] = 1;
    expect(momentError(6, sweeps, identity, 1)).toBeLessThan(1e-13);
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const gram = Float64Array.from(identity);
      gram[9] = bad;
      expect(momentError(6, sweeps, gram, 1)).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it("switches where it crosses the tolerance, on both kernels alike", async () => {
    const rows = (scale: number): Rows => ({ n: 500, rank: 3, degree: 4, law: LAWS.Gaussian, scale });
    const accepted = (scale: number): boolean => boundOf(rows(scale), direct(rows(scale)).gram) <= MOMENT_TOLERANCE;
    let [low, high] = [0.01, 1];
    expect([accepted(low), accepted(high)]).toEqual([false, true]);
    while (high - low > 1e-3) {
      const middle = (low + high) / 2;
      if (accepted(middle)) high = middle;
      else low = middle;
    }
    // A thousandth of the scale on either side of the edge.
    const above = await byWorkspace(rows(high + 1e-3));
    expect(firstDifference(above.gram, direct(rows(high + 1e-3)).gram)).toBeGreaterThan(-1);
    expect(relativeDifference(above.gram, direct(rows(high + 1e-3)).gram)).toBeLessThan(MOMENT_TOLERANCE);
    const below = await byWorkspace(rows(low - 1e-3));
    expect(firstDifference(below.gram, direct(rows(low - 1e-3)).gram)).toBe(-1);
    for (const scale of [low - 1e-3, high + 1e-3]) {
      const [wasm, reference] = [await byWorkspace(rows(scale)), await byWorkspace(rows(scale), "reference")];
      expect(firstDifference(wasm.gram, reference.gram)).toBe(-1);
      expect(firstDifference(wasm.moment, reference.moment)).toBe(-1);
    }
  });

  it("names the degree when features overflow", async () => {
    const rows = { n: 300, rank: 2, degree: 5, law: LAWS.Gaussian, scale: 1e40 };
    expect(layoutOf({ samples: 300, columns: 2, rank: 2, degree: 5, ...featureShape(2, 5) }).moments).toBeDefined();
    await expect(byWorkspace(rows)).rejects.toMatchObject({ code: "OVERFLOW", message: /degree 5/ });
  });
});

describe("the choice by cost", () => {
  const shape = (samples: number, rank: number, degree: number) => ({
    samples,
    rank,
    degree,
    ...featureShape(rank, degree),
  });

  it("takes moments for wide links of moderate degree", () => {
    for (const [rank, degree] of [
      [2, 5],
      [3, 5],
      [4, 4],
      [5, 5],
    ]) {
      expect(momentSizes(shape(6000, rank, degree)), `${rank}, ${degree}`).toEqual(sizesOf(rank, degree));
    }
    for (const [rank, degree] of [
      [0, 0],
      [1, 7],
      [2, 1],
      [9, 1],
      [2, 2],
      [2, 8],
      [3, 9],
      [5, 8],
    ]) {
      expect(momentSizes(shape(1e6, rank, degree)), `${rank}, ${degree}`).toBeUndefined();
    }
    // Too many terms to keep: 25 000 features.
    expect(momentSizes(shape(1e6, 15, 5))).toBeUndefined();
  });

  it("changes once as rows are added: the expansion costs as much as some blocks", () => {
    let flips = 0;
    let before = false;
    for (let n = 1; n < 3000; n += 7) {
      const now = momentSizes(shape(n, 10, 2)) !== undefined;
      if (now !== before) flips++;
      before = now;
    }
    expect([before, flips]).toEqual([true, 1]);
  });

  it("asks for no room where it takes none", () => {
    const with_ = layoutOf({ ...shape(6000, 3, 5), columns: 10 });
    const without = layoutOf({ ...shape(6000, 1, 5), columns: 10 });
    expect(with_.moments).toBeDefined();
    expect(without.slots.momentTable).toBe(without.slots.momentEntries);
  });
});

describe("one objective", () => {
  it("gives the same loss, coefficients and gradient by moments and directly", async () => {
    const rows = { n: 900, rank: 3, degree: 5, law: LAWS.uniform };
    const { X, y } = draw(rows);
    const data = { data: X, rows: rows.n, columns: rows.rank };
    const basis = { data: Float64Array.of(0.6, 0, 0.8, 0, 0, 1), rows: 3, columns: 2 };
    const options = { degree: 6, penalty: 1e-9, kernel: "wasm" as const };
    const { profiledLoss } = await import("../../src/theory/profiledLoss.js");
    const byMoments = await profiledLoss(data, y, basis, options);
    vi.resetModules();
    vi.doMock("../../src/kernel/moments.js", async (original) => ({
      ...(await original<object>()),
      momentSizes: () => undefined,
    }));
    const other = await import("../../src/theory/profiledLoss.js");
    const directly = await other.profiledLoss(data, y, basis, options);
    vi.doUnmock("../../src/kernel/moments.js");
    // Another way of summing was taken …
    expect(byMoments.gradient.to1DArray()).not.toEqual(directly.gradient.to1DArray());
    // … and the loss, stationary in the coefficients, agrees to rounding, its gradient to the error of the Gram matrix.
    expect(Math.abs(byMoments.loss / directly.loss - 1)).toBeLessThan(4 * Number.EPSILON);
    const off = byMoments.gradient.to1DArray().map((v, k) => Math.abs(v - directly.gradient.to1DArray()[k]));
    expect(Math.max(...off)).toBeLessThan(1e-12);
  });
});
