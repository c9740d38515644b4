/** Machines over WebAssembly: instantiate, check the ABI, turn traps into errors. */
import { KernelError } from "../base/errors.js";
import { ABI_VERSION, BLOCK_ROWS, type KernelOps } from "./ops.js";
import { ADDRESS_LIMIT, assertBytes, type Machine, outOfMemory } from "./tenancy.js";

/** The part of WebAssembly.Memory that a machine uses. */
export interface MemoryLike {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

export type Instantiate = (module: WebAssembly.Module) => WebAssembly.Instance;

export interface WasmMachineOptions {
  readonly module: WebAssembly.Module;
  /** Bytes to reserve at once. */
  readonly bytes?: number;
  /** Makes an instance; plain WebAssembly by default. */
  readonly instantiate?: Instantiate;
  /** Stands between the machine and its memory; tests make growth fail here. */
  readonly wrapMemory?: (memory: MemoryLike) => MemoryLike;
}

type Exports = KernelOps & {
  readonly memory: WebAssembly.Memory;
  abiVersion(): number;
  heapBase(): number;
  blockRows(): number;
};

const PAGE = 2 ** 16;

const OPERATIONS: { readonly [name in keyof KernelOps]: true } = {
  standardize: true,
  columnSums: true,
  columnSquares: true,
  secondMoment: true,
  project: true,
  accumulateTransposed: true,
  projectSingle: true,
  transposeSingle: true,
  combine: true,
  hermite: true,
  features: true,
  accumulateGram: true,
  accumulateMoment: true,
  accumulateProducts: true,
  combineSums: true,
  fields: true,
  residual: true,
  residualProducts: true,
  scaleFields: true,
  contractFields: true,
  dot: true,
  axpy: true,
  choleskyFactor: true,
  choleskySolve: true,
  solveRows: true,
  backSolveRows: true,
  tridiagonalize: true,
  radial: true,
  radialGradient: true,
  thinQr: true,
  pathGradients: true,
  complexPathGradients: true,
  pathResponses: true,
  complexPathResponses: true,
};

/**
 * A new instance with a memory of its own.
 *
 * Any exception out of an operation poisons the machine: `fault` is set and the operation throws KernelError `TRAP` with
 * the operation's name.
 * @throws {KernelError} `ABI` when the binary does not speak this version's interface
 * @throws {MemoryError} `OUT_OF_MEMORY`
 */
export function createWasmMachine({
  module,
  bytes = 0,
  instantiate = plainInstance,
  wrapMemory = (memory) => memory,
}: WasmMachineOptions): Machine {
  const exports = exportsOf(module, instantiate);
  const memory = wrapMemory(exports.memory);
  const base = Math.ceil((exports.heapBase() >>> 0) / 64) * 64;
  const limitBytes = ADDRESS_LIMIT - base;
  let f64 = new Float64Array(memory.buffer);
  let i32 = new Int32Array(memory.buffer);
  let fault: KernelError | undefined;

  const ops: Record<string, unknown> = {};
  for (const name of Object.keys(OPERATIONS) as (keyof KernelOps)[]) {
    ops[name] = guarded(exports[name] as (...args: number[]) => number, (cause) => {
      const message = `kernel operation ${name} trapped (${cause}). The instance is replaced; run again on a new workspace.`;
      fault = new KernelError("TRAP", message, { details: { operation: name }, cause });
      return fault;
    });
  }

  const machine: Machine = {
    name: "wasm",
    simd: true,
    ops: ops as unknown as KernelOps,
    base,
    limitBytes,
    get fault() {
      return fault;
    },
    get f64() {
      return f64;
    },
    get i32() {
      return i32;
    },
    reserve(wanted) {
      assertBytes(wanted, limitBytes);
      const present = memory.buffer.byteLength;
      if (base + wanted <= present) return;
      try {
        memory.grow(Math.ceil((base + wanted - present) / PAGE));
      } catch (cause) {
        const allowed = memory.buffer.byteLength - base;
        throw outOfMemory(wanted, allowed, `the engine did not grow the memory beyond ${allowed}`, cause);
      }
      // Nothing else grows the memory, so views are renewed here alone: to ask for its buffer takes longer than to read it.
      f64 = new Float64Array(memory.buffer);
      i32 = new Int32Array(memory.buffer);
    },
  };
  machine.reserve(bytes);
  return machine;
}

/** Operations have up to twelve numbers; parameters are spelt out, since gathering them into an array costs as much as a small operation. */
function guarded(operation: (...args: number[]) => number, trapped: (cause: unknown) => KernelError) {
  const short = (a: number, b: number, c: number, d: number, e: number, f: number): number => {
    try {
      return operation(a, b, c, d, e, f);
    } catch (cause) {
      throw trapped(cause);
    }
  };
  if (operation.length <= 6) return short;
  // biome-ignore format: one line as above
  return (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number): number => {
    try {
      return operation(a, b, c, d, e, f, g, h, i, j, k, l);
    } catch (cause) {
      throw trapped(cause);
    }
  };
}

/** An instance without the loader. The release build imports nothing; a debug build may want `abort`. */
export function plainInstance(module: WebAssembly.Module): WebAssembly.Instance {
  const abort = (): never => {
    throw new Error("an assertion failed");
  };
  return new WebAssembly.Instance(module, { env: { abort } });
}

function exportsOf(module: WebAssembly.Module, instantiate: Instantiate): Exports {
  let exports: Exports;
  try {
    exports = instantiate(module).exports as unknown as Exports;
  } catch (cause) {
    if (cause instanceof RangeError)
      throw outOfMemory(0, 0, `the engine refused another instance (${cause.message})`, cause);
    throw new KernelError("ABI", `the WebAssembly binary cannot be instantiated (${cause}).`, { cause });
  }
  for (const name of [...Object.keys(OPERATIONS), "abiVersion", "heapBase", "blockRows"]) {
    if (typeof exports[name as keyof Exports] === "function") continue;
    throw new KernelError("ABI", `the WebAssembly binary lacks ${name}; it is not of this release.`);
  }
  const details = { version: exports.abiVersion(), blockRows: exports.blockRows() };
  if (details.version !== ABI_VERSION || details.blockRows !== BLOCK_ROWS) {
    const message = `the WebAssembly binary has interface ${details.version} with ${details.blockRows} rows a block; this release needs ${ABI_VERSION} with ${BLOCK_ROWS}.`;
    throw new KernelError("ABI", message, { details });
  }
  return exports;
}
