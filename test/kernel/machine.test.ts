/** Machines and the workspaces that take turns in them: growth failures, traps, switching, release. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { KernelError, MemoryError } from "../../src/base/errors.js";
import { acquireTenant, type Machine, SHARED_LIMIT_BYTES, type Tenant } from "../../src/kernel/machine.js";
import { loadedMachine, loadKernel, referenceMachine } from "../../src/kernel/select.js";
import { createReferenceMachine, soleTenant, Tenancy } from "../../src/kernel/tenancy.js";
import { createWasmMachine, type MemoryLike } from "../../src/kernel/wasm.js";
import { wasmModule as module, numbers } from "./harness.js";

const REPORT = { name: "wasm", simd: true } as const;
const MIB = 2 ** 20;

/** A memory whose growth number k fails, or every one from k on. Counts in `grown`. */
function failingMemory(k: number, forGood: boolean) {
  const state = { grown: 0 };
  const wrapMemory = (memory: MemoryLike): MemoryLike => ({
    get buffer() {
      return memory.buffer;
    },
    grow(pages) {
      state.grown++;
      if (state.grown === k || (forGood && state.grown > k)) throw new RangeError("WebAssembly.Memory.grow(): failed");
      return memory.grow(pages);
    },
  });
  return { state, wrapMemory };
}

