/** Picks a kernel, falls back, records the reason. Nothing happens at import. */
import { KernelError } from "../base/errors.js";
import type { KernelChoice } from "../base/types.js";
import { decodeBase64 } from "./base64.js";
import { type KernelConfiguration, type KernelSource, kernelConfiguration } from "./kernelSource.js";
import { createReferenceMachine, type Machine, Tenancy, type TenantReport } from "./tenancy.js";
import { createWasmMachine, type Instantiate, plainInstance } from "./wasm.js";

export { configureKernel } from "./kernelSource.js";

/** What a choice came to. */
export interface LoadedKernel {
  readonly report: TenantReport;
  /** Set for the wasm kernel: the shared machine and a maker of separate ones. */
  readonly wasm?: WasmKernel;
}

export interface WasmKernel {
  readonly report: TenantReport;
  readonly shared: Tenancy;
  create(): Machine;
}

/** (module (func (result v128) i32.const 0 i8x16.splat)) */
const SIMD_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
];

/** (module (func (result v128) …three splats of 0 and f64x2.relaxed_madd)) */
const RELAXED_PROBE = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65,
  0, 253, 15, 253, 135, 2, 11,
];

/** Whether the host has SIMD: asked once, since validating costs as much as a small block of work. */
let simdProbe: { readonly host: object; readonly simd: boolean } | undefined;
let configured: KernelConfiguration | undefined;
let pending: Promise<WasmKernel> | undefined;
let loaded: WasmKernel | undefined;

/**
 * Loads the chosen kernel. "auto" means wasm where it runs and otherwise the reference kernel with a `reason`.
 * The binary is decoded and compiled once, at the first call that wants it.
 * @throws {KernelError} `ABI` when the binary is of another release, `UNAVAILABLE` when "wasm" was asked for and cannot run
 */
export async function loadKernel(choice: KernelChoice): Promise<LoadedKernel> {
  if (choice === "reference") return { report: { name: "reference", simd: false } };
  try {
    const wasm = await loadWasm();
    return { report: wasm.report, wasm };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    if (choice === "wasm") {
      throw new KernelError("UNAVAILABLE", `${error.message}. Use kernel "auto" or "reference".`, {
        cause: error.cause,
      });
    }
    return { report: { name: "reference", simd: false, reason: error.message } };
  }
}

/**
 * The shared wasm machine if it was loaded before, for synchronous callers. It is theirs until they return to the event
 * loop or call anything that enters a tenant; what they leave in it is lost.
 */
export function loadedMachine(): Machine | undefined {
  return hasWebAssembly() && configured === kernelConfiguration() ? loaded?.shared.visit() : undefined;
}

/** A new, empty reference machine. */
export function referenceMachine(): Machine {
  return createReferenceMachine();
}

/** WebAssembly does not run here; the message is the reason to report. */
class Unavailable extends Error {}

// Looked up at every call: a page or a test may take WebAssembly away after an earlier load.
function hasWebAssembly(): boolean {
  return typeof globalThis.WebAssembly === "object" && typeof globalThis.WebAssembly.Module === "function";
}

async function loadWasm(): Promise<WasmKernel> {
  if (!hasWebAssembly()) throw new Unavailable("WebAssembly is missing here");
  if (simdProbe?.host !== WebAssembly) {
    simdProbe = { host: WebAssembly, simd: WebAssembly.validate(new Uint8Array(SIMD_PROBE)) };
  }
  if (!simdProbe.simd) throw new Unavailable("WebAssembly has no SIMD here");
  if (configured !== kernelConfiguration()) {
    configured = kernelConfiguration();
    pending = undefined;
    loaded = undefined;
  }
  const { source } = configured;
  pending ??= compile(source);
  const mine = pending;
  try {
    const kernel = await mine;
    if (mine === pending) loaded = kernel;
    return kernel;
  } catch (error) {
    // A policy or a wrong binary stays as it is; a network or memory may come back.
    const lasting = error instanceof KernelError || (error instanceof Unavailable && source?.url === undefined);
    if (mine === pending && !lasting) pending = undefined;
    throw error;
  }
}

async function compile(wanted: KernelSource | undefined): Promise<WasmKernel> {
  const relaxed = wanted?.relaxedSimd === true && WebAssembly.validate(new Uint8Array(RELAXED_PROBE));
  const refused = wanted?.relaxedSimd === true && !relaxed;
  const from = refused ? undefined : wanted;
  const report: TenantReport = {
    name: "wasm",
    simd: true,
    ...(relaxed ? { relaxedSimd: true } : {}),
    ...(refused ? { reason: "WebAssembly has no relaxed SIMD here" } : {}),
  };
  const module = (from?.module as WebAssembly.Module | undefined) ?? (await compileBytes(await bytesOf(from)));
  const instantiate = await instantiator();
  const create = (): Machine => createWasmMachine({ module, instantiate });
  const shared = new Tenancy(create);
  shared.visit(); // instantiates now, so that a binary of another release is refused at load
  return { report, shared, create };
}

// Imported on use: the loader assigns Object.hasOwn when it is evaluated, which fails where globals are frozen.
async function instantiator(): Promise<Instantiate> {
  try {
    const { instantiateSync } = await import("@assemblyscript/loader");
    // The loader's own `exports` wrap every function; those of the instance cost less per call.
    return (module) => instantiateSync(module, {}).instance;
  } catch {
    return plainInstance;
  }
}

async function compileBytes(bytes: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new Unavailable(`WebAssembly could not be compiled here (${messageOf(cause)})`, { cause });
  }
}

async function bytesOf(from: KernelSource | undefined): Promise<Uint8Array<ArrayBuffer> | ArrayBuffer> {
  if (from?.bytes !== undefined) return from.bytes as Uint8Array<ArrayBuffer> | ArrayBuffer;
  if (from?.url === undefined) return decodeBase64((await import("./wasmBytes.js")).WASM_BASE64);
  try {
    const response = await fetch(from.url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return await response.arrayBuffer();
  } catch (cause) {
    throw new Unavailable(`the WebAssembly binary could not be fetched from ${from.url} (${messageOf(cause)})`, {
      cause,
    });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
