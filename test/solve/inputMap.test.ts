/** Scaling and whitening against dense linear algebra, and the way between raw and whitened coordinates. */
import { EVD, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import {
  chooseInputMap,
  columnStatistics,
  fromColumns,
  fromRawDirections,
  type InputMap,
  loadingSigns,
  toColumns,
  toRawDirections,
  truncated,
} from "../../src/solve/inputMap.js";
import { fillOptions } from "../../src/solve/options.js";
import { mapInputs, readData } from "../../src/solve/problem.js";
import { errorOf } from "../faults/problem.js";
import { apart, matrix, normals, opened } from "../support/workspaces.js";

/** The workspace of rows, with weights. */
async function workspaceOf(X: number[][], weights?: number[]) {
  const y = X.map((_, i) => i);
  const { problem } = await opened(X, y, { rank: 0, degree: 0, whiten: "none", ...(weights ? { weights } : {}) });
  return problem.workspace;
}

/** Weighted means, standard deviations and correlations, from their definition. */
function moments(X: number[][], w: number[] = X.map(() => 1)) {
  const d = X[0].length;
  const total = w.reduce((a, b) => a + b, 0);
  const columns = Array.from({ length: d }, (_, j) => j);
  const average = (f: (row: number[]) => number) => X.reduce((s, row, i) => s + w[i] * f(row), 0) / total;
  const mean = columns.map((j) => average((row) => row[j]));
  const sd = columns.map((j) => Math.sqrt(average((row) => (row[j] - mean[j]) ** 2)));
  const correlation = Matrix.zeros(d, d);
  for (const a of columns)
    for (const b of columns)
      correlation.set(
        a,
        b,
        average((row) => ((row[a] - mean[a]) / sd[a]) * ((row[b] - mean[b]) / sd[b])),
      );
  return { mean, sd, correlation };
}

const base = normals(60, 3, 2);
/** Correlated columns of different size. */
const mixed = base.map(([a, b, c]) => [2 * a + 1, 30 * (a + 0.5 * b), 0.1 * c - 4]);
const weights = base.map((_, i) => (i % 4 === 0 ? 0 : i % 3));

describe("columnStatistics", () => {
  it("gives weighted means and deviations", async () => {
    for (const w of [undefined, weights]) {
      const { mean, sd } = await columnStatistics(await workspaceOf(mixed, w));
      const wanted = moments(mixed, w);
      expect(apart(mean, wanted.mean)).toBeLessThan(1e-13);
      expect(apart(sd, wanted.sd)).toBeLessThan(1e-13);
    }
  });

  it("takes columns without spread for constant, whatever their size", async () => {
    const X = base.map(([a], i) => [7, 0, 1e6 + 1e-9 * a, 1 + 1e-11 * (i % 2), a, -7]);
    const { mean, sd } = await columnStatistics(await workspaceOf(X));
    expect(Array.from(sd, (s) => s > 0)).toEqual([false, false, false, true, true, false]);
    expect(mean[0]).toBe(7);
    expect(mean[5]).toBe(-7);
    expect(sd[3]).toBeCloseTo(5e-12, 15);
  });

  it("holds near the ends of the doubles", async () => {
    const units = [1e200, 1e-200, 1e300, 1e-300, 1];
    const X = base.map((row) => units.map((unit) => unit * (row[0] + 2)));
    const { mean, sd } = await columnStatistics(await workspaceOf(X));
    const wanted = moments(base.map(([a]) => [a + 2]));
    units.forEach((unit, j) => {
      expect(mean[j] / unit / wanted.mean[0]).toBeCloseTo(1, 12);
      expect(sd[j] / unit / wanted.sd[0]).toBeCloseTo(1, 12);
    });
  });
});

describe("columns of subnormal numbers", () => {
  it("are named, since what they would be scaled by is no double", async () => {
    const tiny = base.map(([a, b, c]) => [a, 1e-309 * b, c]);
    const error = await errorOf(() => workspaceOf(tiny));
    expect(error).toMatchObject({ name: "NumericalError", code: "OVERFLOW", details: { column: 1 } });
    const least = base.map(([a, b, c]) => [a, 1e-305 * b, c]);
    expect((await columnStatistics(await workspaceOf(least))).sd[1]).toBeGreaterThan(0);
  });
});

describe("chooseInputMap", () => {
  it("leaves raw inputs as they are when asked to", async () => {
    const workspace = await workspaceOf(mixed);
    const map = await chooseInputMap(workspace, "none");
    expect(map).toMatchObject({ kind: "none", columns: 3, dim: 3 });
    expect(Array.from(map.center)).toEqual([0, 0, 0]);
    expect(Array.from(map.inverseScale)).toEqual([1, 1, 1]);
    expect(map.map).toBeUndefined();
    expect(apart(map.columnScale, moments(mixed).sd)).toBeLessThan(1e-13);
  });

  it("scales by the deviations, and leaves constant columns out", async () => {
    const { mean, sd } = moments(mixed);
    const map = await chooseInputMap(await workspaceOf(mixed), "scale");
    expect(map).toMatchObject({ kind: "scale", columns: 3, dim: 3 });
    expect(apart(map.center, mean)).toBeLessThan(1e-13);
    expect(
      apart(
        map.inverseScale,
        sd.map((s) => 1 / s),
      ),
    ).toBeLessThan(1e-12);
    expect(map).not.toHaveProperty("map");
    const constant = mixed.map(([a, b, c]) => [a, 3, b, c]);
    const three = await chooseInputMap(await workspaceOf(constant), "scale");
    expect(three).toMatchObject({ kind: "scale", columns: 4, dim: 3 });
    expect(three.inverseScale[1]).toBe(0);
    expect(Array.from(three.map ?? [])).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(three.inverse).toEqual(three.map);
  });

  it.each([
    ["of rows that count the same", undefined],
    ["of weighted rows", weights],
  ])("whitens through the principal components %s", async (_, w) => {
    const { correlation } = moments(mixed, w);
    const map = await chooseInputMap(await workspaceOf(mixed, w), "full");
    expect(map).toMatchObject({ kind: "full", columns: 3, dim: 3 });
    const t = matrix(map.map ?? [], 3, 3);
    expect(apart(t.transpose().mmul(correlation).mmul(t).to1DArray(), Matrix.eye(3).to1DArray())).toBeLessThan(1e-12);
    // x̃ = inverse·x̂ undoes Tᵀ.
    const back = matrix(map.inverse ?? [], 3, 3).mmul(t.transpose());
    expect(apart(back.to1DArray(), Matrix.eye(3).to1DArray())).toBeLessThan(1e-12);
    const values = new EVD(correlation, { assumeSymmetric: true }).realEigenvalues.sort((a, b) => b - a);
    expect(
      apart(
        map.eigenvalues ?? [],
        values.map((v) => v / values[0]),
      ),
    ).toBeLessThan(1e-12);
  });

  it("drops components that repeat others", async () => {
    const X = base.map(([a, b, c]) => [a, b, a + b, c, 5]);
    const map = await chooseInputMap(await workspaceOf(X), "full");
    expect(map).toMatchObject({ columns: 5, dim: 3 });
    expect(map.map).toHaveLength(15);
    expect(map.eigenvalues).toHaveLength(3);
    // A component of 1e-4 of the spread has a variance of 1e-8 of it, one of 3e-3 about 1e-5.
    const near = (e: number) => base.map(([a, b, c]) => [a, b, a + e * c]);
    expect((await chooseInputMap(await workspaceOf(near(1e-4)), "full")).dim).toBe(2);
    expect((await chooseInputMap(await workspaceOf(near(1e-2)), "full")).dim).toBe(3);
  });

  it("gives nothing for inputs that are all constant", async () => {
    const X = base.map(() => [1, 2]);
    for (const choice of ["scale", "full"] as const)
      expect(await chooseInputMap(await workspaceOf(X), choice)).toMatchObject({ dim: 0, correlationExcess: 0 });
  });

  it("lets other tasks run while it looks for components of many columns, and an abort ends it there", async () => {
    const d = 60;
    const shared = normals(150, d, 4).map((row) => row.map((value) => value + row[0]));
    const options = fillOptions({ kernel: "reference", rank: 0, degree: 0, whiten: "full" });
    const controller = new AbortController();
    let turns = 0;
    let last = Number.POSITIVE_INFINITY;
    const control = new RunControl({
      signal: controller.signal,
      sliceMs: 0,
      yieldTask: async () => {
        if (++turns === last) controller.abort("enough");
      },
    });
    const data = await readData(
      shared,
      shared.map(([first]) => first),
      options,
      control,
    );
    const turnsOf = async (whiten: "full" | "scale"): Promise<number> => {
      const before = turns;
      await mapInputs(data, { ...options, whiten }, control);
      return turns - before;
    };
    const scaling = await turnsOf("scale");
    const whitening = await turnsOf("full");
    expect(whitening - scaling).toBeGreaterThanOrEqual(2 * (d - 2));
    last = turns + whitening - d;
    await expect(turnsOf("full")).rejects.toBe("enough");
    expect(turns).toBe(last);
  });

  it("of itself whitens what independent columns would not show, and only scales the rest", async () => {
    const auto = async (X: number[][]) => chooseInputMap(await workspaceOf(X), "auto");
    expect((await auto(base)).kind).toBe("scale");
    const whitened = await auto(mixed);
    expect(whitened.kind).toBe("full");
    const largest = new EVD(moments(mixed).correlation, { assumeSymmetric: true }).realEigenvalues.sort(
      (a, b) => b - a,
    );
    expect(whitened.correlationExcess).toBeCloseTo(largest[0] / (1 + Math.sqrt(3 / 60)) ** 2, 10);
    // λ_max = 1 + ρ against 1.15·(1 + √(2/n))², which is 1.5225 for n = 100 copies of four corners.
    const corners = (rho: number) =>
      Array.from({ length: 100 }, (_, i) => {
        const [u, v] = [
          [1, 1],
          [1, -1],
          [-1, 1],
          [-1, -1],
        ][i % 4];
        return [u, rho * u + Math.sqrt(1 - rho * rho) * v];
      });
    expect((await auto(corners(0.49))).kind).toBe("scale");
    expect((await auto(corners(0.51))).kind).toBe("full");
  });
});

describe("coordinates", () => {
  it("directions go to raw inputs and back", async () => {
    const X = mixed.map(([a, b, c]) => [a, 3, b, c]);
    for (const choice of ["none", "scale", "full"] as const) {
      const map = await chooseInputMap(await workspaceOf(choice === "none" ? mixed : X), choice);
      const k = map.dim;
      const basis = Float64Array.from({ length: k * 2 }, (_, i) => Math.sin(i + 1));
      const raw = toRawDirections(map, basis, 2);
      expect(raw).toHaveLength(map.columns * 2);
      expect(apart(fromRawDirections(map, raw, 2), basis)).toBeLessThan(1e-12);
      // ⟨TW, G⟩ = ⟨W, TᵀG⟩.
      const g = Float64Array.from({ length: map.columns * 2 }, (_, i) => Math.cos(i));
      const left = toColumns(map, basis, 2).reduce((s, v, i) => s + v * g[i], 0);
      expect(fromColumns(map, g, 2).reduce((s, v, i) => s + v * basis[i], 0)).toBeCloseTo(left, 10);
      // Projections of a raw row: directionsᵀ(x − center) = Wᵀx̂.
      const row = (choice === "none" ? mixed : X)[5];
      const standardized = row.map((v, j) => (v - map.center[j]) * map.inverseScale[j]);
      const columns = toColumns(map, basis, 2);
      for (let l = 0; l < 2; l++) {
        const z = row.reduce((s, v, j) => s + raw[j * 2 + l] * (v - map.center[j]), 0);
        expect(z).toBeCloseTo(
          standardized.reduce((s, v, j) => s + columns[j * 2 + l] * v, 0),
          10,
        );
      }
    }
  });

  it("a map is cut to its first components", async () => {
    const map = await chooseInputMap(await workspaceOf(mixed), "full");
    const two = truncated(map, 2);
    expect(two).toMatchObject({ kind: "full", dim: 2, columns: 3 });
    const first = (a: Float64Array | undefined) =>
      matrix(a ?? [], 3, 3)
        .subMatrix(0, 2, 0, 1)
        .to1DArray();
    expect(Array.from(two.map ?? [])).toEqual(first(map.map));
    expect(Array.from(two.inverse ?? [])).toEqual(first(map.inverse));
    expect(Array.from(two.eigenvalues ?? [])).toEqual(Array.from(map.eigenvalues ?? []).slice(0, 2));
    expect(truncated(map, 3)).toBe(map);
    expect(truncated(map, 4)).toBe(map);
    const scaled = await chooseInputMap(await workspaceOf(mixed), "scale");
    expect(truncated(scaled, 1)).toBe(scaled);
    const selected = { ...scaled, map: map.map, inverse: map.inverse } as InputMap;
    expect(truncated(selected, 1)).toBe(selected);
  });

  it("the largest loading of every direction decides its sign", () => {
    const map = { columns: 3, dim: 3 } as InputMap;
    const basis = Float64Array.of(0.1, -0.2, 0, -0.9, 0.8, 0, 0.5, -0.3, 0);
    expect(Array.from(loadingSigns(map, basis, 3))).toEqual([-1, 1, 1]);
    // Loadings are those of the standardized columns: T turns the coordinates over.
    const turned = { ...map, map: Float64Array.of(0, 0, 1, 0, 1, 0, -2, 0, 0) } as InputMap;
    expect(Array.from(loadingSigns(turned, Float64Array.of(1, 0.5, -1.5), 1))).toEqual([-1]);
  });
});
