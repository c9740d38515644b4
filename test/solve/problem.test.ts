/** What is fixed before the first step: data read and refused, responses brought to scale, starts in their order. */
import { describe, expect, it } from "vitest";
import { RunControl } from "../../src/base/control.js";
import { LeapflowError } from "../../src/base/errors.js";
import { MOMENT_STARTS } from "../../src/solve/initialize.js";
import { fillOptions } from "../../src/solve/options.js";
import { mapInputs, openProblem, readData, startsOf } from "../../src/solve/problem.js";
import { apart, normals, opened } from "../support/workspaces.js";

const X = normals(12, 3, 1);
const y = X.map(([a]) => a);
const read = (X: unknown, y: unknown, given: object = {}) =>
  readData(X, y, fillOptions({ seed: 1, kernel: "reference", ...given }), new RunControl());
async function failure(work: Promise<unknown>): Promise<LeapflowError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LeapflowError)) throw new Error(`expected a LeapflowError, got ${error}`);
  return error;
}

describe("responses", () => {
  const scaled = async (y: readonly number[], weights?: readonly number[]) =>
    (
      await read(
        y.map((_, i) => [i]),
        y,
        weights ? { weights } : {},
      )
    ).response;

  it("have mean 0 and variance 1, with weights too", async () => {
    const plain = await scaled([1, 2, 3, 6]);
    expect(plain).toMatchObject({ mean: 3, scale: Math.sqrt(3.5) });
    expect(
      apart(
        plain.standardized,
        [-2, -1, 0, 3].map((v) => v / Math.sqrt(3.5)),
      ),
    ).toBeLessThan(1e-15);
    // Σw = 4, Σwy = 13, Σw(y − 13/4)² = 5.0625 + 0.125 + 7.5625 = 12.75.
    const weighted = await scaled([1, 2, 3, 6], [1, 0, 2, 1]);
    expect(weighted.mean).toBe(3.25);
    expect(weighted.scale).toBe(Math.sqrt(12.75 / 4));
    const w = [1, 0, 2, 1];
    const sum = weighted.standardized.reduce((s, v, i) => s + w[i] * v * v, 0);
    expect(sum).toBeCloseTo(4, 13);
  });

  it("that are constant up to rounding become zeros", async () => {
    for (const y of [
      [5, 5, 5],
      [0, 0],
      [-1e9, -1e9 * (1 + 1e-15)],
    ]) {
      const { standardized, mean, scale } = await scaled(y);
      expect(Array.from(standardized)).toEqual(y.map(() => 0));
      expect(mean).toBeCloseTo(y[0], 5);
      expect(scale).toBe(1);
    }
    const { standardized, scale } = await scaled([-1, -1 - 2 ** -44]);
    expect(Array.from(standardized)).toEqual([1, -1]);
    expect(scale).toBe(2 ** -45);
  });

  it("near the ends of the doubles neither overflow nor vanish", async () => {
    for (const unit of [2 ** 500, 2 ** -1020]) {
      const { standardized, mean, scale } = await scaled([-unit, unit, 2 * unit, 2 * unit]);
      expect(mean / unit).toBeCloseTo(1, 14);
      expect(scale / unit).toBeCloseTo(Math.sqrt(1.5), 14);
      expect(
        apart(
          standardized,
          [-2, 0, 1, 1].map((v) => v / Math.sqrt(1.5)),
        ),
      ).toBeLessThan(1e-14);
    }
    const constant = await scaled([-(2 ** 500), -(2 ** 500)]);
    expect(constant).toMatchObject({ mean: -(2 ** 500), scale: 1 });
    await expect(scaled([1, -(2 ** 502)])).rejects.toMatchObject({ code: "OVERFLOW", details: { index: 1 } });
  });
});

