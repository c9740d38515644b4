/** The passes of a workspace against dense arithmetic, held against streamed, one kernel against the other. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { columnSums, secondMoment, weightedSum } from "../../src/kernel/columns.js";
import { type ResidualSums, Workspace } from "../../src/kernel/workspace.js";
import {
  derivativeCoefficients,
  featureCount,
  featureShape,
  featureTable,
  multiIndices,
} from "../../src/math/multiIndex.js";
import { generator } from "../support/problems.js";

interface Case {
  n: number;
  d: number;
  r: number;
  degree: number;
  weighted: boolean;
}
const CASES: Case[] = [
  { n: 1, d: 1, r: 1, degree: 0, weighted: false },
  { n: 95, d: 3, r: 1, degree: 4, weighted: true },
  { n: 96, d: 4, r: 2, degree: 3, weighted: false },
  { n: 97, d: 5, r: 3, degree: 2, weighted: true },
  { n: 400, d: 17, r: 4, degree: 3, weighted: true },
  { n: 300, d: 9, r: 7, degree: 2, weighted: false },
  { n: 500, d: 4, r: 2, degree: 6, weighted: true },
  { n: 290, d: 6, r: 5, degree: 3, weighted: false },
];

function data({ n, d, r, weighted }: Case) {
  const { normal, uniform } = generator(n * 31 + d);
  const X = Float64Array.from({ length: n * d }, () => 3 * normal() + 1);
  const y = Float64Array.from({ length: n }, normal);
  const root = weighted ? Float64Array.from({ length: n }, () => Math.floor(3 * uniform())) : undefined;
  if (root) root[0] = 1;
  const center = Float64Array.from({ length: d }, normal);
  const inverseScale = Float64Array.from({ length: d }, () => 0.2 + 0.1 * uniform());
  const A = Float64Array.from({ length: d * r }, normal).map((v) => v / Math.sqrt(d));
  const delta = Float64Array.from({ length: d * r }, normal);
  return { X, y, root, center, inverseScale, A, delta };
}

async function open(c: Case, kernel: "wasm" | "reference", hold: boolean): Promise<Workspace> {
  const { X, y, root, center, inverseScale } = data(c);
  const rows = { data: X, rows: c.n, columns: c.d };
  const shape = {
    samples: c.n,
    columns: c.d,
    rank: c.r,
    degree: c.degree,
    ...featureShape(c.r, c.degree),
  };
  const table = featureTable(c.r, c.degree);
  const workspace = await Workspace.create(rows, shape, table, kernel, new RunControl(), hold);
  workspace.setTarget(y, root);
  await workspace.standardize({ center, inverseScale });
  return workspace;
}

/** Everything a solver can see, as one list of numbers. */
async function everything(c: Case, kernel: "wasm" | "reference", hold: boolean): Promise<number[]> {
  const { A, delta, y } = data(c);
  const workspace = await open(c, kernel, hold);
  const penalty = new Float64Array(featureCount(c.r, c.degree)).fill(0.1);
  const out: number[] = [];
  out.push(...(await columnSums(workspace, 1)), ...(await columnSums(workspace, 2)));
  out.push(...(await secondMoment(workspace, y)), ...(await weightedSum(workspace, y)));
  const subset = Int32Array.from({ length: Math.ceil(c.n / 2) }, (_, i) => c.n - 1 - 2 * i).filter((i) => i >= 0);
  out.push(...(await secondMoment(workspace, undefined, subset)));
  await workspace.projectTrial(A);
  const { gram, moment } = workspace.normalEquations();
  out.push(...gram, ...moment);
  const solved = workspace.solveTrial(penalty, 1e-14);
  if (!("coefficients" in solved)) throw new Error(`pivot ${solved.pivot}`);
  const ck = derivativeCoefficients(solved.coefficients, c.r, c.degree);
  const sums = await workspace.residualsOfTrial(solved.coefficients, ck, true);
  out.push(...solved.coefficients, sums.sumSquares, ...sums.gradientSquares, ...(sums.transposed as Float64Array));
  workspace.acceptTrial();
  out.push(...(await workspace.residualGradient()), ...(await workspace.gaussNewtonProduct(delta)));
  const mixing = Float64Array.from({ length: c.r * c.r }, (_, k) => Math.cos(k));
  await workspace.projectDirection(delta);
  await workspace.combineTrial(0.3, mixing);
  out.push(...workspace.normalEquations().gram);
  workspace.acceptTrial();
  out.push(...(await workspace.projections()));
  await workspace.accumulateKept(Uint8Array.from({ length: c.n }, (_, i) => (i % 3 === 1 ? 0 : 1)));
  out.push(...workspace.normalEquations().gram, ...workspace.normalEquations().moment);
  workspace.dispose();
  return out;
}

