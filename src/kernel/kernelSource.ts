/** Where the binary comes from; apart from what loads it, since configuring is synchronous and loading is not. */

/** Where the binary comes from instead of the embedded copy. */
export interface KernelSource {
  /** A compiled `WebAssembly.Module`; declared loosely because not every host's types know that name. */
  readonly module?: object;
  readonly bytes?: Uint8Array | ArrayBuffer;
  readonly url?: string | URL;
  /** The binary needs relaxed SIMD; the embedded copy runs where the host has none. See `leapflow/relaxed`. */
  readonly relaxedSimd?: boolean;
}

/** One call of `configureKernel`: what was loaded for another one is not used any more. */
export interface KernelConfiguration {
  readonly source: KernelSource | undefined;
}

let configuration: KernelConfiguration = { source: undefined };

/**
 * Takes the binary from elsewhere: a compiled module, its bytes, or a URL to fetch. For hosts whose policy or bundler
 * does not want the embedded copy. Applies to workspaces made afterwards; `undefined` restores the embedded copy.
 */
export function configureKernel(from: KernelSource | undefined): void {
  configuration = { source: from };
}

export const kernelConfiguration = (): KernelConfiguration => configuration;
