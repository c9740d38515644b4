/** What must not matter to a fit: order of rows, scale and sign of columns, rotation of the inputs, sign and unit of y. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FitOptions, fitMultiIndex } from "../../src/index.js";
import { generator, sample } from "../support/problems.js";

const [N, D] = [240, 5];
const { X, y } = sample(([a, b]) => a + 0.5 * a * b, 2, N, D, 0.1, 12);
const base: FitOptions = { rank: 2, degree: 2, seed: 3, restarts: 0, ridge: 1e-6, tolerance: 1e-10 };
const seeds = fc.integer({ min: 1, max: 1e6 });
const some = { numRuns: 6 };

/** Predictions at their own rows of a fit of changed data. */
async function predictions(data: Float64Array, target: ArrayLike<number>, options: FitOptions): Promise<Float64Array> {
  const rows = { data, rows: N, columns: D };
  const { model, stop } = await fitMultiIndex(rows, Float64Array.from(target), options);
  expect(stop.converged).toBe(true);
  return model.predict(rows);
}
const original = (options: FitOptions) => predictions(Float64Array.from(X.data), y, options);
const eachRow = (change: (row: Float64Array) => ArrayLike<number>): Float64Array =>
  Float64Array.from(
    Array.from({ length: N }, (_, i) =>
      Array.from(change(Float64Array.from(X.data.subarray(i * D, (i + 1) * D)))),
    ).flat(),
  );
function expectSame(a: Float64Array, b: ArrayLike<number>, tolerance: number): void {
  for (let i = 0; i < N; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(tolerance);
}

/** An orthogonal D×D matrix: Gram and Schmidt on normals. */
function rotation(seed: number): number[][] {
  const { normal } = generator(seed);
  const rows: number[][] = [];
  for (let k = 0; k < D; k++) {
    let v = Array.from({ length: D }, normal);
    for (let pass = 0; pass < 2; pass++) {
      for (const q of rows) {
        const c = q.reduce((sum, x, j) => sum + x * v[j], 0);
        v = v.map((x, j) => x - c * q[j]);
      }
    }
    const size = Math.hypot(...v);
    rows.push(v.map((x) => x / size));
  }
  return rows;
}

describe.each(["none", "scale", "full"] as const)("whiten %s", (whiten) => {
  const options = { ...base, whiten };

  it("the order of the rows", async () => {
    const before = await original(options);
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { uniform } = generator(seed);
        const keys = Array.from({ length: N }, uniform);
        const order = Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
        const data = Float64Array.from(order.flatMap((i) => Array.from(X.data.subarray(i * D, (i + 1) * D))));
        const after = await predictions(
          data,
          order.map((i) => y[i]),
          options,
        );
        expectSame(
          after,
          order.map((i) => before[i]),
          1e-7,
        );
      }),
      some,
    );
  });

  it("signs of columns, and the sign and unit of y", async () => {
    const before = await original(options);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(1, -1), { minLength: D, maxLength: D }),
        fc.constantFrom(-1, 1e-6, -1e9),
        async (signs, unit) => {
          const after = await predictions(
            eachRow((row) => row.map((v, j) => signs[j] * v)),
            Float64Array.from(y, (v) => unit * v),
            options,
          );
          expectSame(
            after.map((v) => v / unit),
            before,
            1e-7,
          );
        },
      ),
      some,
    );
  });
});

it.each(["none", "full"] as const)("whiten %s: a rotation of the inputs", async (whiten) => {
  const options = { ...base, whiten };
  const before = await original(options);
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const Q = rotation(seed);
      const turned = eachRow((row) => Q.map((q) => q.reduce((sum, c, j) => sum + c * row[j], 0)));
      expectSame(await predictions(turned, y, options), before, 1e-6);
    }),
    some,
  );
});

it.each(["scale", "full"] as const)("whiten %s: units and origins of the columns", async (whiten) => {
  const options = { ...base, whiten };
  const before = await original(options);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.double({ min: -2, max: 2, noNaN: true })), {
        minLength: D,
        maxLength: D,
      }),
      async (units) => {
        const moved = eachRow((row) => row.map((v, j) => 10 ** units[j][0] * (v + units[j][1])));
        expectSame(await predictions(moved, y, options), before, 1e-6);
      },
    ),
    some,
  );
});
