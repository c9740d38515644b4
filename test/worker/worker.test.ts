/** Fits in workers of Node, from the built package: same bits, several at once, aborts, workers that die. */
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fit, type FitOptions, fitMultiIndex, KernelError } from "../../src/index.js";
import { fitInWorker } from "../../src/worker/index.js";
import { generator } from "../support/problems.js";

const served = (entry: string): Worker => {
  const url = new URL(`../../dist/${entry}`, import.meta.url).href;
  return new Worker(`import(${JSON.stringify(url)}).then(({ serveFits }) => serveFits());`, { eval: true });
};
const bitsOf = (fit: Fit): number[] => [...fit.model.basis.to1DArray(), ...fit.history.loss, ...fit.model.importance()];

function problem(n: number, d: number, seed: number) {
  const { normal } = generator(seed);
  const data = Float64Array.from({ length: n * d }, normal);
  const y = Float64Array.from({ length: n }, (_, i) => data[i * d] * (1 + data[i * d + 1]) + 0.1 * normal());
  return { X: { data, rows: n, columns: d }, y };
}

describe("a worker", () => {
  let worker: Worker;
  beforeAll(() => {
    worker = served("worker/index.js");
  });
  afterAll(() => worker.terminate());

  it("gives the bits of a fit here, for several fits at once", async () => {
    const options: FitOptions = { degree: 3, rank: 1, restarts: 1, seed: 3 };
    const problems = [1, 2, 3].map((seed) => problem(200 + 100 * seed, 4, seed));
    const there = await Promise.all(problems.map(({ X, y }) => fitInWorker(worker, X, y, options)));
    for (const [k, { X, y }] of problems.entries()) {
      expect(X.data.length).toBe(X.rows * X.columns);
      expect(bitsOf(there[k])).toEqual(bitsOf(await fitMultiIndex(X, y, options)));
    }
  });

  it("has threads of its own", async () => {
    const { X, y } = problem(500, 4, 9);
    const options = { degree: 3, rank: 1, restarts: 0, seed: 3 };
    const fit = await fitInWorker(worker, X, y, { ...options, threads: 2 });
    expect(fit.kernel.threads).toBe(2);
    expect(bitsOf(fit)).toEqual(bitsOf(await fitMultiIndex(X, y, options)));
  });

  it("ends an aborted fit and goes on with the next", async () => {
    const { X, y } = problem(4000, 20, 4);
    const control = new AbortController();
    const reason = new Error("enough");
    const run = fitInWorker(worker, X, y, { rank: 3, degree: 5, restarts: 1000, signal: control.signal });
    setTimeout(() => control.abort(reason), 100);
    await expect(run).rejects.toBe(reason);
    const small = problem(100, 3, 5);
    const next = await fitInWorker(worker, small.X, small.y, { rank: 1, degree: 2, seed: 1 });
    expect(next.samples).toBe(100);
  });

  it("row 63: that dies rejects every fit in it", async () => {
    const other = served("worker/index.js");
    const { X, y } = problem(4000, 20, 4);
    const runs = [1, 2].map((seed) =>
      fitInWorker(other, X, y, {
        rank: 3,
        degree: 5,
        restarts: 1000,
        seed,
        onProgress: () => void other.terminate(),
      }).then(
        () => undefined,
        (error) => error,
      ),
    );
    for (const error of await Promise.all(runs)) {
      expect(error).toBeInstanceOf(KernelError);
      expect(error.code).toBe("WORKER_LOST");
    }
  });
});
