/** Memory does not grow with the number of fits, finished or abandoned. */
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { createRng } from "../src/base/rng.js";
import { type FitOptions, fitMultiIndex } from "../src/index.js";
import { loadedMachine } from "../src/kernel/select.js";

const rng = createRng(11, "memory");
const X = Array.from({ length: 30 }, () => [rng.normal(), rng.normal(), rng.normal()]);
const y = X.map(([a, b]) => a - b + (a + b) ** 2 / 2 + 0.1 * rng.normal());
const OPTIONS = { rank: 1, degree: 2, seed: 5, restarts: 0, ridge: 1e-3, kernel: "wasm" } as const satisfies FitOptions;
const MEGABYTE = 2 ** 20;

setFlagsFromString("--expose-gc");
const collectNow = runInNewContext("gc") as () => void;

/** Bytes outside the heap of objects, after a collection. Buffers are freed a task later than their owners. */
async function outsideBytes(): Promise<number> {
  for (let pass = 0; pass < 3; pass++) {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // `external` includes `arrayBuffers`.
  return process.memoryUsage().external;
}

const predictions = async (options: FitOptions = OPTIONS): Promise<number[]> =>
  Array.from((await fitMultiIndex(X, y, options)).model.predict(X));

describe("row 64: finished fits", () => {
  test("200 in a row leave the shared memory at its size after the first", async () => {
    const expected = await predictions();
    const machine = loadedMachine();
    const bytes = machine?.f64.byteLength;
    expect(bytes).toBeGreaterThan(0);
    const before = await outsideBytes();
    for (let i = 1; i < 200; i++) {
      // Other seeds, so that not every run is the same; every tenth one again.
      const again = await predictions(i % 10 === 0 ? OPTIONS : { ...OPTIONS, seed: i, restarts: i % 3 });
      if (i % 10 === 0) expect(again).toEqual(expected);
      expect(loadedMachine()?.f64.byteLength).toBe(bytes);
    }
    expect(loadedMachine()).toBe(machine);
    expect((await outsideBytes()) - before).toBeLessThan(2 * MEGABYTE);
  });

  test("so do fits that fail", async () => {
    await predictions();
    const bytes = loadedMachine()?.f64.byteLength;
    const controller = new AbortController();
    for (let i = 0; i < 200; i++) {
      const reason = new Error("enough");
      const onProgress = (): never => {
        throw reason;
      };
      const failure = await fitMultiIndex(X, y, { ...OPTIONS, onProgress, signal: controller.signal }).catch((e) => e);
      expect(failure).toMatchObject({ code: "CALLBACK", cause: reason });
    }
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(loadedMachine()?.f64.byteLength).toBe(bytes);
  });

  test("the reference kernel gives its memory back", async () => {
    const options = { ...OPTIONS, kernel: "reference" } as const;
    const expected = await predictions(options);
    const before = await outsideBytes();
    for (let i = 0; i < 200; i++) await predictions(options);
    expect((await outsideBytes()) - before).toBeLessThan(2 * MEGABYTE);
    expect(await predictions(options)).toEqual(expected);
  });
});

describe.each(["wasm", "reference"] as const)("10 000 abandoned fits on the %s kernel", (kernel) => {
  test("are garbage; a later fit is as ever", async () => {
    const options = { ...OPTIONS, kernel };
    const expected = await predictions(options);
    const bytes = loadedMachine()?.f64.byteLength;
    const { signal } = new AbortController();
    const before = await outsideBytes();
    const started = process.memoryUsage();
    let most = 0;
    for (let i = 0; i < 10_000; i++) {
      const steps = fitMultiIndex.steps(X, y, { ...options, seed: i, signal });
      expect((await steps.next()).done).toBe(false);
      if (i % 2 === 1) await steps.next();
      // No return(): the iterator is dropped half-way.
      if (i % 100 === 0) most = Math.max(most, process.memoryUsage().external - started.external);
    }
    // On the way, before any collection that a test asks for.
    expect(most).toBeLessThan(200 * MEGABYTE);
    expect((await outsideBytes()) - before).toBeLessThan(10 * MEGABYTE);
    expect(loadedMachine()?.f64.byteLength).toBe(bytes);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(await predictions(options)).toEqual(expected);
  });
});

test("fits that are held half-way keep their own state while others run", async () => {
  const expected: number[][] = [];
  for (let seed = 0; seed < 40; seed++) expected.push(await predictions({ ...OPTIONS, seed, start: "random" }));
  const bytes = loadedMachine()?.f64.byteLength;
  const open = expected.map((_, seed) => fitMultiIndex.steps(X, y, { ...OPTIONS, seed, start: "random" }));
  const results: number[][] = [];
  // Round robin: every fit finds the memory in the hands of another one.
  for (let left = open.length; left > 0; ) {
    for (const [seed, steps] of open.entries()) {
      if (results[seed]) continue;
      const { done, value } = await steps.next();
      if (!done) continue;
      results[seed] = Array.from(value.model.predict(X));
      left--;
    }
  }
  expect(results).toEqual(expected);
  expect(loadedMachine()?.f64.byteLength).toBe(bytes);
});