describe("readData", () => {
  it("refuses bad weights", async () => {
    expect(await failure(read(X, y, { weights: y.map((_, i) => (i === 7 ? -2 : 1)) }))).toMatchObject({
      code: "RANGE",
      message: expect.stringMatching(/^weights\[7\] is -2; a weight must be ≥ 0\.$/),
    });
    expect(await failure(read(X, y, { weights: y.map((_, i) => (i === 0 ? -1 : 1)) }))).toMatchObject({
      message: expect.stringMatching(/^weights\[0\]/),
    });
    expect(await failure(read(X, y, { weights: y.map(() => 0) }))).toMatchObject({
      code: "RANGE",
      message: "all weights are 0; at least one must be positive.",
    });
    expect(await failure(read(X, y, { weights: [1] }))).toMatchObject({
      code: "SHAPE",
      message: expect.stringMatching(/^weights/),
    });
    const { weights } = await read(X, y, { weights: y.map((_, i) => (i === 0 ? 0 : i)) });
    expect(Array.from(weights ?? [])).toEqual(y.map((_, i) => i));
    expect((await read(X, y)).weights).toBeUndefined();
  });

  it("refuses a rank above the number of columns", async () => {
    expect(await failure(read(X, y, { rank: 4 }))).toMatchObject({
      code: "RANGE",
      message: "rank is 4, but X has only 3 columns; expected rank ≤ 3.",
      details: { option: "rank", value: 4, columns: 3 },
    });
    expect((await read(X, y, { rank: 3 })).rows.columns).toBe(3);
    expect((await read(X, y, { rank: "auto" })).rows.rows).toBe(12);
  });

  it("refuses more coefficients than rows only without a ridge", async () => {
    // C(2 + 4, 4) = 15 > 12 ≥ C(2 + 3, 3) = 10.
    expect(await failure(read(X, y, { rank: 2, degree: 4, ridge: 0 }))).toMatchObject({
      code: "UNDERDETERMINED",
      message:
        "12 rows cannot determine the 15 Hermite coefficients of rank 2 and degree 4 without a ridge. Set ridge > 0, or lower rank or degree.",
      details: { rows: 12, features: 15 },
    });
    for (const given of [
      { rank: 2, degree: 3 },
      { rank: 1, degree: 11 },
      { rank: "auto", degree: 12 },
      { rank: 3, degree: "auto" },
    ])
      expect((await read(X, y, { ...given, ridge: 0 })).rows.rows).toBe(12);
    expect((await read(X, y, { rank: 2, degree: 4, ridge: 1e-9 })).rows.rows).toBe(12);
    expect((await read(X, y, { rank: 2, degree: 4 })).rows.rows).toBe(12);
  });

  it("sets a quarter of the rows aside only when intervals are to come from them", async () => {
    const split = await read(X, y, { intervals: "split" });
    expect(split.rows.rows).toBe(9);
    expect(split.response.standardized).toHaveLength(9);
    expect(split.aside?.y).toHaveLength(3);
    expect(await read(X, y)).not.toHaveProperty("aside");
  });

  it("ends when it was aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(readData(X, y, fillOptions({}), new RunControl({ signal }))).rejects.toThrow("enough");
  });
});

describe("mapInputs", () => {
  const kindOf = async (n: number, given: object) => {
    const data = await read(
      normals(n, 4, 3),
      Array.from({ length: n }, (_, i) => i),
      given,
    );
    return (await mapInputs(data, fillOptions({ seed: 1, ...given }), new RunControl())).kind;
  };

  it("whitens independent columns only when they are many for the rows and rank is to be found", async () => {
    expect(await kindOf(400, {})).toBe("scale");
    expect(await kindOf(7, {})).toBe("full");
    expect(await kindOf(7, { rank: 1 })).toBe("scale");
    expect(await kindOf(7, { whiten: "scale" })).toBe("scale");
    expect(await kindOf(7, { whiten: "none" })).toBe("none");
    expect(await kindOf(400, { whiten: "full" })).toBe("full");
    // Half as many columns as rows are not yet too many.
    expect(await kindOf(8, {})).toBe("scale");
  });
});