describe("workspace passes", () => {
  it.each(CASES)("same bits held, streamed and on both kernels: %o", async (c) => {
    const first = await everything(c, "wasm", true);
    expect(first.length).toBeGreaterThan(5);
    expect(first.every(Number.isFinite)).toBe(true);
    for (const [kernel, hold] of [
      ["wasm", false],
      ["reference", true],
      ["reference", false],
    ] as const) {
      const other = await everything(c, kernel, hold);
      expect(
        other.findIndex((v, k) => !Object.is(v, first[k])),
        `${kernel}, ${hold ? "held" : "streamed"}`,
      ).toBe(-1);
      expect(other.length).toBe(first.length);
    }
  });

  describe("rows that are copied block by block before they are used", () => {
    const d = 48;
    const random = generator(71);
    const pattern = Float64Array.from({ length: 9973 }, random.normal);
    const A = Float64Array.from({ length: 2 * d }, () => random.normal() / 7);

    /** Products with X on the way there and back. */
    async function products(n: number, plain: boolean, kernel: "wasm" | "reference", hold: boolean, single = false) {
      const X = Float64Array.from({ length: n * d }, (_, i) => pattern[i % 9973]);
      const rows = { data: X, rows: n, columns: d };
      const shape = { samples: n, columns: d, rank: 2, degree: 2, ...featureShape(2, 2), single };
      const table = featureTable(2, 2);
      const workspace = await Workspace.create(rows, shape, table, kernel, new RunControl(), hold);
      workspace.setTarget(Float64Array.from({ length: n }, (_, i) => pattern[(5 * i) % 9973]));
      await workspace.standardize({
        center: new Float64Array(d).fill(plain ? 0 : 0.25),
        inverseScale: new Float64Array(d).fill(plain ? 1 : 0.9),
      });
      await workspace.projectTrial(A);
      const solved = workspace.solveTrial(new Float64Array(6).fill(0.1), 1e-14);
      if (!("coefficients" in solved)) throw new Error(`pivot ${solved.pivot}`);
      const { coefficients } = solved;
      const sums = await workspace.residualsOfTrial(coefficients, derivativeCoefficients(coefficients, 2, 2), true);
      const { resident } = workspace.layout;
      workspace.dispose();
      return { resident, numbers: [...coefficients, sums.sumSquares, ...(sums.transposed as Float64Array)] };
    }

    it.each([true, false])("held: the bits of streamed ones (plain: %s)", async (plain) => {
      const held = await products(12_000, plain, "wasm", true);
      expect(held.resident).toBe(true);
      expect(held.numbers.every(Number.isFinite)).toBe(true);
      expect((await products(12_000, plain, "wasm", false)).numbers).toEqual(held.numbers);
      expect((await products(12_000, plain, "reference", true)).numbers).toEqual(held.numbers);
    });

    it("held in single precision: both kernels give the same bits", async () => {
      const { numbers } = await products(24_000, true, "wasm", true, true);
      expect((await products(24_000, true, "reference", true, true)).numbers).toEqual(numbers);
      const double = await products(24_000, true, "wasm", true);
      numbers.forEach((v, k) => {
        expect(Math.abs(v - double.numbers[k])).toBeLessThan(1e-4 * Math.max(...double.numbers.map(Math.abs)));
      });
    });

    it.each([true, false])("streamed, too large to be held (plain: %s)", async (plain) => {
      const streamed = await products(90_000, plain, "wasm", true);
      expect(streamed.resident).toBe(false);
      expect((await products(90_000, plain, "reference", true)).numbers).toEqual(streamed.numbers);
    });
  });

  it.each(CASES.slice(1))("agree with dense arithmetic: %o", async (c) => {
    const { X, y, root, center, inverseScale, A, delta } = data(c);
    const { n, d, r } = c;
    const w = (i: number): number => (root ? root[i] ** 2 : 1);
    const x = Array.from({ length: n }, (_, i) =>
      Array.from({ length: d }, (__, j) => (X[i * d + j] - center[j]) * inverseScale[j]),
    );
    const z = x.map((row) => Array.from({ length: r }, (_, k) => row.reduce((s, v, j) => s + v * A[j * r + k], 0)));
    const he = (k: number, t: number): number =>
      k === 0 ? 1 : k === 1 ? t : (t * he(k - 1, t) - Math.sqrt(k - 1) * he(k - 2, t)) / Math.sqrt(k);
    const indices = multiIndices(r, c.degree);
    const phi = z.map((row) => indices.map((beta) => beta.reduce((p, b, k) => p * he(b, row[k]), 1)));
    const p = indices.length;

    const workspace = await open(c, "wasm", true);
    const total = Array.from({ length: n }, (_, i) => w(i)).reduce((a, b) => a + b, 0);
    expect(workspace.weightSum).toBeCloseTo(total, 10);
    await workspace.projectTrial(A);
    const { gram, moment } = workspace.normalEquations();
    let most = 0;
    for (let j = 0; j < p; j++) {
      const m = phi.reduce((s, row, i) => s + w(i) * row[j] * y[i], 0);
      most = Math.max(most, Math.abs(m - moment[j]) / n);
      for (let i = 0; i <= j; i++) {
        const g = phi.reduce((s, row, q) => s + w(q) * row[i] * row[j], 0);
        most = Math.max(most, Math.abs(g - gram[(j * (j + 1)) / 2 + i]) / n);
      }
    }
    expect(most).toBeLessThan(1e-11);

    // The Gauss–Newton product by dense algebra: P⊥ with the ridge, u = x·Δ·∇f.
    const ridge = 0.1;
    const solved = workspace.solveTrial(new Float64Array(p).fill(ridge), 1e-14);
    if (!("coefficients" in solved)) throw new Error("singular");
    const ck = derivativeCoefficients(solved.coefficients, r, c.degree);
    await workspace.residualsOfTrial(solved.coefficients, ck, false);
    workspace.acceptTrial();
    const product = await workspace.gaussNewtonProduct(delta);
    const lower = ck.length / Math.max(r, 1);
    const g = phi.map((row) =>
      Array.from({ length: r }, (_, k) => row.slice(0, lower).reduce((s, v, j) => s + v * ck[j * r + k], 0)),
    );
    const u = x.map((row, i) =>
      row.reduce((s, v, j) => s + v * g[i].reduce((t, gk, k) => t + gk * delta[j * r + k], 0), 0),
    );
    const rhs = Array.from({ length: p }, (_, j) => phi.reduce((s, row, i) => s + w(i) * row[j] * u[i], 0) / total);
    const matrix = Array.from({ length: p }, (_, a) =>
      Array.from(
        { length: p },
        (__, b) => phi.reduce((s, row, i) => s + w(i) * row[a] * row[b], 0) / total + (a === b ? ridge : 0),
      ),
    );
    const v = eliminate(matrix, rhs);
    const off = u.map((ui, i) => ui - phi[i].reduce((s, f, j) => s + f * v[j], 0));
    let wrong = 0;
    for (let j = 0; j < d; j++) {
      for (let k = 0; k < r; k++) {
        const expected = x.reduce((s, row, i) => s + w(i) * row[j] * g[i][k] * off[i], 0);
        wrong = Math.max(wrong, Math.abs(expected - product[j * r + k]) / n);
      }
    }
    expect(wrong).toBeLessThan(1e-11);
    workspace.dispose();
  });

  it.each([CASES[3], CASES[6]])("features kept at a point are never those of another: %o", async (c) => {
    const { A, delta, y } = data(c);
    const p = featureCount(c.r, c.degree);
    const penalty = new Float64Array(p).fill(0.1);
    const B = A.map((v, k) => v + 0.1 * Math.sin(k));
    const settle = async (workspace: Workspace, a: Float64Array): Promise<ResidualSums> => {
      await workspace.projectTrial(a);
      const solved = workspace.solveTrial(penalty, 1e-14);
      if (!("coefficients" in solved)) throw new Error("singular");
      coefficients = solved.coefficients;
      return residuals(workspace);
    };
    let coefficients: Float64Array = new Float64Array(0);
    const residuals = (workspace: Workspace): Promise<ResidualSums> =>
      workspace.residualsOfTrial(coefficients, derivativeCoefficients(coefficients, c.r, c.degree), false);

    const workspace = await open(c, "wasm", true);
    expect(workspace.layout.keepsFeatures).toBe(true);
    await settle(workspace, A);
    workspace.acceptTrial();
    const atA = await workspace.gaussNewtonProduct(delta);
    const refused = await settle(
      workspace,
      A.map((v) => -2 * v),
    );
    const taken = await settle(workspace, B);
    expect(taken).not.toEqual(refused);
    // Trials leave the current point alone.
    expect(await workspace.gaussNewtonProduct(delta)).toEqual(atA);
    const other = await open(c, "wasm", true);
    expect(await settle(other, B)).toEqual(taken);
    // Other weights: other features at the same z.
    const root = Float64Array.from({ length: c.n }, (_, i) => 1 + (i % 2));
    workspace.setTarget(y, root);
    const weighted = await residuals(workspace);
    other.setTarget(y, root);
    await other.projectTrial(B);
    expect(await residuals(other)).toEqual(weighted);
    expect(weighted).not.toEqual(taken);
    workspace.dispose();
    other.dispose();
  });

  it("short passes do not wait, give way together, and notice an abort", async () => {
    const abort = new AbortController();
    let now = 0;
    let yields = 0;
    const yieldTask = async (): Promise<void> => {
      yields++;
    };
    const control = new RunControl({ signal: abort.signal, clock: () => (now += 20), yieldTask });
    const c = CASES[2];
    const rows = { data: data(c).X, rows: c.n, columns: c.d };
    const shape = { samples: c.n, columns: c.d, rank: c.r, degree: c.degree, ...featureShape(c.r, c.degree) };
    const workspace = await Workspace.create(rows, shape, featureTable(c.r, c.degree), "wasm", control);
    expect(workspace.pass(10, () => {})).toBeUndefined();
    const passes = 1000;
    for (let k = 0; k < passes; k++) await workspace.pass(10, () => {});
    expect(yields).toBeGreaterThan(passes / 200);
    expect(yields).toBeLessThan(passes / 20);
    let visited = 0;
    const before = yields;
    await workspace.pass(1e9, () => visited++, 5);
    expect([visited, yields - before]).toEqual([5, 5]);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(() => workspace.pass(10, () => {})).toThrow(reason);
    await expect(workspace.projectDirection(data(c).delta)).rejects.toBe(reason);
    workspace.dispose();
  });

  it("row 43: use after dispose is refused, a second dispose does nothing", async () => {
    const workspace = await open(CASES[2], "wasm", true);
    workspace.dispose();
    workspace.dispose();
    const { delta } = data(CASES[2]);
    await expect(workspace.projectDirection(delta)).rejects.toMatchObject({ name: "KernelError", code: "DISPOSED" });
    expect(() => workspace.normalEquations()).toThrow(expect.objectContaining({ code: "DISPOSED" }));
  });

  it("names the degree when features overflow", async () => {
    const c = { n: 10, d: 2, r: 1, degree: 8, weighted: false };
    const workspace = await open(c, "wasm", true);
    await expect(workspace.projectTrial(Float64Array.from([1e60, 0]))).rejects.toMatchObject({
      code: "OVERFLOW",
      message: expect.stringContaining("degree 8"),
    });
    workspace.dispose();
  });
});

/** Gaussian elimination with partial pivoting. */
function eliminate(matrix: number[][], rhs: number[]): number[] {
  const a = matrix.map((row, i) => [...row, rhs[i]]);
  const n = a.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i][k]) > Math.abs(a[pivot][k])) pivot = i;
    [a[k], a[pivot]] = [a[pivot], a[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = a[i][k] / a[k][k];
      for (let j = k; j <= n; j++) a[i][j] -= factor * a[k][j];
    }
  }
  const out = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    out[i] = (a[i][n] - a[i].slice(i + 1, n).reduce((s, v, k) => s + v * out[i + 1 + k], 0)) / a[i][i];
  }
  return out;
}