/** Writes n numbers and returns their sum of squares, computed by the machine. */
function sumOfSquares(machine: Machine, n: number): number {
  machine.f64.fill(2, machine.base / 8, machine.base / 8 + n);
  return machine.ops.dot(machine.base, machine.base, n);
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function expectOutOfMemory(error: unknown): void {
  expect(error).toBeInstanceOf(MemoryError);
  const { code, details } = error as MemoryError;
  expect(code).toBe("OUT_OF_MEMORY");
  expect(details.wanted).toBeGreaterThan(0);
  expect(details.allowed).toBeGreaterThanOrEqual(0);
  expect(details.allowed).toBeLessThan(details.wanted as number);
}

describe("reserve", () => {
  it.each([
    ["wasm", () => createWasmMachine({ module })],
    ["reference", createReferenceMachine],
  ] as const)("%s: grows, keeps the contents and renews the views", (_, create) => {
    const machine = create();
    expect(machine.base % 64).toBe(0);
    machine.reserve(1000);
    machine.f64[machine.base / 8] = 42;
    const old = machine.f64;
    machine.reserve(3 * MIB + 3);
    expect(machine.f64 === old).toBe(false);
    expect(machine.f64[machine.base / 8]).toBe(42);
    expect(machine.f64.byteLength).toBeGreaterThanOrEqual(machine.base + 3 * MIB + 3);
    expect(machine.i32.buffer).toBe(machine.f64.buffer);
    const size = machine.f64.byteLength;
    machine.reserve(MIB);
    expect(machine.f64.byteLength).toBe(size);
    const error = thrownBy(() => machine.reserve(machine.limitBytes + 1));
    expectOutOfMemory(error);
    expect(sumOfSquares(machine, 1000)).toBe(4000);
  });

  it("computes above 2 GiB, where addresses are negative as signed numbers", () => {
    const machine = createWasmMachine({ module, bytes: 2 ** 31 + 2 * MIB });
    const at = 2 ** 31 + MIB;
    machine.f64.fill(3, at / 8, at / 8 + 96 * 8);
    expect(machine.ops.dot(at, at, 100)).toBe(900);
    machine.f64.fill(0, at / 8 + 800, at / 8 + 810);
    machine.ops.accumulateGram(at, 4, at + 6400);
    expect([...machine.f64.subarray(at / 8 + 800, at / 8 + 810)]).toEqual(Array(10).fill(864));
  });

  it("reports an engine that has no room for another array", () => {
    const machine = createReferenceMachine();
    const original = globalThis.Float64Array;
    globalThis.Float64Array = class {
      constructor() {
        throw new RangeError("Array buffer allocation failed");
      }
    } as unknown as Float64ArrayConstructor;
    try {
      expectOutOfMemory(thrownBy(() => machine.reserve(1000)));
    } finally {
      globalThis.Float64Array = original;
    }
    machine.reserve(1000);
    expect(sumOfSquares(machine, 100)).toBe(400);
  });
});

describe("row 59: growth that fails", () => {
  /** Three tenants of growing size that take turns; returns what they computed. */
  const scenario = (tenancy: Tenancy): number[] => {
    const sizes = [MIB, 3 * MIB, 7 * MIB];
    const tenants = sizes.map((bytes) => tenancy.admit(bytes, REPORT));
    const results = tenants.map((tenant, i) => sumOfSquares(tenant.enter(), 1000 * (i + 1)));
    const again = tenants.map((tenant, i) => {
      const machine = tenant.enter();
      return machine.ops.dot(machine.base, machine.base, 1000 * (i + 1));
    });
    for (const tenant of tenants) tenant.release();
    return [...results, ...again];
  };
  const expected = [4000, 8000, 12000, 4000, 8000, 12000];

  it.each([false, true])("at every call in turn, for good: %s", (forGood) => {
    let failures = 0;
    for (let k = 1; ; k++) {
      const { state, wrapMemory } = failingMemory(k, forGood);
      const tenancy = new Tenancy(() => createWasmMachine({ module, wrapMemory }));
      let results: number[] | undefined;
      try {
        results = scenario(tenancy);
      } catch (error) {
        expectOutOfMemory(error);
        failures++;
        // what was granted before still works, and so does everything once memory is back
        const small = tenancy.admit(1000, REPORT);
        expect(sumOfSquares(small.enter(), 100)).toBe(400);
        if (!forGood) expect(scenario(tenancy)).toEqual(expected);
        continue;
      }
      expect(results).toEqual(expected);
      expect(state.grown).toBeLessThan(k);
      break;
    }
    expect(failures).toBe(3);
  });

  it("at once: a tenant of its own machine", () => {
    const { wrapMemory } = failingMemory(1, true);
    const machine = createWasmMachine({ module, wrapMemory });
    expectOutOfMemory(thrownBy(() => soleTenant(machine, 100 * MIB, REPORT)));
    expect(() => createWasmMachine({ module, bytes: MIB, wrapMemory: failingMemory(1, true).wrapMemory })).toThrow(
      MemoryError,
    );
  });

  it("through the public door: more than an address can reach", async () => {
    for (const choice of ["wasm", "reference"] as const) {
      expectOutOfMemory(await acquireTenant(choice, 2 ** 33).catch((error: unknown) => error));
    }
  });
});

describe("rows 60 and 64: tenants", () => {
  const choices = ["wasm", "reference"] as const;

  it.each(choices)("%s: start as zeros, whoever was there before", async (choice) => {
    const first = await acquireTenant(choice, 10_000);
    const dirty = first.enter();
    dirty.f64.fill(7, dirty.base / 8, dirty.base / 8 + 1250);
    first.release();
    const second = await acquireTenant(choice, 10_000);
    const clean = second.enter();
    expect(clean.f64.subarray(clean.base / 8, clean.base / 8 + 1250).every((v) => Object.is(v, 0))).toBe(true);
    second.release();
  });

  /** A chain of operations that yields its machine between steps; every step depends on all bytes before. */
  function* walk(tenant: Tenant, seed: number): Generator<void, Float64Array> {
    const n = 500;
    const start = numbers(seed).array(2 * n);
    const first = tenant.enter();
    first.f64.set(start, first.base / 8);
    for (let step = 0; step < 20; step++) {
      yield;
      const { ops, base } = tenant.enter();
      const [a, b] = step % 2 === 0 ? [base, base + 8 * n] : [base + 8 * n, base];
      ops.axpy(ops.dot(a, b, n) / n, a, b, n);
    }
    yield;
    const last = tenant.enter();
    return last.f64.slice(last.base / 8, last.base / 8 + 2 * n);
  }
  function finish(walks: Generator<void, Float64Array>[]): Float64Array[] {
    const results: Float64Array[] = [];
    for (let done = 0; done < walks.length; ) {
      walks.forEach((one, i) => {
        const { done: finished, value } = one.next();
        if (finished && value) {
          results[i] = value;
          done++;
        }
      });
    }
    return results;
  }

  it.each(choices)("%s: interleaved they compute what they compute alone", async (choice) => {
    const alone: Float64Array[] = [];
    for (const seed of [1, 2, 3]) {
      const tenant = await acquireTenant(choice, 8000);
      alone.push(...finish([walk(tenant, seed)]));
      tenant.release();
    }
    const tenants = await Promise.all([1, 2, 3].map(() => acquireTenant(choice, 8000)));
    expect(finish(tenants.map((tenant, i) => walk(tenant, i + 1)))).toEqual(alone);
    for (const tenant of tenants) tenant.release();
  });

  it.each(choices)("%s: release twice does nothing, use after release is DISPOSED", async (choice) => {
    for (const bytes of [1000, SHARED_LIMIT_BYTES + 1000]) {
      const other = await acquireTenant(choice, 1000);
      const tenant = await acquireTenant(choice, bytes);
      expect(tenant.report.name).toBe(choice);
      expect(tenant.bytes).toBe(bytes);
      sumOfSquares(tenant.enter(), 100);
      tenant.release();
      tenant.release();
      const error = thrownBy(() => tenant.enter());
      expect(error).toBeInstanceOf(KernelError);
      expect((error as KernelError).code).toBe("DISPOSED");
      expect(sumOfSquares(other.enter(), 100)).toBe(400);
      other.release();
    }
  });

  it("above the limit they have a machine of their own", async () => {
    const small = await acquireTenant("wasm", 1000);
    const same = await acquireTenant("wasm", SHARED_LIMIT_BYTES);
    const large = await acquireTenant("wasm", SHARED_LIMIT_BYTES + 8);
    expect(same.enter()).toBe(small.enter());
    expect(large.enter()).not.toBe(small.enter());
    for (const tenant of [small, same, large]) tenant.release();
  });

  it("10 000 abandoned ones leave memory flat", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const once = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const machine = (await acquireTenant("wasm", 80_000)).enter();
        machine.f64[machine.base / 8 + 9_999] = i;
      }
    };
    await once(100);
    // buffers are freed in the background after a collection, so the smallest of a few looks counts
    const bytes = async (): Promise<number> => {
      let least = Number.POSITIVE_INFINITY;
      for (let look = 0; look < 10; look++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 10));
        least = Math.min(least, process.memoryUsage().arrayBuffers);
      }
      return least;
    };
    const [before, linear] = [await bytes(), loadedMachine()!.f64.byteLength];
    await once(10_000);
    expect((await bytes()) - before).toBeLessThan(8 * MIB);
    expect(loadedMachine()!.f64.byteLength).toBe(linear);
  });
});

