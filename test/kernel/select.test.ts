/** Choosing a kernel: what happens without WebAssembly, without SIMD, under a policy, with a wrong binary. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KernelError } from "../../src/base/errors.js";

const binary = readFileSync(new URL("../../build/leapflow.wasm", import.meta.url));

type Select = typeof import("../../src/kernel/select.js");
type Door = typeof import("../../src/kernel/machine.js");
let select: Select;
let door: Door;

/** A copy of the modules that has loaded nothing yet. */
async function fresh(): Promise<void> {
  vi.resetModules();
  select = await import("../../src/kernel/select.js");
  door = await import("../../src/kernel/machine.js");
}

beforeEach(fresh);
afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock("../../src/kernel/ops.js");
});

async function withoutWebAssembly<T>(action: () => Promise<T>): Promise<T> {
  const saved = globalThis.WebAssembly;
  delete (globalThis as { WebAssembly?: unknown }).WebAssembly;
  try {
    return await action();
  } finally {
    globalThis.WebAssembly = saved;
  }
}

/** "auto" must fall back with a reason that matches, and "wasm" must fail with it. */
async function expectFallback(reason: RegExp): Promise<void> {
  const { report, wasm } = await select.loadKernel("auto");
  expect(report).toMatchObject({ name: "reference", simd: false });
  expect(report.reason).toMatch(reason);
  expect(wasm).toBeUndefined();
  const error = (await select.loadKernel("wasm").catch((e: unknown) => e)) as KernelError;
  expect(error.constructor.name).toBe("KernelError");
  expect(error.code).toBe("UNAVAILABLE");
  expect(error.message).toMatch(reason);
  const tenant = await door.acquireTenant("auto", 800);
  const machine = tenant.enter();
  machine.f64.fill(1, machine.base / 8, machine.base / 8 + 100);
  expect(machine.ops.dot(machine.base, machine.base, 100)).toBe(100);
  expect(tenant.report).toEqual(report);
}

const WASM = { name: "wasm", simd: true };

describe("loadKernel", () => {
  it("loads the embedded binary once, at the first call and not at import", async () => {
    const compile = vi.spyOn(WebAssembly, "compile");
    const decode = vi.spyOn(globalThis, "atob");
    await fresh();
    expect(select.loadedMachine()).toBeUndefined();
    expect(compile).not.toHaveBeenCalled();
    expect(decode).not.toHaveBeenCalled();
    const all = await Promise.all([
      select.loadKernel("auto"),
      select.loadKernel("wasm"),
      door.acquireTenant("auto", 800),
    ]);
    for (const { report } of all) expect(report).toEqual(WASM);
    expect(compile).toHaveBeenCalledTimes(1);
    expect(select.loadedMachine()?.name).toBe("wasm");
  });

  it("never compiles for the reference kernel", async () => {
    const compile = vi.spyOn(WebAssembly, "compile");
    expect((await select.loadKernel("reference")).report).toEqual({ name: "reference", simd: false });
    expect((await door.acquireTenant("reference", 800)).report.reason).toBeUndefined();
    expect(compile).not.toHaveBeenCalled();
  });

  it("works without the loader, which cannot be evaluated where globals are frozen", async () => {
    vi.doMock("@assemblyscript/loader", () => {
      throw new TypeError("Cannot assign to read only property 'hasOwn'");
    });
    await fresh();
    try {
      expect((await select.loadKernel("wasm")).report).toEqual(WASM);
    } finally {
      vi.doUnmock("@assemblyscript/loader");
    }
  });

  it("decodes with Uint8Array.fromBase64 where the engine has it", async () => {
    const decode = vi.fn((text: string) => new Uint8Array(Buffer.from(text, "base64")));
    Object.defineProperty(Uint8Array, "fromBase64", { value: decode, configurable: true });
    try {
      expect((await select.loadKernel("wasm")).report).toEqual(WASM);
    } finally {
      Reflect.deleteProperty(Uint8Array, "fromBase64");
    }
    expect(decode).toHaveBeenCalledTimes(1);
  });
});

describe("row 57: fallbacks", () => {
  it("WebAssembly is missing, before and after an earlier load", async () => {
    await withoutWebAssembly(() => expectFallback(/WebAssembly is missing/));
    expect((await select.loadKernel("auto")).report).toEqual(WASM);
    await withoutWebAssembly(async () => {
      await expectFallback(/WebAssembly is missing/);
      expect(select.loadedMachine()).toBeUndefined();
    });
    expect((await select.loadKernel("auto")).report).toEqual(WASM);
  });

  it("SIMD is missing", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    await expectFallback(/SIMD/);
  });

  it("a policy forbids compilation: tried once, remembered", async () => {
    const message = "Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not allowed";
    const compile = vi.spyOn(WebAssembly, "compile").mockRejectedValue(new WebAssembly.CompileError(message));
    await expectFallback(/unsafe-eval/);
    expect(compile).toHaveBeenCalledTimes(1);
  });
});

