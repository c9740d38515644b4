/** Machines (one flat memory with its operations) and how several workspaces take turns in one of them. */
import { KernelError, MemoryError } from "../base/errors.js";
import type { Address, KernelOps } from "./ops.js";
import { createReferenceOps } from "./reference.js";

/** One flat memory and the operations on it. */
export interface Machine {
  readonly name: "wasm" | "reference";
  readonly simd: boolean;
  readonly ops: KernelOps;
  /** First free byte, a multiple of 64. Everything from here on belongs to whoever entered last. */
  readonly base: Address;
  /** View of the whole memory; fetch it again after `reserve` and after every `await`. */
  readonly f64: Float64Array;
  /** View of the whole memory; fetch it again after `reserve` and after every `await`. */
  readonly i32: Int32Array;
  /** Most that `reserve` can grant. */
  readonly limitBytes: number;
  /** The trap after which this machine must not be used again. */
  readonly fault?: KernelError;
  /**
   * Makes at least `bytes` bytes usable from `base` on. Memory never shrinks.
   * @throws {MemoryError} `OUT_OF_MEMORY` with `{ wanted, allowed }`; the machine stays usable at its old size
   */
  reserve(bytes: number): void;
}

/** Which kernel a tenant computes on, and why when it is not the expected one. */
export interface TenantReport {
  readonly name: "wasm" | "reference";
  readonly simd: boolean;
  /** The binary may fuse multiplications and additions, see `leapflow/relaxed`. */
  readonly relaxedSimd?: boolean;
  readonly reason?: string;
}

/** A claim on `bytes` bytes of a machine, from its `base` on. They start as zeros. */
export interface Tenant {
  readonly report: TenantReport;
  readonly bytes: number;
  /**
   * The machine with this tenant's bytes in place. Call it before every synchronous section: after an `await` another
   * tenant may have moved in.
   * @throws {KernelError} `DISPOSED` after `release`; `TRAP` if the bytes were lost to a trap
   * @throws {MemoryError} `OUT_OF_MEMORY`
   */
  enter(): Machine;
  /** Gives the claim up without saving anything. Further calls do nothing. */
  release(): void;
}

/** Addresses are 32 bits; the last page stays unused, so that an end address never wraps to 0. */
export const ADDRESS_LIMIT = 2 ** 32 - 2 ** 16;
const WORD = 8;

/**
 * Context switching: many tenants share one machine, because instances are expensive in address space and linear memory
 * never shrinks.
 *
 * When a tenant enters, the bytes of the one inside are first copied to an ordinary array that only that tenant holds.
 * An abandoned tenant is therefore plain garbage and needs no finalizer. A machine that trapped is replaced at the next
 * entry; only the tenant that was inside loses its bytes.
 */
export class Tenancy {
  readonly #create: () => Machine;
  #machine: Machine | undefined;
  #resident: SharedTenant | undefined;

  /** @param create - makes a machine; called at first use and again after a trap */
  constructor(create: () => Machine) {
    this.#create = create;
  }

  /**
   * A new tenant; its memory is reserved at once, so that a lack of it shows here.
   * @throws {MemoryError} `OUT_OF_MEMORY`
   */
  admit(bytes: number, report: TenantReport): Tenant {
    this.#working().reserve(bytes);
    return new SharedTenant(this, bytes, report);
  }

  /** The machine with nobody inside, for one synchronous section of a caller that keeps nothing in it. */
  visit(): Machine {
    const machine = this.#working();
    this.#resident?.save(machine);
    this.#resident = undefined;
    return machine;
  }

  /** @internal */
  moveIn(tenant: SharedTenant): Machine {
    if (this.#resident === tenant && this.#machine?.fault === undefined) return this.#machine!;
    const machine = this.#working();
    tenant.assertAlive();
    machine.reserve(tenant.bytes);
    this.#resident?.save(machine);
    this.#resident = tenant;
    tenant.restore(machine);
    return machine;
  }

  /** @internal */
  moveOut(tenant: SharedTenant): void {
    if (this.#resident === tenant) this.#resident = undefined;
  }

  #working(): Machine {
    const fault = this.#machine?.fault;
    if (fault !== undefined) {
      this.#resident?.lose(fault);
      this.#resident = undefined;
      this.#machine = undefined;
    }
    this.#machine ??= this.#create();
    return this.#machine;
  }
}

class SharedTenant implements Tenant {
  readonly report: TenantReport;
  readonly bytes: number;
  readonly #tenancy: Tenancy;
  #saved: Float64Array | undefined;
  #released = false;
  #fault: KernelError | undefined;

