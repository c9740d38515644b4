/** Rows 46 and 58–61 and the other faults that can be injected into a whole fit: memory, kernel calls, clock, randomness. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  configureKernel,
  type FitOptions,
  fitMultiIndex,
  KernelError,
  LeapflowError,
  MemoryError,
} from "../../src/index.js";
import { layoutOf } from "../../src/kernel/shape.js";
import { generator } from "../support/problems.js";
import { expectFinite } from "./problem.js";

const { normal } = generator(4);
const X = Array.from({ length: 24 }, () => [normal(), normal()]);
const y = X.map(([a, b]) => a + 0.3 * b + 0.1 * normal());
const OPTIONS: FitOptions = { rank: 1, degree: 1, seed: 2, restarts: 0, maxIterations: 2, kernel: "wasm" };
const bitsOf = async (options: FitOptions = OPTIONS): Promise<number[]> => {
  const fit = await fitMultiIndex(X, y, options);
  expectFinite(fit.history);
  return [...fit.history.loss, ...fit.model.basis.to1DArray(), ...fit.model.predict(X)];
};
const failureOf = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => error,
  );

// Every test starts from an instance of its own.
beforeEach(() => configureKernel(undefined));
afterEach(() => {
  vi.restoreAllMocks();
  configureKernel(undefined);
});

test("row 46: of a Gram matrix one triangle is stored, so none can be asymmetric", () => {
  const [p, derivativeCount] = [15, 10];
  const shape = { samples: 100, columns: 6, rank: 2, degree: 4, featureCount: p, derivativeCount };
  expect(layoutOf(shape).packedCount).toBe((p * (p + 1)) / 2);
});

test("row 58: nothing is compiled synchronously, which a browser's main thread would refuse", async () => {
  const expected = await bitsOf();
  configureKernel(undefined);
  const { Module } = WebAssembly;
  const refused = vi.fn();
  const guarded = new Proxy(Module, {
    construct() {
      refused();
      throw new RangeError(
        "WebAssembly.Module is disallowed on the main thread, if the buffer size is larger than 8MB",
      );
    },
  });
  vi.spyOn(WebAssembly, "Module", "get" as never).mockReturnValue(guarded as never);
  expect(await bitsOf()).toEqual(expected);
  expect(refused).not.toHaveBeenCalled();
});

describe("row 59: the n-th growth of memory fails, for every n", () => {
  // Large enough to grow the memory of a fresh instance several times.
  const rows = Array.from({ length: 6000 }, () => Array.from({ length: 12 }, normal));
  const response = rows.map(([a, b]) => a + a * b);
  const options: FitOptions = { ...OPTIONS, rank: 2, degree: 4, whiten: "full", start: "spectral" };
  const large = async (): Promise<number[]> => [...(await fitMultiIndex(rows, response, options)).history.loss];

  test.each([false, true])("row 59: in a whole fit, from then on: %s", async (lasting) => {
    const small = await bitsOf();
    configureKernel(undefined);
    const expected = await large();
    let failures = 0;
    for (let n = 1; ; n++) {
      configureKernel(undefined);
      const { grow } = WebAssembly.Memory.prototype;
      let calls = 0;
      const spy = vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(function (
        this: WebAssembly.Memory,
        pages,
      ) {
        calls++;
        if (lasting ? calls >= n : calls === n)
          throw new RangeError("WebAssembly.Memory.grow(): Maximum memory size exceeded");
        return grow.call(this, pages);
      });
      const error = await failureOf(large());
      if (error !== undefined) {
        failures++;
        expect(error).toBeInstanceOf(MemoryError);
        expect(error).toMatchObject({ code: "OUT_OF_MEMORY" });
      }
      spy.mockRestore();
      // The engine stays usable: a smaller fit at once, and the large one when there is memory again.
      expect(await bitsOf()).toEqual(small);
      if (calls < n) break;
      expect(error).toBeDefined();
      expect(await large()).toEqual(expected);
    }
    expect(failures).toBeGreaterThan(0);
  });
});

/** An instance whose kernel calls pass through `visit`, which may throw or give another result. */
function intercept(visit: (name: string, run: () => unknown) => unknown): void {
  const { Instance } = WebAssembly;
  vi.spyOn(WebAssembly, "Instance", "get" as never).mockReturnValue(
    new Proxy(Instance, {
      construct(target, args) {
        const { exports } = Reflect.construct(target, args) as WebAssembly.Instance;
        const own = ["memory", "abiVersion", "heapBase", "blockRows"];
        const wrapped = Object.fromEntries(
          Object.entries(exports).map(([name, value]) =>
            typeof value !== "function" || own.includes(name)
              ? [name, value]
              : [name, sameArity(value, (...numbers: unknown[]) => visit(name, () => value(...numbers)))],
          ),
        );
        return { exports: wrapped };
      },
    }) as never,
  );
}