describe("openProblem", () => {
  it("lowers the rank to what the inputs span, and the degree of a constant to 0", async () => {
    const twice = X.map(([a, b]) => [a, b, a + b]);
    const { problem } = await opened(twice, y, { rank: 3, degree: 2, whiten: "full" });
    expect(problem).toMatchObject({ rank: 2, degree: 2, inputs: { dim: 2, kind: "full" } });
    expect(problem.workspace.layout.shape.featureCount).toBe(6);
    const constant = await opened(X, y, { rank: 0, degree: 5 });
    expect(constant.problem).toMatchObject({ rank: 0, degree: 0 });
    expect(constant.problem.workspace.layout.shape).toMatchObject({ featureCount: 1 });
  });

  it("works on responses of variance 1 and roots of the weights", async () => {
    const weights = y.map((_, i) => (i % 3) + 1);
    const { problem } = await opened(X, y, { rank: 1, degree: 1, weights });
    expect(problem.workspace.weightSum).toBe(24);
    expect(apart(problem.workspace.rowWeights() ?? [], weights)).toBeLessThan(1e-15);
    expect((await opened(X, y, { rank: 1, degree: 1 })).problem.workspace.rowWeights()).toBeUndefined();
  });

  it("keeps X in single precision when asked to, unless nothing is projected", async () => {
    const shape = async (given: object) => (await opened(X, y, { degree: 1, ...given })).problem.workspace.layout.shape;
    expect(await shape({ rank: 1, precision: "f32" })).toHaveProperty("single", true);
    expect(await shape({ rank: 1 })).not.toHaveProperty("single");
    expect(await shape({ rank: 0, precision: "f32" })).not.toHaveProperty("single");
    // Three columns, one direction: two motions.
    expect(await shape({ rank: 1 })).toMatchObject({ complement: 2, samples: 12, columns: 3 });
  });

  it("gives its memory back when the inputs cannot be standardized", async () => {
    const options = fillOptions({ seed: 1, kernel: "reference" });
    const data = await read(X, y);
    const inputs = await mapInputs(data, options, new RunControl());
    const aborted = new RunControl({ signal: AbortSignal.abort(new Error("enough")) });
    const bad = { ...data, rows: { ...data.rows, data: data.rows.data.map((v, i) => (i === 5 ? Number.NaN : v)) } };
    await expect(openProblem(bad, inputs, 1, 1, options, aborted)).rejects.toThrow();
  });
});

