/**
 * The second binary, with relaxed SIMD: an entry of its own, so that only those who import it carry its bytes.
 *
 * @module leapflow/relaxed
 */
import { decodeBase64 } from "./base64.js";
import type { KernelSource } from "./kernelSource.js";
import { WASM_BASE64 } from "./relaxedWasmBytes.js";

/**
 * Kernels that may fuse a multiplication with the addition that follows: `configureKernel(relaxedSimd)`. Faster where the
 * processor fuses; the last digits of results then depend on the processor, and "wasm" and "reference" no longer agree to
 * the bit. Where the host has no relaxed SIMD the embedded binary runs, and `kernel.reason` says so. Workers configure theirs.
 */
export const relaxedSimd: KernelSource = {
  relaxedSimd: true,
  get bytes() {
    return decodeBase64(WASM_BASE64);
  },
};
