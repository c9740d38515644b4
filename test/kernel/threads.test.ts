/** Threads: the same bits for every number of them, aborts, lost threads, and a pool that lets the process end. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configureThreads, type Fit, type FitOptions, fitMultiIndex, KernelError } from "../../src/index.js";
import { profiledLoss } from "../../src/theory/index.js";
import { generator } from "../support/problems.js";

const entry = new URL("../../dist/kernel/threadEntry.js", import.meta.url);
const workers: Worker[] = [];
const source = {
  worker: () => {
    const worker = new Worker(entry);
    workers.push(worker);
    return worker;
  },
};

function problem(n: number, d: number, buffer: ArrayBufferLike = new ArrayBuffer(8 * n * d)) {
  const { normal } = generator(n + d);
  const data = new Float64Array(buffer).map(normal);
  const X = { data: new Float64Array(buffer), rows: n, columns: d };
  X.data.set(data);
  const y = Float64Array.from({ length: n }, (_, i) => data[i * d] * (1 + data[i * d + 1]) + 0.1 * normal());
  return { X, y };
}

const bitsOf = (fit: Fit): number[] => [
  ...fit.model.basis.to1DArray(),
  ...fit.model.link.coefficients,
  ...fit.history.loss,
  ...fit.history.gradientNorm,
  ...fit.model.importance(),
  fit.diagnostics.condition,
];

describe("threads", () => {
  beforeAll(() => configureThreads(source));
  afterAll(async () => {
    configureThreads(undefined);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  const cases: [string, number, FitOptions][] = [
    ["rank and degree given", 300, { rank: 2, degree: 4 }],
    ["weighted rows", 3200, { rank: 2, degree: 3, weights: Array.from({ length: 3200 }, (_, i) => i % 3) }],
    ["another method, the reference kernel", 700, { rank: 1, degree: 3, method: "lbfgs", kernel: "reference" }],
    ["starts compared on a batch", 16_000, { rank: 2, degree: 3 }],
    ["rank and degree searched for", 400, {}],
  ];
  it.each(cases)("same bits: %s, %i rows", async (_, n, options) => {
    const { X, y } = problem(n, 6);
    const run = (threads: number): Promise<Fit> =>
      fitMultiIndex(X, y, { seed: 3, restarts: 1, maxIterations: 8, ...options, threads });
    const alone = await run(1);
    expect(alone.kernel.threads).toBe(1);
    expect(alone.diagnostics.selection.batches).toEqual(n < 16_000 ? [] : [4000]);
    for (const threads of [2, 3]) {
      const fit = await run(threads);
      expect(fit.kernel.threads).toBe(Math.min(threads, n < 3072 ? 2 : 4));
      expect(fit.kernel.reason).toBeUndefined();
      const [a, b] = [bitsOf(alone), bitsOf(fit)];
      expect(b.length).toBe(a.length);
      expect(b.findIndex((v, k) => !Object.is(v, a[k]))).toBe(-1);
    }
  });

  it("reads X from shared memory without touching it", async () => {
    const { X, y } = problem(1000, 4, new SharedArrayBuffer(8 * 4000));
    const before = X.data.slice();
    const W = [
      [1, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ];
    const [one, two] = [1, 2].map((threads) => profiledLoss(X, y, W, { degree: 4, penalty: 1e-3, threads }));
    expect(Object.is((await one).loss, (await two).loss)).toBe(true);
    expect(Array.from((await two).gradient.to1DArray())).toEqual(Array.from((await one).gradient.to1DArray()));
    expect([(await one).kernel.threads, (await two).kernel.threads]).toEqual([1, 2]);
    expect(Array.from(X.data)).toEqual(Array.from(before));
  });

  it('"auto" leaves a small problem alone', async () => {
    const { X, y } = problem(300, 3);
    const fit = await fitMultiIndex(X, y, { rank: 1, degree: 2, threads: "auto", seed: 1 });
    expect(fit.kernel.threads).toBe(1);
    expect(fit.kernel.reason).toBeUndefined();
  });

  it("many fits at once keep apart", async () => {
    const sizes = [300, 500, 800];
    const fits = sizes.map((n) => {
      const { X, y } = problem(n, 5);
      const options = { rank: 1, degree: 3, seed: 2, restarts: 0 };
      return Promise.all([1, 2].map((threads) => fitMultiIndex(X, y, { ...options, threads })));
    });
    for (const [one, two] of await Promise.all(fits)) expect(bitsOf(two)).toEqual(bitsOf(one));
  });

  it("an abort rejects with the signal's own reason, and the threads serve the next fit", async () => {
    const { X, y } = problem(6000, 20);
    const control = new AbortController();
    const reason = new Error("enough");
    let seen = 0;
    const run = fitMultiIndex(X, y, {
      rank: 3,
      degree: 4,
      restarts: 30,
      threads: 2,
      signal: control.signal,
      onProgress: () => {
        if (++seen === 2) setTimeout(() => control.abort(reason), 5);
      },
    });
    await expect(run).rejects.toBe(reason);
    const next = problem(300, 3);
    expect((await fitMultiIndex(next.X, next.y, { rank: 1, degree: 2, threads: 2 })).kernel.threads).toBe(2);
  });

  it("a thread that dies ends the fit with WORKER_LOST, and the next fit has a new one", async () => {
    const { X, y } = problem(6000, 20);
    let killed = false;
    const run = fitMultiIndex(X, y, {
      rank: 3,
      degree: 4,
      restarts: 30,
      threads: 2,
      onProgress: () => {
        if (!killed) for (const worker of workers) worker.terminate();
        killed = true;
      },
    });
    const error = await run.then(
      () => undefined,
      (e) => e,
    );
    expect(error).toBeInstanceOf(KernelError);
    expect(error.code).toBe("WORKER_LOST");
    const next = problem(300, 3);
    expect((await fitMultiIndex(next.X, next.y, { rank: 1, degree: 2, threads: 2 })).kernel.threads).toBe(2);
  });
});

describe("without a thread file", () => {
  it("runs one thread and says why", async () => {
    // The sources are not what a worker could run.
    configureThreads(undefined);
    const { X, y } = problem(300, 3);
    const fit = await fitMultiIndex(X, y, { rank: 1, degree: 2, threads: 2, seed: 1 });
    expect(fit.kernel.threads).toBe(1);
    expect(fit.kernel.reason).toMatch(/configureThreads/);
    expect(fit.diagnostics.warnings.map(({ code }) => code)).toContain("ONE_THREAD");
  });
});

describe("the pool", () => {
  it("does not keep a process alive", async () => {
    const program = `
      import { fitMultiIndex } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      const X = Array.from({ length: 400 }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
      const fit = await fitMultiIndex(X, X.map(([a, b]) => a * b), { rank: 1, degree: 2, threads: 2, seed: 1 });
      console.log(fit.kernel.threads);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      timeout: 20_000,
      cwd: fileURLToPath(new URL(".", import.meta.url)),
    });
    expect(stdout.trim()).toBe("2");
  });
});