describe("startsOf", () => {
  const names = async (given: object) => {
    const { problem, options } = await opened(X, y, { rank: 2, degree: 1, ...given });
    return startsOf(problem, options).starts.map(({ name }) => name);
  };

  it("are the moment starts and then as many random ones as asked for, counted from 1", async () => {
    expect(await names({})).toEqual([...MOMENT_STARTS, "random 1", "random 2"]);
    expect(await names({ restarts: 0 })).toEqual(MOMENT_STARTS);
    expect(await names({ start: "slices", restarts: 1 })).toEqual(["slices", "random 1"]);
    expect(await names({ start: "random", restarts: 2 })).toEqual(["random 1", "random 2", "random 3"]);
    expect(
      await names({
        start: [
          [1, 0],
          [0, 1],
          [0, 0],
        ],
        restarts: 1,
      }),
    ).toEqual(["given", "random 1"]);
  });

  it("every random one is another orthonormal basis", async () => {
    const { problem, options } = await opened(X, y, { rank: 2, degree: 1, start: "random", restarts: 1 });
    const [one, two] = await Promise.all(startsOf(problem, options).starts.map(({ basis }) => basis()));
    expect(apart(one, two)).toBeGreaterThan(0.1);
    expect(one).toHaveLength(6);
    expect(one.reduce((s, v) => s + v * v, 0)).toBeCloseTo(2, 12);
    const again = startsOf(problem, options).starts[0];
    expect(await again.basis()).toEqual(one);
  });

  it("a moment start is computed for the problem", async () => {
    const X = normals(300, 3, 5);
    const { problem, options } = await opened(
      X,
      X.map(([a, b]) => a - b),
      { rank: 1, degree: 1, restarts: 0 },
    );
    for (const { name, basis } of startsOf(problem, options).starts.slice(0, 2)) {
      const w = await basis();
      expect(Math.abs(w[0] - w[1]) / Math.SQRT2, name).toBeGreaterThan(0.98);
    }
  });

  it("nothing is searched when the directions are all or none", async () => {
    for (const [rank, identity] of [
      [0, []],
      [3, [1, 0, 0, 0, 1, 0, 0, 0, 1]],
    ] as const) {
      const { problem, options } = await opened(X, y, { rank, degree: 1, start: "slices" });
      const { starts, warnings } = startsOf(problem, options);
      expect(starts.map(({ name }) => name)).toEqual(["identity"]);
      expect(Array.from(await starts[0].basis())).toEqual(identity);
      expect(warnings).toEqual([]);
    }
  });

  describe("a given basis", () => {
    const given = async (start: number[][], more: object = {}) => {
      const { problem, options } = await opened(X, y, { rank: 2, degree: 1, restarts: 0, start, ...more });
      const { starts, warnings } = startsOf(problem, options);
      return { problem, basis: await starts[0].basis(), warnings };
    };

    it("is taken as it is when orthonormal", async () => {
      const { basis, warnings } = await given(
        [
          [0, 1],
          [0.6, 0],
          [0.8, 0],
        ],
        { whiten: "none" },
      );
      expect(apart(basis.map(Math.abs), [0, 1, 0.6, 0, 0.8, 0])).toBeLessThan(1e-14);
      expect(warnings).toEqual([]);
    });

    it("is orthonormalized with a warning otherwise", async () => {
      const { basis, warnings } = await given(
        [
          [1, 1],
          [0, 1],
          [0, 0],
        ],
        { whiten: "none" },
      );
      expect(apart([basis[4], basis[5]], [0, 0])).toBeLessThan(1e-15);
      expect(basis.reduce((s, v) => s + v * v, 0)).toBeCloseTo(2, 12);
      expect(warnings).toEqual([
        {
          code: "START_NOT_ORTHONORMAL",
          message: "The columns of start are not orthonormal; the fit began from an orthonormal basis of their span.",
        },
      ]);
    });

    it("must have the shape d×r and full rank", async () => {
      expect(
        await failure(
          given([
            [1, 0],
            [0, 1],
          ]),
        ),
      ).toMatchObject({
        code: "SHAPE",
        message: "start is 2×2; expected 3×2, one row per column of X and one column per direction.",
        details: { rows: 2, columns: 2, wantedRows: 3, wantedColumns: 2 },
      });
      expect(await failure(given([[1], [0], [0]]))).toMatchObject({ code: "SHAPE" });
      expect(
        await failure(
          given([
            [1, 2],
            [1, 2],
            [0, 0],
          ]),
        ),
      ).toMatchObject({
        code: "RANK",
        message: "start has 1 independent columns on these inputs; expected 2. Give a basis of full rank.",
        details: { found: 1, wanted: 2 },
      });
    });

    it("must have full rank on the inputs too", async () => {
      const twice = X.map(([a, b], i) => [a, b, 5, i]);
      const { problem, options } = await opened(twice, y, {
        ...{ rank: 2, degree: 1, restarts: 0, whiten: "scale" },
        start: [
          [1, 0],
          [0, 0],
          [0, 1],
          [0, 0],
        ],
      });
      // The third column is constant.
      expect(() => startsOf(problem, options)).toThrow(/^start has 1 independent columns on these inputs; expected 2/);
    });
  });
});
