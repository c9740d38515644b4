/** The door to kernels: a workspace asks for a tenant of so many bytes and computes on the machine it enters. */
import type { KernelChoice } from "../base/types.js";
import { loadKernel } from "./select.js";
import { createReferenceMachine, soleTenant, type Tenant } from "./tenancy.js";

export type { Machine, Tenant, TenantReport } from "./tenancy.js";

/**
 * Tenants above this size get an instance of their own, which is dropped with its memory on release; smaller ones share
 * one by context switching, where a switch copies at most twice this much (a few milliseconds).
 */
export const SHARED_LIMIT_BYTES = 32 * 2 ** 20;

/**
 * A claim on `bytes` bytes of the chosen kernel's memory, reserved at once.
 * @throws {MemoryError} `OUT_OF_MEMORY` with `{ wanted, allowed }`
 * @throws {KernelError} `UNAVAILABLE` if "wasm" was asked for and cannot run, `ABI` if the binary is of another release
 */
export async function acquireTenant(choice: KernelChoice, bytes: number): Promise<Tenant> {
  const { report, wasm } = await loadKernel(choice);
  if (wasm === undefined) return soleTenant(createReferenceMachine(), bytes, report);
  if (bytes > SHARED_LIMIT_BYTES) return soleTenant(wasm.create(), bytes, report);
  return wasm.shared.admit(bytes, report);
}