describe("row 62: a binary of another release", () => {
  it("is refused by its version", async () => {
    vi.doMock("../../src/kernel/ops.js", async (original) => ({ ...(await original<object>()), ABI_VERSION: 99 }));
    await fresh();
    for (const choice of ["auto", "wasm"] as const) {
      const error = (await select.loadKernel(choice).catch((e: unknown) => e)) as KernelError;
      expect(error.code).toBe("ABI");
      expect(error.message).toContain("99");
    }
  });

  it("is refused when it lacks operations or cannot be linked", async () => {
    const header = [0, 97, 115, 109, 1, 0, 0, 0];
    // (module (import "m" "f" (func)))
    const linked = [...header, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0];
    for (const bytes of [header, linked]) {
      select.configureKernel({ bytes: new Uint8Array(bytes) });
      const error = (await select.loadKernel("auto").catch((e: unknown) => e)) as KernelError;
      expect(error.code).toBe("ABI");
    }
  });
});

describe("configureKernel", () => {
  it("takes a module, bytes or a URL, and goes back to the embedded copy", async () => {
    const url = `data:application/wasm;base64,${binary.toString("base64")}`;
    const sources = [{ module: new WebAssembly.Module(binary) }, { bytes: new Uint8Array(binary) }, { url }, undefined];
    const decode = vi.spyOn(globalThis, "atob");
    for (const source of sources) {
      decode.mockClear();
      select.configureKernel(source);
      expect(select.loadedMachine()).toBeUndefined();
      expect((await select.loadKernel("wasm")).report).toEqual(WASM);
      expect(decode.mock.calls.some(([text]) => text.length > 1000)).toBe(source === undefined);
    }
  });

  it("falls back when the bytes are not WebAssembly or the URL is not reachable, and tries the URL again", async () => {
    select.configureKernel({ bytes: new Uint8Array([1, 2, 3]) });
    await expectFallback(/could not be compiled/);
    select.configureKernel({ url: "https://example.invalid/leapflow.wasm" });
    const answer = vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("fetch failed"));
    await expectFallback(/could not be fetched from https:.*fetch failed/);
    answer.mockResolvedValue(new Response("", { status: 404 }));
    await expectFallback(/404/);
    answer.mockResolvedValue(new Response(binary));
    expect((await select.loadKernel("auto")).report).toEqual(WASM);
  });

  it("leaves earlier workspaces on their machine", async () => {
    const tenant = await door.acquireTenant("wasm", 800);
    const before = tenant.enter();
    select.configureKernel({ bytes: new Uint8Array(binary) });
    const other = await door.acquireTenant("wasm", 800);
    expect(other.enter()).not.toBe(before);
    expect(tenant.enter()).toBe(before);
  });
});

describe("relaxed SIMD", () => {
  const relaxed = async (): Promise<void> => {
    const { relaxedSimd } = await import("../../src/kernel/relaxed.js");
    select.configureKernel(relaxedSimd);
  };

  it("falls back to the embedded binary with a reason where the host has none", async () => {
    const validate = WebAssembly.validate;
    // Node 20 has it behind a flag; any host must behave as if it had not.
    vi.spyOn(WebAssembly, "validate").mockImplementation((bytes) => {
      const probe = new Uint8Array(bytes as Uint8Array<ArrayBuffer>);
      return probe.length < 40 && validate(probe);
    });
    await relaxed();
    const { report, wasm } = await select.loadKernel("wasm");
    expect(report).toEqual({ ...WASM, reason: "WebAssembly has no relaxed SIMD here" });
    expect(wasm).toBeDefined();
  });

  it("computes the same to rounding where the host has it, says so, and the embedded copy comes back", async () => {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
    await relaxed();
    const { report } = await select.loadKernel("wasm");
    expect(report).toEqual({ ...WASM, relaxedSimd: true });
    const sums = async (choice: "wasm" | "reference"): Promise<number[]> => {
      const tenant = await door.acquireTenant(choice, 8 * 96 * 12);
      const { ops, base, f64 } = tenant.enter();
      for (let i = 0; i < 96 * 8; i++) f64[base / 8 + i] = Math.sin(i + 1);
      const gram = base + 8 * 96 * 8;
      ops.accumulateGram(base, 8, gram);
      return [...f64.slice(gram / 8, gram / 8 + 36)];
    };
    const [fused, exact] = [await sums("wasm"), await sums("reference")];
    for (const [k, value] of exact.entries()) expect(Math.abs(fused[k] - value)).toBeLessThan(96 * Number.EPSILON * 96);
    select.configureKernel(undefined);
    expect((await select.loadKernel("wasm")).report).toEqual(WASM);
    expect(await sums("wasm")).toEqual(exact);
  });
});