  constructor(tenancy: Tenancy, bytes: number, report: TenantReport) {
    this.#tenancy = tenancy;
    this.bytes = bytes;
    this.report = report;
  }

  enter(): Machine {
    if (this.#released) throw disposed();
    return this.#tenancy.moveIn(this);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#saved = undefined;
    this.#tenancy.moveOut(this);
  }

  assertAlive(): void {
    if (this.#fault !== undefined) throw lost(this.#fault);
  }

  lose(fault: KernelError): void {
    this.#fault = fault;
    this.#saved = undefined;
  }

  save(machine: Machine): void {
    const words = Math.ceil(this.bytes / WORD);
    this.#saved ??= allocate(words * WORD, () => new Float64Array(words));
    this.#saved.set(machine.f64.subarray(machine.base / WORD, machine.base / WORD + words));
  }

  restore(machine: Machine): void {
    const first = machine.base / WORD;
    if (this.#saved) machine.f64.set(this.#saved, first);
    else machine.f64.fill(0, first, first + Math.ceil(this.bytes / WORD));
  }
}

/**
 * A tenant with a machine of its own, which is dropped on release.
 * @throws {MemoryError} `OUT_OF_MEMORY`
 */
export function soleTenant(fresh: Machine, bytes: number, report: TenantReport): Tenant {
  fresh.reserve(bytes);
  let machine: Machine | undefined = fresh;
  return {
    report,
    bytes,
    enter() {
      if (machine === undefined) throw disposed();
      if (machine.fault !== undefined) throw lost(machine.fault);
      return machine;
    },
    release() {
      machine = undefined;
    },
  };
}

const REFERENCE_BASE = 64;

/** A machine over an ordinary ArrayBuffer, empty until `reserve`. */
export function createReferenceMachine(): Machine {
  let f64 = new Float64Array(0);
  let i32 = new Int32Array(f64.buffer);
  const limitBytes = ADDRESS_LIMIT - REFERENCE_BASE;
  const machine: Omit<Machine, "ops"> = {
    name: "reference",
    simd: false,
    base: REFERENCE_BASE,
    limitBytes,
    get f64() {
      return f64;
    },
    get i32() {
      return i32;
    },
    reserve(bytes) {
      assertBytes(bytes, limitBytes);
      const words = Math.ceil((REFERENCE_BASE + bytes) / WORD);
      if (words <= f64.length) return;
      const larger = allocate(bytes, () => new Float64Array(words));
      larger.set(f64);
      f64 = larger;
      i32 = new Int32Array(larger.buffer);
    },
  };
  return Object.defineProperty(machine, "ops", { value: createReferenceOps(machine) }) as Machine;
}

/** @throws {MemoryError} `OUT_OF_MEMORY` when `bytes` exceeds what addresses can reach */
export function assertBytes(bytes: number, limitBytes: number): void {
  if (bytes <= limitBytes) return;
  throw outOfMemory(bytes, limitBytes, `a kernel can address at most ${limitBytes}`);
}

/** The error for memory that was not granted. */
export function outOfMemory(wanted: number, allowed: number, why: string, cause?: unknown): MemoryError {
  const message = `${wanted} bytes of kernel memory are needed, but ${why}. Use fewer rows, columns or features.`;
  return new MemoryError("OUT_OF_MEMORY", message, { details: { wanted, allowed }, cause });
}

function allocate<T>(bytes: number, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw outOfMemory(bytes, 0, "the engine refused to allocate them", cause);
  }
}

function disposed(): KernelError {
  return new KernelError("DISPOSED", "this workspace was disposed of; make a new one.");
}

function lost(fault: KernelError): KernelError {
  const message = `the contents of this workspace were lost: ${fault.message}`;
  return new KernelError("TRAP", message, { details: fault.details, cause: fault.cause });
}