describe("visitors", () => {
  it("get the shared machine and leave tenants unharmed", async () => {
    const tenant = await acquireTenant("wasm", 8000);
    sumOfSquares(tenant.enter(), 1000);
    const machine = loadedMachine()!;
    machine.reserve(16_000);
    machine.f64.fill(-1, machine.base / 8, machine.base / 8 + 2000);
    const again = tenant.enter();
    expect(again.ops.dot(again.base, again.base, 1000)).toBe(4000);
    tenant.release();
  });

  it("get a new reference machine each", () => {
    const machine = referenceMachine();
    machine.reserve(800);
    expect(sumOfSquares(machine, 100)).toBe(400);
    expect(referenceMachine()).not.toBe(machine);
  });
});

describe("row 61: traps", () => {
  const outside = 2 ** 32 - MIB;

  it("name the operation, lose only the tenant inside, and replace the instance", () => {
    let created = 0;
    const tenancy = new Tenancy(() => {
      created++;
      return createWasmMachine({ module });
    });
    const [inside, away] = [tenancy.admit(8000, REPORT), tenancy.admit(8000, REPORT)];
    sumOfSquares(away.enter(), 1000);
    const machine = inside.enter();
    const error = thrownBy(() => machine.ops.dot(outside, outside, 1000)) as KernelError;
    expect(error).toBeInstanceOf(KernelError);
    expect(error.code).toBe("TRAP");
    expect(error.details.operation).toBe("dot");
    expect(error.message).toContain("dot");
    expect(error.cause).toBeInstanceOf(WebAssembly.RuntimeError);
    expect((thrownBy(() => inside.enter()) as KernelError).code).toBe("TRAP");
    expect((thrownBy(() => inside.enter()) as KernelError).details.operation).toBe("dot");

    const restored = away.enter();
    expect(restored).not.toBe(machine);
    expect(restored.ops.dot(restored.base, restored.base, 1000)).toBe(4000);
    expect(sumOfSquares(tenancy.admit(800, REPORT).enter(), 100)).toBe(400);
    expect(created).toBe(2);
    inside.release();
    expect((thrownBy(() => inside.enter()) as KernelError).code).toBe("DISPOSED");
  });

  it("of a machine with one tenant lose that tenant", () => {
    const tenant = soleTenant(createWasmMachine({ module }), 8000, REPORT);
    const { ops } = tenant.enter();
    expect((thrownBy(() => ops.project(outside, 100, 2, 0, 0)) as KernelError).details.operation).toBe("project");
    expect((thrownBy(() => tenant.enter()) as KernelError).code).toBe("TRAP");
  });

  it("in the shared machine: the next workspace is right", async () => {
    const broken = await acquireTenant("auto", 8000);
    expect((thrownBy(() => broken.enter().ops.axpy(1, outside, outside, 1000)) as KernelError).code).toBe("TRAP");
    const next = await acquireTenant("auto", 8000);
    expect(next.report.name).toBe("wasm");
    expect(sumOfSquares(next.enter(), 1000)).toBe(4000);
    next.release();
    expect((await loadKernel("auto")).report.reason).toBeUndefined();
  });
});