/** Operations are called with as many numbers as they declare. */
const sameArity = (model: { readonly length: number }, f: (...numbers: unknown[]) => unknown) =>
  Object.defineProperty(f, "length", { value: model.length });

describe("row 61: kernel calls that fail, for every call", () => {
  test("row 61: a trap in call k is a TRAP with the operation's name, and the next fit is right", async () => {
    const expected = await bitsOf();
    const names = new Set<string>();
    let k = 1;
    for (; ; k++) {
      configureKernel(undefined);
      let calls = 0;
      let trapped: string | undefined;
      intercept((name, run) => {
        if (++calls !== k) return run();
        trapped = name;
        throw new WebAssembly.RuntimeError("unreachable");
      });
      const error = await failureOf(bitsOf());
      if (trapped === undefined) {
        expect(error).toBeUndefined();
        break;
      }
      names.add(trapped);
      expect(error).toBeInstanceOf(KernelError);
      expect(error).toMatchObject({ code: "TRAP", details: { operation: trapped } });
      expect((error as Error).message).toContain(trapped);
      // On the same engine, whose instance was replaced.
      expect(await bitsOf()).toEqual(expected);
      vi.restoreAllMocks();
    }
    expect(k).toBeGreaterThan(20);
    expect(names.size).toBeGreaterThan(5);
  }, 120_000);

  test("row 45: a failed factor in call k never becomes a wrong result", async () => {
    const expected = await bitsOf();
    let k = 1;
    for (; ; k++) {
      configureKernel(undefined);
      let calls = 0;
      intercept((name, run) => {
        const status = run();
        // The pivot of the first column, as a kernel reports a matrix that is not positive.
        return name === "choleskyFactor" && ++calls === k ? 1 : status;
      });
      const error = await failureOf(bitsOf());
      if (error !== undefined) expect(error).toBeInstanceOf(LeapflowError);
      vi.restoreAllMocks();
      configureKernel(undefined);
      expect(await bitsOf()).toEqual(expected);
      if (calls < k) break;
    }
    expect(k).toBeGreaterThan(1);
  });
});

describe("a clock that misbehaves", () => {
  test.each([
    ["stands still", () => 5],
    ["runs backwards", (i: number) => 1e6 - i],
    ["leaps", (i: number) => (i % 2) * 1e9],
  ])("one that %s changes no bit of a fit without a deadline", async (_, clock) => {
    const expected = await bitsOf();
    let reads = 0;
    vi.spyOn(performance, "now").mockImplementation(() => clock(reads++));
    expect(await bitsOf()).toEqual(expected);
  });

  test("one that leaps past the deadline stops the fit with that reason", async () => {
    let reads = 0;
    vi.spyOn(performance, "now").mockImplementation(() => 1e6 * reads++);
    const fit = await fitMultiIndex(X, y, { ...OPTIONS, degree: 3, maxIterations: 100, tolerance: 0, deadlineMs: 10 });
    expect(fit.stop.reason).toBe("deadline");
    expectFinite(fit.model.toJSON());
  });
});

describe("randomness that misbehaves", () => {
  test("row 35: with a seed no other source is read", async () => {
    const expected = await bitsOf({ ...OPTIONS, start: "random", restarts: 2 });
    const broken = (): never => {
      throw new Error("no entropy");
    };
    vi.spyOn(Math, "random").mockImplementation(broken);
    vi.spyOn(crypto, "getRandomValues").mockImplementation(broken);
    expect(await bitsOf({ ...OPTIONS, start: "random", restarts: 2 })).toEqual(expected);
  });

  test("row 35: a source that gives the same word for ever still gives a seed that repeats the run", async () => {
    vi.spyOn(crypto, "getRandomValues").mockImplementation((words) => words);
    const { seed: _, ...seedless } = OPTIONS;
    const first = await fitMultiIndex(X, y, { ...seedless, start: "random" });
    expect(Number.isSafeInteger(first.seed)).toBe(true);
    expect([...(await fitMultiIndex(X, y, { ...seedless, start: "random" })).history.loss]).toEqual([
      ...first.history.loss,
    ]);
  });
});
