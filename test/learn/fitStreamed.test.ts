/** Tables larger than memory: the optimum of all rows from a sample and a few passes. */
import { describe, expect, it } from "vitest";
import {
  fitMultiIndex,
  fitStreamed,
  type RowSource,
  rowsInBlocks,
  type StreamedProgress,
  subspaceDistance,
} from "../../src/index.js";
import { sample } from "../support/problems.js";

const N = 40_000;
const { X, y } = sample(([a, b]) => a + a * b, 2, N, 6, 0.3, 21);
const table = new Float64Array(N * 7);
for (let i = 0; i < N; i++) {
  table.set(X.data.subarray(i * 6, (i + 1) * 6), i * 7);
  table[i * 7 + 6] = y[i];
}
const names = ["a", "b", "c", "d", "e", "f", "y"];
const source = (data = table): RowSource => rowsInBlocks({ data, rows: data.length / 7, columns: 7, names }, 1000);
const options = { target: "y", rank: 2, degree: 3, seed: 4, whiten: "scale", ridge: 1e-6 } as const;
/** Room for some 2700 rows. */
const memoryBytes = 1_650_000;

describe("fitStreamed", () => {
  it("finds the optimum of all rows with memory for a part of them", async () => {
    const seen: StreamedProgress[] = [];
    const fit = await fitStreamed(source(), { ...options, memoryBytes, onRows: (progress) => seen.push(progress) });
    expect(fit.sampled).toBeLessThan(3000);
    expect(fit.samples).toBe(N);
    expect(fit.stop.converged).toBe(true);
    expect(fit.passes).toBeLessThan(20);
    const { target, ...rest } = options;
    const whole = await fitMultiIndex(X, y, { ...rest, tolerance: 1e-8 });
    // The units of the sample's scaling move the ridge in its last digits, and nothing else.
    expect(subspaceDistance(fit.model.basis, whole.model.basis)).toBeLessThan(1e-4);
    expect(Math.abs(fit.r2Train - whole.r2Train)).toBeLessThan(1e-7);
    expect(fit.model.score(X, y)).toBeCloseTo(fit.r2Train, 6);
    expect(seen.at(-1)).toMatchObject({ rows: N, total: N, pass: fit.passes, secondsLeft: 0 });
    expect(fit.model.columns).toEqual(names.slice(0, 6));
  });

  it("gives the same bits again, and chooses rank and degree by itself", async () => {
    const free = { target: 6, seed: 1, memoryBytes, restarts: 0 };
    const [one, two] = [await fitStreamed(source(), free), await fitStreamed(source(), free)];
    expect(JSON.stringify(one.model)).toBe(JSON.stringify(two.model));
    expect(one.model.rank).toBe(2);
    expect(one.r2Train).toBeGreaterThan(0.9);
  });

  it("is the fit in memory when all rows fit into it", async () => {
    const small = table.slice(0, 7 * 800);
    const streamed = await fitStreamed(source(small), options);
    const { target, ...rest } = options;
    const direct = await fitMultiIndex(
      { data: X.data.slice(0, 4800), rows: 800, columns: 6, names: names.slice(0, 6) },
      y.slice(0, 800),
      rest,
    );
    expect(JSON.stringify(streamed.model)).toBe(JSON.stringify(direct.model));
    expect(streamed.passes).toBe(1);
  });

  it("row 27: notices rows that change between passes", async () => {
    const data = table.slice();
    let passes = 0;
    const restless: RowSource = {
      columns: 7,
      names,
      async *[Symbol.asyncIterator]() {
        if (++passes === 3) data[7 * 30_000] += 1e-9;
        yield* rowsInBlocks({ data, rows: N, columns: 7 }, 5000) as AsyncIterable<never>;
      },
    };
    await expect(fitStreamed(restless, { ...options, memoryBytes })).rejects.toMatchObject({ code: "CHANGED" });
  });

  it("row 5: names row and column of what is not finite; row 40: an abort ends it", async () => {
    const data = table.slice();
    data[7 * 12_345 + 2] = Number.NaN;
    await expect(fitStreamed(source(data), { ...options, memoryBytes })).rejects.toMatchObject({
      code: "NOT_FINITE",
      message: expect.stringMatching(/row 12345 .* c;/),
    });
    const controller = new AbortController();
    const stopped = fitStreamed(source(), {
      ...options,
      memoryBytes,
      signal: controller.signal,
      onRows: ({ pass }) => pass === 3 && controller.abort("enough"),
    });
    await expect(stopped).rejects.toBe("enough");
    await expect(fitStreamed(source(), { ...options, target: "nowhere" })).rejects.toMatchObject({ code: "UNKNOWN" });
  });
});
