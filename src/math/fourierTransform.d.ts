/** Types of the part of `fourier-transform` that is used; the package ships none. */
declare module "fourier-transform" {
  /** Unnormalized DFT in place; the length is a power of two ≥ 2. */
  export function cfft(re: Float64Array, im: Float64Array): void;
}
